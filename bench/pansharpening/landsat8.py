"""The whole path on a georeferenced scene: Landsat-8, eight bands from 30 m to 15 m by every method.

    python -m bench.pansharpening.landsat8

Recorded in bench/pansharpening/results.json: seconds of the command, the displacement of the product against the PAN
(median over blocks that the quality band calls clear; clouds lie elsewhere in PAN than in MS), and the consistency with
the MS.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio

from bench import results
from bench.data import SHARPENING
from bench.pansharpening import tables
from bench.pansharpening.accuracy import classical
from bench.pansharpening.speed import EARTHLOOM
from earthloom.physics.shift import fit_shift
from earthloom.types import Band, Observation, View
from earthloom.verbs.evaluate import evaluate

SCENE, BLOCK = SHARPENING / "landsat8_p020r039", 100


def read(path: Path) -> np.ndarray:
    """All bands of a file."""
    with rasterio.open(path) as file:
        return file.read()


def clear_blocks() -> list[tuple[int, int]]:
    """Corners of blocks with less than 2 % cloud or cirrus."""
    quality = read(SCENE / "l8_BQA.tif")[0]
    cloudy = np.isin(quality >> 14 & 3, [2, 3]) | (quality >> 12 & 3 == 3)
    cloudy = np.kron(cloudy, np.ones((2, 2), bool))[:1205, :1253]
    corners = [(y, x) for y in range(0, 1205 - BLOCK, BLOCK) for x in range(0, 1253 - BLOCK, BLOCK)]
    return [(y, x) for y, x in corners if cloudy[y : y + BLOCK, x : x + BLOCK].mean() < 0.02]


def residual(data: np.ndarray, blocks: list[tuple[int, int]]) -> tuple[float, float]:
    """Displacement of a product against the PAN in PAN pixels."""
    pan = read(SCENE / "l8_B8.tif")[:, 1:1206, 1:1254].astype(np.float32)
    bands, valid, found = tuple(Band(str(i)) for i in range(len(data))), np.ones((BLOCK, BLOCK), bool), []
    for y, x in blocks:
        part = (slice(None), slice(y, y + BLOCK), slice(x, x + BLOCK))
        product = View(data[part].astype(np.float32), valid, bands)
        shift = fit_shift(Observation({"pan": View(pan[part], valid, (Band("pan"),)), "ms": product}, (BLOCK, BLOCK)))
        if shift is not None:
            found.append((shift.y, shift.x))
    y, x = np.median(found, axis=0)
    return float(y), float(x)


def main() -> None:
    """Measure and save."""
    if not SCENE.is_dir():
        sys.exit(f"{SCENE} is not there; set EARTHLOOM_SHARED")
    rows, blocks = {}, clear_blocks()
    with tempfile.TemporaryDirectory(prefix="earthloom-bench-") as folder:
        for name in classical():
            out, began = Path(folder) / f"{name}.tif", time.perf_counter()
            command = [EARTHLOOM, "pansharpen", "--pan", SCENE, "--ms", SCENE, "-o", out, "-m", name, "-q"]
            subprocess.run([str(part) for part in command], check=True, capture_output=True)
            seconds = time.perf_counter() - began
            y, x = residual(read(out), blocks)
            figures = evaluate(str(out), pan=str(SCENE), ms=str(SCENE)).figures
            rows[name] = {
                "seconds": seconds, "shift_y_px": y, "shift_x_px": x,
                "consistency_ergas": figures["consistency_ergas"], "hqnr": figures["hqnr"],
            }  # fmt: skip
            print(name, {key: round(value, 4) for key, value in rows[name].items()}, flush=True)
    results.keep("pansharpening_landsat8", rows)
    results.record("pansharpening", "landsat8", tables.landsat8(rows), results.NOTHING_DRAWN)


if __name__ == "__main__":
    main()
