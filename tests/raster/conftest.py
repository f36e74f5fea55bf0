"""Small synthetic files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

UTM = "EPSG:32631"


def grid(pixel: float = 1.0, east: float = 0.0, south: float = 0.0) -> Affine:
    """A north-up geotransform that begins so many metres east and south of the corner of all scenes."""
    return Affine(pixel, 0, 500000.0 + east, 0, -pixel, 5700000.0 - south)


NORTH_UP = grid()


def put(path: Path, data: np.ndarray, *, crs: Any = UTM, transform: Affine = NORTH_UP, **profile: Any) -> Path:
    """Write an array as a GeoTIFF; ``descriptions``, ``mask`` and ``tags`` are taken out of the profile."""
    descriptions, mask = profile.pop("descriptions", None), profile.pop("mask", None)
    scales, offsets = profile.pop("scales", None), profile.pop("offsets", None)
    count, height, width = data.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        options = {"driver": "GTiff", "photometric": "MINISBLACK", **profile}
        shape = {"count": count, "height": height, "width": width, "dtype": data.dtype.name}
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, "w", crs=crs, transform=transform, **shape, **options) as file,
        ):
            file.write(data)
            if descriptions:
                file.descriptions = descriptions
            if scales:
                file.scales, file.offsets = scales, offsets
            if mask is not None:
                file.write_mask(mask)
    return path


def stored(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """What a file holds, read without our code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            return file.read(), {
                "tags": file.tags(),
                "nodata": file.nodata,
                "layout": file.tags(ns="IMAGE_STRUCTURE").get("LAYOUT"),
                "compression": file.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION"),
                "overviews": [file.overviews(i) for i in file.indexes],
                "block": file.block_shapes[0],
                "crs": file.crs,
                "transform": file.transform,
                "descriptions": file.descriptions,
                "scales": file.scales,
                "offsets": file.offsets,
                "band_tags": [file.tags(i) for i in file.indexes],
                "imagery": [file.tags(i, ns="IMAGERY") for i in file.indexes],
            }


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """A PAN and an MS file of one place, ratio 4, whose values are functions of place."""

    def make(pan: dict[str, Any] | None = None, ms: dict[str, Any] | None = None) -> tuple[Path, Path]:
        rng = np.random.default_rng(1)
        fine = rng.integers(1, 2000, (1, 96, 128)).astype("uint16")
        coarse = rng.integers(1, 2000, (3, 24, 32)).astype("uint16")
        options_pan, options_ms = dict(pan or {}), dict(ms or {})
        fine, coarse = options_pan.pop("data", fine), options_ms.pop("data", coarse)
        place = {"transform": grid(4)} | options_ms
        return put(tmp_path / "pan.tif", fine, **options_pan), put(tmp_path / "ms.tif", coarse, **place)

    return make
