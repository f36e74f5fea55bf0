"""The example notebooks run as they are, show pictures and tables, and are committed without what they show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from earthloom.verbs.names import commands

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
CELLS = Path(__file__).with_name("cells.py")
BEATEN = {  # what the last table of figures must say: less of the first than of the second
    "predict": "starfm copy rmse", "superresolve": "fine bicubic sam_deg", "decloud": "sar_regression inpaint rmse",
    "sharpen": "gwr exp ergas",
}  # fmt: skip


def test_there_is_one_for_every_verb() -> None:
    verbs = {name for name in commands() if name != "series"}  # predict's shows both
    assert {path.stem for path in NOTEBOOKS} == verbs
    assert "earthloom.series(" in (EXAMPLES / "predict.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", CELLS, path, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "picture 1" in done.stdout and len(list(tmp_path.glob("*.png"))) >= 1
    if path.stem in BEATEN:
        better, worse, figure = BEATEN[path.stem].split()
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(("{'" + better, "{'" + worse, "{'cl"))]
        figures = json.loads(line.replace("'", '"'))
        assert figures[better][figure] < figures[worse][figure]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_outputs(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["nbformat"] == 4 and told["nbformat_minor"] >= 5
    ids = [cell["id"] for cell in told["cells"]]
    assert len(set(ids)) == len(ids) and told["cells"][0]["cell_type"] == "markdown"
    for cell in told["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            assert all(len(line.rstrip("\n")) <= 120 for line in cell["source"]), cell["id"]
