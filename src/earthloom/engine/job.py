"""A job: two pure functions of a tile, and what runs them over a whole scene.

``measure`` looks at a tile, as often as the method asks, and its results merge with ``+``; ``make`` turns a tile into
the numbers that are stored. A job can be pickled and called anywhere: in a thread, in another process, elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from earthloom.engine.budget import FREE, Budget, at_work
from earthloom.engine.ledger import NOTHING_KEPT, Ledger
from earthloom.engine.packed import NotPlain
from earthloom.engine.passes import fuse_tile, halo_px, observe_filled
from earthloom.engine.runner import Runner, Serial, Threads
from earthloom.engine.talk import Progress, Talk, silent
from earthloom.errors import InputError
from earthloom.machine import placed
from earthloom.methods.base import Method
from earthloom.ops.moments import Stats
from earthloom.ops.quantise import DTYPES, Held, held_by, quantise
from earthloom.ops.solve import solvable
from earthloom.ops.tiling import plan
from earthloom.problems import catalog as problems
from earthloom.types import Bool, Product, Scene, Shaped, Window

KEPT_EVERY_S = 5.0  # statistics of a scene that is half measured
NOTHING = "no valid pixel in the overlap of the inputs"


class Made(NamedTuple):
    """A finished tile.

    Parameters
    ----------
    stored
        One array a layer, ``(band, y, x)``, as it will stand in the file: encoded where it was made, so that small
        integers travel.
    seen
        Whether anything in it is valid.
    measured
        How it came out; merges with ``+``.
    missing
        Pixels that hold nothing.
    held
        Lowest and highest of the stored numbers, how many stand at an end of their type, and how many there are; where
        somebody asked for another type.
    checks
        Checksums of what was put in its place, one a layer.
    """

    stored: tuple[Shaped[np.ndarray, "band y x"], ...]
    seen: bool
    measured: Stats | None = None
    missing: int = 0
    held: Held | None = None
    checks: tuple[int, ...] = ()


@runtime_checkable
class Job(Protocol):
    """Two pure functions of a tile. Frozen, and can be pickled."""

    stage: ClassVar[str]  # what making a tile is called

    @property
    def tiles(self) -> tuple[Window, ...]:
        """Each pixel of the product lies in one of them."""
        ...

    @property
    def rounds(self) -> int:
        """How often ``measure`` looks at all tiles."""
        ...

    def measure(self, tile: Window, so_far: Stats | None) -> Stats | None:
        """Statistics of a tile; ``so_far`` are those of the round before. None where nothing is valid."""
        ...

    def make(self, tile: Window, stats: Stats) -> Made:
        """The product on a tile."""
        ...


@runtime_checkable
class Out(Protocol):
    """Takes the finished tiles of a job, from any thread."""

    def put(self, tile: Window, stored: tuple[np.ndarray, ...]) -> tuple[int, ...]:
        """Tiles come in any order, and do not overlap. Checksums, where there are some."""
        ...

    def checks(self, tile: Window) -> tuple[int, ...]:
        """Checksums of what lies there."""
        ...

    def elsewhere(self) -> Out | None:
        """The same place for other processes that see the disk; None where it is in the memory of this one."""
        ...


@dataclass(frozen=True)
class Encode:
    """From physical units to the numbers that are stored: ``physical = scale * number + offset``.

    Parameters
    ----------
    dtype
        Of the stored numbers.
    nodata
        Code of a missing pixel; None: 0, or NaN for floating point.
    scales, offsets
        One each per band; empty: 1 and 0.
    finite
        Take pixels that are not finite in every band for missing.
    watched
        Look what the type leaves of the numbers.
    judged
        Store how far off each pixel is expected to be, as a second layer.
    """

    dtype: np.dtype
    nodata: float | None = None
    scales: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    finite: bool = False
    watched: bool = False
    judged: bool = False

    def valid(self, product: Product) -> Bool[np.ndarray, "y x"]:
        """Where the product holds something."""
        return product.valid & np.isfinite(product.data).all(axis=0) if self.finite else product.valid

    def __call__(self, product: Product) -> Shaped[np.ndarray, "band y x"]:
        """The numbers of a tile."""
        kind = self.dtype if self.dtype.name in DTYPES else np.dtype("float32")  # half precision, for arrays
        stored = quantise(
            product.data, self.valid(product), kind, nodata=self.nodata, scales=self.scales or None,
            offsets=self.offsets or None,
        )  # fmt: skip
        return stored.astype(self.dtype, copy=False)

    @property
    def missing(self) -> float:
        """What stands where nothing was measured."""
        neutral = np.nan if self.dtype.kind == "f" else 0
        return neutral if self.nodata is None else self.nodata

    def made(self, product: Product) -> Made:
        """A finished tile: the product, and with ``judged`` how far off each pixel is expected to be."""
        valid = self.valid(product)
        lost = valid.size - int(np.count_nonzero(valid))
        stored = self(product)
        held = held_by(stored[:, valid]) if self.watched and lost < valid.size else None
        off = np.where(valid, np.nan if product.off is None else product.off, np.nan)[None].astype(np.float32)
        return Made((stored, off)[: 1 + self.judged], bool(product.valid.any()), product.measured, lost, held)


@dataclass(frozen=True)
class Plain:
    """The product as it is, and where it is valid as a second layer: for who goes on working in memory."""

    def made(self, product: Product) -> Made:
        """A finished tile of two layers."""
        return Made((product.data, product.valid[None]), bool(product.valid.any()), product.measured)


@dataclass(frozen=True)
class Fusion:
    """A method on a scene."""

    method: Method
    scene: Scene
    tiles: tuple[Window, ...]
    encode: Encode | Plain

    stage: ClassVar[str] = "fusing"

    @property
    def rounds(self) -> int:
        """As often as the method asks."""
        return self.method.rounds

    def measure(self, tile: Window, so_far: Stats | None) -> Stats | None:
        """What the method summarises."""
        halo, problem = halo_px(self.method, self.scene.empty()), problems.find(self.method.card.problem)
        obs = observe_filled(self.scene, tile, halo, problem)
        return None if obs is None else self.method.summarise(obs, so_far)

    def product(self, tile: Window, stats: Stats) -> Product:
        """The tile in physical units."""
        return fuse_tile(self.method, self.scene, tile, halo_px(self.method, self.scene.empty()), stats)

    def make(self, tile: Window, stats: Stats) -> Made:
        """The tile as it is stored."""
        return self.encode.made(self.product(tile, stats))

    def look(self, tile: Window) -> None:
        """Read whatever measuring or making a tile may read, and do nothing with it."""
        self.scene.observe(tile, 2 * halo_px(self.method, self.scene.empty()))  # twice where there are holes


@dataclass(frozen=True)
class Measure:
    """A task: one round of statistics."""

    job: Job
    so_far: Stats | None

    def __call__(self, number: int) -> Stats | None:
        """Of the tile of a number."""
        with solvable():
            return self.job.measure(self.job.tiles[number], self.so_far)


@dataclass(frozen=True)
class Make:
    """A task: a finished tile, put in its place where there is one, else sent back."""

    job: Job
    stats: Stats
    out: Out | None

    def __call__(self, number: int) -> Made:
        """The tile of a number."""
        tile = self.job.tiles[number]
        with solvable():
            made = self.job.make(tile, self.stats)
        return made if self.out is None else _put(self.out, tile, made)


def _put(out: Out, tile: Window, made: Made) -> Made:
    """A tile in its place."""
    return made._replace(stored=(), checks=out.put(tile, made.stored))


class Came(NamedTuple):
    """How a job came out: what was measured, how many pixels hold nothing, what the type left of the others."""

    measured: Stats
    missing: int
    held: Held | None = None


def execute(job: Job, runner: Runner, out: Out, talk: Talk, ledger: Ledger = NOTHING_KEPT) -> Came:
    """Run a job: measure, then make tile by tile, but for what the ledger says is done.

    Raises
    ------
    InputError
        If no pixel is valid.
    """
    made = _there(job, out, ledger)
    todo = [number for number in range(len(job.tiles)) if number not in made]
    if made:
        talk.tell(f"going on: {len(made)} of {len(job.tiles)} tiles are there")
    if todo:
        stats = statistics(job, runner, talk.progress, ledger)
        there = out if runner.together else out.elsewhere() if ledger.folder and runner.shares(ledger.folder) else None
        for number, one in runner.map(placed(Make(job, stats, there)), todo):
            made[number] = one if there is not None else _put(out, job.tiles[number], one)
            ledger.add(number, made[number].checks, _told(made[number]))
            talk.progress(job.stage, len(made), len(job.tiles))
    whole = [made[number] for number in range(len(job.tiles))]
    if not any(one.seen for one in whole):
        raise InputError(NOTHING, "", "check nodata and masks")
    missing, held = sum(one.missing for one in whole), [one.held for one in whole if one.held]
    low, high, ends, count = zip(*held, strict=True) if held else ((), (), (), ())
    came = merged(one.measured for one in whole)
    return Came(came, missing, (min(low), max(high), sum(ends), sum(count)) if held else None)


def _told(made: Made) -> tuple[Any, ...]:
    """What the ledger keeps of a tile."""
    return made.seen, made.measured, made.missing, made.held


def _there(job: Job, out: Out, ledger: Ledger) -> dict[int, Made]:
    """The tiles that an earlier run finished, and that lie where it put them."""
    made = {}
    for number, line in ledger.tiles.items():
        try:
            if number < len(job.tiles) and out.checks(job.tiles[number]) == line["checks"]:
                seen, measured, missing, held = ledger.told(number)
                made[number] = Made((), seen, measured, missing, held, line["checks"])
        except (NotPlain, ValueError, TypeError, OSError):
            continue
    return made


def statistics(job: Job, runner: Runner, progress: Progress = silent, ledger: Ledger = NOTHING_KEPT) -> Stats:
    """What a job measures, merged tile by tile in a fixed order."""
    stats: Stats | None = None
    for turn in range(job.rounds):
        name = f"statistics-{turn + 1}"
        done, whole = ledger.kept(name) or (0, None)
        stage = "measuring" if job.rounds == 1 else f"measuring {turn + 1}/{job.rounds}"
        saved = time.monotonic()
        for number, part in runner.map(placed(Measure(job, stats)), range(done, len(job.tiles))):
            if part is not None:
                whole = part if whole is None else whole + part
            progress(stage, number + 1, len(job.tiles))
            if time.monotonic() - saved > KEPT_EVERY_S:
                ledger.keep(name, (number + 1, whole))
                saved = time.monotonic()
        if whole is None:
            raise InputError(NOTHING, "", "check nodata and masks")
        if done < len(job.tiles):
            ledger.keep(name, (len(job.tiles), whole))
        stats = whole
    return stats if stats is not None else Stats()


def merged(parts: Iterable[Stats | None]) -> Stats:
    """What was measured tile by tile, of the whole; tiles without anything valid have nothing to tell."""
    known = [part for part in parts if part]
    return sum(known[1:], known[0]) if known else Stats()


def tiles_of(
    method: Method, scene: Scene, tile_px: int | None, runner: Runner, budget: Budget = FREE, product: int = 0
) -> tuple[tuple[Window, ...], Runner]:
    """The tiles of a scene, and who works on them; a method that is not local, and the toolbox convention, whose
    borders are periodic, take the whole scene as one."""
    if not method.card.local or scene.convention == "toolbox":
        tile_px = max(scene.shape)
    side, runner = at_work(runner, budget, method, scene, tile_px, product)
    return tuple(plan(scene.shape, side)), runner


@dataclass(frozen=True)
class Arrays:
    """Layers in memory, filled tile by tile."""

    layers: tuple[np.ndarray, ...]

    def put(self, tile: Window, stored: Sequence[np.ndarray]) -> tuple[int, ...]:
        """See :class:`Out`."""
        rows, cols = tile.slices
        for layer, part in zip(self.layers, stored, strict=True):
            layer[:, rows, cols] = part
        return ()

    def checks(self, tile: Window) -> tuple[int, ...]:
        """None."""
        return ()

    def elsewhere(self) -> None:
        """In this process alone."""


def fuse_array(
    method: Method, scene: Scene, tile_px: int | None = None, threads: int = 1, progress: Progress = silent
) -> Product:
    """Fuse a scene into arrays, in physical units.

    Parameters
    ----------
    method
        What to do.
    scene
        Arrays in memory, or files read by window.
    tile_px
        Side of a tile in fine pixels; None chooses.
    threads
        Workers. Results do not depend on their number.
    progress
        Told after every tile.

    Raises
    ------
    MethodError
        If the card excludes this scene.
    InputError
        If no pixel is valid.
    """
    empty = scene.empty()
    method.check(empty, scene.shape)
    method = method.ready(empty)
    bands = problems.find(method.card.problem).bands(empty)
    dtype = np.result_type(*(view.data for view in empty.views.values()))
    tiles, workers = tiles_of(method, scene, tile_px, Threads(threads) if threads > 1 else Serial())
    job = Fusion(method, scene, tiles, Plain())
    data, valid = np.empty((len(bands), *scene.shape), dtype), np.empty((1, *scene.shape), bool)
    with workers as runner:
        came = execute(job, runner, Arrays((data, valid)), Talk(progress))
    return Product(data, valid[0], bands, came.measured)


def summarise(
    method: Method, scene: Scene, tiles: Sequence[Window], threads: int, progress: Progress = silent
) -> Stats:
    """The statistics of a method over a whole scene."""
    with Threads(threads) if threads > 1 else Serial() as runner:
        return statistics(Fusion(method, scene, tuple(tiles), Plain()), runner, progress)
