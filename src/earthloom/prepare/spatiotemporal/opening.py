"""Images of several dates opened, and laid on one fine and one coarse grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date as day_of
from pathlib import Path
from typing import Any

from earthloom.engine.options import Run
from earthloom.errors import InputError, warn
from earthloom.prepare.spatiotemporal.calendar import calendar
from earthloom.prepare.spatiotemporal.known import Handling, Known
from earthloom.prepare.spatiotemporal.library import Library, library, role
from earthloom.prepare.spatiotemporal.settle import require_same_bands
from earthloom.raster.image import Image
from earthloom.raster.labels import bands_of
from earthloom.raster.listing.days import date_in
from earthloom.raster.scenes.dates import Cloudy, Ground, PairScene, Placed, ground
from earthloom.raster.told import Told
from earthloom.sensors import Sensor, load
from earthloom.types import Band


class Laying:
    """Lays images of the two sensors on the grids of the first ones.

    The first fine image makes the fine grid; the first coarse one, laid after it, the coarse grid.
    """

    def __init__(self, handling: Handling, run: Run) -> None:
        self.handling, self.run = handling, run
        self.ground: Ground | None = None
        self.notes: list[str] = []
        self._sensors: dict[str, Sensor | None] = {}
        self._bands: dict[str, tuple[Band, ...]] = {}

    def take(self, image: Image, sensor: str) -> Image:
        """An image of the ``fine`` or the ``coarse`` sensor."""
        told = self.told(sensor)
        name = told.sensor or image.sensor
        known = load(name) if name else None
        if sensor not in self._bands:
            self._sensors[sensor] = known
            self._bands[sensor] = bands_of(image, known, fact=self.run.fact)
        return image

    def begin(self, fine: Image, coarse: Image) -> Ground:
        """Find the grids."""
        self.ground = ground(fine, coarse, self.run.ignore_georeferencing, self.handling.ratio)
        return self.ground

    def fine(self, image: Image) -> Image:
        """A fine image on the fine grid."""
        assert self.ground is not None
        laid, note = self.ground.lay_fine(image)
        self._note(note)
        return laid

    def coarse(self, image: Image) -> Placed:
        """A coarse image on the coarse grid."""
        assert self.ground is not None
        placed, note = self.ground.place(image)
        self._note(note)
        return placed

    def mask(self, image: Image, sensor: str) -> Placed:
        """A mask on the grid of its sensor.

        Raises
        ------
        InputError
            If it has several bands.
        """
        assert self.ground is not None
        if image.count != 1:
            raise InputError(f"the mask {image.name} of {image.count} bands", "one band", "write that band to a file")
        if sensor == "coarse":
            return self.ground.place(image, "nearest")[0]
        return Placed(self.ground.lay_fine(image, "nearest")[0])

    def bands(self, sensor: str) -> tuple[Band, ...]:
        """Bands of a sensor's images."""
        return self._bands[sensor]

    def sensor(self, sensor: str) -> Sensor | None:
        """What is known about a sensor."""
        return self._sensors[sensor]

    @property
    def cloudy(self) -> Cloudy:
        """What the numbers of a mask mean."""
        return Cloudy(self.handling.fine, self.handling.coarse)

    def told(self, sensor: str) -> Told:
        """What is told about a sensor."""
        return self.handling.fine if sensor == "fine" else self.handling.coarse

    def _note(self, note: str) -> None:
        """Keep a note, and say it."""
        if note:
            self.notes.append(note)
            self.run.tell(note)


def own_day(image: Image, path: Any) -> day_of | None:
    """The day that an image tells: its metadata, else its name."""
    if image.acquired is not None:
        return image.acquired
    if image.in_memory:
        return None
    first = path if isinstance(path, (str, Path)) else path[0]
    return date_in(str(first).rstrip("/"))


def require_day(image: Image, told: day_of | None, found: day_of | None, days_apart: int) -> None:
    """Warn, or refuse where metadata say so, when an image is of another day than it is said to be."""
    if told is None or found is None or abs((told - found).days) <= days_apart:
        return
    if image.acquired is not None:
        raise InputError(
            f"{image.name} given as of {told}, acquired on {found}", f"at most {days_apart} days apart",
            "correct the date, or allow more with `days_apart`",
        )  # fmt: skip
    warn(f"{image.name} is given as of {told}; its name says {found}")


def require_dates(dates: Sequence[Known], day: day_of | None) -> None:
    """All dates or none.

    Raises
    ------
    InputError
        If some are missing.
    """
    known = [one.fine_day is not None and one.coarse_day is not None for one in dates] + [day is not None]
    if any(known) and not all(known):
        raise InputError("some of the dates, and images that tell none", "dates for all", "give dates= and date=")


def lay_series(images: Mapping[str, Image], days: Mapping[str, day_of], handling: Handling, run: Run) -> Library:
    """All images of a series on their grids, and measured.

    Parameters
    ----------
    images
        By the roles of :func:`earthloom.prepare.spatiotemporal.library.role`, masks as ``<role>_mask``.
    days
        Role to day.

    Raises
    ------
    EarthloomError
        Whatever stands in the way, in words.
    """
    laying = Laying(handling, run)
    by_day = {
        sensor: {day: name for name, day in days.items() if name.startswith(sensor)} for sensor in ("fine", "coarse")
    }
    dates = calendar(by_day["fine"], by_day["coarse"], handling.days_apart)
    taken = {name: laying.take(images[name], name.split("_")[0]) for name in days}
    counts = [(image.name, image.count) for image in taken.values()]
    require_same_bands(laying.bands("fine"), laying.bands("coarse"), counts)
    fine, coarse = next(iter(dates.pairs.items()))
    ground = laying.begin(taken[role("fine", fine)], taken[role("coarse", coarse)])
    masks = {name: f"{name}_mask" for name in days if f"{name}_mask" in images}
    scene = PairScene(
        ground,
        {name: laying.fine(image) for name, image in taken.items() if name.startswith("fine")},
        {name: laying.coarse(image) for name, image in taken.items() if name.startswith("coarse")},
        laying.bands("fine"), laying.bands("coarse"),
        {name: laying.mask(images[mask], name.split("_")[0]) for name, mask in masks.items()}, laying.cloudy, days,
        tuple(laying.notes),
    )  # fmt: skip
    counted = {sensor: len(one) for sensor, one in by_day.items()}
    run.tell(
        f"{counted['fine']} fine and {counted['coarse']} coarse images, {len(dates.pairs)} pair(s), {scene.shape[0]} x "
        f"{scene.shape[1]} pixels, ratio {ground.ratio:g}"
    )
    called = {name: _called(name, image, days[name]) for name, image in taken.items()}
    scales = set(taken[role("coarse", coarse)].scales)
    sensor = laying.sensor("fine")
    return library(
        scene, dates, called, handling, run, scales.pop() if len(scales) == 1 else None, sensor.name if sensor else None
    )  # fmt: skip


def _called(name: str, image: Image, day: day_of) -> str:
    """How an image of a series is called in messages."""
    sensor = name.split("_")[0]
    return f"the {sensor} image of {day}" if image.in_memory else f"the {sensor} image {image.name}"
