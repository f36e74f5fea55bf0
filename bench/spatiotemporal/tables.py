"""The tables of spatiotemporal fusion."""

from __future__ import annotations

from typing import Any

from bench.results import Column, Table, key_of

NAME = Column("method")
KINDS = ("as it is", "seamless")


def speed(found: dict[str, Any]) -> dict[str, Table]:
    """Seconds beside plain numpy, the budget and what was recorded of other programs."""
    lines = []
    for name, row in found.items():
        cells = [row[f"{kind}_{clock}"] for kind in ("ours", "published") for clock in ("s", "cpu_s")]
        lines.append([name, [*row["shape"], 3], *cells, row.get("numpy_s"), row["budget_s"], row["recorded"]])
    columns = [
        NAME, Column("scene", "{} x {} x {}"), Column("s", "{:.2f}"), Column("CPU s", "{:.2f}"),
        Column("published rule s", "{:.2f}"), Column("its CPU s", "{:.2f}"), Column("plain numpy CPU s", "{:.0f}"),
        Column("asked s", "{:g}"), Column("recorded, s", "{:g}"),
    ]  # fmt: skip
    return {"": Table(columns, lines)}


def growth(found: dict[str, list[dict[str, float]]]) -> dict[str, Table]:
    """Processor time and memory as scenes grow."""
    lines = [
        [
            name, *(row["ns_per_px"] / 1000 for row in rows),
            *([row["peak_mb"] - row["start_mb"], row["arrays_mb"]] for row in rows),
        ]
        for name, rows in found.items()
    ]  # fmt: skip
    sides = [f"{row['side']:g}" for row in next(iter(found.values()))]
    columns = [Column(f"us / px, {side}", "{:.2f}") for side in sides]
    columns += [Column(f"MB (arrays), {side}", "{:.0f} ({:.0f})") for side in sides]
    return {"": Table([NAME, *columns], lines)}


def accuracy(found: dict[str, dict[str, list[float]]]) -> dict[str, Table]:
    """RMSE band by band, a table for each scene."""
    made = {}
    for title, rows in found.items():
        count = len(next(iter(rows.values())))
        columns = [NAME, *(Column(f"RMSE band {band + 1}", "{:.1f}", best="min") for band in range(count))]
        made[key_of(title)] = Table(columns, [[name, *row] for name, row in rows.items()], caption=title)
    return made


def networks(found: dict[str, dict[str, dict[str, float]]]) -> dict[str, Table]:
    """Every method and network, case by case."""
    made = {}
    for title, rows in found.items():
        keys = [key for key, value in next(iter(rows.values())).items() if isinstance(value, float)]
        lines = [[name, *(row[key] for key in keys)] for name, row in rows.items()]
        made[key_of(title)] = Table([NAME, *(Column(key, "{:.4g}") for key in keys)], lines, caption=title)
    return made


def seams(found: list[dict[str, Any]]) -> dict[str, Table]:
    """Means over the cases: seams, errors and processor time without and with fading, and the worst seam."""
    lines = []
    for name in dict.fromkeys(row["method"] for row in found):
        own = {kind: [row for row in found if (row["method"], row["kind"]) == (name, kind)] for kind in KINDS}

        def mean(key: str, own: dict[str, list[dict[str, Any]]] = own) -> list[float]:
            return [sum(row[key] for row in rows) / len(rows) for rows in own.values()]

        worst = [max(row["seam"] for row in rows) for rows in own.values()]
        change = [after["rmse"] / before["rmse"] for before, after in zip(*own.values(), strict=True)]
        lines.append([
            name, mean("seam"), worst, mean("truth")[0], mean("rmse"), [min(change), max(change)], mean("cpu_s")
        ])  # fmt: skip
    two = "{:.2f}, {:.2f}"
    columns = [
        NAME, Column("seam, as it is and seamless", two), Column("worst", two), Column("of the true image", "{:.2f}"),
        Column("RMSE NDVI", "{:.4f}, {:.4f}"), Column("RMSE over that as it is: least, most", two),
        Column("CPU s", "{:.1f}, {:.1f}"),
    ]  # fmt: skip
    return {"": Table(columns, lines)}
