"""The contract of cloud removal, over every method in its catalogue; networks with random weights."""

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
from earthloom.physics.backscatter import to_db
from earthloom.physics.clouds import SimulatedSky, fractal
from earthloom.problems.base import Case
from earthloom.problems.cloud_removal import CloudRemoval, clear, cloud_view, clouded
from earthloom.types import Band, Observation, View, Window

from .conftest import method_for

PROBLEM = "cloud_removal"
NAMES = catalog.names(PROBLEM)
CLASSICAL = [name for name in NAMES if catalog.find(name, PROBLEM).card.family != "network"]
BLIND = [name for name in NAMES if name != "cloud_unet"]  # it sees through thin clouds, and knows land at large
SKY = SimulatedSky(cover=0.2, shadow_px=(9.0, -7.0), scale_px=40)


def make(name: str, **fields: object):
    return catalog.make(name, PROBLEM, **fields)


def ready(name: str, case: Case):
    return method_for(name, case.obs, PROBLEM)


def make_case(shape: tuple[int, int] = (203, 187), bands: int = 3, dtype: type = np.float32) -> Case:
    """Fields that SAR and optical both see, with speckle; two other dates with clouds of their own."""
    rng = np.random.default_rng(5)
    kind, rough = np.round(fractal(shape, rng, 60) * 1.5), fractal(shape, rng, 20)
    optical = np.stack([800 + 150 * b + (-1) ** b * 120 * kind + 30 * rough for b in range(bands)]).astype(dtype)
    power = 0.1 * np.exp(0.5 * np.stack([kind, 0.7 * kind + 0.3 * rough])) * rng.gamma(6, 1 / 6, (2, *shape))
    everywhere = np.ones(shape, bool)
    views = {
        "optical": View(optical, everywhere, tuple(Band(f"b{i}", 490.0 + 100 * i) for i in range(bands))),
        "cloud": cloud_view(~everywhere, dtype),
        "sar": View(to_db(power).astype(dtype), everywhere, (Band("VV"), Band("VH"))),
    }
    for k in (1, 2):
        seen = fractal(shape, rng, 80) < 0.5
        other = (optical * (0.8 + 0.1 * k) + 40 * k + 15 * rng.normal(size=optical.shape)).astype(dtype)
        views[f"date_{k}"] = View(np.where(seen, other, 0), seen, views["optical"].bands)
    return CloudRemoval(seed=1, sky=SKY).degrade(Observation(views, shape))


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case()


def spread(case: Case) -> float:
    return float(np.ptp(case.truth))


def rmse(image: np.ndarray, case: Case) -> float:
    under = clouded(case.obs)
    return float(np.sqrt(np.mean((image - case.truth)[:, under] ** 2)))


@pytest.mark.parametrize("tile", [120])
@pytest.mark.parametrize("name", NAMES)
def test_tiled_equals_whole(name: str, tile: int, case: Case) -> None:
    whole = fuse_whole(ready(name, case), case.obs)
    tiled = fuse_array(ready(name, case), ArrayScene(case.obs), tile, threads=2)
    np.testing.assert_allclose(tiled.data[:, tiled.valid], whole[:, tiled.valid], atol=5e-5 * spread(case), rtol=1e-5)
    assert tiled.data.dtype == np.float32 and np.isfinite(whole).all()


@pytest.mark.parametrize("name", NAMES)
def test_beats_the_cloudy_image_and_leaves_the_input_alone(name: str, case: Case) -> None:
    before = {role: view.data.copy() for role, view in case.obs.views.items()}
    found = fuse_whole(ready(name, case), case.obs)
    assert rmse(found, case) < 0.5 * rmse(case.obs["optical"].data, case)
    for role, data in before.items():
        np.testing.assert_array_equal(case.obs[role].data, data)


def test_more_to_go_by_is_better(case: Case) -> None:
    error = {name: rmse(fuse_whole(make(name), case.obs), case) for name in CLASSICAL}
    assert error["mosaic"] < error["sar_regression"] < error["inpaint"]


@pytest.mark.parametrize("name", NAMES)
def test_float32_against_float64(name: str, case: Case) -> None:
    views = {role: replace(view, data=view.data.astype(np.float64)) for role, view in case.obs.views.items()}
    exact = fuse_whole(ready(name, case), replace(case.obs, views=views))
    assert exact.dtype == np.float64
    np.testing.assert_allclose(fuse_whole(ready(name, case), case.obs), exact, atol=1e-3 * spread(case))


@pytest.mark.parametrize("name", BLIND)
def test_what_lies_under_the_cloud_does_not_matter(name: str, case: Case) -> None:
    optical = case.obs["optical"]
    wild = np.where(clouded(case.obs), optical.data.dtype.type(-4e4), optical.data)
    other = replace(case.obs, views={**case.obs.views, "optical": replace(optical, data=wild)})
    np.testing.assert_array_equal(fuse_whole(ready(name, case), other), fuse_whole(ready(name, case), case.obs))


