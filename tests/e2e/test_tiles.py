"""The tile size, the number of threads and the compression never show in the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import Cli, Pair, fine_truth, get, observed


@pytest.mark.parametrize("method", ["brovey", "gsa", "mtf_glp_hpm"])
def test_tiled_equals_whole(method: str, cli: Cli, pair: Callable[..., Pair], tmp_path: Path) -> None:
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((600, 520), 4)))
    ms[:, 100:103, 60:64] = 0
    files = pair(pan[:, 3:, :-5], ms, {"transform": None, "crs": None}, {"nodata": 0, "transform": None, "crs": None})

    def run(tile: int, threads: int, compress: str = "none") -> np.ndarray:
        more = ("-m", method, "--tile-size", tile, "--threads", threads, "--compress", compress, "--overwrite", "-q")
        done = cli(*files.arguments(*more))
        assert done.code == 0, done.err
        return get(files.out)[0].astype(int)

    whole = run(1024, 1)
    assert (whole == 0).any() and whole.std() > 50
    for tile, threads, compress in ((128, 1, "none"), (200, 2, "zstd"), (512, 1, "deflate"), (512, 2, "none")):
        part = run(tile, threads, compress)
        np.testing.assert_array_equal(part == 0, whole == 0)
        assert np.abs(part - whole).max() <= 1, (tile, threads)
        assert (part != whole).mean() < 1e-3


def test_the_same_twice(cli: Cli, pair: Callable[..., Pair]) -> None:
    files, seen = pair(), []
    for _ in range(2):
        assert cli(*files.arguments("--overwrite", "--threads", 2, "--tile-size", 32)).code == 0
        seen.append(get(files.out)[0])
    np.testing.assert_array_equal(*seen)
