"""Coarse bands that finer ones sharpened, judged without a reference: every coarse image by itself, then their mean."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

from earthloom.engine.inputs import opened, taken_of
from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.errors import GridError
from earthloom.evaluation import verdicts
from earthloom.evaluation.native import EACH, NO_FUSION, PRODUCT
from earthloom.metrics import consistency_of, support_of
from earthloom.physics.forward import expand
from earthloom.prepare import registering
from earthloom.prepare.sharpening import AsPan, Ordered, Pairing
from earthloom.problems.sharpening import coarse_roles
from earthloom.raster.image import Image
from earthloom.raster.scenes.grids import MAX_PIXELS, middle
from earthloom.raster.told import Told
from earthloom.types import Observation, Report, Window

CALLED = {"PAN": "the fine bands", "MS": "the coarse bands"}  # what figures say of them
KEPT = ("ergas", "sam_deg", "rmse", "bias")


def sharpened_of(
    product: Any, inputs: Mapping[str, Any], kinds: Mapping[str, str], pairing: Pairing, run: Run
) -> Report:
    """Files or arrays: fine and coarse images by their roles, as ``sharpen`` names them.

    Raises
    ------
    EarthloomError
        If they do not fit together.
    """
    every = {"product": product, **inputs}
    taken, told = taken_of(every), dict.fromkeys(every, Told(nodata=pairing.nodata))
    with ExitStack() as stack:
        images = opened(every, taken, stack, told, {"product": "ms", **kinds})
        image = images.pop("product")
        kept = sum(one.count for role, one in images.items() if not role.startswith("coarse"))
        coarse = sum(one.count for role, one in images.items() if role.startswith("coarse"))
        prepared = replace(pairing, keep_fine=image.count == kept + coarse)(images, run)
        return judged(image, prepared, run)


def judged(image: Image, prepared: Prepared, run: Run) -> Report:
    """A product beside its images as they were laid.

    Raises
    ------
    GridError
        If it lies on another grid, or holds other bands.
    """
    scene, empty = prepared.scene, prepared.scene.empty()
    if image.shape != scene.shape:
        raise GridError(f"a product of {image.shape} and a fine grid of {scene.shape}", "the same grid")
    order = prepared.wrap.order if isinstance(prepared.wrap, Ordered) else ()
    bands = sum(len(view.bands) for role, view in empty.views.items() if role != "fine")
    if image.count != bands:
        raise GridError(f"a product of {image.count} bands", f"{bands}, as its images have")
    whole = Window(0, 0, *image.shape)
    own, core, notes = middle(whole, whole, min(run.budget.left() // (EACH * image.count), MAX_PIXELS))
    data, valid = image.read(own)
    obs = replace(scene.observe(core, 0), core=None, origin=(0, 0))
    product = np.where(valid, data, 0).astype(np.float64)[np.argsort(order) if order else slice(None)]
    figures, plain = _figures(product, valid, obs)
    apart = [registering.measure(AsPan(scene, role), run.at_a_time) for role in coarse_roles(empty)]
    if known := [one.ms_px for one in apart if one.known]:
        figures["displacement_ms_px"] = max(known)
    lines = verdicts.without_reference(figures, plain, obs.ratio, "the fine bands", "coarse bands")
    return Report("without a reference", figures, {PRODUCT: figures, NO_FUSION: plain}, notes, lines, CALLED)


def _figures(product: np.ndarray, valid: np.ndarray, obs: Observation) -> tuple[dict[str, float], dict[str, float]]:
    """Of a product, its bands in the order of the views, and of the interpolated bands: means over all coarse ones."""
    first = len(obs["kept"].bands) if "kept" in obs.views else 0
    roles = coarse_roles(obs)
    rows: tuple[list[dict[str, float]], ...] = ([], [])
    weights = [len(obs[role].bands) for role in roles]
    for role, count in zip(roles, weights, strict=True):
        pair = replace(obs, views={"ms": obs[role], "pan": obs["fine"]})
        alone = replace(obs, views={"ms": obs[role]})
        images = (product[first : first + count], expand(obs, role=role).astype(np.float64))
        for row, image in zip(rows, images, strict=True):
            told = {name: float(value) for name, value in support_of(image, pair, valid=valid).items()}
            agreement = consistency_of(image, alone, valid=valid)
            agreement["ergas"] = agreement["ergas"] * alone.ratio / obs.ratio  # percent, of the coarsest image's ratio
            row.append(told | {f"consistency_{name}": float(agreement[name]) for name in KEPT})
        first += count
    return _mean(rows[0], weights), _mean(rows[1], weights)


def _mean(rows: list[dict[str, float]], weights: list[int]) -> dict[str, float]:
    """Mean over the images, every band alike, of what all of them tell."""
    names = [name for name in rows[0] if all(name in row for row in rows)]
    return {name: float(np.average([row[name] for row in rows], weights=weights)) for name in names}
