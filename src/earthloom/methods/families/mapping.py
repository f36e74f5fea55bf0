"""What an alignment comes down to: bands mixed, then looked up; the same for a line and for a network's tables."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.ops.lookup import TABULATED, Mix, Tables, look_up, remap, tabulated
from earthloom.types import Bool, Float, Shaped, representable

PARTS = ("matrix", "constant", "centre", "spread")  # of a mix
BUSY_PX = 1 << 18  # integer images of fewer pixels are not worth a table of every number


@dataclass(frozen=True)
class Mapping:
    """``y = L(mix(x))`` for every pixel.

    Parameters
    ----------
    mix
        Linear, or of second order.
    tables
        L, one cell; None: the mix is the result.
    sigma
        Standard error of every node of the tables (or of nothing); infinite where nothing was seen.
    """

    mix: Mix
    tables: Tables | None = None
    sigma: Float[np.ndarray, "target node"] | None = None

    @classmethod
    def lines(
        cls, partner: list[int], slope: Float[np.ndarray, " target"], constant: Float[np.ndarray, " target"], count: int
    ) -> Mapping:
        """A line for every target band from its partner among ``count`` source bands."""
        matrix = np.zeros((len(partner), count))
        matrix[np.arange(len(partner)), partner] = slope
        return cls(Mix.linear(matrix, np.asarray(constant, float)))

    @classmethod
    def looked_up(
        cls,
        partner: list[int],
        count: int,
        tables: Tables,
        sigma: Float[np.ndarray, "target node"] | None = None,
    ) -> Mapping:
        """A table for every target band, looked up with the numbers of its partner."""
        first = cls.lines(partner, np.ones(len(partner)), np.zeros(len(partner)), count)
        return cls(first.mix, tables, sigma)

    def __call__(
        self,
        image: Shaped[np.ndarray, "source y x"],
        valid: Bool[np.ndarray, "y x"] | None = None,
        dtype: np.dtype | str | None = None,
        nodata: float | None = None,
    ) -> Shaped[np.ndarray, "target y x"]:
        """The target's bands of an image, in its own floating point type or in ``dtype``; see :func:`remap`."""
        kind = np.dtype(dtype) if dtype is not None else image.dtype if image.dtype.kind == "f" else np.dtype("f4")
        few = image.dtype.name in TABULATED and self.mix.single
        if few and image[0].size >= BUSY_PX and representable(kind, nodata):
            partner = [int(np.abs(row).argmax()) for row in self.mix.matrix]
            entries = tabulated(self.mix, self.tables, image.dtype, kind, nodata)
            fill = nodata if nodata is not None else np.nan if kind.kind == "f" else 0
            return look_up(image, valid, entries, partner, fill)
        return remap(image, valid, self.mix, self.tables, dtype=kind, nodata=nodata)

    def between(
        self,
        gain: tuple[Float[np.ndarray, " source"], Float[np.ndarray, " target"]],
        shift: tuple[Float[np.ndarray, " source"], Float[np.ndarray, " target"]],
    ) -> Mapping:
        """The same mapping between stored numbers n and m: ``x = gain_0 n + shift_0``, ``y = gain_1 m + shift_1``."""
        mix = self.mix.scaled(gain[0], shift[0])
        if self.tables is None:
            return replace(self, mix=mix.into(1 / gain[1], -shift[1] / gain[1]))
        values = (self.tables.values - shift[1][:, None]) / gain[1][:, None]
        sigma = None if self.sigma is None else self.sigma / np.abs(gain[1])[:, None]
        return Mapping(mix, replace(self.tables, values=values), sigma)

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        mix, told = self.mix, {}
        told["mix"] = {name: getattr(mix, name).tolist() for name in PARTS}
        if self.tables is not None:
            tables = self.tables
            told["tables"] = {
                "first": tables.first.tolist(), "step": tables.step.tolist(), "values": tables.values[0, 0].tolist()
            }  # fmt: skip
        if self.sigma is not None:
            told["sigma"] = [[v if np.isfinite(v) else None for v in row] for row in self.sigma.tolist()]
        return told

    @classmethod
    def of(cls, told: Dictionary[str, Any]) -> Mapping:
        """From plain numbers.

        Raises
        ------
        InputError
            If they make no mapping.
        """
        try:
            mix = Mix(**{name: np.array(told["mix"][name], float) for name in PARTS})
            tables = None
            if "tables" in told:
                own = {name: np.array(told["tables"][name], float) for name in ("first", "step", "values")}
                tables = Tables.single(**own)
            sigma = None
            if "sigma" in told:
                sigma = np.array([[np.inf if v is None else v for v in row] for row in told["sigma"]], float)
        except (KeyError, TypeError, ValueError) as wrong:
            raise InputError(f"a mapping that cannot be read ({wrong})", "one written by this version") from wrong
        return cls(mix, tables, sigma)
