"""Laws of the operators: adjoints, constants, positions, merging."""

from __future__ import annotations

from functools import reduce as fold

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError
from earthloom.ops.banded import apply, compose, sampled, separable, stationary
from earthloom.ops.fill import fill
from earthloom.ops.moments import Lowest, Moments
from earthloom.physics import forward, mtf, resample
from earthloom.physics.shift import fit_shift, moved
from earthloom.prepare.registering import measure
from earthloom.problems.pansharpening import Pansharpening
from earthloom.types import Band, Observation, Ratio, View, Window, coarse_window

from ..contract.conftest import make_scene

RATIOS = st.sampled_from([2.0, 2.5, 3.0, 4.0, 4.0002, 5.0, 6.0, 8.0])


def empty_scene(fine: tuple[int, int], coarse: tuple[int, int], ratio: float, offset: float) -> Observation:
    ms = View(np.zeros((2, *coarse)), np.ones(coarse, bool), (Band("a"), Band("b")), (ratio,) * 2, (offset,) * 2)
    return Observation({"ms": ms}, fine)


@settings(max_examples=25, deadline=None)
@given(RATIOS, st.floats(-1, 4), st.floats(0.1, 0.6), st.integers(0, 999))
def test_adjoint_of_the_forward_model(ratio: float, offset: float, gain: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    obs = empty_scene((41, 37), (int(41 / ratio), int(37 / ratio)), ratio, offset)
    x, y = rng.normal(size=(2, 41, 37)), rng.normal(size=(2, *obs["ms"].shape))
    left = (forward.reduce(obs, x, gain) * y).sum()
    right = (x * forward.reduce_adjoint(obs, y, gain)).sum()
    assert left == pytest.approx(right, rel=1e-10, abs=1e-10)


@settings(max_examples=25, deadline=None)
@given(RATIOS, st.floats(-2, 5))
def test_constants_stay_constant(ratio: float, offset: float) -> None:
    obs = empty_scene((45, 50), (int(45 / ratio), int(50 / ratio)), ratio, offset)
    flat = np.full((2, 45, 50), 7.5)
    np.testing.assert_allclose(forward.reduce(obs, flat, 0.3), 7.5, rtol=1e-12)
    np.testing.assert_allclose(forward.expand(obs, np.full((2, *obs["ms"].shape), 7.5)), 7.5, rtol=1e-12)


@pytest.mark.parametrize("ratio,offset", [(2.0, 0.5), (4.0, 1.5), (3.0, 1.0), (2.5, 0.75), (2.0, 0.0), (6.0, 2.5)])
def test_a_smooth_image_goes_down_and_up_in_place(ratio: float, offset: float) -> None:
    """A plane is where it was: blur, sampling and interpolation shift nothing (ripple of 3 % of a coarse step)."""
    obs = empty_scene((96, 96), (int(96 / ratio), int(96 / ratio)), ratio, offset)
    y, x = np.mgrid[:96, :96].astype(float)
    plane = np.stack([3 * y + x, 5 - 2 * x])
    back = forward.expand(obs, forward.reduce(obs, plane, 0.3))
    inner = slice(40, 56)
    error = (back - plane)[:, inner, inner] / np.array([3, 2])[:, None, None]  # fine pixels
    assert np.abs(error.mean(axis=(1, 2))).max() < 0.01
    assert np.abs(error).max() < 0.03 * ratio


@pytest.mark.parametrize("gain", [0.1, 0.22, 0.3, 0.5])
@pytest.mark.parametrize("ratio", [2, 3, 4, 6])
def test_gaussian_has_the_gain_of_the_sensor_at_nyquist(gain: float, ratio: int) -> None:
    op = resample.gaussian(9, 40 * ratio, float(ratio), 15.0 * ratio, mtf.sigma_px(gain, ratio))
    taps, at = op.weight[4], op.index[4] - (15 + 4) * ratio
    assert (taps * np.cos(np.pi * at / ratio)).sum() == pytest.approx(gain, abs=3e-3)
    assert taps.sum() == pytest.approx(1, abs=1e-14)
    with pytest.raises(InputError, match="between 0 and 1"):
        mtf.sigma_px(1.2, ratio)


def test_interp23_at_ratio_8_is_8_and_6_is_6() -> None:
    image = np.random.default_rng(0).normal(size=(1, 10, 12))
    assert resample.interp23(image, 8).shape == (1, 80, 96)
    np.testing.assert_allclose(resample.interp23(image, 8)[:, 4::8, 4::8], image, atol=1e-9)  # samples stay samples
    assert resample.interp23(image, 6).shape == (1, 60, 72)
    np.testing.assert_allclose(resample.interp23(np.ones((1, 8, 8)), 6), 1, atol=1e-8)
    with pytest.raises(InputError, match="even"):
        resample.interp23(image, 3)


def test_separable_and_compose_are_exact() -> None:
    kernel = mtf.toolbox_kernel(0.3, 4.0)
    total = sum(np.outer(down, along) for down, along in separable(kernel, 1e-13))
    np.testing.assert_allclose(total, kernel, atol=1e-13)
    a, b = (
        stationary(np.array([0.25, 0.5, 0.25]), 9, "symmetric"),
        stationary(np.array([0.1, 0.8, 0.1]), 9, "replicate"),
    )
    np.testing.assert_allclose(compose(a, b).matrix(), a.matrix() @ b.matrix(), atol=1e-15)


def test_apply_is_the_matrices_product() -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(size=(3, 12, 17))
    up = sampled(np.linspace(0, 11, 30), 12, lambda x: np.maximum(1 - np.abs(x), 0), 1.0)
    down = sampled(np.linspace(0, 16, 6), 17, lambda x: np.exp(-(x**2)), 3.0)
    expected = up.matrix() @ image @ down.matrix().T
    np.testing.assert_allclose(apply(up, down, image), expected, atol=1e-13)
    np.testing.assert_allclose(apply(up, down, image, rows_first=True), expected, atol=1e-13)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(0, 99))
