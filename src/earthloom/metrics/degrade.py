"""What indices without a reference compare with: MS interpolated, PAN low-passed, the product degraded.

The pair that was seen (PAN, MS) is prepared once with numpy. The product is degraded in its own array library, so
that a gradient passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from array_api_compat import device, is_numpy_array, to_device

from earthloom.errors import InputError
from earthloom.metrics.checks import clean, finite, mask, namespace
from earthloom.metrics.distortions import panchromatic
from earthloom.types import Band, Convention, Float, Observation, Shaped, View, ratio_of

Gains = float | int | Sequence[float | int] | np.ndarray
Numbers = float | int | tuple[float | int, float | int]
WHOLE = 0.999  # share of the blur's weight that must lie on valid pixels


def plain(image: Any) -> Shaped[np.ndarray, "..."]:
    """The image as a numpy array; no gradient passes."""
    if is_numpy_array(image):
        return image
    image = image.detach() if hasattr(image, "detach") else image
    return np.asarray(to_device(image, "cpu"))


def _two(value: Numbers) -> tuple[float, float]:
    """One number for both axes, or one each."""
    return (float(value[0]), float(value[1])) if isinstance(value, tuple) else (float(value), float(value))


def observe(
    shape: tuple[int, int],
    ms: Shaped[np.ndarray, "..."],
    pan: Shaped[np.ndarray, "..."] | None,
    ratio: Numbers,
    gains: Gains = 0.3,
    convention: Convention = "centre",
    offset: Numbers | None = None,
    valid: Shaped[np.ndarray, "..."] | None = None,
) -> Observation:
    """Bind MS and PAN arrays to a fine grid of ``shape``; see :func:`noreference.without_reference`.

    Raises
    ------
    InputError
        If the sizes do not fit the ratio, or the gains the bands.
    """
    ratio = _two(ratio)
    if min(ratio) < 1:
        raise InputError(f"ratio {ratio}", "coarse over fine pixel size, at least 1")
    if convention not in ("centre", "toolbox"):
        raise InputError(f"convention {convention!r}", "centre or toolbox")
    habit = tuple(r // 2 if convention == "toolbox" else (r - 1) / 2 for r in ratio)
    place = _two(offset) if offset is not None else (habit[0], habit[1])
    if convention == "toolbox" and (ratio[0] != ratio[1] or ratio[0] % 2 or place != habit):
        raise InputError(
            f"ratio {ratio}, offset {place} in the toolbox convention",
            "one even ratio, MS pixel i at ratio * i + ratio / 2",
            "use convention='centre' for anything else",
        )
    for axis in (0, 1):
        spare = abs(ms.shape[axis + 1] * ratio[axis] - shape[axis])
        if spare >= ratio[axis] or (convention == "toolbox" and spare):
            raise InputError(
                f"MS of shape {tuple(ms.shape)} for {shape[0]} x {shape[1]} fine pixels",
                f"{shape[0] / ratio[0]:g} x {shape[1] / ratio[1]:g} pixels at ratio {ratio[0]:g}",
            )
    each = [float(gains)] * ms.shape[0] if isinstance(gains, (int, float)) else [float(g) for g in gains]
    if len(each) != ms.shape[0]:
        raise InputError(f"{len(each)} MTF gains", f"one, or one for each of {ms.shape[0]} bands")
    fine = np.ones(shape, bool) if valid is None else np.asarray(valid, bool)
    if fine.shape != tuple(shape):
        raise InputError(f"a mask of shape {fine.shape}", f"{tuple(shape)} (y, x)")
    bands = tuple(Band(f"b{i + 1}", mtf_nyquist=g) for i, g in enumerate(each))
    coarse = View(_floating(ms), np.ones(ms.shape[1:], bool), bands, ratio, place)
    at = (np.clip(np.rint(coarse.centres(a)), 0, shape[a] - 1).astype(int) for a in (0, 1))
    views = {"ms": View(coarse.data, fine[np.ix_(*at)], bands, ratio, place)}
    if pan is not None:
        sharp = _floating(panchromatic(pan))
        if sharp.shape[1:] != tuple(shape):
            raise InputError(f"PAN of shape {sharp.shape}", f"(1, {shape[0]}, {shape[1]})")
        views["pan"] = View(sharp, fine, (Band("pan"),))
    return Observation(views, (int(shape[0]), int(shape[1])), convention)


def _floating(image: Shaped[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """float64."""
    return np.ascontiguousarray(image, dtype=np.float64)


class Compared:
    """A product beside what was seen, in the product's array library.

    Parameters
    ----------
    product
        (band, y, x) on the fine grid.
    observation
        Views ``ms`` and ``pan``; the MTF gains are those of the MS bands.
    valid
        Pixels of the product that count, (y, x).
    """

    def __init__(self, product: Any, observation: Observation, valid: Any | None = None) -> None:
        self.xp = xp = namespace(product=product)
        if product.ndim != 3 or tuple(product.shape[1:]) != tuple(observation.shape):
            raise InputError(
                f"product of shape {tuple(product.shape)}", f"(band, {observation.shape[0]}, {observation.shape[1]})"
            )
        self.obs, ms = observation, observation["ms"]
        if product.shape[0] != ms.data.shape[0]:
            raise InputError(f"{product.shape[0]} bands in the product", f"{ms.data.shape[0]}, as in the MS")
        seen = self._seen()
        given = np.ones(observation.shape, bool) if valid is None else plain(valid).astype(bool)
        if given.shape != seen.shape:
            raise InputError(f"a mask of shape {given.shape}", f"{seen.shape} (y, x)")
        seen = seen & given
        self.valid = mask(xp, None if seen.all() else seen, product)
        finite(xp, product, self.valid, "product")
        self.product = clean(xp, product, self.valid)
        self.gains = [band.mtf_nyquist for band in ms.bands]

    def _seen(self) -> np.ndarray:
        """Fine pixels that both sensors saw; what they saw there must be finite."""
        from earthloom.physics.forward import footprint

        seen = np.ones(self.obs.shape, bool)
        for role, view in self.obs.views.items():
            if role in ("ms", "pan"):
                finite(namespace(image=view.data), view.data, view.valid, role.upper())
                if not view.all_valid:
                    seen &= footprint(self.obs) if role == "ms" else view.valid
        return seen

    def like(self, image: np.ndarray) -> Any:
        """A numpy image in the product's library, precision and device."""
        return self.xp.asarray(image, dtype=self.product.dtype, device=device(self.product))

    def _filled(self, role: str) -> np.ndarray:
        """A view in float64, invalid pixels filled from their neighbours."""
        view = self.obs[role]
        data = _floating(view.data)
        if view.all_valid:
            return data
        from earthloom.ops.fill import fill

        return fill(data, view.valid, 8 if role == "ms" else int(4 * max(self.obs["ms"].ratio)))

    @cached_property
    def ms(self) -> Any:
        """The MS image as it is."""
        return self.like(self._filled("ms"))

    @cached_property
    def ms_valid(self) -> Any | None:
        """Coarse pixels that the MS sensor saw and of which the product shows all that the sensor blurred in."""
        whole = self.obs["ms"].valid
        if self.valid is not None:
            shown = plain(self._through(self.xp.astype(self.valid, self.product.dtype)[None], [min(self.gains)], True))
            whole = whole & (shown[0] >= WHOLE * shown[0].max())
        return None if whole.all() else self.xp.asarray(whole, device=device(self.product))

    @cached_property
    def ms_up(self) -> Any:
        """MS interpolated to the fine grid (EXP)."""
        from earthloom.physics.forward import expand

        return self.like(expand(self.obs, self._filled("ms")))

    @cached_property
    def pan(self) -> Any:
        """PAN, (1, y, x)."""
        if "pan" not in self.obs.views:
            raise InputError("no PAN", "a PAN image on the fine grid")
        return self.like(self._filled("pan"))

    @cached_property
    def pan_reduced(self) -> Any:
        """PAN on the MS grid: antialiased bicubic (toolbox) or one image per band, with the band's MTF (centre)."""
        from earthloom.physics.forward import reduce
        from earthloom.physics.resample import imresize

        pan = plain(self.pan).astype(np.float64)
        if self.obs.convention == "toolbox":
            return self.like(imresize(pan, 1 / ratio_of(self.obs["ms"])))
        return self.like(reduce(self.obs, np.repeat(pan, len(self.gains), axis=0), self.gains))

    @cached_property
    def pan_low(self) -> Any:
        """PAN as sharp as the interpolated MS, on the fine grid: :attr:`pan_reduced`, interpolated."""
        from earthloom.physics.forward import expand

        return self.like(expand(self.obs, plain(self.pan_reduced).astype(np.float64)))

    @cached_property
    def blurred(self) -> Any:
        """The product with the MS bands' blur, on the fine grid."""
        return self.degraded(self.product, sample=False)

    @cached_property
    def reduced(self) -> Any:
        """The product as the MS sensor would have seen it, on the coarse grid."""
        return self.degraded(self.product)

    def expanded(self, image: Any) -> Any:
        """Interpolate from the coarse grid to the fine one."""
        from earthloom.physics.forward import expand, expansion

        if is_numpy_array(image):
            return expand(self.obs, image)
        left, right = (self.like(op.matrix()) for op in expansion(self.obs))
        return self.xp.matmul(self.xp.matmul(left, image), right.T)

    def degraded(self, image: Any, sample: bool = True, band: int | None = None) -> Any:
        """Blur a fine image with the MTF of each MS band, and sample; an image of one band serves all bands.

        With ``band`` all of the image is blurred as that MS band is. With pixels missing, each result is divided by the
        share of its weights that lies on valid pixels.
        """
        xp, gains = self.xp, self.gains if band is None else [self.gains[band]] * image.shape[0]
        if image.shape[0] < len(gains):
            image = xp.concat([image] * len(gains), axis=0)
        if self.valid is None:
            return self._through(image, gains, sample)
        ones = xp.ones_like(image)
        known = xp.where(self.valid, ones, xp.zeros_like(ones))
        image, weight, whole = (self._through(x, gains, sample) for x in (image * known, known, ones))
        seen = weight > 1e-3
        return xp.where(seen, image * whole / xp.where(seen, weight, xp.ones_like(weight)), xp.zeros_like(image))

    def low(self, image: Any, band: int) -> Any:
        """``U D B image``, as sharp as the interpolated MS: blurred as an MS band is, sampled, interpolated."""
        return self.expanded(self.degraded(image, band=band))

    def _through(self, image: Any, gains: Sequence[float], sample: bool) -> Any:
        """Blur, and sample if asked."""
        from earthloom.physics.forward import blur, reduce

        if not is_numpy_array(image):
            return self.xp.concat([self._dense(image[b : b + 1], g, sample) for b, g in enumerate(gains)], axis=0)
        if sample:
            return reduce(self.obs, image, gains)
        out = np.empty_like(image)
        for gain in dict.fromkeys(gains):
            bands = [b for b, g in enumerate(gains) if g == gain]
            out[bands] = blur(self.obs, image[bands], gain)
        return out

    def _dense(self, image: Any, gain: float, sample: bool) -> Any:
        """The same with matrices, for libraries in which a gradient must pass."""
        from earthloom.physics.forward import operators

        total = 0.0
        for rows, cols in operators(self.obs, gain, sample):
            left, right = self.like(rows.matrix()), self.like(cols.matrix())
            total = total + self.xp.matmul(self.xp.matmul(left, image), right.T)
        return total
