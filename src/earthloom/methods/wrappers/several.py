"""Several methods that make one product together, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from earthloom.errors import MethodError
from earthloom.methods.base import Card, Method, Wrapper
from earthloom.ops.moments import Stats
from earthloom.types import Observation


@dataclass(frozen=True)
class Several(Wrapper):
    """What is common to products of several ready methods: limits, statistics, memory; the first gives it its name.

    Parameters
    ----------
    parts
        Methods, the first of them the method inside, and what each contributes.
    """

    parts: tuple[tuple[Method, Any], ...] = ()

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
    def turns(self) -> bool:  # type: ignore[override]
        """Whether any of them does."""
        return any(method.turns for method, _ in self.parts)

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

    def halo_px(self, ratio: float) -> int:
        """The widest."""
        return max(method.halo_px(ratio) for method, _ in self.parts)

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """What any of them refuses."""
        for method, _ in self.parts:
            method.check(obs, shape)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Statistics of every method; one that looks once finds the same again."""
        found = {}
        for number, (method, _) in enumerate(self.parts):
            if method.rounds:
                before = so_far[f"part_{number}"] if so_far is not None and method.rounds > 1 else None
                found[f"part_{number}"] = method.summarise(obs, before)
        return Stats(found)

    def support(self, obs: Observation, stats: Stats) -> None:
        """That of several methods says nothing."""

    def each(self, change: Callable[[Method], Method]) -> Self:
        """The same with other methods; itself where nothing changes."""
        changed = tuple((change(method), share) for method, share in self.parts)
        if all(new is old for (new, _), (old, _) in zip(changed, self.parts, strict=True)):
            return self
        return replace(self, inner=changed[0][0], parts=changed)
