"""CF2N on clouds: it learns from the clear ground of a scene, and says what it lacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import earthloom
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network
from earthloom.methods.wrappers.keeping import Keeping
from earthloom.ops.fill import fill
from earthloom.physics.clouds import SimulatedSky, fractal
from earthloom.problems.base import Case
from earthloom.problems.cloud_removal import CloudRemoval, clear, cloud_view, clouded
from earthloom.training.adapt import adapt, beginning
from earthloom.training.job import problem_and_name
from earthloom.training.scene_task import AdaptTask, observed
from earthloom.types import Band, Observation, View, Window
from earthloom.weights import store as weights

TINY = {"width": 8, "fusions": 1, "blocks": 1, "window": 5}
NM = (490.0, 560.0, 665.0, 842.0)


def tiny(**fields: object) -> Network:
    found = catalog.make("cf2n", "cloud_removal", **TINY, **fields)
    assert isinstance(found, Network)
    return found


@pytest.fixture(scope="module")
def case() -> Case:
    """Fields whose colour depends on *how many edges* radar shows: smooth regression cannot tell, a network can."""
    shape, rng = (112, 120), np.random.default_rng(3)
    rough, level = fractal(shape, rng, 40) > 0, fractal(shape, rng, 40)
    texture = np.where((np.add(*np.indices(shape)) // 3) % 2, 3.0, -3.0) * rough
    db = np.stack([-12 + texture + level, -18 + texture + level]) + 0.2 * rng.normal(size=(2, *shape))
    optical = np.stack([1000 + b * 200 + 300 * (-1) ** b * (texture > 0) + 20 * level for b in range(4)])
    everywhere = np.ones(shape, bool)
    bands = tuple(Band(name, nm) for name, nm in zip(("blue", "green", "red", "nir"), NM, strict=True))
    views = {
        "optical": View(optical.astype(np.float32), everywhere, bands),
        "sar": View(db.astype(np.float32), everywhere, (Band("VV"), Band("VH"))),
        "cloud": cloud_view(~everywhere),
    }
    return CloudRemoval(1, SimulatedSky(cover=0.2, shadow_px=(9.0, -7.0), scale_px=40)).degrade(
        Observation(views, shape)
    )


def error(image: np.ndarray, case: Case) -> float:
    return float(np.abs(image - case.truth)[:, clouded(case.obs)].mean())


def test_fresh_it_is_sar_regression(case: Case) -> None:
    plain = fuse_whole(catalog.make("sar_regression", "cloud_removal"), case.obs)
    found = fuse_whole(tiny().fresh(case.obs), case.obs)
    under = clouded(case.obs)
    np.testing.assert_allclose(found[:, under], plain[:, under], rtol=1e-4)
    np.testing.assert_allclose(found[:, ~under], case.obs["optical"].data[:, ~under], rtol=1e-5)


def test_learns_what_regression_misses(case: Case) -> None:
    found = adapt(tiny(), ArrayScene(case.obs), steps=60, threads=1)
    assert found.kept and found.after["ergas"] < found.before["ergas"] and "consistency" not in found.after
    assert str(found).startswith("random weights adapted to the scene") and not str(found).endswith("%")
    plain = catalog.make("sar_regression", "cloud_removal")
    product = fuse_whole(Keeping(found.network), case.obs)
    assert error(product, case) < 0.9 * error(fuse_whole(Keeping(plain), case.obs), case)
    np.testing.assert_array_equal(product[:, clear(case.obs)], case.obs["optical"].data[:, clear(case.obs)])


def test_pairs_hold_no_truth_under_real_clouds(case: Case) -> None:
    """Scenes are learnt from under several skies; real clouds, and blocks that judge, are never learnt from."""
    pairs = CloudRemoval().pairs(case.obs)
    assert len(pairs) == 12 and all(np.isnan(p.truth[:, clouded(case.obs)]).all() for p in pairs)
    masks = np.stack([clouded(p.obs) for p in pairs])
    assert (masks | ~clouded(case.obs)).all() and len(np.unique(masks.reshape(len(masks), -1), axis=0)) == len(pairs)
    pieces = observed(tiny(), ArrayScene(case.obs))
    task = AdaptTask.of(beginning(tiny(), pieces[0])[0], pieces)
    judged = np.isfinite(task.held[0].truth).all(axis=0)
    batch = task.patches.batch(0, 8)
    assert judged.any() and not judged[clouded(case.obs)[: judged.shape[0], : judged.shape[1]]].any()
    assert batch["mask"].mean() >= CloudRemoval.enough


def test_large_scenes_are_learnt_from_in_pieces(case: Case) -> None:
    tiles = tuple(np.tile(case.obs[role].data, (1, 7, 7)) for role in ("optical", "sar", "cloud"))
    valid = np.ones(tiles[0].shape[1:], bool)
    views = {
        role: replace(case.obs[role], data=data, valid=valid)
        for role, data in zip(("optical", "sar", "cloud"), tiles, strict=True)
    }
    views["cloud"].data[:, :400] = 1
    pieces = observed(tiny(), ArrayScene(Observation(views, valid.shape)))
    assert 1 < len(pieces) <= 8 and all(piece.shape == (320, 320) for piece in pieces)
    assert all(clear(piece).mean() > 0.15 for piece in pieces)


def test_holes_are_neither_learnt_nor_filled(case: Case) -> None:
    views, hole = dict(case.obs.views), Window(10, 60, 20, 30)
    for role in ("optical", "sar"):
        valid = views[role].valid.copy()
        valid[hole.slices] = False
        data = np.where(valid, views[role].data, 0)
        views[role] = replace(views[role], valid=valid, data=fill(data, valid, 40))
        hole = Window(80, 20, 12, 12)
    found = adapt(tiny(), ArrayScene(replace(case.obs, views=views)), steps=2, threads=1)
    assert np.isfinite(found.before["ergas"])


def test_what_it_lacks_is_said(case: Case) -> None:
    with pytest.raises(MethodError, match="`adapt=True`"):
        tiny().check(case.obs, case.obs.shape)
    bare = replace(case.obs, views={role: case.obs[role] for role in ("optical", "cloud")})
    with pytest.raises(MethodError, match="`sar=FILE`"):
        adapt(tiny(), ArrayScene(bare), steps=1)
    dark = {**case.obs.views, "cloud": cloud_view(np.ones(case.obs.shape, bool))}
    with pytest.raises(InputError, match="clear"):
        adapt(tiny(), ArrayScene(replace(case.obs, views=dark)), steps=1)
    odd = tiny().fresh(replace(case.obs, views={**case.obs.views, "sar": case.obs["sar"]}))
    two = replace(case.obs["optical"], data=case.obs["optical"].data[:2], bands=case.obs["optical"].bands[:2])
    with pytest.raises(MethodError, match="2 bands"):
        odd.check(replace(case.obs, views={**case.obs.views, "optical": two}), case.obs.shape)


def test_python_adapts_and_keeps_the_weights(case: Case, tmp_path: Path) -> None:
    optical, sar, mask = (case.obs[role].data for role in ("optical", "sar", "cloud"))
    path = tmp_path / "own.safetensors"
    found = earthloom.decloud(optical, sar, mask, method="cf2n", adapt_steps=60, save_weights=path, threads=1, **TINY)
    header = weights.read_header(path)
    assert header.method == "cloud_removal/cf2n" and header.sizes["guide"] == 6 and header.sizes["extra"] == 1
    again = earthloom.decloud(optical, sar, mask, method="cf2n", weights=str(path), threads=1)
    np.testing.assert_allclose(again, found, rtol=1e-5)
    with pytest.raises(MethodError, match="nothing to adapt"):
        earthloom.decloud(optical, sar, mask, method="inpaint", adapt_steps=1)


def test_a_bare_name_means_pansharpening() -> None:
    assert problem_and_name("cf2n") == ("pansharpening", "cf2n") and problem_and_name("cloud_removal/cf2n") == (
        "cloud_removal",
        "cf2n",
    )
    assert problem_and_name("sar_regression")[0] == "cloud_removal"
