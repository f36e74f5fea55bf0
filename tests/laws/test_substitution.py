"""Laws of component substitution: units, guards, tiles, and the algebra underneath."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.families.substitution import direction, in_pan_units
from earthloom.ops.modulate import modulate
from earthloom.ops.moments import Moments
from earthloom.ops.nonnegative import nonnegative
from earthloom.physics.coarser import coarser
from earthloom.types import Band, Observation

from ..contract.conftest import make_scene

METHODS = ("brovey", "gs", "pca", "bt_h", "bdsd_pc", "pracs")
PUBLISHED = {
    "brovey": {"weights": "mean", "detail": "substitution", "gain": "equal"},
    "gs": {"weights": "mean", "detail": "substitution", "gain": "global"},
    "pca": {"components": 1, "detail": "substitution"},
    "bt_h": {"haze": "published", "detail": "substitution"},
    "bdsd_pc": {"published": True},
    "pracs": {"detail": "substitution"},
}


def in_float64(obs: Observation, pan: float = 1.0, ms: float = 1.0) -> Observation:
    scale = {"pan": pan, "ms": ms}
    return replace(obs, views={r: replace(v, data=v.data.astype(float) * scale[r]) for r, v in obs.views.items()})


@pytest.mark.parametrize("seed", range(12))
def test_nonnegative_equals_scipy(seed: int) -> None:
    from scipy.optimize import nnls

    rng = np.random.default_rng(seed)
    a = rng.normal(size=(60, 9)) @ rng.normal(size=(9, 9)) + rng.normal(size=(60, 1))
    if seed % 3 == 0:
        a[:, 4] = a[:, 2]  # two columns alike
    y = a @ rng.normal(size=9) + rng.normal(size=60)
    x = nonnegative(a.T @ a, a.T @ y)
    assert x.min() >= 0
    np.testing.assert_allclose(a @ x, a @ nnls(a, y)[0], atol=1e-8)
    signs = np.where(np.arange(9) % 2, 1.0, -1.0)
    z = nonnegative(a.T @ a, a.T @ y, signs)
    assert (signs * z).min() >= 0
    np.testing.assert_allclose(a @ z, a * signs @ nnls(a * signs, y)[0], atol=1e-8)


def test_nonnegative_without_variance_is_zero() -> None:
    np.testing.assert_array_equal(nonnegative(np.zeros((3, 3)), np.zeros(3)), np.zeros(3))
    np.testing.assert_allclose(nonnegative(np.diag([4.0, 0.0]), np.array([2.0, 0.0])), [0.5, 0.0])


def test_modulate_by_hand() -> None:
    bands = np.array([[[2.0, 4.0]], [[6.0, 0.0]]])
    out = modulate(bands, np.array([[2.0, 1.0]]), np.array([0.5, 0.5]), 0.0, np.array([1.0, 0.5]), np.ones(2), 0.1)
    np.testing.assert_allclose(out, [[[2.5, 5.5]], [[7.25, 0.0]]])  # ratios 2 / 4 and 1 / 2, above a haze of 1
    wild = modulate(np.full((1, 1, 1), 5.0), np.full((1, 1), 1e9), np.zeros(1), 0.0, np.ones(1), None, 1e-6)
    assert wild[0, 0, 0] == 50.0  # at most tenfold


def test_coarser_adds_up_in_variance() -> None:
    """A wave seen by the coarser sensor has that sensor's transfer once the MS sensor's is divided out."""
    obs = make_scene(ratio=2, coarse=(64, 64), bands=1)
    wave = np.cos(2 * np.pi * np.arange(64) / 8)[None, None] * np.ones((1, 64, 1))
    got = np.ptp(coarser(obs, wave, [0.3])[0, 32, 16:48]) / 2
    expected = 0.3 ** ((1 / 8) ** 2 / (1 / 4) ** 2) / 0.3 ** ((1 / 8) ** 2 / (1 / 2) ** 2)
    assert got == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_units_do_not_matter(name: str) -> None:
    """PAN in other units changes nothing, MS in other units changes the product alike."""
    obs = make_scene(coarse=(32, 30))
    method = catalog.make(name)
    fused = fuse_whole(method, in_float64(obs))
    np.testing.assert_allclose(fuse_whole(method, in_float64(obs, pan=1e-3)), fused, rtol=1e-6)
    np.testing.assert_allclose(fuse_whole(method, in_float64(obs, ms=1e-4)), fused * 1e-4, rtol=1e-6)


@pytest.mark.parametrize("fields", [{}, PUBLISHED], ids=["default", "published"])
@pytest.mark.parametrize("name", METHODS)
def test_odd_scenes_stay_finite_and_in_range(name: str, fields: dict) -> None:
    """Dark, negative, empty or contrary images: no division runs away."""
    method = catalog.make(name, **fields.get(name, {}))
    base = make_scene(coarse=(24, 24))
    ms, pan = base["ms"].data, base["pan"].data
    dark = np.zeros_like(ms)
    dark[:, 10:14, 10:14] = 1.0
    cases = [
        (ms * 0, pan),
        (ms, pan * 0),
        (dark, pan),
        (ms - 700, pan),
        (ms, -pan),
        (ms * [[[1]], [[0]], [[0]], [[1]]], pan),
    ]
    for new_ms, new_pan in cases:
        views = {
            "ms": replace(base["ms"], data=new_ms.astype(np.float32)),
            "pan": replace(base["pan"], data=new_pan.astype(np.float32)),
        }
        fused = fuse_whole(method, replace(base, views=views))
        assert np.isfinite(fused).all()
        if not fields:
            assert np.abs(fused).max() <= 12 * max(np.abs(new_ms).max(), 1.0)


@pytest.mark.parametrize("name", METHODS)
def test_published_form_tiles_alike(name: str) -> None:
    obs = make_scene(coarse=(60, 50))
    method = catalog.make(name, **PUBLISHED[name])
    tiled = fuse_array(method, ArrayScene(obs), 97)
    np.testing.assert_allclose(
        tiled.data, fuse_whole(method, obs), atol=2e-5 * float(np.ptp(obs["ms"].data)), rtol=1e-5
    )


@pytest.mark.parametrize("name", METHODS)
def test_a_band_unlike_pan_is_left_alone(name: str) -> None:
    """Noise that PAN knows nothing of gets next to none of PAN's detail."""
    obs = make_scene(coarse=(60, 60), bands=3)
    ms = obs["ms"].data.copy()
    ms[2] = np.random.default_rng(0).normal(800, 100, ms[2].shape)
    obs = replace(obs, views={**obs.views, "ms": replace(obs["ms"], data=ms)})
    fused, plain = (fuse_whole(catalog.make(n), obs) for n in (name, "exp"))
    added = (fused - plain).astype(float)
    detail = np.diff(obs["pan"].data[0].astype(float), axis=0).ravel()
    slope = [float(np.diff(a, axis=0).ravel() @ detail) for a in added]
    assert abs(slope[2]) < 0.15 * slope[0]


