"""Source and target opened: sensor, bands, masks, how their numbers are stored."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.arrays import dtype_of
from earthloom.engine.old import nodata_for
from earthloom.engine.options import Options
from earthloom.errors import InputError, warn
from earthloom.methods.base import Method
from earthloom.prepare.bandpass.levels import levels_of, require_levels
from earthloom.prepare.bandpass.pairing import PROBLEM, Pairing, require_sensor, wanted_bands
from earthloom.prepare.bandpass.transform import Side, Transform
from earthloom.problems.bandpass import nearest
from earthloom.raster.image import Image
from earthloom.raster.metadata import matlab as benchmarks
from earthloom.raster.metadata import radiometry
from earthloom.raster.open import open_image
from earthloom.raster.scenes.matched import MatchedScene, matched
from earthloom.raster.scenes.sharpening import bands_of
from earthloom.raster.told import Told
from earthloom.raster.write.provenance import PREFIX
from earthloom.sensors import Sensor, load
from earthloom.types import Band


@dataclass(frozen=True)
class Style:
    """How a product's numbers are stored: ``physical = scale * number + offset``, one of each for every band."""

    dtype: np.dtype
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    nodata: float | None

    @classmethod
    def of(cls, seen: Opened, other: Opened | None, method: Method, options: Options) -> Style:
        """As the source, or the target where there is one, stores its own; nodata is always the source's."""
        like = seen if other is None else other
        dtype = dtype_of(options.dtype or like.image.dtype)
        count = len(other.bands) if other is not None else None
        return cls.like(like.image, dtype, count, seen.image, options)

    @classmethod
    def like(cls, image: Image, dtype: np.dtype, count: int | None, source: Image, options: Options) -> Style:
        """As an image: its scalings where they are one, or one for each of ``count`` bands."""
        pairs = list(zip(image.scales, image.offsets, strict=True))
        same = len(set(pairs)) == 1 or len(pairs) != count
        scales, offsets = ((pairs[0][0],), (pairs[0][1],)) if same else (image.scales, image.offsets)
        nodata = nodata_for(source.nodata, dtype, options.nodata, source.reader.maskable)
        return cls(dtype, scales, offsets, nodata)

    def each(self, count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Scales and offsets of so many bands."""
        if len(self.scales) == count:
            return self.scales, self.offsets
        return self.scales[:1] * count, self.offsets[:1] * count


@dataclass(frozen=True, eq=False)
class Opened:
    """One image with what is known about it."""

    image: Image
    sensor: Sensor
    bands: tuple[Band, ...]
    mask: Image | None
    told: Told


def side(one: Opened) -> Side:
    """One of the two sensors, as its image stores its numbers."""
    image = one.image
    return Side(one.bands, one.sensor.name, image.scales, image.offsets, image.nodata)


def open_one(paths: Any, role: str, mask: Any, told: Told, force: bool, stack: ExitStack) -> Opened:
    """Open an image and its mask.

    Raises
    ------
    InputError
        If nobody says which sensor it is from, or it was aligned before.
    """
    image = open_image(
        paths, role="ms", bands=told.bands, nodata=told.nodata, scale=told.scale, offset=told.offset
    ).north_up()  # fmt: skip
    stack.callback(image.close)
    if not force:
        require_unaligned(image, role)
    sensor = require_sensor(told.sensor or image.sensor, role)
    if told.sensor is not None and image.sensor is not None and load(image.sensor).name != sensor.name:
        warn(f"{image.name}: taken as {sensor.title}, as told; its metadata say {load(image.sensor).title}")
    clouds = None
    if mask is not None:
        clouds = open_image(mask)
        stack.callback(clouds.close)
        if clouds.count != 1:
            raise InputError(f"the mask {clouds.name} of {clouds.count} bands", "one band", "write that band to a file")
    names = [str(band) for band in told.bands] if told.bands and not any(image.names) else None
    return Opened(image, sensor, bands_of(image, sensor, names), clouds, told)


def require_unaligned(image: Image, role: str) -> None:
    """Refuse an image whose provenance, or whose product's name, says that its bands stand for another sensor already.

    Raises
    ------
    InputError
        If they do.
    """
    for path in image.paths:
        address = benchmarks.parse_address(path)
        method, sensor = (None, None)
        if address is None:
            tags = image.tags
            method, sensor = tags.get(f"{PREFIX}METHOD"), tags.get(f"{PREFIX}SENSOR")
        if method is not None and method.startswith(f"{PROBLEM}/"):
            raise InputError(
                f"the {role} {Path(path).name} is already aligned to {sensor or 'another sensor'} ({method})",
                "the sensor's own image", "--force (force=True) aligns it once more",
            )  # fmt: skip
        hls = radiometry.hls(Path(path))
        if hls is not None and hls.aligned_to is not None:
            raise InputError(
                f"the {role} {Path(path).name} is already aligned: HLS brought it to the bands of {hls.aligned_to}",
                "an image of Level 2A", "--force (force=True) aligns it once more",
            )  # fmt: skip


def pair_scene(seen: Opened, other: Opened | None, to: Sensor, pairing: Pairing, options: Options) -> MatchedScene:
    """Source and target on one grid; without a target the source alone."""
    if other is None:
        return MatchedScene(seen.image, None, seen.bands, wanted_bands(seen.bands, to, pairing.target.bands))
    levels = levels_of(other.image, "target")
    told = pairing.target.scale is not None or pairing.target.offset is not None
    require_levels(levels, other.image, "target", to.name, told)
    masks = tuple(
        (role, one.mask, one.told.cloudy) for role, one in (("source", seen), ("target", other)) if one.mask is not None
    )
    scene = matched(seen.image, other.image, seen.bands, other.bands, masks, options.ignore_georeferencing)
    for note in scene.notes:
        options.tell(note)
    return scene


def _require_source(transform: Transform, seen: Opened) -> None:
    """Refuse an image of another sensor, or with other bands than the transform takes."""
    own, wanted = seen.image.sensor, transform.source
    if own is not None and wanted.sensor is not None and load(own).name != wanted.sensor:
        raise InputError(
            f"{seen.image.name} of {own}", f"an image of {wanted.sensor}", "the transform was fitted to that sensor"
        )  # fmt: skip
    order = nearest(seen.bands, wanted.bands)
    if len(seen.bands) != len(wanted.bands) or order != list(range(len(order))):
        raise InputError(
            f"{seen.image.name} with bands {', '.join(band.name for band in seen.bands)}",
            f"{', '.join(band.name for band in wanted.bands)}, as the transform was fitted to",
            "--source-bands picks and orders them",
        )  # fmt: skip
