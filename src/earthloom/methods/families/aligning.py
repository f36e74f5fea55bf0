"""What the aligners share: samples of both sensors, guards against bands that do not answer to each other.

An aligner solves for a :class:`Mapping` and applies it. Statistics are of pixels where both images were measured; the
moments of all bands of both are gathered in the first round whatever the method, since they tell swapped bands.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from earthloom.errors import MethodError
from earthloom.methods.base import Method, Wrapper
from earthloom.methods.families.mapping import Mapping
from earthloom.ops.extremes import Range, Settled
from earthloom.ops.histogram import Bins, Joint
from earthloom.ops.lookup import Tables
from earthloom.ops.moments import Moments, Stats
from earthloom.problems.bandpass import has_pixels, paired, partners
from earthloom.types import Band, Float, Observation

LEAST = 100  # pairs of pixels
FLAT = 1e-6  # standard deviation over mean below which a band is constant
SWAPPED = 0.4  # by so much, in nats a pixel over all bands, another order of the bands must explain the target better
BETTER = 0.02  # and every band that moves must correlate better by this
MARGIN = 0.1  # of the range of the nodes that is added on either side, where the table is a line


@dataclass(frozen=True)
class Aligner(Method):
    """A method that turns source bands into target bands, pixel by pixel."""

    tile_px: ClassVar[int] = 1024
    bytes_per_px: ClassVar[int] = 100
    rounds: ClassVar[int] = 1
    fits: ClassVar[bool] = True  # whether it needs an image of the target sensor
    crosses: ClassVar[bool] = False  # whether a target band is made of all source bands, not of its own one

    @abstractmethod
    def solve(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> Mapping:
        """The mapping that the statistics lead to."""

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of (target, source) where both were measured; none for a method that needs no target."""
        return Stats(both=Moments.of(np.concatenate(aligned_samples(obs)[::-1]))) if self.fits else Stats()

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The target's bands."""
        return self.solve(stats, obs["source"].bands, obs["target"].bands)(obs["source"].data)

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse sensors that share no band, and a method that fits without anything to fit to."""
        super().check(obs, shape)
        partners(obs["source"].bands, obs["target"].bands, self.card.name, every=not self.crosses)
        if self.fits and not has_pixels(obs["target"]):
            raise MethodError(
                f"{self.card.name} without an image of the target sensor", "a target, or a fitted transform",
                "give `target=FILE`, or a transform.json that was fitted before; hls and spectral need none",
            )  # fmt: skip

    def paired(self, source: Sequence[Band], target: Sequence[Band]) -> list[int]:
        """The source band that each target band is made of."""
        return [s for s in partners(source, target, self.card.name) if s is not None]

    def guarded(self, stats: Stats, source: Sequence[Band], target: Sequence[Band]) -> tuple[Moments, list[int]]:
        """The moments of (target, source), and the source band nearest to each target band.

        For a method that mixes bands a target band may have none (-1).

        Raises
        ------
        MethodError
            Too few pairs, a constant band, or bands in another order than their names say.
        """
        moments = stats["both"]
        found = partners(source, target, self.card.name, every=not self.crosses)
        partner = [-1 if s is None else s for s in found]
        if moments.count < LEAST:
            raise MethodError(
                f"{self.card.name} found {moments.count} pixels that both images hold", f"at least {LEAST}",
                "check that they overlap, and their masks and nodata",
            )  # fmt: skip
        _require_contrast(moments, source, target)
        require_order(moments, partner, source, target)
        return moments, partner


@dataclass(frozen=True)
class Solved(Wrapper):
    """An aligner with its mapping known: nothing is measured any more."""

    inner: Aligner
    mapping: Mapping

    rounds: ClassVar[int] = 0  # type: ignore[assignment]

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Nothing."""
        return Stats()

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The mapping."""
        return self.mapping(obs["source"].data)

    def ready(self, obs: Observation) -> Solved:
        """As it is."""
        return self

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse another number of bands."""
        given, wanted = len(obs["source"].bands), len(self.mapping.mix.centre)
        if given != wanted:
            raise MethodError(f"a source of {given} bands", f"the {wanted} bands that the transform was fitted to")


def aligned_samples(obs: Observation) -> tuple[Float[np.ndarray, "source n"], Float[np.ndarray, "target n"]]:
    """Source and target where both were measured, in the core."""
    if not has_pixels(obs["target"]):
        return tuple(np.zeros((len(obs[role].bands), 0), obs[role].data.dtype) for role in ("source", "target"))  # type: ignore[return-value]
    rows, cols = obs.core_window.slices
    kept = paired(obs)[rows, cols]
    found = (obs[role].data[:, rows, cols] for role in ("source", "target"))
    source, target = (data.reshape(len(data), -1) if kept.all() else data[:, kept] for data in found)
    return source, target


