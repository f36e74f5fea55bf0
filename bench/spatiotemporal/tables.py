"""Tables of spatiotemporal fusion for BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Table = Callable[[list[str], list[list[str]]], str]


def temporal_speed(found: dict[str, Any], table: Table) -> str:
    """Seconds beside plain numpy, the budget and what was recorded of other programs."""
    lines = []
    for name, row in found.items():
        others = "; ".join(f"{who} {seconds:g}" for who, seconds in row["recorded"].items())
        plain = f"{row['numpy_s']:.0f}" if "numpy_s" in row else "-"
        cells = [f"{row[f'{kind}_{clock}']:.2f}" for kind in ("ours", "published") for clock in ("s", "cpu_s")]
        size = "{} x {} x 3".format(*row["shape"])
        lines.append([name, size, *cells, plain, f"{row['budget_s']:g}", others])
    head = ["method", "scene", "s", "CPU s", "published rule s", "CPU s", "plain numpy CPU s", "asked s", "recorded, s"]
    return table(head, lines)


def growth(found: dict[str, list[dict[str, float]]], table: Table) -> str:
    """Processor time and memory as scenes grow."""
    lines = [
        [
            name, *(f"{row['ns_per_px'] / 1000:.2f}" for row in rows),
            *(f"{row['peak_mb'] - row['start_mb']:.0f} ({row['arrays_mb']:.0f})" for row in rows),
        ]
        for name, rows in found.items()
    ]  # fmt: skip
    sides = [f"{row['side']:g}" for row in next(iter(found.values()))]
    return table(["method", *(f"us / px, {s}" for s in sides), *(f"MB (arrays), {s}" for s in sides)], lines)


def accuracy(found: dict[str, dict[str, list[float]]], table: Table) -> str:
    """RMSE band by band, a table for each scene."""
    parts = []
    for title, rows in found.items():
        count = len(next(iter(rows.values())))
        best = [min(row[band] for row in rows.values()) for band in range(count)]
        lines = [
            [name, *(f"**{v:.1f}**" if v == low else f"{v:.1f}" for v, low in zip(row, best, strict=True))]
            for name, row in rows.items()
        ]
        parts.append(f"{title}\n\n" + table(["method", *(f"RMSE band {b + 1}" for b in range(count))], lines))
    return "\n\n".join(parts)


def networks(found: dict[str, dict[str, dict[str, float]]], table: Table) -> str:
    """Every method and network, case by case."""
    parts = []
    for title, rows in found.items():
        keys = [key for key, value in next(iter(rows.values())).items() if isinstance(value, float)]
        lines = [[name, *(f"{row[key]:.4g}" for key in keys)] for name, row in rows.items()]
        parts.append(f"{title}\n\n" + table(["method", *keys], lines))
    return "\n\n".join(parts)


def temporal(found: dict[str, Any], table: Table) -> dict[str, str]:
    """The sections that were measured."""
    made, own = {}, found.get("spatiotemporal", {})
    for part, write in (("speed", temporal_speed), ("growth", growth), ("accuracy", accuracy)):
        if part in own:
            made[f"temporal_{part}"] = write(own[part], table)
    if "temporal_networks" in found:
        made["temporal_networks"] = networks(found["temporal_networks"], table)
    return made
