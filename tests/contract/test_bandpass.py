"""The contract of bandpass alignment, over every method in its catalogue; networks with random weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.ops.moments import Stats
from earthloom.physics.resample import imresize
from earthloom.problems.bandpass import Bandpass, bands_alone, nearest_band
from earthloom.sensors import load, select
from earthloom.types import Band, Observation, View, Window

from .conftest import method_for

PROBLEM = "bandpass"
NAMES = catalog.names(PROBLEM)
CLASSICAL = [name for name in NAMES if catalog.find(name, PROBLEM).card.family != "network"]
FITTED = [name for name in CLASSICAL if catalog.find(name, PROBLEM).fits]  # type: ignore[attr-defined]
FIELDS = {"spectral": {"source": "sentinel2a", "target": "landsat8"}}
WANTED = ["blue", "green", "red", "nir"]
SOURCE = select(load("sentinel2a"), [*WANTED[:3], "narrow_nir"]).bands
TARGET = select(load("landsat8"), WANTED).bands


def make(name: str, obs: Observation | None = None, **fields: object):
    if obs is not None and catalog.find(name, PROBLEM).card.family == "network":
        found = method_for(name, obs, PROBLEM)
        return replace(found, inner=replace(found.inner, cell=64))  # type: ignore[attr-defined]
    return catalog.make(name, PROBLEM, **{**FIELDS.get(name, {}), **fields})


def make_obs(shape: tuple[int, int] = (150, 170), dtype: type = np.float32, noise: float = 0.002) -> Observation:
    """Ground of three kinds mixed smoothly; the target's bands are mixtures of the source's, and bend a little."""
    rng = np.random.default_rng(4)
    share = imresize(rng.normal(size=(3, shape[0] // 6 + 2, shape[1] // 6 + 2)), 6)[:, : shape[0], : shape[1]]
    share = np.exp(2 * share) / np.exp(2 * share).sum(axis=0)
    kinds = np.array([[0.04, 0.08, 0.05, 0.42], [0.12, 0.18, 0.25, 0.32], [0.2, 0.21, 0.22, 0.24]])
    light = (
        1 + 0.1 * imresize(rng.normal(size=(1, shape[0] // 30 + 2, shape[1] // 30 + 2)), 30)[:, : shape[0], : shape[1]]
    )
    source = np.tensordot(kinds.T, share, 1) * light + noise * rng.normal(size=(4, *shape))
    mix = np.array([[0.9, 0.1, 0, 0], [0.05, 0.9, 0.03, 0], [0, 0.1, 0.88, 0.01], [0, 0, 0.02, 0.97]])
    target = np.tensordot(mix, source, 1) + 0.01
    target = target + 0.1 * target**2 + noise * rng.normal(size=target.shape)
    everywhere = np.ones(shape, bool)
    views = {
        "source": View(source.astype(dtype), everywhere, SOURCE),
        "target": View(target.astype(dtype), everywhere, TARGET),
    }
    return Observation(views, shape)


@pytest.fixture(scope="module")
def obs() -> Observation:
    return make_obs()


def error(image: np.ndarray, obs: Observation) -> float:
    return float(np.sqrt(np.mean((image - obs["target"].data) ** 2)))


@pytest.mark.parametrize("name", NAMES)
def test_tiled_equals_whole(name: str, obs: Observation) -> None:
    method = make(name, obs)
    whole = fuse_whole(method, obs)
    for tile in (64, 101):
        tiled = fuse_array(method, ArrayScene(obs), tile, threads=2)
        assert tiled.valid.all() and tiled.data.dtype == np.float32
        np.testing.assert_allclose(tiled.data, whole, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", FITTED)
def test_fitting_brings_the_images_together(name: str, obs: Observation) -> None:
    before = {role: view.data.copy() for role, view in obs.views.items()}
    nothing = error(fuse_whole(make("none"), obs), obs)
    assert error(fuse_whole(make(name), obs), obs) < 0.4 * nothing
    for role, data in before.items():
        np.testing.assert_array_equal(obs[role].data, data)


def test_what_knows_more_does_better() -> None:
    obs = make_obs(noise=0.0003)
    found = {name: error(fuse_whole(make(name), obs), obs) for name in FITTED}
    assert found["cross_quadratic"] < found["cross_linear"] < 0.5 * found["ols"]
    assert found["monotone_lut"] < found["ols"] <= min(found["rma"], found["robust"]) * (1 + 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_float32_against_float64(name: str, obs: Observation) -> None:
    double = replace(obs, views={r: replace(v, data=v.data.astype(np.float64)) for r, v in obs.views.items()})
    exact = fuse_whole(make(name, obs), double)
    assert exact.dtype == np.float64
    # a pair of numbers at the edge of a bin may be counted beside it
    np.testing.assert_allclose(fuse_whole(make(name, obs), obs), exact, atol=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_nodata_stays_and_bleeds_nowhere(name: str, obs: Observation) -> None:
    valid = obs["source"].valid.copy()
    valid[40:60, 70:95] = False
    valid[:, 0] = False
    views = dict(obs.views)
    views["source"] = replace(views["source"], valid=valid, data=np.where(valid, views["source"].data, 0))
    holed, method = replace(obs, views=views), make(name, obs)
    product = fuse_array(method, ArrayScene(holed), 64)
    np.testing.assert_array_equal(product.valid, valid)
    assert np.isnan(product.data[:, ~valid]).all() and np.isfinite(product.data[:, valid]).all()
    wild = replace(views["source"], data=np.where(valid, views["source"].data, 1e6).astype(np.float32))
    again = fuse_array(method, ArrayScene(replace(obs, views={**views, "source": wild})), 64)
    np.testing.assert_array_equal(again.data[:, valid], product.data[:, valid])
    other = fuse_array(method, ArrayScene(holed), 150)
    np.testing.assert_allclose(other.data, product.data, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_declared_halo_is_true(name: str, obs: Observation) -> None:
    method, stats = make(name, obs), None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    core = Window(50, 60, 24, 20)
    tile = obs.crop(core, halo_px(method, obs))
    inner = method.fuse(tile, stats or Stats())[(slice(None), *tile.core_window.slices)]
    whole = method.fuse(obs, stats or Stats())[(slice(None), *core.slices)]
    np.testing.assert_allclose(inner, whole, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_flat_place_stays_flat(name: str, obs: Observation) -> None:
    """After fitting elsewhere, one level becomes one level."""
    method, stats = make(name, obs), None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    level = obs["source"].data.mean(axis=(1, 2), keepdims=True)
    flat = np.broadcast_to(level, (4, 30, 30)).copy()
    views = {"source": View(flat, np.ones((30, 30), bool), SOURCE), "target": bands_alone(TARGET)}
    if catalog.find(name, PROBLEM).card.family == "network":
        stats = method.summarise(replace(obs, views=views, shape=(30, 30)), None)
    found = method.fuse(Observation(views, (30, 30)), stats or Stats())
    np.testing.assert_allclose(found, np.broadcast_to(found[:, :1, :1], found.shape), atol=1e-6)


@pytest.mark.parametrize("name", ["unet_lut", "unet_lut_x"])
def test_tables_of_cells_make_no_seams(name: str, obs: Observation) -> None:
    """One level under histograms that differ: no larger step across a cell's border than inside the cells."""
    import torch

    method = make(name, obs)
    with torch.no_grad():  # fresh weights hardly see a histogram: let every layer say more
        for parameter in method.trained.module.unet.parameters():  # type: ignore[attr-defined]
            if parameter.ndim == 3:
                parameter.mul_(2.4)
    stats = method.summarise(obs, None)
    assert len(stats["cells"].counts) == 9
    level = obs["source"].data.mean(axis=(1, 2), keepdims=True)
    flat = np.broadcast_to(level, obs["source"].data.shape).astype(np.float64)
    found = method.fuse(replace(obs, views={**obs.views, "source": replace(obs["source"], data=flat)}), stats)
    assert np.ptp(found, axis=(1, 2)).max() > 2e-5  # the tables do differ from cell to cell
    for axis in (1, 2):
        steps = np.abs(np.diff(found, axis=axis)).max(axis=(0, 3 - axis))
        border = np.arange(len(steps)) % 64 == 63
        assert steps[border].max() <= steps[~border].max() * (1 + 1e-3)
    whole = fuse_whole(method, obs)
    np.testing.assert_allclose(fuse_array(method, ArrayScene(obs), 50).data, whole, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", FITTED)
def test_pixels_of_one_image_alone_do_not_count(name: str, obs: Observation) -> None:
    """Clouds that a mask tells of do not move the fit."""
    rng = np.random.default_rng(9)
    clear = rng.uniform(size=obs.shape) > 0.2
    views, want = dict(obs.views), dict(obs.views)
    cloudy = np.where(clear, obs["target"].data, np.float32(0.9))
    views["target"] = replace(views["target"], data=cloudy, valid=clear)
    want["target"] = replace(want["target"], valid=clear)
    np.testing.assert_array_equal(
        fuse_whole(make(name), replace(obs, views=views)), fuse_whole(make(name), replace(obs, views=want))
    )


@pytest.mark.parametrize("name", ["robust", "monotone_lut"])
def test_clouds_that_no_mask_tells_of_hardly_move_a_robust_fit(name: str, obs: Observation) -> None:
    data = obs["target"].data.copy()
    data[:, 20:60, 30:90] = 0.9  # a tenth of the scene
    cloudy = replace(obs, views={**obs.views, "target": replace(obs["target"], data=data)})
    fields = {"monotone_lut": {"centre": "median"}}.get(name, {})
    found, clean = (fuse_whole(make(name, **fields), one) for one in (cloudy, obs))
    moved = float(np.sqrt(np.mean((found - clean) ** 2)))
    ols = float(np.sqrt(np.mean((fuse_whole(make("ols"), cloudy) - fuse_whole(make("ols"), obs)) ** 2)))
    assert moved < 0.15 * ols


@pytest.mark.parametrize("name", FITTED)
def test_what_cannot_be_fitted_is_refused(name: str, obs: Observation) -> None:
    source, target = obs["source"], obs["target"]
    nowhere = replace(target, valid=np.zeros(obs.shape, bool))
    with pytest.raises(MethodError, match="0 pixels"):
        fuse_whole(make(name), replace(obs, views={"source": source, "target": nowhere}))
    data = source.data.copy()
    data[1] = 0.2
    with pytest.raises(MethodError, match="source band green is constant"):
        fuse_whole(make(name), replace(obs, views={"source": replace(source, data=data), "target": target}))
    swapped = replace(source, data=source.data[[3, 1, 2, 0]])
    with pytest.raises(MethodError, match="swapped"):
        fuse_whole(make(name), replace(obs, views={"source": swapped, "target": target}))
    with pytest.raises(MethodError, match="target"):
        alone = replace(obs, views={"source": source, "target": bands_alone(TARGET)})
        make(name).check(alone, alone.shape)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("hls", "spectral")])
