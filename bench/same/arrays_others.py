"""Cases in Python of super-resolution, alignment, cloud removal and evaluation; see ``arrays.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import earthloom
from bench.same.arrays import OPTIONS, case, dataset, labelled, masked, read, tensor


def cube(inputs: Path, dtype: str = "float32") -> np.ndarray:
    """Eight bands of a cube."""
    return read(inputs / "few.tif", dtype)


def _superresolve_cases() -> None:
    """Dtypes by methods."""
    for dtype in ("float32", "float64", "uint16"):
        for method in ("bicubic", "back_projection", "dualsr"):

            @case(f"superresolve: numpy {dtype} {method}")
            def numpy_of(inputs: Path, _: Path, dtype: str = dtype, method: str = method) -> Any:
                return earthloom.superresolve(cube(inputs, dtype), 2, method, **OPTIONS)


_superresolve_cases()


@case("superresolve: numpy options")
def _(inputs: Path, _: Path) -> Any:
    seen = cube(inputs)
    holes = seen.copy()
    holes[:, 3:5, 4:8] = np.nan
    return [
        earthloom.superresolve(seen, 4, "bicubic", refine=2, bad_bands="2,5-6", **OPTIONS),
        earthloom.superresolve(seen, 2, "back_projection", bad_bands=[1], drop_bad=True, **OPTIONS),
        earthloom.superresolve(
            seen, 2, "dualsr", refine=False, wavelengths_nm=[400, 410, 420, 430, 600, 610, 620, 630]
        ),
        earthloom.superresolve(holes, 2, "bicubic", blur="mtf", dtype="uint16", nodata=0, **OPTIONS),
        earthloom.superresolve(masked(cube(inputs, "uint16"), slice(2, 5), slice(3, 6)), 2, "bicubic", **OPTIONS),
    ]


@case("superresolve: torch and xarray")
def _(inputs: Path, _: Path) -> Any:
    seen = cube(inputs)
    return [
        earthloom.superresolve(tensor(seen), 2, "dualsr", **OPTIONS),
        earthloom.superresolve(labelled(seen, 30.0, units="1"), 2, "bicubic", **OPTIONS),
        earthloom.superresolve(dataset(inputs / "half.tif"), 2, "back_projection", **OPTIONS),
        earthloom.superresolve(dataset(inputs / "scaled_cube.tif"), 2, "bicubic", **OPTIONS),
    ]


@case("superresolve: paths")
def _(inputs: Path, out: Path) -> Any:
    return [
        earthloom.superresolve(inputs / "half.tif", 2, "back_projection", **OPTIONS),
        earthloom.superresolve(inputs / "envi", 2, "bicubic", bad_bands=[8], **OPTIONS),
        earthloom.superresolve(inputs / "cube.mat", 2, "dualsr", dtype="uint16", **OPTIONS),
        earthloom.superresolve(inputs / "scaled_cube.tif", 2, "bicubic", dtype="int16", **OPTIONS),
        earthloom.superresolve(inputs / "half.tif", 2, "bicubic", output=out / "o.tif", **OPTIONS),
    ]


SENSORS: dict[str, Any] = {"source_sensor": "sentinel2a", "target_sensor": "gaofen1_wfv", **OPTIONS}


def reflectance(inputs: Path, dtype: str = "float32") -> list[np.ndarray]:
    """Source and target in reflectance (or x 10000 as integers)."""
    both = [read(inputs / f"{name}.tif") for name in ("four", "wfv")]
    return [image.astype(dtype) if dtype == "uint16" else (image * 1e-4).astype(dtype) for image in both]


def _align_cases() -> None:
    """Dtypes by methods."""
    for dtype in ("float32", "float64", "uint16"):
        for method in ("none", "ols", "cross_linear", "robust", "monotone_lut", "cdf_match"):

            @case(f"align: numpy {dtype} {method}")
            def numpy_of(inputs: Path, _: Path, dtype: str = dtype, method: str = method) -> Any:
                source, target = reflectance(inputs, dtype)
                return earthloom.align(source, target=target, method=method, **SENSORS)


_align_cases()


@case("align: numpy spectral and options")
def _(inputs: Path, _: Path) -> Any:
    source, target = reflectance(inputs)
    cloud = read(inputs / "wfv_cloud.tif")[0] > 0
    return [
        earthloom.align(source, **SENSORS), earthloom.align(source, method="unet_lut", **SENSORS),
        earthloom.align(source, method="spectral", cross=False, dtype="float64", **SENSORS),
        earthloom.align(source, target=target, target_mask=cloud, method="ols", tile_size=64, **SENSORS),
        earthloom.align(masked(source, slice(5, 25), slice(30, 60)), target=target, method="rma", **SENSORS),
        earthloom.align(source * 1e4, target=target * 1e4, source_scale=1e-4, target_scale=1e-4, **SENSORS),
    ]  # fmt: skip


@case("align: torch and xarray")
def _(inputs: Path, _: Path) -> Any:
    source, target = reflectance(inputs)
    return [
        earthloom.align(tensor(source), target=tensor(target), method="cross_linear", **SENSORS),
        earthloom.align(labelled(source, 10.0, units="1"), **SENSORS),
        earthloom.align(labelled(source, 10.0), target=labelled(target, 10.0), method="ols", **SENSORS),
        earthloom.align(dataset(inputs / "four_float.tif"), **SENSORS),
    ]


@case("align: xarray, scaled")
def _(inputs: Path, _: Path) -> Any:
    return earthloom.align(dataset(inputs / "four.tif"), **SENSORS)


@case("align: xarray, told scale")
def _(inputs: Path, _: Path) -> Any:
    return earthloom.align(dataset(inputs / "four.tif"), source_scale=1e-4, **SENSORS)


@case("align: paths")
def _(inputs: Path, out: Path) -> Any:
    four, wfv = inputs / "four.tif", inputs / "wfv.tif"
    return [
        earthloom.align(four, **SENSORS), earthloom.align(four, target=wfv, method="ols", **SENSORS),
        earthloom.align(four, target=wfv, method="monotone_lut", dtype="uint16", **SENSORS),
        earthloom.align(four, output=out / "o.tif", **SENSORS),
    ]  # fmt: skip


@case("align: a fitted transform")
def _(inputs: Path, out: Path) -> Any:
    four, wfv = inputs / "four.tif", inputs / "wfv.tif"
    transform = earthloom.fit_alignment(four, wfv, method="monotone_lut", **SENSORS)
    transform.save(out / "t.json")
    source, _target = reflectance(inputs)
    return [
         earthloom.align(source, method=transform, **OPTIONS),
        earthloom.align(four, method=str(out / "t.json"), output=out / "o.tif", **OPTIONS),
        earthloom.align(tensor(source), method=earthloom.Transform.load(out / "t.json"), **OPTIONS),
    ]  # fmt: skip


REFUSED_ALIGN: dict[str, dict[str, Any]] = {
    "a path and an array": {"source": "s2.tif"},
    "no target": {"target": None, "method": "ols"},
    "no sensors": {"source_sensor": None, "target_sensor": None, "target": None},
    "output of arrays": {"output": "x.tif"},
    "no such field": {"lines": 3},
}


def _align_refusals() -> None:
    """A case each."""
    for name, changed in REFUSED_ALIGN.items():

        @case(f"align: refused: {name}")
        def refused(inputs: Path, _: Path, changed: dict[str, Any] = changed) -> Any:
            source, target = reflectance(inputs)
            given: dict[str, Any] = {"source": source, "target": target, **SENSORS, **changed}
            return earthloom.align(**given)


_align_refusals()


@case("align: refused: an array and a path")
def _(inputs: Path, _: Path) -> Any:
    return earthloom.align(reflectance(inputs)[0], target=inputs / "wfv.tif", **SENSORS)


@case("align: refused: shapes")
def _(inputs: Path, _: Path) -> Any:
    source, target = reflectance(inputs)
    return earthloom.align(source[:, :50], target=target, **SENSORS)


@case("align: refused: a fitted transform without output")
def _(inputs: Path, _: Path) -> Any:
    transform = earthloom.fit_alignment(inputs / "four.tif", inputs / "wfv.tif", method="ols", **SENSORS)
    return earthloom.align(inputs / "four.tif", method=transform, **OPTIONS)


def clouds(inputs: Path, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Optical, radar in dB, mask."""
    sar = read(inputs / "4438_s1.tif", "float32") / np.float32(100)
    return read(inputs / "bgrn.tif", dtype), sar, read(inputs / "4438_mask.tif")[0] > 0


