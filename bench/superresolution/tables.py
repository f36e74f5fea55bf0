"""The tables of hyperspectral super-resolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.results import Column, Table, key_of

COLUMNS = {
    "psnr": "PSNR dB, whole cube", "psnr_bands": "mean over bands", "ssim": "SSIM", "sam_deg": "SAM deg",
    "sam_bright_deg": "SAM, not dark", "ergas": "ERGAS",
}  # fmt: skip
LOWER = ("sam_deg", "sam_bright_deg", "ergas")


def accuracy(found: dict[str, dict[str, Any]]) -> dict[str, Table]:
    """Means over the scenes of a group, and PSNR of each."""
    made = {}
    for group, rows in found.items():
        scenes = list(next(iter(rows.values()))["scenes"])
        lines = [
            [
                name, *(row["mean"][key] for key in COLUMNS), *(row["scenes"][scene]["psnr"] for scene in scenes),
                row["parameters"], row["cpu_s"],
            ]
            for name, row in rows.items()
        ]  # fmt: skip
        columns = [Column(name, "{:.4g}", best="min" if key in LOWER else "max") for key, name in COLUMNS.items()]
        columns += [Column(f"PSNR {scene}", "{:.2f}") for scene in scenes]
        columns += [Column("parameters", "{:,}"), Column("CPU s", "{:.1f}")]
        made[key_of(group)] = Table([Column("method"), *columns], lines, caption=group)
    return made


def speed(seconds: Mapping[str, float], caption: str) -> dict[str, Table]:
    """Processor seconds of the published loop over bands and of ours; the first row is the loop."""
    loop = next(iter(seconds.values()))
    columns = [Column("CoarSR"), Column("CPU s", "{:.2f}"), Column("times as fast", "{:.2f}")]
    return {"": Table(columns, [[name, value, loop / value] for name, value in seconds.items()], caption=caption)}


def memory(peaks: Mapping[str, float], caption: str) -> dict[str, Table]:
    """Peak memory by method."""
    columns = [Column("method"), Column("peak GiB", "{:.2f}")]
    return {"": Table(columns, [[name, gib] for name, gib in peaks.items()], caption=caption)}
