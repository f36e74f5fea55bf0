"""Write data sets: samples appended to an HDF5 file, images as MATLAB variables; whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.atomic import drafted, unwritable
from earthloom.errors import InputError
from earthloom.raster.metadata.matlab import broken
from earthloom.raster.write.matlab import FORMAT
from earthloom.raster.write.place import require_place
from earthloom.types import Shaped


class StackWriter:
    """Appends samples to an HDF5 file, which appears under its name when the ``with`` block ends well."""

    def __init__(self, path: str | Path, attributes: Mapping[str, Any], overwrite: bool = False) -> None:
        self.path, self.attributes, self.overwrite, self.count = Path(path), dict(attributes), overwrite, 0
        self._file: Any = None
        self._stack = ExitStack()

    def __enter__(self) -> StackWriter:
        import h5py

        require_place(self.path, self.overwrite)
        with ExitStack() as stack:
            draft = stack.enter_context(drafted(self.path))
            self._disk = stack.enter_context(_Disk(self.path, draft))
            self._file = h5py.File(self._disk, "w")
            stack.push(self._finish)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._stack.__exit__(kind, error, trace)

    def _finish(self, kind: object, *_: object) -> None:
        """Close the file, and say whether the disk has taken all of it."""
        with broken(self.path, "written"):
            if kind is None:
                self._file.attrs.update({"format": FORMAT, **self.attributes})
            self._file.close()
        if kind is None:
            self._disk.check()

    def append(self, sample: dict[str, Shaped[np.ndarray, "band y x"]]) -> None:
        """Write a sample behind the others; all have the shapes of the first.

        Raises
        ------
        InputError
            If the shapes or roles differ.
        FileError
            If it cannot be written (disk full).
        """
        with broken(self.path, "written"):
            if not self.count:
                for role, array in sample.items():
                    self._file.create_dataset(
                        role, (0, *array.shape), array.dtype, maxshape=(None, *array.shape), chunks=(1, *array.shape)
                    )
            if {r: a.shape for r, a in sample.items()} != {r: d.shape[1:] for r, d in self._file.items()}:
                given = ", ".join(f"{role} {array.shape}" for role, array in sample.items())
                first = ", ".join(f"{role} {data.shape[1:]}" for role, data in self._file.items())
                raise InputError(f"a sample of {given}", f"the shapes of the first, {first}")
            for role, array in sample.items():
                data = self._file[role]
                data.resize(self.count + 1, axis=0)
                data[self.count] = array
            self.count += 1
        self._disk.check()


class _Disk(io.FileIO):
    """A file that remembers why the disk took no more instead of saying so at once.

    The HDF5 library crashes when it is told of a full disk while it closes a file; so it is told that all went well,
    and whoever writes asks :meth:`check`.
    """

    def __init__(self, path: Path, draft: Path) -> None:
        with unwritable(path):
            super().__init__(draft, "w+")
        self._path, self._full = path, list[OSError]()

    def write(self, data: Any) -> int:
        """Take bytes; after the first that the disk did not take, take them no more."""
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view) and not self._full:
                done += super().write(view[done:]) or 0
        except OSError as error:
            self._full.append(error)
        return len(view)

    def readinto(self, buffer: Any) -> int:
        """Give bytes; of what the disk did not take, zeros."""
        view = memoryview(buffer).cast("B")
        count = super().readinto(view) or 0
        view[count:] = bytes(len(view) - count)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length."""
        try:
            return super().truncate(size)
        except OSError as error:
            self._full.append(error)
            return size or 0

    def check(self) -> None:
        """Say that the disk was full.

        Raises
        ------
        FileError
            If it was.
        """
        if self._full:
            with unwritable(self._path):
                raise self._full[0]
