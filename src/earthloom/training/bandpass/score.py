"""How well methods of alignment do on blocks they were not fitted to, and which one to take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Method
from earthloom.methods.families.aligning import Aligner, Solved
from earthloom.ops.histogram import Bins, Histogram
from earthloom.ops.moments import Stats
from earthloom.training.bandpass.blocks import PairBlock
from earthloom.types import Band, Float

FOLDS = 5
RED_NM, NIR_NM = (610.0, 700.0), (750.0, 900.0)
SHAPE = 256  # bins that histograms are compared in
SURER = 1.0  # standard errors by which a more complex method must be better than a simpler one
Predict = Callable[[PairBlock], np.ndarray]


@dataclass(frozen=True)
class Errors:
    """Sums over the pixels of a block, band by band: error, its square, truth and its square; NDVI; histograms.

    They merge with ``+``. Without bins there are no histograms.
    """

    count: int
    error: Float[np.ndarray, " band"]
    square: Float[np.ndarray, " band"]
    truth: Float[np.ndarray, " band"]
    power: Float[np.ndarray, " band"]
    ndvi: tuple[int, float, float] = (0, 0.0, 0.0)  # pixels, sum of errors, sum of their squares
    counted: tuple[Histogram, Histogram] | None = None  # of what was found and of the truth

    @classmethod
    def of(
        cls,
        found: Float[np.ndarray, "band n"],
        truth: Float[np.ndarray, "band n"],
        bands: Sequence[Band] = (),
        bins: Bins | None = None,
    ) -> Errors:
        """Of pixels."""
        found, truth = found.astype(np.float64), truth.astype(np.float64)
        error = found - truth
        sums = (error.sum(axis=1), (error**2).sum(axis=1), truth.sum(axis=1), (truth**2).sum(axis=1))
        counted = None if bins is None else (Histogram.of(found, bins), Histogram.of(truth, bins))
        pair = _red_nir(bands)
        if pair is None:
            return cls(truth.shape[1], *sums, counted=counted)
        a, b = (_ndvi(image[pair[0]], image[pair[1]]) for image in (found, truth))
        apart = (a - b)[np.isfinite(a) & np.isfinite(b)]
        return cls(truth.shape[1], *sums, (len(apart), float(apart.sum()), float((apart**2).sum())), counted)

    def __add__(self, other: Errors) -> Errors:
        ndvi = tuple(a + b for a, b in zip(self.ndvi, other.ndvi, strict=True))
        counted = None
        if self.counted is not None and other.counted is not None:
            counted = self.counted[0] + other.counted[0], self.counted[1] + other.counted[1]
        return Errors(
            self.count + other.count, self.error + other.error, self.square + other.square, self.truth + other.truth,
            self.power + other.power, ndvi, counted,  # type: ignore[arg-type]
        )  # fmt: skip

    @property
    def rmse(self) -> Float[np.ndarray, " band"]:
        """Root mean square error of every band."""
        return np.sqrt(self.square / max(self.count, 1))

    @property
    def bias(self) -> Float[np.ndarray, " band"]:
        """Mean error of every band."""
        return self.error / max(self.count, 1)

    @property
    def r2(self) -> Float[np.ndarray, " band"]:
        """Share of every band's variance that is explained."""
        variance = self.power - self.truth**2 / max(self.count, 1)
        return 1 - self.square / np.maximum(variance, 1e-300)

    @property
    def relative(self) -> float:
        """Mean over bands of RMSE over mean, in percent."""
        mean = np.abs(self.truth) / max(self.count, 1)
        return float(100 * np.mean(self.rmse / np.maximum(mean, 1e-300)))

    @property
    def ndvi_rmse(self) -> float:
        """Root mean square error of NDVI; NaN without red and NIR."""
        return math.sqrt(self.ndvi[2] / self.ndvi[0]) if self.ndvi[0] else math.nan

    @property
    def histogram_distance(self) -> Float[np.ndarray, " band"] | None:
        """Earth mover's distance between the histograms, ``int |F_found - F_truth|``, in the numbers of each band."""
        if self.counted is None:
            return None
        found, truth = (one.below()[1] for one in self.counted)
        return np.abs(found - truth).sum(axis=1) * self.counted[0].bins.width

    def as_dict(self, bands: Sequence[Band]) -> dict[str, Any]:
        """Figures for people and files; by band under the bands' names."""
        told: dict[str, Any] = {"relative_rmse_percent": round(self.relative, 4)}
        if self.ndvi[0]:
            told["ndvi_rmse"] = round(self.ndvi_rmse, 5)
        names = [band.name for band in bands]
        rows = {"rmse": self.rmse, "r2": self.r2, "bias": self.bias, "histogram_distance": self.histogram_distance}
        for name, values in rows.items():
            if values is None:
                continue
            told[name] = {band: float(f"{value:.5g}") for band, value in zip(names, values, strict=True)}
        return told


def _red_nir(bands: Sequence[Band]) -> tuple[int, int] | None:
    """Where red and near infrared are."""
    found = []
    for low, high in (RED_NM, NIR_NM):
        inside = [i for i, band in enumerate(bands) if band.centre_nm is not None and low <= band.centre_nm <= high]
        if not inside:
            return None
        found.append(inside[0])
    return found[0], found[1]


def _ndvi(red: np.ndarray, nir: np.ndarray) -> np.ndarray:
    """NaN where the sum is not positive."""
    total = red + nir
    return np.where(total > 0, (nir - red) / np.where(total > 0, total, 1), np.nan)


