"""Fitting an alignment to pairs of images: blocks chosen, methods judged on blocks held out, the best one kept."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np

from earthloom.engine.budget import tile_for
from earthloom.engine.job import summarise
from earthloom.engine.options import Run
from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.families.aligning import Aligner, Solved
from earthloom.ops.tiling import plan
from earthloom.prepare.bandpass.opening import Identified, side
from earthloom.prepare.bandpass.pairing import AUTO as CHOSEN
from earthloom.prepare.bandpass.transform import Side, Transform
from earthloom.raster.scenes.matched import MatchedScene
from earthloom.training.bandpass.blocks import PairBlock, Sorted, gather, sort_out
from earthloom.training.bandpass.guard import check_numbers
from earthloom.training.bandpass.registering import TargetMoved
from earthloom.training.bandpass.score import (
    Score,
    bins_of,
    chosen,
    errors_on,
    folds_of,
    held_out,
    level_of,
    solved,
    table,
)
from earthloom.training.ready import ready
from earthloom.types import Scene

AUTO = (  # from nothing to a lot
    "none", "ols", "robust", "monotone_lut", "cross_linear", "cross_quadratic", "unet_lut", "unet_lut_x",
)  # fmt: skip
NETWORKS = ("unet_lut", "unet_lut_x")
TOP = 99  # percentile of the source's numbers that tells their unit later on
ENOUGH_FOR_NETWORKS = 20_000  # pixels below which tables of a network are not worth trying


@dataclass(frozen=True)
class Fitting:
    """How to fit.

    Parameters
    ----------
    judge
        Judge the method on blocks held out; ``auto`` always does.
    reject
        Leave out blocks and pixels that are displaced, clouded or changed.
    check_units
        Refuse images whose numbers look as if one of them had lost its scale or offset.
    steps
        That a network is trained for; 400 take about ten seconds.
    seed
        Of a network's training.
    threads
        Blocks read at a time.
    """

    judge: bool = True
    reject: bool = True
    check_units: bool = True
    steps: int = 400
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True)
class TransformFit:
    """A fitted transform and what was found on the way.

    Parameters
    ----------
    transform
        Ready to apply and to save.
    sorted
        Which blocks were learnt from.
    scores
        Every method that was tried, on held-out blocks.
    """

    transform: Transform
    sorted: Sorted
    scores: tuple[Score, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def table(self) -> dict[str, Mapping[str, Any]]:
        """Figures of every method that was tried."""
        return table(self.scores, self.transform.target.bands)


def fit_transform(
    scenes: Sequence[Scene],
    method: str = "auto",
    source: Side | None = None,
    target: Side | None = None,
    how: Fitting | None = None,
    about: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
    **fields: Any,
) -> TransformFit:
    """Fit an alignment to pairs of images.

    Blocks spread over the pairs are read; those that are displaced, clouded or changed are left out. Methods are
    judged on ground they were not fitted to: whole pairs where there are three or more, else strips. The method is
    then fitted to all blocks; a network keeps the fifth of the ground that chose its weights out.

    Parameters
    ----------
    scenes
        Pairs with the views ``source`` and ``target``, in physical units.
    method
        A name of the catalogue, or ``auto``: the best on held-out blocks, simpler ones first; it may be ``none``.
    source, target
        The sensors, for the transform; None: their bands as they are.
    how
        See :class:`Fitting`.
    about
        What else the transform shall tell, such as the dates of the images.
    say
        Told a line now and then.
    fields
        Of the method.

    Raises
    ------
    InputError
        If nothing can be learnt from: no common pixels, misregistration, different ground, units that do not match.
    MethodError
        For an unknown method, sensors that share no band, constant or swapped bands.
    """
    if not scenes:
        raise InputError("no pair of images", "at least one")
    how, say = how or Fitting(), say or (lambda line: None)
    names = AUTO if method == "auto" else (method,)
    if method == "auto" and fields:
        raise InputError(f"fields {', '.join(fields)} for the method 'auto'", "a method by name")
    if method != "auto":
        catalog.make(method, "bandpass", **fields)
    blocks = gather(scenes, how.threads)
    kept = _without_strangers(blocks, how)
    bands = {role: kept.blocks[0].obs[role].bands for role in ("source", "target")}
    sides = source or Side(bands["source"]), target or Side(bands["target"])
    for one, role in zip(sides, ("source", "target"), strict=True):
        if len(one.bands) != len(bands[role]):
            raise InputError(f"{role} images of {len(bands[role])} bands", f"{len(one.bands)} as told")
    folds = folds_of(kept.blocks)
    scores: list[Score] = []
    found: dict[str, Method] = {}
    # doing nothing stands beside every method, where it can be done
    asked = names if method == "auto" or not how.judge else tuple(dict.fromkeys(("none", *names)))
    for name in asked if how.judge or method == "auto" else ():
        score = _judged(name, fields if name == method else {}, kept.blocks, folds, how, found, method == "auto")
        if score is not None:
            scores.append(score)
            say(f"{name}: {score.relative:.3g} % on held-out ground" if score.total else f"{name}: {score.note}")
    best = chosen(scores).name if method == "auto" else method
    aligner = found.get(best)
    if aligner is None:
        aligner = _fitted(best, fields if best == method else {}, kept.blocks, how)
    transform = Transform(
        aligner, sides[0], sides[1], _quality(best, scores, sides[1]), _history(kept, scenes, about or {}, method)
    )
    return TransformFit(transform, kept, tuple(scores))


def _without_strangers(blocks: Sequence[PairBlock], how: Fitting) -> Sorted:
    """Blocks to learn from."""
    held = [block for block in blocks if block.kept.any()]
    if not held:
        raise InputError(
            "no pixel that both images hold", "images that overlap", "check their masks, nodata and places"
        )
    if how.check_units:
        check_numbers(held)
    if not how.reject:
        return Sorted(tuple(held), empty=len(blocks) - len(held))
    return sort_out(blocks, how.threads)


def _judged(
    name: str, fields: Mapping[str, Any], blocks: Sequence[PairBlock], folds: Sequence[Sequence[int]], how: Fitting,
    found: dict[str, Method], auto: bool,
) -> Score | None:  # fmt: skip
    """A method on held-out ground; a network is trained once and kept in ``found``. None: not worth trying."""
    if name not in NETWORKS:
        return held_out(name, lambda: catalog.make(name, "bandpass", **fields), blocks, folds)
    pixels = sum(int(block.kept.sum()) for block in blocks)
    torch_there = importlib.util.find_spec("torch") is not None
    if auto and (pixels < ENOUGH_FOR_NETWORKS or not torch_there or len(folds) < 3):
        return None
    from earthloom.training.bandpass.networks import train_tables

    out = folds[len(folds) // 2]
    try:
        network = train_tables(name, blocks, out, how.steps, how.seed, **fields)
        found[name] = network.method
        total, each = errors_on(network.on, [blocks[i] for i in out], level_of(blocks), bins_of(blocks))
    except MethodError as wrong:
        if not auto:
            raise
        return Score(name, None, note=str(wrong))
    whole = np.full(len(blocks), np.nan)
    whole[list(out)] = each
    return Score(name, total, whole)


def _fitted(name: str, fields: Mapping[str, Any], blocks: Sequence[PairBlock], how: Fitting) -> Method:
    """A method fitted to all blocks."""
    if name in NETWORKS:
        from earthloom.training.bandpass.networks import train_tables

        return train_tables(name, blocks, (), how.steps, how.seed, **fields).method
    method = catalog.make(name, "bandpass", **fields)
    if not isinstance(method, Aligner):
        raise MethodError(f"{name} fitted to images", "a method of bandpass alignment that can be")
    return solved(method, blocks)


def _quality(name: str, scores: Sequence[Score], target: Side) -> dict[str, Any]:
    """Figures on held-out blocks of the method and of doing nothing."""
    known = {score.name: score.total for score in scores if score.total is not None}
    told: dict[str, Any] = {}
    if name in known:
        told = known[name].as_dict(target.bands)
    if "none" in known and name != "none":
        told["nothing_relative_rmse_percent"] = round(known["none"].relative, 4)
    return {key: value for key, value in told.items() if not isinstance(value, float) or math.isfinite(value)}


def _history(kept: Sorted, scenes: Sequence[Scene], about: Mapping[str, Any], method: str) -> dict[str, Any]:
    """When and on what."""
    dates = [scene.empty()["source"].date for scene in scenes]
    told = {"on": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "pairs": len(scenes), **kept.as_dict()}
    seen = np.concatenate([block.obs["source"].data[:, block.kept] for block in kept.blocks], axis=1)
    told["source_top"] = [float(f"{v:.5g}") for v in np.percentile(seen, TOP, axis=1)]
    if any(dates):
        told["dates"] = [day.isoformat() for day in dates if day is not None]
    if method == "auto":
        told["chosen"] = "auto"
    return {**told, **about}


def fitted(method: Method, scene: Any, run: Run) -> Method:
    """The method as it will be applied: an aligner with its mapping known, fitted to the pairs of a scene.

    Raises
    ------
    MethodError
        If the bands do not answer to each other, or there is nothing to fit to.
    """
    empty = scene.empty()
    method.check(empty, scene.shape)
    if not isinstance(method, Aligner):
        return ready(method, scene, run)
    tile = run.tile_size or tile_for(method, scene, run.at_a_time)
    stats = summarise(method, scene, plan(scene.shape, tile), run.at_a_time, run.progress)
    return Solved(method, method.solve(stats, empty["source"].bands, empty["target"].bands))


def alone(method: Method | str, scene: MatchedScene, run: Run) -> Method:
    """A method for a source without a target.

    Raises
    ------
    MethodError
        If it needs one.
    """
    if isinstance(method, str):
        raise MethodError(f"method {method} without a target", "`target=FILE`", "it is chosen by pairs of both sensors")
    return fitted(method, scene, run)


def learnt(
    method: Method | str, scenes: Sequence[Scene], first: tuple[Identified, Identified], run: Run,
    judge: bool = False,
) -> Method:  # fmt: skip
    """A method fitted to pairs of images; the fit is told as a fact.

    Blocks that are displaced, clouded or changed have no part. A method that is not fitted, or whose weights are given,
    is taken as it is.
    """
    if isinstance(method, Method) and not learns(method):
        return fitted(method, scenes[0], run)

    name, own = name_and_fields(method)
    told = any(one.told.scale is not None or one.told.offset is not None for one in first)
    how = Fitting(judge=judge or name == CHOSEN, threads=run.at_a_time, check_units=not told)
    sides = side(first[0]), side(first[1])
    places = [(one.y, one.x) for one in scenes if isinstance(one, TargetMoved)]
    file = run.learnt.file(repr((name, own, sides, how, *places)), ".json")
    if file is not None and file.is_file():
        return Transform.load(file).aligner
    found = fit_transform(scenes, name, *sides, how, {"dtype": first[1].image.dtype.name}, run.tell, **own)
    run.fact(fit=found)
    if file is not None:
        found.transform.save(file)
    return found.transform.aligner


def name_and_fields(method: Method | str) -> tuple[str, dict[str, Any]]:
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
