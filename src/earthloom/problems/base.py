"""What a problem is: which views are seen, which image is wanted, and how to make a case whose truth is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.types import Band, Bool, Float, Observation


@dataclass(frozen=True)
class Case:
    """A simulated observation beside the image that a method should find."""

    obs: Observation
    truth: Float[np.ndarray, "band y x"]


class Problem(ABC):
    """One inverse problem ``y_i = D_i B_i R_i x + n_i``: the y are seen, x is wanted."""

    name: ClassVar[str]
    seen: ClassVar[tuple[str, ...]]
    wanted: ClassVar[str]
    sharpens: ClassVar[bool] = False  # seen are a sharp view and a coarse one of the same moment, in this order
    piece_px: ClassVar[tuple[int, int]] = (2048, 1024)  # to learn from a scene: whole up to this side, else windows
    rivals: ClassVar[tuple[str, ...]] = ()  # methods without training that a network must beat, ``NAME, refine=N``
    enough: ClassVar[float] = 0.5  # share of a training patch whose truth must be known

    @abstractmethod
    def bands(self, obs: Observation) -> tuple[Band, ...]:
        """The bands of the wanted image."""

    @abstractmethod
    def valid(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where the wanted image can be found, on the fine grid."""

    @abstractmethod
    def degrade(self, obs: Observation) -> Case:
        """The same problem one scale down (Wald's protocol): what was seen becomes the truth."""

    def known(self, obs: Observation) -> Bool[np.ndarray, "Y X"]:
        """Where what was seen can be the truth of a simulated case."""
        return self.valid(obs)

    def pairs(self, obs: Observation, seed: int = 0) -> list[Case]:
        """Simulated cases to learn this scene from: one, where the physics leaves no choice."""
        return [self.degrade(obs)]

    def smaller(self, case: Case, scale: float) -> Case:
        """The case made anew from its truth at ``scale`` of its resolution: more variety to learn from.

        Raises
        ------
        MethodError
            If the truth alone does not make a case.
        """
        raise MethodError(f"{self.name.replace('_', ' ')} at another scale", "super-resolution", "try half_scale")

    @abstractmethod
    def consistency(self, obs: Observation, product: Float[np.ndarray, "band Y X"]) -> dict[str, float]:
        """How far the product, degraded by the sensors' own physics, is from what was seen."""

    def observed(self, obs: Observation) -> tuple[str, list[float]]:
        """The role of the coarse view that shows the wanted image itself, ``y = D B x``, and the MTF gain of each band.

        Raises
        ------
        MethodError
            If no view does.
        """
        raise MethodError(
            f"{self.name.replace('_', ' ')} has nothing to refine",
            "a coarse view of the wanted image that it must agree with",
            "leave out refine",
        )
