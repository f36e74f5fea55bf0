"""Shape annotations are checked where there are some; what has none is checked by pyright, and costs nothing here."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any

import jaxtyping

NAME = re.compile(r"[A-Za-z_]\w*")


def where_they_are_written() -> None:
    """Let the import hook of jaxtyping wrap functions and dataclasses with annotated arrays, and those alone.

    It wraps every function otherwise, which took as long as the tests themselves.
    """
    wrap = jaxtyping.jaxtyped

    def shaped(*, typechecker: Any) -> Callable[[Any], Any]:
        def decorate(what: Any) -> Any:
            return wrap(what, typechecker=typechecker) if speaks_of_arrays(what) else what

        return decorate

    jaxtyping.jaxtyped = shaped  # type: ignore[assignment]


def speaks_of_arrays(what: Any) -> bool:
    """Whether a function, a property or a class annotates a shape, by a name of jaxtyping's or one for it."""
    if isinstance(what, property):
        return any(speaks_of_arrays(one) for one in (what.fget, what.fset, what.fdel) if one is not None)
    what = getattr(what, "__func__", what)  # of a class method or a static one
    known = vars(sys.modules[what.__module__])
    words = " ".join(map(str, inspect.get_annotations(what).values()))
    return any("jaxtyping" in repr(known.get(name, "")) for name in set(NAME.findall(words)))
