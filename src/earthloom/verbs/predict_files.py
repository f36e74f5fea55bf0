"""Spatiotemporal fusion on files: laid on two grids, read by window, written tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date as day_of
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.arrays import dtype_of
from earthloom.engine.job import fuse_array, merged
from earthloom.engine.old import FOREIGN, fuse_scene, labelled, nodata_for
from earthloom.engine.options import Options
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.wrappers.refined import residual_percent
from earthloom.prepare.spatiotemporal.known import Handling, Known
from earthloom.prepare.spatiotemporal.opening import Opener, _open, _scale
from earthloom.prepare.spatiotemporal.settle import Facts, prepare
from earthloom.raster.scenes.dates import PairScene
from earthloom.raster.write.cog import create
from earthloom.raster.write.provenance import provenance
from earthloom.training.ready import ready
from earthloom.types import Product, Window


def predict_files(
    known: Sequence[Known],
    coarse: Any,
    target_mask: Any,
    day: day_of | None,
    output: str | Path | None,
    method: Method,
    handling: Handling,
    options: Options,
) -> Any:
    """Files; returns the path written, or a DataArray when there is no output path."""
    path = None if output is None else Path(output)
    if path is not None:
        require_geotiff(path)
    opener = Opener(handling, options)
    try:
        scene, called, day = _open(opener, known, coarse, target_mask, day)
        if path is not None:
            require_other(path, scene)
        told, facts = prepare(scene, handling, called, options, _scale(scene))
        if path is None:
            product = fuse_array(ready(method, told, options), told, options.tile_px, options.workers, options.progress)
            options.tell_residual(residual_percent(product.measured))
            return _labelled(product, scene, options, handling)
        tags = product_tags(scene, method, opener, facts, handling, day)
        write(path, scene, told, method, handling, options, tags)
        return path
    finally:
        opener.close()


def require_geotiff(path: Path) -> None:
    """Refuse formats that are not written."""
    if path.suffix.lower() in (*FOREIGN, ".mat"):
        raise InputError(f"the output {path}", "a GeoTIFF", f"call it {path.with_suffix('.tif').name}")


def require_other(path: Path, scene: PairScene) -> None:
    """Refuse to write over an input."""
    for image in scene.images.values():
        if path.exists() and any(Path(p).exists() and path.samefile(p) for p in image.paths):
            raise InputError(f"the output {path} is an input", "another name")


def product_tags(
    scene: PairScene, method: Method, opener: Opener, facts: Facts, handling: Handling, day: day_of | None
) -> dict[str, str]:
    """Provenance of a product."""
    days = {role: str(one) for role, one in scene.days.items() if one is not None}
    sensor = opener.sensor("fine")
    coarse = opener.sensor("coarse")
    extra: dict[str, Any] = {"dates": days, "ratio": float(scene.ground.ratio), **facts.as_dict()}
    if coarse is not None:
        extra["coarse_sensor"] = coarse.name
    tags = provenance(
        f"{method.card.problem}/{name_of(method)}", method.parameters,
        {role: image.paths for role, image in scene.images.items()},
        sensor=sensor.name if sensor else None, extra=extra,
    )  # fmt: skip
    if day is not None:
        tags |= {"EARTHLOOM_DATE": day.isoformat(), "TIFFTAG_DATETIME": day.strftime("%Y:%m:%d 00:00:00")}
    return tags


def write(
    path: Path, scene: PairScene, told: Any, method: Method, handling: Handling, options: Options, tags: dict[str, str]
) -> None:
    """Fuse into a file on the fine grid."""
    first, bands = scene.ground.fine, scene.fine_bands
    dtype = dtype_of(options.dtype or first.dtype)
    physical = dtype.kind == "f" and first.dtype.kind != "f"
    target = create(
        path,
        shape=scene.shape,
        count=len(bands),
        dtype=dtype,
        crs=first.crs,
        transform=first.transform,
        nodata=nodata_for(first.nodata, dtype, handling.fine.nodata, True),
        names=[name or band.name for name, band in zip(first.names, bands, strict=True)],
        wavelengths_nm=[band.centre_nm for band in bands],
        scales=None if physical else first.scales,
        offsets=None if physical else first.offsets,
        compress=options.compress,  # type: ignore[arg-type]
        overwrite=options.overwrite,
        threads=options.workers,
    )
    # adapting may take a minute, so it comes after everything that can be refused
    method = ready(method, told, options)
    with target as writer:
        writer.tag(tags)

        def finish(window: Window, product: Product) -> Any:
            writer.write(window, product.data, product.valid & np.isfinite(product.data).all(axis=0))
            return product.measured

        parts = fuse_scene(method, told, finish, options.tile_px, options.workers, options.progress)
        if residual := residual_percent(merged(parts)):
            options.tell_residual(residual)
        options.progress("writing", 0, 1)
    options.progress("writing", 1, 1)


def _labelled(product: Product, scene: PairScene, options: Options, handling: Handling) -> Any:
    """The product as a DataArray."""
    first = scene.ground.fine
    dtype = dtype_of(options.dtype) if options.dtype else None
    nodata = None if dtype is None else nodata_for(first.nodata, dtype, handling.fine.nodata, True)
    valid = product.valid & np.isfinite(product.data).all(axis=0)
    product = replace(product, data=np.where(valid, product.data, product.data.dtype.type(np.nan)), valid=valid)
    return labelled(product, first, (first.crs, first.transform), dtype, nodata, "predicted")
