"""What networks of spatiotemporal fusion see: fine images, coarse images, and a first estimate made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from earthloom.errors import MethodError, warn
from earthloom.methods.families import change
from earthloom.methods.families.known_dates import Temporal
from earthloom.methods.fields import within
from earthloom.methods.networks.network import Network, Sizes
from earthloom.methods.networks.ports import Port, normalised_of
from earthloom.methods.networks.scaling import normalised, scale_of
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.forward import expand
from earthloom.problems.spatiotemporal import Pair, pairs
from earthloom.types import Float, Observation

FINE, SEEN = 3, 2  # images of every band, where a network takes one at a time
STEPS = (4.0, 8.0, 16.0)  # ratios that networks are made for; the coarse images are brought to the nearest


@dataclass(frozen=True)
class TemporalNetwork(Network, Temporal):
    """A network that sees one known date or two; all inputs lie on the wanted grid.

    ``fine`` are the known fine images, ``seen`` the coarse images of the known dates and of the prediction date,
    ``base`` an estimate of the wanted image (:mod:`earthloom.methods.families.change`). All are normalised by the
    means and standard deviations of the known fine images of the scene.

    Parameters
    ----------
    known
        Known dates that it sees: 1 is the nearest one, 2 those around the prediction date, 0 two where there are two.
    lasting
        Share of the difference between the sensors at a known date that lasts to the prediction date, for the
        estimate: 1 where it is the sensors' own, 0 where it is haze, view angles, or compositing.
    ratio
        Coarse over fine pixel size, where the coarse images were brought to the fine grid by someone else.
    """

    known: int = 0
    lasting: float = 0.25
    ratio: float | None = None

    roles: ClassVar[Mapping[str, str]] = {"base": "fine_1"}
    scales: ClassVar[Mapping[str, str]] = {"fine": "base", "seen": "base"}
    aside: ClassVar[tuple[str, ...]] = ("ratio",)  # tells about the images, not about the network
    bytes_per_px: ClassVar[int] = 2000

    def __post_init__(self) -> None:
        """Refuse what no network can be."""
        within(self, "known", 0, 2)
        within(self, "lasting", 0, 1)
        within(self, "ratio", 1)

    def used(self, obs: Observation) -> list[Pair]:
        """The known dates that it sees.

        Raises
        ------
        MethodError
            If there are fewer than it was made for.
        """
        if len(pairs(obs)) < self.known:
            raise MethodError(
                f"{self.card.name} with known={self.known} got {len(pairs(obs))} known date(s)",
                f"at least {self.known}", "give another pair, or take the variant that sees one (`known=1`)",
            )  # fmt: skip
        return change.dates_used(obs, self.known or 2)

    def sizes(self, obs: Observation) -> Sizes:
        """Bands, those of the known fine images, the step that is nearest to the ratio, those of the coarse images.

        Raises
        ------
        MethodError
            If nobody says what the ratio is.
        """
        bands, dates, ratio = len(obs["fine_1"].bands), len(self.used(obs)), max(obs["coarse_p"].ratio)
        if ratio == 1 and (self.ratio is None or self.ratio == 1):
            raise MethodError(
                f"{self.card.name} got coarse images on the fine grid", "how many fine pixels a coarse one is wide",
                "give ratio=16, say, or the coarse images on their own grid",
            )  # fmt: skip
        return Sizes(bands, dates * bands, self.step(ratio), (dates + 1) * bands)

    def learning(self, obs: Observation) -> TemporalNetwork:
        """Of two known dates one is left out to learn from, so it sees one, the nearest, and so it has to run."""
        if self.known or len(pairs(obs)) != 2:
            return self
        warn(
            f"{self.card.name} adapted to two known dates sees the nearest alone (known=1): the other one is what it "
            "learns from; a third date lets it see two"
        )
        return replace(self, known=1)

    def step(self, ratio: float) -> float:
        """The nearest of the ratios that networks are made for."""
        ratio = ratio if ratio > 1 else self.ratio or STEPS[-1]
        return min(STEPS, key=lambda step: abs(np.log(step / ratio)))

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the known fine images, all dates together, and those that the base needs."""
        rows, cols = obs.core_window.slices
        seen = self.alone(obs)
        total = Moments.of(np.empty((len(obs["fine_1"].bands), 0)))
        for pair in pairs(seen):
            view = seen[pair.fine]
            total = total + Moments.of(view.data[:, rows, cols][:, view.valid[rows, cols]])
        return Stats(base=total, change=change.change_moments(seen, self.lasting))

    def alone(self, obs: Observation) -> Observation:
        """The observation with the dates that it sees, coarse images on their own grids."""
        return change.only(obs, self.used(obs), self.ratio)

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "band Y X"]]:
        """Fine images, coarse images interpolated, and the estimate."""
        own = self.alone(obs)
        dates = pairs(own)
        coarse = [expand(own, role=role) for role in (*(pair.coarse for pair in dates), "coarse_p")]
        return {
            "fine": np.concatenate([own[pair.fine].data for pair in dates]),
            "seen": np.concatenate(coarse),
            "base": change.change_regressed(own, stats["change"], *scale_of(stats["base"]), self.lasting),
        }

    def inputs_of_bands(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "_ Y X"]]:
        """The same for one band at a time, whatever the number of dates: images of every band in turn.

        ``fine`` holds the known fine images as one, how far they lie apart, and how strongly the estimate says that
        the ground changed there (root mean square over the bands); ``seen`` the known coarse images as one, and that of
        the prediction date. All but ``base`` are normalised.
        """
        own, moments = self.alone(obs), stats["base"]
        mean, std = scale_of(moments)
        base = change.change_regressed(own, stats["change"], mean, std, self.lasting)
        fine, apart, then = change.between(own)
        unit = np.where(std > 0, std, 1).astype(base.dtype)[:, None, None]
        changed = np.sqrt(np.square((base - fine) / unit).mean(axis=0, keepdims=True))
        shown = [normalised(fine, moments), apart / unit, np.broadcast_to(changed, fine.shape)]
        seen = [normalised(then, moments), normalised(expand(own, role="coarse_p"), moments)]
        in_turn = {"fine": np.stack(shown, axis=1), "seen": np.stack(seen, axis=1)}
        return {"base": base, **{name: images.reshape(-1, *obs.shape) for name, images in in_turn.items()}}

    def ports(self, sizes: Sizes, bands: int) -> tuple[Port, ...]:
        """All known fine images, all coarse ones, and the estimate, on the wanted grid."""
        fine = normalised_of("the known fine images, date by date,")
        seen = "the coarse images of the known dates and of the wanted one, interpolated, normalised by the fine ones"
        base = "an estimate of the wanted image, normalised by the fine ones"
        return Port("fine", sizes.guide, fine), Port("seen", sizes.extra, seen), Port("base", sizes.bands, base)

    def multiple(self, sizes: Sizes) -> int:
        """Blocks of its coarsest grid."""
        return int(sizes.ratio)

    def around_px(self, ratio: float, network_px: int) -> int:
        """Halo: what the base reaches, the network, and a block for the alignment."""
        side = ratio if ratio > 1 else self.ratio or STEPS[-1]
        own = 0 if ratio > 1 else side  # a cell that the tile cuts is averaged over a part of it
        return int(np.ceil(change.REACH * side + own)) + network_px + int(self.step(ratio))
