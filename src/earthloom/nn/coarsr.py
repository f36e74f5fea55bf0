"""CoarSR: the coarse stage of DualSR. Every band is sharpened with four of its neighbours.

All bands are batched but for the context, a linear recurrence over the bands.

References
----------
Li, Wang, Li, IEEE ICASSP, 1645-1649, 2021, and the page of DualSR (qianngli/DualSR).
"""

from __future__ import annotations

from copy import deepcopy
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from earthloom.nn.bandwise import BandwiseNet, image_batch, pointwise, upsampling
from earthloom.nn.merged import MergedUpsampling
from earthloom.nn.winograd import fast, then
from earthloom.types import Float

FEWEST = 5  # bands, so that each has four neighbours
GROUPS = 3
Neighbours = Literal["paper", "released"]


def neighbours(bands: int, kind: Neighbours = "paper") -> list[tuple[int, int, int, int]]:
    """``(l0, l1, r0, r1)`` of every band: the groups are (b), (l1, b, r0) and (l0, b, r1).

    ``paper``: two bands on either side, at the ends of the cube the nearest that there are. ``released``: the
    authors' program never renews its lists, so that every band is guided by bands 3, 1 and 2, 4.
    """
    if kind == "released":
        return [(3, 1, 2, 4)] * bands
    ends = {0: (3, 1, 2, 4), 1: (3, 0, 2, 4)}
    for band in (bands - 2, bands - 1):
        last = band == bands - 1
        ends[band] = (band - 3, band - 1, band - 2 if last else band + 1, band - 4 if last else band - 2)
    return [ends.get(b, (b - 2, b - 1, b + 1, b + 2)) for b in range(bands)]


class CoarBlock(nn.Module):
    """``x + conv(relu(conv(x)))``, each convolution with a batch norm behind it where the authors have one."""

    def __init__(self, width: int, bias: bool, batch_norm: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2 if batch_norm else 0))

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """Add what two convolutions make of the input."""
        if not len(self.norms):
            return then(self.second, then(self.first, x, relu=True), add=x)
        return x + self.norms[1](self.second(F.relu(self.norms[0](self.first(x)), inplace=True)))


class BridgedStack(nn.Sequential):
    """Residual blocks with one more bridge over all of them."""

    def __init__(self, width: int, blocks: int, bias: bool, batch_norm: bool) -> None:
        super().__init__(*(CoarBlock(width, bias, batch_norm) for _ in range(blocks)))

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """Blocks, and the input on top."""
        return super().forward(x) + x


class SpectralFusion(nn.Module):
    """ASFM, one round: fusion inside each group with a look at the others, then between the groups.

    ``a_k = left_k(g_k)``, ``f_j = W_j [gamma_jk a_k]``, ``b_j = right_j(f_j) + g_j``; with the three groups
    ``s_j = gamma_j b_j`` as the depth of a volume, ``u = C'(relu(C s + D s)) + s``: C and C' look at 3 x 3 pixels, D
    at the neighbouring groups.
    """

    def __init__(self, width: int, blocks: int, bias: bool, batch_norm: bool) -> None:
        super().__init__()
        self.left = nn.ModuleList(BridgedStack(width, blocks, bias, batch_norm) for _ in range(GROUPS))
        self.right = nn.ModuleList(BridgedStack(width, blocks, bias, batch_norm) for _ in range(GROUPS))
        self.fuse = nn.ModuleList(nn.Conv2d(GROUPS * width, width, 1, bias=bias) for _ in range(GROUPS))
        self.gamma, self.gamma_inter = nn.Parameter(torch.ones(GROUPS, GROUPS)), nn.Parameter(torch.ones(GROUPS))
        self.spatial = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.spatial_one = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.spectral = nn.Conv2d(GROUPS * width, width, 1, bias=bias)

    def forward(self, groups: list[Tensor]) -> list[Tensor]:
        """Three feature maps to three feature maps."""
        width = groups[0].shape[1]
        seen = torch.cat([left(g) for left, g in zip(self.left, groups, strict=True)], 1)
        stacked = []
        for j, g in enumerate(groups):
            fuse, right = self.fuse[j], self.right[j]
            gamma = self.gamma[j].repeat_interleave(width)[None, :, None, None]
            f = pointwise(seen, fuse.weight * gamma, fuse.bias)  # type: ignore[arg-type, operator]
            stacked.append((right(f) + g) * self.gamma_inter[j])
        del seen, f  # features of whole tiles: what is no longer looked at makes room
        across, found = list(self._across(stacked)), []
        while stacked:
            s = stacked.pop(0)
            found.append(then(self.spatial_one, then(self.spatial, s, across.pop(0), relu=True), s))
        return found

    def _across(self, stacked: list[Tensor]) -> tuple[Tensor, ...]:
        """The convolution across the groups, zeros beyond the first and the last: one banded matrix."""
        width = len(self.spectral.weight)
        parts = F.pad(self.spectral.weight.flatten(1).unflatten(1, (GROUPS, width)), (0, 0, 2, 2))  # out, shift, in
        rows = [parts[:, GROUPS - j : 2 * GROUPS - j].flatten(1) for j in range(GROUPS)]
        bias = None if self.spectral.bias is None else self.spectral.bias.repeat(GROUPS)
        return pointwise(torch.cat(stacked, 1), torch.cat(rows), bias).chunk(GROUPS, 1)


