"""Stopping: Ctrl-C, SIGTERM and a closed terminal end a run cleanly, even where a library swallows what they raise."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from earthloom.errors import HangUp

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
