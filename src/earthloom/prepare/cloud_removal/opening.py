"""A cloudy image, radar and other dates on one grid, and what is known about the clouds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from earthloom.engine.options import Options
from earthloom.errors import InputError
from earthloom.physics.cloudmask import Rules, levels
from earthloom.prepare.cloud_removal.sights import (
    SarUnits,
    Sights,
    decide_db,
    require_roles,
    sar_names,
    with_wavelengths,
)
from earthloom.raster.image import Image
from earthloom.raster.open import open_image
from earthloom.raster.scenes.sharpening import bands_of
from earthloom.raster.scenes.stack import Stack, lay
from earthloom.sensors import Sensor, load
from earthloom.types import Observation


@dataclass(frozen=True)
class Clouds:
    """What is known about clouds and radar, whatever the method.

    Parameters
    ----------
    mask_values
        Numbers in the masks that mean cloud or shadow; None: all but 0.
    sar_units
        ``auto``, ``db`` or ``linear``.
    rules
        How clouds are found where no mask is given.
    replace_all
        Take the method's image at clear pixels too.
    """

    mask_values: tuple[float, ...] | None = None
    sar_units: SarUnits = "auto"
    rules: Rules = field(default_factory=Rules)
    replace_all: bool = False


def named(optical: Any, sar: Any, mask: Any, dates: Sequence[Any], date_masks: Sequence[Any] | None) -> dict[str, Any]:
    """Role to input, without those that are not given.

    Raises
    ------
    InputError
        If there are not as many masks as dates.
    """
    masks = [None] * len(dates) if date_masks is None else list(date_masks)
    if len(masks) != len(dates):
        raise InputError(f"{len(masks)} masks for {len(dates)} dates", "one mask for each date, or none at all")
    found = {"optical": optical, "sar": sar, "mask": mask}
    for k, (date, its_mask) in enumerate(zip(dates, masks, strict=True), start=1):
        found |= {f"date_{k}": date, f"date_{k}_mask": its_mask}
    return {role: value for role, value in found.items() if value is not None}


def _is_optical(role: str) -> bool:
    """The optical image and the other dates, whose nodata code an option can set."""
    return role == "optical" or (role.startswith("date_") and not role.endswith("mask"))


def require_bands(counts: Mapping[str, int]) -> None:
    """Refuse dates of other bands than the optical image, and masks of several.

    Raises
    ------
    InputError
        Names both.
    """
    for role, count in counts.items():
        if role.endswith("mask") and count != 1:
            raise InputError(f"a {role} of {count} bands", "one band", "write the band that is meant to a file")
        if _is_optical(role) and count != counts["optical"]:
            raise InputError(
                f"{role} of {count} bands and an optical image of {counts['optical']}", "the same bands",
                "choose the bands that both have",
            )  # fmt: skip


def prepare(
    bands: Sequence[Any], samples: Mapping[str, tuple[np.ndarray, np.ndarray]], clouds: Clouds, names: tuple[str, ...]
) -> tuple[Sights, list[str]]:
    """How views are made, judged by the images or samples of them; and what was decided, in words.

    Raises
    ------
    InputError
        If clouds must be found and the bands are not known, or SAR is not what it is said to be.
    """
    notes = []
    filled, note = with_wavelengths(tuple(bands))
    searched = [role for role in samples if _is_optical(role) and _mask_role(role) not in samples]
    if searched:
        require_roles(filled)
        notes += [note] if note else []
        notes.append(f"clouds of {', '.join(searched)} found by thresholds; a mask says otherwise")
    known = {role: levels(samples[role][0], filled, samples[role][1]) for role in searched}
    is_db = True
    if "sar" in samples:
        is_db, told = decide_db(clouds.sar_units, *samples["sar"])
        notes.append(told)
    rules = clouds.rules if searched else None
    return Sights(filled, is_db, names, clouds.mask_values, rules, known), notes


def _mask_role(role: str) -> str:
    """The role of the mask of an optical image."""
    return "mask" if role == "optical" else f"{role}_mask"


def require_measured(obs: Observation) -> None:
    """Refuse images that hold nothing.

    Raises
    ------
    InputError
        Names the image.
    """
    if not obs["optical"].valid.any():
        raise InputError("the optical image has no valid pixel", "", "check nodata and NaN")


RESAMPLING = {"sar": "bilinear", "mask": "nearest"}  # cubic makes power negative; dates: cubic


def open_stack(inputs: Mapping[str, Any], clouds: Clouds, options: Options) -> tuple[Stack, Sensor | None]:
    """Open the images and lay them on the grid of the optical one.

    Raises
    ------
    EarthloomError
        Whatever stands in the way, in words.
    """
    images: dict[str, Image] = {}
    notes: list[str] = []
    try:
        for role, paths in inputs.items():
            own = role == "optical" or (role.startswith("date_") and not role.endswith("mask"))
            image = open_image(paths, role="ms", nodata=options.nodata if own else None)
            images[role] = image
            if role == "optical":
                images[role] = image.north_up() if image.georeferenced else image  # else as the others lie
                continue
            kind = RESAMPLING["mask" if role.endswith("mask") else role] if not own else "cubic"
            images[role], note = lay(image, images["optical"], kind, options.ignore_georeferencing)
            notes += [note] if note else []
        require_bands({role: image.count for role, image in images.items()})
        name = options.sensor or images["optical"].sensor
        sensor = load(name) if name else None
        bands = bands_of(images["optical"], sensor)
        names = sar_names(images["sar"].count, images["sar"].names) if "sar" in images else ()
        overviews = {role: image.decimated() for role, image in images.items()}
        for role, (_, valid) in overviews.items():
            if not valid.any() and not images[role].any_valid():
                raise InputError(f"{images[role].name} holds no valid pixel", "some data", "check its nodata code")
        sights, told = prepare(bands, overviews, clouds, names)
    except BaseException:
        for image in images.values():
            image.close()
        raise
    sights = replace(sights, days={role: image.acquired for role, image in images.items()})
    margin = clouds.rules.reach_px if sights.rules is not None else 0
    stack = Stack(images, sights, margin, tuple(notes + told))
    for note in stack.notes:
        options.tell(note)
    options.tell(f"{stack.shape[0]} x {stack.shape[1]} pixels, {len(bands)} bands, {len(images)} images")
    return stack, sensor
