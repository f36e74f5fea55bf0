"""What a data set holds: counts, shapes, ranges, missing numbers, bit depth, and the geometry it was made with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from earthloom.ops.banded import apply
from earthloom.physics.forward import reduce
from earthloom.physics.resample import imresize, interp23, interpolation
from earthloom.raster.listing import layouts
from earthloom.raster.listing.layouts import Rasters, Source
from earthloom.raster.listing.samples import check_shapes
from earthloom.raster.open import open_image
from earthloom.sensors import load, match_bands
from earthloom.training.cases.displaced import Displaced
from earthloom.training.cases.samples import UNIT_MAXIMUM
from earthloom.types import Convention, Observation, View

SAMPLES = 256  # looked at, unless more are asked for
TESTED = 8  # samples on which the geometry is tried
LARGE = 1 << 24  # pixels from which an image is looked at every n-th pixel
SAME = 0.05  # of the deviation: an interpolation that is closer is the one
ALIKE = 0.25  # of the deviation: a degraded truth that is closer is what the MS was made by (or from, but for noise)
MORE = 1.02  # ... if the other geometry fits worse by this


@dataclass
class Role:
    """Figures of one role over all samples looked at."""

    shapes: set[tuple[int, ...]] = field(default_factory=set)
    dtypes: set[str] = field(default_factory=set)
    low: float = math.inf
    high: float = -math.inf
    total: float = 0.0
    count: int = 0
    missing: int = 0
    whole: bool = True

    def add(self, image: np.ndarray, shape: tuple[int, ...], dtype: str) -> None:
        """Take an image into account."""
        self.shapes.add(shape)
        self.dtypes.add(dtype)
        seen = image[np.isfinite(image)] if image.dtype.kind == "f" else image
        self.missing += image.size - seen.size
        if seen.size:
            self.low, self.high = min(self.low, float(seen.min())), max(self.high, float(seen.max()))
            self.total += float(seen.sum(dtype=np.float64))
            self.count += seen.size
            self.whole = self.whole and bool((seen % 1 == 0).all())

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        seen = self.count > 0
        return {
            "shapes": sorted(list(shape) for shape in self.shapes),
            "dtypes": sorted(self.dtypes),
            "min": self.low if seen else None,
            "mean": self.total / self.count if seen else None,
            "max": self.high if seen else None,
            "missing": self.missing,
            "integers": self.whole and seen,
        }


def describe_sources(paths: Any, sensor: Any = None, samples: int | None = SAMPLES) -> dict[str, Any]:
    """Look into a data set without refusing what is wrong with it.

    Parameters
    ----------
    paths
        As for :func:`earthloom.training.cases.open.cases`.
    sensor
        Whose MTF the geometry is tried with; None: what the data set says, else generic.
    samples
        Look at so many, spread evenly; None looks at all.

    Returns
    -------
    dict
        ``layouts`` (name to number of scenes or samples), ``count``, ``looked_at``, ``sensor``, ``convention`` and
        ``maximum`` as declared, ``ratio``, ``bits`` (of the largest number found), ``roles`` (name to figures),
        ``geometry`` (``lms`` and ``ms`` to what they agree with, and how well), ``displaced`` (``gt`` and ``lms`` to
        how many samples lie whole coarse pixels off them, and by how much), ``trouble`` (what does not fit).

    Raises
    ------
    FileError, InputError
        If nothing is found, or a file lacks its keys or is cut short.
    """
    sources = layouts.find_sources(paths)
    kinds: dict[str, int] = {}
    for source in sources:
        kinds[source.layout] = kinds.get(source.layout, 0) + len(source)
    roles: dict[str, Role] = {}
    geometry, displaced = _Geometry(sensor), Displaced()
    trouble: list[str] = []
    told: list[str | None] = []
    units = [(source, index) for source in sources for index in range(len(source))]
    if samples is not None and samples < len(units):
        units = [units[i] for i in np.linspace(0, len(units) - 1, samples).round().astype(int)]
    tried = {round(i) for i in np.linspace(0, len(units) - 1, min(TESTED, len(units)))}
    for number, (source, index) in enumerate(units):
        arrays: dict[str, np.ndarray] = {}
        for role, image, shape, dtype in _images(source, index, told):
            roles.setdefault(role, Role()).add(image, shape, dtype)
            if image.shape == shape:
                arrays[role] = image
        displaced.add(arrays)
        if number in tried:
            geometry.add(arrays, source)
    if len({shape[0] for shape in roles.get("ms", Role()).shapes}) > 1:
        trouble.append("the number of MS bands differs between files")
    trouble += [f"{role} holds {r.missing} NaN or missing numbers" for role, r in roles.items() if r.missing]
    trouble += displaced.trouble()
    facts = sources[0].facts
    named = (getattr(sensor, "name", sensor), facts.sensor, *told)
    top = max((roles[r].high for r in ("gt", "ms", "pan") if r in roles), default=-math.inf)
    return {
        "layouts": kinds, "count": sum(kinds.values()), "looked_at": len(units),
        "sensor": next((s for s in named if s), None), "convention": facts.convention,
        "maximum": facts.maximum, "ratio": geometry.ratio, "bits": _bits(top),
        "roles": {role: figures.as_dict() for role, figures in roles.items()},
        "geometry": geometry.found(), "displaced": displaced.found(), "trouble": trouble,
    }  # fmt: skip


def _bits(top: float) -> int | None:
    """Bits that hold the largest number; None for fractions of 1."""
    return math.ceil(math.log2(top + 1)) if math.isfinite(top) and top > UNIT_MAXIMUM else None


def _images(
    source: Source, index: int, told: list[str | None]
) -> Iterator[tuple[str, np.ndarray, tuple[int, ...], str]]:
    """Role, numbers, full shape and dtype of every image of a sample; huge images every n-th pixel.

    ``told`` gets the sensors that the metadata name.
    """
    if not isinstance(source, Rasters):
        for role, image in source.read(index).items():
            yield role, image, image.shape, image.dtype.name
        return
    for role, files in source.files.items():
        with open_image(files, role=role) as image:
            told.append(image.sensor)
            shape = (image.count, *image.shape)
            data, valid = image.read() if math.prod(shape) <= LARGE else image.decimated(1024)
            yield role, np.where(valid, data, data.dtype.type(np.nan)), shape, image.dtype.name


class _Geometry:
    """Tries which interpolation made ``lms``, and where the samples of ``ms`` lie against ``gt``."""

    def __init__(self, sensor: Any) -> None:
        self.sensor, self.ratio = sensor, None
        self.errors: dict[str, dict[str, list[float]]] = {"lms": {}, "ms": {}}

    def add(self, images: Mapping[str, np.ndarray], source: Source) -> None:
        """Compare one sample; samples whose shapes do not fit, or with holes, say nothing."""
        arrays = {role: np.asarray(image, np.float64) for role, image in images.items() if role != "pan"}
        if not {"ms", "pan"} <= set(images) or not all(np.isfinite(a).all() for a in arrays.values()):
            return
        try:
            ratio = check_shapes(source.name, {r: (a.shape[0], a.shape[1], a.shape[2]) for r, a in images.items()})
        except ValueError:
            return
        self.ratio = ratio if self.ratio is None else self.ratio
        if "lms" in arrays:
            for name, guess in _interpolated(arrays["ms"], ratio):
                self.errors["lms"].setdefault(name, []).append(_apart(guess, arrays["lms"]))
        if "gt" in arrays:
            told = self.sensor if self.sensor is not None else source.facts.sensor
            for name, guess in _degraded(arrays["gt"], ratio, told, source.facts.bands):
                self.errors["ms"].setdefault(name, []).append(_apart(guess, arrays["ms"]))

    def found(self) -> dict[str, dict[str, Any]]:
        """What each agrees with best, and the rms difference of every candidate over the deviation of the image."""
        result = {}
        for role, tried in self.errors.items():
            errors = sorted((float(np.mean(values)), name) for name, values in tried.items())
            if errors:
                clear = len(errors) < 2 or errors[1][0] > MORE * errors[0][0]
                close = errors[0][0] < (SAME if role == "lms" else ALIKE)
                best = errors[0][1] if close and clear else "none of these"
                result[role] = {"best": best, "errors": {name: error for error, name in errors}}
        return result


def _interpolated(ms: np.ndarray, ratio: int) -> Iterator[tuple[str, np.ndarray]]:
    """The customary ways to bring the MS to the PAN grid."""
    if ratio % 2 == 0:
        yield "23 taps (toolbox)", interp23(ms, ratio)
    operators = (interpolation(n * ratio, n, float(ratio), (ratio - 1) / 2) for n in ms.shape[1:])
    rows, cols = operators
    yield "windowed sinc (centre)", apply(rows, cols, ms)
    yield "bicubic (centre)", imresize(ms, float(ratio))


def _degraded(
    gt: np.ndarray, ratio: int, sensor: Any, names: tuple[str, ...] | None
) -> Iterator[tuple[str, np.ndarray]]:
    """The truth as the MS would have seen it, in both conventions."""
    bands = match_bands(load(sensor), len(gt), names if sensor is not None else None)
    height, width = (n // ratio for n in gt.shape[1:])
    conventions: tuple[Convention, ...] = ("toolbox", "centre") if ratio % 2 == 0 else ("centre",)
    for convention in conventions:
        at = ratio / 2 if convention == "toolbox" else (ratio - 1) / 2
        empty = np.zeros((len(gt), height, width))
        view = View(empty, np.ones((height, width), bool), bands, (float(ratio), float(ratio)), (at, at))
        obs = Observation({"ms": view}, (gt.shape[1], gt.shape[2]), convention)
        yield convention, reduce(obs, gt, [band.mtf_nyquist for band in bands])


def _apart(guess: np.ndarray, image: np.ndarray) -> float:
    """Rms difference over the deviation of each band, in the middle half, where no border rule matters."""
    height, width = image.shape[1:]
    middle = (slice(None), slice(height // 4, height - height // 4), slice(width // 4, width - width // 4))
    error, deviation = (guess - image)[middle], image[middle].std(axis=(1, 2))
    each = np.sqrt((error**2).mean(axis=(1, 2))) / np.where(deviation > 0, deviation, np.inf)
    return float(each.mean())
