"""Cases in Python: every verb on numpy, masked arrays, torch tensors and DataArrays, and on paths without output=.

The functions run in the interpreters of both checkouts; the one that compares only asks for their names.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

import earthloom

Function = Callable[[Path, Path], Any]
CASES: dict[str, Function] = {}
OPTIONS: dict[str, Any] = {"threads": 1}


def case(name: str) -> Callable[[Function], Function]:
    """Register a case: a function of the folder of the inputs and that of the products."""

    def register(function: Function) -> Function:
        CASES[f"python {name}"] = function
        return function

    return register


def read(path: Path, dtype: str | None = None) -> np.ndarray:
    """All bands of a file, as they are stored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            data = file.read()
    return data if dtype is None else data.astype(dtype)


def dataset(path: Path, *, masked: bool = False, scaled: bool = False) -> Any:
    """A file as rioxarray reads it."""
    import rioxarray

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rioxarray.open_rasterio(path, masked=masked, mask_and_scale=scaled) as found:
            return found.load()  # type: ignore[union-attr]


def tensor(array: np.ndarray) -> Any:
    """A torch tensor."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(array))


def labelled(array: np.ndarray, pixel: float, **attrs: Any) -> Any:
    """A DataArray with coordinates, without a CRS."""
    import xarray

    y, x = ((0.5 + np.arange(n)) * pixel for n in array.shape[-2:])
    return xarray.DataArray(array, dims=("band", "y", "x")[-array.ndim :], coords={"y": y, "x": x}, attrs=attrs)


def masked(array: np.ndarray, rows: slice, cols: slice) -> np.ma.MaskedArray:
    """A masked array with a hole."""
    mask = np.zeros(array.shape, bool)
    mask[..., rows, cols] = True
    return np.ma.MaskedArray(array, mask)


def wv(inputs: Path, dtype: str = "float32", stem: str = "wv") -> tuple[np.ndarray, np.ndarray]:
    """PAN and MS."""
    return read(inputs / f"{stem}_pan.tif", dtype), read(inputs / f"{stem}_ms.tif", dtype)


def _pansharpen_cases() -> None:
    """Kinds by dtypes by methods."""
    for dtype in ("float32", "float64", "uint16"):
        for method in ("gsa", "mtf_glp_hpm", "exp"):

            @case(f"pansharpen: numpy {dtype} {method}")
            def numpy_of(inputs: Path, _: Path, dtype: str = dtype, method: str = method) -> Any:
                return earthloom.pansharpen(*wv(inputs, dtype), method, "worldview2", **OPTIONS)


_pansharpen_cases()


@case("pansharpen: numpy refined, dtype, nodata")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = wv(inputs, "uint16", "fill")
    return [
        earthloom.pansharpen(pan, ms, "bt_h", nodata=0, refine=2, **OPTIONS),
        earthloom.pansharpen(pan[0], ms, "brovey", nodata=0, dtype="float32", **OPTIONS),
        earthloom.pansharpen(pan / 2047, ms / 2047, "mtf_glp", convention="toolbox", tile_size=64, threads=2),
    ]


@case("pansharpen: numpy register")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = wv(inputs)
    return earthloom.pansharpen(pan, np.roll(ms, 1, axis=2), register=True, **OPTIONS)


@case("pansharpen: numpy cf2n")
def _(inputs: Path, _: Path) -> Any:
    return earthloom.pansharpen(*wv(inputs), "cf2n", **OPTIONS)


@case("pansharpen: masked")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = wv(inputs, "uint16")
    hole = masked(ms, slice(10, 20), slice(5, 15))
    return [
        earthloom.pansharpen(pan, hole, "gsa", **OPTIONS),
        earthloom.pansharpen(masked(pan, slice(30, 60), slice(100, 140)), hole, "exp", nodata=0, **OPTIONS),
        earthloom.pansharpen(pan.astype("float32"), hole.astype("float32"), "sfim", **OPTIONS),
    ]


@case("pansharpen: torch")
def _(inputs: Path, _: Path) -> Any:
    import torch

    pan, ms = (tensor(array) for array in wv(inputs))
    half = (image.to(torch.bfloat16) for image in (pan, ms))
    return [
        earthloom.pansharpen(pan, ms, "gsa", **OPTIONS), earthloom.pansharpen(*half, "exp", **OPTIONS),
        earthloom.pansharpen(pan.double(), ms.double(), "cf2n", **OPTIONS),
        earthloom.pansharpen(pan.to(torch.int16), ms.to(torch.int16), "brovey", refine=1, **OPTIONS),
    ]  # fmt: skip


@case("pansharpen: xarray")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = wv(inputs)
    return [
        earthloom.pansharpen(labelled(pan, 0.5), labelled(ms, 2.0, units="DN"), "gsa", **OPTIONS),
        earthloom.pansharpen(labelled(pan[0], 0.5), labelled(ms[:, 4:-4, 4:-4], 2.0), "exp", **OPTIONS),
    ]


@case("pansharpen: xarray with a CRS")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = (dataset(inputs / f"wv_{role}.tif") for role in ("pan", "ms"))
    return earthloom.pansharpen(pan, ms, "mtf_glp", "worldview2", **OPTIONS)


@case("pansharpen: xarray, PAN beyond MS")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = dataset(inputs / "wide_pan.tif"), dataset(inputs / "wv_ms.tif")
    return earthloom.pansharpen(pan, ms, "gsa", nodata=0, **OPTIONS)


@case("pansharpen: xarray, scaled")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = (dataset(inputs / f"scaled_{role}.tif") for role in ("pan", "ms"))
    return earthloom.pansharpen(pan, ms, "brovey", **OPTIONS)


@case("pansharpen: xarray, masked and scaled")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = (dataset(inputs / f"scaled_{role}.tif", scaled=True) for role in ("pan", "ms"))
    return earthloom.pansharpen(pan, ms, "gsa", **OPTIONS)


@case("pansharpen: xarray, black fill")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = (dataset(inputs / f"fill_{role}.tif", masked=True) for role in ("pan", "ms"))
    return earthloom.pansharpen(pan, ms, "gsa", **OPTIONS)


def _paths(name: str, pan: str, ms: str | list[str], **more: Any) -> None:
    """Files in, a DataArray out."""

    @case(f"pansharpen: paths, {name}")
    def of_paths(inputs: Path, _: Path) -> Any:
        files = [str(inputs / one) for one in ms] if isinstance(ms, list) else inputs / ms
        return earthloom.pansharpen(inputs / pan, files, **OPTIONS, **more)


_paths("plain", "wv_pan.tif", "wv_ms.tif")
_paths("uint16", "wv_pan.tif", "wv_ms.tif", dtype="uint16", refine=1)
_paths("files", "wv_pan.tif", ["wv_ms_1.tif", "wv_ms_2.tif"], method="exp")
_paths("scaled", "scaled_pan.tif", "scaled_ms.tif", method="exp")
_paths("scaled int16", "scaled_pan.tif", "scaled_ms.tif", dtype="int16", nodata=-9999)
_paths("scaled floats", "floats_pan.tif", "floats_ms.tif", method="exp")
_paths("black fill", "fill_pan.tif", "fill_ms.tif", dtype="uint16")
_paths("nowhere", "nowhere_pan.tif", "nowhere_ms.tif", method="sfim", convention="toolbox")
_paths("Landsat folder", "l8", "l8", method="exp")
_paths("register", "wv_pan.tif", "shift_ms.tif", register=True)


@case("pansharpen: paths, output")
def _(inputs: Path, out: Path) -> Any:
    return earthloom.pansharpen(inputs / "wv_pan.tif", inputs / "wv_ms.tif", output=out / "o.tif", **OPTIONS)


def _refusals() -> None:
    """What is wrong with two arrays, a case each."""

    def each(name: str, call: Callable[[np.ndarray, np.ndarray, Path], Any]) -> None:
        @case(f"pansharpen: {name}")
        def refused(inputs: Path, out: Path) -> Any:
            return call(*wv(inputs), inputs if "a path" in name else out)

    each("refused: a path and an array", lambda pan, ms, inputs: earthloom.pansharpen(inputs / "wv_pan.tif", ms))
    each("refused: output of arrays", lambda pan, ms, out: earthloom.pansharpen(pan, ms, output=out / "o.tif"))
    each("no whole ratio", lambda pan, ms, _: earthloom.pansharpen(pan[:, :-3], ms))
    each("two kinds", lambda pan, ms, _: earthloom.pansharpen(pan, tensor(ms)))
    each("refused: no such gain", lambda pan, ms, _: earthloom.pansharpen(pan, ms, gain="none"))
    each("refused: no such field", lambda pan, ms, _: earthloom.pansharpen(pan, ms, gains=1))
    each("refused: of another problem", lambda pan, ms, _: earthloom.pansharpen(pan, ms, "starfm"))
    each("refused: nothing measured", lambda pan, ms, _: earthloom.pansharpen(np.full_like(pan, np.nan), ms))
    each("refused: complex numbers", lambda pan, ms, _: earthloom.pansharpen(pan, ms.astype(complex)))


_refusals()


@case("simulate")
def _(inputs: Path, _: Path) -> Any:
    pan, ms = wv(inputs)
    return [earthloom.simulate(pan, ms, "worldview2"), earthloom.simulate(tensor(pan), tensor(ms), None, "toolbox")]
