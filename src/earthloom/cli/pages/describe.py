"""`earthloom --describe`: commands and flags as data, for programs that show them in windows of their own."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from earthloom.cli import shown
from earthloom.cli.commands import COMMANDS, GROUPS
from earthloom.cli.completion import app_of, names_due
from earthloom.cli.examples import EXAMPLES
from earthloom.cli.verbs import OF_METHOD
from earthloom.errors import InputError
from earthloom.version import __version__

IMAGES = {  # flags whose words name images: a program offers what it has open
    "pan", "ms", "hs", "fine", "coarse", "pair", "cube", "source", "sources", "target", "targets", "optical", "sar",
    "date", "product", "reference", "mask", "fine_mask", "coarse_mask", "source_mask", "target_mask", "date_mask",
}  # fmt: skip
READ = {"transform", "weights", "config", "data", "validation"}  # files or folders that are read, and are no images
WORDS = {  # of flags that take several words, each of its own kind
    ("predict", "pair"): {"fine": "image", "coarse": "image", "date": "text"},
    ("predict", "coarse"): {"coarse": "image", "date": "text"},
}
FOLDER = "_dir"  # behind the name of a flag that takes a folder of images
FOLDERS = {
    ("series", "output"): "output_folder",
    ("train", "output"): "output_folder",
    ("demo", "output"): "output_folder",
    ("unfinished", "folder"): "folder",
}
PLAIN: Mapping[Any, str] = {bool: "switch", int: "integer", float: "number", Path: "file", str: "text"}


def described(words: Sequence[str] = ()) -> dict[str, Any]:
    """The commands as data.

    Parameters
    ----------
    words
        A command as it is typed, such as ``("pansharpen", "-m", "cf2n")``, whose flags are those of its method; none:
        all commands, with the flags of their default methods.

    Returns
    -------
    dict
        ``version`` and ``commands``, each with ``name``, ``group``, ``summary``, ``manual``, ``examples`` and
        ``flags``. A flag has ``name``, ``flag`` as it is typed (empty: given by its place), ``takes`` (what each of its
        ``words`` is: switch, integer, number, choice, text, image, folder, file, output, output_folder), ``many``
        (may hold several), ``choices`` (of a text those that are known beside what else it takes), ``default``,
        ``required``, ``group`` of the help, ``help``.

    Raises
    ------
    InputError
        If there is no such command.
    """
    if words and words[0] not in COMMANDS:
        raise InputError(f"the command '{words[0]}'", ", ".join(COMMANDS))
    inner = [name for name in EXAMPLES if name.split() == list(words[:2])]
    named = inner or ([words[0]] if words else list(EXAMPLES))
    more = list(words[len(named[0].split()) :]) if words else []
    found = [_command(name, [*name.split(), *more]) for name in named]
    return {"program": "earthloom", "version": __version__, "commands": [one for one in found if one["flags"]]}


def text(words: Sequence[str] = ()) -> str:
    """The commands as JSON."""
    return json.dumps(described(words), indent=1)


def _command(name: str, words: Sequence[str]) -> dict[str, Any]:
    """One command; no flags where it only holds others."""
    app = app_of(name.split()[0], words)
    call = app.default_command
    helps = shown.helps(call) if call is not None else {}
    manual = shown.manual(call, False) if call is not None else ""
    arguments = app.assemble_argument_collection() if call is not None else ()
    return {
        "name": name,
        "group": next(group for group, names in GROUPS.items() if name.split()[0] in names),
        "summary": COMMANDS[name][1] if name in COMMANDS else manual.split("\n")[0],
        "manual": "\n\n".join(part for part in manual.split("\n\n") if not part.startswith(OF_METHOD)),
        "examples": [{"what": what, "line": line} for what, line in EXAMPLES[name]],
        "flags": [_flag(name, argument, helps) for argument in arguments],
    }


def _flag(command: str, argument: Any, helps: Mapping[str, str]) -> dict[str, Any]:
    """One flag."""
    about, own = argument.parameter, argument.field_info
    typed = next((one for one in argument.names if one.startswith("--")), "")
    name = (typed.removeprefix("--") or own.name).replace("-", "_").lower()
    group = next((one.name for one in about.group or () if one.name), "") if isinstance(about.group, tuple) else ""
    takes, many = _takes(command, name, _bare(argument.hint))
    choices = list(argument.get_choices() or ())
    default = None if own.default is inspect.Parameter.empty else own.default
    default = str(default) if isinstance(default, Path) else default
    return {
        "name": name, "flag": typed, "off": next((one for one in argument.names if one.startswith("--no-")), ""),
        "takes": list(takes.values()), "words": list(takes), "many": many,
        "choices": choices or _methods(command, typed), "default": default,
        "required": bool(argument.required), "group": group, "help": about.help or helps.get(own.name, ""),
    }  # fmt: skip


def _methods(command: str, flag: str) -> list[str]:
    """The methods that may be named."""
    return (names_due(command.split()[0], [flag]) or []) if flag == "--method" else []


def _bare(hint: Any) -> Any:
    """A hint without None."""
    inner = [one for one in get_args(hint) if one is not type(None)]
    union = get_origin(hint) is Union or ("|" in str(hint) and get_origin(hint) not in (list, tuple))
    return inner[0] if union and len(inner) == 1 else hint


def _takes(command: str, name: str, hint: Any) -> tuple[dict[str, str], bool]:
    """What each word of a flag is, by what it is called, and whether there may be several."""
    many = get_origin(hint) is list
    inner = get_args(hint)[0] if many else hint
    words = WORDS.get((command.split()[-1], name), {"": FOLDERS.get((command, name)) or _kind(name, inner)})
    return words, many


def _kind(name: str, hint: Any) -> str:
    """What one word is."""
    if get_origin(hint) is Literal:
        return "choice"
    if name in IMAGES:
        return "image"
    if name.endswith(FOLDER):
        return "folder"
    if name in READ:
        return "file"
    if hint is Path or Path in get_args(hint):
        return "output"
    return PLAIN.get(hint, "text")
