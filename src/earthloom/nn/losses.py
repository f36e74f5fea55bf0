"""Losses without ground truth: what a product must agree with at full resolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earthloom.nn.blocks import high_pass
from earthloom.types import Float

BORDER = 2  # coarse pixels at a patch's border whose blur is cut off


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


def detail_slopes(image: Float[Tensor, "n b Y X"], guide: Float[Tensor, "n one Y X"]) -> Float[Tensor, " b"]:
    """``s_b = sum h(x_b) h(P) / sum h(P)^2``, how much of the guide's detail h a band holds, without NaN pixels."""
    seen = image.isfinite().all(1, keepdim=True)
    a, b = high_pass(image.nan_to_num()) * seen, high_pass(guide) * seen
    return (a * b).sum((0, 2, 3)) / (b * b).sum().clamp(min=1e-12)


def foreign_detail(
    image: Float[Tensor, "n b Y X"], guide: Float[Tensor, "n one Y X"], slopes: Float[Tensor, " b"]
) -> Tensor:
    """``mean |h(F_b) - s_b h(P)|``: detail that the guide's does not explain, or that is lacking.

    A correlation would say nothing of its size, and can be met by a pattern that the coarse sensor does not see.
    """
    return (high_pass(image.float()) - slopes[:, None, None] * high_pass(guide.float())).abs().mean()
