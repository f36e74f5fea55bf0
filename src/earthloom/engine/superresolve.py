"""`earthloom.superresolve`: a hyperspectral cube on a grid a whole ratio finer, for files and arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from earthloom import weights as files_of_weights
from earthloom.engine import arrays
from earthloom.engine.bandplan import Plan, bands_at, grouped, numbers_in, plan
from earthloom.engine.cubearrays import centres_of, finer_xarray
from earthloom.engine.fuse import fuse_scene, merged, observe
from earthloom.engine.predict import run_options
from earthloom.engine.scene import ArrayScene
from earthloom.engine.verbs import Options, ready
from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.refine import refined, residual_percent
from earthloom.ops.moments import Stats
from earthloom.problems import catalog as problems
from earthloom.problems.superresolution import RATIOS, observation, on_grid
from earthloom.sensors import load, match_bands
from earthloom.types import Band, Convention, Product, Scene, Window

PROBLEM, DEFAULT, DEFAULT_RATIO = "superresolution", "dualsr", 4
BLURS: dict[str, Convention] = {"bicubic": "bicubic", "mtf": "centre"}
HINT = "numpy.moveaxis(cube, {}, 0) brings the bands to the front; bands_first (--bands-first) if they are there"
Put = Callable[[Window, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Told:
    """What is told about a cube.

    Parameters
    ----------
    ratio
        Pixel size over that of the finer grid.
    sensor
        Name or file: the MTF of its bands.
    blur
        ``bicubic``, ``mtf`` (the sensor's), or None: the sensor's when there is one.
    bad_bands
        From 1.
    drop_bad
        Leave them out of the product.
    across_gaps
        Work on all bands together.
    bands_first
        They are, whatever the cube looks like.
    nodata
        Code of missing pixels.
    """

    ratio: int = DEFAULT_RATIO
    sensor: Any = None
    blur: Literal["bicubic", "mtf"] | None = None
    bad_bands: tuple[int, ...] = ()
    drop_bad: bool = False
    across_gaps: bool = False
    bands_first: bool = False
    nodata: float | None = None

    def __post_init__(self) -> None:
        """Refuse ratios and blurs that there are not."""
        whole_ratio(self.ratio)
        if self.blur not in (None, *BLURS):
            raise InputError(f"blur '{self.blur}'", " or ".join(BLURS))

    @property
    def convention(self) -> Convention:
        """Of the scene."""
        return BLURS[self.blur or ("mtf" if self.sensor else "bicubic")]


def whole_ratio(ratio: float) -> int:
    """A ratio that was asked for.

    Raises
    ------
    InputError
        If no cube is enlarged by it.
    """
    if ratio not in RATIOS or isinstance(ratio, bool):
        given = f"{ratio:g}" if isinstance(ratio, float) else ratio
        raise InputError(f"ratio {given}", f"one of {', '.join(map(str, RATIOS))}", "super-resolve in two steps for 6")
    return int(ratio)


def superresolve(
    cube: Any,
    ratio: float = DEFAULT_RATIO,
    method: str | Method = DEFAULT,
    weights: str | Path | None = None,
    refine: bool | int = True,
    *,
    wavelengths_nm: Sequence[float] | np.ndarray | None = None,
    bad_bands: Any = None,
    drop_bad: bool = False,
    across_gaps: bool = False,
    bands_first: bool = False,
    sensor: Any = None,
    blur: Literal["bicubic", "mtf"] | None = None,
    nodata: float | None = None,
    output: str | Path | None = None,
    **more: Any,
) -> Any:
    """Bring a hyperspectral cube to a grid 2, 3, 4 or 8 times finer.

    Parameters
    ----------
    cube
        Path (ENVI or its header, GeoTIFF, NetCDF, ``.mat``, a folder of CAVE), numpy ``(band, y, x)``, torch tensor or
        xarray DataArray.
    ratio
        Pixel size of the cube over that of the product.
    method
        Name of a method (``earthloom methods`` lists them) or a method object.
    weights
        Of a network: a ``.safetensors`` file, a folder of a run, a shipped name, or an authors' ``.pth``.
    refine
        True: as the method is, ``dualsr`` with its fine stage. False or 0: without. A number: so many
        back-projections, after any method.
    wavelengths_nm
        One per band of an array, where neighbours and gaps in the spectrum are not those of the order.
    bad_bands
        From 1: numbers, ``"1-4,107-113"`` or a list of both. Bands of one value, bands that hold nothing and those that
        the file calls bad join them. No method sees them; they are interpolated.
    drop_bad
        Leave the bad bands out of the product.
    across_gaps
        Let bands on either side of a gap in the spectrum (water vapour) be neighbours.
    bands_first
        The bands come first, though the cube looks as if they came last.
    sensor
        Name or TOML file of the sensor, for the blur of its bands.
    blur
        How the cube's pixels came about: ``bicubic``, MATLAB's antialiased ``imresize``, in which networks are trained
        (default), or ``mtf``, that of the sensor (default with one).
    nodata
        Code of missing pixels, instead of what the input says.
    output
        For files: the COG (or ``.mat``) to write. Without it, files give an xarray DataArray.
    **more
        Fields of the method, such as ``variant`` and ``ensemble``. How to run: ``threads``, ``tile_size``, ``dtype``,
        ``compress``, ``overwrite``, ``ignore_georeferencing``, ``adapt_seconds``, ``save_weights``, ``progress``, as
        for :func:`earthloom.pansharpen`.

    Returns
    -------
    Array of the kind of the input; for files the path written, or a DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import superresolve
    >>> superresolve(np.random.rand(8, 16, 16), ratio=2, method="bicubic").shape
    (8, 32, 32)
    """
    told = Told(whole_ratio(ratio), sensor, blur, numbers_in(bad_bands), drop_bad, across_gaps, bands_first, nodata)
    options, own = run_options(more)
    if weights is not None:
        own["weights"] = str(weights)
    chosen = choose(method, own, refine)
    if isinstance(cube, (str, Path)):
        from earthloom.engine.superresolve_files import superresolve_files

        if wavelengths_nm is not None:
            raise InputError("wavelengths_nm= with a file", "those of the file", "write them into its header")
        return superresolve_files(cube, output, chosen, told, options)
    if output is not None:
        raise InputError("output= with an array", "a path", "write the array that is returned yourself")
    return _arrays(cube, wavelengths_nm, chosen, told, options)


def choose(method: str | Method, own: dict[str, Any], refine: bool | int = True) -> Method:
    """The method asked for, refined as asked.

    Raises
    ------
    InputError, MethodError
        If there is no such method, or it does not take the fields.
    """
    chosen = catalog.choose(method, PROBLEM, "super-resolution", own)
    if refine is True:
        return chosen
    staged = "fine" in chosen.parameters
    if staged and (not refine or own.get("fine", "spectral") == "spectral"):
        # its own fine stage is a back-projection already: as many steps, or none
        return replace(chosen, **({"fine": "spectral", "steps": int(refine)} if refine else {"fine": "none"}))
    return refined(chosen, int(refine))


def require_fit(method: Method, bands: int, ratio: int, total: int) -> None:
    """Refuse too few bands, and weights of another ratio, before anything is read.

    Raises
    ------
    MethodError
        What does not fit.
    """
    card = method.card
    if bands < card.min_bands:
        of = "" if bands == total else f" ({total} with the bad ones)"
        raise MethodError(
            f"{card.name} got {bands} band(s){of}", f"at least {card.min_bands}",
            "it sharpens each with its neighbours; -m bicubic and -m back_projection take any number",
        )  # fmt: skip
    name = method.parameters.get("weights")
    if isinstance(name, str):
        header = files_of_weights.read_header(name)
        own = header.sizes.get("ratio")
        if header.method.startswith(f"{PROBLEM}/") and own and round(own) != ratio:
            raise MethodError(
                f"weights '{header.name}' of ratio {own:g} for a cube to be enlarged {ratio} times",
                f"weights of ratio {ratio}", f"these run with ratio={own:g} (--ratio {own:g})",
            )  # fmt: skip


def run(
    method: Method, scene: Scene, passed: Scene | None, banding: Plan, told: Told, options: Options, put: Put
) -> dict[str, float] | None:
    """Run a method tile by tile and hand over the bands of the product in the order of the file.

    Parameters
    ----------
    method
        Ready for this scene.
    scene, passed
        The good bands, and the bad ones that hold numbers, which are interpolated.
    put
        Takes a window, its data and where it is valid.
    """
    order = product_bands(banding, told)
    place = {band: at for at, band in enumerate(order)}
    good = [place[band] for band in banding.good]
    others = [place[band] for band in banding.passed] if passed is not None else []
    bicubic = catalog.make("bicubic", PROBLEM)

    def finish(window: Window, product: Product) -> Any:
        if good == list(range(len(order))):
            put(window, product.data, product.valid)
            return product.measured
        whole = np.full((len(order), window.height, window.width), np.nan, product.data.dtype)
        whole[good] = product.data
        if passed is not None:
            seen = observe(passed, window, 2 * told.ratio + 2, problems.find(PROBLEM))
            if seen is not None:
                rows, cols = seen.core_window.slices
                whole[others] = bicubic.fuse(seen, Stats())[:, rows, cols]
        put(window, whole, product.valid)
        return product.measured

    whole = grouped(method, banding.groups)
    parts = fuse_scene(whole, scene, finish, options.tile_px, options.workers, options.progress)
    residual = residual_percent(merged(parts))
    options.tell_residual(residual)
    return residual


def product_bands(banding: Plan, told: Told) -> list[int]:
    """Bands of the cube that the product holds, in its order."""
    return sorted(banding.good) if told.drop_bad else sorted((*banding.good, *banding.bad))


def require_bands_first(
    data: np.ndarray, known: bool, told: Told, name: str, shape: tuple[int, ...] | None = None
) -> None:
    """Refuse a cube with its bands elsewhere, unless they are known to come first."""
    axis = 0 if known or told.bands_first else bands_at(data, shape)
    if axis:
        sides = " x ".join(map(str, shape or data.shape))
        order = "(row, column, band)" if axis == 2 else "(row, band, column)"
        raise InputError(f"{name} of {sides}, which looks like {order}", "(band, row, column)", HINT.format(axis))


def _arrays(
    cube: Any, wavelengths_nm: Sequence[float] | np.ndarray | None, method: Method, told: Told, options: Options
) -> Any:
    """Numpy, torch or xarray."""
    centres = centres_of(cube, wavelengths_nm)
    taken = arrays.take(cube, "cube")
    count = len(taken.data)
    if centres and len(centres) != count:
        hint = HINT.format(2) if len(centres) == taken.data.shape[2] else ""
        raise InputError(f"{len(centres)} wavelengths for {count} bands", "one per band", hint)
    require_bands_first(taken.data, bool(centres), told, "a cube")
    require_fit(method, count, told.ratio, count)
    present = np.isfinite(taken.data) if taken.dtype.kind == "f" else np.ones(taken.data.shape, bool)
    nodata = taken.nodata if told.nodata is None else told.nodata
    if nodata is not None and not np.isnan(nodata):
        present &= taken.data != nodata
    nm = centres or [None] * count
    banding = plan(taken.data, present, nm, told.bad_bands, across_gaps=told.across_gaps)
    for note in banding.notes:
        options.tell(note)
    require_fit(method, len(banding.good), told.ratio, count)
    bands = _bands(told, count, centres)
    scene = _scene(taken, bands, banding.good, present, told)
    passed = None
    if banding.passed and not told.drop_bad:
        passed = _scene(taken, bands, banding.passed, present, told)
    method = ready(method, scene, options)
    order = product_bands(banding, told)
    dtype = arrays.dtype_of(options.dtype or taken.dtype)
    found = np.empty((len(order), *scene.shape), scene.whole["hs"].data.dtype)
    valid = np.empty(scene.shape, bool)

    def put(window: Window, data: np.ndarray, seen: np.ndarray) -> None:
        rows, cols = window.slices
        found[:, rows, cols], valid[rows, cols] = data, seen

    run(method, scene, passed, banding, told, options, put)
    stored = arrays.restore(Product(found, valid), dtype, nodata)
    if dtype.kind != "f":
        code = 0 if nodata is None else nodata
        stored[[order.index(band) for band in banding.empty if band in order]] = code
    named = tuple(bands[band] for band in order)
    if type(cube).__module__.split(".")[0] == "xarray":
        return finer_xarray(cube, stored, order, told.ratio)
    return taken.back(stored, named, taken.attrs)


def _bands(told: Told, count: int, centres: Sequence[float | None]) -> tuple[Band, ...]:
    """Bands of an array."""
    if told.sensor is None:
        return tuple(Band(f"band_{i}", centres[i - 1] if centres else None) for i in range(1, count + 1))
    found = match_bands(load(told.sensor), count)
    return tuple(
        replace(band, centre_nm=centres[i]) if centres and band.centre_nm is None else band
        for i, band in enumerate(found)
    )


def _scene(
    taken: arrays.Taken, bands: Sequence[Band], picked: Sequence[int], present: np.ndarray, told: Told
) -> ArrayScene:
    """Some bands of an array; 0 where nothing was measured."""
    valid = np.asarray(present[list(picked)].all(axis=0))
    if taken.mask is not None:
        valid = valid & taken.mask
    if not valid.any():
        raise InputError("a cube without a pixel that is valid in all good bands", "", "check nodata, name --bad-bands")
    data = taken.data[list(picked)].astype(np.float64 if taken.dtype == np.float64 else np.float32)
    data[:, ~valid] = 0
    view = on_grid(data, valid, tuple(bands[at] for at in picked), told.ratio)
    return ArrayScene(observation(view, told.convention))
