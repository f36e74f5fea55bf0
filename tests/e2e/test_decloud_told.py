"""What `decloud` tells about its clouds: a warning, the mask that was used, where every pixel comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

import earthloom
from earthloom.errors import EarthloomWarning, FileError, InputError
from tests.e2e.conftest import Cli, get, grid, put
from tests.e2e.test_bad_input import refused
from tests.e2e.test_decloud import SHAPE, cloud_mask, ground

Given = dict[str, Path]


@pytest.fixture
def given(tmp_path: Path) -> Given:
    cloudy = np.where(cloud_mask(), 7000.0, ground()[0]).astype("uint16")
    cloudy[:, 100:104, 100:110] = 0
    return {
        "optical": put(tmp_path / "optical.tif", cloudy, grid(10), nodata=0),
        "sar": put(tmp_path / "sar.tif", ground()[1].astype("float32"), grid(10)),
        "mask": put(tmp_path / "mask.tif", cloud_mask()[None].astype("uint8"), grid(10)),
    }


def test_a_warning_and_the_mask_where_thresholds_decide(given: Given, tmp_path: Path, cli: Cli) -> None:
    out, mask = tmp_path / "clear.tif", tmp_path / "found.tif"
    typed = ["decloud", "--optical", given["optical"], "--sar", given["sar"], "-o", out, "--save-mask", mask]
    done = cli(*typed)
    assert done.code == 0 and "clouds found by thresholds" in done.err and "found.tif" in done.err
    (used,), about = get(mask)
    changed = (get(out)[0] != get(given["optical"])[0]).any(axis=0)
    measured = used != 255
    assert about.nodata == 255 and not measured[100:104, 100:110].any() and measured.mean() > 0.99
    assert used[cloud_mask()].all() and not changed[used == 0].any() and changed[used == 1].mean() > 0.99
    told = float(done.err.split("thresholds: ")[1].split(" %")[0])
    assert told == pytest.approx(100 * (used[measured] == 1).mean(), rel=1e-2)
    again = tmp_path / "again.tif"
    done = cli("decloud", "--optical", given["optical"], "--sar", given["sar"], "--mask", mask, "-o", again)
    assert done.code == 0 and "thresholds" not in done.err  # the mask it saved is one that it takes
    np.testing.assert_array_equal(get(again)[0], get(out)[0])
    refused(cli(*typed[:-2], "--no-quality"), "clear.tif exists")
    refused(cli(*typed[:-3], tmp_path / "other.tif", *typed[-2:]), "found.tif exists")


def test_where_every_pixel_comes_from(given: Given, tmp_path: Path) -> None:
    out = tmp_path / "clear.tif"
    day = put(tmp_path / "june.tif", (0.8 * ground()[0]).astype("uint16"), grid(10))
    hidden = np.zeros((1, *SHAPE), "uint8")
    hidden[:, :, :70] = 1
    masks = [put(tmp_path / "june_mask.tif", hidden, grid(10))]
    earthloom.decloud(
        given["optical"], given["sar"], given["mask"], dates=[day], date_masks=masks, output=out, tile_size=64,
        threads=2,
    )  # fmt: skip
    (origin, dates, uncertain), about = get(tmp_path / "clear_quality.tif")
    missing = np.zeros(SHAPE, bool)
    missing[100:104, 100:110] = True
    assert about.descriptions == ("origin", "clear_dates", "uncertainty") and np.isnan(origin[missing]).all()
    np.testing.assert_array_equal(origin[~missing], cloud_mask()[~missing])
    np.testing.assert_array_equal(dates[~missing], (cloud_mask() & (hidden[0] == 0))[~missing])
    assert json.loads(about.tags["EARTHLOOM_CLEAR_DATES"]) == {"1": "date_1"}
    assert np.isnan(uncertain[cloud_mask()]).all() and not uncertain[~cloud_mask() & ~missing].any()


def test_masks_made_larger(given: Given, tmp_path: Path) -> None:
    earthloom.decloud(
        given["optical"], given["sar"], given["mask"], dilate=3, output=tmp_path / "c.tif", tile_size=48,
        save_mask=tmp_path / "m.tif",
    )  # fmt: skip
    y, x = np.mgrid[-3:4, -3:4]
    wanted = binary_dilation(cloud_mask(), y**2 + x**2 <= 9)
    used = get(tmp_path / "m.tif")[0][0]
    np.testing.assert_array_equal(used[used != 255], wanted[used != 255])


def test_a_mask_of_classes(given: Given, tmp_path: Path) -> None:
    classes = np.where(cloud_mask(), 9, 4)
    classes[0, 0] = 11  # snow
    scl = put(tmp_path / "scl.tif", classes[None].astype("uint8"), grid(10))
    wanted = earthloom.decloud(given["optical"], given["sar"], given["mask"])
    found = earthloom.decloud(given["optical"], given["sar"], scl, mask_from="scl")
    np.testing.assert_array_equal(found, wanted)


def test_arrays_with_masks_of_makers() -> None:
    cloudy = np.where(cloud_mask(), 7000.0, ground()[0]).astype("float32")
    probability = np.where(cloud_mask(), 0.7, 0.1).astype("float32")
    wanted = earthloom.decloud(cloudy, ground()[1].astype("float32"), cloud_mask())
    found = earthloom.decloud(cloudy, ground()[1].astype("float32"), probability, mask_from="s2cloudless")
    np.testing.assert_array_equal(found, wanted)
    with pytest.warns(EarthloomWarning, match="found by thresholds"):
        earthloom.decloud(cloudy, ground()[1].astype("float32"), sensor=None)


WRONG: dict[str, tuple[Callable[[Given, Path], dict], type[Exception], str]] = {
    "no product": (lambda given, folder: {"save_mask": folder / "m.tif"}, InputError, "without a product"),
    "no GeoTIFF": (
        lambda given, folder: {"output": folder / "c.tif", "save_mask": folder / "m.png"}, InputError, "TIF"
    ),
    "an input": (
        lambda given, folder: {"output": folder / "c.tif", "save_mask": given["sar"], "overwrite": True},
        InputError, "is an input",
    ),
    "the product itself": (
        lambda given, folder: {"output": folder / "c.tif", "save_mask": folder / "c.tif"}, InputError, "two names"
    ),
    "the quality of an earlier one": (
        lambda given, folder: {"output": put(folder / "c_quality.tif", np.zeros((1, 2, 2))).with_name("c.tif")},
        FileError, "c_quality.tif exists",
    ),
    "two meanings": (
        lambda given, folder: {"mask_from": "scl", "mask_values": [3]}, InputError, "mask_from"
    ),
    "a negative dilation": (lambda given, folder: {"dilate": -1}, InputError, "larger by -1"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refused(case: str, given: Given, tmp_path: Path) -> None:
    more, kind, words = WRONG[case]
    with pytest.raises(kind, match=words):
        earthloom.decloud(given["optical"], given["sar"], given["mask"], **more(given, tmp_path))
    assert not (tmp_path / "c.tif").exists()