def test_sensors_that_share_no_band(name: str, obs: Observation) -> None:
    far = tuple(Band(f"swir{i}", 1600.0 + 200 * i) for i in range(4))
    other = replace(obs, views={**obs.views, "target": replace(obs["target"], bands=far)})
    method = make(name, obs) if catalog.find(name, PROBLEM).card.family == "network" else make(name)
    with pytest.raises(MethodError, match=r"no two bands|weights"):
        method.check(other, other.shape)


def test_partners_are_found_by_wavelength_name_or_order() -> None:
    assert nearest_band(SOURCE, TARGET) == [0, 1, 2, 3]
    assert nearest_band(SOURCE[::-1], TARGET) == [3, 2, 1, 0]
    assert nearest_band(SOURCE[:2], TARGET) == [0, 1, None, None]
    bare = [Band(name) for name in WANTED]
    assert nearest_band(bare[::-1], bare) == [3, 2, 1, 0]
    assert nearest_band([Band(f"band_{i}") for i in range(4)], bare) == [0, 1, 2, 3]
    assert nearest_band([Band("band_1")], bare) == [None] * 4


@pytest.mark.parametrize("name", ["cross_linear", "cross_quadratic"])
def test_other_band_counts(name: str, obs: Observation) -> None:
    """Three bands make four: what has no partner is mixed from all."""
    source = obs["source"]
    three = replace(source, data=source.data[[0, 1, 3]], bands=tuple(SOURCE[i] for i in (0, 1, 3)))
    found = fuse_whole(make(name), replace(obs, views={**obs.views, "source": three}))
    assert found.shape == (4, *obs.shape)
    with pytest.raises(MethodError, match="red"):
        make("ols").check(replace(obs, views={**obs.views, "source": three}), obs.shape)


