"""What is told about cubes: why weights do not fit, and which two pixels the figure shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earthloom.report import spectra
from earthloom.report.spectra import two_pixels
from tests.e2e.conftest import Cli, grid, put, texture
from tests.e2e.test_bad_input import refused
from tests.e2e.test_superresolve import cube


def test_weights_of_another_width_are_told_so(cli: Cli, tmp_path: Path) -> None:
    """Ratio and bands fit: the reason is the width."""
    path = put(tmp_path / "cube.tif", cube().astype("float32"), grid(30))
    done = cli("superresolve", path, "-r", 2, "-m", "coarsr", "--width", 40, "-o", tmp_path / "o.tif")
    refused(done, "cubes_2to1 (any number of bands at 2:1, width=", "--adapt")


def test_two_pixels_are_neither_outliers_nor_at_the_border() -> None:
    shade = texture((64, 96), 1)
    truth = np.stack([(1000 + 30 * shade) * level for level in (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)])
    truth[:, 20:40, 30:60] = 2 * truth[::-1, 20:40, 30:60]  # another material
    truth[:, :, 95] = 9 * truth[::-1, :, 95]
    truth[:, 50, 10] = [9000, 0, 9000, 0, 9000, 0]
    pixels = two_pixels(truth, np.ones((64, 96), bool))
    for y, x in pixels:
        assert 2 <= y < 62 and 3 <= x < 93 and (y, x) != (50, 10)
    there = [20 <= y < 40 and 30 <= x < 60 for y, x in pixels]
    assert there[0] != there[1]  # one of each material
    small = two_pixels(truth[:, :2, :2], np.ones((2, 2), bool))
    assert all(0 <= n < 2 for pixel in small for n in pixel)


def test_pixels_of_a_figure_lie_inside_and_a_spike_does_not_set_its_axis() -> None:
    rng = np.random.default_rng(4)
    truth = 100 + rng.normal(0, 1, (218, 64, 96))
    truth[:, 6, 3] += 400
    truth[:, :8] += rng.normal(0, 60, (218, 8, 96))  # the border is where the contrast is
    for y, x in two_pixels(truth, np.ones((64, 96), bool)):
        assert 8 <= y < 56 and 12 <= x < 84
    spectrum = truth[:, 32, 48].copy()
    spectrum[158] = 9000
    low, high = spectra._reach([spectrum, truth[:, 32, 48]])
    assert 90 < low < 98 and 102 < high < 110