def test_statistics_do_not_depend_on_how_they_are_cut(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [500 + 30 * rng.integers(0, 9, size=(3, n)).astype(float) for n in sizes]
    whole = np.concatenate(parts, axis=1)
    merged = fold(lambda a, b: a + b, map(Moments.of, parts))
    assert merged.count == whole.shape[1]
    if whole.shape[1] > 1:
        np.testing.assert_allclose(merged.mean, whole.mean(axis=1), rtol=1e-12)
        np.testing.assert_allclose(merged.covariance, np.cov(whole), rtol=1e-9, atol=1e-9)
        low = fold(lambda a, b: a + b, map(Lowest.of, parts))
        np.testing.assert_array_equal(low.minimum(), whole.min(axis=1))
        np.testing.assert_allclose(low.quantile(0.3), np.quantile(whole, 0.3, axis=1, method="hazen"), rtol=1e-12)


def test_moments_of_linear_maps_and_regression() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 500))
    y = 2 * x[0] - x[2] + 4
    moments = Moments.of(np.vstack([x, y[None]]))
    weights, constant = moments.regress(3, slice(0, 3))
    np.testing.assert_allclose(weights, [2, 0, -1], atol=1e-10)
    assert constant == pytest.approx(4)
    mapped = moments.combine(np.array([[1.0, 1, 0, 0]]), np.array([3.0]))
    assert mapped.mean[0] == pytest.approx((x[0] + x[1]).mean() + 3)
    assert mapped.std[0] == pytest.approx((x[0] + x[1]).std(ddof=1))


def test_fill_takes_from_what_is_near() -> None:
    y = np.mgrid[:40, :40][0].astype(float)
    image, valid = (10 * y)[None], np.ones((40, 40), bool)
    valid[18:22, 18:22] = False
    filled = fill(image, valid, 12)
    np.testing.assert_array_equal(filled[0][valid], image[0][valid])
    assert np.abs(filled[0] - image[0])[~valid].max() < 25
    assert fill(image, np.zeros((40, 40), bool), 5).max() == 0


