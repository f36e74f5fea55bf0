"""Several products judged alike, side by side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from earthloom.engine import arrays
from earthloom.errors import InputError
from earthloom.evaluation.meanings import best, meaning, rows_of
from earthloom.metrics.clouds import EVERYWHERE
from earthloom.notebook import Table, table
from earthloom.types import Report


@dataclass(frozen=True)
class Reports(Report):
    """Reports of several products of one scene, by their names, in the order in which they were given.

    It is the report of the first, and ``rows`` are all figures: of every product, then of what stands beside them (no
    fusion), which is the same for all. ``reports["a.tif"]`` is that of one, ``best`` says who has the best.
    """

    reports: Mapping[str, Report] = field(default_factory=dict)

    @classmethod
    def of(cls, reports: Mapping[str, Report]) -> Reports:
        """Made of at least one."""
        rows = {name: report.figures for name, report in reports.items()}
        for name, report in reports.items():
            if EVERYWHERE in report.rows:  # of the product too, where its figures are those under clouds
                rows[f"{name}, {EVERYWHERE}"] = report.rows[EVERYWHERE]
        for report in reports.values():
            for beside, figures in report.rows.items():
                if figures is not report.figures and beside != EVERYWHERE:
                    rows.setdefault(beside, figures)
        first = next(iter(reports.values()))
        return cls(first.title, first.figures, rows, first.notes, first.verdict, first.called, reports)

    def __getitem__(self, name: str) -> Report:
        return self.reports[name]

    @property
    def best(self) -> dict[str, str]:
        """The product that is best in each figure in which products can be; no fusion does not run."""
        found = {}
        for name in rows_of(self.rows):
            values = {who: report.figures[name] for who, report in self.reports.items() if name in report.figures}
            first = best(name, values)
            if first is not None and len(set(values.values())) > 1:
                found[name] = first
        return found

    def table(self) -> Table:
        """A figure a line, products side by side, then no fusion."""
        rows = self.rows
        lines = [[name, *(row.get(name, math.nan) for row in rows.values())] for name in rows_of(rows)]
        return Table(["figure", *rows], lines, self.title)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "title": self.title, "rows": {name: dict(row) for name, row in self.rows.items()}, "best": self.best,
            "products": {name: report.as_dict() for name, report in self.reports.items()},
        }  # fmt: skip

    def _repr_html_(self) -> str:
        """For notebooks: the table, the best marked by a star, and what is poor or asks for a look."""
        rows, first = self.rows, self.best
        lines = [
            [meaning(name).title, *(_cell(row.get(name), first.get(name) == who) for who, row in rows.items())]
            for name in rows_of(rows)
        ]
        said = [f"{name}: {line.about} {line.grade}, {line.words}" for name, report in self.reports.items()
                for line in report.verdict if line.matters]  # fmt: skip
        return table(["figure", *rows], lines, self.title, "; ".join(said))


def _cell(value: float | None, first: bool) -> str:
    """A figure, with a star where it is the best."""
    return "" if value is None else f"{value:.4g}{' *' if first else ''}"


def named(products: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Products by names that tell them apart: file names, with their folders where those are the same; numbers.

    Raises
    ------
    InputError
        If there is none, or one is there twice.
    """
    if isinstance(products, Mapping):
        return {str(name): one for name, one in products.items()}
    if not len(products):
        raise InputError("no product", "at least one")
    if not all(arrays.is_path(one) for one in products):
        return {f"product {at}": one for at, one in enumerate(products, 1)}
    every = Counter(Path(str(one)).name for one in products)
    found = {
        Path(str(one)).name if every[Path(str(one)).name] == 1 else "/".join(Path(str(one)).parts[-2:]): one
        for one in products
    }
    if len(found) < len(products):
        raise InputError(f"{len(products)} products, {len(found)} of them different", "each of them once")
    return found


def side_by_side(products: Mapping[str, Any], judge: Callable[[Any], Report]) -> Reports:
    """Judge each in turn.

    Raises
    ------
    EarthloomError
        If one cannot be judged.
    """
    return Reports.of({name: judge(one) for name, one in products.items()})


def is_several(product: Any) -> bool:
    """Whether more than one product is given: a list, a tuple, or names with products."""
    return isinstance(product, (list, tuple, Mapping))
