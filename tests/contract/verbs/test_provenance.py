"""A product says how it was made, whichever verb made it: method, fields, weights, inputs, residual, version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import earthloom
from tests.contract.verbs.cases import CASES, Case
from tests.e2e.conftest import get

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)


def paths(given: Any) -> Iterator[Path]:
    """Every path in the inputs."""
    if isinstance(given, Path):
        yield given
    elif isinstance(given, (list, tuple, dict)):
        for one in given.values() if isinstance(given, dict) else given:
            yield from paths(one)


def told(path: Path) -> dict[str, Any]:
    """Our tags of a file."""
    tags = get(path)[1].tags
    return {key.removeprefix("EARTHLOOM_"): value for key, value in tags.items() if key.startswith("EARTHLOOM_")}


@each
def test_method_inputs_and_version(case: Case, tmp_path: Path) -> None:
    given = case.inputs(tmp_path)
    tags = told(case.call(given, output=tmp_path / "out.tif"))
    problem, _, method = tags["METHOD"].partition("/")
    assert problem and method == case.fields["method"]
    assert tags["VERSION"] == earthloom.__version__
    assert isinstance(json.loads(tags["PARAMETERS"]), dict)
    known = {one["name"]: one["sha256"] for files in json.loads(tags["INPUTS"]).values() for one in files}
    for path in paths(given):
        assert known[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_date_of_a_series(tmp_path: Path) -> None:
    """A series is a batch: each of its products says what one of `predict` says."""
    from tests.contract.runners.test_dates import folders

    fine, coarse = folders(tmp_path)
    made = earthloom.series(
        fine, coarse, "starfm", dates=["2020-03-04"], output=tmp_path / "out", coregister="off", refine=2
    )  # fmt: skip
    assert made
    tags = told(tmp_path / "out" / "2020-03-04.tif")
    assert (tags["METHOD"], tags["VERSION"]) == ("spatiotemporal/starfm", earthloom.__version__)
    assert json.loads(tags["PARAMETERS"])["refine"] == 2
    residual = json.loads(tags["RESIDUAL"])
    assert 0 <= residual["after_percent"] < residual["before_percent"]
    images = {path.name: path for path in (*fine.iterdir(), *coarse.iterdir())}
    known = {one["name"]: one["sha256"] for several in json.loads(tags["INPUTS"]).values() for one in several}
    assert known and "C_20200304.tif" in known
    for name, checksum in known.items():
        assert checksum == hashlib.sha256(images[name].read_bytes()).hexdigest()


@each
def test_the_residual_of_a_refined_product(case: Case, tmp_path: Path) -> None:
    if not case.refines:
        pytest.skip("its product is not refined")
    tags = told(case.call(case.inputs(tmp_path), output=tmp_path / "out.tif", refine=3))
    residual = json.loads(tags["RESIDUAL"])
    assert 0 <= residual["after_percent"] < residual["before_percent"]
    assert json.loads(tags["PARAMETERS"])["refine"] == 3


@each
@pytest.mark.filterwarnings("ignore::earthloom.errors.EarthloomWarning")
def test_the_weights_of_a_network(case: Case, tmp_path: Path) -> None:
    if case.network is None:
        pytest.skip("no network of this problem has weights that ship")
    fields = json.loads(told(case.call(case.inputs(tmp_path), output=tmp_path / "o.tif", **case.network))["PARAMETERS"])
    if "weights" not in fields:  # a formula did better than so few steps of adapting
        assert case.network.get("adapt_steps") and "refine" in fields
        return
    assert len(fields.get("weights_sha256", "")) == 64 or fields.get("adapted") or fields["weights"] == "random"
