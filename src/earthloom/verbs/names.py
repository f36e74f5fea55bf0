"""The verbs by name, read from the files of this folder: nothing is imported, so that help costs nothing."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

INSIDE = ("__init__", "declared", "flags", "names", "pipeline", "telling")  # files that are no verb
DECLARED = re.compile(r'^@verb\("(\w+)"([^\n]*)\)\ndef (\w+)\(.*?^    """([^\n]*)', re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """A verb that is a command: whose methods it runs, and one line for the help."""

    problem: str
    summary: str


def public() -> list[str]:
    """Names of all verbs, in the order of the alphabet: what the package offers in Python."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in INSIDE)


@cache
def commands() -> dict[str, Command]:
    """The verbs that run a method, and are no part of another command, by name."""
    found = (DECLARED.search((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")) for name in public())
    return {one[3]: Command(one[1], one[4]) for one in found if one is not None and "inside=" not in one[2]}
