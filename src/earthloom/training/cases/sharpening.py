"""Cases of sharpening from scenes on disk: coarse bands one scale down, by the blur of the scene or by drawn ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError
from earthloom.methods.wrappers.each_coarse import OneCoarse
from earthloom.prepare.blurring import AUTO, OF_SENSOR, estimated, with_gain
from earthloom.prepare.registering import Moved
from earthloom.prepare.sharpening import Pairing
from earthloom.problems.base import Case
from earthloom.problems.sharpening import COARSE, Sharpening, coarse_roles
from earthloom.raster.listing.pixel_sizes import SizedScene, scenes_in
from earthloom.raster.open import open_image
from earthloom.sensors import Sensor, load
from earthloom.training.cases import blocks
from earthloom.training.cases.samples import DataSet, Reading
from earthloom.types import Observation, Scene, Window

KEPT = 2  # scenes that stay open
GAINS = (0.2, 0.6)  # of blurs that are drawn
POSSIBLE = (0.05, 0.9)
MTF, MEANS = "mtf", "means"
UNLIKE = 0.03  # how far they and what a method is told differ: standard deviation


class CoarseCases(DataSet):
    """Every coarse image of every scene, one scale down, in random access.

    Parameters
    ----------
    sources
        Scenes; each of their coarse images is a case, or several where it is large.
    reading
        How to read: ``sensor``, ``nodata``, ``block_px``, ``ignore_georeferencing``.
    limit
        At most so many cases, spread evenly.
    ratio
        How much coarser than they are the bands are made; None: by their own ratio. Bands of 20 m at 6 teach what is
        done to bands of 60 m.
    blurs
        So many times each, with gains drawn between 0.2 and 0.6 instead of that of the scene; 0: as the scene is.
        Methods are then told nearly that gain, as they are when it is estimated.
    seed
        Of what is drawn.
    mtf
        Blur where none is drawn: ``auto``, as the scene shows it, or ``sensor``, as its bands are described.
    blur
        ``means``: everything is made coarser by means of pixels instead, and methods are told the gain that the result
        shows (:meth:`earthloom.problems.sharpening.Sharpening.averaged`); ``mtf``: by the sensors' own.
    fine_sensor
        Of the fine images, where ``sensor`` is that of the coarse ones alone.
    shift
        Fine pixels by which the coarse images lie further down and right than their grids say.

    Raises
    ------
    InputError
        If the settings are none.
    """

    def __init__(
        self, sources: Sequence[SizedScene], reading: Reading, limit: int | None = None, ratio: int | None = None,
        blurs: int = 0, seed: int = 0, mtf: str = AUTO, blur: str = MTF, fine_sensor: Any = None,
        shift: Sequence[float] = (0.0, 0.0),
    ) -> None:  # fmt: skip
        reading.require_convention(" for coarse bands")
        for name, why in (
            ("bands", "all are taken"),
            ("maximum", "numbers may be any"),
            ("scale", "units do not matter"),
        ):
            if getattr(reading, name) is not None:
                raise InputError(f"{name} for sharpening", "nothing of this name", why)
        if reading.reduce == "never":
            raise InputError("reduce='never' for sharpening", "'auto': coarse bands are the truth one scale down")
        if blurs < 0 or (ratio is not None and ratio < 2):
            raise InputError(f"ratio {ratio}, blurs {blurs}", "a ratio of at least 2, and no fewer than 0 blurs")
        if mtf not in (AUTO, OF_SENSOR):
            raise InputError(f"mtf '{mtf}'", f"'{AUTO}' or '{OF_SENSOR}'")
        if blur not in (MTF, MEANS) or (blur == MEANS and blurs):
            raise InputError(f"blur '{blur}', {blurs} drawn ones", f"'{MTF}', or '{MEANS}' and none drawn")
        if len(shift) != 2 or not np.isfinite(np.asarray(shift, float)).all():
            raise InputError(f"shift {shift}", "two numbers: fine pixels down and right")
        self.sources, self.reading, self.mtf = tuple(sources), reading, mtf
        self.blur, self.fine_sensor, self.shift = blur, fine_sensor, (float(shift[0]), float(shift[1]))
        self.ratio, self.blurs, self.seed, self.bands = ratio, blurs, seed, 0
        self.sensor: Sensor = load(reading.sensor)
        self._open: OrderedDict[int, Scene] = OrderedDict()
        self._lock = Lock()
        units = [unit for number in range(len(self.sources)) for unit in self._plan(number)]
        self._units = [(*unit, draw) for draw in range(max(blurs, 1)) for unit in units]
        if limit is not None and limit < 1:
            raise InputError(f"a limit of {limit} cases", "at least 1")
        if limit is not None and limit < len(self._units):
            self._units = [self._units[i] for i in np.linspace(0, len(self._units) - 1, limit).round().astype(int)]

    def _plan(self, number: int) -> Iterator[tuple[int, str, Window]]:
        """Blocks of every coarse image of a scene."""
        scene = self._scene(number)
        for role in coarse_roles(scene.empty()):
            own = OneCoarse(scene, role)
            area, ratio = blocks.usable(own, Sharpening.seen), self._ratio(own)
            self.bands = self.bands or len(own.empty()[COARSE].bands)
            for cell in blocks.plan_blocks((area.height, area.width), ratio, self.reading.block_px):
                yield number, role, cell

    def _ratio(self, scene: Scene) -> int:
        """How much coarser the bands of a scene are made."""
        return self.ratio or max(blocks.ratio_of_scene(scene, Sharpening.seen), 2)

    def _scene(self, number: int) -> Scene:
        """The scene with its blur as it shows it, opened or remembered."""
        with self._lock:
            if number in self._open:
                self._open.move_to_end(number)
                return self._open[number]
        source, told = self.sources[number], self.reading
        images = {role: open_image(path, role=role, nodata=told.nodata) for role, path in source.files.items()}
        gain = float(np.mean(GAINS)) if self.blurs else self.mtf
        run = Run(ignore_georeferencing=told.ignore_georeferencing)
        gain = OF_SENSOR if self.blur == MEANS else gain  # what comes out shows its own
        found = Pairing(told.sensor, self.fine_sensor, mtf=gain, nodata=told.nodata)(images, run).scene
        for role in coarse_roles(found.empty()) if any(self.shift) else ():
            found = Moved(found, *self.shift, role)
        with self._lock:
            self._open[number] = found
            while len(self._open) > KEPT:  # files close when the last reader lets go
                self._open.popitem(last=False)
        return found

    def __len__(self) -> int:
        return len(self._units)

    @property
    def names(self) -> list[str]:
        """One per case: the scene, the image, the corner of the block, and the number of the draw."""
        return [
            f"{self.sources[n].name} {role}@{cell.y},{cell.x}" + (f" #{draw}" if self.blurs else "")
            for n, role, cell, draw in self._units
        ]

    @property
    def groups(self) -> list[int]:
        """The image and the draw of every case: its blocks are normalised alike."""
        keys = [(n, role, draw) for n, role, _, draw in self._units]
        return [keys.index(key) for key in keys]

    def one(self, index: int) -> Case:
        """A case by its number."""
        number, role, cell, draw = self._units[index]
        scene, problem = OneCoarse(self._scene(number), role), Sharpening()
        ratio, gains, told = self._ratio(scene), None, None
        if self.blurs:
            rng = np.random.default_rng((self.seed, number, draw, len(role)))
            near = float(rng.uniform(*GAINS)) + rng.normal(0, UNLIKE, len(scene.empty()[COARSE].bands) + 1)
            *gains, told = np.clip(near, *POSSIBLE).tolist()
        if self.blur == MEANS:
            case = blocks.reduced(problem, scene, cell, lambda obs: problem.averaged(obs, ratio), ratio)
            told = estimated(ArrayScene(case.obs)).gain
        else:
            case = blocks.reduced(problem, scene, cell, lambda obs: problem.degraded(obs, ratio, gains), ratio)
        if told is None:
            return case
        return Case(with_gain(case.obs, COARSE, told), case.truth)

    def seen(self, index: int) -> Observation:
        """What was seen at native resolution behind a case."""
        number, role, cell, _ = self._units[index]
        return blocks.cut(OneCoarse(self._scene(number), role), cell, Sharpening.seen)[0]

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_open", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "_open": OrderedDict(), "_lock": Lock()}


OPTIONS = {
    "ratio": (int | None, "How much coarser than they are the coarse bands are made (default: by their own ratio)."),
    "blurs": (int | None, "So many cases of each, with blurs drawn at random (default: one, blurred as the scene is)."),
    "seed_of_blurs": (int | None, "Of what is drawn (default: 0)."),
    "mtf": (str | None, "Blur where none is drawn: auto, as the scene shows it (default), or sensor."),
}


def open_cases(paths: Any, reading: Reading, limit: int | None = None, **more: Any) -> DataSet:
    """See :func:`earthloom.training.cases.open.cases_module`."""
    told = {"seed" if key == "seed_of_blurs" else key: value for key, value in more.items()}
    return CoarseCases(scenes_in(paths), reading, limit, **told)
