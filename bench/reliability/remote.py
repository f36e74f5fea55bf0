"""What reading from elsewhere costs: bytes fetched against bytes needed, with and without faults.

``python -m bench.reliability.remote`` makes a PAN and MS pair (or takes two files), sharpens it from the disk and from
a web server of this machine that answers ranges, drops one request in ten and answers 503 to one in ten, compares the
products, and writes ``remote.json`` beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.shutil import copy
from scipy.ndimage import gaussian_filter

from bench.reliability.needed import blocks_read
from bench.reliability.range_server import serving
from earthloom.raster.remote import SETTINGS
from earthloom.verbs.pansharpen import pansharpen

RESULTS = Path(__file__).with_name("remote.json")
RATIO = 4


def pair(folder: Path, side: int) -> tuple[Path, Path]:
    """A PAN of so many pixels a side and an MS of four bands, as cloud-optimised GeoTIFFs."""
    rng = np.random.default_rng(0)
    ground = gaussian_filter(rng.normal(size=(side, side)).astype("float32"), 2) * 4000 + 2000
    ground += rng.normal(0, 20, ground.shape).astype("float32")  # sensors have noise, and it is not compressed away
    coarse = ground.reshape(side // RATIO, RATIO, side // RATIO, RATIO).mean((1, 3))
    pan = _cog(folder / "pan.tif", ground[None], 2.5)
    return pan, _cog(folder / "ms.tif", np.stack([coarse * (1 + band / 5) for band in range(4)]), 2.5 * RATIO)


def _cog(path: Path, data: np.ndarray, pixel_m: float) -> Path:
    """Write one."""
    draft = path.with_suffix(".draft.tif")
    profile: dict[str, Any] = {"driver": "GTiff", "count": len(data), "dtype": "uint16", "crs": "EPSG:32633"}
    place = {"height": data.shape[1], "width": data.shape[2], "transform": Affine(pixel_m, 0, 5e5, 0, -pixel_m, 5e6)}
    with rasterio.open(draft, "w", **profile, **place) as file:
        file.write(data.clip(1, 65535).astype("uint16"))
    copy(draft, path, driver="COG", compress="zstd")
    draft.unlink()
    return path


def measured(pan: Path, ms: Path, folder: Path, threads: int, faulty: bool, plain: bool = False) -> dict[str, Any]:
    """One run from the web.

    Parameters
    ----------
    plain
        Several ranges read at once, as GDAL does by itself, for comparison.
    """
    kept = dict(SETTINGS)
    if plain:
        SETTINGS.pop("GDAL_HTTP_MULTIRANGE")
    try:
        with serving(pan.parent, faulty=faulty) as site, blocks_read() as needed:
            began = time.monotonic()
            output = folder / "far.tif"
            pansharpen(
                f"{site.url}/{pan.name}", f"{site.url}/{ms.name}", output=output, threads=threads, overwrite=True
            )
            seconds = time.monotonic() - began
    finally:
        SETTINGS.update(kept)
    fetched, wanted = sum(site.sent.values()), sum(needed.values())
    with rasterio.open(folder / "near.tif") as one, rasterio.open(output) as other:
        same = bool(np.array_equal(one.read(), other.read()))
    return {
        "threads": threads, "faults": faulty, "ranges": "at once" if plain else "one by one", "same_pixels": same,
        "requests": len(site.asked), "failed_requests": site.refused, "needed_bytes": wanted,
        "fetched_bytes": fetched, "ratio": round(fetched / wanted, 3), "seconds": round(seconds, 1),
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096, help="pixels of the PAN")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2, 4])
    told = parser.parse_args()
    os.environ.setdefault("GDAL_HTTP_RETRY_DELAY", "0.01")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pan, ms = pair(folder, told.side)
        pansharpen(pan, ms, output=folder / "near.tif")
        runs = [measured(pan, ms, folder, threads, faulty) for threads in told.threads for faulty in (False, True)]
        runs.append(measured(pan, ms, folder, told.threads[-1], False, plain=True))
        files = {file.name: file.stat().st_size for file in (pan, ms)}
    found = {"pan_pixels": told.side**2, "files_bytes": files, "gdal": rasterio.__gdal_version__, "runs": runs}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    for run in runs:
        print(run)


if __name__ == "__main__":
    main()
