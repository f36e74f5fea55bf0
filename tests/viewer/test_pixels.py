"""What the page is shown is what the files hold."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.warp import transform as moved

from earthloom.raster.write.cog import create
from earthloom.types import Window
from earthloom.viewer import layers

from ..e2e.conftest import grid, put
from .conftest import Page

Start = Callable[..., Page]
GRAY = {"bands": "1", "limits": "0:255"}


def ramp(bands: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 255, (bands, height, width), dtype=np.uint8)


def test_a_tile_of_the_deepest_zoom_is_the_file(page: Start, tmp_path: Path) -> None:
    data = ramp(3, 300, 520)
    shown = page(put(tmp_path / "a.tif", data, grid(10)))
    layer = shown.json("/api/scene")["layers"][0]
    z = layer["depth"]
    assert z == 2 and layer["extent"] == [400000, 5000000 - 3000, 400000 + 5200, 5000000]
    limits = ",".join(["0:255"] * 3)
    for x, y in ((0, 0), (1, 0), (2, 1)):
        tile = shown.tile(f"/api/layers/0/tiles/{z}/{x}/{y}.png", bands="3,1,2", limits=limits)
        part = data[[2, 0, 1], 256 * y : 256 * y + 256, 256 * x : 256 * x + 256]
        height, width = part.shape[1:]
        np.testing.assert_array_equal(tile[:height, :width, :3], np.moveaxis(part, 0, 2))
        assert (tile[:height, :width, 3] == 255).all()
        assert not tile[height:].any() and not tile[:, width:].any()


def test_a_far_tile_comes_from_the_overviews(page: Start, tmp_path: Path) -> None:
    path = put(tmp_path / "a.tif", ramp(1, 1024, 1024), grid(10), tiled=True, blockxsize=256, blockysize=256)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4], Resampling.average)
    with rasterio.open(path) as file:
        wanted = file.read(1, out_shape=(256, 256))
    tile = page(path).tile("/api/layers/0/tiles/0/0/0.png", **GRAY)
    np.testing.assert_array_equal(tile[..., 0], wanted)


def test_a_large_file_without_overviews_says_so_and_shows_its_pixels(page: Start, tmp_path: Path) -> None:
    data = np.tile(np.arange(4200, dtype=np.uint16) // 20, (1, 4200, 1))
    shown = page(put(tmp_path / "a.tif", data, grid(10)))
    assert "no overviews" in shown.json("/api/scene")["layers"][0]["said"][0]
    tile = shown.tile("/api/layers/0/tiles/0/0/0.png", **GRAY)
    assert tile[:130, :130, 3].all() and set(np.unique(tile[:130, :130, 0])) <= set(np.unique(data))
    assert (np.diff(tile[0, :130, 0].astype(int)) >= 0).all()


@pytest.mark.parametrize("turned", [False, True], ids=["north up", "south up"])
def test_the_spectrum_of_a_pixel_is_that_of_the_file(page: Start, tmp_path: Path, turned: bool) -> None:
    data = np.random.default_rng(1).normal(1000, 200, (40, 30, 50)).astype(np.float32)
    where = Affine(10, 0, 400000, 0, 10, 4999700) if turned else grid(10)
    put(tmp_path / "cube.tif", data, where)
    shown = page(tmp_path / "cube.tif")
    (found,) = shown.json("/api/spectra", x=400000 + 10 * 17 + 3, y=5000000 - 10 * 8 - 4)
    row = 29 - 8 if turned else 8
    np.testing.assert_array_equal(np.array(found["values"]), data[:, row, 17].astype(float))
    assert (found["row"], found["column"]) == (8, 17)
    assert shown.json("/api/spectra", x=0, y=0) == []


def test_numbers_are_in_physical_units_and_missing_bands_are_told_apart(page: Start, tmp_path: Path) -> None:
    data = np.array([[[100, 200]], [[300, 0]]], dtype=np.uint16)
    path = put(tmp_path / "a.tif", data, grid(10), nodata=0)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.5, 0.5), (-1.0, -1.0)
    shown = page(path)
    (first,) = shown.json("/api/spectra", x=400005, y=4999995)
    (second,) = shown.json("/api/spectra", x=400015, y=4999995)
    assert first["values"] == [49.0, 149.0] and second["values"] == [99.0, None]
    found = shown.json("/api/layers/0/statistics", bands="1", low=0, high=100)[0]
    assert (found["min"], found["max"], found["pixels"]) == (49.0, 99.0, 2)
    assert sum(found["counts"]) == 2


def test_images_without_a_place_share_a_frame_of_pixels(page: Start, tmp_path: Path) -> None:
    fine, coarse = ramp(1, 64, 128), ramp(1, 16, 32, 1)
    shown = page(put(tmp_path / "coarse.tif", coarse, None, crs=None), put(tmp_path / "fine.tif", fine, None, crs=None))
    scene = shown.json("/api/scene")
    assert scene["unit"] == "px" and [layer["extent"] for layer in scene["layers"]] == [[0, -64, 128, 0]] * 2
    found = shown.json("/api/spectra", x=101.5, y=-30.5)
    assert [one["values"] for one in found] == [[coarse[0, 7, 25]], [fine[0, 30, 101]]]
    tile = shown.tile("/api/layers/0/tiles/0/0/0.png", **GRAY)
    np.testing.assert_array_equal(tile[:16, :32, 0], coarse[0])


def test_an_image_of_another_crs_lies_where_it_belongs(page: Start, tmp_path: Path) -> None:
    """The spectrum is that of the file's own pixel, not of what was resampled for the screen."""
    first = put(tmp_path / "a.tif", ramp(1, 200, 200), grid(10))
    data = ramp(2, 150, 150, 3)
    east, north = moved("EPSG:32633", "EPSG:4326", [400000], [5000000])
    other = put(tmp_path / "b.tif", data, Affine(1.5e-4, 0, east[0], 0, -1.5e-4, north[0]), crs="EPSG:4326")
    shown = page(first, other)
    assert "another CRS" in shown.json("/api/scene")["layers"][1]["said"][0]
    x, y = 401003.0, 4999001.0
    found = shown.json("/api/spectra", x=x, y=y, layers="1")[0]
    lon, lat = moved("EPSG:32633", "EPSG:4326", [x], [y])
    row, column = int((north[0] - lat[0]) / 1.5e-4), int((lon[0] - east[0]) / 1.5e-4)
    assert (found["row"], found["column"]) == (row, column)
    assert found["values"] == data[:, row, column].tolist()
    assert shown.tile("/api/layers/1/tiles/0/0/0.png", **GRAY)[..., 3].any()


