"""Cloud removal on files: read by window, written tile by tile under a temporary name until whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from earthloom.engine.arrays import dtype_of
from earthloom.engine.job import fuse_array, merged
from earthloom.engine.old import FOREIGN, fuse_scene, labelled, nodata_for
from earthloom.engine.options import Options
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.wrappers.keeping import Keeping, replaced_percent
from earthloom.prepare.cloud_removal.opening import Clouds, open_stack
from earthloom.raster.image import Image
from earthloom.raster.scenes.stack import Stack
from earthloom.raster.write.cog import create
from earthloom.raster.write.provenance import provenance
from earthloom.sensors import Sensor
from earthloom.training.ready import ready
from earthloom.types import Product, Window
from earthloom.verbs.decloud import tell_share


def decloud_files(
    inputs: Mapping[str, Any], output: str | Path | None, method: Method, clouds: Clouds, options: Options
) -> Any:
    """Files; returns the path written, or a DataArray when there is no output path."""
    path = None if output is None else Path(output)
    if path is not None and path.suffix.lower() in (*FOREIGN, ".mat"):
        raise InputError(f"the output {path}", "a GeoTIFF", f"call it {path.with_suffix('.tif').name}")
    opened, sensor = open_stack(inputs, clouds, options)
    with opened:
        if path is None:
            keeping = Keeping(ready(method, opened, options), clouds.replace_all)
            product = fuse_array(keeping, opened, options.tile_px, options.workers, options.progress)
            tell_share(replaced_percent(product.measured), options)
            dtype, first = dtype_of(options.dtype) if options.dtype else None, opened.first
            nodata = None if dtype is None else _nodata(first, dtype, options)
            return labelled(product, first, (first.crs, first.transform), dtype, nodata, "declouded")
        for image in opened.images.values():
            if path.exists() and any(Path(p).exists() and path.samefile(p) for p in image.paths):
                raise InputError(f"the output {path} is an input", "another name")
        return _write(opened, path, Keeping(method, clouds.replace_all), sensor, options)


def _write(opened: Stack, path: Path, method: Keeping, sensor: Sensor | None, options: Options) -> Path:
    """Fuse into a file."""
    first, bands = opened.first, opened.empty()["optical"].bands
    dtype = dtype_of(options.dtype or first.dtype)
    physical = dtype.kind == "f" and first.dtype.kind != "f"
    target = create(
        path,
        shape=opened.shape,
        count=first.count,
        dtype=dtype,
        crs=first.crs,
        transform=first.transform,
        nodata=_nodata(first, dtype, options),
        names=[name or band.name for name, band in zip(first.names, bands, strict=True)],
        wavelengths_nm=[band.centre_nm for band in bands],
        scales=None if physical else first.scales,
        offsets=None if physical else first.offsets,
        compress=options.compress,  # type: ignore[arg-type]
        overwrite=options.overwrite,
        threads=options.workers,
    )
    # adapting may take a minute, so it comes after everything that can be refused
    method = replace(method, inner=ready(method.inner, opened, options))
    with target as writer:
        writer.tag(_tags(opened, method, sensor))

        def finish(window: Window, product: Product) -> Any:
            writer.write(window, product.data, product.valid)
            return product.measured

        parts = fuse_scene(method, opened, finish, options.tile_px, options.workers, options.progress)
        tell_share(replaced_percent(merged(parts)), options)
        options.progress("writing", 0, 1)
    options.progress("writing", 1, 1)
    return path


def _nodata(first: Image, dtype: Any, options: Options) -> float | None:
    """Code of missing pixels in the output."""
    return nodata_for(first.nodata, dtype, options.nodata, first.reader.maskable)


def _tags(opened: Stack, method: Keeping, sensor: Sensor | None) -> dict[str, str]:
    """Provenance of a product."""
    sights: Any = opened.views
    found = "given" if "mask" in opened.images else "found by thresholds"
    return provenance(
        f"{method.card.problem}/{name_of(method)}", method.parameters,
        {role: image.paths for role, image in opened.images.items()}, sensor=sensor.name if sensor else None,
        extra={"clouds": {"mask": found, "values": sights.mask_values}, "sar": {"db": sights.sar_db}},
    )  # fmt: skip
