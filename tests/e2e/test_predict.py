"""`earthloom predict` and `earthloom.predict`: dates, grids, units, masks; what is refused and why."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio
from affine import Affine

import earthloom
from earthloom.errors import EarthloomError, EarthloomWarning, GridError, InputError, MethodError
from tests.e2e.conftest import UTM, Cli, get, grid, put, texture
from tests.e2e.test_bad_input import refused

RATIO = 8
SHAPE = (96, 120)
DAYS = {"1": "2020-03-08", "2": "2020-03-24", "p": "2020-03-17"}
SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"


def fine(day: str, bands: int = 3) -> np.ndarray:
    """Fields that grow at different speed, and structure that stays."""
    fields = np.round(texture(SHAPE, 3) * 1.2)
    grown = {"1": 0.0, "p": 0.55, "2": 1.0}[day]
    still = 60 * texture(SHAPE, 4)
    images = [1500 + 300 * b + 200 * fields + still + grown * (300 + 120 * fields * (b - 1)) for b in range(bands)]
    return np.stack(images).clip(50).round()


def coarse(day: str, ratio: int = RATIO, bands: int = 3) -> np.ndarray:
    """Block means."""
    image = fine(day, bands)
    return image.reshape(bands, SHAPE[0] // ratio, ratio, SHAPE[1] // ratio, ratio).mean(axis=(2, 4)).round()


class Files(NamedTuple):
    """Two known dates, a coarse image of a third, and where the output goes."""

    folder: Path
    out: Path

    def pair(self, day: str) -> list[object]:
        return ["--pair", self.folder / f"fine_{day}.tif", self.folder / f"coarse_{day}.tif", DAYS[day]]

    def arguments(self, *more: object, pairs: str = "12") -> list[object]:
        given = [word for day in pairs for word in self.pair(day)]
        return ["predict", *given, "--coarse", self.folder / "coarse_p.tif", DAYS["p"], "-o", self.out, *more]

    def untouched(self) -> bool:
        return not os.listdir(self.out.parent)


Make = Callable[..., Files]


@pytest.fixture
def files(tmp_path: Path) -> Make:
    def make(**changed: dict[str, Any]) -> Files:
        (tmp_path / "out").mkdir(exist_ok=True)
        usual: dict[str, dict[str, Any]] = {}
        for day in "12p":
            usual[f"coarse_{day}"] = {"data": coarse(day).astype("uint16"), "transform": grid(30 * RATIO)}
            if day != "p":
                usual[f"fine_{day}"] = {"data": fine(day).astype("uint16"), "transform": grid(30)}
        for name, options in usual.items():
            put(tmp_path / f"{name}.tif", **{**options, **changed.get(name, {})})
        return Files(tmp_path, tmp_path / "out" / "p.tif")

    return make


def error(image: np.ndarray) -> float:
    return float(np.abs(image.astype(float) - fine("p")).mean())


COPY = min(float(np.abs(fine(day) - fine("p")).mean()) for day in "12")


def arrays() -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    return [(fine(day), coarse(day)) for day in "12"], coarse("p")


def test_a_date_between_two(files: Make, cli: Cli) -> None:
    """The product lies on the fine grid, in its numbers, knows its date and how it was made; tiles do not matter."""
    made = files(fine_1={"data": fine("1").astype("uint16"), "transform": grid(30), "descriptions": ("b", "g", "r")})
    done = cli(*made.arguments("--tile-size", 64, "-v"))
    assert done.code == 0, done.err
    data, about = get(made.out)
    assert data.dtype == np.uint16 and about.crs == UTM and about.transform == grid(30) and data.shape == (3, *SHAPE)
    assert about.descriptions == ("b", "g", "r") and about.structure["LAYOUT"] == "COG"
    assert error(data) < 0.5 * COPY
    tags = about.tags
    assert tags["EARTHLOOM_METHOD"] == "spatiotemporal/starfm" and tags["EARTHLOOM_DATE"] == "2020-03-17"
    assert tags["TIFFTAG_DATETIME"].startswith("2020:03:17")
    assert json.loads(tags["EARTHLOOM_DATES"])["coarse_2"] == "2020-03-24"
    assert set(json.loads(tags["EARTHLOOM_INPUTS"])) == {"fine_1", "fine_2", "coarse_1", "coarse_2", "coarse_p"}
    measured = json.loads(tags["EARTHLOOM_COREGISTRATION"])
    assert set(measured["measured"]) == {"coarse_1", "coarse_2", "coarse_p"} and measured["moved_px"] == {}
    assert json.loads(tags["EARTHLOOM_RATIO"]) == 8 and "8 x 8 times as large" in done.err
    pairs, target = arrays()
    whole = earthloom.predict(pairs, target, dates=[DAYS["1"], DAYS["2"]], date=DAYS["p"])
    np.testing.assert_allclose(whole, data, atol=1)
    assert cli("info", made.out).code == 0


def test_pairs_in_any_order(files: Make, cli: Cli) -> None:
    made = files()
    assert cli(*made.arguments("-q")).code == 0
    first = get(made.out)[0]
    done = cli(*made.arguments("--overwrite", "-v", pairs="21"))
    assert done.code == 0 and "order of their dates" in done.err
    np.testing.assert_array_equal(get(made.out)[0], first)


def test_one_pair_and_the_row_of_no_fusion(files: Make, cli: Cli) -> None:
    made = files()
    assert cli(*made.arguments(pairs="1")).code == 0
    alone = error(get(made.out)[0])
    assert cli(*made.arguments("--overwrite", "-m", "copy")).code == 0
    copied = get(made.out)[0]
    np.testing.assert_array_equal(copied, fine("2").astype("uint16"))  # the nearer one
    assert alone < error(copied)
    done = cli(*made.arguments("--overwrite", pairs="1"), "--window-px", 31)
    assert done.code == 0
    assert json.loads(get(made.out)[1].tags["EARTHLOOM_PARAMETERS"])["window_px"] == 31


def test_scales_of_the_files_and_as_told(files: Make, cli: Cli) -> None:
    """Landsat's own scaling on one side, reflectance on the other: physical units agree, numbers stay as they were."""
    made = files(**{f"coarse_{d}": {"data": (coarse(d) * 2.75e-5 - 0.2).astype("float32")} for d in "12p"})
    refused(cli(*made.arguments()), "--coarse-scale", "the fine image is")
    for day in "12":
        with rasterio.open(made.folder / f"fine_{day}.tif", "r+") as file:
            file.scales, file.offsets = (2.75e-5,) * 3, (-0.2,) * 3
    assert cli(*made.arguments()).code == 0
    data, about = get(made.out)
    assert about.scales == (2.75e-5,) * 3 and about.offsets == (-0.2,) * 3 and error(data) < 0.6 * COPY
    told = files(**{f"coarse_{d}": {"data": (coarse(d) * 1e-4).astype("float32")} for d in "12p"})
    assert cli(*told.arguments("--coarse-scale", "10000", "--overwrite")).code == 0
    assert error(get(told.out)[0]) < 0.6 * COPY
    assert cli(*told.arguments("--fine-scale", "0.0001", "--overwrite")).code == 0
    data, about = get(told.out)
    assert about.scales == (1e-4,) * 3 and error(data) < 0.6 * COPY


