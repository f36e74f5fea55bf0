"""The fields of a method as flags of a command, with what its docstring says about them as their help."""

from __future__ import annotations

import inspect
import re
from collections.abc import Container, Sequence
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

from cyclopts import Group, Parameter

from earthloom.methods.catalog import PUBLISHED
from earthloom.verbs.flags import takes_numbers

SHORT = {"-m": "method", "-o": "output"}
NOTHING = re.compile(r"(\. )?\bNone\b")  # a word of Python


def field_helps(described: type[Any]) -> dict[str, str]:
    """What the docstrings say about each field (the Parameters section, NumPy style); inherited fields included."""
    found: dict[str, str] = {}
    for each in reversed(described.__mro__):
        found |= told_in(inspect.cleandoc(each.__dict__.get("__doc__") or ""))
    return found


def told_in(text: str) -> dict[str, str]:
    """The Parameters section of one docstring."""
    found, names, inside = dict[str, str](), list[str](), False
    for line in text.splitlines():
        text = line.strip()
        if text in ("Parameters", "Attributes"):
            inside = True
        elif inside and text and not line.startswith(" ") and not set(text) <= {"-"}:
            if text in ("References", "Notes", "Raises", "Examples", "See Also"):
                break
            names = [name.strip() for name in text.split(":")[0].split(",")]
            found |= dict.fromkeys(names, "")
        elif inside and line.startswith(" "):
            found |= {name: f"{found[name]} {text}".strip() for name in names}
    return {name: NOTHING.sub(_nothing, text) for name, text in found.items()}


def _nothing(found: re.Match[str]) -> str:
    """What one does who types nothing."""
    return ". No value" if found[1] else "no value"


def given_in(arguments: Sequence[str]) -> dict[str, str]:
    """The flags that were typed, by the names of their parameters, each with the word behind it."""
    found: dict[str, str] = {}
    for at, argument in enumerate(arguments):
        if not argument.startswith("-"):
            continue
        flag, equal, value = argument.partition("=")
        name = SHORT.get(flag, flag.lstrip("-").replace("-", "_"))
        found[name] = value if equal else arguments[at + 1] if at + 1 < len(arguments) else ""
    return found


def flags_of(described: type[Any], without: Container[str]) -> list[inspect.Parameter]:
    """The fields of a method as keyword-only parameters with what its docstring says about them."""
    group = Group(f"Fields of {described.card.name}", sort_key=8)
    helps, hints = field_helps(described), get_type_hints(described)
    found = [_published(described, group)]
    for field in fields(described):
        if field.name in without or field.name == PUBLISHED:
            continue
        negative = f"--no-{field.name.replace('_', '-')}" if field.default is True else ""
        told, off = helps.get(field.name, "").replace("``", "`"), field.default is False  # a switch that is off
        flag = Parameter(
            group=group, help=told, negative="" if off else negative, consume_multiple=True,
            show_default=False if off else None,
        )  # fmt: skip
        hint = list[str] | None if takes_numbers(hints[field.name]) else hints[field.name]
        kind = inspect.Parameter.KEYWORD_ONLY
        found.append(inspect.Parameter(field.name, kind, default=field.default, annotation=Annotated[hint, flag]))
    return found


def _published(described: type[Any], group: Group) -> inspect.Parameter:
    """The switch that sets the fields of the published formula, which its help names."""
    named = {name: value for name, value in described.card.published.items() if name != PUBLISHED}
    told = "The published formula, where the defaults are another"
    told += f": {', '.join(_as_typed(name, value) for name, value in named.items())}." if named else "."
    if not described.card.published:
        told = "The published formula, which is the default of this method."
    flag = Parameter(group=group, help=f"{told} Fields given beside it win.", negative="", show_default=False)
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(PUBLISHED, kind, default=False, annotation=Annotated[bool, flag])


def _as_typed(name: str, value: Any) -> str:
    """A field as it would be typed."""
    name = name.replace("_", "-")
    return f"{'' if value else 'no-'}{name}" if isinstance(value, bool) else f"{name} {value}"
