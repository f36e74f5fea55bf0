"""The images of a series gathered by their days, from folders or mappings of arrays; opened and measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from earthloom.engine.arrays import Taken
from earthloom.engine.inputs import opened, taken_of
from earthloom.engine.options import Run
from earthloom.errors import InputError
from earthloom.prepare.spatiotemporal.known import Handling, told_of
from earthloom.prepare.spatiotemporal.library import Library, role
from earthloom.prepare.spatiotemporal.opening import lay_series
from earthloom.raster.listing.by_day import Sources, by_day
from earthloom.raster.listing.days import parse_date


@dataclass(frozen=True)
class Gathered:
    """Role to path or array, masks as ``<role>_mask``; and role to day."""

    inputs: Mapping[str, Any]
    days: Mapping[str, date]
    files: bool


def gathered(
    fine: Any, coarse: Any, fine_masks: Any = None, coarse_masks: Any = None, date_pattern: str | None = None
) -> Gathered:
    """Find the images of a series.

    Parameters
    ----------
    fine, coarse, fine_masks, coarse_masks
        Folders, patterns or lists of files; or mappings of days to arrays.
    date_pattern
        Where the date stands in a name.

    Raises
    ------
    InputError
        If some are files and some arrays, two have one day, or a mask has no image.
    FileError
        If there is no file.
    """
    some = [one for one in (fine, coarse, fine_masks, coarse_masks) if one is not None]
    kinds = {isinstance(one, Mapping) for one in some}
    if len(kinds) > 1:
        raise InputError("some images as files and some as a mapping", "all of one kind")
    if kinds == {True}:
        images = {sensor: _of_mapping(given, sensor) for sensor, given in (("fine", fine), ("coarse", coarse))}
        masks = {"fine": _of_mapping(fine_masks or {}, "fine"), "coarse": _of_mapping(coarse_masks or {}, "coarse")}
        for sensor, own in masks.items():
            if odd := sorted(set(own) - set(images[sensor])):
                raise InputError(
                    f"a mask of {odd[0]}, of which there is no {sensor} image", "masks of images there are"
                )
    else:
        sources = Sources(fine, coarse, fine_masks, coarse_masks, date_pattern)
        images = {sensor: by_day(given, sources, sensor) for given, sensor in sources.images}
        told = (("fine", fine_masks), ("coarse", coarse_masks))
        masks = {
            sensor: by_day(given, sources, f"{sensor} mask") if given is not None else {} for sensor, given in told
        }
    inputs: dict[str, Any] = {}
    days: dict[str, date] = {}
    for sensor in ("fine", "coarse"):
        for day, image in sorted(images[sensor].items()):
            inputs[role(sensor, day)], days[role(sensor, day)] = image, day
            if day in masks[sensor]:
                inputs[f"{role(sensor, day)}_mask"] = masks[sensor][day]
    return Gathered(inputs, days, kinds == {False})


def _of_mapping(images: Mapping[Any, Any], sensor: str) -> dict[date, Any]:
    """A mapping with days as keys."""
    found: dict[date, Any] = {}
    for key, image in images.items():
        day = parse_date(key)
        if day in found:
            raise InputError(f"two {sensor} images of {day}", "one for each day")
        found[day] = image
    return found


@contextmanager
def opened_library(
    found: Gathered, handling: Handling, run: Run
) -> Iterator[tuple[Library, Mapping[str, Taken] | None]]:
    """All images opened, laid and measured; and the arrays, where they are some. The files are closed at the end.

    Raises
    ------
    EarthloomError
        Whatever stands in the way, in words.
    """
    taken = taken_of(found.inputs)
    with ExitStack() as stack:
        images = opened(found.inputs, taken, stack, told_of(found.inputs, handling), tolerant=run.tolerant)
        yield lay_series(images, found.days, handling, run), taken
