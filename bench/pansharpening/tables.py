"""The tables of refinement for BENCHMARKS.md, from bench/results/refine.json."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Rows = list[dict[str, Any]]
Table = Callable[[list[str], Iterable[list[str]]], str]
WITH_TRUTH, WITHOUT = ("ergas", "sam_deg", "q2n"), ("hqnr", "consistency_ergas", "pan_detail_cc")
SPOILED = "landsat7, "


def refinement(found: dict[str, Any], table: Table, titles: dict[str, str]) -> str:
    """Every method after N steps, group by group."""
    rows, steps = found["rows"], list(found["noise"]["0.25"])
    parts = []
    for group, title in titles.items():
        own = [row for row in rows if row["group"] == group and row["refine"] in steps]
        if own:
            keys = WITH_TRUTH if "ergas" in own[0] else WITHOUT
            lines = [
                [name, *_cells([r for r in own if r["method"] == name], steps, keys)]
                for name in dict.fromkeys(row["method"] for row in own)
            ]
            what = (
                "ERGAS / SAM / Q2n"
                if keys == WITH_TRUTH
                else "HQNR / consistency (ERGAS) / detail correlation with PAN"
            )
            parts.append(f"{title}: {what}\n\n" + table(["method", *(f"N = {n}" for n in steps)], lines))
    return "\n\n".join(parts)


def robustness(found: dict[str, Any], table: Table) -> str:
    """What a wrong MTF and noise do, on Landsat-7; and how much larger the noise of the MS becomes."""
    rows, steps = found["rows"], list(found["noise"]["0.25"])
    head = [*(f"N = {n}" for n in steps)]
    groups = ["landsat7", *dict.fromkeys(r["group"] for r in rows if r["group"].startswith(SPOILED))]
    names = {r["method"] for r in rows if r["group"] == groups[-1]}
    lines = [
        [
            group.removeprefix(SPOILED) if group != "landsat7" else "MTF 0.3, no noise added",
            *_cells([r for r in rows if r["group"] == group and r["method"] in names], steps, ("ergas", "sam_deg")),
        ]
        for group in groups
    ]
    noise = [[gain, *(f"{value:.2f}" for value in each.values())] for gain, each in found["noise"].items()]
    return "\n\n".join(
        [
            f"ERGAS / SAM, mean of {', '.join(sorted(names))}:\n\n" + table(["the MS", *head], lines),
            "White noise of the MS in the product, over that in the interpolated MS:\n\n"
            + table(["MTF at Nyquist", *head], noise),
        ]
    )


def variants(found: dict[str, Any], table: Table) -> str:
    """Other ways to solve the same equation, means over the methods that were compared."""
    rows = found["rows"]
    kinds = [kind for kind in dict.fromkeys(r["refine"] for r in rows) if not kind.isdigit()]
    names = {r["method"] for r in rows if r["refine"] == kinds[0]}
    lines = []
    for kind in ["0", "1", *kinds]:
        own = [r for r in rows if r["refine"] == kind and r["method"] in names]
        cells = [kind if not kind.isdigit() else f"step 1, N = {kind}"]
        for group, keys in (
            ("landsat7", WITH_TRUTH),
            ("very high resolution", WITH_TRUTH),
            ("full resolution", WITHOUT),
        ):
            cells += _cells([r for r in own if r["group"] == group], [kind], keys)
        lines.append(cells)
    lines[0][0] = "none"
    head = [
        "Landsat-7: ERGAS / SAM / Q2n",
        "very high resolution: the same",
        "full resolution: HQNR / consistency / detail",
    ]
    return table(["solver", *head], lines)


def _cells(rows: Rows, steps: list[str], keys: Iterable[str]) -> list[str]:
    """Means over images (and methods), one cell for each number of steps."""
    cells = []
    for step in steps:
        own = [row for row in rows if row["refine"] == step]
        means = (float(np.mean([row[key] for row in own])) for key in keys)
        cells.append(" / ".join(f"{value:.3f}" for value in means))
    return cells
