"""A leaderboard: rows of a benchmark as means, spreads, ranks, and what can be told from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

from earthloom.benchmarking.figures import FIGURES
from earthloom.benchmarking.protocol import Protocol
from earthloom.benchmarking.row import Row
from earthloom.benchmarking.statistics import ALPHA, Ranking, Spread, ranked, spread
from earthloom.notebook import table as notebook_table


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """What a benchmark found.

    Parameters
    ----------
    protocol
        By which it was judged.
    entrants, scenes
        Names, in the order in which they were given.
    rows
        One for each entrant on each scene.
    notes
        What there is to say about the data.
    manifest
        By which somebody else gets the same; empty before it is made.
    pages
        Kind to the file that was written.
    """

    protocol: Protocol
    entrants: tuple[str, ...]
    scenes: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    pages: Mapping[str, str] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The figures, in the order of the protocol, that any row has."""
        return tuple(name for name in self.protocol.judge.metrics if any(name in row.figures for row in self.rows))

    def table(self, metric: str) -> dict[str, dict[str, float]]:
        """Entrant to scene to one figure."""
        found: dict[str, dict[str, float]] = {name: {} for name in self.entrants}
        for row in self.rows:
            if metric in row.figures:
                found[row.entrant][row.scene] = float(row.figures[metric])
        return found

    @cached_property
    def rankings(self) -> dict[str, Ranking]:
        """Figure to who is best by it."""
        return {name: ranked(self.table(name), FIGURES[name].lower, self.scenes) for name in self.metrics}

    @cached_property
    def spreads(self) -> dict[str, dict[str, Spread | None]]:
        """Entrant to figure to mean and spread."""
        tables = {name: self.table(name) for name in self.metrics}
        return {
            one: {name: spread(list(tables[name][one].values())) for name in self.metrics} for one in self.entrants
        }  # fmt: skip

    @property
    def ranking(self) -> Ranking:
        """By the figure that ranks."""
        rank = self.protocol.judge.rank
        return self.rankings.get(rank) or Ranking(self.entrants, dict.fromkeys(self.entrants, 1), {}, None, None)

    @property
    def failures(self) -> list[Row]:
        """What could not be judged."""
        return [row for row in self.rows if row.lost]

    @property
    def refusals(self) -> list[str]:
        """Which methods refused which scenes, and what stood in for them."""
        other, found = self.protocol.judge.refused, dict[str, list[str]]()
        for row in self.rows:
            if row.why and not row.lost:
                found.setdefault(row.entrant, []).append(row.scene)
        return [f"{name} refused {_listed(own)}: {other} counts there." for name, own in found.items()]

    def mark(self, name: str) -> str:
        """``=`` behind the place of one that cannot be told from the first."""
        against = self.ranking.against.get(name)
        return "=" if against is not None and not against.apart and not self.too_few else ""

    @property
    def too_few(self) -> bool:
        """Whether so few scenes can tell nobody apart."""
        least = self.ranking.least
        return bool(self.ranking.against) and (least is None or least >= ALPHA)

    def seconds(self, name: str) -> float | None:
        """Median time of fusing a scene: the first one compiles."""
        found = [row.seconds for row in self.rows if row.entrant == name and row.seconds is not None]
        return median(found) if found else None

    def counted(self, name: str) -> int:
        """Scenes that an entrant was judged on."""
        return sum(1 for row in self.rows if row.entrant == name and not row.lost)

    def verdict(self) -> str:
        """What the table tells, in words."""
        ranking, rank = self.ranking, self.protocol.judge.rank
        if not self.metrics:
            return "Nothing could be judged."
        first, count = ranking.order[0], len(self.scenes)
        words = f"{first} is first by {rank} on {count} scene{'s' * (count != 1)}."
        if not ranking.against:
            return words
        if self.too_few:
            reach = "" if ranking.least is None else f": the smallest p they can reach is {ranking.least:.2g}"
            return f"{words} So few scenes tell nobody apart{reach}."
        alike = ranking.alike()
        told = f"{_listed(alike)} cannot be told from it (p of {ALPHA:g} or more)" if alike else "All others are worse"
        floor = f"; differences below {ranking.noise:.2g} are noise" if ranking.noise is not None else ""
        return f"{words} {told}{floor}."

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        ranking = self.ranking
        board = []
        for name in ranking.order:
            against = ranking.against.get(name)
            board.append({
                "name": name, "place": ranking.places[name], "scenes": self.counted(name),
                "figures": {key: None if one is None else vars(one) for key, one in self.spreads[name].items()},
                "seconds": self.seconds(name), "against_first": None if against is None else vars(against),
                "told_from_first": None if against is None else against.apart,
            })  # fmt: skip
        return {
            "protocol": self.protocol.name, "problem": self.protocol.problem, "rank": self.protocol.judge.rank,
            "verdict": self.verdict(), "notes": list(self.notes), "leaderboard": board,
            "noise_floor": {name: one.noise for name, one in self.rankings.items()},
            "rows": [
                {"name": r.entrant, "scene": r.scene, "figures": dict(r.figures), "why": r.why} for r in self.rows
            ],
            "pages": dict(self.pages),
        }  # fmt: skip

    def cells(self, digits: int = 4) -> tuple[list[str], list[list[str]]]:
        """Heads and rows of the table, for people: place, name, mean and spread of each figure, seconds."""
        heads = ["", "name", *self.metrics, "scenes", "s"]
        lines = []
        for name in self.ranking.order:
            shown = [_shown(self.spreads[name][key], digits) for key in self.metrics]
            seconds = self.seconds(name)
            lines.append([
                f"{self.ranking.places[name]}{self.mark(name)}", name, *shown, str(self.counted(name)),
                "-" if seconds is None else f"{seconds:.2g}",
            ])  # fmt: skip
        return heads, lines

    def best(self) -> frozenset[tuple[int, int]]:
        """Row and column, as in :meth:`cells`, of the best of each figure."""
        order, found = self.ranking.order, set()
        for at, key in enumerate(self.metrics):
            first = self.rankings[key].order[0]
            same = [n for n in order if self.rankings[key].places[n] == 1 and self.spreads[n][key] is not None]
            found |= {(order.index(name), at + 2) for name in {first, *same}}
        return frozenset(found)

    def _repr_html_(self) -> str:
        """For notebooks."""
        heads, lines = self.cells()
        return notebook_table(heads, lines, self.verdict())

    def __str__(self) -> str:
        """A table for a terminal, and what it tells."""
        heads, lines = self.cells()
        best = self.best()
        marked = [[cell + " *"[(y, x) in best] for x, cell in enumerate(line)] for y, line in enumerate(lines)]
        wide = [max(len(row[x]) for row in [[f"{h} " for h in heads], *marked]) for x in range(len(heads))]
        pad = [str.ljust if x < 2 else str.rjust for x in range(len(heads))]
        shown = [
            "  ".join(pad[x](cell, wide[x]) for x, cell in enumerate(row)).rstrip()
            for row in [[f"{h} " for h in heads], *marked]
        ]
        shown.insert(1, "-" * max(map(len, shown)))
        lost = [f"{row.entrant} on {row.scene}: {row.why}" for row in self.failures]
        return "\n".join([*shown, "", self.verdict(), *self.notes, *lost])


def _shown(one: Spread | None, digits: int) -> str:
    """Mean and spread."""
    if one is None:
        return "-"
    text = f"{one.mean:.{digits}f}"
    return text if one.std is None else f"{text} ± {one.std:.{digits}f}"


def _listed(words: Sequence[str], most: int = 5) -> str:
    """Some of them in a sentence."""
    shown = list(words[:most])
    if len(words) > most:
        shown = [*shown, f"{len(words) - most} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