def test_hls_is_the_published_table() -> None:
    reflectance = np.full((4, 6, 6), 0.2, np.float32)
    views = {"source": View(reflectance, np.ones((6, 6), bool), SOURCE), "target": bands_alone(TARGET)}
    there = fuse_whole(make("hls"), Observation(views, (6, 6)))[:, 0, 0]
    expected = [0.9778 * 0.2 - 0.004, 1.0053 * 0.2 - 0.0009, 0.9765 * 0.2 + 0.0009, 0.9983 * 0.2 - 0.0001]
    np.testing.assert_allclose(there, expected, atol=1e-6)
    b = fuse_whole(make("hls", satellite="sentinel2b"), Observation(views, (6, 6)))[:, 0, 0]
    np.testing.assert_allclose(b[2], 0.9761 * 0.2 + 0.001, atol=1e-6)
    numbers = fuse_whole(
        make("hls", unit=10000),
        Observation({**views, "source": replace(views["source"], data=reflectance * 10000)}, (6, 6)),
    )
    np.testing.assert_allclose(numbers[:, 0, 0], np.array(expected) * 10000, rtol=1e-5)
    back = {
        "source": View(there[:, None, None] + np.zeros((4, 6, 6), np.float32), np.ones((6, 6), bool), TARGET),
        "target": bands_alone(SOURCE),
    }
    np.testing.assert_allclose(fuse_whole(make("hls"), Observation(back, (6, 6))), reflectance, atol=1e-6)
    wide = select(load("sentinel2a"), ["blue", "nir"]).bands  # B8 has no row and stays
    views = {
        "source": View(reflectance[:2], np.ones((6, 6), bool), wide),
        "target": bands_alone((TARGET[0], TARGET[3])),
    }
    found = fuse_whole(make("hls"), Observation(views, (6, 6)))[:, 0, 0]
    np.testing.assert_allclose(found, [expected[0], 0.2], atol=1e-6)
    with pytest.raises(MethodError, match="OLI"):
        cirrus = tuple(replace(band, centre_nm=1375.0) for band in wide)
        unknown = {"source": replace(views["source"], bands=cirrus), "target": bands_alone(cirrus)}
        fuse_whole(make("hls"), Observation(unknown, (6, 6)))


