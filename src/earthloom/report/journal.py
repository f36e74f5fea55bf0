"""A log of a run for programs: one JSON object a line, written as things happen."""

from __future__ import annotations

import json
import math
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

from earthloom.engine.options import Run
from earthloom.errors import FileError, warn
from earthloom.report.plain import plain, strict
from earthloom.version import __version__

APART_S = 0.5  # between lines about the progress of a stage; its first and its last part are always told
STANDARD = "-"


@dataclass
class Journal:
    """Writes lines; when its file fails, it says so once and the run goes on."""

    stream: TextIO
    failed: bool = False
    _lock: Lock = field(default_factory=Lock)
    _told: dict[str, float] = field(default_factory=dict)

    def line(self, event: str, **more: Any) -> None:
        """One event, with its time (UTC)."""
        told = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **more}
        text = json.dumps(strict(told), default=plain, allow_nan=False)
        with self._lock:
            if self.failed:
                return
            try:
                self.stream.write(f"{text}\n")
                self.stream.flush()
            except (OSError, ValueError) as error:  # the disk is full, a pipe is closed
                self.failed = True
                why = error
        if self.failed:
            warn(f"`log_json` ends here: {why}")

    def progress(self, stage: str, done: int, total: int) -> None:
        """How far a stage is, not more often than a program cares to know."""
        now = time.monotonic()
        if done >= total or now - self._told.get(stage, -math.inf) >= APART_S:
            self._told[stage] = now
            self.line("progress", stage=stage, done=done, total=total)

    def fact(self, found: Mapping[str, Any]) -> None:
        """What was found out."""
        record = found.get("record")
        if record is not None:
            self.line("made", **record.as_dict())
        more = {name: value for name, value in found.items() if name != "record"}
        if more:
            self.line("fact", **{"facts": more})


@contextmanager
def journalled(run: Run, verb: str) -> Iterator[Run]:
    """The run with its listeners, and a journal beside them; errors and the end are told, too.

    Raises
    ------
    FileError
        If the file cannot be written, or holds something else.
    """
    with _opened(str(run.log_json)) as stream, warnings.catch_warnings():
        journal, began = Journal(stream), time.monotonic()
        shown = warnings.showwarning

        def show(message: Any, category: Any, *rest: Any, **more: Any) -> None:
            journal.line("warning", message=str(message), category=category.__name__)
            shown(message, category, *rest, **more)

        def progress(stage: str, done: int, total: int) -> None:
            journal.progress(stage, done, total)
            run.progress(stage, done, total)

        def say(line: str) -> None:
            journal.line("message", message=line)
            run.tell(line)

        def facts(found: Mapping[str, Any]) -> None:
            journal.fact(found)
            run.fact(**found)

        warnings.showwarning = show
        journal.line("begin", verb=verb, version=__version__, process=os.getpid())
        try:
            yield replace(run, log_json=None, progress=progress, say=say, facts=facts)
        except BaseException as error:
            journal.line("error", kind=type(error).__name__, message=str(error))
            journal.line("end", ok=False, seconds=round(time.monotonic() - began, 3))
            raise
        journal.line("end", ok=True, seconds=round(time.monotonic() - began, 3))


@contextmanager
def _opened(place: str) -> Iterator[TextIO]:
    """Where lines go: behind what an earlier run wrote."""
    if place == STANDARD:
        yield sys.stdout
        return
    path = Path(place)
    try:
        if path.is_file() and not _is_log(path):
            raise FileError(f"`log_json` {path} holds something else", "a new file, or an earlier log")
        stream = path.open("a", encoding="utf-8")
    except OSError as error:
        raise FileError(f"`log_json` {path} cannot be written ({error.strerror})") from error
    with stream:
        yield stream


def _is_log(path: Path) -> bool:
    """Whether a file is empty or begins like a line of ours."""
    with path.open("rb") as stream:
        return stream.read(1) in (b"", b"{")
