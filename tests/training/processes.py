"""Runs of training in processes of their own, for the tests to kill and to wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 600  # a guard against waiting for ever: no test passes or fails by how fast the machine is

Two = dict[str, tuple[Path, subprocess.Popen[bytes]]]


@contextmanager
def both(module: str, killed: Path, parallel: Path) -> Generator[Two]:
    """One run to kill and one over two processes, begun at once: while one is started, the other one computes."""
    two = {"killed": (killed, _start(module, killed, 1)), "parallel": (parallel, _start(module, parallel, 2))}
    try:
        yield two
    finally:
        for _, child in two.values():
            kill(child)
            assert child.stderr is not None
            child.stderr.close()


def _start(module: str, folder: Path, devices: int) -> subprocess.Popen[bytes]:
    own = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    environment = {k: v for k, v in os.environ.items() if k not in ("LOCAL_RANK", "RANK", "WORLD_SIZE")} | own
    command = [sys.executable, "-m", module, str(folder), str(devices)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, start_new_session=True)


def kill(child: subprocess.Popen[bytes]) -> None:
    """The child and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def ends(child: subprocess.Popen[bytes]) -> None:
    """Wait until the child and all that it started have ended by themselves."""
    assert child.stderr is not None
    until = time.monotonic() + PATIENCE_S
    assert child.wait(PATIENCE_S) == 0, child.stderr.read().decode()
    while _alive(child.pid):
        assert time.monotonic() < until, "the second process has not ended"
        time.sleep(0.05)


def _alive(group: int) -> bool:
    """Whether a process of this group runs, as Linux tells; one that has ended but was not waited for does not."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            state, _, its = path.read_text().rpartition(")")[2].split()[:3]
            if int(its) == group and state != "Z":
                return True
    return False


def until_rows(folder: Path, child: subprocess.Popen[bytes], rows: int) -> None:
    """Wait until the log of a run has so many rows."""
    log, until = folder / "log.csv", time.monotonic() + PATIENCE_S
    assert child.stderr is not None
    while not (log.is_file() and log.read_text().count("\n") > rows):
        assert child.poll() is None and time.monotonic() < until, child.stderr.read().decode()
        time.sleep(0.005)
