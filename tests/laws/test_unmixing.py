"""Laws of splines, classes, purest pixels and ranked windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthloom.ops.extremes import Keyed, Range, Settled, Tails
from earthloom.ops.isodata import HashSample, isodata, nearest_centre
from earthloom.ops.ranked import ranking, similar_mean
from earthloom.ops.thinplate import Kind, spline
from earthloom.ops.unmix import Purest, alike, cell_sums, change_rates, fractions, shared_out
from earthloom.physics.resample import cubic, imresize
from earthloom.types import Window

KINDS: tuple[Kind, ...] = ("thin_plate", "multiquadric")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("shape", [(2, 2), (3, 12), (17, 9), (25, 31)])
@pytest.mark.parametrize("kind", KINDS)
def test_splines_meet_their_nodes(kind: Kind, shape: tuple[int, int]) -> None:
    values = rng().normal(size=(2, *shape))
    found = spline(values, np.arange(shape[0], dtype=float), np.arange(shape[1], dtype=float), kind)
    np.testing.assert_allclose(found, values, atol=1e-8)


@pytest.mark.parametrize("aspect", [1.0, 1.7])
def test_thin_plates_reproduce_planes(aspect: float) -> None:
    rows, cols = np.linspace(-0.5, 15.5, 70), np.linspace(-0.5, 21.5, 83)

    def plane(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return (3 + 0.5 * y[:, None] - 0.2 * x)[None]

    found = spline(plane(np.arange(16.0), np.arange(22.0)), rows, cols, "thin_plate", aspect)
    np.testing.assert_allclose(found, plane(rows, cols), atol=1e-8)


def test_thin_plate_of_few_nodes_against_scipy() -> None:
    """Where the neighbourhood is the whole grid the surface is the one of all nodes, with an aspect too."""
    from scipy.interpolate import RBFInterpolator

    values, aspect = rng().normal(size=(1, 8, 10)), 1.3
    rows, cols = np.linspace(-0.4, 7.4, 23), np.linspace(-0.4, 9.4, 19)
    nodes = np.stack(np.mgrid[0:8, 0:10], axis=-1).reshape(-1, 2) * [aspect, 1]
    at = np.stack(np.meshgrid(rows * aspect, cols, indexing="ij"), axis=-1).reshape(-1, 2)
    whole = RBFInterpolator(nodes, values.reshape(-1), kernel="thin_plate_spline")(at).reshape(1, 23, 19)
    np.testing.assert_allclose(spline(values, rows, cols, "thin_plate", aspect), whole, atol=1e-8)


def test_a_part_of_the_grid_gives_the_same_surface() -> None:
    values, rows = rng().normal(size=(1, 40, 40)), np.linspace(15, 20, 11)
    whole = spline(values, rows, rows)
    np.testing.assert_allclose(spline(values[:, 9:27, 8:30], rows - 9, rows - 8), whole, atol=1e-10)


def test_spline_along_a_line_of_nodes() -> None:
    values = np.arange(6.0)[None, None]
    np.testing.assert_allclose(
        spline(values, np.zeros(1), np.linspace(0, 5, 11))[0, 0], np.linspace(0, 5, 11), atol=1e-8
    )


def test_cubic_is_the_enlarging_imresize() -> None:
    image = rng().normal(size=(1, 9, 7))
    rows, cols = (cubic(5 * n, n, 5.0, 2.0) for n in (9, 7))
    enlarged = rows.matrix() @ image[0] @ cols.matrix().T
    np.testing.assert_allclose(enlarged, imresize(image, 5.0)[0], atol=1e-12)


def clusters(centres: np.ndarray, each: int = 400, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(centres)), each)
    return (centres[labels] + rng(seed).normal(size=(len(labels), centres.shape[1]))).T, labels


@pytest.mark.parametrize("scale", [1.0, 1e-4])
@pytest.mark.parametrize("most", [4, 6])
def test_isodata_finds_separable_clusters(most: int, scale: float) -> None:
    true = np.array([[0.0, 0, 0], [30, 0, 10], [0, 40, -10], [35, 45, 0]])
    samples, labels = clusters(true)
    found = isodata(samples * scale, most) / scale
    assert found.shape[1] == 4
    match = nearest_centre(found, true.T)
    assert sorted(match) == [0, 1, 2, 3]
    np.testing.assert_allclose(found[:, np.argsort(match)], true.T, atol=0.3)
    np.testing.assert_array_equal(match[nearest_centre(samples * scale, found * scale)], labels)


def test_isodata_merges_what_is_one() -> None:
    samples, _ = clusters(np.array([[0.0, 0], [50.0, 20]]))
    assert isodata(samples, 5).shape[1] == 2
    assert isodata(np.full((3, 50), 7.0), 4).shape[1] == 1
    assert isodata(np.zeros((3, 0)), 4).shape == (3, 1)


@given(st.integers(1, 5), st.integers(0, 1000))
def test_sample_does_not_depend_on_tiles(pieces: int, seed: int) -> None:
    y, x = (part.ravel() for part in np.mgrid[0:30, 0:40])
    values = rng(seed).normal(size=(2, 1200))
    whole = HashSample.of(values, y, x, 100)
    order = rng(seed).permutation(1200)
    parts = [HashSample.of(values[:, own], y[own], x[own], 100) for own in np.array_split(order, pieces)]
    merged = sum(parts[1:], parts[0])
    np.testing.assert_array_equal(merged.keys, whole.keys)
    np.testing.assert_array_equal(merged.values, whole.values)


def test_sample_is_spread_over_the_scene() -> None:
    y, x = (part.ravel() for part in np.mgrid[0:200, 0:200])
    kept = HashSample.of(np.stack([y, x]).astype(float), y, x, 4000).values
    counts = np.histogram2d(*kept, bins=4, range=[[0, 200], [0, 200]])[0]
    assert counts.min() > 200 and counts.max() < 300, counts


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=60), st.integers(0, 60), st.floats(0.001, 0.4))
def test_tails_merge_and_cut(values: list[int], cut: int, share: float) -> None:
    data = np.array([values], float)
    parts = [Tails.of(data[:, :cut]), Tails.of(data[:, cut:])]
    low, high = (parts[0] + parts[1]).inside(share)
    ranked, n = np.sort(data[0]), len(values)
    places = [i for i in range(n) if i / n <= share], [i for i in range(n) if i / n <= 1 - share]
    above, below = ranked[ranked > ranked[places[0][-1]]], ranked[ranked < ranked[places[1][-1]]]
    assert low[0] == (above[0] if len(above) else ranked[places[0][-1]])
    assert high[0] == (below[-1] if len(below) else ranked[places[1][-1]])


def test_tails_keep_few() -> None:
    data = rng().normal(size=(2, 5000))
    parts = [Tails.of(part, 50) for part in np.array_split(data, 7, axis=1)]
    few = sum(parts[1:], parts[0])
    assert few.low.shape == (2, 50)
    for one, two in zip(few.inside(0.005), Tails.of(data).inside(0.005), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.isfinite(Tails.of(np.zeros((2, 0))).inside(0.1)[0]).any()


def test_ranges_keys_and_what_is_settled() -> None:
    data, labels = rng().normal(size=(2, 90)), rng().integers(0, 3, 90)
    parts = [Range.of(data[:, own], labels[own], 3) for own in (slice(0, 40), slice(40, 90))]
    merged = Keyed({"a": parts[0], "b": parts[1]}) + Keyed({"a": parts[1]})
    whole = Range.of(data, labels, 3)
    np.testing.assert_array_equal(merged["a"].low, whole.low)
    np.testing.assert_array_equal(merged["a"].high, whole.high)
    assert merged["b"] is parts[1] and (Settled(3) + Settled(4)).value == 3


@given(st.integers(0, 10_000))
def test_purest_do_not_depend_on_order(seed: int) -> None:
    chance = rng(seed)
    share = np.round(chance.dirichlet(np.ones(3), 60).T, 1)  # many equal shares
    change, keys = chance.normal(size=(2, 60)), chance.permutation(60)
    whole = Purest.of(keys, share, change, 8)
    parts = [Purest.of(keys[own], share[:, own], change[:, own], 8) for own in np.array_split(np.arange(60), 4)]
    merged = (parts[3] + parts[1]) + (parts[0] + parts[2])
    for one, two in zip(whole.of_class, merged.of_class, strict=True):
        np.testing.assert_array_equal(one.keys, two.keys)
    first = whole.of_class[0]
    assert (np.diff(first.fraction[0]) <= 0).all()
    assert all(a > b for a, b, f in zip(first.keys, first.keys[1:], np.diff(first.fraction[0]), strict=False) if f == 0)


def test_change_rates_are_found_and_bounded() -> None:
    chance = rng(3)
    share, true = chance.dirichlet(np.full(3, 0.3), 500).T, np.array([[5.0, -3, 10], [0, 1, 2]])
    purest = Purest.of(np.arange(500), share, true @ share, 60)
    np.testing.assert_allclose(change_rates(purest), true, atol=0.1)
    held = change_rates(purest, (np.array([-2.0, 0]), np.array([8.0, 2])))
    assert held.min() >= -2 - 1e-9 and held[0].max() <= 8 + 1e-9
    np.testing.assert_allclose(held[1], true[1], atol=0.1)
    unknown = Purest.of(np.arange(500), np.concatenate([share, np.zeros((1, 500))]), true @ share, 60)
    np.testing.assert_allclose(change_rates(unknown)[:, 3], 0, atol=1e-12)
    assert not change_rates(Purest.of(np.arange(0), np.zeros((3, 0)), np.zeros((2, 0)), 5)).any()


def test_cells_and_shares_by_hand() -> None:
    labels = np.array([[0, 0, 1, 1], [0, 1, 1, 1]])
    seen = np.array([[True, True, True, False], [True, True, True, True]])
    line, col = np.zeros(2, int), np.array([0, 0, 1, 1])
    total, count = cell_sums(labels[None].astype(float), seen, line, col, (1, 2))
    np.testing.assert_array_equal(total[0], [[1, 3]])
    np.testing.assert_array_equal(count, [[4, 3]])
    np.testing.assert_allclose(fractions(labels, seen, 2, line, col, (1, 2)), [[[0.75, 0]], [[0.25, 1]]])
    np.testing.assert_allclose(alike(labels, seen, 2, 3)[0], [3 / 4, 3 / 6, 4 / 5, 3 / 3])


def test_what_is_shared_out_has_the_mean_it_came_from() -> None:
    chance = rng(4)
    line = np.arange(40) // 8
    rest, apart = 50 * chance.normal(size=(2, 5, 5)), 80 * chance.normal(size=(2, 40, 40))
    counted, homogeneous = chance.random((40, 40)) < 0.9, chance.random((40, 40))
    out = shared_out(apart, rest, homogeneous, counted, line, line)
    total, count = cell_sums(out, counted, line, line, (5, 5))
    np.testing.assert_allclose(total / count, rest, rtol=1e-9)
    assert (np.sign(out)[:, counted] == np.sign(rest[:, line[:, None], line])[:, counted]).all()
    mixed = shared_out(apart, rest, np.zeros((40, 40)), counted, line, line)
    np.testing.assert_allclose(mixed, rest[:, line[:, None], line], rtol=1e-6)


@pytest.mark.parametrize("ties", ["near", "rows", "columns"])
@pytest.mark.parametrize("relative", [False, True])
def test_ranked_window_against_sorting_everything(ties: str, relative: bool) -> None:
    chance = rng(5)
    guide = chance.integers(1, 6, (2, 17, 14)).astype(float)  # full of ties
    values, valid = chance.normal(size=(3, 17, 14)), chance.random((17, 14)) < 0.8
    limit = np.array([2.5, 1.5]) if relative else None
    table = ranking(7, 3.0, ties, 0.5 if relative else 0.0)  # type: ignore[arg-type]
    window, count = Window(2, 0, 15, 14), 9
    mean, found = similar_mean(guide, valid, values, window, table, count, limit)
    for i, j in np.ndindex(15, 14):
        y, x = i + 2, j
        rows = []
        for v, u in np.ndindex(17, 14):
            if abs(v - y) > 3 or abs(u - x) > 3 or not valid[v, u]:
                continue
            apart, d = guide[:, v, u] - guide[:, y, x], np.hypot(v - y, u - x)
            if relative and (np.abs(apart) >= limit).any():
                continue
            size = (np.abs(apart) / guide[:, y, x]).sum() if relative else (apart**2).sum()
            score = (size + 1e-5) * (0.5 + d / 3) if relative else size
            first = {"near": (round(d * d), v, u), "rows": (v, u), "columns": (u, v)}[ties]
            rows.append((round(score, 12), first, 1 / ((1 + d / 3) * (1 + (size if relative else 0))), v, u))
        rows = sorted(rows)[:count]
        assert found[i, j] == len(rows)
        if rows:
            weights = np.array([row[2] for row in rows])
            picked = np.stack([values[:, row[3], row[4]] for row in rows], axis=1)
            np.testing.assert_allclose(mean[:, i, j], picked @ weights / weights.sum(), atol=1e-12)
        else:
            np.testing.assert_array_equal(mean[:, i, j], values[:, y, x])
