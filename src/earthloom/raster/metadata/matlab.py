"""Public benchmark layouts: ``.mat`` (v5 and v7.3) and ``.h5``, as arrays ``(band, y, x)``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.documents import object_in
from earthloom.errors import FileError, InputError
from earthloom.raster.metadata import mat5
from earthloom.raster.sound import is_hdf5
from earthloom.raster.trust.hdf5 import h5_file, require_there

_ADDRESS = re.compile(r"^(?P<file>.+?\.(?:mat|h5|hdf5))(?::(?P<key>[A-Za-z_]\w*))?(?::(?P<index>\d+))?$", re.I)
_NAMES = {
    "pan": ("pan", "i_pan", "cropped_gray"),
    "ms": ("ms", "i_ms_lr", "lrms", "i_lrms", "ms_lr", "i_ms", "cropped_im"),
    "lms": ("lms",),
    "gt": ("gt", "i_gt", "ref_i_gt", "ref"),
    "sr": ("sr",),
    "hs": ("hsi_img", "hsi", "hs", "i_hs", "data"),
}
_SIDES = (("nrow", "nrows", "rows", "lines"), ("ncol", "ncols", "cols", "samples"))  # of unfolded cubes
_ONE_SAMPLE = 3
TAGS = "earthloom"  # variable of a product that holds its provenance


def parse_address(text: str) -> tuple[Path, str | None, int] | None:
    """Split ``file.mat:key`` or ``file.h5:key:index``; None when the name is of another kind."""
    match = _ADDRESS.match(text)
    if match is None:
        return None
    return Path(match["file"]), match["key"], int(match["index"] or 0)


def read_benchmark(path: str | Path, key: str | None = None, index: int = 0) -> dict[str, np.ndarray]:
    """Read one sample of a benchmark file.

    Parameters
    ----------
    path
        A ``.mat`` file (arrays ``H x W x C``) or an ``.h5`` file (``N x C x H x W`` or ``C x H x W``).
    key
        Read this variable alone; without it, those with a known name.
    index
        Which sample, where the file holds several.

    Returns
    -------
    dict
        Role (``pan``, ``ms``, ``lms``, ``gt``, ``sr``, ``hs``; or ``key`` itself) to array ``(band, y, x)`` in the
        dtype of the file; ``wavelengths_nm`` where the file has such a list.

    Raises
    ------
    FileError
        If the file is missing or broken.
    InputError
        If it holds no such variable or sample.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path} does not exist", hint="check the path")
    with broken(path):
        return _read(path, key, index)


@contextmanager
def broken(path: str | Path, doing: str = "read") -> Iterator[None]:
    """Turn whatever scipy and h5py raise on a broken file, or a full disk, into a one-line FileError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # they raise many kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        expected = "a whole MATLAB or HDF5 file" if doing == "read" else ""
        raise FileError(f"{path} cannot be {doing}: {reason}", expected) from error


def remembered(path: str | Path) -> dict[str, str]:
    """The provenance of a ``.mat`` product of ours; empty for other files."""
    with suppress(OSError, ValueError):  # no file, no MATLAB 5 file: nothing is remembered
        told = mat5.arrays(Path(path), TAGS).get(TAGS)
        return {name: str(value) for name, value in object_in(told).items()} if isinstance(told, str) else {}
    return {}


def shapes(path: str | Path) -> tuple[dict[str, str], dict[str, tuple[int, int, int]]]:
    """The images of a ``.mat`` file without reading them: role to variable, and role to ``(bands, rows, columns)``.

    Raises
    ------
    FileError
        If the file is missing or broken.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path} does not exist", hint="check the path")
    with broken(path):
        found = sizes_in(path)
    images = {name: s for name, s in found.items() if len(s) in (2, 3) and min(s[:2]) > 1}
    roles = _roles(images)
    if not roles and len(images) == 1:
        roles = dict.fromkeys(images, next(iter(images)))
    sizes = {role: images[name] for role, name in roles.items()}
    return roles, {role: _band_first(shape) for role, shape in sizes.items()}


