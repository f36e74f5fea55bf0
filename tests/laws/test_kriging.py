"""Kriging from areas to points: closed forms against integrals, weights against what they must give."""

from __future__ import annotations

import numpy as np
import pytest

from earthloom.methods.families.kriging import LAGS, LagProducts, averaged, fitted, weights


@pytest.mark.parametrize(
    "distance,spread,reach", [(0, 0.5, 1), (1, 0.5, 0.3), (3, 0.4, 2), (2, 0.6, 0.25), (6, 0.8, 16)]
)
def test_a_blurred_covariance_is_the_mean_over_the_blur(distance: float, spread: float, reach: float) -> None:
    z = spread * np.linspace(-9, 9, 200001)
    density = np.exp(-0.5 * (z / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    wanted = np.trapezoid(np.exp(-np.abs(distance + z) / reach) * density, z)
    np.testing.assert_allclose(averaged(np.array([float(distance)]), spread, reach)[0], wanted, rtol=1e-6)


def test_without_a_blur_it_is_the_covariance_of_points() -> None:
    np.testing.assert_allclose(averaged(np.array([-2.0, 0, 3]), 0.0, 1.5), np.exp(-np.array([2, 0, 3]) / 1.5))


@pytest.mark.parametrize("reach,noise", [(0.8, 0.0), (3.0, 0.0), (3.0, 0.4)])
def test_points_are_found_whose_means_have_the_covariances(reach: float, noise: float) -> None:
    lags = np.arange(LAGS + 1.0)
    along = averaged(lags, 0.5 * np.sqrt(2), reach)
    seen = 7 * along * along[0]
    seen[0] += noise
    found = fitted(seen, 0.5)
    assert found.range_px == pytest.approx(reach, rel=0.12)  # ranges are tried 11 % apart
    assert found.variance == pytest.approx(7, rel=0.15)


def test_kriged_values_averaged_over_the_blur_are_what_was_seen() -> None:
    """Without noise, and all coarse pixels taking part, kriging honours its data."""
    ratio, blur, size = 40, 0.5, 9
    fine = ratio * size
    op = weights(fine, size, float(ratio), (ratio - 1) / 2, blur, 2.0, 0.0, 8).matrix()
    coarse = np.random.default_rng(2).normal(size=size)
    at = (np.arange(fine) - (ratio - 1) / 2) / ratio
    for pixel in (3, 4, 5):  # whose blur lies inside
        share = np.exp(-0.5 * ((at - pixel) / blur) ** 2)
        assert (share / share.sum()) @ op @ coarse == pytest.approx(
            coarse[pixel], abs=5e-3
        )  # a share of 1e-4 counts as noise


def test_noise_is_smoothed() -> None:
    ones = [weights(40, 10, 4.0, 1.5, 0.5, 2.0, noise, 3).matrix().sum(axis=1)[20] for noise in (0.0, 1.0)]
    assert 0.9 < ones[0] < 1.1 and ones[1] < ones[0] - 0.1


def test_products_of_neighbours_do_not_depend_on_tiles() -> None:
    rng = np.random.default_rng(5)
    rest, seen = rng.normal(size=(2, 30, 25)), rng.random((30, 25)) > 0.1
    whole = LagProducts.of(rest, seen, slice(0, 30), slice(0, 25))
    parts = [
        LagProducts.of(rest, seen, slice(*rows), slice(*cols))
        for rows in ((0, 11), (11, 30))
        for cols in ((0, 9), (9, 25))
    ]
    total = parts[0] + parts[1] + parts[2] + parts[3]
    np.testing.assert_allclose(total.total, whole.total)
    np.testing.assert_array_equal(total.count, whole.count)
    pairs = rest[:, :, :-2] * rest[:, :, 2:] * (seen[:, :-2] & seen[:, 2:])
    down = rest[:, :-2] * rest[:, 2:] * (seen[:-2] & seen[2:])
    np.testing.assert_allclose(whole.total[:, 2], pairs.sum((1, 2)) + down.sum((1, 2)))
