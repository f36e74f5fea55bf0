"""What a transform is fitted to: pairs of files, a published data set, hyperspectral cubes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.options import Run, on_its_device
from earthloom.errors import FileError, InputError, MethodError
from earthloom.methods.base import Method
from earthloom.prepare.bandpass.opening import Identified, open_one, pair_scene, require_numbers
from earthloom.prepare.bandpass.pairing import Pairing, require_sensor
from earthloom.prepare.bandpass.transform import Side, Transform
from earthloom.prepare.bandpass.twice_seen import TwiceSeen, _opened, _optics, _reflectance, _roles, cubes_of
from earthloom.raster.formats import images_in, is_image
from earthloom.raster.listing.published import published_pairs
from earthloom.raster.steady import paths_in, require_unchanged, stamps
from earthloom.training.bandpass.fit import Fitting, fit_transform, learns, learnt, name_and_fields
from earthloom.training.bandpass.pairs import pairs_of
from earthloom.training.bandpass.registering import registered
from earthloom.types import Scene

MOST_PATCHES = 100  # of a data set: more give no other line, and every one is an open file or three


@on_its_device
def fit_any(
    sources: Any,
    targets: Any,
    masks: tuple[Sequence[Any] | None, Sequence[Any] | None],
    method: Method | str,
    pairing: Pairing,
    run: Run,
    part: str = "train",
    register: bool = False,
) -> Transform:
    """See :func:`fit_alignment`."""
    if isinstance(method, Method) and not learns(method):
        raise MethodError(
            f"{method.card.name}, which is not fitted", "a method that is, such as cross_linear, or auto",
            "weights that are given are not fitted anew" if getattr(method, "weights", None) else "",
        )  # fmt: skip
    if targets is not None:
        return fit_files(sources_of(sources), sources_of(targets), masks, method, pairing, run, register)
    if any(mask is not None for mask in masks):
        raise InputError("masks without targets", "masks beside pairs of images", "the data set holds its own")
    if not is_published(sources):
        return fit_cubes(sources, method, pairing, run)
    found = sorted(published_pairs(sources, part))
    if not found:
        raise FileError(f"no patch in divide/{part}.txt of {sources}", "names of patches, one a line")
    few = [found[k] for k in np.linspace(0, len(found) - 1, min(len(found), MOST_PATCHES)).astype(int)]
    if len(few) < len(found):
        run.tell(f"{len(few)} of {len(found)} patches, spread evenly")
    told = pairing.source  # in its masks what is to be used is above 0
    if told.mask_values is None and told.mask_bits is None:
        pairing = replace(pairing, source=replace(told, mask_values=(0,)))
    own, others, kept = ([one[k] for one in few] for k in range(3))
    return fit_files(own, others, (kept, None), method, pairing, run, register)


def is_published(sources: Any) -> bool:
    """Whether a path is the folder of the published data set."""
    return isinstance(sources, (str, Path)) and (Path(sources) / "divide").is_dir()


def sources_of(value: Any) -> list[Any]:
    """One image, several, or those of a folder that is no scene itself, in the order of their names."""
    if isinstance(value, (str, Path)):
        folder = Path(value)
        if folder.is_dir() and not is_image(folder):
            return images_in(folder)
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
    run: Run,
    register: bool = False,
) -> Transform:
    """Fit to images in pairs; see :func:`fit_alignment`."""
    if not sources:
        raise InputError("no source image", "at least one", "check the folder")
    for what, given in (("targets", targets), ("source masks", masks[0]), ("target masks", masks[1])):
        if given is not None and len(given) != len(sources):
            raise InputError(f"{len(sources)} sources and {len(given)} {what}", "as many", "they belong in pairs")
    found: dict[str, Any] = {}
    before = stamps(paths_in(sources, targets, masks))
    with ExitStack() as stack:
        scenes, opened = list[Scene](), list[tuple[Identified, Identified]]()
        for k, (source, target) in enumerate(zip(sources, targets, strict=True)):
            own = [None if one is None else one[k] for one in masks]
            seen = open_one(source, "source", own[0], pairing.source, False, stack)
            other = open_one(target, "target", own[1], pairing.target, True, stack)
            require_numbers(seen, "source", seen.sensor.name)
            opened.append((seen, other))
            scenes.append(pair_scene(seen, other, other.sensor, pairing, run))
        _require_alike(opened)
        scenes = registered(scenes, run) if register else scenes
        solved = learnt(method, scenes, opened[0], replace(run, facts=found.update), judge=True)
        titles = (opened[0][0].sensor.title, opened[0][1].sensor.title)
        run.fact(**found, pairs=pairs_of(solved, scenes[0], titles))
    require_unchanged(before)
    return found["fit"].transform


def _require_alike(opened: Sequence[tuple[Identified, Identified]]) -> None:
    """Refuse pairs of different sensors or bands."""
    first = opened[0]
    for pair in opened[1:]:
        for role, one, other in zip(("source", "target"), first, pair, strict=True):
            if one.sensor.name != other.sensor.name or one.bands != other.bands:
                raise InputError(
                    f"{role} images {one.image.name} and {other.image.name} of other sensors or bands", "one sensor"
                )  # fmt: skip


def fit_cubes(sources: Any, method: Method | str, pairing: Pairing, run: Run) -> Transform:
    """Fit a transform to what both sensors would see of cubes; their numbers are reflectance.

    Raises
    ------
    InputError
        If a cube has no wavelengths, does not cover the bands, or its numbers are no reflectance.
    """
    paths = cubes_of(sources)
    before = stamps(paths_in(list(paths)))
    source, target = (require_sensor(told.sensor, role) for told, role in _roles(pairing))
    with ExitStack() as stack:
        scenes: list[TwiceSeen] = []
        for path in paths:
            image, kept = _opened(path, stack)
            optics = scenes[0].optics if scenes else None
            gain, shift = _reflectance(image, path, pairing.source)
            scenes.append(TwiceSeen(image, kept, gain, shift, _optics(image, kept, source, target, pairing, optics)))
        for scene in scenes[:1]:
            for role, bands in (("source", scene.optics.source), ("target", scene.optics.target)):
                run.tell(f"{role} bands: {', '.join(band.name for band in bands)}")
        name, own = name_and_fields(method)
        how = Fitting(reject=False, check_units=False, threads=run.at_a_time)
        first = scenes[0].optics
        sides = Side(first.source, source.name), Side(first.target, target.name)
        about = {"spectra_of": [Path(str(path).rpartition("/")[2]).name for path in paths]}
        found = fit_transform(scenes, name, *sides, how, about, run.tell, **own)
        pairs = pairs_of(found.transform.aligner, scenes[0], (source.title, target.title))
        run.fact(fit=found, pairs=pairs)
    require_unchanged(before)
    return found.transform
