"""How sure a network is of each pixel: how much its product changes when the image is turned and mirrored."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import AS_IT_IS, EIGHT, Look, Method, Wrapper
from earthloom.methods.wrappers.once import computed_once
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

IMAGES = 4  # of the product that are held at a time: itself, one that is turned, and two sums


@dataclass(frozen=True)
class Curve:
    """From the spread s of a pixel to its expected error, ``e = gain s^power``; 0 where all looks agree to the bit.

    Parameters
    ----------
    gain
        How much more than their spread the looks are off, since they err alike too. 1, with power 1: s as it is.
    power
        0 to 1. Below 1 where pixels of little spread are off by more than that tells.
    pixels
        That it was measured on; 0: on none.
    rank
        Correlation of the ranks of spread and error on these.
    """

    gain: float = 1.0
    power: float = 1.0
    pixels: int = 0
    rank: float = 0.0

    def __call__(self, spread: Float[np.ndarray, "y x"]) -> Float[np.ndarray, "y x"]:
        """The expected error."""
        kind = spread.dtype.type
        return np.where(spread > 0, kind(self.gain) * spread ** kind(self.power), kind(0))

    def __str__(self) -> str:
        if not self.pixels:
            return "not calibrated: the spread over eight flips and turns as it is"
        return (
            f"{self.gain:g} spread^{self.power:g}, the spread over eight flips and turns; calibrated on {self.pixels} "
            f"pixels of this scene whose truth is known (correlation of ranks {self.rank:.2f})"
        )


def require_turning(method: Method) -> None:
    """Refuse to tell how sure a method is that makes the same of an image, however it is turned.

    Raises
    ------
    MethodError
        With the reason.
    """
    if not method.turns and not method.judges:
        raise MethodError(
            f"`quality` with {method.card.name}", "a network that looks around each pixel",
            "formulas and tables make the same of an image, however it is turned, and so tell nothing about errors",
        )  # fmt: skip


@dataclass(frozen=True)
class Judged(Wrapper):
    """The product of the method inside, bit by bit, and how far every pixel of it is expected to be off.

    The networks inside look at the image in eight ways: turned by quarters, and mirrored. What they make is turned
    back, and all that the method does besides is done to each. With ``F_kb`` band b of product k and m bands,

        s = sqrt(1/m sum_b 1/8 sum_k (F_kb - mean_k F_kb)^2),      e = curve(s)

    s is the spread of a pixel and e the root mean square over the bands of its expected error, in physical units.

    Parameters
    ----------
    curve
        From s to e.
    averaged
        Whether the product is the mean of the looks already, and none of them itself.

    References
    ----------
    Wang, Li, Aertsen, Deprest, Ourselin, Vercauteren, Neurocomputing 338, 34-45, 2019: the spread over inputs that are
    changed as uncertainty.
    """

    curve: Curve = Curve()
    averaged: bool = False

    judges: ClassVar[bool] = True  # type: ignore[assignment]

    @classmethod
    def of(cls, method: Method, curve: Curve = Curve()) -> Judged:
        """Around a method that is ready.

        Raises
        ------
        MethodError
            If no network in it sees anything else in an image that is turned.
        """
        require_turning(method)
        return cls(method, curve, bool(method.parameters.get("ensemble")))

    @property
    def images_held(self) -> int:  # type: ignore[override]
        """Also sums over the looks, and each of them where the product is their mean."""
        return self.inner.images_held + IMAGES + self.averaged * len(EIGHT)

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the method inside, and how the error is calibrated."""
        return {**self.inner.parameters, "expected_error": str(self.curve)}

    def fuse_measured(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Stats]:
        """Those of the method inside."""
        return self.inner.fuse_measured(obs, stats)

    def fuse_judged(
        self, obs: Observation, stats: Stats
    ) -> tuple[Float[np.ndarray, "band y x"], Stats, Float[np.ndarray, "y x"] | None]:
        """The same, and the expected error."""
        image, measured, spread = self.fuse_spread(obs, stats)
        return image, measured, self.curve(spread)

    def fuse_spread(
        self, obs: Observation, stats: Stats
    ) -> tuple[Float[np.ndarray, "band y x"], Stats, Float[np.ndarray, "y x"]]:
        """The product, what was measured, and s of every pixel.

        Where the product is the mean of the looks, its networks made them already.
        """
        with computed_once() if self.averaged else nullcontext():
            image, measured = self.inner.fuse_measured(obs, stats)
            return image, measured, self._spread(image, obs, stats)

    def _spread(self, image: Float[np.ndarray, "band y x"], obs: Observation, stats: Stats) -> Float[np.ndarray, "y x"]:
        """s of every pixel; sums are of differences from the product, which are small where the numbers are large."""
        looks: tuple[Look, ...] = EIGHT if self.averaged else tuple(look for look in EIGHT if look not in AS_IT_IS)
        total, squares = np.zeros_like(image), np.zeros_like(image)
        for look in looks:
            away = self.inner.turned(look).fuse(obs, stats) - image
            total += away
            squares += away * away
        total /= len(EIGHT)
        squares /= len(EIGHT)
        return np.sqrt(np.maximum(squares - total * total, 0).mean(axis=0))
