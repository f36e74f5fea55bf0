"""Zarr: ``x.zarr``, a store of one image or of one band a variable, or ``x.zarr:variable``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.raster.assemble import picked, stacked
from earthloom.raster.coordinates import code_of, crs_names, crs_of, described, edges_of, laid
from earthloom.raster.formats import Format
from earthloom.raster.image import Image
from earthloom.raster.metadata.zarr import is_store, zarr_address
from earthloom.raster.readers import ArrayReader
from earthloom.raster.told import Told
from earthloom.types import Bool, Float, Real, Shaped, Window

PREFIX = "EARTHLOOM_"  # begins what products of ours say


class Zarr(Format):
    """A folder by its ending; place, CRS, codes and wavelengths as xarray, rioxarray and GeoZarr write them."""

    name: ClassVar[str] = "zarr"
    rank: ClassVar[int] = 30
    suffixes: ClassVar[tuple[str, ...]] = (".zarr",)

    def claims(self, path: str) -> bool:
        """A store of this machine, and perhaps a variable of it."""
        return zarr_address(path) is not None

    def holds(self, path: Path) -> bool:
        """A folder that is a store."""
        return path.suffix.lower() in self.suffixes and path.is_dir() and is_store(path)

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Open a variable, or the variables of one grid as bands."""
        address = zarr_address(path)
        assert address is not None
        store, variable = address
        if not store.is_dir():
            raise FileError(f"{store} does not exist", hint="check the path")
        _numbers.cache_clear()  # it may have been written anew
        with broken(path, "opened"):
            names = _images(_dataset(str(store)), store.name, variable)
            images = [_image(str(store), name) for name in names]
        if len(images) == 1:
            return picked(images[0], told.bands)
        named = [replace(image, names=(name,)) for image, name in zip(images, names, strict=True)]
        return picked(replace(stacked(named), paths=(str(store),)), told.bands)


@contextmanager
def broken(path: str, doing: str) -> Iterator[None]:
    """Whatever zarr and xarray raise, as one line that names the store."""
    try:
        yield
    except EarthloomError:
        raise
    except ImportError as missing:
        raise FileError(f"{path} cannot be {doing}", hint="install earthloom[zarr,xarray]") from missing
    except Exception as error:  # what codecs and parsers raise has no common class
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileError(f"{path} cannot be {doing}: {reason}", hint="is it a whole Zarr store?") from error


def _dataset(store: str) -> Any:
    """A store as xarray sees it, its numbers as they are stored."""
    import xarray

    return xarray.open_zarr(
        store, chunks=None, mask_and_scale=False, decode_times=False, decode_coords="all", consolidated=False
    )


def _images(dataset: Any, called: str, variable: str | None) -> list[str]:
    """Names of the variables that make the image.

    Raises
    ------
    InputError
        If there is none, or several and no telling which.
    """
    known = [str(name) for name, one in dataset.data_vars.items() if one.ndim >= 2 and one.dtype.kind in "uif"]
    if variable is not None:
        if variable not in known:
            raise InputError(f"{called}:{variable}", f"one of {', '.join(known) or 'no image at all'}")
        return [variable]
    if not known:
        raise InputError(f"{called} without an image", "a variable with rows and columns")
    flat = all(dataset[name].ndim == 2 and dataset[name].dims == dataset[known[0]].dims for name in known)
    if len(known) > 1 and not flat:
        raise InputError(
            f"{called} of several images ({', '.join(known)})", "one of them", f"name it: {called}:{known[0]}"
        )
    return known


@lru_cache(maxsize=32)
def _numbers(store: str, variable: str) -> Any:
    """A variable with its bands first; read when it is indexed."""
    value = laid(_dataset(store)[variable])
    return value if value.ndim == 3 else value.expand_dims("band")


def _image(store: str, variable: str) -> Image:
    """A variable as an image."""
    value = laid(_dataset(store)[variable])
    if value.ndim not in (2, 3):
        sizes = " x ".join(f"{dim} {size}" for dim, size in value.sizes.items())
        raise InputError(f"{Path(store).name}:{variable} of {sizes}", "bands, rows and columns", "write one date of it")
    count = value.shape[0] if value.ndim == 3 else 1
    code, crs = code_of(value), crs_of(value)
    gains = tuple(float(value.attrs.get(key, neutral)) for key, neutral in (("scale_factor", 1), ("add_offset", 0)))
    told = described(value)
    return Image(
        shape=(value.shape[-2], value.shape[-1]), dtype=value.dtype,
        crs=None if crs is None else CRS.from_user_input(crs), transform=_transform(value), nodata=code,
        names=told["names"], wavelengths_nm=told["wavelengths_nm"] or (None,) * count, scales=gains[:1] * count,
        offsets=gains[1:] * count,
        paths=(store,), reader=ZarrReader(store, variable, value.dtype, (code,) * count, tuple(range(count))),
        tags={str(key): str(text) for key, text in value.attrs.items() if str(key).startswith(PREFIX)},
    )  # fmt: skip


def _transform(value: Any) -> Affine:
    """Where its pixels lie: by its coordinates, else by the geotransform beside its CRS."""
    edges = edges_of(value)
    if edges is not None:
        (y, dy), (x, dx) = edges
        return Affine(dx, 0.0, x - dx / 2, 0.0, dy, y - dy / 2)
    for name in crs_names(value):
        words = str(value.coords[name].attrs.get("GeoTransform", "")).split()
        if len(words) == 6:
            return Affine.from_gdal(*map(float, words))
    return Affine.identity()


@dataclass(frozen=True)
class ZarrReader:
    """Windows of a variable; pickled, it is the name of the store.

    Parameters
    ----------
    store, variable
        Where the numbers are.
    dtype
        Of them.
    nodata
        One code per band.
    picks
        Bands, from 0, in the order wanted.
    """

    store: str
    variable: str
    dtype: np.dtype
    nodata: tuple[float | None, ...]
    picks: tuple[int, ...]

    @property
    def maskable(self) -> bool:
        """Whether any pixel can be missing."""
        return self.dtype.kind == "f" or any(code is not None for code in self.nodata)

    def pick(self, positions: tuple[int, ...]) -> ZarrReader:
        """Some of the bands, counted from 0."""
        codes, picks = (tuple(one[at] for at in positions) for one in (self.nodata, self.picks))
        return replace(self, nodata=codes, picks=picks)

    def read(self, window: Window, dtype: np.dtype) -> tuple[Real[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """Stored numbers and where every band has one."""
        numbers = self._stored(window.slices)
        return ArrayReader(numbers, self.nodata).read(Window(0, 0, window.height, window.width), dtype)

    def decimated(self, shape: tuple[int, int]) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The whole image, every n-th pixel."""
        have = _numbers(self.store, self.variable).shape[1:]
        at = tuple(np.arange(n) * of // n for n, of in zip(shape, have, strict=True))
        return ArrayReader(self._stored((at[0], at[1])), self.nodata).decimated(shape)

    def close(self) -> None:
        """Nothing is held open."""

    def _stored(self, at: tuple[Any, Any]) -> Shaped[np.ndarray, "band y x"]:
        """The bands wanted of some rows and columns."""
        with broken(self.store, "read"):
            return _numbers(self.store, self.variable)[list(self.picks), at[0], at[1]].to_numpy()
