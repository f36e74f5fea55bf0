"""A look at what a network does on a scene before it makes it: one window, one scale down, where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earthloom.engine.passes import filled, fuse_whole, halo_px
from earthloom.errors import EarthloomError
from earthloom.methods.base import Method
from earthloom.methods.networks.each_band import EachBand
from earthloom.methods.networks.network import Fitted
from earthloom.physics.forward import expand
from earthloom.problems import catalog as problems
from earthloom.training.cases import blocks
from earthloom.training.judging import rival_of
from earthloom.types import Float, Observation, Scene, Window

SIDE = 256  # coarse pixels of the window, at most
FEWEST = 24  # and at least: fewer tell nothing
KNOWN = 0.5  # share of it that must have been measured
FEW = 64 * 64  # pixels: as many as these pull half of what is added back to the start
EDGE = 2  # coarse pixels along the border, one scale down, that do not count


@dataclass(frozen=True)
class Glance:
    """Errors one scale down, over those of no fusion: of the network, and of the best method without training.

    ``shares``: of a network that adds to a start, how much of it is best added to each band, from 0 to 1:
    ``<n - s, t - s> / <n - s, n - s>`` with network n, start s and truth t, drawn to 0 where few pixels tell. None of
    others.
    """

    network: float
    rival: str
    of_rival: float
    shares: tuple[float, ...] | None = None

    @property
    def harmful(self) -> bool:
        """Whether the network does worse than no fusion."""
        return self.network >= 1

    def __str__(self) -> str:
        better = f"; {self.rival}: {self.of_rival:.2f}" if self.of_rival < self.network else ""
        return f"{self.network:.2f} of the error of no fusion one scale down{better}"


def glance(method: Method, scene: Scene) -> Glance | None:
    """What a network does on the middle of a scene, one scale down; None where that cannot be told."""
    problem = problems.find(method.card.problem)
    if not problem.sharpens:
        return None
    try:
        whole = blocks.usable(scene, problem.seen)
        obs = blocks.cut(scene, middle(whole), problem.seen)[0]
        if min(obs[problem.seen[1]].shape) < FEWEST or problem.known(obs).mean() < KNOWN:
            return None
        case = problem.degrade(filled(obs, halo_px(method, obs)))
        seen = filled(case.obs, halo_px(method, case.obs))
        nothing = expand(seen, role=problem.seen[1])
        fused, shares = fuse_whole(method, seen), None
        if isinstance(method, Fitted) and isinstance(method.inner, EachBand) and method.inner.doubted:
            start = method.inner.begun(seen, method.summarise(seen, None))
            shares = shares_of(*(inner(one, seen) for one in (fused, start, case.truth)))
            fused = start + np.array(shares, start.dtype)[:, None, None] * (fused - start)
        lost = error_of(fused, case.truth, nothing, seen)
        each = {}
        for name in problem.rivals:
            rival = rival_of(name, problem.name)
            rival.check(seen, seen.shape)
            each[name] = error_of(fuse_whole(rival, seen), case.truth, nothing, seen)
    except EarthloomError:
        return None
    best = min(each, key=lambda name: each[name])
    return Glance(lost, best, each[best], shares)


def middle(whole: Window) -> Window:
    """The middle of the coarse pixels of a scene."""
    height, width = (min(SIDE, n) for n in (whole.height, whole.width))
    return Window((whole.height - height) // 2, (whole.width - width) // 2, height, width)


def inner(image: Float[np.ndarray, "band Y X"], obs: Observation) -> Float[np.ndarray, "band y x"]:
    """Without the border."""
    edge = round(EDGE * max(max(view.ratio) for view in obs.views.values()))
    return image[:, edge:-edge, edge:-edge]


def shares_of(
    network: Float[np.ndarray, "band y x"], start: Float[np.ndarray, "band y x"], truth: Float[np.ndarray, "band y x"]
) -> tuple[float, ...]:
    """How much of what the network adds is best added to each band, less where few pixels tell: times n / (n + FEW)."""
    known = np.isfinite(truth).all(axis=0).sum()
    more, wanted = (np.where(np.isfinite(truth), one - start, 0).astype(np.float64) for one in (network, truth))
    shared, own = ((more * one).sum(axis=(1, 2)) for one in (wanted, more))
    return tuple(float(share) for share in np.clip(shared / np.maximum(own, 1e-300), 0, 1) * known / (known + FEW))


def error_of(
    image: Float[np.ndarray, "band Y X"], truth: Float[np.ndarray, "band Y X"],
    nothing: Float[np.ndarray, "band Y X"], obs: Observation,
) -> float:  # fmt: skip
    """Root mean square over bands of each band's error over that of no fusion, the border left out."""
    lost = [np.square(inner(one - truth, obs), dtype=np.float64) for one in (image, nothing)]
    squares = [np.nansum(one, axis=(1, 2)) for one in lost]
    return float(np.sqrt(np.mean(squares[0] / np.maximum(squares[1], 1e-300))))
