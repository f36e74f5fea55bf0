"""EDSR: a deep residual network that sharpens every band as an image of its own."""

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
class EDSR(CubeNetwork):
    """Residual blocks without batch norm, ``F_b = U H_b + up(body(head(H_b)))`` for each band b alone.

    What a network finds that never looks at the other bands: the row that shows what neighbours are worth.

    Parameters
    ----------
    width, blocks
        Features and residual blocks (64 and 16 in the smaller published network).
    bias
        Biases in the convolutions. Without them the network gives the same in all units.
    direct
        Upsample with one sub-pixel convolution instead of a chain of them.
    """

    width: int = 32
    blocks: int = 6
    bias: bool = False
    direct: bool = True

    card: ClassVar[Card] = Card(
        name="EDSR",
        title="Enhanced deep super-resolution network, band by band",
        family="network",
        citation="lim2017",
        problem="superresolution",
        halo=20,
        minimum=4,
        published={"width": 64, "blocks": 16, "bias": True, "direct": False},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, "width", 4, 256)
        within(self, "blocks", 1, 64)

    def net(self, sizes: Sizes) -> nn.Module:
        """The network for a ratio."""
        from earthloom.nn.edsr import EDSRNet

        return EDSRNet(round(sizes.ratio), self.width, self.blocks, self.bias, self.direct)

    def reach_px(self) -> int:
        """All convolutions in a row."""
        return 2 * self.blocks + 5
