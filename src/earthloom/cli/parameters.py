"""Messages of the library as the shell needs them: it speaks of `parameters`, the shell of --flags."""

from __future__ import annotations

import re

PARAMETER = re.compile(r"`([a-z]\w*)(?:=([^`]*))?`")  # how the library writes a parameter in a message
NAMES: dict[str, str] = {}  # of the command that runs: parameters whose flags are not called after them


def as_flags(text: str) -> str:
    """A message of the library as the shell needs it: its parameters as flags, `overwrite=True` as --overwrite."""

    def flag(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        flag = NAMES.get(name, f"--{name.replace('_', '-')}")
        return flag if value in (None, "", "True") else f"{flag} {value}"

    return PARAMETER.sub(flag, text)
