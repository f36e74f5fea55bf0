"""Rows made by processes of their own: one that dies takes its row with it, and no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from earthloom.verbs.batching.making import Made, Task, make

PATIENCE_S = 15.0  # for a process that was asked to stop
ENDED = {signal.SIGSEGV: "a segmentation fault", signal.SIGKILL: "killed, as the system does when memory runs out"}


@dataclass
class Helper:
    """A process that makes one row after the other."""

    process: Any
    pipe: Connection
    task: Task | None = None
    began: float = 0.0

    @classmethod
    def start(cls) -> Helper:
        """Begin one."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), name="earthloom-row")
        process.start()
        theirs.close()
        return cls(process, ours)

    def give(self, task: Task) -> None:
        """Give it a row."""
        self.task, self.began = task, time.monotonic()
        self.pipe.send(task.alone)

    def take(self) -> Made:
        """What became of its row; how it ended, when it did."""
        assert self.task is not None
        name, self.task = self.task.name, None
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return Made(name, _ending(self.process.exitcode), seconds=time.monotonic() - self.began)

    def stop(self, at_once: bool) -> None:
        """End it: when it has nothing to do, or in the middle of a row."""
        if at_once and self.process.is_alive():
            self.process.terminate()
        self.pipe.close()
        self.process.join(PATIENCE_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def made_by_helpers(tasks: Iterator[Task], jobs: int) -> Iterator[Made]:
    """Rows as they are finished, ``jobs`` at a time. A row is taken from ``tasks`` when its turn has come.

    When the caller stops, rows in the making are stopped too.
    """
    helpers: list[Helper] = []
    at_once = True
    try:
        while True:
            while sum(one.task is not None for one in helpers) < jobs and (task := next(tasks, None)) is not None:
                idle = next((one for one in helpers if one.task is None), None)
                if idle is None:
                    helpers.append(idle := Helper.start())
                idle.give(task)
            busy: Sequence[Helper] = [one for one in helpers if one.task is not None]
            if not busy:
                at_once = False
                return
            ready = wait([one.pipe for one in busy])
            for helper in [one for one in busy if one.pipe in ready]:
                made = helper.take()
                if helper.process.exitcode is not None:
                    helpers.remove(helper)
                yield made
    finally:
        for helper in helpers:
            if at_once and helper.process.is_alive():
                helper.process.terminate()  # all of them before waiting for the first
        for helper in helpers:
            helper.stop(at_once)


def _ending(code: int | None) -> str:
    """How a process ended."""
    if code is None or code >= 0:
        return f"its process ended (exit code {code})"
    return f"its process ended: {ENDED.get(-code, signal.Signals(-code).name)}"  # type: ignore[call-overload]


def _serve(pipe: Connection) -> None:
    """Make the rows that come through a pipe, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to heed, which asks to stop
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_watch, daemon=True).start()
    try:
        while True:
            pipe.send(make(pipe.recv()))
    except (EOFError, OSError, KeyboardInterrupt):
        pass


def _stop(number: int, frame: Any) -> None:
    """Leave the row, and nothing half-written."""
    raise KeyboardInterrupt


def _watch() -> None:
    """End with the parent, however it ended: nobody waits for the row any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PAUSE_S)
    os._exit(1)


PAUSE_S = 5.0  # to leave a row in order
