"""What networks made of an image in one look, kept while several wrappers ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

Kept = dict[bytes, np.ndarray]
_KEPT: ContextVar[Kept | None] = ContextVar("kept", default=None)


def kept() -> Kept | None:
    """What is kept in this thread, by what it was made of; None: nothing is."""
    return _KEPT.get()


@contextmanager
def computed_once() -> Iterator[None]:
    """Until the end, what a network made of an image in one look is kept in this thread, and not made again."""
    with _keeping({}):
        yield


@contextmanager
def computed_anew() -> Iterator[None]:
    """Until the end, it is not."""
    with _keeping(None):
        yield


@contextmanager
def _keeping(where: Kept | None) -> Iterator[None]:
    mark = _KEPT.set(where)
    try:
        yield
    finally:
        _KEPT.reset(mark)
