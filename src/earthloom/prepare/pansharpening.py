"""A PAN and an MS image on one grid, their displacement measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from earthloom.engine.arrays import images_of, take
from earthloom.engine.options import Run
from earthloom.engine.prepared import Numbers, Prepared
from earthloom.errors import InputError
from earthloom.prepare import registering
from earthloom.prepare.blurring import AUTO, OF_SENSOR, Blurred, OfPan, estimated, require_gain
from earthloom.raster.image import Image
from earthloom.raster.scenes.sharpening import RasterScene, collocate
from earthloom.raster.told import Told
from earthloom.sensors import Sensor, load
from earthloom.types import Scene

CONVENTIONS = (None, "centre", "toolbox")


@dataclass(frozen=True)
class Sharpening:
    """What is told about the images, and what is done to them.

    Parameters
    ----------
    sensor
        Name, or path of a sensor file; None: what the metadata say.
    convention
        Where MS samples lie on images that do not say so: ``centre`` or ``toolbox``.
    register
        Correct the displacement between MS and PAN.
    nodata
        Code of missing pixels, for the product too.
    mtf
        ``sensor``, ``auto`` (found in the scene), or the gain of all MS bands at their Nyquist frequency.
    names
        Which of the sensor's bands the MS holds, whatever it calls them.
    """

    sensor: Any = None
    convention: str | None = None
    register: bool = False
    nodata: float | None = None
    names: tuple[str | int, ...] | None = None
    mtf: str | float = OF_SENSOR

    def __post_init__(self) -> None:
        """Refuse conventions and gains that there are not."""
        require_gain(self.mtf)
        if self.convention not in CONVENTIONS:
            raise InputError(f"convention '{self.convention}'", "'centre' or 'toolbox'")

    def __call__(self, images: Mapping[str, Image], run: Run) -> Prepared:
        """Lay the images on one grid and measure how they lie on each other.

        Raises
        ------
        EarthloomError
            Whatever stands in the way, in words.
        """
        opened, sensor = lay_pair(images["pan"], images["ms"], self, run)
        scene, found = shift_checked(opened, self, run)
        facts: dict[str, Any] = {"registration": found.as_dict() | {"corrected": scene is not opened}}
        gain = self._gain(scene, run)
        if gain is not None:
            scene = Blurred(scene, "ms", gain)
            facts["mtf"] = round(gain, 3)
        ms = opened.ms
        numbers = replace(Numbers.of(ms, self.nodata, opened.may_have_holes), matlab="float64")
        return Prepared(
            scene, "pan", "ms", numbers, opened.ms_bands,
            tuple(band.name for band in opened.ms_bands), opened.crs, opened.transform,
            {"pan": opened.pan.paths, "ms": ms.paths}, sensor.name if sensor else None,
            {"convention": scene.convention}, facts, called="pansharpened",
        )  # fmt: skip

    def _gain(self, scene: Scene, run: Run) -> float | None:
        """The gain of all MS bands; None: those of the sensor."""
        if self.mtf != AUTO:
            return None if self.mtf == OF_SENSOR else float(self.mtf)
        found = estimated(OfPan(scene), run.at_a_time)
        run.tell(f"MS: {found}")
        return found.gain


def lay_pair(pan: Image, ms: Image, told: Sharpening, run: Run) -> tuple[RasterScene, Sensor | None]:
    """A PAN and an MS image on one grid, and the sensor where it is known."""
    name = told.sensor or ms.sensor
    sensor = load(name) if name else None
    scene = collocate(
        pan, ms, sensor=sensor, convention=told.convention or "auto",  # type: ignore[arg-type]
        ignore_georeferencing=run.ignore_georeferencing, names=told.names, fact=run.fact,
    )  # fmt: skip
    for note in scene.notes:
        run.tell(note)
    ratio, offset = scene.fit.ratio, scene.offset
    run.tell(
        f"PAN grid {scene.shape[0]} x {scene.shape[1]}, MS {len(scene.ms_bands)} band(s) at ratio {ratio[0]:g}, "
        f"MS pixel 0 at PAN pixel ({offset[0]:g}, {offset[1]:g}), sensor {sensor.title if sensor else 'unknown'}"
    )
    return scene, sensor


def scene_of(pan: Any, ms: Any, told: Sharpening) -> RasterScene:
    """Two arrays (numpy, torch or xarray) on one grid.

    Raises
    ------
    EarthloomError
        If they do not fit together.
    """
    taken = {"pan": take(pan, "pan"), "ms": take(ms, "ms")}
    images = images_of(taken, dict.fromkeys(taken, Told(nodata=told.nodata)))
    return lay_pair(images["pan"], images["ms"], told, Run())[0]


def shift_checked(scene: RasterScene, told: Sharpening, run: Run) -> tuple[Scene, registering.Registration]:
    """Measure the displacement between the inputs, tell it, and correct it when asked."""
    if told.register and scene.convention == "toolbox":
        raise InputError("register with the toolbox convention", "convention 'centre'", "the protocol knows no offset")
    found = registering.measure(scene, run.at_a_time)
    run.tell(str(found))
    for y, x, shift in found.blocks:
        run.tell(f"  block at ({y}, {x}): {shift.y:+.2f} rows, {shift.x:+.2f} columns, +- {shift.sigma_px:.2f}")
    placed = scene.crs is not None or (scene.pan.in_memory and scene.beyond)
    moves, words = registering.decided(found, "MS", "PAN")
    if told.register:
        run.tell(words)
        run.fact(registered=[words])
    registering.warn_if_apart(found, told.register, placed, scene)
    return (registering.corrected(scene, found) if told.register and moves else scene), found
