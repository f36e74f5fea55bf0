"""Statistics of a leaderboard, on cases small enough to compute by hand, and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from earthloom.benchmarking.statistics import ranked, spread

SCENES = tuple("abcdefgh")


def row(values: list[float]) -> dict[str, float]:
    return dict(zip(SCENES, values, strict=False))


def test_mean_and_spread_divide_by_one_less() -> None:
    found = spread([1.0, 2.0, 6.0])
    assert found is not None and found.mean == 3 and found.count == 3
    assert found.std == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    alone = spread([2.0])
    assert alone is not None and alone.std is None and spread([]) is None


def test_the_order_follows_the_way_that_is_better() -> None:
    table = {"good": row([1, 1.1, 1.2]), "bad": row([2, 2.1, 2.2]), "middle": row([1.5, 1.6, 1.7])}
    assert ranked(table, True, SCENES[:3]).order == ("good", "middle", "bad")
    assert ranked(table, False, SCENES[:3]).order == ("bad", "middle", "good")


def test_equal_means_share_a_place_and_who_lacks_scenes_comes_last() -> None:
    table = {"one": row([1, 3]), "two": row([3, 1]), "third": row([4, 4]), "lacks": row([0.1])}
    found = ranked(table, True, SCENES[:2])
    assert [found.places[name] for name in ("one", "two", "third", "lacks")] == [1, 1, 3, 4]
    assert found.order[-1] == "lacks"


def test_eight_scenes_all_won_are_apart_by_the_exact_test() -> None:
    """All of 8 signs alike: p = 2 / 2^8; with two comparisons Holm doubles the smaller one."""
    rng = np.random.default_rng(0)
    best = rng.uniform(1, 2, 8)
    worse, much = best + np.linspace(0.1, 0.5, 8), best + np.linspace(1.0, 2.0, 8)
    table = {"best": row(list(best)), "worse": row(list(worse)), "much": row(list(much))}
    found = ranked(table, True, SCENES)
    assert found.against["worse"].p == found.against["much"].p == pytest.approx(2 * 2 / 2**8)
    assert found.alike() == [] and found.least == pytest.approx(2 * 2 / 2**8)
    assert found.against["worse"].difference == pytest.approx(0.3)
    gap = worse - best
    half = stats.t.ppf(0.975, 7) * gap.std(ddof=1) / math.sqrt(8)
    assert found.against["worse"].noise == pytest.approx(half)


def test_what_wins_here_and_there_is_not_apart_and_few_scenes_tell_nothing() -> None:
    best, other = [1.0, 1.2, 1.4, 1.6, 1.8, 2.0], [1.3, 1.1, 1.8, 1.5, 2.3, 1.94]
    found = ranked({"best": row(best), "other": row(other)}, True, SCENES[:6])
    assert found.alike() == ["other"]
    expected = stats.wilcoxon(np.subtract(other, best), method="exact").pvalue
    assert found.against["other"].p == pytest.approx(expected)
    few = ranked({"best": row([1, 1, 1]), "other": row([2, 3, 4])}, True, SCENES[:3])
    assert few.least == 0.25 and not few.against["other"].apart
    lone = ranked({"best": row([1]), "other": row([2])}, True, SCENES[:1])
    assert lone.least is None and lone.noise is None and lone.against["other"].p is None


def test_the_same_figures_are_not_apart() -> None:
    same = row([1, 2, 3, 4, 5, 6])
    found = ranked({"one": same, "two": dict(same)}, True, SCENES[:6])
    assert found.against["two"].p == 1 and found.places == {"one": 1, "two": 1}


def test_the_noise_floor_is_that_of_the_most_alike() -> None:
    best = np.linspace(1, 2, 8)
    table = {"best": row(list(best)), "near": row(list(best + 0.02 + 0.001 * np.arange(8))),
             "far": row(list(best + np.linspace(0.1, 2, 8)))}  # fmt: skip
    found = ranked(table, True, SCENES)
    assert found.noise == found.against["near"].noise < found.against["near"].difference < found.against["far"].noise
