"""Write data sets: samples appended to an HDF5 file, images as MATLAB variables; whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

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
        self._temporary = ""

    def __enter__(self) -> StackWriter:
        import h5py

        require_place(self.path, self.overwrite)
        handle, self._temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        os.close(handle)
        self._file = h5py.File(self._temporary, "w")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                with broken(self.path, "written"):
                    self._file.attrs.update({"format": FORMAT, **self.attributes})
                    self._file.close()
                os.chmod(self._temporary, 0o644)
                os.replace(self._temporary, self.path)
        finally:
            with suppress(Exception):
                self._file.close()
            Path(self._temporary).unlink(missing_ok=True)

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
