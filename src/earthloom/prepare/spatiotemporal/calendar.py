"""Which dates are known, which are wanted, and from which known ones each is predicted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from earthloom.errors import InputError
from earthloom.prepare.spatiotemporal.quality import MOST_DATES
from earthloom.raster.listing.days import parse_date


@dataclass(frozen=True)
class Calendar:
    """Days of the images of a series.

    Parameters
    ----------
    fine, coarse
        Days of which there is an image, in their order.
    pairs
        Day of a fine image to that of the coarse image it goes with; fine days without one are missing.
    """

    fine: tuple[date, ...]
    coarse: tuple[date, ...]
    pairs: Mapping[date, date]

    def without(self, days: Iterable[date]) -> Calendar:
        """The same with some of the pairs taken out."""
        out = set(days)
        return Calendar(
            self.fine, self.coarse, {fine: coarse for fine, coarse in self.pairs.items() if fine not in out}
        )


def calendar(fine: Iterable[date], coarse: Iterable[date], days_apart: int) -> Calendar:
    """Pair every fine day with the nearest coarse day (the earlier of two), at most ``days_apart`` away.

    Raises
    ------
    InputError
        If there is no pair.
    """
    fines, coarses = tuple(sorted(fine)), tuple(sorted(coarse))
    if not fines or not coarses:
        raise InputError(f"{len(fines)} fine and {len(coarses)} coarse dates", "at least one of each")
    pairs: dict[date, date] = {}
    for day in fines:
        near = min(coarses, key=lambda other: (abs((other - day).days), other))
        if abs((near - day).days) <= days_apart:
            pairs[day] = near
    if not pairs:
        nearest = min(abs((a - b).days) for a in fines for b in coarses)
        raise InputError(
            f"no fine image within {days_apart} day(s) of a coarse one (the nearest are {nearest} days apart)",
            "at least one pair", "allow more with `days_apart`, or check the dates in the names (`date_pattern`)",
        )  # fmt: skip
    return Calendar(fines, coarses, pairs)


def asked(dates: Sequence[Any] | None, have: Calendar, fill: bool) -> list[date]:
    """The days to predict, in their order.

    Without ``dates`` every day of a coarse image that has no fine one, and with ``fill`` those that have, too. A day
    that was asked for needs a coarse image.

    Parameters
    ----------
    dates
        Days, or intervals such as ``2020-03-08/2020-03-20`` (both ends count; one may be missing).

    Raises
    ------
    InputError
        For a day without a coarse image, or an interval that holds none.
    """
    known = set(have.pairs) if fill else set()
    every = sorted(known | {day for day in have.coarse if day not in have.fine})
    if dates is None:
        return every
    found: set[date] = set()
    for given in dates:
        if isinstance(given, str) and "/" in given:
            first, last = _ends(given)
            inside = {day for day in every if first <= day <= last}
            if not inside:
                raise InputError(f"no date to predict in {given}", f"some of {_span(every)}")
            found |= inside
            continue
        day = parse_date(given)
        if day not in have.coarse and day not in known:
            raise InputError(f"no coarse image of {day}", f"a day out of {_span(have.coarse)} that has one")
        if day in have.fine and not fill:
            raise InputError(
                f"the fine image of {day} is there", "a day without one",
                "`fill=True` fills its gaps; leave_one_out (`earthloom series --evaluate`) tests methods on it",
            )  # fmt: skip
        found.add(day)
    return sorted(found)


def _ends(interval: str) -> tuple[date, date]:
    """First and last day of an interval."""
    first, last = interval.split("/", 1)
    ends = (
        date.min if first.strip() in ("", "..") else parse_date(first),
        date.max if last.strip() in ("", "..") else parse_date(last),
    )
    if ends[0] > ends[1]:
        raise InputError(f"the interval {interval}, which ends before it begins", "FROM/TO")
    return ends


def _span(days: Sequence[date]) -> str:
    """First and last of some days."""
    return f"{days[0]} ... {days[-1]}" if days else "none"


def choices(day: date, known: Sequence[date], least: int, most: int) -> list[tuple[date, ...]]:
    """Known dates to predict a day from, the best choice first; each in the order of time.

    The best are the nearest one before and the nearest one after it, or as many as ``most`` allows, alternating; where
    all lie on one side the nearest ``least``. Then, for what is masked in those, the next nearest, ``least`` at a time.

    Parameters
    ----------
    day
        To predict.
    known
        Days of pairs; the day itself is left out.
    least, most
        Known dates that the method needs, and that the first choice may have.

    Returns
    -------
    list
        Empty where there are fewer than ``least``.
    """
    near = sorted((one for one in known if one != day), key=lambda one: (abs((one - day).days), one))
    if len(near) < least:
        return []
    before, after = [one for one in near if one < day], [one for one in near if one > day]
    first = near[:1]
    if before and after and most > 1:
        first = [one for both in zip(before, after, strict=False) for one in both][:most]
    first = first if len(first) >= least else near[:least]
    rest = [one for one in near if one not in first][: MOST_DATES - len(first)]
    found = [tuple(sorted(first))]
    for at in range(0, len(rest), least):
        group = rest[at : at + least]
        group += [one for one in near if one not in group][: least - len(group)]
        found.append(tuple(sorted(group)))
    return found


def day_tags(day: date | None) -> dict[str, str]:
    """The day of a product, for its tags."""
    if day is None:
        return {}
    return {"EARTHLOOM_DATE": day.isoformat(), "TIFFTAG_DATETIME": day.strftime("%Y:%m:%d 00:00:00")}