def test_clouds_of_either_sensor(files: Make, cli: Cli) -> None:
    """Where one date is masked the other serves; where the coarse image is, nothing can be told."""
    cloud, low = np.zeros((1, *SHAPE), "uint16"), np.zeros((1, 12, 15), "uint8")
    cloud[0, 20:50, 30:70] = 1 << 3
    low[0, :2, :3] = 7
    spoilt = np.where(cloud > 0, 9000, fine("2")).astype("uint16")
    made = files(fine_2={"data": spoilt}, fine_1={"data": fine("1").astype("uint16"), "nodata": 0})
    mask = put(made.folder / "cloud.tif", cloud, grid(30))
    low_mask = put(made.folder / "low.tif", low, grid(30 * RATIO))
    masks = ("--fine-mask", "none", mask, "--fine-mask-bits", "3", "4", "--coarse-mask", "none", "none", low_mask)
    assert cli(*made.arguments(*masks)).code == 0
    data, about = get(made.out)
    assert about.nodata == 0
    missing = (data == 0).all(axis=0)
    np.testing.assert_array_equal(missing, np.kron(low[0] > 0, np.ones((8, 8), bool)))
    assert np.abs(data.astype(float) - fine("p"))[:, ~missing].mean() < 0.7 * COPY
    values = ("--fine-mask", mask, mask, "--fine-mask-values", "99")
    assert cli(*made.arguments(*values, "--overwrite")).code == 0
    assert (get(made.out)[0] != 0).all()


