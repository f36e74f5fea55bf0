"""What befalls a run: one function each, which starts the command, brings the fault, and tells how it ended.

All draw when and where from the trial; faults.py looks at what they left.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import rasterio
import rasterio.windows
from rasterio.errors import RasterioIOError

from bench.reliability.kills import files
from bench.reliability.trial import BLOCK, PRODUCT, SIDE, Ended, Files, Running, Trial
from earthloom.engine.ledger import ASKED, part_of

STARTS_S = 120.0  # for workers to be there
FREE = 12 << 20  # bytes: what a run takes at its largest
BAD = 64  # bytes of a block that are overwritten


def worker_dies(trial: Trial) -> Ended:
    """SIGKILL to one of the two workers of a local cluster, while they start or while tiles are made."""
    span = _working_s(trial)
    run = trial.begin("--workers", "2")
    _begun(trial, run)
    workers = _workers(run)
    trial.wait(span)
    late = run.over() or not workers
    if not late:
        with suppress(psutil.NoSuchProcess):
            trial.draw.choice(workers).kill()
    return Ended(*run.end(), late)


_WORKING: dict[str, float] = {}


def _working_s(trial: Trial) -> float:
    """Seconds from when the ledger of a run is begun to its end."""
    if trial.case.verb not in _WORKING:
        run = trial.begin("--workers", "2")
        _begun(trial, run)
        began = time.monotonic()
        code, text = run.end()
        assert code == 0, text
        _WORKING[trial.case.verb] = time.monotonic() - began
        (trial.folder / PRODUCT).unlink()
    return _WORKING[trial.case.verb]


def _begun(trial: Trial, run: Running) -> None:
    """Wait for the ledger: the workers are there, or on their way."""
    while not run.over() and not (part_of(trial.folder / PRODUCT) / ASKED).exists():
        time.sleep(0.005)


def _workers(run: Running) -> list[psutil.Process]:
    """The worker processes of a run."""
    with suppress(psutil.NoSuchProcess):
        below = psutil.Process(run.number).children(recursive=True)
        return [one for one in below if "spawn_main" in " ".join(one.cmdline())]
    return []


def scheduler_dies(trial: Trial) -> Ended:
    """SIGKILL to a scheduler that serves the run and was started apart from it."""
    with _served(trial.scene.folder) as (scheduler, address):
        run = trial.begin("--scheduler", address)
        trial.wait()
        late = run.over()
        scheduler.kill()
        return Ended(*run.end(), late)


@contextmanager
def _served(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A scheduler with two workers, and its address."""
    place = folder / "scheduler.json"
    place.unlink(missing_ok=True)
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    common = ["--scheduler-file", str(place), "--no-dashboard"]
    here = ["--host", "127.0.0.1"]

    def started(kind: str, *more: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *common, *here, *more]
        return subprocess.Popen(words, start_new_session=True, **quiet)

    scheduler = started("scheduler", "--port", "0")
    workers = started("worker", "--nworkers", "2", "--nthreads", "1", "--local-directory", str(folder))
    try:
        from distributed import Client

        while not place.exists():
            time.sleep(0.05)
        with Client(scheduler_file=str(place), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=STARTS_S)
            address = client.scheduler.address
        yield scheduler, address
    finally:
        for process in (workers, scheduler):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def files_may_not_grow(trial: Trial) -> Ended:
    """From a moment on no file may be larger than a part of the product."""
    run = trial.begin()
    trial.wait()
    late = run.over()
    if not late:
        limit = trial.draw.randrange(2000, trial.case.size)  # what is said is a file, too
        with suppress(ProcessLookupError):
            resource.prlimit(run.number, resource.RLIMIT_FSIZE, (limit, limit))
    return Ended(*run.end(), late)


