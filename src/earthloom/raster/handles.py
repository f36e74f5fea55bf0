"""Open files: one rasterio handle per thread and file, errors that name the file, warnings kept inside."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import rasterio
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError

from earthloom.errors import EarthloomError, FileError

try:
    from rasterio._err import CPLE_BaseError
except ImportError:  # a private module, it may move

    class CPLE_BaseError(Exception):  # type: ignore[no-redef]
        """Stands in for GDAL's own errors."""


_quiet = threading.Lock()  # warnings.catch_warnings is not thread-safe


@contextmanager
def quietly() -> Iterator[None]:
    """No warning about files without georeferencing (we say it where it matters), nor about rasterio's own code."""
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # rasterio multiplies affine 3 in the old way
        yield


@contextmanager
def file_errors(name: object, doing: str, hint: str = "") -> Iterator[None]:
    """Turn whatever rasterio or the system raises into a one-line FileError that names the file."""
    try:
        yield
    except EarthloomError:
        raise
    except CRSError as error:  # its text holds both CRS in full
        raise FileError(f"{name} cannot be {doing}: no operation leads from one CRS to the other", hint=hint) from error
    except (RasterioError, CPLE_BaseError, OSError, UnicodeError) as error:  # the last: tags and names in no encoding
        cause = error.__cause__ if "previous exception" in str(error) and error.__cause__ else error
        reason = " ".join(str(cause).split()).rstrip(".") or type(cause).__name__
        raise FileError(f"{name} cannot be {doing}: {reason}", hint=hint) from error


def open_file(path: str) -> Any:
    """A handle for reading, or a FileError."""
    with file_errors(path, "opened", "check the path and that it is an image GDAL reads"), quietly():
        if "\0" in path:
            raise FileError(f"{path} is no name of a file", hint="check the path")
        if "://" not in path and not path.startswith("/vsi") and path.count(":") == 0 and not os.path.exists(path):
            raise FileError(f"{path} does not exist", hint="check the path")
        return rasterio.open(path)


class Handles:
    """Handles by key, one for each thread, opened when first asked for.

    Parameters
    ----------
    opener
        Opens what a key stands for.
    """

    def __init__(self, opener: Callable[[Any], Any]) -> None:
        self._opener = opener
        self._local = threading.local()
        self._all: list[Any] = []
        self._derived: list[Handles] = []
        self._lock = threading.Lock()

    def get(self, key: object) -> Any:
        """This thread's handle (a process that was forked opens its own)."""
        mine = self._local.__dict__.setdefault("open", {})
        known = mine.get((os.getpid(), key))
        if known is None or known.closed:
            known = self._opener(key)
            mine[os.getpid(), key] = known
            with self._lock:
                self._all.append(known)
        return known

    def closes(self, derived: Handles) -> None:
        """Close others together with these: those of an image that was made of this one."""
        self._derived.append(derived)

    def close(self) -> None:
        """Close the handles of every thread; a later ``get`` opens anew."""
        for derived in self._derived:
            derived.close()
        with self._lock:
            handles, self._all = self._all, []
        for handle in handles:
            with suppress(RasterioError, CPLE_BaseError):
                handle.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"_opener": self._opener}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_opener"])
