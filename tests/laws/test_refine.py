"""Laws of refinement: what a step does, that it converges, how far it looks, and what may not leak in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.wrappers.refined import Refined, refined, refined_reach, residual_percent
from earthloom.ops.moments import Stats
from earthloom.physics.backproject import back_project, seen_again
from earthloom.physics.forward import expand, reduce
from earthloom.problems.base import Problem
from earthloom.problems.pansharpening import Pansharpening
from earthloom.types import Observation

from ..contract.conftest import make_scene

GEOMETRIES = [("centre", 4, 1.5), ("centre", 2.5, 0.75), ("centre", 3, 0.4), ("toolbox", 4, 2.0)]


def scene(convention: Any = "centre", ratio: float = 4, offset: float = 1.5, side: int = 30) -> Observation:
    """Double precision; ``toolbox`` needs sides that the ratio divides."""
    obs = make_scene(ratio=ratio, offset=offset, coarse=(side, side + 2))
    views = {role: replace(view, data=view.data.astype(np.float64)) for role, view in obs.views.items()}
    if convention == "toolbox":
        height, width = (int(n * ratio) for n in views["ms"].shape)
        pan = np.pad(views["pan"].data, ((0, 0), (0, height - obs.shape[0]), (0, width - obs.shape[1])), "edge")
        views["pan"] = replace(views["pan"], data=pan, valid=np.ones(pan.shape[1:], bool))
        obs = replace(obs, shape=(height, width))
    return replace(obs, views=views, convention=convention)


def gains(obs: Observation) -> list[float]:
    return [band.mtf_nyquist for band in obs["ms"].bands]


@pytest.mark.parametrize("convention,ratio,offset", GEOMETRIES)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_it_is_the_equation_repeated(convention: str, ratio: float, offset: float, steps: int) -> None:
    """The sums on the coarse grid are ``F <- F + U (M - D B F)``, done on the fine grid N times."""
    obs = scene(convention, ratio, offset)
    image = expected = fuse_whole(catalog.make("brovey"), obs)
    for _ in range(steps):
        expected = expected + expand(obs, obs["ms"].data - reduce(obs, expected, gains(obs)))
    found = back_project(obs, image, gains(obs), steps)
    np.testing.assert_allclose(found.image, expected, rtol=1e-10)
    np.testing.assert_allclose(found.before, obs["ms"].data - reduce(obs, image, gains(obs)), atol=1e-9)
    np.testing.assert_allclose(found.after, obs["ms"].data - reduce(obs, expected, gains(obs)), atol=1e-9)


@pytest.mark.parametrize("angle_deg", [0.0, 5.0])
def test_many_bands_are_few_at_a_time_and_may_go_where_they_were(angle_deg: float) -> None:
    """19 bands with two gains: each as if alone, unless an angle ties them together; in place or not."""
    obs = scene()
    count = len(obs["ms"].data)
    order = np.arange(19) % count
    data = obs["ms"].data[order] * (1 + 0.1 * np.arange(19))[:, None, None]
    many = replace(obs, views={"ms": replace(obs["ms"], data=data, bands=tuple(obs["ms"].bands[b] for b in order))})
    image, each = expand(many) * 1.1, [0.3, 0.2] * 9 + [0.3]
    found = back_project(many, image, each, 3, angle_deg=angle_deg)
    for b in (0, 7, 8, 18) if not angle_deg else ():
        one = replace(many, views={"ms": replace(many["ms"], data=data[b : b + 1], bands=many["ms"].bands[b : b + 1])})
        alone = back_project(one, image[b : b + 1], [each[b]], 3)
        for whole, part in zip(found, alone, strict=True):
            np.testing.assert_allclose(whole[b], part[0], rtol=1e-12)
    kept = image.copy()
    again = back_project(many, kept, each, 3, angle_deg=angle_deg, out=kept)
    assert again.image is kept and np.abs(kept - image).max() > 0
    np.testing.assert_array_equal(kept, found.image)


@pytest.mark.parametrize("convention,ratio,offset", GEOMETRIES)
def test_up_and_down_again_is_one_small_filter(convention: str, ratio: float, offset: float) -> None:
    obs = scene(convention, ratio, offset)
    coarse = np.random.default_rng(0).normal(size=obs["ms"].data.shape)
    there = reduce(obs, expand(obs, coarse), gains(obs))
    np.testing.assert_allclose(seen_again(obs, coarse, gains(obs)), there, atol=1e-12)


@pytest.mark.parametrize("convention,ratio,offset", GEOMETRIES)
@pytest.mark.parametrize("name", ["exp", "gsa", "mtf_glp_hpm"])
def test_every_step_agrees_better(name: str, convention: str, ratio: float, offset: float) -> None:
    obs = scene(convention, ratio, offset)
    image = fuse_whole(catalog.make(name), obs)
    left = [np.sqrt((back_project(obs, image, gains(obs), n).after ** 2).mean()) for n in (0, 1, 2, 3, 5, 10, 20)]
    assert (np.diff(left) < 0).all()
    assert left[-1] < 0.3 * left[0]


@pytest.mark.parametrize("convention,ratio,offset", GEOMETRIES)
def test_an_image_that_agrees_stays_as_it_is(convention: str, ratio: float, offset: float) -> None:
    obs = scene(convention, ratio, offset)
    truth = np.random.default_rng(1).normal(size=(4, *obs.shape))
    exact = replace(obs, views={**obs.views, "ms": replace(obs["ms"], data=reduce(obs, truth, gains(obs)))})
    np.testing.assert_allclose(back_project(exact, truth, gains(obs), 7).image, truth, atol=1e-12)
    zero = back_project(obs, truth, gains(obs), 0)
    assert zero.image is truth


def test_many_steps_solve_it() -> None:
    """Where ``D B U`` can be inverted, N steps come to ``F + U (D B U)^-1 (M - D B F)``."""
    obs = scene(side=12)
    one = replace(
        obs, views={**obs.views, "ms": replace(obs["ms"], data=obs["ms"].data[:1], bands=obs["ms"].bands[:1])}
    )
    image = expand(one)
    found = back_project(one, image, gains(one), 2000)
    assert np.abs(found.after).max() < 1e-6 * np.abs(found.before).max()
    np.testing.assert_allclose(reduce(one, found.image, gains(one)), one["ms"].data, rtol=1e-6)


@pytest.mark.parametrize("gain", [0.1, 0.22, 0.4])
@pytest.mark.parametrize("steps", [1, 2, 5, 20])
def test_it_looks_no_further_than_it_says(gain: float, steps: int) -> None:
    """Beyond its reach the image may hold anything."""
    rng, ratio = np.random.default_rng(2), 2
    obs = scene(ratio=ratio, offset=0.5, side=60)
    band = replace(obs["ms"].bands[0], mtf_nyquist=gain)
    ms = replace(obs["ms"], data=rng.random((1, *obs["ms"].shape)), bands=(band,))
    obs = replace(obs, views={"ms": ms})
    image = rng.random((1, *obs.shape))
    middle, far = obs.shape[0] // 2, ratio * refined_reach(steps)
    strange = (1e3 * rng.random(image.shape) if steps == 1 else rng.integers(0, 2, image.shape)).astype(float)
    near = (slice(None), *(slice(middle - far - ratio, middle + far + ratio),) * 2)
    strange[near] = image[near]
    core = (slice(None), *(slice(middle - ratio, middle + ratio),) * 2)
    one, other = (back_project(obs, each, [gain], steps).image[core] for each in (image, strange))
    np.testing.assert_allclose(one, other, atol=2e-5)


def damaged(obs: Observation, junk: float) -> Observation:
    """Holes in both views, with junk in them."""
    pan, ms = (obs[role].valid.copy() for role in ("pan", "ms"))
    pan[150:158, 170:182], ms[60, 20], ms[10:14, 30:50] = False, False, False
    views = {
        role: replace(obs[role], valid=valid, data=np.where(valid, obs[role].data, obs[role].data.dtype.type(junk)))
        for role, valid in (("pan", pan), ("ms", ms))
    }
    return replace(obs, views=views)


def test_holes_correct_nothing() -> None:
    """What lies in a hole has no influence, and coarse pixels that see into one correct nothing."""
    obs = make_scene(coarse=(70, 70))
    method = Refined(catalog.make("exp"), 4)
    one, other = (fuse_array(method, ArrayScene(damaged(obs, junk)), 128) for junk in (0.0, 9e4))
    np.testing.assert_array_equal(one.data, other.data)
    np.testing.assert_array_equal(one.valid, fuse_array(catalog.make("exp"), ArrayScene(damaged(obs, 0)), 128).valid)
    assert np.isfinite(one.data[:, one.valid]).all()
    image = expand(obs)
    trusted = np.random.default_rng(0).random(obs["ms"].shape) > 0.2
    holes = replace(obs, views={"ms": replace(obs["ms"], valid=trusted)})
    found = back_project(holes, image, gains(obs), 3)
    assert not found.before[:, ~trusted].any() and not found.after[:, ~trusted].any()
    assert (found.after[:, trusted] ** 2).sum() < (found.before[:, trusted] ** 2).sum()


@pytest.mark.parametrize("holes", [False, True])
def test_the_residual_is_that_of_the_scene_however_tiled(holes: bool) -> None:
    obs = make_scene(coarse=(70, 70))
    obs = damaged(obs, 0.0) if holes else obs
    method = Refined(catalog.make("gsa"), 3)
    parts = [fuse_array(method, ArrayScene(obs), tile).measured for tile in (64, 100, 1024)]
    for part in parts[:-1]:
        assert part["residual"].count == parts[-1]["residual"].count
        for key, value in (residual_percent(part) or {}).items():
            assert value == pytest.approx((residual_percent(parts[-1]) or {})[key], rel=2e-3)
    told = residual_percent(parts[0])
    assert told and told["after_percent"] < 0.5 * told["before_percent"]
    if not holes:
        data = fuse_array(method, ArrayScene(obs), 100).data.astype(float)
        ms = obs["ms"].data[:, :-1]  # the last row has its centres beyond the fine grid
        left = reduce(obs, data, gains(obs))[:, :-1] - ms
        assert told["after_percent"] == pytest.approx(100 * np.sqrt((left**2).mean()) / ms.mean(), rel=1e-3)


def test_none_is_the_method_itself() -> None:
    obs, method = make_scene(coarse=(20, 20)), catalog.make("gsa")
    assert refined(method, 0) is method
    assert Refined(method, 0).card == method.card
    np.testing.assert_array_equal(fuse_whole(Refined(method, 0), obs), fuse_whole(method, obs))
    assert fuse_array(method, ArrayScene(obs)).measured == Stats()
    assert residual_percent(Stats()) is None


@pytest.mark.parametrize("steps", [-1, 101, 2.5, True, "3"])
def test_numbers_that_make_no_sense(steps: Any) -> None:
    with pytest.raises(MethodError, match="whole number of steps"):
        refined(catalog.make("gsa"), steps)


def test_a_problem_without_a_coarse_view_of_what_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    obs = make_scene(coarse=(20, 20))
    monkeypatch.setattr(Pansharpening, "observed", Problem.observed)
    with pytest.raises(MethodError, match="nothing to refine"):
        fuse_array(refined(catalog.make("gsa"), 2), ArrayScene(obs))


def test_what_a_refined_method_says_of_itself() -> None:
    method = refined(catalog.make("gsa", gain="global"), 3)
    assert method.parameters == {"gain": "global", "refine": 3}
    assert method.card.name == "GSA" and method.card.halo > catalog.find("gsa").card.halo
    assert catalog.name_of(method) == "gsa"
    with pytest.raises(MethodError, match="along a side"):
        method.check(make_scene(coarse=(20, 20)), (3, 100))
