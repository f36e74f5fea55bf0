"""Make every file of weights that ships, with its card: ``make weights``.

python -m bench.weights [NAME ...] [--device cuda] [--jobs 2]   (all, or those that are named)
python -m bench.weights --dry-run [NAME ...]                    (what would be done, from what, for how long)

What is whole is left as it is; a training that was stopped goes on from its checkpoint; figures are measured again
where a network is newer. Each step is a command of its own: the ones that the cards name. How each file is made stands
in the module that makes it (:mod:`bench.recipes`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from bench.recipes import FLAG, Recipe, Step, every
from bench.results import BENCH


def chosen(names: Sequence[str]) -> list[Recipe]:
    """The recipes that make the files of these names, or all.

    Raises
    ------
    SystemExit
        If there is no such file.
    """
    known = {name: recipe for recipe in every() for name in recipe.names}
    if wrong := [name for name in names if name not in known]:
        raise SystemExit(f"no recipe makes {', '.join(wrong)}; there are {', '.join(sorted(known))}")
    return [recipe for recipe in every() if not names or set(names) & set(recipe.names)]


def shown(recipes: Sequence[Recipe]) -> str:
    """What is to do, file by file."""
    lines, counted, total = [], set(), 0.0
    for recipe in recipes:
        steps = [step for step in recipe.every if not step.whole]
        total += sum(step.core_s for step in steps if step.leaves not in counted)
        counted |= {step.leaves for step in steps}
        lines += [
            f"{', '.join(recipe.names)}",
            f"  recipe  {recipe.where}",
            f"  data    {recipe.data}",
            *([f"  MISSING {', '.join(recipe.missing)}"] if recipe.missing else []),
            *(
                f"  {'whole  ' if step.whole else f'{step.core_s / 60:5.0f} min'} python -m {step.command}"
                for step in recipe.every
            ),
        ]
    both = f"{total / 3600:.1f} hours of one core, on two (--jobs 2) about {total / 7200:.1f}"
    return "\n".join([*lines, f"to do: {both}; steps that several files share count once"])


class Kitchen:
    """Follows recipes, several at a time; a step that two of them share is done once."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.locks: dict[Path, Lock] = defaultdict(Lock)

    def make(self, recipe: Recipe) -> str | None:
        """Every step that is not whole; returns what went wrong."""
        if recipe.missing:
            return f"{', '.join(recipe.names)}: no {', '.join(recipe.missing)}; set EARTHLOOM_SHARED"
        for step in recipe.every:
            with self.locks[step.leaves]:
                if step.whole:
                    continue
                if self.done(step):
                    return f"{', '.join(recipe.names)}: `python -m {step.command}` failed"
                if not step.leaves.is_file():
                    return f"{', '.join(recipe.names)}: `python -m {step.command}` did not leave {step.leaves.name}"
        return None

    def done(self, step: Step) -> int:
        """Run a step; its exit status."""
        print(f"python -m {step.command}", flush=True)
        command = [sys.executable, "-m", *step.command.split(), FLAG, self.device]
        return subprocess.run(command, cwd=BENCH.parent, env=dict(os.environ), check=False).returncode


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("names", nargs="*", help="files of weights, without their ending")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument(FLAG, default="auto")
    parser.add_argument("--jobs", type=int, default=1, help="recipes at a time, each on one core")
    asked = parser.parse_args()
    recipes = chosen(asked.names)
    print(shown(recipes), flush=True)
    if asked.dry_run:
        return 0
    kitchen = Kitchen(asked.device)
    with ThreadPoolExecutor(asked.jobs) as pool:
        wrong = [told for told in pool.map(kitchen.make, recipes) if told]
    print("\n".join(wrong) or "all weights are whole", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
