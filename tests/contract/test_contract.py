"""The contract, over every method in the catalogue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.types import Band, Observation, View, Window

from .conftest import make_scene, method_for

NAMES = catalog.names("pansharpening")
CLASSICAL = [name for name in NAMES if catalog.find(name).card.family != "network"]
RELATIVE = [
    name for name in NAMES if getattr(catalog.find(name), "relative", True)
]  # the others map levels as they learned
LOCAL = [name for name in NAMES if catalog.find(name).card.local]
ANY_RATIO = [name for name in LOCAL if getattr(catalog.find(name), "only_ratio", None) is None]


def spread(obs: Observation) -> float:
    return float(np.ptp(obs["ms"].data))


def bands_of(name: str) -> int:
    return max(4, catalog.find(name).card.min_bands)


def scene_for(name: str, **kwargs) -> Observation:
    return make_scene(bands=bands_of(name), **kwargs)


@pytest.mark.parametrize("tile", [128, 200, 512])
@pytest.mark.parametrize("name", LOCAL)
def test_tiled_equals_whole(name: str, tile: int) -> None:
    obs = scene_for(name, coarse=(140, 90)) if tile > 128 else scene_for(name)
    method = method_for(name, obs)
    whole = fuse_whole(method, obs)
    tiled = fuse_array(method, ArrayScene(obs), tile)
    assert tiled.valid.all()
    np.testing.assert_allclose(tiled.data, whole, atol=2e-5 * spread(obs), rtol=1e-5)


@pytest.mark.parametrize("ratio,offset", [(2, 0.0), (3, 1.0), (2.5, 0.75), (6, 2.5), (4.0002, 1.5)])
@pytest.mark.parametrize("name", ANY_RATIO)
def test_any_ratio_and_offset_tile_alike(name: str, ratio: float, offset: float) -> None:
    obs = scene_for(name, ratio=ratio, offset=offset, coarse=(60, 50))
    method = method_for(name, obs)
    whole = fuse_whole(method, obs)
    tiled = fuse_array(method, ArrayScene(obs), 97, threads=2)
    np.testing.assert_allclose(tiled.data, whole, atol=2e-5 * spread(obs), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_shape_dtype_finite_and_input_untouched(name: str) -> None:
    obs = scene_for(name)
    before = {role: view.data.copy() for role, view in obs.views.items()}
    fused = fuse_whole(method_for(name, obs), obs)
    assert fused.shape == (bands_of(name), *obs.shape)
    assert fused.dtype == np.float32
    assert np.isfinite(fused).all()
    for role, data in before.items():
        np.testing.assert_array_equal(obs[role].data, data)


@pytest.mark.parametrize("name", NAMES)
def test_deterministic_and_threads_do_not_matter(name: str) -> None:
    obs = scene_for(name)
    scene, method = ArrayScene(obs), method_for(name, obs)
    one = fuse_array(method, scene, 128, threads=1)
    two = fuse_array(method, scene, 128, threads=2)
    np.testing.assert_array_equal(one.data, two.data)


@pytest.mark.parametrize("name", NAMES)
def test_float32_against_float64(name: str) -> None:
    obs = scene_for(name)
    views = {role: replace(view, data=view.data.astype(np.float64)) for role, view in obs.views.items()}
    exact = fuse_whole(method_for(name, obs), replace(obs, views=views))
    assert exact.dtype == np.float64
    np.testing.assert_allclose(fuse_whole(method_for(name, obs), obs), exact, atol=5e-4 * spread(obs))


@pytest.mark.parametrize("name", RELATIVE)
def test_flat_scene_stays_flat(name: str) -> None:
    obs = scene_for(name)
    levels = 100.0 * (1 + np.arange(bands_of(name)))
    views = {
        "pan": replace(obs["pan"], data=np.full_like(obs["pan"].data, 700)),
        "ms": replace(obs["ms"], data=np.broadcast_to(levels[:, None, None], obs["ms"].data.shape).astype(np.float32)),
    }
    fused = fuse_whole(method_for(name, obs), replace(obs, views=views))
    np.testing.assert_allclose(fused, np.broadcast_to(levels[:, None, None], fused.shape), rtol=2e-4)


@pytest.mark.parametrize("name", LOCAL)
def test_nodata_stays_and_does_not_bleed(name: str) -> None:
    obs = scene_for(name, coarse=(90, 90))
    method = method_for(name, obs)
    hole = Window(150, 170, 8, 12)
    pan_valid, ms_valid = obs["pan"].valid.copy(), obs["ms"].valid.copy()
    pan_valid[hole.slices] = False
    ms_valid[60, 20] = False
    damaged = {
        "pan": replace(obs["pan"], valid=pan_valid, data=np.where(pan_valid, obs["pan"].data, 0)),
        "ms": replace(obs["ms"], valid=ms_valid, data=np.where(ms_valid, obs["ms"].data, 0)),
    }
    product = fuse_array(method, ArrayScene(replace(obs, views=damaged)), 128)
    expected = pan_valid.copy()
    expected[240:244, 80:84] = False  # the 4 x 4 fine pixels of MS pixel (60, 20)
    np.testing.assert_array_equal(product.valid, expected)
    assert np.isnan(product.data[:, ~product.valid]).all()
    assert np.isfinite(product.data[:, product.valid]).all()
    again = fuse_array(method, ArrayScene(replace(obs, views=damaged)), 200)
    np.testing.assert_allclose(again.data, product.data, atol=5e-5 * spread(obs), rtol=1e-5)


@pytest.mark.parametrize("name", LOCAL)
def test_declared_halo_is_true(name: str) -> None:
    """Pixels further than the halo from the core may hold anything: a tile's core does not change."""
    obs = scene_for(name, coarse=(90, 90))
    method = method_for(name, obs)
    stats = None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    from earthloom.ops.moments import Stats

    stats = stats if stats is not None else Stats()
    halo = halo_px(method, obs)
    core = Window(160, 152, 24, 20)
    tile = obs.crop(core, halo)
    inner = method.fuse(tile, stats)[:, tile.core_window.slices[0], tile.core_window.slices[1]]
    whole = method.fuse(obs, stats)[:, core.slices[0], core.slices[1]]
    np.testing.assert_allclose(inner, whole, atol=2e-5 * spread(obs), rtol=1e-5)


