"""HPM-CNN: a residual network on the modulated pyramid, band by band, for any sensor, any bands and ratio."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earthloom.methods.base import INTERPOLATION, LOWPASS, Card
from earthloom.methods.families.multiresolution import Modulation, match_stats
from earthloom.methods.families.pan_ms import ms_gains
from earthloom.methods.families.windows import TAIL, around
from earthloom.methods.networks.each_band import BLOCK, LOUD, EachBand, Shown
from earthloom.methods.networks.network import Sizes
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.backproject import answered, descend
from earthloom.physics.forward import expand, measured, reduce
from earthloom.types import Float, Observation, ratio_of

if TYPE_CHECKING:
    from torch import nn

STEPS = 5  # back-projections of what is begun with
WINDOW, RIDGE = 1.5, 0.01  # of the local lines of a band over PAN, in coarse pixels and variances
ALIKE = 2  # other bands that are shown beside one: those that resemble it most
OWN = 10  # images of a band that are no other band's
TYPICAL_GAIN = 0.3
BLUR = 12  # pixels that the blur of what is added looks


@dataclass(frozen=True)
class HpmCnn(EachBand):
    """Residual network on a modulated pyramid, ``F_b = H_b + s_b shuffle(net(unshuffle(x_b)))``, one band at a time.

    ``H_b`` is MTF-GLP-HPM, ``U M_b P_b / (U D B_b P_b)``, after five back-projections, ``H <- H + U (M - D B H)``;
    ``s_b`` is the standard deviation of the band. Of every band the network sees ``x_b``: ``U M_b``; the details of
    ``H_b`` and what it lacks still, ``U (M_b - D B H_b)``; the detail ``d = P - U D B_b P`` of PAN times the slope of
    a line over PAN in a small window, the share that this line explains, and times the slope of the scene; d, PAN,
    and what PAN shows that the bands do not, ``U (D B P - w'M)``, in standard deviations of PAN, with the sign of the
    band's correlation; the two bands that resemble it most; the ratio and the MTF. All is relative to the scene's
    own spread, so that one set of weights serves any sensor, any number of bands in any order, any ratio. A fresh
    network is the pyramid. A look at the scene one scale down says how much of the product is the network's, and how
    much that of BT-H (:func:`earthloom.training.judging.mixture`).

    References
    ----------
    Vivone, Restaino, Dalla Mura, Licciardi and Chanussot, IEEE GRSL 11(5), 930-934, 2014 (the pyramid); Irani and
    Peleg, CVGIP: Graphical Models and Image Processing 53(3), 231-239, 1991 (back-projection).
    """

    card: ClassVar[Card] = Card(
        name="HPM-CNN", title="Residual network on the modulated pyramid, band by band", family="network",
        citation="vivone2014", halo=3 * (INTERPOLATION + LOWPASS) + 11, minimum=4,
        notes="a network of ours; it begins as MTF-GLP-HPM after five back-projections",
    )  # fmt: skip

    beside: ClassVar[tuple[str, ...]] = ("bt_h, refine=5",)  # it knows of haze, the pyramid does not

    ensemble: bool = True  # 0.5 to 2 % of ERGAS for sensors it never saw; up to five times the time

    def net(self, sizes: Sizes) -> nn.Module:
        """Convolutions at half the wanted resolution."""
        from earthloom.nn.hpm_cnn import DetailNet

        return DetailNet(self.images, self.width, self.blocks)

    @property
    def images(self) -> int:
        """Of the band, and of those like it."""
        return OWN + ALIKE

    def halo_px(self, ratio: float) -> int:
        """The pyramid, two residuals, and the convolutions with a block for the alignment."""
        coarse = 3 * (INTERPOLATION + LOWPASS) + math.ceil(TAIL * WINDOW)
        return math.ceil(coarse * ratio) + BLOCK * (2 * self.blocks + 3) + BLUR

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of both images, and of the bands with PAN at the coarse scale."""
        return Stats({**super().summarise(obs, so_far), **match_stats(obs, "detail")})

    def shown(self, obs: Observation, stats: Stats) -> Iterator[Shown]:
        """Every band, its pyramid, and what PAN and other bands tell of it."""
        pyramid, coarse, ms = Modulation.of(obs, stats), stats["coarse"], obs["ms"].data
        std = np.where(coarse.std > 0, coarse.std, 1.0)
        pan, beyond, inside = obs["pan"].data[0], _beyond(obs, coarse), answered(obs, "ms")
        seen_pan = {gain: reduce(obs, obs["pan"].data, gain) for gain in dict.fromkeys(ms_gains(obs))}
        lows = {gain: expand(obs, low) for gain, low in seen_pan.items()}
        for band, gain in enumerate(ms_gains(obs)):
            kind, low = pan.dtype.type, lows[gain]
            lost = pan - low[0]
            base = expand(obs, ms[band : band + 1])
            start, lacks = _agreeing(inside, pyramid.of_band(obs, band, base, low), band)
            slope, share = _local_line(obs, seen_pan[gain], band, coarse)
            sign = -1.0 if coarse.covariance[band, -1] < 0 else 1.0
            own = np.stack([
                LOUD * (start - base)[0], LOUD * lacks[0],
                LOUD * expand(obs, slope)[0] * lost, LOUD * kind(pyramid.slope[band]) * lost,
            ]) / kind(std[band])  # fmt: skip
            of_pan = np.stack([LOUD * lost, pan - kind(coarse.mean[-1]), LOUD * beyond]) * kind(sign / std[-1])
            told = [0.5 * math.log2(ratio_of(obs["ms"])), LOUD * (gain - TYPICAL_GAIN)]
            rest = [expand(obs, share), np.ones((2, *obs.shape), kind) * np.array(told, kind)[:, None, None]]
            seen = np.concatenate([own, of_pan, *rest, _alike(obs, coarse, band)])
            yield Shown(band, base[0], start[0], np.ascontiguousarray(seen, np.float32))


def _agreeing(
    obs: Observation, image: Float[np.ndarray, "one Y X"], band: int
) -> tuple[Float[np.ndarray, "one Y X"], Float[np.ndarray, "one Y X"]]:
    """An image of one band, back-projected, and what it lacks still, interpolated."""
    view = obs["ms"]
    one = replace(view, data=view.data[band : band + 1], bands=view.bands[band : band + 1])
    seen = replace(obs, views={**obs.views, "ms": one})
    trail = list(descend(seen, image, [one.bands[0].mtf_nyquist], STEPS))
    total = np.add.reduce([correction for _, correction in trail])
    return image + expand(seen, total), expand(seen, trail[-1][0])


def _beyond(obs: Observation, coarse: Moments) -> Float[np.ndarray, "Y X"]:
    """What PAN shows at the coarse scale that no mixture of the bands does, interpolated."""
    ms, bands = obs["ms"].data, len(obs["ms"].bands)
    low = reduce(obs, obs["pan"].data, float(np.mean(ms_gains(obs))))
    weights, constant = coarse.regress(bands, slice(0, bands))
    return expand(obs, low - np.tensordot(weights.astype(ms.dtype), ms, 1)[None] - ms.dtype.type(constant))[0]


def _local_line(
    obs: Observation, low: Float[np.ndarray, "one y x"], band: int, coarse: Moments
) -> tuple[Float[np.ndarray, "one y x"], Float[np.ndarray, "one y x"]]:
    """Slope of a band over PAN in a window around every coarse pixel times the share that it explains, and the share.

    The slope is drawn to that of the scene by ``RIDGE`` times the variance of PAN.
    """
    centred = np.concatenate([low, obs["ms"].data[band : band + 1]]).astype(np.float64)
    centred -= coarse.mean[[-1, band]][:, None, None]
    gram, cross, spread = around(centred, measured(obs, "pan", "ms"), 1, WINDOW)
    variance, shared = gram[..., 0, 0], cross[..., 0, 0]
    pull = RIDGE * max(coarse.covariance[-1, -1], 1e-30)
    whole = coarse.covariance[band, -1] / max(coarse.covariance[-1, -1], 1e-30)
    slope = (shared + pull * whole) / (variance + pull)
    share = np.clip((2 * slope * shared - slope**2 * variance) / np.maximum(spread[..., 0], 1e-30), 0, 1)
    kind = obs["ms"].data.dtype
    return (slope * share)[None].astype(kind), share[None].astype(kind)


def _alike(obs: Observation, coarse: Moments, band: int) -> Float[np.ndarray, "k Y X"]:
    """The bands that resemble one most, in their standard deviations; zeros where there are fewer."""
    view = obs["ms"]
    std = np.where(coarse.std > 0, coarse.std, 1.0)
    likeness = coarse.covariance[band, : len(view.bands)] / (std[band] * std[: len(view.bands)])
    order = [other for other in np.argsort(-np.abs(likeness), kind="stable") if other != band][:ALIKE]
    out = np.zeros((ALIKE, *obs.shape), view.data.dtype)
    for slot, other in enumerate(order):
        sign = view.data.dtype.type((-1 if likeness[other] < 0 else 1) / std[other])
        out[slot] = expand(obs, view.data[other : other + 1] - view.data.dtype.type(coarse.mean[other]))[0] * sign
    return out
