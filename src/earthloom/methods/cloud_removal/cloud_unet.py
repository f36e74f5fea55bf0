"""Cloud U-Net: a network that knows ground, clouds and radar beforehand, for scenes of which little is clear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.filling import REACH, constant, core_samples, fitted_filling
from earthloom.methods.families.radar import HALO, SPREAD_DB, TYPICAL_DB, filled_by_radar, radar_moments
from earthloom.methods.fields import within
from earthloom.methods.networks.network import Network, Sizes
from earthloom.methods.networks.ports import Port
from earthloom.nn import reach
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.spread import spread
from earthloom.physics.backscatter import averaged
from earthloom.physics.clouds import white_of
from earthloom.problems.cloud_removal import clear
from earthloom.types import Band, Float, Observation

if TYPE_CHECKING:
    from torch import nn

SIGMAS = (1.0, 3.0)  # px: of the averages of the radar
TYPICAL = (  # nm, and reflectance at the top of the atmosphere of land at large
    (443, 0.12), (490, 0.10), (560, 0.09), (665, 0.085), (705, 0.11), (740, 0.19), (783, 0.22), (842, 0.21),
    (865, 0.24), (945, 0.08), (1375, 0.002), (1610, 0.19), (2190, 0.12),
)  # fmt: skip
TYPICAL_PX = 2000  # clear pixels that say as much about the scene as knowing land at large
RADAR_PX, RADAR_SHARE = (
    4000,
    0.7,
)  # clear pixels with which radar regression has half its share of the filling, and that
FEWEST_PX = 500  # with fewer it has none


@dataclass(frozen=True)
class White(Moments):
    """What reflectance 1 is in the numbers of a scene, as moments that scale by it; of two tiles the larger."""

    white: float = 1.0

    @classmethod
    def level(cls, white: float, bands: int) -> White:
        """For an image of so many bands."""
        return cls(1, np.zeros(bands), np.zeros((bands, bands)), white)

    def __add__(self, other: Moments) -> Moments:
        return other if isinstance(other, White) and other.white > self.white else self

    @property
    def std(self) -> Float[np.ndarray, " band"]:
        """White, for every band."""
        return np.full(len(self.mean), self.white)


@dataclass(frozen=True)
class CloudUNet(Network):
    """A U-Net under thin clouds, ``F = E + v (N - E)``, ``N = G E + (1 - G) s + K (s - s_8) + r``.

    E is what clear ground says: a mean of inpainting (towards land at large where next to nothing is clear) and, the
    more of the scene is clear, of SAR regression. ``v = 1 / (1 + (d / 0.08)^4)`` under clouds, d the mean over the
    bands of ``y - E`` (not below 0), y the cloudy image in reflectance: thick clouds are left to E. The network N has a
    gate G, a gain K of the detail seen and a rest r, from a U-Net that sees y, E, inpainting by itself and how much
    clear ground it rests on, the mask, and the radar (if there is any), its speckle averaged at two scales; s is y
    without its brightest clouds, ``s_8`` its mean over 8 x 8 pixels. Reflectance and dB are taken as they are, not by
    the statistics of the scene: it also works where nothing is clear. It says, too, how far off each pixel may be.

    Parameters
    ----------
    width
        Features at half resolution. More fit more and cost its square.
    """

    width: int = 40

    judges: ClassVar[bool] = True
    roles: ClassVar[Mapping[str, str]] = {"guide": "sar", "base": "optical"}
    gives: ClassVar[str] = "the image without clouds, then as many channels of the scale of its error, in reflectance"
    card: ClassVar[Card] = Card(
        name="Cloud U-Net",
        title="U-Net that sees through thin clouds, over a filling from clear ground",
        family="network",
        citation="meraner2020",
        halo=max(REACH, HALO) + reach.cloud_unet(),
        looks_at=("sar",),
        problem="cloud_removal",
        minimum=8,
        notes="for the bands its weights were made for; works where nothing is clear, and without SAR",
    )

    def __post_init__(self) -> None:
        within(self, "width", 8, 128)

    def net(self, sizes: Sizes) -> nn.Module:
        """The network."""
        from earthloom.nn.cloud_unet import CloudUNetNet

        return CloudUNetNet(sizes.bands, sizes.guide, self.width)

    def sizes(self, obs: Observation) -> Sizes:
        """Sizes of the network for this observation: the radar has the same channels whether it is there or not."""
        bands = len(obs["optical"].bands)
        return Sizes(bands, 2 * len(SIGMAS) + 1, 1.0, 2 * bands + 2)

    def scale(self, name: str) -> str | None:
        """Reflectance for the optical image; the rest is brought to it here."""
        return "base" if name == "base" else None

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of clear optical pixels, and what reflectance 1 is."""
        rows, cols = obs.core_window.slices
        optical = obs["optical"]
        white = white_of(optical.data[:, rows, cols], optical.valid[rows, cols])
        found = Stats(
            base=White.level(white, len(optical.bands)), clear=Moments.of(core_samples(obs, clear(obs), optical.data))
        )
        return Stats(found, pairs=radar_moments(obs)) if "sar" in obs.views else found

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "_ Y X"]]:
        """Radar, the cloudy image, and its filling with what it rests on."""
        optical, known, white = obs["optical"], clear(obs), stats["base"].white
        level = typical_ground(optical.bands, white)
        if (seen := stats["clear"]).count:
            level = (seen.count * seen.mean + TYPICAL_PX * level) / (seen.count + TYPICAL_PX)
        image = np.where(optical.valid, optical.data, constant(level, optical.data))
        inpainted = fitted_filling(constant(level, image), image, known, REACH)
        filled = inpainted
        if "pairs" in stats and (count := stats["pairs"].count) >= FEWEST_PX:
            share = image.dtype.type(RADAR_SHARE * count / (count + RADAR_PX))
            by_radar = np.where(obs["sar"].valid, filled_by_radar(obs, stats["pairs"], self.card.name), inpainted)
            filled = inpainted + share * (by_radar - inpainted)
        rest = spread(np.ones((1, *known.shape), image.dtype), known, REACH)
        cloud = (~known)[None].astype(image.dtype)
        unit = image.dtype.type(white)
        return {
            "guide": radar(obs),
            "base": image,
            "extra": np.concatenate([filled / unit, inpainted / unit, rest, cloud]),
        }

    def ports(self, sizes: Sizes, bands: int) -> tuple[Port, ...]:
        """All in reflectance; out come the image and, as many channels, the scale of its error."""
        extra = "filling and inpainting (reflectance), how much clear ground that rests on, where clouds are (0 or 1)"
        return (
            Port("guide", sizes.guide, "radar averaged at two scales, in units of about 1, and where there is any"),
            Port("base", sizes.bands, "the cloudy image in reflectance", most=0.6),
            Port("extra", sizes.extra, extra, most=0.6),
        )  # fmt: skip

    def halo_px(self, ratio: float) -> int:
        """The network's reach, a block for the alignment, and the reach of the filling."""
        return self.card.halo

    def multiple(self, sizes: Sizes) -> int:
        """Pixels of the coarsest grid."""
        return reach.CLOUD_LEVEL


def radar(obs: Observation) -> Float[np.ndarray, "k y x"]:
    """Averaged backscatter in units of about 1, the first polarisation at each scale and then the second, and where.

    All zero where there is none. A single polarisation stands for both.
    """
    if "sar" not in obs.views:
        return np.zeros((2 * len(SIGMAS) + 1, *obs.shape), obs["optical"].data.dtype)
    view = obs["sar"]
    seen = np.where(view.valid, view.data[[0, min(1, len(view.data) - 1)]], view.data.dtype.type(TYPICAL_DB))
    found = np.concatenate([(averaged(seen, sigma) - TYPICAL_DB) / SPREAD_DB for sigma in SIGMAS])
    heard = view.valid[None].astype(seen.dtype)
    return np.concatenate([found * heard, heard]).astype(obs["optical"].data.dtype)


def typical_ground(bands: tuple[Band, ...], white: float) -> Float[np.ndarray, " band"]:
    """Land at large, in the numbers of the scene; bands of unknown wavelength get the mean."""
    nm, level = np.array(TYPICAL).T
    return white * np.array([level.mean() if b.centre_nm is None else np.interp(b.centre_nm, nm, level) for b in bands])
