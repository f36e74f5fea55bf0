"""A U-Net for clouds: what is seen through thin ones stays, thick ones are filled, and how sure that is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earthloom.nn.reach import CLOUD_DILATIONS, CLOUD_LEVEL

DARKEST, OPAQUE = 1e-4, 0.6  # reflectance at which the root is cut: brighter clouds are all alike
SEEN = 3.0  # what the gate begins from: 0.05 of the filling where clear, 0.95 under clouds
ROOT_MEAN, ROOT_STD = 0.35, 0.15  # of the roots of reflectance
BRIGHT = 0.4  # reflectance above the ground, from which a cloud hides it
VEIL = 0.08  # reflectance that a cloud adds, beyond which it hides the ground
LARGEST = 3.0  # units that the rest adds at most
UNIT = 0.05  # reflectance, of what the network adds and of its uncertainty


class _Residual(nn.Module):
    """``x + conv(relu(conv(relu(x))))``, the second convolution zero at first."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """The block."""
        return x + self.second(F.relu(self.first(F.relu(x))))


class CloudUNetNet(nn.Module):
    """``F = E + v (N - E)``, ``N = G E + (1 - G) s + K (s - s_8) + r``: a filling E, and what a network N sees.

    ``v = 1 / (1 + (d / 0.08)^4)`` under clouds, d the mean over the bands of ``y - E`` (not below 0): how much of the
    ground shows in the cloudy image y. Thick clouds are left to E, which no network taught by few scenes betters; where
    it is clear v is 1. s is y, under clouds ``E + (y - E) / (1 + ((y - E) / 0.4)^4)``; ``s_8`` its mean over 8 x 8
    pixels. The gate G, the gain K of the detail that is seen, the rest r and the scale b of the error come from a U-Net
    over half, quarter and eighth resolution, whose last layer is zero at first.

    Parameters
    ----------
    bands, guide
        Of the optical image, and of the radar (with a channel that says where there is any).
    width
        Features at half resolution; twice and almost three times as many at a quarter and an eighth.
    """

    def __init__(self, bands: int, guide: int, width: int) -> None:
        super().__init__()
        self.bands = bands
        wide, widest = 2 * width, width * 11 // 4
        self.stem = nn.Conv2d(4 * (bands + 1) + 2 * bands + 1 + guide, width, 3, padding=1)
        self.early = _Residual(width)
        self.down = nn.Conv2d(width, wide, 3, stride=2, padding=1)
        self.middle = nn.Sequential(_Residual(wide), _Residual(wide))
        self.downer = nn.Conv2d(wide, widest, 3, stride=2, padding=1)
        self.deep = nn.Sequential(*(_Residual(widest, dilation) for dilation in CLOUD_DILATIONS))
        self.up = nn.Conv2d(widest, wide, 1)
        self.after = _Residual(wide)
        self.upper = nn.Conv2d(wide, width, 1)
        self.last = _Residual(width)
        self.head = nn.Conv2d(width, 4 * bands, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, guide: Tensor, base: Tensor, extra: Tensor) -> Tensor:
        """The image without clouds, and (second half of the channels) the scale b of its error, both in reflectance.

        Parameters
        ----------
        guide
            Radar.
        base
            y in reflectance.
        extra
            E and inpainting in reflectance, how much clear ground that rests on (0 to 1), where clouds are (0 or 1).
        """
        filled, rest, cloud = extra[:, : 2 * self.bands], extra[:, -2:-1], extra[:, -1:]
        fine = F.pixel_unshuffle(torch.cat([_root(base), cloud], 1), 2)
        soft = F.avg_pool2d(torch.cat([_root(filled), rest, guide], 1), 2)
        half = self.early(self.stem(torch.cat([fine, soft], 1)))
        quarter = self.middle(self.down(F.relu(half)))
        deep = self.deep(self.downer(F.relu(quarter)))
        quarter = self.after(quarter + _doubled(self.up(F.relu(deep))))
        half = self.last(half + _doubled(self.upper(F.relu(quarter))))
        gate, gain, more, scale = _doubled(self.head(F.relu(half))).float().chunk(4, 1)
        gate = torch.sigmoid(gate + SEEN * (2 * cloud - 1))
        ground = filled[:, : self.bands]
        seen = ground + (base - ground) / (1 + cloud * ((base - ground) / BRIGHT) ** 4)
        mean = F.interpolate(F.avg_pool2d(seen, CLOUD_LEVEL), scale_factor=CLOUD_LEVEL, mode="bilinear")
        net = gate * ground + (1 - gate) * seen + gain * (seen - mean) + UNIT * LARGEST * torch.tanh(more / LARGEST)
        veil = (base - ground).mean(1, keepdim=True).clamp_min(0) / VEIL
        image = ground + (net - ground) / (1 + cloud * veil**4)
        return torch.cat([image, UNIT * torch.exp(scale.clamp(-6, 4))], 1)


def _root(image: Tensor) -> Tensor:
    """Reflectance as the network sees it: bright clouds do not drown the ground."""
    return (torch.sqrt(image.clamp(DARKEST, OPAQUE)) - ROOT_MEAN) / ROOT_STD


def _doubled(image: Tensor) -> Tensor:
    """Twice the pixels, bilinear."""
    return F.interpolate(image, scale_factor=2, mode="bilinear")
