"""Fine and coarse images of several dates on two grids: places, tiles, masks, other CRS, refusals."""

from __future__ import annotations

import warnings
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as reproject

from earthloom.errors import GridError
from earthloom.raster.image import Image
from earthloom.raster.open import open_image
from earthloom.raster.scenes.dates import Ground, PairScene, Placed, ground
from earthloom.types import Band, Observation, Scene, Window

from .conftest import UTM, grid, put

SINUSOIDAL = CRS.from_proj4("+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs")
FINE = (96, 80)


def image(path: Path, shape: tuple[int, int], seed: int = 0, **profile: Any) -> Image:
    data = np.random.default_rng(seed).integers(1, 2000, (2, *shape)).astype("uint16")
    return open_image(put(path, data, **profile))


def scene_of(place: Ground, fine: dict[str, Image], coarse: dict[str, Image], **more: Any) -> PairScene:
    bands = (Band("a"), Band("b"))
    laid = {role: place.lay_fine(one)[0] for role, one in fine.items()}
    return PairScene(place, laid, {role: place.place(one)[0] for role, one in coarse.items()}, bands, bands, **more)


def whole(scene: PairScene) -> Observation:
    return scene.observe(Window(0, 0, *scene.shape), 0)


def same(a: Observation, b: Observation) -> None:
    assert (a.shape, a.origin, a.core) == (b.shape, b.origin, b.core)
    for role in a.views:
        assert a[role].ratio == b[role].ratio and a[role].bands == b[role].bands
        np.testing.assert_allclose(a[role].offset, b[role].offset, atol=1e-9)
        np.testing.assert_array_equal(a[role].data, b[role].data)
        np.testing.assert_array_equal(a[role].valid, b[role].valid)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Image, Image]:
    """Fine pixels of 1 m and coarse ones of 8 m over the same ground."""
    return (
        image(tmp_path / "fine.tif", FINE, transform=grid(1)),
        image(tmp_path / "coarse.tif", (12, 10), 1, transform=grid(8)),
    )


def test_nested_grids_and_dates(pair: tuple[Image, Image]) -> None:
    fine, coarse = pair
    place = ground(fine, coarse)
    assert place.ratio == 8 and place.grid.offset == (3.5, 3.5) and place.grid.shape == (12, 10) and not place.on_fine
    day = date(2020, 3, 8)
    scene = scene_of(place, {"fine_1": fine}, {"coarse_1": coarse, "coarse_p": coarse}, days={"fine_1": day})
    assert isinstance(scene, Scene) and scene.shape == FINE
    seen = whole(scene)
    np.testing.assert_array_equal(seen["coarse_1"].data, coarse.read()[0])
    assert seen["fine_1"].date == day and seen["coarse_p"].ratio == (8.0, 8.0) and seen["coarse_1"].all_valid
    empty = scene.empty()
    assert empty.shape == (0, 0) and empty["coarse_p"].ratio == (8.0, 8.0) and empty["fine_1"].date == day
    for core, halo in ((Window(20, 30, 40, 30), 7), (Window(0, 0, 5, 5), 0), (Window(90, 75, 6, 5), 11)):
        same(scene.observe(core, halo), seen.crop(core, halo))
    picked = scene.pick({"fine_1": "fine_1", "coarse_p": "coarse_1"}).observe(Window(8, 8, 16, 16), 0)
    assert set(picked.views) == {"fine_1", "coarse_p"} and picked["fine_1"].date == day


@pytest.mark.parametrize("east, south", [(0.0, 0.0), (-16.0, -24.0), (-13.0, -2.5), (40.0, 0.0), (-24.0, 32.0)])
def test_coarse_pixels_lie_where_their_coordinates_say(tmp_path: Path, east: float, south: float) -> None:
    """Values are coordinates; beyond the coarse image nothing was measured, and the fine grid stays whole."""

    def coordinates(name: str, shape: tuple[int, int], at: Affine) -> Image:
        rows = at.f + at.e * (np.arange(shape[0]) + 0.5) - 5700000
        cols = at.c + at.a * (np.arange(shape[1]) + 0.5) - 500000
        both = np.stack([np.repeat(rows[:, None], shape[1], 1), np.repeat(cols[None], shape[0], 0)])
        return open_image(put(tmp_path / name, both, transform=at))

    fine = coordinates("f.tif", FINE, grid(1))
    coarse = coordinates("c.tif", (14, 14), grid(8, east, south))
    scene = scene_of(ground(fine, coarse), {"fine_1": fine}, {"coarse_1": coarse})
    assert scene.shape == FINE
    for obs in (whole(scene), scene.observe(Window(33, 21, 30, 40), 9)):
        view, north = obs["coarse_1"], obs["fine_1"].data[0, :, 0]
        places = [north[0] - view.centres(0), obs["fine_1"].data[1, 0, 0] + view.centres(1)]
        for axis in (0, 1):
            known = view.valid.any(axis=1 - axis)
            along = np.ma.array(view.data[axis], mask=~view.valid).mean(axis=1 - axis)[known]
            np.testing.assert_allclose(along, places[axis][known], atol=1e-6)
    view = whole(scene)["coarse_1"]
    for axis, size in ((0, FINE[0]), (1, FINE[1])):
        centres = view.centres(axis)
        assert centres[0] - 4 <= -0.5 and centres[-1] + 4 >= size - 0.5  # pads where the image ends
        inside = (centres > (east, south)[1 - axis] - 4) & (centres < (east, south)[1 - axis] + 8 * 14 + 3)
        np.testing.assert_array_equal(view.valid.any(axis=1 - axis), inside)


