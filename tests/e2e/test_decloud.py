"""`earthloom decloud` and `earthloom.decloud`: files of every kind, what is refused, what stays as it was."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from affine import Affine

import earthloom
from earthloom.errors import EarthloomWarning, GridError, InputError, MethodError
from tests.e2e.conftest import Cli, get, grid, put, texture
from tests.e2e.test_bad_input import refused

SHAPE = (120, 136)


def ground(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Blue, green, red, NIR in reflectance x 10000, and VV, VH in dB that follow the same fields."""
    fields, fine = np.round(texture(SHAPE, seed) * 1.2), texture(SHAPE, seed + 1)
    optical = np.stack([600 + 60 * fields, 800 + 90 * fields, 700 + 150 * fields, 3000 - 350 * fields]) + 20 * fine
    return optical.clip(50).round(), np.stack([-11 + 1.5 * fields, -17 + 1.2 * fields]) + 0.4 * fine


def cloud_mask() -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return ((y - 50) ** 2 + (x - 70) ** 2 < 24**2) | ((y - 100) ** 2 + (x - 20) ** 2 < 9**2)


class Files(NamedTuple):
    """An optical image, its radar image and mask, another date, and where the output goes."""

    optical: Path
    sar: Path
    mask: Path
    date: Path
    out: Path

    def arguments(self, *more: object) -> list[object]:
        return ["decloud", "--optical", self.optical, "--sar", self.sar, "-o", self.out, *more]

    def masked(self, *more: object) -> list[object]:
        return self.arguments("--mask", self.mask, *more)

    def untouched(self) -> bool:
        return not os.listdir(self.out.parent)


Make = Callable[..., Files]


@pytest.fixture
def files(tmp_path: Path) -> Make:
    def make(of_optical: Any = None, of_sar: Any = None, of_mask: Any = None, of_date: Any = None) -> Files:
        clear, db = ground()
        cloudy = np.where(cloud_mask(), 7000.0, clear)
        (tmp_path / "out").mkdir(exist_ok=True)
        given = {
            "optical": ({"data": cloudy.astype("uint16"), "transform": grid(10)}, of_optical),
            "sar": ({"data": db.astype("float32"), "transform": grid(10)}, of_sar),
            "mask": ({"data": cloud_mask()[None].astype("uint8"), "transform": grid(10)}, of_mask),
            "date": ({"data": (0.8 * clear + 90).astype("uint16"), "transform": grid(10)}, of_date),
        }
        paths = [put(tmp_path / f"{role}.tif", **{**usual, **(other or {})}) for role, (usual, other) in given.items()]
        return Files(*paths, tmp_path / "out" / "clear.tif")

    return make


def error(data: np.ndarray) -> float:
    return float(np.abs(data.astype(float) - ground()[0])[:, cloud_mask()].mean())


def test_clear_pixels_stay_and_clouds_go(files: Make, cli: Cli) -> None:
    made = files()
    done = cli(*made.masked("--tile-size", "64"))
    assert done.code == 0, done.err
    data, about = get(made.out)
    before = get(made.optical)[0]
    np.testing.assert_array_equal(data[:, ~cloud_mask()], before[:, ~cloud_mask()])
    assert data.dtype == np.uint16 and about.crs == "EPSG:32633" and about.transform == grid(10)
    assert error(data) < 60 and error(before) > 3000
    assert about.tags["EARTHLOOM_METHOD"] == "cloud_removal/sar_regression"
    assert set(json.loads(about.tags["EARTHLOOM_INPUTS"])) == {"optical", "sar", "mask"}
    assert about.structure["LAYOUT"] == "COG" and "under clouds" in done.err
    whole = earthloom.decloud(before, get(made.sar)[0], cloud_mask())
    np.testing.assert_allclose(whole.astype(float), data, atol=1)


@pytest.mark.parametrize("method", ["inpaint", "mosaic", "sar_regression"])
def test_every_method(method: str, files: Make, cli: Cli) -> None:
    made = files()
    done = cli(*made.masked("--date", made.date, "--date-mask", made.mask, "-m", method, "--reach", "30"))
    assert done.code == 0, done.err
    assert error(get(made.out)[0]) < 0.1 * error(get(made.optical)[0])
    rows = cli("evaluate", made.out, "--reference", made.date, "--mask", made.mask, "--before", made.optical)
    assert rows.code == 0 and "clouds removed" in rows.out and "inpaint, under clouds" in rows.out
    report = cli("evaluate", made.out, "--reference", made.date, "--mask", made.mask, "--json")
    figures = json.loads(report.out)
    assert {"psnr", "ssim", "sam_deg", "mae"} <= set(figures["figures"]) and set(figures["rows"]) == {
        "under clouds", "everywhere"
    }  # fmt: skip


