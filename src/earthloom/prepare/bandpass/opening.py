"""Source and target opened: sensor, bands, masks, how their numbers are stored."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earthloom.engine.inputs import opened
from earthloom.engine.options import Run
from earthloom.errors import InputError, warn
from earthloom.prepare.bandpass.levels import Levels, levels_of, require_levels
from earthloom.prepare.bandpass.pairing import PROBLEM, Pairing, require_sensor, wanted_bands
from earthloom.prepare.bandpass.transform import Side, Transform
from earthloom.problems.bandpass import nearest_band
from earthloom.raster.image import Image
from earthloom.raster.labels import bands_of
from earthloom.raster.metadata import matlab as benchmarks
from earthloom.raster.metadata import radiometry
from earthloom.raster.scenes.matched import MatchedScene, matched
from earthloom.raster.told import Told
from earthloom.raster.write.provenance import PREFIX
from earthloom.sensors import Sensor, load
from earthloom.types import Band


@dataclass(frozen=True, eq=False)
class Identified:
    """One image with what is known about it."""

    image: Image
    sensor: Sensor
    bands: tuple[Band, ...]
    mask: Image | None
    told: Told


def side(one: Identified) -> Side:
    """One of the two sensors, as its image stores its numbers."""
    image = one.image
    return Side(one.bands, one.sensor.name, image.scales, image.offsets, image.nodata)


def identified(
    image: Image, role: str, mask: Image | None, told: Told, force: bool, fact: Callable[..., Any] = lambda **_: None
) -> Identified:
    """An opened image with what is known about it, and its mask.

    Raises
    ------
    InputError
        If nobody says which sensor it is from, or it was aligned before.
    """
    image = image.north_up()
    if not force:
        require_unaligned(image, role)
    sensor = require_sensor(told.sensor or image.sensor, role)
    if told.sensor is not None and image.sensor is not None and load(image.sensor).name != sensor.name:
        warn(f"{image.name}: taken as {sensor.title}, as told; its metadata say {load(image.sensor).title}")
    if mask is not None and mask.count != 1:
        raise InputError(f"the mask {mask.name} of {mask.count} bands", "one band", "write that band to a file")
    return Identified(image, sensor, bands_of(image, sensor, fact=fact), mask, told)


def open_one(paths: Any, role: str, mask: Any, told: Told, force: bool, stack: ExitStack) -> Identified:
    """Open an image and its mask; see :func:`identified`."""
    given = {role: paths} | ({f"{role}_mask": mask} if mask is not None else {})
    images = opened(given, None, stack, {role: told})
    return identified(images[role], role, images.get(f"{role}_mask"), told, force)


def require_numbers(one: Identified, role: str, sensor: str) -> Levels:
    """What an image's numbers look like; refused where they cannot be what they are taken for.

    An array's are the user's word.
    """
    levels = levels_of(one.image, role)
    if not one.image.in_memory:
        told = one.told.scale is not None or one.told.offset is not None
        require_levels(levels, one.image, role, sensor, told)
    return levels


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
                "the sensor's own image", "`force=True` aligns it once more",
            )  # fmt: skip
        hls = radiometry.hls(Path(path))
        if hls is not None and hls.aligned_to is not None:
            raise InputError(
                f"the {role} {Path(path).name} is already aligned: HLS brought it to the bands of {hls.aligned_to}",
                "an image of Level 2A", "`force=True` aligns it once more",
            )  # fmt: skip


def pair_scene(seen: Identified, other: Identified | None, to: Sensor, pairing: Pairing, run: Run) -> MatchedScene:
    """Source and target on one grid; without a target the source alone."""
    if other is None:
        return MatchedScene(seen.image, None, seen.bands, wanted_bands(seen.bands, to, pairing.target.bands))
    require_numbers(other, "target", to.name)
    masks = tuple(
        (role, one.mask, one.told.cloudy) for role, one in (("source", seen), ("target", other)) if one.mask is not None
    )
    scene = matched(seen.image, other.image, seen.bands, other.bands, masks, run.ignore_georeferencing)
    for note in scene.notes:
        run.tell(note)
    return scene


def require_source(transform: Transform, seen: Identified) -> None:
    """Refuse an image of another sensor, or with other bands than the transform takes."""
    own, wanted = seen.image.sensor, transform.source
    if own is not None and wanted.sensor is not None and load(own).name != wanted.sensor:
        raise InputError(
            f"{seen.image.name} of {own}", f"an image of {wanted.sensor}", "the transform was fitted to that sensor"
        )  # fmt: skip
    order = nearest_band(seen.bands, wanted.bands)
    if len(seen.bands) != len(wanted.bands) or order != list(range(len(order))):
        raise InputError(
            f"{seen.image.name} with bands {', '.join(band.name for band in seen.bands)}",
            f"{', '.join(band.name for band in wanted.bands)}, as the transform was fitted to",
            "`source_bands` picks and orders them",
        )  # fmt: skip
