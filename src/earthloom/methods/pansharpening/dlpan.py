"""PNN, PanNet, MSDCNN, DRPNN, DiCNN, FusionNet as the DLPan toolbox released them, with its weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from earthloom.errors import MethodError
from earthloom.methods.base import INTERPOLATION, Card
from earthloom.methods.networks.network import Sizes
from earthloom.methods.networks.released import Released

if TYPE_CHECKING:
    from torch import nn

REACH_PX = {"pnn": 8, "pannet": 24, "msdcnn": 12, "drpnn": 33, "dicnn": 3, "fusionnet": 10}  # of the networks alone


@dataclass(frozen=True)
class Dlpan(Released):
    """A network of the DLPan toolbox, ``F = peak clip(net(P / peak, U M / peak), 0, 1)``.

    U interpolates to where MS pixel k lies, also where the toolbox would not. There it lies at PAN pixel 4 k + 2, in
    real products at 4 k + 1.5; either way MS and PAN then lie on each other as in the data that it learned.

    Weights are those of the toolbox, of WorldView-2, -3, -4 and QuickBird, which you get from its authors: ``earthloom
    weights import`` makes a file of them. They are bound to the bands and to the level of what they learned.

    Parameters
    ----------
    network
        Which of the six; weights know it.
    peak
        The number that the network sees as 1: 2047, the largest of 11 bits, in the toolbox. A smaller one brightens.

    References
    ----------
    Deng, Vivone, Paoletti, Scarpa, He, Zhang, Chanussot, Plaza, IEEE GRSM 10(3), 279-315, 2022.
    """

    network: Literal["pnn", "pannet", "msdcnn", "drpnn", "dicnn", "fusionnet"] = "pnn"

    card: ClassVar[Card] = Card(
        name="DLPan",
        title="Networks of the DLPan toolbox as released",
        family="network",
        citation="deng2022",
        halo=INTERPOLATION + 9,
        minimum=4,
        notes="the authors' weights, which are theirs and not shipped (GPL-3)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ensemble and not self.turns:
            raise MethodError("PanNet as released with an ensemble", "the image as it lies", "leave `ensemble` out")

    @property
    def turns(self) -> bool:  # type: ignore[override]
        """PanNet does not: it knows where in four pixels the MS lies."""
        return self.network != "pannet"

    def net(self, sizes: Sizes) -> nn.Module:
        """In the shape of the toolbox's checkpoints."""
        from earthloom.nn.released.dlpan import NETWORKS, RATIO

        if self.network == "pannet" and abs(sizes.ratio - RATIO) > 0.01 * RATIO:
            raise MethodError(f"PanNet as released at {sizes.ratio:g}:1", f"{RATIO}:1", "our pannet takes any ratio")
        return NETWORKS[self.network](sizes.bands)

    def multiple(self, sizes: Sizes) -> int:
        """PanNet picks every fourth pixel."""
        return 4 if self.network == "pannet" else 1

    def halo_px(self, ratio: float) -> int:
        """Convolutions, and the interpolation of the MS."""
        return REACH_PX[self.network] + math.ceil(INTERPOLATION * ratio + 0.5)
