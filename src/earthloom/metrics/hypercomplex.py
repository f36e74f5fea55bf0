"""Q2n: one number for the spectral and spatial quality of an image of any number of bands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from array_api_compat import device, is_torch_array

from earthloom.errors import InputError, warn
from earthloom.metrics.blocks import BlockMoments, average, block_rows
from earthloom.metrics.checks import Image, ImagePair, Mask, Scalar, namespace, pair, root, scalar
from earthloom.types import Float, Int, Real

LARGEST_FRACTION = 2.0  # images that never exceed this are reflectance, not digital numbers
LARGEST_DN = 65535


@lru_cache(maxsize=16)
def signs(size: int) -> Int[np.ndarray, "size size"]:
    """Signs of the products of the units: ``e_i e_j = signs[i, j] e_(i xor j)``.

    From pairs ``(A, B)(C, D) = (A C - D* B, A* D* + C B*)``, the doubling of the Q2n index, where ``*`` conjugates
    (all units but the first change sign). ``size`` is a power of two.
    """
    if size == 1:
        return np.ones((1, 1), np.int64)
    half = signs(size // 2)
    flip = np.where(np.arange(size // 2) == 0, 1, -1)
    row, col, turned = flip[:, None], flip[None, :], half.T
    return np.block([[half, row * col * half], [row * turned, -col * turned]])


def hypercomplex_product(a: Real[Any, "size ..."], b: Real[Any, "size ..."]) -> Real[Any, "size ..."]:
    """Product of two hypercomplex numbers of ``2^k`` components along the first axis.

    ``(a b)_k = sum_i signs[i, i xor k] a_i b_(i xor k)``: complex numbers, quaternions and octonions up to the
    sign convention of Q2n, in which the second half is conjugated. Not associative from 8 components on.

    Raises
    ------
    InputError
        If the number of components is no power of two.
    """
    size = a.shape[0]
    if size & (size - 1) or b.shape[0] != size:
        raise InputError(f"{size} and {b.shape[0]} components", "the same power of two")
    table = signs(size)
    parts = [sum(int(table[i, i ^ k]) * a[i] * b[i ^ k] for i in range(size)) for k in range(size)]
    return pair_namespace(a, b).stack(parts)


def pair_namespace(a: Any, b: Any) -> Any:
    """Array library of two operands."""

    return namespace(a=a, b=b)


@lru_cache(maxsize=16)
def _pattern(bands: int) -> tuple[Int[np.ndarray, "size band"], Float[np.ndarray, "size band"]]:
    """Where the covariances of component ``k`` of ``x y*`` stand in the flat (band, band) matrix, and their signs."""
    size = 1 << (bands - 1).bit_length()
    i, k = np.arange(bands)[None, :], np.arange(size)[:, None]
    j = i ^ k
    sign = signs(size)[i, j] * np.where(j == 0, 1.0, -1.0)
    real = j < bands  # bands filled up with zeros do not vary
    return i * bands + np.where(real, j, 0), np.where(real, sign, 0.0)


def _quality(xp: Any, m: BlockMoments) -> Any:
    """``|q|`` of every block, (blocks,)."""
    bands = m.mean_x.shape[1]
    size = 1 << (bands - 1).bit_length()
    eps = float(xp.finfo(m.var_x.dtype).eps)
    flat = m.var_x <= 0
    spread = xp.where(flat, xp.full_like(m.var_x, eps), root(xp, m.var_x))  # a flat band is divided by eps
    where, sign = _pattern(bands)
    scaled = m.cov / (spread[:, :, None] * spread[:, None, :])
    scaled = xp.reshape(scaled, (scaled.shape[0], bands * bands))
    terms = xp.take(scaled, xp.asarray(where.ravel(), device=device(scaled)), axis=1)
    terms = xp.reshape(terms, (-1, size, bands)) * xp.asarray(sign, dtype=scaled.dtype, device=device(scaled))
    q = xp.sum(terms, axis=-1)
    # first image: every band has mean 1 after normalising; second image: the same affine map
    shifted = 1 + (m.mean_y - m.mean_x) / spread
    norm_x = float(size)
    norm_y = xp.sum(shifted**2, axis=-1) + (size - bands)
    bias = 2 * root(xp, norm_x * norm_y) / (norm_x + norm_y)
    variance = xp.sum((m.var_x + m.var_y) / spread**2, axis=-1)
    moving = variance > 0
    contrast = 2 * root(xp, xp.sum(q**2, axis=-1)) / xp.where(moving, variance, xp.ones_like(variance))
    return bias * xp.where(moving, contrast, xp.ones_like(contrast))


def _rounded(xp: Any) -> Callable[[Any], Any]:
    """MATLAB's ``uint16()``: halves away from zero, negatives to 0, saturated at 65535."""

    def change(x: Any) -> Any:
        low = xp.floor(x)
        return xp.clip(low + xp.astype(x - low >= 0.5, x.dtype), 0, LARGEST_DN)

    return change


