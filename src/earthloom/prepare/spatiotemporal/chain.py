"""One date predicted from the best known dates, and where those were clouded from the next best: a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from earthloom.engine.job import Arrays, Encode, Made, Plain, execute, tiles_of
from earthloom.engine.options import Run, on_its_device
from earthloom.engine.passes import fuse_tile, halo_px, observe_filled
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.wrappers.seamless import FADE, fades, seamless
from earthloom.metrics.seams import steps
from earthloom.ops.moments import Stats
from earthloom.ops.quantise import quantise
from earthloom.ops.spread import feathered
from earthloom.prepare.spatiotemporal.quality import Quality, measured, quality, supported
from earthloom.problems import catalog as problems
from earthloom.types import Product, Scene, Window

MISSING = 65535  # code of the quality layers in files


class Choice(NamedTuple):
    """Known dates to predict from: a scene that holds them, and which they are, counted from 0."""

    scene: Scene
    numbers: tuple[int, ...]


class Layers(Protocol):
    """How the quality of a tile is stored."""

    def __call__(self, found: Quality, valid: np.ndarray) -> tuple[np.ndarray, ...]:
        """One array a layer."""
        ...


@dataclass(frozen=True)
class InFile:
    """One layer: confidence in percent, known dates, similar pixels where the method counts them, the expected error.

    Integers, but for the error, which is in physical units.
    """

    similar: bool
    judged: bool = False

    def __call__(self, found: Quality, valid: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of a tile."""
        bands = [100 * found.confidence, found.dates.astype(np.float32)]
        if self.similar:
            bands.append(np.zeros_like(found.confidence) if found.similar is None else found.similar)
        if self.judged:
            return (np.where(valid, np.stack([*bands, found.off]), np.nan).astype(np.float32),)
        return (quantise(np.stack(bands).astype(np.float32), valid, "uint16", nodata=MISSING),)


