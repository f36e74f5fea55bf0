"""The one way to compile a kernel: machine code without the interpreter lock, cached on disk."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from numba import njit

from earthloom.errors import warn

F = TypeVar("F", bound=Callable)


def compiled(function: F) -> F:
    """Compile with numba. Sums may be reordered for SIMD; NaN and infinity keep their meaning."""
    bare = inspect.unwrap(function)  # test runs wrap every function in type checks
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "reassoc", "nsz"}}
    try:
        return cast(F, njit(cache=True, **options)(bare))
    except RuntimeError:  # neither the package nor the home folder can be written: a container, a shared installation
        _say_uncached()
        return cast(F, njit(**options)(bare))


@cache
def _say_uncached() -> None:
    """Once."""
    warn(
        "no folder for compiled code can be written, so it is compiled anew in every process, which takes some "
        "seconds; NUMBA_CACHE_DIR names one"
    )
