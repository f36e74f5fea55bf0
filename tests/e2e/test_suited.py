"""`earthloom methods --for FILE...`: what it says can run runs, what it says cannot is refused for that reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import earthloom
from earthloom.errors import MethodError
from earthloom.methods import catalog
from tests.e2e.conftest import Cli, fine_truth, grid, observed, put


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((96, 96), 4)))
    return put(tmp_path / "pan.tif", pan[None] if pan.ndim == 2 else pan, grid(1)), put(
        tmp_path / "ms.tif", ms, grid(4)
    )


def test_what_can_run_runs(files: tuple[Path, Path], cli: Cli) -> None:
    done = cli("methods", "--for", *files, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    rows = {row["name"]: row for row in found["methods"]}
    assert found["problem"] == "pansharpening" and set(rows) == set(catalog.names())
    for name, row in rows.items():
        if catalog.is_network(name):
            continue
        card = catalog.find(name).card
        assert row["family"] == card.family and (row["halo_px"] is None) == (not card.local)
        assert not row["why_not"] and np.isfinite(earthloom.pansharpen(*map(str, files), name)).any()
    with pytest.raises(MethodError, match="no weights"):
        earthloom.pansharpen(*map(str, files), "pnn")
    assert "no weights" in rows["pnn"]["why_not"] or "without torch" in rows["pnn"]["why_not"]


def test_what_cannot_run_is_told_with_its_reason(tmp_path: Path, files: tuple[Path, Path], cli: Cli) -> None:
    one = put(tmp_path / "one.tif", np.full((1, 24, 24), 7, "uint16"), grid(4))
    table = cli("methods", "pansharpen", "--for", files[0], one).out
    can, cannot = table.split("\ncannot\n")
    assert "  gsa " in can and "  cnmf " not in can and "CNMF got 1 MS band(s); expected at least 2" in cannot


def test_the_job_is_seen_from_the_files(tmp_path: Path, files: tuple[Path, Path], cli: Cli) -> None:
    guide = put(tmp_path / "guide.tif", np.random.default_rng(0).integers(1, 99, (3, 96, 96)).astype("uint16"), grid(1))
    for given, problem in (((guide, files[1]), "sharpening"), ((files[1],), "superresolution")):
        done = cli("methods", "--for", *given, "--json")
        assert done.code == 2 or json.loads(done.out)["problem"] == problem, done.err
        assert done.code == 0 or "at least 5 bands" in done.err or "five" in done.err
    wrong = cli("methods", "predict", "--for", *files)
    assert wrong.code == 2 and "spatiotemporal for files" in wrong.err
    assert cli("methods", "gsa", "--for", *files).code == 2


def test_families_are_those_of_the_cards_and_costs_those_of_methods() -> None:
    """A method may be without a cost, for one file is enough to add it; `python -m bench.costs` measures them."""
    for problem in catalog.problems():
        for name in catalog.names(problem):
            assert catalog.family(name, problem) == catalog.find(name, problem).card.family
    measured = json.loads(catalog.COSTS.read_text(encoding="utf-8"))
    assert set(measured) <= set(catalog.problems())
    for problem, costs in measured.items():
        assert set(costs) <= set(catalog.names(problem)) and min(costs.values()) == 1
        assert all(catalog.cost(name, problem) == cost and cost & (cost - 1) == 0 for name, cost in costs.items())
