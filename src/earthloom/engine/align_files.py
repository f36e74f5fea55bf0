"""Bandpass alignment on files: fitted where both images lie on one grid, applied window by window to the whole source.

Where a mapping is a table of stored numbers (lines and tables of 8 and 16 bit images), a window is read as it is
stored, looked up once and written: nothing becomes floating point.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.align import AUTO, PROBLEM, Pairing, fitted, for_sensors, require_sensor, wanted_bands
from earthloom.engine.align_pairs import pairs_of
from earthloom.engine.arrays import dtype_of
from earthloom.engine.files import labelled, nodata_for
from earthloom.engine.fuse import fuse_array, fuse_scene
from earthloom.engine.known import Told
from earthloom.engine.levels import levels_of, require_levels, require_unit
from earthloom.engine.predict_files import require_geotiff
from earthloom.engine.runner import in_order
from earthloom.engine.verbs import Options
from earthloom.errors import EarthloomWarning, InputError, MethodError
from earthloom.methods.aligning import Solved
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.mapping import Mapping as Bandpass
from earthloom.methods.transform import Side
from earthloom.ops.lookup import TABULATED, look_up, tabulated
from earthloom.ops.quantise import representable
from earthloom.raster import benchmarks, radiometry
from earthloom.raster.collocate import bands_of
from earthloom.raster.facts import examine
from earthloom.raster.matched import MatchedScene, matched
from earthloom.raster.provenance import PREFIX, provenance
from earthloom.raster.read import Image, open_image
from earthloom.raster.write import Writer, create
from earthloom.sensors import Sensor, load
from earthloom.types import Band, Product, Window

TILE = 2048, 512  # columns and rows of a window of stored numbers: whole blocks of a COG, some MB


@dataclass(frozen=True, eq=False)
class Opened:
    """One image with what is known about it."""

    image: Image
    sensor: Sensor
    bands: tuple[Band, ...]
    mask: Image | None
    told: Told


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


def alone(method: Method | str, scene: MatchedScene, options: Options) -> Method:
    """A method for a source without a target.

    Raises
    ------
    MethodError
        If it needs one.
    """
    if isinstance(method, str):
        raise MethodError(f"method {method} without a target", "--target FILE", "it is chosen by pairs of both sensors")
    return fitted(method, scene, options)


def learnt(
    method: Method | str, scenes: Sequence[MatchedScene], first: tuple[Opened, Opened], options: Options,
    judge: bool = False,
) -> Method:  # fmt: skip
    """A method fitted to pairs of images; the transform that comes of it goes to ``measured``.

    Blocks that are displaced, clouded or changed have no part. A method that is not fitted, or whose weights are given,
    is taken as it is.
    """
    if isinstance(method, Method) and not learns(method):
        return fitted(method, scenes[0], options)
    from earthloom.engine.fit_alignment import Fitting, fit_alignment

    name, own = named(method)
    told = any(one.told.scale is not None or one.told.offset is not None for one in first)
    how = Fitting(judge=judge or name == AUTO, threads=options.workers, check_units=not told)
    sides = side(first[0]), side(first[1])
    found = fit_alignment(scenes, name, *sides, how, {"dtype": first[1].image.dtype.name}, options.tell, **own)
    if options.measured is not None:
        options.measured({"fit": found})
    return found.transform.aligner


def named(method: Method | str) -> tuple[str, dict[str, Any]]:
    """A method by its name, and the fields that are not its usual ones."""
    if isinstance(method, str):
        return method, {}
    own = {f.name: getattr(method, f.name) for f in fields(method) if getattr(method, f.name) != f.default}
    return name_of(method), own


def wants_pairs(method: Method) -> bool:
    """Whether a method learns from pairs of images: all that fit, and networks."""
    return bool(getattr(method, "fits", False)) or method.card.family == "network"


def learns(method: Method | str) -> bool:
    """Whether a method will be fitted to the pair at hand: one whose weights are given is taken as it is."""
    return isinstance(method, str) or (wants_pairs(method) and not getattr(method, "weights", None))


def side(one: Opened) -> Side:
    """One of the two sensors, as its image stores its numbers."""
    image = one.image
    return Side(one.bands, one.sensor.name, image.scales, image.offsets, image.nodata)


def open_one(paths: Any, role: str, mask: Any, told: Told, force: bool, stack: ExitStack) -> Opened:
    """Open an image and its mask.

    Raises
    ------
    InputError
        If nobody says which sensor it is from, or it was aligned before.
    """
    image = open_image(
        paths, role="ms", bands=told.bands, nodata=told.nodata, scale=told.scale, offset=told.offset
    ).north_up()  # fmt: skip
    stack.callback(image.close)
    if not force:
        require_unaligned(image, role)
    sensor = require_sensor(told.sensor or image.sensor, role)
    if told.sensor is not None and image.sensor is not None and load(image.sensor).name != sensor.name:
        warnings.warn(
            f"{image.name}: taken as {sensor.title}, as told; its metadata say {load(image.sensor).title}",
            EarthloomWarning, stacklevel=3,
        )  # fmt: skip
    clouds = None
    if mask is not None:
        clouds = open_image(mask)
        stack.callback(clouds.close)
        if clouds.count != 1:
            raise InputError(f"the mask {clouds.name} of {clouds.count} bands", "one band", "write that band to a file")
    names = [str(band) for band in told.bands] if told.bands and not any(image.names) else None
    return Opened(image, sensor, bands_of(image, sensor, names), clouds, told)


def require_unaligned(image: Image, role: str) -> None:
    """Refuse an image whose provenance, or whose product's name, says that its bands stand for another sensor already.

    Raises
    ------
    InputError
        If they do.
    """
    for path in image.paths:
        address = benchmarks.parse_address(path)
        method, sensor = (None, None)
        if address is None:
            tags = examine(path).tags
            method, sensor = tags.get(f"{PREFIX}METHOD"), tags.get(f"{PREFIX}SENSOR")
        if method is not None and method.startswith(f"{PROBLEM}/"):
            raise InputError(
                f"the {role} {Path(path).name} is already aligned to {sensor or 'another sensor'} ({method})",
                "the sensor's own image", "--force (force=True) aligns it once more",
            )  # fmt: skip
        hls = radiometry.hls(Path(path))
        if hls is not None and hls.aligned_to is not None:
            raise InputError(
                f"the {role} {Path(path).name} is already aligned: HLS brought it to the bands of {hls.aligned_to}",
                "an image of Level 2A", "--force (force=True) aligns it once more",
            )  # fmt: skip


def pair_scene(seen: Opened, other: Opened | None, to: Sensor, pairing: Pairing, options: Options) -> MatchedScene:
    """Source and target on one grid; without a target the source alone."""
    if other is None:
        return MatchedScene(seen.image, None, seen.bands, wanted_bands(seen.bands, to, pairing.target.bands))
    levels = levels_of(other.image, "target")
    told = pairing.target.scale is not None or pairing.target.offset is not None
    require_levels(levels, other.image, "target", to.name, told)
    masks = tuple(
        (role, one.mask, one.told.cloudy) for role, one in (("source", seen), ("target", other)) if one.mask is not None
    )
    scene = matched(seen.image, other.image, seen.bands, other.bands, masks, options.ignore_georeferencing)
    for note in scene.notes:
        options.tell(note)
    return scene


def refuse_outputs(path: Path | None, inputs: Sequence[Opened | None]) -> None:
    """Refuse to write over an input."""
    for one in inputs:
        if path is None or one is None or not path.exists():
            continue
        if any(Path(p).exists() and path.samefile(p) for p in one.image.paths):
            raise InputError(f"the output {path} is an input", "another name")


@dataclass(frozen=True)
class Style:
    """How a product's numbers are stored: ``physical = scale * number + offset``, one of each for every band."""

    dtype: np.dtype
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    nodata: float | None

    @classmethod
    def of(cls, seen: Opened, other: Opened | None, method: Method, options: Options) -> Style:
        """As the source, or the target where there is one, stores its own; nodata is always the source's."""
        like = seen if other is None else other
        dtype = dtype_of(options.dtype or like.image.dtype)
        count = len(other.bands) if other is not None else None
        return cls.like(like.image, dtype, count, seen.image, options)

    @classmethod
    def like(cls, image: Image, dtype: np.dtype, count: int | None, source: Image, options: Options) -> Style:
        """As an image: its scalings where they are one, or one for each of ``count`` bands."""
        pairs = list(zip(image.scales, image.offsets, strict=True))
        same = len(set(pairs)) == 1 or len(pairs) != count
        scales, offsets = ((pairs[0][0],), (pairs[0][1],)) if same else (image.scales, image.offsets)
        nodata = nodata_for(source.nodata, dtype, options.nodata, source.reader.maskable)
        return cls(dtype, scales, offsets, nodata)

    def each(self, count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Scales and offsets of so many bands."""
        if len(self.scales) == count:
            return self.scales, self.offsets
        return self.scales[:1] * count, self.offsets[:1] * count


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


def direct(source: Image, style: Style) -> bool:
    """Whether stored numbers can be turned into stored numbers as they are."""
    return (
        not source.flipped and source.dtype.name in (*TABULATED, "float32") and representable(style.dtype, style.nodata)
    )


def stored(writer: Writer, source: Image, mapping: Bandpass, style: Style, options: Options) -> None:
    """From stored numbers to stored numbers, window by window.

    Raises
    ------
    InputError
        If no pixel is valid.
    FileError
        If the source is cut short.
    """
    count = len(mapping.mix.matrix)
    scales, offsets = style.each(count)
    inside = mapping.between(
        (np.array(source.scales), np.array(scales)), (np.array(source.offsets), np.array(offsets))
    )  # fmt: skip
    entries = None
    if source.dtype.name in TABULATED and inside.mix.single:
        entries = tabulated(inside.mix, inside.tables, source.dtype, style.dtype, style.nodata)
    partner = [int(np.abs(row).argmax()) for row in inside.mix.matrix]
    fill = style.nodata if style.nodata is not None else math.nan if style.dtype.kind == "f" else 0
    maskable = source.reader.maskable

    def work(window: Window) -> bool:
        image, valid = source.reader.read(window, source.dtype)
        known = valid if maskable and not valid.all() else None
        if entries is not None:
            made = look_up(image, known, entries, partner, fill)
        else:
            made = inside(image, known, style.dtype, style.nodata)
        writer.put(window, made)
        return known is None or bool(valid.any())

    windows, seen = strips(source.shape), False
    for done, some in enumerate(in_order(work, windows, options.workers), 1):
        seen = seen or some
        options.progress("aligning", done, len(windows))
    if not seen:
        raise InputError(f"{source.name} holds no valid pixel", "some data", "check nodata and masks")


def strips(shape: tuple[int, int]) -> list[Window]:
    """Windows of whole blocks."""
    width, height = TILE
    return [
        Window(y, x, min(height, shape[0] - y), min(width, shape[1] - x))
        for y in range(0, shape[0], height)
        for x in range(0, shape[1], width)
    ]