def test_a_turned_image_too(page: Start, tmp_path: Path) -> None:
    data = ramp(1, 60, 80)
    where = Affine(8, 6, 400000, 6, -8, 5000000)
    shown = page(put(tmp_path / "a.tif", data, where))
    x, y = 400000 + 8 * 41.5 + 6 * 20.5, 5000000 + 6 * 41.5 - 8 * 20.5
    assert shown.json("/api/spectra", x=x, y=y)[0]["values"] == [data[0, 20, 41]]
    tile = shown.tile("/api/layers/0/tiles/0/0/0.png", **GRAY)
    assert 0 < np.count_nonzero(tile[..., 3]) < tile[..., 3].size


def test_a_file_that_gdal_does_not_read(page: Start, tmp_path: Path) -> None:
    from scipy.io import savemat

    cube = np.random.default_rng(2).integers(0, 255, (40, 50, 12)).astype(np.float32)
    savemat(tmp_path / "cube.mat", {"hs": cube})
    shown = page(tmp_path / "cube.mat")
    tile = shown.tile("/api/layers/0/tiles/0/0/0.png", bands="5", limits="0:255")
    np.testing.assert_array_equal(tile[:40, :50, 0], cube[..., 4])
    assert shown.json("/api/spectra", x=7.5, y=-11.5)[0]["values"] == cube[11, 7].tolist()


def two(tmp_path: Path) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    a = np.full((2, 512, 512), 100, np.int16)
    b = a.copy()
    b[1, 330:360, 70:100] = 150  # B is larger in the band that its file calls red
    paths = []
    for name, data, order in (("a.tif", a, (0, 1)), ("b.tif", b[::-1], (1, 0))):
        with create(
            tmp_path / name, shape=data.shape[1:], count=2, dtype="int16", crs="EPSG:32633", transform=grid(10),
            names=[("green", "red")[at] for at in order], wavelengths_nm=[(560.0, 660.0)[at] for at in order],
        ) as writer:  # fmt: skip
            writer.write(Window(0, 0, 512, 512), data.astype(np.float32), np.ones((512, 512), bool))
        paths.append(tmp_path / name)
    return paths[0], paths[1], a, b


