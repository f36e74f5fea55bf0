"""Haar wavelet packets: an image as orthonormal sub-bands on a grid ``2**levels`` times coarser, and back.

One level, from the four pixels ``a b / c d`` of a 2 x 2 block::

    LL = (a + b + c + d) / 2      HL = (b + d - a - c) / 2      (detail along x)
    LH = (c + d - a - b) / 2      HH = (a + d - b - c) / 2      (detail along y, and along the diagonal)

A further level transforms every sub-band again, so that all sub-bands lie on one grid and convolutions over them
cost as little as on the coarse grid. The transform is orthonormal: its inverse is its transpose.

References
----------
Mallat, A Wavelet Tour of Signal Processing, 3rd ed., Academic Press, 2009, chapters 7.7 and 8.1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle

from earthloom.types import Float


def haar(image: Float[Tensor, "batch band Y X"], levels: int = 1) -> Float[Tensor, "batch packet y x"]:
    """Sub-bands, ordered sub-band by sub-band: all bands' LL first. Sides must be multiples of ``2**levels``."""
    for _ in range(levels):
        a, b = image[..., 0::2, 0::2], image[..., 0::2, 1::2]
        c, d = image[..., 1::2, 0::2], image[..., 1::2, 1::2]
        top, bottom, left, right = a + b, c + d, b - a, d - c
        image = torch.cat([top + bottom, left + right, bottom - top, right - left], dim=-3) / 2
    return image


def inverse_haar(packets: Float[Tensor, "batch packet y x"], levels: int = 1) -> Float[Tensor, "batch band Y X"]:
    """The image of its sub-bands: the transpose of :func:`haar`."""
    for _ in range(levels):
        ll, hl, lh, hh = packets.chunk(4, dim=-3)
        top, bottom, left, right = ll - lh, ll + lh, hl - hh, hl + hh
        corners = torch.stack([top - left, top + left, bottom - right, bottom + right], dim=-3) / 2
        packets = pixel_shuffle(corners.flatten(-4, -3), 2)
    return packets
