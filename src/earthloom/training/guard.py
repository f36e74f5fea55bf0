"""A look at what a network does on a scene before it makes it: one window, one scale down, where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earthloom.engine.passes import filled, fuse_whole, halo_px
from earthloom.errors import EarthloomError
from earthloom.methods.base import Method
from earthloom.methods.networks.network import Fitted
from earthloom.methods.wrappers.mixed import rival_of
from earthloom.physics.forward import expand
from earthloom.problems import catalog as problems
from earthloom.problems.base import Case
from earthloom.training.cases import blocks
from earthloom.training.judging import blended, mixture
from earthloom.types import Float, Observation, Scene, Window

SIDE = 256  # coarse pixels of the window, at most
FEWEST = 24  # and at least: fewer tell nothing
KNOWN = 0.5  # share of it that must have been measured
EDGE = 2  # coarse pixels along the border, one scale down, that do not count


@dataclass(frozen=True)
class Glance:
    """Errors one scale down, over those of no fusion: of the network, and of the best method without training.

    ``beside``: methods that take a part of the product, and how much (:func:`earthloom.training.judging.mixture`), of
    those that the network names; ``network`` is the error of what they make together.
    """

    network: float
    rival: str
    of_rival: float
    beside: tuple[tuple[str, float], ...] = ()

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
        fused = fuse_whole(method, seen)
        beside: tuple[tuple[str, float], ...] = ()
        if isinstance(method, Fitted) and method.inner.beside:
            fused, beside = together(fused, method, case, seen)
        lost = error_of(fused, case.truth, nothing, seen)
        each = {}
        for name in problem.rivals:
            rival = rival_of(name, problem.name)
            rival.check(seen, seen.shape)
            each[name] = error_of(fuse_whole(rival, seen), case.truth, nothing, seen)
    except EarthloomError:
        return None
    best = min(each, key=lambda name: each[name])
    return Glance(lost, best, each[best], beside)


def middle(whole: Window) -> Window:
    """The middle of the coarse pixels of a scene."""
    height, width = (min(SIDE, n) for n in (whole.height, whole.width))
    return Window((whole.height - height) // 2, (whole.width - width) // 2, height, width)


def inner(image: Float[np.ndarray, "band Y X"], obs: Observation) -> Float[np.ndarray, "band y x"]:
    """Without the border."""
    edge = round(EDGE * obs.ratio)
    return image[:, edge:-edge, edge:-edge]


def together(
    fused: Float[np.ndarray, "band Y X"], method: Fitted, case: Case, seen: Observation
) -> tuple[Float[np.ndarray, "band Y X"], tuple[tuple[str, float], ...]]:
    """The image of a network, mixed with those of the methods that it names, and these with their weights."""
    names = method.inner.beside
    others = [fuse_whole(rival_of(name, method.card.problem), seen) for name in names]
    weights = mixture(inner(fused, seen), [inner(image, seen) for image in others], inner(case.truth, seen))
    return blended(fused, others, weights), tuple(zip(names, weights, strict=True))


def error_of(
    image: Float[np.ndarray, "band Y X"], truth: Float[np.ndarray, "band Y X"],
    nothing: Float[np.ndarray, "band Y X"], obs: Observation,
) -> float:  # fmt: skip
    """Root mean square over bands of each band's error over that of no fusion, the border left out."""
    lost = [np.square(inner(one - truth, obs), dtype=np.float64) for one in (image, nothing)]
    squares = [np.nansum(one, axis=(1, 2)) for one in lost]
    return float(np.sqrt(np.mean(squares[0] / np.maximum(squares[1], 1e-300))))
