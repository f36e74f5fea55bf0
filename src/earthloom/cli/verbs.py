"""The commands of the verbs, made of their signatures and docstrings: flags, defaults and help are written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from cyclopts import Group, Parameter

from earthloom.cli import shown
from earthloom.cli.examples import of
from earthloom.cli.fields import field_helps, flags_of, given_in, numbers_in
from earthloom.cli.parameters import NAMES
from earthloom.cli.running import Work, shown_as, working
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.verbs.declared import VERBS, Flag, Verb

ORDER = {"Files": 1, "Run": 9}  # groups of the help; what a verb has of its own stands between
LISTENERS = ("progress", "say", "facts", "learnt")  # options of a run that no flag can give
SCREEN = {
    "verbose": (("--verbose", "-v"), "Say what is done and why."),
    "quiet": (("--quiet", "-q"), "No progress bar, no summary; warnings stay."),
}


KINDS = {
    (True, False): inspect.Parameter.POSITIONAL_ONLY,
    (False, True): inspect.Parameter.POSITIONAL_OR_KEYWORD,
    (False, False): inspect.Parameter.KEYWORD_ONLY,
}  # by whether a parameter is bare, and whether it may be


@dataclass(frozen=True)
class Option:
    """A parameter of a command, and what becomes of it: ``of`` says whose it is."""

    parameter: inspect.Parameter
    of: Literal["verb", "told", "run", "screen", "method", "extra"]


Act = Callable[[dict[str, Any], dict[str, Any], Work], Any]  # what the verb takes, further flags, the run: the product


def command(
    name: str,
    arguments: Sequence[str],
    extra: Sequence[Option] = (),
    act: Act | None = None,
    without: Sequence[str] = (),
) -> Callable[..., None]:
    """The command of a verb, for the method that the arguments name or imply.

    Parameters
    ----------
    extra
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
    first = [option for option in extra if option.parameter.kind is inspect.Parameter.POSITIONAL_ONLY]
    later = [option for option in extra if option not in first]
    own = [option for option in (*_own(verb), *_told(verb)) if option.parameter.name not in without]
    options = [*first, *own, *later, *_run(), *_screen(), *_fields(verb, method)]

    def called(*places: Any, **typed: Any) -> None:
        bare = [o.parameter.name for o in options if o.parameter.kind is not inspect.Parameter.KEYWORD_ONLY]
        _call(name, verb, options, dict(zip(bare, places, strict=False)) | typed, given, act)

    parameters = sorted((o.parameter for o in options), key=lambda p: p.kind)
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    called.__doc__ = _manual(verb, method, not of(name))
    return called


def _call(
    name: str, verb: Verb, options: Sequence[Option], typed: dict[str, Any], given: Mapping[str, Any], act: Act | None
) -> None:  # fmt: skip
    """Call the verb with what was typed, and say what came of it."""
    parts: dict[str, dict[str, Any]] = {kind: {} for kind in ("verb", "told", "run", "screen", "method", "extra")}
    for option in options:
        key = option.parameter.name
        if key in typed and typed[key] != option.parameter.default:
            value = typed[key]
            parts[option.of][key] = tuple(value) if option.of == "told" and isinstance(value, list) else value
    own = parts["verb"]
    for key in [key for key in own if key.startswith("no_")]:
        own.pop(key)
        name_of = key.removeprefix("no_")
        if own.get(name_of):
            raise InputError(f"--{name_of} {own[name_of]} with --no-{name_of}", "one of them")
        own[name_of] = 0
    own.setdefault("method", given.get("method") or verb.default(given))
    if verb.shell is not None:
        own = verb.shell(own)
    with working(parts["run"], **parts["screen"]) as work:
        chosen = {key: numbers_in(value) for key, value in parts["method"].items()}
        asked = {**own, **parts["told"], **chosen, "run": work.run}
        if act is not None:
            act(asked, parts["extra"], work)
            return
        shown.done(name, verb.call(**asked), work)


