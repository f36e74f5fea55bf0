"""`auto`: a method for every band, found on the scene itself; no fusion where nothing is better."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import earthloom
from earthloom.errors import EarthloomWarning, InputError, MethodError
from earthloom.evaluation.choosing import CANDIDATES, judged
from earthloom.evaluation.trying import NO_FUSION, windows_of
from earthloom.methods import catalog
from earthloom.methods.wrappers.band_by_band import BandByBand
from earthloom.ops.banded import apply
from earthloom.physics.resample import gaussian
from earthloom.prepare.pansharpening import Sharpening, scene_of
from tests.e2e.conftest import grid, put

SIDE = 256


def ground(seed: int, side: int = SIDE) -> np.ndarray:
    """A landscape of fields of many sizes; no edges in common with that of another seed."""
    noise, image = np.random.default_rng(seed), np.full((side, side), 1000.0)
    for size in (2, 3, 5, 8, 16, 32):
        cells = noise.normal(0, 12 * size, (side // size + 3, side // size + 3))
        y, x = noise.integers(0, size, 2)
        image += np.kron(cells, np.ones((size, size)))[y : y + side, x : x + side]
    return image


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur on the grid."""
    rows, cols = (gaussian(n, n, 1.0, 0.0, sigma) for n in image.shape)
    return apply(rows, cols, image[None], rows_first=True)[0]


