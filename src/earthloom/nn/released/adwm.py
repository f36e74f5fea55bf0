"""FusionNet and LGPNet with the two-level weighting of ADWM, their layers called as in its checkpoints.

Four blocks give features f_1 to f_4. Each channel is weighted within its block, by how it correlates with the others,
and each block beside the others, by the means of its channels: ``sum_l s_l w_l[c] f_l[c]``. Both weights belong to the
whole image, so they are computed from sums over all its pixels, which tiles gather.

References
----------
Huang, Chen, Ren, Peng, Deng, CVPR 2025.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.released.dlpan import Pair, same
from earthloom.types import Float

BLOCKS, WIDTH = 4, 32


class Correlations(nn.Module):
    """A weight for each variable, from how it correlates with all others."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.cov_mlp = nn.ModuleDict(
            {"0": nn.Linear(count, count), "3": nn.Linear(count, width), "5": nn.Linear(width, 1)}
        )

    def forward(self, products: Float[Tensor, "k k"]) -> Float[Tensor, " k"]:
        """``mlp(K)`` row by row, K the sums of products over the norms of both."""
        norms = products.diagonal().sqrt().clamp_min(torch.finfo(products.dtype).tiny ** 0.5)
        x = F.leaky_relu(self.cov_mlp["0"](products / torch.outer(norms, norms)))
        return self.cov_mlp["5"](F.leaky_relu(self.cov_mlp["3"](x)))[:, 0]


class Weighting(nn.Module):
    """The weights of channels and blocks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.CovBlockList = nn.ModuleList(Correlations(WIDTH, width) for _ in range(BLOCKS))
        self.global_covblock = Correlations(BLOCKS, BLOCKS)

    def forward(self, products: Float[Tensor, "l k k"], means: Float[Tensor, "l k"]) -> Float[Tensor, "l k"]:
        """``s_l w_l[c]`` from the products of centred features and the means of features, of the whole image."""
        within = torch.stack([weigh(each) for weigh, each in zip(self.CovBlockList, products, strict=True)])
        centred = means - means.mean(0)
        across = torch.softmax(self.global_covblock(centred @ centred.T), 0)
        return across[:, None] * within


class Weighted(nn.Module, ABC):
    """A network whose blocks are weighted: subclasses say how they begin and end."""

    layers: nn.ModuleList
    bw_output: Weighting

    @abstractmethod
    def head(self, guide: Tensor, base: Tensor) -> Float[Tensor, "n c Y X"]:
        """The first features."""

    @abstractmethod
    def tail(self, x: Float[Tensor, "n c Y X"]) -> Float[Tensor, "n b Y X"]:
        """The detail."""

    def features(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n l_c Y X"]:
        """What the blocks give, one after the other."""
        found, x = [], self.head(guide, base)
        for block in self.layers:
            x = block(x)
            found.append(x)
        return torch.cat(found, 1)

    def forward(
        self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"],
        shares: Float[Tensor, "n l_c 1 1"] | None = None,
    ) -> Float[Tensor, "n _ Y X"]:  # fmt: skip
        """``F = M + tail(sum_l s_l w_l f_l)``; without ``shares``, s_l w_l, the features that decide on these."""
        features = self.features(guide, base)
        if shares is None:
            return features
        weighted = (features * shares).unflatten(1, (BLOCKS, WIDTH)).sum(1)
        return base + self.tail(weighted)


class FusionNet(Weighted):
    """Residual blocks on the difference between PAN and every band."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.raise_dim = nn.Sequential(same(bands, WIDTH, 3))
        self.layers = nn.ModuleList(LeakyPair(WIDTH) for _ in range(BLOCKS))
        self.bw_output, self.to_output = Weighting(32), nn.Sequential(same(WIDTH, bands, 3))

    def head(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n c Y X"]:
        """``lrelu C3(P - M)``."""
        return F.leaky_relu(self.raise_dim(guide - base))

    def tail(self, x: Float[Tensor, "n c Y X"]) -> Float[Tensor, "n b Y X"]:
        """``C3``."""
        return self.to_output(x)


class LeakyPair(Pair):
    """``x + conv(lrelu(conv(x)))``, 3 x 3."""

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """Add what two convolutions make of the input."""
        return x + self.conv21(F.leaky_relu(self.conv20(x)))


class Spread(nn.Module):
    """``y + W2 (w1 * y)`` with y a convolution split into one across the channels and one within each."""

    def __init__(self, seen: int, found: int) -> None:
        super().__init__()
        self.point_wise = nn.Conv2d(seen, found, 1)
        self.depth_wise = nn.Conv2d(found, found, 3, padding=1, groups=found)
        self.weight = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(found, 1, 3, 3)))
        self.weight_2 = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(found, found, 1, 1)))

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n d y x"]:
        """Both convolutions, and what the next two add."""
        y = self.depth_wise(self.point_wise(x))
        return y + F.conv2d(F.conv2d(y, self.weight, padding=1, groups=len(self.weight)), self.weight_2)


class SpreadPair(nn.Module):
    """``x + relu A(relu A x)``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = Spread(WIDTH, WIDTH), Spread(WIDTH, WIDTH)

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """Add what both make of the input."""
        return x + F.relu(self.conv2(F.relu(self.conv1(x))))


class LgpNet(Weighted):
    """Light convolutions of PAN and MS."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.raise_dim = nn.Sequential(Spread(bands + 1, 20), Spread(20, WIDTH))
        self.layers = nn.ModuleList(SpreadPair() for _ in range(BLOCKS))
        self.bw_output = Weighting(19)
        self.to_output = nn.Sequential(Spread(WIDTH, 16), Spread(16, bands), Spread(bands, bands))

    def head(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n c Y X"]:
        """``lrelu A(A [P, M])``."""
        return F.leaky_relu(self.raise_dim(torch.cat([guide, base], 1)))

    def tail(self, x: Float[Tensor, "n c Y X"]) -> Float[Tensor, "n b Y X"]:
        """``A(A(A x))``."""
        return self.to_output(x)


NETWORKS: dict[str, type[Weighted]] = {"fusionnet": FusionNet, "lgpnet": LgpNet}
