"""Speed beside gdal_pansharpen, start-up times, and peak memory; recorded in bench/pansharpening/results.json.

    python -m bench.pansharpening.speed [--runs N] [--memory]

One scene (PAN 8192 x 8192, 4 bands 2048 x 2048, uint16), every program on two threads, uncompressed tiled output, in
turn, the output removed before each run. The fixed cost of a process (interpreter, imports, loading of
compiled kernels) is measured on a 64 x 64 scene and told apart.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench import results
from bench.pansharpening import tables

SEED = 0  # of the scene
SIDE, RATIO, BANDS, THREADS = 8192, 4, 4, 2
METHODS = (
    "brovey",
    "gsa",
    "mtf_glp_hpm",
    "exp",
    "gs",
    "pca",
    "bt_h",
    "bdsd_pc",
    "pracs",
    "sfim",
    "awlp",
    "mtf_glp",
    "mtf_glp_fs",
)
EARTHLOOM = str(Path(sys.executable).with_name("earthloom"))


def make_scene(folder: Path, side: int) -> tuple[Path, Path]:
    """A textured scene: PAN, and four bands that follow it to different degrees."""
    import rasterio
    from rasterio.transform import from_origin

    rng = np.random.default_rng(SEED)
    small = max(side // 64, 1)
    rough = np.kron(rng.normal(size=(small, small)), np.ones((side // small, side // small)))
    pan = np.clip(600 + 120 * rough + 40 * rng.normal(size=(side, side)), 1, 2047).astype(np.uint16)
    low = pan.reshape(side // RATIO, RATIO, side // RATIO, RATIO).mean(axis=(1, 3))
    profile = {
        "driver": "GTiff",
        "dtype": "uint16",
        "crs": "EPSG:32633",
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
    }
    pan_path, ms_path = folder / f"pan{side}.tif", folder / f"ms{side}.tif"
    with rasterio.open(
        pan_path, "w", height=side, width=side, count=1, transform=from_origin(5e5, 5e6, 0.5, 0.5), **profile
    ) as file:
        file.write(pan, 1)
    coarse = side // RATIO
    with rasterio.open(
        ms_path, "w", height=coarse, width=coarse, count=BANDS, transform=from_origin(5e5, 5e6, 2, 2), **profile
    ) as file:
        for band in range(BANDS):
            file.write(
                np.clip(low * (0.6 + 0.2 * band) + 8 * rng.normal(size=low.shape), 1, 2047).astype(np.uint16), band + 1
            )
    return pan_path, ms_path


def earthloom(pan: Path, ms: Path, out: Path, method: str, *more: str) -> list[str]:
    """Our command."""
    return [
        EARTHLOOM, "pansharpen", "--pan", str(pan), "--ms", str(ms), "-o", str(out), "-m", method,
        "--threads", str(THREADS), "--quiet", *(more or ("--compress", "none")),
    ]  # fmt: skip


def gdal(pan: Path, ms: Path, out: Path) -> list[str]:
    """GDAL's weighted Brovey."""
    bands = [f"{ms},band={band}" for band in range(1, BANDS + 1)]
    return ["gdal_pansharpen.py", "-q", "-threads", str(THREADS), "-co", "TILED=YES", str(pan), *bands, str(out)]


def wall(command: list[str], out: Path | None = None) -> float:
    """Seconds of one run; the output is removed before."""
    if out is not None:
        out.unlink(missing_ok=True)
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def side_by_side(folder: Path, runs: int) -> dict[str, dict[str, float]]:
    """Medians of every program, run in turn."""
    big, tiny, out = make_scene(folder, SIDE), make_scene(folder, 64), folder / "out.tif"
    commands = {name: (earthloom(*big, out, name), earthloom(*tiny, out, name)) for name in METHODS}
    if shutil.which("gdal_pansharpen.py"):
        commands = {"gdal_pansharpen": (gdal(*big, out), gdal(*tiny, out)), **commands}
    else:
        print("gdal_pansharpen.py is not installed (Debian: gdal-bin); its row is missing")
    for _, small in commands.values():
        wall(small, out)  # compiled kernels come from the disk from now on
    times: dict[str, list[float]] = {name: [] for name in commands}
    starts: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs):
        for name, (command, small) in commands.items():
            times[name].append(wall(command, out))
            starts[name].append(wall(small, out))
        print(f"turn {turn + 1} of {runs}", flush=True)
    rows = {}
    for name in commands:
        whole, start = statistics.median(times[name]), statistics.median(starts[name])
        rows[name] = {
            "whole_s": whole,
            "start_s": start,
            "work_s": whole - start,
            "mpx_s": SIDE * SIDE / 1e6 / (whole - start),
        }
    return rows