def seen(truth: np.ndarray, ratio: int = 4, sigma: float = 1.98) -> np.ndarray:
    """As a coarse sensor of MTF 0.3 sees it at ratio 4."""
    rows, cols = (gaussian(n // ratio, n, float(ratio), (ratio - 1) / 2, sigma) for n in truth.shape)
    return apply(rows, cols, truth[None], rows_first=True)[0]


def related() -> tuple[np.ndarray, np.ndarray]:
    """A PAN, and an MS of which the first two bands are like it and the last is noise."""
    pan, noise = ground(1), np.random.default_rng(3).normal(1000, 100, (SIDE // 4, SIDE // 4))
    return pan, np.stack([seen(0.8 * pan + 100), seen(0.5 * pan + 0.1 * ground(2)), noise])


def made(found: dict[str, Any], pan: np.ndarray, ms: np.ndarray, **more: Any) -> np.ndarray:
    """What auto makes of arrays; what it found out comes into ``found``."""
    return earthloom.pansharpen(pan, ms, "auto", facts=found.update, **{"threads": 1, **more})


def test_bands_that_pan_explains_are_fused_and_others_are_not() -> None:
    pan, ms = related()
    found: dict[str, Any] = {}
    product = made(found, pan, ms)
    bands = found["auto"]["bands"]
    assert NO_FUSION not in bands[:2]
    assert bands[2] == NO_FUSION
    none = earthloom.pansharpen(pan, ms, NO_FUSION, threads=1)
    np.testing.assert_array_equal(product[2], none[2])
    error = np.square(product[0] - (0.8 * pan + 100)).mean() / np.square(none[0] - (0.8 * pan + 100)).mean()
    assert error < 0.5
    scores = found["auto"]["one_scale_down"]
    assert all(scores[bands[band]][band] < 1 for band in (0, 1))
    assert all(own[2] >= 0.9 for own in scores.values())  # of a band that PAN knows nothing about


def test_a_band_is_what_its_method_alone_makes_of_it() -> None:
    pan, ms = related()
    found: dict[str, Any] = {}
    product = made(found, pan, ms)
    for band, name in enumerate(found["auto"]["bands"]):
        np.testing.assert_array_equal(product[band], earthloom.pansharpen(pan, ms, name, threads=1)[band])


def test_an_ms_that_is_less_blurred_than_its_sensor_is_left_alone() -> None:
    """The trap of judging one scale down alone: the truth is smooth, and the MS was sampled without a blur."""
    pan = ground(1)
    smooth = blurred(pan, 3.0)
    ms = np.stack([0.8 * smooth[1::4, 1::4], 0.6 * smooth[1::4, 1::4] + 20])
    scene = scene_of(pan.astype(np.float32), ms.astype(np.float32), Sharpening())
    told = judged(scene, "pansharpening", gain=0.8)
    assert min(value for own in told.scores.values() for value in own) < 0.9  # one scale down fusion looks well
    assert set(told.bands) == {NO_FUSION}
    assert min(value for own in told.agreement.values() for value in own) > 1


def test_the_choice_and_the_product_do_not_depend_on_who_works() -> None:
    pan, ms = related()
    whole = made({}, pan, ms)
    for more in ({"threads": 2}, {"tile_size": 64}, {"runner": "processes", "threads": 2, "tile_size": 128}):
        np.testing.assert_allclose(made({}, pan, ms, **more), whole, rtol=2e-5, atol=0.01)
    np.testing.assert_array_equal(made({}, pan, ms, threads=2), whole)


def test_products_say_what_was_chosen_and_why(tmp_path: Path) -> None:
    pan, ms = related()
    files = put(tmp_path / "pan.tif", pan[None], grid(1)), put(tmp_path / "ms.tif", ms, grid(4))
    lines: list[str] = []
    out = earthloom.pansharpen(*map(str, files), "auto", output=tmp_path / "out.tif", say=lines.append, threads=1)
    with rasterio.open(out) as file:
        told = json.loads(file.tags()["EARTHLOOM_PARAMETERS"])["auto"]
        first = file.read()
    assert "exp for band 3" in told
    assert "no fusion is 1" in told
    assert f"auto: {told}" in lines
    again = earthloom.pansharpen(
        *map(str, files), "auto", output=tmp_path / "again.tif", tile_size=128, runner="processes", threads=2
    )
    with rasterio.open(again) as file:
        np.testing.assert_allclose(file.read(), first, rtol=2e-5, atol=0.01)


def test_what_auto_cannot_take_is_refused() -> None:
    pan, ms = related()
    with pytest.raises(InputError, match="gain with auto"):
        made({}, pan, ms, gain="global")
    with pytest.raises(InputError, match="published with auto"):
        made({}, pan, ms, published=True)
    with pytest.raises(MethodError, match="adapt"):
        made({}, pan, ms, adapt=True)
    with pytest.raises(InputError, match="gain with auto"):
        earthloom.sharpen(pan[None], ms, "auto", gain=1)


def test_a_scene_too_small_to_be_judged_is_still_made() -> None:
    noise = np.random.default_rng(0)
    found: dict[str, Any] = {}
    assert made(found, noise.uniform(1, 2, (16, 16)), noise.uniform(1, 2, (2, 4, 4))).shape == (2, 16, 16)
    assert found["auto"]["one_scale_down"] == {}


def test_sharpening_takes_it_for_every_coarse_image() -> None:
    fine = np.stack([ground(seed, 192) for seed in (1, 2)])
    half = np.stack([seen(fine[0] + 0.5 * fine[1], 2, 0.99), seen(ground(5, 192), 2, 0.99)])
    third = seen(fine[1], 4)[None]
    found: dict[str, Any] = {}
    product = earthloom.sharpen(fine, [half, third], "auto", facts=found.update, threads=1)
    assert product.shape == (3, 192, 192)
    assert found["auto_coarse_1"]["bands"][0] != NO_FUSION
    assert found["auto_coarse_1"]["bands"][1] == NO_FUSION
    assert found["auto_coarse_2"]["bands"] != [NO_FUSION]


def test_mtf_of_pansharpening() -> None:
    pan, ms = related()
    told = earthloom.pansharpen(pan, ms, "mtf_glp", threads=1)
    np.testing.assert_array_equal(earthloom.pansharpen(pan, ms, "mtf_glp", mtf="sensor", threads=1), told)
    assert not np.allclose(earthloom.pansharpen(pan, ms, "mtf_glp", mtf=0.6, threads=1), told)
    lines: list[str] = []
    earthloom.pansharpen(pan, ms[:2], "mtf_glp", mtf="auto", say=lines.append, threads=1)
    gain = float(next(line for line in lines if "MTF at Nyquist" in line).split("Nyquist ")[1].split()[0])
    assert 0.2 < gain < 0.45  # 0.3 simulated
    with pytest.raises(InputError, match="auto, sensor"):
        earthloom.pansharpen(pan, ms, mtf="bogus")
    with pytest.raises(InputError, match="auto, sensor"):
        earthloom.pansharpen(pan, ms, mtf=1.5)


def test_band_by_band_is_a_method_like_others() -> None:
    pan, ms = related()
    scene = scene_of(pan.astype(np.float32), ms.astype(np.float32), Sharpening())
    method = BandByBand.of([catalog.make("gsa"), catalog.make("exp"), catalog.make("gsa")], "by hand")
    assert pickle.loads(pickle.dumps(method)) == method
    assert [bands for _, bands in method.parts] == [(0, 2), (1,)]
    assert catalog.name_of(method) == "gsa"
    assert method.parameters["auto"] == "by hand"
    assert method.card.halo == max(catalog.find(name).card.halo for name in ("gsa", "exp"))
    method.check(scene.empty(), scene.shape)


def test_what_judging_looks_at_is_bounded() -> None:
    for ratio in (2.0, 3.0, 4.0, 6.0):
        windows = windows_of((30000, 30000), (ratio, ratio))
        assert 1 <= len(windows) <= 8
        assert sum(one.height * one.width for one in windows) <= 2_000_000
    assert all(len(names) <= 4 for names in CANDIDATES.values())


def test_the_toolbox_convention_is_judged_as_a_whole() -> None:
    pan, ms = related()
    pan, ms = np.tile(pan, (2, 3)), np.tile(ms, (1, 2, 3))
    found: dict[str, Any] = {}
    with pytest.warns(EarthloomWarning, match="half a PAN pixel"):
        product = made(found, pan, ms, convention="toolbox", refine="auto")
    assert product.shape == (3, *pan.shape)
    assert found["auto"]["one_scale_down"]
