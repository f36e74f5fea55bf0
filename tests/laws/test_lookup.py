"""Laws of mixing, lookup tables and their statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from earthloom.errors import InputError
from earthloom.ops.displace import displacement
from earthloom.ops.histogram import Bins, Histogram, HistogramCells, Joint
from earthloom.ops.isotonic import isotonic
from earthloom.ops.lookup import Mix, Tables, look_up, products, remap, stencil, tabulated
from earthloom.ops.quantise import quantise

RNG = np.random.default_rng(0)


def some_tables(bands: int, cells: tuple[int, int] = (1, 1), nodes: int = 9, cell_px: int = 0) -> Tables:
    values = np.cumsum(RNG.uniform(0.2, 2, (*cells, bands, nodes)), axis=3)
    return Tables(np.linspace(-1, 1, bands), np.linspace(0.5, 1, bands), values, cell_px)


def by_hand(z: np.ndarray, tables: Tables, band: int) -> np.ndarray:
    nodes = tables.first[band] + tables.step[band] * np.arange(tables.values.shape[3])
    values = tables.values[0, 0, band]
    inside = np.interp(z, nodes, values)
    ends = [(values[1] - values[0]) / tables.step[band], (values[-1] - values[-2]) / tables.step[band]]
    left, right = values[0] + ends[0] * (z - nodes[0]), values[-1] + ends[1] * (z - nodes[-1])
    return np.where(z < nodes[0], left, np.where(z > nodes[-1], right, inside))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_tables_are_interpolated_and_go_on_beyond_their_ends(kind: type) -> None:
    image = RNG.uniform(-30, 30, (3, 17, 19)).astype(kind)
    tables, mix = some_tables(3), Mix.linear(np.eye(3), np.zeros(3))
    found = remap(image, None, mix, tables, dtype=kind)
    assert found.dtype == kind
    for band in range(3):
        np.testing.assert_allclose(found[band], by_hand(image[band].astype(float), tables, band), rtol=2e-5, atol=2e-5)


def test_mix_of_first_and_second_order() -> None:
    image = RNG.normal(size=(3, 8, 9))
    matrix, constant = RNG.normal(size=(2, 3)), RNG.normal(size=2)
    found = remap(image, None, Mix.linear(matrix, constant), dtype=np.float64)
    np.testing.assert_allclose(found, np.tensordot(matrix, image, 1) + constant[:, None, None], atol=1e-12)
    centre, spread = RNG.normal(size=3), RNG.uniform(0.5, 2, 3)
    second = Mix(RNG.normal(size=(2, 9)), constant, centre, spread)
    f = products(((image - centre[:, None, None]) / spread[:, None, None]).reshape(3, -1))
    expected = (second.matrix @ f + constant[:, None]).reshape(2, 8, 9)
    np.testing.assert_allclose(remap(image, None, second, dtype=np.float64), expected, atol=1e-12)


def test_stored_numbers_give_what_physical_units_give() -> None:
    numbers = RNG.integers(0, 10000, (3, 20, 21)).astype(np.uint16)
    gain, shift = np.array([1e-4, 2e-4, 1e-4]), np.array([0.0, -0.1, 0.05])
    physical = numbers * gain[:, None, None] + shift[:, None, None]
    mix = Mix(RNG.normal(size=(2, 9)), RNG.normal(size=2), RNG.normal(size=3), RNG.uniform(0.5, 2, 3))
    expected = remap(physical, None, mix, dtype=np.float64)
    np.testing.assert_allclose(remap(numbers, None, mix.scaled(gain, shift), dtype=np.float64), expected, atol=1e-9)
    into = mix.into(np.array([2.0, 3.0]), np.array([1.0, -1.0]))
    again = remap(physical, None, into, dtype=np.float64)
    np.testing.assert_allclose(again, expected * np.array([2, 3])[:, None, None] + np.array([1, -1])[:, None, None])


@pytest.mark.parametrize("dtype,nodata", [("uint16", 0), ("uint16", 65535), ("int16", -9999)])
def test_integers_are_stored_as_quantise_stores_them(dtype: str, nodata: float | None) -> None:
    image = RNG.uniform(-3, 40, (2, 30, 31)).astype(np.float32)
    valid = RNG.uniform(size=(30, 31)) > 0.2
    mix, tables = Mix.linear(np.eye(2) * 50, np.array([-20.0, 3])), some_tables(2)
    exact = remap(image, None, mix, tables)
    found = remap(image, valid, mix, tables, dtype=dtype, nodata=nodata)
    np.testing.assert_array_equal(found, quantise(exact, valid, dtype, nodata=nodata))


@pytest.mark.parametrize("source", ["uint8", "int16", "uint16"])
def test_every_number_looked_up_before(source: str) -> None:
    info = np.iinfo(source)
    image = RNG.integers(info.min, info.max, (3, 40, 41), endpoint=True).astype(source)
    valid = RNG.uniform(size=(40, 41)) > 0.1
    matrix = np.zeros((2, 3))
    matrix[0, 2], matrix[1, 0] = 0.01, -0.02
    mix, tables = Mix.linear(matrix, np.array([1.0, 2])), some_tables(2)
    entries = tabulated(mix, tables, source, "uint16", 0)
    found = look_up(image, valid, entries, [2, 0], 0)
    np.testing.assert_array_equal(found, remap(image, valid, mix, tables, dtype="uint16", nodata=0))


def test_nodata_is_written_where_nothing_was_measured() -> None:
    image = np.full((1, 4, 5), np.nan, np.float32)
    image[0, 1:3, 1:3] = 2
    found = remap(image, np.isfinite(image[0]), Mix.linear(np.eye(1), np.zeros(1)), some_tables(1))
    assert np.isfinite(found[0]).sum() == 4 and np.isnan(found[0, 0]).all()
    with pytest.raises(InputError, match="nodata"):
        remap(image, None, Mix.linear(np.eye(1), np.zeros(1)), dtype="uint8", nodata=300)


def test_blended_tables_meet_their_own_at_the_centres_and_make_no_seams() -> None:
    tables = some_tables(2, (3, 4), cell_px=21)
    image = np.broadcast_to(RNG.uniform(0, 4, (2, 1, 1)), (2, 63, 84))
    mix = Mix.linear(np.eye(2), np.zeros(2))
    found = remap(image, None, mix, tables, dtype=np.float64)
    for row in range(3):
        for col in range(4):
            own = replace(tables, values=tables.values[row : row + 1, col : col + 1], cell_px=0)
            expected = remap(image[:, :1, :1], None, mix, own, dtype=np.float64)[:, 0, 0]
            np.testing.assert_allclose(found[:, 21 * row + 10, 21 * col + 10], expected, rtol=1e-6)
    for axis in (1, 2):  # a step at a cell's border is no larger than inside the cells
        steps = np.abs(np.diff(found, axis=axis)).max(axis=(0, 3 - axis))
        border = np.arange(len(steps)) % 21 == 20
        assert 0 < steps[border].max() <= steps[~border].max() * (1 + 1e-6)
        bends = np.abs(np.diff(found, 2, axis=axis)).max(axis=(0, 3 - axis))
        assert bends[19::21].max() < 1e-6 and bends[20::21].max() < 1e-6  # and the slope goes on across it
    pieces = [remap(image[:, :, a:b], None, mix, tables, (0, a), np.float64) for a, b in ((0, 33), (33, 84))]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=2), found)


def test_stencil_keeps_levels_and_looks_at_valid_neighbours_alone() -> None:
    kernel = RNG.normal(size=(2, 2, 3, 3))
    flat = np.broadcast_to(np.array([3.0, 7.0])[:, None, None], (2, 9, 11)).copy()
    everywhere = np.ones((9, 11), bool)
    np.testing.assert_allclose(stencil(flat, everywhere, kernel), flat, atol=1e-12)
    image = RNG.normal(size=(2, 9, 11))
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    expected = image.copy()
    for t in range(2):
        for s in range(2):
            for i in range(3):
                for j in range(3):
                    expected[t] += kernel[t, s, i, j] * (padded[s, i : i + 9, j : j + 11] - image[s])
    np.testing.assert_allclose(stencil(image, everywhere, kernel), expected, atol=1e-12)
    holed = everywhere.copy()
    holed[4, 5] = False
    wild = image.copy()
    wild[:, 4, 5] = 1e9
    calm = image.copy()
    calm[:, 4, 5] = -1e9
    np.testing.assert_array_equal(stencil(wild, holed, kernel)[:, holed], stencil(calm, holed, kernel)[:, holed])


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0.1, 10)), min_size=1, max_size=60))
def test_isotonic_regression(pairs: list[tuple[float, float]]) -> None:
    values, weights = (np.array(part) for part in zip(*pairs, strict=True))
    found = isotonic(values, weights)
    assert (np.diff(found) >= -1e-9).all()
    np.testing.assert_allclose(found, isotonic_regression(values, weights=weights).x, atol=1e-6)


def test_statistics_merge() -> None:
    x, y = RNG.normal(size=(2, 1000)), RNG.normal(size=(2, 1000))
    bins = Bins(np.full(2, -2.0), np.full(2, 2.0), 16)
    whole, parts = Joint.of(x, y, (bins, bins)), [slice(0, 300), slice(300, 301), slice(301, 1000)]
    one, two, three = (Joint.of(x[:, p], y[:, p], (bins, bins)) for p in parts)
    np.testing.assert_array_equal(((one + two) + three).counts, whole.counts)
    np.testing.assert_array_equal((one + (two + three)).counts, whole.counts)
    assert whole.counts.sum() == 2000  # nothing is lost at the ends
    mean, variance = whole.means()
    at = bins.index(x)
    assert abs(np.nanmean(mean[0]) - np.mean([y[0][at[0] == k].mean() for k in range(16) if (at[0] == k).any()])) < 0.05
    assert np.nanmin(variance) >= 0
    median = Histogram.of(x, bins).quantile(0.5)
    np.testing.assert_allclose(median, np.median(x, axis=1), atol=bins.width[0])
    with pytest.raises(InputError, match="bins"):
        _ = whole + Joint.of(x, y, (bins, Bins(bins.low, bins.high * 2, 16)))


def test_cells_do_not_depend_on_tiles() -> None:
    image, valid = RNG.uniform(size=(2, 50, 70)).astype(np.float32), RNG.uniform(size=(50, 70)) > 0.3
    bins = Bins(np.zeros(2), np.ones(2), 8)
    whole = HistogramCells.of(image, valid, (0, 0), bins, 16)
    parts = [
        HistogramCells.of(image[:, a:b, c:d], valid[a:b, c:d], (a, c), bins, 16)
        for a, b in ((0, 23), (23, 50)) for c, d in ((0, 41), (41, 70))
    ]  # fmt: skip
    merged = parts[0] + parts[1] + parts[2] + parts[3]
    assert set(merged.counts) == set(whole.counts)
    for key, counts in whole.counts.items():
        np.testing.assert_array_equal(counts, merged.counts[key])
    assert whole.total.sum() == 2 * valid.sum()
    shares, corner = whole.shares(10)
    assert corner == (0, 0) and shares.shape == (4, 5, 2, 8)
    np.testing.assert_allclose(shares.sum(axis=3), 1)


@pytest.mark.parametrize("y,x", [(0.0, 0.0), (1.0, -2.0), (0.4, 0.7), (-1.3, 2.6)])
def test_displacement_is_found(y: float, x: float) -> None:
    from scipy.ndimage import gaussian_filter
    from scipy.ndimage import shift as moved

    ground = gaussian_filter(np.random.default_rng(3).normal(size=(96, 90)), 1.2)
    other = 500 - 30 * moved(ground, (y, x), order=3, mode="nearest")  # brighter where the first is darker
    valid = np.ones(ground.shape, bool)
    valid[10:20, 30:44] = False
    found = displacement(ground, np.where(valid, other, 0), valid)
    assert found is not None and found.likeness > 0.7
    assert abs(found.y - y) < 0.15 and abs(found.x - x) < 0.15
    assert displacement(np.zeros((96, 90)), other, valid) is None
