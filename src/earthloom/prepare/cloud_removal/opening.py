"""A cloudy image, radar and other dates on one grid, and what is known about the clouds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.prepared import Numbers, Prepared
from earthloom.errors import InputError
from earthloom.methods.wrappers.keeping import Keeping, replaced_percent
from earthloom.metrics.seams import seam_of
from earthloom.ops.moments import Stats
from earthloom.physics.cloudmask import Rules, levels
from earthloom.prepare.cloud_removal.quality import Declouded, layers_of
from earthloom.prepare.cloud_removal.sights import (
    SarUnits,
    Sights,
    decide_db,
    require_roles,
    sar_names,
    with_wavelengths,
)
from earthloom.raster.image import Image
from earthloom.raster.labels import bands_of
from earthloom.raster.products.masks import PROBABILITY, MaskFrom, as_mask
from earthloom.raster.scenes.stack import Stack, exact, lay_on
from earthloom.sensors import load


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
    mask_from
        Who makes such masks as are given, which says what their numbers mean; None: ``mask_values``.
    mask_probability
        From which a mask of probabilities means cloud.
    dilate_px
        Masks are made larger by so many pixels.
    """

    mask_values: tuple[float, ...] | None = None
    sar_units: SarUnits = "auto"
    rules: Rules = field(default_factory=Rules)
    replace_all: bool = False
    mask_from: MaskFrom | None = None
    mask_probability: float = PROBABILITY
    dilate_px: int = 0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.mask_from is not None and self.mask_values is not None:
            raise InputError("`mask_from` and `mask_values`", "one of them")
        if self.dilate_px < 0:
            raise InputError(f"masks made larger by {self.dilate_px} pixels", "0 or more")


def inputs_of_roles(
    optical: Any, sar: Any, mask: Any, dates: Sequence[Any], date_masks: Sequence[Any] | None
) -> dict[str, Any]:
    """Role to input, without those that are not given.

    Raises
    ------
    InputError
        If there are not as many masks as dates.
    """
    masks = [None] * len(dates) if date_masks is None else list(date_masks)
    if len(masks) != len(dates):
        raise InputError(
            f"{len(masks)} masks for {len(dates)} dates",
            "one mask for each date, or none at all",
            "none stands for a date without",
        )
    found = {"optical": optical, "sar": sar, "mask": mask}
    for k, (date, its_mask) in enumerate(zip(dates, masks, strict=True), start=1):
        found |= {f"date_{k}": date, f"date_{k}_mask": its_mask}
    return {role: value for role, value in found.items() if value is not None}


def _is_optical(role: str) -> bool:
    """The optical image and the other dates, whose nodata code an option can set."""
    return role == "optical" or (role.startswith("date_") and not role.endswith("mask"))


def require_band_counts(counts: Mapping[str, int]) -> None:
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


