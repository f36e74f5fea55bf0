"""Wall time and peak memory of products from 1 to 400 megapixels, under one budget of memory.

    python -m bench.reliability.scaling [--most 400] [--only NAME]

Every run is the command line in a process of its own, which is waited for as ``/usr/bin/time`` does. Scenes are VRTs
that repeat small textured GeoTIFFs, so that no gigabytes are written for them; products are written uncompressed and
deleted. Writes ``scaling.json`` beside this file and draws docs/img/scaling.png; ``bench.reliability.traffic`` adds
what the same methods send through a cluster. ``--only NAME`` measures one method again, ``--only figure`` draws.
Times mean something on a machine that has nothing else to do: the load before each run is kept beside them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import rasterio
from affine import Affine
from scipy.fft import fftfreq, irfft2, rfft2, rfftfreq

from bench import results
from bench.reliability.scaling_figure import draw, table

MEMORY = "2GiB"
SIDES = (1000, 2000, 4000, 8000, 10000, 20000)  # pixels of the product: 1, 4, 16, 64, 100 and 400 MP
BASE = 4000  # side of what is repeated
BANDS, RATIO, MODIS, PIXEL_M = 4, 4, 20, 25.0
SEED = 9
SHORT_S, AGAIN = 30.0, 3  # what is shorter is run so often
RESULTS = Path(__file__).with_name("scaling.json")
PICTURE = Path(__file__).parents[2] / "docs/img/scaling.png"
RUN = "import sys; from earthloom.cli.main import run; sys.exit(run())"


@dataclass(frozen=True)
class Case:
    """A method that is measured.

    Parameters
    ----------
    name
        In the results.
    label
        In the figure.
    flags
        Of the command line; ``{pan}`` and its like stand for the images.
    most_mp
        Of the largest scene: what would take too long is left out.
    """

    name: str
    label: str
    flags: str
    most_mp: float = math.inf


CASES = (
    Case("brovey", "brovey (classical)", "pansharpen --pan {pan} --ms {ms} -m brovey"),
    Case("hls", "hls (lookup)", "align {fine1} --from sentinel2b --to landsat8 -m hls --source-scale 0.0001"),
    Case(
        "starfm",
        "starfm (window)",
        "predict --pair {fine1} {coarse1} 2024-05-24 --coarse {coarse2} 2024-06-10 -m starfm --window-px 31",
    ),
    Case("cf2n", "cf2n (network)", "pansharpen --pan {pan} --ms {ms} -m cf2n --weights generic_4to1", 64),
)


def texture(rng: np.random.Generator, bands: int) -> np.ndarray:
    """Ground whose spectrum falls with frequency as that of landscapes does, and that meets itself at its borders."""
    frequency = np.hypot(fftfreq(BASE)[:, None], rfftfreq(BASE))
    frequency[0, 0] = np.inf
    shared = rng.normal(size=(BASE, BASE)).astype("float32")
    grounds = []
    for _ in range(bands):
        noise = shared + 0.5 * rng.normal(size=(BASE, BASE)).astype("float32")
        ground = irfft2(rfft2(noise) / (frequency + 1 / 500) ** 1.3, (BASE, BASE))
        grounds.append((1500 + 400 * ground / ground.std()).astype("float32"))
    return np.stack(grounds)


def coarser(data: np.ndarray, by: int) -> np.ndarray:
    """Means of squares."""
    count, side, _ = data.shape
    return data.reshape(count, side // by, by, side // by, by).mean((2, 4))


def bases(folder: Path) -> dict[str, int]:
    """Write what is repeated; how many times larger than those of the product its pixels are."""
    rng = np.random.default_rng(SEED)
    before = texture(rng, BANDS)
    after = before * 0.9 + coarser(texture(rng, 1), 100).repeat(100, 1).repeat(100, 2) * 0.15
    images = {
        "pan": (before.mean(0, keepdims=True), 1), "ms": (coarser(before, RATIO), RATIO), "fine1": (before, 1),
        "coarse1": (coarser(before, MODIS), MODIS), "coarse2": (coarser(after, MODIS), MODIS),
    }  # fmt: skip
    for name, (data, step) in images.items():
        noisy = data + rng.normal(0, 8, data.shape)
        with rasterio.open(
            folder / f"{name}.tif", "w", "GTiff", data.shape[2], data.shape[1], len(data), "EPSG:32633",
            Affine(PIXEL_M * step, 0, 3e5, 0, -PIXEL_M * step, 6e6), "uint16", tiled=True, blockxsize=256,
            blockysize=256, interleave="band",
        ) as file:  # fmt: skip
            file.write(noisy.round().clip(1, 10000).astype("uint16"))
    return {name: step for name, (_, step) in images.items()}


def virtual(folder: Path, name: str, step: int, side: int) -> Path:
    """A VRT of so many pixels of the product a side, that repeats a base or shows a part of it."""
    whole, piece = side // step, min(BASE, side) // step
    with rasterio.open(folder / f"{name}.tif") as base:
        count, place, crs = base.count, base.transform.to_gdal(), base.crs.to_wkt()
    root = Xml.Element("VRTDataset", rasterXSize=str(whole), rasterYSize=str(whole))
    Xml.SubElement(root, "SRS").text = crs
    Xml.SubElement(root, "GeoTransform").text = ", ".join(map(str, place))
    names = ("blue", "green", "red", "nir")
    for band in range(1, count + 1):
        node = Xml.SubElement(root, "VRTRasterBand", dataType="UInt16", band=str(band))
        if count > 1:
            Xml.SubElement(node, "Description").text = names[band - 1]
        for y in range(0, whole, piece):
            for x in range(0, whole, piece):
                source = Xml.SubElement(node, "SimpleSource")
                Xml.SubElement(source, "SourceFilename", relativeToVRT="1").text = f"{name}.tif"
                Xml.SubElement(source, "SourceBand").text = str(band)
                size = {"xSize": str(piece), "ySize": str(piece)}
                Xml.SubElement(source, "SrcRect", xOff="0", yOff="0", **size)
                Xml.SubElement(source, "DstRect", xOff=str(x), yOff=str(y), **size)
    place_of = folder / f"{name}_{side}.vrt"
    Xml.ElementTree(root).write(place_of)
    return place_of


def measured(case: Case, images: dict[str, Path], folder: Path, side: int) -> dict[str, Any]:
    """One run: a process that is started, and waited for."""
    output, load = folder / "product.tif", os.getloadavg()[0]
    words = [word.format(**images) for word in case.flags.split()]
    command = [sys.executable, "-c", RUN, *words, "--memory", MEMORY, "--compress", "none", "-q", "-o", str(output)]
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = child.stderr.read() if child.stderr else ""  # until it ends
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    passed = _passed(child.pid)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command[3:])}: {said}")
    size = output.stat().st_size
    output.unlink()
    return {
        "side_px": side, "megapixels": side**2 / 1e6, "seconds": round(seconds, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2), "peak_mib": round(used.ru_maxrss / 1024),
        "product_bytes": size, **passed, "load_before": round(load, 1),
    }  # fmt: skip


def _passed(pid: int) -> dict[str, int | None]:
    """Bytes that a process which has ended, and was not waited for yet, had the system read and write."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return {"read_bytes": None, "written_bytes": None}
    told = {key: int(value) for key, _, value in (line.partition(":") for line in lines)}
    return {"read_bytes": told["rchar"], "written_bytes": told["wchar"]}