def sinusoidal(tmp_path: Path, pixel: float = 463.3127) -> Image:
    """A coarse image in MODIS's projection whose bands are easting and northing in UTM of the pixels' centres."""
    (x,), (y,) = reproject(UTM, SINUSOIDAL, [506000.0], [5694000.0])
    first = (x // pixel * pixel - 20 * pixel, y // pixel * pixel + 20 * pixel)
    rows, cols = np.mgrid[:44, :48] + 0.5
    xs, ys = first[0] + cols * pixel, first[1] - rows * pixel
    east, north = reproject(SINUSOIDAL, UTM, xs.ravel().tolist(), ys.ravel().tolist())
    data = np.stack([np.reshape(east, xs.shape) - 500000, np.reshape(north, xs.shape) - 5700000])
    at = Affine(pixel, 0, first[0], 0, -pixel, first[1])
    return open_image(put(tmp_path / "modis.tif", data.astype("float64"), crs=SINUSOIDAL, transform=at, nodata=-9999))


def test_modis_in_its_own_projection(tmp_path: Path) -> None:
    """Resampled at its own pixel size onto a grid nested in the fine one, to where its pixels are on Earth."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # rasterio multiplies affine 3 in the old way
        coarse = sinusoidal(tmp_path)
    fine = image(tmp_path / "fine.tif", (400, 380), transform=grid(30))
    place = ground(fine, coarse)
    assert 14 < place.ratio < 17 and not place.on_fine and place.first is None
    assert place.crs == fine.crs and place.transform is not None
    scene = scene_of(place, {"fine_1": fine}, {"coarse_1": coarse, "coarse_2": coarse})
    assert "resampled (cubic)" in place.place(coarse)[1]
    seen = whole(scene)
    view = seen["coarse_1"]
    assert view.all_valid and view.ratio[0] != 1
    north = -30 * (view.centres(0) + 0.5)
    east = 30 * (view.centres(1) + 0.5)
    # within 2 m of where the place is, of pixels 463 m wide: cubic convolution is exact for what is nearly a plane
    np.testing.assert_allclose(view.data[0], np.broadcast_to(east, view.shape), atol=2)
    np.testing.assert_allclose(view.data[1], np.broadcast_to(north[:, None], view.shape), atol=2)
    core = Window(100, 37, 120, 150)
    same(scene.observe(core, 10), seen.crop(core, 10))


def test_other_dates_on_other_coarse_grids(tmp_path: Path) -> None:
    """Pieces of one grid are read as they are; a grid shifted by half a pixel is resampled onto the first."""
    fine = image(tmp_path / "fine.tif", FINE, transform=grid(1))
    values = np.random.default_rng(3).integers(1, 999, (2, 20, 20)).astype("uint16")
    first = open_image(put(tmp_path / "a.tif", values, transform=grid(8, -32, -32)))
    piece = open_image(put(tmp_path / "b.tif", values[:, 4:16, 2:15], transform=grid(8, -16, 0)))
    other = open_image(put(tmp_path / "c.tif", values, transform=grid(8, -28, -32)))
    place = ground(fine, first)
    laid = [place.place(one) for one in (first, piece, other)]
    assert [note == "" for _, note in laid] == [True, True, False] and "a grid of its own" in laid[2][1]
    scene = scene_of(place, {"fine_1": fine}, {"coarse_1": first, "coarse_2": piece, "coarse_p": other})
    seen = whole(scene)
    known = seen["coarse_2"].valid
    assert known.any() and not known.all()
    np.testing.assert_array_equal(seen["coarse_2"].data[:, known], seen["coarse_1"].data[:, known])
    assert seen["coarse_p"].shape == seen["coarse_1"].shape


def test_images_on_one_grid(tmp_path: Path) -> None:
    fine = image(tmp_path / "fine.tif", FINE, transform=grid(1))
    coarse = image(tmp_path / "on_fine.tif", FINE, 5, transform=grid(1))
    moved = image(tmp_path / "moved.tif", FINE, 5, transform=grid(1, 4, 0))
    place = ground(fine, coarse)
    assert place.on_fine and place.ratio == 1
    scene = scene_of(place, {"fine_1": fine}, {"coarse_1": coarse, "coarse_p": moved})
    seen = whole(scene)
    assert seen["coarse_1"].ratio == (1.0, 1.0) and seen["coarse_1"].all_valid
    np.testing.assert_array_equal(seen["coarse_p"].valid.any(axis=0), np.arange(FINE[1]) >= 4)
    core = Window(10, 20, 30, 30)
    same(scene.observe(core, 5), seen.crop(core, 5))


def test_south_up_and_a_second_fine_grid(tmp_path: Path) -> None:
    up = np.random.default_rng(0).integers(1, 99, (2, *FINE)).astype("uint16")
    turned = Affine(1, 0, 500000, 0, 1, 5700000 - FINE[0])
    fine = open_image(put(tmp_path / "fine.tif", up[:, ::-1].copy(), transform=turned))
    coarse = image(tmp_path / "coarse.tif", (12, 10), 1, transform=grid(8))
    wide = np.pad(up, ((0, 0), (3, 5), (2, 9)), mode="edge")
    second = open_image(put(tmp_path / "second.tif", wide, transform=grid(1, -2, -3)))
    scene = scene_of(ground(fine, coarse), {"fine_1": fine, "fine_2": second}, {"coarse_1": coarse})
    seen = whole(scene)
    np.testing.assert_array_equal(seen["fine_1"].data, up)
    np.testing.assert_allclose(seen["fine_2"].data, up, atol=1e-3)


def test_masks_hide_what_they_say(pair: tuple[Image, Image], tmp_path: Path) -> None:
    fine, coarse = pair
    numbers = np.zeros((1, *FINE), "uint8")
    numbers[0, :20, :30] = 4
    low = np.zeros((1, 12, 10), "uint16")
    low[0, 0, 0] = 9
    place = ground(fine, coarse)
    masks = {
        "fine_1": Placed(
            place.lay_fine(open_image(put(tmp_path / "fm.tif", numbers, transform=grid(1))), "nearest")[0]
        ),
        "coarse_1": place.place(open_image(put(tmp_path / "cm.tif", low, transform=grid(8))), "nearest")[0],
    }
    scene = scene_of(place, {"fine_1": fine}, {"coarse_1": coarse, "coarse_p": coarse}, masks=masks)
    seen = whole(scene)
    np.testing.assert_array_equal(seen["fine_1"].valid, numbers[0] == 0)
    np.testing.assert_array_equal(seen["coarse_1"].valid, low[0] == 0)
    assert seen["coarse_p"].all_valid
    told = scene_of(
        place,
        {"fine_1": fine},
        {"coarse_1": coarse},
        masks=masks,
        cloudy=lambda role, n: n == (4 if "f" in role else 1),
    )
    assert whole(told)["coarse_1"].all_valid and not whole(told)["fine_1"].all_valid


def test_without_georeferencing(tmp_path: Path) -> None:
    nowhere = {"crs": None, "transform": Affine.identity()}
    fine = image(tmp_path / "fine.tif", (97, 81), **nowhere)
    coarse = image(tmp_path / "coarse.tif", (12, 10), 1, **nowhere)
    place = ground(fine, coarse)
    assert place.ratio == 8 and place.grid.offset == (3.5, 3.5)
    seen = whole(scene_of(place, {"fine_1": fine}, {"coarse_1": coarse}))
    assert seen.shape == (97, 81) and not seen["coarse_1"].valid[-1].any()  # the last row has no coarse pixel
    np.testing.assert_array_equal(seen["coarse_1"].data[:, :12, :10], coarse.read()[0])
    with pytest.raises(GridError, match="one size"):
        place.place(image(tmp_path / "other.tif", (11, 10), **nowhere))


def test_refused(tmp_path: Path, pair: tuple[Image, Image]) -> None:
    fine, coarse = pair
    with pytest.raises(GridError, match="exchanged"):
        ground(coarse, fine)
    with pytest.raises(GridError, match="do not overlap"):
        ground(fine, coarse).place(image(tmp_path / "far.tif", (12, 10), transform=grid(8, 9000)))
    with pytest.raises(GridError, match="CRS"):
        ground(fine, image(tmp_path / "none.tif", (12, 10), crs=None, transform=Affine.identity()))
    with pytest.raises(GridError, match="rotated"):
        ground(image(tmp_path / "turned.tif", FINE, transform=Affine(1, 0.2, 500000, 0.2, -1, 5700000)), coarse)
    nowhere = {"crs": None, "transform": Affine.identity()}
    with pytest.raises(GridError, match="exchanged"):
        ground(image(tmp_path / "n1.tif", (12, 10), **nowhere), image(tmp_path / "n2.tif", FINE, **nowhere))