def disk_fills(trial: Trial) -> Ended:
    """From a moment on a disk of its own has next to no room, or some, as another program filled it."""
    run = trial.begin()
    trial.wait()
    late = run.over()
    ballast = trial.folder.parent / "ballast"
    left = trial.draw.choice((0, trial.draw.randrange(FREE)))
    if not late:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while (more := shutil.disk_usage(trial.folder).free - left) > 0:
                file.write(bytes(min(more, 1 << 20)))
    ended = run.end()
    ballast.unlink(missing_ok=True)
    return Ended(*ended, late)


def input_goes(trial: Trial) -> Ended:
    """An input is taken away; it is there again for the next run."""
    run = trial.begin()
    trial.wait()
    late = run.over()
    (trial.scene.inputs / trial.draw.choice(trial.case.inputs)).unlink()
    return Ended(*run.end(), late)


def input_rewritten(trial: Trial) -> Ended:
    """Other pixels are written to the file of an input."""
    return _changed(trial, lambda other, path: path.write_bytes(other.read_bytes()))


def input_replaced(trial: Trial) -> Ended:
    """Another file takes the name of an input."""

    def replaced(other: Path, path: Path) -> None:
        beside = path.with_name(f".{path.name}")
        shutil.copy(other, beside)
        os.replace(beside, path)

    return _changed(trial, replaced)


def _changed(trial: Trial, change: Callable[[Path, Path], object]) -> Ended:
    """The run may end as of the input before or after, never of both; the next is of what lies there now."""
    name = trial.draw.choice(trial.case.inputs)
    then = _made_of_other(trial.case.verb, name, trial)
    run = trial.begin()
    trial.wait()
    late = run.over()
    change(trial.scene.folder / "other" / name, trial.scene.inputs / name)
    return Ended(*run.end(), late, good=(trial.case.whole, then), then=then, keep=True)


_OTHER: dict[tuple[str, str], Files] = {}


def _made_of_other(verb: str, name: str, trial: Trial) -> Files:
    """What a run makes of a changed input when it is left alone."""
    if (verb, name) not in _OTHER:
        shutil.copy(trial.scene.folder / "other" / name, trial.scene.inputs / name)
        code, text = trial.run()
        assert code == 0, text
        _OTHER[verb, name] = files(trial.folder)
        (trial.folder / PRODUCT).unlink()
        trial.scene.fresh()
    return _OTHER[verb, name]


def read_fails_once(trial: Trial) -> Ended:
    """The n-th read of a file fails in the way of GDAL or of the system."""
    fails = trial.draw.randrange(_reads(trial))
    error = trial.draw.choice((OSError(5, "Input/output error"), RasterioIOError("Read failed")))
    return Ended(*trial.run(first=lambda: _watched(lambda number: number == fails, error)))


def _watched(wrong: Callable[[int], bool], error: Exception) -> None:
    """From now on reads are numbered, and some of them fail."""
    from earthloom.raster.readers import FileReader

    numbers, lock, ordinary = iter(range(1 << 40)), threading.Lock(), FileReader._take

    def take(self: Any, *given: Any) -> None:
        with lock:
            number = next(numbers)
        if wrong(number):
            raise error
        ordinary(self, *given)

    FileReader._take = take  # type: ignore[method-assign]


_READS: dict[str, int] = {}


def _reads(trial: Trial) -> int:
    """How many reads the run has."""
    if trial.case.verb not in _READS:
        counted = trial.scene.folder / "reads"
        counted.write_bytes(b"")

        def count(number: int) -> bool:
            with counted.open("ab") as file:
                file.write(b".")
            return False

        code, text = trial.run(first=lambda: _watched(count, OSError()))
        assert code == 0, text
        (trial.folder / PRODUCT).unlink()
        _READS[trial.case.verb] = counted.stat().st_size
    return _READS[trial.case.verb]


def block_is_corrupt(trial: Trial) -> Ended:
    """Bytes of a compressed block are overwritten, and that is an error."""
    name, _ = _corrupted(trial)
    code, text = trial.run("--on-bad-block", "fail")
    return Ended(code, text, wrong="" if code == 0 or name in text else "the file is not named")


