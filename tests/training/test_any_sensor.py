"""The pansharpening network for any sensor: what it begins as, what it serves, how it does on what it never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network
from earthloom.methods.pansharpening.hpm_cnn import STEPS
from earthloom.methods.wrappers.refined import refined
from earthloom.training.adapt import adapt
from earthloom.types import Observation

from ..contract.conftest import make_scene, method_for


def network(**fields: object) -> Network:
    found = catalog.make("hpm_cnn", **fields)
    assert isinstance(found, Network)
    return found


def spread(obs: Observation) -> float:
    return float(np.ptp(obs["ms"].data))


@pytest.mark.parametrize(
    "ratio,convention", [(2, "centre"), (3, "centre"), (4, "toolbox"), (6, "centre"), (4.0002, "centre")]
)
def test_a_fresh_network_is_the_refined_pyramid(ratio: float, convention: str) -> None:
    offset = ratio / 2 if convention == "toolbox" else None
    obs = replace(make_scene(ratio, offset, (30, 26)), convention=convention)
    if convention == "toolbox":  # whose grids nest
        pan = obs["pan"]
        shape = tuple(4 * n for n in obs["ms"].shape)
        data = np.pad(pan.data, ((0, 0), *((0, n - had) for n, had in zip(shape, obs.shape, strict=True))), mode="edge")
        obs = replace(obs, views={**obs.views, "pan": replace(pan, data=data, valid=np.ones(shape, bool))}, shape=shape)
    pyramid = fuse_whole(refined(catalog.make("mtf_glp_hpm"), STEPS), obs)
    found = fuse_whole(network().fresh(obs), obs)
    np.testing.assert_allclose(found, pyramid, atol=2e-5 * spread(obs), rtol=2e-5)


def test_bands_come_out_alike_in_any_order() -> None:
    obs = make_scene(bands=5)
    method, ms = method_for("hpm_cnn", obs), obs["ms"]
    order = [3, 0, 4, 1, 2]
    turned = replace(ms, data=np.ascontiguousarray(ms.data[order]), bands=tuple(ms.bands[at] for at in order))
    found = fuse_whole(method, obs)
    assert np.abs(found - fuse_whole(network().fresh(obs), obs)).max() > 1e-3 * spread(obs)
    other = fuse_whole(method, replace(obs, views={**obs.views, "ms": turned}))
    np.testing.assert_allclose(other, found[order], atol=1e-3 * spread(obs))


def test_the_same_numbers_in_other_units_give_the_same_product() -> None:
    obs = make_scene()
    method = method_for("hpm_cnn", obs)
    small = {role: replace(view, data=view.data * np.float32(1e-4)) for role, view in obs.views.items()}
    found = fuse_whole(method, replace(obs, views=small)) * 1e4
    np.testing.assert_allclose(found, fuse_whole(method, obs), atol=2e-3 * spread(obs))


def test_one_band_will_do() -> None:
    obs = make_scene(bands=1)
    found = fuse_whole(method_for("hpm_cnn", obs), obs)
    assert found.shape == (1, *obs.shape) and np.isfinite(found).all()


def test_adapting_is_never_worse_by_its_own_figures() -> None:
    obs = make_scene(coarse=(80, 72))
    found = adapt(network(width=8, blocks=1).fresh(obs), ArrayScene(obs), steps=40, threads=1, device="cpu")
    assert set(found.before) == {"ergas", "consistency"}
    if found.kept:
        assert found.after["ergas"] < found.before["ergas"]
        assert found.after["consistency"] <= found.before["consistency"]
    else:
        assert found.after == found.before
