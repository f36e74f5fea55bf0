"""The tables of cloud removal, from the rows of `python -m bench.cloud_removal.run`."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.results import Column, Table

Rows = list[dict[str, Any]]
TITLES = {
    "simulated": "Simulated clouds and shadows on five clear Sentinel-2 images with Sentinel-1 ({} cases)",
    "transplanted": "A real cloud transplanted onto the same five images",
    "dates": "Simulated clouds on three cities, another real date beside them, no SAR (4 bands, {} cases)",
    "real": "The real SEN12MS-CR triplet: all of it under cloud shadow, no clear pixel to learn from",
}
BESIDE = ("cloudy input", "inpaint", "sar_regression")
NETWORKS = {  # key: title, and rows of the network, over the cases that all of them hold
    "weights": (
        "CF2N with weights of the other places (leave one out), {} cases", ("cf2n, weights", "cf2n, weights, 8 ways"),
    ),
    "adapted": ("CF2N adapted to the scene for 100 steps, {} cases", ("cf2n, adapted from random",)),
    "adapted_weights": (
        "The same beginning with weights of the other places, {} cases",
        ("cf2n, weights", "cf2n, adapted from random", "cf2n, adapted from weights"),
    ),
}  # fmt: skip
HIGHER = ("psnr", "ssim")
FIGURES = ("psnr", "ssim", "sam_deg", "mae", "all_psnr", "all_ssim", "all_sam_deg", "all_mae")
SECONDS = "s_per_mpx"


def decloud(rows: Rows) -> dict[str, Table]:
    """Means over the cases of each group."""
    made = {}
    for group, title in TITLES.items():
        own = [row for row in rows if row["group"] == group]
        if not own:
            continue
        cases = {row["image"] for row in own}
        by_method: dict[str, Rows] = {}
        for row in own:
            by_method.setdefault(row["method"], []).append(row)
        means = {  # a method that cannot work on every case has no mean to compare
            name: {c: float(np.mean([r[c] for r in found])) for c in (*FIGURES, SECONDS) if c in found[0]}
            for name, found in by_method.items()
            if len(found) == len(cases)
        }
        lines = [
            [name, *(means[name].get(c) for c in (*FIGURES, SECONDS))]
            for name in sorted(means, key=lambda name: means[name]["psnr"])
        ]
        columns = [Column("method"), *(_column(c) for c in FIGURES), Column(SECONDS, "{:.1f}")]
        made[group] = Table(columns, lines, title.format(len(cases)))
    return made


def networks(rows: Rows) -> dict[str, Table]:
    """PSNR under clouds of every place that was left out, and means of every figure."""
    made = {}
    for key, (title, own) in NETWORKS.items():
        by_case: dict[tuple[str, str], dict[str, dict]] = {}
        for row in rows:
            by_case.setdefault((row["group"], row["image"]), {})[row["method"]] = row
        names = (*BESIDE, *own)
        cases = {case: found for case, found in by_case.items() if all(name in found for name in names)}
        if not cases:
            continue
        places = sorted({image.split()[0] for _, image in cases})
        lines = [
            [
                name,
                *(_mean([f[name]["psnr"] for (_, i), f in cases.items() if i.split()[0] == p]) for p in places),
                *(_mean([f[name][c] for f in cases.values()]) for c in FIGURES),
            ]
            for name in names
        ]  # fmt: skip
        columns = [Column(place, "{:.2f}", best="max") for place in places] + [_column(c) for c in FIGURES]
        made[key] = Table([Column("method"), *columns], lines, title.format(len(cases)))
    return made


def _mean(values: list[float]) -> float:
    return float(np.mean(values))


def _column(name: str) -> Column:
    """A figure."""
    digits = 4 if name.endswith("ssim") else 1 if name.endswith("mae") else 2
    return Column(name, f"{{:.{digits}f}}", best="max" if name.endswith(HIGHER) else "min")
