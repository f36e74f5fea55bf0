"""UNet-LUT: a 1-D U-Net that reads histograms and writes lookup tables; as published, and as it is trained here.

The published network (:class:`PublishedNet`) is written from its specification so that the authors' checkpoints and
numbers can be used. Ours (:class:`LutNet`) keeps the idea, tables from the tile's histogram, and changes what stood in
its way: the tables are what is *added* to a line (an untrained network is that line), they are interpolated between
their nodes and go on beyond them, bands are mixed before if asked for, and neighbours may darken as well as brighten.

References
----------
Liu, Wang, Zhao, Huo, Tang, Zhang, Remote Sensing 15(10), 2563, 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.types import Float

DEPTH = 4
PUBLISHED_WIDTH, PUBLISHED_BINS = 8, 256
PUBLISHED_MAX = (3000, 3000, 4000, 6500)  # blue, green, red, NIR: reflectance x 10000
LUT_UNIT = 100.0


class UNet1d(nn.Module):
    """U-Net over the bins of histograms: four halvings, doubled features, skips; length in is length out.

    Parameters
    ----------
    seen, found
        Channels in and out.
    width
        Features at full length.
    """

    def __init__(self, seen: int, found: int, width: int) -> None:
        super().__init__()
        sizes = [width << level for level in range(DEPTH + 1)]
        self.inc = _twice(seen, width)
        self.down = nn.ModuleList(_twice(a, b) for a, b in pairwise(sizes))
        falling = sizes[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose1d(a, b, 2, 2) for a, b in pairwise(falling))
        self.join = nn.ModuleList(_twice(a, b) for a, b in pairwise(falling))
        self.out = nn.Conv1d(width, found, 1)

    def forward(self, x: Float[Tensor, "n s bins"]) -> Float[Tensor, "n f bins"]:
        """Bins that are no multiple of 16 are padded with zeros and cut again."""
        length = x.shape[2]
        x = F.pad(x, (0, -length % (1 << DEPTH)))
        kept = [self.inc(x)]
        for level in self.down:
            kept.append(level(F.max_pool1d(kept[-1], 2)))
        found = kept.pop()
        for up, join in zip(self.up, self.join, strict=True):
            found = join(torch.cat([kept.pop(), up(found)], 1))
        return self.out(found)[:, :, :length]


def _twice(seen: int, width: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU, twice."""
    parts: list[nn.Module] = []
    for count in (seen, width):
        parts += [nn.Conv1d(count, width, 3, padding=1), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*parts)


class PublishedNet(nn.Module):
    """The authors' network: four bands, tables that saturate, indices cut to whole numbers, a correction that adds."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = UNet1d(4, 4, PUBLISHED_WIDTH)
        self.conv = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())

    def tables(self, histogram: Float[Tensor, "n band bins"]) -> Float[Tensor, "n band bins"]:
        """``100 relu(U(h))`` for histograms that sum to 1."""
        return F.relu(self.unet(histogram)) * LUT_UNIT

    def forward(
        self, image: Float[Tensor, "n band y x"], histogram: Float[Tensor, "n band bins"]
    ) -> tuple[Float[Tensor, "n band y x"], Float[Tensor, "n band bins"]]:
        """The image aligned and the tables; numbers are reflectance x 10000."""
        tables = self.tables(histogram)
        found = []
        for band, largest in enumerate(PUBLISHED_MAX):
            full = F.interpolate(tables[:, band : band + 1], size=largest, mode="linear", align_corners=True)[:, 0]
            at = image[:, band].clamp(0, largest - 1).long()
            found.append(full.gather(1, at.flatten(1)).view_as(image[:, band]))
        looked = torch.stack(found, 1)
        return looked + self.conv(looked), tables


def total_variation(tables: Float[Tensor, "n band bins"]) -> Tensor:
    """The published term: ``numel mean(w d^2)``, d the steps of the tables, w = 1 but 2 at both ends; not per image."""
    weight = torch.ones(tables.shape[2] - 1, dtype=tables.dtype, device=tables.device)
    weight[[0, -1]] = 2
    return ((tables[..., :-1] - tables[..., 1:]) ** 2 * weight).mean() * tables.numel()


def falling(tables: Float[Tensor, "n band bins"]) -> Tensor:
    """The published monotonicity term: ``numel mean(relu(d))``, d how far a table falls from node to node."""
    return F.relu(tables[..., :-1] - tables[..., 1:]).mean() * tables.numel()


def published_loss(
    found: Float[Tensor, "n band y x"],
    tables: Float[Tensor, "n band bins"],
    label: Float[Tensor, "n band y x"],
    mask: Tensor,
) -> dict[str, Tensor]:
    """Mean squared error of the pixels in the mask, and 0.01 of both terms on the tables."""
    kept = mask.bool()[:, None].expand_as(found)
    error = (found - label)[kept]
    return {"mse": (error**2).mean(), "tv": 0.01 * total_variation(tables), "falling": 0.01 * falling(tables)}


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' names of tensors in ours."""
    found = {}
    for key, value in state.items():
        parts = key.removeprefix("module.").split(".")
        if parts[0] == "unet":
            level = int(parts[1][-1]) - 1 if parts[1][-1].isdigit() else 0
            last = parts[-2:]
            if parts[1] == "inc":
                parts = ["unet", "inc", *last]
            elif parts[1].startswith("down"):
                parts = ["unet", "down", str(level), *last]
            elif parts[1].startswith("up"):
                parts = ["unet", "up", str(level), last[1]] if parts[2] == "up" else ["unet", "join", str(level), *last]
            else:
                parts = ["unet", "out", last[1]]
        elif parts[0] == "conv1":
            parts = ["conv", *parts[1:]]
        found[".".join(parts)] = value
    return found