def slope(sizes: Sequence[float], took: Sequence[float]) -> float | None:
    """Of the line through the logarithms: 1 where time grows as the pixels do."""
    if len(sizes) < 2 or min(*sizes, *took) <= 0:
        return None
    return round(float(np.polyfit(np.log(sizes), np.log(took), 1)[0]), 3)


def summary(case: Case, made: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the rows of a method come to.

    The slope of the whole wall time is that from 4 MP on. That above 1 MP, and the rate of a core, are of the processor
    time that larger scenes take more than the smallest: without the start, and whoever else used the machine.
    """
    first, last = rows[0], rows[-1]
    from_4, from_16 = ([row for row in rows if row["megapixels"] >= least] for least in (4, 16))
    more, cpu = (last[name] - first[name] for name in ("megapixels", "cpu_seconds"))
    return {
        "made": made,
        "command": f"earthloom {case.flags} --memory {MEMORY} --compress none",
        "slope": slope([row["megapixels"] for row in from_4], [row["seconds"] for row in from_4]),
        "slope_above_1_mp": slope(
            [row["megapixels"] - first["megapixels"] for row in from_16],
            [row["cpu_seconds"] - first["cpu_seconds"] for row in from_16],
        ),
        "largest_peak_mib": max(row["peak_mib"] for row in rows),
        "mp_per_core_second": round(more / cpu, 3), "runs": rows,
    }  # fmt: skip


def best_of(case: Case, images: dict[str, Path], folder: Path, side: int) -> dict[str, Any]:
    """The quickest of some runs where they are short, and the highest peak of them."""
    runs = [measured(case, images, folder, side)]
    while runs[0]["seconds"] < SHORT_S and len(runs) < AGAIN:
        runs.append(measured(case, images, folder, side))
    best = min(runs, key=lambda run: run["seconds"])
    return {**best, "peak_mib": max(run["peak_mib"] for run in runs), "tries": len(runs)}


def measure(cases: Sequence[Case], most: float) -> Iterator[tuple[Case, list[dict[str, Any]]]]:
    """The runs of each method, as they come."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        largest = max(side for side in SIDES if side**2 / 1e6 <= most)
        needed, free = 1.2 * largest**2 * BANDS * 2, shutil.disk_usage(folder).free
        if needed > free:
            raise SystemExit(f"{needed / 1e9:.1f} GB are needed in {folder}, {free / 1e9:.1f} are free")
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:  # a child's peak begins with that of its parent
            steps = apart.submit(bases, folder).result()
        for case in cases:
            rows: list[dict[str, Any]] = []
            for side in SIDES:
                if side**2 / 1e6 > min(most, case.most_mp):
                    break
                images = {name: virtual(folder, name, step, side) for name, step in steps.items()}
                rows.append(best_of(case, images, folder, side))
                print(case.name, rows[-1], flush=True)
            yield case, rows


def main() -> None:
    """Measure, write and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=float, default=400, help="megapixels of the largest scene")
    parser.add_argument("--only", help="the name of one method, or figure")
    asked = parser.parse_args()
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if asked.most < 4:
        parser.error("--most is 4 or more")
    kept = {name: (one["made"], one["runs"]) for name, one in known.get("methods", {}).items()}
    cases = [case for case in CASES if asked.only in (None, case.name)]
    for case, rows in measure(cases, asked.most) if asked.only != "figure" else ():
        kept[case.name] = results.made(SEED), rows
        known["methods"] = {case.name: summary(case, *kept[case.name]) for case in CASES if case.name in kept}
        RESULTS.write_text(results.dump({"memory": MEMORY, **known}))
    labels = {case.name: case.label for case in CASES}
    draw(known["methods"], labels, MEMORY, PICTURE)
    print(table(known["methods"], labels))


if __name__ == "__main__":
    main()
