"""A run that is killed, and a run over two processes: neither shows in what comes out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from earthloom import weights
from earthloom.engine.train import fit
from tests.train.tiny import HEADER, config, job, rows, tiny

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120


def start(folder: Path, devices: int) -> subprocess.Popen[bytes]:
    own = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    environment = {k: v for k, v in os.environ.items() if k not in ("LOCAL_RANK", "RANK", "WORLD_SIZE")} | own
    command = [sys.executable, "-m", "tests.train.child", str(folder), str(devices)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory):
    """Both children at once: while one is started, the other one computes."""
    folders = [tmp_path_factory.mktemp(name) for name in ("killed", "parallel")]
    children = [start(folder, devices) for folder, devices in zip(folders, (1, 2), strict=True)]
    yield dict(zip(("killed", "parallel"), zip(folders, children, strict=True), strict=True))
    for child in children:
        if child.poll() is None:
            child.kill()
        child.wait()
        assert child.stderr is not None
        child.stderr.close()


def test_a_killed_run_resumes_to_the_same_curve(two, tmp_path: Path) -> None:
    folder, child = two["killed"]
    log, until = folder / "log.csv", time.monotonic() + PATIENCE_S
    while not (log.is_file() and log.read_text().count("\n") > 25):
        assert child.poll() is None and time.monotonic() < until, child.stderr.read().decode()
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (folder / "card.md").exists()  # it was in the middle
    reached = int(rows(folder)[-1].split(",")[0])
    assert 20 <= reached < 60
    with (log).open("a") as stream:
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
    assert child.wait(PATIENCE_S) == 0, child.stderr.read().decode()
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