def test_spectral_agrees_with_hls_about_the_sensors(obs: Observation) -> None:
    """Independent ways to the same numbers: 160 Hyperion scenes, and response curves over one AVIRIS scene."""
    alone = replace(obs, views={**obs.views, "target": bands_alone(TARGET)})
    hls, lines = fuse_whole(make("hls"), alone), fuse_whole(make("spectral", cross=False), alone)
    assert np.abs(hls - lines).max() < 0.02 and np.abs(hls - lines).mean() < 0.006


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_complete(name: str) -> None:
    card = catalog.find(name, PROBLEM).card
    assert card.problem == PROBLEM and card.title and card.family and card.halo >= 0 and card.citation


def test_the_target_is_the_truth_of_its_own_case(obs: Observation) -> None:
    valid = obs["target"].valid.copy()
    valid[3, 4] = False
    holed = replace(obs, views={**obs.views, "target": replace(obs["target"], valid=valid)})
    case = Bandpass().degrade(holed)
    assert np.isnan(case.truth[:, 3, 4]).all() and case.obs["target"].data.size == 0
    assert Bandpass().consistency(obs, obs["target"].data) == {"rmse_percent": 0.0, "bias_percent": 0.0}
    assert set(Bandpass().consistency(case.obs, obs["target"].data)) == {"change_percent", "mean_change_percent"}
