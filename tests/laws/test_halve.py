"""Images of half the resolution, and the overviews of a product."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from earthloom.ops.halve import halve
from earthloom.raster.write.cog import create
from earthloom.types import Window


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(6, 8), (7, 5), (1, 1), (2, 3)])
def test_mean_of_what_is_there(dtype: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(1, 100, shape).astype(dtype)
    image[rng.random(shape) < 0.4] = 0
    found = halve(image, 0)
    assert found.dtype == image.dtype and found.shape == tuple(-(-side // 2) for side in shape)
    for y in range(found.shape[0]):
        for x in range(found.shape[1]):
            four = image[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].astype(float)
            mean = four[four != 0].mean() if four.any() else 0.0
            wanted = np.floor(mean + 0.5) if image.dtype.kind in "iu" else mean
            np.testing.assert_allclose(found[y, x], wanted, rtol=1e-6)


def test_nan_is_missing_and_a_mean_never_becomes_the_code() -> None:
    image = np.array([[np.nan, 3.0, np.nan, np.nan], [5.0, np.nan, np.nan, np.nan]], np.float32)
    np.testing.assert_array_equal(halve(image), np.array([[4, np.nan]], np.float32))
    measured = np.array([[4, 6], [4, 6]], np.uint8)
    assert halve(measured, 5)[0, 0] in (4, 6)


def test_overviews_of_a_product(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    data = np.kron(rng.integers(100, 4000, (2, 275, 330)), np.ones((1, 4, 4))).astype(np.float32)
    valid = np.ones(data.shape[1:], bool)
    valid[:101, :203] = False
    layout = {"shape": valid.shape, "count": 2, "dtype": "uint16", "nodata": 0, "crs": "EPSG:32631"}
    with create(tmp_path / "a.tif", transform=Affine(10, 0, 0, 0, -10, 0), **layout) as file:
        file.write(Window(0, 0, *valid.shape), data, valid)
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.overviews(1) == [2, 4] and file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    with rasterio.open(tmp_path / "a.tif", OVERVIEW_LEVEL=1) as file:
        smaller, seen = file.read(), np.kron(valid, np.ones((1, 1))).reshape(275, 4, 330, 4).any((1, 3))
    assert list(tmp_path.iterdir()) == [tmp_path / "a.tif"]
    np.testing.assert_array_equal(smaller, np.where(seen, data[:, ::4, ::4], 0))
