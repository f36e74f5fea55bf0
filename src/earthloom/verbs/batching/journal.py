"""What became of the rows of a batch, a line of ``batch.jsonl`` each time; so that a batch begun again knows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from earthloom.atomic import claimed
from earthloom.errors import FileError
from earthloom.raster.metadata.matlab import parse_address
from earthloom.raster.places import archive_suffix

NAME = "batch.jsonl"
STARTED, DONE, FAILED, STOPPED = "started", "done", "failed", "stopped"


@dataclass(frozen=True)
class Asked:
    """What a row is asked for, as far as the product depends on it.

    Parameters
    ----------
    parameters
        Of the verb, by name, as text where they are no plain data.
    inputs
        Files to their size and time of change; folders to the count, size and last time of what is below.
    """

    parameters: Mapping[str, Any]
    inputs: Mapping[str, Any]

    @property
    def key(self) -> str:
        """A short fingerprint."""
        text = json.dumps([self.parameters, self.inputs], sort_keys=True)
        return sha256(text.encode()).hexdigest()[:16]

    def differs(self, before: Mapping[str, Any]) -> str:
        """In which way something else was asked for before."""
        known, files = before.get("asked") or {}, before.get("inputs") or {}
        names = [name for name in {**known, **self.parameters} if known.get(name) != self.parameters.get(name)]
        if names:
            name = names[0]
            return f"{name} is {_short(self.parameters.get(name))}, and was {_short(known.get(name))}"
        changed = [name for name in {**files, **self.inputs} if files.get(name) != self.inputs.get(name)]
        return f"{changed[0]} has changed" if changed else "something else was asked for"


def asked(parameters: Mapping[str, Any]) -> Asked:
    """What a row is asked for, by the arguments of its verb."""
    plain = json.loads(json.dumps(parameters, sort_keys=True, default=_as_text))
    states = {text: state for text in _texts(plain) if (state := _state(text)) is not None}
    whole = {text: os.path.abspath(text) for text in states}  # wherever the next batch is begun
    return Asked(_renamed(plain, whole), {whole[text]: state for text, state in states.items()})


@dataclass
class Journal:
    """The file of a folder of products: read once, then added to; nobody else may meanwhile."""

    folder: Path
    started: dict[str, dict[str, Any]] = field(default_factory=dict)  # row: what it was last asked for
    last: dict[str, dict[str, Any]] = field(default_factory=dict)  # row: the last line
    ours: set[str] = field(default_factory=set)  # products that rows were begun for
    _file: BinaryIO | None = None

    @property
    def path(self) -> Path:
        """Where it stands."""
        return self.folder / NAME

    def __enter__(self) -> Journal:
        try:
            self._file = self.path.open("a+b")
            if not claimed(self._file.fileno()):
                raise FileError(f"another batch writes {self.folder}", hint="wait for it, or choose another folder")
            self._file.seek(0)
            held = self._file.read()
        except FileError:  # another batch
            self.__exit__()
            raise
        except OSError as wrong:
            raise FileError(
                f"{self.path} cannot be written ({wrong.strerror})", hint="choose another folder"
            ) from wrong
        for line in held.splitlines():
            self._learn(line)
        if held and not held.endswith(b"\n"):  # torn by whatever ended the batch
            self._file.write(b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _learn(self, line: bytes) -> None:
        """Take a line; one that is torn says nothing."""
        try:
            event = json.loads(line)
            row, state = event["row"], event["state"]
        except (ValueError, KeyError, TypeError):
            return
        self.last[row] = event
        if state == STARTED:
            self.started[row] = event
            self.ours.add(str(event.get("output")))

    def why(self, row: str, wanted: Asked, output: Path) -> str | None:
        """Why a row is made: "" when it is new; None when it is done."""
        last = self.last.get(row)
        if last is None or row not in self.started:
            return ""
        if last["state"] != DONE:
            return {FAILED: "failed before"}.get(last["state"], "was not finished")
        if self.started[row].get("key") != wanted.key:
            return wanted.differs(self.started[row])
        return None if output.exists() else "its product is gone"

    def add(self, row: str, state: str, **more: Any) -> None:
        """Write a line, to the disk itself.

        Raises
        ------
        FileError
            If it does not take it.
        """
        event = {"row": row, "state": state, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **more}
        line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        assert self._file is not None
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as wrong:
            raise FileError(
                f"{self.path} cannot be written ({wrong.strerror})", hint="free space, then go on"
            ) from wrong
        self._learn(line)

    def begin(self, row: str, wanted: Asked, output: Path) -> None:
        """A row is being made."""
        self.add(
            row,
            STARTED,
            output=output.relative_to(self.folder).as_posix(),
            key=wanted.key,
            asked=wanted.parameters,
            inputs=wanted.inputs,
        )


def _as_text(value: Any) -> str:
    """What is no plain data."""
    return str(value) if isinstance(value, Path) else repr(value)


def _texts(value: Any) -> list[str]:
    """All text in plain data, each once, in its order."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return list(dict.fromkeys(text for one in inner for text in _texts(one)))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Plain data with some of its text replaced."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {key: _renamed(one, names) for key, one in value.items()}
    return [_renamed(one, names) for one in value] if isinstance(value, list) else value


def _state(text: str) -> list[list[int]] | None:
    """Size and time of change of what a path names, and of what describes it; None for what is no path."""
    try:
        path = Path(text)
        if not path.exists():
            address = parse_address(text)  # file.mat:name
            path = Path(text.partition("#")[0]) if address is None else address[0]
        if not path.exists() or not path.name:
            return None
        if path.is_dir():
            below = [one.stat() for one in path.rglob("*") if one.is_file()]
            return [[len(below), sum(one.st_size for one in below), max((one.st_mtime_ns for one in below), default=0)]]
        states = [one.stat() for one in (path, *_described(path))]
        return [[one.st_size, one.st_mtime_ns] for one in states]
    except (OSError, ValueError):
        return None


def _described(path: Path) -> list[Path]:
    """The header of an image of ENVI, or the image of a header."""
    if path.suffix == ".hdr":
        near = (
            path.with_suffix(""),
            *(path.with_suffix(ending) for ending in (".img", ".dat", ".bsq", ".bil", ".bip")),
        )
        return [one for one in near if one.is_file()]
    header = path.with_suffix(".hdr")
    return [header] if archive_suffix(path.name) is None and header.is_file() else []


def _short(value: Any) -> str:
    """A value in a message."""
    text = "not given" if value is None else str(value)
    return text if len(text) < 60 else f"{text[:60]} ..."
