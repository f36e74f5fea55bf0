"""The tables of the viewer, from what its run measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from bench.results import Column, Table


def start(runs: Mapping[str, Sequence[Mapping[str, float]]]) -> Table:
    """From the command to a picture, and tiles that nothing has been asked for before: medians over fresh processes."""
    columns = [
        Column("file"), Column("tile of the whole, ms", "{:.0f}"), Column("tile of its own pixels, ms", "{:.0f}"),
        Column("command to address, s", "{:.2f}"), Column("command to first tile, s", "{:.2f}"),
        Column("processor time of that, s", "{:.2f}"),
        Column("command to picture in Chromium, s", "{:.2f}"),
    ]  # fmt: skip
    keys = ("whole_ms", "own_ms", "address_s", "tile_s", "processor_s", "picture_s")
    rows = [[name, *(_median(found, key) for key in keys)] for name, found in runs.items()]
    return Table(columns, rows)


def _median(found: Sequence[Mapping[str, float]], key: str) -> float | None:
    """Of the runs that measured it."""
    values = [one[key] for one in found if key in one]
    return median(values) if values else None


def burst(rounds: Sequence[Mapping[str, Any]]) -> Table:
    """Tiles asked for at once, again and again, and the memory of the program after each round."""
    columns = [
        Column("round"), Column("tiles asked for", "{:.0f}"), Column("served", "{:.0f}"), Column("s", "{:.1f}"),
        Column("memory, MiB", "{:.0f}"),
    ]  # fmt: skip
    rows = [[str(n), one["asked"], one["served"], one["s"], one["mib"]] for n, one in enumerate(rounds, 1)]
    return Table(columns, rows)
