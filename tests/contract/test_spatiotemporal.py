"""The contract of spatiotemporal fusion, over every method in its catalogue that is not a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.families import dictionaries
from earthloom.methods.families.known_dates import around
from earthloom.methods.wrappers.refined import Refined
from earthloom.ops.moments import Stats
from earthloom.ops.similar.pixels import box_sum
from earthloom.physics.clouds import fractal
from earthloom.physics.forward import expand, footprint, reduce
from earthloom.problems.base import Case
from earthloom.problems.spatiotemporal import Spatiotemporal, nearest_dates
from earthloom.types import Band, Observation, View, Window

PROBLEM = "spatiotemporal"
NAMES = [n for n in catalog.names(PROBLEM) if catalog.find(n, PROBLEM).card.family != "network"]
LOCAL = [n for n in NAMES if catalog.find(n, PROBLEM).card.local]
DAYS = {"1": date(2020, 3, 8), "p": date(2020, 4, 1), "2": date(2020, 5, 11)}
SMALL = {"spstfm": {"atoms": 64}}  # fields that make a slow method quick


WHOLE, PART = (203, 187), (139, 123)  # a scene, and one for small tiles with their wide halos; edges are ragged


def make(name: str, **fields: object):
    known = SMALL.get(name, {})
    return catalog.make(name, PROBLEM, **{**known, **fields})


def on_grid(name: str, own_grid: bool):
    """A method for coarse images on their own grid, or on the fine one: some must be told then what they cover."""
    fields = {f.name for f in dataclasses.fields(catalog.find(name, PROBLEM))}
    return make(name) if own_grid or "ratio" not in fields else make(name, ratio=8)


def pairs_of(name: str) -> int:
    return getattr(catalog.find(name, PROBLEM), "least_pairs", 1)


def make_case(
    ratio: int = 8, own_grid: bool = True, pairs: int = 2, bands: int = 3, shape: tuple[int, int] = WHOLE,
    dtype: type = np.float32, level: float = 1.0,
) -> Case:  # fmt: skip
    """Fields of three kinds that green up at different times, with texture that stays; edges are ragged."""
    rng = np.random.default_rng(11)
    kind = np.clip(np.round(fractal(shape, rng, 50) * 1.5), -1, 1)
    texture = np.stack([fractal(shape, rng, 6) for _ in range(bands)])
    days, fine = {"1": 0.0, "p": 0.4, "2": 1.0}, {}
    for day, at in days.items():
        levels = [900 + 250 * b + kind * (150 + 60 * b) + at * (220 * (-1) ** b + 180 * kind) for b in range(bands)]
        fine[day] = level * (np.stack(levels) + 35 * texture + 6 * rng.normal(size=texture.shape))
    coarse_shape = tuple(-(-n // ratio) for n in shape)
    where = (float(ratio),) * 2, ((ratio - 1) / 2,) * 2
    named = tuple(Band(f"b{b}") for b in range(bands))
    blank = View(np.zeros((bands, *coarse_shape)), np.ones(coarse_shape, bool), named, *where)
    grid = Observation({"ms": blank}, shape)
    views = {}
    for day in (*("1", "2")[:pairs], "p"):
        seen = reduce(grid, fine[day], 0.3)
        if own_grid:
            views[f"coarse_{day}"] = replace(blank, data=seen.astype(dtype), date=DAYS[day])
        else:
            near = expand(replace(grid, views={"ms": replace(blank, data=seen)}))
            views[f"coarse_{day}"] = View(near.astype(dtype), np.ones(shape, bool), named, date=DAYS[day])
        if day != "p":
            views[f"fine_{day}"] = View(fine[day].astype(dtype), np.ones(shape, bool), named, date=DAYS[day])
    return Case(Observation(views, shape), fine["p"])


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case()


@pytest.fixture(scope="module", autouse=True)
def learnt_once() -> Iterator[None]:
    """The same patches teach the same dictionaries (tests/laws say so), so they are learnt once: it is slow."""
    known, learn = {}, dictionaries._learnt

    def learnt(patches: np.ndarray, atoms: int, seed: int) -> dictionaries.Atoms | None:
        key = (patches.tobytes(), patches.shape, atoms, seed)
        if key not in known:
            known[key] = learn(patches, atoms, seed)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dictionaries, "_learnt", learnt)
        yield


@cache
def fused_whole(name: str, own_grid: bool = True, pairs: int = 2, shape: tuple[int, int] = WHOLE) -> np.ndarray:
    """The product of a whole scene, made once for all tests that compare with it."""
    found = fuse_whole(on_grid(name, own_grid), make_case(own_grid=own_grid, pairs=pairs, shape=shape).obs)
    found.flags.writeable = False
    return found


def spread(case: Case) -> float:
    return float(np.ptp(case.truth))


def rmse(image: np.ndarray, case: Case) -> float:
    return float(np.sqrt(np.mean((image - case.truth) ** 2)))


def changed(obs: Observation, **views: dict[str, object]) -> Observation:
    """Some views with other fields."""
    return replace(obs, views={**obs.views, **{role: replace(obs[role], **new) for role, new in views.items()}})


def holed(obs: Observation, under: float = 0.0) -> Observation:
    """Clouds over the two dates and a missing coarse pixel; ``under`` is what lies under them."""
    holes = {
        "fine_1": Window(20, 30, 50, 60), "fine_2": Window(60, 50, 70, 40), "coarse_2": Window(2, 15, 3, 4),
        "coarse_p": Window(17, 9, 2, 1),
    }  # fmt: skip
    views = {}
    for role, hole in holes.items():
        valid = obs[role].valid.copy()
        valid[hole.slices] = False
        views[role] = {"valid": valid, "data": np.where(valid, obs[role].data, obs[role].data.dtype.type(under))}
    return changed(obs, **views)


@pytest.mark.parametrize("own_grid", [True, False], ids=["own grid", "fine grid"])
@pytest.mark.parametrize("tile", [64, 100, 163])
@pytest.mark.parametrize("name", LOCAL)
def test_tiled_equals_whole(name: str, tile: int, own_grid: bool) -> None:
    shape = PART if tile == 64 else WHOLE
    for pairs in range(pairs_of(name), 3):
        case, method = make_case(own_grid=own_grid, pairs=pairs, shape=shape), on_grid(name, own_grid)
        whole = fused_whole(name, own_grid, pairs, shape)
        tiled = fuse_array(method, ArrayScene(case.obs), tile, threads=2)
        assert tiled.valid.all()
        np.testing.assert_allclose(tiled.data, whole, atol=5e-5 * spread(case), rtol=1e-5)


@pytest.mark.parametrize("name", ["starfm", "fit_fc", "fsdaf"])
def test_refined_tiled_equals_whole(name: str) -> None:
    """Back-projection looks beyond the core: what it sees there must have been computed, up to the scene's border."""
    case, method = make_case(shape=PART), Refined(make(name), 2)
    whole = fuse_whole(method, case.obs)
    for tile in (64, 100):
        tiled = fuse_array(method, ArrayScene(case.obs), tile)
        np.testing.assert_allclose(tiled.data, whole, atol=5e-5 * spread(case), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_shape_dtype_finite_and_input_untouched(name: str, case: Case) -> None:
    before = {role: view.data.copy() for role, view in case.obs.views.items()}
    found = fuse_whole(make(name), case.obs)
    assert found.shape == case.truth.shape and found.dtype == np.float32 and np.isfinite(found).all()
    for role, data in before.items():
        np.testing.assert_array_equal(case.obs[role].data, data)


@pytest.mark.parametrize("name", NAMES)
def test_deterministic_and_threads_do_not_matter(name: str, case: Case) -> None:
    scene = ArrayScene(case.obs)
    one, two = (fuse_array(make(name), scene, 100, threads=threads).data for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", NAMES)
def test_float32_against_float64(name: str) -> None:
    for pairs in range(pairs_of(name), 3):
        single, double = (make_case(pairs=pairs, dtype=kind) for kind in (np.float32, np.float64))
        exact = fuse_whole(make(name), double.obs)
        assert exact.dtype == np.float64
        away = np.abs(fused_whole(name, pairs=pairs) - exact)
        assert (away <= 1e-3 * spread(single)).mean() > 0.999  # a threshold may flip
        assert away.max() < 0.1 * spread(single)


@pytest.mark.parametrize("name", NAMES)
def test_units_do_not_matter(name: str, case: Case) -> None:
    """Reflectance 0..1 gives what reflectance x 10000 gives: no default is in units."""
    small = fuse_whole(make(name), make_case(level=1e-4).obs)
    away = np.abs(1e4 * small - fused_whole(name))
    assert (away <= 1e-3 * spread(case)).mean() > 0.999


@pytest.mark.parametrize("name", NAMES)
def test_flat_stays_flat(name: str, case: Case) -> None:
    """Flat images that change as a whole: the change is all that is added."""
    level = {"1": 500.0, "2": 900.0, "p": 650.0}
    obs = changed(case.obs, **{r: {"data": np.full_like(v.data, level[r[-1]])} for r, v in case.obs.views.items()})
    expected = 500.0 if name == "copy" else 650.0
    np.testing.assert_allclose(fuse_whole(make(name), obs), expected, rtol=2e-4)
    if pairs_of(name) == 1:
        alone = replace(obs, views={role: obs[role] for role in ("fine_1", "coarse_1", "coarse_p")})
        np.testing.assert_allclose(fuse_whole(make(name), alone), expected, rtol=2e-4)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "copy"])
