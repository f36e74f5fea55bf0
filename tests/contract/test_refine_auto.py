"""`refine=auto`: as many back-projections as help on the scene itself one scale down, and none where none do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError
from earthloom.evaluation.refining import STEPS, steps_for
from earthloom.methods import catalog
from earthloom.methods.wrappers.refined import Refined
from earthloom.types import Window
from tests.contract.test_auto import Sharpening, ground, made, related, scene_of, seen


def error(product: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square, without the border."""
    return float(np.sqrt(np.mean((product - truth)[:, 8:-8, 8:-8] ** 2)))


def test_it_helps_where_the_blur_is_known() -> None:
    pan = ground(1)
    truth = np.stack([0.8 * pan + 100, 0.5 * pan + 0.2 * ground(2)])
    ms = np.stack([seen(band) for band in truth])
    found: dict[str, Any] = {}
    auto = earthloom.pansharpen(pan, ms, "gsa", refine="auto", facts=found.update, threads=1)
    none = earthloom.pansharpen(pan, ms, "gsa", threads=1)
    told = found["refine_auto"]
    assert told["steps"] in STEPS[1:]
    assert told["errors"][told["steps"]] < 1
    assert error(auto, truth) < error(none, truth)
    np.testing.assert_array_equal(auto, earthloom.pansharpen(pan, ms, "gsa", refine=told["steps"], threads=1))


def test_it_stays_away_where_there_is_no_blur_or_nothing_to_gain() -> None:
    pan, ms = related()
    scene = scene_of(pan.astype(np.float32), ms.astype(np.float32), Sharpening())
    sharp = steps_for(catalog.make("gsa"), scene, "pansharpening", gain=0.8)
    assert sharp.steps == 0
    assert "sharper" in str(sharp)
    noise = scene_of(pan.astype(np.float32), ms[2:].astype(np.float32), Sharpening())
    told = steps_for(catalog.make("exp"), noise, "pansharpening")
    assert told.errors[told.steps] <= 1


def test_a_higher_mtf_that_the_scene_shows_is_used() -> None:
    pan, ms = related()
    scene = scene_of(pan.astype(np.float32), ms[:1].astype(np.float32), Sharpening())
    told = steps_for(catalog.make("exp"), scene, "pansharpening", gain=0.5)
    assert told.gain == 0.5
    assert steps_for(catalog.make("exp"), scene, "pansharpening", gain=0.35).gain is None
    obs = scene.observe(Window(0, 0, *scene.shape), 0)
    once, other = (fuse_whole(Refined(catalog.make("exp"), 2, gain=gain), obs) for gain in (None, 0.5))
    assert not np.allclose(once, other)
    assert Refined(catalog.make("exp"), 2, gain=0.5).parameters["refine_mtf"] == 0.5


def test_steps_do_not_depend_on_threads() -> None:
    pan, ms = related()
    scene = ArrayScene(scene_of(pan, ms, Sharpening()).observe(Window(0, 0, *pan.shape), 0))
    one, two = (steps_for(catalog.make("gsa"), scene, "pansharpening", threads) for threads in (1, 2))
    assert one == two


def test_other_words_are_refused() -> None:
    pan, ms = related()
    for call in (
        lambda: earthloom.pansharpen(pan, ms, refine="bogus"),
        lambda: earthloom.sharpen(pan[None], ms, refine="bogus"),
        lambda: earthloom.superresolve(ms, 2, "bicubic", refine="bogus"),
    ):
        with pytest.raises(InputError, match="steps, or auto"):
            call()


def test_verbs_take_it() -> None:
    fine = np.stack([ground(seed, 192) for seed in (1, 2)])
    coarse = np.stack([seen(fine[0] + 0.5 * fine[1], 2, 0.99)])
    found: dict[str, Any] = {}
    earthloom.sharpen(fine, coarse, "exp", refine="auto", facts=found.update, threads=1)
    assert found["refine_auto"]["steps"] > 0
    cube = np.stack([seen(ground(seed), 2, 0.99) for seed in (1, 2, 3)])
    earthloom.superresolve(cube, 2, "bicubic", refine="auto", facts=found.update, threads=1)
    assert found["refine_auto"]["errors"][found["refine_auto"]["steps"]] <= 1
    pan, ms = related()
    both: dict[str, Any] = {}
    assert made(both, pan, ms, refine="auto").shape == (3, *pan.shape)
    assert {"auto", "refine_auto"} <= set(both)
