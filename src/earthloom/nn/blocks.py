"""Small pieces of networks. All of them keep the grid, so that a network's reach is the sum of its pieces' reaches."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.types import Float

SLOPE = 0.1  # of the leaky ReLU


def zeroed(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution with weights and bias 0: an output layer that adds nothing at first."""
    nn.init.zeros_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def high_pass(x: Float[Tensor, "batch c y x"]) -> Float[Tensor, "batch c y x"]:
    """``x - box(x)``, the mean over 5 x 5 pixels taken off; reaches 2 pixels."""
    return x - F.avg_pool2d(x, 5, 1, 2, count_include_pad=False)


class ResidualBlock(nn.Module):
    """``x + conv(act(conv(x)))``, 3 x 3; reaches 2 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "batch c y x"]) -> Float[Tensor, "batch c y x"]:
        """Add what two convolutions make of the input."""
        return x + self.second(F.leaky_relu(self.first(x), SLOPE))


class ResidualStack(nn.Module):
    """Head, residual blocks and an output layer that is 0 at first: what is to be added to an image."""

    def __init__(self, seen: int, width: int, found: int, blocks: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(seen, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.out = zeroed(nn.Conv2d(width, found, 3, padding=1))


class AdaptiveWeightedFusion(nn.Module):
    """AWF, ``w * a + (1 - w) * b`` with ``w = sigmoid(conv([a, b]))`` for every pixel and feature.

    With ``groups`` the features fall into groups, such as the sub-bands of a wavelet, that are weighed apart.
    """

    def __init__(self, width: int, groups: int = 1) -> None:
        super().__init__()
        self.groups = groups
        self.weigh = nn.Conv2d(2 * width, width, 1, groups=groups)

    def forward(self, a: Float[Tensor, "batch c y x"], b: Float[Tensor, "batch c y x"]) -> Float[Tensor, "batch c y x"]:
        """Weigh both."""
        if self.groups == 1:
            both = torch.cat([a, b], 1)
        else:
            parts = zip(a.chunk(self.groups, 1), b.chunk(self.groups, 1), strict=True)
            both = torch.cat([one for pair in parts for one in pair], 1)
        return torch.lerp(b, a, torch.sigmoid(self.weigh(both)))


class _PerPixel(torch.autograd.Function):
    """One k x k kernel for each pixel, applied to every feature alike, one tap at a time.

    Autograd would keep ``k * k`` copies of the features; this keeps the features and the kernels alone.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:
        ctx.save_for_backward(x, kernel)
        out = torch.zeros_like(x)
        for tap, window in _taps(x, kernel.shape[1]):
            out.addcmul_(window, kernel[:, tap : tap + 1])
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, kernel = ctx.saved_tensors
        (grad,) = grads
        side, reach = _side(kernel.shape[1])
        height, width = x.shape[2:]
        grad_x = F.pad(torch.zeros_like(x), (reach,) * 4)
        grad_kernel = torch.empty_like(kernel)
        for tap, window in _taps(x, kernel.shape[1]):
            i, j = divmod(tap, side)
            grad_x[:, :, i : i + height, j : j + width].addcmul_(grad, kernel[:, tap : tap + 1])
            grad_kernel[:, tap] = (grad * window).sum(1)
        return grad_x[:, :, reach : reach + height, reach : reach + width], grad_kernel


def _side(taps: int) -> tuple[int, int]:
    """Side and reach of a kernel."""
    side = math.isqrt(taps)
    return side, side // 2


def _taps(x: Tensor, taps: int) -> Any:
    """The features shifted to each tap, zeros beyond the border."""
    side, reach = _side(taps)
    height, width = x.shape[2:]
    padded = F.pad(x, (reach,) * 4)
    for tap in range(taps):
        i, j = divmod(tap, side)
        yield tap, padded[:, :, i : i + height, j : j + width]


def per_pixel(x: Float[Tensor, "batch c y x"], kernel: Float[Tensor, "batch taps y x"]) -> Float[Tensor, "batch c y x"]:
    """``out[c, p] = sum_t kernel[t, p] x[c, p + shift_t]`` with ``taps = k * k`` of an odd k; reaches ``k // 2``."""
    if torch.onnx.is_in_onnx_export():  # what is written to a file is made of plain steps
        return sum(
            (window * kernel[:, tap : tap + 1] for tap, window in _taps(x, kernel.shape[1])), torch.zeros_like(x)
        )
    return _PerPixel.apply(x, kernel)  # type: ignore[no-any-return]


def spectral_basis(components: int, bands: int) -> Float[Tensor, "k band"]:
    """The first orthonormal cosines (DCT-II) across the bands.

    Neighbouring bands of a spectrometer look alike, and for such series cosines come close to principal components.
    """
    at, order = torch.arange(bands) + 0.5, torch.arange(components)[:, None]
    waves = torch.cos(math.pi / bands * order * at)
    return waves / waves.norm(dim=1, keepdim=True)


def local_mean(x: Float[Tensor, "batch c y x"], window: int) -> Float[Tensor, "batch c y x"]:
    """Mean over a ``window x window`` box around each pixel (odd), of the pixels inside the image alone.

    This is attention's pooling with a reach that can be declared, ``window // 2``: tiles agree with the whole.
    """
    reach = window // 2
    x = F.avg_pool2d(x, (window, 1), 1, (reach, 0), count_include_pad=False)
    return F.avg_pool2d(x, (1, window), 1, (0, reach), count_include_pad=False)
