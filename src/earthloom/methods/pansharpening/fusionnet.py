"""FusionNet: a residual network on the difference between PAN and every MS band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from earthloom.methods.base import INTERPOLATION, Card
from earthloom.methods.fields import within
from earthloom.methods.networks.network import Network, Sizes

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Fusionnet(Network):
    """Detail injection learned from differences, ``F = U M + net(P - U M)``.

    Parameters
    ----------
    width
        Features.
    blocks
        Residual blocks of two 3 x 3 convolutions.
    """

    width: int = 32
    blocks: int = 4

    card: ClassVar[Card] = Card(
        name="FusionNet",
        title="Detail injection-based deep network",
        family="network",
        citation="deng2021",
        halo=INTERPOLATION + 8,
        minimum=4,
        notes="our training, not the authors' weights",
    )

    def __post_init__(self) -> None:
        within(self, "width", 1, 256)
        within(self, "blocks", 0, 32)

    def net(self, sizes: Sizes) -> nn.Module:
        """Convolutions on the wanted grid."""
        from earthloom.nn.fusionnet import FusionNetNet

        return FusionNetNet(sizes.bands, self.width, sizes.bands, self.blocks)

    def halo_px(self, ratio: float) -> int:
        """Convolutions, and the interpolation of the MS."""
        return 2 + 2 * self.blocks + round(INTERPOLATION * ratio + 0.5)
