"""Each band by the method that suits it: several ready methods, of each some bands of the product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.methods.base import Method
from earthloom.methods.wrappers.several import Several
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class BandByBand(Several):
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

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the first method, and how the bands were given out."""
        return {**self.inner.parameters, "auto": self.chosen}

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
