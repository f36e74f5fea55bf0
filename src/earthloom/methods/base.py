"""What a method is: a card that declares, fields that parametrise, and two passes that compute.

To write a method, copy the file of one that exists. Pass one, :meth:`Method.summarise`, gathers statistics over the
core of a tile (they merge with ``+``); pass two, :meth:`Method.fuse`, turns a tile with its halo into an image.
A method sees arrays, validity, sensor physics and geometry. Never a path, a CRS, a nodata code or a device.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.notebook import pairs
from earthloom.ops.moments import Stats
from earthloom.problems import catalog as problems
from earthloom.types import RADIUS, Float, Observation

INTERPOLATION = RADIUS  # coarse pixels that interpolation reaches
LOWPASS = 4  # coarse pixels that the widest blur in the sensor files reaches
Look = tuple[int, bool]  # a way to look at an image: quarter turns, and whether mirrored then
EIGHT: tuple[Look, ...] = tuple((turns, mirrored) for turns in range(4) for mirrored in (False, True))
AS_IT_IS = EIGHT[:1]


@dataclass(frozen=True)
class Card:
    """What a method declares about itself; tests prove every line.

    Parameters
    ----------
    name, title
        The published acronym, and what it stands for.
    family
        ``baseline``, ``component substitution``, ``multiresolution``, ``model`` or ``network``.
    citation
        Key in ``docs/refs.bib``.
    halo
        Coarse pixels on every side that one fused pixel can depend on.
    local
        False when no halo is enough; such a method is refused above ``max_pixels`` fine pixels.
    minimum
        Smallest number of coarse pixels along a side.
    min_bands
        Smallest number of coarse bands.
    looks_at
        Of the views that may be there or not, those that it looks at: ``sar``, ``date``; None where nobody says so.
    weights_of
        Of a network: the one of the same problem whose weights it runs, where it is another.
    published
        Fields that restore the method as published, where our defaults differ.
    """

    name: str
    title: str
    family: str
    citation: str
    halo: int
    problem: str = "pansharpening"
    licence: str = "Apache-2.0"
    local: bool = True
    max_pixels: int | None = None
    minimum: int = 2
    min_bands: int = 1
    notes: str = ""
    looks_at: tuple[str, ...] | None = None
    weights_of: str = ""
    published: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method(ABC):
    """A frozen dataclass: each field is a command-line flag, a TOML key and a provenance tag."""

    card: ClassVar[Card]
    tile_px: ClassVar[int] = 512  # side of a tile that suits it: a wide halo wants a large one
    bytes_per_px: ClassVar[int] = 200  # that a wanted pixel of a tile takes while it is fused
    images_held: ClassVar[int] = 0  # and so many times all bands of the wanted image, where there may be hundreds
    rounds: ClassVar[int] = 1  # how often summarise looks at the whole scene; 0: it needs no statistics
    turns: ClassVar[bool] = False  # whether it makes something else of an image that is turned, as networks do
    judges: ClassVar[bool] = False  # whether it says itself how far off every pixel is expected to be

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Statistics of the core of one tile; ``so_far`` holds the merged result of the round before."""
        return Stats()

    @abstractmethod
    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The fused image of one tile, halo included, in the dtype of the observation."""

    def fuse_measured(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Stats]:
        """The fused image, and statistics of how it came out: over the core, mergeable; most have none to tell."""
        return self.fuse(obs, stats), Stats()

    def fuse_judged(
        self, obs: Observation, stats: Stats
    ) -> tuple[Float[np.ndarray, "band y x"], Stats, Float[np.ndarray, "y x"] | None]:
        """As :meth:`fuse_measured`, and how far every pixel is expected to be off; None where it cannot tell.

        That is the error over the bands of the pixel, in the units of the image: its root mean square, or what the
        network that learnt it says.
        """
        return (*self.fuse_measured(obs, stats), None)

    def support(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "y x"] | None:
        """On how many pixels every fused one rests, halo included; None where that says nothing about it."""
        return None

    def ready(self, obs: Observation) -> Method:
        """The method as it will run on this scene: a network finds its weights here."""
        return self

    def turned(self, look: Look) -> Method:
        """The method as its networks see the image turned, the product turned back; itself where there are none."""
        return self

    def halo_px(self, ratio: float) -> int:
        """Wanted pixels on every side that one wanted pixel can depend on."""
        return math.ceil(self.card.halo * ratio)

    def bytes_for(self, obs: Observation) -> int:
        """Memory that a wanted pixel of a tile takes while it is fused, with the bands of this scene."""
        bands = len(problems.find(self.card.problem).bands(obs))
        size = max(view.data.itemsize for view in obs.views.values())
        return self.bytes_per_px + self.images_held * bands * size

    @property
    def told(self) -> str:
        """What to tell the user about the choice of the method: a network says whose weights it runs."""
        return self.card.title

    @property
    def parameters(self) -> dict[str, Any]:
        """What a product's provenance says about how it was made: the fields."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def _repr_html_(self) -> str:
        """For notebooks: its card, and its fields."""
        card = self.card
        told = {"problem": card.problem, "family": card.family, "reference": card.citation, **self.parameters}
        return pairs(told, f"{card.name}, {card.title}")

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse a scene, of ``shape`` on the fine grid, that the card excludes.

        Raises
        ------
        MethodError
            Too few bands or pixels, or too large a scene for a method that is not local.
        """
        card, bands = self.card, problems.find(self.card.problem).bands(obs)
        role, coarse = max(obs.views.items(), key=lambda item: max(item[1].ratio))
        if len(bands) < card.min_bands:
            raise MethodError(f"{card.name} got {len(bands)} {role.upper()} band(s)", f"at least {card.min_bands}")
        side = min(n / r for n, r in zip(shape, coarse.ratio, strict=True))
        if side < card.minimum:
            raise MethodError(
                f"{card.name} got {side:.1f} {role.upper()} pixels along a side", f"at least {card.minimum}"
            )
        pixels = shape[0] * shape[1]
        if not card.local and card.max_pixels and pixels > card.max_pixels:
            raise MethodError(
                f"{card.name} looks at the whole scene at once and got {pixels:,} pixels",
                f"at most {card.max_pixels:,}",
                "cut the scene or choose a local method",
            )


@dataclass(frozen=True)
class Wrapper(Method):
    """A method made of another one: refined, or a network with its weights. It answers for the one inside."""

    inner: Method

    @property
    def card(self) -> Card:  # type: ignore[override]
        """The card of the method inside."""
        return self.inner.card

    @property
    def told(self) -> str:
        """What the method inside tells."""
        return self.inner.told

    @property
    def rounds(self) -> int:  # type: ignore[override]
        """As many as the method inside."""
        return self.inner.rounds

    @property
    def turns(self) -> bool:  # type: ignore[override]
        """Whether the method inside does."""
        return self.inner.turns

    @property
    def judges(self) -> bool:  # type: ignore[override]
        """Whether the method inside does."""
        return self.inner.judges

    @property
    def tile_px(self) -> int:  # type: ignore[override]
        """What suits the method inside."""
        return self.inner.tile_px

    @property
    def bytes_per_px(self) -> int:  # type: ignore[override]
        """What the method inside takes."""
        return self.inner.bytes_per_px

    @property
    def images_held(self) -> int:  # type: ignore[override]
        """As many as the method inside."""
        return self.inner.images_held

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Statistics of the method inside."""
        return self.inner.summarise(obs, so_far)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The image of the method inside."""
        return self.inner.fuse(obs, stats)

    def support(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "y x"] | None:
        """That of the method inside."""
        return self.inner.support(obs, stats)

    def each(self, change: Callable[[Method], Method]) -> Method:
        """The same around another method; itself where nothing changes."""
        inner = change(self.inner)
        return self if inner is self.inner else replace(self, inner=inner)

    def ready(self, obs: Observation) -> Method:
        """With the method inside made ready."""
        return self.each(lambda method: method.ready(obs))

    def turned(self, look: Look) -> Method:
        """The same around the method inside, turned."""
        return self.each(lambda method: method.turned(look))

    def halo_px(self, ratio: float) -> int:
        """The halo of the method inside."""
        return self.inner.halo_px(ratio)

    def _repr_html_(self) -> str:
        """For notebooks: its card, and its fields."""
        card = self.card
        told = {"problem": card.problem, "family": card.family, "reference": card.citation, **self.parameters}
        return pairs(told, f"{card.name}, {card.title}")

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """What the method inside refuses."""
        self.inner.check(obs, shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the method inside."""
        return self.inner.parameters


__all__ = ["AS_IT_IS", "EIGHT", "INTERPOLATION", "LOWPASS", "Card", "Look", "Method", "Wrapper"]