def test_a_difference_pairs_bands_by_wavelength_and_finds_the_worst_block(page: Start, tmp_path: Path) -> None:
    shown = page(*two(tmp_path)[:2])
    found = shown.json("/api/differences/0/1")
    assert found["bands"] == [[0, 1], [1, 0]]
    west, south, east, north = found["blocks"][0]["extent"]
    assert west < 400000 + 10 * 85 < east and south < 5000000 - 10 * 345 < north
    assert found["blocks"][0]["figure"] > 2 * found["blocks"][-1]["figure"]
    tile = shown.tile("/api/differences/0/1/tiles/1/0/1.png", pair="2:1", limit=50)
    blue, white = tile[345 - 256, 85], tile[10, 10]
    assert blue[2] > blue[0] and white[:3].min() > 230 and (tile[..., 3] == 255).all()
    equal = shown.tile("/api/differences/0/1/tiles/1/0/1.png", pair="1:2", limit=50)
    assert (equal[..., :3] == white[:3]).all()


def test_bands_that_share_nothing_are_no_difference(page: Start, tmp_path: Path) -> None:
    shown = page(put(tmp_path / "a.tif", ramp(3, 20, 20), grid(10)), put(tmp_path / "b.tif", ramp(2, 20, 20), grid(10)))
    answer = shown.get("/api/differences/0/1")
    assert answer.status_code == 400 and "no band of a.tif is one of b.tif" in answer.text


def test_quality_belongs_to_its_product(page: Start, tmp_path: Path) -> None:
    put(tmp_path / "p.tif", ramp(3, 512, 512), grid(10))
    sure = np.full((2, 512, 512), 200, np.uint16)
    sure[0, 96:160, 288:352] = 3
    path = put(tmp_path / "p_quality.tif", sure, grid(10), descriptions=("confidence", "origin"))
    with rasterio.open(path, "r+") as file:
        file.update_tags(EARTHLOOM_ORIGIN=json.dumps({"0": "as it was", "200": "filled"}), EARTHLOOM_METHOD="a/b")
    shown = page(tmp_path / "p.tif", path)
    layer = shown.json("/api/scene")["layers"][1]
    assert layer["quality_of"] == 0 and layer["legends"] == {"origin": {"0": "as it was", "200": "filled"}}
    west, south, east, north = shown.json("/api/layers/1/poorest", band=1)["blocks"][0]["extent"]
    assert 402880 <= west < east <= 403520 and 4998400 <= south < north <= 4999040
    assert shown.json("/api/layers/1/record")["method"] == "a/b"
    assert shown.json("/api/layers/0/record") == {}


def test_a_folder_of_dates_is_a_series_and_a_link_out_of_it_is_left_out(page: Start, tmp_path: Path) -> None:
    folder = tmp_path / "ndvi"
    folder.mkdir()
    days = ("2020-03-08", "2020-04-09", "2020-05-11")
    for seed, day in enumerate(days):
        put(folder / f"{day}.tif", ramp(2, 20, 20, seed), grid(10))
        put(folder / f"{day}_quality.tif", ramp(2, 20, 20, seed), grid(10))
    put(tmp_path / "2020-06-01.tif", ramp(2, 20, 20), grid(10))
    os.symlink(tmp_path / "2020-06-01.tif", folder / "2020-06-01.tif")
    (folder / "broken.tif").write_bytes(b"II*\0nothing")
    scene = page(folder).json("/api/scene")
    assert [layer["day"] for layer in scene["layers"] if layer["series"] == "ndvi"] == list(days)
    assert [layer["quality_of"] for layer in scene["layers"]] == [None, 0, None, 2, None, 4]
    assert set(scene["left_out"]) == {"2020-06-01.tif", "broken.tif"}
    assert "leads out" in scene["left_out"]["2020-06-01.tif"]


def test_files_that_nobody_asks_for_are_closed(page: Start, tmp_path: Path) -> None:
    for number in range(40):
        put(tmp_path / f"a{number:02d}.tif", ramp(1, 20, 20, number), grid(10))
    shown = page(tmp_path)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for number in range(40):
        tile = shown.tile(f"/api/layers/{number}/tiles/0/0/0.png", **GRAY)
        np.testing.assert_array_equal(tile[:20, :20, 0], ramp(1, 20, 20, number)[0])
    if before:
        assert len(os.listdir("/proc/self/fd")) - before <= layers.MOST_OPEN + 4