def test_default_is_the_mosaic_with_dates(files: Make, cli: Cli) -> None:
    made = files()
    assert cli(*made.masked("--date", made.date)).code == 0
    data, about = get(made.out)
    assert about.tags["EARTHLOOM_METHOD"] == "cloud_removal/mosaic"
    assert error(data) < 5


def test_what_no_date_shows_is_said() -> None:
    """A date that lies under clouds at the same place: 100 of 400 pixels of the cloud stay missing."""
    optical, mask = ground()[0], np.zeros(SHAPE, bool)
    mask[40:60, 40:60] = True
    there = np.zeros(SHAPE, bool)
    there[40:50, 40:50] = True
    share = f"{100 * 100 / mask.size:.3g} % of the pixels lay under clouds and are missing in the product"
    with pytest.warns(EarthloomWarning, match=share) as told:
        earthloom.decloud(optical, mask=mask, dates=[optical + 100.0], date_masks=[there])
    assert len([one for one in told if "missing" in str(one.message)]) == 1


def test_replace_all(files: Make, cli: Cli) -> None:
    made = files()
    assert cli(*made.masked("--replace-all")).code == 0
    data, before = get(made.out)[0], get(made.optical)[0]
    assert (data != before)[:, ~cloud_mask()].mean() > 0.1
    assert error(data) < 60


def test_mask_is_found(files: Make, cli: Cli) -> None:
    made = files()
    done = cli(*made.arguments("-v"))
    assert done.code == 0 and "taken to be blue, green, red, NIR" in done.err and "found by thresholds" in done.err
    data, about = get(made.out)
    assert error(data) < 80 and json.loads(about.tags["EARTHLOOM_CLOUDS"])["mask"] == "found by thresholds"
    changed = (data != get(made.optical)[0]).any(axis=0)
    assert changed[cloud_mask()].all() and changed[~cloud_mask()].mean() < 0.2


def test_mask_values(files: Make, cli: Cli) -> None:
    scene_classes = np.where(cloud_mask(), 9, 4)[None].astype("uint8")
    made = files(of_mask={"data": scene_classes})
    assert cli(*made.masked("--mask-values", "3", "8", "9")).code == 0
    np.testing.assert_array_equal(get(made.out)[0][:, ~cloud_mask()], get(made.optical)[0][:, ~cloud_mask()])
    refused(cli(*made.masked("--overwrite")), "0 clear pixels")


def test_nodata_stays_apart_from_clouds(files: Make, cli: Cli) -> None:
    cloudy = np.where(cloud_mask(), 7000.0, ground()[0]).astype("uint16")
    cloudy[:, 40:60, 60:64] = 0
    cloudy[:, 5:9, 100:110] = 0
    made = files(of_optical={"data": cloudy, "nodata": 0})
    assert cli(*made.masked()).code == 0
    data, about = get(made.out)
    assert about.nodata == 0
    np.testing.assert_array_equal((data == 0).all(axis=0), (cloudy == 0).all(axis=0))
    known = ~cloud_mask()
    np.testing.assert_array_equal(data[:, known], cloudy[:, known])


def test_scaled_reflectance_comes_back_bit_by_bit(files: Make, cli: Cli) -> None:
    scales = {"data": ground()[0].astype("uint16")}
    made = files(of_optical=scales)
    import rasterio

    with rasterio.open(made.optical, "r+") as file:
        file.scales, file.offsets = (2.75e-5,) * 4, (-0.2,) * 4
    assert cli(*made.masked()).code == 0
    data, about = get(made.out)
    np.testing.assert_array_equal(data[:, ~cloud_mask()], get(made.optical)[0][:, ~cloud_mask()])
    assert about.scales == (2.75e-5,) * 4


GRIDS: dict[str, dict[str, Any]] = {
    "half the pixels": {"transform": grid(20), "step": 2},
    "shifted": {"transform": grid(10, east=-25, south=-35), "step": 1},
    "another CRS": {"transform": Affine(10, 0, 400000.0, 0, -10, 5000000.0), "crs": "EPSG:32633", "step": 1},
    "linear": {"linear": True, "step": 1},
}


