"""Tables of cloud removal for BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

TITLES = {
    "simulated": "Simulated clouds and shadows on five clear Sentinel-2 images with Sentinel-1 ({} cases)",
    "transplanted": "A real cloud transplanted onto the same five images",
    "dates": "Simulated clouds on three cities, another real date beside them, no SAR (4 bands, {} cases)",
    "real": "The real SEN12MS-CR triplet: all of it under cloud shadow, no clear pixel to learn from",
}
BESIDE = ("cloudy input", "inpaint", "sar_regression")
NETWORKS = {  # table: rows of the network, over the cases that all of them hold
    "CF2N with weights of the other places (leave one out), {} cases": ("cf2n, weights", "cf2n, weights, 8 ways"),
    "CF2N adapted to the scene for 100 steps, {} cases": ("cf2n, adapted from random",),
    "The same beginning with weights of the other places, {} cases": (
        "cf2n, weights", "cf2n, adapted from random", "cf2n, adapted from weights",
    ),
}  # fmt: skip
HIGHER = ("psnr", "ssim")
COLUMNS = ("psnr", "ssim", "sam_deg", "mae", "all_psnr", "all_ssim", "all_sam_deg", "all_mae", "s_per_mpx")


def decloud(rows: list[dict], table: Callable[[list[str], list[list[str]]], str]) -> str:
    """Means over the cases of each group, the best of each column in bold."""
    parts = []
    for group, title in TITLES.items():
        own = [row for row in rows if row["group"] == group]
        cases = {row["image"] for row in own}
        by_method: dict[str, list[dict]] = {}
        for row in own:
            by_method.setdefault(row["method"], []).append(row)
        means = {  # a method that cannot work on every case has no mean to compare
            name: {c: float(np.mean([r[c] for r in found])) for c in COLUMNS if c in found[0]}
            for name, found in by_method.items()
            if len(found) == len(cases)
        }
        best = {c: (max if c.endswith(HIGHER) else min)(m[c] for m in means.values()) for c in COLUMNS[:-1]}
        lines = [
            [n, *(_cell(c, means[n].get(c), best.get(c)) for c in COLUMNS)]
            for n in sorted(means, key=lambda n: means[n]["psnr"])
        ]
        parts.append(f"### {title.format(len(cases))}\n\n{table(['method', *COLUMNS], lines)}")
    return "\n\n".join([*parts, *networks(rows, table)])


def networks(rows: list[dict], table: Callable[[list[str], list[list[str]]], str]) -> list[str]:
    """PSNR under clouds of every place that was left out, and means of every figure."""
    parts = []
    for title, own in NETWORKS.items():
        by_case: dict[tuple[str, str], dict[str, dict]] = {}
        for row in rows:
            by_case.setdefault((row["group"], row["image"]), {})[row["method"]] = row
        names = (*BESIDE, *own)
        cases = {case: found for case, found in by_case.items() if all(name in found for name in names)}
        if not cases:
            continue
        places = sorted({image.split()[0] for _, image in cases})
        figures = {
            name: {
                **{p: _mean([f[name]["psnr"] for (_, i), f in cases.items() if i.split()[0] == p]) for p in places},
                **{c: _mean([f[name][c] for f in cases.values()]) for c in COLUMNS[:-1]},
            }
            for name in names
        }
        columns = (*places, *COLUMNS[:-1])
        best = {c: (max if c in places or c.endswith(HIGHER) else min)(f[c] for f in figures.values()) for c in columns}
        lines = [[name, *(_cell(c, figures[name][c], best[c]) for c in columns)] for name in names]
        parts.append(f"### {title.format(len(cases))}\n\n{table(['method', *columns], lines)}")
    return parts


def _mean(values: list[float]) -> float:
    return float(np.mean(values))


def _cell(column: str, value: float | None, best: float | None) -> str:
    """A figure, bold when best."""
    if value is None:
        return "-"
    digits = 4 if column.endswith("ssim") else 1 if column.endswith(("mae", "s_per_mpx")) else 2
    text = f"{value:.{digits}f}"
    return f"**{text}**" if value == best else text
