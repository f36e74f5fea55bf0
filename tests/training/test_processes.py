"""A run that is killed, and a run over two processes: neither shows in what comes out."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from earthloom.training.loop.loop import fit
from earthloom.weights import store as weights
from tests.training.processes import both, ends, kill, until_rows
from tests.training.tiny import HEADER, config, job, rows, tiny


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory):
    """One run to kill, one over two processes."""
    with both("tests.training.child", *(tmp_path_factory.mktemp(name) for name in ("killed", "parallel"))) as found:
        yield found


def test_a_killed_run_resumes_to_the_same_curve(two, tmp_path: Path) -> None:
    folder, child = two["killed"]
    until_rows(folder, child, 25)
    kill(child)
    assert not (folder / "card.md").exists()  # it was in the middle
    reached = int(rows(folder)[-1].split(",")[0])
    assert 20 <= reached < 60
    with (folder / "log.csv").open("a") as stream:
        stream.write("3")  # as if a row had been cut
    told: list[str] = []
    resumed = fit(tiny(), job(hole=True), config(steps=60), folder, HEADER, say=told.append)
    whole = fit(tiny(), job(hole=True), config(steps=60), tmp_path, HEADER)
    assert told[0].startswith("going on from step ")
    assert rows(folder) == rows(tmp_path)
    assert len(rows(folder)) == 62
    assert resumed.figures == whole.figures
    first, second = (weights.read(path / "weights.safetensors")[1] for path in (folder, tmp_path))
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_two_processes_do_what_one_does(two, tmp_path: Path) -> None:
    folder, child = two["parallel"]
    ends(child)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(tiny(0.0), job(hole=True), config(steps=12), tmp_path, HEADER)
    first, second = (weights.read(path / "weights.safetensors")[1] for path in (folder, tmp_path))
    start_of = dict(tiny(0.0).state_dict())
    assert max(np.abs(first[key] - start_of[key].numpy()).max() for key in first) > 0.02  # they moved
    for key in first:
        np.testing.assert_allclose(first[key], second[key], atol=1e-6)
    ours, theirs = (np.genfromtxt(path / "log.csv", delimiter=",", names=True) for path in (folder, tmp_path))
    for column in ("loss", "grad_norm"):
        np.testing.assert_allclose(ours[column][1:], theirs[column][1:], rtol=1e-5)
