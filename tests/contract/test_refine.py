"""The contract holds for refined methods too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import Refined
from earthloom.ops.moments import Stats
from earthloom.types import Observation, Window

from .conftest import make_scene

LOCAL = ["exp", "gsa", "mtf_glp_hpm", "pracs"]


def spread(obs: Observation) -> float:
    return float(np.ptp(obs["ms"].data))


def statistics(method: Method, obs: Observation) -> Stats:
    stats = None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    return stats if stats is not None else Stats()


def with_holes(obs: Observation, junk: float = 0.0) -> Observation:
    """Holes in both views, at a tile's corner and at the scene's edge too."""
    views = {}
    for role, holes in {
        "pan": [(slice(120, 134), slice(125, 140)), (slice(0, 3), slice(100, 130))],
        "ms": [(slice(40, 41), slice(20, 21)), (slice(10, 13), slice(30, 44)), (slice(50, 60), slice(0, 4))],
    }.items():
        valid = obs[role].valid.copy()
        for rows, cols in holes:
            valid[rows, cols] = False
        data = np.where(valid, obs[role].data, obs[role].data.dtype.type(junk))
        views[role] = replace(obs[role], valid=valid, data=data)
    return replace(obs, views=views)


@pytest.mark.parametrize(
    "steps,ratio,offset,holes", [(1, 4, None, False), (3, 4, None, True), (3, 2.5, 0.75, True), (10, 2, 0.0, True)]
)
@pytest.mark.parametrize("name", ["gsa", "mtf_glp_hpm"])
def test_tiled_equals_whole(name: str, steps: int, ratio: float, offset: float | None, holes: bool) -> None:
    obs = make_scene(ratio=ratio, offset=offset, coarse=(70, 60))
    obs = with_holes(obs) if holes else obs
    method = Refined(catalog.make(name), steps)
    whole = fuse_array(method, ArrayScene(obs), 4096)
    tiled = fuse_array(method, ArrayScene(obs), 97, threads=2)
    np.testing.assert_array_equal(tiled.valid, whole.valid)
    np.testing.assert_allclose(tiled.data, whole.data, atol=5e-5 * spread(obs), rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 5, 20])
@pytest.mark.parametrize("name", LOCAL)
def test_declared_halo_is_true(name: str, steps: int) -> None:
    """Nothing beyond the halo shows in a tile's core."""
    obs = make_scene(coarse=(90, 90))
    method = Refined(catalog.make(name), steps)
    stats, core = statistics(method, obs), Window(160, 152, 24, 20)
    assert method.card.halo == method.inner.card.halo + halo_px(method, obs) // 4 - halo_px(method.inner, obs) // 4
    tile = obs.crop(core, halo_px(method, obs))
    assert tile.shape[0] < obs.shape[0]
    inner = method.fuse(tile, stats)[(slice(None), *tile.core_window.slices)]
    np.testing.assert_allclose(inner, method.fuse(obs, stats)[(slice(None), *core.slices)], atol=2e-5 * spread(obs))


@pytest.mark.parametrize("name", [*LOCAL, "cnmf"])
def test_holes_stay_and_their_filling_does_not_matter(name: str) -> None:
    """Where inputs are missing the product is, and nowhere else; what stood in the holes is of no account."""
    obs = make_scene(coarse=(70, 66))
    method = Refined(catalog.make(name), 3)
    one, other = (fuse_array(method, ArrayScene(with_holes(obs, junk)), 128, threads=2) for junk in (0.0, 3e4))
    plain = fuse_array(method.inner, ArrayScene(with_holes(obs)), 128)
    np.testing.assert_array_equal(one.valid, plain.valid)
    np.testing.assert_array_equal(one.data, other.data)
    assert np.isnan(one.data[:, ~one.valid]).all() and np.isfinite(one.data[:, one.valid]).all()
    assert np.ptp(one.data[:, one.valid]) < 2 * np.ptp(plain.data[:, plain.valid])


@pytest.mark.parametrize("name", ["gsa", "cnmf"])
def test_flat_stays_flat_and_dtypes_agree(name: str) -> None:
    obs, method = make_scene(coarse=(24, 22)), Refined(catalog.make(name), 5)
    exact = {role: replace(view, data=view.data.astype(np.float64)) for role, view in obs.views.items()}
    fused, fused64 = fuse_whole(method, obs), fuse_whole(method, replace(obs, views=exact))
    assert fused.dtype == np.float32 and fused64.dtype == np.float64
    np.testing.assert_allclose(fused, fused64, atol=5e-4 * spread(obs))
    levels = np.array([100.0, 200.0, 300.0, 400.0], np.float32)[:, None, None]
    flat = {
        "pan": replace(obs["pan"], data=np.full_like(obs["pan"].data, 700)),
        "ms": replace(obs["ms"], data=np.broadcast_to(levels, obs["ms"].data.shape).copy()),
    }
    fused = fuse_whole(method, replace(obs, views=flat))
    np.testing.assert_allclose(fused, np.broadcast_to(levels, fused.shape), rtol=2e-4)
