"""Paths of files, and of files inside archives that list like folders.

What GDAL calls ``/vsizip/{scene.zip}/folder/band.tif`` is a path here too: it has the methods of :class:`pathlib.Path`
that look at files, so that whoever reads a folder reads an archive of it.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath

from earthloom.errors import FileError
from earthloom.small import require_size

KINDS = {".zip": "vsizip", ".tar": "vsitar", ".tgz": "vsitar", ".tar.gz": "vsitar"}
INSIDE = re.compile(r"^/(?:vsizip|vsitar)/\{(?P<archive>[^{}]+)\}(?:/(?P<name>.*))?$")
BROKEN = (
    OSError, EOFError, RuntimeError, StopIteration, ValueError, zlib.error, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip


def archive_suffix(path: str) -> str | None:
    """The ending of an archive, None for other names."""
    low = path.lower()
    return next((suffix for suffix in sorted(KINDS, key=len, reverse=True) if low.endswith(suffix)), None)


def place(path: str | Path | Inside) -> Path | Inside:
    """A path, or a path inside an archive."""
    return Inside(str(path)) if INSIDE.match(str(path)) else Path(path)


def inside(archive: str | Path) -> Inside:
    """An archive as a folder."""
    kind = KINDS[archive_suffix(str(archive)) or ".zip"]
    return Inside(f"/{kind}/{{{Path(archive).resolve()}}}")


class Inside(PurePosixPath):
    """A path inside an archive; as text, what GDAL opens."""

    @property
    def in_archive(self) -> bool:
        """Whether it lies in the archive, or is all of it; false for what is above."""
        return INSIDE.match(str(self)) is not None

    @property
    def archive(self) -> Path:
        """The file that it lies in."""
        return Path(self._split()[0])

    @property
    def member(self) -> str:
        """Its name in there, ``""`` for the whole."""
        return self._split()[1]

    def _split(self) -> tuple[str, str]:
        """Archive and name."""
        found = INSIDE.match(str(self))
        if found is None:  # a parent of the archive
            raise FileError(f"{self} is no place in an archive")
        return found["archive"], found["name"] or ""

    def is_file(self) -> bool:
        """Whether there is such a file."""
        return self.member in self._listing()[0]

    def is_dir(self) -> bool:
        """Whether there is such a folder."""
        return not self.member or self.member in self._listing()[1]

    def exists(self) -> bool:
        """Whether there is either."""
        return self.is_file() or self.is_dir()

    def resolve(self) -> Inside:
        """Itself."""
        return self

    def iterdir(self) -> Iterator[Inside]:
        """What stands in a folder, in the order of the names."""
        files, folders = self._listing()
        depth, start = (self.member.count("/") + 2, f"{self.member}/") if self.member else (1, "")
        names = sorted(name for name in files | folders if name.startswith(start))
        yield from (self._at(name) for name in names if len(name.split("/")) == depth)

    def rglob(self, pattern: str) -> Iterator[Inside]:
        """Everything below whose name fits."""
        files, folders = self._listing()
        start = f"{self.member}/" if self.member else ""
        every = (self._at(name) for name in sorted(files | folders) if name.startswith(start) and name != start)
        yield from (path for path in every if path.match(pattern))

    def read_bytes(self) -> bytes:
        """All of a file.

        Raises
        ------
        FileError
            If it is broken, or too large for what is read whole.
        """
        archive, name = self._split()
        with _errors(archive):
            if archive_suffix(archive) == ".zip":
                with zipfile.ZipFile(archive) as opened:
                    info = opened.getinfo(next(n for n in opened.namelist() if _plain(n) == name))
                    require_size(self, info.file_size)
                    return opened.read(info)
            with tarfile.open(archive) as opened:
                found = next(one for one in opened if _plain(one.name) == name)
                require_size(self, found.size)
                stream = opened.extractfile(found)
                return stream.read() if stream else b""

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of a file as text."""
        return self.read_bytes().decode(encoding, errors)

    def _at(self, name: str) -> Inside:
        """Another place in the same archive."""
        return Inside(f"{str(self).partition('}')[0]}}}/{name}")

    def _listing(self) -> tuple[frozenset[str], frozenset[str]]:
        """Files and folders of the archive."""
        archive = self.archive
        with _errors(str(archive)):
            stat = archive.stat()
        return _listing(str(archive), stat.st_mtime_ns, stat.st_size)


AnyPath = Path | Inside


@lru_cache(maxsize=64)
def _listing(archive: str, _changed: int, _bytes: int) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the files and of the folders of an archive as it was at a time."""
    with _errors(archive):
        if archive_suffix(archive) == ".zip":
            with zipfile.ZipFile(archive) as opened:
                files = [info.filename for info in opened.infolist() if info.filename and not info.is_dir()]
        else:
            with tarfile.open(archive) as opened:
                files = [one.name for one in opened if one.isfile()]
    names = frozenset(name for name in map(_plain, files) if _stays(name))
    return names, frozenset(str(up) for name in names for up in PurePosixPath(name).parents if str(up) != ".")


def _stays(name: str) -> bool:
    """Whether a name leads nowhere outside its archive; others are as good as not there."""
    return not name.startswith(("/", "\\")) and ".." not in re.split(r"[\\/]", name)


def _plain(name: str) -> str:
    """A name without the ./ that some programs write."""
    return name.removeprefix("./").rstrip("/")


@contextmanager
def _errors(archive: str) -> Iterator[None]:
    """Whatever a broken archive raises, in one line."""
    try:
        yield
    except FileError:
        raise
    except BROKEN as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or "it is cut short"
        raise FileError(
            f"{archive} cannot be opened: {reason}", "a whole zip or tar archive", "get it again"
        ) from error
