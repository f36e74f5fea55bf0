"""All bands of a whole Sentinel-2 tile at 10 m: minutes, and the most memory.

    python -m bench.sharpening.whole_tile [--side 10980] [--memory 2GiB] [--method gwr]

The tile is virtual: VRTs repeat a textured scene of 10, 20 and 60 m bands, so that nothing but the product lies on the
disk. Each run is a command in a process of its own. Recorded in bench/sharpening/results.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from bench import results
from bench.results import Column, Table
from earthloom.physics.resample import imresize

BASE = 1980  # fine pixels of the scene that is repeated
BANDS = {10: 4, 20: 6, 60: 2}
SEED = 3
COLUMNS = {  # of the table, and how they are written
    "side_px": "{}", "bands": "{}", "memory": "{}", "minutes": "{:.1f}", "cpu_minutes": "{:.1f}", "peak_gib": "{:.2f}",
    "product_gb": "{:.2f}", "load_before": "{:.1f}",
}  # fmt: skip


def scene(folder: Path) -> dict[int, Path]:
    """Bands of 10, 20 and 60 m mixed of four textures."""
    rng = np.random.default_rng(SEED)
    texture = imresize(rng.normal(size=(4, BASE // 5, BASE // 5)), 5) + 0.1 * rng.normal(size=(4, BASE, BASE))
    found = {}
    for metres, count in BANDS.items():
        image = 1500 + 200 * np.tensordot(rng.uniform(0.2, 1, (count, 4)), texture, 1)
        step = metres // 10
        image = image.reshape(count, BASE // step, step, BASE // step, step).mean((2, 4)).round().astype("uint16")
        found[metres] = folder / f"base_{metres}.tif"
        where = Affine(metres, 0, 4e5, 0, -metres, 5e6)
        with rasterio.open(
            found[metres], "w", "GTiff", BASE // step, BASE // step, count, "EPSG:32633", where, "uint16", tiled=True
        ) as file:
            file.write(image)
    return found


def repeated(base: Path, metres: int, side: int, folder: Path) -> Path:
    """A VRT that repeats a scene to ``side`` fine pixels."""
    own, whole = BASE // (metres // 10), side // (metres // 10)
    parts = []
    for band in range(1, BANDS[metres] + 1):
        sources = "".join(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{base.name}</SourceFilename><SourceBand>{band}'
            f'</SourceBand><SrcRect xOff="0" yOff="0" xSize="{min(own, whole - x)}" ySize="{min(own, whole - y)}"/>'
            f'<DstRect xOff="{x}" yOff="{y}" xSize="{min(own, whole - x)}" ySize="{min(own, whole - y)}"/>'
            "</SimpleSource>"
            for y in range(0, whole, own) for x in range(0, whole, own)
        )  # fmt: skip
        parts.append(f'<VRTRasterBand dataType="UInt16" band="{band}">{sources}</VRTRasterBand>')
    place = folder / f"tile_{metres}.vrt"
    place.write_text(
        f'<VRTDataset rasterXSize="{whole}" rasterYSize="{whole}"><SRS>EPSG:32633</SRS><GeoTransform>400000, {metres}, '
        f"0, 5000000, 0, -{metres}</GeoTransform>{''.join(parts)}</VRTDataset>"
    )
    return place


def measured(tiles: dict[int, Path], side: int, folder: Path, method: str, memory: str) -> dict[str, Any]:
    """One run of the command line."""
    out = folder / "all.tif"
    command = [
        sys.executable, "-m", "earthloom", "sharpen", "--fine", str(tiles[10]), "--coarse", str(tiles[20]),
         str(tiles[60]), "--keep-fine", "-m", method, "-o", str(out), "--memory", memory, "--quiet",
        "--compress", "none", "--overwrite",
    ]  # fmt: skip
    load, began = os.getloadavg()[0], time.perf_counter()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    assert status == 0, f"exit status {status}"
    with rasterio.open(out) as file:
        assert (file.count, file.width) == (sum(BANDS.values()), side)
    return {
        "method": method, "side_px": side, "bands": sum(BANDS.values()), "memory": memory,
        "minutes": round(seconds / 60, 2),
        "cpu_minutes": round((used.ru_utime + used.ru_stime) / 60, 2), "peak_gib": round(used.ru_maxrss / 2**20, 2),
        "product_gb": round(out.stat().st_size / 1e9, 2), "load_before": round(load, 1),
    }  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=10980)
    parser.add_argument("--memory", default="2GiB")
    parser.add_argument("--method", nargs="*", default=["gwr"])
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = scene(folder)
        tiles = {metres: repeated(base[metres], metres, asked.side, folder) for metres in BANDS}
        for method in asked.method:
            rows.append(measured(tiles, asked.side, folder, method, asked.memory))
            print(json.dumps(rows[-1]), flush=True)
    columns = [Column("method"), *(Column(name, how) for name, how in COLUMNS.items())]
    table = Table(columns, [[row["method"], *(row[name] for name in COLUMNS)] for row in rows])
    results.record("sharpening", "whole_tile", {"": table}, SEED)


if __name__ == "__main__":
    main()
