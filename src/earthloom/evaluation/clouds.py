"""How good cloud removal is: under the clouds and over all, with the cloudy image and inpainting beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from earthloom.engine.budget import Budget
from earthloom.engine.passes import fuse_whole
from earthloom.errors import GridError, InputError
from earthloom.evaluation import verdicts
from earthloom.evaluation.reference import beside, read_whole
from earthloom.methods import catalog
from earthloom.metrics.clouds import EVERYWHERE, UNDER, with_clouds
from earthloom.raster.scenes.grids import common_ground
from earthloom.types import Band, Observation, Report, View, Window

CLOUDY, INPAINTED = "cloudy", "inpaint"  # how the rows beside the product begin


def under_clouds(
    product: Any, reference: Any, mask: Any, before: Any, nodata: float | None, peak: float | None, budget: Budget
) -> Report:
    """Figures of cloud removal; with ``before``, the cloudy image, also its own and those of inpainting it.

    Raises
    ------
    EarthloomError
        If the images do not fit, or the mask holds no cloud.
    """
    if str(getattr(mask, "dtype", "")).rpartition(".")[2] == "bool":
        mask = mask.byte() if hasattr(mask, "detach") else mask.astype("uint8")
    data, truth, both, place = beside(product, reference, nodata, budget)
    cloud = _clouds(mask, place, both)
    images = {"": data}
    if before is not None:
        seen, known = _before(before, place, data.shape, nodata)
        both = both & known
        images |= {f"{CLOUDY}, ": np.where(both, seen, 0), f"{INPAINTED}, ": _inpainted(seen, known, cloud)}
    if not (cloud & both).any():
        raise InputError("a mask without a cloud", "pixels other than 0 where product and reference are valid")
    notes = [] if peak else [f"peak {truth.max():g} (largest value of the reference)"]
    notes.append(f"{100 * (cloud & both).sum() / both.sum():.3g} % of the pixels lay under clouds")
    rows: dict[str, dict[str, float]] = {}
    for where in (UNDER, EVERYWHERE):
        for who, image in images.items():
            told = with_clouds(np.where(both, image, 0), truth, cloud, peak or float(truth.max()), valid=both)
            rows[f"{who}{where}"] = {name: float(value) for name, value in told[where].items()}
    lines = ()
    if before is not None:
        lines = verdicts.under_clouds(*(rows[f"{who}{UNDER}"] for who in ("", f"{INPAINTED}, ", f"{CLOUDY}, ")))
    return Report("clouds removed, against the reference", rows[UNDER], rows, tuple(notes), lines)


def _clouds(mask: Any, place: tuple[Any, Window] | None, both: np.ndarray) -> np.ndarray:
    """Where clouds were, on the pixels that are compared."""
    numbers, known, file = read_whole(mask, "mask", None)
    if len(numbers) != 1:
        raise InputError(f"a mask of {len(numbers)} bands", "one band")
    cloud = _on(place, ((numbers[0] != 0) & known)[None], file)[0]
    if cloud.shape != both.shape:
        raise GridError(f"a mask of {cloud.shape} and a product of {both.shape} pixels", "the same grid")
    return cloud


def _on(place: tuple[Any, Window] | None, image: np.ndarray, file: Any) -> np.ndarray:
    """The part of an image that lies on the pixels that are compared."""
    if file is None or place is None or not file.georeferenced or not place[0].georeferenced:
        return image
    own, there = common_ground(place[0], file)
    if own != Window(0, 0, *place[0].shape):
        raise GridError(f"{file.name} covers a part of {place[0].name}", "all of it")
    return image[(slice(None), *there.slices)][(slice(None), *place[1].slices)]


def _before(
    before: Any, place: tuple[Any, Window] | None, shape: tuple[int, ...], nodata: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """The cloudy image on the pixels that are compared, and where it was measured."""
    data, valid, file = read_whole(before, "before", nodata)
    data, known = _on(place, data, file), _on(place, valid[None], file)[0]
    if data.shape != shape:
        raise GridError(f"a cloudy image of shape {data.shape} and a product of {shape}", "the same bands and grid")
    return np.where(known, data, 0).astype(np.float64), known


def _inpainted(seen: np.ndarray, known: np.ndarray, cloud: np.ndarray) -> np.ndarray:
    """The cloudy image filled from the clear surroundings, as the method ``inpaint`` does it."""
    bands = tuple(Band(f"band_{at}") for at in range(1, len(seen) + 1))
    mask = View(cloud[None].astype(seen.dtype), np.ones(cloud.shape, bool), (Band("cloud"),))
    obs = Observation({"optical": View(seen, known, bands), "cloud": mask}, cloud.shape)
    return fuse_whole(catalog.make("inpaint", "cloud_removal"), obs)
