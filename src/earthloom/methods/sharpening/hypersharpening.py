"""Hyper-sharpening: every coarse band gets the detail of its own best line over all fine bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.guides import detail, groups, line_stats, lines
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Hypersharpening(Method):
    """Synthesised-band scheme, ``F_b = U C_b + s_b - U D B_b s_b`` with ``s_b = sum_g a_bg G_g``.

    The a are those of the least squares ``C_b ~ sum_g a_bg D B_b G_g + const`` over the whole scene: G the fine bands,
    B the blur of the coarse sensor, D its sampling, U interpolation. One line for the whole scene is robust, and wrong
    wherever the ground is of another kind.

    References
    ----------
    Selva, Aiazzi, Butera, Chiarantini and Baronti, IEEE JSTARS 8(6), 3008-3024, 2015.
    """

    card: ClassVar[Card] = Card(
        name="Hyper-sharpening", title="Detail of one line over all fine bands", family="multiresolution",
        citation="selva2015", problem="sharpening", halo=INTERPOLATION + 2 * LOWPASS,
        notes="no caution: bands that the fine ones do not explain come out worse than interpolated (SWIR, thermal)",
    )  # fmt: skip

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of fine and coarse bands at the coarse scale."""
        return line_stats(obs)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Add the detail of the line."""
        fused = expand(obs, role="coarse")
        for group in groups(obs):
            slopes = lines(stats[group.name], len(group.low)).astype(fused.dtype)
            fused[group.bands] += np.tensordot(slopes, detail(obs, group), 1)
        return fused
