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

HELP = "Weave what several satellite sensors saw into one image with the best of each."
COMMANDS = {  # command: module, function, one line for the help
    "pansharpen": ("verbs", "Sharpen a multispectral image with a panchromatic one."),
    "decloud": ("verbs", "Take clouds out of an optical image, with radar and other dates."),
    "predict": ("verbs", "Predict the fine image of a date from a coarse one and other dates."),
    "series": ("series", "Predict every date of a folder, or test a method on the known dates."),
    "align": ("align", "Bring one sensor's bands to those of another, or fit such a transform."),
    "revisit": ("revisit", "Count clear observations and gaps of several sensors over one place."),
    "superresolve": ("verbs", "Bring a hyperspectral cube to a finer grid."),
    "train": ("train", "Train a network on scenes, and write a folder with its weights."),
    "evaluate": ("evaluate", "Say how good a product is, with or without a reference."),
    "dataset": ("dataset", "Make training data of scenes and back, or tell what a data set holds."),
    "weights": ("weights", "List weights of networks, or bring in checkpoints of authors."),
    "methods": ("lists", "List the methods, those of one job, or tell all about one."),
    "sensors": ("lists", "List the sensors, or tell all about one."),
    "info": ("info", "Tell what an image file holds and how a product was made."),
    "demo": ("demo", "Sharpen the built-in sample and print the figures."),
}


GROUPS = {  # how the help lists them
    "Fuse": ("pansharpen", "predict", "series", "superresolve", "align", "decloud"),
    "Judge": ("evaluate", "revisit"),
    "Learn": ("train", "dataset", "weights"),
    "Look up": ("info", "methods", "sensors", "demo"),
}
OPTIONS = {
    "--help, -h": "Show this; behind a command, its flags and examples.",
    "--version": "Show the version.",
    "--debug": "Behind a command: show where an error arose.",
    "--install-completion": "Complete commands, flags and names with the TAB key (bash, zsh, fish).",
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
        parts.append("\n".join([_bold(group), *(f"  {name:<{wide}}{line}" for name, line in lines.items())]))
    parts.append(f"{_bold('Begin with')}\n  earthloom demo\n  earthloom pansharpen --help")
    return "\n\n".join(parts)


def _bold(text: str) -> str:
    """Bold where a terminal shows it."""
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def _show_help(arguments: list[str]) -> bool:
    """Show what needs no command: the overview, the version."""
    if arguments in ([], ["--help"], ["-h"]):
        print(overview())
    elif arguments == ["--version"]:
        from earthloom.version import __version__

        print(__version__)
    else:
        return False
    return True


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
            if not _show_help(arguments) and not _complete(arguments):
                build(arguments)(arguments, exit_on_error=False, print_error=debug)
                _show_examples(arguments)
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
        return _complain(_line(error, arguments))
    return 0


def _complete(arguments: list[str]) -> bool:
    """Answer the shell that asks for completions, or install what asks."""
    if not arguments or arguments[0] not in ("--complete", "--install-completion", "--show-completion"):
        return False
    from earthloom.cli import completion

    if arguments[0] == "--complete":
        print("".join(f"{word}\n" for word in completion.complete(arguments[1:])), end="")
    elif arguments[0] == "--show-completion":
        print(completion.script(completion.shell_of(arguments[1:])), end="")
    else:
        print(completion.install(completion.shell_of(arguments[1:])))
    return True


def _show_examples(arguments: list[str]) -> None:
    """Behind the help of a command, what one would type."""
    if not {"--help", "-h"} & set(arguments):
        return
    from earthloom.cli.examples import of

    words = [a for a in arguments if not a.startswith("-")]
    examples = of(words)
    if examples:
        lines = [f"  # {what}\n  {line}" for what, line in examples]
        print(f"\n{_bold('Examples')}\n" + "\n".join(lines))


def _stopped() -> int:
    """What is said after Ctrl-C and SIGTERM."""
    return _complain("stopped; no unfinished file is left", stop.exit_code())


def _line(error: Exception, arguments: Sequence[str]) -> str:
    """What to say about an error."""
    from cyclopts import CycloptsError

    from earthloom.errors import EarthloomError

    if isinstance(error, CycloptsError):
        from earthloom.cli.wording import usage_line

        return usage_line(error, arguments)
    text = str(error)
    if isinstance(error, EarthloomError):
        from earthloom.cli.parameters import as_flags

        return as_flags(text)
    if isinstance(error, MemoryError):
        return "out of memory; use a smaller --tile-size or fewer --threads"
    return f"unexpected {type(error).__name__}{': ' if text else ''}{text}; a bug? `--debug` shows where it arose"


def _complain(line: str, code: int = 2) -> int:
    """One line on standard error."""
    print(f"earthloom: {' '.join(line.split())}", file=sys.stderr)
    return code
