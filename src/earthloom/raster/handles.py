"""Open files: one rasterio handle per thread and file, errors that name the file, warnings kept inside."""

from __future__ import annotations

import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from rasterio._path import _parse_path  # private, but the only way to name several drivers
from rasterio.env import ensure_env_with_credentials
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.raster import remote
from earthloom.raster.addresses import is_remote, without_secrets
from earthloom.raster.remote import CPLE_BaseError, gdal_name
from earthloom.raster.trust.rasters import drivers_for, require_no_overviews_elsewhere
from earthloom.raster.trust.sizes import require_sane

T = TypeVar("T")

WAITS_S = (0.1, 0.3, 1.0)  # before a read that failed is tried again: disks in the network and servers come back
LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)  # they would fail once more
REFUSED = re.compile(r"not recogni[sz]ed|No such file|does not exist|(?:response code:|HTTP) 4(?!08|29)\d\d", re.I)
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
    except UnicodeError as error:
        raise FileError(f"{name} cannot be {doing}: its tags are no UTF-8 ({error})", hint=hint) from error
    except CRSError as error:  # its text holds both CRS in full
        raise FileError(f"{name} cannot be {doing}: no operation leads from one CRS to the other", hint=hint) from error
    except (RasterioError, CPLE_BaseError, OSError) as error:
        if is_remote(name):
            reason, hint = remote.why(name if isinstance(name, str) else str(name), error, hint)
            raise FileError(f"{without_secrets(str(name))} cannot be {doing}: {reason}", hint=hint) from error
        cause = error.__cause__ if "previous exception" in str(error) and error.__cause__ else error
        reason = " ".join(str(cause).split()).rstrip(".") or type(cause).__name__
        raise FileError(f"{name} cannot be {doing}: {reason}", hint=hint) from error


def may_pass(error: BaseException) -> bool:
    """Whether what was read in vain may be read in a moment: an error of the system, of GDAL or of HDF5, unless it
    says that nothing is there, that it is of no known kind, or that one may not."""
    if isinstance(error, FileError) and is_remote(error.given):
        return False  # it was tried again already
    cause = error.__cause__ if isinstance(error, FileError) else error
    known = isinstance(cause, (OSError, RasterioError, CPLE_BaseError)) and not isinstance(cause, CRSError)
    return known and not isinstance(cause, LASTING) and not REFUSED.search(f"{error} {cause}")


def patiently(read: Callable[[], T]) -> T:
    """What ``read`` gives; a failure that may pass is waited for, and tried again as often as ``WAITS_S`` says."""
    for wait in WAITS_S:
        try:
            return read()
        except (OSError, RasterioError, CPLE_BaseError, FileError) as error:
            if not may_pass(error):
                raise
        time.sleep(wait)
    return read()


def open_file(path: str, band: int | None = None) -> Any:
    """A handle for reading an image, or one band of it, that may be opened and whose header is no lie.

    What lies elsewhere is tried again where that may help.

    Raises
    ------
    FileError
        If it is missing, broken, no image, or refused by :mod:`earthloom.raster.trust`.
    """
    with file_errors(path, "opened", "check the path and that it is an image GDAL reads"), quietly():
        if "\0" in path:
            raise FileError(f"{path} is no name of a file", hint="check the path")
        return remote.tried(path, lambda: _opened(path, band))


def _opened(path: str, band: int | None) -> Any:
    """The same, once."""
    name = gdal_name(path) if is_remote(path) else path
    drivers, stored = drivers_for(name)
    file = _reader(name, drivers)
    try:
        require_sane(file, path, stored)
        require_no_overviews_elsewhere(file, path)
        if band is None:
            return file
        if "?" in name:
            raise InputError(
                f"{path}: bands with codes of their own behind a signed address", "one code", "say `nodata`"
            )
        alone = _reader(f"vrt://{name}?bands={band}", ["VRT"])
    except BaseException:
        file.close()
        raise
    file.close()
    return alone


@ensure_env_with_credentials
def _reader(path: str, drivers: list[str] | None) -> Any:
    """A handle by one of these drivers; rasterio's own ``open`` takes no more than one."""
    return DatasetReader(_parse_path(path), driver=drivers)


@dataclass(frozen=True, eq=False)
class _Held:
    """A handle, and the thread of the process that reads by it."""

    process: int
    thread: threading.Thread
    key: object
    handle: Any

    def is_free(self, key: object) -> bool:
        """Whether it stands for this, in this process, and nobody reads by it any more."""
        return (self.process, self.key) == (os.getpid(), key) and not self.thread.is_alive() and not self.handle.closed


class Handles:
    """Handles by key, one for each thread, opened when first asked for; what a thread leaves that ends serves others.

    Parameters
    ----------
    opener
        Opens what a key stands for.
    """

    def __init__(self, opener: Callable[[Any], Any]) -> None:
        self._opener = opener
        self._local = threading.local()
        self._all: list[_Held] = []
        self._derived: list[Handles] = []
        self._lock = threading.Lock()

    def get(self, key: object) -> Any:
        """This thread's handle (a process that was forked opens its own)."""
        mine = self._local.__dict__.setdefault("open", {})
        known = mine.get((os.getpid(), key))
        if known is None or known.closed:
            known = self._left_over(key) or self._keep(key, self._opener(key))
            mine[os.getpid(), key] = known
        return known

    def _keep(self, key: object, handle: Any) -> Any:
        """Note whose a handle is from now on."""
        with self._lock:
            self._all.append(_Held(os.getpid(), threading.current_thread(), key, handle))
        return handle

    def _left_over(self, key: object) -> Any:
        """A handle of a thread that has ended: every pass over a scene has threads of its own."""
        with self._lock:
            found = next((held for held in self._all if held.is_free(key)), None)
            if found is not None:
                self._all.remove(found)
        return found and self._keep(key, found.handle)

    def drop(self, key: object) -> None:
        """Close this thread's handle: what it remembers of a read that failed goes with it."""
        known = self._local.__dict__.get("open", {}).pop((os.getpid(), key), None)
        if known is not None:
            with self._lock:
                self._all = [held for held in self._all if held.handle is not known]
            with suppress(RasterioError, CPLE_BaseError):
                known.close()

    def closes(self, derived: Handles) -> None:
        """Close others together with these: those of an image that was made of this one."""
        self._derived.append(derived)

    def close(self) -> None:
        """Close the handles of every thread; a later ``get`` opens anew."""
        for derived in self._derived:
            derived.close()
        with self._lock:
            all_of_them, self._all = self._all, []
        for held in all_of_them:
            with suppress(RasterioError, CPLE_BaseError):
                held.handle.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"_opener": self._opener}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_opener"])