def judged(
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


RESAMPLING = {"sar": "bilinear", "mask": "nearest"}  # cubic makes power negative; dates: cubic


@dataclass(frozen=True)
class Declouding:
    """What is told about the images of a cloud removal; called with them, it prepares.

    Parameters
    ----------
    clouds
        About clouds and radar.
    sensor
        Of the optical image: a name, or path of a sensor file; None: what the metadata say.
    nodata
        Code of missing pixels, for the product too.
    beside
        Whether a file that says where each pixel comes from goes with the product.
    save_mask
        File for the mask that was used.
    """

    clouds: Clouds
    sensor: Any = None
    nodata: float | None = None
    beside: bool = False
    save_mask: Path | None = None

    def __call__(self, images: Mapping[str, Image], run: Run) -> Prepared:
        """Lay the images on the grid of the optical one, and decide what is cloud and how the radar is to be read.

        Raises
        ------
        EarthloomError
            Whatever stands in the way, in words.
        """
        laid, notes = _laid(self._meant(images), run.ignore_georeferencing)
        require_band_counts({role: image.count for role, image in laid.items()})
        first = laid["optical"]
        name = self.sensor or first.sensor
        sensor = load(name) if name else None
        bands = bands_of(first, sensor, fact=run.fact)
        names = sar_names(laid["sar"].count, laid["sar"].names) if "sar" in laid else ()
        sights, told = judged(bands, _samples(laid), self.clouds, names)
        days = {role: image.acquired for role, image in laid.items()}
        sights = replace(sights, days=days, dilate_px=self.clouds.dilate_px)
        margin = (self.clouds.rules.reach_px if sights.rules is not None else 0) + self.clouds.dilate_px
        stack = Stack(laid, sights, margin, tuple(notes + told))
        for note in stack.notes:
            run.tell(note)
        run.tell(f"{stack.shape[0]} x {stack.shape[1]} pixels, {len(bands)} bands, {len(laid)} images")
        bands = stack.empty()["optical"].bands
        found = "given" if "mask" in laid else "found by thresholds"
        dated = {role: days[role] for role in laid if role.startswith("date_") and not role.endswith("mask")}
        layers = layers_of(self.beside, self.save_mask, dated)
        return Prepared(
            stack, "optical", "optical", replace(Numbers.of(first, self.nodata, True), spare=spare_code(first)), bands,
            tuple(name or band.name for name, band in zip(first.names, bands, strict=True)), first.crs, first.transform,
            {role: image.paths for role, image in laid.items()}, sensor.name if sensor else None,
            facts={"clouds": self._told(found), "sar": {"db": sights.sar_db}},
            wrap=partial(Keeping, replace_all=self.clouds.replace_all), figures=share_replaced, called="declouded",
            layers=layers, judged=self.beside,
            job=partial(Declouded, beside=self.beside, masked=self.save_mask is not None,
                everywhere=self.clouds.replace_all),
            caution=holes_left if "mask" in laid else partial(cautions, mask=self.save_mask),
        )  # fmt: skip

    def _meant(self, images: Mapping[str, Image]) -> dict[str, Image]:
        """Masks of a known kind as 0 and 1."""
        kind, least = self.clouds.mask_from, self.clouds.mask_probability
        if kind is None:
            return dict(images)
        return {r: as_mask(image, kind, least) if r.endswith("mask") else image for r, image in images.items()}

    def _told(self, found: str) -> dict[str, Any]:
        """What is known about the mask, for the provenance."""
        clouds = self.clouds
        told = {"mask": found, "values": clouds.mask_values, "from": clouds.mask_from, "dilate_px": clouds.dilate_px}
        return {key: value for key, value in told.items() if value is not None}


def _laid(images: Mapping[str, Image], ignore_georeferencing: bool) -> tuple[dict[str, Image], list[str]]:
    """All images on the grid of the optical one, and what was done to them."""
    optical = images["optical"]
    laid = {"optical": optical.north_up() if optical.georeferenced else optical}  # else as the others lie
    notes = []
    for role, image in images.items():
        if role == "optical":
            continue
        kind = "cubic" if _is_optical(role) else RESAMPLING["mask" if role.endswith("mask") else role]
        laid[role], note = lay_on(image, laid["optical"], kind, ignore_georeferencing)
        notes += [note] if note else []
    return laid, notes


def _samples(laid: Mapping[str, Image]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What images are judged by: every n-th pixel of radar and of those without a mask, nothing of the others.

    Raises
    ------
    InputError
        If nothing in one is valid.
    """
    found = {}
    for role, image in laid.items():
        judged_by = role == "sar" or (_is_optical(role) and _mask_role(role) not in laid)
        found[role] = _thinned(image) if judged_by else _NOTHING
        if not found[role][1].any() and not image.any_valid():
            raise InputError(f"{image.name} has no valid pixel", "some data", "check nodata and NaN")
    return found


_NOTHING = np.zeros((0, 0, 0)), np.zeros((0, 0), bool)


def _thinned(image: Image) -> tuple[np.ndarray, np.ndarray]:
    """Every n-th pixel, in the type in which the image is worked on."""
    data, valid = image.decimated()
    return data.astype(exact(image.dtype)), valid


def share_replaced(measured: Stats) -> dict[str, float]:
    """How much lay under clouds, what fills it, in percent of that, and the seam at its rim."""
    percent, unfilled = replaced_percent(measured), replaced_percent(measured, "unfilled")
    if percent is None:
        return {}
    found = {"cloud_percent": percent} | ({"unfilled_percent": unfilled} if unfilled else {})
    for name in ("dated", "radar", "around"):
        if share := replaced_percent(measured, name):
            found[f"{name}_percent"] = 100 * share / percent
    seam = seam_of(measured)
    return found if seam is None else {**found, "seam": seam}


def holes_left(figures: Mapping[str, Any]) -> str:
    """A word of caution where clouds were not filled."""
    unfilled = figures.get("unfilled_percent")
    if not unfilled:
        return ""
    return (
        f"{unfilled:.3g} % of the pixels lay under clouds and are missing in the product: nothing shows them clear; "
        "masks of the dates (`date_masks`) say what is clear there, more dates or `method=inpaint` fill them"
    )


def cautions(figures: Mapping[str, Any], mask: Path | None) -> str:
    """What thresholds decided, and what is missing."""
    return "; ".join(one for one in (thresholds_found(figures, mask), holes_left(figures)) if one)


def thresholds_found(figures: Mapping[str, Any], mask: Path | None) -> str:
    """A word of caution where thresholds decided what is cloud."""
    percent = figures.get("cloud_percent")
    if not percent:
        return ""
    look = f"look at {mask}" if mask else "`save_mask=FILE` shows where"
    return (
        f"clouds found by thresholds: {percent:.3g} % of the pixels are replaced, bright roofs, sand and floods "
        f"perhaps among them; {look}; a mask of your own is better (`mask=FILE`)"
    )


def spare_code(image: Image) -> float:
    """A code for pixels that nobody saw: the end of the integers, where numbers are rare; a clear 0 stays 0."""
    if image.dtype.kind == "f":
        return 0.0
    limits = np.iinfo(image.dtype)
    return float(limits.max if image.dtype.kind == "u" else limits.min)
