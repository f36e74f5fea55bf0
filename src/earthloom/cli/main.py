"""The entry point: finds the command, imports only what it needs, turns errors into one line and exit code 2."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from earthloom.cli import process
from earthloom.cli.commands import bold, build, overview
from earthloom.cli.screen import only_ours

BESIDE = {"--report": (".html", ".htm"), "--preview": (".png",)}  # flags that need no name, and how those end
NOTHING_LEFT = "no unfinished file is left"


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
    rows = any(a.partition("=")[0] == "--batch" for a in arguments)  # whose errors end nothing, unless it is told to
    arguments = _with_pages([a for a in arguments if a != "--debug" or rows])
    sys.exit(_run(arguments, debug))


def _with_pages(arguments: Sequence[str]) -> list[str]:
    """`--report` and `--preview` with nothing behind them that could be one: that beside the product."""
    return [
        f"{a}=auto" if a in BESIDE and not behind.lower().endswith(BESIDE[a]) else a
        for a, behind in zip(arguments, [*arguments[1:], ""], strict=False)
    ]


def _run(arguments: list[str], debug: bool) -> int:
    """Exit code of a run."""
    try:
        with process.stoppable(), only_ours(not debug):
            if not _show_help(arguments) and not _complete(arguments):
                build(arguments)(arguments, exit_on_error=False, print_error=debug)
                _show_examples(arguments)
            sys.stdout.flush()
    except KeyboardInterrupt as error:
        return _stopped(error)
    except BrokenPipeError:  # `earthloom methods | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if process.asked():  # a library made something else of it
            return _stopped(error)
        if debug:
            raise
        return _complain(_line(error, arguments))
    return 0


def _complete(arguments: list[str]) -> bool:
    """Answer the shell that asks for completions, or install what asks; answer programs that ask for the commands."""
    if not arguments or arguments[0] not in ("--complete", "--install-completion", "--show-completion", "--describe"):
        return False
    from earthloom.cli import completion

    if arguments[0] == "--describe":
        from earthloom.cli.pages import describe

        print(describe.text(arguments[1:]))
    elif arguments[0] == "--complete":
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
        print(f"\n{bold('Examples')}\n" + "\n".join(lines))


def _stopped(error: BaseException) -> int:
    """What is said after Ctrl-C and SIGTERM."""
    return _complain(f"stopped; {' '.join(getattr(error, '__notes__', [])) or NOTHING_LEFT}", process.exit_code())


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
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"{str(error.filename)[:60]}... is too long for a name; expected at most 255 letters"
    return f"unexpected {type(error).__name__}{': ' if text else ''}{text}; a bug? `--debug` shows where it arose"


def _complain(line: str, code: int = 2) -> int:
    """One line on standard error."""
    print(f"earthloom: {' '.join(line.split())}", file=sys.stderr)
    return code
