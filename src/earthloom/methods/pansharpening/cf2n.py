"""CF2N: frequency-spectral dual-domain cross fusion network, a reconstruction from the paper."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import INTERPOLATION, LOWPASS, Card
from earthloom.methods.families.multiresolution import (
    band_means,
    expand_with_low,
    guard_levels,
    low_of_one,
    match_stats,
    pan_matched,
)
from earthloom.methods.fields import within
from earthloom.methods.networks.network import Network, Sizes
from earthloom.nn import reach
from earthloom.ops.modulate import modulate_by
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

if TYPE_CHECKING:
    from torch import nn

GUARD = 0.05  # least divisor of the injection, in parts of a band's mean


@dataclass(frozen=True)
class Cf2n(Network):
    """Cross fusion of frequency and spectral features, ``F = U M + W'(D + conv(X_n))``.

    ``W'`` is the inverse Haar wavelet packet; D is the detail that FD2R reconstructs from the sub-bands of PAN and of
    the interpolated MS ``U M``; ``X_n`` are its features after n cross fusions (FSCFM), each followed by a correction
    from a high-pass branch (MDI). Inputs are normalised by the scene's own means and standard deviations.

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
        With more bands than this (hyperspectral), so many combinations of them are sharpened. 0 sharpens every band.
    inject
        With more bands than ``components``, begin with PAN's detail in every band as MTF-GLP-HPM injects it, ``U M_b
        P_b / P_b^L``, and let the network find what that leaves: too many gains to learn from the few cubes there are.
    blind
        Never look at PAN. For comparison only: it shows how much of the gain is deblurring.
    """

    width: int = 48
    fusions: int = 2
    corrections: int = 1
    kernel: int = 3
    window: int = 17
    blocks: int = 2
    components: int = 16
    inject: bool = True
    blind: bool = False

    card: ClassVar[Card] = Card(
        name="CF2N",
        title="Frequency-spectral dual-domain cross fusion network",
        family="network",
        citation="liu2024cf2n",
        halo=30,
        minimum=8,
        notes="a reconstruction from the paper's figure and abstract, with our own weights: the authors' network was "
        "never released",
    )

    def __post_init__(self) -> None:
        for name, low, high in (("width", 4, 256), ("fusions", 1, 12), ("kernel", 1, 9), ("window", 1, 65)):
            within(self, name, low, high)
            if name in ("kernel", "window") and getattr(self, name) % 2 == 0:
                raise MethodError(f"CF2N with {name}={getattr(self, name)}", "an odd number, which has a middle")
        within(self, "blocks", 0, 8)
        within(self, "corrections", 0, 12)
        within(self, "components", 0)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments that normalise, and those that say how much of PAN's detail belongs into every band."""
        stats = super().summarise(obs, so_far)
        if self._injects(len(obs["ms"].bands)):
            stats.update(match_stats(obs, "detail"))
        return stats

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "band Y X"]]:
        """PAN and the interpolated MS, which holds PAN's detail already where there are many bands."""
        if not self._injects(len(obs["ms"].bands)):
            return super().inputs(obs, stats)
        slope, constant = pan_matched(stats, "detail")
        base, low = expand_with_low(obs)
        level = guard_levels(band_means(stats, len(base)), GUARD)
        modulate_by(base, obs["pan"].data[0], low, slope, constant, low_of_one(obs), level)
        return {"guide": obs["pan"].data, "base": base}

    def _injects(self, bands: int) -> bool:
        return self.inject and not self.blind and 0 < self.components < bands

    def net(self, sizes: Sizes) -> nn.Module:
        """The network on the packet's grid, as fine as the MS or a little finer."""
        from earthloom.nn.cross_fusion import CF2NNet

        return CF2NNet(
            sizes.guide, sizes.bands + sizes.extra, sizes.bands, levels(sizes.ratio), self.width, self.fusions,
            self.corrections, self.kernel, self.window, self.blocks, self.components, self.blind,
        )  # fmt: skip

    def halo_px(self, ratio: float) -> int:
        """The network's reach, a block for the alignment, and the interpolation of the MS."""
        block = 2 ** levels(ratio)
        far = reach.cross_fusion(self.fusions, self.kernel, self.window, self.blocks)
        return (far + 1) * block + math.ceil((INTERPOLATION + 2 * LOWPASS) * ratio)

    def multiple(self, sizes: Sizes) -> int:
        """Blocks of the wavelet packet."""
        return 2 ** levels(sizes.ratio)


def levels(ratio: float) -> int:
    """Levels of the wavelet packet whose grid comes nearest to that of the MS, at most 3."""
    return min(max(round(math.log2(ratio)), 1), 3)
