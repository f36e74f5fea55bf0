"""How soon `earthloom view` shows a Sentinel-2 tile, and how it stands 200 requests at once.

    python -m bench.viewer.run [--runs N] [--folder FOLDER]

An image of 10980 x 10980 pixels and four bands (uint16, texture), as a COG with overviews and as a tiled GeoTIFF
without. Every number of the first table is of a process that has just been started, files in the cache of the system.
"A picture" is the page in Chromium, which already runs, with all tiles of the window drawn.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import psutil
import rasterio
from affine import Affine
from scipy import ndimage

from bench import results
from bench.viewer import tables
from earthloom.raster.write.cog import create
from earthloom.types import Window

SEED, SIDE, BANDS, PATCH = 3, 10980, 4, 2196
AT_ONCE, ROUNDS = 200, 5
QUERY = "bands=3,2,1&limits=200:1400,200:1400,200:1400"
PROGRAM = [sys.executable, "-m", "earthloom", "view"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


class Running(NamedTuple):
    """A viewer, when it was started, and its address."""

    process: subprocess.Popen[str]
    began: float
    address: str

    def get(self, path: str) -> tuple[int, bytes]:
        """Code and body of an answer, by a connection of its own."""
        split = urlsplit(self.address)
        connection = http.client.HTTPConnection("127.0.0.1", split.port or 0, timeout=120)
        try:
            token = split.query.removeprefix("token=")
            connection.request("GET", path, headers={"Cookie": f"earthloom_{split.port}={token}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def make_scene(folder: Path) -> dict[str, Path]:
    """Texture, in patches that repeat: the file is as large as a real one and compresses as little."""
    rng = np.random.default_rng(SEED)
    rough = [ndimage.gaussian_filter(rng.normal(size=(PATCH, PATCH)), 4, mode="wrap") for _ in range(BANDS)]
    patch = np.stack([800 + 2400 * one + 20 * rng.normal(size=one.shape) for one in rough]).clip(1, 4000)
    paths = {"COG with overviews": folder / "cog.tif", "GeoTIFF without overviews": folder / "plain.tif"}
    cog, plain = paths.values()
    if cog.is_file() and plain.is_file():
        return paths
    where = Affine(10, 0, 4e5, 0, -10, 5e6)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": BANDS, "width": SIDE, "height": SIDE, "crs": "EPSG:32633"}
    with create(
        cog, shape=(SIDE, SIDE), count=BANDS, dtype="uint16", crs="EPSG:32633", transform=where,
        names=["blue", "green", "red", "nir"], wavelengths_nm=[492, 560, 665, 833],
    ) as writer, rasterio.open(
        plain, "w", **profile, transform=where, tiled=True, blockxsize=512, blockysize=512, compress="zstd"
    ) as file:  # fmt: skip
        for y in range(0, SIDE, PATCH):
            for x in range(0, SIDE, PATCH):
                writer.write(Window(y, x, PATCH, PATCH), patch.astype(np.float32), np.ones((PATCH, PATCH), bool))
                file.write(patch.round().astype("uint16"), window=((y, y + PATCH), (x, x + PATCH)))
    return paths


@contextmanager
def viewer(path: Path) -> Iterator[Running]:
    """Start one, and stop it."""
    began = time.perf_counter()
    process = subprocess.Popen([*PROGRAM, str(path), "--no-browser"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    try:
        yield Running(process, began, address)
    finally:
        process.terminate()
        process.wait(30)


def tile(running: Running, place: str) -> float:
    """Milliseconds of a tile."""
    began = time.perf_counter()
    code, _ = running.get(f"/api/layers/0/tiles/{place}.png?{QUERY}")
    assert code == 200, code
    return 1000 * (time.perf_counter() - began)


def once(path: Path, chromium: Any) -> dict[str, float]:
    """Fresh processes: one asked for the whole, one for pixels in the middle, one by a browser."""
    found: dict[str, float] = {}
    with viewer(path) as running:
        found["address_s"] = time.perf_counter() - running.began
        found["whole_ms"] = tile(running, "0/0/0")
        found["tile_s"] = time.perf_counter() - running.began
        spent = psutil.Process(running.process.pid).cpu_times()
        found["processor_s"] = spent.user + spent.system
    with viewer(path) as running:
        depth = json.loads(running.get("/api/scene")[1])["layers"][0]["depth"]
        middle = SIDE // 512
        found["own_ms"] = tile(running, f"{depth}/{middle}/{middle}")
    if chromium is not None:
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        with viewer(path) as running:
            page.goto(running.address)
            page.wait_for_selector("body[data-drawn=yes]")
            found["picture_s"] = time.perf_counter() - running.began
        page.close()
    return found


def rounds(path: Path) -> list[dict[str, float]]:
    """Tiles of all zooms, all at once, other ones in every round; the memory of the program after each."""
    found = []
    with viewer(path) as running, ThreadPoolExecutor(AT_ONCE) as pool:
        memory = psutil.Process(running.process.pid)
        places = [
            f"{z}/{x}/{y}" for z in range(7) for y in range(2**z) for x in range(2**z) if max(x, y) * 171 <= 2**z * 114
        ]
        rng = np.random.default_rng(SEED)
        for _ in range(ROUNDS):
            asked = [places[at] for at in rng.choice(len(places), AT_ONCE, replace=False)]
            began = time.perf_counter()
            answers = list(pool.map(lambda at: running.get(f"/api/layers/0/tiles/{at}.png?{QUERY}"), asked))
            served = sum(code == 200 and len(body) > 100 for code, body in answers)
            seconds = time.perf_counter() - began
            found.append({"asked": AT_ONCE, "served": served, "s": seconds, "mib": memory.memory_info().rss / 2**20})
    return found


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium of the system, or nothing."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        print("no chromium: its column stays empty")
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield found
        found.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="fresh processes for each number of the first table")
    parser.add_argument("--folder", type=Path, help="where the files stay, and are taken from another time")
    runs, place = parser.parse_args().runs, parser.parse_args().folder
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        paths = make_scene(place or Path(folder))
        found: Mapping[str, list[dict[str, float]]] = {
            name: [once(path, chromium) for _ in range(runs)] for name, path in paths.items()
        }
        for name, one in found.items():
            print(name, one, flush=True)
        many = rounds(next(iter(paths.values())))
        print(many, flush=True)
    results.record("viewer", "speed", {"start": tables.start(found), "at_once": tables.burst(many)}, SEED)


if __name__ == "__main__":
    main()