def test_better_than_no_fusion(name: str) -> None:
    for own_grid in (True, False):
        for pairs in range(pairs_of(name), 3):
            case = make_case(own_grid=own_grid, pairs=pairs)
            copied = fused_whole("copy", own_grid, pairs)
            assert rmse(fused_whole(name, own_grid, pairs), case) < 0.6 * rmse(copied, case)


@pytest.mark.parametrize("name", LOCAL)
def test_masks_are_respected(name: str, case: Case) -> None:
    obs = holed(case.obs)
    product = fuse_array(make(name), ArrayScene(obs), 100)
    np.testing.assert_array_equal(product.valid, Spatiotemporal().valid(obs))
    assert 0.9 < product.valid.mean() < 1
    assert np.isnan(product.data[:, ~product.valid]).all() and np.isfinite(product.data[:, product.valid]).all()
    again = fuse_array(make(name), ArrayScene(obs), 203)
    np.testing.assert_allclose(again.data, product.data, atol=1e-4 * spread(case), rtol=1e-5)
    wild = fuse_array(make(name), ArrayScene(holed(case.obs, under=-3e4)), 100)
    np.testing.assert_array_equal(wild.data, product.data)
    if name != "copy":
        assert rmse(np.where(product.valid, product.data, case.truth), case) < 0.7 * rmse(fused_whole("copy"), case)