def _decloud_cases() -> None:
    """Dtypes by methods."""
    for dtype in ("float32", "float64", "uint16"):
        for method in ("inpaint", "sar_regression"):

            @case(f"decloud: numpy {dtype} {method}")
            def numpy_of(inputs: Path, _: Path, dtype: str = dtype, method: str = method) -> Any:
                return earthloom.decloud(*clouds(inputs, dtype), method, **OPTIONS)


_decloud_cases()


@case("decloud: numpy options")
def _(inputs: Path, _: Path) -> Any:
    optical, sar, mask = clouds(inputs)
    days = [read(inputs / f"dates/2018-{day}.tif", "float32") for day in ("03-22", "03-07", "04-26")]
    masks = [read(inputs / f"dates/2018-{day}_mask.tif") for day in ("03-22", "03-07", "04-26")]
    power = np.power(10, sar / 10).astype("float32")
    return [
        earthloom.decloud(optical, sar, mask, replace_all=True, **OPTIONS),
        earthloom.decloud(optical, power, mask, sar_units="linear", tile_size=64, **OPTIONS),
        earthloom.decloud(days[0], None, masks[0], "mosaic", days[1:], date_masks=masks[1:], **OPTIONS),
        earthloom.decloud(masked(optical, slice(0, 9), slice(0, 9)), sar, mask, "inpaint", dtype="uint16", nodata=0),
        earthloom.decloud(read(inputs / "winter.tif"), None, None, "inpaint", sensor="sentinel2a", **OPTIONS),
    ]


