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
    return "\n\n".join(parts)


def _cell(column: str, value: float | None, best: float | None) -> str:
    """A figure, bold when best."""
    if value is None:
        return "-"
    digits = 4 if column.endswith("ssim") else 1 if column.endswith(("mae", "s_per_mpx")) else 2
    text = f"{value:.{digits}f}"
    return f"**{text}**" if value == best else text
