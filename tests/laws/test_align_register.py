"""A target that lies off the source: laid on it when asked, left alone where its blocks do not agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import shift as shifted

import earthloom
from earthloom.engine.options import Run
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError
from earthloom.ops.tiling import plan
from earthloom.training.bandpass.fit import Fitting, fit_transform
from earthloom.training.bandpass.registering import TargetMoved, registered
from earthloom.types import Observation
from tests.contract.test_bandpass import make_obs


@pytest.fixture(scope="module")
def obs() -> Observation:
    return make_obs((180, 190), noise=0.001)


def displaced(obs: Observation, y: float, x: float) -> Observation:
    target = obs["target"]
    moved = np.stack([shifted(band, (y, x), order=3, mode="nearest") for band in target.data])
    return replace(obs, views={**obs.views, "target": replace(target, data=moved.astype(target.data.dtype))})


def error(scene: Any, truth: Observation) -> float:
    found = fit_transform([scene], "ols", how=Fitting(judge=False, reject=False)).transform
    left = found.apply(truth["source"].data) - truth["target"].data
    return float(np.sqrt(np.mean(left**2)))


@pytest.mark.parametrize("place", [(0.0, 2.0), (-1.4, 0.7), (3.0, -2.5)])
def test_a_displaced_target_is_laid_on_the_source(obs: Observation, place: tuple[float, float]) -> None:
    facts: dict[str, Any] = {}
    scene = ArrayScene(displaced(obs, *place))
    (found,) = registered([scene], Run(facts=facts.update))
    assert isinstance(found, TargetMoved)
    np.testing.assert_allclose((found.y, found.x), place, atol=0.15)
    assert facts["registered"] == [f"target moved {-found.y:+.2f} rows, {-found.x:+.2f} columns"]
    aligned, displaced_error = error(found, obs), error(scene, obs)
    assert aligned < 0.5 * displaced_error
    fit_transform([found], "ols")  # is not refused


def test_tiles_are_the_whole(obs: Observation) -> None:
    scene = TargetMoved(ArrayScene(displaced(obs, -1.4, 0.7)), -1.4, 0.7)
    whole = next(scene.observe(core, 0) for core in plan(scene.shape, 512))["target"]
    for core in plan(scene.shape, 64):
        part, at = (
            scene.observe(core, 0)["target"],
            (slice(core.y, core.y + core.height), slice(core.x, core.x + core.width)),
        )
        np.testing.assert_allclose(part.data, whole.data[:, *at], atol=1e-5)
        np.testing.assert_array_equal(part.valid, whole.valid[at])


def test_a_target_in_place_and_one_without_texture_stay(obs: Observation) -> None:
    said: list[str] = []
    torn = obs["target"].data.copy()
    torn[:, :90] = np.roll(torn[:, :90], 2, axis=2)  # half one way, half the other
    torn[:, 90:] = np.roll(torn[:, 90:], -2, axis=2)
    flat = np.full_like(torn, 0.2)
    for data, words in ((torn, "blocks differ by"), (flat, "too little in common")):
        scene = ArrayScene(replace(obs, views={**obs.views, "target": replace(obs["target"], data=data)}))
        assert registered([scene], Run(say=said.append))[0] is scene
        assert said[-1].startswith("target not moved") and words in said[-1]


def test_align_registers_when_asked(shared: Path, tmp_path: Path) -> None:
    """Gaofen-1 and Sentinel-2 of one day, 1.9 pixels apart: refused with the flag to give, fitted with it."""
    folder = shared / "data/alignment/gaofen1_sentinel2"
    asked: dict[str, Any] = {
        "source_sensor": "sentinel2a", "target_sensor": "gaofen1_wfv", "source_bands": ("red", "green", "blue"),
        "target": str(folder / "G20200315.png"), "target_bands": ("red", "green", "blue"), "method": "ols",
    }  # fmt: skip
    source = str(folder / "S20200315.png")
    with pytest.raises(InputError, match=r"off the source.*`register=True`"):
        earthloom.align(source, **asked)
    facts: dict[str, Any] = {}
    earthloom.align(source, register=True, facts=facts.update, **asked)
    assert facts["registered"][0].startswith("target moved -0.4")
    before, after = facts["pairs"].rmse_percent()
    assert after < before
    both = {name: asked[name] for name in asked if name != "target"}
    found = earthloom.fit_alignment(source, asked["target"], register=True, facts=facts.update, **both)
    assert found.mapping is not None and facts["fit"].sorted.off == 0
    with pytest.raises(InputError, match="without a target"):
        earthloom.align(source, source_sensor="sentinel2a", target_sensor="gaofen1_wfv", register=True)
