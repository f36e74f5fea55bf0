"""Fitting a transform to pairs of files, a data set or cubes, and applying a fitted one to a file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from earthloom.engine import arrays
from earthloom.engine.old import nodata_for
from earthloom.engine.options import Options, run_options
from earthloom.methods.base import Method
from earthloom.prepare.bandpass.levels import levels_of, require_levels
from earthloom.prepare.bandpass.opening import Opened, Style, _require_source, open_one
from earthloom.prepare.bandpass.pairing import Pairing, told_pair
from earthloom.prepare.bandpass.transform import Transform, checksum
from earthloom.raster.scenes.matched import MatchedScene
from earthloom.sensors import load
from earthloom.training.bandpass.sources import fit_any
from earthloom.verbs.align import choose
from earthloom.verbs.align_files import refuse_outputs, tags_of, write
from earthloom.verbs.predict_files import require_geotiff


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
