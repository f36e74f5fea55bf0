"""One readable line for each way of getting the command line wrong."""

from __future__ import annotations

import difflib

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
