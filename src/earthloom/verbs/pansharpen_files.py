"""Files as inputs: read by window, fused tile by tile, written under a temporary name until whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.arrays import dtype_of
from earthloom.engine.job import fuse_array, fuse_scene
from earthloom.engine.options import Options
from earthloom.engine.passes import merged
from earthloom.engine.sink import FOREIGN, labelled, nodata_for
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.wrappers.refined import residual_percent
from earthloom.prepare.pansharpening import checked, open_scene
from earthloom.prepare.registering import Moved, Registration
from earthloom.raster.scenes.sharpening import RasterScene
from earthloom.raster.write.cog import create
from earthloom.raster.write.matlab import create_mat
from earthloom.raster.write.provenance import provenance
from earthloom.sensors import Sensor
from earthloom.training.ready import ready
from earthloom.types import Product, Scene, Window


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


def _tags(
    opened: RasterScene, scene: Scene, found: Registration, method: Method, sensor: Sensor | None
) -> dict[str, str]:
    """Provenance of a product."""

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
