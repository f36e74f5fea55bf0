"""Small systems drawn to one line, against numpy's solver and by what they must obey."""

from __future__ import annotations

import numpy as np
import pytest

from earthloom.ops.ridge import drawn_lines


@pytest.mark.parametrize("predictors", [1, 2, 4, 9])
def test_they_solve_the_equations(predictors: int) -> None:
    rng = np.random.default_rng(predictors)
    samples = rng.normal(size=(50, predictors + 3, 20)) * np.logspace(0, 3, predictors + 3)[:, None]
    whole = samples @ samples.transpose(0, 2, 1) / 20
    gram, cross = whole[:, :predictors, :predictors], whole[:, :predictors, predictors:]
    pull, toward = rng.uniform(0.1, 1, predictors), rng.normal(size=(predictors, 3))
    slopes, taken = drawn_lines(gram, cross, pull, toward)
    wanted = np.linalg.solve(gram + np.diag(pull), cross + pull[:, None] * toward)
    np.testing.assert_allclose(slopes, wanted.transpose(2, 1, 0), rtol=1e-6, atol=1e-9)
    off = 2 * (wanted * cross).sum(1) - np.einsum("ngb,ngh,nhb->nb", wanted, gram, wanted)
    np.testing.assert_allclose(taken, off.T, rtol=1e-6, atol=1e-6)


def test_nothing_seen_gives_the_line_that_they_are_drawn_to() -> None:
    toward = np.array([[1.0, 2.0], [3.0, 4.0]])
    slopes, taken = drawn_lines(np.zeros((5, 2, 2)), np.zeros((5, 2, 2)), np.array([1e-3, 1e-3]), toward)
    np.testing.assert_allclose(slopes, np.broadcast_to(toward.T[:, :, None], (2, 2, 5)))
    np.testing.assert_array_equal(taken, 0)


def test_predictors_that_are_alike_do_not_blow_up() -> None:
    gram = np.ones((1, 3, 3)) * 1e6
    slopes, _ = drawn_lines(gram, np.full((1, 3, 1), 1e6), np.full(3, 1e-3), np.zeros((3, 1)))
    np.testing.assert_allclose(slopes[0, :, 0], 1 / 3, rtol=1e-3)
