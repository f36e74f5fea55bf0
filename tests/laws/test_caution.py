"""Caution, samples and trees: what a prediction explains of the detail, and samples that do not depend on tiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthloom.methods.families.caution import DetailShare, cautious, share_explained
from earthloom.methods.families.forests import Sample, grown, keys_of
from earthloom.methods.families.trees import Forest
from earthloom.methods.sharpening.dms import Dms
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand
from earthloom.types import Window
from tests.contract.test_sharpening import make_scene


def test_a_prediction_that_holds_all_the_detail_is_believed_and_one_that_holds_none_is_not() -> None:
    obs = make_scene()
    coarse = obs["coarse"].data.astype(np.float64)
    level = coarse + 50  # its level is nobody's business
    np.testing.assert_allclose(share_explained(obs, [0, 1, 2], level, 1.0), 1, atol=1e-9)
    flat = np.zeros_like(coarse)
    np.testing.assert_allclose(share_explained(obs, [0, 1, 2], flat, 1.0), 0, atol=1e-9)
    assert share_explained(obs, [1], -coarse[1:2], 1.0).max() == 0
    np.testing.assert_array_equal(DetailShare.of(obs, [0, 1], level[:2]).trust, 1)
    np.testing.assert_array_equal(DetailShare.of(obs, [0, 1], flat[:2]).trust, 0)


def test_half_of_the_detail_counts_for_three_quarters() -> None:
    """What is left of it is a half, a quarter of its squares."""
    obs = make_scene()
    coarse = obs["coarse"].data[:1].astype(np.float64)
    np.testing.assert_allclose(share_explained(obs, [0], 0.5 * coarse, 1.0), 0.75, atol=1e-6)


def test_shares_of_a_scene_merge() -> None:
    obs = make_scene()
    predicted = 0.7 * obs["coarse"].data[:2].astype(np.float64)
    halves = [replace(obs, core=Window(y, 0, 58 if y else 59, obs.shape[1])) for y in (0, 59)]
    merged = DetailShare.of(halves[0], [0, 1], predicted) + DetailShare.of(halves[1], [0, 1], predicted)
    whole = DetailShare.of(obs, [0, 1], predicted)
    np.testing.assert_allclose(merged.left, whole.left)
    np.testing.assert_allclose(merged.whole, whole.whole)


def test_a_share_of_0_leaves_the_interpolated_bands() -> None:
    obs = make_scene()
    image = np.random.default_rng(1).normal(size=(3, *obs.shape)).astype(np.float32)
    plain = expand(obs, role="coarse")
    np.testing.assert_array_equal(cautious(obs, image, np.zeros((3, 60, 46))), plain)
    np.testing.assert_allclose(cautious(obs, image, np.ones((3, 60, 46))), image, atol=1e-3)


def sample(count: int, seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 2**63, count).astype(np.uint64)
    x = rng.uniform(-1, 1, (2, count))
    return Sample(keys, x, np.where(x[0] > 0, 3 + x[1], -2 * x[1])[None], np.ones((2, count)), 900)


def test_samples_are_the_same_in_any_order_and_bounded() -> None:
    one, two, three = (sample(500, seed) for seed in (1, 2, 3))
    left, right = (one + two) + three, three + (two + one)
    assert len(left.keys) == 900 and (np.diff(left.keys.astype(float)) >= 0).all()
    for name in ("keys", "features", "targets", "uneven"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


def test_places_have_the_same_keys_in_every_tile() -> None:
    obs = make_scene(ratio=2.5, offset=0.75, coarse=(40, 40))
    tile = obs.crop(Window(30, 20, 40, 40), 10)
    ratio, offset = tile["coarse"].ratio, tile["coarse"].offset
    first = [round((offset[a] + tile.origin[a] - 0.75) / ratio[a]) for a in (0, 1)]
    own = keys_of(tile, "coarse")
    rows, cols = own.shape
    whole = keys_of(obs, "coarse")
    assert len(np.unique(whole)) == whole.size
    np.testing.assert_array_equal(own, whole[first[0] : first[0] + rows, first[1] : first[1] + cols])


def test_trees_find_what_no_line_does() -> None:
    pytest.importorskip("sklearn")
    known, fresh = sample(900, 4), sample(400, 5)
    forest = grown(known, 8, 20, 1.0)
    error = forest(fresh.features) - fresh.targets
    assert np.sqrt((error**2).mean()) < 0.2 * fresh.targets.std()
    assert grown(known, 8, 20, 1.0) is forest  # grown once


def test_a_forest_is_walked_as_it_is_written() -> None:
    """Two stumps: one splits the first feature at 1 and says lines, the other always says 10."""
    zero = np.zeros((4, 1))
    forest = Forest(
        np.array([0, 3]), np.array([0, -1, -1, -1]), np.array([1.0, 0, 0, 0]), np.array([1, 0, 0, 0]),
        np.array([2, 0, 0, 0]), np.array([[0.0], [2], [4], [10]]),
        np.array([[[0, 0]], [[1, 0]], [[0, 5]], [[0, 0]]], float),
        zero - 3, zero + 11,
    )  # fmt: skip
    at = np.array([[0.5, 2, 1, 2], [9, 1, 9, 7]])
    first, second = np.array([2.5, 9, 3, 11]), np.full(4, 10.0)  # the last is held at the highest
    np.testing.assert_allclose(forest(at)[0], (first + second) / 2)
    np.testing.assert_allclose(forest(at, np.array([1, 2, 0, 1], np.uint64))[0], [2.5, 10, 6.5, 11])


def test_a_scene_without_anything_to_learn_from_is_left_interpolated() -> None:
    pytest.importorskip("sklearn")
    obs = make_scene()
    fine = obs["fine"]
    obs = replace(obs, views={**obs.views, "fine": replace(fine, valid=np.zeros_like(fine.valid))})
    method = Dms(redistribute=0)
    stats: Stats | None = None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    assert stats is not None
    np.testing.assert_allclose(method.fuse(obs, stats), expand(obs, role="coarse"), atol=1e-3)