@pytest.mark.parametrize("name", CLASSICAL)
def test_sharpens_something_and_keeps_the_colours(name: str) -> None:
    """The product's detail follows PAN more than EXP's does, its local means stay those of the MS."""
    obs = scene_for(name)
    fused = fuse_whole(method_for(name, obs), obs).astype(np.float64)
    exp = fuse_whole(catalog.make("exp"), obs).astype(np.float64)
    if name != "exp":
        gain = [np.corrcoef(np.diff(f).ravel(), np.diff(obs["pan"].data[0]).ravel())[0, 1] for f in fused]
        base = [np.corrcoef(np.diff(f).ravel(), np.diff(obs["pan"].data[0]).ravel())[0, 1] for f in exp]
        assert np.mean(gain) > np.mean(base) + 0.1
    np.testing.assert_allclose(fused.mean((1, 2)), exp.mean((1, 2)), rtol=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_declared_limits_are_true(name: str) -> None:
    card = catalog.find(name).card
    side = max(card.minimum, 2) + 2  # the scene is a little smaller than asked
    obs = make_scene(bands=card.min_bands, coarse=(side, side), ratio=4)
    method_for(name, obs).check(obs, obs.shape)
    with pytest.raises(MethodError, match="MS pixels along a side"):
        method_for(name, obs).check(obs, (4 * card.minimum - 1, 100))
    fused = fuse_whole(method_for(name, obs), obs)
    assert np.isfinite(fused).all()
    if card.min_bands > 1:
        with pytest.raises(MethodError, match="at least"):
            catalog.make(name).check(make_scene(bands=card.min_bands - 1), (100, 100))
    if not card.local:
        assert card.max_pixels
        with pytest.raises(MethodError, match="at most"):
            method_for(name, obs).check(obs, (card.max_pixels, 100))


@pytest.mark.parametrize("name", NAMES)
def test_card_is_complete(name: str) -> None:
    card = catalog.find(name).card
    assert card.licence == "Apache-2.0"
    assert card.name and card.title and card.problem == "pansharpening"
    refs = (Path(__file__).parents[2] / "docs/refs.bib").read_text()
    assert f"{{{card.citation}," in refs, f"docs/refs.bib lacks {card.citation}"
    assert catalog.find(name).__doc__ and "=" in (catalog.find(name).__doc__ or ""), "the docstring gives the equation"
    assert catalog.summary(name)


def test_single_band_and_many_bands() -> None:
    for name in LOCAL:
        card = catalog.find(name).card
        for bands in (1, 2, 30):
            if bands >= card.min_bands:
                obs = make_scene(bands=bands, coarse=(24, 24))
                fused = fuse_whole(method_for(name, obs), obs)
                assert np.isfinite(fused).all(), (name, bands)


def test_views_know_their_bands() -> None:
    view = View(np.zeros((1, 2, 2), np.float32), np.ones((2, 2), bool), (Band("b"),))
    assert view.shape == (2, 2) and view.all_valid
