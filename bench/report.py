"""BENCHMARKS.md from bench/results/*.json and the discussion in bench/discussion.md.

python -m bench.report
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.bandpass.tables import alignment
from bench.cloud_removal.tables import decloud
from bench.networks.tables import networks
from bench.pansharpening.tables import refinement, robustness, variants
from bench.spatiotemporal.tables import temporal
from bench.superresolution.tables import superresolution

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench/results"
TARGET = ROOT / "BENCHMARKS.md"
TITLES = {
    "triplets": "Reduced resolution, MATLAB protocol: WorldView-3, Pleiades, Gaofen-2 x 2 (4:1, border cut 21)",
    "landsat7": "Reduced resolution, Landsat-7, six validation scenes (2:1, six bands, Wald with MTF 0.3 / 0.15)",
    "very high resolution": "Reduced resolution, GeoEye-1, IKONOS, WorldView-2 x 2 (4:1, Wald with each sensor's MTF)",
    "gaofen2": "Reduced resolution, Gaofen-2, four patches degraded by others without an MTF (4:1)",
    "full resolution": "Full resolution, no truth: GeoEye-1, IKONOS, WorldView-2 x 2 (4:1), Landsat-7 x 2 (2:1)",
}
LOWER = ("ergas", "sam_deg", "d_lambda", "d_s", "consistency_ergas", "seconds")


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def accuracy(rows: list[dict]) -> str:
    """Means over the images of a group, the best of each column in bold, and ERGAS image by image."""
    parts = []
    for group, title in TITLES.items():
        own = [row for row in rows if row["group"] == group]
        if not own:
            continue
        names, images = (list(dict.fromkeys(row[key] for row in own)) for key in ("method", "image"))
        keys = [key for key in own[0] if key not in ("group", "image", "method")]
        keys = [k for k in keys if k != "seconds"]
        means = {n: {k: float(np.mean([r[k] for r in own if r["method"] == n])) for k in keys} for n in names}
        best = {k: (min if k.startswith(LOWER) else max)(means[n][k] for n in names if n != "exp") for k in keys}
        order = sorted(names, key=lambda n: means[n].get("ergas", -means[n].get("hqnr", 0.0)))
        cells = [[n, *(_bold(means[n][k], best[k]) for k in keys)] for n in order]
        parts.append(f"### {title}\n\n{table(['method', *keys], cells)}")
        if "ergas" in keys:
            each = {(r["method"], r["image"]): r for r in own}
            lines = [[n, *(f"{each[n, i]['ergas']:.3f} / {each[n, i]['q2n']:.4f}" for i in images)] for n in order]
            parts.append("ERGAS / Q2n image by image:\n\n" + table(["method", *map(str, images)], lines))
    return "\n\n".join(parts)


def published(rows: list[dict]) -> str:
    """ERGAS / Q2n of the published formulas beside those of the defaults, means of two groups."""
    head, lines = ["method"], []
    for title in ("triplets", "Landsat-7"):
        head += [f"{title}, published", f"{title}, default"]
    groups = ("triplets published", "triplets", "landsat7 published", "landsat7")
    names = dict.fromkeys(row["method"] for row in rows)
    for name in names:
        cells = []
        for group in groups:
            own = [r for r in rows if r["group"] == group and r["method"] == name]
            own = own or [r for r in rows if r["group"] == group.removesuffix(" published") and r["method"] == name]
            cells.append(f"{np.mean([r['ergas'] for r in own]):.3f} / {np.mean([r['q2n'] for r in own]):.4f}")
        lines.append([name, *cells])
    return table(head, lines)


def _bold(value: float, best: float) -> str:
    """Four figures, bold when best."""
    return f"**{value:.4f}**" if value == best else f"{value:.4f}"


def landsat8(found: dict) -> str:
    """The georeferenced scene."""
    head = [
        "method",
        "seconds",
        "shift of the product against PAN (rows, columns; PAN px)",
        "consistency_ergas",
        "hqnr",
    ]
    return table(
        head,
        [
            [
                name, f"{r['seconds']:.1f}", f"{r['shift_y_px']:+.3f}, {r['shift_x_px']:+.3f}",
                f"{r['consistency_ergas']:.3f}", f"{r['hqnr']:.4f}",
            ]
            for name, r in found.items()
        ],
    )  # fmt: skip


def speed(found: dict) -> str:
    """Speed, start-up and memory."""
    rows = found["side_by_side"]
    theirs = rows.get("gdal_pansharpen", {}).get("work_s")
    brovey = rows["brovey"]["work_s"]
    cells = [
        [
            name, f"{r['whole_s']:.2f}", f"{r['start_s']:.2f}", f"{r['work_s']:.2f}", f"{r['mpx_s']:.0f}",
            f"{theirs / r['work_s']:.2f}" if theirs else "-", f"{r['work_s'] / brovey:.2f}",
        ]
        for name, r in rows.items()
    ]  # fmt: skip
    head = ["program or method", "whole s", "start s", "work s", "PAN Mpx/s", "x GDAL", "time / Brovey"]
    parts = [table(head, cells), table(["command", "s"], [[k, f"{v:.3f}"] for k, v in found["startup"].items()])]
    if "memory" in found:
        lines = [[k, f"{v['peak_gib']:.2f}", f"{v['seconds']:.0f}"] for k, v in found["memory"].items()]
        parts.append("PAN 30000 x 30000 (a VRT), 4 bands:\n\n" + table(["run", "peak GiB", "s"], lines))
    return "\n\n".join(parts)


def machine() -> str:
    """Machine and versions."""
    cpu = next(
        (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")),
        "?",
    )
    names = ("numpy", "numba", "scipy", "rasterio")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    gdal = (
        subprocess.run(["gdalinfo", "--version"], capture_output=True, text=True, check=False).stdout.split(",")[0]
        if _has("gdalinfo")
        else "no gdal-bin"
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {cpu}, {len(os.sched_getaffinity(0))} cores; "
        f"Python {platform.python_version()}, {versions}; {gdal} for gdal_pansharpen."
    )


def _has(program: str) -> bool:
    """Whether a program is installed."""
    return any((Path(folder) / program).exists() for folder in os.get_exec_path())


def sections() -> dict[str, str]:
    """What has been measured here, by the names of the discussion's placeholders."""
    found = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    parts = {"machine": machine()}
    if "accuracy" in found:
        parts |= {"accuracy": accuracy(found["accuracy"]), "published": published(found["accuracy"])}
    if "refine" in found:
        own = found["refine"]
        parts |= {"refinement": refinement(own, table, TITLES), "robustness": robustness(own, table)}
        parts["variants"] = variants(own, table)
    if "decloud" in found:
        parts["decloud"] = decloud(found["decloud"], table)
    if "networks" in found:
        parts |= networks(found["networks"], table)
    parts |= temporal(found, table) | superresolution(found, table) | alignment(found, table)
    if "landsat8" in found:
        parts["landsat8"] = landsat8(found["landsat8"])
    if "speed" in found:
        parts["speed"] = speed(found["speed"])
    return parts


def kept(name: str, old: str) -> str:
    """A section of the page as it is, between the marks that this program leaves."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", old, re.DOTALL)
    return found[1] if found else "Not measured yet."


def main() -> None:
    """Fill the discussion's placeholders with tables and write BENCHMARKS.md; what was not measured here stays."""
    old = TARGET.read_text(encoding="utf-8") if TARGET.is_file() else ""
    parts = sections()

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        return f"<!-- {name} -->\n{parts[name] if name in parts else kept(name, old)}\n<!-- end -->"

    text = (ROOT / "bench/discussion.md").read_text(encoding="utf-8")
    TARGET.write_text(re.sub(r"<!-- (\w+) -->", fill, text), encoding="utf-8")
    print(TARGET, "measured here:", ", ".join(parts))


if __name__ == "__main__":
    main()
