"""Cases for training and evaluation from data on disk, whatever its layout, read when they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from earthloom.errors import InputError
from earthloom.problems import catalog as problems
from earthloom.problems.base import Case, Problem
from earthloom.raster.listing import layouts
from earthloom.raster.listing.layouts import Rasters, Source
from earthloom.raster.listing.samples import SampleStack, check_shapes
from earthloom.sensors import Sensor, load, match_bands
from earthloom.training.cases import blocks
from earthloom.training.cases.samples import DataSet, OpenedSample, Reading, open_source
from earthloom.types import Observation, Window

KEPT = 2  # scenes that stay open


class SourceFacts(NamedTuple):
    """What all samples of a source share; ``shape`` is that of the MS, ``truth`` whether there is one."""

    sensor: Sensor
    ratio: int
    bands: int
    shape: tuple[int, int]
    truth: bool


class Cases(DataSet):
    """The cases of a data set in random access: nothing is read before it is asked for, nothing is kept.

    Can be pickled and read from several threads. ``names`` tells where each case comes from, ``sensor`` whose bands
    they are, ``ratio`` and ``bands`` what all of them share.
    """

    def __init__(self, sources: Sequence[Source], problem: Problem, reading: Reading, limit: int | None) -> None:
        reading.require_convention(" for PAN and MS")
        self.sources, self.problem, self.reading = tuple(sources), problem, reading
        self._open: OrderedDict[tuple[int, int], OpenedSample] = OrderedDict()
        self._lock = Lock()
        self._readings: dict[int, Reading] = {}  # with the sensor of a source, parsed once and not for every sample
        self._units: list[tuple[int, int, Window | None]] = []
        self.sensor, self.ratio, self.bands = load(), 0, 0
        for number, source in enumerate(self.sources):
            self._units += self._plan(number, source)
        if limit is not None and limit < 1:
            raise InputError(f"a limit of {limit} cases", "at least 1")
        if limit is not None and limit < len(self._units):
            at = np.linspace(0, len(self._units) - 1, limit).round().astype(int)
            self._units = [self._units[i] for i in at]

    def _plan(self, number: int, source: Source) -> Iterator[tuple[int, int, Window | None]]:
        """Source, sample and block of every case of a source; what it holds must agree with the sources before."""
        if not len(source):
            raise InputError(f"{source.name} holds no samples", "at least one")
        known = self._known(number, source)
        if not self.ratio:
            self.sensor, self.ratio, self.bands = known.sensor, known.ratio, known.bands
        for now, before, what in ((known.bands, self.bands, "bands"), (known.ratio, self.ratio, "as ratio")):
            if now != before:
                raise InputError(
                    f"{source.name} has {now} {what}, {self.sources[0].name} has {before}", "the same for all"
                )
        unit, limit = known.ratio, self.reading.block_px
        if known.truth and self.reading.reduce != "always":
            unit, limit = 1, max(1, limit // known.ratio)
        cells = blocks.plan_blocks(known.shape, unit, limit)
        for index in range(len(source)):
            yield from ((number, index, cell if len(cells) > 1 else None) for cell in cells)

    def _known(self, number: int, source: Source) -> SourceFacts:
        """What can be told without reading more than the headers, and a few samples of a stack to check them."""
        if isinstance(source, Rasters):
            opened = self._opened(number, 0)
            area = blocks.usable(opened.scene)
            count = len(opened.scene.empty()["ms"].bands)
            ratio = blocks.ratio_of_scene(opened.scene)
            return SourceFacts(opened.sensor, ratio, count, (area.height, area.width), opened.truth is not None)
        sensor = load(self.reading.sensor if self.reading.sensor is not None else source.facts.sensor)
        self._readings[number] = replace(self.reading, sensor=sensor)
        if isinstance(source, SampleStack):
            for index in sorted({0, len(source) // 2, len(source) - 1}):
                opened = self._opened(number, index)
                for role, view in opened.scene.observe(Window(0, 0, *opened.scene.shape), 0).views.items():
                    opened.checked(role, view.data)
        sizes = source.sizes(0)
        names = self.reading.bands or source.facts.bands
        count = len(match_bands(sensor, sizes["ms"][0], names))
        return SourceFacts(sensor, check_shapes(source.name, sizes), count, sizes["ms"][1:], "gt" in sizes)

    def _reduces(self, opened: OpenedSample) -> bool:
        """Whether the truth has to be made."""
        return self.reading.reduce == "always" or opened.truth is None

    def __len__(self) -> int:
        return len(self._units)

    @property
    def names(self) -> list[str]:
        """One per case: the file or sample, and the corner of the block in MS pixels."""
        labels = ((self.sources[n].label(i), cell) for n, i, cell in self._units)
        return [label if cell is None else f"{label}@{cell.y},{cell.x}" for label, cell in labels]

    @property
    def groups(self) -> list[int]:
        """The source of every case."""
        return [number for number, _, _ in self._units]

    def one(self, index: int) -> Case:
        """A case by its number."""
        opened, cell = self._block(index)
        if self._reduces(opened):
            if self.reading.reduce == "never":
                raise InputError(f"{self.names[index]} has no truth", "gt", "reduce='auto' makes one (Wald's protocol)")
            case = blocks.reduced(self.problem, opened.scene, cell)
            for role, view in (("ms", case.obs["ms"]), ("pan", case.obs["pan"])):
                opened.checked(role, view.data[:, view.valid])
            return case
        assert opened.truth is not None
        obs, fine = blocks.cut(opened.scene, cell)
        truth = opened.truth(fine)
        for role, data in (("gt", truth[np.isfinite(truth)]), ("ms", obs["ms"].data), ("pan", obs["pan"].data)):
            opened.checked(role, data)
        return Case(obs, truth)

    def seen(self, index: int) -> Observation:
        """What was seen at native resolution behind a case that is degraded; the case's own inputs otherwise."""
        opened, cell = self._block(index)
        return blocks.cut(opened.scene, cell)[0]

    def has_truth(self, index: int) -> bool:
        """Whether the data set itself holds the truth of a case."""
        return self._opened(*self._units[index][:2]).truth is not None

    def _block(self, index: int) -> tuple[OpenedSample, Window]:
        """The opened scene of a case, and its block: the whole scene where there is only one."""
        number, sample, cell = self._units[index]
        opened = self._opened(number, sample)
        if cell is None:
            area = blocks.usable(opened.scene)
            cell = Window(0, 0, area.height, area.width)
        return opened, cell

    def _opened(self, number: int, index: int) -> OpenedSample:
        """The scene, opened or remembered (single samples of a stack are cheap and not kept)."""
        source, key = self.sources[number], (number, index)
        with self._lock:
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        opened = open_source(source, index, self._readings.get(number, self.reading))
        if not isinstance(source, SampleStack):
            with self._lock:
                self._open[key] = opened
                while len(self._open) > KEPT:  # files close when the last reader lets go
                    self._open.popitem(last=False)
        return opened

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_open", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "_open": OrderedDict(), "_lock": Lock()}


OPTIONS: dict[str, tuple[Any, str]] = {}


def open_cases(paths: Any, reading: Reading, limit: int | None = None, **more: Any) -> DataSet:
    """See :func:`earthloom.training.cases.open.cases_module`.

    Raises
    ------
    InputError
        If the data hold radar and optical images.
    """
    if more:
        raise InputError(f"{', '.join(more)} for pansharpening", "nothing of this name")
    sources = layouts.find_sources(paths)
    wrong = next((s.name for s in sources if isinstance(s, Rasters) and "pan" not in s.files), None)
    if wrong:
        raise InputError(f"{wrong} holds radar and optical images", "pan and ms", "it is for cloud_removal")
    return Cases(sources, problems.find("pansharpening"), reading, limit)
