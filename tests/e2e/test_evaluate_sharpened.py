"""`earthloom evaluate --fine --coarse`: coarse bands that finer ones sharpened, without a reference."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import earthloom
from earthloom.errors import GridError
from tests.e2e.conftest import Cli, fine_truth, grid, put


def blocks(image: np.ndarray, step: int) -> np.ndarray:
    """Means of blocks."""
    bands, rows, cols = image.shape
    return image.reshape(bands, rows // step, step, cols // step, step).mean(axis=(2, 4))


def test_products_of_sharpen(cli: Cli, tmp_path: Path) -> None:
    truth = fine_truth((192, 192), 6)
    fine = put(tmp_path / "fine.tif", truth[:3].astype("float32"), grid(10))
    coarse = [
        put(tmp_path / "c2.tif", blocks(truth[3:5], 2).astype("float32"), grid(20)),
        put(tmp_path / "c4.tif", blocks(truth[5:], 4).astype("float32"), grid(40)),
    ]
    given = ("--fine", fine, "--coarse", *coarse)
    found = {}
    for method in ("gwr", "exp"):
        out = tmp_path / f"{method}.tif"
        assert cli("sharpen", *given, "-m", method, "-o", out, "-q").code == 0
        done = cli("evaluate", out, *given, "--json")
        assert done.code == 0, done.err
        found[method] = json.loads(done.out)
    sharp, plain = (found[method]["figures"] for method in ("gwr", "exp"))
    beside = found["gwr"]["rows"]["EXP (no fusion)"]
    assert sharp["omission_percent"] < 0.6 * plain["omission_percent"]
    assert plain["omission_percent"] == pytest.approx(100, abs=0.1) and plain["hallucination_percent"] < 0.1
    assert beside == {name: pytest.approx(plain[name], rel=1e-3, abs=1e-2) for name in beside}
    assert sharp["consistency_ergas"] < plain["consistency_ergas"]
    said = cli("evaluate", tmp_path / "gwr.tif", *given)
    assert said.code == 0 and said.out.splitlines()[1].startswith("spectra") and "fine bands" in said.out
    kept = tmp_path / "all.tif"
    assert cli("sharpen", *given, "-m", "gwr", "--keep-fine", "-o", kept, "-q").code == 0
    both = earthloom.evaluate([kept, tmp_path / "gwr.tif"], fine=fine, coarse=coarse)
    assert both["all.tif"].figures == both["gwr.tif"].figures
    with pytest.raises(GridError, match="bands"):
        earthloom.evaluate(fine, fine=fine, coarse=coarse[0])
    page = earthloom.report(tmp_path / "gwr.tif", tmp_path / "page.html")
    words = page.read_text()
    assert "Omission (%)" in words and "of what the fine bands promised (" in words
    line = next(one.words for one in both["gwr.tif"].verdict if "promised" in one.words)
    assert line in words, "every coarse image is laid again with its own blur: the page says what `evaluate` says"
