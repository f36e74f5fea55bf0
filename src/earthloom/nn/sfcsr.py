"""SFCSR: a band and its two neighbours in two channels, 2-D and 3-D, with the context of the band before.

References
----------
Wang, Li, Li, IEEE TIE 68(11), 11276-11285, 2021. Reconstructed from its description.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.bandwise import BandwiseNet, PlainBlock, image_batch, upsampling
from earthloom.types import Float

SLICES = 3  # the band and its neighbours


class MixedBlock(nn.Module):
    """A residual block of the single band, one of the volume of three bands, and their fusion.

    ``x <- block(x) + W [block(x), v_1, v_2, v_3]`` and ``v <- v + S' relu(S v)``, S over 3 x 3 pixels of every slice,
    S' across the slices.
    """

    def __init__(self, width: int, bias: bool) -> None:
        super().__init__()
        self.single = PlainBlock(width, bias)
        self.spatial = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.spectral = nn.Conv2d(SLICES * width, SLICES * width, 1, bias=bias)
        self.fuse = nn.Conv2d((1 + SLICES) * width, width, 1, bias=bias)

    def forward(
        self, x: Float[Tensor, "n c y x"], volume: Float[Tensor, "n c3 y x"]
    ) -> tuple[Float[Tensor, "n c y x"], Float[Tensor, "n c3 y x"]]:
        """Both channels, the slices of the volume one behind the other."""
        slices = torch.cat(volume.chunk(SLICES, 1))
        inner = torch.cat(F.relu(self.spatial(slices)).chunk(SLICES), 1)
        volume = volume + self.spectral(inner)
        x = self.single(x)
        return x + self.fuse(torch.cat([x, volume], 1)), volume


class SFCSRNet(BandwiseNet):
    """Mixed blocks, feature context fusion ``s_b = W [x_b, s_{b-1}]``, sub-pixel upsampling.

    Parameters
    ----------
    ratio, width, blocks, bias, direct
        As :class:`earthloom.nn.coarsr.CoarSRNet`.
    """

    def __init__(self, ratio: int, width: int, blocks: int, bias: bool, direct: bool) -> None:
        super().__init__(width)
        self.head = nn.Conv2d(1, width, 3, padding=1, bias=bias)
        self.slice_head = nn.Conv2d(1, width, 3, padding=1, bias=bias)
        self.body = nn.ModuleList(MixedBlock(width, bias) for _ in range(blocks))
        self.context = nn.Conv2d(2 * width, width, 1, bias=bias)
        self.tail = upsampling(width, ratio, bias, direct)

    def detail(
        self, hs: Float[Tensor, "n band y x"], base: Float[Tensor, "n band Y X"] | None, chunk: range,
        state: Float[Tensor, "n c y x"] | None,
    ) -> tuple[Float[Tensor, "n some Y X"], Float[Tensor, "n c y x"]]:  # fmt: skip
        """All bands of the chunk at once, then their context in turn."""
        last = int(hs.shape[1]) - 1
        head = self.head(image_batch(hs, [(b,) for b in chunk]))
        slices = [[(min(max(b + step, 0), last),) for b in chunk] for step in (-1, 0, 1)]
        volume = torch.cat([self.slice_head(image_batch(hs, bands)) for bands in slices], 1)
        x = head
        for block in self.body:
            x, volume = block(x, volume)
        x = x + head
        split = x.view(hs.shape[0], len(chunk), *x.shape[1:])
        contexts = []
        for k in range(len(chunk)):
            now = split[:, k]
            state = now if state is None else self.context(torch.cat([now, state], 1))
            contexts.append(state)
        found = self.tail(torch.stack(contexts, 1).flatten(0, 1) + x)
        assert state is not None
        return found.view(hs.shape[0], len(chunk), *found.shape[2:]), state
