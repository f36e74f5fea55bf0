"""`--refine N`: what it changes, what it says, and that neither tiles nor threads show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np
import pytest

import earthloom
from earthloom.errors import MethodError
from earthloom.metrics import consistency, ergas
from earthloom.verbs.simulate import observe_truth
from tests.e2e.conftest import Cli, Pair, fine_truth, get, observed

Make = Callable[..., Pair]


def test_it_agrees_better_and_says_so(cli: Cli, pair: Make) -> None:
    files = pair()
    done = cli(*files.arguments("--refine", 3, "-v", "--dtype", "float32"))
    assert done.code == 0, done.err
    before, after = (float(x) for x in re.findall(r"residual ([\d.]+) -> ([\d.]+) %", done.err.splitlines()[-1])[0])
    assert f"residual {before:g} % before refinement, {after:g} % after" in done.err
    assert after < 0.4 * before
    fused, file = get(files.out)
    assert json.loads(file.tags["EARTHLOOM_PARAMETERS"])["refine"] == 3
    kept = json.loads(file.tags["EARTHLOOM_RESIDUAL"])
    assert kept["before_percent"] == pytest.approx(before, rel=1e-2)
    pan, ms = (get(path)[0].astype(float) for path in (files.pan, files.ms))
    found = float(consistency(fused.astype(float), ms, pan)["rmse"]) / ms.mean() * 100
    assert kept["after_percent"] == pytest.approx(found, rel=0.02)
    assert "residual" in cli("info", files.out).out
    plain = cli(*files.arguments("--overwrite"))
    assert plain.code == 0 and "residual" not in plain.err
    assert "EARTHLOOM_RESIDUAL" not in get(files.out)[1].tags


@pytest.mark.parametrize("compress", ["none", "zstd"])
def test_tiled_equals_whole_with_holes(cli: Cli, pair: Make, compress: str) -> None:
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((360, 320), 4)))
    ms[:, 40:43, 30:34] = 0
    files = pair(pan[:, :-3, :-3], ms, None, {"nodata": 0})

    def run(tile: int, threads: int) -> tuple[np.ndarray, dict[str, float]]:
        more = ("--tile-size", tile, "--threads", threads, "--compress", compress, "--overwrite", "-q")
        done = cli(*files.arguments("-m", "mtf_glp_hpm", "--refine", 5, *more))
        assert done.code == 0, done.err
        data, file = get(files.out)
        return data.astype(int), json.loads(file.tags["EARTHLOOM_RESIDUAL"])

    whole, told = run(1024, 1)
    part, told_too = run(128, 2)
    np.testing.assert_array_equal(part == 0, whole == 0)
    assert (whole == 0).any()
    assert np.abs(part - whole).max() <= 1 and (part != whole).mean() < 1e-3
    assert told_too == pytest.approx(told, rel=1e-3)


def test_in_python() -> None:
    pan, ms, truth = observe_truth(fine_truth(), np.full(3, 1 / 3), 4, (0.3,) * 3)  # the blur of the generic sensor
    plain, fused = (earthloom.pansharpen(pan, ms, "gsa", refine=n) for n in (0, 3))
    np.testing.assert_array_equal(plain, earthloom.pansharpen(pan, ms, "gsa"))
    assert float(ergas(fused, truth, ratio=4)) < float(ergas(plain, truth, ratio=4))
    inside = earthloom.pansharpen(pan, ms, "gsa", refine=3, tile_size=40)
    np.testing.assert_allclose(inside, fused, atol=1e-3)
    with pytest.raises(MethodError, match="whole number of steps"):
        earthloom.pansharpen(pan, ms, "gsa", refine=-1)


def test_numbers_that_make_no_sense(cli: Cli, pair: Make) -> None:
    files = pair()
    for given in ("-1", "1000"):
        done = cli(*files.arguments(f"--refine={given}"))
        assert done.code == 2 and "refine=" in done.err and "0 to 100" in done.err and done.err.count("\n") == 1
    assert cli(*files.arguments("--refine", "many")).code == 2
    assert files.untouched()
    assert "--refine" in cli("pansharpen", "--help").out
