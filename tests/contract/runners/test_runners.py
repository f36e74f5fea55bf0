"""Serial, threads and processes give the same bytes, for every verb."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from earthloom.engine.runner import Processes, Runner, Serial, Threads
from tests.contract.verbs.cases import CASES, Case
from tests.e2e.conftest import get

RUNNERS = (Serial(), Threads(2), Processes(2))


class Square:
    """A task that can be pickled."""

    def __call__(self, number: int) -> int:
        return number * number


class Limits:
    """Threads that BLAS may use where a task runs."""

    def __call__(self, number: int) -> int:
        np.ones((4, 4)) @ np.ones((4, 4))
        return max(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: type(runner).__name__)
def test_results_come_in_order_and_libraries_get_one_thread(runner: Runner) -> None:
    with runner as working:
        assert list(working.map(Square(), range(9))) == [(n, n * n) for n in range(9)]
        assert set(dict(working.map(Limits(), range(3))).values()) == {1}


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: type(runner).__name__)
def test_a_task_that_fails_ends_the_work(runner: Runner) -> None:
    with runner as working, pytest.raises(ZeroDivisionError):
        list(working.map(divided, range(9)))


def divided(number: int) -> float:
    """Fails at 5."""
    return 1 / (number - 5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_the_same_bytes_whoever_did_it(case: Case, tmp_path: Path) -> None:
    given = case.inputs(tmp_path)
    how = {
        "serial": {"threads": 1}, "threads": {"threads": 2}, "processes": {"threads": 2, "runner": "processes"},
    }  # fmt: skip
    products = {
        name: get(case.call(given, output=tmp_path / f"{name}.tif", tile_size=32, **run))[0]
        for name, run in how.items()
    }
    assert products["serial"].any()
    np.testing.assert_array_equal(products["threads"], products["serial"])
    np.testing.assert_array_equal(products["processes"], products["serial"])


def test_a_square_survives_the_journey() -> None:
    assert pickle.loads(pickle.dumps(Square()))(3) == 9