@dataclass(frozen=True)
class Score:
    """A method on the blocks held out.

    Parameters
    ----------
    name
        Of the method.
    total
        Over all blocks.
    blocks
        Of every block: squared error over the squared mean of its band, mean over bands. NaN for one that was not
        judged on (a network is trained once, and held out from one fold).
    note
        Why it could not run.
    """

    name: str
    total: Errors | None
    blocks: Float[np.ndarray, " block"] = field(default_factory=lambda: np.zeros(0))
    note: str = ""

    @property
    def relative(self) -> float:
        """Relative RMSE in percent; infinite for one that could not run."""
        return self.total.relative if self.total is not None else math.inf


def folds_of(blocks: Sequence[PairBlock], count: int = FOLDS) -> list[list[int]]:
    """Which blocks are held out together: whole scenes where there are at least three, else strips of ground.

    Neighbours are alike, so that a block beside one that was learnt from says little about another place.
    """
    scenes = sorted({block.scene for block in blocks})
    if len(scenes) >= 3:
        keys = [(block.scene,) for block in blocks]
    else:
        spans = [np.ptp([getattr(b.window, axis) for b in blocks]) for axis in ("y", "x")]
        axis = "y" if spans[0] >= spans[1] else "x"
        keys = [(block.scene, getattr(block.window, axis)) for block in blocks]
    order = sorted(range(len(blocks)), key=lambda i: (keys[i], i))
    groups: dict[tuple[int, ...], list[int]] = {}
    for i in order:
        groups.setdefault(keys[i], []).append(i)
    parts: list[list[int]] = [[] for _ in range(min(count, len(groups)))]
    done, whole = 0, len(blocks)
    for members in groups.values():
        parts[min(int(done * len(parts) / whole), len(parts) - 1)] += members
        done += len(members)
    return [part for part in parts if part]


def solved(method: Aligner, blocks: Sequence[PairBlock]) -> Solved:
    """A classical method fitted to blocks."""
    stats: Stats | None = None
    for _ in range(method.rounds):
        so_far, merged = stats, None
        for block in blocks:
            part = method.summarise(block.seen, so_far)
            merged = part if merged is None else merged + part
        stats = merged
    obs = blocks[0].obs
    return Solved(method, method.solve(stats or Stats(), obs["source"].bands, obs["target"].bands))


def level_of(blocks: Sequence[PairBlock]) -> Float[np.ndarray, " band"]:
    """Mean of every target band over the kept pixels."""
    total = sum(b.obs["target"].data[:, b.kept].sum(axis=1, dtype=np.float64) for b in blocks)
    return np.maximum(np.abs(total) / max(sum(int(b.kept.sum()) for b in blocks), 1), 1e-300)


def bins_of(blocks: Sequence[PairBlock]) -> Bins:
    """Bins over the numbers of the target; what lies beyond counts at the ends."""
    ends = [(np.min, np.inf, np.min), (np.max, -np.inf, np.max)]
    low, high = (
        each([of(b.obs["target"].data[:, b.kept], axis=1, initial=start) for b in blocks], axis=0).astype(np.float64)
        for of, start, each in ends
    )
    return Bins(low, np.where(high > low, high, low + 1), SHAPE)


def errors_on(
    predict: Predict, blocks: Sequence[PairBlock], level: Float[np.ndarray, " band"], bins: Bins | None = None
) -> tuple[Errors, Float[np.ndarray, " block"]]:
    """Errors over blocks, and of each as in :class:`Score`, over the square of the bands' ``level``."""
    total, each = None, []
    for block in blocks:
        target = block.obs["target"]
        one = Errors.of(predict(block)[:, block.kept], target.data[:, block.kept], target.bands, bins)
        total = one if total is None else total + one
        each.append(float(np.mean(one.square / max(one.count, 1) / level**2)))
    assert total is not None
    return total, np.array(each)


def held_out(
    name: str, make: Callable[[], Method], blocks: Sequence[PairBlock], folds: Sequence[Sequence[int]]
) -> Score:
    """A classical method fitted to all folds but one, for each fold in turn."""
    total: Errors | None = None
    each, level, bins = np.zeros(len(blocks)), level_of(blocks), bins_of(blocks)
    try:
        for fold in folds:
            out = set(fold)
            rest = [block for i, block in enumerate(blocks) if i not in out]
            method = make()
            assert isinstance(method, Aligner)
            fitted = solved(method, rest or blocks)
            part, own = errors_on(lambda b, m=fitted: m.fuse(b.obs, Stats()), [blocks[i] for i in fold], level, bins)
            total = part if total is None else total + part
            each[list(fold)] = own
    except MethodError as wrong:
        return Score(name, None, note=str(wrong))
    return Score(name, total, each)


def chosen(scores: Sequence[Score]) -> Score:
    """The best of methods in the order of their complexity: a later one must beat an earlier one beyond doubt.

    Its error must be smaller on the blocks by ``SURER`` standard errors of the difference; so nothing is done where
    nothing helps.
    """
    able = [score for score in scores if score.total is not None]
    if not able:
        raise MethodError(
            "no method that could be fitted",
            "images that share bands and ground",
            "; ".join(s.note for s in scores[:3]),
        )
    best = able[0]
    for score in able[1:]:
        gain = best.blocks - score.blocks
        gain = gain[np.isfinite(gain)]
        doubt = gain.std(ddof=1) / math.sqrt(len(gain)) if len(gain) > 1 else 0.0
        if len(gain) and gain.mean() > SURER * doubt:
            best = score
    return best


def table(scores: Sequence[Score], bands: Sequence[Band]) -> dict[str, Mapping[str, Any]]:
    """Figures of every method."""
    found: dict[str, Mapping[str, Any]] = {}
    for score in scores:
        found[score.name] = score.total.as_dict(bands) if score.total is not None else {"note": score.note}
    return found
