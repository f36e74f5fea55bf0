"""Go through an HDF file as its readers will: ``python walk.py FILE``, in a process that may crash or never end.

The libraries loop or crash on some broken files, where no Python can catch it. This file stands alone, so that starting
it costs as little as may be.
"""

from __future__ import annotations

import sys
from typing import Any

HDF4 = b"\x0e\x03\x13\x01"
MOST_AXES = 32
CPU_SECONDS = 20
MEMORY = 4 * 2**30  # bytes


def walked(path: str) -> None:
    """Read what an HDF5 file says of its objects, and of their chunks where they lie.

    Raises
    ------
    ValueError
        If an object is not what it has to be: the library of NetCDF trusts the dimensions.
    OSError, KeyError, RuntimeError, TypeError
        What h5py raises on broken files.
    """
    with open(path, "rb") as start:
        if start.read(len(HDF4)) == HDF4:
            _walk_hdf4(path)
            return
    import h5py

    with h5py.File(path, "r") as file:
        named = {"/"}
        file.visit(lambda name: named.add(f"/{name}"))
        _look(file, named)
        file.visititems(lambda _, item: _look(item, named))


def _look(item: Any, named: set[str]) -> None:
    """One group or array."""
    import h5py

    attributes = dict(item.attrs)
    if not all(isinstance(one, str) for one in attributes):
        raise ValueError(f"{item.name} has an attribute without a name")
    if not isinstance(item, h5py.Dataset):
        return
    if item.dtype.itemsize == 0 or item.ndim > MOST_AXES:
        raise ValueError(f"{item.name} of {item.ndim} axes of {item.dtype}")
    if item.chunks is not None:
        item.id.get_num_chunks()
    for axis in item.dims if "DIMENSION_LIST" in attributes else ():
        for at in range(len(axis)):
            if axis[at].name not in named or not axis[at].is_scale or axis[at].ndim == 0:
                raise ValueError(f"a dimension of {item.name} is none")


def _walk_hdf4(path: str) -> None:
    """The arrays of an HDF4 file: what is said of them, and their numbers, in which its library stumbles as well."""
    try:
        from pyhdf.SD import SD, SDC
    except ImportError:  # whoever reads it says so
        return
    file = SD(path, SDC.READ)
    file.attributes()
    for at in range(file.info()[0]):
        array = file.select(at)
        sizes = array.info()[2]
        array.attributes()
        rows = sizes[0] if isinstance(sizes, (list, tuple)) else sizes
        for row in sorted({0, rows // 2, rows - 1} if rows > 0 else ()):
            array[row]
        array.endaccess()
    file.end()


def main(path: str) -> int:
    """Say what is wrong; 0 where nothing is."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):  # another system, or narrower limits
        pass
    try:
        walked(path)
    except Exception as error:  # h5py raises many kinds
        print(" ".join(str(error).split()) or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