def _require_contrast(moments: Moments, source: Sequence[Band], target: Sequence[Band]) -> None:
    """Refuse a band that is the same everywhere."""
    named = [*(("target", b) for b in target), *(("source", b) for b in source)]
    size = np.maximum(np.abs(moments.mean), moments.std.max(initial=0.0))
    for (role, band), std, mean in zip(named, moments.std, size, strict=True):
        if std <= FLAT * mean or std == 0:
            raise MethodError(
                f"the {role} band {band.name} is constant where both images hold pixels", "bands that vary",
                "is it fill or nodata? leave the band out, or give its nodata code",
            )  # fmt: skip


def require_order(moments: Moments, partner: Sequence[int], source: Sequence[Band], target: Sequence[Band]) -> None:
    """Refuse a source whose bands answer to the target's in another order than their names say.

    The order that maximises ``sum_t -1/2 ln(1 - r_t^2)``, r the correlation of a target band with its source band,
    must not be better than the given one by far, band for band.

    Raises
    ------
    MethodError
        If it is; the message gives the order found.
    """
    own = [t for t, s in enumerate(partner) if s >= 0]
    chosen = [partner[t] for t in own]
    if len(set(chosen)) < len(chosen):  # a band that serves two cannot be swapped with itself
        return
    std = moments.std
    r = (moments.covariance / np.outer(std, std))[np.ix_(own, [len(target) + s for s in chosen])]
    gain = -0.5 * np.log1p(-(np.clip(np.where(r > 0, r, 0), 0, 1 - 1e-9) ** 2))
    given = np.arange(len(own))
    _, found = linear_sum_assignment(-gain)
    moved = found != given
    better = gain[given, found].sum() - gain[given, given].sum()
    if moved.any() and better > SWAPPED and (r[given, found] - r[given, given])[moved].min() > BETTER:
        names = [source[chosen[s]].name for s in found]
        raise MethodError(
            f"source bands {', '.join(source[s].name for s in chosen)} that look swapped: the target's "
            f"{', '.join(target[t].name for t in own)} correlate best with {', '.join(names)}",
            "bands in the order of their names", "give the true order of the bands, of whichever image has them wrong",
        )  # fmt: skip


@dataclass(frozen=True)
class Tabled(Aligner):
    """An aligner by a table for each band, made from how often pairs of numbers occur; two looks at the scene.

    Parameters
    ----------
    nodes
        Of a table, and bins of the histograms. More follow finer bends and noise alike.
    """

    nodes: int = 256

    rounds: ClassVar[int] = 2

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """First moments and ranges, then how often pairs of numbers occur."""
        source, target = aligned_samples(obs)
        if so_far is None:
            return Stats(super().summarise(obs, None) | Stats(source=Range.of(source), target=Range.of(target)))
        _, partner = self.guarded(so_far, obs["source"].bands, obs["target"].bands)
        bins = self.bins(so_far, partner)
        return Stats(first=Settled(so_far), joint=Joint.of(source[partner], target, bins))

    def bins(self, stats: Stats, partner: list[int]) -> tuple[Bins, Bins]:
        """Of source and target numbers."""
        source, target = stats["source"], stats["target"]
        return (
            Bins(source.low[0, partner], source.high[0, partner], self.nodes),
            Bins(target.low[0], target.high[0], self.nodes),
        )  # fmt: skip


def widened(
    bins: Bins, values: Float[np.ndarray, "band node"], slope: Float[np.ndarray, " band"]
) -> tuple[Tables, int]:
    """Tables with nodes at the bins' centres, and some more on either side that go on with a given slope.

    So what lies beyond the numbers seen follows the line of the whole scene, not the last, least certain, piece.
    Returns them and how many nodes were added at each end.
    """
    more = max(round(MARGIN * bins.count), 1)
    step = bins.width
    out = np.arange(1, more + 1) * step[:, None] * slope[:, None]
    full = np.concatenate([values[:, :1] - out[:, ::-1], values, values[:, -1:] + out], axis=1)
    return Tables.single(bins.centres[:, 0] - more * step, step, full), more


def padded_sigma(sigma: Float[np.ndarray, "band node"], more: int) -> Float[np.ndarray, "band more"]:
    """Uncertainty of the nodes, unknown on those added at the ends."""
    return np.pad(sigma, ((0, 0), (more, more)), constant_values=np.inf)


def line_of(moments: Moments, partner: Sequence[int], targets: int) -> tuple[np.ndarray, np.ndarray]:
    """Least squares line of every target band on its partner: slopes and constants."""
    found = [moments.pick([t, targets + s]).regress(0, np.array([1])) for t, s in enumerate(partner)]
    return np.array([slope[0] for slope, _ in found]), np.array([constant for _, constant in found])
