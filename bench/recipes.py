"""How every file of weights that ships is made, told by the module that makes it.

A module under ``bench/*/`` that assigns ``RECIPES`` at its top takes part: :func:`every` finds it, ``make weights``
follows it, and a test holds the shipped files to it. Nothing is listed elsewhere.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bench.data import SHARED
from bench.results import BENCH, RUNS
from earthloom.machine import device_wanted, on
from earthloom.methods.networks.placement import resolved
from earthloom.training.loop.config import Config
from earthloom.weights.header import FOLDER, SUFFIX

DECLARED = re.compile(r"^RECIPES\b", re.MULTILINE)
FLAG = "--device"


@dataclass(frozen=True)
class Step:
    """A command, and what it leaves.

    Parameters
    ----------
    command
        Module and words, as they follow ``python -m``.
    leaves
        A file that is there, whole, when the command has come to its end.
    core_s
        About so many seconds of one core.
    after
        Files that must not be newer than what it leaves: figures are measured again when a network is. A training run
        looks at nothing: it is whole, or goes on from its checkpoint. To make it anew its folder is taken away.
    """

    command: str
    leaves: Path
    core_s: float
    after: tuple[Path, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is left to do."""
        if not self.leaves.is_file():
            return False
        made = self.leaves.stat().st_mtime
        return all(path.is_file() and path.stat().st_mtime <= made for path in self.after)


@dataclass(frozen=True)
class Recipe:
    """How some weights that ship together are made.

    Parameters
    ----------
    names
        Of the files, without their ending.
    steps
        Training and judging, in their order.
    ship
        Module and words that write the files with their cards.
    data
        What is learnt from, in words.
    needs
        Folders of the shared data that must be there.
    ship_s
        Seconds of one core that shipping takes.
    where
        The module; filled in by :func:`every`.
    """

    names: tuple[str, ...]
    steps: tuple[Step, ...]
    ship: str
    data: str
    needs: tuple[str, ...] = ()
    ship_s: float = 5.0
    where: str = field(default="", compare=False)

    @property
    def every(self) -> tuple[Step, ...]:
        """The steps, and shipping."""
        after = tuple(step.leaves for step in self.steps)
        return (*self.steps, *(Step(self.ship, FOLDER / f"{n}{SUFFIX}", self.ship_s, after) for n in self.names[:1]))

    @property
    def missing(self) -> list[str]:
        """Folders of data that are not there."""
        return [folder for folder in self.needs if not (SHARED / folder).exists()]


def run_of(name: str) -> Path:
    """What a training run of a name leaves last."""
    return RUNS / name / f"weights{SUFFIX}"


@cache
def every() -> tuple[Recipe, ...]:
    """The recipes of all modules under ``bench/*/``, each with its module.

    Raises
    ------
    ValueError
        If two recipes make one file.
    """
    found: list[Recipe] = []
    for path in sorted(BENCH.glob("*/*.py")):
        if DECLARED.search(path.read_text(encoding="utf-8")):
            where = f"bench.{path.parent.name}.{path.stem}"
            own: tuple[Recipe, ...] = importlib.import_module(where).RECIPES
            found += [Recipe(**{**vars(recipe), "where": where}) for recipe in own]
    names = [name for recipe in found for name in recipe.names]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two recipes make {', '.join(sorted(twice))}")
    return tuple(found)


def on_processor() -> bool:
    """Whether the device that the command was given is the processor."""
    return resolved(device_wanted()).type == "cpu"


def settings(values: Mapping[str, Any]) -> Config:
    """How a recipe trains, on the device that its command was given.

    An accelerator takes the place of all processes that the recipe has on a processor.
    """
    place = {"device": device_wanted()} | ({} if on_processor() else {"devices": 1})
    return Config.of({**values, **place})


def started(main: Callable[[list[str]], None]) -> None:
    """Run a recipe's command line: ``--device`` is taken out, all the rest happens there.

    Raises
    ------
    SystemExit
        If ``--device`` stands last.
    """
    words, device = sys.argv[1:], "auto"
    if FLAG in words:
        at = words.index(FLAG)
        if at + 1 == len(words):
            raise SystemExit(f"{FLAG} without a device: auto, cpu, cuda, cuda:1 or mps")
        device = words[at + 1]
        words = words[:at] + words[at + 2 :]
    with on(device):
        main(words)
