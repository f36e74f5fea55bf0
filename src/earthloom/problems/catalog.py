"""Which problems there are: one file is one problem, named as its folder of methods."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from earthloom.problems.base import Problem


@cache
def find(name: str) -> Problem:
    """The problem of a name such as ``pansharpening``."""
    module = import_module(f"earthloom.problems.{name}")
    own = (c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__)
    return next(c for c in own if issubclass(c, Problem))()
