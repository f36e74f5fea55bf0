"""All images of a series on their grids, measured once, and any date predicted from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from earthloom.engine.options import Run
from earthloom.errors import EarthloomError, InputError
from earthloom.methods.base import Method, Wrapper
from earthloom.methods.wrappers.several import Several
from earthloom.prepare.spatiotemporal.calendar import Calendar, choices
from earthloom.prepare.spatiotemporal.chain import Choice
from earthloom.prepare.spatiotemporal.known import Handling
from earthloom.prepare.spatiotemporal.settle import PairFacts, look, require_target, settle
from earthloom.prepare.spatiotemporal.survey import Survey
from earthloom.prepare.spatiotemporal.units import require_like_pairs, require_units
from earthloom.problems.spatiotemporal import Pair
from earthloom.raster.write.provenance import fingerprints

MOST_PAIRS = 2  # the known dates of a first choice: one before, one after


def role(sensor: str, day: date) -> str:
    """The role of an image of a series."""
    return f"{sensor}_{day:%Y%m%d}"


@dataclass(frozen=True)
class Library:
    """Images of a series.

    Parameters
    ----------
    scene
        All of them, coarse ones as read; roles ``fine_20200308``, ``coarse_20200308``.
    dates
        Their days, without the known dates of which nothing is seen.
    surveys
        Coarse role of a known date to what the pair looks like at the coarse scale.
    called
        Role to how the image is called in messages.
    handling, run
        As told.
    settled
        The scene with the coarse images in place and in the units of the fine ones, and what was found.
    sensor
        Of the fine images, where known.
    """

    scene: Any
    dates: Calendar
    surveys: Mapping[str, Survey]
    called: Mapping[str, str]
    handling: Handling
    run: Run
    settled: tuple[Any, PairFacts]
    sensor: str | None = None
    _content: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)  # hashed once for all dates

    @property
    def facts(self) -> PairFacts:
        """What was found about the images."""
        return self.settled[1]

    @property
    def ratio(self) -> float:
        """Coarse over fine pixel size, told or found."""
        return self.handling.ratio or self.facts.ratio

    def content(self, name: str) -> dict[str, Any]:
        """Files of an image and of its mask: names, and what stands in them."""
        if name not in self._content:
            both = {"image": name, "mask": f"{name}_mask"}
            images = self.scene.images
            self._content[name] = fingerprints({k: images[one].paths for k, one in both.items() if one in images})
        return self._content[name]

    def coarse_day(self, day: date) -> date:
        """Day of the coarse image that shows a date."""
        return self.dates.pairs.get(day, day)

    def picked(self, known: Sequence[date], day: date) -> Any:
        """The scene of one prediction."""
        roles = {"coarse_p": role("coarse", self.coarse_day(day))}
        for k, one in enumerate(known, 1):
            roles |= {f"fine_{k}": role("fine", one), f"coarse_{k}": role("coarse", self.dates.pairs[one])}
        return self.settled[0].pick(roles)

    def given(self, day: date) -> Any:
        """A scene whose ``fine_1`` is the measured image of a day."""
        return self.settled[0].pick({"fine_1": role("fine", day)})

    def choices(self, day: date, method: Method, most: int = MOST_PAIRS) -> tuple[list[Choice], list[date]]:
        """Every choice of known dates to predict a day from, and the dates in the order of their numbers.

        Raises
        ------
        InputError
            If the method needs more known dates than there are, or the coarse image shows nothing.
        """
        least = least_pairs(method)
        found = choices(day, list(self.dates.pairs), least, most)
        if not found:
            others = [one for one in self.dates.pairs if one != day]
            raise InputError(
                f"{len(others)} known date(s) for {day}", f"at least {least} for {method.card.name}",
                "give more fine images, or take a method that needs fewer",
            )  # fmt: skip
        numbered = list(dict.fromkeys(one for choice in found for one in choice))
        target = role("coarse", self.coarse_day(day))
        picked = self.picked(found[0], day)
        require_target(picked, {"coarse_p": self.called[target]})
        if self.handling.match == "none":
            require_like_pairs(picked, {"coarse_p": self.called[target]})
        return [
            Choice(self.picked(choice, day), tuple(numbered.index(one) for one in choice)) for choice in found
        ], numbered

    def without(self, days: Iterable[date]) -> Library:
        """As if some pairs were not known: neither their places nor their units tell anything."""
        out = {role("coarse", self.dates.pairs[day]) for day in days if day in self.dates.pairs}
        left = {name: one for name, one in self.surveys.items() if name not in out}
        quiet = replace(self.run, say=None, facts=None)
        settled = settle(self.scene, left, self.handling, self.called, quiet)
        return replace(self, surveys=left, settled=settled)


def least_pairs(method: Method) -> int:
    """Known dates that a method needs; of several that make one product the one that needs most."""
    while isinstance(method, Wrapper):
        if isinstance(method, Several):
            return max(least_pairs(part) for part, _ in method.parts)
        method = method.inner
    return int(getattr(method, "least_pairs", 1))


def counts_similar(method: Method) -> bool:
    """Whether a method tells on how many pixels its prediction rests."""
    while isinstance(method, Wrapper):
        method = method.inner
    return type(method).support is not Method.support


def library(
    scene: Any, dates: Calendar, called: Mapping[str, str], handling: Handling, run: Run, scale: float | None,
    sensor: str | None = None,
) -> Library:  # fmt: skip
    """Measure a series.

    Raises
    ------
    InputError
        If the two sensors are in different units, or no known date shows anything.
    """
    pairs = [Pair(role("fine", fine), role("coarse", coarse)) for fine, coarse in dates.pairs.items()]
    surveys, blind = look(scene, pairs, handling, called, run)
    for error in blind.values():
        run.tell(f"left out: {error.given}")
    dark = [fine for fine in dates.pairs if role("fine", fine) in blind]
    if len(dark) == len(dates.pairs):
        raise InputError("no known date with a clear pixel in both images", "at least one", "check nodata and masks")
    if handling.match == "none":
        require_units(surveys, called, scale)
    settled = settle(scene, surveys, handling, called, run)
    return Library(scene, dates.without(dark), surveys, called, handling, run, settled, sensor)


def reason(error: EarthloomError) -> str:
    """Why a date was skipped, in short."""
    return f"{error.given}, {error.expected} needed" if error.expected and error.expected != "some" else error.given
