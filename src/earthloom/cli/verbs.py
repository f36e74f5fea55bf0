"""The commands of the verbs, made of their signatures and docstrings: flags, defaults and help are written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from earthloom.cli import several, shown
from earthloom.cli.examples import of
from earthloom.cli.fields import field_helps, flags_of, given_in
from earthloom.cli.options import Act, Option, extra, parameter_of
from earthloom.cli.parameters import NAMES
from earthloom.cli.running import working
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.verbs.declared import VERBS, Verb, writes_a_product
from earthloom.verbs.flags import LISTENERS, TOLD, Flag, flag_of, numbers_in, plain

TYPED = dict.fromkeys(("report", "preview"), Path | None)  # they take less on the command line than in Python
OF_METHOD = "The last flags are those of"  # begins what the help says of them
SCREEN = {
    "verbose": (("--verbose", "-v"), "Say what is done and why."),
    "quiet": (("--quiet", "-q"), "No progress bar, no summary; warnings stay."),
}


def command(
    name: str,
    arguments: Sequence[str],
    further: Sequence[Option] = (),
    act: Act | None = None,
    without: Sequence[str] = (),
) -> Callable[..., None]:
    """The command of a verb, for the method that the arguments name or imply.

    Parameters
    ----------
    further
        Flags of the command alone.
    act
        What is done instead of calling the verb.
    without
        Parameters of the verb that the command does not show.
    """
    import_module(f"earthloom.verbs.{name}")
    verb = VERBS[name]
    given = given_in(arguments)
    method = given.get("method") or verb.default(given)
    many = writes_a_product(verb) and not without
    further = (*further, *(several.OPTIONS if many else ()))
    first = [option for option in further if option.parameter.kind is inspect.Parameter.POSITIONAL_ONLY]
    later = [option for option in further if option not in first]
    rows = many and "batch" in given
    own = [option for option in (*_own(verb, rows), *_told(verb)) if option.parameter.name not in without]
    options = [*first, *own, *later, *_run(), *_screen(), *_fields(verb, method)]

    def called(*places: Any, **typed: Any) -> None:
        bare = [o.parameter.name for o in options if o.parameter.kind is not inspect.Parameter.KEYWORD_ONLY]
        _call(name, verb, options, dict(zip(bare, places, strict=False)) | typed, given, several.act if rows else act)

    parameters = sorted((o.parameter for o in options), key=lambda p: p.kind)
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    called.__doc__ = _manual(verb, method, not of([verb.inside or name]))
    return called


def _call(
    name: str, verb: Verb, options: Sequence[Option], typed: dict[str, Any], given: Mapping[str, Any], act: Act | None
) -> None:  # fmt: skip
    """Call the verb with what was typed, and say what came of it."""
    parts: dict[str, dict[str, Any]] = {kind: {} for kind in ("verb", "told", "run", "screen", "method", "extra")}
    for option in options:
        key = option.parameter.name
        if key in typed and (option.of == "method" or typed[key] != option.parameter.default):  # see `published`
            value = typed[key]
            parts[option.of][key] = tuple(value) if option.of == "told" and isinstance(value, list) else value
    own = parts["verb"]
    for key in [key for key in own if key.startswith("no_")]:
        own.pop(key)
        name_of = key.removeprefix("no_")
        if own.get(name_of):
            raise InputError(f"--{name_of} {own[name_of]} with --no-{name_of}", "one of them")
        own[name_of] = 0
    if act is not several.act:  # rows may name methods of their own
        own.setdefault("method", given.get("method") or verb.default(given))
        if several.OPTIONS[0] in options:
            several.require_rows(parts["extra"])
    if verb.shell is not None:
        own = verb.shell(own)
    with working(parts["run"], **parts["screen"]) as work:
        chosen = {key: numbers_in(value) for key, value in parts["method"].items()}
        asked = {**own, **parts["told"], **chosen, "run": work.run}
        if act is not None:
            act(asked, {**parts["extra"], "verb": name} if act is several.act else parts["extra"], work)
            return
        shown.done(name, verb.call(**asked), work)


def _own(verb: Verb, rows: bool) -> list[Option]:
    """The verb's own parameters; none but the output is required where rows tell them."""
    helps, hints = shown.helps(verb.call), get_type_hints(verb.call, include_extras=True)
    found = []
    for p in inspect.signature(verb.call).parameters.values():
        if p.name == "run" or p.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        flag = flag_of(hints[p.name])
        if flag.hidden:
            continue
        takes = flag.takes or plain(hints[p.name])
        if p.default is True and takes is not bool:  # as many as the method has by itself, a number, or none
            told = f"The same as --{p.name} 0."
            found.append(Option(parameter_of(f"no_{p.name}", bool, flag, told, False, False), "verb"))
        without = p.default is inspect.Parameter.empty
        missing = (without or flag.required) and not (rows and p.name != "output")
        NAMES.pop(p.name, None)  # of a command that was built before
        NAMES.update({p.name: flag.name[0]} if flag.name else {})
        default = None if without else p.default
        found.append(Option(parameter_of(p.name, takes, flag, helps.get(p.name, ""), default, missing), "verb"))
    return found


def _told(verb: Verb) -> list[Option]:
    """What can be told about the images of each role."""
    if not verb.told:
        return []
    from earthloom.raster.told import Told

    own, helps = inspect.signature(verb.call).parameters, field_helps(Told)
    return [
        Option(
            parameter_of(
                f"{role}_{one.name}", TOLD[one.name], Flag(), f"{role.capitalize()}: {helps[one.name]}", None, False
            ), "told",
        )
        for one in fields(Told) for role in verb.told if f"{role}_{one.name}" not in own
    ]  # fmt: skip


def _run() -> list[Option]:
    """How to run."""
    from earthloom.engine.options import Run

    helps, hints = field_helps(Run), get_type_hints(Run) | TYPED
    return [
        Option(parameter_of(one.name, hints[one.name], Flag(group="Run"), helps[one.name], one.default, False), "run")
        for one in fields(Run) if one.name not in LISTENERS
    ]  # fmt: skip


def _screen() -> list[Option]:
    """What the terminal shows."""
    return [
        Option(parameter_of(name, bool, Flag(name=names, group="Run"), told, False, False), "screen")
        for name, (names, told) in SCREEN.items()
    ]


def _fields(verb: Verb, method: str) -> list[Option]:
    """The fields of the method."""
    known = {*inspect.signature(verb.call).parameters, *verb.without}
    try:
        described = catalog.find(method, verb.problem)
    except Exception:
        if method in shown.WORDS:  # such as auto: no method, and so no fields
            return []
        raise
    return [Option(p, "method") for p in flags_of(described, known)]


def _manual(verb: Verb, method: str, examples: bool) -> str:
    """What the help says above the flags."""
    words = shown.manual(verb.call, examples)
    if method in shown.WORDS:
        return words
    card = catalog.find(method, verb.problem).card
    more = f"{OF_METHOD} {card.name} ({card.title}); `-m NAME --help` shows those of another method."
    head, _, rest = words.partition("\n\n")
    return f"{head}\n\n{more}\n\n{rest}".strip()


__all__ = ["Path", "command", "extra"]
