"""The fields of a method as flags of a command, with what its docstring says about them as their help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from cyclopts import Group, Parameter

from earthloom.errors import InputError

ADAPT_SECONDS = 60.0


def field_helps(described: type[Any]) -> dict[str, str]:
    """What the docstrings say about each field (the Parameters section, NumPy style); inherited fields included."""
    found: dict[str, str] = {}
    for each in reversed(described.__mro__):
        found |= _told(inspect.cleandoc(each.__dict__.get("__doc__") or ""))
    return found


def _told(text: str) -> dict[str, str]:
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
    return found


def method_in(arguments: Sequence[str], default: str) -> str:
    """Value of `--method`, the default without one."""
    for at, argument in enumerate(arguments):
        if argument.startswith(("--method=", "-m=")):
            return argument.split("=", 1)[1]
        if argument in ("--method", "-m") and at + 1 < len(arguments):
            return arguments[at + 1]
    return default


def adapting(adapt: bool, seconds: float | None, steps: int | None) -> dict[str, Any]:
    """How long to adapt, by `--adapt`, `--adapt-seconds` and `--adapt-steps`; 0 seconds and no steps: not at all.

    Raises
    ------
    InputError
        For a time or a number of steps that is not positive.
    """
    for flag, given in (("--adapt-seconds", seconds), ("--adapt-steps", steps)):
        if given is not None and not given > 0:  # NaN too
            raise InputError(f"{flag} {given:g}", "a positive number")
    if seconds is None:
        seconds = ADAPT_SECONDS if adapt and steps is None else 0.0
    return {"adapt_seconds": seconds, "adapt_steps": steps}


def with_fields(
    command: Callable[..., None], method_class: type[Any], without: Sequence[str] = ()
) -> Callable[..., None]:
    """A command with the fields of a method as further flags; they arrive as its keyword arguments.

    ``without`` are fields that the command has a flag for itself.
    """
    lists = {name for name, hint in get_type_hints(method_class).items() if _takes_numbers(hint)}

    def called(*given: Any, **arguments: Any) -> None:
        command(*given, **{k: _word_or_numbers(v) if k in lists else v for k, v in arguments.items()})

    signature = inspect.signature(command, eval_str=True)
    parameters = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    group = Group(f"Fields of {method_class.card.name}")
    helps, hints = field_helps(method_class), get_type_hints(method_class)
    own = [field for field in fields(method_class) if field.name not in without]
    for field in own:
        negative = f"--no-{field.name.replace('_', '-')}" if field.default is True else ""
        told, off = helps.get(field.name, "").replace("``", "`"), field.default is False  # a switch that is off
        flag = Parameter(
            group=group, help=told, negative="" if off else negative, consume_multiple=True,
            show_default=False if off else None,
        )  # fmt: skip
        kind = inspect.Parameter.KEYWORD_ONLY
        hint = Annotated[list[str] | None if field.name in lists else hints[field.name], flag]
        parameters.append(inspect.Parameter(field.name, kind, default=field.default, annotation=hint))
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    card = method_class.card
    told = f"The last flags are those of {card.name}" if own else f"{card.name} has no flags of its own"
    more = f"{told} ({card.title}); `-m NAME --help` shows those of another method."
    called.__doc__ = (inspect.getdoc(command) or "").replace("\n\n", f"\n\n{more}\n\n", 1)
    return called


def _takes_numbers(hint: Any) -> bool:
    """Whether a field may hold several numbers, such as one weight for each band."""
    return any(get_origin(one) is tuple for one in (hint, *get_args(hint)))


def _word_or_numbers(given: Any) -> Any:
    """``mean``, or ``0.2 0.3 0.5``."""
    if not isinstance(given, list):
        return given
    try:
        return tuple(float(word) for word in given)
    except ValueError:
        return given[0] if len(given) == 1 else " ".join(given)
