"""What an alignment comes down to: bands mixed, then looked up; the same for a line and for a network's tables."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.documents import field, numbers
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
        own = field(told, "mix", dict, "a mapping")
        parts = {name: numbers(own, name, "a mix", 2 if name == "matrix" else 1) for name in PARTS}
        count = len(parts["matrix"])
        if len(parts["constant"]) != count or len(parts["centre"]) != len(parts["spread"]):
            raise InputError("a mix of parts of several lengths", "a constant for each row, a spread for each centre")
        mix, tables, sigma = Mix(**parts), None, None
        if "tables" in told:
            own = field(told, "tables", dict, "a mapping")
            ends = {name: numbers(own, name, "tables") for name in ("first", "step")}
            tables = Tables.single(**ends, values=numbers(own, "values", "tables", 2))
            if {len(tables.first), len(tables.step), tables.values.shape[2]} != {count}:
                raise InputError("tables of several lengths", f"{count} of each")
        if "sigma" in told:
            rows = field(told, "sigma", list, "a mapping")
            if tables is None or len(rows) != count:
                raise InputError("sigma without its tables", "a row for each table")
            sigma = np.array([_errors(row, tables.values.shape[3]) for row in rows])
        return cls(mix, tables, sigma)

    @property
    def sizes(self) -> tuple[int, int]:
        """Bands of the source and of the target."""
        return len(self.mix.centre), len(self.mix.matrix)


def _errors(row: Any, count: int) -> np.ndarray:
    """Standard errors of a table's nodes; None where nothing was seen."""
    if not isinstance(row, list) or len(row) != count:
        raise InputError("a row of sigma", f"{count} numbers")
    known = [one for one in row if one is not None]
    found = np.full(count, np.inf)
    found[[one is not None for one in row]] = numbers({"row": known}, "row", "sigma")
    return found
