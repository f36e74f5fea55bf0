"""One readable line for each way of getting the command line wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from cyclopts import CycloptsError, MissingArgumentError, UnknownCommandError, UnknownOptionError
from cyclopts.exceptions import UnusedCliTokensError

CLOSE = 0.7  # likeness from which a suggestion helps


def usage_line(error: CycloptsError, arguments: Sequence[str] = ()) -> str:
    """What was given, and what to do instead."""
    command = " ".join(error.command_chain or ())
    look = f"`earthloom {command} --help` tells more" if command else "`earthloom --help` lists the commands"
    if isinstance(error, UnknownCommandError):
        return f"{_unknown_command(error, command)}{look}"
    if isinstance(error, UnknownOptionError):
        flag = error.token.keyword or error.token.value
        return f"{_unknown_flag(flag, error.argument_collection, command)}{look}"
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"'{error.unused_tokens[0]}' belongs to no option; {_say_what(command)}{look}"
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        return f"{_missing(error, arguments)}{look}"
    text = " ".join(str(error).split()).rstrip(".")
    return f"{PYTHON.sub(_plainly, text)}; {look}"


PYTHON = re.compile(r"unable to convert \"([^\"]*)\" into ([\w|\[\], ]+)")
KINDS = {"int": "a whole number", "float": "a number", "bool": "yes or no", "str": "a word", "Path": "a path"}


def _plainly(found: re.Match[str]) -> str:
    """A type of Python in words."""
    words = [KINDS.get(kind, kind) for kind in re.sub(r"Literal\[([^]]*)\]", r"\1", found[2]).split("|")]
    return f"'{found[1]}' is not {' or '.join(word for word in words if word != 'None')}"


def _unknown_command(error: UnknownCommandError, command: str) -> str:
    """A command that there is not, and the nearest."""
    from earthloom.cli.commands import COMMANDS

    given = (error.unused_tokens or [""])[0]
    if given.startswith("-"):
        return f"no option {given}; "
    near = [] if command else difflib.get_close_matches(given, COMMANDS, 1)
    return f"no command {given}; {f'did you mean {near[0]}? ' if near else ''}"


def _unknown_flag(flag: str, known: Iterable[Any], command: str) -> str:
    """A flag that the command has not with this method, and the methods that have it or the nearest flag."""
    names = [name for argument in known if argument.parse for name in argument.names]
    owners = _owners(flag, command)
    if owners:
        more = f" and {len(owners) - 3} others" if len(owners) > 3 else ""
        return f"no option {flag} with this method; it is one of {', '.join(owners[:3])}{more} (-m); "
    near = difflib.get_close_matches(flag, names, 1, CLOSE)
    return f"no option {flag}; {f'did you mean {near[0]}? ' if near else ''}"


def _say_what(command: str) -> str:
    """The flags of a verb that name images: without one it is not guessed what a file is."""
    from typing import get_type_hints

    from earthloom.cli.commands import PROBLEMS
    from earthloom.cli.pages.describe import IMAGES
    from earthloom.cli.parameters import as_flags
    from earthloom.verbs.batching.columns import verb_of
    from earthloom.verbs.flags import flag_of

    if command not in PROBLEMS or command == "series":
        return ""
    hints = get_type_hints(verb_of(command).call, include_extras=True)
    names = [as_flags(f"`{name}`") for name, hint in hints.items() if name in IMAGES and not flag_of(hint).bare]
    return f"say what each file is: {', '.join(names)}; " if names else ""


def _owners(flag: str, command: str) -> list[str]:
    """The methods of a command that have a field of this name."""
    from dataclasses import fields

    from earthloom.cli.commands import PROBLEMS
    from earthloom.errors import EarthloomError
    from earthloom.methods import catalog

    problem, field = PROBLEMS.get(command), flag.removeprefix("--no-").removeprefix("--").replace("-", "_")
    owners = []
    for name in catalog.names(problem) if problem else ():
        try:
            owners += [name] if field in [one.name for one in fields(catalog.find(name, problem or ""))] else []
        except EarthloomError:  # one of another package that lacks what it needs
            continue
    return owners


def _missing(error: MissingArgumentError, arguments: Sequence[str]) -> str:
    """What is not there; first a flag that is misspelt, for that is why."""
    argument = error.argument
    assert argument is not None
    value = error.keyword is not None or bool(argument.tokens)
    name = error.keyword or argument.name
    given = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    near = [] if value else difflib.get_close_matches(name, given, 1, CLOSE)
    if near and near[0] != name and not error.keyword:
        return f"no option {near[0]}; did you mean {name}? "
    count = argument.token_count()[0] if value else 0
    return f"{name} {f'needs {count} values' if count > 1 else 'needs a value' if value else 'is missing'}; "
