"""Frequency-spectral cross fusion (CF2N): the pieces, on the grid of a Haar wavelet packet.

Written from the published figure and abstract; the authors' network was never released, so every choice they leave
open is ours and is said here. All feature maps live on the packet's grid (for an MS at ratio 2 or 4, that of the MS):
a convolution there costs ``4**levels`` times less than on the wanted grid.

References
----------
Liu, Zhang, Wang, Xiang, Xie, Geo-spatial Information Science, 2024, doi 10.1080/10095020.2024.2416899.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.nn.blocks import (
    SLOPE,
    AdaptiveWeightedFusion,
    ResidualBlock,
    high_pass,
    local_mean,
    per_pixel,
    spectral_basis,
    zeroed,
)
from earthloom.nn.haar import haar, inverse_haar
from earthloom.types import Float

SQUEEZE = 4  # kernels act on so many times fewer features: what they cost falls by it, accuracy does not


class DetailReconstruction(nn.Module):
    """FD2R: sub-bands of guide and base fused with adaptive weights, reconstructed into detail features.

    A 3 x 3 convolution over the sub-bands of the guide gives features P, one over those of the base M; ``X = 2 (w P +
    (1 - w) M)`` (AWF), a residual block mixes the sub-bands, and a convolution gives the sub-bands of the detail D,
    whose encoding returns to the features.
    """

    def __init__(self, guide: int, base: int, bands: int, width: int, levels: int) -> None:
        super().__init__()
        packets = 4**levels
        self.guide_head = nn.Conv2d(packets * guide, width, 3, padding=1)
        self.base_head = nn.Conv2d(packets * base, width, 3, padding=1)
        self.fuse = AdaptiveWeightedFusion(width)
        self.hierarchy = ResidualBlock(width)
        self.detail = zeroed(nn.Conv2d(width, packets * bands, 3, padding=1))
        self.encode = nn.Conv2d(packets * bands, width, 3, padding=1)

    def forward(
        self, guide: Float[Tensor, "n g y x"], base: Float[Tensor, "n b y x"]
    ) -> tuple[Float[Tensor, "n d y x"], Float[Tensor, "n c y x"], Float[Tensor, "n c y x"]]:
        """Sub-bands of the detail, frequency features, spectral features."""
        spectral = self.base_head(base)
        features = self.hierarchy(2 * self.fuse(self.guide_head(guide), spectral))
        detail = self.detail(features)
        return detail, features + self.encode(detail), spectral


class CrossFusion(nn.Module):
    """FSCFM: a frequency kernel and a spectral vector made from the features and applied to them, with a gain.

    X is the input after residual blocks, ``Q = S X`` a quarter as many features. ``k_f = tanh(conv([max_c Q, mean_c
    Q]))`` is one ``k x k`` kernel per pixel (FDA), ``k_s = 2 sigmoid(W relu(box [V q, |V q|]))`` one weight per
    feature from a window of the spectral features q (SDA; the paper pools the whole image, which tiles cannot agree
    on). ``Y = X + E ((Q + Q * k_f) k_s)`` and, with the injection gain ``g = sigmoid(W Y)`` of every pixel and feature
    (FSM), the module gives ``X + conv(g Y)``. The kernel is 0 at first: it adds to the identity.
    """

    def __init__(self, width: int, kernel: int, window: int, blocks: int) -> None:
        super().__init__()
        self.kernel, self.window, few = kernel, window, max(width // SQUEEZE, 1)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.gain = nn.Conv2d(width, width, 1)
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        if kernel > 1 or window > 1:
            self.squeeze, self.expand = nn.Conv2d(width, few, 1), nn.Conv2d(few, width, 1)
        if window > 1:
            self.spectral, self.excite = nn.Conv2d(width, few, 1), nn.Conv2d(2 * few, few, 1)
        if kernel > 1:
            self.frequency = zeroed(nn.Conv2d(2, kernel * kernel, 3, padding=1))

    def forward(
        self, features: Float[Tensor, "n c y x"], spectral: Float[Tensor, "n c y x"]
    ) -> Float[Tensor, "n c y x"]:
        """Features after one cross fusion."""
        x = self.blocks(features)
        y = x
        if self.kernel > 1 or self.window > 1:
            y = x + self.expand(self._fused(self.squeeze(x), spectral))
        return x + self.mix(y * torch.sigmoid(self.gain(y)))

    def _fused(self, q: Float[Tensor, "n q y x"], spectral: Float[Tensor, "n c y x"]) -> Float[Tensor, "n q y x"]:
        """The squeezed features under both kernels."""
        if self.kernel > 1:
            maps = torch.cat([q.amax(1, keepdim=True), q.mean(1, keepdim=True)], 1)
            q = q + per_pixel(q, torch.tanh(self.frequency(maps)).to(q.dtype))
        if self.window > 1:
            v = self.spectral(spectral)
            pooled = local_mean(torch.cat([v, v.abs()], 1), self.window)
            q = q * (2 * torch.sigmoid(self.excite(F.relu(pooled))))
        return q


class CF2NNet(nn.Module):
    """Frequency-spectral dual-domain cross fusion network, ``F = base + W'(D + conv(features))``.

    ``W'`` is the inverse wavelet packet, D the detail of FD2R. After each of the first m cross fusions the features X
    are corrected by the high-pass branch (MDI), ``X <- X + w H`` with ``H = act(conv(high pass of guide and base))``
    and adaptive weights ``w = sigmoid(A X)``: AWF between X and X + H.

    Parameters
    ----------
    guide, base, bands
        Input bands of the guide, of the base with extras, and bands wanted (the first bands of the base).
    levels
        Of the wavelet packet.
    width, fusions, corrections, kernel, window, blocks
        Features C, cross fusions n, corrections m, side k of the per-pixel kernels (1: none), window of the spectral
        attention on the packet's grid (1: none), residual blocks in each cross fusion.
    components
        With more bands than this, the network works on so many combinations of them, ``V base``, and adds ``V'`` times
        the detail it finds; both begin as the first cosines across the bands. 0 never does.
    blind
        Never look at the guide: the ablation that says how much of the gain it explains.
    """

    def __init__(
        self, guide: int, base: int, bands: int, levels: int, width: int, fusions: int, corrections: int, kernel: int,
        window: int, blocks: int, components: int = 0, blind: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.levels, self.blind, self.corrections = levels, blind, min(corrections, fusions)
        self.squeezes = 0 < components < bands
        if self.squeezes:
            basis = spectral_basis(components, bands)[:, :, None, None]
            self.squeeze = nn.Conv2d(bands, components, 1, bias=False)
            self.expand = nn.Conv2d(components, bands, 1, bias=False)
            self.squeeze.weight = nn.Parameter(basis.clone())
            self.expand.weight = nn.Parameter(basis.transpose(0, 1).clone())
            base, bands = base - bands + components, components
        packets = 4**levels
        self.reconstruct = DetailReconstruction(guide, base, bands, width, levels)
        self.fusions = nn.ModuleList(CrossFusion(width, kernel, window, blocks) for _ in range(fusions))
        if self.corrections:
            self.high = nn.Conv2d(packets * (guide + base), width, 3, padding=1)
            self.optimise = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(self.corrections))
        self.out = zeroed(nn.Conv2d(width, packets * bands, 3, padding=1))

    def forward(
        self,
        guide: Float[Tensor, "n g Y X"],
        base: Float[Tensor, "n b Y X"],
        extra: Float[Tensor, "n e Y X"] | None = None,
    ) -> Float[Tensor, "n b Y X"]:
        """The wanted image, normalised as the base."""
        if self.blind:
            guide = torch.zeros_like(guide)
        seen = self.squeeze(base) if self.squeezes else base
        seen = seen if extra is None else torch.cat([seen, extra], 1)
        guide, seen = haar(guide, self.levels), haar(seen, self.levels)
        detail, features, spectral = self.reconstruct(guide, seen)
        high = self._high(guide, seen) if self.corrections else None
        for number, fusion in enumerate(self.fusions):
            features = fusion(features, spectral)
            if high is not None and number < self.corrections:
                features = features + high * torch.sigmoid(self.optimise[number](features))
        detail = detail + self.out(F.leaky_relu(features, SLOPE))
        found = inverse_haar(detail.float(), self.levels)
        return base + (self.expand(found).float() if self.squeezes else found)

    def _high(self, guide: Float[Tensor, "n g y x"], seen: Float[Tensor, "n b y x"]) -> Float[Tensor, "n c y x"]:
        """Features of what a box mean takes off."""
        return F.leaky_relu(self.high(high_pass(torch.cat([guide, seen], 1))), SLOPE)


class UnderClouds(nn.Module):
    """``base + extra (net - base)``: a network whose product counts where ``extra`` is 1."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, guide: Float[Tensor, "n g Y X"], base: Float[Tensor, "n b Y X"], extra: Float[Tensor, "n one Y X"]
    ) -> Float[Tensor, "n b Y X"]:
        """The image with its clouds replaced, normalised as the base."""
        return base + extra * (self.net(guide=guide, base=base, extra=extra) - base)
