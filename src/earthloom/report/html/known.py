"""What a product says about itself, and where the files lie that it was made of."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from earthloom.documents import object_in
from earthloom.errors import EarthloomError, InputError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.problems.names import registered
from earthloom.raster.addresses import without_secrets
from earthloom.raster.facts import FileFacts, examine
from earthloom.raster.formats import format_of
from earthloom.raster.open import open_image
from earthloom.raster.write.provenance import PREFIX, fingerprints
from earthloom.report.record import Record

OWN = ("VERSION", "METHOD", "PARAMETERS", "INPUTS", "SENSOR", "RESIDUAL", "FIGURES")  # what is read by its name
SAME, CHANGED, GONE = "as it was", "changed since", "not found"


@dataclass(frozen=True)
class Input:
    """A file that a product was made of.

    Parameters
    ----------
    name
        Of the file, without its folder.
    path
        Where it lies; None where it was not found, or is no longer what it was.
    state
        ``as it was``, ``changed since`` or ``not found``.
    told
        Size, checksum, time, as the product remembers them.
    """

    name: str
    path: str | None
    state: str
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """A product and all that is known about how it was made.

    Parameters
    ----------
    path
        Of the product.
    facts
        Its header.
    problem, name
        Of the method.
    parameters
        Of the method and of the run.
    inputs
        Role to files.
    version
        Of Earthloom.
    sensor
        Whose bands they are.
    others
        What else the product says: registration, dates, clouds.
    figures
        How it came out.
    record
        Of the run, where this one made it: times and memory.
    """

    path: Path
    facts: FileFacts
    problem: str
    name: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, tuple[Input, ...]]
    version: str
    sensor: str | None
    others: Mapping[str, Any]
    figures: Mapping[str, Any]
    record: Record | None = None

    @property
    def described(self) -> type[Method] | None:
        """The method; None where it is not known here."""
        try:
            return catalog.find(self.name, self.problem)
        except EarthloomError:
            return None

    def paths(self, role: str) -> list[str]:
        """The files of a role, all of which were found; none where one is missing."""
        found = [one.path for one in self.inputs.get(role, ())]
        return [path for path in found if path is not None] if None not in found else []

    @property
    def missing(self) -> list[Input]:
        """Files that were not found, or are no longer what they were."""
        return [one for files in self.inputs.values() for one in files if one.path is None]


def known_of(product: str | Path, look_in: Sequence[str | Path] = (), record: Record | None = None) -> Known:
    """Read what a product says about itself.

    Parameters
    ----------
    product
        A file of ours.
    look_in
        Folders where its inputs may lie, beside that of the product and the current one.
    record
        Of the run that made it, which knows their paths.

    Raises
    ------
    EarthloomError
        If the file is missing or broken, or says nothing of how it was made.
    """
    path = Path(product)
    facts = examine(str(path))
    if PREFIX + "METHOD" not in facts.tags:
        raise InputError(
            f"{path} says nothing of how it was made", "a product of Earthloom",
            f"`earthloom info {path.name}` tells what it holds",
        )  # fmt: skip
    told = {key.removeprefix(PREFIX): value for key, value in facts.tags.items() if key.startswith(PREFIX)}
    problem, _, name = told["METHOD"].partition("/")
    if problem not in registered():
        raise InputError(f"{path} is of the problem '{problem}'", f"one of {', '.join(registered())}")
    folders = [Path(one) for one in look_in] + [path.parent, Path.cwd(), path.parent.parent]
    inputs = {
        role: tuple(_input(one, folders, dict(record.inputs).get(role, ()) if record else ()) for one in files)
        for role, files in object_in(told.get("INPUTS", "{}")).items() if isinstance(files, list)
    }  # fmt: skip
    others = {key.lower(): _plain(value) for key, value in told.items() if key not in OWN}
    figures = object_in(told.get("RESIDUAL", "{}")) | object_in(told.get("FIGURES", "{}"))
    return Known(
        path, facts, problem, name, object_in(told.get("PARAMETERS", "{}")), inputs, told.get("VERSION", ""),
        told.get("SENSOR"), others, figures, record,
    )  # fmt: skip


def _plain(text: str) -> Any:
    """A tag as plain data: an object, or the text without the quotes of JSON."""
    return object_in(text) or text.strip('"')


def _input(told: Any, folders: Iterable[Path], paths: Iterable[str]) -> Input:
    """One input: the file of its name that is what the product remembers."""
    told = told if isinstance(told, dict) else {}
    name = str(told.get("name", ""))
    state = GONE
    candidates = [path for path in paths if Path(without_secrets(path)).name == name]
    candidates += [str(folder / Path(name).name) for folder in folders if name]
    for path in dict.fromkeys(candidates):
        if not _is_there(path):
            continue
        now = fingerprints({"": [path]})[""][0]
        if all(now.get(key) == value for key, value in told.items() if key in ("bytes", "sha256", "modified", "etag")):
            return Input(name, path, SAME, told)
        state = CHANGED
    return Input(name, None, state, told)


def _is_there(path: str) -> bool:
    """Whether something can be opened: a file, a band of one, an address."""
    if Path(path).exists():
        return True
    if "/" not in path:
        return False
    try:
        format_of(path)
        with open_image(path):
            return True
    except (EarthloomError, OSError):
        return False


def reference(described: type[Method]) -> str:
    """Where a method comes from: the References of its docstring."""
    _, _, rest = (inspect.getdoc(described) or "").partition("\nReferences\n")
    lines = [line.strip() for line in rest.splitlines() if set(line.strip()) - {"-"}]
    return " ".join(lines)


def typed(words: Iterable[Any]) -> str:
    """Words as they would be typed."""
    return " ".join(shlex.quote(str(word)) for word in words)