def startup(runs: int) -> dict[str, float]:
    """Commands that should answer at once."""
    cases = {"earthloom --help": ["--help"], "earthloom methods": ["methods"], "earthloom sensors": ["sensors"]}
    return {name: statistics.median(wall([EARTHLOOM, *args]) for _ in range(runs)) for name, args in cases.items()}


def virtual(source: Path, side: int, target: Path) -> Path:
    """A VRT that stretches a file to ``side`` pixels."""
    import rasterio

    with rasterio.open(source) as file:
        step = file.transform.a * file.width / side
        bands = "".join(
            f'<VRTRasterBand dataType="UInt16" band="{i}"><SimpleSource><SourceFilename>{source}</SourceFilename>'
            f'<SourceBand>{i}</SourceBand><SrcRect xOff="0" yOff="0" xSize="{file.width}" ySize="{file.height}"/>'
            f'<DstRect xOff="0" yOff="0" xSize="{side}" ySize="{side}"/></SimpleSource></VRTRasterBand>'
            for i in file.indexes
        )
        srs, origin = file.crs.to_wkt(), (file.transform.c, file.transform.f)
    target.write_text(
        f'<VRTDataset rasterXSize="{side}" rasterYSize="{side}"><SRS>{srs}</SRS><GeoTransform>{origin[0]}, {step}, 0, '
        f"{origin[1]}, 0, {-step}</GeoTransform>{bands}</VRTDataset>"
    )
    return target


def memory(folder: Path) -> dict[str, dict[str, float]]:
    """Peak resident memory and time of a 30000 x 30000 PAN with 4 bands.

    The scene is made in another process: a child inherits the peak of the process that starts it.
    """
    code = "from pathlib import Path; from bench.pansharpening.speed import make_scene; "
    code += f"make_scene(Path({str(folder)!r}), {SIDE})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
    pan, ms = folder / f"pan{SIDE}.tif", folder / f"ms{SIDE}.tif"
    pan, ms = virtual(pan, 30000, folder / "pan.vrt"), virtual(ms, 7500, folder / "ms.vrt")
    out, rows = folder / "out.tif", {}
    for name, more in {
        "brovey none": ("--compress", "none"),
        "gsa zstd": ("--compress", "zstd"),
        "mtf_glp_hpm none": ("--compress", "none"),
    }.items():
        began = time.perf_counter()
        child = subprocess.Popen(earthloom(pan, ms, out, name.split()[0], *more))
        _, status, usage = os.wait4(child.pid, 0)
        if status:
            raise SystemExit(f"{name} failed")
        rows[name] = {"peak_gib": usage.ru_maxrss / 2**20, "seconds": time.perf_counter() - began}
        out.unlink()
        print(name, rows[name], flush=True)
    return rows


def main() -> None:
    """Measure and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="also the 30000 x 30000 scene (needs 25 GB of disk)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="earthloom-bench-") as name:
        if chosen.memory:
            results.record("pansharpening", "memory", tables.memory(memory(Path(name))), SEED)
        found = {"side_by_side": side_by_side(Path(name), chosen.runs), "startup": startup(chosen.runs)}
    results.keep("pansharpening_speed", found)
    results.record("pansharpening", "speed", tables.speed(found), SEED)
    for row, figures in found["side_by_side"].items():
        print(f"{row:<18}" + "".join(f"{key} {value:9.3f}  " for key, value in figures.items()))


if __name__ == "__main__":
    main()
