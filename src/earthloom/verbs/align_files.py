"""Bandpass alignment on files: fitted where both images lie on one grid, applied window by window to the whole source.

Where a mapping is a table of stored numbers (lines and tables of 8 and 16 bit images), a window is read as it is
stored, looked up once and written: nothing becomes floating point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from earthloom.engine.arrays import dtype_of
from earthloom.engine.job import fuse_array
from earthloom.engine.old import fuse_scene, labelled
from earthloom.engine.options import Options
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.families.aligning import Solved
from earthloom.prepare.bandpass.levels import levels_of, require_levels, require_unit
from earthloom.prepare.bandpass.lookup import direct, stored
from earthloom.prepare.bandpass.opening import Opened, Style, open_one, pair_scene
from earthloom.prepare.bandpass.pairing import PROBLEM, Pairing, for_sensors, require_sensor
from earthloom.raster.scenes.matched import MatchedScene
from earthloom.raster.write.cog import create
from earthloom.raster.write.provenance import provenance
from earthloom.sensors import Sensor
from earthloom.training.bandpass.fit import alone, learns, learnt
from earthloom.training.bandpass.pairs import pairs_of
from earthloom.types import Product, Window
from earthloom.verbs.predict_files import require_geotiff


def align_files(
    source: Any,
    target: Any,
    masks: Mapping[str, Any],
    output: str | Path | None,
    method: Method | str,
    pairing: Pairing,
    options: Options,
) -> Any:
    """Files; returns the path written, or a DataArray when there is no output path."""
    path = None if output is None else Path(output)
    if path is not None:
        require_geotiff(path)
    with ExitStack() as stack:
        seen = open_one(source, "source", masks.get("source"), pairing.source, pairing.force, stack)
        other = None
        if target is not None:
            other = open_one(target, "target", masks.get("target"), pairing.target, True, stack)
        to = other.sensor if other is not None else require_sensor(pairing.target.sensor, "target")
        if isinstance(method, Method):
            method = for_sensors(method, seen.sensor, to)
        levels = levels_of(seen.image, "source")
        told = pairing.source.scale is not None or pairing.source.offset is not None
        require_levels(levels, seen.image, "source", seen.sensor.name, told)
        if other is None or not learns(method):
            require_unit(levels, method, seen.image.name)
        refuse_outputs(path, [seen, other])
        scene = pair_scene(seen, other, to, pairing, options)
        chosen = learnt(method, [scene], (seen, other), options) if other is not None else alone(method, scene, options)
        if other is not None and options.measured is not None:
            options.measured({"pairs": pairs_of(chosen, scene, (seen.sensor.title, to.title))})
        whole = MatchedScene(seen.image, None, seen.bands, scene.target_bands)
        style = Style.of(seen, other, chosen, options)
        if path is None:
            product = fuse_array(chosen, whole, options.tile_px, options.workers, options.progress)
            place = seen.image.crs, seen.image.transform
            dtype = dtype_of(options.dtype) if options.dtype else None
            return labelled(product, (other or seen).image, place, dtype, style.nodata, "aligned")
        tags = tags_of(seen, other, to, chosen)
        write(path, whole, chosen, style, options, tags)
        return path


def refuse_outputs(path: Path | None, inputs: Sequence[Opened | None]) -> None:
    """Refuse to write over an input."""
    for one in inputs:
        if path is None or one is None or not path.exists():
            continue
        if any(Path(p).exists() and path.samefile(p) for p in one.image.paths):
            raise InputError(f"the output {path} is an input", "another name")


def tags_of(seen: Opened, other: Opened | None, to: Sensor, method: Method) -> dict[str, str]:
    """Provenance of a product."""
    inputs: dict[str, Sequence[str]] = {"source": seen.image.paths}
    if other is not None:
        inputs["target"] = other.image.paths
    parameters = {name: value for name, value in method.parameters.items() if name != "mapping"}
    told: dict[str, Any] = {"from": seen.sensor.name, "to": to.name}
    if isinstance(method, Solved):
        told["mapping"] = method.mapping.as_dict() if method.mapping.tables is None else "tables"
    return provenance(
        f"{PROBLEM}/{name_of(method)}", parameters, inputs, sensor=to.name, extra={"alignment": told}
    )  # fmt: skip


def write(
    path: Path, scene: MatchedScene, method: Method, style: Style, options: Options, tags: Mapping[str, str]
) -> None:
    """Apply a fitted method to the whole source and write it."""
    bands = scene.target_bands
    scales, offsets = style.each(len(bands))
    crs, transform = scene.place
    target = create(
        path, shape=scene.shape, count=len(bands), dtype=style.dtype, crs=crs, transform=transform,
        nodata=style.nodata, names=[band.name for band in bands], wavelengths_nm=[band.centre_nm for band in bands],
        scales=scales, offsets=offsets, tags=tags, compress=options.compress,  # type: ignore[arg-type]
        overwrite=options.overwrite, threads=options.workers,
    )  # fmt: skip
    with target as writer:
        if isinstance(method, Solved) and direct(scene.source, style):
            stored(writer, scene.source, method.mapping, style, options)
        else:

            def finish(window: Window, product: Product) -> None:
                writer.write(window, product.data, product.valid)

            fuse_scene(method, scene, finish, options.tile_px, options.workers, options.progress)
        options.progress("writing", 0, 1)
    options.progress("writing", 1, 1)
