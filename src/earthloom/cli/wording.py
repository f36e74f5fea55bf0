"""One readable line for each way of getting the command line wrong."""

from __future__ import annotations

import difflib
import re

from cyclopts import CycloptsError, MissingArgumentError, UnknownCommandError, UnknownOptionError
from cyclopts.exceptions import UnusedCliTokensError

CLOSE = 0.7  # likeness from which a suggestion helps


def usage_line(error: CycloptsError) -> str:
    """What was given, and what to do instead."""
    command = " ".join(error.command_chain or ())
    look = f"`earthloom {command} --help` tells more" if command else "`earthloom --help` lists the commands"
    if isinstance(error, UnknownCommandError):
        given = (error.unused_tokens or [""])[0]
        return f"no {'option' if given.startswith('-') else 'command'} {given}; {look}"
    if isinstance(error, UnknownOptionError):
        flag = error.token.keyword or error.token.value
        known = [name for argument in error.argument_collection if argument.parse for name in argument.names]
        near = difflib.get_close_matches(flag, known, 1, CLOSE)
        return f"no option {flag}; {f'did you mean {near[0]}? ' if near else ''}{look}"
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"'{error.unused_tokens[0]}' belongs to no option; {look}"
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        value = error.keyword is not None or bool(error.argument.tokens)
        name = error.keyword or error.argument.name
        return f"{name} {'needs a value' if value else 'is missing'}; {look}"
    return " ".join(str(error).split()).rstrip(".") + f"; {look}"


PARAMETER = re.compile(r"`([a-z]\w*)(?:=([^`]*))?`")  # how the library writes a parameter in a message
FLAGS = {
    "source_sensor": "--from", "target_sensor": "--to", "pairs": "--pair", "fine_masks": "--fine-mask",
    "coarse_masks": "--coarse-mask", "date_masks": "--date-mask", "adapt_seconds": "--adapt-seconds",
}  # fmt: skip  # those that are not called after their parameters


def as_flags(text: str) -> str:
    """A message of the library as the shell needs it: its parameters as flags, `overwrite=True` as --overwrite."""

    def flag(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
        return flag if value in (None, "", "True") else f"{flag} {value}"

    return PARAMETER.sub(flag, text)
