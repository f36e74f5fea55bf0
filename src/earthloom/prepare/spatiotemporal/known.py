"""Known dates: which images there are, of which days, in which order, and what is told about each sensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from itertools import pairwise
from typing import Any, Literal

from earthloom.errors import InputError, warn
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.raster.listing.days import parse_date
from earthloom.raster.told import Told

Match = Literal["none", "regression"]
Coregister = Literal["auto", "always", "measure", "off"]
DAYS_APART = 8  # at most, between the fine and the coarse image of a pair


@dataclass(frozen=True)
class Handling:
    """What is done to the images before they are fused.

    Parameters
    ----------
    fine, coarse
        What is told about the two sensors.
    ratio
        Coarse over fine pixel size, for arrays, and for images that were brought to the fine grid by someone else.
    match
        ``regression`` fits the coarse images to the fine ones.
    coregister
        ``auto``, ``always``, ``measure`` or ``off``.
    days_apart
        Most days between the fine and the coarse image of a pair.
    """

    fine: Told = field(default_factory=Told)
    coarse: Told = field(default_factory=Told)
    ratio: float | None = None
    match: Match = "none"
    coregister: Coregister = "auto"
    days_apart: int = DAYS_APART

    def __post_init__(self) -> None:
        """Refuse words that mean nothing."""
        for name, value, words in (
            ("match", self.match, ("none", "regression")),
            ("coregister", self.coregister, ("auto", "always", "measure", "off")),
        ):
            if value not in words:
                raise InputError(f"{name} '{value}'", " or ".join(words))
        if self.ratio is not None and not self.ratio >= 1:
            raise InputError(f"ratio {self.ratio:g}", "coarse over fine pixel size, at least 1", "is it turned round?")
        if self.days_apart < 0:
            raise InputError(f"days_apart {self.days_apart}", "a number of days, 0 or more")


@dataclass(frozen=True)
class Known:
    """A known date: its images (paths or arrays), their days, and their masks where there are any."""

    fine: Any
    coarse: Any
    fine_day: date | None = None
    coarse_day: date | None = None
    fine_mask: Any = None
    coarse_mask: Any = None


def sorted_out(more: Mapping[str, Any]) -> tuple[Told, Told, dict[str, Any]]:
    """What is told about the fine and the coarse sensor, out of keywords such as ``fine_scale``; and the rest."""
    told: dict[str, dict[str, Any]] = {"fine": {}, "coarse": {}}
    rest = dict(more)
    for sensor, own in told.items():
        for one in fields(Told):
            if f"{sensor}_{one.name}" in rest:
                own[one.name] = rest.pop(f"{sensor}_{one.name}")
    return Told(**told["fine"]), Told(**told["coarse"]), rest


def both_days(value: Any) -> tuple[date, date]:
    """The days of the fine and the coarse image: one for both, or two as a pair or as ``FINE/COARSE``."""
    if isinstance(value, str) and "/" in value:
        value = value.split("/", 1)
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise InputError(f"{len(value)} dates for a pair", "one, or that of the fine and that of the coarse image")
        return parse_date(value[0]), parse_date(value[1])
    day = parse_date(value)
    return day, day


def known_pairs(
    pairs: Sequence[Any],
    dates: Sequence[Any] | None,
    fine_masks: Sequence[Any] | None,
    coarse_masks: Sequence[Any] | None,
) -> tuple[list[Known], Any]:
    """The known dates as given, and the mask of the coarse image to predict from.

    Raises
    ------
    InputError
        If the lists do not go together.
    """
    if not pairs:
        raise InputError("no pair", "at least one known date, (fine, coarse)", "give `pairs`")
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise InputError(f"a pair of type {type(pair).__name__}", "(fine, coarse)", "dates go into dates=[...]")
    count = len(pairs)
    if dates is not None and len(dates) != count:
        raise InputError(f"{len(dates)} dates for {count} pairs", "one for each pair", "the date to predict is date=")
    if fine_masks is not None and len(fine_masks) != count:
        raise InputError(f"{len(fine_masks)} masks for {count} fine images", "one for each, in their order")
    if coarse_masks is not None and len(coarse_masks) != count + 1:
        raise InputError(
            f"{len(coarse_masks)} masks for {count + 1} coarse images",
            "one for each: those of the pairs, then that of the date to predict",
        )
    days = [(None, None)] * count if dates is None else [both_days(value) for value in dates]
    fines = [None] * count if fine_masks is None else list(fine_masks)
    coarses = [None] * (count + 1) if coarse_masks is None else list(coarse_masks)
    known = [
        Known(pair[0], pair[1], *day, mask, coarse_mask)
        for pair, day, mask, coarse_mask in zip(pairs, days, fines, coarses[:count], strict=True)
    ]
    return known, coarses[count]


def by_time(known: Sequence[Known], day: date | None, days_apart: int) -> tuple[list[Known], list[str]]:
    """The known dates in the order of their days, and what was done about it.

    Raises
    ------
    InputError
        For two pairs of one day, a prediction date that is a known one, or images of a pair too many days apart.
    """
    if any(one.fine_day is None for one in known):
        return list(known), ["no dates: pairs are taken to be in the order of time"] if len(known) > 1 else []
    notes: list[str] = []
    for one in known:
        assert one.fine_day is not None and one.coarse_day is not None
        apart = abs((one.fine_day - one.coarse_day).days)
        if apart > days_apart:
            raise InputError(
                f"a fine image of {one.fine_day} and a coarse one of {one.coarse_day}, {apart} days apart",
                f"at most {days_apart} days", "check the dates, or allow more with `days_apart`",
            )  # fmt: skip
        if apart:
            notes.append(f"the fine image of {one.fine_day} is paired with a coarse one {apart} day(s) away")
    ordered = sorted(known, key=lambda one: (one.fine_day, one.coarse_day))  # type: ignore[return-value,arg-type]
    if [id(one) for one in ordered] != [id(one) for one in known]:
        notes.append("pairs put into the order of their dates")
    days = [one.fine_day for one in ordered]
    for first, second in pairwise(days):
        if first == second:
            raise InputError(f"two pairs of {first}", "one for each date", "leave one of them out")
    if day is not None and day in days:
        raise InputError(
            f"the prediction date {day}, whose fine image is given", "a date whose fine image is wanted",
            "leave that pair out to see how well a method finds it (`earthloom series --evaluate` does so for all)",
        )  # fmt: skip
    if day is not None and len(days) > 1 and not days[0] < day < days[-1]:  # type: ignore[operator]
        warn(
            f"the prediction date {day} lies outside the known dates, {days[0]} to {days[-1]}: nothing holds it on the "
            "other side"
        )
    return ordered, notes


def dated(known: Known, fine: date | None, coarse: date | None) -> Known:
    """A known date with the days that its files tell where nobody else does."""
    return replace(known, fine_day=known.fine_day or fine, coarse_day=known.coarse_day or coarse)


PROBLEM = "spatiotemporal"


def chosen_predictor(method: str | Method, own: Mapping[str, Any], ratio: float | None = None) -> Method:
    """The method asked for; one that has to be told the ratio of images on the fine grid is told.

    Raises
    ------
    InputError, MethodError
        If there is no such method, or it does not take the fields.
    """
    chosen = catalog.choose(method, PROBLEM, "spatiotemporal fusion", own)
    told = any(one.name == "ratio" for one in fields(chosen)) and getattr(chosen, "ratio", None) is not None
    return chosen if told else with_ratio(chosen, ratio)


def with_ratio(method: Method, ratio: float | None) -> Method:
    """The method with its field ``ratio`` set, where it has one and there is something to tell."""
    if ratio is None or all(one.name != "ratio" for one in fields(method)):
        return method
    return replace(method, ratio=float(ratio))  # type: ignore[call-arg]


def told_of(inputs: Mapping[str, Any], handling: Handling) -> dict[str, Told]:
    """What is told about the image of each role."""
    images = (role for role in inputs if not role.endswith("mask"))
    return {role: handling.fine if role.startswith("fine") else handling.coarse for role in images}