def test_modis_as_it_was_made(files: Make, cli: Cli, tmp_path: Path) -> None:
    """The coarse images in their own projection and pixels: resampled to a grid nested in the fine one."""
    from rasterio.warp import Resampling, calculate_default_transform, reproject

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # rasterio multiplies affine 3 in the old way
        north, west = 5000000.0, 400000.0
        bounds = (west, north - 30 * SHAPE[0], west + 30 * SHAPE[1], north)
        at, width, height = calculate_default_transform(
            UTM, SINUSOIDAL, SHAPE[1], SHAPE[0], *bounds, resolution=30 * RATIO
        )  # fmt: skip
        changed: dict[str, dict[str, Any]] = {}
        for day in "12p":
            low = np.full((3, height or 0, width or 0), -9999, "float32")
            reproject(
                fine(day).astype("float32"), low, src_transform=grid(30), src_crs=UTM, dst_transform=at,
                dst_crs=SINUSOIDAL, dst_nodata=-9999, resampling=Resampling.average,
            )  # fmt: skip
            changed[f"coarse_{day}"] = {"data": low, "transform": at, "crs": SINUSOIDAL, "nodata": -9999}
    made = files(**changed)
    done = cli(*made.arguments("-v", "--dtype", "float32"))
    assert done.code == 0, done.err
    assert "resampled (cubic)" in done.err and "EPSG:32633" in done.err
    data, about = get(made.out)
    assert about.crs == UTM and about.transform == grid(30)
    assert 7 < json.loads(about.tags["EARTHLOOM_RATIO"]) < 9
    known = np.isfinite(data).all(axis=0)
    assert known.mean() > 0.8
    assert np.abs(data - fine("p"))[:, known].mean() < 0.6 * COPY


def test_fine_images_on_different_grids(files: Make, cli: Cli) -> None:
    wide = np.pad(fine("2"), ((0, 0), (3, 6), (2, 5)), mode="edge").astype("uint16")
    made = files(fine_2={"data": wide, "transform": grid(30, east=-60, south=-90)})
    done = cli(*made.arguments("-v"))
    assert done.code == 0 and "resampled" in done.err
    data, about = get(made.out)
    assert about.transform == grid(30) and error(data) < 0.5 * COPY


def test_displaced_coarse_images_are_put_in_place(files: Make, cli: Cli) -> None:
    """Coarse images half a pixel off are found, moved and reported; asked to be left alone, they are not."""
    moved = {f"coarse_{d}": {"data": rolled(d).astype("uint16")} for d in "12p"}
    made = files(**moved)
    done = cli(*made.arguments())
    assert done.code == 0 and "coarse images moved" in done.err, done.err
    corrected = error(get(made.out)[0])
    move = json.loads(get(made.out)[1].tags["EARTHLOOM_COREGISTRATION"])["moved_px"]["coarse_p"]
    assert move == pytest.approx([4, -4], abs=1)
    done = cli(*made.arguments("--coregister", "measure", "--overwrite"))
    assert done.code == 0 and "were not moved" in done.err
    assert corrected < min(error(get(made.out)[0]), 0.5 * COPY)
    quiet = cli(*made.arguments("--coregister", "off", "--overwrite", "-v"))
    assert quiet.code == 0 and "belongs" not in quiet.err


