"""Super-resolution of cubes in files: read by window, sharpened tile by tile, written when whole."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from earthloom.engine.arrays import dtype_of
from earthloom.engine.bandplan import Plan, plan, runs
from earthloom.engine.files import FOREIGN, labelled, nodata_for
from earthloom.engine.superresolve import Told, product_bands, require_bands_first, require_fit, run
from earthloom.engine.verbs import Options, ready
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.raster.collocate import bands_of
from earthloom.raster.cubefiles import BAD_TAG, SAMPLE_PX, CubeScene, finer, listed_bad, open_cube, sampled
from earthloom.raster.datasets_write import create_mat
from earthloom.raster.provenance import provenance
from earthloom.raster.read import Image
from earthloom.raster.write import create
from earthloom.sensors import Sensor, load
from earthloom.types import Band, Product, Window


@dataclass(frozen=True, eq=False)
class Cube:
    """An opened cube: the image, its bands, what happens to them, and the scenes of the good and of the bad ones."""

    image: Image
    bands: tuple[Band, ...]
    banding: Plan
    scene: CubeScene
    passed: CubeScene | None
    sensor: Sensor | None

    @property
    def place(self) -> tuple[Any, Affine]:
        """CRS and geotransform of the finer grid; the identity where the cube lies nowhere."""
        image, ratio = self.image, self.scene.ratio
        return image.crs, finer(image.transform, ratio) if image.georeferenced else Affine.identity()


def open_scene(path: str | Path, method: Method, told: Told, options: Options, stack: ExitStack) -> Cube:
    """Open a cube and sort its bands; ``stack`` closes the files.

    Raises
    ------
    EarthloomError
        Whatever stands in the way, in words.
    """
    image = stack.enter_context(open_cube(path, nodata=told.nodata))
    require_fit(method, image.count, told.ratio, image.count)
    data, present = sampled(image)
    _first(image, data, told)
    name = told.sensor or image.sensor
    sensor = load(name) if name else None
    bands = bands_of(image, sensor)
    centres = [band.centre_nm for band in bands]
    banding = plan(data, present, centres, told.bad_bands, listed_bad(path), told.across_gaps)
    for note in banding.notes:
        options.tell(note)
    require_fit(method, len(banding.good), told.ratio, image.count)

    def scene(picked: tuple[int, ...]) -> CubeScene:
        some = stack.enter_context(open_cube(path, bands=[at + 1 for at in picked], nodata=told.nodata))
        return CubeScene(some, tuple(bands[at] for at in picked), told.ratio, told.convention)

    passed = scene(banding.passed) if banding.passed and not told.drop_bad else None
    found = Cube(image, bands, banding, scene(banding.good), passed, sensor)
    known = [nm for nm in centres if nm is not None]
    span = f", {min(known):g} to {max(known):g} nm" if known else ", wavelengths unknown"
    options.tell(
        f"{image.count} bands of {image.shape[0]} x {image.shape[1]} pixels{span}; "
        f"{found.scene.shape[0]} x {found.scene.shape[1]} at ratio {told.ratio}, blur {told.convention}"
    )
    return found


def _first(image: Image, data: np.ndarray, told: Told) -> None:
    """Refuse a cube with its bands elsewhere than first; wavelengths or a place on Earth say that they are first."""
    known = any(nm is not None for nm in image.wavelengths_nm) or image.georeferenced
    if known or told.bands_first:
        return
    if max(image.shape) > SAMPLE_PX:  # a window at full resolution: thinned, rows and columns are too rough
        height, width = (min(n, 2 * SAMPLE_PX) for n in image.shape)
        data = image.read(Window((image.shape[0] - height) // 2, (image.shape[1] - width) // 2, height, width))[0]
    require_bands_first(data, False, told, image.name, (image.count, *image.shape))


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