@pytest.mark.parametrize("case", GRIDS)
def test_radar_on_another_grid(case: str, files: Make, cli: Cli) -> None:
    change = dict(GRIDS[case])
    step, db = change.pop("step"), ground()[1].astype("float32")
    if case == "another CRS":
        change = in_degrees(db)
    elif change.pop("linear", False):
        change["data"] = 10 ** (db / 10)
    elif case == "shifted":
        change["data"] = np.pad(db, ((0, 0), (3, 6), (2, 5)), mode="edge")
    else:
        change["data"] = db.reshape(2, SHAPE[0] // step, step, SHAPE[1] // step, step).mean(axis=(2, 4))
    made = files(of_sar=change)
    done = cli(*made.masked("-v"))
    assert done.code == 0, done.err
    assert ("resampled (bilinear)" in done.err) == (case != "linear")
    assert ("linear power" in done.err) == (case == "linear")
    assert error(get(made.out)[0]) < 75


def in_degrees(db: np.ndarray) -> dict[str, Any]:
    """Radar in geographic coordinates, made by another route than ours."""
    from rasterio.warp import calculate_default_transform, reproject

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # rasterio multiplies affine 3 in the old way
        to, width, height = calculate_default_transform("EPSG:32633", "EPSG:4326", *SHAPE[::-1], *bounds())
        warped = np.full((2, int(height or 0), int(width or 0)), -9999, "float32")
        reproject(
            db, warped, src_transform=grid(10), src_crs="EPSG:32633", dst_transform=to, dst_crs="EPSG:4326",
            dst_nodata=-9999,
        )  # fmt: skip
    return {"data": warped, "transform": to, "crs": "EPSG:4326", "nodata": -9999}


def bounds() -> tuple[float, float, float, float]:
    return (400000.0, 5000000.0 - 10 * SHAPE[0], 400000.0 + 10 * SHAPE[1], 5000000.0)


def test_radar_that_covers_a_part(files: Make, cli: Cli) -> None:
    """Clouds without radar stay missing; clear ground there stays as it was."""
    made = files(of_sar={"data": ground()[1][:, :, :70].astype("float32")})
    assert cli(*made.masked()).code == 0
    data, about = get(made.out)
    right = np.arange(SHAPE[1])[None] >= 75
    assert about.nodata == 65535 and (data[:, cloud_mask() & right] == 65535).all()  # not 0, which clear ground may be
    clear = ~cloud_mask()
    np.testing.assert_array_equal(data[:, clear], get(made.optical)[0][:, clear])


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "radar of other bands": ({"of_sar": {"data": np.ones((13, *SHAPE), "float32")}}, ("13 bands", "VV and VH")),
    "radar elsewhere": ({"of_sar": {"transform": grid(10, east=90000)}}, ("sar.tif", "overlap")),
    "radar without a place": ({"of_sar": {"crs": None, "transform": None}}, ("sar.tif", "has none", "both or neither")),
    "radar that is rotated": ({"of_sar": {"transform": Affine(10, 1, 400000, 1, -10, 5000000)}}, ("rotated",)),
    "radar without data": (
        {"of_sar": {"data": np.full((2, *SHAPE), np.nan, "float32")}}, ("sar.tif", "no valid pixel"),
    ),
    "mask of two bands": ({"of_mask": {"data": np.zeros((2, *SHAPE), "uint8")}}, ("mask of 2 bands", "one band")),
    "all under clouds": ({"of_mask": {"data": np.ones((1, *SHAPE), "uint8")}}, ("0 clear pixels", "--normalise none")),
    "optical without data": (
        {"of_optical": {"data": np.zeros((4, *SHAPE), "uint16"), "nodata": 0}}, ("optical.tif", "no valid pixel"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, files: Make, cli: Cli) -> None:
    change, words = REFUSED[case]
    made = files(**change)
    refused(cli(*made.masked()), *words)
    assert made.untouched()


def test_refused_flags(files: Make, cli: Cli) -> None:
    made = files()
    three = put(made.date.with_name("three.tif"), np.ones((3, *SHAPE), "uint16"), grid(10))
    for more, words in (
        (("--date", three), ("date_1 of 3 bands", "of 4")),
        (("--date-mask", made.mask), ("1 masks for 0 dates",)),
        (("-m", "mosaic"), ("without another date", "--date")),
        (("-m", "gsa"), ("no cloud_removal method 'gsa'",)),
        (("--sar-units", "dB"), ("--sar-units",)),
        (("--sar-units", "linear"), ("negative", "db")),
        (("--reach", "500"), ("reach=500",)),
        (("--colour", "red"), ("--colour",)),
    ):
        refused(cli(*made.masked(*more)), *words)
    refused(cli("decloud", "--optical", made.optical, "-o", made.out, "-m", "sar_regression"), "without SAR", "--sar")
    refused(cli("decloud", "--optical", three, "--sar", made.sar, "-o", made.out), "no cloud mask", "--mask")
    refused(cli("decloud", "--sar", made.sar, "-o", made.out), "--optical is missing")
    refused(cli("evaluate", made.optical, "--mask", made.mask), "--reference")
    refused(cli("evaluate", made.optical, "--reference", made.date, "--mask", made.sar), "mask of 2 bands")
    assert made.untouched()


def test_arrays_of_every_kind() -> None:
    import torch
    import xarray

    clear, db = ground()
    cloudy = np.where(cloud_mask(), 7000.0, clear)
    expected = earthloom.decloud(cloudy, db, cloud_mask())
    assert expected.dtype == np.float64
    np.testing.assert_array_equal(expected[:, ~cloud_mask()], cloudy[:, ~cloud_mask()])
    tensor = earthloom.decloud(*(torch.from_numpy(a) for a in (cloudy, db)), torch.from_numpy(cloud_mask()))
    np.testing.assert_array_equal(tensor.numpy(), expected)
    named = earthloom.decloud(
        *(xarray.DataArray(a, dims=("band", "y", "x")) for a in (cloudy, db)),
        mask=xarray.DataArray(cloud_mask(), dims=("y", "x")),
    )
    np.testing.assert_array_equal(named.to_numpy(), expected)
    report = earthloom.evaluate(expected, clear, mask=cloud_mask())
    assert report.rows["under clouds"]["mae"] == pytest.approx(error(expected))
    assert report.rows["everywhere"]["mae"] < report.rows["under clouds"]["mae"]
    beside = earthloom.evaluate(expected, clear, mask=cloud_mask(), before=cloudy)
    assert beside.figures == report.figures and list(beside.rows)[:3] == [
        "under clouds", "cloudy, under clouds", "inpaint, under clouds",
    ]  # fmt: skip
    filled = earthloom.decloud(cloudy, mask=cloud_mask(), method="inpaint")
    assert beside.rows["inpaint, under clouds"]["mae"] == pytest.approx(error(filled), rel=1e-6)
    assert beside.rows["cloudy, under clouds"]["mae"] == pytest.approx(error(cloudy))
    assert [line.about for line in beside.verdict] == ["clouds removed"] and beside.verdict[0].grade == "good"
    with pytest.raises(InputError, match="before without a mask"):
        earthloom.evaluate(expected, clear, ratio=1, before=cloudy)
    with pytest.raises(GridError, match="cloudy image"):
        earthloom.evaluate(expected, clear, mask=cloud_mask(), before=cloudy[:1])


def test_arrays_refused() -> None:
    clear, db = ground()
    with pytest.raises(InputError, match="one grid"):
        earthloom.decloud(clear, db[:, :50], cloud_mask())
    with pytest.raises(InputError, match="all of one kind"):
        earthloom.decloud(clear, "sar.tif", cloud_mask())
    with pytest.raises(InputError, match="no valid pixel"):
        earthloom.decloud(np.full_like(clear, np.nan), db, cloud_mask())
    with pytest.raises(MethodError, match="without another date"):
        earthloom.decloud(clear, db, cloud_mask(), method="mosaic")
    with pytest.raises(InputError, match="no cloud_removal method"):
        earthloom.decloud(clear, db, cloud_mask(), method="gsa")


def test_files_that_lie_nowhere_stay_on_each_other(files: Make, cli: Cli) -> None:
    """Without georeferencing rows are rows: nothing is turned north up, and nothing asks where a file lies."""
    nowhere = {"transform": None, "crs": None}
    made = files(nowhere, nowhere, nowhere)
    assert cli(*made.masked("-m", "sar_regression")).code == 0
    data, _ = get(made.out)
    clear = ~cloud_mask()
    np.testing.assert_array_equal(data[:, clear], ground()[0].astype("uint16")[:, clear])
    assert error(data) < 150


def test_network_learns_from_the_scene(files: Make, cli: Cli) -> None:
    pytest.importorskip("torch")
    made = files()
    refusal = cli(*made.masked("-m", "cf2n"))
    assert refusal.code != 0 and "--adapt" in refusal.err and made.untouched()
    own = made.out.parent.parent / "own.safetensors"
    small = ("--width", 8, "--fusions", 1, "--blocks", 1)
    told = cli(*made.masked("-m", "cf2n", "--adapt-steps", 15, "--save-weights", own, "--threads", 1, *small))
    assert told.code == 0 and own.is_file() and "CF2N" in told.err
    data, _ = get(made.out)
    np.testing.assert_array_equal(data[:, ~cloud_mask()], ground()[0].astype("uint16")[:, ~cloud_mask()])
    before = error(data)
    assert cli(*made.masked("-m", "cf2n", "--weights", own, "--overwrite")).code == 0
    assert error(get(made.out)[0]) == pytest.approx(before, rel=1e-3)
