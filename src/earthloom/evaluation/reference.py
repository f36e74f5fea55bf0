"""How good a product is: against a reference, or against what was seen, with "no fusion at all" beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.budget import FREE, Budget
from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.errors import GridError, InputError
from earthloom.evaluation import verdicts
from earthloom.methods import catalog
from earthloom.metrics import support_against, with_reference
from earthloom.metrics.reference import rmse
from earthloom.metrics.summary import cut_border
from earthloom.problems.superresolution import observation, on_grid
from earthloom.raster.open import open_image, without_zero
from earthloom.raster.scenes.grids import common_ground
from earthloom.raster.told import Told
from earthloom.types import Band, Report, Window

CUBE_BANDS, PSNR_OF = 5, "psnr_band_"  # a cube is judged band by band too
NO_RATIO = "no ERGAS and no detail: both go by the `ratio` of pixel sizes that the fusion bridged, such as `ratio=4`"
EACH = 32  # bytes that judging takes for each number of the product, as measured; half of it for a row beside it


def read_whole(
    source: Any, role: str, nodata: float | None, budget: Budget = FREE
) -> tuple[np.ndarray, np.ndarray, Any]:
    """Whole image, mask, and the opened file (None for arrays)."""
    if not arrays.is_path(source):
        held = arrays.images_of({role: arrays.take(source, role)}, {role: Told(nodata=nodata)})[role]
        return *held.read(Window(0, 0, *held.shape), held.precision), None
    folder = isinstance(source, (str, Path)) and Path(source).is_dir()  # which holds the bands of more than one role
    with open_image(source, nodata=nodata, role="ms" if folder else None) as image:
        image = without_zero(image) if role == "mask" else image
        size = f"{image.shape[0]} x {image.shape[1]} pixels and {image.count} bands"
        needed = EACH * image.shape[0] * image.shape[1] * image.count
        budget.require(needed, f"judging {image.name} of {size}", "cut a part out of it")
        image = image.north_up()
        data, valid = image.read(Window(0, 0, *image.shape))
        return data, valid, image


def _with_reference(
    product: Any, reference: Any, hs: Any, ratio: float | None, nodata: float | None, peak: float | None, margin: int,
    budget: Budget,
) -> Report:  # fmt: skip
    """Indices against a reference on the pixels that both hold."""
    if ratio is None and hs is not None:
        raise InputError("`hs` without a ratio", "how many times finer the product is", "pass `ratio`")
    data, truth, both, _ = beside(product, reference, nodata, budget)
    top = peak or float(truth.max())
    notes = [] if peak else [f"peak {truth.max():g} (largest value of the reference)"]
    notes += [NO_RATIO] if ratio is None else []
    figures = _against(data, truth, both, ratio, top, margin)
    if hs is None or ratio is None:
        return Report("against the reference", figures, {}, tuple(notes), verdicts.against(figures))
    budget.require(EACH // 2 * truth.size, f"a cube {ratio:g} times finer than `hs`", "leave `hs` out")
    seen = enlarged(hs, ratio, nodata)
    if seen.shape != truth.shape:
        raise GridError(f"a cube that {ratio:g} times finer is {seen.shape}", f"{truth.shape}, as the reference")
    rows = {"product": figures, "bicubic": _against(np.where(both, seen, 0), truth, both, ratio, top, margin)}
    lines = verdicts.against(figures, rows["bicubic"])
    return Report("against the reference", figures, rows, tuple(notes), lines)


def _against(
    data: np.ndarray, truth: np.ndarray, both: np.ndarray, ratio: float | None, peak: float, margin: int
) -> dict[str, float]:
    """Indices against a reference, without a ratio those that need none; for cubes also of every band that varies."""

    indices = with_reference(data, truth, ratio or 1, peak=peak, dim_cut=margin, valid=both)
    found = {name: float(value) for name, value in indices.items() if ratio is not None or name != "ergas"}
    data, truth, both = (cut_border(image, margin) for image in (data, truth, both))
    if ratio is not None and ratio > 1:
        support = support_against(data, truth, ratio, valid=both)
        found |= {f"truth_{name}": float(value) for name, value in support.items()}
    if len(truth) < CUBE_BANDS:
        return found
    with np.errstate(divide="ignore"):
        each = 20 * np.log10(peak / np.asarray(rmse(data, truth, per_band=True, valid=both), float))
    alive = [band for band in range(len(truth)) if np.ptp(truth[band][both]) > 0]
    found["mpsnr"] = float(each[alive].mean())
    return found | {f"{PSNR_OF}{band + 1}": float(each[band]) for band in alive}


def enlarged(hs: Any, ratio: float, nodata: float | None) -> np.ndarray:
    """The cube that was super-resolved, enlarged by bicubic interpolation: what costs nothing."""
    data, valid, _ = read_whole(hs, "hs", nodata)
    seen = np.where(valid, data, 0).astype(np.float64)
    bands = tuple(Band(f"band_{i}") for i in range(1, len(data) + 1))
    scene = ArrayScene(observation(on_grid(seen, valid, bands, round(ratio)), "bicubic"))
    return fuse_array(catalog.make("bicubic", "superresolution"), scene).data


def beside(
    product: Any, reference: Any, nodata: float | None, budget: Budget = FREE
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[Any, Window] | None]:
    """Product and reference on the ground both cover, where both are valid (0 elsewhere); file and window of one."""
    data, valid, file = read_whole(product, "product", nodata, budget)
    truth, truth_valid, truth_file = read_whole(reference, "reference", nodata)
    place = None if file is None else (file, Window(0, 0, *file.shape))
    if file is not None and truth_file is not None and file.georeferenced and truth_file.georeferenced:
        first, second = common_ground(file, truth_file)
        place = (file, first)
        data, valid = data[(slice(None), *first.slices)], valid[first.slices]
        truth, truth_valid = truth[(slice(None), *second.slices)], truth_valid[second.slices]
    if data.shape != truth.shape:
        raise GridError(f"a product of shape {data.shape} and a reference of {truth.shape}", "the same bands and grid")
    both = valid & truth_valid
    if not both.any():
        raise InputError("no pixel is valid in both the product and the reference", "", "check nodata")
    data, truth = (np.where(both, image, 0).astype(np.float64) for image in (data, truth))
    return data, truth, both, place
