"""Workers of a Dask scheduler make the same files as one thread, though some of them die."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from distributed.comm.core import CommClosedError
from rasterio.env import getenv
from threadpoolctl import threadpool_info

import earthloom
from earthloom.cli.main import run
from earthloom.engine.dask import Cluster, Parcel, _require_like_us
from earthloom.engine.options import Run
from earthloom.engine.runner import Processes, Runner, Sent, Serial, Threads
from earthloom.errors import ClusterError, InputError
from earthloom.raster.settings import Settings
from earthloom.raster.write import provenance
from tests.contract.runners.test_dates import folders
from tests.contract.verbs.cases import CASES, Case
from tests.e2e.conftest import COMMAND

pytestmark = pytest.mark.slow
ONE = {"threads": 1, "tile_size": 32}
TWO = {"workers": 2, "tile_size": 32}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Runner]:
    """Two workers on this machine; every run below that asks for two takes these."""
    with Run(workers=2).begin() as working:
        yield working


@pytest.fixture(autouse=True)
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files say when they were made: all at the same time."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2026, 1, 1, tzinfo=tz)

    monkeypatch.setattr(provenance, "datetime", Clock)


class Root:
    """A task that can be pickled."""

    def __call__(self, number: int) -> float:
        return number**0.5


class Where:
    """In which process a task runs, and how many threads its libraries have."""

    def __call__(self, number: int) -> tuple[int, int]:
        np.ones((4, 4)) @ np.ones((4, 4))
        return os.getpid(), max(one["num_threads"] for one in threadpool_info())


class Mortal:
    """Kills its own process at 3: once, where a file remembers it, or whenever it is tried."""

    def __init__(self, memory: Path | None) -> None:
        self.memory = memory

    def __call__(self, number: int) -> int:
        if number == 3 and (self.memory is None or not self.memory.exists()):
            if self.memory is not None:
                self.memory.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number * 7


class Told:
    """What reaches a worker of the settings that hold where the task comes from."""

    def __call__(self, number: int) -> tuple[str | None, Any]:
        return os.environ.get("AWS_SECRET_ACCESS_KEY"), getenv().get("GDAL_HTTP_BEARER")


class Loud:
    """Prints, warns and logs."""

    def __call__(self, number: int) -> int:
        print("x" * 100_000)
        logging.getLogger("distributed").error("noise")
        return number


def failed(number: int) -> float:
    """Fails at 5."""
    return 1 / (number - 5)


def test_results_come_in_order_from_other_processes_with_one_thread_each(cluster: Runner) -> None:
    assert list(cluster.map(Root(), range(9))) == [(n, n**0.5) for n in range(9)]
    where = dict(cluster.map(Where(), range(12))).values()
    assert {threads for _, threads in where} == {1}
    assert os.getpid() not in {process for process, _ in where}
    assert cluster.workers == 2 and not cluster.together


def test_a_task_that_fails_ends_the_work_and_no_more(cluster: Runner) -> None:
    with pytest.raises(ZeroDivisionError):
        list(cluster.map(failed, range(9)))
    assert dict(cluster.map(Root(), [4])) == {4: 2.0}


def test_nothing_is_printed(cluster: Runner, capfd: pytest.CaptureFixture[str]) -> None:
    assert dict(cluster.map(Loud(), range(3))) == {0: 0, 1: 1, 2: 2}
    assert capfd.readouterr() == ("", "")


def test_a_worker_that_dies_is_replaced_and_its_number_done_again(cluster: Runner, tmp_path: Path) -> None:
    assert [made for _, made in cluster.map(Mortal(tmp_path / "died"), range(8))] == [7 * n for n in range(8)]
    assert (tmp_path / "died").exists()


def test_a_process_that_dies_is_said() -> None:
    with Processes(1) as working, pytest.raises(ClusterError, match=r"^a worker process was ended from outside"):
        list(working.map(Mortal(None), range(8)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_the_same_file_whoever_makes_it(case: Case, tmp_path: Path, cluster: Runner) -> None:
    given = case.inputs(tmp_path)
    one, two = (case.call(given, output=tmp_path / f"{name}.tif", **how) for name, how in (("1", ONE), ("2", TWO)))
    assert one.read_bytes() == two.read_bytes()
    with rasterio.open(one) as file:
        assert file.read().any()


def test_the_same_series_whoever_makes_it(tmp_path: Path, cluster: Runner) -> None:
    fine, coarse = folders(tmp_path)
    for name, how in (("one", ONE), ("two", TWO)):
        asked = {"dates": ["2020-03-04"], "coregister": "off", "output": tmp_path / name}
        earthloom.series(fine, coarse, "starfm", **asked, **how)
    images = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.tif"))
    assert len(images) == 2  # with its quality
    for image in images:
        assert (tmp_path / "one" / image).read_bytes() == (tmp_path / "two" / image).read_bytes()


def test_the_same_file_though_a_worker_is_killed_in_the_middle(
    tmp_path: Path, cluster: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[0]
    given = case.inputs(tmp_path)
    one = case.call(given, output=tmp_path / "one.tif", **ONE)
    victims = {process for process, _ in dict(cluster.map(Where(), range(12))).values()}
    seen: list[int] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "fusing" and done == 2:
            seen.append(total)
            os.kill(max(victims), signal.SIGKILL)

    two = case.call(given, output=tmp_path / "two.tif", progress=progress, **TWO)
    assert seen and seen[0] > 6 and one.read_bytes() == two.read_bytes()


def test_arrays_in_memory_travel(tmp_path: Path, cluster: Runner) -> None:
    rng = np.random.default_rng(2)
    pan, ms = rng.random((64, 64)), rng.random((3, 16, 16))
    np.testing.assert_array_equal(earthloom.pansharpen(pan, ms, **ONE), earthloom.pansharpen(pan, ms, **TWO))


@pytest.mark.parametrize("apart", ["cluster", "processes"])
def test_settings_and_keys_travel_and_are_never_shown(
    apart: str, cluster: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Processes(1) if apart == "processes" else Run(workers=2).begin() as working:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
        with rasterio.Env(GDAL_HTTP_BEARER="whisper"):
            assert dict(working.map(Told(), [0])) == {0: ("hush", "whisper")}
            shown = repr(Sent(Told(), Settings.captured())) + repr(Parcel(b"hush whisper"))
            assert "hush" not in shown and "whisper" not in shown
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
        assert dict(working.map(Told(), [0])) == {0: ("other", None)}  # nothing stays behind


def test_who_sees_a_folder_is_asked(cluster: Runner, tmp_path: Path) -> None:
    assert cluster.shares(tmp_path) and not list(tmp_path.iterdir())
    assert not cluster.shares(tmp_path / "missing")
    assert all(runner.shares(tmp_path) for runner in (Serial(), Threads(2), Processes(2)))


def test_runs_of_a_time_share_their_workers(cluster: Runner) -> None:
    with Run(workers=2).begin() as again:
        processes = {made[0] for one in (cluster, again) for _, made in one.map(Where(), range(9))}
    assert len(processes) <= 2
    assert dict(cluster.map(Root(), [9])) == {9: 3.0}  # they stay for who is still at work


def address(cluster: Cluster) -> str:
    """Of its scheduler."""
    return cluster._held["link"].address


def test_a_scheduler_that_somebody_runs_serves_as_well(cluster: Cluster, tmp_path: Path) -> None:
    said: list[str] = []
    theirs = Run(scheduler=address(cluster), say=said.append)
    with theirs.begin() as working:
        assert working.workers == 2 and working.shares(tmp_path)
        assert list(working.map(Root(), range(5))) == [(n, n**0.5) for n in range(5)]
    assert len(said) == 1 and said[0].startswith("watch the work at http://")
    assert dict(cluster.map(Root(), [9])) == {9: 3.0}  # who runs it keeps it


def test_workers_of_another_version_are_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earthloom.engine.worker.__version__", "9.9")
    with pytest.raises(ClusterError, match=r"have earthloom \S+ on Python \S+; expected earthloom 9\.9 on Python"):
        Run(scheduler=address(cluster)).begin().__enter__()


def test_a_scheduler_that_dies_while_its_workers_are_looked_at_is_no_other_version() -> None:
    class Gone:
        def run(self, *_: Any) -> Any:
            raise CommClosedError("Stream is closed")

    with pytest.raises(ClusterError, match=r"^the scheduler at tcp://h:1 is gone; start again when it is back$"):
        _require_like_us(Gone(), "tcp://h:1")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"workers": 0}, "`workers=0`; expected at least 1"),
        ({"scheduler": "here"}, "`scheduler=here`; expected an address such as tcp://10.0.0.1:8786"),
        ({"workers": 2, "scheduler": "tcp://h:1"}, "`workers` with `scheduler`; expected one of them"),
        ({"workers": 2, "runner": "processes"}, "`workers` with `runner=processes`; expected one of them"),
    ],
)
def test_nonsense_is_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as refused:
        Run(**asked)
    assert str(refused.value) == words


def test_without_dask_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"need the package distributed; pip install earthloom\[cluster\]"):
        Run(workers=2)
    assert Run(threads=2).workers is None


def test_a_scheduler_that_nobody_runs_is_named_before_anything_is_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earthloom.engine.dask.PATIENCE_S", 0.2)
    missing = ["--pan", f"{tmp_path}/no.tif", "--ms", f"{tmp_path}/no.tif", "-o", f"{tmp_path}/p.tif"]
    with pytest.raises(SystemExit) as left:
        run(["pansharpen", *missing, "--scheduler", "tcp://127.0.0.1:1"])
    said = capsys.readouterr().err
    assert left.value.code == 2 and not list(tmp_path.iterdir()) and len(said.splitlines()) == 1
    assert said.startswith("earthloom: nobody answers at tcp://127.0.0.1:1; expected a Dask scheduler")


class Ending:
    """Kills the process that started its own, at 3."""

    def __call__(self, number: int) -> int:
        if number == 3:
            os.kill(os.getppid(), signal.SIGKILL)
            signal.pause()
        return number


def test_a_scheduler_that_dies_is_said_and_the_next_run_begins_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # what a killed cluster leaves
    monkeypatch.setattr("earthloom.engine.dask.PATIENCE_S", 1.0)
    monkeypatch.setattr("earthloom.engine.dask.LOST", 2)
    one = Cluster(processes=1)
    with one as working, pytest.raises(ClusterError, match=r"^the local cluster is gone; start again"):
        list(working.map(Ending(), range(8)))
    with one as working:
        assert dict(working.map(Root(), [4])) == {4: 2.0}
        with pytest.raises(ClusterError, match=r"^workers of the local cluster die again|^tile 3 ended 4 workers"):
            list(working.map(Mortal(None), range(4)))


SCRIPT = """
    import numpy as np, earthloom
    print("begun")
    rng = np.random.default_rng(1)
    pan, ms = rng.random((64, 64)), rng.random((3, 16, 16))
    two = earthloom.pansharpen(pan, ms, workers=1, tile_size=32)
    print((two == earthloom.pansharpen(pan, ms, tile_size=32)).all())
"""


def test_a_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("begun\nTrue\n", "")


def test_ctrl_c_ends_the_command_and_its_workers(tmp_path: Path) -> None:
    """The workers are in a session of their own; what they hold open ends with them."""
    case = CASES[0]
    given = [word for name, path in case.inputs(tmp_path).items() for word in (f"--{name}", str(path))]
    line = [*COMMAND, "pansharpen", *given, "-m", "gsa", "-o", str(tmp_path / "p.tif"), "--workers", "1", "-v"]
    line += ["--tile-size", "16"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        first = running.stderr.readline()  # the run has begun, and its workers are on their way
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
    assert first and running.returncode == 130 and "Traceback" not in rest
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".", "p."))]
