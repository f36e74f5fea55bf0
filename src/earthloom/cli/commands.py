"""The commands by name: what the overview lists, and the application with the one that is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from earthloom.verbs import names as verbs

if TYPE_CHECKING:
    from cyclopts import App

HELP = "Weave what several satellite sensors saw into one image with the best of each."
OWN = {  # commands that run no method: module, one line for the help
    "evaluate": ("evaluate", "Say how good a product is, with or without a reference."),
    "compare": ("pages.compare", "Run several methods on the same images, and say which suits them."),
    "bench": ("pages.bench", "Run methods over a data set under a protocol: a leaderboard."),
    "report": ("pages.report", "Write a page about a product or a folder: pictures, figures, maps."),
    "revisit": ("revisit", "Count clear observations and gaps of several sensors over one place."),
    "view": ("info", "Look at images in the browser: differences, spectra, series."),
    "train": ("train", "Train a network on scenes, and write a folder with its weights."),
    "dataset": ("dataset", "Make training data of scenes and back, or tell what a data set holds."),
    "weights": ("weights", "List weights of networks, or bring in checkpoints of authors."),
    "export": ("pages.export", "Write a network as an ONNX file for other programs."),
    "info": ("info", "Tell what an image file holds and how a product was made."),
    "methods": ("lists", "List the methods, those of one job, or tell all about one."),
    "sensors": ("lists", "List the sensors, or tell all about one."),
    "unfinished": ("lists", "List products that were begun and are not whole, and clear them away."),
    "doctor": ("doctor", "Say whether this installation works, and what is missing."),
    "demo": ("demo", "Sharpen the built-in sample, or write a scene to try another job on."),
}
HERE = Path(__file__).parent  # a verb that holds several commands has a module of its own here
FUSING = {
    name: (name if (HERE / f"{name}.py").is_file() else "verbs", one.summary) for name, one in verbs.commands().items()
}
COMMANDS = FUSING | OWN  # command: module, one line for the help
GROUPS = {  # how the help lists them
    "Fuse": tuple(FUSING),
    "Judge": ("evaluate", "compare", "bench", "report", "view", "revisit"),
    "Learn": ("train", "dataset", "weights", "export"),
    "Look up": ("info", "methods", "sensors", "unfinished", "doctor", "demo"),
}
PROBLEMS = {name: one.problem for name, one in verbs.commands().items()}  # command: the problem whose methods it runs
OPTIONS = {
    "--help, -h": "Show this; behind a command, its flags and examples.",
    "--version": "Show the version.",
    "--debug": "Behind a command: show where an error arose.",
    "--install-completion": "Complete commands, flags and names with the TAB key (bash, zsh, fish).",
    "--describe": "Print commands and flags as JSON, for programs such as the plugin of QGIS.",
}
EPILOGUE = "`earthloom --help` lists the commands. Errors are one line; `--debug` shows where they arose."


def build(arguments: Sequence[str]) -> App:
    """The application; only the command that is called is imported."""
    from cyclopts import App

    from earthloom.version import __version__

    app = App(
        name="earthloom",
        help=HELP,
        help_epilogue=EPILOGUE,
        version=__version__,
        help_format="markdown",
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    called = next((a for a in arguments if not a.startswith("-")), None)
    for name, (module, line) in COMMANDS.items():
        if name == called:
            home = import_module(f"earthloom.cli.{module}")
            app.command(home.command(name, arguments), name=name)
        else:
            app.command(App(name=name, help=line), name=name)
    return app


def overview() -> str:
    """The help of the program: commands by what they are for, from their names alone."""
    wide = max(map(len, (*COMMANDS, *OPTIONS))) + 2
    parts = ["Usage: earthloom COMMAND ...", HELP]
    groups = {group: {name: COMMANDS[name][1] for name in names} for group, names in GROUPS.items()}
    for group, lines in (groups | {"Options": OPTIONS}).items():
        parts.append("\n".join([bold(group), *(f"  {name:<{wide}}{line}" for name, line in lines.items())]))
    parts.append(f"{bold('Begin with')}\n  earthloom demo\n  earthloom pansharpen --help")
    return "\n\n".join(parts)


def bold(text: str) -> str:
    """Bold where a terminal shows it."""
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text
