"""A product of PRISMA (ASI): cube, PAN and masks in one HDF-EOS5 file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from affine import Affine

from earthloom.errors import InputError, warn
from earthloom.raster.assemble import picked
from earthloom.raster.flags import flagged
from earthloom.raster.image import Image
from earthloom.raster.metadata import prisma
from earthloom.raster.readers import mark_missing
from earthloom.raster.stores import Hdf5, Layer, StoreReader, looked_into, require_alone
from earthloom.raster.told import Told
from earthloom.types import Bool, Real, Window

ENDING = ".he5"
UNSEEN = (1, 255)  # of the cloud mask: cloud, error; 0 is clear, 10 was not classified
MOST = 0.5  # of the bands that are read call a missing pixel wrong
BAD_SHARE = 0.9  # of the ground where a band has no number makes it a bad one
LOOK_LINES = 16  # in which that is looked at


def claims(path: str) -> bool:
    """A file by its ending."""
    return path.lower().endswith(ENDING)


def holds(path: Path) -> bool:
    """A file by its ending."""
    return claims(path.name) and path.is_file()


def open_product(path: str, role: str | None, told: Told) -> Image:
    """The cube of both spectrometers by wavelength; ``pan`` is the PAN, ``mask`` the clouds of level 1.

    Raises
    ------
    InputError, FileError
        If it is no product of PRISMA, lacks what is asked for, or is broken.
    """
    require_alone(path)
    product = _product(path)
    if role == "mask":
        return _clouds(path, product, told)
    return picked(_pan(path, product) if role == "pan" else _cube(path, product), told.bands)


def _product(path: str) -> prisma.Product:
    """The header of a file."""
    with looked_into(path) as store:
        if not isinstance(store, Hdf5):
            raise prisma.no_product(path)
        return prisma.read_product(store.file, path)


def _cube(path: str, product: prisma.Product) -> Image:
    """The bands of both spectrometers."""
    planes = [product.cubes[channel.cube] for channel in product.channels]
    if any(plane.errors is None for plane in planes):
        warn(f"{Path(path).name} lacks an error matrix of its cubes: a pixel is missing where all bands are 0")
    if product.crs is None:
        warn(
            f"{Path(path).name}: PRISMA {product.level} lies nowhere on Earth, nor do products of it: it is stored as "
            "the instrument saw it; L2D lies on a map"
        )
    at = [channel.index for channel in product.channels]
    reader = _judged(path, planes, at, product.errors)
    fine = _fine_bands(reader, planes[0].shape)
    reader.close()  # a choice of bands opens files of its own
    reader = replace(reader, fine=fine)
    image = _image(path, product, planes[0].shape, product.transform, reader)
    return replace(
        image,
        names=tuple(channel.name for channel in product.channels),
        wavelengths_nm=tuple(channel.centre_nm for channel in product.channels),
        scales=tuple(plane.scale for plane in planes),
        offsets=tuple(plane.offset for plane in planes),
        bad_bands=tuple(band for band, good in enumerate(fine, 1) if not good),
    )


def _pan(path: str, product: prisma.Product) -> Image:
    """The PAN."""
    plane = product.pan
    if plane is None:
        raise InputError(f"{Path(path).name} has no PAN", "a product with PRS_..._PCO", "get the whole product")
    reader = _judged(path, [plane], None, product.errors)
    image = _image(path, product, plane.shape, product.pan_transform, reader)
    return replace(image, names=("pan",), scales=(plane.scale,), offsets=(plane.offset,))


def _clouds(path: str, product: prisma.Product, told: Told) -> Image:
    """The cloud mask, 1 where nothing is seen."""
    plane = product.clouds
    if plane is None:
        raise InputError(
            f"{Path(path).name} has no cloud mask", "a mask", "only L1 has one: give that file, or a mask of your own"
        )
    reader = StoreReader(path, (Layer(plane.name),), plane.dtype, (None,))
    image = _image(path, product, plane.shape, product.transform, reader)
    return picked(flagged(replace(image, names=("clouds",)), told, values=UNSEEN), told.bands)


def _image(
    path: str, product: prisma.Product, shape: tuple[int, int], transform: Affine, reader: JudgedReader | StoreReader
) -> Image:  # fmt: skip
    """What all images of a product have in common, with one band."""
    dtype = reader.numbers.dtype if isinstance(reader, JudgedReader) else reader.dtype
    return Image(
        shape=shape, dtype=dtype, crs=product.crs, transform=transform, nodata=None, names=("",),
        wavelengths_nm=(None,), scales=(1.0,), offsets=(0.0,), paths=(path,), reader=reader,
        acquired=product.acquired, sensor="prisma", tags=product.tags,
    )  # fmt: skip


def _judged(path: str, planes: list[prisma.Plane], at: list[int] | None, meaning: prisma.Errors) -> JudgedReader:
    """Bands of arrays beside their error matrices, in the order given."""

    def reader(names: list[str], dtype: np.dtype) -> StoreReader:
        indexes = [0] * len(names) if at is None else at
        axes = "yx" if at is None else "ybx"
        layers = [Layer(name, axes, (index,)) for name, index in zip(names, indexes, strict=True)]
        every = tuple(range(len(names)))
        return StoreReader(path, tuple(layers), dtype, (None,) * len(names)).pick(every)  # which joins neighbours

    names = [plane.errors for plane in planes]
    errors = [name for name in names if name is not None]
    beside = reader(errors, np.dtype("uint8")) if len(errors) == len(names) else None
    numbers = reader([plane.name for plane in planes], np.result_type(*(plane.dtype for plane in planes)))
    return JudgedReader(numbers, beside, meaning.wrong, meaning.measured, (True,) * len(planes))


def _fine_bands(reader: JudgedReader, shape: tuple[int, int]) -> tuple[bool, ...]:
    """Which bands have numbers on the ground, by some lines of the image."""
    lines = np.unique(np.linspace(0, shape[0] - 1, LOOK_LINES).round().astype(int))
    looks = [reader.look(slice(int(line), int(line) + 1), slice(None)) for line in lines]
    ground = np.concatenate([(raw != 0).any(axis=0) for raw, _ in looks], axis=1)[0]
    nothing = np.concatenate([wrong | empty for _, (wrong, empty) in looks], axis=2)[:, 0]
    if not ground.any():
        return (True,) * len(nothing)
    return tuple(bool(share < BAD_SHARE) for share in nothing[:, ground].mean(axis=1))


@dataclass(frozen=True)
class JudgedReader:
    """Bands beside their error matrices: a pixel is missing where most bands are wrong, or all are empty.

    One band of water vapour, where hardly a pixel has a number, leaves the others as they are.

    Parameters
    ----------
    numbers, errors
        Give the stored numbers and those of the error matrices; None without such.
    wrong, measured
        Of the error matrices: nothing was measured, and 0 is what was measured.
    fine
        The bands that judge; those without numbers on the ground do not, unless all are such.
    nodata
        Codes that a user told: they alone count then.
    """

    numbers: StoreReader
    errors: StoreReader | None
    wrong: tuple[int, ...]
    measured: tuple[int, ...]
    fine: tuple[bool, ...]
    nodata: tuple[float | None, ...] = ()

    @property
    def maskable(self) -> bool:
        """Some pixels may be missing."""
        return True

    def pick(self, positions: tuple[int, ...]) -> JudgedReader:
        """Some of the bands, counted from 0."""
        return replace(
            self, numbers=self.numbers.pick(positions), fine=tuple(self.fine[at] for at in positions),
            errors=None if self.errors is None else self.errors.pick(positions),
            nodata=tuple(self.nodata[at] for at in positions) if self.nodata else (),
        )  # fmt: skip

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.protocol.Reader`."""
        raw, verdict = self.look(*window.slices)
        return raw.astype(dtype, order="C"), self._valid(raw, *verdict)

    def decimated(self, shape: tuple[int, int]) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """See :class:`earthloom.raster.protocol.Reader`."""
        raw = self.numbers.decimated(shape)[0]
        errors = None if self.errors is None else self.errors.decimated(shape)[0]
        return raw, self._valid(raw, *self._verdict(raw, errors))

    def look(self, rows: slice, cols: slice) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Stored numbers of a part, and where each band is wrong and where it is empty."""
        raw = self.numbers.numbers(rows, cols)
        return raw, self._verdict(raw, None if self.errors is None else self.errors.numbers(rows, cols))

    def close(self) -> None:
        """Close the file."""
        self.numbers.close()
        if self.errors is not None:
            self.errors.close()

    def _verdict(self, raw: np.ndarray, errors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Where each band is wrong and where it is empty."""
        if errors is None:
            return np.zeros(raw.shape, bool), raw == 0
        return np.isin(errors, self.wrong), (raw == 0) & ~np.isin(errors, self.measured)

    def _valid(self, raw: np.ndarray, wrong: np.ndarray, empty: np.ndarray) -> np.ndarray:
        """Where there is a pixel."""
        if self.nodata:
            valid = np.ones(raw.shape[1:], bool)
            mark_missing(valid, raw, self.numbers.dtype, self.nodata)
            return valid
        if any(self.fine) and not all(self.fine):
            judges = np.array(self.fine)
            wrong, empty = wrong[judges], empty[judges]
        return ~(empty.all(axis=0) | (wrong.mean(axis=0) > MOST))
