"""The entry point: finds the command, imports only what it needs, turns errors into one line and exit code 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from earthloom.cli import stop
from earthloom.cli.screen import only_ours

if TYPE_CHECKING:
    from cyclopts import App

COMMANDS = {  # command: module, function, one line for the help
    "pansharpen": ("verbs", "Sharpen a multispectral image with a panchromatic one."),
    "decloud": ("verbs", "Take clouds out of an optical image, with radar and other dates."),
    "predict": ("verbs", "Predict the fine image of a date from a coarse one and other dates."),
    "series": ("series", "Predict every date of a folder of coarse images, or test a method on the known ones."),
    "align": ("align", "Bring one sensor's bands to those of another, or fit such a transform."),
    "revisit": ("revisit", "Count the clear observations and the gaps of several sensors over one place."),
    "superresolve": ("verbs", "Bring a hyperspectral cube to a finer grid."),
    "train": ("train", "Train a network on scenes, and write a folder with its weights."),
    "evaluate": ("evaluate", "Say how good a product is, with or without a reference."),
    "dataset": ("dataset", "Convert scenes to training data and back, or tell what a data set holds."),
    "weights": ("weights", "List weights of networks, or bring in checkpoints of authors."),
    "methods": ("lists", "List the methods, or tell all about one."),
    "sensors": ("lists", "List the sensors, or tell all about one."),
    "info": ("info", "Tell what an image file holds and how a product was made."),
    "demo": ("demo", "Sharpen the built-in sample and print the figures."),
}


def build(arguments: Sequence[str]) -> App:
    """The application; only the command that is called is imported."""
    from cyclopts import App

    from earthloom.version import __version__

    app = App(
        name="earthloom",
        help="Weave what several satellite sensors saw into one image with the best of each.",
        help_epilogue="`earthloom COMMAND --help` tells more. Errors are one line; `--debug` shows where they arose.",
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


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 an error, 130 stopped by Ctrl-C, 143 by SIGTERM."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [a for a in arguments if a != "--debug"]
    sys.exit(_run(arguments, debug))


def _run(arguments: list[str], debug: bool) -> int:
    """Exit code of a run."""
    try:
        with stop.stoppable(), only_ours(not debug):
            build(arguments)(arguments, exit_on_error=False, print_error=debug)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _stopped()
    except BrokenPipeError:  # `earthloom methods | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if stop.asked():  # a library made something else of it
            return _stopped()
        if debug:
            raise
        return _complain(_line(error))
    return 0


def _stopped() -> int:
    """What is said after Ctrl-C and SIGTERM."""
    return _complain("stopped; no unfinished file is left", stop.exit_code())


def _line(error: Exception) -> str:
    """What to say about an error."""
    from cyclopts import CycloptsError

    from earthloom.errors import EarthloomError

    if isinstance(error, CycloptsError):
        from earthloom.cli.wording import usage_line

        return usage_line(error)
    text = str(error)
    if isinstance(error, EarthloomError):
        from earthloom.cli.wording import as_flags

        return as_flags(text)
    if isinstance(error, MemoryError):
        return "out of memory; use a smaller --tile-size or fewer --threads"
    return f"unexpected {type(error).__name__}{': ' if text else ''}{text}; a bug? `--debug` shows where it arose"


def _complain(line: str, code: int = 2) -> int:
    """One line on standard error."""
    print(f"earthloom: {' '.join(line.split())}", file=sys.stderr)
    return code
