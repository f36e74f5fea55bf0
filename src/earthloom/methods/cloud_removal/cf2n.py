"""CF2N for clouds: frequency-spectral cross fusion of radar and optical, a reconstruction from the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earthloom.methods.base import Card
from earthloom.methods.families.filling import core_samples
from earthloom.methods.families.radar import HALO, SIGMAS, despeckled, filled_by_radar, radar_moments, require_sar
from earthloom.methods.fields import within
from earthloom.methods.networks.network import Network, Sizes
from earthloom.nn import reach
from earthloom.ops.moments import Moments, Stats
from earthloom.problems.cloud_removal import clear
from earthloom.types import Float, Observation

if TYPE_CHECKING:
    from torch import nn

LEVELS = 1  # of the wavelet packet: radar and optical have one pixel size, so one split suffices
BLOCK = 2**LEVELS


@dataclass(frozen=True)
class Cf2n(Network):
    """Cross fusion of radar and optical features, ``F = E + m W'(D + conv(X_n))``.

    E is what SAR regression fills the clouds with (the image itself where it is clear), m the mask of the clouds; the
    rest is the network of pansharpening with backscatter in place of PAN and E in place of the interpolated MS: D is
    the detail that FD2R reconstructs from the sub-bands of both, ``X_n`` its features after n cross fusions (FSCFM),
    ``W'`` the inverse Haar wavelet packet. So it learns only what the regression misses, and clear pixels stay.
    Backscatter in dB, its speckle averaged at three scales, is normalised by the means and deviations of the scene,
    optical bands by those of its clear pixels.

    Parameters
    ----------
    width
        Features C. More fit more and cost its square.
    fusions
        Cross fusions n.
    corrections
        High-pass corrections m, one behind each of the first m fusions.
    kernel
        Side k of the per-pixel kernels; 1 leaves them out.
    window
        Side of the window that the spectral attention pools, in pixels of the packet's grid; 1 leaves it out.
    blocks
        Residual blocks in each cross fusion.
    components
        With more bands than this (hyperspectral), so many combinations of them are mended. 0 mends every band.
    blind
        Never look at the radar beyond E. For comparison only.
    """

    width: int = 32
    fusions: int = 2
    corrections: int = 1
    kernel: int = 3
    window: int = 17
    blocks: int = 2
    components: int = 16
    blind: bool = False

    roles: ClassVar[Mapping[str, str]] = {"guide": "sar", "base": "optical"}
    masks: ClassVar[Mapping[str, str]] = {"extra": "cloud"}
    card: ClassVar[Card] = Card(
        name="CF2N",
        title="Frequency-spectral dual-domain cross fusion network",
        family="network",
        citation="liu2024cf2n",
        halo=HALO + 42,
        looks_at=("sar",),
        problem="cloud_removal",
        minimum=8,
        notes="a reconstruction from the paper's figure and abstract: the authors' network was never released; "
        "needs SAR and clear ground in the scene; adapting trains it on that ground",
    )

    def __post_init__(self) -> None:
        for name, low, high in (("width", 4, 256), ("fusions", 1, 12), ("kernel", 1, 9), ("window", 1, 65)):
            within(self, name, low, high)
        within(self, "blocks", 0, 8)
        within(self, "corrections", 0, 12)
        within(self, "components", 0)

    def net(self, sizes: Sizes) -> nn.Module:
        """The network of pansharpening, whose detail counts under clouds alone."""
        from earthloom.nn.cross_fusion import CF2NNet, UnderClouds

        return UnderClouds(
            CF2NNet(
                sizes.guide, sizes.bands + sizes.extra, sizes.bands, LEVELS, self.width, self.fusions,
                self.corrections, self.kernel | 1, self.window | 1, self.blocks, self.components, self.blind,
            )
        )  # fmt: skip

    def sizes(self, obs: Observation) -> Sizes:
        """Sizes of the network for this observation; the guide is there at every scale of averaging."""
        require_sar(obs, self.card.name)
        return Sizes(len(obs["optical"].bands), len(SIGMAS) * len(obs["sar"].bands), 1.0, 1)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of clear optical pixels, of the averaged backscatter, and of both together for the regression."""
        return Stats(
            base=Moments.of(core_samples(obs, clear(obs), obs["optical"].data)),
            guide=Moments.of(core_samples(obs, obs["sar"].valid, despeckled(obs))),
            pairs=radar_moments(obs),
        )

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "band Y X"]]:
        """Averaged backscatter, the optical image filled by SAR regression, and where it is filled."""
        filled = filled_by_radar(obs, stats["pairs"], self.card.name)
        base = np.where(clear(obs), obs["optical"].data, filled)
        return {"guide": despeckled(obs), "base": base, "extra": obs["cloud"].data}

    def halo_px(self, ratio: float) -> int:
        """The network's reach and a block for the alignment, and the halo of the regression."""
        far = reach.cross_fusion(self.fusions, self.kernel | 1, self.window | 1, self.blocks)
        return (far + 1) * BLOCK + HALO

    def multiple(self, sizes: Sizes) -> int:
        """Blocks of the wavelet packet."""
        return BLOCK
