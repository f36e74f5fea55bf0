"""Tables of hyperspectral super-resolution for BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Table = Callable[[list[str], list[list[str]]], str]
RATIOS = (4, 2)
COLUMNS = {
    "psnr": "PSNR dB, whole cube", "psnr_bands": "mean over bands", "ssim": "SSIM", "sam_deg": "SAM deg",
    "sam_bright_deg": "SAM, not dark", "ergas": "ERGAS",
}  # fmt: skip
LOWER = ("sam_deg", "sam_bright_deg", "ergas")


def accuracy(found: dict[str, dict[str, Any]], table: Table) -> str:
    """Means over the scenes, and PSNR of each."""
    parts = []
    for group, rows in found.items():
        means = {name: row["mean"] for name, row in rows.items()}
        best = {k: (min if k in LOWER else max)(mean[k] for mean in means.values()) for k in COLUMNS}
        scenes = list(next(iter(rows.values()))["scenes"])
        lines = [
            [
                name, *(_bold(means[name][k], best[k]) for k in COLUMNS),
                *(f"{row['scenes'][scene]['psnr']:.2f}" for scene in scenes), f"{row['parameters']:,}",
                f"{row['cpu_s']:.1f}",
            ]
            for name, row in rows.items()
        ]  # fmt: skip
        head = ["method", *COLUMNS.values(), *(f"PSNR {scene}" for scene in scenes), "parameters", "CPU s"]
        parts.append(f"{group}\n\n{table(head, lines)}")
    return "\n\n".join(parts)


def _bold(value: float, best: float) -> str:
    return f"**{value:.4g}**" if value == best else f"{value:.4g}"


def superresolution(found: dict[str, Any], table: Table) -> dict[str, str]:
    """Sections by their names."""
    return {
        f"superresolution_{ratio}": accuracy(found[key], table)
        for ratio in RATIOS
        if (key := f"superresolution_{ratio}to1") in found
    }
