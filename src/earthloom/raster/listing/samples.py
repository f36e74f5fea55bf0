"""Data sets on disk, sample by sample: PanCollection HDF5 and MATLAB files, read lazily.

A sample is a mapping of roles to arrays ``(band, y, x)``: ``pan`` and ``ms``, perhaps ``gt`` (the truth on the PAN
grid) and ``lms`` (the MS interpolated to it).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.errors import FileError, InputError
from earthloom.raster.handles import Handles
from earthloom.raster.metadata.matlab import broken, read_benchmark
from earthloom.raster.metadata.matlab import shapes as shapes_in
from earthloom.raster.sound import require_sound
from earthloom.types import Shaped

Shapes = dict[str, tuple[int, int, int]]
ROLES = ("gt", "ms", "lms", "pan")
H5_SUFFIXES = (".h5", ".hdf5")
NICKNAMES = {"wv2": "worldview2", "wv3": "worldview3", "wv4": "worldview4", "qb": "quickbird", "gf2": "gaofen2"}
FUSEBOX = ("red", "green", "blue", "nir", "swir1", "swir2")  # bands of `cropped_im`


@dataclass(frozen=True)
class SetFacts:
    """What a data set says about itself; None where it says nothing.

    Parameters
    ----------
    sensor
        Whose bands they are.
    convention
        Where the MS samples lie, ``toolbox`` or ``centre``.
    bands
        Names of the MS bands.
    maximum
        Largest digital number that can occur.
    """

    sensor: str | None = None
    convention: str | None = None
    bands: tuple[str, ...] | None = None
    maximum: float | None = None


@dataclass(frozen=True, eq=False)
class SampleStack:
    """The samples of an HDF5 file in the layout of PanCollection, ``N x C x H x W``, one read at a time.

    Parameters
    ----------
    path
        The file.
    keys
        Role to the name of its data set in the file.
    count
        Number of samples.
    shapes
        Role to ``(bands, rows, columns)``, the same for all samples.
    facts
        From the attributes of the file (ours) or its name (``train_wv3.h5``).
    """

    path: Path
    keys: Mapping[str, str]
    count: int
    shapes: Shapes
    dtypes: Mapping[str, np.dtype]
    facts: SetFacts
    layout: str = "PanCollection HDF5"
    _handles: Handles = field(default_factory=lambda: Handles(_open_h5), repr=False)

    @property
    def name(self) -> str:
        """Of the file, for messages."""
        return self.path.name

    def __len__(self) -> int:
        return self.count

    def label(self, index: int) -> str:
        """The name of a sample."""
        return f"{self.path.stem}-{index:05d}"

    def sizes(self, index: int) -> Shapes:
        """Shapes of a sample."""
        return self.shapes

    def read(self, index: int, roles: Sequence[str] | None = None) -> dict[str, Shaped[np.ndarray, "band y x"]]:
        """One sample in the numbers of the file.

        Raises
        ------
        FileError
            If the file is cut short or damaged.
        """
        file, found = self._handles.get(str(self.path)).file, {}
        for role in self.keys if roles is None else roles:
            with broken(self.path):
                found[role] = _three(np.asarray(file[self.keys[role]][index]))
        return found

    def close(self) -> None:
        """Close the handles of every thread."""
        self._handles.close()


class _H5:
    """An open HDF5 file that :class:`Handles` can keep."""

    def __init__(self, path: str) -> None:
        import h5py

        self.file = h5py.File(path, "r")

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return not self.file.id.valid

    def close(self) -> None:
        """Close it."""
        self.file.close()


def _open_h5(path: Any) -> _H5:
    """Open a file, or say in one line why not."""
    with broken(path):
        return _H5(path)


def _three(array: np.ndarray) -> np.ndarray:
    """``(y, x)`` to ``(1, y, x)``."""
    return array[None] if array.ndim == 2 else array


def open_stack(path: str | Path) -> SampleStack:
    """Open an HDF5 file of samples: PanCollection, HyperPanCollection, or one of ours.

    Raises
    ------
    FileError
        If it is missing, cut short or no HDF5.
    InputError
        If it lacks ``ms`` or ``pan``, or the arrays do not fit each other.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path} does not exist", hint="check the path")
    require_sound(path)
    with broken(path), h5py.File(path, "r") as file:
        items: dict[str, Any] = {key.lower(): item for key, item in file.items() if isinstance(item, h5py.Dataset)}
        known = {role: items[role].name.lstrip("/") for role in ROLES if role in items}
        missing = [role for role in ("ms", "pan") if role not in known]
        if missing:
            raise InputError(
                f"{path.name} has no {' and no '.join(missing)}", "the keys ms, pan and perhaps gt, lms",
                f"it holds {', '.join(file) or 'nothing'}",
            )  # fmt: skip
        whole = {role: tuple(items[role].shape) for role in known}
        dtypes = {role: items[role].dtype for role in known}
        facts = _facts(path, dict(file.attrs))
    whole["pan"] = whole["pan"] if len(whole["pan"]) == 4 else (*whole["pan"][:1], 1, *whole["pan"][1:])
    wrong = next((role for role, shape in whole.items() if len(shape) != 4), None)
    if wrong:
        raise InputError(f"{path.name}: {wrong} of shape {whole[wrong]}", "samples x bands x rows x columns")
    if len({shape[0] for shape in whole.values()}) > 1:
        counts = ", ".join(f"{shape[0]} of {role}" for role, shape in whole.items())
        raise InputError(f"{path.name}: {counts}", "as many samples of each")
    shapes: Shapes = {role: (shape[1], shape[2], shape[3]) for role, shape in whole.items()}
    check_shapes(path.name, shapes)
    return SampleStack(path, known, whole["ms"][0], shapes, dtypes, facts)


