"""How a verb is declared: what its signature and docstring do not say about its command, said beside them once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from earthloom.engine.options import run_of
from earthloom.report.journal import journalled


@dataclass(frozen=True)
class Flag:
    """How a parameter is given on the command line. Without one, its name and its type say.

    Parameters
    ----------
    takes
        Type of what is typed; None: that of the parameter.
    name
        Names of the flag; empty: made of the parameter's.
    group
        Heading in the help.
    shown
        What the help calls its value.
    bare
        Given by its place, without a name.
    placed
        Given by its place or by its name.
    required
        Though Python can do without.
    hidden
        No flag at all: Python alone.
    """

    takes: Any = None
    name: tuple[str, ...] = ()
    group: str = "Images"
    shown: str = ""
    bare: bool = False
    placed: bool = False
    required: bool = False
    hidden: bool = False


FILE = Flag(str, group="Files")
FILES = Flag(list[str], group="Files")
OUTPUT = Flag(Path, ("--output", "-o"), "Files", required=True)
METHOD = Flag(str, ("--method", "-m"), "Files")
NAME = Flag(str)
PYTHON = Flag(hidden=True)


@dataclass(frozen=True)
class Verb:
    """A verb as a command needs to know it.

    Parameters
    ----------
    call
        The function.
    problem
        Whose methods it takes.
    default
        Name of the method where none is given, by what else is given.
    told
        Roles about whose images more can be told, by the fields of :class:`earthloom.raster.told.Told`.
    shell
        From what was typed to what the function takes, where one is not the other.
    without
        Fields of methods that are no flags: the verb fills them itself.
    inside
        The command that it is a part of, where it is none itself.
    """

    call: Callable[..., Any]
    problem: str
    default: Callable[[Mapping[str, Any]], str]
    told: tuple[str, ...] = ()
    shell: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    without: tuple[str, ...] = ()
    inside: str = ""


VERBS: dict[str, Verb] = {}


def verb(
    problem: str,
    default: str | Callable[[Mapping[str, Any]], str],
    told: tuple[str, ...] = (),
    shell: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    without: tuple[str, ...] = (),
    inside: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function as a verb; see :class:`Verb`. Written on one line: :mod:`earthloom.verbs.names` reads it."""

    def declared(function: Callable[..., Any]) -> Callable[..., Any]:
        choice = default if callable(default) else lambda given, name=default: name
        called = _journalled(function)
        VERBS[function.__name__] = Verb(called, problem, choice, told, shell, without, inside)
        return called

    return declared


def _journalled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The verb, which keeps a journal where its run asks for one."""

    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        if (named.get("log_json") or getattr(named.get("run"), "log_json", None)) is None:
            return function(*arguments, **named)
        run, rest = run_of(named, named.pop("run", None))
        with journalled(run, function.__name__) as run:
            return function(*arguments, **rest, run=run)

    return called
