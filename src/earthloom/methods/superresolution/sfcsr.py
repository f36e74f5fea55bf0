"""SFCSR: a band with its two neighbours, 2-D and 3-D convolutions side by side, context of the band before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from earthloom.methods.base import Card
from earthloom.methods.fields import within
from earthloom.methods.networks.cubes import CubeNetwork
from earthloom.methods.networks.network import Sizes

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class SFCSR(CubeNetwork):
    """Spectrum and feature context: ``F_b = U H_b + up(context(mixed(H_{b-1}, H_b, H_{b+1})))``.

    CoarSR's forerunner from the same laboratory, a reconstruction from its description.

    Parameters
    ----------
    width, blocks
        Features and mixed blocks.
    bias
        Biases in the convolutions. Without them the network gives the same in all units.
    direct
        Upsample with one sub-pixel convolution instead of a chain of them.
    """

    width: int = 32
    blocks: int = 3
    bias: bool = False
    direct: bool = True

    card: ClassVar[Card] = Card(
        name="SFCSR",
        title="Super-resolution by spectrum and feature context",
        family="network",
        citation="wang2021sfcsr",
        problem="superresolution",
        halo=20,
        minimum=4,
        notes="a reconstruction from the paper's description",
        published={"width": 64, "blocks": 4, "bias": True, "direct": False},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, "width", 4, 256)
        within(self, "blocks", 1, 32)

    def net(self, sizes: Sizes) -> nn.Module:
        """The network for a ratio."""
        from earthloom.nn.sfcsr import SFCSRNet

        return SFCSRNet(round(sizes.ratio), self.width, self.blocks, self.bias, self.direct)

    def reach_px(self) -> int:
        """All convolutions in a row."""
        return 2 * self.blocks + 5
