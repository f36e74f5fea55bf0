"""Fine and coarse images laid on each other, their displacement and blur measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.prepared import Numbers, Prepared
from earthloom.methods.base import Method
from earthloom.methods.wrappers.each_coarse import EachCoarse, OneCoarse
from earthloom.prepare import registering
from earthloom.prepare.blurring import AUTO, OF_SENSOR, Blurred, gain_for, require_gain
from earthloom.problems.sharpening import COARSE
from earthloom.raster.image import Image
from earthloom.raster.labels import bands_of
from earthloom.raster.scenes.several import FineCoarse, collocated
from earthloom.sensors import Sensor, load
from earthloom.types import Band, Observation, Scene, ShownScene, View


@dataclass(frozen=True)
class Pairing:
    """What is told about the images, and what is done to them.

    Parameters
    ----------
    sensor, fine_sensor
        Of the coarse and of the fine images: names, or paths of sensor files; None: what the metadata say.
    keep_fine
        The fine bands are a part of the product.
    register
        Correct the displacement between the images.
    mtf
        ``auto``, ``sensor``, or the gain at coarse Nyquist: of all coarse images, or of each by its role (those that
        are not named: ``sensor``).
    nodata
        Code of missing pixels, for the product too.
    """

    sensor: Any = None
    fine_sensor: Any = None
    keep_fine: bool = False
    register: bool = False
    mtf: str | float | Mapping[str, float] = AUTO
    nodata: float | None = None

    def __post_init__(self) -> None:
        """Refuse gains that there are not."""
        for gain in self.mtf.values() if isinstance(self.mtf, Mapping) else (self.mtf,):
            require_gain(gain)

    def mtf_of(self, role: str) -> str | float:
        """What is told about the blur of one coarse image."""
        return self.mtf.get(role, OF_SENSOR) if isinstance(self.mtf, Mapping) else self.mtf

    def __call__(self, images: Mapping[str, Image], run: Run) -> Prepared:
        """Lay the images on one grid, and measure how they lie on each other and how blurred the coarse ones are.

        Raises
        ------
        EarthloomError
            Whatever stands in the way, in words.
        """
        opened, sensor = self._laid(images, run)
        scene, facts = self._measured(opened, run)
        coarse = [role for role in images if role.startswith(COARSE)]
        parts = [*(opened.fine_images if self.keep_fine else []), *(images[role] for role in coarse)]
        bands = tuple(b for one in opened.coarse.values() for b in one.bands)
        bands = (*(opened.fine_bands if self.keep_fine else ()), *bands)
        order = _order(bands, sensor) if self.keep_fine else tuple(range(len(bands)))
        names = tuple(own or band.name for own, band in zip([n for p in parts for n in p.names], bands, strict=True))
        return Prepared(
            scene, next(iter(images)), coarse[0], _numbers(parts, order, self.nodata, opened.may_have_holes),
            tuple(bands[at] for at in order), tuple(names[at] for at in order), opened.crs, opened.transform,
            {role: image.paths for role, image in images.items()}, sensor.name if sensor else None,
            {"keep_fine": self.keep_fine}, facts, wrap=Ordered(order), called="sharpened",
        )  # fmt: skip

    def _laid(self, images: Mapping[str, Image], run: Run) -> tuple[FineCoarse, Sensor | None]:
        """All images on one grid, and the sensor of the coarse ones where it is known."""
        sensors: dict[str, Sensor | None] = {}
        for role, image in images.items():
            told = self.sensor if role.startswith(COARSE) else self.fine_sensor or None
            name = told or image.sensor or (self.sensor if not role.startswith(COARSE) else None)
            sensors[role] = load(name) if name else None
        bands = {role: bands_of(image, sensors[role], None, run.fact) for role, image in images.items()}
        fine = [role for role in images if not role.startswith(COARSE)]
        coarse = {role: image for role, image in images.items() if role.startswith(COARSE)}
        scene = collocated(
            [images[role] for role in fine], coarse, [bands[role] for role in fine], bands, self.keep_fine,
            run.ignore_georeferencing,
        )  # fmt: skip
        for note in scene.notes:
            run.tell(note)
        days = {image.name: image.acquired for image in images.values() if image.acquired is not None}
        if len(set(days.values())) > 1:
            run.tell(f"dates differ: {', '.join(f'{name} {day}' for name, day in days.items())}")
        for laid in scene.coarse.values():
            run.tell(
                f"{laid.image.name}: {len(laid.bands)} band(s) at ratio {laid.fit.ratio[0]:g}, pixel 0 at fine pixel "
                f"({laid.fit.offset[0]:g}, {laid.fit.offset[1]:g})"
            )
        return scene, sensors[next(iter(coarse))]

    def _measured(self, opened: FineCoarse, run: Run) -> tuple[Scene, dict[str, Any]]:
        """The scene with displacement and blur as they were found, and what was found."""
        scene: Scene = opened
        facts: dict[str, Any] = {}
        moved: list[str] = []
        for role, laid in opened.coarse.items():
            found = registering.measure(AsPan(scene, role), run.at_a_time)
            run.tell(f"{laid.image.name}: {found.told('coarse bands', 'fine bands')}")
            moves, words = registering.decided(found, laid.image.name)
            moved.append(words)
            corrected = self.register and moves
            scene = registering.Moved(scene, found.y, found.x, role) if corrected else scene
            facts[f"registration_{role}"] = found.as_dict() | {"corrected": corrected}
            if not self.register and found.known and found.ms_px > registering.LIMIT:
                registering.warn_of(found, "coarse bands", "fine bands")
            gain = gain_for(self.mtf_of(role), OneCoarse(scene, role), laid.image.name, run)
            if gain is not None:
                scene = Blurred(scene, role, gain)
                facts[f"mtf_{role}"] = round(gain, 3)
        if self.register:
            run.fact(registered=moved)
            for words in moved:
                run.tell(words)
        return scene, facts


@dataclass(frozen=True)
class Ordered:
    """Puts the bands of the product in their order, whatever the method."""

    order: tuple[int, ...]

    def __call__(self, method: Method) -> Method:
        """The method with the order."""
        assert isinstance(method, EachCoarse)
        return replace(method, order=() if self.order == tuple(range(len(self.order))) else self.order)


@dataclass(frozen=True)
class AsPan(ShownScene):
    """A scene as registration sees it: the mean of the fine bands as ``pan``, one coarse view as ``ms``."""

    role: str

    def shown(self, obs: Observation) -> Observation:
        """Both under the roles of pansharpening."""
        fine = obs["fine"]
        pan = View(fine.data.mean(axis=0, keepdims=True), fine.valid, (Band("pan"),), date=fine.date)
        return replace(obs, views={"pan": pan, "ms": obs[self.role]})


def _order(bands: tuple[Band, ...], sensor: Sensor | None) -> tuple[int, ...]:
    """The bands as the sensor counts them; as they come where it does not know all."""
    known = {band.name: at for at, band in enumerate(sensor.bands)} if sensor is not None else {}
    if not all(band.name in known for band in bands):
        return tuple(range(len(bands)))
    return tuple(sorted(range(len(bands)), key=lambda at: known[bands[at].name]))


def _numbers(parts: list[Image], order: tuple[int, ...], told: float | None, holes: bool) -> Numbers:
    """How the product's numbers are stored: in a type that holds those of all images."""
    scales = [scale for image in parts for scale in image.scales]
    offsets = [offset for image in parts for offset in image.offsets]
    nodata = next((image.nodata for image in parts if image.nodata is not None), None)
    dtype = np.result_type(*(image.dtype for image in parts))
    return Numbers(dtype, tuple(scales[at] for at in order), tuple(offsets[at] for at in order), nodata, told, holes)
