"""A read that fails and may pass is tried again; one that will not is not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from rasterio.errors import CRSError, RasterioIOError

from earthloom.errors import FileError
from earthloom.raster import handles, readers
from earthloom.raster.handles import Handles, file_errors, may_pass, patiently
from earthloom.raster.open import open_image
from tests.e2e.conftest import grid, put


class Failing:
    """Raises its errors one by one, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "read"


def test_it_waits_longer_each_time_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(handles, "WAITS_S", (1.0, 2.0, 4.0))
    monkeypatch.setattr("time.sleep", waited.append)
    read = Failing(OSError(5, "Input/output error"), RasterioIOError("Read failed"))
    assert patiently(read) == "read" and read.calls == 3 and waited == [1.0, 2.0]


def test_it_gives_up_with_the_last_error() -> None:
    read = Failing(*[OSError(5, f"try {n}") for n in range(9)])
    with pytest.raises(OSError, match="try 3"):
        patiently(read)
    assert read.calls == 1 + len(handles.WAITS_S) == 4


def _as_file_error(cause: Exception) -> FileError:
    with pytest.raises(FileError) as raised, file_errors("a.tif", "read"):
        raise cause
    return raised.value


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (OSError(5, "Input/output error"), True),
        (OSError(116, "Stale file handle"), True),
        (RasterioIOError("Read failed. See previous exception for details."), True),
        (RasterioIOError("HTTP response code: 503"), True),
        (RasterioIOError("HTTP response code: 429"), True),
        (RasterioIOError("HTTP response code: 404"), False),
        (RasterioIOError("HTTP response code: 403"), False),
        (RasterioIOError("'a.tif' not recognized as being in a supported file format."), False),
        (FileNotFoundError(2, "No such file or directory"), False),
        (PermissionError(13, "Permission denied"), False),
        (CRSError("no such CRS"), False),
        (ValueError("another matter"), False),
    ],
)
def test_which_errors_may_pass(error: Exception, passes: bool) -> None:
    assert may_pass(error) is passes
    if isinstance(error, (OSError, RasterioIOError, CRSError)):
        assert may_pass(_as_file_error(error)) is passes


def test_what_says_no_more_than_a_file_error_is_not_tried_again() -> None:
    read = Failing(FileError("a.tif does not exist"))
    with pytest.raises(FileError):
        patiently(read)
    assert read.calls == 1


def test_an_image_is_read_again_from_a_new_handle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "a.tif", np.arange(64, dtype="uint16").reshape(1, 8, 8), grid(10))
    used: list[int] = []
    ordinary = readers.FileReader._take

    def take(self: Any, handle: Any, *rest: Any) -> None:
        used.append(id(handle))
        if len(used) < 3:
            raise RasterioIOError("Read failed")
        ordinary(self, handle, *rest)

    with open_image(path) as image:
        monkeypatch.setattr(readers.FileReader, "_take", take)
        data, valid = image.read()
    assert len(used) == 3 and valid.all() and data.sum() == 64 * 63 / 2


class Handle:
    closed = False

    def close(self) -> None:
        self.closed = True


def test_a_dropped_handle_is_closed_and_opened_anew() -> None:
    kept = Handles(lambda key: Handle())
    first = kept.get("a")
    kept.drop("a")
    kept.drop("never opened")
    assert first.closed and kept.get("a") is not first


def test_what_a_thread_leaves_that_ends_serves_the_next() -> None:
    """Every pass has threads of its own; two that read at a time never share a handle."""
    opened: list[Handle] = []

    def opener(_: object) -> Handle:
        opened.append(Handle())
        return opened[-1]

    kept, taken = Handles(opener), []
    for _ in range(3):
        gate = Barrier(2)

        def read(gate: Barrier = gate) -> object:
            gate.wait()
            found = kept.get(1)
            gate.wait()
            return found

        with ThreadPoolExecutor(2) as pool:
            taken.append({id(task.result()) for task in [pool.submit(read) for _ in range(2)]})
    assert all(len(pair) == 2 for pair in taken) and len(opened) == 2
    assert kept.get(2) is not kept.get(1)
    kept.close()
    assert all(one.closed for one in opened)