@pytest.mark.parametrize("name", LOCAL)
def test_declared_halo_is_true(name: str) -> None:
    """Pixels further than the halo from the core may hold anything: a tile's core does not change."""
    case = make_case(shape=(323, 299))
    method, stats = make(name), Stats()
    for turn in range(method.rounds):
        stats = method.summarise(case.obs, stats if turn else None)
    core = Window(150, 140, 24, 20)
    tile = case.obs.crop(core, halo_px(method, case.obs))
    inner = method.fuse(tile, stats)[(slice(None), *tile.core_window.slices)]
    whole = method.fuse(case.obs, stats)[(slice(None), *core.slices)]
    np.testing.assert_allclose(inner, whole, atol=5e-5 * spread(case), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_single_band(name: str) -> None:
    case = make_case(bands=1)
    found = fuse_whole(make(name), case.obs)
    assert np.isfinite(found).all()
    if name != "copy":
        assert rmse(found, case) < 0.7 * rmse(fuse_whole(make("copy"), case.obs), case)


@pytest.mark.parametrize("name", LOCAL)
def test_support_counts_pixels_and_knows_no_tiles(name: str, case: Case) -> None:
    method, stats = make(name), Stats()
    for turn in range(method.rounds):
        stats = method.summarise(case.obs, stats if turn else None)
    whole = method.support(case.obs, stats)
    if whole is None:
        return
    assert whole.shape == case.obs.shape and (whole >= 0).all() and whole.max() > 5
    core = Window(70, 60, 40, 50)
    tile = case.obs.crop(core, halo_px(method, case.obs))
    np.testing.assert_array_equal(method.support(tile, stats)[tile.core_window.slices], whole[core.slices])


@pytest.mark.parametrize("name,each", [("starfm", 2), ("estarfm", 1)])
def test_everything_is_similar_on_flat_ground(name: str, each: int, case: Case) -> None:
    """The count is then that of the measured pixels of the window, for each of the dates that are pooled."""
    obs = holed(changed(case.obs, **{r: {"data": np.full_like(v.data, 500)} for r, v in case.obs.views.items()}), 500)
    method = make(name, window_px=9)
    seen = [obs[f"fine_{k}"].valid & footprint(obs, f"coarse_{k}") & footprint(obs, "coarse_p") for k in (1, 2)]
    if each == 2:
        expected = sum(box_sum(one[None].astype(float), 9)[0] * one for one in seen)
    else:
        only = (seen[0] & seen[1], seen[0] & ~seen[1], seen[1] & ~seen[0])
        whole = (seen[0] & seen[1], seen[0], seen[1])
        expected = sum(box_sum(w[None].astype(float), 9)[0] * o for w, o in zip(whole, only, strict=True))
    shown = (seen[0] | seen[1]) & footprint(obs, "coarse_p")
    found = method.support(obs, method.summarise(obs, None))
    assert found is not None
    np.testing.assert_allclose(found[shown], expected[shown], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_complete(name: str) -> None:
    card = catalog.find(name, PROBLEM).card
    assert card.problem == PROBLEM and card.title and card.family and card.citation and card.halo >= 1


@pytest.mark.parametrize("name", NAMES)
def test_what_a_method_needs_is_asked_for(name: str, case: Case) -> None:
    method, obs = make(name), case.obs
    method.check(obs, obs.shape)
    if pairs_of(name) > 1:
        few = make_case(pairs=pairs_of(name) - 1).obs
        with pytest.raises(MethodError, match="known pair"):
            method.check(few, few.shape)
    fewer = changed(obs, coarse_p={"data": obs["coarse_p"].data[:2], "bands": obs["coarse_p"].bands[:2]})
    with pytest.raises(MethodError, match="same bands"):
        method.check(fewer, fewer.shape)


@pytest.mark.parametrize("name", ["starfm", "estarfm"])
def test_windows_are_odd(name: str) -> None:
    with pytest.raises(MethodError, match="odd"):
        make(name, window_px=50)
    for field, value in (("window_px", 0), ("classes", 0)):
        with pytest.raises(MethodError, match=field):
            make(name, **{field: value})
    make("starfm", window_px=50, variant="nasa")


def test_nearest_dates_come_first(case: Case) -> None:
    assert nearest_dates(case.obs) == [0, 1] and around(case.obs) == [0, 1]
    later = changed(case.obs, coarse_p={"date": date(2020, 5, 1)})
    assert nearest_dates(later) == [1, 0] and around(later) == [0, 1]
    np.testing.assert_array_equal(fuse_whole(make("copy"), later), case.obs["fine_2"].data)
    undated = changed(case.obs, coarse_p={"date": None})
    assert nearest_dates(undated) == [0, 1] and around(undated) == [0, 1]
    roles = {f"{kind}_{k}": case.obs[f"{kind}_{1 + k % 2}"] for k in (1, 2, 3) for kind in ("fine", "coarse")}
    days = [date(2020, 1, 1), date(2020, 3, 30), date(2020, 4, 20)]
    views = {role: replace(view, date=days[int(role[-1]) - 1]) for role, view in roles.items()}
    three = replace(case.obs, views={**views, "coarse_p": case.obs["coarse_p"]})
    assert nearest_dates(three) == [1, 2, 0] and around(three) == [1, 2]
    before = changed(three, coarse_p={"date": date(2020, 6, 1)})
    assert around(before) == [1, 2]
