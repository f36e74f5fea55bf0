"""Cases of super-resolution from cubes on disk: CAVE's folders, Harvard's and other .mat, ENVI, GeoTIFF, NetCDF."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.prepare.superresolution.bands import numbers_in
from earthloom.prepare.superresolution.opening import BLURS, DEFAULT_RATIO, PROBLEM, ToldCube, lay_cube, whole_ratio
from earthloom.problems.base import Case
from earthloom.problems.superresolution import BLOCK, Superresolution, observation, on_grid
from earthloom.raster.listing.cubes import cubes_in
from earthloom.raster.open import open_image
from earthloom.sensors import Sensor, load
from earthloom.training.cases.blocks import plan_blocks as blocks_of
from earthloom.training.cases.samples import DataSet, Reading
from earthloom.types import Band, Observation, Window


@dataclass(frozen=True)
class SpectralPart:
    """A cube, or one side of a gap in its spectrum: what is cut into blocks of one case each.

    Parameters
    ----------
    path, title
        The cube, and what to call it.
    numbers, bands
        Its bands that are taken, numbered from 1 as in the file, in the order of their wavelengths.
    shape
        Rows and columns.
    """

    path: str
    title: str
    numbers: tuple[int, ...]
    bands: tuple[Band, ...]
    shape: tuple[int, int]

    @property
    def name(self) -> str:
        """Of the cube, for messages."""
        return self.title


class CubeCases(DataSet):
    """The cases of cubes in random access: each cube is the truth, and what was seen is made from it.

    Bands that the file calls bad, hold nothing or one value are left out; the parts beside a gap in the spectrum are
    cases of their own, as they are when a cube is super-resolved. Cubes may differ in their bands.

    Parameters
    ----------
    paths
        Cubes, and folders that hold some, however deep.
    reading
        How to read: ``sensor``, ``scale``, ``nodata``, ``block_px``.
    limit
        At most so many cases, spread evenly.
    ratio
        Pixel size of what is seen over that of the cubes: 2, 3, 4 or 8.
    convention
        Of the blur: ``bicubic`` (MATLAB's), ``centre`` (the sensor's MTF); None: the sensor's when there is one.
    bad_bands
        From 1, ``"1-4,107-113"`` or numbers, the same in all cubes: no case holds them.

    Raises
    ------
    FileError
        If there is no cube, or one is broken.
    InputError
        If a cube has its bands elsewhere than first, or is smaller than two coarse pixels.
    """

    def __init__(
        self, paths: Any, reading: Reading, limit: int | None = None, ratio: float = DEFAULT_RATIO,
        convention: str | None = None, bad_bands: Any = None,
    ) -> None:  # fmt: skip
        blurs = {made: blur for blur, made in BLURS.items()}
        replace(reading, convention=convention).require_convention(" for cubes", tuple(blurs))
        for name, why in (("bands", "bad_bands leaves some out"), ("maximum", "peak is a field of the network")):
            if getattr(reading, name) is not None:
                raise InputError(f"{name} for cubes", "nothing of this name", why)
        if reading.reduce == "never":
            raise InputError("reduce='never' for cubes", "'auto': a cube is the truth, what was seen is made from it")
        blur: Any = None if convention is None else blurs[convention]
        self.told = ToldCube(
            whole_ratio(ratio), reading.sensor, blur, numbers_in(bad_bands), drop_bad=True, nodata=reading.nodata
        )
        self.reading, self.ratio = reading, self.told.ratio
        self.sensor: Sensor = load(reading.sensor)
        self.sources: list[SpectralPart] = [part for path in cubes_in(paths) for part in self._parts(path)]
        self.bands = len(self.sources[0].bands)
        self._units = [(n, cell) for n, part in enumerate(self.sources) for cell in self._cells(part)]
        if limit is not None and limit < 1:
            raise InputError(f"a limit of {limit} cases", "at least 1")
        if limit is not None and limit < len(self._units):
            self._units = [self._units[i] for i in np.linspace(0, len(self._units) - 1, limit).round().astype(int)]

    def _parts(self, path: str) -> Iterator[SpectralPart]:
        """The good bands of a cube, part by part."""
        with ExitStack() as stack:
            image = stack.enter_context(open_image(path, role="hs", nodata=self.told.nodata))
            cube = lay_cube(image, catalog.make("bicubic", PROBLEM), self.told, Run())
            shape, title = cube.image.shape, Path(path).name
        if min(shape) < BLOCK * self.ratio:
            raise InputError(
                f"{title} of {shape[0]} x {shape[1]} pixels at ratio {self.ratio}", f"at least {BLOCK * self.ratio}"
            )
        for group in cube.banding.groups:
            picked = [cube.banding.good[at] for at in group]
            yield SpectralPart(
                path, title, tuple(at + 1 for at in picked), tuple(cube.bands[at] for at in picked), shape
            )

    def _cells(self, part: SpectralPart) -> list[Window | None]:
        """Blocks of a part whose corners are whole coarse pixels; None for all of it."""
        cells = blocks_of(part.shape, self.ratio, self.reading.block_px)
        return list(cells) if len(cells) > 1 else [None]

    def __len__(self) -> int:
        return len(self._units)

    @property
    def names(self) -> list[str]:
        """One per case: the cube, its bands where its spectrum has gaps, and the corner of the block."""
        often = [sum(part.path == other.path for other in self.sources) for part in self.sources]
        found = []
        for number, cell in self._units:
            part = self.sources[number]
            name = part.title + (f", bands {min(part.numbers)}-{max(part.numbers)}" if often[number] > 1 else "")
            found.append(name if cell is None else f"{name}@{cell.y},{cell.x}")
        return found

    @property
    def groups(self) -> list[int]:
        """The part of every case: its blocks are normalised alike, as when a cube is super-resolved."""
        return [number for number, _ in self._units]

    def one(self, index: int) -> Case:
        """A case by its number: a block of the cube, and what its own blur makes of it."""
        return Superresolution().degrade(self.seen(index))

    def seen(self, index: int) -> Observation:
        """The cube itself, or a block of it, as it would be super-resolved."""
        number, cell = self._units[index]
        part, scale = self.sources[number], self.reading.scale
        whole = open_image(part.path, nodata=self.reading.nodata, role="hs")
        with whole.pick([number - 1 for number in part.numbers]) as image:
            data, valid = image.read(Window(0, 0, *part.shape) if cell is None else cell, np.dtype("float32"))
        data = np.where(valid, data, np.float32(0)) * np.float32(1 if scale is None else scale)
        return observation(on_grid(data, valid, part.bands, self.ratio), self.told.convention)


OPTIONS = {
    "ratio": (float | None, "What is learnt: 2, 3, 4 or 8 times finer cubes (default: 4)."),
    "bad_bands": (list[str] | None, "Bands that are left out of all cubes, numbers from 1 and ranges: 1-4 107-113."),
}


def open_cases(paths: Any, reading: Reading, limit: int | None = None, **more: Any) -> DataSet:
    """See :func:`earthloom.training.cases.open.cases_module`; the convention is that of the blur."""
    return CubeCases(paths, replace(reading, convention=None), limit, convention=reading.convention, **more)
