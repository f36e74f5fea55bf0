"""What of a job is done, so that a job that was killed goes on where it was.

Beside the product lies the folder ``.<name>.part`` with the stage that takes the tiles, and with what this file keeps:
``asked.json``, which job it is; ``tiles.jsonl``, a line for each finished tile with its checksum and what was measured
of it; ``kept-*``, what was found out before the tiles: statistics of the whole scene, weights that were adapted. A tile
counts when the stage gives back the bytes of its checksum: a line that came to the disk before its pixels, because the
power went, is worth nothing.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Any

from earthloom.atomic import claimed, write_whole
from earthloom.engine.packed import NotPlain, pack, unpack
from earthloom.errors import FileError
from earthloom.raster.steady import paths_in, stamps
from earthloom.version import __version__

ASKED, TILES, LOCK, KEPT = "asked.json", "tiles.jsonl", "lock", "kept-"
STOPS = (signal.SIGINT, signal.SIGTERM)
DAY_S = 86400
WORTH_SECONDS = 10.0  # of work: what took less is made again sooner than somebody comes back to a closed terminal


def part_of(place: Path) -> Path:
    """The folder of what is unfinished of a product."""
    return place.with_name(f".{place.name}.part")


@dataclass(eq=False)
class Ledger:
    """The unfinished part of a product, held by one process at a time.

    Parameters
    ----------
    folder
        Where it is; None: nothing is kept.
    place
        The product.
    """

    folder: Path | None = None
    place: Path = Path()
    began: float = field(default_factory=time.monotonic)
    _lines: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def held(cls, place: Path, resume: bool = True) -> Iterator[Ledger]:
        """The part of a product, alone for this process; it is left as it is at the end, unless it holds nothing.

        Raises
        ------
        FileError
            If another process works on the same product.
        """
        folder, lock = part_of(place), None
        try:
            with _undisturbed():
                lock = _locked(folder, place)
            _sweep(place)
            ledger = cls(folder, place)
            if not resume:
                ledger.forget()
            ledger._read()
            yield ledger
        finally:
            if lock is not None:
                with suppress(OSError):  # stopped before there was anything to keep: not even a folder stays
                    if all(path.name == LOCK for path in folder.iterdir()):
                        shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)

    def begin(self, asked: Mapping[str, Any]) -> str:
        """Say which job it is. What another one left is forgotten.

        Returns
        -------
        Why nothing of what lay there counts; "" where there was nothing, or it goes on.
        """
        if self.folder is None:
            return ""
        asked = json.loads(json.dumps(asked, default=str))
        before, file = self._asked(), self.folder / ASKED
        why = "" if before is None else _apart(before, asked)
        if why:
            self._forget_tiles()
        if before is None or why:
            write_whole(file, json.dumps(asked).encode())
        return why

    @property
    def tiles(self) -> Mapping[int, Mapping[str, Any]]:
        """Number to what was kept of a finished tile."""
        return self._lines

    def add(self, number: int, checks: tuple[int, ...], told: Any) -> None:
        """A tile is finished; ``told`` goes with it."""
        if self.folder is None:
            return
        try:
            line = {"tile": number, "checks": checks, "told": base64.b64encode(pack(told)).decode()}
        except NotPlain:  # measured in a way that cannot be kept: the tile is made again
            return
        try:
            with (self.folder / TILES).open("a", encoding="ascii") as stream:
                stream.write(json.dumps(line) + "\n")
        except OSError as error:
            raise FileError(f"{self.place} cannot be written ({error.strerror})", hint="is the disk full?") from error
        self._lines[number] = line

    def keep(self, name: str, value: Any) -> None:
        """Keep what was found out before the tiles, where it can be kept."""
        if self.folder is not None:
            with suppress(NotPlain, FileError):  # it is no more than found out again
                write_whole(self.folder / (KEPT + name), pack(value))

    def kept(self, name: str) -> Any:
        """What was kept under a name; None where it was not."""
        if self.folder is None:
            return None
        try:
            return unpack((self.folder / (KEPT + name)).read_bytes())
        except (OSError, NotPlain):
            return None

    def told(self, number: int) -> Any:
        """What was kept of a tile.

        Raises
        ------
        NotPlain
            If it cannot be read.
        """
        return unpack(base64.b64decode(self._lines[number]["told"]))

    @property
    def worth(self) -> bool:
        """Whether there is something to go on with."""
        return bool(self._lines) or (self.folder is not None and any(self.folder.glob(f"{KEPT}*")))

    @property
    def seconds(self) -> float:
        """How long this process has worked on it."""
        return time.monotonic() - self.began

    def forget(self) -> None:
        """Take away all but the lock."""
        self._forget_tiles()
        for path in self.folder.iterdir() if self.folder else ():
            if path.name != LOCK:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def remove(self) -> None:
        """Take away the folder."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _forget_tiles(self) -> None:
        """Tiles and statistics; what was learnt has a name of its own job."""
        self._lines.clear()
        if self.folder is not None:
            for path in (self.folder / TILES, *self.folder.glob(f"{KEPT}statistics*")):
                path.unlink(missing_ok=True)

    def _asked(self) -> Any:
        """Which job it was."""
        assert self.folder is not None
        try:
            return json.loads((self.folder / ASKED).read_text())
        except (OSError, ValueError):
            self._forget_tiles()
            return None

    def _read(self) -> None:
        """The lines that are whole; one that was torn is none."""
        assert self.folder is not None
        with suppress(OSError), (self.folder / TILES).open(encoding="ascii", errors="replace") as stream:
            for text in stream:
                with suppress(ValueError, KeyError, TypeError):
                    line = json.loads(text)
                    self._lines[int(line["tile"])] = {"checks": tuple(line["checks"]), "told": line["told"]}
        torn = self.folder / TILES
        if torn.is_file() and torn.stat().st_size and not torn.read_bytes().endswith(b"\n"):
            with torn.open("a") as stream:
                stream.write("\n")


