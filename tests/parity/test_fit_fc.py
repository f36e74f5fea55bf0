"""Fit-FC against the published Matlab code run in Octave (outputs kept beside the data)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.families.cells import Cells, cells_of, coarse_cells
from earthloom.methods.spatiotemporal.fit_fc import carried, interpolated, regression
from earthloom.ops.ranked import Ties, ranking, similar_mean
from earthloom.types import Band, Observation, View, Window

WHOLE = Window(0, 0, 160, 160)
NONE = np.ones(3), np.zeros(3)
BANDS = (Band("green", 560.0), Band("red", 660.0), Band("nir", 840.0))


@pytest.fixture(scope="module")
def golden(shared: Path) -> Any:
    return np.load(shared / "golden/spatiotemporal/fitfc_octave.npz")


@pytest.fixture(scope="module")
def obs(golden: Any) -> Observation:
    roles = {"fine_1": "fine_t1", "coarse_1": "coarse_t1", "coarse_p": "coarse_t2"}
    everywhere = np.ones((160, 160), bool)
    return Observation(
        {role: View(golden[name].astype(np.float64), everywhere, BANDS) for role, name in roles.items()}, (160, 160)
    )


def coarse(obs: Observation) -> tuple[Cells, np.ndarray, np.ndarray, np.ndarray]:
    cells = cells_of(obs, 16.0)
    (before, first), (after, second) = (coarse_cells(obs, role, cells) for role in ("coarse_1", "coarse_p"))
    return cells, before, after, first & second


def make(**fields: Any):
    return catalog.make("fit_fc", "spatiotemporal", ratio=16.0, red=2, nir=3, **fields)


def rmse(image: np.ndarray, golden: Any) -> np.ndarray:
    return np.sqrt(((image - golden["fine_t2_truth"].astype(float)) ** 2).mean((1, 2)))


def test_regression_and_its_residual(golden: Any, obs: Observation) -> None:
    cells, before, after, seen = coarse(obs)
    slope, constant = regression(before, after, seen, 1, *NONE)
    np.testing.assert_allclose(slope, golden["cfg1_regression_a"], atol=1e-6)
    np.testing.assert_allclose(constant, golden["cfg1_regression_b"], atol=1e-6)
    rest = after - slope * before - constant
    np.testing.assert_allclose(rest, golden["cfg1_residual_coarse"], atol=1e-6)
    fine_rest = interpolated(rest, cells, WHOLE)
    np.testing.assert_allclose(fine_rest, golden["cfg1_residual_bicubic"], atol=0.01)
    first = carried(obs["fine_1"].data, cells, WHOLE, slope, constant)
    np.testing.assert_allclose(first, golden["cfg1_z1_regression"], atol=0.01)
    np.testing.assert_allclose(first + fine_rest, golden["cfg1_z2_before_filter"], atol=0.01)


@pytest.mark.parametrize("tile", [160, 70])
def test_output_with_ties_in_columns(golden: Any, obs: Observation, tile: int) -> None:
    found = fuse_array(make(variant="matlab"), ArrayScene(obs), tile).data
    np.testing.assert_allclose(found, golden["cfg1_output"], atol=0.01)


@pytest.mark.parametrize("ties", ["rows", "near"])
def test_another_order_of_ties_hardly_matters(golden: Any, obs: Observation, ties: Ties) -> None:
    """Borders repeated as published, the first in rows or the nearest of equals instead of the first in columns."""
    image, guide = (
        np.pad(part, ((0, 0), (20, 20), (20, 20)), mode="edge")
        for part in (golden["cfg1_z2_before_filter"].astype(np.float64), obs["fine_1"].data[1:])
    )
    window = Window(20, 20, 160, 160)
    found, _ = similar_mean(guide, np.ones((200, 200), bool), image, window, ranking(41, 20.5, ties), 20)
    assert np.abs(found - golden["cfg1_output"]).mean() <= 10
    np.testing.assert_allclose(rmse(found, golden), rmse(golden["cfg1_output"], golden), rtol=0.01)


def test_ours_is_better(golden: Any, obs: Observation) -> None:
    published = rmse(golden["cfg1_output"], golden)
    assert (rmse(fuse_whole(make(), obs), golden) < 0.97 * published).all()
    everything = catalog.make("fit_fc", "spatiotemporal", ratio=16.0)
    assert (rmse(fuse_whole(everything, obs), golden) < 0.98 * published).all()


def test_accuracy_on_the_whole_scene(shared: Path) -> None:
    """At least as close as a C++ version of the method was recorded to be."""
    from tests.parity.gwydir import gwydir

    scene, truth = gwydir(shared)
    method = catalog.make("fit_fc", "spatiotemporal")
    found = fuse_array(method, ArrayScene(scene), 240).data
    np.testing.assert_allclose(fuse_array(method, ArrayScene(scene), 130).data, found, atol=2e-3)  # full of ties
    error = np.sqrt(((found - truth) ** 2).mean((1, 2)))
    assert (error <= [107, 146, 388]).all(), error
