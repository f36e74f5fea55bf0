"""Shape annotations are checked where there are some; what has none is checked by pyright, and costs nothing here.

A function is checked in its first calls of a process and in every so many after them: what is called ten thousand
times took a tenth of the suite to be found right as often.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any

import jaxtyping

FIRST, EVERY = 200, 20  # calls of a function that are checked: so many, and then every so many
NAME = re.compile(r"[A-Za-z_]\w*")


def where_they_are_written() -> None:
    """Let the import hook of jaxtyping wrap functions and dataclasses with annotated arrays, and those alone.

    It wraps every function otherwise, which took as long as the tests themselves.
    """
    wrap = jaxtyping.jaxtyped

    def shaped(*, typechecker: Any) -> Callable[[Any], Any]:
        def decorate(what: Any) -> Any:
            if not speaks_of_arrays(what):
                return what
            checked = wrap(what, typechecker=typechecker)
            return sometimes(checked, what) if inspect.isfunction(what) else checked

        return decorate

    jaxtyping.jaxtyped = shaped  # type: ignore[assignment]


def sometimes(checked: Callable[..., Any], bare: Callable[..., Any]) -> Callable[..., Any]:
    """A function as it is, and in its first calls and every so many the one that checks."""
    calls = count()

    @wraps(bare)
    def called(*args: Any, **named: Any) -> Any:
        number = next(calls)
        return (checked if number < FIRST or number % EVERY == 0 else bare)(*args, **named)

    called.always = checked  # type: ignore[attr-defined]
    return called


def speaks_of_arrays(what: Any) -> bool:
    """Whether a function, a property or a class annotates a shape, by a name of jaxtyping's or one for it."""
    if isinstance(what, property):
        return any(speaks_of_arrays(one) for one in (what.fget, what.fset, what.fdel) if one is not None)
    what = getattr(what, "__func__", what)  # of a class method or a static one
    known = vars(sys.modules[what.__module__])
    words = " ".join(map(str, inspect.get_annotations(what).values()))
    return any("jaxtyping" in repr(known.get(name, "")) for name in set(NAME.findall(words)))
