"""PNN, PanNet, MSDCNN and FusionNet in the shapes of PanBench, their layers called as in its checkpoints.

All see a frame: ``coarse``, the MS on its own grid, and ``guide``, the PAN, as numbers from 0 to 1. The MS is enlarged
so that the corners of both grids coincide, whatever their ratio: so a frame of another size is another image.

References
----------
Wang, Zou, Li, Xing, Tao, arXiv:2311.12083, 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.released.dlpan import mirrored_high_pass, same
from earthloom.types import Float


def cornered(coarse: Float[Tensor, "n b y x"], like: Tensor) -> Float[Tensor, "n b Y X"]:
    """Bicubic interpolation (a = -3/4) whose first and last samples lie on the first and last pixels of ``like``."""
    return F.interpolate(coarse, like.shape[2:], mode="bicubic", align_corners=True)


class Pnn(nn.Module):
    """Three convolutions."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        layers = (same(bands + 1, 64, 9), nn.ReLU(), same(64, 32, 5), nn.ReLU(), same(32, bands, 5))
        self.net = nn.Sequential(*layers)

    def forward(self, guide: Float[Tensor, "n g Y X"], coarse: Float[Tensor, "n b y x"]) -> Float[Tensor, "n b Y X"]:
        """``F = C5(relu C5(relu C9 [U m, P]))``."""
        return self.net(torch.cat([cornered(coarse, guide), guide], 1))


class Block(nn.Module):
    """``x + relu BN C(relu BN C x)``, 3 x 3."""

    def __init__(self) -> None:
        super().__init__()
        half = lambda: (same(32, 32, 3), nn.BatchNorm2d(32), nn.ReLU())  # noqa: E731
        self.net = nn.Sequential(*half(), *half())

    def forward(self, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """Add what the convolutions make of the input."""
        return x + self.net(x)


class PanNet(nn.Module):
    """Residual blocks with batch norm on high-pass images."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.layer_0 = nn.Sequential(nn.ConvTranspose2d(bands, bands, 8, 4, 2))
        self.layer_1 = nn.Sequential(same(bands + 1, 32, 3), nn.ReLU())
        self.layer_2 = nn.Sequential(nn.Sequential(*(Block() for _ in range(4))), same(32, bands, 3))

    def forward(self, guide: Float[Tensor, "n g Y X"], coarse: Float[Tensor, "n b y x"]) -> Float[Tensor, "n b Y X"]:
        """``F = U m + net([H P, up H m])``."""
        seen = torch.cat([mirrored_high_pass(guide), self.layer_0(mirrored_high_pass(coarse))], 1)
        return self.layer_2(self.layer_1(seen)) + cornered(coarse, guide)


class Msdcnn(nn.Module):
    """A deep branch that looks at three scales, and a shallow one."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.deep_conv_1, self.deep_conv_2, self.deep_conv_3 = (
            same(bands + 1, 60, 7),
            same(60, 30, 3),
            same(30, bands, 5),
        )
        for k in (1, 2, 3):  # called so in the files
            setattr(self, f"deep_conv_1_sacle_{k}", same(60, 20, 2 * k + 1))
            setattr(self, f"deep_conv_2_sacle_{k}", same(30, 10, 2 * k + 1))
        self.shallow_conv_1, self.shallow_conv_2 = same(bands + 1, 64, 9), same(64, 32, 1)
        self.shallow_conv_3 = same(32, bands, 5)

    def forward(self, guide: Float[Tensor, "n g Y X"], coarse: Float[Tensor, "n b y x"]) -> Float[Tensor, "n b Y X"]:
        """``F = deep [U m, P] + shallow [U m, P]``."""
        seen = torch.cat([cornered(coarse, guide), guide], 1)
        shallow = self.shallow_conv_3(F.relu(self.shallow_conv_2(F.relu(self.shallow_conv_1(seen)))))
        deep = self.scales("deep_conv_1", F.relu(self.deep_conv_1(seen)))
        return self.deep_conv_3(self.scales("deep_conv_2", F.relu(self.deep_conv_2(deep)))) + shallow

    def scales(self, name: str, x: Float[Tensor, "n c y x"]) -> Float[Tensor, "n c y x"]:
        """``x + [relu C3 x, relu C5 x, relu C7 x]``."""
        return x + torch.cat([F.relu(getattr(self, f"{name}_sacle_{k}")(x)) for k in (1, 2, 3)], 1)


class FusionNet(nn.Module):
    """Convolutions whose results, and those of the rectifiers between them, are all added up; the MS is not."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.pan_concat = nn.Sequential(same(bands, 32, 3), nn.ReLU())
        steps = (layer for _ in range(4) for layer in (same(32, 32, 3), nn.ReLU(), same(32, 32, 3)))
        self.residual_blocks = nn.Sequential(*steps)
        self.output_layer = same(32, bands, 3)

    def forward(self, guide: Float[Tensor, "n g Y X"], coarse: Float[Tensor, "n b y x"]) -> Float[Tensor, "n b Y X"]:
        """``F = C(sum of all steps of P - U m)``."""
        x = self.pan_concat(guide - cornered(coarse, guide))
        total = x
        for step in self.residual_blocks:
            x = step(x)
            total = total + x
        return self.output_layer(total)


NETWORKS: dict[str, type[nn.Module]] = {"pnn": Pnn, "pannet": PanNet, "msdcnn": Msdcnn, "fusionnet": FusionNet}
