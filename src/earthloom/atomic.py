"""Bytes under a name: all of them or none.

What is written stands beside the name, hidden, until it is whole; the name then passes to it in one step. A process
that was killed leaves its draft behind, and the next one that writes the same name takes it away.
"""

from __future__ import annotations

import errno
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from earthloom.errors import FileError

ROOM = "free space or another folder"
UNFINISHED = "unfinished-"  # how the folder begins that a folder is made in
LONGEST = 60  # characters of a name that its drafts repeat: with what is added they stay below what a disk takes


@contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """Turn what the system says about a place that takes nothing (full, read-only, gone) into a line that names it."""
    try:
        yield
    except OSError as error:
        raise FileError(f"{path} cannot be written ({error.strerror or error})", hint=ROOM) from error


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write a file under, which becomes ``path`` when the block ends well.

    On any exception what was written goes away, and what stood under the name stays.

    Raises
    ------
    FileError
        If the disk does not take the name.
    """
    forget_drafts(path)
    draft = _draft(path)
    _remove(draft)  # of an earlier process of the same number
    try:
        yield draft
        with unwritable(path):
            _settle(draft)
            os.replace(draft, path)
            _settle(path.parent)
    finally:
        _remove(draft)


@contextmanager
def drafted_folder(path: Path) -> Iterator[Path]:
    """A folder to write to, ``path/unfinished-...``, which becomes ``path`` itself when the block ends well.

    What stood in ``path`` stays until then, and goes then; on any exception all is as it was before. Where ``path`` is
    a disk of its own, or where somebody stands, no other folder can take its place: the entries take theirs one by one.

    Raises
    ------
    FileError
        If the disk does not take it, or another process is about to write the same.
    """
    path = path.resolve()
    forget_drafts(path)
    draft, beside, before = path / f"{UNFINISHED}{_owner()}", _draft(path), _before(path)
    there = path.exists()
    if os.name != "nt" and (other := [one for one in drafts_in(path) if one != draft and _own_node(one)]):
        raise FileError(
            f"{path} is being written by process {_number(other[0])}", hint="wait, or choose another output"
        )
    try:
        with unwritable(path):
            _remove(draft)  # of an earlier process of the same number
            draft.mkdir(parents=True)
        yield draft
        with unwritable(path):
            _settle_all(draft)
            if _is_fixed(path):
                _swap_entries(draft, path, path / before.name)
            else:
                os.replace(draft, beside)
                take_place(beside, path)
            _settle(path.parent)
    finally:
        _remove(draft)
        _remove(beside)
        if not there:
            with suppress(OSError):
                path.rmdir()  # unless it is whole


def drafts_in(folder: Path) -> list[Path]:
    """What unfinished work has left in a folder, or is about to fill."""
    return sorted(folder.glob(f"{UNFINISHED}*-*"))


def claimed(number: int) -> bool:
    """Whether an open file is this process's alone until it is closed; yes, too, where nobody can tell.

    Parameters
    ----------
    number
        Its descriptor.
    """
    try:
        import fcntl

        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows
        return True
    except OSError as error:  # others: a disk that knows no locks
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK)
    return True


def _is_fixed(folder: Path) -> bool:
    """Whether a folder cannot be renamed, or should not be."""
    return os.path.ismount(folder) or folder == Path.cwd() or not os.access(folder.parent, os.W_OK)


def take_place(draft: Path, path: Path) -> None:
    """Give a folder the name of another, which is no more, or a name that nothing has.

    Raises
    ------
    OSError
        If the disk does not let it; then what stood there stands there still.
    """
    if not path.exists():
        os.replace(draft, path)
        return
    before = _before(path)
    try:
        os.replace(path, before)
        os.replace(draft, path)
    except BaseException:
        if not path.exists():
            os.replace(before, path)
        raise
    _remove(before)


def _swap_entries(draft: Path, folder: Path, before: Path) -> None:
    """Move what a folder in another holds to the other, in place of what that holds; files come last."""
    old = [one for one in folder.iterdir() if one not in (draft, before)]
    new = sorted(draft.iterdir(), key=lambda one: one.is_file())
    _remove(before)
    before.mkdir()
    try:
        for one in old:
            os.replace(one, before / one.name)
        for one in new:
            os.replace(one, folder / one.name)
    except BaseException:
        for one in new:
            if not (draft / one.name).exists():
                _remove(folder / one.name)
        for one in before.iterdir():
            os.replace(one, folder / one.name)
        before.rmdir()
        raise
    _remove(before)


def write_whole(path: Path, data: bytes) -> Path:
    """Put bytes under a name so that the name holds either all of them or what it held before.

    Raises
    ------
    FileError
        If the disk does not take them.
    """
    with unwritable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with drafted(path) as draft, unwritable(path):
        draft.write_bytes(data)
    return path


def forget_drafts(path: Path) -> None:
    """Take away what processes that are no more left of a name, and bring back a folder that they had put aside."""
    before = _before(path)
    with suppress(OSError):
        if before.is_dir() and not path.exists():
            os.replace(before, path)
        if before.is_dir() and path.is_dir():
            _remove(before)
    with suppress(OSError):
        hidden = path.parent.glob(f".{escape(path.name[:LONGEST])}.draft-*")
        for one in (*hidden, *drafts_in(path)):
            if _own_node(one) and not _runs(_number(one)):
                _remove(one)


def _draft(path: Path) -> Path:
    """Where this process writes what will be called so."""
    return path.with_name(f".{path.name[:LONGEST]}.draft-{_owner()}")


def _owner() -> str:
    """This process, among those of all machines that share a disk."""
    return f"{platform.node()}-{os.getpid()}"


def _own_node(draft: Path) -> bool:
    """Whether a draft is of a process of this machine."""
    return draft.name.endswith(f"-{platform.node()}-{_number(draft)}")


def _number(draft: Path) -> int:
    """The process of a draft; 0 where its name tells none."""
    told = draft.name.rpartition("-")[2]
    return int(told) if told.isdigit() else 0


def _before(path: Path) -> Path:
    """Where a folder stands for the moment in which another takes its name."""
    return path.with_name(f".{path.name}.earthloom-before")


def _runs(number: int) -> bool:
    """Whether there is a process of a number here; where that cannot be asked without harm, as on Windows, yes."""
    if os.name == "nt":
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(path: Path) -> None:
    """Take away a file or a folder, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _settle(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    if os.name == "nt" and path.is_dir():  # folders cannot be opened there
        return
    number = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _settle_all(folder: Path) -> None:
    """Bring a folder and all below it to the disk."""
    for one in folder.rglob("*"):
        _settle(one)
    _settle(folder)
