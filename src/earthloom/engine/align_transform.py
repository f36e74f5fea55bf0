"""Fitting a transform to pairs of files, and applying a fitted one to a file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from earthloom.engine import arrays
from earthloom.engine.align import Pairing, choose, told_pair
from earthloom.engine.align_files import (
    Opened,
    Style,
    learnt,
    open_one,
    pair_scene,
    refuse_outputs,
    tags_of,
    wants_pairs,
    write,
)
from earthloom.engine.align_pairs import pairs_of
from earthloom.engine.files import nodata_for
from earthloom.engine.levels import levels_of, require_levels
from earthloom.engine.predict import run_options
from earthloom.engine.predict_files import require_geotiff
from earthloom.engine.verbs import Options
from earthloom.errors import InputError, MethodError
from earthloom.methods.base import Method
from earthloom.methods.transform import Transform, checksum
from earthloom.problems.bandpass import nearest
from earthloom.raster import landsat, safe
from earthloom.raster.layouts import RASTERS
from earthloom.raster.matched import MatchedScene
from earthloom.sensors import load


def fit_alignment(
    sources: Any,
    targets: Any,
    *,
    source_sensor: Any = None,
    target_sensor: Any = None,
    method: str | Method | None = "auto",
    source_masks: Sequence[Any] | None = None,
    target_masks: Sequence[Any] | None = None,
    **more: Any,
) -> Transform:
    """Fit a transform to pairs of images of two sensors; files on any grids.

    Parameters
    ----------
    sources, targets
        A path each, or as many of each, in pairs.
    source_sensor, target_sensor, method
        As for :func:`earthloom.align`. ``auto`` tries methods from nothing to a lot and keeps the best on ground
        that they were not fitted to.
    source_masks, target_masks
        Clouds, one for each image; None for those without.
    **more
        As for :func:`earthloom.align`.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.
    """
    pairing, rest = told_pair(more, source_sensor, target_sensor, False)
    options, own = run_options(rest)
    return fit_files(
        listed(sources), listed(targets), (source_masks, target_masks), choose(method, own, True), pairing, options
    )  # fmt: skip


def listed(value: Any) -> list[Any]:
    """One image, several, or those of a folder that is no scene itself, in the order of their names."""
    if isinstance(value, (str, Path)):
        folder = Path(value)
        if folder.is_dir() and not landsat.is_landsat_folder(folder) and not safe.is_folder(folder):
            return sorted(p for p in folder.iterdir() if p.suffix.lower() in RASTERS)
        return [value]
    if not arrays.is_path(value):
        raise InputError(
            f"images to fit to of type {type(value).__name__}", "paths", "align(..., target=) takes arrays"
        )
    return list(value)


def fit_files(
    sources: Sequence[Any],
    targets: Sequence[Any],
    masks: tuple[Sequence[Any] | None, Sequence[Any] | None],
    method: Method | str,
    pairing: Pairing,
    options: Options,
) -> Transform:
    """See :func:`fit_alignment`."""
    if not sources:
        raise InputError("no source image", "at least one", "check the folder")
    for what, given in (("targets", targets), ("source masks", masks[0]), ("target masks", masks[1])):
        if given is not None and len(given) != len(sources):
            raise InputError(f"{len(sources)} sources and {len(given)} {what}", "as many", "they belong in pairs")
    if isinstance(method, Method) and not wants_pairs(method):
        raise MethodError(f"{method.card.name}, which is not fitted", "a method that is, such as cross_linear, or auto")
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        scenes, opened = [], list[tuple[Opened, Opened]]()
        for k, (source, target) in enumerate(zip(sources, targets, strict=True)):
            own = [None if one is None else one[k] for one in masks]
            seen = open_one(source, "source", own[0], pairing.source, False, stack)
            other = open_one(target, "target", own[1], pairing.target, True, stack)
            told = pairing.source.scale is not None or pairing.source.offset is not None
            require_levels(levels_of(seen.image, "source"), seen.image, "source", seen.sensor.name, told)
            opened.append((seen, other))
            scenes.append(pair_scene(seen, other, other.sensor, pairing, options))
        _require_alike(opened)
        solved = learnt(method, scenes, opened[0], replace(options, measured=found.update), judge=True)
        if options.measured is not None:
            titles = (opened[0][0].sensor.title, opened[0][1].sensor.title)
            options.measured({**found, "pairs": pairs_of(solved, scenes[0], titles)})
    return found["fit"].transform


def _require_alike(opened: Sequence[tuple[Opened, Opened]]) -> None:
    """Refuse pairs of different sensors or bands."""
    first = opened[0]
    for pair in opened[1:]:
        for role, one, other in zip(("source", "target"), first, pair, strict=True):
            if one.sensor.name != other.sensor.name or one.bands != other.bands:
                raise InputError(
                    f"{role} images {one.image.name} and {other.image.name} of other sensors or bands", "one sensor"
                )  # fmt: skip


def apply_file(transform: Transform, source: Any, output: str | Path, pairing: Pairing, options: Options) -> Path:
    """Align a file by a transform, in the target's numbers.

    Raises
    ------
    InputError
        If it is of another sensor, or lacks a band.
    """
    path, to = Path(output), transform.target
    require_geotiff(path)
    with ExitStack() as stack:
        seen = open_one(source, "source", None, pairing.source, pairing.force, stack)
        _require_source(transform, seen)
        levels = levels_of(seen.image, "source")
        told = pairing.source.scale is not None or pairing.source.offset is not None
        require_levels(levels, seen.image, "source", seen.sensor.name, told)
        refuse_outputs(path, [seen])
        dtype = arrays.dtype_of(options.dtype or transform.fitted.get("dtype", seen.image.dtype))
        nodata = nodata_for(seen.image.nodata, dtype, options.nodata, seen.image.reader.maskable)
        scale, offset = (tuple(float(v) for v in values) for values in to.gains)
        scene = MatchedScene(seen.image, None, seen.bands, to.bands)
        tags = tags_of(seen, None, load(to.sensor), transform.aligner)
        tags["EARTHLOOM_TRANSFORM"] = checksum(transform.as_dict())
        write(path, scene, transform.aligner, Style(dtype, scale, offset, nodata), options, tags)
    return path


def _require_source(transform: Transform, seen: Opened) -> None:
    """Refuse an image of another sensor, or with other bands than the transform takes."""
    own, wanted = seen.image.sensor, transform.source
    if own is not None and wanted.sensor is not None and load(own).name != wanted.sensor:
        raise InputError(
            f"{seen.image.name} of {own}", f"an image of {wanted.sensor}", "the transform was fitted to that sensor"
        )  # fmt: skip
    order = nearest(seen.bands, wanted.bands)
    if len(seen.bands) != len(wanted.bands) or order != list(range(len(order))):
        raise InputError(
            f"{seen.image.name} with bands {', '.join(band.name for band in seen.bands)}",
            f"{', '.join(band.name for band in wanted.bands)}, as the transform was fitted to",
            "--source-bands picks and orders them",
        )  # fmt: skip
