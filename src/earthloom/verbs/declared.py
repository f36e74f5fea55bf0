"""How a verb is declared: what its signature and docstring do not say about its command, said beside them once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, get_type_hints

from earthloom.engine.options import run_of
from earthloom.report.journal import journalled
from earthloom.verbs.flags import OUTPUT, flag_of


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
    image
        The parameter that stands for a DataArray whose method it is; empty: of none.
    """

    call: Callable[..., Any]
    problem: str
    default: Callable[[Mapping[str, Any]], str]
    told: tuple[str, ...] = ()
    shell: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    without: tuple[str, ...] = ()
    inside: str = ""
    image: str = ""


VERBS: dict[str, Verb] = {}


def verb(
    problem: str,
    default: str | Callable[[Mapping[str, Any]], str],
    told: tuple[str, ...] = (),
    shell: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    without: tuple[str, ...] = (),
    inside: str = "",
    image: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function as a verb; see :class:`Verb`. Written on one line: :mod:`earthloom.verbs.names` reads it."""

    def declared(function: Callable[..., Any]) -> Callable[..., Any]:
        choice = default if callable(default) else lambda given, name=default: name
        called = _journalled(function)
        VERBS[function.__name__] = Verb(called, problem, choice, told, shell, without, inside, image)
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


def writes_a_product(verb: Verb) -> bool:
    """Whether a verb writes one file: then a batch of it writes many."""
    return flag_of(get_type_hints(verb.call, include_extras=True).get("output")) == OUTPUT