def _band_first(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Rows, columns and perhaps bands, with the bands first."""
    rows, cols, *bands = shape
    return (bands[0] if bands else 1), rows, cols


def sizes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of a file, as MATLAB counts their axes."""
    import h5py

    if is_hdf5(path):
        with h5_file(path) as file:
            return {name: item.shape[::-1] for name, item in file.items() if isinstance(item, h5py.Dataset)}
    return {known.name: known.shape for known in mat5.variables(path) if not known.text}


def _read(path: Path, key: str | None, index: int) -> dict[str, np.ndarray]:
    """Read with whatever library knows the file."""
    import h5py

    if is_hdf5(path):
        with h5_file(path) as file:
            variables = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
            load = _load_matlab_7 if path.suffix.lower() == ".mat" else _load_h5
            return _collect(path, variables, key, index, load)
    variables = {name: value for name, value in mat5.arrays(path).items() if isinstance(value, np.ndarray)}
    return _collect(path, variables, key, index, _load_matlab)


def _collect(
    path: Path, variables: Mapping[str, Any], key: str | None, index: int, load: Callable[[Any, int], np.ndarray]
) -> dict[str, np.ndarray]:
    """Pick the variables that were asked for, or those with known names."""
    images = [name for name, item in variables.items() if item.ndim >= 2 and min(item.shape[:2]) > 1]
    if key is not None and key not in variables:
        raise InputError(f"{path.name}: no variable {key}", " or ".join(images) or "a file that holds images")
    sides = _sides(variables)
    picked = {key: key} if key is not None else _roles({n: variables[n].shape for n in images})
    matrices = [n for n in images if sides and variables[n].ndim == 2 and math.prod(sides) in variables[n].shape]
    picked = picked or ({"hs": matrices[0]} if len(matrices) == 1 else {})
    if not picked:
        raise InputError(
            f"{path.name}: none of {', '.join(images) or 'no arrays'} has a known name",
            "pan, ms, gt and the like",
            f"say which one: {path.name}:{images[0] if images else 'NAME'}",
        )
    try:
        found = {role: _unfolded(load(variables[name], index), sides) for role, name in picked.items()}
    except IndexError as error:
        raise InputError(f"{path.name}: no sample {index}", "an index within the file") from error
    centres = next((n for n in variables if n.lower() in ("wavelengths", "wavelength", "wavelengths_nm")), None)
    if centres is not None and key != centres:
        found["wavelengths_nm"] = np.asarray(variables[centres], float).ravel()
    return found


def _sides(variables: Mapping[str, Any]) -> tuple[int, int] | None:
    """Rows and columns of a cube that is stored as a matrix of bands x pixels, where the file says them."""
    lower = {name.lower(): item for name, item in variables.items()}
    found = [next((lower[name] for name in names if name in lower), None) for names in _SIDES]
    numbers = [np.asarray(item[()]).ravel() for item in found if item is not None]
    if len(numbers) != len(_SIDES) or any(one.size != 1 or one.dtype.kind not in "uif" for one in numbers):
        return None
    return int(numbers[0][0]), int(numbers[1][0])


def _unfolded(array: np.ndarray, sides: tuple[int, int] | None) -> np.ndarray:
    """A matrix of bands x pixels, these by columns as MATLAB counts them, as a cube; all else as it is."""
    if sides is None or len(array) != 1 or math.prod(sides) not in array.shape[1:]:
        return array
    rows, cols = sides
    matrix = array[0] if array.shape[2] == rows * cols else array[0].T
    return np.ascontiguousarray(matrix.reshape(-1, cols, rows).transpose(0, 2, 1))


def _roles(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Which variable plays which role; ``I_MS`` beside ``I_MS_LR`` is the interpolated image."""
    lower = {name.lower(): name for name in shapes}
    picked = {}
    for role, names in _NAMES.items():
        name = next((lower[n] for n in names if n in lower), None)
        if name is not None:
            picked[role] = name
    if "i_ms" in lower and "i_ms_lr" in lower:
        picked["lms"] = lower["i_ms"]
    return picked


def _bands_first(array: np.ndarray) -> np.ndarray:
    """``H x W [x C]`` to ``(band, y, x)``, contiguous."""
    return np.ascontiguousarray(array[None] if array.ndim == 2 else np.moveaxis(array, 2, 0))


def _load_matlab(array: np.ndarray, index: int) -> np.ndarray:
    """A variable of a v5 file; four axes are ``N x H x W x C``."""
    if array.ndim > _ONE_SAMPLE:
        array = array[index]
    return _bands_first(array)


def _load_matlab_7(dataset: Any, index: int) -> np.ndarray:
    """A variable of a v7.3 file, which HDF5 sees with its axes reversed."""
    return _load_matlab(np.transpose(require_there(dataset)[()]), index)


def _load_h5(dataset: Any, index: int) -> np.ndarray:
    """A variable of an ``.h5`` file: samples first, bands before rows."""
    if dataset.ndim > _ONE_SAMPLE:
        if index >= dataset.shape[0]:
            raise IndexError(index)
        return np.asarray(require_there(dataset, dataset.shape[0])[index])
    array = np.asarray(require_there(dataset)[()])
    return array[None] if array.ndim == 2 else array
