"""What a file says about itself: grid, numbers, bands, scaling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window as RasterWindow

from earthloom.errors import FileError, GridError, InputError, warn
from earthloom.ops.tiling import spread_blocks
from earthloom.raster import wavelengths
from earthloom.raster.handles import file_errors, open_file, quietly
from earthloom.raster.metadata import landsat, radiometry

_SAME_GRID_PX = 0.01
COLOURS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.palette)
MASK_SHARE = 0.98  # of a mask lies at its ends
MASK_LOOK_PX = 128  # side of the windows in which it is looked at
LEAST, MOST = 1e-15, 1e15  # of a pixel size or coordinate, in whatever unit
BAD_TAG = "EARTHLOOM_BAD_BANDS"  # of our products: the bands that were bad in what they are made of


@runtime_checkable
class OnGrid(Protocol):
    """What lies somewhere: a file, an image."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    @property
    def crs(self) -> Any:
        """Coordinate reference system."""
        ...

    @property
    def transform(self) -> Affine:
        """Geotransform."""
        ...


@dataclass(frozen=True)
class FileFacts:
    """The header of a file. ``indexes`` are its bands without the mask band, counted from 1; lists hold all bands.

    A band without a description has the name ``""``; the only band of a file has the file's.
    """

    path: str
    driver: str
    shape: tuple[int, int]
    count: int
    indexes: tuple[int, ...]
    dtype: np.dtype
    crs: Any
    transform: Affine
    nodata: tuple[float | None, ...]
    alpha: int | None
    mask: bool
    names: tuple[str, ...]
    wavelengths_nm: tuple[float | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    acquired: date | None
    sensor: str | None
    scaled_by: str | None
    tags: Mapping[str, str]
    structure: Mapping[str, str]
    bad_bands: tuple[int, ...] = ()
    colours: tuple[str, ...] = ()
    widths_nm: tuple[float | None, ...] = ()


def examine(path: str, mtl: landsat.Mtl | None = None) -> FileFacts:
    """Read the header of a file; a Landsat band takes its scaling from ``mtl``, or from the MTL file beside it.

    Raises
    ------
    FileError
        If the file is missing or broken.
    InputError
        If it is a container of several images, its numbers are complex, or its pixels have no size.
    """
    with open_file(path) as file, file_errors(path, "read"), quietly():
        if file.count == 0:
            inner = ", ".join(file.subdatasets[:4])
            raise InputError(f"{path} holds several images", "one image", f"name one of them: {inner or 'none found'}")
        require_extent(path, file.transform)
        if any(name.startswith("complex") for name in file.dtypes):
            raise InputError(f"{path}: complex numbers", "real ones", "take the amplitude first")
        _require_place(path, file.transform)
        return _facts(path, file, mtl)


def _require_place(path: str, transform: Affine) -> None:
    """Refuse a geotransform that nothing can be computed with: pixels without a size, or beyond all numbers.

    Raises
    ------
    FileError
        If it is one.
    """
    size = [float(np.hypot(transform.a, transform.d)), float(np.hypot(transform.b, transform.e))]
    corners = [transform.c, transform.f]
    if not (all(LEAST < one < MOST for one in size) and all(abs(one) < MOST for one in corners)):
        raise FileError(
            f"{path}: pixels of size {size[0]:g} x {size[1]:g} from {corners[0]:g}, {corners[1]:g}",
            "a geotransform with pixels of some size", "gdal_edit.py -a_ullr or -unsetgt mends it",
        )  # fmt: skip


def _facts(path: str, file: Any, mtl: landsat.Mtl | None) -> FileFacts:
    """Gather the header."""
    interp = file.colorinterp
    alphas = [i for i, kind in zip(file.indexes, interp, strict=True) if kind == ColorInterp.alpha]
    alpha = alphas[0] if alphas and file.count > 1 else None
    if alpha is not None and not _is_mask(file, alpha):
        warn(f"{Path(path).name}: band {alpha} is marked as alpha but holds no mask; taken as a band like the others")
        alpha = None
    nodata, scales, offsets = list(file.nodatavals), list(file.scales), list(file.offsets)
    names = [text or "" for text in file.descriptions]
    band = landsat.landsat_band_file(Path(path)) if file.count == 1 else None
    mtl = landsat.mtl_of(Path(path)) if mtl is None and band is not None else mtl
    scaled_by = None
    if band is not None:
        nodata = [0.0 if nodata[0] is None else nodata[0]]  # fill, by definition
    if band is not None and mtl is not None:
        names = [f"B{band.band}"]
        pair = mtl.scaling(band.band, band.kind)
        if pair is not None:
            scales, offsets, scaled_by = [pair[0]], [pair[1]], mtl.path.name
    told = radiometry.of(path) if file.count == 1 and mtl is None else None
    if told is not None:
        names = [names[0] or told.band or ""]
        nodata = [told.nodata if nodata[0] is None else nodata[0]]
        if told.scale is not None or told.offset is not None:
            scales, offsets, scaled_by = [told.scale or 1.0], [told.offset or 0.0], told.told_by
    scales, offsets = _sensible(path, scales, offsets)
    _say_unplaced(path, file)
    centres, widths = wavelengths.of_file(file)
    stem, tags, envi = Path(path).stem, dict(file.tags()), file.tags(ns="ENVI")
    for i, name in enumerate(names):
        names[i] = name or (stem if file.count == 1 else "")
    return FileFacts(
        path=path,
        driver=file.driver,
        shape=(file.height, file.width),
        count=file.count,
        indexes=tuple(i for i in file.indexes if i != alpha),
        dtype=np.result_type(*file.dtypes),
        crs=file.crs,
        transform=file.transform,
        nodata=tuple(nodata),
        alpha=alpha,
        mask=any(MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags for flags in file.mask_flag_enums),
        names=tuple(names),
        wavelengths_nm=centres,
        widths_nm=widths,
        scales=tuple(float(s) for s in scales),
        offsets=tuple(float(o) for o in offsets),
        acquired=mtl.acquired if mtl is not None else told.acquired if told is not None else None,
        sensor=mtl.sensor if mtl is not None else tags.get("EARTHLOOM_SENSOR") or (told.sensor if told else None),
        scaled_by=scaled_by,
        tags=tags,
        structure=dict(file.tags(ns="IMAGE_STRUCTURE")),
        colours=tuple(kind.name if kind in COLOURS else "" for kind in interp),
        bad_bands=_bad_bands(envi.get("bbl", ""), tags.get(BAD_TAG, ""), file.count),
    )


def _sensible(path: str, scales: list[float], offsets: list[float]) -> tuple[list[float], list[float]]:
    """Scalings as they are told; what is none (a scale of 0, NaN, infinity) is said and left out."""
    wrong = [
        i for i, (scale, offset) in enumerate(zip(scales, offsets, strict=True))
        if not (np.isfinite(scale) and scale != 0 and np.isfinite(offset))
    ]  # fmt: skip
    if not wrong:
        return scales, offsets
    first = wrong[0]
    warn(
        f"{Path(path).name}: scale {scales[first]:g} and offset {offsets[first]:g} of band {first + 1} mean nothing; "
        "its numbers are taken as they are"
    )
    return [1.0 if i in wrong else s for i, s in enumerate(scales)], [
        0.0 if i in wrong else o for i, o in enumerate(offsets)
    ]


def _say_unplaced(path: str, file: Any) -> None:
    """Say that an image is placed by control points or coefficients alone: no product of it lies anywhere."""
    if file.crs is not None or file.transform != Affine.identity():
        return
    points, crs = file.gcps
    by = "ground control points (GCPs)" if points and crs is not None else "rational polynomials (RPCs)"
    if (points and crs is not None) or file.rpcs is not None:
        warn(
            f"{Path(path).name} is placed by {by} alone, which are not used: the product lies nowhere on Earth; "
            "gdalwarp brings the image to a map first"
        )


def _bad_bands(flags: str, ours: str, count: int) -> tuple[int, ...]:
    """Bands, from 1, that a file calls bad: ENVI's ``bbl``, or what a product of ours remembers."""
    numbers = re.findall(r"[-+.\deE]+", flags)
    with suppress(ValueError):
        if len(numbers) == count:
            return tuple(i for i, number in enumerate(numbers, 1) if float(number) == 0)
    return tuple(int(n) for n in re.findall(r"\d+", ours) if 1 <= int(n) <= count)


def _is_mask(file: Any, index: int) -> bool:
    """Whether a band is off or fully on nearly everywhere: GDAL calls the fourth of four byte bands alpha.

    Near infrared over water is 0 or 1 too, so a few softened edges is all that a mask may have besides, and
    something has to be on.
    """
    some = spread_blocks((file.height, file.width), (MASK_LOOK_PX, MASK_LOOK_PX))
    areas = [RasterWindow(at.x, at.y, at.width, at.height) for at in some]  # type: ignore[call-arg]
    values = np.concatenate([file.read(index, window=area).ravel() for area in areas])
    top = values.max()
    most = top if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    on = [full for full in (1, 255, most) if full == top]
    return bool(on) and bool(((values == 0) | (values == on[0])).mean() > MASK_SHARE)


def require_extent(path: str, transform: Affine) -> None:
    """Refuse a geotransform that no pixel can be placed by.

    Raises
    ------
    GridError
        If it is not finite, or its pixels have no area.
    """
    area = transform.a * transform.e - transform.b * transform.d
    if not (np.isfinite(transform[:6]).all() and np.isfinite(area) and area != 0):
        numbers = ", ".join(f"{number:g}" for number in transform[:6])
        raise GridError(
            f"{path}: pixels of no size (geotransform {numbers})", "a pixel size", "gdal_edit.py -a_ullr places it"
        )


def same_grid(first: OnGrid, other: OnGrid, names: str) -> None:
    """Check that two files of one image, of these names, share a grid.

    Raises
    ------
    GridError
        If they differ in shape, CRS or place.
    """
    hint = "the files of one image must lie on one grid; leave out bands of another resolution"
    if first.shape != other.shape:
        a, b = ("{} x {}".format(*facts.shape) for facts in (first, other))
        raise GridError(f"{names} are {a} and {b} pixels", "files of one size", hint)
    if first.crs != other.crs:
        raise GridError(f"{names} have different CRS", "the same CRS", hint)
    back = ~first.transform
    for x, y in ((0, 0), (first.shape[1], first.shape[0])):
        east, north = applied(other.transform, x, y)
        u, v = applied(back, east, north)
        if max(abs(u - x), abs(v - y)) > _SAME_GRID_PX:
            raise GridError(f"{names} are {abs(u - x):.2f}, {abs(v - y):.2f} pixels apart", "the same place", hint)


def applied(transform: Affine, x: float, y: float) -> tuple[float, float]:
    """A point through a geotransform (written out: affine 2 and 3 spell the product differently)."""
    t = transform
    return t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f


__all__ = ["FileError", "FileFacts", "examine", "same_grid"]
