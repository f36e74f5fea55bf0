"""Runs the program as a process of its own: what it tells, how far it is, and an end that leaves its parts. No QGIS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any, NamedTuple

FOREIGN = (  # what QGIS sets for itself, and another Python and GDAL must not see
    "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_LIB", "PROJ_DATA",
    "QT_PLUGIN_PATH", "VIRTUAL_ENV",
)  # fmt: skip
PROGRAM = "EARTHLOOM_PROGRAM"  # variable that names the program, before the path is searched
LOOKS_S = 0.1  # between looks at whether to stop
PATIENCE_S = 60.0  # for a program that was asked to stop
INSTALL = "pip install earthloom, and name the program under Settings, Options, Processing, Providers, Earthloom"


class ProgramError(RuntimeError):
    """The program is not there, or ended with an error."""


class Event(NamedTuple):
    """What a line of the program tells: ``kind`` is progress, message, warning, text or error."""

    kind: str
    text: str = ""
    percent: float | None = None


def find_program(told: str = "") -> str:
    """The program: as told, as the variable names it, or from the path.

    Raises
    ------
    ProgramError
        If there is none.
    """
    asked = told or os.environ.get(PROGRAM, "")
    found = shutil.which(asked or "earthloom")
    if found is None:
        raise ProgramError(f"the program '{asked or 'earthloom'}' was not found; {INSTALL}")
    return found


def described(program: str, kept_in: Path) -> dict[str, Any]:
    """What ``earthloom --describe`` says; kept until the version is another, for it takes some seconds.

    Raises
    ------
    ProgramError
        If it does not answer.
    """
    version = _answer(program, "--version").strip()
    file = kept_in / "earthloom.json"
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if (kept["version"], kept["asked"]) == (version, program):
            return kept
    except (OSError, ValueError, KeyError, TypeError):
        pass
    text = _answer(program, "--describe")
    try:
        found = {**json.loads(text), "asked": program}
    except ValueError as wrong:
        raise ProgramError(f"{program} --describe printed no JSON; an Earthloom before 0.1? pip install -U") from wrong
    try:
        kept_in.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found), encoding="utf-8")
    except OSError:
        pass  # asked again next time
    return found


def _answer(program: str, *words: str) -> str:
    """What the program prints.

    Raises
    ------
    ProgramError
        If it fails.
    """
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, encoding="utf-8", errors="replace", env=environment(), check=False,
            **_apart(),
        )  # fmt: skip
    except OSError as wrong:
        raise ProgramError(f"{program} cannot be run ({wrong.strerror}); {INSTALL}") from wrong
    if done.returncode:
        raise ProgramError(f"{program} {' '.join(words)}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout


def environment(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for another Python than that of QGIS."""
    return {name: value for name, value in (os.environ if own is None else own).items() if name not in FOREIGN}


def run(
    program: str,
    argv: Sequence[str],
    listen: Callable[[Event], Any],
    cancelled: Callable[[], bool],
    journal: bool = True,
) -> bool:
    """Run a command to its end, or until it is cancelled.

    Parameters
    ----------
    program, argv
        What is run, and the words behind it.
    listen
        Told of everything that happens.
    cancelled
        Asked some times a second. The program then ends as by Ctrl-C: finished tiles stay beside the product, and the
        same command goes on from there.
    journal
        Whether the command writes ``--log-json``.

    Returns
    -------
    Whether it came to its end; False where it was cancelled.

    Raises
    ------
    ProgramError
        With the program's own line, where it ended with an error.
    """
    words = [program, *argv, *(["--log-json=-", "--quiet"] if journal else [])]
    try:
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, encoding="utf-8",
            errors="replace", env=environment(), **_apart(),
        )  # fmt: skip
    except OSError as wrong:
        raise ProgramError(f"{program} cannot be run ({wrong.strerror}); {INSTALL}") from wrong
    lines: Queue[tuple[str, str]] = Queue()
    readers = [_reader(name, getattr(process, name), lines) for name in ("stdout", "stderr")]
    complaint, stopped = "", False
    while any(reader.is_alive() for reader in readers) or not lines.empty():
        try:
            name, line = lines.get(timeout=LOOKS_S)
            if name == "stderr" and line.startswith("earthloom: "):
                complaint = line.removeprefix("earthloom: ")
            elif name == "stdout" or not journal:
                listen(event_of(line) if name == "stdout" else Event("message", line))
        except Empty:
            pass
        if not stopped and cancelled():
            stopped = True
            _stop(process)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    code = process.wait()
    if stopped:
        listen(Event("message", complaint or "stopped"))
        return False
    if code:
        raise ProgramError(complaint or f"earthloom ended with exit code {code}")
    return True


def event_of(line: str) -> Event:
    """What a line of standard output tells; anything but a line of the journal is text."""
    try:
        told = json.loads(line)
        kind = told["event"]
    except (ValueError, KeyError, TypeError):
        return Event("text", line)
    if kind == "progress":
        total = told["total"]
        return Event("progress", str(told["stage"]), 100.0 * told["done"] / total if total else None)
    if kind in ("message", "warning", "error"):
        return Event(kind, str(told["message"]))
    if kind == "made":
        return Event("message", f"{told['method']} in {told['seconds']:.1f} s: {told['product']}")
    return Event("silent")


def _reader(name: str, stream: IO[str], lines: Queue[tuple[str, str]]) -> Thread:
    """A thread that hands on the lines of a stream, for reading waits."""

    def read() -> None:
        for line in stream:
            lines.put((name, line.rstrip("\n")))

    thread = Thread(target=read, daemon=True)
    thread.start()
    return thread


def _apart() -> dict[str, Any]:
    """No window of its own, and signals of its own, on Windows."""
    if os.name != "nt":
        return {}
    return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]


def _stop(process: subprocess.Popen[str]) -> None:
    """Ask a program to stop as by Ctrl-C; end it where it does not.

    Children of a QGIS that a shell has put into the background ignore SIGINT itself, so that it is SIGTERM; on Windows
    this ends the program at once, and finished tiles stay as after any death.
    """
    process.terminate()
    Thread(target=_end, args=(process,), daemon=True).start()


def _end(process: subprocess.Popen[str]) -> None:
    """The end of a program that does not stop."""
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
