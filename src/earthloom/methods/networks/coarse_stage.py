"""What CoarSR and DualSR share: the network of the coarse stage, whose weights serve both."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from earthloom.methods.fields import within
from earthloom.methods.networks.cubes import CubeNetwork
from earthloom.methods.networks.engines import Engine
from earthloom.methods.networks.network import Sizes, Trained
from earthloom.methods.networks.placement import on_device
from earthloom.nn import reach
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

if TYPE_CHECKING:
    from torch import nn

PUBLISHED = {"width": 64, "blocks": 2, "bias": True, "direct": False}


@dataclass(frozen=True)
class CoarseStage(CubeNetwork):
    """The coarse stage, ``F = U H + tail(context(fusion(groups)))``, band by band with four neighbours.

    Parameters
    ----------
    width
        Features. More fit more and cost their square.
    blocks
        Residual blocks of each of the twelve stacks.
    bias
        Biases in the convolutions. Without them the network gives the same in all units.
    batch_norm
        Batch norm behind every convolution of the residual blocks, as the authors train; imported weights have it
        folded into the convolutions.
    variant
        ``paper``: each band is guided by the two on either side; ``released``: all by bands 3, 1, 2 and 4, as the
        authors' program does, whose weights may need it.
    direct
        Upsample with one sub-pixel convolution instead of a chain of them: it costs a third less in all.
    """

    width: int = 32
    blocks: int = 1
    bias: bool = False
    batch_norm: bool = False
    variant: Literal["paper", "released"] = "paper"
    direct: bool = True

    aside: ClassVar[tuple[str, ...]] = ("peak", "variant")

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, "width", 4, 256)
        within(self, "blocks", 1, 16)

    def net(self, sizes: Sizes) -> nn.Module:
        """The network for a ratio."""
        from earthloom.nn.coarsr import CoarSRNet

        return CoarSRNet(
            round(sizes.ratio), self.width, self.blocks, self.bias, self.batch_norm, self.variant, self.direct
        )

    def apply(self, trained: Trained, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The network with the neighbours that are asked for."""
        if isinstance(trained.module, Engine):  # whose neighbours are those of its file
            return super().apply(trained, obs, stats)
        module = copy(on_device(trained.module))  # shares the weights
        module.kind = self.variant  # type: ignore[assignment]
        return super().apply(replace(trained, module=module), obs, stats)

    def written(self, module: nn.Module, sizes: Sizes) -> nn.Module:
        """With the neighbours that are asked for."""
        module.kind = self.variant  # type: ignore[assignment]
        return super().written(module, sizes)

    def reach_px(self) -> int:
        """All convolutions in a row."""
        return reach.coarsr(self.blocks)
