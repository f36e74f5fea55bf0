"""How a verb is declared: what its signature and docstring do not say about its command, said beside them once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

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

TOLD: Mapping[str, Any] = {  # what is typed for the fields of earthloom.raster.told.Told
    "sensor": str, "bands": list[str], "scale": float, "offset": float, "nodata": float,
    "mask_values": list[float], "mask_bits": list[int],
}  # fmt: skip
LISTENERS = ("progress", "say", "facts", "learnt")  # options of a run that are no text


def flag_of(hint: Any) -> Flag:
    """How a parameter with this annotation is given."""
    return next((one for one in getattr(hint, "__metadata__", ()) if isinstance(one, Flag)), Flag())


def writes_a_product(verb: Verb) -> bool:
    """Whether a verb writes one file: then a batch of it writes many."""
    return flag_of(get_type_hints(verb.call, include_extras=True).get("output")) == OUTPUT


def plain(hint: Any) -> Any:
    """A hint without its annotations."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def takes_numbers(hint: Any) -> bool:
    """Whether a field of a method may hold several numbers, such as one weight for each band."""
    return any(get_origin(one) is tuple for one in (hint, *get_args(hint)))


def numbers_in(given: Any) -> Any:
    """What was typed for a field that takes ``mean``, or ``0.2 0.3 0.5``; anything else as it is."""
    if not isinstance(given, list):
        return given
    try:
        return tuple(float(word) for word in given)
    except ValueError:
        return given[0] if len(given) == 1 else " ".join(given)


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
