"""IFGAN and STFGAN: the generators, written from the published figure and the reading notes on it.

A generator takes coarse images on a grid some times coarser than the fine images, brings their features to the fine
grid by sub-pixel convolutions, and joins them with the features of the fine images. STFGAN has two of them, one behind
the other.

References
----------
Zhang, Song, Han, Zhang, IEEE Transactions on Geoscience and Remote Sensing 59(5), 4273-4286, 2021.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.blocks import zeroed
from earthloom.types import Float

Feed = Literal["output", "truth", "joint"]
FAR = 16.0  # standard deviations at which one band by itself is cut


class GanBlock(nn.Module):
    """``x + conv(act(conv(x)))``, with batch norm behind both convolutions if asked for; reaches 2 pixels."""

    def __init__(self, width: int, batch_norm: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) if batch_norm else nn.Identity() for _ in range(2))

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """Add what two convolutions make of the input."""
        return x + self.norms[1](self.second(F.relu(self.norms[0](self.first(x)))))


class Branch(nn.Module):
    """Wide convolution, residual blocks, a convolution, a skip over all of it; reaches ``k // 2 + 2 blocks + 1``."""

    def __init__(self, seen: int, width: int, blocks: int, kernel: int, batch_norm: bool) -> None:
        super().__init__()
        self.head = nn.Conv2d(seen, width, kernel, padding=kernel // 2)
        self.body = nn.Sequential(*(GanBlock(width, batch_norm) for _ in range(blocks)))
        self.tail = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width) if batch_norm else nn.Identity()

    def forward(self, x: Float[Tensor, "n s y x"]) -> Float[Tensor, "n c y x"]:
        """Features on the same grid."""
        first = F.relu(self.head(x))
        return first + self.norm(self.tail(self.body(first)))


