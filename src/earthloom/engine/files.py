"""Files as inputs: read by window, fused tile by tile, written under a temporary name until whole."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.arrays import dtype_of
from earthloom.engine.fuse import fuse_array, fuse_scene, merged
from earthloom.engine.register import Moved, Registration
from earthloom.engine.verbs import Options, checked, ready
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.refine import residual_percent
from earthloom.ops.quantise import quantise
from earthloom.raster.collocate import RasterScene, collocate
from earthloom.raster.datasets_write import create_mat
from earthloom.raster.provenance import provenance
from earthloom.raster.read import Image, open_image
from earthloom.raster.write import create
from earthloom.sensors import Sensor, load
from earthloom.types import Product, Scene, Window


def open_scene(pan: Any, ms: Any, options: Options) -> tuple[RasterScene, Sensor | None]:
    """Open a PAN and an MS image and lay them on one grid.

    Raises
    ------
    EarthloomError
        Whatever stands in the way, in words.
    """
    if options.convention not in (None, "centre", "toolbox"):
        raise InputError(f"convention '{options.convention}'", "'centre' or 'toolbox'")
    images: list[Image] = []
    try:
        for paths, role in ((pan, "pan"), (ms, "ms")):
            images.append(open_image(paths, role=role, nodata=options.nodata))
        name = options.sensor or images[1].sensor
        sensor = load(name) if name else None
        scene = collocate(
            images[0], images[1], sensor=sensor, convention=options.convention or "auto",  # type: ignore[arg-type]
            ignore_georeferencing=options.ignore_georeferencing,
        )  # fmt: skip
    except BaseException:
        for image in images:
            image.close()
        raise
    for note in scene.notes:
        options.tell(note)
    ratio, offset = scene.fit.ratio, scene.offset
    options.tell(
        f"PAN grid {scene.shape[0]} x {scene.shape[1]}, MS {len(scene.ms_bands)} band(s) at ratio {ratio[0]:g}, "
        f"MS pixel 0 at PAN pixel ({offset[0]:g}, {offset[1]:g}), sensor {sensor.title if sensor else 'unknown'}"
    )
    return scene, sensor


def sharpen_files(pan: Any, ms: Any, output: str | Path | None, method: Method, options: Options) -> Any:
    """Sharpen files; returns the path written, or a DataArray when there is no output path."""
    opened, sensor = open_scene(pan, ms, options)
    with opened:
        if output is None:
            dtype = dtype_of(options.dtype) if options.dtype else None
            scene, _ = checked(opened, options, georeferenced=opened.crs is not None)
            method = ready(method, scene, options)
            product = fuse_array(method, scene, options.tile_px, options.workers, options.progress)
            options.tell_residual(residual_percent(product.measured))
            return as_dataarray(product, opened, dtype, options)
        path = Path(output)
        if path.suffix.lower() in FOREIGN:
            raise InputError(f"the output {path}", "a GeoTIFF or .mat", f"call it {path.with_suffix('.tif').name}")
        for image in (opened.pan, opened.ms):
            if path.exists() and any(Path(p).exists() and path.samefile(p) for p in image.paths):
                raise InputError(f"the output {path} is an input", "another name")
        return _write(opened, path, method, sensor, options)


FOREIGN = (".jpg", ".jpeg", ".png", ".jp2", ".nc", ".zarr", ".img", ".hdr", ".vrt", ".h5", ".hdf5", ".npy")


def _write(opened: RasterScene, path: Path, method: Method, sensor: Sensor | None, options: Options) -> Path:
    """Fuse into a file."""
    ms = opened.ms
    matlab, tile = path.suffix.lower() == ".mat", options.tile_px
    dtype = dtype_of(options.dtype or ("float64" if matlab else ms.dtype))
    physical = dtype.kind == "f" and not matlab  # the toolboxes work on digital numbers
    scene, found = checked(opened, options, georeferenced=opened.crs is not None)
    target = (create_mat if matlab else create)(
        path,
        shape=opened.shape,
        count=len(opened.ms_bands),
        dtype=dtype,
        crs=opened.crs,
        transform=opened.transform,
        nodata=_nodata(opened, dtype, options),
        names=[band.name for band in opened.ms_bands],
        wavelengths_nm=[band.centre_nm for band in opened.ms_bands],
        scales=None if physical else ms.scales,
        offsets=None if physical else ms.offsets,
        compress=options.compress,  # type: ignore[arg-type]
        overwrite=options.overwrite,
        threads=options.workers,
    )
    method = ready(method, scene, options)  # may take a minute, so after everything else that can be refused
    with target as writer:
        writer.tag(_tags(opened, scene, found, method, sensor))

        def finish(window: Window, product: Product) -> Any:
            writer.write(window, product.data, product.valid)
            return product.measured

        parts = fuse_scene(method, scene, finish, tile, options.workers, options.progress)
        if residual := residual_percent(merged(parts)):
            writer.tag({"EARTHLOOM_RESIDUAL": json.dumps(residual)})
            options.tell_residual(residual)
        options.progress("writing", 0, 1)
    options.progress("writing", 1, 1)
    return path


def _nodata(opened: RasterScene, dtype: np.dtype, options: Options) -> float | None:
    """Code of missing pixels in the output."""
    return nodata_for(opened.ms.nodata, dtype, options.nodata, opened.may_have_holes)


def nodata_for(code: float | None, dtype: np.dtype, told: float | None, may_have_holes: bool) -> float | None:
    """What was told, else the code of the input, else NaN, or 0 where pixels can be missing."""
    if told is not None:
        return told
    if dtype.kind == "f":
        return math.nan if code is None else code
    fits = code is not None and float(code).is_integer() and np.iinfo(dtype).min <= code <= np.iinfo(dtype).max
    return code if fits else 0 if may_have_holes else None


def _tags(
    opened: RasterScene, scene: Scene, found: Registration, method: Method, sensor: Sensor | None
) -> dict[str, str]:
    """Provenance of a product."""
    from earthloom.methods.catalog import name_of

    parameters = {**method.parameters, "convention": scene.convention}
    measured = found.as_dict() | {"corrected": isinstance(scene, Moved)}
    return provenance(
        f"{method.card.problem}/{name_of(method)}", parameters, {"pan": opened.pan.paths, "ms": opened.ms.paths},
        sensor=sensor.name if sensor else None, extra={"registration": measured},
    )  # fmt: skip


def as_dataarray(product: Product, scene: RasterScene, dtype: np.dtype | None, options: Options) -> Any:
    """The product as an xarray DataArray with the coordinates and the CRS of its grid; see :func:`labelled`."""
    nodata = None if dtype is None or dtype.kind == "f" else _nodata(scene, dtype, options)
    return labelled(product, scene.ms, (scene.crs, scene.transform), dtype, nodata, "pansharpened")


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
