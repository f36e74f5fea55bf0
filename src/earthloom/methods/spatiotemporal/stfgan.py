"""STFGAN: two generative adversarial fusion networks one behind the other, a reconstruction from reading notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.fields import within
from earthloom.methods.networks.dates import TemporalNetwork
from earthloom.methods.networks.network import Sizes
from earthloom.methods.networks.teaching import Teaching
from earthloom.nn import reach

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Stfgan(TemporalNetwork):
    """Two generators, each with a critic while it learns, ``F = E + up(X_1 - E_1) + G_2([F_1, F_3, X_1], [F, E])``.

    ``X_1 = E_1 + G_1([C_1, C_3, C_p], [F_1, F_3, E])`` is the first generator's image, four times coarser than the
    wanted one (``pyramid``), E an estimate by regression of the coarse change
    (:mod:`earthloom.methods.families.change`), and the index 1 of E its mean over blocks. A generator takes features of
    the coarse images through residual blocks
    and sub-pixel convolutions, and joins them with features of the fine images. All bands go through together.

    Parameters
    ----------
    stages
        ``pyramid``: the first generator works four times coarser than the wanted grid. ``whu``: both work on the wanted
        grid, from images picked every fourth pixel.
    width
        Features, 64 as published. More fit more and cost its square.
    coarse_blocks, fine_blocks
        Residual blocks of the two branches, 16 and 8 as published.
    kernel
        Side of the first and last convolutions, 9 as published.
    batch_norm
        Batch norm in generators and critics, as published.
    base
        ``change`` adds what the generators find to the estimate; ``none`` leaves them alone, as published.
    feed
        What teaches the second generator: the ``output`` of the first, which learns nothing from it; the ``truth`` in
        its place, as in a published code; ``joint`` teaches both from the end.
    critic
        ``hinge``, ``wgan_gp``, ``wgan`` with weights cut off at 0.01 (as published), or ``none``.
    adversarial
        Weight of the critics' opinion beside the error of the pixels. More is crisper and further from the truth.
    critic_width
        Features of the critics' first layer, 64 as published.
    spectral, structure
        Weights of the spectral angle and of 1 - SSIM beside the error of the pixels, 0 as published.
    """

    stages: Literal["pyramid", "whu"] = "pyramid"
    width: int = 32
    coarse_blocks: int = 4
    fine_blocks: int = 4
    kernel: int = 5
    batch_norm: bool = False
    base: Literal["change", "none"] = "change"
    feed: Literal["output", "truth", "joint"] = "output"
    critic: Literal["hinge", "wgan_gp", "wgan", "none"] = "hinge"
    adversarial: float = 1e-3
    critic_width: int = 16
    spectral: float = 0.1
    structure: float = 0.1

    card: ClassVar[Card] = Card(
        name="STFGAN",
        title="Spatiotemporal fusion with generative adversarial networks (reconstruction)",
        family="network",
        citation="zhang2021stfgan",
        halo=30,
        problem="spatiotemporal",
        minimum=4,
        notes="a reconstruction from reading notes on the paper and on a public code, not from the paper's own: no "
        "published number may be claimed for it; as published its output is a tanh of values between -1 and 1, ours is "
        "linear in standard deviations of the scene; sees one known date or two; adapting needs three",
        published={
            "stages": "whu", "width": 64, "coarse_blocks": 16, "fine_blocks": 8, "kernel": 9, "batch_norm": True,
            "base": "none", "feed": "truth", "critic": "wgan", "critic_width": 64, "spectral": 0.0, "structure": 0.0,
        },
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low, high in (("width", 4, 256), ("coarse_blocks", 0, 64), ("fine_blocks", 0, 64), ("kernel", 1, 15)):
            within(self, name, low, high)
        for name in ("adversarial", "spectral", "structure"):
            within(self, name, 0)
        within(self, "critic_width", 2, 256)
        if self.kernel % 2 == 0:
            raise MethodError(f"STFGAN with kernel={self.kernel}", "an odd number, which has a middle")
        if self.critic == "wgan_gp" and self.batch_norm:
            raise MethodError("STFGAN with critic=wgan_gp and batch_norm", "one of them", "leave out batch_norm")

    def net(self, sizes: Sizes) -> nn.Module:
        """Both generators."""
        from earthloom.nn.fusion_gan import StfganNet

        return StfganNet(
            sizes.bands, sizes.guide // sizes.bands, factors(sizes.ratio), self.stages == "pyramid",
            self.base == "change", self.feed, width=self.width, coarse_blocks=self.coarse_blocks,
            fine_blocks=self.fine_blocks, kernel=self.kernel, batch_norm=self.batch_norm,
        )  # fmt: skip

    @property
    def teaching(self) -> Teaching:  # type: ignore[override]
        """Both stages, the angle, the structure, and critics."""
        return Teaching(
            True, self.spectral, self.structure, self.critic, self.adversarial, self.critic_width, self.batch_norm,
            critic_rate=1.0 if self.critic == "wgan" else 0.25, alone=ALONE,
        )  # fmt: skip

    def halo_px(self, ratio: float) -> int:
        """The base, the second generator, and the first one on its grid."""
        first, second = factors(self.step(ratio))
        shape = self.coarse_blocks, self.fine_blocks, self.kernel
        behind = reach.fusion_gan(second, *shape)
        before = second * (reach.fusion_gan(first, *shape) + 1) if self.stages == "pyramid" else behind + second
        return self.around_px(ratio, behind + second + before)


ALONE = 100  # steps before the critics have a say


def factors(step: float) -> tuple[int, int]:
    """How many times the first and the second generator enlarge: 4 and 4 for 16, 2 and 4 for 8, 2 and 2 for 4."""
    return {4.0: (2, 2), 8.0: (2, 4), 16.0: (4, 4)}[step]
