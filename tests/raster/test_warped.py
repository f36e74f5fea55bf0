"""Images that GDAL does not open, on other grids: as GDAL resamples those that it does."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from earthloom.errors import InputError
from earthloom.raster.image import Image
from earthloom.raster.open import open_image
from earthloom.raster.readers import ArrayReader
from earthloom.types import Window

from .conftest import put

UTM = "EPSG:32632"
PLACE = Affine(500, 0, 400_000, 0, -500, 5_500_000)


def pixels(bands: int = 2, shape: tuple[int, int] = (60, 50)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.stack([1000 + 400 * np.sin(x / (4.0 + b)) * np.cos(y / 5.0) for b in range(bands)]).astype("int16")


def both(folder: Path, data: np.ndarray, nodata: float | None = None) -> tuple[Image, Image]:
    """The same image through GDAL, and as anything else."""
    file = open_image(put(folder / "scene.tif", data, crs=UTM, transform=PLACE, nodata=nodata))
    return file, replace(file, reader=ArrayReader(data, (nodata,) * len(data)))


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic", "average"])
@pytest.mark.parametrize(
    ("crs", "place", "shape"),
    [
        (UTM, Affine(173.7, 0, 402_111, 0, -173.7, 5_498_222), (90, 70)),
        ("+proj=sinu +R=6371007.181", Affine(927, 0, 543_000, 0, -927, 5_521_000), (26, 20)),
    ],
)
def test_it_is_what_gdal_makes_of_a_file(
    tmp_path: Path, resampling: str, crs: str, place: Affine, shape: tuple
) -> None:
    file, other = both(tmp_path, pixels())
    with file.warped(crs, place, shape, resampling) as gdal, other.warped(crs, place, shape, resampling) as ours:
        assert ours.shape == shape and ours.transform == place and ours.reader.maskable
        expected, seen = gdal.read()
        data, valid = ours.read()
        assert seen.any() and (valid != seen).mean() < 0.06, "they differ along the edge alone"
        inner = valid & seen
        np.testing.assert_allclose(data[:, inner], expected[:, inner], atol=0.01)
        for window in (Window(0, 0, *shape), Window(5, 3, 11, 13), Window(shape[0] - 4, 0, 4, shape[1])):
            part, there = ours.read(window)
            np.testing.assert_array_equal(there, valid[window.slices])
            np.testing.assert_allclose(part, data[(slice(None), *window.slices)], atol=0.1)
        assert ours.pick([1]).read(Window(2, 2, 8, 8))[0].shape == (1, 8, 8)
        again = pickle.loads(pickle.dumps(ours))
        np.testing.assert_array_equal(again.read()[0], data)
        thin, _ = ours.decimated(10)
        assert thin.shape[0] == 2 and max(thin.shape[1:]) == 10


def test_a_hole_stays_one_and_what_lies_beside_is_missing(tmp_path: Path) -> None:
    data = pixels()
    data[0, 20:24, 10:14] = -9999
    _, other = both(tmp_path, data, -9999)
    with other.warped(UTM, Affine(250, 0, 400_000, 0, -250, 5_500_000), (120, 120), "nearest") as finer:
        read, valid = finer.read()
    expected = np.zeros((120, 120), bool)
    expected[:, :100] = True
    expected[40:48, 20:28] = False
    np.testing.assert_array_equal(valid, expected)
    np.testing.assert_array_equal(read[:, valid], data.repeat(2, 1).repeat(2, 2)[:, expected[:, :100]])
    with other.warped(UTM, Affine(250, 0, 900_000, 0, -250, 5_500_000), (8, 8)) as nowhere:
        assert not nowhere.read()[1].any()


def test_rows_from_the_south_are_turned(tmp_path: Path) -> None:
    data = pixels(1)
    upward = Affine(500, 0, 400_000, 0, 500, 5_470_000)
    file = open_image(put(tmp_path / "south.tif", data, crs=UTM, transform=upward))
    turned = replace(file, reader=ArrayReader(data, (None,))).north_up()
    assert turned.flipped
    with turned.warped(UTM, PLACE, (60, 50), "nearest") as image:
        np.testing.assert_array_equal(image.read()[0], data[:, ::-1])


def test_an_image_without_a_place_is_refused(tmp_path: Path) -> None:
    _, other = both(tmp_path, pixels())
    nowhere = replace(other, crs=None, transform=Affine.identity())
    with pytest.raises(InputError, match="has no place on Earth"):
        nowhere.warped(UTM, PLACE, (5, 5))
