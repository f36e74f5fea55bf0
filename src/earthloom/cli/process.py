"""What a program may do to its process and a library may not: memory settings, and how signals end a run.

Ctrl-C, SIGTERM and a closed terminal end a run cleanly, even where a library swallows what they raise.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from earthloom.errors import HangUp

CACHE_MB = 128  # GDAL's block cache; its default, 5 % of the memory, is mostly pages touched for the first time
HANG_UP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
_asked: list[int] = []  # the signals received


@contextmanager
def stoppable() -> Iterator[None]:
    """The signals raise KeyboardInterrupt inside; the handlers of before come back at the end."""
    _asked.clear()
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM, *HANG_UP):
        known = signal.getsignal(number)
        if known in (signal.default_int_handler, signal.SIG_DFL):  # a job in the background ignores SIGINT: leave it
            before[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    """Remember, and raise."""
    _asked.append(number)
    raise HangUp if number in HANG_UP else KeyboardInterrupt


def asked() -> bool:
    """Whether a signal came."""
    return bool(_asked)


def check() -> None:
    """Raise again what was asked for and got lost on its way."""
    if asked():
        raise KeyboardInterrupt


def exit_code() -> int:
    """128 and the number of the signal, as shells count: 130 for Ctrl-C."""
    return 128 + (_asked[-1] if _asked else signal.SIGINT)


def tune() -> None:
    """Keep freed memory for the next tile instead of giving it back.

    Arrays of a few MB come and go with every tile. By default each is mapped and unmapped anew, and the kernel
    clears its pages every time (a third of the run time of a cheap method). Variables set by the user win.
    """
    os.environ.setdefault("GDAL_CACHEMAX", str(CACHE_MB))
    if not sys.platform.startswith("linux") or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # numbers of malloc.h
    mallopt(trim_threshold, 1 << 30)
    mallopt(top_pad, 1 << 26)
    mallopt(mmap_threshold, 1 << 30)
