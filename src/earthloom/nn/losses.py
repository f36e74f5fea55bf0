"""Losses without ground truth: what a product must agree with at full resolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.blocks import high_pass, local_mean

BORDER = 2  # coarse pixels at a patch's border whose blur is cut off
WINDOW = 9  # pixels across which detail is correlated
EPSILON = 1e-4  # squared standard deviations below which detail counts as none


class SensorModel(nn.Module):
    """``D B`` of a patch: every band blurred and sampled by matrices, ``sum_t R_bt F_b C_bt^T``.

    Parameters
    ----------
    rows, cols
        Per band the row and the column matrices of each term.
    """

    def __init__(self, rows: Sequence[Sequence[Tensor]], cols: Sequence[Sequence[Tensor]]) -> None:
        super().__init__()
        self.register_buffer("rows", _stacked(rows))
        self.register_buffer("cols", _stacked(cols))

    def forward(self, image: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b y x"]:
        """What the coarse sensor would have seen."""
        return torch.einsum("btij,nbjk,btlk->nbil", self.rows, image.float(), self.cols)


def _stacked(bands: Sequence[Sequence[Tensor]]) -> Float[Tensor, "band term i j"]:
    """The terms of all bands; those of bands with fewer are filled up with zeros."""
    most = max(map(len, bands))
    return torch.stack([torch.stack([*terms, *[torch.zeros_like(terms[0])] * (most - len(terms))]) for terms in bands])


def inconsistency(seen: Float[Tensor, "n b y x"], coarse: Float[Tensor, "n b y x"]) -> Tensor:
    """``mean |D B F - M|`` inside the border."""
    inner = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    return (seen[inner] - coarse[inner]).abs().mean()


def detail_correlation(image: Float[Tensor, "n b Y X"], guide: Float[Tensor, "n one Y X"]) -> Float[Tensor, "n b Y X"]:
    """Local correlation of each band's detail with the guide's, in windows of 9 x 9 pixels."""
    a, b = high_pass(image.float()), high_pass(guide.float())
    cov = local_mean(a * b, WINDOW)
    power = local_mean(a * a, WINDOW) * local_mean(b * b, WINDOW)
    return cov / (power + EPSILON**2).sqrt()


def lacking_detail(
    image: Float[Tensor, "n b Y X"], guide: Float[Tensor, "n one Y X"], wanted: Float[Tensor, " b"], exact: bool = False
) -> Tensor:
    """``mean relu(wanted_b - rho_b)``: bands that follow the guide less than is wanted; with ``exact`` also more.

    After the idea of Z-PNN: correlation is asked for up to what the data themselves show, not up to 1.

    References
    ----------
    Ciotola, Vitale, Mazza, Poggi, Scarpa, IEEE Transactions on Geoscience and Remote Sensing 60, 5408017, 2022.
    """
    gap = wanted[:, None, None] - detail_correlation(image, guide)
    return gap.abs().mean() if exact else F.relu(gap).mean()
