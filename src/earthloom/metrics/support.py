"""Is the detail of a product backed by what was seen, and is what was seen in it? Hallucination and omission.

Symbols, for band ``b`` of a product F that was made of an MS image y and of guides G_j (one PAN, or several bands):

``H = I - U D B_b``
    high pass: what the MS sensor cannot have seen. B_b the blur of the band, D sampling, U interpolation.
``h = H F_b``
    the product's detail.
``m = H U y_b``, ``p_j = H G_j``, ``q_j = U D B_b p_j``
    the detail of the interpolated MS, of the guides, and what of the latter the MS sensor sees, all on the fine grid.
``w``
    sliding windows of ``2 ratio + 1`` pixels (more for many guides), every second pixel or so; n pixels each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.metrics.blocks import NoBlocksError
from earthloom.metrics.checks import STRIP, Image, Mask, Scalar, clean, pair, root, scalar
from earthloom.metrics.degrade import Compared, Gains, Numbers, observe, plain
from earthloom.metrics.windows import running_sum, touched
from earthloom.types import Convention, Float, Observation, Shaped

COARSE_WINDOW = 15  # MS pixels along a side of the windows in which the expected gain is found
EACH_UNKNOWN = 4  # pixels of a window for each number that is fitted in it
SURE = 1e-9  # of its energy that a regressor must hold beside the others


def support_of(product: Image, observation: Observation, *, valid: Mask | None = None) -> dict[str, Scalar]:
    """Hallucination and omission of a product, in percent, mean over bands, without a reference.

    ``hallucination_percent`` (0 is best): in every window w the product's detail h is fitted by least squares with what
    the inputs hold, ``h = c0 m + sum_j (a_j p_j + c_j q_j) + r``; then
    ``100 sqrt(sum_w n / (n - k) |r|_w^2 / sum_w |h|_w^2)`` with k the numbers fitted: root mean square of the detail
    that no input explains, over that of all detail. Noise counts by its share; gains that change slowly cost nothing.

    ``omission_percent`` (0 is best): one scale down the MS tells which gains hold,
    ``H' y_b = sum_j g_j H' D B_b G_j + s`` in windows of 15 MS pixels. Of the detail ``e = sum_j g_j p_j`` that is
    expected from them, the product holds a share a, ``h = c0 m + c1 U D B_b e + a e + r`` in every w; then
    ``100 sum_w v clip(1 - a, 0, 1) / sum_w v``, v the energy of e that m and ``U D B_b e`` do not explain. No fusion
    has 100, injection with half the gain 50.

    The truth has a hallucination too (30 to 50 percent of very fine images of many bands): some of its detail shows in
    no PAN. The figure says what cannot be checked, not what is wrong; of two products of one scene, the one with less
    rests more on what was seen.

    Parameters
    ----------
    product
        (band, y, x) on the observation's grid.
    observation
        Views ``ms`` and ``pan`` (which may have several bands: fine guides); the MTF gains are those of the MS bands.
    valid
        Pixels that count, (y, x). Windows with any other pixel are left out.

    Returns
    -------
    dict
        ``hallucination_percent``, ``omission_percent``; the first is absent where no window fits or the product has no
        detail, the second also where none is expected.

    Raises
    ------
    InputError
        For shapes that do not fit, values that are not finite, or no PAN.

    References
    ----------
    Earthloom's own, after the words of Aybar, Montero, Donike, Kalaitzis, Gómez-Chova, "A comprehensive benchmark for
    optical remote sensing image super-resolution", IEEE GRSL 21, 2024 (there with a reference).
    """
    seen = Compared(product, observation, valid)
    if "pan" not in observation.views:
        raise InputError("no PAN", "a PAN image on the fine grid")
    gains = _gains(seen)
    made, lacking = [], []
    for band in range(product.shape[0]):
        h, known = _details(seen, band)
        made.append(_share(seen, known, h))
        lacking.append(_lack(seen, known, h, gains[:, band], band))
    found = {"hallucination_percent": made, "omission_percent": lacking}
    return {name: _mean(seen.xp, told) for name, told in found.items() if any(one is not None for one in told)}


def hallucination_percent(
    product: Image, pan: Image, ms: Image, ratio: Numbers = 4, gains: Gains = 0.3, *,
    convention: Convention = "centre", offset: Numbers | None = None, valid: Mask | None = None,
) -> Scalar:  # fmt: skip
    """Share of a product's detail that neither PAN nor MS explains, in percent, 0 best; see :func:`support_of`.

    Parameters
    ----------
    product, pan, ms, ratio, gains, convention, offset, valid
        See :mod:`earthloom.metrics.noreference`.

    Raises
    ------
    InputError
        For shapes that do not fit, values that are not finite, no window that fits, or a product without detail.
    """
    return _one("hallucination_percent", product, pan, ms, ratio, gains, convention, offset, valid)


def omission_percent(
    product: Image, pan: Image, ms: Image, ratio: Numbers = 4, gains: Gains = 0.3, *,
    convention: Convention = "centre", offset: Numbers | None = None, valid: Mask | None = None,
) -> Scalar:  # fmt: skip
    """Share of the detail expected from PAN that a product lacks, in percent, 0 best; see :func:`support_of`.

    Parameters
    ----------
    product, pan, ms, ratio, gains, convention, offset, valid
        See :mod:`earthloom.metrics.noreference`.

    Raises
    ------
    InputError
        For shapes that do not fit, values that are not finite, no window that fits, or no detail that is expected.
    """
    return _one("omission_percent", product, pan, ms, ratio, gains, convention, offset, valid)


def _one(
    name: str, product: Any, pan: Any, ms: Any, ratio: Numbers, gains: Gains, convention: Convention,
    offset: Numbers | None, valid: Any | None,
) -> Scalar:  # fmt: skip
    """One of the two figures from plain arrays."""
    shape = (int(product.shape[-2]), int(product.shape[-1]))
    mask = None if valid is None else plain(valid)
    obs = observe(shape, plain(ms), plain(pan), ratio, gains, convention, offset, mask)
    found = support_of(product, obs, valid=valid)
    if name not in found:
        raise NoBlocksError("no window in which there is detail", "at least one")
    return found[name]


def hallucination_map(product: np.ndarray, observation: Observation, *, valid: np.ndarray | None = None) -> np.ndarray:
    """Where the detail is that no input explains: its root mean square in each window, in percent of all detail.

    ``100 sqrt(mean_b (n / (n - k) |r|_w^2 / mean_w |h|_w^2))``; see :func:`support_of`.

    Parameters
    ----------
    product
        (band, y, x) on the observation's grid.
    observation, valid
        See :func:`support_of`.

    Returns
    -------
    ndarray
        (v, u): a window every second pixel or so; NaN where one holds an invalid pixel.
    """
    seen, total = Compared(product, observation, valid), 0.0
    for band in range(len(product)):
        h, known = _details(seen, band)
        rows = list(_fitted(seen.xp, [*known, h], seen.valid, _side(seen, len(known))))
        if not rows:
            raise NoBlocksError("no window that fits", "an image larger than one")
        rest, whole = (np.concatenate([np.asarray(row[at]) for row in rows]) for at in (0, 1))
        keep = np.concatenate([np.ones(row[0].shape, bool) if row[4] is None else row[4] for row in rows])
        mean = whole[keep].mean() if keep.any() else 0.0
        total = total + np.where(keep, rest / mean if mean > 0 else 0.0, np.nan)
    return 100 * np.sqrt(total / len(product))


def support_against(
    product: Image, reference: Image, ratio: float = 4, *, gain: float = 0.3, valid: Mask | None = None
) -> dict[str, Scalar]:
    """Hallucination and omission of a product against the truth T, in percent, mean over bands.

    As :func:`support_of` with ``H = I - B`` and the truth in place of all inputs: ``H F_b = a H T_b + r`` in every w;
    ``hallucination_percent = 100 sqrt(sum_w n / (n - 1) |r|_w^2 / sum_w |H F_b|_w^2)`` is detail that is not there,
    ``omission_percent = 100 sum_w v clip(1 - a, 0, 1) / sum_w v``, v the energy of ``H T_b``, detail that is missed.

    Parameters
    ----------
    product, reference
        (band, y, x).
    ratio
        Coarse over fine pixel size that was bridged, above 1: what is detail.
    gain
        MTF of B at coarse Nyquist; a smaller one counts more as detail.
    valid
        Pixels that count, (y, x). Windows with any other pixel are left out.

    Returns
    -------
    dict
        See :func:`support_of`.

    Raises
    ------
    InputError
        For shapes that differ, values that are not finite, or a ratio of 1 or less.
    """
    images = pair(product, reference, valid)
    if ratio <= 1:
        raise InputError(f"ratio {ratio:g}", "coarse over fine pixel size, above 1")
    bands, height, width = images.shape
    coarse = tuple(max(int(np.ceil(n / ratio)), 1) for n in (height, width))
    obs = observe((height, width), np.zeros((1, *coarse)), None, float(ratio), gain)
    made, lacking, xp = [], [], images.xp
    for band in range(bands):
        seen, true = (Compared(image[band : band + 1], obs, images.valid) for image in (product, reference))
        h, t = (one.product - one.blurred for one in (seen, true))
        made.append(_share(seen, [t], h))
        lacking.append(_missed(seen, [t, h]))
    found = {"hallucination_percent": made, "omission_percent": lacking}
    return {name: _mean(xp, told) for name, told in found.items() if any(one is not None for one in told)}


def _mean(xp: Any, each: Sequence[Any | None]) -> Scalar:
    """Mean over the bands that tell."""
    told = [one for one in each if one is not None]
    return scalar(100 * xp.mean(xp.stack(told)))


def _details(seen: Compared, band: int) -> tuple[Any, list[Any]]:
    """h, and the regressors m, q_j, p_j: (1, y, x) each."""
    product, coarse = (image[band : band + 1] for image in (seen.product, seen.ms_up))
    guides = [image - seen.low(image, band) for image in (seen.pan[at : at + 1] for at in range(seen.pan.shape[0]))]
    known = [coarse - seen.low(coarse, band), *(seen.low(guide, band) for guide in guides), *guides]
    return product - seen.low(product, band), known


def _side(seen: Compared, unknown: int) -> int:
    """Pixels along a side of a window, odd."""
    wanted = max(2 * max(seen.obs["ms"].ratio) + 1, np.sqrt(EACH_UNKNOWN * unknown))
    return 2 * int(np.ceil((wanted - 1) / 2)) + 1


def _share(seen: Compared, known: list[Any], h: Any) -> Any | None:
    """Root of the share of the energy of h that ``known`` does not explain; None without energy."""
    xp, rest, whole = seen.xp, 0.0, 0.0
    for left, energy, _, _, keep in _fitted(xp, [*known, h], seen.valid, _side(seen, len(known))):
        rest, whole = rest + _total(xp, left, keep), whole + _total(xp, energy, keep)
    if not bool(whole > 0):
        return None
    share = rest / whole
    return root(xp, xp.where(share < 1, share, xp.ones_like(share)))


def _lack(seen: Compared, known: list[Any], h: Any, gains: np.ndarray, band: int) -> Any | None:
    """Share of the expected detail that is missing; None where none is expected."""
    guides = known[1 + seen.pan.shape[0] :]
    expected = sum(seen.like(gain[None]) * guide for gain, guide in zip(gains, guides, strict=True))
    return _missed(seen, [known[0], seen.low(expected, band), expected, h])


def _missed(seen: Compared, images: list[Any]) -> Any | None:
    """Share of the last image but one that the last lacks, weighted by what of it the ones before do not explain."""
    xp, lost, whole = seen.xp, 0.0, 0.0
    for _, _, held, energy, keep in _fitted(xp, images, seen.valid, _side(seen, len(images) - 1)):
        lack = xp.clip(1 - held, 0.0, 1.0)
        lost, whole = lost + _total(xp, energy * lack, keep), whole + _total(xp, energy, keep)
    return lost / whole if bool(whole > 0) else None


def _total(xp: Any, image: Any, keep: Any | None) -> Any:
    """Sum over the windows that count."""
    return xp.sum(image if keep is None else xp.where(keep, image, xp.zeros_like(image)))


def _fitted(
    xp: Any, images: Sequence[Any], valid: Any | None, side: int
) -> Iterator[tuple[Any, Any, Any, Any, Any | None]]:
    """Fit the last image by the others, in every window of a strip of rows.

    Yields mean squares in the windows, (v, u): what is left of the last image (with its degrees of freedom), all of it;
    the coefficient of the last regressor; the energy of that which those before it do not explain; and which windows
    hold no invalid pixel (None: all).
    """
    count, step = len(images), max(side // 4, 1)
    height, width = images[0].shape[1:]
    rows = max(STRIP // (count * width), 4 * side) // step * step
    if min(height, width) < side:
        return
    free = side * side / max(side * side - count + 1, 1)
    for top in range(0, height - side + 1, rows):
        part = slice(top, min(top + rows + side - 1, height))
        keep = None if valid is None else valid[part, :]
        strip = [clean(xp, image[:, part, :], keep) for image in images]
        seen = None if keep is None else ~touched(xp, keep, side)[0, ::step, ::step]
        squares = {(i, j): _windowed(strip[i] * strip[j], side, step) for i in range(count) for j in range(i, count)}
        whole, energy, held = squares[count - 1, count - 1], None, None
        first = [squares[i, i] for i in range(count)]
        for i in range(count - 1):
            pivot = squares[i, i]
            sure = pivot > SURE * first[i]
            held = [_over(xp, squares[i, j], pivot, sure) for j in range(count)[i + 1 :]]
            for j in range(i + 1, count):
                for k in range(j, count):
                    squares[j, k] = squares[j, k] - held[j - i - 1] * squares[i, k]
            energy = xp.where(sure, pivot, xp.zeros_like(pivot))
        assert held is not None and energy is not None
        left = free * squares[count - 1, count - 1]
        noise = 64 * float(xp.finfo(left.dtype).eps) * whole
        yield xp.where(left > noise, left, xp.zeros_like(left)), whole, held[-1], energy, seen


def _windowed(image: Any, side: int, step: int) -> Any:
    """Means over windows, (v, u)."""
    down = running_sum(image, side, 1)[:, ::step, :]
    return running_sum(down, side, 2)[0, :, ::step] / (side * side)


def _over(xp: Any, top: Any, bottom: Any, sure: Any) -> Any:
    """A quotient; 0 where the divisor is nothing."""
    return xp.where(sure, top / xp.where(sure, bottom, xp.ones_like(bottom)), xp.zeros_like(top))


def _gains(seen: Compared) -> Float[np.ndarray, "guide band Y X"]:
    """Gains that hold one scale down, between the detail of the MS and of the degraded guides, on the fine grid."""
    ms, view = np.asarray(plain(seen.ms), np.float64), seen.obs["ms"]
    shape = view.shape
    small = tuple(max(int(np.ceil(n / r)), 1) for n, r in zip(shape, view.ratio, strict=True))
    ground = None if view.all_valid else view.valid
    below = observe(shape, np.zeros((len(ms), *small)), None, view.ratio, np.array(seen.gains), valid=ground)
    coarse = Compared(ms, below, ground)
    at = [
        np.clip(np.rint((np.arange(seen.obs.shape[a]) - view.offset[a]) / view.ratio[a]), 0, shape[a] - 1).astype(int)
        for a in (0, 1)
    ]
    side = min(COARSE_WINDOW, *(n - 1 + n % 2 for n in shape))
    found = np.zeros((seen.pan.shape[0], len(ms), *seen.obs.shape))
    for band in range(len(ms)):
        guides = np.asarray(plain(seen.degraded(seen.pan, band=band)), np.float64)
        images = [image - coarse.low(image, band) for image in (*(g[None] for g in guides), ms[band : band + 1])]
        found[:, band] = _regressed(images, side, ground)[:, at[0]][:, :, at[1]]
    return found


def _regressed(images: list[np.ndarray], side: int, valid: Shaped[np.ndarray, "..."] | None) -> np.ndarray:
    """Coefficients of the last image on the others in windows around every pixel, (other, y, x); 0 where none fits."""
    count, (height, width) = len(images) - 1, images[0].shape[1:]
    products = np.stack([
        [_windowed(one * other, side, 1) for other in images] for one in images
    ])  # fmt: skip
    matrix, right = np.moveaxis(products[:-1, :-1], (0, 1), (2, 3)), np.moveaxis(products[:-1, -1], 0, 2)
    size = np.sqrt(np.maximum(np.einsum("yxii->yxi", matrix), 1e-300))
    scaled = matrix / (size[..., :, None] * size[..., None, :]) + 1e-6 * np.eye(count)
    inner = np.linalg.solve(scaled, (right / size)[..., None])[..., 0] / size
    if valid is not None:
        inner = np.where(touched(np, valid, side)[0][..., None], 0.0, inner)
    pad = [((n - m) // 2, n - m - (n - m) // 2) for n, m in ((height, inner.shape[0]), (width, inner.shape[1]))]
    return np.moveaxis(np.pad(inner, (*pad, (0, 0)), mode="edge"), 2, 0)