def _rounding(images: ImagePair, round_dn: bool | None) -> Callable[[Any], Any] | None:
    """The rounding to apply, decided from the reference when ``round_dn`` is None."""
    xp, reference = images.xp, images.second
    tracked = any(is_torch_array(x) and x.requires_grad for x in (images.first, reference))
    if round_dn and tracked:
        raise InputError("round_dn=True for tensors that need a gradient", "round_dn=False", "rounding has no slope")
    if round_dn is False or tracked:
        return None
    if not xp.isdtype(reference.dtype, "real floating"):
        return None if reference.dtype == xp.uint16 == images.first.dtype else _rounded(xp)
    seen = reference if images.valid is None else xp.where(images.valid, reference, xp.zeros_like(reference))
    fraction = float(xp.max(seen)) <= LARGEST_FRACTION
    if fraction and round_dn:
        warn(
            f"Q2n rounds to digital numbers, but the reference never exceeds {LARGEST_FRACTION:g}: give the images "
            "in digital numbers, or round_dn=False"
        )
    return _rounded(xp) if round_dn or not fraction else None


def q2n(
    product: Image,
    reference: Image,
    *,
    block: int = 32,
    shift: int | None = None,
    round_dn: bool | None = None,
    valid: Mask | None = None,
) -> Scalar:
    """Q2n (Q4 for four bands, Q8 for eight), the hypercomplex quality index: 0 .. 1, higher is better.

    Bands are the components of hypercomplex numbers ``x`` (reference) and ``y`` (product), filled up with zero
    bands to ``2^n``. In every block, both images are normalised band by band with the mean and standard
    deviation (``n - 1``) of the reference, ``(. - mean) / std + 1``; then

        ``Q2n = |cov(x, y)| 2 / (var x + var y) * 2 |mean x| |mean y| / (|mean x|^2 + |mean y|^2)``

    with ``cov(x, y) = sum (x - mean x)(y - mean y)* / (n - 1)``, averaged over the blocks. A band without variance
    is divided by machine epsilon (a block of constant 500 against constant 510 scores 0). The covariance of
    hypercomplex images is a signed sum of ordinary covariances between bands, which is how it is computed.

    Parameters
    ----------
    product, reference
        (band, y, x), same shape, numpy or torch. The index is not symmetric in the two.
    block, shift
        Side of a block and step between blocks; ``shift`` None means blocks that touch. Missing rows and columns
        are mirrored, edge repeated, at the bottom and on the right.
    round_dn
        The protocol rounds both images to 16-bit integers first, so they must be digital numbers: data in 0 .. 1
        would become two levels. None rounds, unless the reference never exceeds 2 or a tensor needs a gradient.
        True always rounds (and warns about data in 0 .. 1), False never does; as a loss, give False.
    valid
        Pixels that count, (y, x). A block with any other pixel is left out.

    Raises
    ------
    InputError
        For shapes that differ, values that are not finite, or no block left.

    References
    ----------
    Alparone, Baronti, Garzelli, Nencini, IEEE GRSL 1(4), 313-317, 2004; Garzelli, Nencini, IEEE GRSL 6(4),
    662-665, 2009.
    """
    images = pair(product, reference, valid)
    return scalar(average(images.xp, _scored(images, block, shift, round_dn)))


def q2n_map(
    product: Image,
    reference: Image,
    *,
    block: int = 32,
    shift: int | None = None,
    round_dn: bool | None = None,
    valid: Mask | None = None,
) -> Real[Any, "block_y block_x"]:
    """Q2n of every block, (block_y, block_x); NaN where a block holds an invalid pixel. See :func:`q2n`."""
    images = pair(product, reference, valid)
    xp = images.xp
    rows = [
        q if keep is None else xp.where(keep, q, xp.full_like(q, float("nan")))
        for q, keep in _scored(images, block, shift, round_dn)
    ]
    return xp.stack(rows)


def _scored(
    images: ImagePair, block: int, shift: int | None, round_dn: bool | None
) -> Iterator[tuple[Any, Any | None]]:
    """``|q|`` and the mask of blocks that count, one row of blocks after the other."""
    change = _rounding(images, round_dn)
    turned = ImagePair(images.xp, images.second, images.first, images.valid)  # the reference comes first
    for moments in block_rows(turned, block, shift, change):
        yield _quality(images.xp, moments), moments.keep