@dataclass(frozen=True)
class InMemory:
    """Confidence, known dates, similar pixels, and the expected error where it is asked for, one layer each."""

    judged: bool = False

    def __call__(self, found: Quality, valid: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of a tile."""
        similar = np.zeros_like(found.confidence) if found.similar is None else found.similar
        layers = found.confidence[None], found.dates[None], similar[None]
        return (*layers, np.where(valid, found.off, np.nan)[None].astype(np.float32)) if self.judged else layers


@dataclass(frozen=True)
class Unjudged:
    """No layers: the quality is not looked at."""

    def __call__(self, found: Quality, valid: np.ndarray) -> tuple[np.ndarray, ...]:
        """Nothing."""
        return ()


class Parts(Stats):
    """Statistics of which a tile may lack some: those of a choice that shows nothing in it."""

    def __add__(self, other: Stats) -> Parts:
        both = {key: self[key] + other[key] if key in self and key in other else None for key in (*self, *other)}
        return Parts({key: self.get(key, other.get(key)) if value is None else value for key, value in both.items()})


@dataclass(frozen=True)
class Needed:
    """Numbers of choices that some tile needs."""

    numbers: frozenset[int]

    def __add__(self, other: Needed) -> Needed:
        return Needed(self.numbers | other.numbers)


@dataclass(frozen=True)
class Chain:
    """A method on several choices of known dates: later ones fill what those before could not show.

    A choice fades into the next one towards the rim of what it shows, where the method is :class:`Seamless`; measured
    pixels stay as they are.

    Which choices any tile needs is found out first, from the masks alone; only those are measured.

    Parameters
    ----------
    methods
        Ready, one for each choice.
    choices
        The best first.
    tiles, encode
        As of a :class:`earthloom.engine.job.Fusion`.
    layers
        How the quality is stored.
    spread
        Of the fine bands, for the confidence.
    given
        A scene whose ``fine_1`` is the measured image of that very date: only its holes are filled.
    """

    methods: tuple[Method, ...]
    choices: tuple[Choice, ...]
    tiles: tuple[Window, ...]
    encode: Encode | Plain
    layers: InFile | InMemory | Unjudged
    spread: np.ndarray | None = None
    given: Scene | None = None

    stage: ClassVar[str] = "fusing"

    @property
    def rounds(self) -> int:
        """Those of the method, and one before them where there is a choice."""
        return self.methods[0].rounds + (len(self.choices) > 1)

    def measure(self, tile: Window, so_far: Stats | None) -> Stats | None:
        """First which choices are needed, then their statistics."""
        if len(self.choices) > 1 and so_far is None:
            return Parts(needed=Needed(self._needed(tile)))
        needed = so_far["needed"] if so_far is not None and "needed" in so_far else Needed(frozenset({0}))
        begun = so_far is not None and "begun" in so_far
        parts = Parts(needed=needed, begun=Needed(frozenset()))
        for k in sorted(needed.numbers):
            before = so_far[_key(k)] if begun and so_far is not None and _key(k) in so_far else None
            if begun and before is None:  # it showed nothing in the round before
                continue
            obs = self._observe(k, tile)
            if obs is not None:
                parts[_key(k)] = self.methods[k].summarise(obs, before)
        return parts if len(parts) > 2 or self.given is not None else None

    def make(self, tile: Window, stats: Stats) -> Made:
        """The tile and its quality, as they are stored."""
        product, found = self._fused(tile, stats)
        sure = float(found.confidence[product.valid].sum())
        worth = Parts(confidence=sure, pixels=int(product.valid.sum()))
        if not isinstance(self.layers, Unjudged):
            worth = Parts({**worth, **steps(product.data, product.valid, found.dates)})
        made = self.encode.made(product)
        return made._replace(
            stored=(*made.stored, *self.layers(found, product.valid)), measured=worth + (product.measured or Stats())
        )

    def _needed(self, tile: Window) -> frozenset[int]:
        """Choices that show what those before them do not."""
        missing = np.ones((tile.height, tile.width), bool)
        if self.given is not None:
            missing = ~self.given.observe(tile, 0)["fine_1"].valid
        needed = set()
        for k in range(len(self.choices)):
            if not missing.any():
                break
            shown = self._shows(k, tile)
            if (shown & missing).any():
                needed.add(k)
                missing = missing & ~shown
        return frozenset(needed)

    def _shows(self, k: int, tile: Window) -> np.ndarray:
        """Where a choice has anything to predict from."""
        return problems.find(self.methods[k].card.problem).valid(self.choices[k].scene.observe(tile, 0))

    def _observe(self, k: int, tile: Window) -> Any:
        """A tile of a choice, ready for its method."""
        method, scene = self.methods[k], self.choices[k].scene
        return observe_filled(scene, tile, halo_px(method, scene.empty()), problems.find(method.card.problem))

    def _usable(self, stats: Stats) -> list[int]:
        """Choices that were needed, and showed something."""
        needed = stats["needed"].numbers if "needed" in stats else frozenset({0})
        return [k for k in sorted(needed) if not self.methods[k].rounds or _key(k) in stats]

    def _fused(self, tile: Window, stats: Stats) -> tuple[Product, Quality]:
        """Predicted from the first choice, then from the others where there are holes; measured is what each did."""
        scene, shape = self.choices[0].scene, (tile.height, tile.width)
        bands = problems.find(self.methods[0].card.problem).bands(scene.empty())
        confidence, dates = np.zeros(shape, np.float32), np.zeros(shape, np.uint16)
        off = np.full(shape, np.nan, np.float32)
        similar: np.ndarray | None = None
        came, valid, own = Parts(), np.zeros(shape, bool), None
        if self.given is not None:
            own = self.given.observe(tile, 0)["fine_1"]
            valid = own.valid.copy()
        laid: list[tuple[Product, np.ndarray]] = []
        for k, product, region in self._shown(tile, stats, valid):
            laid.append((product, region))
            taken = product.valid & ~valid
            valid |= taken
            came += product.measured or Stats()
            if product.off is not None:
                off[taken] = product.off[taken]
            if isinstance(self.layers, Unjudged) or not taken.any():
                continue
            worth, used = quality(self.choices[k].scene, tile, self.choices[k].numbers, self.spread)
            count = self._similar(k, tile, stats.get(_key(k), Stats()))
            if count is not None:
                worth = supported(worth, count)
                similar = np.zeros(shape, np.float32) if similar is None else similar
                similar[taken] = count[taken]
            confidence[taken], dates[taken] = worth[taken], used[taken]
        empty = np.zeros((len(bands), *shape), np.result_type(*(v.data for v in scene.empty().views.values())))
        data = self._over(laid, tile) if laid else empty
        data = np.where(valid, data, data.dtype.type(np.nan))
        if own is not None:
            data[:, own.valid] = own.data[:, own.valid]
        found = Quality(confidence, dates, off, similar)
        return Product(data, valid, bands, came), found if own is None else measured(own.valid, found)

    def _shown(self, tile: Window, stats: Stats, valid: np.ndarray) -> Iterator[tuple[int, Product, np.ndarray]]:
        """Choices that lead somewhere in a tile or near its rim, their products, and where they lead in the window.

        ``valid`` is looked at again after each: where a product has holes of its own, the next choice is asked too.
        """
        if valid.all():
            return
        window = self._window(tile)
        core = tile.relative_to(window).slices
        missing = np.ones((window.height, window.width), bool)
        if self.given is not None:
            missing = ~self.given.observe(window, 0)["fine_1"].valid
        for k in self._usable(stats):
            if valid.all() and not missing.any():
                return
            shown = self._shows(k, window)
            region, missing = shown & missing, missing & ~shown
            if region.any() or (shown[core] & ~valid).any():
                yield k, self._one(k, tile, stats.get(_key(k), Stats())), region

    def _window(self, tile: Window) -> Window:
        """What decides how the choices lie over each other in a tile."""
        first, *others = self.choices
        fading = bool(others) and fades(self.methods[0])
        return tile.grow(2 * FADE if fading else 0, first.scene.shape)

    def _over(self, laid: Sequence[tuple[Product, np.ndarray]], tile: Window) -> np.ndarray:
        """The products over each other, the first on top: fading into the next ones, or as they are."""
        if len(laid) > 1 and fades(self.methods[0]):
            layers = ((product.data, product.valid) for product, _ in reversed(laid))
            return feathered(layers, [region for _, region in laid], FADE, tile.relative_to(self._window(tile)))
        data = laid[-1][0].data
        for product, _ in reversed(laid[:-1]):
            data = np.where(product.valid, product.data, data)
        return data

    def _one(self, k: int, tile: Window, stats: Stats) -> Product:
        """The tile by one choice, holes as invalid."""
        method, scene = self.methods[k], self.choices[k].scene
        product = fuse_tile(method, scene, tile, halo_px(method, scene.empty()), stats)
        return replace(product, valid=product.valid & np.isfinite(product.data).all(axis=0))

    def _similar(self, k: int, tile: Window, stats: Stats) -> np.ndarray | None:
        """Similar pixels, where the method counts them."""
        obs = self._observe(k, tile)
        found = None if obs is None else self.methods[k].support(obs, stats)
        return None if found is None or obs is None else found[obs.core_window.slices].astype(np.float32)


def _key(number: int) -> str:
    """Name of a choice among the statistics."""
    return f"choice_{number}"


def chained(
    method: Method,
    scene: Scene,
    tiles: tuple[Window, ...],
    encode: Encode | Plain,
    *,
    choices: Sequence[Choice],
    layers: InFile | InMemory | Unjudged,
    spread: np.ndarray | None = None,
    given: Scene | None = None,
    alike: bool = False,
) -> Chain:
    """The job of a method on choices of known dates.

    Parameters
    ----------
    method
        Ready for the first choice.
    alike
        Whether it serves the other choices as it is, since it was adapted; else each finds its own weights.

    Raises
    ------
    InputError
        If no choice can be used.
    """
    methods, usable, refused = [], [], None
    for k, choice in enumerate(choices):
        try:
            empty = choice.scene.empty()
            method.check(empty, choice.scene.shape)
            methods.append(method if k == 0 or alike else method.ready(empty))
            usable.append(choice)
        except InputError as why:  # such as too few dates
            refused = refused or why
    if not usable:
        assert refused is not None
        raise refused
    return Chain(tuple(methods), tuple(usable), tiles, encode, layers, spread, given)


@on_its_device
def predicted(method: Method, choices: Sequence[Choice], run: Run) -> Product:
    """A date in memory, without its quality: the first choice, filled from the others."""
    method = seamless(method)
    scene = choices[0].scene
    empty = scene.empty()
    bands = problems.find(method.card.problem).bands(empty)
    dtype = np.result_type(*(view.data for view in empty.views.values()))
    data, valid = np.empty((len(bands), *scene.shape), dtype), np.empty((1, *scene.shape), bool)
    with run.begin() as runner:
        tiles, runner = tiles_of(method, scene, run.tile_size, runner, run.budget)
        job = chained(method, scene, tiles, Plain(), choices=choices, layers=Unjudged(), alike=run.adapts)
        execute(job, runner, Arrays((data, valid)), run.talk)
    return Product(data, valid[0], bands)
