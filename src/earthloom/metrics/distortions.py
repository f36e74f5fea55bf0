"""Distortion indices without a reference, on images that are already brought to the grids they need.

Pure functions in the array-API style (numpy or torch, differentiable). :mod:`earthloom.metrics.noreference` does
the interpolation and the low passes and calls these.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.metrics.blocks import average, block_rows, universal
from earthloom.metrics.checks import (
    Image,
    ImagePair,
    Mask,
    Number,
    Scalar,
    divide,
    finite,
    mask,
    namespace,
    root,
    scalar,
)
from earthloom.metrics.windows import local_moments

BLOCK = 32


def panchromatic(pan: Any) -> Any:
    """PAN as (1, y, x); (y, x) is accepted."""
    if pan.ndim == 2:
        return pan[None]
    if pan.ndim != 3 or pan.shape[0] != 1:
        raise InputError(f"PAN of shape {tuple(pan.shape)}", "(y, x) or (1, y, x)")
    return pan


def bound(first: Any, second: Any, valid: Any | None, names: tuple[str, str]) -> ImagePair:
    """Check two images of one grid that may differ in bands, and bind them."""
    xp = namespace(**dict(zip(names, (first, second), strict=True)))
    if first.ndim != 3 or second.ndim != 3 or tuple(first.shape[1:]) != tuple(second.shape[1:]):
        raise InputError(
            f"{names[0]} of shape {tuple(first.shape)}, {names[1]} of shape {tuple(second.shape)}",
            "(band, y, x) with the same rows and columns",
        )
    valid = mask(xp, valid, first)
    for name, image in zip(names, (first, second), strict=True):
        finite(xp, image, valid, name)
    return ImagePair(xp, first, second, valid)


def q_between_bands(image: Image, *, block: int = BLOCK, valid: Mask | None = None) -> Any:
    """Q of every band against every other, ``(band, band)``: Wang and Bovik's index, mean over touching blocks."""
    images = bound(image, image, valid, ("image", "image"))
    xp = images.xp
    return average(
        xp,
        (
            (
                universal(
                    xp,
                    m.mean_x[:, :, None],
                    m.mean_y[:, None, :],
                    m.var_x[:, :, None] + m.var_y[:, None, :],
                    m.cov,
                ),
                m.keep,
            )
            for m in block_rows(images, block)
        ),
    )


def q_with_pan(image: Image, pan: Image, *, block: int = BLOCK, valid: Mask | None = None) -> Any:
    """Q of every band against PAN (or against a PAN of its own, if there is one for each), ``(band,)``."""
    pan = panchromatic(pan) if pan.ndim == 2 else pan
    if pan.shape[0] not in (1, image.shape[0]):
        raise InputError(f"{pan.shape[0]} low-passed PAN bands", f"1 or {image.shape[0]}, one for each band")
    images = bound(image, pan, valid, ("image", "PAN"))
    xp, own = images.xp, pan.shape[0] > 1
    rows = (
        (
            universal(
                xp,
                m.mean_x,
                m.mean_y,
                m.var_x + m.var_y,
                xp.linalg.diagonal(m.cov) if own else m.cov[:, :, 0],
            ),
            m.keep,
        )
        for m in block_rows(images, block)
    )
    return average(xp, rows)


def _norm(xp: Any, difference: Any, exponent: Number) -> Any:
    """``mean(|difference|^p)^(1/p)``."""
    distance = xp.abs(difference)
    return xp.mean(distance) if exponent == 1 else xp.mean(distance**exponent) ** (1 / exponent)


def d_lambda_from(
    product: Image,
    ms: Image,
    *,
    block: int = BLOCK,
    ms_block: int | None = None,
    exponent: Number = 1,
    valid: Mask | None = None,
    ms_valid: Mask | None = None,
) -> Scalar:
    """Alparone's D_lambda from a product and an MS image on any grid; see :func:`noreference.d_lambda`.

    Parameters
    ----------
    product, ms
        (band, y, x), the same bands.
    block, ms_block
        Sides of the blocks on the two grids (``ms_block`` None: the same).
    exponent
        p.
    valid, ms_valid
        Pixels that count on the two grids (``ms_valid`` None: as ``valid`` when the grids agree).
    """
    xp = namespace(product=product, ms=ms)
    bands = product.shape[0]
    if bands != ms.shape[0] or bands < 2:
        raise InputError(f"{bands} bands in the product, {ms.shape[0]} in the MS", "the same number, at least 2")
    if ms_valid is None and tuple(ms.shape[1:]) == tuple(product.shape[1:]):
        ms_valid = valid
    q_product = q_between_bands(product, block=block, valid=valid)
    q_ms = q_between_bands(ms, block=ms_block or block, valid=ms_valid)
    i, j = np.triu_indices(bands, 1)
    return scalar(_norm(xp, q_product[i, j] - q_ms[i, j], exponent))


