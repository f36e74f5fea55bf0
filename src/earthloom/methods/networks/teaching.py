"""How a network is taught, where the error of its pixels is not all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Teaching:
    """How a network is taught, where the error of its pixels is not all.

    Parameters
    ----------
    staged
        Called with ``stages=True`` and the truth, the network gives one image for each of its stages; each is compared
        with the truth on its own grid.
    spectral, structure
        Weights of the spectral angle (radians) and of ``1 - SSIM``.
    critic
        What a critic minimises: ``hinge``, ``wgan_gp``, ``wgan``, or ``none`` for no critic.
    adversarial
        Weight of the critic's opinion in the network's loss.
    critic_width, critic_batch_norm
        Its features and whether it has batch norm.
    critic_rate
        Its learning rate over the network's.
    alone
        Steps that the network learns without it.
    """

    staged: bool = False
    spectral: float = 0.0
    structure: float = 0.0
    critic: Literal["hinge", "wgan_gp", "wgan", "none"] = "none"
    adversarial: float = 1e-3
    critic_width: int = 64
    critic_batch_norm: bool = False
    critic_rate: float = 1.0
    alone: int = 0
