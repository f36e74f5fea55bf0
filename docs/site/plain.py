"""Signatures as a reader wants them: types without what makes flags of them, defaults as values."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import griffe


class Plain(griffe.Extension):
    """``Annotated[str, Flag(...)]`` becomes ``str``, ``Any`` nothing, and ``DEFAULT`` the constant of that name."""

    def on_function(self, *, func: griffe.Function, **rest: Any) -> None:
        """Mend the parameters of a function."""
        for parameter in func.parameters:
            note = parameter.annotation
            if isinstance(note, griffe.ExprSubscript) and getattr(note.left, "name", "") == "Annotated":
                inner = note.slice
                note = inner.elements[0] if isinstance(inner, griffe.ExprTuple) else inner
            parameter.annotation = None if getattr(note, "name", "") == "Any" else note
            if name := getattr(parameter.default, "name", None):
                held = getattr(import_module(func.module.path), name, None)
                parameter.default = repr(held) if isinstance(held, str | int | float) else parameter.default

    on_function_instance = on_function  # called so by earlier versions