class Ifgan(nn.Module):
    """Generator: features of coarse images, brought to the fine grid, joined with those of the fine images.

    Parameters
    ----------
    coarse, fine, bands
        Bands of the coarse inputs, of the fine inputs, and of the wanted image.
    factor
        How many times coarser the coarse inputs are, a power of 2: one sub-pixel convolution for each doubling.
    width, coarse_blocks, fine_blocks, kernel, batch_norm
        Features, residual blocks of both branches, side of the first and last convolutions, batch norm in the blocks.
    """

    def __init__(
        self, coarse: int, fine: int, bands: int, factor: int, width: int, coarse_blocks: int, fine_blocks: int,
        kernel: int, batch_norm: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.factor = factor
        self.coarse = Branch(coarse, width, coarse_blocks, kernel, batch_norm)
        self.fine = Branch(fine, width, fine_blocks, kernel, batch_norm)
        steps = factor.bit_length() - 1
        self.enlarge = nn.Sequential(*(part for _ in range(steps) for part in _doubling(width)))
        self.out = zeroed(nn.Conv2d(2 * width, bands, kernel, padding=kernel // 2))

    def forward(self, coarse: Float[Tensor, "n c y x"], fine: Float[Tensor, "n f Y X"]) -> Float[Tensor, "n b Y X"]:
        """The wanted image, or what is to be added to an estimate of it; 0 at first."""
        return self.out(torch.cat([self.enlarge(self.coarse(coarse)), self.fine(fine)], 1)).float()


def _doubling(width: int) -> tuple[nn.Module, ...]:
    """A sub-pixel convolution."""
    return nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.ReLU()


class StfganNet(nn.Module):
    """Two generators; all inputs lie on the wanted grid and are brought to their own grids here.

    ``pyramid``: the first works on a grid ``second`` times coarser than the wanted one, from coarse images ``first``
    times coarser still, and its image is the coarse input of the other, beside the fine images at that grid.
    ``whu``: both work on the wanted grid, from images 4 times coarser, taken by picking pixels.

    With a base, each generator adds to it and begins with nothing to add.

    Parameters
    ----------
    bands
        Of the wanted image.
    fine, seen
        Images on the fine grid besides the base, and coarse images.
    factors
        ``(first, second)``; of ``whu`` only the second counts.
    feed
        What teaches the second generator: ``output`` of the first, which learns nothing from it; the ``truth`` in its
        place (then the two meet for the first time when they are used); ``joint``: both learn from the end.
    """

    def __init__(
        self, bands: int, fine: int, seen: int, factors: tuple[int, int], pyramid: bool, has_base: bool, feed: Feed,
        **shape: int | bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pyramid, self.has_base, self.feed, self.factors = pyramid, has_base, feed, factors
        shown = fine + has_base * bands
        self.first = Ifgan(seen, shown, bands, factors[0] if pyramid else factors[1], **shape)  # type: ignore[arg-type]
        self.second = Ifgan(fine + bands, shown, bands, factors[1], **shape)  # type: ignore[arg-type]

    def forward(
        self, fine: Float[Tensor, "n f Y X"], seen: Float[Tensor, "n c Y X"], base: Float[Tensor, "n b Y X"],
        truth: Float[Tensor, "n b Y X"] | None = None, stages: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:  # fmt: skip
        """The wanted image, normalised as the fine ones; with ``stages`` the images of both generators.

        ``seen`` are the coarse images, brought to the wanted grid; ``truth`` is looked at under the feed ``truth``
        alone, which only a lesson has.
        """
        step, ground = self.factors[1], torch.zeros_like(base) if not self.has_base else base
        shown = torch.cat([fine, base], 1) if self.has_base else fine
        if self.pyramid:
            small, at = self._smaller(shown), self._smaller(seen, self.factors[0] * step)
            under = self._smaller(ground)
        else:
            small, at, under = shown, _picked(seen, step), ground
        first = under + self.first(at, small)
        fed = first if self.feed == "joint" else first.detach()
        if self.feed == "truth" and truth is not None:
            fed = self._smaller(truth) if self.pyramid else truth
        known, between = (self._smaller(fine), fed) if self.pyramid else (_picked(fine, step), _picked(fed, step))
        found = self.second(torch.cat([known, between], 1), shown)
        if self.has_base:
            found = found + (ground + self._enlarged(fed - under) if self.pyramid else fed)
        return (first, found) if stages else found

    def _smaller(self, image: Tensor, times: int = 0) -> Tensor:
        """Means over blocks."""
        return F.avg_pool2d(image, times or self.factors[1])

    def _enlarged(self, image: Tensor) -> Tensor:
        """Bilinear."""
        return F.interpolate(image, scale_factor=self.factors[1], mode="bilinear", align_corners=False)


def _picked(image: Tensor, step: int) -> Tensor:
    """One pixel of every block, near its middle."""
    return image[:, :, step // 2 :: step, step // 2 :: step]


class EachBandGan(StfganNet):
    """The same for one band at a time, whatever their number; bands share the weights."""

    def forward(
        self, fine: Float[Tensor, "n bf Y X"], seen: Float[Tensor, "n bc Y X"], base: Float[Tensor, "n b Y X"],
        truth: Float[Tensor, "n b Y X"] | None = None, stages: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:  # fmt: skip
        """As above, the images of every band in turn; values far from the mean are cut in what it looks at."""
        count = base.shape[0] * base.shape[1]

        def each(images: Tensor) -> Tensor:
            return images.reshape(count, -1, *images.shape[2:])

        def back(image: Tensor) -> Tensor:
            return image.reshape(*base.shape[:2], *image.shape[2:])

        near = each(base).clamp(-FAR, FAR)
        known, then = (each(images).clamp(-FAR, FAR) for images in (fine, seen))
        found = super().forward(known, then, near, None if truth is None else each(truth), True)
        first, second = found[0], found[1] + (each(base) - near)  # what was cut is given back
        return (back(first), back(second)) if stages else back(second)
