"""What the private roads still stand on; it goes with the last of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from earthloom.engine.budget import tile_for
from earthloom.engine.job import summarise
from earthloom.engine.passes import fuse_tile, halo_px
from earthloom.engine.runner import parallel, plan
from earthloom.engine.talk import Progress, silent
from earthloom.errors import FileError, InputError
from earthloom.methods.base import Method
from earthloom.ops.quantise import quantise
from earthloom.raster.image import Image
from earthloom.types import Product, Scene, Window

R = TypeVar("R")
FOREIGN = (".jpg", ".jpeg", ".png", ".jp2", ".nc", ".zarr", ".img", ".hdr", ".vrt", ".h5", ".hdf5", ".npy")


def nodata_for(code: float | None, dtype: np.dtype, told: float | None, may_have_holes: bool) -> float | None:
    """What was told, else the code of the input, else NaN, or 0 where pixels can be missing."""
    if told is not None:
        return told
    if dtype.kind == "f":
        return math.nan if code is None else code
    fits = code is not None and float(code).is_integer() and np.iinfo(dtype).min <= code <= np.iinfo(dtype).max
    return code if fits else 0 if may_have_holes else None


def labelled(
    product: Product, image: Image, place: tuple[Any, Any], dtype: np.dtype | None, nodata: float | None, name: str
) -> Any:
    """A product as an xarray DataArray with the coordinates and the CRS of its ``place`` (CRS, geotransform).

    In physical units, NaN where nothing was measured; an integer ``dtype`` gives the stored numbers instead, scaled
    as those of ``image``, with ``scale_factor``, ``add_offset`` and ``_FillValue`` as attributes where they apply.

    Raises
    ------
    InputError
        If xarray is not installed.
    """
    try:
        import xarray
    except ImportError as missing:
        raise InputError(
            "files without output=", "output='product.tif'", "or install earthloom[xarray] to get a DataArray"
        ) from missing
    coords: dict[str, Any] = {"band": [band.name for band in product.bands]}
    crs, t = place
    if crs is not None:
        height, width = product.valid.shape
        known = {"crs_wkt": crs.to_wkt(), "spatial_ref": crs.to_wkt()}
        known["GeoTransform"] = " ".join(repr(float(v)) for v in (t.c, t.a, t.b, t.f, t.d, t.e))
        coords["y"] = t.f + t.e * (np.arange(height) + 0.5)
        coords["x"] = t.c + t.a * (np.arange(width) + 0.5)
        coords["spatial_ref"] = xarray.Variable((), 0, known)  # where rioxarray and odc-geo look for the CRS
    attrs: dict[str, Any] = {"long_name": tuple(coords["band"])}
    data = product.data
    if dtype is not None and dtype.kind == "f":
        data = data.astype(dtype)
    elif dtype is not None:
        data = quantise(data, product.valid, dtype, nodata=nodata, scales=image.scales, offsets=image.offsets)
        for key, values, neutral in (("scale_factor", image.scales, 1), ("add_offset", image.offsets, 0)):
            if len(set(values)) == 1 and values[0] != neutral:
                attrs[key] = values[0]
        attrs |= {} if nodata is None else {"_FillValue": nodata}
    return xarray.DataArray(data, dims=("band", "y", "x"), coords=coords, attrs=attrs, name=name)


def _require_folder(folder: Path) -> None:
    """Make the folder of the products.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder} cannot be made ({error.strerror})", hint="choose another --output") from error


def _require_apart(folder: Path, paths: Sequence[Path]) -> None:
    """Refuse a folder of inputs as that of the products."""
    if folder.exists() and any(path.parent.exists() and folder.samefile(path.parent) for path in paths):
        raise InputError(f"the output {folder} is a folder of the inputs", "a folder of its own")


def fuse_scene(
    method: Method,
    scene: Scene,
    finish: Callable[[Window, Product], R],
    tile_px: int | None = None,
    threads: int = 1,
    progress: Progress = silent,
) -> list[R]:
    """Fuse a scene tile by tile.

    Parameters
    ----------
    method
        What to do.
    scene
        Arrays in memory, or files read by window.
    finish
        Called in a worker with every tile and its product (encode and store it); tiles may finish in any order.
    tile_px
        Side of a tile in fine pixels; None chooses. A method that is not local, and the ``toolbox`` convention (its
        borders are periodic), take the whole scene as one tile.
    threads
        Workers. Results do not depend on their number.
    progress
        Told after every tile.

    Raises
    ------
    MethodError
        If the card excludes this scene.
    InputError
        If no pixel is valid.
    """
    empty = scene.empty()
    method.check(empty, scene.shape)
    method = method.ready(empty)
    if not method.card.local or scene.convention == "toolbox":
        tile_px = max(scene.shape)
    tile_px = tile_px or tile_for(method, scene, threads)
    tiles = plan(scene.shape, tile_px)
    stats = summarise(method, scene, tiles, threads, progress)
    halo = halo_px(method, empty)

    def work(tile: Window) -> tuple[R, bool]:
        product = fuse_tile(method, scene, tile, halo, stats)
        return finish(tile, product), bool(product.valid.any())

    results, seen = [], False
    for done, (result, some) in enumerate(parallel(work, tiles, threads), 1):
        results.append(result)
        seen = seen or some
        progress("fusing", done, len(tiles))
    if not seen:
        raise InputError("no valid pixel in the overlap of the inputs", "", "check nodata and masks")
    return results