def block_is_missing(trial: Trial) -> Ended:
    """The same, and the block is taken for missing: pixel by pixel the product of an image that lacks the block."""
    name, (rows, cols) = _corrupted(trial)
    wanted = _made_without(trial, name, rows, cols)
    code, text = trial.run("--on-bad-block", "nodata")
    if code:
        return Ended(code, text)
    made, lacks = _pixels(trial.folder / PRODUCT)
    block = np.zeros((SIDE, SIDE), bool)
    block[rows, cols] = True
    wrong = "" if (lacks == block).all() else f"{(lacks != block).sum()} pixels are missing, or are not"
    if not wrong and (made[:, ~block] != wanted[:, ~block]).any():
        wrong = f"{(made != wanted).any(0)[~block].sum()} other pixels differ"
    if not wrong and len(text.splitlines()) != 2:
        wrong = "it is not said once"
    return Ended(code, text, good=(files(trial.folder),), wrong=wrong)


def _made_without(trial: Trial, name: str, rows: slice, cols: slice) -> np.ndarray:
    """What the command makes of the same image with a hole in place of the block."""
    path, spoilt = trial.scene.inputs / name, trial.scene.folder / "spoilt.tif"
    shutil.copy2(path, spoilt)
    trial.scene.fresh()
    with rasterio.open(path, "r+") as file:
        image = file.read()
        image[:, rows, cols] = 0  # all else is 100 or more
        file.nodata = 0
        file.write(image)
    code, text = trial.run()
    assert code == 0, text
    found, _ = _pixels(trial.folder / PRODUCT)
    (trial.folder / PRODUCT).unlink()
    shutil.copy2(spoilt, path)
    return found


def _pixels(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a product, and where they are missing."""
    with rasterio.open(path) as file:
        return file.read(), file.read_masks(1) == 0


def _corrupted(trial: Trial) -> tuple[str, tuple[slice, slice]]:
    """Spoil a block of the compressed input so that it cannot be decoded: the file's name, and where the block lies."""
    path = trial.scene.inputs / trial.case.inputs[0]
    row, col = trial.draw.randrange(SIDE // BLOCK), trial.draw.randrange(SIDE // BLOCK)
    rows, cols = (slice(at * BLOCK, (at + 1) * BLOCK) for at in (row, col))
    with rasterio.open(path) as file:
        start, size = (
            int(file.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE")
        )
    while True:  # deflate decodes some of what is wrong, and nobody can tell
        with path.open("r+b") as stream:
            stream.seek(start + trial.draw.randrange(size - BAD))
            stream.write(trial.draw.randbytes(BAD))
        try:
            with rasterio.open(path) as file:
                file.read(window=rasterio.windows.Window.from_slices(rows, cols))
        except RasterioIOError:
            return path.name, (rows, cols)


def two_write(trial: Trial) -> Ended:
    """The same command once more, a moment after the first: one of them makes the product, the other is refused."""
    one = trial.begin()
    trial.wait(1.2 * trial.case.seconds)
    late = one.over()
    two = Running(_second(trial), trial.log.with_suffix(".second"))
    first, second = sorted([one.end(), two.end()])
    wrong = "" if (first[0], second[0]) == (0, 2) else f"they ended with {first[0]} and {second[0]}: {second[1]}"
    lines = second[1].splitlines()
    if not wrong and (len(lines) != 1 or not ("another process" in lines[0] or "exists" in lines[0])):
        wrong = second[1]
    return Ended(*first, late, wrong=wrong)


def _second(trial: Trial) -> int:
    """Another process of the same command."""
    from bench.reliability.kills import child

    return child(trial.arguments(), trial.log.with_suffix(".second"))


@cache
def has_disk(folder: Path) -> bool:
    """Whether a small disk was put at a folder, which takes the rights to do so."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={8 * FREE}", "tmpfs", str(folder)]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
