"""Six networks in the shapes of the DLPan toolbox, their layers called as in its checkpoints.

All see ``base``, the MS on the grid of PAN with MS pixel k at PAN pixel ``4 k + 2``, and ``guide``, the PAN, both as
digital numbers over their peak, and find the wanted image on that scale.

References
----------
PNN: Masi, Cozzolino, Verdoliva, Scarpa, Remote Sensing 8(7), 594, 2016.
PanNet: Yang, Fu, Hu, Huang, Ding, Paisley, ICCV 2017.
MSDCNN: Yuan, Wei, Meng, Shen, Zhang, IEEE JSTARS 11(3), 978-989, 2018.
DRPNN: Wei, Yuan, Shen, Zhang, IEEE GRSL 14(10), 1795-1799, 2017.
DiCNN: He, Rao, Li, Chanussot, Plaza, Zhu, Li, IEEE JSTARS 12(4), 1188-1204, 2019.
FusionNet: Deng, Vivone, Jin, Chanussot, IEEE TGRS 59(8), 6995-7010, 2021.
Deng et al., Machine learning in pansharpening, IEEE GRSM 10(3), 279-315, 2022.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.types import Float

RATIO, PHASE = 4, 2  # of the data that they learned: MS pixel k lies at PAN pixel 4 k + 2
EDGE = 8  # pixels that PNN loses on either side: (9 - 1 + 5 - 1 + 5 - 1) / 2


def same(seen: int, found: int, side: int) -> nn.Conv2d:
    """A convolution that keeps the size, zeros beyond the border."""
    return nn.Conv2d(seen, found, side, padding=side // 2)


def mirrored_high_pass(x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
    """``x - box(x)``, 5 x 5, the border mirrored without its edge."""
    return x - F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), 5, 1)


class Pair(nn.Module):
    """``x + conv(relu(conv(x)))``, 3 x 3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv20, self.conv21 = same(width, width, 3), same(width, width, 3)

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """Add what two convolutions make of the input."""
        return x + self.conv21(F.relu(self.conv20(x)))


class Pairs(nn.Module):
    """Head, four pairs of convolutions, tail: what PanNet and FusionNet add to the interpolated MS."""

    def __init__(self, seen: int, bands: int) -> None:
        super().__init__()
        self.conv1, self.conv3 = same(seen, 32, 3), same(32, bands, 3)
        self.res1, self.res2, self.res3, self.res4 = Pair(32), Pair(32), Pair(32), Pair(32)

    def added(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n b y x"]:
        """The detail."""
        x = F.relu(self.conv1(x))
        for block in (self.res1, self.res2, self.res3, self.res4):
            x = block(x)
        return self.conv3(x)


class Pnn(nn.Module):
    """Three convolutions of an image that is padded once, by its edge."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(bands + 1, 64, 9), nn.Conv2d(64, 32, 5)
        self.conv3 = nn.Conv2d(32, bands, 5)

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """``F = C5(relu C5(relu C9 [M, P]))``."""
        x = F.pad(torch.cat([base, guide], 1), (EDGE,) * 4, mode="replicate")
        return self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))


class PanNet(Pairs):
    """Residual blocks on high-pass images; the MS enters on its own grid and is enlarged by what was learned."""

    def __init__(self, bands: int) -> None:
        super().__init__(bands + 1, bands)
        self.deconv = nn.ConvTranspose2d(bands, bands, 2 * RATIO, RATIO, RATIO // 2)

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """``F = M + net([up H m, H P])`` with m, the MS on its own grid, picked from M where its pixels lie."""
        return base + self.detail(guide, base[:, :, PHASE::RATIO, PHASE::RATIO])

    def detail(self, guide: Float[Tensor, "n g Y X"], coarse: Float[Tensor, "n b y x"]) -> Float[Tensor, "n b Y X"]:
        """What is added to M."""
        enlarged = self.deconv(mirrored_high_pass(coarse))
        return self.added(torch.cat([enlarged, mirrored_high_pass(guide)], 1))


class FusionNet(Pairs):
    """Residual blocks on the difference between PAN and every band."""

    def __init__(self, bands: int) -> None:
        super().__init__(bands, bands)

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """``F = M + net(P - M)``."""
        return base + self.added(guide - base)


class DiCnn(nn.Module):
    """Three convolutions that find the detail."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = same(bands + 1, 64, 3), same(64, 64, 3), same(64, bands, 3)

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """``F = M + C(relu C(relu C [M, P]))``."""
        x = F.relu(self.conv1(torch.cat([base, guide], 1)))
        return base + self.conv3(F.relu(self.conv2(x)))


class Step(nn.Module):
    """One of DRPNN's layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv2 = same(width, width, 7)

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """``relu C7 x``."""
        return F.relu(self.conv2(x))


class Drpnn(nn.Module):
    """Ten 7 x 7 convolutions that find what is added to all the inputs, and one that makes the image of them."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = same(bands + 1, 32, 7), same(32, bands + 1, 7)
        self.backbone = nn.Sequential(*(Step(32) for _ in range(8)))
        self.conv3 = same(bands + 1, bands, 7)

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """``F = C7(i + C7 net(i))``, i = [M, P]."""
        seen = torch.cat([base, guide], 1)
        return self.conv3(seen + self.conv2(self.backbone(F.relu(self.conv1(seen)))))


class Msdcnn(nn.Module):
    """A deep branch that looks at three scales, and a shallow one; their sum without what is negative."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.conv1 = same(bands + 1, 60, 7)
        self.conv2_1, self.conv2_2, self.conv2_3 = same(60, 20, 3), same(60, 20, 5), same(60, 20, 7)
        self.conv3 = same(60, 30, 3)
        self.conv4_1, self.conv4_2, self.conv4_3 = same(30, 10, 3), same(30, 10, 5), same(30, 10, 7)
        self.conv5 = same(30, bands, 5)
        self.shallow1, self.shallow2, self.shallow3 = same(bands + 1, 64, 9), same(64, 32, 1), same(32, bands, 5)

    def forward(self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"]) -> Float[Tensor, "n b Y X"]:
        """``F = relu(deep [M, P] + shallow [M, P])``."""
        seen = torch.cat([base, guide], 1)
        a = F.relu(self.conv1(seen))
        b = F.relu(a + torch.cat([self.conv2_1(a), self.conv2_2(a), self.conv2_3(a)], 1))
        c = F.relu(self.conv3(b))
        d = F.relu(c + torch.cat([self.conv4_1(c), self.conv4_2(c), self.conv4_3(c)], 1))
        shallow = self.shallow3(F.relu(self.shallow2(F.relu(self.shallow1(seen)))))
        return F.relu(self.conv5(d) + shallow)


NETWORKS: dict[str, type[nn.Module]] = {
    "pnn": Pnn, "pannet": PanNet, "msdcnn": Msdcnn, "drpnn": Drpnn, "dicnn": DiCnn, "fusionnet": FusionNet,
}  # fmt: skip
