"""Laying MS on PAN: places, ratios, tiles, refusals."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio.warp
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earthloom.errors import EarthloomError, GridError, InputError, SensorError
from earthloom.raster.open import open_image
from earthloom.raster.scenes.grids import Grid, fit_by_place, fit_by_shape
from earthloom.raster.scenes.sharpening import RasterScene, collocate
from earthloom.sensors import load
from earthloom.types import REACH, Band, Observation, Scene, Window

from .conftest import NORTH_UP, UTM, grid, put

Pair = Callable[..., tuple[Path, Path]]


def scene_of(paths: tuple[Path, Path], **options: object) -> RasterScene:
    return collocate(open_image([paths[0]], role="pan"), open_image([paths[1]], role="ms"), **options)


def whole(scene: RasterScene) -> Observation:
    return scene.observe(Window(0, 0, *scene.shape), 0)


def same(a: Observation, b: Observation) -> None:
    assert (a.shape, a.origin, a.core, a.convention) == (b.shape, b.origin, b.core, b.convention)
    for role in ("pan", "ms"):
        assert a[role].offset == b[role].offset and a[role].ratio == b[role].ratio and a[role].bands == b[role].bands
        np.testing.assert_array_equal(a[role].data, b[role].data)
        np.testing.assert_array_equal(a[role].valid, b[role].valid)


def test_nested_grids(pair: Pair) -> None:
    scene = scene_of(pair())
    assert isinstance(scene, Scene)
    assert scene.shape == (96, 128) and scene.ratio == 4 and scene.offset == (1.5, 1.5) and scene.convention == "centre"
    assert scene.transform == NORTH_UP and scene.crs.to_epsg() == 32631 and scene.notes == ()
    box = scene.geobox
    assert tuple(box.shape) == (96, 128) and box.crs.epsg == 32631 and box.transform == NORTH_UP
    seen = whole(scene)
    assert seen["pan"].ratio == (1.0, 1.0) and seen["ms"].ratio == (4.0, 4.0)
    assert seen["ms"].data.dtype == np.float32 and seen["pan"].all_valid and seen["ms"].all_valid
    empty = scene.empty()
    assert empty.shape == (0, 0) and empty["ms"].offset == (1.5, 1.5) and empty["ms"].bands == seen["ms"].bands


def test_every_pixel_lies_where_its_coordinates_say(tmp_path: Path) -> None:
    """The value of a pixel is its own northing or easting, so positions can be read off the data."""

    def image(name: str, shape: tuple[int, int], place: Affine) -> Path:
        rows = place.f + place.e * (np.arange(shape[0]) + 0.5) - 5700000
        cols = place.c + place.a * (np.arange(shape[1]) + 0.5) - 500000
        both = np.stack([np.repeat(rows[:, None], shape[1], 1), np.repeat(cols[None], shape[0], 0)])
        return put(tmp_path / name, both.astype("float64"), transform=place)

    pan_path = image("p.tif", (90, 100), grid(0.7, 3.1, 2.2))
    ms_path = image("m.tif", (30, 40), grid(2.3, 11.0, -5.0))
    for tile in (None, Window(10, 7, 20, 31)):
        scene = collocate(open_image([pan_path], bands=[1]), open_image([ms_path]))
        obs = whole(scene) if tile is None else scene.observe(tile, 5)
        north = obs["pan"].data[0, :, 0]
        for axis, values in ((0, obs["ms"].data[0, :, 0]), (1, obs["ms"].data[1, 0, :])):
            step, first = (-0.7, north[0]) if axis == 0 else (0.7, None)
            if first is None:
                first = scene.transform.c + 0.7 * (obs.origin[1] + 0.5) - 500000
            np.testing.assert_allclose(first + step * obs["ms"].centres(axis), values, atol=2e-4)


def test_landsat_half_pixel(shared: Path) -> None:
    folder = shared / "data/sharpening/landsat8_p020r039"
    scene = collocate(
        open_image([folder], role="pan"), open_image([folder], role="ms"), sensor=load("landsat8"), convention="auto"
    )
    assert scene.shape == (1205, 1253) and scene.ratio == 2
    # MS pixel 0 lies at index 1.0 of the PAN file, which is where the wanted grid begins
    assert scene.fit.fine[:2] == (1, 1) and scene.offset == (0.0, 0.0)
    assert (scene.transform.c, scene.transform.f) == (452482.5, 3408637.5)
    assert [b.name for b in scene.ms_bands][:4] == ["coastal", "blue", "green", "red"]
    assert scene.ms_bands[-1].name == "cirrus" and scene.pan_bands[0].mtf_nyquist == 0.15
    seen = whole(scene)
    for core, halo in ((Window(100, 60, 64, 80), 9), (Window(0, 0, 1, 1), 0), (Window(1200, 1250, 5, 3), 30)):
        same(scene.observe(core, halo), seen.crop(core, halo))
    # blue looks most like the PAN around the places it is said to lie at (clouds move between the other bands and PAN)
    blue, fine = seen["ms"].data[1], seen["pan"].data[0]
    near = {}
    for dy, dx in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)):
        around = sum(
            fine[3 + dy + v : 1197 + dy + v : 2, 3 + dx + u : 1245 + dx + u : 2] for v in (0, 1, 2) for u in (0, 1, 2)
        )
        near[dy, dx] = np.corrcoef(np.ravel(around), blue[2:599, 2:623].ravel())[0, 1]
    assert max(near, key=lambda place: near[place]) == (0, 0) and near[0, 0] > 0.9
    with pytest.raises(GridError, match="nest"):
        collocate(open_image([folder], role="pan"), open_image([folder], role="ms"), convention="toolbox")


@pytest.mark.parametrize("chip", [1, 2, 3])
def test_rotterdam_nodata_and_ratio(shared: Path, chip: int) -> None:
    data = shared / "data/sharpening/worldview2_rotterdam"
    pan, ms = open_image([data / f"chip{chip}_pan.tif"], nodata=0), open_image([data / f"chip{chip}_ms.tif"])
    scene = collocate(pan, ms, sensor=load("worldview2"))
    assert scene.shape == (600, 600) and scene.ratio == pytest.approx(4.0002, abs=3e-4)
    assert scene.offset == pytest.approx((1.5, 1.5), abs=0.02)
    assert [band.name for band in scene.ms_bands][2:3] == ["red"]
    seen = whole(scene)
    missing = {1: 0.0, 2: 0.32, 3: 0.39}[chip]
    assert 1 - seen["ms"].valid.mean() == pytest.approx(missing, abs=0.02)
    assert 1 - seen["pan"].valid.mean() == pytest.approx(missing, abs=0.02)


def test_gaofen_georeferencing_is_refused_unless_ignored(shared: Path) -> None:
    data = shared / "data/sharpening/gaofen2/test_full_res"
    paths = (data / "0_pan.tif", data / "0_lr.tif")
    with pytest.raises(GridError, match=r"0_lr\.tif has a CRS \(EPSG:4326\), 0_pan\.tif has none.*both or neither"):
        scene_of(paths)
    scene = scene_of(paths, ignore_georeferencing=True)
    assert scene.shape == (400, 400) and scene.ratio == 4 and scene.crs is None and scene.transform == Affine.identity()
    with rasterio.open(paths[1]) as file:  # not turned round although its pixel height has the wrong sign
        np.testing.assert_array_equal(whole(scene)["ms"].data, file.read())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    y=st.integers(0, 94),
    x=st.integers(0, 118),
    height=st.integers(1, 95),
    width=st.integers(1, 119),
    halo=st.integers(0, 40),
    which=st.integers(0, 3),
    shift=st.sampled_from([(0.0, 0.0), (1.3, -2.6)]),
)
def test_a_tile_is_the_crop_of_the_whole(
    pair: Pair, y: int, x: int, height: int, width: int, halo: int, which: int, shift: tuple[float, float]
) -> None:
    ms = [
        {},
        {"transform": grid(4.37, 3.3, -7.1), "nodata": 7},
        {"transform": grid(2.9, -20, 30)},
        {"transform": grid(30, -400, -400)},
    ][which]
    scene = scene_of(pair(None, ms), shift=shift)
    top, left = min(y, scene.shape[0] - 1), min(x, scene.shape[1] - 1)
    core = Window(top, left, min(height, scene.shape[0] - top), min(width, scene.shape[1] - left))
    seen = whole(scene)
    same(scene.observe(core, halo), seen.crop(core, halo))
    same(scene.observe(Window(0, 0, *scene.shape), 3), seen.crop(Window(0, 0, *scene.shape), 3))


def test_partial_overlap_is_the_intersection(pair: Pair) -> None:
    scene = scene_of(pair(None, {"transform": grid(4, 42.5, 20.25)}))
    assert scene.fit.fine == Window(21, 43, 75, 85)
    assert scene.offset == pytest.approx((20.25 + 1.5 - 21, 42.5 + 1.5 - 43))
    far = scene_of(pair(None, {"transform": grid(4, -80, -60)}))  # MS pixels far outside are not even read
    first = math.ceil(58.5 / 4) - REACH, math.ceil(78.5 / 4) - REACH
    assert far.shape == (36, 48) and far.fit.coarse == Window(*first, 24 - first[0], 32 - first[1])
    np.testing.assert_allclose(whole(far)["ms"].centres(0)[0], -60 + 1.5 + 4 * first[0])


def test_shift_moves_the_ms(pair: Pair) -> None:
    still, moved = scene_of(pair()), scene_of(pair(), shift=(1.25, -0.5))
    assert moved.offset == (still.offset[0] + 1.25, still.offset[1] - 0.5) and moved.shape == still.shape
    with pytest.raises(GridError, match="toolbox"):
        scene_of(pair(), shift=(1.0, 0.0), convention="toolbox")


def test_toolbox_takes_whole_ms_pixels(pair: Pair) -> None:
    scene = scene_of(pair(None, {"transform": grid(4, -6, 2)}), convention="toolbox")
    assert scene.convention == "toolbox" and scene.offset == (2.0, 2.0)
    assert scene.fit.fine == Window(2, 2, 92, 120) and scene.fit.coarse == Window(0, 2, 23, 30)


def test_another_crs_is_resampled(tmp_path: Path) -> None:
    rows, cols = np.mgrid[0:80, 0:80]
    coarse = (1000 + 3 * rows + 5 * cols).astype("uint16")[None]
    ms_path = put(
        tmp_path / "ms.tif", coarse, crs="EPSG:32632", transform=Affine(4, 0, 83300, 0, -4, 5717000), nodata=0
    )
    left, _, _, top = rasterio.warp.transform_bounds("EPSG:32632", UTM, 83380, 5716760, 83540, 5716920)
    place = Affine(1, 0, math.ceil(left), 0, -1, math.floor(top))
    pan_path = put(tmp_path / "pan.tif", np.ones((1, 120, 120), "uint8"), transform=place)
    scene = scene_of((pan_path, ms_path))
    assert scene.ratio == 4 and scene.shape == (120, 120) and "EPSG:32632 to EPSG:32631" in scene.notes[0]
    seen = whole(scene)
    ms = seen["ms"]
    assert ms.all_valid
    # a plane stays a plane: compare each warped pixel with the plane at its own coordinates
    y, x = np.meshgrid(ms.centres(0), ms.centres(1), indexing="ij")
    east, north = place.c + (x + scene.fit.fine.x + 0.5), place.f - (y + scene.fit.fine.y + 0.5)
    east, north = rasterio.warp.transform(UTM, "EPSG:32632", east.ravel(), north.ravel())
    expected = 1000 + 3 * ((5717000 - np.array(north)) / 4 - 0.5) + 5 * ((np.array(east) - 83300) / 4 - 0.5)
    np.testing.assert_allclose(ms.data[0].ravel(), expected, atol=0.05)
    for core, halo in ((Window(30, 20, 40, 50), 8), (Window(0, 0, 7, 7), 0)):
        same(scene.observe(core, halo), seen.crop(core, halo))


def test_a_crs_under_another_name_is_the_same(pair: Pair) -> None:
    renamed = "+proj=tmerc +lat_0=0 +lon_0=3 +k=0.9996 +x_0=500000 +y_0=0 +datum=WGS84 +units=m"
    scene = scene_of(pair(None, {"crs": renamed}))
    assert scene.notes == () and scene.offset == (1.5, 1.5) and scene.crs.to_epsg() == 32631


def test_a_scene_travels_to_another_process(pair: Pair) -> None:
    scene = scene_of(pair())
    same(pickle.loads(pickle.dumps(scene)).observe(Window(3, 4, 9, 9), 2), scene.observe(Window(3, 4, 9, 9), 2))


def test_the_mask_goes_through_the_warp(tmp_path: Path) -> None:
    coarse = np.full((1, 80, 80), 500, "uint16")
    coarse[0, 30:40, 30:40] = 0
    ms_path = put(
        tmp_path / "ms.tif", coarse, crs="EPSG:32632", transform=Affine(4, 0, 83300, 0, -4, 5717000), nodata=0
    )
    left, _, _, top = rasterio.warp.transform_bounds("EPSG:32632", UTM, 83300, 5716680, 83620, 5717000)
    pan_path = put(tmp_path / "p.tif", np.ones((1, 400, 400), "uint8"), transform=Affine(1, 0, left, 0, -1, top))
    ms = whole(scene_of((pan_path, ms_path)))["ms"]
    assert not ms.valid[0, 0]  # outside the turned image
    inside = ms.valid[15:-15, 15:-15]
    assert 80 <= (~inside).sum() <= 130  # the hole of 100 pixels
    np.testing.assert_allclose(ms.data[0][ms.valid], 500, atol=1e-3)  # nodata does not bleed
    assert (ms.data[0][~ms.valid] == 0).all()


def test_south_up_files_are_turned_round(pair: Pair) -> None:
    upright = scene_of(pair())
    seen = whole(upright)
    flipped_ms = seen["ms"].data[:, ::-1].astype("uint16")
    place = Affine(4, 0, NORTH_UP.c, 0, 4, NORTH_UP.f - 96)
    scene = scene_of(pair(None, {"data": flipped_ms, "transform": place}))
    assert "south" in scene.notes[0]
    same(whole(scene), seen)
    same(scene.observe(Window(5, 6, 30, 20), 4), upright.observe(Window(5, 6, 30, 20), 4))


def test_without_georeferencing(pair: Pair) -> None:
    nowhere = {"crs": None, "transform": Affine.identity()}
    scene = scene_of(pair(nowhere, nowhere))
    assert scene.shape == (96, 128) and scene.offset == (1.5, 1.5) and scene.crs is None
    assert scene_of(pair(nowhere, nowhere), convention="toolbox").offset == (2.0, 2.0)
    odd = scene_of(pair({**nowhere, "data": np.ones((1, 98, 130), "uint8")}, nowhere))
    assert odd.shape == (96, 128) and odd.ratio == 4
    real = scene_of(pair({**nowhere, "data": np.ones((1, 108, 144), "uint8")}, nowhere))
    assert real.shape == (108, 144) and real.ratio == 4.5 and real.offset == (1.75, 1.75)
    with pytest.raises(GridError, match="same ratio"):
        scene_of(pair({**nowhere, "data": np.ones((1, 96, 100), "uint8")}, nowhere))
    with pytest.raises(GridError, match="geotransform"):
        scene_of(pair({"crs": None}, nowhere))


ROTATED = Affine(1.0, 0.1, 500000.0, 0.1, -1.0, 5700000.0)


@pytest.mark.parametrize(
    ("pan", "ms", "words"),
    [
        ({"transform": ROTATED}, {}, "rotated or sheared"),
        ({}, {"transform": Affine(4, 0, 500000, 0.5, -4, 5700000)}, "rotated or sheared"),
        ({"transform": Affine(-1, 0, 500128, 0, -1, 5700000)}, {}, "mirrored"),
        ({}, {"transform": grid(4, 5000)}, "do not overlap"),
        ({}, {"transform": grid(4, 124)}, "share 4 columns"),
        ({"transform": grid(8)}, {}, "exchanged"),
        ({"transform": grid(4)}, {}, "ratio of 1"),
        ({"crs": None}, {}, "has a CRS"),
        ({}, {"crs": None}, "has a CRS"),
        ({"data": np.ones((2, 96, 128), "uint8")}, {}, "2 bands"),
        ({"data": np.zeros((1, 96, 128), "uint8"), "nodata": 0}, {}, "no valid pixel"),
        ({}, {"data": np.full((3, 24, 32), np.nan, "float32")}, "no valid pixel"),
        ({"data": np.ones((1, 1, 1), "uint8")}, {"data": np.ones((1, 1, 1), "uint8")}, "rows"),
    ],
)
def test_refusals(pair: Pair, pan: dict[str, object], ms: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        scene_of(pair(pan, ms))
    assert caught.value.given and caught.value.expected and "\n" not in str(caught.value)


def test_one_valid_pixel_is_enough(pair: Pair) -> None:
    lonely = np.zeros((3, 24, 32), "uint16")
    lonely[:, 23, 31] = 5
    assert whole(scene_of(pair(None, {"data": lonely, "nodata": 0})))["ms"].valid.sum() == 1


def test_tiles_outside_are_refused(pair: Pair) -> None:
    scene = scene_of(pair())
    for core, halo in ((Window(90, 0, 7, 5), 0), (Window(-1, 0, 5, 5), 0), (Window(0, 0, 5, 5), -1)):
        with pytest.raises(InputError):
            scene.observe(core, halo)


def test_bands(pair: Pair) -> None:
    named = {"data": np.ones((3, 24, 32), "uint8"), "descriptions": ("B04", "b3", "Blue")}
    assert [b.name for b in scene_of(pair(None, named), sensor=load("landsat8")).ms_bands] == ["red", "green", "blue"]
    assert scene_of(pair(None, named)).ms_bands == (Band("B04"), Band("b3"), Band("Blue"))
    generic = scene_of(pair(None, named), sensor=load("generic")).ms_bands
    assert [b.name for b in generic] == ["B04", "b3", "Blue"]
    assert [b.name for b in scene_of(pair(), sensor=load("generic")).ms_bands] == ["band_1", "band_2", "band_3"]
    wrong = {"data": np.ones((3, 24, 32), "uint8"), "descriptions": ("B4", "B3", "B99")}
    with pytest.raises(SensorError):
        scene_of(pair(None, wrong), sensor=load("landsat8"))
    four = {"data": np.ones((4, 24, 32), "uint8")}
    assert scene_of(pair(None, four), sensor=load("worldview3")).ms_bands[0].name == "blue"


numbers = st.floats(-50, 150, allow_nan=False)


@settings(max_examples=300, deadline=None)
@given(
    east=numbers,
    south=numbers,
    ratio=st.floats(0.3, 9),
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    convention=st.sampled_from(["centre", "toolbox"]),
)
def test_any_two_grids_fit_or_are_refused(
    east: float, south: float, ratio: float, shape: tuple[int, int], convention: str
) -> None:
    fine, coarse = Grid((90, 80), grid(), UTM, "pan"), Grid(shape, grid(ratio, east, south), UTM, "ms")
    try:
        fit = fit_by_place(fine, coarse, convention)
    except EarthloomError:
        return
    for axis, start in ((0, south), (1, east)):
        first, count = fit.fine[axis], fit.fine[axis + 2]
        assert first >= 0 and first + count <= fine.shape[axis]
        assert first >= start - 0.06 and first + count <= start + ratio * shape[axis] + 0.06
        if convention == "centre":  # where the geotransform says, but for its noise
            place = start + ratio * (np.arange(shape[axis]) + 0.5) - 0.5 - first
            told = fit.ratio[axis] * np.arange(shape[axis]) + fit.offset[axis]
            np.testing.assert_allclose(told, place, atol=0.06)
        else:
            assert count == fit.coarse[axis + 2] * round(ratio)


@given(st.tuples(*[st.integers(1, 300)] * 4))
def test_any_two_shapes_fit_or_are_refused(sides: tuple[int, int, int, int]) -> None:
    fine = Grid(sides[:2], Affine.identity(), None, "pan")
    coarse = Grid(sides[2:], Affine.identity(), None, "ms")
    try:
        fit = fit_by_shape(fine, coarse, "centre")
    except GridError:
        return
    for axis in (0, 1):
        assert 0 < fit.fine[axis + 2] <= fine.shape[axis]
        assert fit.fine[axis + 2] <= fit.ratio[axis] * coarse.shape[axis] + 0.02
        assert abs(fit.ratio[axis] * coarse.shape[axis] - fine.shape[axis]) < fit.ratio[axis] + 0.02


def test_scene_closes(pair: Pair) -> None:
    with scene_of(pair()) as scene:
        assert whole(scene).shape == scene.shape
    assert SimpleNamespace(scene=scene).scene.shape == (96, 128)
