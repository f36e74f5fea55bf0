"""EDSR for cubes: every band an image of its own.

References
----------
Lim, Son, Kim, Nah, Lee, IEEE CVPR Workshops, 1132-1140, 2017.
"""

from __future__ import annotations

from torch import Tensor, nn

from earthloom.nn.bandwise import BandwiseNet, PlainBlock, image_batch, upsampling
from earthloom.types import Float


class EDSRNet(BandwiseNet):
    """Head, residual blocks without batch norm with a bridge over them, sub-pixel upsampling.

    Parameters
    ----------
    ratio, width, blocks, bias, direct
        As :class:`earthloom.nn.coarsr.CoarSRNet`.
    """

    def __init__(self, ratio: int, width: int, blocks: int, bias: bool, direct: bool) -> None:
        super().__init__(width)
        self.head = nn.Conv2d(1, width, 3, padding=1, bias=bias)
        self.body = nn.Sequential(*(PlainBlock(width, bias) for _ in range(blocks)))
        self.last = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.tail = upsampling(width, ratio, bias, direct)

    def detail(
        self, hs: Float[Tensor, "n band y x"], base: Float[Tensor, "n band Y X"] | None, chunk: range, state: None
    ) -> tuple[Float[Tensor, "n some Y X"], None]:
        """Every band alone."""
        head = self.head(image_batch(hs, [(b,) for b in chunk]))
        found = self.tail(self.last(self.body(head)) + head)
        return found.view(hs.shape[0], len(chunk), *found.shape[2:]), None
