"""The one way to compile a kernel: machine code without the interpreter lock, cached on disk."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable)


def compiled(function: F) -> F:
    """Compile with numba. Sums may be reordered for SIMD; NaN and infinity keep their meaning."""
    bare = inspect.unwrap(function)  # test runs wrap every function in type checks
    return cast(F, njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})(bare))
