"""What cloud removal sees: views made of what was read, the same for files and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date as day
from typing import Literal

import numpy as np

from earthloom.errors import InputError
from earthloom.ops.grow import grow
from earthloom.physics.backscatter import is_db, to_db
from earthloom.physics.cloudmask import CloudLevels, Rules, find_clouds, roles
from earthloom.problems.cloud_removal import cloud_view
from earthloom.sensors import load
from earthloom.types import Band, View

SarUnits = Literal["auto", "db", "linear"]
POLARISATIONS = ("VV", "VH")
MOST_SAR = 4
VISIBLE_NM = (490.0, 560.0, 665.0, 842.0)
Reading = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Sights:
    """Turns what was read of each role into views.

    Roles: ``optical``, ``sar``, ``mask``, ``date_k``, ``date_k_mask``; all but the first may be missing.

    Parameters
    ----------
    bands
        Of the optical image and the dates.
    sar_db
        Whether the SAR is in dB already.
    sar_names
        Its bands.
    mask_values
        Numbers in a mask that mean cloud; None: all but 0.
    rules
        How clouds are found where there is no mask; None: they are not.
    known
        Role to levels, for images whose clouds are to be found.
    days
        Role to day of acquisition.
    dilate_px
        Masks, given or found, are made larger by so many pixels.
    """

    bands: tuple[Band, ...]
    sar_db: bool = True
    sar_names: tuple[str, ...] = POLARISATIONS
    mask_values: tuple[float, ...] | None = None
    rules: Rules | None = None
    known: Mapping[str, CloudLevels] | None = None
    days: Mapping[str, day | None] | None = None
    dilate_px: int = 0

    def __call__(self, read: Mapping[str, Reading]) -> dict[str, View]:
        """The views ``optical``, ``cloud``, ``sar``, ``date_1`` ..."""
        views = {"optical": self._optical("optical", read)}
        views["cloud"] = cloud_view(self._clouds("optical", "mask", read), views["optical"].data.dtype)
        if "sar" in read:
            views["sar"] = self._sar(*read["sar"])
        for role in sorted((r for r in read if r.startswith("date_") and not r.endswith("mask")), key=_number):
            view = self._optical(role, read)
            seen = view.valid & ~self._clouds(role, f"{role}_mask", read)
            views[role] = replace(view, valid=seen)
        return views

    def _optical(self, role: str, read: Mapping[str, Reading]) -> View:
        """An optical image."""
        data, valid = read[role]
        return View(data, valid, self.bands, date=(self.days or {}).get(role))

    def _clouds(self, role: str, mask_role: str, read: Mapping[str, Reading]) -> np.ndarray:
        """Clouds and shadows: from a mask, else found, else none; made larger where that is asked for."""
        return grow(self._marked(role, mask_role, read), self.dilate_px)

    def _marked(self, role: str, mask_role: str, read: Mapping[str, Reading]) -> np.ndarray:
        """What the mask or the thresholds say."""
        data, valid = read[role]
        if mask_role in read:
            numbers, told = read[mask_role]
            wanted = numbers[0] != 0 if self.mask_values is None else np.isin(numbers[0], self.mask_values)
            return wanted & told
        known = (self.known or {}).get(role)
        if self.rules is None or known is None or not data.size:
            return np.zeros(valid.shape, bool)
        found = find_clouds(data, self.bands, valid, self.rules, known)
        return found.cloud | found.shadow

    def _sar(self, data: np.ndarray, valid: np.ndarray) -> View:
        """SAR in dB; no power at all is no measurement (the borders of radar products)."""
        if not self.sar_db:
            valid = valid & (data > 0).all(axis=0)
            data = to_db(data)
        data = np.where(valid, data, data.dtype.type(0)) if data.size else data
        return View(data, valid, tuple(Band(name) for name in self.sar_names))


def _number(role: str) -> int:
    """k of ``date_k``."""
    return int(role[5:])


def decide_db(units: SarUnits, data: np.ndarray, valid: np.ndarray) -> tuple[bool, str]:
    """Whether SAR is in dB, as told or as its numbers say, and a note.

    Raises
    ------
    InputError
        For an unknown unit, or negative power.
    """
    if units not in ("auto", "db", "linear"):
        raise InputError(f"SAR units '{units}'", "auto, db or linear")
    found = is_db(data, valid)
    if units == "linear" and found:
        share = (data[:, valid] < 0).mean()
        raise InputError(f"SAR in linear power of which {share:.0%} is negative", "dB", "say `sar_units=db`")
    if units != "auto":
        return units == "db", f"SAR in {'dB' if units == 'db' else 'linear power'}, as told"
    why = "in dB (it is negative)" if found else "in linear power (it is positive)"
    return found, f"SAR taken to be {why}; `sar_units` says otherwise"


def sar_names(count: int, told: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the SAR bands: those of the file, else VV and VH.

    Raises
    ------
    InputError
        If there are too many bands for a radar image.
    """
    if not 1 <= count <= MOST_SAR:
        raise InputError(
            f"SAR of {count} bands", f"VV and VH (1 to {MOST_SAR} bands)", "are `optical` and `sar` exchanged?"
        )
    known = [name.upper() for name in told if name.upper() in ("VV", "VH", "HH", "HV")]
    if len(known) == count:
        return tuple(known)
    return POLARISATIONS[:count] if count <= 2 else tuple(f"SAR_{i}" for i in range(1, count + 1))


def with_wavelengths(bands: tuple[Band, ...]) -> tuple[tuple[Band, ...], str]:
    """Wavelengths for an image that tells none, as its number of bands suggests, and a note ("" when known).

    13 and 12 bands are taken for Sentinel-2 L1C and L2A, 4 for blue, green, red and NIR; others stay unknown.
    """
    if any(band.centre_nm is not None for band in bands):
        return bands, ""
    sentinel = load("sentinel2a")
    if len(bands) == len(sentinel.bands):
        nm, what = [b.centre_nm for b in sentinel.bands], "Sentinel-2 L1C"
    elif len(bands) == len(sentinel.subsets["level_2a"]):
        nm = [b.centre_nm for b in sentinel.bands if b.name in sentinel.subsets["level_2a"]]
        what = "Sentinel-2 L2A"
    elif len(bands) == len(VISIBLE_NM):
        nm, what = list(VISIBLE_NM), "blue, green, red, NIR"
    else:
        return bands, ""
    filled = tuple(replace(band, centre_nm=centre) for band, centre in zip(bands, nm, strict=True))
    return filled, f"{len(bands)} bands without wavelengths taken to be {what}; `sensor` says otherwise"


def require_roles(bands: tuple[Band, ...]) -> None:
    """Refuse to look for clouds in bands of which too little is known.

    Raises
    ------
    InputError
        With what is missing.
    """
    if missing := [role for role in ("blue", "green", "red", "nir") if role not in roles(bands)]:
        raise InputError(
            f"no cloud mask, and no {', '.join(missing)} band to find clouds with", "a mask",
            "give `mask=FILE`, or `sensor=NAME` so that the bands are known",
        )  # fmt: skip
