"""Speed of applying an alignment beside copying the same file with the same compression through rasterio.

    python -m bench.bandpass.speed [--side 10980] [--repeat 3] [--method ols]

Makes a four-band uint16 COG, fits a method to a part of it, applies the transform to the whole in a process of its own,
and copies the file with GDAL's COG driver and the same options, likewise: with overviews made anew as for any product,
with those of the source, and without. Prints best wall and process times, peak memory, and ratios as JSON; recorded in
bench/bandpass/results.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.transform import from_origin

from bench import results
from bench.bandpass import tables

NAMES = ("blue", "green", "red", "nir")
SEED = 0  # of the scene
SIDE = 10980  # of a Sentinel-2 tile
TIMED = """
import json, sys, time
began, used = time.perf_counter(), time.process_time()
{body}
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 2**20
print(json.dumps({{"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - used, "peak_gib": peak}}))
"""
COPY = """
import os, rasterio, rasterio.shutil
with rasterio.Env(GDAL_CACHEMAX=256):
    rasterio.shutil.copy({source!r}, {output!r}, driver="COG", COMPRESS="ZSTD", LEVEL=1, PREDICTOR="YES",
        BLOCKSIZE=512, OVERVIEW_RESAMPLING="AVERAGE", NUM_THREADS=len(os.sched_getaffinity(0)), BIGTIFF="IF_SAFER",
        OVERVIEWS={overviews!r})
"""
COPIES = {"copy": "IGNORE_EXISTING", "copy of the overviews too": "AUTO", "copy without overviews": "NONE"}
APPLY = """
from earthloom.cli.main import _run
assert _run(["align", "apply", {transform!r}, {source!r}, "-o", {output!r}, "--overwrite", "-q"], True) == 0
"""


def scene(path: Path, side: int, seed: int = SEED) -> None:
    """A COG like a Sentinel-2 tile: structure, noise of a few numbers, a corner without data."""
    rng = np.random.default_rng(seed)
    raw = path.with_suffix(".raw.tif")
    profile = {
        "driver": "GTiff", "height": side, "width": side, "count": 4, "dtype": "uint16", "nodata": 0, "tiled": True,
        "blockxsize": 512, "blockysize": 512, "crs": "EPSG:32631", "transform": from_origin(500000, 5700000, 10, 10),
    }  # fmt: skip
    with rasterio.open(raw, "w", **profile) as file:
        file.descriptions = NAMES
        for y in range(0, side, 512):
            height = min(512, side - y)
            rows, cols = np.mgrid[y : y + height, :side].astype(np.float32)
            ground = np.sin(rows / 37) * np.cos(cols / 53) + 0.5 * np.sin((rows + cols) / 11)
            for band in range(4):
                image = 900 + 300 * band + 200 * ground + 120 * np.sin(cols / (17 + 9 * band))
                image += rng.normal(0, 25, image.shape)
                image[(rows + cols) < side / 4] = 0
                file.write(image.clip(0).astype("uint16"), band + 1, window=((y, y + height), (0, side)))
    rasterio.shutil.copy(raw, path, driver="COG", COMPRESS="ZSTD", LEVEL=1, PREDICTOR="YES", BLOCKSIZE=512)
    raw.unlink()


def timed(body: str) -> dict[str, float]:
    """A piece of code in a process of its own."""
    done = subprocess.run([sys.executable, "-c", TIMED.format(body=body)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def fitted(folder: Path, source: Path, method: str) -> Path:
    """A transform fitted to a corner of the scene and a made-up target."""
    import earthloom

    with rasterio.open(source) as file:
        side = min(1024, file.height)
        window = ((file.height - side, file.height), (file.width - side, file.width))
        image = file.read(window=window)
        profile = {
            "driver": "GTiff", "height": side, "width": side, "count": 4, "dtype": "uint16", "nodata": 0,
            "crs": file.crs, "transform": file.transform,
        }  # fmt: skip
    target = np.where(image > 0, image * 1.05 + 30, 0).astype("uint16")
    for name, data in (("s.tif", image), ("t.tif", target)):
        with rasterio.open(folder / name, "w", **profile) as file:
            file.descriptions = NAMES
            file.write(data)
    found = earthloom.fit_alignment(
        folder / "s.tif", folder / "t.tif", source_sensor="sentinel2a", target_sensor="gaofen1_wfv", method=method
    )
    return found.save(folder / "transform.json")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=SIDE, help="another size is not recorded")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--method", default="monotone_lut")
    parser.add_argument("--folder", default=None, help="where the scene lies, some GB")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=told.folder) as made:
        folder = Path(made)
        source = folder / "scene.tif"
        scene(source, told.side)
        transform = fitted(folder, source, told.method)
        rows: dict[str, dict[str, float]] = {}
        for name, body in (
            *(
                (name, COPY.format(source=str(source), output=str(folder / "copy.tif"), overviews=overviews))
                for name, overviews in COPIES.items()
            ),
            ("apply", APPLY.format(transform=str(transform), source=str(source), output=str(folder / "out.tif"))),
        ):
            runs = [timed(body) for _ in range(told.repeat)]
            rows[name] = {key: min(run[key] for run in runs) for key in runs[0]}
        ratios = {name: rows["apply"]["wall_s"] / rows[name]["wall_s"] for name in COPIES}
        found = {"side": told.side, "method": told.method, **rows, "wall time over": ratios}
        print(json.dumps(found, indent=1))
        if told.side == SIDE:
            results.record("bandpass", "speed", tables.speed(found), SEED)


if __name__ == "__main__":
    main()
