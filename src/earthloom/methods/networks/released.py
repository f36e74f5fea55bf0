"""Networks as others released them: digital numbers over a fixed peak in place of the scene's own mean and deviation.

So their weights depend on the level of the scene: what is much darker or brighter than what they learned gets other
colours. That is theirs; ours are normalised by the scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.fields import within
from earthloom.methods.networks.cubes import Largest
from earthloom.methods.networks.network import Fitted, Network, Sizes, Trained
from earthloom.methods.networks.ports import Port
from earthloom.methods.networks.scaling import pixels
from earthloom.ops.moments import Moments, Stats
from earthloom.types import Float, Observation, ratio_of

DARKEST, BRIGHTEST = 1 / 200, 1.0  # mean of the MS over the peak: beyond it is another unit, not another scene


@dataclass(frozen=True)
class Released(Network):
    """A network as released, ``F = peak clip(net(P / peak, U M / peak), 0, 1)``.

    Parameters
    ----------
    peak
        The number that the network sees as 1.
    """

    peak: float = 2047.0

    aside: ClassVar[tuple[str, ...]] = ("peak",)
    half: ClassVar[bool] = False  # compared with what the authors' programs compute, in float32
    relative: ClassVar[bool] = False
    only_ratio: ClassVar[float | None] = None  # None: what its weights say
    clipped: ClassVar[bool] = True  # to 0..peak, as its authors do

    def __post_init__(self) -> None:
        within(self, "peak", 1e-9)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """The peak as the scale of all bands; the means of the MS, to know its unit."""
        scales = {name: Largest.at(self.peak, len(obs[role].bands)) for name, role in self.roles.items()}
        return Stats(**scales, level=Moments.of(pixels(obs, self.roles["base"])))

    def refuse(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Also refuse another ratio than the only one, where there is one."""
        super().refuse(obs, shape)
        ratio = ratio_of(obs[self.roles["base"]])
        if self.only_ratio is not None and abs(ratio - self.only_ratio) > 0.01 * self.only_ratio:
            raise MethodError(f"{self.card.name} at {ratio:g}:1", f"{self.only_ratio:g}:1")

    def fitted(self, obs: Observation) -> Fitted:
        """With the weights that are given; none are shipped."""
        return super().fitted(obs) if self.weights is not None else self.learning(obs).fitted(obs)

    def learning(self, obs: Observation) -> Network:
        """None: without weights it is no released network.

        Raises
        ------
        MethodError
            Always.
        """
        raise MethodError(
            f"{self.card.name} without weights", "weights of a checkpoint (`earthloom weights import`)",
            "to train from nothing choose cf2n, pnn, pannet or fusionnet",
        )  # fmt: skip

    def ports(self, sizes: Sizes, bands: int) -> tuple[Port, ...]:
        """None.

        Raises
        ------
        MethodError
            Always.
        """
        raise MethodError(
            f"{self.card.name}, a network of others, to be written for other programs", "a network of ours",
            "its authors' own program does that; the file then runs as the method `onnx:FILE`",
        )  # fmt: skip

    def apply(self, trained: Trained, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """What the network makes of it, cut to what it can say.

        Raises
        ------
        MethodError
            If the scene is in another unit than the peak.
        """
        level = stats["level"]
        if level.count and not DARKEST <= (mean := float(level.mean.mean()) / self.peak) <= BRIGHTEST:
            raise MethodError(
                f"an MS with a mean of {mean * self.peak:.4g} for a network that sees {self.peak:g} as 1",
                f"a mean of {DARKEST * self.peak:.3g} to {BRIGHTEST * self.peak:g}",
                "give the largest number that can occur as `peak`: 1023, 4095, or 1 for reflectance",
            )  # fmt: skip
        fused = super().apply(trained, obs, stats)
        return np.clip(fused, 0, self.peak) if self.clipped else fused

    @property
    def parameters(self) -> dict[str, Any]:
        """Fields; the peak always."""
        return {**super().parameters, "peak": self.peak}
