"""PNN: pansharpening by a three-layer convolutional network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from earthloom.methods.base import INTERPOLATION, Card
from earthloom.methods.networks.network import Network, Sizes

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Pnn(Network):
    """Three convolutions of the stacked inputs, ``F = U M + C5(relu C5(relu C9([U M, P])))``.

    Parameters
    ----------
    residual
        Add the interpolated MS, as the authors did later (A-PNN); without it the network gives the image itself.
    """

    residual: bool = True

    card: ClassVar[Card] = Card(
        name="PNN",
        title="Pansharpening by convolutional neural networks",
        family="network",
        citation="masi2016",
        halo=INTERPOLATION + 6,
        minimum=4,
        notes="our training, not the authors' weights",
        published={"residual": False},
    )

    def net(self, sizes: Sizes) -> nn.Module:
        """48 and 32 features, on the wanted grid."""
        from earthloom.nn.pnn import PNNNet

        return PNNNet(sizes.guide + sizes.bands, sizes.bands, self.residual)
