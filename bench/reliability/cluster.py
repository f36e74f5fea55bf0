"""Two local workers against one: time, the bytes that pass the scheduler, and whether the files are the same.

python -m bench.reliability.cluster [SIDE] [METHOD ...]      a PAN image of SIDE pixels (3072); the methods below

Writes bench/reliability/cluster.json. Times mean something on a machine that has nothing else to do: the load before
each run is kept beside them. Bytes are those of all messages that the scheduler reads and writes, heartbeats and the
supervisors of the workers included; pixels are those of the product as it is stored and of the inputs.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

import earthloom
from bench import results
from earthloom.engine.options import Run
from earthloom.physics.resample import imresize

METHODS = ("cf2n", "pracs")  # a network, which computes, and a method with 50 back-projections that mostly reads
MORE = {"pracs": {"refine": 50}}
TILE_PX = 256
SEED = 5
PLACE = Path(__file__).with_name("cluster.json")


def scene(folder: Path, side: int) -> dict[str, Path]:
    """A textured scene with four bands at ratio 4."""
    rng = np.random.default_rng(SEED)
    texture = np.stack([imresize(rng.normal(size=(1, side // 4, side // 4)), 4)[0] for _ in range(4)])
    truth = 700 + 100 * texture + 10 * rng.normal(size=texture.shape)
    images = {"pan": truth.mean(0, keepdims=True), "ms": imresize(truth, 1 / 4)}
    for name, data in images.items():
        step = side // data.shape[1]
        path = folder / f"{name}.tif"
        with rasterio.open(
            path, "w", "GTiff", data.shape[2], data.shape[1], len(data), "EPSG:32633",
            Affine(step, 0, 4e5, 0, -step, 5e6), "uint16", tiled=True, blockxsize=256, blockysize=256,
        ) as file:  # fmt: skip
            file.write(data.round().astype("uint16"))
    return {name: folder / f"{name}.tif" for name in images}


def count() -> tuple[int, int]:
    """In the scheduler: bytes read and written since this was first called."""
    from distributed.comm import tcp

    if not hasattr(tcp, "counted"):
        tcp.counted = counted = [0, 0]
        write, unpack = tcp.TCP.write, tcp.from_frames

        async def written(self: Any, *message: Any, **more: Any) -> int:
            size = await write(self, *message, **more)
            counted[1] += size
            return size

        async def unpacked(frames: Any, *rest: Any, **more: Any) -> Any:
            parts = frames if isinstance(frames, (list, tuple)) else [frames]
            counted[0] += sum(memoryview(part).nbytes for part in parts)
            return await unpack(frames, *rest, **more)

        tcp.TCP.write, tcp.from_frames = written, unpacked
    return tuple(tcp.counted)


def timed(given: dict[str, Path], method: str, place: Path, **how: Any) -> float:
    """Seconds that a product takes."""
    began = time.perf_counter()
    earthloom.pansharpen(
        **given, method=method, output=place, tile_size=TILE_PX, compress="none", **MORE.get(method, {}), **how
    )
    return time.perf_counter() - began


def measure(folder: Path, side: int, methods: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each method."""
    given = scene(folder, side)
    pixels = sum(np.prod(rasterio.open(path).read().nbytes) for path in given.values())
    rows: dict[str, dict[str, Any]] = {method: {"method": method, "side_px": side} for method in methods}
    for method in methods:
        timed(given, method, folder / f"{method}_0.tif", threads=1)
        with rasterio.open(folder / f"{method}_0.tif") as file:
            rows[method]["pixel_bytes"] = int(pixels + file.read().nbytes)
    for workers in (1, 2):
        with Run(workers=workers).begin() as runner:
            client = runner._held["link"].client()  # type: ignore[attr-defined]
            for method, row in rows.items():
                place = folder / f"{method}_{workers}.tif"
                timed(given, method, folder / "warm.tif", workers=workers, overwrite=True)  # kernels are loaded
                before, load = client.run_on_scheduler(count), os.getloadavg()[0]
                seconds = timed(given, method, place, workers=workers)
                passed = sum(client.run_on_scheduler(count)) - sum(before)
                row[f"workers_{workers}"] = {
                    "seconds": round(seconds, 2), "load_before": round(load, 1), "scheduler_bytes": passed,
                    "same_file": place.read_bytes() == (folder / f"{method}_0.tif").read_bytes(),
                }  # fmt: skip
    for row in rows.values():
        row["speed"] = round(row["workers_1"]["seconds"] / row["workers_2"]["seconds"], 2)
        row["scheduler_percent"] = round(100 * row["workers_2"]["scheduler_bytes"] / row["pixel_bytes"], 2)
    return list(rows.values())


def main() -> None:
    """Measure, show and write."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 3072
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), side, sys.argv[2:] or METHODS)
    text = results.dump({"made": results.made(SEED), "rows": rows})
    PLACE.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
