"""Open one scene or sample of a data set at native resolution, and refuse numbers that cannot be."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args, overload

import numpy as np

from earthloom.errors import GridError, InputError
from earthloom.prepare.pansharpening import Sharpening, scene_of
from earthloom.problems.base import Case
from earthloom.raster.image import Image
from earthloom.raster.listing.layouts import Rasters, Source
from earthloom.raster.listing.samples import ROLES, SampleStack, Triplet
from earthloom.raster.open import open_image
from earthloom.raster.scenes.sharpening import collocate
from earthloom.raster.steady import paths_in
from earthloom.sensors import Sensor, load, match_bands
from earthloom.types import Convention, Observation, Scene, Window

DIGITISED_BITS = 11  # sensors of more bits are delivered rescaled: their depth says nothing about a file
SPARE = 1.1  # resampling overshoots the largest digital number by this much at most
UNIT_MAXIMUM = 1.5  # fractions up to here are an image divided by its maximum
CONVENTIONS = ("centre", "toolbox")  # where coarse pixels lie; cubes have others, of their blur


@dataclass(frozen=True)
class Reading:
    """How to read a data set, whatever its layout; see :func:`cases`."""

    sensor: Any = None
    convention: str | None = None
    reduce: str = "auto"
    bands: Sequence[str | int] | None = None
    scale: float | None = None
    maximum: float | None = None
    nodata: float | None = None
    ignore_georeferencing: bool = False
    block_px: int = 512
    precision: str = "float32"

    def __post_init__(self) -> None:
        """Refuse words and numbers that make no sense."""
        if self.reduce not in ("auto", "always", "never"):
            raise InputError(f"reduce '{self.reduce}'", "'auto', 'always' or 'never'")
        self.require_convention("", get_args(Convention))
        if self.block_px < 16:
            raise InputError(f"blocks of {self.block_px} pixels", "at least 16")
        if self.scale is not None and not self.scale > 0:
            raise InputError(f"scale {self.scale}", "a positive number")
        if self.precision not in ("float32", "float64"):
            raise InputError(f"precision '{self.precision}'", "'float32' or 'float64'")

    def require_convention(self, of: str, names: Sequence[str] = CONVENTIONS) -> None:
        """Refuse a word that is no convention, or that of other data.

        Raises
        ------
        InputError
            With those that there are.
        """
        if self.convention is not None and self.convention not in names:
            raise InputError(f"convention '{self.convention}'{of}", " or ".join(f"'{name}'" for name in names))


class DataSet(Sequence):  # of Case; said so, a type checker at run time would read a sample to see whether it is one
    """The cases of a data set in random access: nothing is read before it is asked for.

    Can be pickled, and read from several threads. ``sensor`` says whose bands they are, ``bands`` how many, ``names``
    where each case comes from.
    """

    sensor: Sensor
    bands: int

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """One per case: the scene or sample, and the corner of the block where there are several."""

    @property
    def groups(self) -> list[int]:
        """One number per case: those of the same number are parts of one source and normalised alike."""
        return list(range(len(self)))

    @property
    def files(self) -> list[str]:
        """What the cases are read from."""
        where = ("path", "files", "fine", "coarse", "masks")
        return list(paths_in([getattr(source, one, None) for source in getattr(self, "sources", ()) for one in where]))

    @abstractmethod
    def one(self, index: int) -> Case:
        """A case by its number, 0 to ``len - 1``."""

    @abstractmethod
    def seen(self, index: int) -> Observation:
        """What was seen at native resolution behind a case that is simulated; the case's own inputs otherwise."""

    @overload
    def __getitem__(self, index: int) -> Case: ...
    @overload
    def __getitem__(self, index: slice) -> list[Case]: ...
    def __getitem__(self, index: int | slice) -> Case | list[Case]:
        """One case, or a list of them.

        Raises
        ------
        FileError
            If a file is cut short or damaged.
        InputError
            If a sample holds NaN, or numbers beyond what the sensor delivers.
        """
        if isinstance(index, slice):
            return [self.one(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"case {index} of {len(self)}")
        return self.one(int(index) % len(self))


@dataclass(frozen=True, eq=False)
class OpenedSample:
    """One scene or sample at native resolution, and its truth where the data set has one."""

    scene: Scene
    sensor: Sensor
    truth: Callable[[Window], np.ndarray] | None
    checked: Callable[[str, np.ndarray], None]


def open_source(source: Source, index: int, reading: Reading) -> OpenedSample:
    """Open one scene, or one sample of a stack."""
    if isinstance(source, Rasters):
        return _open_rasters(source, reading)
    return _open_arrays(source, index, reading)


def _open_arrays(source: SampleStack | Triplet, index: int, reading: Reading) -> OpenedSample:
    """A sample in memory."""
    wanted = [r for r in ROLES if r in source.sizes(index) and r != "lms"]
    sensor = load(reading.sensor if reading.sensor is not None else source.facts.sensor)
    name = source.name if len(source) == 1 else f"{source.name}, sample {index}"
    checked = _checker(name, sensor, reading, source.facts.maximum)
    found = {}
    for role, array in source.read(index, wanted).items():
        if array.dtype.kind not in "buif":
            raise InputError(f"{name}: {role} of type {array.dtype}", "real numbers")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(
                f"{name}: {np.count_nonzero(~np.isfinite(array))} NaN or infinite numbers in {role}", "numbers only",
                "leave the sample out, or give GeoTIFFs, where missing pixels are masked",
            )  # fmt: skip
        number = np.dtype(reading.precision).type
        found[role] = array.astype(number) * number(1 if reading.scale is None else reading.scale)
    convention = reading.convention or source.facts.convention or "centre"
    names = reading.bands or source.facts.bands
    told = Sharpening(sensor, convention, nodata=reading.nodata, names=None if names is None else tuple(names))
    scene = scene_of(found["pan"], found["ms"], told)
    truth = found.get("gt")
    return OpenedSample(scene, sensor, None if truth is None else lambda w: truth[(slice(None), *w.slices)], checked)


def _open_rasters(source: Rasters, reading: Reading) -> OpenedSample:
    """A scene read by window."""
    images: dict[str, Image] = {}
    for role, files in source.files.items():
        images[role] = open_image(files, role=role, nodata=reading.nodata, scale=reading.scale)
    name, facts = reading.sensor, source.facts
    name = next((n for n in (name, facts.sensor, images["ms"].sensor) if n is not None), None)
    sensor, bands = load(name), reading.bands or facts.bands
    scene = collocate(
        images["pan"], images["ms"], sensor=sensor if name is not None else None,
        convention=reading.convention or facts.convention or "auto",  # type: ignore[arg-type]
        ignore_georeferencing=reading.ignore_georeferencing, names=bands if name is not None else None,
    )  # fmt: skip
    if bands is not None and name is None:
        scene = replace(scene, ms_bands=match_bands(sensor, len(scene.ms_bands), bands))
    scaled = images["ms"].scaled and reading.scale is None
    checked = _checker(source.name, sensor, reading, facts.maximum) if not scaled else lambda role, data: None
    gt = images.get("gt")
    if gt is None:
        return OpenedSample(scene, sensor, None, checked)
    if gt.shape != images["pan"].shape or gt.count != images["ms"].count:
        raise GridError(
            f"{source.name}: a truth of {gt.count} bands and {gt.shape} pixels",
            f"{images['ms'].count} bands on the {images['pan'].shape} pixels of the PAN",
        )
    at = scene.fit.fine

    def truth(window: Window) -> np.ndarray:
        data, valid = gt.read(window._replace(y=window.y + at.y, x=window.x + at.x))
        return data if valid.all() else np.where(valid, data, np.float32(np.nan))

    return OpenedSample(scene, sensor, truth, checked)


def limit_of(sensor: Sensor, reading: Reading, told: float | None) -> tuple[float | None, str]:
    """Largest number that can occur, and who says so."""
    if reading.maximum is not None or told is not None:
        return (reading.maximum, "as given") if reading.maximum is not None else (told, "says the file")
    if sensor.bit_depth is None or sensor.bit_depth > DIGITISED_BITS:
        return None, ""
    return 2.0**sensor.bit_depth - 1, f"{sensor.bit_depth} bit, {sensor.name}"


def _checker(name: str, sensor: Sensor, reading: Reading, told: float | None) -> Callable[[str, np.ndarray], None]:
    """A function that refuses numbers which this sensor cannot have delivered."""
    maximum, who = limit_of(sensor, reading, told)

    def check(role: str, data: np.ndarray) -> None:
        if maximum is None or not data.size:
            return
        top = float(data.max())
        if top > SPARE * maximum:
            raise InputError(
                f"{name}: {role} reaches {top:g}", f"at most {maximum:g} ({who})",
                f"is it another sensor? `maximum={top:.0f}` if the data are right",
            )  # fmt: skip
        if 0 < top <= UNIT_MAXIMUM < maximum and bool((data % 1 != 0).any()):
            raise InputError(
                f"{name}: {role} lies between {data.min():g} and {top:g}", f"digital numbers up to {maximum:g} ({who})",
                f"`scale={maximum:g}` if the data were divided by it, or no sensor",
            )  # fmt: skip

    return check
