"""UNet-LUT-X: bands mixed first, then UNet-LUT's tables; mix, tables and kernel are trained together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.networks.tables import LutNetwork


@dataclass(frozen=True)
class UnetLutX(LutNetwork):
    """``z = A x + c``, then UNet-LUT on z: response curves differ across bands, which no table per band can mend.

    A and c begin as the ridge regression of the training pairs and are trained with the tables and the kernel. The
    tables read the histograms of the source bands. With fresh tables the method is cross-band linear.

    Parameters
    ----------
    weights
        A ``.safetensors`` file, the folder of a training run, or the name of shipped weights; None picks the shipped
        weights of these source and target bands.
    variant
        ``ours``.
    bins
        Of the histogram, and nodes of the tables. More see finer differences and more noise.
    width
        Features of the U-Net at full length; more fit more and cost its square.
    side
        Of the kernel over the neighbours; 1 leaves it out.
    cell
        Pixels along a side of the cells that have tables of their own; 0: one table for the scene.
    unit
        What the image's numbers are for a reflectance of 1, where the weights were made for reflectance; 1 leaves
        them as they are.

    References
    ----------
    Liu, Wang, Zhao, Huo, Tang, Zhang, Remote Sensing 15(10), 2563, 2023, for the tables.
    """

    crosses: ClassVar[bool] = True
    card: ClassVar[Card] = Card(
        name="UNet-LUT-X", title="UNet-LUT behind a mixing matrix", family="network", citation="liu2023unetlut", halo=1,
        problem="bandpass", minimum=1, notes="not in the paper",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant != "ours":
            raise MethodError("UNet-LUT-X as published", "variant 'ours'", "it is ours; unet_lut has the published one")