@pytest.mark.parametrize("name", BLIND)
def test_flat_stays_flat(name: str, case: Case) -> None:
    levels = 100.0 * np.arange(1, 4, dtype=np.float32)[:, None, None]
    flat = np.broadcast_to(levels, case.truth.shape).copy()
    views = dict(case.obs.views)
    for role in ("optical", "date_1", "date_2"):
        views[role] = replace(views[role], data=np.where(views[role].valid, flat, 0))
    found = fuse_whole(ready(name, case), replace(case.obs, views=views))
    np.testing.assert_allclose(found, flat, rtol=2e-4)


@pytest.mark.parametrize("name", CLASSICAL)
def test_no_seam(name: str, case: Case) -> None:
    """Across the rim of a cloud the product steps no more than the ground does (three times the median step)."""
    found = np.where(clear(case.obs), case.obs["optical"].data, fuse_whole(ready(name, case), case.obs))
    rim = np.diff(clouded(case.obs).astype(int), axis=0) != 0
    step = np.abs(np.diff(found, axis=1))[:, rim].mean()
    assert step < 1.5 * np.abs(np.diff(case.truth, axis=1))[:, rim].mean()


@pytest.mark.parametrize("name", NAMES)
def test_missing_pixels_stay_missing(name: str, case: Case) -> None:
    views = dict(case.obs.views)
    for role, hole in {"optical": Window(150, 160, 8, 12), "sar": Window(40, 60, 30, 20)}.items():
        valid = views[role].valid.copy()
        valid[hole.slices] = False
        views[role] = replace(views[role], valid=valid, data=np.where(valid, views[role].data, 0))
    obs = replace(case.obs, views=views)
    product = fuse_array(ready(name, case), ArrayScene(obs), 190)
    np.testing.assert_array_equal(product.valid, CloudRemoval().valid(obs))
    assert not product.valid[150:158, 160:172].any() and product.valid.mean() > 0.95
    assert np.isnan(product.data[:, ~product.valid]).all() and np.isfinite(product.data[:, product.valid]).all()
    again = fuse_array(ready(name, case), ArrayScene(obs), 203)
    np.testing.assert_allclose(again.data, product.data, atol=1e-4 * spread(case), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_declared_halo_is_true(name: str) -> None:
    case = make_case((341, 331), bands=1)
    method, stats = ready(name, case), Stats()
    for _ in range(method.rounds):
        stats = method.summarise(case.obs, stats)
    core = Window(160, 150, 24, 20)
    tile = case.obs.crop(core, halo_px(method, case.obs))
    inner = method.fuse(tile, stats)[(slice(None), *tile.core_window.slices)]
    whole = method.fuse(case.obs, stats)[(slice(None), *core.slices)]
    np.testing.assert_allclose(inner, whole, atol=5e-5 * spread(case), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_complete(name: str) -> None:
    card = catalog.find(name, PROBLEM).card
    assert card.problem == PROBLEM and card.title and card.family and card.halo >= 1


def test_what_is_not_there_is_asked_for(case: Case) -> None:
    bare = replace(case.obs, views={role: case.obs[role] for role in ("optical", "cloud")})
    for name, word in (("mosaic", "`dates`"), ("sar_regression", "`sar=FILE`"), ("cf2n", "`sar=FILE`")):
        with pytest.raises(MethodError, match=word):
            make(name).check(bare, bare.shape)
    make("inpaint").check(bare, bare.shape)


def test_no_clear_pixel(case: Case) -> None:
    obs = replace(case.obs, views={**case.obs.views, "cloud": cloud_view(np.ones(case.obs.shape, bool))})
    for name in ("inpaint", "sar_regression", "mosaic"):
        with pytest.raises(MethodError, match="clear pixels"):
            fuse_whole(ready(name, case), obs)
    found = fuse_array(make("mosaic", normalise="none"), ArrayScene(obs))
    both = obs["date_1"].valid & ~obs["date_2"].valid
    np.testing.assert_allclose(found.data[:, both], obs["date_1"].data[:, both], rtol=1e-6)


@pytest.mark.parametrize("composite", ["weighted", "median", "best"])
@pytest.mark.parametrize("normalise", ["bands", "gain"])
def test_mosaic_undoes_a_change_of_light(composite: str, normalise: str, case: Case) -> None:
    views = dict(case.obs.views)
    for k in (1, 2):
        seen = views[f"date_{k}"].valid
        views[f"date_{k}"] = replace(views[f"date_{k}"], data=np.where(seen, case.truth * (1 - 0.2 * k) + 90, 0))
    found = fuse_whole(make("mosaic", composite=composite, normalise=normalise), replace(case.obs, views=views))
    seen = (views["date_1"].valid | views["date_2"].valid) & clouded(case.obs)
    np.testing.assert_allclose(found[:, seen], case.truth[:, seen], atol=0.005 * spread(case))