@settings(max_examples=60, deadline=None)
@given(RATIOS, st.floats(-3, 3), st.integers(0, 60), st.integers(1, 50))
def test_coarse_windows_cover_what_is_asked(ratio: float, offset: float, first: int, count: int) -> None:
    own = coarse_window(Window(first, first, count, count), (ratio,) * 2, (offset,) * 2, (40, 40))
    assert own.y >= 0 and own.y + own.height <= 40 and own.height >= 1
    centres = np.arange(40) * ratio + offset
    needed = np.flatnonzero((centres >= first) & (centres < first + count))
    assert all(own.y <= n < own.y + own.height for n in needed)


def test_every_coarse_pixel_belongs_to_one_tile() -> None:
    obs = make_scene(ratio=3, offset=0.7, coarse=(31, 29))
    owners = np.zeros(obs["ms"].shape, int)
    for y in range(0, obs.shape[0], 20):
        for x in range(0, obs.shape[1], 20):
            core = Window(y, x, min(20, obs.shape[0] - y), min(20, obs.shape[1] - x))
            tile = obs.crop(core, 9)
            rows, cols = tile.in_core("ms")
            at = np.rint((tile["ms"].centres(0)[rows] + tile.origin[0] - 0.7) / 3).astype(int)
            over = np.rint((tile["ms"].centres(1)[cols] + tile.origin[1] - 0.7) / 3).astype(int)
            owners[np.ix_(at, over)] += 1
    inside = [np.arange(n) * 3 + 0.7 < s for n, s in zip(obs["ms"].shape, obs.shape, strict=True)]
    np.testing.assert_array_equal(owners, np.outer(*inside).astype(int))


def test_ratio_forgives_the_noise_of_a_geotransform() -> None:
    assert Ratio(4.0002) == 4
    assert Ratio(2.5) == 2.5


@pytest.mark.parametrize("dy,dx", [(0.0, 0.0), (0.6, -1.3), (5.0, 3.2), (-9.0, 2.0)])
def test_displacement_is_found(dy: float, dx: float) -> None:
    obs = make_scene(ratio=4, coarse=(60, 60))
    wrong = moved(obs, -dy, -dx)
    found = fit_shift(wrong.crop(Window(24, 24, 180, 180), 30))
    assert found is not None
    assert (found.y, found.x) == pytest.approx((dy, dx), abs=0.12)
    overall = measure(ArrayScene(wrong))
    assert overall.known
    assert (overall.y, overall.x) == pytest.approx((dy, dx), abs=0.15)


def test_displacement_of_a_flat_scene_is_not_invented() -> None:
    obs = make_scene()
    flat = Observation(
        {r: View(np.full_like(v.data, 9.0), v.valid, v.bands, v.ratio, v.offset) for r, v in obs.views.items()},
        obs.shape,
    )
    assert not measure(ArrayScene(flat)).known


@pytest.mark.parametrize("convention,offset", [("centre", 1.5), ("toolbox", 2.0)])
def test_wald_keeps_the_geometry(convention, offset: float) -> None:
    """One scale down, the same displacement is measured: none (half a PAN pixel between PAN and MS in the toolbox)."""
    obs = make_scene(ratio=4, coarse=(128, 128))
    cut = Observation(
        {
            "pan": View(obs["pan"].data[:, :504, :504], obs["pan"].valid[:504, :504], obs["pan"].bands),
            "ms": View(
                obs["ms"].data[:, :126, :126], obs["ms"].valid[:126, :126], obs["ms"].bands, (4.0, 4.0), (offset,) * 2
            ),
        },
        (504, 504),
        convention,
    )
    case = Pansharpening().degrade(cut)
    assert case.truth.shape[1:] == case.obs.shape == case.obs["pan"].shape
    assert case.obs["ms"].offset == (offset, offset)
    back = forward.expand(case.obs)
    error = np.sqrt(((back - case.truth) ** 2).mean())
    assert error < case.truth.std()
