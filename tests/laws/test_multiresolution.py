"""Laws of the multiresolution family: units, guards, tiles of the published forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.types import Observation

from ..contract.conftest import make_scene

FORMS = [
    ("sfim", {}),
    ("sfim", {"matching": "std"}),
    ("sfim", {"matching": "std", "guard": 0.0}),
    ("awlp", {}),
    ("awlp", {"matching": "std"}),
    ("mtf_glp", {}),
    ("mtf_glp", {"matching": "std"}),
    ("mtf_glp_fs", {}),
    ("mtf_glp_fs", {"regression": "plain"}),
    ("mtf_glp_hpm", {}),
    ("mtf_glp_hpm", {"matching": "std", "guard": 0.0}),
    ("mtf_glp_hpm", {"matching": "regression"}),
    ("mtf_glp_hpm", {"matching": "haze"}),
]
GUARDED = [(name, fields) for name, fields in FORMS if fields.get("guard") != 0.0 and (name, fields) != FORMS[4]]


def scaled(obs: Observation, pan: float = 1.0, ms: float = 1.0) -> Observation:
    scale = {"pan": pan, "ms": ms}
    return replace(obs, views={r: replace(v, data=v.data.astype(float) * scale[r]) for r, v in obs.views.items()})


@pytest.mark.parametrize("name,fields", FORMS)
def test_units_do_not_matter(name: str, fields: dict) -> None:
    """PAN in DN beside an MS in reflectance, or the reverse: the product is the same."""
    obs, method = make_scene(coarse=(32, 30)), catalog.make(name, **fields)
    fused = fuse_whole(method, scaled(obs))
    spread = float(np.ptp(fused))
    for pan, ms in ((1e-5, 1.0), (1e4, 1.0), (1.0, 1e-5), (1.0, 1e4)):
        np.testing.assert_allclose(fuse_whole(method, scaled(obs, pan, ms)) / ms, fused, atol=1e-6 * spread, rtol=1e-6)


@pytest.mark.parametrize("name,fields", GUARDED)
def test_odd_scenes_stay_finite_and_in_range(name: str, fields: dict) -> None:
    """Dark, negative, empty or contrary images: a guard holds, whatever the sign of a band's mean."""
    base, method = make_scene(coarse=(24, 24)), catalog.make(name, **fields)
    ms, pan = base["ms"].data, base["pan"].data
    dark = np.zeros_like(ms)
    dark[:, 10:14, 10:14] = 1
    centred = ms - ms.mean(axis=(1, 2), keepdims=True)
    for a, b in ((ms * 0, pan), (ms, pan * 0), (dark, pan), (ms - 700, pan), (-ms, pan), (ms, -pan), (centred, pan)):
        views = {"ms": replace(base["ms"], data=a), "pan": replace(base["pan"], data=b)}
        fused = fuse_whole(method, replace(base, views=views))
        assert np.isfinite(fused).all()
        assert np.abs(fused).max() <= 15 * max(float(np.abs(a).max()), 1.0)


@pytest.mark.parametrize("name,fields", FORMS)
@pytest.mark.parametrize("ratio,offset", [(4, 1.5), (3, 1.0), (2.5, 0.75), (5, 2.0)])
def test_every_form_tiles_alike(name: str, fields: dict, ratio: float, offset: float) -> None:
    obs, method = make_scene(ratio=ratio, offset=offset, coarse=(48, 40)), catalog.make(name, **fields)
    whole, tiled = fuse_whole(method, obs), fuse_array(method, ArrayScene(obs), 83)
    np.testing.assert_allclose(tiled.data, whole, atol=2e-5 * float(np.ptp(obs["ms"].data)), rtol=1e-5)


@pytest.mark.parametrize("fields", [{"matching": "std"}, {"matching": "regression"}, {"matching": "haze"}])
def test_no_guard_means_the_plain_quotient(fields: dict) -> None:
    """Where nothing is near zero the guard changes nothing."""
    obs = scaled(make_scene(coarse=(30, 30)))
    guarded, plain = (fuse_whole(catalog.make("mtf_glp_hpm", guard=g, **fields), obs) for g in (1e-3, 0.0))
    same = np.isclose(guarded, plain, rtol=1e-9, atol=0)
    assert same.mean() > 0.99
