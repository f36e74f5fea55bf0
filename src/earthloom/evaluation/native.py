"""A product judged without a reference, at its own resolution."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.documents import field, object_in
from earthloom.engine.inputs import opened, taken_of
from earthloom.engine.options import Run
from earthloom.engine.passes import filled, fuse_whole
from earthloom.errors import GridError, SensorError, warn
from earthloom.evaluation.verdicts import without_reference as without_reference_in_words
from earthloom.methods import catalog
from earthloom.metrics import chroma_noise_percent, consistency_of, support_of, without_reference
from earthloom.prepare.pansharpening import Sharpening, lay_pair
from earthloom.prepare.registering import Moved, Registration, measure
from earthloom.raster.image import Image
from earthloom.raster.scenes.grids import MAX_PIXELS, ComparedGrid, common_ground, middle
from earthloom.raster.told import Told
from earthloom.sensors import load
from earthloom.types import Observation, Report, Window

EACH = 64  # bytes that judging takes for each number of the product, as measured
LEAST = 1 << 16  # pixels that are worth judging
PRODUCT, NO_FUSION = "product", "EXP (no fusion)"  # the rows


@dataclass(frozen=True)
class Beside:
    """A product beside what was seen: its numbers and which of them count, PAN and MS, how they lie."""

    data: np.ndarray
    valid: np.ndarray
    obs: Observation
    registration: Registration
    notes: tuple[str, ...]


def beside_inputs(product: Any, pan: Any, ms: Any, told: Sharpening, run: Run) -> Beside:
    """A product and its inputs on one grid, files or arrays.

    Raises
    ------
    EarthloomError
        If they do not fit together.
    """
    inputs = {"pan": pan, "ms": ms}
    taken = taken_of({"product": product, **inputs})
    nodata = Told(nodata=told.nodata)
    with ExitStack() as stack:
        images = opened(
            {"product": product, **inputs}, taken, stack, dict.fromkeys(("product", *inputs), nodata), {"pan": "pan"}
        )
        image = images["product"]
        if told.sensor is None:
            told = replace(told, sensor=_known(image.sensor or image.tags.get("EARTHLOOM_SENSOR")))
        shift = _applied_shift(image)
        scene, _ = lay_pair(images["pan"], images["ms"], told, run)
        own, core = Window(0, 0, *image.shape), Window(0, 0, *scene.shape)
        if image.georeferenced and scene.crs is not None and taken is None:
            own, core = common_ground(
                image, ComparedGrid(scene.crs, scene.transform, scene.shape, "the overlap of PAN and MS")
            )
        elif image.shape != scene.shape:
            raise GridError(f"a product of {image.shape} and a PAN grid of {scene.shape}", "the same grid")
        if image.count != len(scene.ms_bands):
            raise GridError(f"a product of {image.count} bands and an MS of {len(scene.ms_bands)}", "as many bands")
        most = run.budget.left() // (EACH * image.count)
        if most < LEAST:
            run.budget.require(EACH * LEAST * image.count, f"judging {LEAST:,} pixels of {image.name}", "grant more")
        own, core, notes = middle(own, core, min(most, MAX_PIXELS))
        data, valid = image.read(own, image.precision)
        placed = scene if shift is None else Moved(scene, *shift)
        if shift is not None:
            notes = (*notes, f"MS moved by {shift[0]:+.2f} rows, {shift[1]:+.2f} columns, as when the product was made")
        return Beside(data, valid, placed.observe(core, 0), measure(placed, run.at_a_time), notes)


def without_reference_of(
    product: Any, pan: Any, ms: Any, told: Sharpening, run: Run, known: dict[Any, Mapping[str, float]] | None = None
) -> Report:
    """Indices without a reference, for files and arrays; ``known`` keeps those of no fusion from product to product.

    Raises
    ------
    EarthloomError
        If they do not fit together.
    """
    seen = beside_inputs(product, pan, ms, told, run)
    data, obs = seen.data, replace(seen.obs, core=None, origin=(0, 0))
    if data.shape[1:] != obs.shape or len(data) != len(obs["ms"].bands):
        raise GridError(
            f"a product of shape {data.shape}", f"{(len(obs['ms'].bands), *obs.shape)}, the MS bands on the PAN grid"
        )
    exp = without_fusion(obs)
    figures = figures_of(np.where(seen.valid, data, 0).astype(exp.dtype), obs, seen.valid)
    if seen.registration.known:
        figures["displacement_ms_px"] = seen.registration.ms_px
    place = (seen.obs.origin, obs.shape, obs["ms"].offset) if seen.valid.all() else None
    known = {} if known is None or place is None else known
    plain = known[place] if place in known else known.setdefault(place, figures_of(exp, obs, seen.valid))
    lines = without_reference_in_words(figures, plain, obs.ratio)
    return Report("without a reference", figures, {PRODUCT: figures, NO_FUSION: plain}, seen.notes, lines)


def without_fusion(obs: Observation) -> np.ndarray:
    """The interpolated MS as the method `exp` makes it: holes are filled first, else what is beside them rings."""
    exp = catalog.make("exp")
    return fuse_whole(exp, filled(obs, exp.halo_px(obs.ratio)))


def _applied_shift(product: Image) -> tuple[float, float] | None:
    """The displacement that was corrected when a product of ours was made."""
    found = object_in(product.tags.get("EARTHLOOM_REGISTRATION", "{}"))
    if not found.get("corrected"):
        return None
    where = f"the tag EARTHLOOM_REGISTRATION of {product.name}"
    return field(found, "y_px", float, where), field(found, "x_px", float, where)


def _known(name: str | None) -> str | None:
    """The sensor that a product remembers, if it is still known here."""
    try:
        return name if name is None or load(name) else None
    except SensorError:
        warn(f"the product was made for the sensor '{name}', unknown here: default MTF gains; give `sensor=FILE`")
        return None


def figures_of(product: np.ndarray, obs: Observation, valid: np.ndarray) -> dict[str, float]:
    """Indices without a reference, what of its detail is supported, then the consistency with the inputs."""
    figures = {name: float(value) for name, value in without_reference(product, obs, valid=valid).items()}
    figures |= {name: float(value) for name, value in support_of(product, obs, valid=valid).items()}
    agreement = {name: float(value) for name, value in consistency_of(product, obs, valid=valid).items()}
    figures["chroma_noise_percent"] = float(chroma_noise_percent(product, valid=valid))
    return figures | {f"consistency_{name}": value for name, value in agreement.items()}
