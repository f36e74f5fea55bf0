"""Each band by the method that suits it: several ready methods, of each some bands of the product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Card, Method, Wrapper
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class BandByBand(Wrapper):
    """Bands of several methods in one product, ``F_b = F_b`` of the method that makes band b.

    Every method sees all bands, so that a band is what the method alone would make of it.

    Parameters
    ----------
    parts
        A method, and which bands of the product are its.
    chosen
        How that came about, for the provenance.
    """

    parts: tuple[tuple[Method, tuple[int, ...]], ...] = ()
    chosen: str = ""

    @classmethod
    def of(cls, each: Sequence[Method], chosen: str = "") -> BandByBand:
        """Made of the method of every band."""
        parts: dict[Method, list[int]] = {}
        for band, method in enumerate(each):
            parts.setdefault(method, []).append(band)
        ordered = sorted(parts.items(), key=lambda part: -len(part[1]))  # the product is called after the first
        return cls(ordered[0][0], tuple((method, tuple(bands)) for method, bands in ordered), chosen)

    def __post_init__(self) -> None:
        """Refuse methods that look at the scene twice beside others that look thrice."""
        looks = {method.rounds for method, _ in self.parts} - {0, 1}
        if len(looks) > 1:
            raise MethodError(
                f"methods that look {' and '.join(map(str, sorted(looks)))} times at a scene", "once, or equally often"
            )

    @property
    def card(self) -> Card:  # type: ignore[override]
        """That of the first, as far as the others do not ask for more."""
        cards = [method.card for method, _ in self.parts]
        most = max((card.max_pixels for card in cards if card.max_pixels), default=None)
        return replace(
            self.inner.card, halo=max(card.halo for card in cards), local=all(card.local for card in cards),
            max_pixels=most, minimum=max(card.minimum for card in cards),
            min_bands=max(card.min_bands for card in cards),
        )  # fmt: skip

    @property
    def rounds(self) -> int:  # type: ignore[override]
        """As many as the one that looks most often."""
        return max(method.rounds for method, _ in self.parts)

    @property
    def tile_px(self) -> int:  # type: ignore[override]
        """The largest."""
        return max(method.tile_px for method, _ in self.parts)

    @property
    def bytes_per_px(self) -> int:  # type: ignore[override]
        """Of the one that takes most: they work one after the other."""
        return max(method.bytes_per_px for method, _ in self.parts)

    @property
    def images_held(self) -> int:  # type: ignore[override]
        """Of the one that holds most, and the product that is put together."""
        return max(method.images_held for method, _ in self.parts) + (len(self.parts) > 1)

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the first method, and how the bands were given out."""
        return {**self.inner.parameters, "auto": self.chosen}

    def halo_px(self, ratio: float) -> int:
        """The widest."""
        return max(method.halo_px(ratio) for method, _ in self.parts)

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """What any of them refuses."""
        for method, _ in self.parts:
            method.check(obs, shape)

    def ready(self, obs: Observation) -> Method:
        """With every method made ready."""
        return self._each(lambda method: method.ready(obs))

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Statistics of every method; one that looks once finds the same again."""
        found = {}
        for number, (method, _) in enumerate(self.parts):
            if method.rounds:
                before = so_far[f"part_{number}"] if so_far is not None and method.rounds > 1 else None
                found[f"part_{number}"] = method.summarise(obs, before)
        return Stats(found)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """All bands, each by its method."""
        product: np.ndarray | None = None
        for number, (method, bands) in enumerate(self.parts):
            image = method.fuse(obs, stats.get(f"part_{number}", Stats()))
            if product is None:
                product = image if len(self.parts) == 1 else image.copy()
            else:
                product[list(bands)] = image[list(bands)]
        assert product is not None
        return product

    def support(self, obs: Observation, stats: Stats) -> None:
        """That of several methods says nothing."""

    def _each(self, change: Callable[[Method], Method]) -> BandByBand:
        """The same with other methods."""
        changed = tuple((change(method), bands) for method, bands in self.parts)
        return replace(self, inner=changed[0][0], parts=changed)