@dataclass(frozen=True)
class Start:
    """What a network begins with, from the statistics of its training pairs.

    Parameters
    ----------
    matrix, constant
        The mix ``z = A x + c``: a choice of bands, or the ridge solution.
    slope, offset
        The line from z to the target.
    mean, std
        Of the source bands.
    spread
        Standard deviation of the target bands.
    error
        What the line leaves of it: the size of what is to be learnt.
    low, high
        Range of the histogram's bins, per source band.
    first, last
        First and last node, per target band, in units of z.
    """

    matrix: Float[np.ndarray, "t s"]
    constant: Float[np.ndarray, " t"]
    slope: Float[np.ndarray, " t"]
    offset: Float[np.ndarray, " t"]
    mean: Float[np.ndarray, " s"]
    std: Float[np.ndarray, " s"]
    spread: Float[np.ndarray, " t"]
    error: Float[np.ndarray, " t"]
    low: Float[np.ndarray, " s"]
    high: Float[np.ndarray, " s"]
    first: Float[np.ndarray, " t"]
    last: Float[np.ndarray, " t"]


class LutNet(nn.Module):
    """Mix, line plus table from the histogram, signed differences to the neighbours.

    ``z = A x + c``, ``m = a z + b + R_h(z)``, ``y = m + sum_k W_k (m(p + k) - m(p))``.

    What is learnt is counted in what the line leaves, ``error``, so that one learning rate suits a fine mend and a
    coarse one: a weight of 1 moves a band by its error when the input moves by its standard deviation.

    Parameters
    ----------
    seen, found
        Source and target bands.
    bins
        Of the histogram, and nodes of the tables.
    width
        Features of the U-Net at full length.
    side
        Of the kernel W; 1 leaves it out.
    mixes
        Whether A and c are learnt.
    """

    def __init__(self, seen: int, found: int, bins: int, width: int, side: int, mixes: bool) -> None:
        super().__init__()
        sizes = {"matrix": (found, seen), "mean": (seen,), "std": (seen,), "low": (seen,), "high": (seen,)}
        for name in ("constant", "slope", "offset", "spread", "error", "first", "last"):
            sizes[name] = (found,)
        for name, size in sizes.items():
            kind = torch.ones if name in ("std", "spread", "error", "high", "last") else torch.zeros
            self.register_buffer(name, kind(size))
        self.bins, self.side = bins, side
        self.unet = UNet1d(seen, found, width)
        nn.init.zeros_(self.unet.out.weight)
        nn.init.zeros_(self.unet.out.bias)  # type: ignore[arg-type]
        self.mixing = nn.Parameter(torch.zeros(found, seen + 1)) if mixes else None
        self.kernel = nn.Parameter(torch.zeros(found, found, side, side)) if side > 1 else None

    def begin(self, start: Start) -> LutNet:
        """Take what the training pairs' statistics say."""
        for name, value in vars(start).items():
            getattr(self, name).copy_(torch.as_tensor(np.asarray(value), dtype=torch.float32))
        return self

    def mix(self) -> tuple[Float[Tensor, "t s"], Float[Tensor, " t"]]:
        """A and c, as learnt."""
        if self.mixing is None:
            return self.matrix, self.constant  # type: ignore[return-value]
        more = self.error[:, None] * self.mixing  # type: ignore[index]
        gain = more[:, :-1] / self.std  # type: ignore[operator]
        return self.matrix + gain, self.constant + more[:, -1] - gain @ self.mean  # type: ignore[operator,return-value]

    def residual(self, histogram: Float[Tensor, "n s bins"]) -> Float[Tensor, "n t bins"]:
        """What the tables add to the line at their nodes; histograms sum to 1."""
        return self.unet(torch.sqrt(histogram * self.bins)) * self.error[:, None]  # type: ignore[index]

    def taps(self) -> Float[Tensor, "t t k k"] | None:
        """W, which takes from the middle what it gives to the neighbours."""
        if self.kernel is None:
            return None
        kernel = self.kernel * (self.error / self.spread)[:, None, None, None]  # type: ignore[operator]
        kernel = kernel * (self.spread[:, None] / self.spread)[:, :, None, None]  # type: ignore[index,operator]
        return kernel - F.pad(kernel.sum((2, 3), keepdim=True), [self.side // 2] * 4)

    def settled(self) -> LutNet:
        """A copy in which kernel and mix are numbers, no longer made of others: what is written to a file."""
        found = deepcopy(self).eval()
        with torch.no_grad():
            mix, taps = self.mix(), self.taps()
        found.mix = lambda: mix  # type: ignore[method-assign]
        found.taps = lambda: taps  # type: ignore[method-assign]
        return found

    def forward(
        self, image: Float[Tensor, "n s y x"], histogram: Float[Tensor, "n s bins"]
    ) -> tuple[Float[Tensor, "n t y x"], Float[Tensor, "n t bins"]]:
        """The target's bands, and what the tables added."""
        matrix, constant = self.mix()
        column = (-1, 1, 1)
        z = torch.einsum("ts,nsyx->ntyx", matrix, image) + constant.view(column)
        added = self.residual(histogram)
        step = ((self.last - self.first) / (self.bins - 1)).view(column)  # type: ignore[operator]
        at = ((z - self.first.view(column)) / step).clamp(0, self.bins - 1)  # type: ignore[operator]
        low = at.detach().floor().clamp(max=self.bins - 2)
        index = low.long().flatten(2)
        left, right = (added.gather(2, index + side).view_as(z) for side in (0, 1))
        m = self.slope.view(column) * z + self.offset.view(column) + left + (at - low) * (right - left)  # type: ignore[operator]
        taps = self.taps()
        if taps is not None:
            m = m + F.conv2d(F.pad(m, [self.side // 2] * 4, mode="replicate"), taps)
        return m, added
