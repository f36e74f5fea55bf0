"""Turn data sets into one another: scenes to PanCollection HDF5, and HDF5 to folders of GeoTIFF or MATLAB files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.talk import Progress
from earthloom.errors import InputError
from earthloom.ops.fill import fill
from earthloom.ops.quantise import quantise
from earthloom.physics.forward import expand
from earthloom.problems.base import Case
from earthloom.raster.listing.layouts import write_facts
from earthloom.raster.listing.samples import SetFacts
from earthloom.raster.write.cog import create
from earthloom.raster.write.matlab import write_mat
from earthloom.raster.write.place import require_place
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
    return writer.count


def _to_folder(plan: _Plan, folder: Path, chosen: range, format: str) -> int:
    """Write every case to files of its own, and beside them what they cannot say themselves."""
    found = plan.found
    folder.mkdir(exist_ok=True)
    names = [re.sub(r"[@,]", "_", name) for name in found.names]
    if len(set(names)) < len(names):
        names = [f"{number:05d}_{name}" for number, name in enumerate(names)]
    count = 0
    for done, index in enumerate(chosen, 1):
        for sample in plan.samples(index):
            images = {role: _compact(image, plan.dtype) for role, image in sample.items() if role != "lms"}
            count += 1
            if format == "mat":
                write_mat(folder / f"{names[index]}.mat", images, plan.overwrite)
                continue
            for role, image in images.items():
                _write_tif(folder / role / f"{names[index]}.tif", image, plan.overwrite)
        plan.progress("converting", done, len(chosen))
    seen, sensor = found.seen(chosen[0]), found.sensor
    maximum, _ = limit_of(sensor, found.reading, None)
    bands = tuple(band.name for band in seen["ms"].bands)
    write_facts(folder, SetFacts(sensor.name, seen.convention, bands, maximum))
    return count


def _compact(image: np.ndarray, dtype: str | None) -> np.ndarray:
    """The image in ``dtype``, or as uint16 where that holds its numbers exactly."""
    if dtype is not None:
        wanted = np.dtype(dtype)
        return image.astype(wanted) if wanted.kind == "f" else quantise(image, np.ones(image.shape[1:], bool), wanted)
    small = image.astype(np.float32)
    whole = bool(((small >= 0) & (small <= 65535) & (small % 1 == 0)).all())
    return small.astype(np.uint16) if whole else small


def _write_tif(path: Path, image: np.ndarray, overwrite: bool) -> None:
    """A plain GeoTIFF without georeferencing."""
    path.parent.mkdir(exist_ok=True)
    count, height, width = image.shape
    shape, dtype = (height, width), image.dtype
    with create(path, shape=shape, count=count, dtype=dtype, compress="none", overwrite=overwrite) as writer:
        writer.write(Window(0, 0, *shape), image.astype(np.float32), np.ones(shape, bool))


def _require_new(path: Path, overwrite: bool) -> None:
    """Refuse an output that exists, or whose folder does not."""
    if path.is_dir() and not path.suffix:
        if any(path.iterdir()) and not overwrite:
            raise InputError(f"the folder {path} is not empty", hint="choose another, or `overwrite=True`")
        return
    require_place(path, overwrite)
