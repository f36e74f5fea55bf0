"""Tables of bandpass alignment for BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Table = Callable[[list[str], list[list[str]]], str]
TITLES = {
    "GF-1 WFV1 to S2A": "Gaofen-1 WFV1 to Sentinel-2A, made of one AVIRIS scene, three of its nine squares held out, "
    "three times; two per cent noise; the same haze over both; haze over the source alone",
    "S2A to": "From Sentinel-2A, likewise",
    "CAVE": "Landsat-8 to Sentinel-2A, visible bands, 19 indoor scenes to learn from and three to judge",
    "Landsat-8/Sentinel-2": "One place in South Africa, ten days apart, each quarter of its rows held out: Sentinel-2 "
    "at the top of the atmosphere to Landsat-8 at the surface, 8 bits",
    "Gaofen-1/Sentinel-2": "Farmland seen on three days, 8-bit colours: each day from the two others; halves of a day "
    "from each other",
    "land cover": "Fitted on one land cover and judged on the other (NDVI above 0.4 or not)",
}
SPLIT = ("Landsat-8/Sentinel-2", "Gaofen-1/Sentinel-2", "land cover")  # a column for each case, not for each group


def accuracy(rows: list[dict[str, Any]], table: Table) -> str:
    """Relative RMSE in percent (mean of the bands) of every method on every group, by place held out."""
    parts = []
    for kind, title in TITLES.items():
        own = [row for row in rows if row["group"].startswith(kind)]
        if not own:
            continue
        cells: dict[str, dict[str, float]] = {}
        for row in own:
            found = row["cases"] if kind in SPLIT else {row["group"]: row["relative_rmse_percent"]}
            cells.setdefault(row["method"], {}).update(found)
        columns = list(dict.fromkeys(column for found in cells.values() for column in found))
        best = {c: min(found[c] for found in cells.values() if c in found) for c in columns}
        lines = [[name, *(_cell(found.get(c), best[c]) for c in columns)] for name, found in cells.items()]
        parts.append(f"### {title}\n\n{table(['relative RMSE, %', *columns], lines)}")
    return "\n\n".join(parts)


def weights(rows: list[dict[str, Any]], table: Table) -> str:
    """What shipped weights are worth without an image of the target's sensor."""
    columns = list(dict.fromkeys((row["weights"], row["condition"]) for row in rows))
    methods = dict.fromkeys(row["method"] for row in rows)
    cell = {(r["method"], r["weights"], r["condition"]): r["relative_rmse_percent"] for r in rows}
    best = {column: min(cell[method, *column] for method in methods) for column in columns}
    lines = [[name, *(_cell(cell[name, *column], best[column]) for column in columns)] for name in methods]
    return table(["relative RMSE, %", *(f"{name}, {condition}" for name, condition in columns)], lines)


def speed(found: dict[str, Any], table: Table) -> str:
    """Seconds and memory of applying a transform and of copying the file."""
    rows = {name: row for name, row in found.items() if isinstance(row, dict) and "wall_s" in row}
    own = rows["apply"]["wall_s"]
    lines = [
        [name, f"{r['wall_s']:.1f}", f"{r['cpu_s']:.1f}", f"{r['peak_gib']:.2f}", f"{own / r['wall_s']:.2f}"]
        for name, r in rows.items()
    ]
    return table(["", "s", "CPU s", "peak GiB", "apply takes, times this"], lines)


def _cell(value: float | None, best: float) -> str:
    if value is None:
        return ""
    return f"**{value:.3g}**" if value <= best else f"{value:.3g}"


def alignment(found: dict[str, Any], table: Table) -> dict[str, str]:
    """Sections by their names."""
    parts = {}
    if "alignment" in found:
        parts["alignment"] = accuracy(found["alignment"], table)
    if "alignment_weights" in found:
        parts["alignment_weights"] = weights(found["alignment_weights"], table)
    if "alignment_speed" in found:
        parts["alignment_speed"] = speed(found["alignment_speed"], table)
    return parts
