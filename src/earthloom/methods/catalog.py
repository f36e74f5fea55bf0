"""Which methods there are. The folder is the registry: listing reads file names and imports nothing.

A package elsewhere adds a method by an entry point in the group ``earthloom.methods`` named ``problem/name``
that points at the method's class.
"""

from __future__ import annotations

import difflib
import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from earthloom.errors import InputError, MethodError
from earthloom.problems.names import registered
from earthloom.weights.header import shipped_methods

if TYPE_CHECKING:
    from earthloom.methods.base import Method

FOLDER = Path(__file__).parent
COSTS = FOLDER / "costs.json"  # made by bench/costs.py
PUBLISHED = "published"  # a field that every method takes: stands for those of its published formula


def problems() -> list[str]:
    """Problems that have at least one method."""
    return [name for name in registered() if (FOLDER / name).is_dir()]


def names(problem: str = "pansharpening") -> list[str]:
    """Names of the methods of a problem, ours first, then those of other packages."""
    own = sorted(p.stem for p in (FOLDER / problem).glob("[a-z]*.py"))
    return own + sorted(set(_foreign(problem)) - set(own))


def split(name: str) -> tuple[str, dict[str, str]]:
    """``NAME:FILE`` is the method NAME with its field ``file``: the name, and the fields that are told with it."""
    head, colon, file = name.partition(":")
    return (head, {"file": file}) if colon else (name, {})


def _home(name: str, problem: str) -> Path:
    """Where a method of the folder is written."""
    return FOLDER / problem / f"{split(name)[0]}.py"


def _foreign(problem: str) -> dict[str, EntryPoint]:
    """Entry points of other packages."""
    found = entry_points(group="earthloom.methods")
    return {e.name.split("/", 1)[1]: e for e in found if e.name.startswith(problem + "/")}


def summary(name: str, problem: str = "pansharpening") -> str:
    """First line of a method's file, read without importing it."""
    path = _home(name, problem)
    if not path.is_file():
        return f"from {_foreign(problem)[name].value.split(':')[0]}"
    return path.read_text(encoding="utf-8").split('"""', 2)[1].partition("\n")[0]


def is_network(name: str, problem: str = "pansharpening") -> bool:
    """Whether a method of the folder is a network, which needs torch, read without importing it."""
    path = _home(name, problem)
    return path.is_file() and 'family="network"' in path.read_text(encoding="utf-8")


def in_a_file(name: str, problem: str = "pansharpening") -> bool:
    """Whether a method of the folder reads its network from a file that the user names."""
    path = _home(name, problem)
    return path.is_file() and "earthloom.methods.networks.files" in path.read_text(encoding="utf-8")


def trained(name: str, problem: str = "pansharpening") -> bool:
    """Whether weights of a network are shipped, read without importing it; others have to be trained."""
    text = _home(name, problem).read_text(encoding="utf-8")
    shared = re.search(r'weights_of="(\w+)"', text)
    return f"{problem}/{shared[1] if shared else name}" in shipped_methods()


def family(name: str, problem: str = "pansharpening") -> str:
    """The family of a method of the folder, read without importing it; nothing for one of another package."""
    path = _home(name, problem)
    stated = re.search(r'family="([^"]+)"', path.read_text(encoding="utf-8")) if path.is_file() else None
    return stated[1] if stated else ""


def cost(name: str, problem: str = "pansharpening") -> int | None:
    """How many times the processor time of no fusion a method takes, to a power of two; None where not measured."""
    return json.loads(COSTS.read_text(encoding="utf-8")).get(problem, {}).get(split(name)[0])


