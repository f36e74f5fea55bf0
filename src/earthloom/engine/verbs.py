"""What a user calls. Each verb takes files or arrays and gives the same kind back."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from earthloom.engine import arrays, register
from earthloom.engine.fuse import fuse_array
from earthloom.engine.runner import Progress, silent
from earthloom.errors import EarthloomWarning, InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.refine import Refined, refined, residual_percent


@dataclass(frozen=True)
class Options:
    """How to run, whatever the method."""

    sensor: Any = None
    convention: str | None = None
    register: bool = False
    threads: int | None = None
    tile_size: int | None = None
    nodata: float | None = None
    dtype: str | None = None
    compress: str = "zstd"
    overwrite: bool = False
    ignore_georeferencing: bool = False
    progress: Progress = silent
    say: Any = None  # called with one line of text about each step
    adapt_seconds: float = 0.0
    save_weights: Any = None
    measured: Any = None  # called with figures of how the product came out, such as its residual

    def tell(self, line: str) -> None:
        """Say what is being done, when somebody listens."""
        if self.say is not None:
            self.say(line)

    def tell_residual(self, residual: dict[str, float] | None) -> None:
        """Say how far the product is from what was seen, before and after refinement; None: it was not refined."""
        if residual is None:
            return
        self.tell("residual {before_percent:.3g} % before refinement, {after_percent:.3g} % after".format(**residual))
        if self.measured is not None:
            self.measured(residual)

    @property
    def tile_px(self) -> int | None:
        """The tile size, when it makes sense; None: the engine chooses."""
        if self.tile_size is not None and self.tile_size < 16:
            raise InputError(f"tile size {self.tile_size}", "at least 16 pixels")
        return self.tile_size

    @property
    def workers(self) -> int:
        """Threads: as many as this process may use, unless told otherwise."""
        if self.threads is not None and self.threads < 1:
            raise InputError(f"{self.threads} threads", "at least 1")
        if self.threads:
            return self.threads
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pansharpen(
    pan: Any,
    ms: Any,
    method: str | Method = "gsa",
    sensor: Any = None,
    *,
    output: str | Path | None = None,
    convention: str | None = None,
    register: bool = False,
    threads: int | None = None,
    tile_size: int | None = None,
    nodata: float | None = None,
    dtype: str | None = None,
    compress: str = "zstd",
    overwrite: bool = False,
    ignore_georeferencing: bool = False,
    refine: int = 0,
    adapt_seconds: float = 0.0,
    save_weights: str | Path | None = None,
    progress: Progress = silent,
    **fields: Any,
) -> Any:
    """Sharpen a multispectral image with a panchromatic one.

    Parameters
    ----------
    pan
        Panchromatic image: path, numpy ``(y, x)`` or ``(1, y, x)``, torch tensor or xarray DataArray.
    ms
        Multispectral or hyperspectral image of the same kind, ``(band, y, x)``; for files one path or a list with
        a file per band.
    method
        Name of a method (``earthloom methods`` lists them), or a method object.
    sensor
        Name of a sensor, path of a sensor file, or None for ``generic`` (MTF 0.3). It sets the MTF gains.
    output
        For files: the COG to write. Without it, files give an xarray DataArray in physical units (scale and offset
        of the files applied), or in the stored numbers of ``dtype`` when that is an integer.
    convention
        Where MS pixel ``i`` lies on the PAN grid: ``centre``, ``ratio * i + (ratio - 1) / 2`` (default for
        arrays), or ``toolbox``, ``ratio * i + ratio / 2`` with every habit of the MATLAB protocol.
        Leave it out for georeferenced inputs: they say so themselves.
    register
        Correct a measured displacement between MS and PAN.
    threads, tile_size
        Workers, and side of a tile in PAN pixels; None chooses by method and free memory. Results do not depend on
        them.
    nodata
        Code of missing pixels; NaN and infinity are always missing.
    dtype
        Type of the result; None keeps that of the MS. Integers are rounded and clipped.
    compress, overwrite
        For files: ``zstd``, ``deflate`` or ``none``; an existing output is kept unless ``overwrite``.
    ignore_georeferencing
        For files: lay the upper left corners on each other whatever the georeferencing says.
    refine
        How many back-projections follow, ``F + U (M - D B F)``: they make the product agree with the MS. 0: none.
    adapt_seconds
        For a network: fit it to this very scene for so long before it is fused, without ground truth. It begins with
        the weights that fit, or with random ones where none do, and never ends worse than it began.
    save_weights
        File to keep the adapted weights in, for ``weights=``.
    progress
        Called after every tile with stage, done, total.
    **fields
        Fields of the method.

    Returns
    -------
    Array of the same kind as ``pan``, ``(band, y, x)`` on the PAN grid; for files the path written, or a
    DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import pansharpen
    >>> pan, ms = np.random.rand(64, 64), np.random.rand(3, 16, 16)
    >>> pansharpen(pan, ms, method="exp").shape
    (3, 64, 64)
    """
    chosen = refined(catalog.choose(method, "pansharpening", "pansharpening", fields), refine)
    options = Options(
        sensor, convention, register, threads, tile_size, nodata, dtype, compress, overwrite,
        ignore_georeferencing, progress, adapt_seconds=adapt_seconds, save_weights=save_weights,
    )  # fmt: skip
    if arrays.is_path(pan) and arrays.is_path(ms):
        from earthloom.engine.files import sharpen_files

        return sharpen_files(pan, ms, output, chosen, options)
    if arrays.is_path(pan) or arrays.is_path(ms):
        raise InputError("one input as a path and one as an array", "both of one kind")
    if output is not None:
        raise InputError("output= with arrays", "paths for pan and ms", "write the array that is returned yourself")
    return sharpen_arrays(pan, ms, chosen, options)


def sharpen_arrays(pan: Any, ms: Any, method: Method, options: Options) -> Any:
    """Sharpen numpy, torch or xarray inputs."""
    taken_pan, taken_ms = arrays.take(pan, "pan"), arrays.take(ms, "ms")
    dtype = arrays.dtype_of(options.dtype or taken_ms.dtype)
    scene = arrays.array_scene(taken_pan, taken_ms, options.sensor, options.convention or "centre", options.nodata)
    scene, _ = checked(scene, options, georeferenced=taken_pan.edges is not None and taken_ms.edges is not None)
    method = ready(method, scene, options)
    product = fuse_array(method, scene, options.tile_px, options.workers, options.progress)
    options.tell_residual(residual_percent(product.measured))
    nodata = taken_ms.nodata if options.nodata is None else options.nodata
    return taken_pan.back(arrays.restore(product, dtype, nodata), product.bands, taken_ms.attrs)


def ready(method: Method, scene: Any, options: Options) -> Method:
    """The method as it will run on this scene: a network with its weights, adapted to the scene when asked.

    Raises
    ------
    MethodError
        If no weights fit, or a method that has nothing to learn shall adapt.
    """
    if isinstance(method, Refined):
        return replace(method, inner=ready(method.inner, scene, options))
    if not options.adapt_seconds >= 0:  # NaN too
        raise InputError(f"adapting for {options.adapt_seconds:g} seconds", "a positive number")
    if options.adapt_seconds == 0:
        if options.save_weights is not None:
            raise InputError("save_weights without adapting", "adapt_seconds above 0 (--adapt)")
        method = method.ready(scene.empty())
        if method.card.family == "network" and options.measured is not None:
            options.measured({"network": method.told})
        return method
    if method.card.family != "network":
        raise MethodError(f"{method.card.name} has nothing to adapt", "a network such as cf2n", "leave out --adapt")
    if options.save_weights is not None:
        _weights_place(options)
    from earthloom.engine.adapt import adapt

    found = adapt(
        method, scene, options.adapt_seconds, threads=options.workers,  # type: ignore[arg-type]
        progress=options.progress, say=options.tell,
    )  # fmt: skip
    options.tell(str(found))
    if options.measured is not None:
        options.measured({"network": f"{method.card.name} {found}"})
    if not found.kept and found.began == "random":
        start = "the interpolated image" if method.card.problem == "pansharpening" else "what it began with"
        warnings.warn(
            f"{method.card.name} learnt nothing on this scene: the product is {start}; adapt longer, or give --weights",
            EarthloomWarning, stacklevel=2,
        )  # fmt: skip
    if options.save_weights is not None:
        found.method.save(options.save_weights)
    return found.method


def _weights_place(options: Options) -> None:
    """Refuse a place for weights before the work, not after it."""
    from earthloom.raster.write import require_place
    from earthloom.weights import SUFFIX

    path = Path(options.save_weights)
    if path.suffix != SUFFIX:
        raise InputError(f"save_weights {path.name}", f"a name that ends in {SUFFIX}")
    require_place(path, options.overwrite)


def checked(scene: Any, options: Options, georeferenced: bool) -> tuple[Any, register.Registration]:
    """Measure the displacement between the inputs, tell it, and correct it when asked."""
    if options.register and scene.convention == "toolbox":
        raise InputError("register with the toolbox convention", "convention 'centre'", "the protocol knows no offset")
    found = register.measure(scene, options.workers)
    options.tell(str(found))
    for y, x, shift in found.blocks:
        options.tell(f"  block at ({y}, {x}): {shift.y:+.2f} rows, {shift.x:+.2f} columns, +- {shift.sigma_px:.2f}")
    register.warn(found, options.register, georeferenced, scene)
    return (register.corrected(scene, found) if options.register and found.known else scene), found