def d_s_from(
    product: Image,
    pan: Image,
    ms: Image,
    pan_low: Image,
    *,
    block: int = BLOCK,
    ms_block: int | None = None,
    exponent: Number = 1,
    valid: Mask | None = None,
    ms_valid: Mask | None = None,
) -> Scalar:
    """D_s from a product with its PAN, and an MS image with the low-passed PAN; see :func:`noreference.d_s`.

    Parameters
    ----------
    product, pan
        (band, y, x) and (1, y, x) or (y, x), on the fine grid.
    ms, pan_low
        The same on the grid of the comparison: interpolated MS (toolbox) or the MS itself (original paper).
        ``pan_low`` may have one band for each MS band.
    block, ms_block
        Sides of the blocks on the two grids (``ms_block`` None: the same).
    exponent
        q.
    valid, ms_valid
        Pixels that count on the two grids (``ms_valid`` None: as ``valid`` when the grids agree).
    """
    xp = namespace(product=product, PAN=pan, ms=ms, pan_low=pan_low)
    if product.shape[0] != ms.shape[0]:
        raise InputError(f"{product.shape[0]} bands in the product, {ms.shape[0]} in the MS", "the same number")
    if ms_valid is None and tuple(ms.shape[1:]) == tuple(product.shape[1:]):
        ms_valid = valid
    q_fine = q_with_pan(product, panchromatic(pan), block=block, valid=valid)
    q_coarse = q_with_pan(ms, pan_low, block=ms_block or block, valid=ms_valid)
    return scalar(_norm(xp, q_fine - q_coarse, exponent))


def d_rho(product: Image, pan: Image, *, window: int = 4, valid: Mask | None = None) -> Scalar:
    """D_rho, spatial distortion as missing local correlation with PAN (0 .. 2, lower is better).

    ``D_rho = 1 - mean(rho)`` with ``rho`` Pearson's correlation of a band with PAN in sliding windows of ``window``
    x ``window`` pixels inside the image, averaged over windows and bands. Windows where PAN is flat say nothing and
    are left out; where the product is flat and PAN is not, ``rho`` is 0.

    Parameters
    ----------
    product
        (band, y, x).
    pan
        (y, x) or (1, y, x).
    window
        Side of the window in pixels; the authors take the ratio (4).
    valid
        Pixels that count, (y, x). Windows with any other pixel are left out.

    Raises
    ------
    InputError
        For shapes that differ, values that are not finite, or no window with a structure in PAN.

    References
    ----------
    Scarpa, Ciotola, Remote Sensing 14(8), 1808, 2022.
    """
    images = bound(product, panchromatic(pan), valid, ("product", "PAN"))
    xp, total, count = images.xp, 0.0, 0
    if not 2 <= window <= min(images.shape[1:]):
        raise InputError(f"a window of {window} pixels", f"2 to {min(images.shape[1:])}")
    for (_, _, var_x, var_y, cov), keep in local_moments(images, np.full(window, 1 / window)):
        rho = divide(xp, cov, root(xp, var_x) * root(xp, var_y), 0.0)
        seen = var_y > 0 if keep is None else (var_y > 0) & keep
        total = total + xp.sum(xp.where(seen, rho, xp.zeros_like(rho)))
        count += images.shape[0] * int(xp.sum(xp.astype(seen, xp.int64)))
    if count == 0:
        raise InputError("no window in which PAN has structure", "at least one")
    return scalar(1 - total / count)


def d_sr(product: Image, pan: Image, *, valid: Mask | None = None) -> Scalar:
    """D_sR, the share of PAN's variance that the product's bands do not explain (0: all; lower is better).

    ``D_sR = 1 - R^2 = sum (P - sum_b w_b F_b)^2 / sum (P - mean P)^2`` with ``w`` from least squares without a
    constant. A hyperspectral product that only copies PAN into its bands also scores 0.

    Parameters
    ----------
    product
        (band, y, x), ``F``.
    pan
        (y, x) or (1, y, x), ``P``.
    valid
        Pixels that count, (y, x).

    Raises
    ------
    InputError
        For shapes that differ, values that are not finite, or a PAN without structure.

    References
    ----------
    Alparone, Garzelli, Vivone, IEEE IGARSS, 5132-5134, 2018.
    """
    images = bound(product, panchromatic(pan), valid, ("product", "PAN"))
    xp, bands = images.xp, images.shape[0]
    gram, right, total = 0.0, 0.0, 0.0
    for f, p, _ in images.strips():
        f, p = xp.reshape(f, (bands, -1)), xp.reshape(p, (1, -1))
        gram = gram + xp.matmul(f, f.T)
        right = right + xp.matmul(f, p.T)
        total = total + xp.sum(p)
    size = root(xp, xp.linalg.diagonal(gram))
    size = xp.where(size > 0, size, xp.ones_like(size))
    scaled = gram / (size[:, None] * size[None, :])
    weight = xp.matmul(xp.linalg.pinv(scaled, rtol=1e-11), right / size[:, None]) / size[:, None]
    mean, error, spread = total / images.count, 0.0, 0.0
    for f, p, keep in images.strips():
        rest = p[0] - xp.sum(weight[:, :, None] * f, axis=0)
        around = p[0] - mean if keep is None else xp.where(keep, p[0] - mean, xp.zeros_like(p[0]))
        error, spread = error + xp.sum(rest**2), spread + xp.sum(around**2)
    if not bool(spread > 0):
        raise InputError("a PAN of one constant value", "an image with structure")
    return scalar(error / spread)
