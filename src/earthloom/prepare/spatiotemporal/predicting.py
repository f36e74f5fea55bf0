"""One prediction: images of known dates and the coarse one of the wanted date, laid, compared, in one unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date as day_of
from typing import Any

from earthloom.engine.options import Run
from earthloom.engine.prepared import Numbers, Prepared
from earthloom.methods.wrappers.seamless import seamless
from earthloom.prepare.spatiotemporal.calendar import day_tags
from earthloom.prepare.spatiotemporal.known import Handling, Known, by_time, dated
from earthloom.prepare.spatiotemporal.opening import Laying, own_day, require_dates, require_day
from earthloom.prepare.spatiotemporal.settle import prepare_pairs, require_same_bands
from earthloom.raster.image import Image
from earthloom.raster.scenes.dates import PairScene, Placed


def inputs_of(known: Sequence[Known], coarse: Any, target_mask: Any) -> dict[str, Any]:
    """Role to input, pairs numbered in the order given."""
    found: dict[str, Any] = {}
    for k, pair in enumerate(known, 1):
        found |= {f"fine_{k}": pair.fine, f"coarse_{k}": pair.coarse}
        found |= {f"fine_{k}_mask": pair.fine_mask, f"coarse_{k}_mask": pair.coarse_mask}
    return found | {"coarse_p": coarse, "coarse_p_mask": target_mask}


@dataclass(frozen=True)
class Predicting:
    """What is told about the images of a prediction; called with them, it prepares.

    Parameters
    ----------
    known
        The pairs as they were given, with their days where these are told.
    coarse
        The image to predict from, as it was given.
    day
        Of it, where it is told.
    handling
        What is told about the sensors, and what is done to the images.
    """

    known: tuple[Known, ...]
    coarse: Any
    day: day_of | None
    handling: Handling

    def __call__(self, images: Mapping[str, Image], run: Run) -> Prepared:
        """Put the images in the order of their days, lay them on two grids, and compare them.

        Raises
        ------
        EarthloomError
            Whatever stands in the way, in words.
        """
        handling, laying = self.handling, Laying(self.handling, run)
        taken = {
            role: laying.take(image, role.split("_")[0]) for role, image in images.items() if not role.endswith("mask")
        }
        given, day = self._dated(taken)
        require_dates([one for one, _ in given], day)
        counts = [(image.name, image.count) for image in taken.values()]
        require_same_bands(laying.bands("fine"), laying.bands("coarse"), counts)
        ordered, notes = by_time([one for one, _ in given], day, handling.days_apart)
        numbers = {id(one): k for one, k in given}
        for note in notes:
            run.tell(note)
        laying.begin(taken["fine_1"], taken["coarse_1"])  # the first one given makes the grid
        scene, called = _laid(laying, images, taken, [(one, numbers[id(one)]) for one in ordered], day)
        scales = set(taken["coarse_1"].scales)
        told, facts = prepare_pairs(scene, handling, called, run, scales.pop() if len(scales) == 1 else None)
        first, bands, sensor = scene.ground.fine, scene.fine_bands, laying.sensor("fine")
        coarse = laying.sensor("coarse")
        more = {"coarse_sensor": coarse.name} if coarse is not None else {}
        days = {role: str(one) for role, one in scene.days.items() if one is not None}
        return Prepared(
            told, "fine_1", "fine_1", Numbers.of(first, handling.fine.nodata, True), bands,
            tuple(name or band.name for name, band in zip(first.names, bands, strict=True)), first.crs, first.transform,
            {role: image.paths for role, image in scene.images.items()}, sensor.name if sensor else None,
            facts={"dates": days, "ratio": float(scene.ground.ratio), **facts.as_dict(), **more}, tags=day_tags(day),
            finite=True, wrap=seamless, called="predicted",
        )  # fmt: skip

    def _dated(self, taken: Mapping[str, Image]) -> tuple[list[tuple[Known, int]], day_of | None]:
        """The pairs with the days that their files tell, and their numbers; and the day to predict."""
        found: list[tuple[Known, int]] = []
        for k, pair in enumerate(self.known, 1):
            images = taken[f"fine_{k}"], taken[f"coarse_{k}"]
            own = own_day(images[0], pair.fine), own_day(images[1], pair.coarse)
            for image, told, one in zip(images, (pair.fine_day, pair.coarse_day), own, strict=True):
                require_day(image, told, one, self.handling.days_apart)
            found.append((dated(pair, *own), k))
        own_target = own_day(taken["coarse_p"], self.coarse)
        require_day(taken["coarse_p"], self.day, own_target, 0)
        return found, self.day or own_target


def _laid(
    laying: Laying, images: Mapping[str, Image], taken: Mapping[str, Image], ordered: Sequence[tuple[Known, int]],
    day: day_of | None,
) -> tuple[PairScene, dict[str, str]]:  # fmt: skip
    """The images on their grids, numbered in the order of their days, and how they are called."""
    fine: dict[str, Image] = {}
    placed: dict[str, Placed] = {}
    masks: dict[str, Placed] = {}
    days: dict[str, day_of | None] = {}
    called: dict[str, str] = {}
    for new, (one, k) in enumerate(ordered, 1):
        fine[f"fine_{new}"] = laying.fine(taken[f"fine_{k}"])
        placed[f"coarse_{new}"] = laying.coarse(taken[f"coarse_{k}"])
        days |= {f"fine_{new}": one.fine_day, f"coarse_{new}": one.coarse_day}
        for sensor in ("fine", "coarse"):
            called[f"{sensor}_{new}"] = _called(f"{sensor}_{new}", taken[f"{sensor}_{k}"], days[f"{sensor}_{new}"])
            if f"{sensor}_{k}_mask" in images:
                masks[f"{sensor}_{new}"] = laying.mask(images[f"{sensor}_{k}_mask"], sensor)
    placed["coarse_p"], days["coarse_p"] = laying.coarse(taken["coarse_p"]), day
    called["coarse_p"] = _called("coarse_p", taken["coarse_p"], day)
    if "coarse_p_mask" in images:
        masks["coarse_p"] = laying.mask(images["coarse_p_mask"], "coarse")
    ground = laying.ground
    assert ground is not None
    scene = PairScene(
        ground, fine, placed, laying.bands("fine"), laying.bands("coarse"), masks, laying.cloudy, days,
        tuple(laying.notes),
    )  # fmt: skip
    on_fine = "on the same grid" if ground.on_fine else "{:.4g} x {:.4g} times as large".format(*ground.grid.ratio)
    laying.run.tell(
        f"{scene.shape[0]} x {scene.shape[1]} fine pixels, coarse ones {on_fine}, {len(scene.fine_bands)} band(s), "
        f"{len(ordered)} known date(s)"
    )
    return scene, called


def _called(role: str, image: Image, day: day_of | None) -> str:
    """How an image is called in messages."""
    sensor, number = role.split("_")
    if not image.in_memory:
        return f"the {sensor} image {image.name}"
    if day is not None:
        return f"the {sensor} image of {day}"
    return "the coarse image to predict from" if number == "p" else f"the {sensor} image of pair {number}"