NOTHING_KEPT = Ledger()


@dataclass(frozen=True)
class Learnt:
    """What a job learns of its inputs before the tiles: adapted weights, a fitted mapping.

    Parameters
    ----------
    ledger
        Where it is kept.
    inputs
        The files that it is learnt from, by role: when one has changed, it is learnt again.
    """

    ledger: Ledger = NOTHING_KEPT
    inputs: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def name(self, what: str) -> str:
        """Of what was learnt, by all that it depends on."""
        files = [[str(path), *mark] for path, mark in stamps(paths_in(dict(self.inputs))).items()]
        told = json.dumps([__version__, what, dict(self.inputs), files], default=str)
        return f"learnt-{sha256(told.encode()).hexdigest()[:16]}"

    def get(self, what: str) -> Any:
        """What was kept; None where it was not."""
        return self.ledger.kept(self.name(what))

    def put(self, what: str, value: Any) -> None:
        """Keep it."""
        self.ledger.keep(self.name(what), value)

    def file(self, what: str, suffix: str) -> Path | None:
        """A file to keep it in; None where nothing is kept."""
        return None if self.ledger.folder is None else self.ledger.folder / f"{KEPT}{self.name(what)}{suffix}"


NOTHING_LEARNT = Learnt()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C and the like wait until the end of this: a lock that was just taken is known to who lets it go."""
    late: list[int] = []
    main = threading.current_thread() is threading.main_thread()  # the only one that is ever disturbed
    before = {one: signal.getsignal(one) for one in STOPS if main and callable(signal.getsignal(one))}
    for one in before:
        signal.signal(one, lambda number, _: late.append(number))
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        for one in late:
            signal.raise_signal(one)


def _locked(folder: Path, place: Path) -> int:
    """The folder's lock, open; it falls when this process ends, however it does.

    Raises
    ------
    FileError
        If another process has it, or there is no place for it.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        number = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FileError(f"{folder} cannot be made ({error.strerror})", hint="choose another folder") from error
    if not claimed(number):
        os.close(number)
        raise FileError(
            f"{place} is being written by another process", "one at a time", "wait for it, or choose another name"
        )
    if (folder / LOCK).exists() and os.path.samestat(os.fstat(number), os.stat(folder / LOCK)):
        return number
    os.close(number)  # who had it took the folder away in between
    return _locked(folder, place)


def _sweep(place: Path) -> None:
    """Take away drafts of this product that killed runs of earlier versions left, and nobody touched for a day."""
    for draft in place.parent.glob(f".{escape(place.name)}.{'[0-9a-f]' * 32}"):
        with suppress(OSError):
            if time.time() - max(one.stat().st_mtime for one in (draft, *draft.iterdir())) > DAY_S:
                shutil.rmtree(draft, ignore_errors=True)


def _apart(before: Any, asked: Mapping[str, Any]) -> str:
    """What is not the same, in a few words."""
    if not isinstance(before, dict):
        return "it is none of ours"
    names = [name for name in {**before, **asked} if before.get(name) != asked.get(name)]
    return ", ".join(names)
