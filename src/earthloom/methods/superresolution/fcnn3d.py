"""3D-FCNN: four 3-D convolutions over the interpolated cube, the first deep network for cubes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from earthloom.methods.base import Card
from earthloom.methods.networks.cubes import CubeNetwork
from earthloom.methods.networks.network import Sizes
from earthloom.nn import reach

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class FCNN3D(CubeNetwork):
    """3-D convolutions of 7 x 9 x 9, 1, 1 and 3 x 5 x 5 with 64, 32, 9 and 1 features on the wanted grid.

    Published for images that shrink at their borders; here zeros lie beyond them, and what the network finds is added
    to the interpolated cube.

    Parameters
    ----------
    bias
        Biases in the convolutions. Without them the network gives the same in all units.
    """

    bias: bool = False

    card: ClassVar[Card] = Card(
        name="3D-FCNN",
        title="3-D full convolutional neural network",
        family="network",
        citation="mei2017",
        problem="superresolution",
        halo=6,
        minimum=4,
        published={"bias": True},
    )

    def net(self, sizes: Sizes) -> nn.Module:
        """The network, the same for every ratio."""
        from earthloom.nn.fcnn3d import FCNN3DNet

        return FCNN3DNet(self.bias)

    def halo_px(self, ratio: float) -> int:
        """Its kernels lie on the wanted grid, over the interpolation of the coarse one."""
        return reach.fcnn3d() + math.ceil(3 * ratio)
