"""Images of several dates opened, and laid on one fine and one coarse grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date as day_of
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.old import _require_apart
from earthloom.engine.options import Options
from earthloom.errors import InputError, warn
from earthloom.prepare.spatiotemporal.calendar import calendar
from earthloom.prepare.spatiotemporal.known import Handling, Known, dated, in_order
from earthloom.prepare.spatiotemporal.library import Library, library, role
from earthloom.prepare.spatiotemporal.settle import require_bands
from earthloom.raster.image import Image
from earthloom.raster.listing.by_day import Sources, by_day
from earthloom.raster.listing.days import date_in
from earthloom.raster.open import open_image
from earthloom.raster.scenes.dates import Ground, PairScene, Placed, ground
from earthloom.raster.scenes.sharpening import bands_of
from earthloom.raster.told import Told
from earthloom.sensors import Sensor, load
from earthloom.types import Band


class Opener:
    """Opens images of the two sensors as told, lays them on the grids of the first ones, and closes them all.

    The first fine image makes the fine grid; the first coarse one, laid after it, the coarse grid.
    """

    def __init__(self, handling: Handling, options: Options) -> None:
        self.handling, self.options = handling, options
        self.ground: Ground | None = None
        self.notes: list[str] = []
        self._open: list[Image] = []
        self._sensors: dict[str, Sensor | None] = {}
        self._bands: dict[str, tuple[Band, ...]] = {}

    def close(self) -> None:
        """Close the files."""
        for image in self._open:
            image.close()

    def open(self, path: Any, sensor: str) -> Image:
        """An image of the ``fine`` or the ``coarse`` sensor."""
        told = self._told(sensor)
        image = open_image(
            path, role="ms", bands=told.bands, nodata=told.nodata, scale=told.scale, offset=told.offset
        )  # fmt: skip
        self._open.append(image)
        if sensor not in self._bands:
            name = told.sensor or image.sensor
            known = load(name) if name else None
            self._sensors[sensor] = known
            self._bands[sensor] = bands_of(image, known)
        return image

    def begin(self, fine: Image, coarse: Image) -> Ground:
        """Find the grids."""
        self.ground = ground(fine, coarse, self.options.ignore_georeferencing)
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

    def mask(self, path: Any, sensor: str) -> Placed:
        """A mask on the grid of its sensor.

        Raises
        ------
        InputError
            If it has several bands.
        """
        assert self.ground is not None
        image = open_image(path)
        self._open.append(image)
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
    def cloudy(self) -> Callable[[str, np.ndarray], np.ndarray]:
        """What the numbers of a mask mean."""
        return lambda role, numbers: self._told(role.split("_")[0]).cloudy(numbers)

    def _told(self, sensor: str) -> Told:
        """What is told about a sensor."""
        return self.handling.fine if sensor == "fine" else self.handling.coarse

    def _note(self, note: str) -> None:
        """Keep a note, and say it."""
        if note:
            self.notes.append(note)
            self.options.tell(note)


def own_day(image: Image, path: Any) -> day_of | None:
    """The day that an image tells: its metadata, else its name."""
    if image.acquired is not None:
        return image.acquired
    first = path if isinstance(path, (str, Path)) else path[0]
    return date_in(str(first).rstrip("/"))


def _open(
    opener: Opener, known: Sequence[Known], coarse: Any, target_mask: Any, day: day_of | None
) -> tuple[PairScene, dict[str, str], day_of | None]:
    """Open the images, in the order of their days, on one fine and one coarse grid."""
    opened: dict[int, tuple[Image, Image]] = {}
    dates: list[Known] = []
    for pair in known:
        images = opener.open(pair.fine, "fine"), opener.open(pair.coarse, "coarse")
        own = own_day(images[0], pair.fine), own_day(images[1], pair.coarse)
        for image, told, found in zip(images, (pair.fine_day, pair.coarse_day), own, strict=True):
            _agree(image, told, found, opener.handling.days_apart)
        dates.append(dated(pair, *own))
        opened[id(dates[-1])] = images
    target = opener.open(coarse, "coarse")
    found = own_day(target, coarse)
    _agree(target, day, found, 0)
    day = day or found
    _require_dates(dates, day)
    counts = [(image.name, image.count) for image in (*(i for pair in opened.values() for i in pair), target)]
    require_bands(opener.bands("fine"), opener.bands("coarse"), counts)
    ordered, notes = in_order(dates, day, opener.handling.days_apart)
    for note in notes:
        opener.options.tell(note)
    opener.begin(*opened[id(dates[0])])  # the first one given makes the grid
    return (*_laid(opener, [(one, opened[id(one)]) for one in ordered], (target, target_mask, day)), day)


def _laid(
    opener: Opener, ordered: Sequence[tuple[Known, tuple[Image, Image]]], target: tuple[Image, Any, day_of | None]
) -> tuple[PairScene, dict[str, str]]:
    """The images on their grids, and how they are called."""
    fine: dict[str, Image] = {}
    placed: dict[str, Placed] = {}
    masks: dict[str, Placed] = {}
    days: dict[str, day_of | None] = {}
    called: dict[str, str] = {}
    for k, (one, images) in enumerate(ordered, 1):
        fine[f"fine_{k}"], placed[f"coarse_{k}"] = opener.fine(images[0]), opener.coarse(images[1])
        days |= {f"fine_{k}": one.fine_day, f"coarse_{k}": one.coarse_day}
        for sensor, mask, image in zip(("fine", "coarse"), (one.fine_mask, one.coarse_mask), images, strict=True):
            called[f"{sensor}_{k}"] = f"the {sensor} image {image.name}"
            if mask is not None:
                masks[f"{sensor}_{k}"] = opener.mask(mask, sensor)
    image, mask, day = target
    placed["coarse_p"], days["coarse_p"] = opener.coarse(image), day
    called["coarse_p"] = f"the coarse image {image.name}"
    if mask is not None:
        masks["coarse_p"] = opener.mask(mask, "coarse")
    assert opener.ground is not None
    scene = PairScene(
        opener.ground, fine, placed, opener.bands("fine"), opener.bands("coarse"), masks, opener.cloudy, days,
        tuple(opener.notes),
    )  # fmt: skip
    grid = opener.ground.grid
    opener.options.tell(
        f"{scene.shape[0]} x {scene.shape[1]} fine pixels, coarse ones "
        + ("on the same grid" if opener.ground.on_fine else "{:.4g} x {:.4g} times as large".format(*grid.ratio))
        + f", {len(scene.fine_bands)} band(s), {len(ordered)} known date(s)"
    )
    return scene, called


def _agree(image: Image, told: day_of | None, found: day_of | None, days_apart: int) -> None:
    """Warn, or refuse where metadata say so, when an image is of another day than it is said to be."""
    if told is None or found is None or abs((told - found).days) <= days_apart:
        return
    if image.acquired is not None:
        raise InputError(
            f"{image.name} given as of {told}, acquired on {found}", f"at most {days_apart} days apart",
            "correct the date, or allow more with --days-apart",
        )  # fmt: skip
    warn(f"{image.name} is given as of {told}; its name says {found}")


def _require_dates(dates: Sequence[Known], day: day_of | None) -> None:
    """All dates or none.

    Raises
    ------
    InputError
        If some are missing.
    """
    known = [one.fine_day is not None and one.coarse_day is not None for one in dates] + [day is not None]
    if any(known) and not all(known):
        raise InputError("some dates, and images that tell none", "dates for all", "give dates= and date=")


def _scale(scene: PairScene) -> float | None:
    """Scale of the coarse images."""
    scales = set(scene.coarse["coarse_1"].image.scales)
    return scales.pop() if len(scales) == 1 else None


def open_library(
    opener: Opener, sources: Sources, handling: Handling, options: Options, folder: Path | None
) -> Library:
    """Open all images of a series on their grids, and measure them.

    Raises
    ------
    EarthloomError
        Whatever stands in the way, in words.
    """
    fine, coarse = (by_day(files, sources, sensor) for files, sensor in sources.images)
    if folder is not None:
        _require_apart(folder, [*fine.values(), *coarse.values()])
    dates = calendar(fine, coarse, handling.days_apart)
    images: dict[str, Image] = {}
    for sensor, files in (("fine", fine), ("coarse", coarse)):
        for day, path in files.items():
            images[role(sensor, day)] = opener.open(path, sensor)
    require_bands(
        opener.bands("fine"), opener.bands("coarse"), [(image.name, image.count) for image in images.values()]
    )
    firsts = next(iter(dates.pairs.items()))
    ground = opener.begin(images[role("fine", firsts[0])], images[role("coarse", firsts[1])])
    masks = {
        role(sensor, day): opener.mask(path, sensor)
        for sensor, files in (("fine", sources.fine_masks), ("coarse", sources.coarse_masks))
        if files is not None
        for day, path in by_day(files, sources, f"{sensor} mask").items()
        if day in (fine if sensor == "fine" else coarse)
    }
    scene = PairScene(
        ground,
        {name: opener.fine(image) for name, image in images.items() if name.startswith("fine")},
        {name: opener.coarse(image) for name, image in images.items() if name.startswith("coarse")},
        opener.bands("fine"), opener.bands("coarse"), masks, opener.cloudy,
        {role(sensor, day): day for sensor, files in (("fine", fine), ("coarse", coarse)) for day in files},
        tuple(opener.notes),
    )  # fmt: skip
    options.tell(
        f"{len(fine)} fine and {len(coarse)} coarse images, {len(dates.pairs)} pair(s), {scene.shape[0]} x "
        f"{scene.shape[1]} pixels, ratio {ground.ratio:g}"
    )
    called = {name: f"the {name.split('_')[0]} image {image.name}" for name, image in images.items()}
    scales = set(images[role("coarse", firsts[1])].scales)
    return library(scene, dates, called, handling, options, scales.pop() if len(scales) == 1 else None)
