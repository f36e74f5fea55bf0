"""GWR: geographically weighted regression on all fine bands, as much of its detail as it explains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.caution import line_trust
from earthloom.methods.families.guides import detail, groups, line_stats, local_lines
from earthloom.methods.families.windows import NARROW, TAIL
from earthloom.methods.fields import within
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Gwr(Method):
    """Local lines at the coarse scale, ``F_b = U C_b + t_b sum_g U(w_b a_bg) (G_g - U D B_b G_g)``.

    Around every coarse pixel the a minimise ``sum_i q_i (C_b - sum_g a_g D B_b G_g - const)^2 + r sum_g v_g (a_g -
    A_g)^2``: q a Gaussian window, A the line of the whole scene, v the variance of each guide. ``w_b`` is the share of
    the variance of C in the window that the line explains, from 0 to 1: bands of which the guides know little (SWIR
    over crops) get little detail instead of a wrong one. ``t_b`` is 0 where A explains less than a tenth of the detail
    of the band in the whole scene, 1 from three tenths on: of such bands (thermal ones, often) lines in small windows
    hold chance alone.

    Parameters
    ----------
    window
        Standard deviation of the window in coarse pixels. Wider is more robust and less local.
    ridge
        r: how strongly local lines are drawn to that of the whole scene.
    cautious
        Weigh the detail by what the lines explain, w and t; without, all of it is added.

    References
    ----------
    Brunsdon, Fotheringham and Charlton, Geographical Analysis 28(4), 281-298, 1996 (the regression); Selva et al.,
    IEEE JSTARS 8(6), 3008-3024, 2015 (detail of a line over several bands).
    """

    window: float = 1.0
    ridge: float = 0.001
    cautious: bool = True

    card: ClassVar[Card] = Card(
        name="GWR", title="Local lines over all fine bands, as far as they explain", family="multiresolution",
        citation="brunsdon1996", problem="sharpening", halo=INTERPOLATION + LOWPASS + TAIL, minimum=4,
        notes="the pyramid of the coarse sensor's MTF with local gains; the caution is ours",
    )  # fmt: skip
    bytes_per_px: ClassVar[int] = 400

    def __post_init__(self) -> None:
        within(self, "window", 0.5, 20)
        within(self, "ridge", 1e-9, 1e3)

    def halo_px(self, ratio: float) -> int:
        """Interpolation, blur, and the wider window."""
        return math.ceil((INTERPOLATION + LOWPASS + math.ceil(TAIL * max(self.window, NARROW))) * ratio)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of fine and coarse bands at the coarse scale, for the line of the whole scene."""
        return line_stats(obs, details=True)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Add the detail of the local lines."""
        fused = expand(obs, role="coarse")
        for group in groups(obs):
            local = local_lines(obs, group, stats[group.name], self.window, self.ridge)
            slopes = local.slopes
            if self.cautious:
                slopes = slopes * (local.share * line_trust(stats, group)[:, None, None])[:, None]
            lost = detail(obs, group)
            for band, own in zip(group.bands, slopes, strict=True):
                fused[band] += np.einsum("gyx,gyx->yx", expand(obs, own.astype(fused.dtype), "coarse"), lost)
        return fused
