"""The parameters of a command that is made of a verb, each with its group, its help and whose it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from cyclopts import Group, Parameter

from earthloom.cli.running import Work, shown_as
from earthloom.verbs.flags import Flag

ORDER = {"Files": 1, "Batch": 8, "Run": 9}  # groups of the help; what a verb has of its own stands between
KINDS = {
    (True, False): inspect.Parameter.POSITIONAL_ONLY,
    (False, True): inspect.Parameter.POSITIONAL_OR_KEYWORD,
    (False, False): inspect.Parameter.KEYWORD_ONLY,
}  # by whether a parameter is bare, and whether it may be


@dataclass(frozen=True)
class Option:
    """A parameter of a command, and what becomes of it: ``of`` says whose it is."""

    parameter: inspect.Parameter
    of: Literal["verb", "told", "run", "screen", "method", "extra"]


Act = Callable[[dict[str, Any], dict[str, Any], Work], Any]  # what the verb takes, further flags, the run: the product


def extra(name: str, takes: Any, told: str, flag: Flag, default: Any = None) -> Option:
    """A flag of a command alone."""
    return Option(parameter_of(name, takes, flag, told, default, flag.required or flag.bare), "extra")


def parameter_of(name: str, takes: Any, flag: Flag, told: str, default: Any, required: bool) -> inspect.Parameter:
    """A parameter of the command line."""
    switch, several = takes is bool, get_origin(takes) in (list, tuple) or "list[" in str(takes)
    off = switch or default in (None, (), [])
    negative = f"--no-{name.replace('_', '-')}" if switch and default is True else "" if several or switch else None
    about = Parameter(
        name=list(flag.name) or None, group=Group(flag.group, sort_key=ORDER.get(flag.group, 5)), help=told,
        consume_multiple=several and flag.shown == "", negative=negative,
        show_default=False if off else None, **(shown_as(flag.shown) if flag.shown else {}),
    )  # fmt: skip
    kind = KINDS[flag.bare, flag.placed]
    if required:
        return inspect.Parameter(name, kind, annotation=Annotated[takes, about])
    default = None if default in ((), []) or (default is True and takes is not bool) else default
    hint = takes | None if default is None and takes is not bool and type(None) not in get_args(takes) else takes
    return inspect.Parameter(name, kind, default=default, annotation=Annotated[hint, about])
