"""Readers that are no files of GDAL's are resampled like those that are."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from earthloom.errors import InputError
from earthloom.raster import warping
from earthloom.raster.flags import flagged
from earthloom.raster.image import Image
from earthloom.raster.open import open_image
from earthloom.raster.readers import ArrayReader
from earthloom.raster.told import Told
from earthloom.types import Window
from tests.raster.conftest import put

UTM, OWN = "EPSG:32631", Affine(10, 0, 500000, 0, -10, 4600000)


def waves() -> np.ndarray:
    y, x = np.mgrid[0:90, 0:80]
    return np.stack([1000 + 400 * np.sin(x / 9.0 + band) * np.cos(y / 7.0) for band in range(3)]).astype("float32")


@pytest.fixture
def both(tmp_path: Path) -> tuple[Image, Image]:
    """The same numbers with a hole, from a file and from an array."""
    data = waves()
    data[:, 40:44, 30:35] = -1
    path = put(tmp_path / "a.tif", data, crs=UTM, transform=OWN, nodata=-1)
    file = open_image(path)
    return file, replace(file, reader=ArrayReader(data, (-1.0,) * 3))


@pytest.fixture(autouse=True)
def many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warping, "BLOCK_PX", 16)


GRIDS = {
    "half a pixel on": (UTM, Affine(10, 0, 500105, 0, -10, 4599905), (60, 50), "cubic"),
    "another size": (UTM, Affine(7.5, 0, 500100, 0, -7.5, 4599900), (70, 66), "bilinear"),
    "coarser": (UTM, Affine(30, 0, 500060, 0, -30, 4599940), (20, 18), "average"),
    "another CRS": ("EPSG:4326", Affine(1e-4, 0, 3.002, 0, -1e-4, 41.551), (60, 60), "cubic"),
    "beyond": (UTM, Affine(10, 0, 499800, 0, -10, 4600200), (130, 120), "nearest"),
}


@pytest.mark.parametrize("grid", GRIDS)
def test_an_array_is_resampled_as_a_file(both: tuple[Image, Image], grid: str) -> None:
    crs, transform, shape, kind = GRIDS[grid]
    file, array = (one.warped(crs, transform, shape, kind) for one in both)
    (expected, there), (data, valid) = file.read(), array.read()
    sure = there & valid
    assert sure.mean() > 0.3 and (there != valid).mean() < 0.02  # the rim of holes alone
    np.testing.assert_allclose(data[:, sure], expected[:, sure], atol=0.6 if grid == "another CRS" else 0.02)
    window = Window(5, 7, 11, 10)
    part, seen = pickle.loads(pickle.dumps(array)).read(window)
    np.testing.assert_array_equal(seen, valid[window.slices])
    np.testing.assert_array_equal(part, data[(slice(None), *window.slices)])
    np.testing.assert_array_equal(array.pick([2]).read(window)[0][0], part[2])
    thin, known = array.decimated(30)
    assert thin.shape[0] == 3 and max(thin.shape[1:]) == min(30, max(shape)) and known.any()


def test_rows_from_the_south_are_turned(both: tuple[Image, Image]) -> None:
    crs, transform, shape, kind = GRIDS["another size"]
    straight = both[1].warped(crs, transform, shape, kind).read()[0]
    upside = Affine(OWN.a, 0, OWN.c, 0, -OWN.e, OWN.f + 90 * OWN.e)
    turned = replace(both[1], reader=ArrayReader(both[1].reader.array[:, ::-1].copy(), (-1.0,) * 3), transform=upside)
    for image in (turned, turned.north_up()):
        np.testing.assert_allclose(image.warped(crs, transform, shape, kind).read()[0], straight, rtol=1e-5)


def test_a_quality_band_lies_on_another_grid(tmp_path: Path) -> None:
    classes = np.repeat(np.repeat(np.array([[[4, 8], [3, 5]]], "uint8"), 20, axis=1), 20, axis=2)
    mask = flagged(open_image(put(tmp_path / "q.tif", classes, crs=UTM, transform=OWN)), Told(), values=(3, 8))
    fine, valid = mask.warped(UTM, Affine(5, 0, 500000, 0, -5, 4600000), (80, 80), "nearest").read()
    assert valid.all()
    np.testing.assert_array_equal(fine[0], np.kron([[0, 1], [1, 0]], np.ones((40, 40))))


def test_a_hole_stays_one_and_what_lies_beside_is_missing(both: tuple[Image, Image]) -> None:
    finer = both[1].warped(UTM, Affine(5, 0, 500000, 0, -5, 4600000), (190, 170), "nearest")
    read, valid = finer.read()
    expected = np.zeros((190, 170), bool)
    expected[:180, :160] = True
    expected[80:88, 60:70] = False
    np.testing.assert_array_equal(valid, expected)
    np.testing.assert_array_equal(read[:, valid], waves().repeat(2, 1).repeat(2, 2)[:, expected[:180, :160]])
    nowhere = both[1].warped(UTM, Affine(5, 0, 900000, 0, -5, 4600000), (8, 8))
    assert not nowhere.read()[1].any()
    with pytest.raises(InputError, match="has no place on Earth"):
        replace(both[1], crs=None, transform=Affine.identity()).warped(UTM, OWN, (5, 5))


@pytest.mark.parametrize("kind", ["file", "array"])
def test_finer_pixels_are_seen_up_to_the_edge_of_the_footprint(both: tuple[Image, Image], kind: str) -> None:
    """Along it their centres lie outside those of the coarser pixels, as of radar under a sharper image."""
    image = both[kind == "array"]
    data, valid = image.warped(UTM, Affine(3, 0, 500001.3, 0, -3, 4599998.7), (60, 60), "bilinear").read()
    assert valid.all()
    np.testing.assert_allclose(data[:, 0, 0], image.read()[0][:, 0, 0], rtol=1e-5)
