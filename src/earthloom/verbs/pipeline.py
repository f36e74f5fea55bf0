"""The one road: refuse, open, prepare, ready the method, run the job tile by tile, store, tell."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rasterio.io import DatasetReader

from earthloom.engine.arrays import Taken
from earthloom.engine.inputs import files_of, opened, taken_of
from earthloom.engine.job import Encode, Fusion, execute, tiles_of
from earthloom.engine.lazy import Lazy
from earthloom.engine.ledger import Learnt, Ledger
from earthloom.engine.options import Run, on_its_device
from earthloom.engine.prepared import EXPECTED, Prepared
from earthloom.engine.runner import Threads
from earthloom.engine.sink import Array, File, Labelled, Sink
from earthloom.engine.tags import asked, figures_as_tags, tags_of
from earthloom.errors import FileError, InputError, warn
from earthloom.machine import peak_bytes
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.wrappers.judged import require_turning
from earthloom.methods.wrappers.refined import refined, residual_percent
from earthloom.ops.quantise import Held
from earthloom.raster.image import Image
from earthloom.raster.metadata.stac_items import as_paths
from earthloom.raster.settings import block_cache
from earthloom.raster.steady import Stamp, paths_in, require_unchanged, stamps
from earthloom.raster.told import Told
from earthloom.raster.write.place import GEOTIFF, require_layer_place, require_other
from earthloom.raster.write.product_item import product_item, require_item_place
from earthloom.report.record import Clock, Record
from earthloom.training.ready import ready, sure
from earthloom.verbs.telling import Telling

CLIPPED = 0.1  # share of the numbers at the ends of their type that is worth a word
STEPS = 4  # a product of fewer is no image
Prepare = Callable[[Mapping[str, Image], Run], Prepared]
Choose = Callable[[Prepared, Run], Method]


@dataclass(frozen=True)
class Work:
    """What a verb asks of the road.

    Parameters
    ----------
    inputs
        Role to paths, files that rasterio holds open, numpy, torch or xarray; None where one is not given.
    prepare
        Makes of the opened images what a method needs.
    method
        What runs; or a function that finds it when all is prepared.
    run
        How.
    told
        Role to what is told about its image.
    kinds
        Role to what is taken from a folder or a file that holds several images: ``pan``, ``ms``, ``hs``.
    output
        Where the product goes; None: it is handed back.
    suffixes
        What the output may be called.
    refine
        Back-projections after the method.
    """

    inputs: Mapping[str, Any]
    prepare: Prepare
    method: Method | Choose
    run: Run
    told: Mapping[str, Told] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    output: str | Path | None = None
    suffixes: tuple[str, ...] = GEOTIFF
    refine: int = 0

    def chosen(self, prepared: Prepared, run: Run) -> Method:
        """The method as it runs: found, refined, with its weights."""
        if isinstance(self.method, Method):
            return ready(refined(self.method, self.refine), prepared.scene, run)
        return self.method(prepared, run)

    @property
    def given(self) -> dict[str, Any]:
        """The inputs that there are."""
        return {role: _by_name(value) for role, value in self.inputs.items() if value is not None}


class Sure(NamedTuple):
    """A product that is no file, and how sure it is.

    Parameters
    ----------
    image
        Of the kind that the verb gives.
    expected_error
        Root mean square over the bands of how far each pixel is expected to be off, (y, x), in physical units; NaN
        where the product holds nothing.
    """

    image: Any
    expected_error: np.ndarray


def _by_name(value: Any) -> Any:
    """A file that rasterio holds open, by its name; a STAC item by its own; all else as it is."""
    value = as_paths(value)
    if isinstance(value, (list, tuple)):
        return [_by_name(one) for one in value]
    return value.name if isinstance(value, DatasetReader) else value


def perform(work: Work) -> Any:
    """Make a product.

    Returns
    -------
    The path of the file; an array of the kind that was given (of dask, not yet computed, where one of the inputs is);
    or, for files without an output, a DataArray. With ``quality`` these two in a :class:`Sure`.

    Raises
    ------
    EarthloomError
        Whatever stands in the way, in words, and before the long work begins.
    """
    taken = taken_of(work.given, lazily=True)
    sink = _sink(work, taken)
    sink.refuse(files_of(work.given) if taken is None else ())
    if work.run.stac:
        require_item_place(_tiff_of(sink), files_of(work.given) if taken is None else ())
    if work.run.quality:
        _require_judgeable(work, sink, taken)
    place = sink.place if isinstance(sink, File) else None
    telling = Telling.of(work.run, place, files_of(work.given) if taken is None else ())
    before = stamps(files_of(work.given)) if taken is None else {}
    facts = FactKeeper(work.run.facts)
    with work.run.begin(), ExitStack() as stack:  # workers that are asked for get ready meanwhile
        images = opened(work.given, taken, stack, work.told, work.kinds, work.run.tolerant)
        if isinstance(sink, File):
            for image in images.values():
                require_other(sink.place, image.paths)
        facts.clock("opened")
        run = replace(work.run, facts=facts)
        prepared = work.prepare(images, run)
        facts.clock("prepared")
        seen = [image.acquired for image in images.values()]
        return produce(prepared, sink, work.chosen, run, facts, seen, before, telling)


@on_its_device
def produce(
    prepared: Prepared, sink: Sink | Lazy, choose: Choose, run: Run, facts: FactKeeper,
    seen: Sequence[date | None] = (), opened_as: Mapping[Path, Stamp] | None = None, telling: Telling | None = None,
) -> Any:  # fmt: skip
    """The second half of the road: ready the method, run the job, store, tell.

    Parameters
    ----------
    choose
        Finds the method for what is prepared.
    facts
        Who the run tells what it finds out.
    seen
        Days of the inputs, for a STAC item.
    opened_as
        What the inputs were before they were opened, where that is known: what was prepared may be of that.
    telling
        What is told about a file when it is whole.
    """
    began, now = time.monotonic(), stamps(paths_in(dict(prepared.inputs)))
    before = {path: (opened_as or {}).get(path, mark) for path, mark in now.items()}
    encode = sink.encode(prepared, run)
    if run.quality and not prepared.judged:
        encode, prepared = replace(encode, judged=True), replace(prepared, layers=(EXPECTED, *prepared.layers))
    if isinstance(sink, Lazy):
        return _promised(prepared, sink, encode, choose, run)
    place = sink.open(prepared, encode, run)
    with block_cache(run.budget.cache, run.memory is not None), place as out, run.begin() as runner:
        method = _ready(prepared, choose, replace(run, learnt=Learnt(out.ledger, prepared.inputs)))
        facts.clock("readied")
        tiles, runner = tiles_of(method, prepared.scene, run.tile_size, runner, run.budget, out.in_memory)
        job = prepared.job(method, prepared.scene, tiles, encode)
        tags = tags_of(method, prepared)
        out.tag(tags)
        if out.ledger.folder is not None and (why := out.ledger.begin(asked(job, tags))):
            run.tell(f"what was unfinished is made afresh: {why} changed")
        talk = replace(run.talk, progress=facts.clock.watching(run.progress))
        came = execute(job, runner, out, talk, out.ledger)
        _require_steady(before, out.ledger)
        out.lost(came.missing)
        say_what_is_lost(came.held, encode.dtype)
        figures = {**(residual_percent(came.measured) or {}), **prepared.figures(came.measured)}
        out.tag(figures_as_tags(figures))
    product = out.result()
    if encode.judged and isinstance(product, tuple):
        product = Sure(product[0], product[1][0])
    if run.stac and isinstance(product, Path):
        product_item(product, prepared.inputs, seen)
    facts.clock("written")
    tell(figures, run)
    if caution := prepared.caution(figures):
        warn(caution)
    seconds = time.monotonic() - began
    record = Record(
        method.card.problem, name_of(method), dict(method.parameters),
        {role: tuple(map(str, paths)) for role, paths in prepared.inputs.items()},
        str(product) if isinstance(product, Path) else None, dict(prepared.facts), {**facts.known, **figures},
        len(tiles), seconds, dict(facts.clock.seconds), math.prod(prepared.scene.shape) / 1e6 / max(seconds, 1e-9),
        *peak_bytes(),
    )  # fmt: skip
    if telling is not None and isinstance(product, Path):
        telling(product, prepared, record)
    run.fact(record=record)
    return product


def _require_judgeable(work: Work, sink: Sink | Lazy, taken: Mapping[str, Taken] | None) -> None:
    """Refuse, before anything is read, to judge what cannot be judged, or over another file."""
    if isinstance(sink, Lazy):
        raise InputError("`quality` with arrays of dask", "files, or arrays in memory", "give `.compute()`")
    if isinstance(work.method, Method):
        require_turning(work.method)
    if isinstance(sink, File):
        require_layer_place(sink.place, files_of(work.given) if taken is None else (), work.run.overwrite)


def _ready(prepared: Prepared, choose: Choose, run: Run) -> Method:
    """The method as it runs on the scene."""
    method = prepared.wrap(choose(prepared, run))
    empty = prepared.scene.empty()
    method.check(empty, prepared.scene.shape)
    return sure(method.ready(empty), prepared.scene, run)


def _promised(prepared: Prepared, sink: Lazy, encode: Encode, choose: Choose, run: Run) -> Any:
    """A product whose numbers are made when somebody asks for them."""
    method = _ready(prepared, choose, run)
    tiles, _ = tiles_of(method, prepared.scene, run.tile_size, Threads(run.at_a_time), run.budget)
    job = prepared.job(method, prepared.scene, tiles, encode)
    assert isinstance(job, Fusion)  # a lookup is of files
    return sink.promised(job, prepared, encode, tags_of(method, prepared), run)


def _require_steady(before: Mapping[Path, Stamp], ledger: Ledger) -> None:
    """Refuse, and forget, tiles of which some may show an input as it was and others as it is now."""
    try:
        require_unchanged(before)
    except FileError:
        ledger.forget()
        raise


def say_what_is_lost(held: Held | None, dtype: np.dtype) -> None:
    """Say where the type that was asked for leaves little of the product: clipped, or rounded to a few steps."""
    if held is None:
        return
    low, high, ends, count = held
    if ends > CLIPPED * count:
        warn(f"{ends / count:.0%} of the numbers are clipped to the range of {dtype.name}; ask for a wider `dtype`")
    elif high - low < STEPS:
        warn(
            f"{dtype.name} holds next to nothing of the product, whose numbers lie between {low:g} and {high:g}; "
            "ask for `dtype=float32`"
        )


def tell(figures: Mapping[str, Any], run: Run) -> None:
    """Say how the product came out."""
    if "after_percent" in figures:
        line = "residual {before_percent:.3g} % before refinement, {after_percent:.3g} % after"
        run.tell(line.format(**figures))
    if "cloud_percent" in figures:
        share = figures["cloud_percent"]
        run.tell(f"{share:.3g} % of the pixels lay under clouds" if share else "no cloud: the image stays as it is")
    run.fact(**figures)


@dataclass(frozen=True)
class FactKeeper:
    """Keeps what a run finds out and how long it takes for its record, and passes it on to who listens."""

    listener: Callable[[Mapping[str, Any]], Any] | None = None
    known: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)

    def __call__(self, found: Mapping[str, Any]) -> None:
        """Take some."""
        if "record" not in found:
            self.known.update(found)
        if self.listener is not None:
            self.listener(found)


def _tiff_of(sink: Sink | Lazy) -> Path:
    """The GeoTIFF that an item can stand beside."""
    if not isinstance(sink, File) or sink.matlab:
        raise InputError("`stac` without a GeoTIFF", "an output such as product.tif")
    return sink.place


def _sink(work: Work, taken: Mapping[str, Taken] | None) -> Sink | Lazy:
    """Where the product goes."""
    if taken is not None:
        if work.output is not None:
            raise InputError("output= with arrays", "paths", "write the array that is returned yourself")
        arrays = Array(taken)
        return Lazy(arrays) if any(one.lazy for one in taken.values()) else arrays
    if work.output is None:
        return Labelled()
    return File(Path(work.output), work.run.overwrite, work.suffixes)
