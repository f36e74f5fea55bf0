"""How good a product is: against a reference, or against what was seen, with "no fusion at all" beside it."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.fuse import fuse_whole
from earthloom.engine.verbs import Options
from earthloom.errors import EarthloomWarning, GridError, InputError, SensorError
from earthloom.methods import catalog
from earthloom.physics.shift import moved
from earthloom.sensors import load
from earthloom.types import Observation, Report, Window

CUBE_BANDS, PSNR_OF = 5, "psnr_band_"  # a cube is judged band by band too
MAX_PIXELS = 1 << 26  # a larger scene is judged by a window of this many pixels in its middle


def evaluate(
    product: Any,
    reference: Any = None,
    *,
    mask: Any = None,
    pan: Any = None,
    ms: Any = None,
    hs: Any = None,
    ratio: float | None = None,
    sensor: Any = None,
    convention: str | None = None,
    nodata: float | None = None,
    peak: float | None = None,
    margin: int = 0,
    ignore_georeferencing: bool = False,
) -> Report:
    """Judge a product.

    With ``reference`` and ``mask`` (cloud removal): PSNR, SSIM, SAM, MAE, RMSE over the pixels of the mask, and over
    all. With ``reference``: ERGAS, SAM, Q2n, UIQI, SCC, SSIM, PSNR, RMSE, CC against it; for cubes of five bands or
    more the PSNR of each (``psnr_band_1`` ...) and their mean (``mpsnr``), and with ``hs``, the cube that was
    super-resolved, its bicubic enlargement as a second row. With ``pan`` and ``ms``:
    indices without a reference (D_lambda, D_lambda_K, D_s, QNR, HQNR ...) and the consistency with both inputs, and
    the same for the interpolated MS as a second row.

    Parameters
    ----------
    product, reference, pan, ms, hs
        Paths, numpy, torch or xarray; all of one kind.
    mask
        Pixels that lay under clouds, one band, not 0.
    ratio
        Coarse over fine pixel size; needed with a reference and no mask (ERGAS divides by it).
    sensor, convention, nodata, ignore_georeferencing
        As for :func:`earthloom.pansharpen`; a product of ours remembers its sensor.
    peak
        Largest possible value for PSNR and SSIM; the largest of the reference when None, and a note says so.
    margin
        Border that is cut, ``margin - 1`` pixels before and ``margin`` behind as in the MATLAB protocol (21 there).

    Raises
    ------
    EarthloomError
        If neither a reference nor the inputs are given, or grids do not fit.
    """
    if reference is None and (pan is None or ms is None):
        given = "no reference and no inputs" if pan is None and ms is None else f"no {'ms' if ms is None else 'pan'}"
        raise InputError(given, "a reference, or pan and ms", "pass --reference, or --pan and --ms")
    if mask is not None and reference is None:
        raise InputError("a mask without a reference", "a reference", "pass --reference")
    if hs is not None and (reference is None or mask is not None):
        raise InputError("hs without a reference" if reference is None else "hs with a mask", "hs beside a reference")
    others = [image for image in (reference, mask, hs) if image is not None] if reference is not None else [pan, ms]
    if any(arrays.is_path(product) != arrays.is_path(other) for other in others):
        raise InputError("some inputs as paths and some as arrays", "all of one kind")
    if mask is not None:
        return _under_clouds(product, reference, mask, nodata, peak)
    if reference is not None:
        return _with_reference(product, reference, hs, ratio, nodata, peak, margin)
    options = Options(sensor=sensor, convention=convention, nodata=nodata, ignore_georeferencing=ignore_georeferencing)
    if arrays.is_path(product):
        return _without_reference_files(product, pan, ms, options)
    taken = arrays.take(product, "product")
    seen = arrays.take(pan, "pan"), arrays.take(ms, "ms")
    scene = arrays.array_scene(*seen, sensor, convention or "centre", nodata)
    return _judge(taken.data, taken.valid(nodata), scene.whole, ())


def _read(source: Any, role: str, nodata: float | None) -> tuple[np.ndarray, np.ndarray, Any]:
    """Whole image, mask, and the opened file (None for arrays)."""
    if not arrays.is_path(source):
        taken = arrays.take(source, role)
        return taken.data, taken.valid(nodata), None
    from earthloom.raster.cubefiles import open_cube
    from earthloom.raster.landsat import is_landsat_folder
    from earthloom.raster.read import open_image

    name = Path(source) if isinstance(source, (str, Path)) else Path()
    cube = name.suffix.lower() in (".hdr", ".nc") or (name != Path() and name.is_dir() and not is_landsat_folder(name))
    with (open_cube if cube else open_image)(source, nodata=nodata) as image:
        if image.shape[0] * image.shape[1] > 4 * MAX_PIXELS:
            raise InputError(
                f"{image.name} of {image.shape} pixels", f"at most {4 * MAX_PIXELS:,}", "cut a part out of it"
            )
        data, valid = image.read(Window(0, 0, *image.shape))
        return data, valid, image


def _with_reference(
    product: Any, reference: Any, hs: Any, ratio: float | None, nodata: float | None, peak: float | None, margin: int
) -> Report:
    """Indices against a reference on the pixels that both hold."""
    if ratio is None:
        raise InputError(
            "no ratio", "the ratio of pixel sizes that the fusion bridged", "pass --ratio (ERGAS divides by it)"
        )
    data, truth, both, _ = beside(product, reference, nodata)
    top = peak or float(truth.max())
    notes = [] if peak else [f"peak {truth.max():g} (largest value of the reference)"]
    figures = _against(data, truth, both, ratio, top, margin)
    if hs is None:
        return Report("against the reference", figures, {}, tuple(notes))
    seen = enlarged(hs, ratio, nodata)
    if seen.shape != truth.shape:
        raise GridError(f"a cube that {ratio:g} times finer is {seen.shape}", f"{truth.shape}, as the reference")
    rows = {"product": figures, "bicubic": _against(np.where(both, seen, 0), truth, both, ratio, top, margin)}
    return Report("against the reference", figures, rows, tuple(notes))


def _against(
    data: np.ndarray, truth: np.ndarray, both: np.ndarray, ratio: float, peak: float, margin: int
) -> dict[str, float]:
    """Indices against a reference; for cubes also those of every band that is not constant."""
    from earthloom.metrics import with_reference
    from earthloom.metrics.reference import rmse
    from earthloom.metrics.summary import cut_border

    found = {k: float(v) for k, v in with_reference(data, truth, ratio, peak=peak, dim_cut=margin, valid=both).items()}
    if len(truth) < CUBE_BANDS:
        return found
    data, truth, both = (cut_border(image, margin) for image in (data, truth, both))
    with np.errstate(divide="ignore"):
        each = 20 * np.log10(peak / np.asarray(rmse(data, truth, per_band=True, valid=both), float))
    alive = [band for band in range(len(truth)) if np.ptp(truth[band][both]) > 0]
    found["mpsnr"] = float(each[alive].mean())
    return found | {f"{PSNR_OF}{band + 1}": float(each[band]) for band in alive}


def enlarged(hs: Any, ratio: float, nodata: float | None) -> np.ndarray:
    """The cube that was super-resolved, enlarged by bicubic interpolation: what costs nothing."""
    from earthloom.engine.superresolve import superresolve

    data, valid, _ = _read(hs, "hs", nodata)
    seen = np.where(valid, data, np.nan).astype(np.float64)
    return superresolve(seen, round(ratio), "bicubic", drop_bad=False, bands_first=True)


def beside(
    product: Any, reference: Any, nodata: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[Any, Window] | None]:
    """Product and reference on the ground both cover, where both are valid (0 elsewhere); file and window of one."""
    data, valid, file = _read(product, "product", nodata)
    truth, truth_valid, truth_file = _read(reference, "reference", nodata)
    place = None if file is None else (file, Window(0, 0, *file.shape))
    if file is not None and truth_file is not None and file.georeferenced and truth_file.georeferenced:
        first, second = _common(file, truth_file)
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


def _under_clouds(product: Any, reference: Any, mask: Any, nodata: float | None, peak: float | None) -> Report:
    """Figures of cloud removal."""
    from earthloom.metrics.clouds import EVERYWHERE, UNDER, with_clouds

    if str(getattr(mask, "dtype", "")).rpartition(".")[2] == "bool":
        mask = mask.byte() if hasattr(mask, "detach") else mask.astype("uint8")
    data, truth, both, place = beside(product, reference, nodata)
    numbers, known, file = _read(mask, "mask", None)
    if len(numbers) != 1:
        raise InputError(f"a mask of {len(numbers)} bands", "one band")
    cloud = (numbers[0] != 0) & known
    if file is not None and place is not None and file.georeferenced and place[0].georeferenced:
        own, there = _common(place[0], file)
        if own != Window(0, 0, *place[0].shape):
            raise GridError(f"{file.name} covers a part of {place[0].name}", "all of it")
        cloud = cloud[there.slices][place[1].slices]
    if cloud.shape != both.shape:
        raise GridError(f"a mask of {cloud.shape} and a product of {both.shape} pixels", "the same grid")
    if not (cloud & both).any():
        raise InputError("a mask without a cloud", "pixels other than 0 where product and reference are valid")
    notes = [] if peak else [f"peak {truth.max():g} (largest value of the reference)"]
    notes.append(f"{100 * (cloud & both).sum() / both.sum():.3g} % of the pixels lay under clouds")
    rows = with_clouds(data, truth, cloud, peak or float(truth.max()), valid=both)
    rows = {name: {k: float(v) for k, v in row.items()} for name, row in rows.items()}
    return Report(
        "clouds removed, against the reference", rows[UNDER], {n: rows[n] for n in (UNDER, EVERYWHERE)}, tuple(notes)
    )


def _common(first: Any, second: Any) -> tuple[Window, Window]:
    """The windows of two files that cover the same ground.

    Raises
    ------
    GridError
        If the pixels do not coincide.
    """
    a, b = first.transform, second.transform
    if first.crs != second.crs or abs(a.a - b.a) > 1e-4 * abs(a.a) or abs(a.e - b.e) > 1e-4 * abs(a.e):
        raise GridError(
            f"pixels of {abs(a.a):g} in {first.crs} and of {abs(b.a):g} in {second.crs}", "the same CRS and pixel size"
        )
    x, y = (b.c - a.c) / a.a, (b.f - a.f) / a.e
    if abs(x - round(x)) > 0.02 or abs(y - round(y)) > 0.02:
        raise GridError(f"grids shifted by ({y:.2f}, {x:.2f}) pixels", "whole pixels", "resample one of them")
    dy, dx = round(y), round(x)
    top, left = max(dy, 0), max(dx, 0)
    height = min(first.shape[0], dy + second.shape[0]) - top
    width = min(first.shape[1], dx + second.shape[1]) - left
    if height <= 0 or width <= 0:
        raise GridError(f"{first.name} and {second.name} do not overlap", "the same ground")
    return Window(top, left, height, width), Window(top - dy, left - dx, height, width)


def _without_reference_files(product: Any, pan: Any, ms: Any, options: Options) -> Report:
    """Indices without a reference for files."""
    from earthloom.engine.files import open_scene
    from earthloom.raster.read import open_image

    facts = _remembered(product if isinstance(product, (str, Path)) else product[0])
    if options.sensor is None and facts is not None:
        options = replace(options, sensor=_known(facts.sensor))
    shift = _applied_shift(facts)
    scene, _ = open_scene(pan, ms, options)
    with scene, open_image(product, nodata=options.nodata) as image:
        own, core = Window(0, 0, *image.shape), Window(0, 0, *scene.shape)
        if image.georeferenced and scene.crs is not None:
            own, core = _common(image, _Grid(scene.crs, scene.transform, scene.shape, "the overlap of PAN and MS"))
        elif image.shape != scene.shape:
            raise GridError(f"a product of {image.shape} and a PAN grid of {scene.shape}", "the same grid")
        if image.count != len(scene.ms_bands):
            raise GridError(f"a product of {image.count} bands and an MS of {len(scene.ms_bands)}", "as many bands")
        own, core, notes = _middle(own, core)
        data, valid = image.read(own)
        if shift is not None:
            notes = (*notes, f"MS moved by {shift[0]:+.2f} rows, {shift[1]:+.2f} columns, as when the product was made")
        return _judge(data, valid, moved(scene.observe(core, 0), *(shift or (0.0, 0.0))), notes)


def _remembered(path: str | Path) -> Any:
    """What a product says about itself: ``tags`` and ``sensor``; None for what is no file."""
    from earthloom.raster import benchmarks
    from earthloom.raster.facts import examine

    address = benchmarks.parse_address(str(path))
    if address is not None:
        tags = benchmarks.remembered(address[0])
        return SimpleNamespace(tags=tags, sensor=tags.get("EARTHLOOM_SENSOR"))
    return examine(str(path)) if Path(path).is_file() else None


def _applied_shift(facts: Any) -> tuple[float, float] | None:
    """The displacement that was corrected when a product of ours was made."""
    found = json.loads(facts.tags.get("EARTHLOOM_REGISTRATION", "{}")) if facts is not None else {}
    return (found["y_px"], found["x_px"]) if found.get("corrected") else None


def _known(name: str | None) -> str | None:
    """The sensor that a product remembers, if it is still known here."""
    try:
        return name if name is None or load(name) else None
    except SensorError:
        warnings.warn(
            f"the product was made for the sensor '{name}', unknown here: default MTF gains; give --sensor FILE",
            EarthloomWarning, stacklevel=2,
        )  # fmt: skip
        return None


class _Grid:
    """A grid that :func:`_common` can compare with an image."""

    def __init__(self, crs: Any, transform: Any, shape: tuple[int, int], name: str) -> None:
        self.crs, self.transform, self.shape, self.name = crs, transform, shape, name


def _middle(own: Window, core: Window) -> tuple[Window, Window, tuple[str, ...]]:
    """Both windows cut to the middle when there are more than ``MAX_PIXELS``."""
    if own.height * own.width <= MAX_PIXELS:
        return own, core, ()
    side = int(MAX_PIXELS**0.5)
    height, width = min(side, own.height), min(side, own.width)
    dy, dx = (own.height - height) // 2, (own.width - width) // 2
    note = f"judged on the {height} x {width} pixels in the middle"
    return (
        Window(own.y + dy, own.x + dx, height, width),
        Window(core.y + dy, core.x + dx, height, width),
        (note,),
    )


def _judge(data: np.ndarray, valid: np.ndarray, obs: Observation, notes: tuple[str, ...]) -> Report:
    """Figures of the product, and of the interpolated MS beside it."""
    if data.shape[1:] != obs.shape or len(data) != len(obs["ms"].bands):
        raise GridError(
            f"a product of shape {data.shape}", f"{(len(obs['ms'].bands), *obs.shape)}, the MS bands on the PAN grid"
        )
    obs = replace(obs, core=None, origin=(0, 0))
    exp = fuse_whole(catalog.make("exp"), obs)
    product = np.where(valid, data, 0).astype(exp.dtype)
    rows = {"product": _figures(product, obs, valid), "EXP (no fusion)": _figures(exp, obs, valid)}
    return Report("without a reference", rows["product"], rows, notes)


def _figures(product: np.ndarray, obs: Observation, valid: np.ndarray) -> dict[str, float]:
    """Indices without a reference, then the consistency with the inputs."""
    from earthloom.metrics import consistency_of, without_reference

    figures = {name: float(value) for name, value in without_reference(product, obs, valid=valid).items()}
    agreement = {name: float(value) for name, value in consistency_of(product, obs, valid=valid).items()}
    return figures | {f"consistency_{name}": value for name, value in agreement.items()}
