"""The tables of bandpass alignment."""

from __future__ import annotations

from typing import Any

from bench.results import Column, Table, key_of

HEAD = Column("relative RMSE, %")
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


def accuracy(rows: list[dict[str, Any]]) -> dict[str, Table]:
    """Relative RMSE in percent (mean of the bands) of every method on every group, by place held out."""
    made = {}
    for kind, title in TITLES.items():
        own = [row for row in rows if row["group"].startswith(kind)]
        if not own:
            continue
        cells: dict[str, dict[str, float]] = {}
        for row in own:
            found = row["cases"] if kind in SPLIT else {row["group"]: row["relative_rmse_percent"]}
            cells.setdefault(row["method"], {}).update(found)
        heads = list(dict.fromkeys(column for found in cells.values() for column in found))
        lines = [[name, *(found.get(head) for head in heads)] for name, found in cells.items()]
        made[key_of(kind)] = Table([HEAD, *map(_column, heads)], lines, title)
    return made


def weights(rows: list[dict[str, Any]]) -> dict[str, Table]:
    """What shipped weights are worth without an image of the target's sensor."""
    pairs = list(dict.fromkeys((row["weights"], row["condition"]) for row in rows))
    cell = {(r["method"], r["weights"], r["condition"]): r["relative_rmse_percent"] for r in rows}
    lines = [[name, *(cell[name, *pair] for pair in pairs)] for name in dict.fromkeys(row["method"] for row in rows)]
    return {"": Table([HEAD, *(_column(f"{name}, {condition}") for name, condition in pairs)], lines)}


def speed(found: dict[str, Any]) -> dict[str, Table]:
    """Seconds and memory of applying a transform and of copying the file."""
    rows = {name: row for name, row in found.items() if isinstance(row, dict) and "wall_s" in row}
    own = rows["apply"]["wall_s"]
    lines = [[name, r["wall_s"], r["cpu_s"], r["peak_gib"], own / r["wall_s"]] for name, r in rows.items()]
    columns = [
        Column("what"), Column("s", "{:.1f}"), Column("CPU s", "{:.1f}"), Column("peak GiB", "{:.2f}"),
        Column("apply takes, times this", "{:.2f}"),
    ]  # fmt: skip
    return {"": Table(columns, lines)}


def _column(name: str) -> Column:
    return Column(name, "{:.3g}", best="min")
