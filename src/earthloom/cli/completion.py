"""Completion with the TAB key: the shell asks this program, which knows the flags of the method that is typed.

A script that is written once would know neither the names of methods, sensors and weights, nor which flags a method
has; where nothing is offered the shell offers files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from earthloom.atomic import write_whole
from earthloom.cli.commands import COMMANDS, PROBLEMS, build
from earthloom.errors import FileError, InputError

SCRIPTS = {
    "bash": """_earthloom() {
  local IFS=$'\\n'
  COMPREPLY=( $(earthloom --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
}
complete -o bashdefault -o default -F _earthloom earthloom
""",
    "zsh": """#compdef earthloom
_earthloom() {
  local -a offered
  offered=(${(f)"$(earthloom --complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  (( ${#offered} )) && compadd -- $offered || _files
}
compdef _earthloom earthloom
""",
    "fish": """complete -c earthloom -a '(earthloom --complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
""",
}
CHOOSING = ("align", "pansharpen", "sharpen", "predict", "series")  # take `auto` in place of a method
PLACES = {  # where a shell looks for them by itself; zsh does not
    "bash": ".local/share/bash-completion/completions/earthloom",
    "zsh": ".zsh/completions/_earthloom",
    "fish": ".config/fish/completions/earthloom.fish",
}
SENSORS = ("--sensor", "--from", "--to", "--fine-sensor", "--coarse-sensor")


def complete(words: Sequence[str]) -> list[str]:
    """What may stand for the last of the words behind `earthloom`; nothing where a file is due."""
    words = [word for word in words if word != "="] or [""]
    typed, before = words[-1], words[:-1]
    return sorted({word for word in _offered(before, typed) if word.startswith(typed)})


def _offered(before: Sequence[str], typed: str) -> Iterable[str]:
    """What could stand behind these words, whatever is typed of it."""
    called = next((word for word in before if not word.startswith("-")), None)
    if called is None:
        flags = ("--help", "--version", "--install-completion", "--describe")
        return [*COMMANDS, *flags] if typed.startswith("-") else COMMANDS
    if called not in COMMANDS:
        return ()
    if (names := names_due(called, before)) is not None and not typed.startswith("-"):
        return names
    app = app_of(called, before)
    if typed.startswith("-"):
        flags = [n for a in app.assemble_argument_collection() for n in a.names] if app.default_command else []
        return [*(flag for flag in flags if flag.startswith("--")), "--help"]
    if before[-1] == called and app.default_command is None:
        return [name for name in app if not name.startswith("-")]
    return _choices(app, before[-1]) if before[-1].startswith("-") and app.default_command else ()


def names_due(called: str, before: Sequence[str]) -> list[str] | None:
    """Methods, sensors or weights, where one of them is due."""
    from earthloom.methods import catalog
    from earthloom.sensors.files import sensor_names as sensors

    last = before[-1]
    if last in ("--method", "-m") and called in PROBLEMS:
        return [*catalog.names(PROBLEMS[called]), *(["auto"] if called in CHOOSING else [])]
    if last in SENSORS or (last == called == "sensors"):
        return list(sensors())
    if last == called == "methods":
        return [*catalog.problems(), *(name for p in catalog.problems() for name in catalog.names(p))]
    if last == called == "train":
        jobs = [problem for problem in catalog.problems() if problem != PROBLEMS["align"]]  # `align fit` does that
        ours = [(p, name) for p in jobs for name in catalog.names(p) if not catalog.in_a_file(name, p)]
        return [f"{p}/{name}" for p, name in ours if catalog.is_network(name, p)]
    if last == "--weights" or (last == "show" and called == "weights"):
        from earthloom.weights.header import FOLDER, SUFFIX

        return [path.stem for path in FOLDER.glob(f"*{SUFFIX}")]
    return None


def app_of(called: str, before: Sequence[str]) -> Any:
    """The command that the words name, with the flags of its method."""
    app = build(before)[called]
    inner = next((word for word in before[before.index(called) + 1 :] if not word.startswith("-")), None)
    return app[inner] if inner is not None and inner in list(app) else app


def _choices(app: Any, flag: str) -> list[str]:
    """The words that a flag takes, where it takes some alone."""
    arguments = [a for a in app.assemble_argument_collection() if flag in a.names]
    return [word for argument in arguments for word in argument.get_choices() or ()]


def shell_of(words: Sequence[str]) -> str:
    """The shell that is named, or that runs.

    Raises
    ------
    InputError
        If it is none that is known.
    """
    shell = words[0] if words else Path(os.environ.get("SHELL", "")).name
    if shell not in SCRIPTS:
        raise InputError(
            f"the shell '{shell}'" if shell else "no shell", " or ".join(SCRIPTS), "earthloom --install-completion bash"
        )
    return shell


def script(shell: str) -> str:
    """What the shell has to run once."""
    return SCRIPTS[shell]


def install(shell: str) -> str:
    """Put the script where the shell looks for it, and say what is left to do.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    path = Path.home() / PLACES[shell]
    try:
        write_whole(path, script(shell).encode())
    except FileError as wrong:
        raise FileError(wrong.given, hint=f"earthloom --show-completion {shell} prints it") from wrong
    if shell == "zsh":
        lines = ("fpath=(~/.zsh/completions $fpath)", "autoload -Uz compinit && compinit")
        return f"{path}\nAdd to ~/.zshrc, where they are not there yet, and begin a new shell:\n  " + "\n  ".join(lines)
    return f"{path}\nBegin a new shell, and TAB completes."
