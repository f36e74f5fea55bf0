"""A weighted mean of several methods: what each sees that the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import refined
from earthloom.methods.wrappers.several import Several
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

LEAST = 0.02  # weights below change nothing that is worth a second method


@dataclass(frozen=True)
class Mixed(Several):
    """``F = sum_k w_k F_k`` of methods k, their weights at least 0 and 1 together.

    Errors of methods that are made differently are not alike: their mean loses less than the best of them. Where every
    one agrees with what the coarse sensor saw, so does the mean.

    Parameters
    ----------
    parts
        A method, and its weight.
    names
        Of the methods, for the provenance.
    """

    parts: tuple[tuple[Method, float], ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, first: Method, others: Sequence[tuple[str, Method, float]]) -> Method:
        """A method, of which others take a part: itself where they have none worth it.

        Raises
        ------
        MethodError
            If weights are below 0, or above 1 together.
        """
        kept = [(name, method, float(weight)) for name, method, weight in others if abs(weight) >= LEAST]
        left = 1 - sum(weight for _, _, weight in kept)
        if left < -1e-6 or any(weight < 0 for _, _, weight in kept):
            raise MethodError(f"weights {[weight for *_, weight in kept]}", "none below 0, at most 1 together")
        if not kept:
            return first
        parts = ((first, max(left, 0.0)), *((method, weight) for _, method, weight in kept))
        return cls(first, parts, (first.card.name, *(name for name, *_ in kept)))

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the first method, and the weights."""
        shares = zip(self.names, self.parts, strict=True)
        return {**self.inner.parameters, "mixed": {name: round(weight, 3) for name, (_, weight) in shares}}

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The mean."""
        total: np.ndarray | None = None
        for number, (method, weight) in enumerate(self.parts):
            image = method.fuse(obs, stats.get(f"part_{number}", Stats()))
            share = image * image.dtype.type(weight)
            total = share if total is None else total + share
        assert total is not None
        return total


def rival_of(name: str, problem: str) -> Method:
    """A method without training by its name; ``NAME, refine=N`` is back-projected so often."""
    method, _, steps = name.partition(", refine=")
    return refined(catalog.make(method, problem), int(steps or 0))


def mixed(method: Method, beside: Sequence[tuple[str, float]]) -> Method:
    """A network and the methods that take a part of its product."""
    return Mixed.of(method, [(name, rival_of(name, method.card.problem), weight) for name, weight in beside])
