"""Checking the values of a method's fields against their types, whoever gave them."""

from __future__ import annotations

import types
from dataclasses import fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from earthloom.errors import MethodError

MOST = 1 << 63  # whole numbers beyond are nobody's


def checked_field(cls: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """The values, lists and arrays turned into tuples.

    Raises
    ------
    MethodError
        For a value that its field does not take.
    """
    hints = get_type_hints(cls)
    known = {f.name for f in fields(cls)}
    found = {name: _plain(value) for name, value in values.items()}
    for name, value in found.items():
        if name in known and not fits(value, hints[name]):
            raise MethodError(f"{cls.card.name} with {name}={value!r}", described(hints[name]))
    return found


def _plain(value: Any) -> Any:
    """Sequences of numbers as tuples."""
    if not isinstance(value, (list, np.ndarray)):
        return value
    try:
        return tuple(float(v) for v in value)
    except (TypeError, ValueError, OverflowError):  # no numbers: no field takes them
        return tuple(value)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type: the kinds that fields are made of."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in args)
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(v, args[0]) for v in value)
    if hint is float:
        return isinstance(value, (float, np.floating)) or fits(value, int)
    if hint is int:
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and abs(int(value)) < MOST
    return value is None if hint is type(None) else isinstance(value, hint)


def described(hint: Any) -> str:
    """A type in words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(described(one) for one in args)
    if origin is Literal:
        return " or ".join(repr(choice) for choice in args)
    if origin is tuple:
        return "numbers"
    return {float: "a number", int: "a whole number", bool: "True or False", type(None): "None"}.get(hint, str(hint))


def within(method: Any, name: str, low: float, high: float = float("inf")) -> None:
    """Refuse a number outside its range.

    Raises
    ------
    MethodError
        If the field ``name`` holds a number below ``low`` or above ``high``.
    """
    value = getattr(method, name)
    if isinstance(value, (int, float)) and not low <= value <= high:
        expected = f"at least {low:g}" if high == float("inf") else f"{low:g} to {high:g}"
        raise MethodError(f"{method.card.name} with {name}={value:g}", expected)
