"""What is fuzzed: a valid thing on disk, what of it is spoilt, and how it is read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bench.fuzz.mutate import changed, mutated

Make = Callable[[Path], Path]
Mutate = Callable[[bytes, Random, bytes], bytes]
TEXTS = {".txt": "text", ".json": "json", ".geojson": "json", ".xml": "xml", ".toml": "toml", ".csv": "text",
         ".hdr": "text", ".ndjson": "text", ".met": "text"}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """One reader.

    Parameters
    ----------
    make
        Writes the valid thing into an empty folder, and gives the path that a user would.
    read
        Reads what lies at that path, as far as a program does before it works with it.
    only
        Ends of the names of the files that are spoilt; all where there is none.
    mutate
        By end of a name: how such a file is spoilt, instead of by its kind.
    """

    make: Make
    read: Callable[[Path], object]
    only: tuple[str, ...] = ()
    mutate: dict[str, Mutate] = field(default_factory=dict)


def spoilt(subject: Subject, name: str, data: bytes, rng: Random, other: bytes) -> bytes:
    """A file of the subject, spoilt."""
    own = next((how for end, how in subject.mutate.items() if name.endswith(end)), None)
    if own is not None and rng.random() < 0.7:
        return own(data, rng, other)
    return mutated(data, TEXTS.get(Path(name).suffix.lower(), "binary"), rng, other)


def members(folder: Path, subject: Subject) -> list[str]:
    """The files of a valid thing that are spoilt, by their names in the folder."""
    every = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in every if not subject.only or name.endswith(subject.only)]


def in_zip(data: bytes, rng: Random, other: bytes) -> bytes:
    """One file in a zip archive spoilt, or its name, with the sums that belong to it."""
    made, parts = io.BytesIO(), zipfile.ZipFile(io.BytesIO(data))
    names = parts.namelist()
    one = rng.choice([name for name in names if name.endswith(".pkl")] or names)
    one = one if rng.random() < 0.7 else rng.choice(names)
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            inner = parts.read(name)
            if name == one and rng.random() < 0.15:
                name = rng.choice(("../up.tif", "/abs.tif", "x" * 300, "a/" * 200, "}", "{}", "\u00e9.tif"))
            elif name == one:
                inner = mutated(inner, TEXTS.get(Path(name).suffix.lower(), "binary"), rng, other)
            archive.writestr(name, inner)
    return made.getvalue()


def in_safetensors(data: bytes, rng: Random, _other: bytes) -> bytes:
    """Values of the header changed, whose length is told anew; ours stands in it as JSON in a text."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    own = header.get("__metadata__", {})
    if rng.random() < 0.7 and "earthloom" in own:
        told = changed(json.loads(own["earthloom"]), rng)
        own["earthloom"] = json.dumps(told) if rng.random() < 0.97 else "[" * 100_000
    else:
        header = changed(header, rng)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def with_checksum(data: bytes, rng: Random, other: bytes) -> bytes:
    """A transform with changed values whose checksum is right."""
    import hashlib

    spoiled = mutated(data, "json", rng, other)
    try:
        told: Any = json.loads(spoiled)
        kept = {key: value for key, value in told.items() if key != "checksum"}
        text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
        told["checksum"] = hashlib.sha256(text.encode()).hexdigest()
        return json.dumps(told).encode()
    except (ValueError, AttributeError, TypeError, RecursionError):
        return spoiled
