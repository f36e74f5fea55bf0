"""Indices without a reference, from what the sensors saw: product, PAN and MS go in as they are.

Common parameters, here once for all:

product
    (band, y, x) on the fine grid, numpy or torch (gradients reach the product; PAN and MS are constants).
pan
    (y, x) or (1, y, x), fine grid.
ms
    (band, y, x) as the sensor delivered it. Where a docstring says so, an MS already interpolated to the fine grid
    (same rows and columns as the product) is taken as it is.
ratio
    Coarse over fine pixel size.
gains
    MTF of the MS bands at their Nyquist frequency: one number, or one for each band. A sensor's are in its file.
convention
    ``toolbox``: the MATLAB protocol to the digit (periodic 23-tap interpolation with MS pixel ``i`` at fine pixel
    ``ratio * i + ratio / 2``, 41 x 41 kernels, bicubic PAN). ``centre`` (default): the same formulas with
    Earthloom's own operators: pixel centres where they are, normalised Gaussian MTF, replicated border, and a PAN
    low-passed with the MTF of each MS band.
offset
    Where coarse pixel 0 lies on the fine grid; None follows the convention (``(ratio - 1) / 2`` for ``centre``).
valid
    Pixels that count, (y, x), fine grid. Blocks and windows with any other pixel are left out; low passes are
    normalised by the share of valid pixels.
block
    Side of the blocks in pixels of the grid of the comparison. Missing rows and columns are mirrored.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from earthloom.errors import InputError
from earthloom.metrics.checks import Image, Mask, Number, Scalar
from earthloom.metrics.degrade import Compared, Gains, Numbers, observe, plain
from earthloom.metrics.distortions import BLOCK, d_lambda_from, d_s_from, d_sr
from earthloom.metrics.hypercomplex import q2n
from earthloom.types import Convention


def _compare(
    product: Any,
    ms: Any,
    pan: Any | None,
    ratio: Numbers,
    gains: Gains,
    convention: Convention,
    offset: Numbers | None,
    valid: Any | None,
    interpolated: bool = False,
) -> Compared:
    """Bind raw arrays; an MS on the fine grid is taken as interpolated where ``interpolated`` allows it."""
    if product.ndim != 3 or ms.ndim != 3:
        raise InputError(
            f"product of shape {tuple(product.shape)}, MS of shape {tuple(ms.shape)}", "three axes: band, y, x"
        )
    shape, image = (int(product.shape[1]), int(product.shape[2])), plain(ms)
    fine = tuple(ms.shape[1:]) == shape and ratio != 1
    if fine and not interpolated:
        raise InputError(f"MS of shape {tuple(ms.shape)}, the product's", "the MS as delivered, not interpolated")
    step = ratio if isinstance(ratio, tuple) else (ratio, ratio)
    coarse = np.zeros((image.shape[0], *(max(round(n / r), 1) for n, r in zip(shape, step, strict=True))))
    given = [None if x is None else plain(x) for x in (pan, valid)]
    # of an interpolated MS only the shape that it had before is needed
    obs = observe(shape, coarse if fine else image, given[0], ratio, gains, convention, offset, given[1])
    bound = Compared(product, obs, valid)
    if fine:
        bound.ms_up = bound.like(image)
    return bound


def d_lambda(
    product: Image,
    ms: Image,
    ratio: Numbers = 4,
    *,
    variant: Literal["toolbox", "paper"] = "toolbox",
    block: int = BLOCK,
    exponent: Number = 1,
    convention: Convention = "centre",
    offset: Numbers | None = None,
    valid: Mask | None = None,
) -> Scalar:
    """D_lambda, Alparone's spectral distortion (0 .. 2, lower is better).

    ``D_lambda = (mean over pairs i < j of |Q(product_i, product_j) - Q(ms_i, ms_j)|^p)^(1/p)`` with Wang and
    Bovik's Q in touching blocks.

    Parameters
    ----------
    product, ms, ratio, convention, offset, valid
        See the module. An interpolated MS is taken as it is (``toolbox`` variant).
    variant
        ``toolbox``: both Q on the fine grid, MS interpolated. ``paper``: Q of the MS on its own grid, blocks
        ``block / ratio``.
    block, exponent
        Side of a block, and p; a larger p weighs the worst pairs more.

    Raises
    ------
    InputError
        For shapes that do not fit, values that are not finite, fewer than two bands, or no block left.

    References
    ----------
    Alparone et al., Photogrammetric Engineering and Remote Sensing 74(2), 193-200, 2008.
    """
    seen = _compare(product, ms, None, ratio, 0.3, convention, offset, valid, variant == "toolbox")
    return d_lambda_of(seen, variant, block, exponent)


def d_lambda_of(seen: Compared, variant: str, block: int, exponent: float) -> Scalar:
    """D_lambda of images that are bound."""
    _known(variant, "toolbox", "paper")
    if variant == "toolbox":
        return d_lambda_from(seen.product, seen.ms_up, block=block, exponent=exponent, valid=seen.valid)
    small = _small(seen, block)
    options = {"ms_block": small, "exponent": exponent, "valid": seen.valid, "ms_valid": seen.ms_valid}
    return d_lambda_from(seen.product, seen.ms, block=block, **options)


def _known(variant: str, *names: str) -> None:
    """Refuse a variant without a name."""
    if variant not in names:
        raise InputError(f"variant {variant!r}", " or ".join(names))


def _small(seen: Compared, block: int) -> int:
    """Side of a block on the MS grid."""
    return max(round(block / max(seen.obs["ms"].ratio)), 2)


def d_lambda_k(
    product: Image,
    ms: Image,
    ratio: Numbers = 4,
    gains: Gains = 0.3,
    *,
    variant: Literal["toolbox", "khan"] = "toolbox",
    block: int = BLOCK,
    round_dn: bool | None = None,
    convention: Convention = "centre",
    offset: Numbers | None = None,
    valid: Mask | None = None,
) -> Scalar:
    """D_lambda_K, Khan's spectral distortion (0 .. 1, lower is better). Two indices share this name.

    ``toolbox`` (and the published PanCollection tables): ``1 - Q2n(B product, MS interpolated)`` on the fine grid,
    blurred but not decimated. ``khan`` (the original, and newer toolboxes): ``1 - Q2n(D B product, MS)`` on the
    MS grid, blurred and decimated. The first is larger, since interpolation is no ideal filter.

    Parameters
    ----------
    product, ms, ratio, gains, convention, offset, valid
        See the module. An interpolated MS is taken as it is (``toolbox`` variant).
    variant
        ``toolbox`` or ``khan``.
    block
        Side of the Q2n blocks, in pixels of the grid of the comparison.
    round_dn
        See :func:`earthloom.metrics.q2n`.

    Raises
    ------
    InputError
        For shapes that do not fit, values that are not finite, or no block left.

    References
    ----------
    Khan, Alparone, Chanussot, IEEE TGRS 47(11), 3880-3891, 2009.
    """
    seen = _compare(product, ms, None, ratio, gains, convention, offset, valid, variant == "toolbox")
    return d_lambda_k_of(seen, variant, block, round_dn)


def d_lambda_k_of(seen: Compared, variant: str, block: int, round_dn: bool | None) -> Scalar:
    """D_lambda_K of images that are bound."""
    _known(variant, "toolbox", "khan")
    if variant == "toolbox":
        return 1 - q2n(seen.blurred, seen.ms_up, block=block, round_dn=round_dn, valid=seen.valid)
    return 1 - q2n(seen.reduced, seen.ms, block=block, round_dn=round_dn, valid=seen.ms_valid)


def d_s(
    product: Image,
    pan: Image,
    ms: Image,
    ratio: Numbers = 4,
    gains: Gains = 0.3,
    *,
    variant: Literal["toolbox", "paper"] = "toolbox",
    block: int = BLOCK,
    exponent: Number = 1,
    convention: Convention = "centre",
    offset: Numbers | None = None,
    valid: Mask | None = None,
) -> Scalar:
    """D_s, spatial distortion (0 .. 2, lower is better).

    ``D_s = (mean_b |Q(product_b, PAN) - Q(ms_b, PAN_low)|^q)^(1/q)`` with Wang and Bovik's Q in touching blocks.

    Parameters
    ----------
    product, pan, ms, ratio, gains, convention, offset, valid
        See the module. An interpolated MS is taken as it is (``toolbox`` variant). ``gains`` matter in the
        ``centre`` convention only, where PAN is low-passed with each band's MTF.
    variant
        ``toolbox``: the second Q on the fine grid, MS and reduced PAN interpolated. ``paper``: on the MS grid,
        blocks ``block / ratio``.
    block, exponent
        Side of a block, and q; a larger q weighs the worst bands more.

    Raises
    ------
    InputError
        For shapes that do not fit, values that are not finite, or no block left.

    References
    ----------
    Alparone et al., Photogrammetric Engineering and Remote Sensing 74(2), 193-200, 2008.
    """
    seen = _compare(product, ms, pan, ratio, gains, convention, offset, valid, variant == "toolbox")
    return d_s_of(seen, variant, block, exponent)


def d_s_of(seen: Compared, variant: str, block: int, exponent: float) -> Scalar:
    """D_s of images that are bound."""
    _known(variant, "toolbox", "paper")
    if variant == "toolbox":
        images = (seen.product, seen.pan, seen.ms_up, seen.pan_low)
        return d_s_from(*images, block=block, exponent=exponent, valid=seen.valid)
    images, small = (seen.product, seen.pan, seen.ms, seen.pan_reduced), _small(seen, block)
    options = {"ms_block": small, "exponent": exponent, "valid": seen.valid, "ms_valid": seen.ms_valid}
    return d_s_from(*images, block=block, **options)


def qnr(
    product: Image,
    pan: Image,
    ms: Image,
    ratio: Numbers = 4,
    gains: Gains = 0.3,
    *,
    alpha: Number = 1,
    beta: Number = 1,
    block: int = BLOCK,
    convention: Convention = "centre",
    offset: Numbers | None = None,
    valid: Mask | None = None,
) -> Scalar:
    """QNR (0 .. 1, higher is better): ``(1 - D_lambda)^alpha (1 - D_s)^beta``, toolbox variants of both.

    Known defect of the whole family: an image that was not sharpened at all often scores best. Show EXP beside it.

    Parameters
    ----------
    product, pan, ms, ratio, gains, block, convention, offset, valid
        See the module and :func:`d_s`.
    alpha, beta
        Weights of the spectral and the spatial part.

    Raises
    ------
    InputError
        See :func:`d_lambda` and :func:`d_s`.

    References
    ----------
    Alparone et al., Photogrammetric Engineering and Remote Sensing 74(2), 193-200, 2008.
    """
    seen = _compare(product, ms, pan, ratio, gains, convention, offset, valid, True)
    spectral, spatial = d_lambda_of(seen, "toolbox", block, 1), d_s_of(seen, "toolbox", block, 1)
    return (1 - spectral) ** alpha * (1 - spatial) ** beta


def hqnr(
    product: Image,
    pan: Image,
    ms: Image,
    ratio: Numbers = 4,
    gains: Gains = 0.3,
    *,
    alpha: Number = 1,
    beta: Number = 1,
    block: int = BLOCK,
    round_dn: bool | None = None,
    convention: Convention = "centre",
    offset: Numbers | None = None,
    valid: Mask | None = None,
) -> Scalar:
    """HQNR (0 .. 1, higher is better): ``(1 - D_lambda_K)^alpha (1 - D_s)^beta``, toolbox variants of both.

    Parameters
    ----------
    product, pan, ms, ratio, gains, block, round_dn, convention, offset, valid
        See the module, :func:`d_lambda_k` and :func:`d_s`.
    alpha, beta
        Weights of the spectral and the spatial part.

    Raises
    ------
    InputError
        See :func:`d_lambda_k` and :func:`d_s`.

    References
    ----------
    Aiazzi, Alparone, Baronti, Carla, Garzelli, Santurri, SPIE 9244, 2014.
    """
    seen = _compare(product, ms, pan, ratio, gains, convention, offset, valid, True)
    spectral, spatial = d_lambda_k_of(seen, "toolbox", block, round_dn), d_s_of(seen, "toolbox", block, 1)
    return (1 - spectral) ** alpha * (1 - spatial) ** beta


def rqnr(
    product: Image,
    pan: Image,
    ms: Image,
    ratio: Numbers = 4,
    gains: Gains = 0.3,
    *,
    alpha: Number = 1,
    beta: Number = 1,
    block: int = BLOCK,
    round_dn: bool | None = None,
    convention: Convention = "centre",
    offset: Numbers | None = None,
    valid: Mask | None = None,
) -> Scalar:
    """RQNR (0 .. 1, higher is better): ``(1 - D_lambda_K)^alpha (1 - D_sR)^beta`` with Khan's own D_lambda_K.

    Parameters
    ----------
    product, pan, ms, ratio, gains, block, round_dn, convention, offset, valid
        See the module, :func:`d_lambda_k` (variant ``khan``) and :func:`earthloom.metrics.d_sr`.
    alpha, beta
        Weights of the spectral and the spatial part.

    Raises
    ------
    InputError
        See :func:`d_lambda_k` and :func:`earthloom.metrics.d_sr`.

    References
    ----------
    Alparone, Garzelli, Vivone, IEEE IGARSS, 5132-5134, 2018.
    """
    seen = _compare(product, ms, pan, ratio, gains, convention, offset, valid)
    spectral = d_lambda_k_of(seen, "khan", block, round_dn)
    return (1 - spectral) ** alpha * (1 - d_sr(seen.product, seen.pan, valid=seen.valid)) ** beta