@case("decloud: torch and xarray")
def _(inputs: Path, _: Path) -> Any:
    optical, sar, mask = clouds(inputs)
    named = labelled(optical, 10.0, units="1"), labelled(sar, 10.0), labelled(mask, 10.0)
    return [
        earthloom.decloud(tensor(optical), tensor(sar), tensor(mask), **OPTIONS),
        earthloom.decloud(*named, **OPTIONS),
        earthloom.decloud(dataset(inputs / "winter.tif"), None, dataset(inputs / "winter_mask.tif"), "inpaint"),
    ]


@case("decloud: paths")
def _(inputs: Path, out: Path) -> Any:
    three = [inputs / name for name in ("bgrn.tif", "4438_s1.tif", "4438_mask.tif")]
    scaled = [inputs / "bgrn_scaled.tif", *three[1:]]
    winter = [inputs / name for name in ("winter.tif", "winter_s1.tif", "winter_mask.tif")]
    return [
        earthloom.decloud(*three, **OPTIONS), earthloom.decloud(*scaled, "inpaint", **OPTIONS),
        earthloom.decloud(*scaled, dtype="uint16", **OPTIONS), earthloom.decloud(*winter, **OPTIONS),
        earthloom.decloud(*three, output=out / "o.tif", **OPTIONS),
    ]  # fmt: skip


@case("evaluate: arrays and paths")
def _(inputs: Path, _: Path) -> Any:
    ms, pan = read(inputs / "wv_ms.tif"), read(inputs / "wv_pan.tif")
    product = earthloom.pansharpen(pan, ms, "exp", **OPTIONS)
    optical, _sar, mask = clouds(inputs)
    return [
        earthloom.evaluate(product, product + product // 8, ratio=4),
        earthloom.evaluate(product, pan=pan, ms=ms, sensor="worldview2"),
        earthloom.evaluate(optical, optical[::-1], mask=mask, peak=10000),
        earthloom.evaluate(inputs / "truth.tif", inputs / "truth.tif", hs=inputs / "half.tif", ratio=2),
        earthloom.evaluate(tensor(ms.astype("float32")), tensor(ms.astype("float32") * 1.1), ratio=4, margin=3),
    ]  # fmt: skip


REFUSED: dict[str, Any] = {
    "superresolve: refused: output of arrays": lambda i, o: earthloom.superresolve(
        cube(i), 2, "bicubic", output=o / "p.tif"
    ),
    "superresolve: refused: ratio": lambda i, _: earthloom.superresolve(cube(i), 5),
    "decloud: refused: output of arrays": lambda i, o: earthloom.decloud(*clouds(i), output=o / "p.tif"),
    "decloud: refused: an array and a path": lambda i, _: earthloom.decloud(clouds(i)[0], "sar.tif", clouds(i)[2]),
    "decloud: two kinds": lambda i, _: earthloom.decloud(clouds(i)[0], tensor(clouds(i)[1]), clouds(i)[2]),
    "decloud: refused: no dates": lambda i, _: earthloom.decloud(clouds(i)[0], method="mosaic"),
    "evaluate: refused: nothing": lambda i, _: earthloom.evaluate(read(i / "wv_ms.tif")),
    "evaluate: refused: grids": lambda i, _: earthloom.evaluate(read(i / "wv_ms.tif"), read(i / "wv_pan.tif"), ratio=4),
}
for _name, _function in REFUSED.items():
    case(_name)(_function)