@lru_cache
def find(name: str, problem: str = "pansharpening") -> type[Method]:
    """The class of a method.

    Raises
    ------
    MethodError
        If there is no such method (the message offers the nearest names), or it needs torch and there is none.
    """
    known = names(problem)
    name = split(name)[0]
    key = name.lower().replace("-", "_").removeprefix(problem + "/")
    if key not in known:
        near = difflib.get_close_matches(key, known, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        homes = [other for other in problems() if key in names(other)]
        hint = f"{key} is a method of {' and '.join(homes)}" if homes else hint
        raise MethodError(f"no {problem} method '{name}'", "a name that `earthloom methods` lists", hint)
    if not (FOLDER / problem / f"{key}.py").is_file():
        return _foreign(problem)[key].load()
    try:
        module = importlib.import_module(f"earthloom.methods.{problem}.{key}")
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != "torch":
            raise
        raise MethodError(f"{key} without torch", "torch", "pip install 'earthloom[torch]'") from missing
    return next(c for c in vars(module).values() if _is_method(c, module.__name__))


def _is_method(value: object, module: str) -> bool:
    """A class with a card that is defined in the module itself."""
    return isinstance(value, type) and hasattr(value, "card") and value.__module__ == module


def make(name: str, problem: str = "pansharpening", **fields: object) -> Method:
    """A method with its fields set.

    Raises
    ------
    MethodError
        For an unknown method or field, or a value that the field does not take.
    """
    cls = find(name, problem)
    fields = {**split(name)[1], **fields}
    known = [field.name for field in dataclass_fields(cls)]
    for field in fields:
        if field not in known:
            near = difflib.get_close_matches(field, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'no fields'}"
            raise MethodError(f"{name} has no field '{field}'", hint=hint)
    from earthloom.methods.fields import checked_field

    return cls(**checked_field(cls, fields))


def with_published(name: str, problem: str, fields: Mapping[str, object]) -> dict[str, object]:
    """The fields given, and where ``published`` is one of them those of the published formula that are not given.

    A method whose defaults are the published formula has nothing to add.

    Raises
    ------
    MethodError
        If there is no such method, or ``published`` is neither True nor False.
    """
    if PUBLISHED not in fields:
        return dict(fields)
    cls, asked = find(name, problem), fields[PUBLISHED]
    if not isinstance(asked, bool):
        raise MethodError(f"{name} with {PUBLISHED}={asked!r}", "True or False")
    own = any(field.name == PUBLISHED for field in dataclass_fields(cls))
    rest = {key: value for key, value in fields.items() if own or key != PUBLISHED}
    return {**(cls.card.published if asked else {}), **rest}


def choose(method: str | Method, problem: str, job: str, fields: Mapping[str, object]) -> Method:
    """The method that a user asked for, by its name or as an object.

    ``published=True`` among the fields stands for those of the published formula; others beside it win.

    Raises
    ------
    InputError
        If it is neither, has fields beside it, or belongs to another problem than ``job`` names in words.
    MethodError
        For an unknown name or field, or a value that the field does not take.
    """
    from earthloom.methods.base import Method

    chosen = make(method, problem, **with_published(method, problem, fields)) if isinstance(method, str) else method
    if not isinstance(chosen, Method):
        raise InputError(f"method of type {type(chosen).__name__}", "a name or a method object")
    if fields and chosen is method:
        raise InputError(f"{', '.join(fields)} beside a method object", "fields of a method given by name")
    if chosen.card.problem != problem:
        raise InputError(f"{chosen.card.name}, a method of {chosen.card.problem}", f"a method of {job}")
    return chosen


def name_of(method: Method) -> str:
    """The catalogue's name of a method: the file it is in, or the entry point that leads to it."""
    while any(field.name == "inner" for field in dataclass_fields(method)):  # a wrapper
        method = method.inner  # type: ignore[attr-defined]
    home, _, last = type(method).__module__.rpartition(".")
    if home == f"earthloom.methods.{method.card.problem}":
        return last
    value = f"{type(method).__module__}:{type(method).__qualname__}"
    own = (name for name, entry in _foreign(method.card.problem).items() if entry.value == value)
    return next(own, type(method).__name__.lower())
