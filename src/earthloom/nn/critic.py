"""A critic that tells images from products, after the discriminator of SRGAN, and what it and its opponent minimise.

References
----------
Ledig et al., IEEE Conference on Computer Vision and Pattern Recognition, 105-114, 2017 (the network).
Arjovsky, Chintala, Bottou, International Conference on Machine Learning, 214-223, 2017 (``wgan``).
Gulrajani et al., Advances in Neural Information Processing Systems 30, 2017 (``wgan_gp``).
Lim and Ye, Geometric GAN, arXiv 1705.02894, 2017 (``hinge``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.types import Float

SLOPE = 0.2  # of its leaky ReLU
CLIP = 0.01  # largest weight of a wgan critic
PENALTY = 10.0  # weight of the gradient penalty of wgan_gp


class Critic(nn.Module):
    """One score per image, without bounds: eight 3 x 3 convolutions of 1, 1, 2, 2, 4, 4, 8, 8 times ``width`` features.

    Every second one halves the grid; their mean over the image goes through two dense layers. It judges patches and is
    no part of the network that fuses, so that pooling over the whole patch breaks no tiles.

    Parameters
    ----------
    bands
        Of the images.
    width
        Features of the first layer, 64 as published.
    batch_norm
        Normalise between layers, as published. Under a penalty on the gradient of single images it must be left out.
    """

    def __init__(self, bands: int, width: int = 64, batch_norm: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = bands
        for number in range(8):
            after = width * 2 ** (number // 2)
            layers.append(nn.Conv2d(before, after, 3, 1 + number % 2, 1))
            if batch_norm and number > 0:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(SLOPE))
            before = after
        self.features = nn.Sequential(*layers)
        self.dense, self.score = nn.Linear(before, 2 * before), nn.Linear(2 * before, 1)

    def forward(self, image: Float[Tensor, "n b y x"]) -> Float[Tensor, " n"]:
        """Higher for what looks like a real image."""
        pooled = self.features(image).mean(dim=(2, 3))
        return self.score(F.leaky_relu(self.dense(pooled), SLOPE))[:, 0]


def critic_loss(kind: str, real: Float[Tensor, " n"], fake: Float[Tensor, " n"]) -> Tensor:
    """What the critic minimises: ``mean D(fake) - mean D(real)``, or with ``hinge`` both cut off at the margin 1."""
    if kind == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    return fake.mean() - real.mean()


def gradient_penalty(critic: nn.Module, real: Float[Tensor, "n b y x"], fake: Float[Tensor, "n b y x"]) -> Tensor:
    """``10 mean (|grad D(x)| - 1)^2`` at a random place between each real image and its product."""
    share = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    between = torch.lerp(fake.detach(), real, share).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return PENALTY * ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


def clip(critic: nn.Module) -> None:
    """Keep the weights of a ``wgan`` critic within +-0.01."""
    with torch.no_grad():
        for weight in critic.parameters():
            weight.clamp_(-CLIP, CLIP)
