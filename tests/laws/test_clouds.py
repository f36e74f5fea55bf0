"""Laws of cloud removal's parts: simulated and transplanted clouds, masks, spreading, ridge regression, backscatter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthloom.errors import InputError
from earthloom.metrics import mae, rmse, ssim, with_clouds
from earthloom.ops.grow import grow
from earthloom.ops.moments import Moments
from earthloom.ops.ridge import ridge
from earthloom.ops.spread import spread
from earthloom.physics.backscatter import averaged, is_db, to_db, to_power
from earthloom.physics.cloudmask import find_clouds, levels, roles
from earthloom.physics.clouds import SimulatedSky, fractal, shade_of, simulate_clouds, top_of, transplant
from earthloom.problems.cloud_removal import CloudRemoval, clear, cloud_view, clouded, training_cases
from earthloom.sensors import load, match_bands
from earthloom.types import Band, Observation, View

S2 = match_bands(load("sentinel2a"), 13)
FOUR = tuple(Band(name, nm) for name, nm in (("blue", 490.0), ("green", 560.0), ("red", 665.0), ("nir", 842.0)))


def land(shape: tuple[int, int] = (96, 112), seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([level + 0.15 * level * fractal(shape, rng, 30) for level in (600, 800, 700, 2800)]).clip(60)


def scene(seed: int = 0) -> Observation:
    image = land(seed=seed)
    seen = np.ones(image.shape[1:], bool)
    return Observation({"optical": View(image, seen, FOUR), "cloud": cloud_view(~seen, float)}, seen.shape)


@given(seed=st.integers(0, 1000), cover=st.floats(0, 0.8), thickness=st.floats(0.1, 10))
@settings(max_examples=15)
def test_simulated_clouds(seed: int, cover: float, thickness: float) -> None:
    """The same seed, the same sky; outside its mask nothing changes; thick cores are bright and hide the ground."""
    image, sky = land(), SimulatedSky(cover=cover, thickness=thickness, shadow_px=(5.0, -8.0))
    found = simulate_clouds(image, FOUR, sky, np.random.default_rng(seed))
    again = simulate_clouds(image, FOUR, sky, np.random.default_rng(seed))
    np.testing.assert_array_equal(found.image, again.image)
    np.testing.assert_array_equal(found.image[:, ~found.cloud], image[:, ~found.cloud])
    assert ((found.opacity >= 0) & (found.opacity <= 1)).all() and np.isfinite(found.image).all()
    assert abs((found.opacity > 0).mean() - cover) < 0.02
    core = found.opacity > 0.999
    if core.any():
        assert (found.image[0, core] > 0.3e4).all()


def test_shadows_are_darker_and_lie_where_they_are_thrown() -> None:
    image = np.full((4, 90, 90), 2000.0)
    sky = SimulatedSky(cover=0.1, thickness=20.0, shadow_px=(20.0, 10.0), scale_px=60, dilate_px=0)
    found = simulate_clouds(image, FOUR, sky, np.random.default_rng(3))
    thrown = np.zeros_like(found.cloud)
    thrown[20:, 10:] = (found.opacity > 0.9)[:-20, :-10]
    thrown &= found.opacity == 0
    assert thrown.sum() > 50 and (found.image[:, thrown] < 2000).all()
    assert (found.image[3, thrown] < found.image[0, thrown]).all()  # the sky is blue


def test_brightness_and_shade_by_wavelength() -> None:
    top, shade = dict(zip((b.name for b in S2), top_of(S2), strict=True)), shade_of(S2)
    assert top["blue"] == top["nir"] == 1 > top["swir1"] > top["swir2"] > top["vapour"] > top["cirrus"]
    assert (np.diff(shade[:4]) < 0).all() and shade.min() > 0.25
    assert top_of((Band("x"),)) == [1.0] and shade_of((Band("x"),)) == [0.5]


def test_the_shade_is_the_measured_one(shared: Path) -> None:
    """Medians of one pair under a cloud shadow and clear, band by band."""
    import rasterio

    folder, name = shared / "data/sar/sen12mscr_glfcr", "ROIs2017_winter_112_p797.tif"
    if not folder.is_dir():
        pytest.skip("no SEN12MS-CR triplet")
    with rasterio.open(folder / "s2_cloudy" / name) as dark, rasterio.open(folder / "s2_cloudfree" / name) as light:
        ratio = np.median(dark.read() / light.read().clip(1), axis=(1, 2))
    kept = [i for i, band in enumerate(S2) if band.name not in ("cirrus", "vapour")]  # no ground to see there
    np.testing.assert_allclose(shade_of(S2)[kept], ratio[kept], atol=0.11)


def test_transplant() -> None:
    image, donor = land(), np.full((4, 96, 112), 6000.0)
    opacity = np.zeros((96, 112))
    opacity[40:60, 30:50], opacity[60:64, 30:50] = 1, 0.5
    found = transplant(image, donor, opacity, 1)
    np.testing.assert_array_equal(found.image[:, 40:60, 30:50], 6000)
    np.testing.assert_allclose(found.image[:, 62, 40], (image[:, 62, 40] + 6000) / 2)
    np.testing.assert_array_equal(found.image[:, ~found.cloud], image[:, ~found.cloud])
    assert found.cloud[39, 40] and not found.cloud[38, 40]
    with pytest.raises(InputError, match="same bands"):
        transplant(image, donor[:3], opacity)


@pytest.mark.parametrize("wrong", [{"cover": 1.0}, {"shade": 2.0}, {"thickness": 0.0}, {"scale_px": 1.0}])
def test_skies_that_make_no_sense(wrong: dict) -> None:
    with pytest.raises(InputError):
        SimulatedSky(**wrong)


def test_cases_repeat_and_keep_what_was_cloudy() -> None:
    obs = scene()
    mask = np.zeros(obs.shape, bool)
    mask[10:30, 10:30] = True
    obs = replace(obs, views={**obs.views, "cloud": cloud_view(mask, float)})
    three, two = list(training_cases(obs, 3, seed=5)), list(training_cases(obs, 2, seed=5))
    for one, other in zip(two, three, strict=False):
        np.testing.assert_array_equal(one.obs["optical"].data, other.obs["optical"].data)
    assert not np.array_equal(three[0].obs["cloud"].data, three[1].obs["cloud"].data)
    for case in three:
        assert clouded(case.obs)[mask].all() and np.isnan(case.truth[:, mask]).all()
        np.testing.assert_array_equal(case.truth[:, ~mask], obs["optical"].data[:, ~mask])
        known = clear(case.obs)
        np.testing.assert_array_equal(case.obs["optical"].data[:, known], obs["optical"].data[:, known])
    problem = CloudRemoval()
    assert problem.consistency(three[0].obs, three[0].obs["optical"].data)["rmse_percent"] == 0
    with pytest.raises(InputError, match="no clear pixel"):
        problem.degrade(replace(obs, views={**obs.views, "cloud": cloud_view(np.ones(obs.shape, bool), float)}))


@given(y=st.integers(0, 39), x=st.integers(0, 39), radius=st.floats(0, 9))
@settings(max_examples=20)
def test_grow_is_a_disc(y: int, x: int, radius: float) -> None:
    mask = np.zeros((40, 40), bool)
    mask[y, x] = True
    rows, cols = np.mgrid[:40, :40]
    np.testing.assert_array_equal(grow(mask, radius), (rows - y) ** 2 + (cols - x) ** 2 <= radius**2)
    assert not grow(np.zeros((4, 4), bool), 3).any() and grow(np.ones((4, 4), bool), 3).all()


def test_spread_carries_levels_and_fades() -> None:
    """A constant is carried across a gap, nearly whole at its rim; beyond the reach nothing is left."""
    known = np.ones((200, 60), bool)
    known[40:] = False
    image = np.where(known, 7.0, np.nan)[None]
    found = spread(image, known, 48)
    np.testing.assert_allclose(found[0, 40, 30], 7, rtol=0.02)
    assert np.abs(found[0, 40 + 48 :]).max() < 1e-9 and np.isfinite(found).all()
    assert (np.diff(found[0, 40:, 30]) <= 1e-9).all()
    far = image.copy()
    far[:, :20] = 1e6
    np.testing.assert_allclose(spread(far, known, 8)[0, 40:], spread(image, known, 8)[0, 40:], atol=1e-6)


def test_ridge_without_penalty_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(3, 500)) * [[1], [10], [1e-3]], np.array([[1.0, -2, 300], [0, 0.5, 0]])
    y = weights @ x + np.array([[4.0], [-1]])
    noise = 0.1 * rng.normal(size=y.shape)
    fit = ridge(Moments.of(np.concatenate([y + noise, x])), 2, 0.0)
    design = np.vstack([x, np.ones(500)])
    expected = np.linalg.lstsq(design.T, (y + noise).T, rcond=None)[0].T
    np.testing.assert_allclose(fit.weights, expected[:, :3], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fit.constant, expected[:, 3], rtol=1e-5)
    np.testing.assert_allclose(fit.left, np.var(y + noise - expected @ design, axis=1), rtol=1e-6)
    calm = ridge(Moments.of(np.concatenate([y, x])), 2, 1.0)
    assert np.abs(calm.weights).sum() < np.abs(fit.weights).sum()
    flat = ridge(Moments.of(np.concatenate([y, x, np.full((1, 500), 3.0)])), 2, 0.0)
    np.testing.assert_allclose(flat.weights[:, 3], 0)


@given(db=st.floats(-45, 10))
def test_decibel_and_back(db: float) -> None:
    image = np.full((1, 2, 2), db)
    np.testing.assert_allclose(to_db(to_power(image)), image, atol=1e-9)


def test_speckle_is_averaged_in_linear_power() -> None:
    rng = np.random.default_rng(0)
    power = 0.05 * rng.exponential(size=(1, 300, 300))  # one look
    middle = averaged(to_db(power), 12)[0, 60:-60, 60:-60]
    assert abs(middle.mean() - to_db(np.array([0.05]))[0]) < 0.1
    assert to_db(power).mean() < to_db(np.array([0.05]))[0] - 2.3  # what a mean of dB would have said: -2.51
    seen = np.ones((300, 300), bool)
    assert is_db(to_db(power), seen) and not is_db(power, seen)
    assert to_db(np.array([0.0, -1.0])).tolist() == [-50, -50]


@pytest.mark.parametrize("white", [1.0, 255.0, 1e4])
def test_clouds_are_found_in_any_unit(white: float) -> None:
    image = land()
    sky = SimulatedSky(cover=0.25, thickness=30.0, shadow_px=(14.0, 9.0), scale_px=50, dilate_px=0)
    under = simulate_clouds(image, FOUR, sky, np.random.default_rng(1))
    found = find_clouds(under.image * (white / 1e4), FOUR)
    thick = under.opacity > 0.6
    assert found.cloud[thick].mean() > 0.9 and (found.cloud & ~grow(under.opacity > 0.02, 6)).sum() == 0
    assert (found.shadow & under.cloud).sum() > 0.5 * (under.cloud & (under.opacity == 0)).sum()
    assert not find_clouds(image * (white / 1e4), FOUR).cloud.any()


def test_bands_by_wavelength() -> None:
    assert roles(S2) == {"blue": 1, "green": 2, "red": 3, "nir": 8, "swir": 11, "cirrus": 10}
    with pytest.raises(InputError, match="no nir"):
        find_clouds(land()[:3], FOUR[:3])


def test_agreement_with_s2cloudless(shared: Path) -> None:
    """On the one cloudy Sentinel-2 image with white clouds: nine pixels of ten."""
    import rasterio

    stem = shared / "data/sar/sen12mscr_mambascr/ROIs1868_summer_s2_cloudy_19_p30"
    if not stem.with_suffix(".tif").is_file():
        pytest.skip("no SEN12MS-CR image")
    with rasterio.open(stem.with_suffix(".tif")) as file, rasterio.open(f"{stem}_s2cloudless.tif") as mask:
        image, theirs = file.read().astype(np.float32), mask.read(2) > 0.5
    ours = find_clouds(image, S2).cloud
    assert (ours == theirs).mean() > 0.92 and ours[theirs].mean() > 0.95


def test_levels_of_a_tile_are_those_of_the_scene() -> None:
    image = land()
    known = levels(image, FOUR, np.ones(image.shape[1:], bool))
    assert known.white == 1e4 and known.swir == 0 and abs(known.nir - np.median(image[3])) < 1


def test_figures_under_clouds() -> None:
    truth = land() / 1e4
    cloud = np.zeros((96, 112), bool)
    cloud[30:60, 40:80] = True
    product = np.where(cloud, truth + 0.01, truth)
    rows = with_clouds(product, truth, cloud, 1.0)
    assert rows["under clouds"]["mae"] == pytest.approx(0.01)
    assert rows["everywhere"]["mae"] == pytest.approx(0.01 * cloud.mean())
    assert rows["under clouds"]["psnr"] == pytest.approx(40)
    assert rows["everywhere"]["ssim"] == pytest.approx(float(ssim(product, truth, 1.0)))
    assert rows["under clouds"]["rmse"] == pytest.approx(float(rmse(product, truth, valid=cloud)))
    assert float(mae(product, truth, valid=cloud)) == pytest.approx(0.01)
    assert "under clouds" not in with_clouds(product, truth, np.zeros_like(cloud), 1.0)
    with pytest.raises(InputError, match="one value for each pixel"):
        with_clouds(product, truth, cloud[1:], 1.0)
