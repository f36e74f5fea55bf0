"""Fitting a transform to pairs of files, a data set or cubes, and applying a fitted one to a file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.align import Pairing, choose, told_pair
from earthloom.engine.align_files import (
    Opened,
    Style,
    learns,
    learnt,
    open_one,
    pair_scene,
    refuse_outputs,
    tags_of,
    write,
)
from earthloom.engine.align_pairs import pairs_of
from earthloom.engine.alignment_data import published_pairs
from earthloom.engine.files import nodata_for
from earthloom.engine.levels import levels_of, require_levels
from earthloom.engine.predict import run_options
from earthloom.engine.predict_files import require_geotiff
from earthloom.engine.verbs import Options
from earthloom.errors import FileError, InputError, MethodError
from earthloom.methods.base import Method
from earthloom.methods.transform import Transform, checksum
from earthloom.problems.bandpass import nearest
from earthloom.raster import landsat, safe
from earthloom.raster.layouts import RASTERS
from earthloom.raster.matched import MatchedScene
from earthloom.sensors import load

MOST_PATCHES = 100  # of a data set: more give no other line, and every one is an open file or three


def fit_alignment(
    sources: Any,
    targets: Any = None,
    *,
    source_sensor: Any = None,
    target_sensor: Any = None,
    method: str | Method | None = "auto",
    source_masks: Sequence[Any] | None = None,
    target_masks: Sequence[Any] | None = None,
    part: str = "train",
    **more: Any,
) -> Transform:
    """Fit a transform to pairs of images of two sensors; files on any grids.

    Parameters
    ----------
    sources, targets
        A path each, or as many of each, in pairs. Without targets, what holds both: the folder of the published data
        set (``data/REGION/{S2,GF1,mask}``, ``divide/train.txt``), or hyperspectral cubes, whose spectra both sensors
        are made to see through their response curves.
    source_sensor, target_sensor, method
        As for :func:`earthloom.align`. ``auto`` tries methods from nothing to a lot and keeps the best on ground
        that they were not fitted to.
    source_masks, target_masks
        Clouds, one for each image; None for those without.
    part
        Of the published data set: ``train``, ``val`` or ``test``.
    **more
        As for :func:`earthloom.align`.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.
    """
    pairing, rest = told_pair(more, source_sensor, target_sensor, False)
    options, own = run_options(rest)
    masks = source_masks, target_masks
    return fit_any(sources, targets, masks, choose(method, own, True), pairing, options, part)


def fit_any(
    sources: Any,
    targets: Any,
    masks: tuple[Sequence[Any] | None, Sequence[Any] | None],
    method: Method | str,
    pairing: Pairing,
    options: Options,
    part: str = "train",
) -> Transform:
    """See :func:`fit_alignment`."""
    if isinstance(method, Method) and not learns(method):
        raise MethodError(
            f"{method.card.name}, which is not fitted", "a method that is, such as cross_linear, or auto",
            "weights that are given are not fitted anew" if getattr(method, "weights", None) else "",
        )  # fmt: skip
    if targets is not None:
        return fit_files(listed(sources), listed(targets), masks, method, pairing, options)
    if any(mask is not None for mask in masks):
        raise InputError("masks without targets", "masks beside pairs of images", "the data set holds its own")
    if not is_published(sources):
        from earthloom.engine.align_cubes import fit_cubes

        return fit_cubes(sources, method, pairing, options)
    found = sorted(published_pairs(sources, part))
    if not found:
        raise FileError(f"no patch in divide/{part}.txt of {sources}", "names of patches, one a line")
    few = [found[k] for k in np.linspace(0, len(found) - 1, min(len(found), MOST_PATCHES)).astype(int)]
    if len(few) < len(found):
        options.tell(f"{len(few)} of {len(found)} patches, spread evenly")
    told = pairing.source  # in its masks what is to be used is above 0
    if told.mask_values is None and told.mask_bits is None:
        pairing = replace(pairing, source=replace(told, mask_values=(0,)))
    own, others, kept = ([one[k] for one in few] for k in range(3))
    return fit_files(own, others, (kept, None), method, pairing, options)


def is_published(sources: Any) -> bool:
    """Whether a path is the folder of the published data set."""
    return isinstance(sources, (str, Path)) and (Path(sources) / "divide").is_dir()


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
    """Fit to images in pairs; see :func:`fit_alignment`."""
    if not sources:
        raise InputError("no source image", "at least one", "check the folder")
    for what, given in (("targets", targets), ("source masks", masks[0]), ("target masks", masks[1])):
        if given is not None and len(given) != len(sources):
            raise InputError(f"{len(sources)} sources and {len(given)} {what}", "as many", "they belong in pairs")
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
        transform.require_range(levels.top, seen.image.name, seen.image.scales[0])
        style = _style(transform, seen, options)
        scene = MatchedScene(seen.image, None, seen.bands, to.bands)
        tags = tags_of(seen, None, load(to.sensor), transform.aligner)
        tags["EARTHLOOM_TRANSFORM"] = checksum(transform.as_dict())
        write(path, scene, transform.aligner, style, options, tags)
    return path


def _style(transform: Transform, seen: Opened, options: Options) -> Style:
    """As the target that it was fitted to stores its numbers; fitted to spectra, as the source does."""
    told = transform.fitted.get("dtype")
    dtype = arrays.dtype_of(options.dtype or told or seen.image.dtype)
    if told is None:
        return Style.like(seen.image, dtype, None, seen.image, options)
    nodata = nodata_for(seen.image.nodata, dtype, options.nodata, seen.image.reader.maskable)
    scale, offset = (tuple(float(v) for v in values) for values in transform.target.gains)
    return Style(dtype, scale, offset, nodata)


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