def test_weights_of_the_intensity() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 500)) * 10 + 100
    moments = Moments.of(np.vstack([x, 0.7 * x[:1] + 0.2 * x[1:2] - 0.4 * x[2:] + 5]))
    obs = make_scene(bands=3)
    weights, constant = direction(obs, moments, "regression")
    assert weights[2] == 0 and weights[0] == pytest.approx(0.7, abs=0.05)
    assert weights @ moments.mean[:3] + constant == pytest.approx(moments.mean[3])
    np.testing.assert_allclose(in_pan_units(moments, weights)[0], weights, rtol=1e-9)
    np.testing.assert_allclose(direction(obs, moments, "mean")[0], 1 / 3)
    np.testing.assert_allclose(direction(obs, moments, "response")[0], weights)  # wavelengths are unknown
    np.testing.assert_allclose(direction(obs, moments, (1.0, 2.0, 3.0))[0], [1, 2, 3])
    with pytest.raises(MethodError, match="2 weights"):
        direction(obs, moments, (1.0, 2.0))


def test_response_weights_follow_the_wavelengths() -> None:
    obs = make_scene(bands=3)
    bands = (Band("green", 560, 60), Band("red", 660, 60), Band("swir", 1600, 100))
    views = {
        "pan": replace(obs["pan"], bands=(Band("pan", 650, 200),)),
        "ms": replace(obs["ms"], bands=bands),
    }
    weights, _ = direction(replace(obs, views=views), Moments.of(np.zeros((4, 5))), "response")
    assert weights.sum() == pytest.approx(1)
    assert weights[1] > weights[0] > weights[2]
    assert weights[2] < 1e-6


def test_fields_are_checked() -> None:
    with pytest.raises(MethodError, match="exactly one"):
        catalog.make("pca", components=2, detail="substitution")
