"""Turn data sets into one another: scenes to PanCollection HDF5, and HDF5 to folders of GeoTIFF or MATLAB files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.atomic import drafted_folder, drafts_in, unwritable
from earthloom.engine.talk import Progress
from earthloom.errors import FileError, InputError
from earthloom.ops.fill import fill
from earthloom.ops.quantise import quantise
from earthloom.physics.forward import expand
from earthloom.problems.base import Case
from earthloom.raster.listing.layouts import FACTS, write_facts
from earthloom.raster.listing.samples import ROLES, SetFacts
from earthloom.raster.steady import Stamp, require_unchanged
from earthloom.raster.write.cog import create
from earthloom.raster.write.matlab import write_mat
from earthloom.raster.write.place import require_apart, require_other, require_place
from earthloom.raster.write.stacks import StackWriter
from earthloom.training.cases.blocks import trimmed
from earthloom.training.cases.pansharpening import Cases
from earthloom.training.cases.samples import limit_of
from earthloom.types import REACH, Observation, Shaped, Window

FORMATS = ("tif", "mat")


@dataclass(frozen=True)
class Written:
    """What a conversion wrote: files or folders, and how many samples each holds."""

    paths: tuple[Path, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class _Plan:
    """What is converted, and how."""

    found: Cases
    full: bool
    as_is: bool  # nothing is degraded to make a truth
    patch: int | None
    stride: int | None
    dtype: str | None
    overwrite: bool
    progress: Progress
    inputs: Mapping[Path, Stamp]  # as they were when they were opened

    def check(self) -> None:
        """Refuse what was made of inputs that changed on the way."""
        require_unchanged(self.inputs)

    def __post_init__(self) -> None:
        """Refuse patches that do not fit the grid."""
        for what, value in (("patches", self.patch), ("a stride", self.stride)):
            if value is not None and (value < self.found.ratio or value % self.found.ratio):
                raise InputError(f"{what} of {value} pixels", f"a multiple of the ratio {self.found.ratio}")

    def samples(self, index: int) -> Iterator[dict[str, Shaped[np.ndarray, "band y x"]]]:
        """The patches of a case, or the case whole."""
        obs, truth = self._case(index)
        lms, ratio = expand(obs, fill(obs["ms"].data, obs["ms"].valid, REACH)), self.found.ratio
        if not obs["ms"].all_valid or not obs["pan"].all_valid:
            obs = _with_nan(obs)  # patches with holes are left out
        images = {"gt": truth, "ms": obs["ms"].data, "lms": lms, "pan": obs["pan"].data}
        for window in self._windows(obs.shape):
            rows, cols = window.slices
            coarse = tuple(slice(s.start // ratio, s.stop // ratio) for s in (rows, cols))
            sample = {
                role: image[(slice(None), *(coarse if role == "ms" else (rows, cols)))]
                for role, image in images.items()
                if image is not None
            }
            if all(np.isfinite(image).all() for image in sample.values()):
                yield sample

    def _case(self, index: int) -> tuple[Observation, np.ndarray | None]:
        """The observation to write and its truth, on whole multiples of the ratio."""
        if not self.full and (not self.as_is or self.found.has_truth(index)):
            case = self.found[index]
            return case.obs, case.truth
        seen, ratio = self.found.seen(index), self.found.ratio
        whole = [n - n % ratio for n in seen.shape]
        if (whole[0], whole[1]) == seen.shape and seen["ms"].shape == (whole[0] // ratio, whole[1] // ratio):
            return seen, None
        blank = np.zeros((0, *seen.shape), np.float32)
        return trimmed(Case(seen, blank), Window(0, 0, whole[0], whole[1]), ratio).obs, None

    def _windows(self, shape: tuple[int, int]) -> Iterator[Window]:
        """Where patches lie."""
        if self.patch is None:
            yield Window(0, 0, *shape)
            return
        step = self.stride or self.patch
        for y in range(0, shape[0] - self.patch + 1, step):
            for x in range(0, shape[1] - self.patch + 1, step):
                yield Window(y, x, self.patch, self.patch)


def _with_nan(obs: Observation) -> Observation:
    """NaN where nothing was measured."""
    views = {
        role: replace(view, data=np.where(view.valid, view.data, np.float32(np.nan)))
        for role, view in obs.views.items()
    }
    return replace(obs, views=views)


def _to_h5(plan: _Plan, path: Path, chosen: range) -> int:
    """Append the patches of some cases to one file."""
    found, seen = plan.found, plan.found.seen(chosen[0])
    names, convention = [band.name for band in seen["ms"].bands], seen.convention
    attributes: dict[str, Any] = {
        "convention": convention, "ratio": found.ratio, "bands": json.dumps(names),
        "sensor": found.sensor.name, "lms": "interp23" if convention == "toolbox" else "windowed sinc",
        "reduced": not plan.full,
    }  # fmt: skip
    maximum, _ = limit_of(found.sensor, found.reading, None)
    attributes |= {} if maximum is None else {"maximum": maximum}
    with StackWriter(path, attributes, plan.overwrite) as writer:
        for done, index in enumerate(chosen, 1):
            for sample in plan.samples(index):
                writer.append({role: image.astype(plan.dtype or "float32") for role, image in sample.items()})
            plan.progress("converting", done, len(chosen))
        if not writer.count:
            raise InputError(
                f"no patch of {plan.patch} pixels in cases of {found[chosen[0]].obs.shape} pixels",
                "larger scenes without holes", "ask for smaller patches",
            )  # fmt: skip
        plan.check()
    return writer.count


def _to_folder(plan: _Plan, path: Path, chosen: range, format: str) -> int:
    """Write every case to files of its own, and beside them what they cannot say themselves; all of it, or nothing."""
    found = plan.found
    names = [re.sub(r"[@,]", "_", name) for name in found.names]
    if len(set(names)) < len(names):
        names = [f"{number:05d}_{name}" for number, name in enumerate(names)]
    count = 0
    with drafted_folder(path) as folder:
        for done, index in enumerate(chosen, 1):
            for sample in plan.samples(index):
                images = {role: _compact(image, plan.dtype) for role, image in sample.items() if role != "lms"}
                count += 1
                with _called(folder, path):
                    if format == "mat":
                        write_mat(folder / f"{names[index]}.mat", images)
                        continue
                    for role, image in images.items():
                        _write_tif(folder / role / f"{names[index]}.tif", image)
            plan.progress("converting", done, len(chosen))
        seen, sensor = found.seen(chosen[0]), found.sensor
        maximum, _ = limit_of(sensor, found.reading, None)
        bands = tuple(band.name for band in seen["ms"].bands)
        with _called(folder, path):
            write_facts(folder, SetFacts(sensor.name, seen.convention, bands, maximum))
        plan.check()
    return count


@contextmanager
def _called(draft: Path, path: Path) -> Iterator[None]:
    """Errors that name the folder as it was asked for."""
    try:
        yield
    except FileError as error:
        raise FileError(error.given.replace(str(draft), str(path)), error.expected, error.hint) from error


def _compact(image: np.ndarray, dtype: str | None) -> np.ndarray:
    """The image in ``dtype``, or as uint16 where that holds its numbers exactly."""
    if dtype is not None:
        wanted = np.dtype(dtype)
        return image.astype(wanted) if wanted.kind == "f" else quantise(image, np.ones(image.shape[1:], bool), wanted)
    small = image.astype(np.float32)
    whole = bool(((small >= 0) & (small <= 65535) & (small % 1 == 0)).all())
    return small.astype(np.uint16) if whole else small


def _write_tif(path: Path, image: np.ndarray) -> None:
    """A plain GeoTIFF without georeferencing."""
    with unwritable(path):
        path.parent.mkdir(exist_ok=True)
    count, height, width = image.shape
    shape, dtype = (height, width), image.dtype
    with create(path, shape=shape, count=count, dtype=dtype, compress="none") as writer:
        writer.write(Window(0, 0, *shape), image.astype(np.float32), np.ones(shape, bool))


def require_output(path: Path, overwrite: bool, inputs: Sequence[str]) -> None:
    """Refuse an output that exists, that holds or is an input, or whose folder does not exist.

    A folder is replaced as a whole, and so must hold nothing but a data set.

    Raises
    ------
    InputError
        If so.
    """
    if path.suffix:
        require_other(path, inputs, folders=True)
        require_place(path, overwrite)
        return
    if not path.is_dir():
        require_place(path, overwrite)
        return
    drafts = drafts_in(path)
    entries = [entry for entry in path.iterdir() if entry not in drafts and not entry.name.startswith(".")]
    if entries and not overwrite:
        raise InputError(f"the folder {path} is not empty", hint="choose another, or `overwrite=True`")
    if other := sorted(entry.name for entry in entries if not _of_a_set(entry)):
        raise InputError(
            f"the folder {path} holds {other[0]}, which is no part of a data set", "one that can be replaced whole",
            "choose another folder",
        )  # fmt: skip
    require_apart(path, inputs, whole=True)


def _of_a_set(entry: Path) -> bool:
    """Whether a conversion could have written what stands in a folder."""
    if entry.is_dir():
        files = (one for one in entry.iterdir() if not one.name.startswith("."))
        return entry.name in ROLES and all(one.name.endswith((".tif", ".aux.xml")) for one in files)
    return entry.name == FACTS or entry.suffix == ".mat"