def rolled(day: str) -> np.ndarray:
    """Block means of ground half a coarse pixel further down and to the left."""
    image = np.roll(fine(day), (-4, 4), (1, 2))
    return image.reshape(3, SHAPE[0] // RATIO, RATIO, SHAPE[1] // RATIO, RATIO).mean(axis=(2, 4))


def test_refined_products_agree_with_what_was_seen(files: Make, cli: Cli) -> None:
    made = files()
    done = cli(*made.arguments("--refine", 5))
    assert done.code == 0 and "residual" in done.err
    tags = get(made.out)[1].tags
    assert json.loads(tags["EARTHLOOM_PARAMETERS"])["refine"] == 5


def test_units_that_no_scale_mends(files: Make, cli: Cli) -> None:
    """Numbers of another kind are refused with a hint, and regressed when asked."""
    gains, constants = np.array([3.0, 5.0, 9.0])[:, None, None], np.array([5000.0, 6000.0, 9000.0])[:, None, None]
    other = {f"fine_{d}": {"data": (gains * fine(d) + constants).astype("uint16")} for d in "12"}
    made = files(**other)
    refused(cli(*made.arguments()), "no one scale does it", "--match regression")
    done = cli(*made.arguments("--match", "regression", "-v"))
    assert done.code == 0 and "matched by regression" in done.err and "correlation" in done.err
    data, about = get(made.out)
    found = json.loads(about.tags["EARTHLOOM_MATCH"])
    np.testing.assert_allclose(found["gain"], gains.ravel(), rtol=0.15)
    wanted = gains * fine("p") + constants
    assert np.abs(data - wanted).mean() < 0.6 * min(np.abs(gains * (fine(d) - fine("p"))).mean() for d in "12")


def test_landsat_numbers_beside_modis_reflectance(shared: Path, cli: Cli, tmp_path: Path) -> None:
    """A published data set in two units: refused, then regressed."""
    data = shared / "data/spatiotemporal/landsat8_modis_2016"
    words = ["predict", "--pair", data / "L_2016_236.tif", data / "M_2016_236-bilinear.tif", "2016236", "--coarse"]
    words += [data / "M_2016_243-bilinear.tif", "2016243", "-o", tmp_path / "out.tif", "-m", "copy"]
    refused(cli(*words), "M_2016_236-bilinear.tif", "no one scale does it", "--match regression")
    done = cli(*words, "--match", "regression")
    assert done.code == 0, done.err
    assert get(tmp_path / "out.tif")[0].shape == (4, 444, 444)


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "other bands": ({"coarse_1": {"data": coarse("1", bands=2).astype("uint16")}}, ("2 band(s)", "--coarse-bands")),
    "coarse elsewhere": ({"coarse_p": {"transform": grid(240, east=90000)}}, ("coarse_p.tif", "overlap")),
    "fine elsewhere": ({"fine_2": {"transform": grid(30, east=90000)}}, ("fine_2.tif", "overlap")),
    "coarse without a place": ({"coarse_1": {"crs": None, "transform": None}}, ("coarse_1.tif", "has none")),
    "fine rotated": ({"fine_1": {"transform": Affine(30, 4, 400000, 4, -30, 5000000)}}, ("fine_1.tif", "rotated")),
    "coarse finer": (
        {f"coarse_{d}": {"transform": grid(3)} for d in "12p"}, ("0.1 times those of fine_1.tif", "exchanged"),
    ),
    "NaN everywhere": (
        {"fine_2": {"data": np.full((3, *SHAPE), np.nan, "float32")}}, ("fine image fine_2.tif", "no clear pixel"),
    ),
    "no data on the date to predict": (
        {"coarse_p": {"data": np.zeros((3, 12, 15), "uint16"), "nodata": 0}}, ("coarse_p.tif", "no clear pixel"),
    ),
    "nothing in common": (
        {
            "fine_1": {"data": np.where(np.arange(120) < 60, 0, fine("1")).astype("uint16"), "nodata": 0},
            "coarse_1": {"data": np.where(np.arange(15) > 6, 0, coarse("1")).astype("uint16"), "nodata": 0},
        },
        ("fine_1.tif", "coarse_1.tif", "in common"),
    ),
    "other units": (
        {f"coarse_{d}": {"data": (coarse(d) / 1e4).astype("float32")} for d in "12p"},
        ("the fine image is 10000 times the coarse one", "--coarse-scale 10000"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, files: Make, cli: Cli) -> None:
    change, words = REFUSED[case]
    made = files(**change)
    refused(cli(*made.arguments()), *words)
    assert made.untouched()


def test_refused_flags(files: Make, cli: Cli) -> None:
    made = files()
    one, low = made.folder / "fine_1.tif", made.folder / "coarse_1.tif"
    mask = put(made.folder / "two.tif", np.zeros((2, *SHAPE), "uint8"), grid(30))
    base = ["predict", "-o", made.out]
    for words, hints in (
        ([*base, "--pair", one, low, "2020-03-17", "--coarse", low, "2020-03-17"], ("whose fine image is given",)),
        ([*base, *made.pair("1"), *made.pair("1"), "--coarse", low, "2020-03-17"], ("two pairs of 2020-03-08",)),
        ([*base, *made.pair("1"), "--coarse", low, "17 March"], ("2020-03-08", "day of the year")),
        ([*base, "--pair", one, low, "2020-03-08/2020-05-01", "--coarse", low, "2020-03-17"], ("54 days apart",)),
        ([*base, "--pair", one, low], ("--pair",)),
        ([*base, *made.pair("1")], ("--coarse is missing",)),
        ([*base, "--coarse", low, "2020-03-17"], ("--pair is missing",)),
        (made.arguments("--fine-mask", mask), ("1 masks for 2 fine images",)),
        (made.arguments("--fine-mask", mask, mask), ("two.tif of 2 bands",)),
        (made.arguments("--coarse-mask", mask, mask), ("2 masks for 3 coarse images", "date to predict")),
        (made.arguments("--fine-bands", "1", "7"), ("band 7",)),
        (made.arguments("--fine-bands", "1", "2"), ("3 band(s)", "of 2")),
        (made.arguments("--coarse-scale", "0"), ("scale 0",)),
        (made.arguments("--refine", "-1"), ("refine=-1",)),
        (made.arguments("--ratio", "0.1"), ("ratio 0.1",)),
        (made.arguments("-m", "gsa"), ("no spatiotemporal method 'gsa'",)),
        (made.arguments("--match", "levels"), ("--match",)),
        (made.arguments("--window-px", "50"), ("window_px",)),
        (made.arguments("--adapt"), ("nothing to adapt",)),
        (made.arguments("--save-weights", "x.safetensors"), ("without adapting",)),
        (made.arguments("--fine-sensor", "nothing"), ("nothing",)),
        (made.arguments("--fine-mask-values", "1", "--fine-mask-bits", "1"), ("one of them",)),
        (made.arguments("--days-apart", "-1"), ("days_apart -1",)),
    ):  # fmt: skip
        refused(cli(*words), *hints)
    assert made.untouched()
    refused(cli(*made.arguments()[:-1], made.folder / "x.png"), "GeoTIFF")
    refused(cli(*made.arguments()[:-1], one, "--overwrite"), "is an input")


def test_the_wrong_order_of_bands_is_seen(files: Make, cli: Cli) -> None:
    made = files()
    words = ("--fine-sensor", "landsat8", "--coarse-sensor", "modis")
    four = np.concatenate([fine("1"), fine("1")[:1]]).astype("uint16")
    for day in "12":
        put(made.folder / f"fine_{day}.tif", four, grid(30))
    for day in "12p":
        low = np.concatenate([coarse(day), coarse(day)[:1]]).astype("uint16")
        put(made.folder / f"coarse_{day}.tif", low, grid(240), descriptions=("red", "nir", "blue", "green"))
    refused(cli(*made.arguments(*words)), "band 1", "nm", "--coarse-bands")
    ordered = ("--coarse-bands", "blue", "green", "red", "nir")
    assert cli(*made.arguments(*words, *ordered)).code == 0
    assert json.loads(get(made.out)[1].tags["EARTHLOOM_COARSE_SENSOR"]) == "modis"


def test_a_pair_of_two_days_and_a_date_outside(files: Make, cli: Cli) -> None:
    made = files()
    first = made.folder / "fine_1.tif", made.folder / "coarse_1.tif", "2020-03-08/2020-03-11"
    second = made.folder / "fine_2.tif", made.folder / "coarse_2.tif", "2020-03-24"
    words = ["predict", "--pair", *first, "--pair", *second, "--coarse", made.folder / "coarse_p.tif", "2020-04-20"]
    done = cli(*words, "-o", made.out, "-v")
    assert done.code == 0 and "3 day(s) away" in done.err and "outside the known dates" in done.err
    assert json.loads(get(made.out)[1].tags["EARTHLOOM_DATES"])["coarse_1"] == "2020-03-11"
    named = made.folder / "coarse_2019001.tif"
    shutil.copy(made.folder / "coarse_p.tif", named)
    done = cli("predict", *made.pair("1"), "--coarse", named, "2020-03-17", "-o", made.out, "--overwrite")
    assert done.code == 0 and "its name says 2019-01-01" in done.err


def test_files_that_lie_nowhere(files: Make, cli: Cli) -> None:
    nowhere = {"crs": None, "transform": None}
    made = files(**{name: nowhere for name in ("fine_1", "fine_2", "coarse_1", "coarse_2", "coarse_p")})
    assert cli(*made.arguments()).code == 0
    data, about = get(made.out)
    assert about.crs is None and error(data) < 0.5 * COPY
    somewhere = files()
    assert cli(*somewhere.arguments("--ignore-georeferencing", "--overwrite")).code == 0
    assert error(get(somewhere.out)[0]) < 0.5 * COPY


def test_arrays_of_every_kind() -> None:
    import torch
    import xarray

    pairs, target = arrays()
    expected = earthloom.predict(pairs, target)
    assert expected.dtype == np.float64 and error(expected) < 0.5 * COPY
    tensors = [tuple(torch.from_numpy(a) for a in pair) for pair in pairs]
    np.testing.assert_array_equal(earthloom.predict(tensors, torch.from_numpy(target)).numpy(), expected)

    def array(data: np.ndarray, pixel: float) -> Any:
        y, x = (first + np.arange(n) * pixel for n, first in zip(data.shape[1:], (pixel / 2, pixel / 2), strict=True))
        return xarray.DataArray(data, dims=("band", "y", "x"), coords={"y": y, "x": x})

    named = earthloom.predict([(array(f, 30.0), array(c, 240.0)) for f, c in pairs], array(target, 240.0))
    np.testing.assert_allclose(named.to_numpy(), expected)
    assert list(named.y[:2].values) == [15, 45]
    on_fine = [(f, np.kron(c, np.ones((1, 8, 8)))) for f, c in pairs]
    product = earthloom.predict(on_fine, np.kron(target, np.ones((1, 8, 8))), ratio=8)
    assert error(product) < 0.8 * COPY
    whole = earthloom.predict([(fine("1").astype("uint16"), coarse("1"))], coarse("p"))
    assert whole.dtype == np.uint16
    scaled = earthloom.predict([(f, c / 1e4) for f, c in pairs], target / 1e4, coarse_scale=1e4)
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)
    bands = earthloom.predict([(f, c[::-1]) for f, c in pairs], target[::-1], coarse_bands=(3, 2, 1))
    np.testing.assert_allclose(bands, expected)
    masked = earthloom.predict(pairs, target, fine_masks=[np.ones(SHAPE, bool) & (np.arange(120) < 40), None])
    assert np.isfinite(masked).all() and not np.allclose(masked, expected)


ARRAYS: dict[str, tuple[dict[str, Any], str]] = {
    "exchanged": ({"pairs": [(coarse("1"), fine("1"))]}, "exchanged"),
    "no whole ratio": ({"pairs": [(fine("1"), coarse("1")[:, :7])]}, "one whole ratio"),
    "bands": ({"pairs": [(fine("1")[:2], coarse("1"))]}, "band"),
    "other fine shapes": ({"pairs": [(fine("1"), coarse("1")), (fine("2")[:, :90], coarse("2"))]}, "one grid"),
    "NaN": ({"pairs": [(np.full_like(fine("1"), np.nan), coarse("1"))]}, "fine image of pair 1 has no clear pixel"),
    "NaN to predict": ({"coarse": np.full_like(coarse("p"), np.nan)}, "predict from has no clear pixel"),
    "units": ({"pairs": [(fine("1"), coarse("1") / 1e4)]}, "coarse_scale=10000"),
    "no pairs": ({"pairs": []}, "no pair"),
    "a triple": ({"pairs": [(fine("1"), coarse("1"), "2020-03-08")]}, "dates go into"),
    "dates without a date": ({"dates": ["2020-03-08", "2020-03-24"]}, "some of the dates"),
    "one date for two pairs": ({"dates": ["2020-03-08"], "date": "2020-03-10"}, "1 dates for 2 pairs"),
    "the known date": ({"dates": ["2020-03-08", "2020-03-24"], "date": "2020-03-24"}, "leave that pair out"),
    "the same date twice": ({"dates": ["2020-03-08"] * 2, "date": "2020-03-10"}, "two pairs"),
    "mixed kinds": ({"coarse": "coarse.tif"}, "all of one kind"),
    "output with arrays": ({"output": "x.tif"}, "paths"),
    "a ratio that cannot be": ({"ratio": 3}, "about 8 by 8"),
    "a mask of another size": ({"fine_masks": [np.zeros((5, 5)), None]}, "one grid"),
    "unknown field": ({"windows": 3}, "no field 'windows'"),
    "unknown method": ({"method": "gsa"}, "no spatiotemporal method"),
    "refine on the fine grid": (
        {"pairs": [(fine("1"), fine("1"))], "coarse": fine("p"), "refine": 2}, "its own grid",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_refused(case: str) -> None:
    change, words = ARRAYS[case]
    pairs, target = arrays()
    given = {"pairs": pairs, "coarse": target, **change}
    with pytest.raises(EarthloomError, match=words) as raised:
        earthloom.predict(given.pop("pairs"), given.pop("coarse"), **given)
    assert isinstance(raised.value, (InputError, GridError, MethodError))


def test_a_date_outside_the_known_ones_warns() -> None:
    pairs, target = arrays()
    with pytest.warns(EarthloomWarning, match="outside the known dates"):
        earthloom.predict(pairs, target, dates=["2020-03-08", "2020-03-12"], date="2020-04-01", method="copy")


def test_files_from_python(files: Make, tmp_path: Path) -> None:
    made = files()
    folder = tmp_path / "dated"
    folder.mkdir()
    for day, name in (("1", "2020068"), ("2", "2020084")):
        for sensor in ("fine", "coarse"):
            shutil.copy(made.folder / f"{sensor}_{day}.tif", folder / f"{sensor}_{name}.tif")
    shutil.copy(made.folder / "coarse_p.tif", folder / "coarse_2020077.tif")
    pairs = [(folder / f"fine_{n}.tif", folder / f"coarse_{n}.tif") for n in ("2020068", "2020084")]
    found = earthloom.predict(pairs, folder / "coarse_2020077.tif")
    assert (
        found.dims == ("band", "y", "x")
        and "33N" in found.spatial_ref.attrs["crs_wkt"]
        and error(found.to_numpy()) < 0.5 * COPY
    )
    path = earthloom.predict(pairs, folder / "coarse_2020077.tif", output=tmp_path / "p.tif", dtype="float32")
    np.testing.assert_allclose(get(path)[0], found.to_numpy(), atol=1e-3)
    assert get(path)[1].tags["EARTHLOOM_DATE"] == "2020-03-17"
    undated = [(made.folder / "fine_1.tif", made.folder / "coarse_1.tif")]
    assert earthloom.predict(undated, made.folder / "coarse_p.tif", method="copy").shape == (3, *SHAPE)
    with pytest.raises(InputError, match="some of the dates"):
        earthloom.predict(undated, folder / "coarse_2020077.tif")
