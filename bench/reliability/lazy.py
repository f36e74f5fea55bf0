"""Memory and time of a lazy product that is computed window by window, of images that are made block by block.

    python -m bench.reliability.lazy [--size 30000] [--method brovey] [--window 2048]

Prints the peak of this process and writes it to ``lazy.json`` beside this file, one entry a method and size.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

import earthloom

RATIO, BANDS, CHUNK = 4, 4, 1024
RESULTS = Path(__file__).with_suffix(".json")


def made(block_info: Any = None, bands: int = 1, ratio: int = 1) -> np.ndarray:
    """A block of a scene of waves, without a file: the same ground in every resolution."""
    (_, (top, low), (left, right)) = block_info[None]["array-location"]
    y, x = (np.arange(a, b, dtype="float32") * ratio + ratio / 2 for a, b in ((top, low), (left, right)))
    ground = np.sin(y / 90)[:, None] * np.cos(x / 70) + np.sin(y[:, None] / 31 + x / 47) / 3
    return np.stack([2000 + 300 * band + (400 + 50 * band) * ground for band in range(bands)]).astype("uint16")


def image(size: int, bands: int, ratio: int) -> Any:
    """A lazy image."""
    import dask.array as da
    import xarray

    sides = tuple(min(CHUNK, size - at) for at in range(0, size, CHUNK))
    blocks = da.map_blocks(
        made, bands=bands, ratio=ratio, chunks=((bands,), sides, sides), dtype="uint16", meta=np.empty((0, 0, 0), "u2")
    )
    return xarray.DataArray(blocks, dims=("band", "y", "x"), name="scene")


def peak_mib() -> float:
    """Most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(size: int, method: str, window: int) -> dict[str, Any]:
    """Compute the product window by window, and drop what was computed."""
    pan, ms = image(size, 1, 1), image(size // RATIO, BANDS, RATIO)
    before, began = peak_mib(), time.monotonic()
    product = earthloom.pansharpen(pan, ms, method)
    called = time.monotonic() - began
    total = 0
    for y in range(0, size, window):
        for x in range(0, size, window):
            total += int(product[:, y : y + window, x : x + window].to_numpy().sum(dtype="uint64"))
    took = time.monotonic() - began
    return {
        "size": size, "method": method, "window": window, "tile": product.chunks[1][0], "chunk": CHUNK,
        "bytes_of_product": int(product.nbytes), "sum": total, "seconds_of_call": round(called, 1),
        "seconds": round(took, 1), "peak_mib": round(peak_mib()), "peak_mib_before": round(before),
    }  # fmt: skip


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=30000)
    parser.add_argument("--method", default="brovey")
    parser.add_argument("--window", type=int, default=2048)
    asked = parser.parse_args()
    found = measured(asked.size, asked.method, asked.window)
    print(json.dumps(found, indent=1))
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known[f"{asked.method} {asked.size}"] = found
    RESULTS.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


if __name__ == "__main__":
    main()
