"""CNMF beyond the common contract: what it recovers, its conditions, odd scenes, and a real hyperspectral image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.families.unmixing import abundances, factorise, start
from earthloom.methods.pansharpening.cnmf import Cnmf
from earthloom.metrics import ergas, sam_deg
from earthloom.physics.forward import reduce
from earthloom.types import Band, Observation, View

from .conftest import make_scene


def with_data(obs: Observation, ms: np.ndarray, pan: np.ndarray) -> Observation:
    views = {"ms": replace(obs["ms"], data=ms), "pan": replace(obs["pan"], data=pan)}
    return replace(obs, views=views)


def santa_barbara(shared: Path, ratio: int) -> tuple[Observation, np.ndarray]:
    """AVIRIS without its empty bands, MS by the sensor model, PAN as the mean of the visible bands."""
    from scipy.io import loadmat

    file = shared / "data/hyperspectral/aviris_santa_barbara/a_hsi_img_for_VI_demo.mat"
    if not file.is_file():
        pytest.skip(f"{file.name} is not there")
    content = loadmat(file)
    cube, nm = np.moveaxis(content["hsi_img"].astype(float), 2, 0), content["wavelengths"].ravel()
    kept = cube.any(axis=(1, 2))
    side = 90 // ratio * ratio
    truth, nm = np.ascontiguousarray(cube[kept, :side, :side]), nm[kept]
    pan = truth[(nm > 400) & (nm < 700)].mean(axis=0, keepdims=True)
    small = (side // ratio,) * 2
    bands = tuple(Band(f"{w:.0f} nm", float(w)) for w in nm)
    empty = View(
        np.zeros((len(nm), *small)), np.ones(small, bool), bands,
        (float(ratio), float(ratio)), ((ratio - 1) / 2, (ratio - 1) / 2),
    )  # fmt: skip
    obs = Observation({"pan": View(pan, np.ones((side, side), bool), (Band("pan"),)), "ms": empty}, (side, side))
    return with_data(obs, reduce(obs, truth, [b.mtf_nyquist for b in bands]), pan), truth


@pytest.mark.parametrize("fields", [{}, {"residual": False}], ids=["default", "published"])
@pytest.mark.parametrize("ratio", [3, 4])
def test_beats_exp_on_a_real_image(shared: Path, ratio: int, fields: dict) -> None:
    obs, truth = santa_barbara(shared, ratio)
    fused, plain = fuse_whole(Cnmf(**fields), obs), fuse_whole(catalog.make("exp"), obs)
    assert float(ergas(fused, truth, ratio)) < 0.85 * float(ergas(plain, truth, ratio))
    assert float(sam_deg(fused, truth)) < 0.96 * float(sam_deg(plain, truth))


def test_start_finds_the_pure_pixels() -> None:
    rng = np.random.default_rng(0)
    pure = rng.random((30, 4)) + 0.1
    share = rng.dirichlet(np.ones(4), 200).T * 0.9 + 0.025  # nowhere pure ...
    seen = pure @ share
    seen[:, [7, 50, 90, 160]] = pure  # ... but at four pixels
    found = start(seen, 4)
    assert {int(np.argmin(((pure - one[:, None]) ** 2).sum(axis=0))) for one in found.T} == {0, 1, 2, 3}
    np.testing.assert_allclose(np.sort(found, axis=1), np.sort(pure, axis=1))


def test_start_stops_when_nothing_is_left() -> None:
    one = np.outer(np.arange(1.0, 6.0), np.linspace(1, 2, 9))
    assert start(one, 5).shape == (5, 1)
    assert start(np.zeros((5, 9)), 5).shape == (5, 1)


def test_updates_descend_and_keep_the_conditions() -> None:
    rng = np.random.default_rng(1)
    pure, share = rng.random((20, 3)) + 0.1, rng.dirichlet(np.ones(3), 5000).T
    seen = pure @ share
    guess = np.full_like(share, 1 / 3)
    error = [np.square(seen - pure @ abundances(seen, pure, guess, steps, 1.0)).sum() for steps in (0, 1, 5, 40, 400)]
    assert (np.diff(error) < 0).all()
    found = abundances(seen, pure, guess, 20000, 1.0)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-3)
    np.testing.assert_allclose(found, share, atol=0.02)
    spectra, _ = factorise(seen, pure * rng.uniform(0.8, 1.2, pure.shape), guess, 50, 20, 1.0)
    assert spectra.min() >= 0


def test_one_row_takes_the_short_way_to_the_same_result() -> None:
    rng = np.random.default_rng(2)
    row, seen, share = rng.random((1, 6)) + 0.1, rng.random((1, 300)) + 0.1, rng.random((6, 300)) + 0.1
    weight, expected = 0.5 * float((row**2).mean()), share
    for _ in range(7):
        expected = expected * (row.T @ seen + weight) / ((row.T @ row + weight) @ expected)
    np.testing.assert_allclose(abundances(seen, row, share, 7, 0.5), expected, rtol=1e-12)


def test_residual_makes_it_agree_with_what_was_seen() -> None:
    obs = make_scene(coarse=(40, 36), bands=6)
    gains, spread = [b.mtf_nyquist for b in obs["ms"].bands], float(np.ptp(obs["ms"].data))

    def error(image: np.ndarray) -> float:
        return float(np.sqrt(np.mean((reduce(obs, image, gains) - obs["ms"].data) ** 2))) / spread

    plain, raw = fuse_whole(catalog.make("exp"), obs), fuse_whole(Cnmf(residual=False), obs)
    assert error(fuse_whole(Cnmf(), obs)) < min(error(plain), error(raw))


@pytest.mark.parametrize("fields", [{}, {"residual": False}], ids=["default", "published"])
@pytest.mark.parametrize("pan,ms", [(1e-10, 1.0), (1.0, 1e-10), (1e4, 1e-4)])
def test_units_do_not_matter(pan: float, ms: float, fields: dict) -> None:
    obs = make_scene(coarse=(24, 26))
    a, b = (obs[role].data.astype(float) for role in ("ms", "pan"))
    fused = fuse_whole(Cnmf(**fields), with_data(obs, a, b))
    other = fuse_whole(Cnmf(**fields), with_data(obs, a * ms, b * pan))
    np.testing.assert_allclose(other / ms, fused, rtol=1e-6)


@pytest.mark.parametrize("level,pan", [(100.0, 700.0), (100.0, 0.0), (1e-3, 0.2), (0.0, 700.0)])
@pytest.mark.parametrize("residual", [True, False])
def test_flat_stays_flat(level: float, pan: float, residual: bool) -> None:
    obs = make_scene(coarse=(20, 20))
    flat = np.broadcast_to(level * np.arange(1.0, 5.0)[:, None, None], obs["ms"].data.shape).astype(np.float32)
    fused = fuse_whole(Cnmf(residual=residual), with_data(obs, flat, np.full_like(obs["pan"].data, pan)))
    np.testing.assert_allclose(fused, np.broadcast_to(flat[:, :1, :1], fused.shape), rtol=1e-3, atol=1e-9)


def test_odd_scenes_stay_finite_and_in_range() -> None:
    obs = make_scene(coarse=(24, 24))
    ms, pan = obs["ms"].data, obs["pan"].data
    dark = np.zeros_like(ms)
    dark[:, 10:14, 10:14] = 1
    for a, b in ((ms * 0, pan), (ms, pan * 0), (dark, pan), (ms - 700, pan), (-ms, pan), (ms, -pan)):
        fused = fuse_whole(Cnmf(), with_data(obs, a, b))
        assert np.isfinite(fused).all()
        assert np.abs(fused).max() <= 12 * max(float(np.abs(a).max()), 1.0)


@pytest.mark.parametrize("bands", [2, 5, 60])
@pytest.mark.parametrize("ratio", [2, 2.5, 3, 5])
def test_any_bands_and_ratio(bands: int, ratio: float) -> None:
    obs = make_scene(bands=bands, ratio=ratio, coarse=(16, 14))
    assert np.isfinite(fuse_whole(Cnmf(), obs)).all()


def test_missing_pixels_stay_missing() -> None:
    obs = make_scene(coarse=(40, 40))
    valid = obs["pan"].valid.copy()
    valid[50:70, 60:90] = False
    pan = replace(obs["pan"], valid=valid, data=np.where(valid, obs["pan"].data, 0))
    product = fuse_array(Cnmf(), ArrayScene(replace(obs, views={**obs.views, "pan": pan})))
    np.testing.assert_array_equal(product.valid, valid)
    assert np.isfinite(product.data[:, valid]).all()
    assert product.data[:, valid].max() < 3 * float(obs["ms"].data.max())