def _own(verb: Verb) -> list[Option]:
    """The verb's own parameters."""
    helps, hints = shown.helps(verb.call), get_type_hints(verb.call, include_extras=True)
    found = []
    for p in inspect.signature(verb.call).parameters.values():
        if p.name == "run" or p.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        flag = next((m for m in getattr(hints[p.name], "__metadata__", ()) if isinstance(m, Flag)), Flag())
        if flag.hidden:
            continue
        takes = flag.takes or _plain(hints[p.name])
        if p.default is True and takes is not bool:  # as many as the method has by itself, a number, or none
            told = f"The same as --{p.name} 0."
            found.append(Option(_parameter(f"no_{p.name}", bool, flag, told, False, False), "verb"))
        missing = p.default is inspect.Parameter.empty or flag.required
        NAMES.update({p.name: flag.name[0]} if flag.name else {})
        found.append(Option(_parameter(p.name, takes, flag, helps.get(p.name, ""), p.default, missing), "verb"))
    return found


def _plain(hint: Any) -> Any:
    """A hint without its annotations."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def extra(name: str, takes: Any, told: str, flag: Flag, default: Any = None) -> Option:
    """A flag of a command alone."""
    return Option(_parameter(name, takes, flag, told, default, flag.required or flag.bare), "extra")


def _parameter(name: str, takes: Any, flag: Flag, told: str, default: Any, required: bool) -> inspect.Parameter:
    """A parameter of the command line."""
    switch, several = takes is bool, get_origin(takes) in (list, tuple) or "list[" in str(takes)
    off = switch or default in (None, (), [])
    about = Parameter(
        name=list(flag.name) or None, group=Group(flag.group, sort_key=ORDER.get(flag.group, 5)), help=told,
        consume_multiple=several and flag.shown == "", negative="" if several or switch else None,
        show_default=False if off else None, **(shown_as(flag.shown) if flag.shown else {}),
    )  # fmt: skip
    kind = KINDS[flag.bare, flag.placed]
    if required:
        return inspect.Parameter(name, kind, annotation=Annotated[takes, about])
    default = None if default in ((), []) or (default is True and takes is not bool) else default
    hint = takes | None if default is None and takes is not bool and type(None) not in get_args(takes) else takes
    return inspect.Parameter(name, kind, default=default, annotation=Annotated[hint, about])


def _told(verb: Verb) -> list[Option]:
    """What can be told about the images of each role."""
    if not verb.told:
        return []
    from earthloom.raster.told import Told

    kinds = {
        "sensor": str, "bands": list[str], "scale": float, "offset": float, "nodata": float,
        "mask_values": list[float], "mask_bits": list[int],
    }  # fmt: skip
    own, helps = inspect.signature(verb.call).parameters, field_helps(Told)
    return [
        Option(
            _parameter(
                f"{role}_{one.name}", kinds[one.name], Flag(), f"{role.capitalize()}: {helps[one.name]}", None, False
            ), "told",
        )
        for one in fields(Told) for role in verb.told if f"{role}_{one.name}" not in own
    ]  # fmt: skip


def _run() -> list[Option]:
    """How to run."""
    from earthloom.engine.options import Run

    helps, hints = field_helps(Run), get_type_hints(Run)
    return [
        Option(_parameter(one.name, hints[one.name], Flag(group="Run"), helps[one.name], one.default, False), "run")
        for one in fields(Run) if one.name not in LISTENERS
    ]  # fmt: skip


def _screen() -> list[Option]:
    """What the terminal shows."""
    return [
        Option(_parameter(name, bool, Flag(name=names, group="Run"), told, False, False), "screen")
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
    more = f"The last flags are those of {card.name} ({card.title}); `-m NAME --help` shows those of another method."
    head, _, rest = words.partition("\n\n")
    return f"{head}\n\n{more}\n\n{rest}".strip()


__all__ = ["Path", "command"]
