"""UNet-LUT: a lookup table for every band and every part of the scene, read by a network from the histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from earthloom.methods.base import Card
from earthloom.methods.networks.tables import LutNetwork


@dataclass(frozen=True)
class UnetLut(LutNetwork):
    """``y = m + sum_k W_k (m(p + k) - m(p))``, ``m_t = a_t x_s + b_t + R_h(x_s)``, R the tables of histogram h.

    a, b is the least-squares line of the training pairs; the network adds to it what the histogram of the cell around
    a pixel tells, such as haze. W, over all bands of the neighbours, mends misregistration and what of the bands'
    difference is in the detail. Tables are interpolated between their nodes and blended between cells; beyond the
    last node the line goes on. Nodata stays.

    As published: four bands of reflectance x 10000, tables of 256 nodes without a line, whole-number indices,
    saturation at 3000, 3000, 4000 and 6500, one table for the scene, a correction from the neighbours that only adds.

    Parameters
    ----------
    weights
        A ``.safetensors`` file, the folder of a training run, or the name of shipped weights; None picks the shipped
        weights of these source and target bands. With ``variant="published"`` the authors' ``.pth``.
    variant
        ``ours`` or ``published``.
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
        them as they are. The published variant turns them into the numbers of 10000 that it was made for.

    References
    ----------
    Liu, Wang, Zhao, Huo, Tang, Zhang, Remote Sensing 15(10), 2563, 2023.
    """

    card: ClassVar[Card] = Card(
        name="UNet-LUT", title="UNet-induced tile-adaptive lookup tables", family="network", citation="liu2023unetlut",
        halo=1, problem="bandpass", minimum=1, published={"variant": "published"},
        notes="our training: the authors published no weights",
    )  # fmt: skip
