"""The rows of a benchmark: every entrant on every scene, each kept by what it depends on, so that nothing is twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from earthloom.atomic import write_whole
from earthloom.benchmarking.entrants import Entrant, contestant
from earthloom.benchmarking.entry import Entry, Scenes
from earthloom.benchmarking.protocol import Protocol
from earthloom.benchmarking.row import Row, code
from earthloom.documents import object_beside
from earthloom.engine.options import Run
from earthloom.errors import EarthloomError, FileError, MethodError
from earthloom.machine import on
from earthloom.version import __version__


@dataclass(frozen=True)
class Judge:
    """A task for a runner: the rows of one scene, by its number."""

    scenes: Scenes
    entrants: tuple[Entrant, ...]
    protocol: Protocol
    folder: Path | None
    device: str = "auto"

    def __call__(self, number: int) -> list[Row]:
        """All rows of a scene; what fails is a row that says why."""
        name = self.scenes.name(number)
        try:
            entry = self.scenes[number]
            told = entry.fingerprint
        except EarthloomError as wrong:
            return [Row(one.label, name, why=str(wrong)) for one in self.entrants]
        with on(self.device):
            return [self._row(one, entry, told) for one in self.entrants]

    def _row(self, one: Entrant, entry: Entry, told: str) -> Row:
        """One of them; where it refuses the scene, and the protocol says what then counts, that with the reason."""
        try:
            return self._made(one, entry, told)
        except EarthloomError as wrong:
            other = self.protocol.judge.refused
            if not isinstance(wrong, MethodError) or other in ("", one.label):
                return Row(one.label, entry.name, why=str(wrong))
            instead = self._row(contestant(other, self.protocol.problem), entry, told)
            return replace(instead, entrant=one.label, why=str(wrong), seconds=None, key="")

    def _made(self, one: Entrant, entry: Entry, told: str) -> Row:
        """A row, kept or made."""
        method = one.ready(entry)
        basis = "\n".join((__version__, code(), self.protocol.sha256, told, one.fingerprint(entry, method)))
        key = sha256(basis.encode()).hexdigest()
        kept = self._kept(key)
        if kept is not None:
            return Row(one.label, entry.name, kept["figures"], "", kept["seconds"], key, True)
        began = time.perf_counter()
        product = one.product(entry, method)
        seconds = None if method is None else time.perf_counter() - began
        row = Row(one.label, entry.name, entry.figures(product, self.protocol), "", seconds, key)
        if self.folder is not None:
            with suppress(FileError):  # another machine's folder: who asked keeps the row
                keep(self.folder, row)
        return row

    def _kept(self, key: str) -> dict[str, Any] | None:
        """A row of this key that was kept whole."""
        if self.folder is None:
            return None
        found = object_beside(self.folder / f"{key}.json")
        figures = found.get("figures")
        return found if isinstance(figures, dict) and "seconds" in found else None


def keep(folder: Path, row: Row) -> None:
    """Keep a row under what it depends on."""
    text = json.dumps({name: value for name, value in asdict(row).items() if name not in ("kept", "key")})
    write_whole(folder / f"{row.key}.json", text.encode())


def rows_of(
    scenes: Scenes, entrants: Sequence[Entrant], protocol: Protocol, folder: Path | None, run: Run
) -> Iterator[Row]:
    """All rows, scene by scene; a run that was stopped finds what it had kept.

    Parameters
    ----------
    folder
        Where rows are kept; None: nowhere.
    run
        Who works, and how many scenes at a time.
    """
    judge = Judge(scenes, tuple(entrants), protocol, folder, run.device)
    run.progress("judging", 0, len(scenes))
    with run.begin() as runner:
        for done, (_, found) in enumerate(runner.map(judge, range(len(scenes))), 1):
            for row in found:
                if folder is not None and row.key and not (folder / f"{row.key}.json").exists():
                    keep(folder, row)
            run.progress("judging", done, len(scenes))
            yield from found
