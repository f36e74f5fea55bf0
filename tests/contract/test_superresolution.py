"""The contract of hyperspectral super-resolution, over every method in its catalogue; networks with random weights."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from earthloom.engine.budget import tile_for
from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_tile, fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import Refined, refined, residual_percent
from earthloom.ops.moments import Stats
from earthloom.physics.clouds import fractal
from earthloom.physics.forward import reduce
from earthloom.physics.resample import imresize
from earthloom.problems.superresolution import Superresolution, observation, on_grid
from earthloom.types import Band, Observation, View, Window

from .conftest import method_for

PROBLEM = "superresolution"
NAMES = [n for n in catalog.names(PROBLEM) if not catalog.in_a_file(n, PROBLEM)]  # those: test_network_files
CLASSICAL = [name for name in NAMES if catalog.find(name, PROBLEM).card.family != "network"]
NETWORKS = [name for name in NAMES if name not in CLASSICAL]
BANDS = 6


def make_cube(shape: tuple[int, int] = (61, 74), bands: int = BANDS, seed: int = 4) -> np.ndarray:
    """Spectra of three materials, mixed by smooth fields and noise, in numbers like reflectance x 10000."""
    rng = np.random.default_rng(seed)
    fields = np.stack([fractal(shape, rng, 12) for _ in range(3)])
    spectra = rng.uniform(0.2, 1, (bands, 3)).cumsum(0) / bands
    cube = np.tensordot(spectra, np.exp(0.4 * fields), 1) + 0.01 * rng.normal(size=(bands, *shape))
    return (2000 * cube).astype(np.float32)


def observe(data: np.ndarray, ratio: int = 2, **changes: Any) -> Observation:
    bands = tuple(Band(f"b{i}", 450.0 + 10 * i) for i in range(len(data)))
    obs = observation(on_grid(data, np.ones(data.shape[1:], bool), bands, ratio))
    return replace(obs, **changes)


def ready(name: str, obs: Observation) -> Method:
    return method_for(name, obs, PROBLEM)


def statistics(method: Method, obs: Observation) -> Stats:
    stats: Stats | None = None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    return stats if stats is not None else Stats()


def spread(obs: Observation) -> float:
    return float(np.ptp(obs["hs"].data))


@pytest.fixture(scope="module")
def obs() -> Observation:
    return observe(make_cube())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ratio", [2, 3, 4])
def test_shape_dtype_finite_and_input_untouched(name: str, ratio: int) -> None:
    obs = observe(make_cube((14, 17)), ratio)
    before = obs["hs"].data.copy()
    found = fuse_whole(ready(name, obs), obs)
    assert found.shape == (BANDS, 14 * ratio, 17 * ratio) and found.dtype == np.float32 and np.isfinite(found).all()
    np.testing.assert_array_equal(obs["hs"].data, before)


@pytest.mark.parametrize("tile", [37, 64])
@pytest.mark.parametrize("name", NAMES)
def test_tiled_equals_whole(name: str, tile: int, obs: Observation) -> None:
    """Tiles of odd sides begin inside coarse pixels."""
    method = ready(name, obs)
    tiled = fuse_array(method, ArrayScene(obs), tile, threads=2)
    np.testing.assert_allclose(tiled.data, fuse_whole(method, obs), atol=2e-5 * spread(obs))


@pytest.mark.parametrize("name", NAMES)
def test_declared_halo_is_true_and_not_much_too_large(name: str) -> None:
    obs = observe(make_cube((120, 110)))
    method = ready(name, obs)
    stats, halo = statistics(method, obs), halo_px(method, obs)
    core = Window(112, 97, 12, 15)
    wild = obs["hs"].data.copy()
    keep = core.grow(halo, obs.shape)
    inside = np.zeros(obs.shape, bool)
    inside[keep.slices] = True
    outside = ~inside.reshape(120, 2, 110, 2).any(axis=(1, 3))
    assert outside.mean() > 0.05, "the scene is too small to say anything"
    wild[:, outside] = 9e3
    other = replace(obs, views={"hs": replace(obs["hs"], data=wild)})
    one, two = (method.fuse(each, stats)[:, core.slices[0], core.slices[1]] for each in (obs, other))
    np.testing.assert_allclose(two, one, atol=2e-5 * spread(obs))
    assert halo <= 2 * 64


@pytest.mark.parametrize("steps", [0, 5])
@pytest.mark.parametrize("name", CLASSICAL)
def test_declared_memory_is_true(name: str, steps: int) -> None:
    """A cube of many bands with a hole: its tile and what is written of it fit what is declared."""
    many, side = observe(make_cube((64, 64), 40)), 128
    valid = many["hs"].valid.copy()
    valid[5, 5] = False
    scene = ArrayScene(replace(many, views={"hs": replace(many["hs"], valid=valid)}))
    method = refined(catalog.make(name, PROBLEM), steps)
    whole = Window(0, 0, side, side)
    fuse_tile(method, scene, whole, halo_px(method, many), Stats())  # compiled
    tracemalloc.start()
    try:
        product = fuse_tile(method, scene, whole, halo_px(method, many), Stats())
        written = tracemalloc.get_traced_memory()[1] + product.data.nbytes
    finally:
        tracemalloc.stop()
    declared = side * side * method.bytes_for(many)
    assert written <= declared <= 3 * written


def test_many_bands_take_smaller_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earthloom.engine.budget.free_bytes", lambda: 6 << 30)
    few, many = (ArrayScene(observe(np.zeros((bands, 8, 8), np.float32))) for bands in (6, 200))
    for name in ("bicubic", "back_projection"):
        method = catalog.make(name, PROBLEM)
        assert tile_for(method, few, 2) == 512 and tile_for(method, many, 2) == 256
        assert tile_for(Refined(method, 3), many, 2) == 256


@pytest.mark.parametrize("name", NAMES)
def test_float32_against_float64(name: str, obs: Observation) -> None:
    exact = replace(obs, views={"hs": replace(obs["hs"], data=obs["hs"].data.astype(np.float64))})
    found = fuse_whole(ready(name, exact), exact)
    assert found.dtype == np.float64
    np.testing.assert_allclose(fuse_whole(ready(name, obs), obs), found, atol=1e-4 * spread(obs))


@pytest.mark.parametrize("name", NAMES)
def test_units_do_not_matter(name: str, obs: Observation) -> None:
    """Reflectance and reflectance x 10000 give the same, and so does the brightest pixel elsewhere in the scene."""
    other = replace(obs, views={"hs": replace(obs["hs"], data=obs["hs"].data / 10000)})
    one, two = (fuse_whole(ready(name, each), each) for each in (obs, other))
    np.testing.assert_allclose(10000 * two, one, atol=2e-5 * spread(obs))


@pytest.mark.parametrize("name", CLASSICAL)
def test_flat_stays_flat(name: str) -> None:
    levels = 100.0 * np.arange(1, BANDS + 1, dtype=np.float32)[:, None, None]
    obs = observe(np.broadcast_to(levels, (BANDS, 20, 22)).copy(), 4)
    np.testing.assert_allclose(fuse_whole(ready(name, obs), obs), np.broadcast_to(levels, (BANDS, 80, 88)), rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_fresh_networks_begin_as_bicubic(name: str, obs: Observation) -> None:
    fields = {"fine": "none"} if name == "dualsr" else {}
    found = fuse_whole(catalog.make(name, PROBLEM, **fields).fresh(obs), obs)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, fuse_whole(catalog.make("bicubic", PROBLEM), obs), atol=1e-5 * spread(obs))


@pytest.mark.parametrize("name", NAMES)
def test_holes_stay_and_do_not_bleed(name: str, obs: Observation) -> None:
    valid = obs["hs"].valid.copy()
    valid[30, 40] = valid[5:9, 12:14] = False
    damaged = replace(obs["hs"], valid=valid, data=np.where(valid, obs["hs"].data, 0))
    method = ready(name, obs)
    product = fuse_array(method, ArrayScene(replace(obs, views={"hs": damaged})), 64)
    np.testing.assert_array_equal(product.valid, np.kron(valid, np.ones((2, 2), bool)))
    assert np.isnan(product.data[:, ~product.valid]).all() and np.isfinite(product.data[:, product.valid]).all()
    far = np.s_[:, -30:, :30]
    np.testing.assert_allclose(product.data[far], fuse_whole(method, obs)[far], atol=2e-5 * spread(obs))


@pytest.mark.parametrize("name", NETWORKS)
def test_any_number_of_bands(name: str) -> None:
    """The same weights serve cubes of other sizes: nothing in a network depends on how many bands there are."""
    few, many = observe(make_cube((13, 12), 5)), observe(make_cube((13, 12), 11))
    method = ready(name, few)
    assert fuse_whole(method, many).shape == (11, 26, 24)
    assert fuse_whole(method, few).shape == (5, 26, 24)


def test_chunks_of_bands_are_the_same_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    obs = observe(make_cube((13, 12), 11))
    for name in NETWORKS:
        method = ready(name, obs)
        whole = fuse_whole(method, obs)
        monkeypatch.setattr("earthloom.nn.bandwise.HELD", 26 * 24 * 24 * 3)
        np.testing.assert_allclose(fuse_whole(method, obs), whole, atol=2e-5 * spread(obs), err_msg=name)
        monkeypatch.undo()


def test_bicubic_is_matlabs() -> None:
    obs = observe(make_cube((13, 10)), 3)
    np.testing.assert_allclose(
        fuse_whole(catalog.make("bicubic", PROBLEM), obs), imresize(obs["hs"].data, 3.0), rtol=1e-6
    )


def test_back_projection_returns_what_was_seen(obs: Observation) -> None:
    found = fuse_whole(catalog.make("back_projection", PROBLEM, steps=50), obs)
    plain = fuse_whole(catalog.make("bicubic", PROBLEM), obs)
    errors = [np.abs(reduce(obs, image, [0.3] * BANDS, "hs") - obs["hs"].data).mean() for image in (found, plain)]
    assert errors[0] < 0.02 * errors[1]


def test_back_projection_stops_before_it_rings() -> None:
    """Held to a sensor's blur: hardly less like the truth than with 10 steps, and far less beyond what was seen."""
    truth = make_cube((80, 72))
    truth[:, 30:50, 20:40] += 1500  # an edge that rings
    gain, size = 0.2, (40, 36)
    bands = tuple(Band(f"b{k}", mtf_nyquist=gain) for k in range(len(truth)))
    view = View(np.zeros((len(truth), *size), np.float32), np.ones(size, bool), bands, (2.0, 2.0), (0.5, 0.5))
    obs = Observation({"hs": view}, truth.shape[1:])
    seen = reduce(obs, truth, [gain] * len(truth), "hs")
    noise = np.random.default_rng(0).normal(scale=0.01 * seen.std(), size=seen.shape)
    obs = replace(obs, views={"hs": replace(view, data=(seen + noise).astype(np.float32))})
    most = maximum_filter(obs["hs"].data, (1, 3, 3)).repeat(2, 1).repeat(2, 2)
    images = [fuse_whole(catalog.make("back_projection", PROBLEM, **own), obs) for own in ({}, {"steps": 10})]
    errors = [float(np.sqrt(((image - truth)[:, 8:-8, 8:-8] ** 2).mean())) for image in images]
    beyond = [float(np.maximum(image - most, 0)[:, 8:-8, 8:-8].mean()) for image in images]
    assert beyond[0] < 0.8 * beyond[1] and errors[0] < 1.1 * errors[1], (beyond, errors)
    assert catalog.make("back_projection", PROBLEM).ready(obs).parameters["steps"] == 3
    assert catalog.make("back_projection", PROBLEM).ready(replace(obs, convention="bicubic")).parameters["steps"] == 10


