"""Several coarse images at once: each has a method of its own, and their bands come together in one product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.methods.base import Look, Method, Wrapper
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand
from earthloom.problems.sharpening import COARSE
from earthloom.types import Float, Observation, ShownScene


@dataclass(frozen=True)
class EachCoarse(Wrapper):
    """A method for every coarse view, beside the fine bands that are kept.

    Where the fine view holds nothing, the product is the interpolated coarse band: no detail, but no hole either.

    Parameters
    ----------
    methods
        Role of a coarse view, and the method that sharpens it.
    order
        Where the bands of the product stand among those kept and those of every view; empty: in that order.
    """

    methods: tuple[tuple[str, Method], ...] = ()
    order: tuple[int, ...] = ()

    @classmethod
    def of(cls, methods: dict[str, Method], order: tuple[int, ...] = ()) -> EachCoarse:
        """Made of the methods by role."""
        return cls(next(iter(methods.values())), tuple(methods.items()), order)

    @property
    def rounds(self) -> int:  # type: ignore[override]
        """As many as the one that looks most often."""
        return max(method.rounds for _, method in self.methods)

    @property
    def turns(self) -> bool:  # type: ignore[override]
        """Whether any of them does."""
        return any(method.turns for _, method in self.methods)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Statistics of every view; one that has looked often enough keeps what it found."""
        found = {}
        for role, method in self.methods:
            before = None if so_far is None else so_far[role]
            found[role] = method.summarise(alone(obs, role), before)
        return Stats(found)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """All bands."""
        return self.fuse_measured(obs, stats)[0]

    def fuse_measured(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Stats]:
        """All bands, and how those that were sharpened came out."""
        return self.fuse_judged(obs, stats)[:2]

    def fuse_judged(
        self, obs: Observation, stats: Stats
    ) -> tuple[Float[np.ndarray, "band y x"], Stats, Float[np.ndarray, "y x"] | None]:
        """The same, and the root mean square over all bands of how far each is off; those that are kept are not."""
        parts = [obs["kept"].data] if "kept" in obs.views else []
        measured: Stats | None = None
        squares: np.ndarray | None = None
        for role, method in self.methods:
            own = alone(obs, role)
            image, more, off = method.fuse_judged(own, stats.get(role, Stats()))
            if not own["fine"].all_valid:
                image = np.where(own["fine"].valid, image, expand(own, role=COARSE))
                off = None if off is None else np.where(own["fine"].valid, off, np.nan)
            if off is not None:
                share = len(image) * np.square(off, dtype=np.float64)
                squares = share if squares is None else squares + share
            parts.append(image)
            measured = more if measured is None else measured + more
        assert measured is not None
        product = np.concatenate(parts) if len(parts) > 1 else parts[0]
        off = None if squares is None else np.sqrt(squares / len(product)).astype(product.dtype)
        return (product[list(self.order)] if self.order else product), measured, off

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """What a method refuses about its view."""
        for role, method in self.methods:
            method.check(alone(obs, role), shape)

    def ready(self, obs: Observation) -> Method:
        """With every method made ready for its view."""
        return self.each_view(lambda role, method: method.ready(alone(obs, role)))

    def halo_px(self, ratio: float) -> int:
        """The widest."""
        return max(method.halo_px(ratio) for _, method in self.methods)

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the method; what differs from view to view is named after it."""
        first = dict(self.methods[0][1].parameters)
        for role, method in self.methods[1:]:
            first |= {f"{name}_{role}": value for name, value in method.parameters.items() if first.get(name) != value}
        return first

    def turned(self, look: Look) -> Method:
        """With every method turned."""
        return self.each_view(lambda role, method: method.turned(look))

    def each_view(self, change: Callable[[str, Method], Method]) -> EachCoarse:
        """The same with other methods; itself where nothing changes."""
        changed = tuple((role, change(role, method)) for role, method in self.methods)
        if all(new is old for (_, new), (_, old) in zip(changed, self.methods, strict=True)):
            return self
        return replace(self, inner=changed[0][1], methods=changed)


def alone(obs: Observation, role: str) -> Observation:
    """What the method of one coarse view sees: it, and the fine bands."""
    return replace(obs, views={"fine": obs["fine"], COARSE: obs[role]})


@dataclass(frozen=True)
class OneCoarse(ShownScene):
    """A scene as the method of one of its coarse views sees it."""

    role: str

    def shown(self, obs: Observation) -> Observation:
        """The fine bands and that view."""
        return alone(obs, self.role)
