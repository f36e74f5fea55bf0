"""FSDAF: classes change as the coarse image says, a spline shares out the rest, similar neighbours agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.families.cells import Cells, by_date, cells_of, coarse_cells, measured_then, require_cell_ratio
from earthloom.methods.families.known_dates import Windowed, core_values
from earthloom.methods.fields import within
from earthloom.ops import isodata, thinplate
from earthloom.ops.extremes import Keyed, Range, Settled, Tails
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.ranked import Ties, ranking, rounded, similar_mean
from earthloom.ops.unmix import Purest, alike, change_rates, fractions, shared_out
from earthloom.problems.spatiotemporal import nearest_dates, pairs
from earthloom.types import REACH, Bool, Float, Int, Observation, Window

CLASSES = "classes"  # role of a class map on the fine grid: whole numbers, 0 and less for unclassified
EXTREME = 1e-4  # share of the darkest and brightest fine pixels that no class is described by
DN = (0.0, 10000.0)  # of reflectance x 10000, which the published code expects
TIES: dict[str, Ties] = {"ours": "near", "zhu": "rows"}
FLAT = {"ours": 0.3, "zhu": 10.0}  # similar pixels are ranked by difference times (this + d / w)


class Seen(NamedTuple):
    """One known date in a tile: where all is measured, and both coarse images on the cells."""

    fine: Float[np.ndarray, "band Y X"]
    valid: Bool[np.ndarray, "Y X"]
    cells: Cells
    before: Float[np.ndarray, "band y x"]
    after: Float[np.ndarray, "band y x"]
    measured: Bool[np.ndarray, "y x"]


class Ground(NamedTuple):
    """What the scene is made of: limits of its fine values, centres of its classes, labels of a map if there is one."""

    low: Float[np.ndarray, " band"]
    high: Float[np.ndarray, " band"]
    centres: Float[np.ndarray, "band class"]
    labels: Int[np.ndarray, " class"] | None

    @property
    def classes(self) -> int:
        """How many."""
        return self.centres.shape[1]


@dataclass(frozen=True)
class Fsdaf(Windowed):
    """Flexible spatiotemporal data fusion.

    ``F_p = F_1 + sum w e / sum w`` over the ``similar`` pixels of the window that are most like the one in the middle.
    The change e of a pixel is ``r_c + s``: r_c, that of its class, solves ``C_p - C_1 = sum_c f_c r_c`` over the coarse
    pixels in which a class is purest (f: shares of the classes). s shares out the rest of each coarse pixel,
    ``R = C_p - C_1 - sum_c f_c r_c``: in homogeneous ground where a spline through C_p, which knows nothing of classes,
    says that the class's change is wrong, in mixed ground to all alike.

    All statistics are those of the whole scene, so tiles do not matter. Of several known dates the nearest counts;
    where it is masked, the next. Ours measures differences in units of each band's spread and prefers near pixels among
    similar ones (ranked by difference times ``0.3 + d / w``).

    Parameters
    ----------
    window_px
        Side of the window in fine pixels, odd.
    classes
        Most classes of ground that ISODATA looks for. More follow the ground more closely, but need more coarse pixels
        to tell what changed. A view ``classes`` with a class map takes their place.
    similar
        Pixels that each change is averaged over. More are smoother.
    pure
        Coarse pixels per class that its change is learnt from. Fewer are purer, more are less noisy.
    ratio
        Fine pixels along a coarse one, when the coarse images were brought to the fine grid. On their own grid they
        say it themselves.
    spline
        ``thin_plate``, or the ``multiquadric`` of the published Python code.
    block
        Coarse pixels along a square whose own range and spread limit changes and similarity, instead of the scene's;
        the published code cuts a scene into blocks of 30. None: the scene's.
    variant
        ``ours``, or ``zhu`` for the published code: ties go to the first in rows, differences are relative to the
        pixel's own value, class changes are not bounded, and results stay within 0..10000.

    References
    ----------
    Zhu, Helmer, Gao, Liu, Chen and Lefsky, Remote Sensing of Environment 172, 165-177, 2016.
    """

    window_px: int = 41
    similar: int = 20
    pure: int = 100
    ratio: float | None = None
    spline: Literal["thin_plate", "multiquadric"] = "thin_plate"
    block: int | None = None
    variant: Literal["ours", "zhu"] = "ours"

    rounds: ClassVar[int] = 2
    bytes_per_px: ClassVar[int] = 600

    card: ClassVar[Card] = Card(
        name="FSDAF", title="Flexible spatiotemporal data fusion", family="unmixing", citation="zhu2016fsdaf", halo=4,
        problem="spatiotemporal", minimum=2, published={"variant": "zhu", "spline": "multiquadric"},
        notes="one known date; a class map is optional; the halo is twice half the window and a coarse pixel",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        super().__post_init__()
        within(self, "similar", 1)
        within(self, "pure", 1)
        within(self, "block", 1)
        within(self, "ratio", 1)

    def halo_px(self, ratio: float) -> int:
        """Whole coarse pixels: the window, the coarse pixels it touches, their windows; and the spline's nodes.

        At the scene's border all nodes lie on one side. Tiles carry some of their own, and with gaps need one more.
        """
        half, across = self.window_px // 2, ratio if ratio > 1 else self.ratio or 1.0
        nodes = thinplate.STENCIL[self.spline] + 1
        beside = nodes - REACH if ratio > 1 else nodes + 1
        windows, spline = math.ceil(2 * half / across) + 1, math.ceil(half / across) + beside - nodes // 2
        return math.ceil(across * max(windows, spline, beside))

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse coarse images that do not say what their pixels cover."""
        super().check(replace(obs, views={r: v for r, v in obs.views.items() if r != CLASSES}), shape)
        require_cell_ratio(obs, self.ratio, self.card.name)

    def seen(self, obs: Observation, k: int) -> Seen:
        """Known date ``k`` as this method looks at it."""
        pair, cells = pairs(obs)[k], cells_of(obs, self.ratio)
        before, first = coarse_cells(obs, pair.coarse, cells)
        after, second = coarse_cells(obs, "coarse_p", cells)
        return Seen(obs[pair.fine].data, measured_then(obs, k), cells, before, after, first & second)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """First the fine images: tails, spread, a sample or the classes of the map; then what classes did."""
        stats = Stats() if so_far is None else Stats(first=Settled(so_far))
        for k in range(len(pairs(obs))):
            found = self.look(obs, k) if so_far is None else self.learn(obs, k, so_far)
            stats |= {f"{name} {k}": value for name, value in found.items()}
        return stats

    def look(self, obs: Observation, k: int) -> Stats:
        """The first round, known date ``k``."""
        fine, valid, core = obs[pairs(obs)[k].fine].data, measured_then(obs, k), obs.core_window
        values = core_values(obs, valid, fine)
        at = np.nonzero(valid[core.slices])
        y, x = (a + first + origin for a, first, origin in zip(at, core[:2], obs.origin, strict=True))
        spread = Keyed()
        for key, part in self.blocks(obs, core):
            own = valid[part.slices]
            spread[key] = Moments.of(fine[:, part.slices[0], part.slices[1]][:, own].astype(np.float64))
        found = Stats(tails=Tails.of(values), spread=spread)
        if CLASSES in obs.views:
            label = labels_of(obs)[core.slices][valid[core.slices]]
            found["kinds"] = Keyed({int(c): Moments.of(values[:, label == c]) for c in np.unique(label) if c > 0})
        else:
            found["sample"] = isodata.HashSample.of(values, y, x)
        return found

    def learn(self, obs: Observation, k: int, so_far: Stats) -> Stats:
        """The second round: purest coarse pixels, and ranges of fine values (by class) and of coarse ones."""
        seen, core = self.seen(obs, k), obs.core_window
        ground = self.ground(so_far, k)
        wide = core.grow(math.ceil(max(seen.cells.ratio)), obs.shape)
        image, labels = self.classified(obs, seen, ground, wide)
        share, count = self.shares(seen, wide, labels, ground.classes)
        known = seen.cells.owned(obs) & seen.measured & (count > 0.5 * np.prod(seen.cells.ratio))
        change = (seen.after - seen.before)[:, known]
        fine, coarse = Keyed(), Keyed()
        for key, part in self.blocks(obs, core):
            own, (rows, cols) = seen.valid[part.slices], part.relative_to(wide).slices
            fine[key] = Range.of(image[:, rows, cols][:, own], labels[rows, cols][own], ground.classes)
            inside = known & seen.cells.owned(replace(obs, core=part))
            coarse[key] = Range.of(seen.after[:, inside])
        return Stats(
            pure=Purest.of(seen.cells.keys(obs)[known], share[:, known], change, self.pure),
            change=Moments.of(change), moved=Range.of(change), fine=fine, coarse=coarse,
        )  # fmt: skip

    def ground(self, first: Stats, k: int) -> Ground:
        """Limits and classes of the scene at known date ``k``, from the first round."""
        low, high = first[f"tails {k}"].inside(EXTREME)
        if f"kinds {k}" in first:
            kinds = first[f"kinds {k}"]
            labels = np.array(sorted(kinds), np.int64)
            if not len(labels) and first[f"tails {k}"].total:
                raise MethodError("a class map without classes", "whole numbers from 1 on valid pixels")
            if not len(labels):
                return Ground(low, high, np.zeros((len(low), 1)), None)
            return Ground(low, high, np.stack([kinds[int(c)].mean for c in labels], axis=1), labels)
        return Ground(low, high, first[f"sample {k}"].classes(self.classes), None)

    def classified(
        self, obs: Observation, seen: Seen, ground: Ground, window: Window
    ) -> tuple[Float[np.ndarray, "band h w"], Int[np.ndarray, "h w"]]:
        """A part of the fine image without extremes, and the class of each pixel: the map's, or the nearest."""
        fine = seen.fine[:, window.slices[0], window.slices[1]].astype(np.float64)
        image = np.clip(fine, ground.low[:, None, None], ground.high[:, None, None])
        if ground.labels is None:
            return image, isodata.nearest_centre(fine, ground.centres)
        given = labels_of(obs)[window.slices]
        place = np.minimum(np.searchsorted(ground.labels, given), ground.classes - 1)
        known = ground.labels[place] == given
        return image, place if known.all() else np.where(known, place, isodata.nearest_centre(fine, ground.centres))

    def shares(
        self, seen: Seen, window: Window, labels: Int[np.ndarray, "h w"], classes: int
    ) -> tuple[Float[np.ndarray, "class y x"], Float[np.ndarray, "y x"]]:
        """Share of every class in each coarse pixel of a window, and how many fine pixels of it are known there."""
        cells, counted = seen.cells.cut(window), seen.valid[window.slices]
        found = fractions(labels, counted, classes, cells.row, cells.col, cells.shape)
        return found, cells.sums(np.zeros((0, *labels.shape)), counted)[1]

    def rates(self, stats: Stats, k: int) -> Float[np.ndarray, "band class"]:
        """Change of every class; ours believes none that is a standard deviation beyond what coarse pixels show."""
        purest, change, moved = (stats[f"{name} {k}"] for name in ("pure", "change", "moved"))
        if self.variant == "zhu" or change.count == 0:
            return change_rates(purest)
        return change_rates(purest, (moved.low[0] - change.std, moved.high[0] + change.std))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """From the nearest known date; where that was not measured, from the next."""
        image = np.array(obs[pairs(obs)[nearest_dates(obs)[0]].fine].data)
        for k, part, taken in by_date(obs, self.inner(obs)):
            found, (rows, cols) = self.predict(obs, self.seen(obs, k), stats, k, part), part.slices
            image[:, rows, cols] = np.where(taken, found, image[:, rows, cols])
        return image

    def support(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "y x"]:
        """How many similar pixels were found."""
        count = np.zeros(obs.shape)
        for k, part, taken in by_date(obs, self.inner(obs)):
            found = self.agreed(obs, self.seen(obs, k), stats, k, part, np.zeros((0, *obs.shape)))[1]
            count[part.slices] = np.where(taken, found, count[part.slices])
        return count

    def predict(
        self, obs: Observation, seen: Seen, stats: Stats, k: int, window: Window
    ) -> Float[np.ndarray, "band h w"]:
        """A part of a tile from known date ``k``."""
        area = seen.cells.pixels(window.grow(self.window_px // 2, obs.shape))
        change = np.zeros(seen.fine.shape)
        change[:, area.slices[0], area.slices[1]] = self.change(obs, seen, stats, k, area)
        if self.variant == "zhu":
            change = change.astype(np.float32).astype(np.float64)  # the published code stores it so
        fine = seen.fine[:, window.slices[0], window.slices[1]]
        out = fine + self.agreed(obs, seen, stats, k, window, change)[0]
        if self.variant == "ours":
            return out
        moved = seen.cells.cut(window).fine(seen.after - seen.before)
        return in_range(out, fine + moved, moved)

    def agreed(
        self, obs: Observation, seen: Seen, stats: Stats, k: int, window: Window, change: Float[np.ndarray, "band Y X"]
    ) -> tuple[Float[np.ndarray, "band h w"], Int[np.ndarray, "h w"]]:
        """Means of the change over similar pixels around those of a window, and how many these are."""
        first, half = stats["first"].value, self.window_px // 2
        table = ranking(self.window_px, max(half, 1), TIES[self.variant], FLAT[self.variant])
        classes = self.ground(first, k).classes
        out, count = np.zeros((len(change), *window[2:])), np.zeros(window[2:], np.int32)
        for key, part in self.blocks(obs, window):
            moments = first[f"spread {k}"].get(key, Moments.of(np.zeros((len(seen.fine), 0))))
            spread = np.sqrt(np.diag(moments.comoment) / max(moments.count, 1))
            unit = None if self.variant == "zhu" else rounded(spread)
            rows, cols = part.relative_to(window).slices
            out[:, rows, cols], count[rows, cols] = similar_mean(
                seen.fine, seen.valid, change, part, table, self.similar, 2 * spread / classes, unit
            )
        return out, count

    def change(self, obs: Observation, seen: Seen, stats: Stats, k: int, area: Window) -> Float[np.ndarray, "band h w"]:
        """Change of every pixel in an area of whole coarse pixels, before neighbours agree on it."""
        ground, half = self.ground(stats["first"].value, k), self.window_px // 2
        wide = area.grow(half, obs.shape)
        image, labels = self.classified(obs, seen, ground, wide)
        alikeness = alike(labels, seen.valid[wide.slices], ground.classes, self.window_px)
        here = area.relative_to(wide).slices
        image, labels, alikeness = image[:, here[0], here[1]], labels[here], alikeness[here]
        cells, counted = seen.cells.cut(area), seen.valid[area.slices]
        rates, share = self.rates(stats, k), self.shares(seen, area, labels, ground.classes)[0]
        rest = seen.after - seen.before - np.tensordot(rates, share, 1)
        change = rates[:, labels]
        spatial = thinplate.spline(
            seen.after, cells.at(0), cells.at(1), self.spline, cells.ratio[0] / cells.ratio[1]
        )  # fmt: skip
        change += shared_out(spatial - image - change, rest, alikeness, counted, cells.row, cells.col)
        for key, part in self.blocks(obs, area):
            low, high = self.allowed(stats, k, key, rates)
            place = part.relative_to(area).slices
            own = image[:, place[0], place[1]]
            change[:, place[0], place[1]] = np.clip(own + change[:, place[0], place[1]], low, high) - own
        return change

    def allowed(
        self, stats: Stats, k: int, key: tuple[int, int], rates: Float[np.ndarray, "band class"]
    ) -> tuple[Float[np.ndarray, "band one one"], Float[np.ndarray, "band one one"]]:
        """Range of the coarse image and of what classes alone predict, in a block."""
        fine, coarse = stats[f"fine {k}"].get(key), stats[f"coarse {k}"].get(key)
        if fine is None or coarse is None:
            return np.full((len(rates), 1, 1), -np.inf), np.full((len(rates), 1, 1), np.inf)
        low = np.minimum((fine.low + rates.T).min(axis=0), coarse.low[0])
        high = np.maximum((fine.high + rates.T).max(axis=0), coarse.high[0])
        if self.variant == "zhu":
            low, high = np.maximum(low, DN[0]), np.minimum(high, DN[1])
        return low[:, None, None], high[:, None, None]

    def blocks(self, obs: Observation, window: Window) -> Iterator[tuple[tuple[int, int], Window]]:
        """The blocks of the scene that a window touches, and what of each lies in it."""
        if self.block is None:
            yield (0, 0), window
            return
        side = self.block * require_cell_ratio(obs, self.ratio)
        spans = []
        for first, count, origin in zip(window[:2], window[2:], obs.origin, strict=True):
            number = np.floor((np.arange(first, first + count) + origin) / side + 1e-6).astype(int)
            starts = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
            stops = np.append(starts[1:], count)
            spans.append([(int(number[a]), first + int(a), int(b - a)) for a, b in zip(starts, stops, strict=True)])
        for row, y, height in spans[0]:
            for col, x, width in spans[1]:
                yield (row, col), Window(y, x, height, width)


def labels_of(obs: Observation) -> Int[np.ndarray, "Y X"]:
    """The class map, 0 where it knows nothing."""
    view = obs[CLASSES]
    return np.where(view.valid, np.rint(view.data[0]), 0).astype(np.int64)


def in_range(
    image: Float[np.ndarray, "band h w"], moved: Float[np.ndarray, "band h w"], change: Float[np.ndarray, "band h w"]
) -> Float[np.ndarray, "band h w"]:
    """What the published code does with values outside of 0..10000: the coarse change instead, within limits."""
    low = np.minimum(DN[1], np.maximum(DN[0] + change, moved))
    high = np.maximum(DN[0], np.minimum(DN[1], moved))
    return np.where(image < DN[0], low, np.where(image > DN[1], high, image))
