"""Super-resolution of cubes in files: read by window, sharpened tile by tile, written when whole."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from earthloom.engine.arrays import dtype_of
from earthloom.engine.old import FOREIGN, labelled, nodata_for
from earthloom.engine.options import Options
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.prepare.superresolution.bands import Plan, runs
from earthloom.prepare.superresolution.job import run
from earthloom.prepare.superresolution.opening import (
    Cube,
    Told,
    open_scene,
    product_bands,
)
from earthloom.raster.formats.cubes import BAD_TAG
from earthloom.raster.write.cog import create
from earthloom.raster.write.matlab import create_mat
from earthloom.raster.write.provenance import provenance
from earthloom.training.ready import ready
from earthloom.types import Product, Window


def superresolve_files(
    path: str | Path, output: str | Path | None, method: Method, told: Told, options: Options
) -> Any:
    """A cube in a file; returns the path written, or a DataArray when there is no output path."""
    place = None if output is None else Path(output)
    if place is not None and place.suffix.lower() in (*FOREIGN, ".dat", ".bsq", ".bil", ".bip", ".png"):
        raise InputError(f"the output {place}", "a GeoTIFF or .mat", f"call it {place.with_suffix('.tif').name}")
    with ExitStack() as stack:
        cube = open_scene(path, method, told, options, stack)
        if place is None:
            return _labelled(cube, method, told, options)
        if place.exists() and any(Path(p).exists() and place.samefile(p) for p in cube.image.paths):
            raise InputError(f"the output {place} is an input", "another name")
        _write(cube, place, method, told, options)
        return place


def _write(cube: Cube, path: Path, method: Method, told: Told, options: Options) -> None:
    """Sharpen into a file."""
    image, order = cube.image, product_bands(cube.banding, told)
    matlab = path.suffix.lower() == ".mat"
    dtype = dtype_of(options.dtype or image.dtype)
    physical = dtype.kind == "f" and image.dtype.kind != "f" and not matlab
    crs, transform = (None, Affine.identity()) if options.ignore_georeferencing else cube.place
    scene, holes = cube.scene, cube.scene.image.reader.maskable or bool(cube.banding.empty)
    nodata = nodata_for(image.nodata, dtype, told.nodata, holes)
    target = (create_mat if matlab else create)(
        path,
        shape=scene.shape,
        count=len(order),
        dtype=dtype,
        crs=crs,
        transform=transform,
        nodata=nodata,
        names=[image.names[at] or cube.bands[at].name for at in order],
        wavelengths_nm=[cube.bands[at].centre_nm for at in order],
        scales=None if physical else [image.scales[at] for at in order],
        offsets=None if physical else [image.offsets[at] for at in order],
        compress=options.compress,  # type: ignore[arg-type]
        overwrite=options.overwrite,
        threads=options.workers,
    )
    nothing = [order.index(at) for at in cube.banding.empty if at in order]
    method = ready(method, scene, options)  # may take a minute, so after everything else that can be refused
    with target as writer:
        writer.tag(_tags(cube, method, told))

        def put(window: Window, data: np.ndarray, valid: np.ndarray) -> None:
            writer.write(window, data, valid, nothing)

        residual = run(method, scene, cube.passed, cube.banding, told, options, put)
        if residual:
            writer.tag({"EARTHLOOM_RESIDUAL": json.dumps(residual)})
        options.progress("writing", 0, 1)
    options.progress("writing", 1, 1)


def _tags(cube: Cube, method: Method, told: Told) -> dict[str, str]:
    """Provenance of a product."""
    banding, order = cube.banding, product_bands(cube.banding, told)
    extra: dict[str, Any] = {"ratio": told.ratio, "blur": told.convention}
    if banding.bad:
        extra["bad_bands_of_input"] = {why: runs(_of(banding, why)) for why in dict.fromkeys(banding.bad.values())}
    if len(banding.groups) > 1:
        extra["band_groups"] = [[banding.good[g[0]] + 1, banding.good[g[-1]] + 1] for g in banding.groups]
    tags = provenance(
        f"{method.card.problem}/{name_of(method)}", method.parameters, {"hs": cube.image.paths[:1]},
        sensor=cube.sensor.name if cube.sensor else None, extra=extra,
    )  # fmt: skip
    still = [at + 1 for at, band in enumerate(order) if band in banding.bad]
    return tags | ({BAD_TAG: json.dumps(still)} if still else {})


def _of(banding: Plan, why: str) -> list[int]:
    """Bad bands of one reason, from 1."""
    return [band + 1 for band, reason in sorted(banding.bad.items()) if reason == why]


def _labelled(cube: Cube, method: Method, told: Told, options: Options) -> Any:
    """The product as a DataArray."""
    order, scene = product_bands(cube.banding, told), cube.scene
    method = ready(method, scene, options)
    found = np.empty((len(order), *scene.shape), scene.empty()["hs"].data.dtype)
    valid = np.empty(scene.shape, bool)

    def put(window: Window, data: np.ndarray, seen: np.ndarray) -> None:
        rows, cols = window.slices
        found[:, rows, cols], valid[rows, cols] = data, seen

    run(method, scene, cube.passed, cube.banding, told, options, put)
    found[:, ~valid] = np.nan
    bands = tuple(cube.bands[at] for at in order)
    dtype = dtype_of(options.dtype) if options.dtype else None
    nodata = None if dtype is None or dtype.kind == "f" else nodata_for(cube.image.nodata, dtype, told.nodata, True)
    product = labelled(Product(found, valid, bands), cube.image, cube.place, dtype, nodata, "superresolved")
    centres = [band.centre_nm for band in bands]
    if any(nm is not None for nm in centres):
        product = product.assign_coords(wavelength=("band", [np.nan if nm is None else nm for nm in centres]))
        product["wavelength"].attrs["units"] = "nm"
    return product
