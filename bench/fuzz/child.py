"""Cases read one after the other in a forked child within limits; what becomes of each is told through a pipe."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from bench.fuzz.subject import Subject, members, spoilt

MEMORY = 2 * 2**30  # bytes that a child may take beside what the parent holds
SECONDS = 10.0  # that one case may take; processor seconds, so that a busy machine is no hang
PATIENCE = 120.0  # seconds by the clock after which a child that says nothing is stopped
CASES = 2000  # of one child
LARGEST = 2**25  # bytes of a spoilt file: what is put in may be put in again and again


@dataclass(frozen=True)
class Case:
    """What became of one case.

    Parameters
    ----------
    outcome
        ``value``, ``error`` (one of ours), ``other`` (any other exception), ``crash``, ``hang`` or ``memory``.
    what
        Of anything else than a value: the kind of exception and where, or the signal.
    detail
        The message, or the last frames.
    """

    number: int
    outcome: str
    what: str = ""
    detail: str = ""


class Late(BaseException):
    """The time of a case is over; no reader may catch it."""


def case_of(subject: Subject, name: str, seed: int, number: int, valid: Path) -> tuple[str, bytes]:
    """The file that a case spoils, and what it then holds: the same for the same seed and number."""
    rng = Random(f"{seed}/{name}/{number}")
    one = rng.choice(members(valid, subject))
    other = rng.choice(members(valid, subject))
    return one, spoilt(subject, one, (valid / one).read_bytes(), rng, (valid / other).read_bytes())[:LARGEST]


def read_spoilt(subject: Subject, valid: Path, path: Path, member: str, data: bytes, place: Path) -> object:
    """Read a valid thing of which one file is replaced, laid out anew in a folder of its own."""
    shutil.copytree(valid, place, copy_function=os.link)
    spoiled = place / member
    spoiled.unlink()
    spoiled.write_bytes(data)
    return subject.read(place / path.relative_to(valid))


def run(subject: Subject, name: str, seed: int, first: int, last: int, valid: Path, path: Path) -> Iterator[Case]:
    """The outcomes of cases ``first`` to ``last``, in their order, in as many children as it takes."""
    number = first
    while number < last:
        most = min(last, number + CASES)
        for case in _in_child(subject, name, seed, number, most, valid, path):
            number = case.number + 1
            yield case


def _in_child(subject: Subject, name: str, seed: int, first: int, last: int, valid: Path, path: Path) -> Iterator[Case]:
    """One child; a case that ends it is the last."""
    reads, writes = os.pipe()
    scratch = Path(tempfile.mkdtemp(prefix="fuzz-", dir=valid.parent))
    child = os.fork()
    if child == 0:
        os.close(reads)
        said = os.dup(2)
        try:
            _work(subject, name, seed, first, last, valid, path, scratch, writes)
        except BaseException:  # of ours, not of a reader
            os.write(said, traceback.format_exc().encode())
            os._exit(1)
        os._exit(0)
    os.close(writes)
    number, ended = first, False
    try:
        with os.fdopen(reads, "rb") as stream:
            while number < last:
                ready, _, _ = select.select([stream], [], [], PATIENCE)
                line = stream.readline() if ready else b""
                if not line:
                    ended = True
                    break
                case = Case(**json.loads(line))
                number = case.number + 1
                yield case
        if ended:
            _, status = os.waitpid(child, os.WNOHANG) if not ready else os.waitpid(child, 0)
            yield _end(number, status, bool(ready))
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        shutil.rmtree(scratch, ignore_errors=True)


def _end(number: int, status: int, ended: bool) -> Case:
    """What the end of a child means."""
    if not ended:
        return Case(number, "hang", "no answer", f"{PATIENCE:g} s by the clock")
    if os.WIFSIGNALED(status):
        which = signal.Signals(os.WTERMSIG(status)).name
        return Case(number, "hang" if which == "SIGXCPU" else "crash", which)
    return Case(number, "crash", f"exit {os.WEXITSTATUS(status)}")


def _work(
    subject: Subject, name: str, seed: int, first: int, last: int, valid: Path, path: Path, scratch: Path, pipe: int
) -> None:
    """All cases of a child."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**26, 2**26))
    signal.signal(signal.SIGPROF, _late)
    warnings.simplefilter("ignore")
    os.chdir(scratch)
    for number in range(first, last):
        member, data = case_of(subject, name, seed, number, valid)
        case = judged(number, subject, valid, path, member, data, scratch / str(number))
        os.write(pipe, (json.dumps(case.__dict__) + "\n").encode())
        shutil.rmtree(scratch / str(number), ignore_errors=True)
        if number % 200 == 0:
            gc.collect()


def forked(path: str) -> str:
    """What is wrong with an HDF5 file, asked of a forked child: as the reader asks a process of its own."""
    from earthloom.raster import walk

    walk.CPU_SECONDS, walk.MEMORY = 2, resource.RLIM_INFINITY
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, 0)
        used = int(time.process_time()) + walk.CPU_SECONDS
        walk.CPU_SECONDS = used
        os._exit(walk.main(path))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "reading it does not end, or crashes"
    return "it is broken" if os.WEXITSTATUS(status) else ""


def _late(_number: int, _frame: FrameType | None) -> None:
    raise Late


def judged(number: int, subject: Subject, valid: Path, path: Path, member: str, data: bytes, place: Path) -> Case:
    """Read one case and tell what became of it."""
    from earthloom.errors import EarthloomError

    begun = time.process_time()
    limit = int(begun + 2 * SECONDS) + 1  # of a loop that no exception ends, the whole child
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        read_spoilt(subject, valid, path, member, data, place)
        return Case(number, "value")
    except EarthloomError as error:
        text = str(error)
        if "\n" in text or not text or len(text) > 4000:
            return Case(number, "other", f"{type(error).__name__} of several lines", text[:300])
        return Case(number, "error", type(error).__name__)
    except Late as error:
        return Case(number, "hang", *_where(error))
    except MemoryError as error:
        return Case(number, "memory", *_where(error))
    except BaseException as error:
        return Case(number, "other", *_where(error))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _where(error: BaseException) -> tuple[str, str]:
    """The kind of an exception with the innermost frame of ours, and the last frames."""
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/earthloom/" in frame.filename] or frames
    inner = ours[-1]
    place = f"{inner.filename.rpartition('/earthloom/')[2]}:{inner.lineno} {inner.name}"
    last = "; ".join(f"{f.filename.rpartition('site-packages/')[2]}:{f.lineno}" for f in frames[-3:])
    return f"{type(error).__name__} in {place}", f"{str(error)[:200]} | {last}"
