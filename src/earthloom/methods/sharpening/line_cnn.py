"""Line-CNN: a residual network on what local lines make, band by band, for any number of bands and guides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card
from earthloom.methods.families.caution import line_trust
from earthloom.methods.families.guides import ROLE, Group, detail, groups, line_stats, lines, local_lines
from earthloom.methods.families.windows import TAIL
from earthloom.methods.networks.each_band import BLOCK, LOUD, EachBand, Shown
from earthloom.methods.networks.network import Sizes
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.forward import expand, reduce
from earthloom.types import Float, Observation

if TYPE_CHECKING:
    from torch import nn

WINDOW, RIDGE = 1.0, 0.001  # of the local lines, as GWR has them
GUIDES = 4  # that are shown one by one: those that resemble the band most
EACH = 3  # images of every guide
BESIDE = 4  # images of every band that are no guide's


@dataclass(frozen=True)
class LineCnn(EachBand):
    """Residual network on local lines, ``F_b = L_b + s_b c_b shuffle(net(unshuffle(x_b)))``, one band at a time.

    ``L_b`` is the product of local lines (GWR: ``U C_b + sum_g U(w_b a_bg) d_g`` with the details ``d_g = G_g - U D B_b
    G_g``), ``s_b`` the standard deviation of the band, and ``c_b = min(1, 4 sqrt(1 - U w_b))``: where the lines explain
    nearly all, little is added. Of every band the network sees ``x_b``: ``U C_b``; the detail of the local lines and of
    the line of the whole scene; what the product lacks, ``U (C_b - D B_b L_b)``; the share ``U w_b``; and of the four
    guides that resemble the band most ``U(w_b a_bg) d_g``, ``d_g`` and ``G_g``, the last two with the sign of the
    correlation. All are divided by the standard deviations of the scene at the coarse scale. So one set of weights
    serves any number of bands and guides in any order, at any ratio. A fresh network is GWR. In use the product is
    ``U C_b + t_b (F_b - U C_b)`` with GWR's ``t_b``: bands of whose detail the line of the scene explains next to
    nothing (thermal ones, often) stay interpolated.

    References
    ----------
    Lanaras, Bioucas-Dias, Galliani, Baltsavias and Schindler, ISPRS Journal of Photogrammetry and Remote Sensing 146,
    305-319, 2018 (a network that sharpens Sentinel-2, taught one scale down); Brunsdon, Fotheringham and Charlton,
    Geographical Analysis 28(4), 281-298, 1996 (the lines).
    """

    card: ClassVar[Card] = Card(
        name="Line-CNN", title="Residual network on local lines over all fine bands", family="network",
        citation="lanaras2018", problem="sharpening", halo=2 * (INTERPOLATION + LOWPASS) + TAIL + 11, minimum=4,
        notes="a network of ours; it begins as GWR",
    )  # fmt: skip
    roles: ClassVar[Mapping[str, str]] = {"guide": "fine", "base": ROLE}

    def net(self, sizes: Sizes) -> nn.Module:
        """Convolutions at half the wanted resolution."""
        from earthloom.nn.line_cnn import LineNet

        return LineNet(self.images, self.width, self.blocks)

    @property
    def images(self) -> int:
        """Of the band, and of each guide."""
        return BESIDE + EACH * GUIDES

    def halo_px(self, ratio: float) -> int:
        """The lines, what their product lacks, and the convolutions with a block for the alignment."""
        coarse = 2 * (INTERPOLATION + LOWPASS) + math.ceil(TAIL * WINDOW)
        return math.ceil(coarse * ratio) + BLOCK * (2 * self.blocks + 3)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of all bands, and of fine and coarse ones together at the coarse scale."""
        return Stats({**super().summarise(obs, so_far), **line_stats(obs, details=True)})

    def shown(self, obs: Observation, stats: Stats) -> Iterator[Shown]:
        """Every coarse band, its local lines and its guides."""
        for group in groups(obs):
            moments, guides = stats[group.name], len(group.low)
            local, lost = local_lines(obs, group, moments, WINDOW, RIDGE), detail(obs, group)
            whole, trust = lines(moments, guides), line_trust(stats, group)
            for at, band in enumerate(group.bands):
                slopes = (local.slopes[at] * local.share[at]).astype(lost.dtype)
                terms = expand(obs, slopes, ROLE) * lost
                base = expand(obs, obs[ROLE].data[band : band + 1], ROLE)[0]
                product = base + terms.sum(axis=0)
                gain = obs[ROLE].bands[band].mtf_nyquist
                lacks = obs[ROLE].data[band] - reduce(obs, product[None], gain, ROLE)[0]
                beside = [
                    LOUD * (product - base), LOUD * np.tensordot(whole[at].astype(lost.dtype), lost, 1),
                    LOUD * expand(obs, lacks[None], ROLE)[0],
                ]  # fmt: skip
                std = float(moments.std[guides + at]) or 1.0
                share = expand(obs, local.share[at : at + 1].astype(lost.dtype), ROLE)
                seen = [np.stack(beside) / lost.dtype.type(std), share, _guides(obs, group, moments, at, terms, lost)]
                images = np.ascontiguousarray(np.concatenate(seen), np.float32)
                yield Shown(band, base, product, images, float(trust[at]))


def _guides(
    obs: Observation, group: Group, moments: Moments, at: int, terms: np.ndarray, lost: np.ndarray
) -> Float[np.ndarray, "k Y X"]:
    """Three images of each of the guides that resemble a band most, zeros where there are fewer guides than shown."""
    guides = len(group.low)
    std = np.where(moments.std > 0, moments.std, 1.0)
    alike = moments.covariance[guides + at, :guides] / (std[:guides] * std[guides + at])
    out = np.zeros((EACH * GUIDES, *obs.shape), lost.dtype)
    for slot, g in enumerate(np.argsort(-np.abs(alike), kind="stable")[:GUIDES]):
        sign = lost.dtype.type(-1 if alike[g] < 0 else 1) / lost.dtype.type(std[g])
        out[EACH * slot] = LOUD * terms[g] / lost.dtype.type(std[guides + at])
        out[EACH * slot + 1] = LOUD * sign * lost[g]
        out[EACH * slot + 2] = sign * (obs["fine"].data[g] - lost.dtype.type(moments.mean[g]))
    return out