class CoarSRNet(BandwiseNet):
    """Coarse stage, ``F = U H + tail(context(fusion(groups)) + skip)`` for every band.

    Parameters
    ----------
    ratio
        2, 3, 4 or 8.
    width, blocks
        Features, residual blocks of every stack (64 and 2 as published).
    bias
        Without, and without batch norm, the network is homogeneous, ``net(a H) = a net(H)``: units do not matter.
    batch_norm
        As released; they fold away for inference (:func:`folded`).
    kind
        Which neighbours a band has; see :func:`neighbours`.
    direct
        Upsample with one convolution; see :func:`upsampling`.
    """

    def __init__(
        self, ratio: int, width: int, blocks: int, bias: bool = False, batch_norm: bool = False,
        kind: Neighbours = "paper", direct: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(width)
        self.ratio = ratio
        self.kind: Neighbours = kind
        self.heads = nn.ModuleList(nn.Conv2d(n, width, 3, padding=1, bias=bias) for n in (1, 3, 3))
        self.rounds = nn.ModuleList(SpectralFusion(width, blocks, bias, batch_norm) for _ in range(2))
        self.reduce = nn.Conv2d(GROUPS * width, width, 1, bias=bias)
        self.mix = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.context = nn.Conv2d(2 * width, width, 1, bias=bias)
        self.gamma_rnn = nn.Parameter(torch.ones(2))
        self.tail: nn.Module = upsampling(width, ratio, bias, direct)

    def folded(self) -> CoarSRNet:
        """For inference, in a network of its own: batch norm in the convolutions, the upsampling in one.

        A convolution with batch norm behind it has weights ``w a / sqrt(var + e)``, and a bias.
        """
        found = deepcopy(self).eval()
        for block in [module for module in found.modules() if isinstance(module, CoarBlock) and len(module.norms)]:
            block.first = fuse_conv_bn_eval(block.first, block.norms[0])  # type: ignore[type-var]
            block.second = fuse_conv_bn_eval(block.second, block.norms[1])  # type: ignore[type-var]
            block.norms = nn.ModuleList()
        for block in [module for module in found.modules() if isinstance(module, CoarBlock)]:
            block.first, block.second = fast(block.first), fast(block.second)  # type: ignore[assignment]
        for fusion in found.rounds:
            for name in ("spatial", "spatial_one"):
                setattr(fusion, name, fast(getattr(fusion, name)))
        found.mix = fast(found.mix)  # type: ignore[assignment]
        if isinstance(found.tail, nn.Sequential) and len(found.tail) > 2:
            found.tail = MergedUpsampling(found.tail, self.ratio)
        return found

    def detail(
        self, hs: Float[Tensor, "n band y x"], base: Float[Tensor, "n band Y X"] | None, chunk: range,
        state: Float[Tensor, "n c y x"] | None,
    ) -> tuple[Float[Tensor, "n some Y X"], Float[Tensor, "n c y x"]]:  # fmt: skip
        """What is added to some neighbouring bands, and the context behind the last of them.

        ``state`` is the context behind the band before the first; None where there is none.
        """
        count, shape = len(chunk), hs.shape
        found, skip = self.features(hs, chunk)
        contexts = self.recur(found.reshape(shape[0], count, *found.shape[1:]), state)
        tail = self.tail(torch.stack(contexts, 1).flatten(0, 1) + skip)
        return tail.view(shape[0], count, *tail.shape[2:]), contexts[-1]

    def features(self, hs: Float[Tensor, "n band y x"], chunk: range) -> tuple[Tensor, Tensor]:
        """Features of bands and those of their heads alone, bands and images batched."""
        near = neighbours(int(hs.shape[1]), self.kind)
        seen = [[(b,) for b in chunk], [(near[b][1], b, near[b][2]) for b in chunk]]
        seen.append([(near[b][0], b, near[b][3]) for b in chunk])
        heads = []
        for head, bands in zip(self.heads, seen, strict=True):
            heads.append(head(image_batch(hs, bands)))
        groups = heads
        for fusion in self.rounds:
            groups = fusion(groups)
            for at, head in enumerate(heads):
                groups[at] = groups[at] + head
        reduced = pointwise(torch.cat(groups, 1), self.reduce.weight, self.reduce.bias)
        return then(self.mix, reduced, heads[0]), heads[0]

    def recur(self, found: Float[Tensor, "n band c y x"], state: Tensor | None) -> list[Tensor]:
        """FCF, ``s_b = W [g_0 o_b, g_1 s_{b-1}]`` and ``s_0 = o_0``: the one step that bands take in turn."""
        width = found.shape[2]
        both = self.context.weight * self.gamma_rnn.repeat_interleave(width)[None, :, None, None]
        own = pointwise(found.flatten(0, 1), both[:, :width], self.context.bias).reshape(found.shape)
        contexts: list[Tensor] = []
        for band in range(found.shape[1]):
            state = found[:, band] if state is None else own[:, band] + pointwise(state, both[:, width:])
            contexts.append(state)
        return contexts
