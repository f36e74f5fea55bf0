"""STFGAN: two generative adversarial fusion networks in a row, a reconstruction from reading notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.fields import within
from earthloom.methods.networks.dates import FINE, SEEN, TemporalNetwork
from earthloom.methods.networks.each_band import ANY
from earthloom.methods.networks.network import Sizes, Trained
from earthloom.methods.networks.ports import Port
from earthloom.methods.networks.teaching import Teaching
from earthloom.nn import reach
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Stfgan(TemporalNetwork):
    """Two generators, each with a critic while it learns, ``F = E + up(X_1 - E_1) + G_2([F_1, F_3, X_1], [F, E])``.

    ``X_1 = E_1 + G_1([C_1, C_3, C_p], [F_1, F_3, E])`` is the first generator's image, four times coarser than the
    wanted one (``pyramid``), E an estimate by regression of the coarse change
    (:mod:`earthloom.methods.families.change`), and the index 1 of E its mean over blocks. A generator takes features of
    the coarse images through residual blocks and sub-pixel convolutions, and joins them with features of the fine
    images.

    Parameters
    ----------
    bands_seen
        ``each``: bands go through one by one with the same weights, so that any number of them fits, and any number of
        known dates and any ratio: the generators see the fine images as one, weighted as in E, and how far they lie
        apart. ``together``, as published: a network for so many bands, so many dates, and a ratio.
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

    bands_seen: Literal["each", "together"] = "each"
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

    older: ClassVar[Mapping[str, Any]] = {"bands_seen": "together"}
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
        "linear in standard deviations of the scene; bands go one by one, so that weights fit any number",
        published={
            "bands_seen": "together", "stages": "whu", "width": 64, "coarse_blocks": 16, "fine_blocks": 8, "kernel": 9,
            "batch_norm": True, "base": "none", "feed": "truth", "critic": "wgan", "critic_width": 64, "spectral": 0.0,
            "structure": 0.0,
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
        if self.apart and self.base == "none":
            raise MethodError("STFGAN with base=none and bands_seen=each", "bands_seen=together, or base=change")

    def net(self, sizes: Sizes) -> nn.Module:
        """Both generators."""
        from earthloom.nn.fusion_gan import EachBandGan, StfganNet

        made = EachBandGan if self.apart else StfganNet
        bands, fine, seen = (1, FINE, SEEN) if self.apart else (sizes.bands, sizes.guide, sizes.extra)
        return made(
            bands, fine, seen, self.factors(sizes.ratio), self.stages == "pyramid", self.base == "change", self.feed,
            width=self.width, coarse_blocks=self.coarse_blocks, fine_blocks=self.fine_blocks, kernel=self.kernel,
            batch_norm=self.batch_norm,
        )  # fmt: skip

    @property
    def apart(self) -> bool:
        """Whether bands go through one by one."""
        return self.bands_seen == "each"

    def factors(self, step: float) -> tuple[int, int]:
        """How many times the first and the second generator enlarge; those of 8 for one that takes any ratio."""
        return factors(8.0 if self.apart else step)

    def sizes(self, obs: Observation) -> Sizes:
        """Any, where bands go through one by one."""
        found = super().sizes(obs)
        return Sizes(ANY, ANY, ANY, ANY) if self.apart else found

    def scale(self, name: str) -> str | None:
        """Of bands that go through one by one all but the estimate is normalised already."""
        return super().scale(name) if not self.apart or name == "base" else None

    def ports(self, sizes: Sizes, bands: int) -> tuple[Port, ...]:
        """Of bands that go through one by one the images of each in turn, as ``inputs_of_bands`` makes them."""
        found = super().ports(sizes, bands)
        fine = "of every band the known fine images as one, how far they lie apart, and how strongly the ground changed"
        seen = "of every band the known coarse images as one, and that of the wanted date"
        each = Port("fine", FINE, fine, True), Port("seen", SEEN, seen, True), Port("base", 1, found[2].holds, True)
        return each if self.apart else found

    def multiple(self, sizes: Sizes) -> int:
        """Blocks of its coarsest grid."""
        first, second = self.factors(sizes.ratio)
        return first * second

    def learning(self, obs: Observation) -> TemporalNetwork:
        """Itself, where any number of known dates fits."""
        return self if self.apart and not self.known else super().learning(obs)

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "band Y X"]]:
        """Fine images, coarse images interpolated, and the estimate."""
        return self.inputs_of_bands(obs, stats) if self.apart else super().inputs(obs, stats)

    def computed(
        self, trained: Trained, obs: Observation, inputs: Mapping[str, np.ndarray], stats: Stats
    ) -> Float[np.ndarray, "band Y X"]:
        """All bands together, or one after the other, so that hundreds take no more memory than one."""
        if not self.apart:
            return super().computed(trained, obs, inputs, stats)
        bands = range(len(inputs["base"]))
        own = [{name: np.split(image, len(bands))[band] for name, image in inputs.items()} for band in bands]
        return np.concatenate([self.through(trained, obs, one) for one in own])

    @property
    def teaching(self) -> Teaching:  # type: ignore[override]
        """Both stages, the angle, the structure, and critics."""
        return Teaching(
            True, self.spectral, self.structure, self.critic, self.adversarial, self.critic_width, self.batch_norm,
            critic_rate=1.0 if self.critic == "wgan" else 0.25, alone=ALONE,
        )  # fmt: skip

    def halo_px(self, ratio: float) -> int:
        """The base, the second generator, and the first one on its grid."""
        first, second = self.factors(self.step(ratio))
        shape = self.coarse_blocks, self.fine_blocks, self.kernel
        behind = reach.fusion_gan(second, *shape)
        before = second * (reach.fusion_gan(first, *shape) + 1) if self.stages == "pyramid" else behind + second
        return self.around_px(ratio, behind + second + before)


ALONE = 100  # steps before the critics have a say


def factors(step: float) -> tuple[int, int]:
    """How many times the first and the second generator enlarge: 4 and 4 for 16, 2 and 4 for 8, 2 and 2 for 4."""
    return {4.0: (2, 2), 8.0: (2, 4), 16.0: (4, 4)}[step]
