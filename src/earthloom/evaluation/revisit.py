"""`earthloom revisit`: how often several sensors see one place clear, each alone and merged, and how long the gaps are.

A sensor sees a place once a day: scenes of one day and sensor are joined. With masks every pixel has a series of its
own, and figures are means (counts) and medians (gaps) over the pixels; with cloud cover alone a scene is clear where
no more than a given share of it is clouded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.notebook import Table, Tabular
from earthloom.raster.listing.days import parse_date
from earthloom.raster.listing.sights import Sight
from earthloom.types import Bool, Float

MOST_CLOUD = 20.0  # percent of a scene
MERGED = "merged"


@dataclass(frozen=True)
class Observed:
    """What one sensor, or all together, saw.

    Parameters
    ----------
    days
        Days with a scene, and the share of the place that was clear.
    months
        ``2020-03`` to clear observations, mean over the pixels; every month of the period.
    clear
        Clear observations in the whole period, mean over the pixels.
    longest_gap_days
        Longest time without a clear observation, the ends of the period included; median over the pixels.
    median_gap_days
        Median time from one clear observation to the next; median over the pixels. NaN with fewer than two.
    """

    days: tuple[tuple[date, float], ...]
    months: dict[str, float]
    clear: float
    longest_gap_days: float
    median_gap_days: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "days": len(self.days), "clear": round(self.clear, 3), "longest_gap_days": self.longest_gap_days,
            "median_gap_days": None if np.isnan(self.median_gap_days) else self.median_gap_days,
            "months": {month: round(count, 3) for month, count in self.months.items()},
            "dates": {str(day): round(share, 4) for day, share in self.days},
        }  # fmt: skip


@dataclass(frozen=True)
class Revisit(Tabular):
    """Every sensor's series, and the merged one, from ``first`` to ``last`` day."""

    first: date
    last: date
    sensors: dict[str, Observed]
    merged: Observed
    pixels: int
    most_cloud: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "from": str(self.first), "to": str(self.last), "pixels": self.pixels, "most_cloud_percent": self.most_cloud,
            "sensors": {name: series.as_dict() for name, series in self.sensors.items()},
            MERGED: self.merged.as_dict(),
        }  # fmt: skip

    def table(self) -> Table:
        """A line for each sensor, and for all together."""
        rows = [
            [name, len(one.days), one.clear, one.median_gap_days, one.longest_gap_days]
            for name, one in {**self.sensors, MERGED: self.merged}.items()
        ]
        heads = ("sensor", "days", "clear", "median gap, days", "longest gap, days")
        return Table(heads, rows, f"Clear observations from {self.first} to {self.last}")


def counted(sights: Iterable[Sight], most_cloud: float = MOST_CLOUD, first: Any = None, last: Any = None) -> Revisit:
    """Count; see :func:`revisit`."""
    every = list(sights)
    if not every:
        raise InputError("no scene", "at least one", "check the list and the place")
    begin = min(s.day for s in every) if first is None else parse_date(first)
    end = max(s.day for s in every) if last is None else parse_date(last)
    within = [s for s in every if begin <= s.day <= end]
    if end < begin or not within:
        raise InputError(
            f"no scene from {begin} to {end}", f"days from {min(s.day for s in every)} to {max(s.day for s in every)}"
        )
    if any(s.sensor == MERGED for s in within):
        raise InputError(f"a sensor called '{MERGED}'", "another name")
    sizes = {s.clear.size for s in within if s.clear is not None}
    if len(sizes) > 1:
        raise InputError(f"masks of {' and '.join(map(str, sorted(sizes)))} pixels", "one place")
    pixels = sizes.pop() if sizes else 1
    names = sorted({s.sensor for s in within})
    series = {name: _series([s for s in within if s.sensor == name], pixels, most_cloud, begin, end) for name in names}
    return Revisit(begin, end, series, _series(within, pixels, most_cloud, begin, end), pixels, most_cloud)


def _series(sights: Sequence[Sight], pixels: int, most_cloud: float, first: date, last: date) -> Observed:
    """The series of some scenes."""
    by_day: dict[date, np.ndarray] = {}
    for sight in sights:
        seen = _seen(sight, pixels, most_cloud)
        by_day[sight.day] = by_day[sight.day] | seen if sight.day in by_day else seen
    days = sorted(by_day)
    clear = np.stack([by_day[day] for day in days])
    months = dict.fromkeys(_months(first, last), 0.0)
    for day, share in zip(days, clear.mean(axis=1), strict=True):
        months[f"{day:%Y-%m}"] += float(share)
    longest, usual = gaps(np.array([(day - first).days for day in days]), clear, (last - first).days)
    known = usual[np.isfinite(usual)]
    return Observed(
        tuple((day, float(share)) for day, share in zip(days, clear.mean(axis=1), strict=True)), months,
        float(clear.sum(axis=0).mean()), float(np.median(longest)), float(np.median(known)) if known.size else np.nan,
    )  # fmt: skip


def _seen(sight: Sight, pixels: int, most_cloud: float) -> Bool[np.ndarray, " pixel"]:
    """Where a scene saw the ground.

    Raises
    ------
    InputError
        If it says neither.
    """
    if sight.clear is not None:
        return sight.clear
    if sight.cloud_percent is None or not 0 <= sight.cloud_percent <= 100:
        raise InputError(f"the {sight.sensor} scene of {sight.day} with a cloud cover of {sight.cloud_percent}",
                         "a mask, or a percentage from 0 to 100")  # fmt: skip
    return np.full(pixels, sight.cloud_percent <= most_cloud)


def gaps(
    day: Any, clear: Bool[np.ndarray, "day pixel"], span_days: int
) -> tuple[Float[np.ndarray, " pixel"], Float[np.ndarray, " pixel"]]:
    """Longest gap (ends of the period included) and median gap (between clear days; NaN without) of every pixel.

    Parameters
    ----------
    day
        Days from the beginning of the period, growing.
    clear
        What was seen.
    span_days
        Length of the period.
    """
    before = np.full(clear.shape[1], np.nan)
    longest = np.zeros(clear.shape[1])
    between = np.full(clear.shape, np.nan, np.float32)
    for k, at in enumerate(day):
        seen = clear[k]
        gap = at - np.where(np.isnan(before), 0, before)
        longest = np.where(seen, np.maximum(longest, gap), longest)
        between[k] = np.where(seen & ~np.isnan(before), gap, np.nan)
        before = np.where(seen, at, before)
    longest = np.maximum(longest, span_days - np.where(np.isnan(before), 0, before))
    usual = np.full(clear.shape[1], np.nan)
    some = np.isfinite(between).any(axis=0)
    if some.any():
        usual[some] = np.nanmedian(between[:, some], axis=0)
    return longest, usual


def _months(first: date, last: date) -> list[str]:
    """Every month of a period."""
    found, day = [], first.replace(day=1)
    while day <= last:
        found.append(f"{day:%Y-%m}")
        day = (day + timedelta(32)).replace(day=1)
    return found