def _facts(path: Path, attributes: Mapping[str, Any]) -> SetFacts:
    """What attributes say, else what the customary name of the file says."""
    sensor = attributes.get("sensor")
    if sensor is None:
        words = path.stem.lower().replace("-", "_").split("_")
        sensor = next((NICKNAMES[word] for word in words if word in NICKNAMES), None)
    bands, maximum = attributes.get("bands"), attributes.get("maximum")
    return SetFacts(
        str(sensor) if sensor is not None else None,
        str(attributes.get("convention", "toolbox")),
        tuple(json.loads(bands)) if bands is not None else None,
        float(maximum) if maximum is not None else None,
    )


@dataclass(frozen=True, eq=False)
class Triplet:
    """PAN, MS and perhaps the truth of one scene in MATLAB files: all in one, or a file per role.

    Files of FuseBox (``cropped_im`` and ``cropped_gray``, Landsat-7) hold an MS displaced by exactly half a pixel;
    ``ms[1:, 1:]`` and ``pan[1:-1, 1:-1]`` lie as the centre convention says, and are what is read.
    """

    title: str
    files: Mapping[str, tuple[Path, str]]
    shapes: Shapes
    facts: SetFacts
    mended: bool = False
    layout: str = "MATLAB"

    @property
    def name(self) -> str:
        """Of the scene, for messages."""
        return self.title

    def __len__(self) -> int:
        return 1

    def label(self, index: int) -> str:
        """The name of the scene."""
        return self.title

    def sizes(self, index: int) -> Shapes:
        """Shapes of the scene."""
        return self.shapes

    def read(self, index: int = 0, roles: Sequence[str] | None = None) -> dict[str, Shaped[np.ndarray, "band y x"]]:
        """The scene in the numbers of the files."""
        found: dict[str, Shaped[np.ndarray, "band y x"]] = {}
        for role in self.files if roles is None else roles:
            path, key = self.files[role]
            found[role] = read_benchmark(path, key)[key]
        return {role: self._mend(role, image) for role, image in found.items()} if self.mended else found

    def _mend(self, role: str, image: np.ndarray) -> np.ndarray:
        """Without the pixels that put a FuseBox pair half a pixel off."""
        return image[:, 1:, 1:] if role == "ms" else image[:, 1:-1, 1:-1]

    def close(self) -> None:
        """Nothing is held open."""


def open_triplet(files: Mapping[str, Path], title: str) -> Triplet:
    """Open the MATLAB files of one scene.

    Parameters
    ----------
    files
        Role to file, or ``{"": file}`` for one that holds several.

    Raises
    ------
    InputError
        If PAN or MS is missing, or the arrays do not fit each other.
    """
    found: dict[str, tuple[Path, str]] = {}
    sizes: Shapes = {}
    for asked, path in files.items():
        keys, shapes = shapes_in(path)
        if not asked:
            keys = {("ms" if role == "hs" and "ms" not in keys else role): key for role, key in keys.items()}
            shapes = {("ms" if role == "hs" and "ms" not in shapes else role): size for role, size in shapes.items()}
        elif len(keys) == 1:
            keys, shapes = {asked: next(iter(keys.values()))}, {asked: next(iter(shapes.values()))}
        for role in ROLES if not asked else (asked,):
            if role in keys:
                found[role], sizes[role] = (path, keys[role]), shapes[role]
    missing = [role for role in ("ms", "pan") if role not in found]
    if missing:
        raise InputError(
            f"{title} has no {' and no '.join(missing)}", "pan and ms, and perhaps gt",
            f"found {', '.join(found) or 'no image with a known name'}",
        )  # fmt: skip
    mended = (found["ms"][1], found["pan"][1]) == ("cropped_im", "cropped_gray")
    bands = FUSEBOX if mended and sizes["ms"][0] == len(FUSEBOX) else None
    if mended:
        sizes = {role: (c, h - 1, w - 1) if role == "ms" else (c, h - 2, w - 2) for role, (c, h, w) in sizes.items()}
    check_shapes(title, sizes)
    facts = SetFacts(convention="toolbox" if "gt" in found else "centre", bands=bands)
    return Triplet(title, found, sizes, facts, mended)


def check_shapes(name: str, shapes: Shapes) -> int:
    """The whole ratio of a sample, or what does not fit.

    Raises
    ------
    InputError
        With the two shapes that contradict each other.
    """
    ms, pan = shapes["ms"], shapes["pan"]
    if pan[0] != 1:
        raise InputError(f"{name}: PAN of {pan[0]} bands", "one band", "are pan and ms swapped?")
    ratio = pan[1] // ms[1] if ms[1] else 0
    if ratio < 2 or pan[1:] != (ratio * ms[1], ratio * ms[2]):
        raise InputError(f"{name}: PAN of {pan[1]} x {pan[2]} and MS of {ms[1]} x {ms[2]} pixels", "a whole ratio")
    for role in ("gt", "lms"):
        if role in shapes and shapes[role] != (ms[0], *pan[1:]):
            raise InputError(
                f"{name}: {role} of shape {shapes[role]} beside MS {ms} and PAN {pan}", f"{(ms[0], *pan[1:])}"
            )
    return ratio