def test_degrading_is_imresize_and_holes_are_unknown() -> None:
    data = make_cube((33, 30))
    case = Superresolution().degrade(observe(data, 4))
    np.testing.assert_allclose(case.obs["hs"].data, imresize(data[:, :32, :28], 0.25), rtol=1e-5)
    np.testing.assert_array_equal(case.truth, data[:, :32, :28])
    hs = observe(data, 4)["hs"]
    valid = hs.valid.copy()
    valid[6, 9] = False
    case = Superresolution().degrade(replace(observe(data, 4), views={"hs": replace(hs, valid=valid)}))
    assert np.isnan(case.truth[:, 6, 9]).all() and not case.obs["hs"].valid[1, 2] and case.obs["hs"].valid.sum() == 55
    with pytest.raises(InputError, match="at least 8"):
        Superresolution().degrade(observe(data[:, :7], 4))


def test_refinement_reports_and_stops_at_the_tolerance(obs: Observation) -> None:
    inner = catalog.make("bicubic", PROBLEM)
    full = fuse_array(Refined(inner, 20), ArrayScene(obs), 64)
    told = residual_percent(full.measured)
    assert told is not None and told["after_percent"] < 0.5 * told["before_percent"]
    goal = 0.5 * (told["before_percent"] + told["after_percent"])
    some = Refined(inner, 20, tolerance=goal)
    tiled, whole = (fuse_array(some, ArrayScene(obs), tile) for tile in (64, 512))
    np.testing.assert_allclose(tiled.data, whole.data, atol=2e-5 * spread(obs))
    found = residual_percent(whole.measured)
    assert found is not None and told["after_percent"] < found["after_percent"] <= goal


def test_agreeing_spectra_are_corrected_less(obs: Observation) -> None:
    inner = catalog.make("bicubic", PROBLEM)
    plain, shy, none = (fuse_whole(Refined(inner, 3, angle_deg=a), obs) for a in (0.0, 5.0, 1e9))
    base = fuse_whole(inner, obs)
    np.testing.assert_allclose(none, base, atol=1e-4 * spread(obs))
    assert 0 < np.abs(shy - base).mean() < np.abs(plain - base).mean()
    tiled = fuse_array(Refined(inner, 3, angle_deg=5.0), ArrayScene(obs), 64)
    np.testing.assert_allclose(tiled.data, shy, atol=2e-5 * spread(obs))


@pytest.mark.parametrize("name", NETWORKS)
def test_too_few_bands(name: str) -> None:
    obs = observe(make_cube((13, 12), 4))
    least = catalog.find(name, PROBLEM).card.min_bands
    if least <= 4:
        assert len(fuse_whole(ready(name, obs), obs)) == 4
        return
    with pytest.raises(MethodError, match="at least 5"):
        fuse_array(ready(name, observe(make_cube((13, 12)))), ArrayScene(obs))


@pytest.mark.parametrize("name", NAMES)
def test_ratios_that_are_none(name: str) -> None:
    good = observe(make_cube((13, 12)), 2)
    for ratio in ((5.0, 5.0), (2.5, 2.5), (2.0, 4.0)):
        hs = replace(good["hs"], ratio=ratio, offset=tuple((r - 1) / 2 for r in ratio))
        with pytest.raises(MethodError, match="one of 2, 3, 4, 8"):
            fuse_array(ready(name, good), ArrayScene(observation(hs)))


def test_the_published_fine_stage_needs_half_the_ratio(obs: Observation) -> None:
    with pytest.raises(MethodError, match="ratio 4 or 8"):
        fuse_whole(catalog.make("dualsr", PROBLEM, fine="published").fresh(obs), obs)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NETWORKS)
def test_grids_that_do_not_nest(name: str, obs: Observation) -> None:
    shifted = replace(obs, views={"hs": replace(obs["hs"], offset=(0.8, 0.5))})
    with pytest.raises(MethodError, match="wanted pixels off the grid"):
        fuse_whole(ready(name, obs), shifted)
