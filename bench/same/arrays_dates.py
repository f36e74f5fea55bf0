"""Cases in Python of the verbs that predict dates; see ``arrays.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import earthloom
from bench.same.arrays import OPTIONS, case, dataset, labelled, masked, read, tensor

DAYS = ("20150711", "20171018")
QUIET: dict[str, Any] = {"coregister": "off", **OPTIONS}


def city(inputs: Path, dtype: str = "float32", inside: bool = True) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Fine and coarse images of both dates; the coarse ones cut to the fine ground."""
    fine = [read(inputs / f"city/fine_{day}.tif", dtype) for day in DAYS]
    coarse = [read(inputs / f"city/coarse_{day}.tif", dtype) for day in DAYS]
    return fine, [image[:, 4:20, 4:20] if inside else image for image in coarse]


def _predict_cases() -> None:
    """Dtypes by methods."""
    for dtype in ("float32", "float64", "uint16"):
        for method in ("copy", "starfm", "fsdaf", "fit_fc"):

            @case(f"predict: numpy {dtype} {method}")
            def numpy_of(inputs: Path, _: Path, dtype: str = dtype, method: str = method) -> Any:
                fine, coarse = city(inputs, dtype)
                return earthloom.predict([(fine[0], coarse[0])], coarse[1], method, **OPTIONS)


_predict_cases()


@case("predict: numpy two pairs")
def _(inputs: Path, _: Path) -> Any:
    fine, coarse = city(inputs)
    pairs, between = list(zip(fine, coarse, strict=True)), (coarse[0] + coarse[1]) / 2
    dated: dict[str, Any] = {"dates": ["2015-07-11", "2017-10-18"], "date": "2016-08-01", **OPTIONS}
    mask = np.zeros(fine[0].shape[1:], bool)
    mask[20:50, 30:60] = True
    return [
        earthloom.predict(pairs, between, "estarfm", **dated),
        earthloom.predict(pairs, between, "starfm", refine=2, **dated),
        earthloom.predict(pairs, between, "fit_fc", fine_masks=[mask, None], **dated),
        earthloom.predict(pairs, between, "copy", match="regression", coregister="always", **dated),
        earthloom.predict(pairs, between, "starfm", tile_size=64, threads=2, fine_bands=(3, 1), coarse_bands=(3, 1)),
    ]


@case("predict: numpy on the fine grid")
def _(inputs: Path, _: Path) -> Any:
    fine, coarse = city(inputs)
    coarse = [np.kron(image, np.ones((1, 8, 8), "float32")) for image in coarse]
    return earthloom.predict([(fine[0], coarse[0])], coarse[1], "fit_fc", ratio=8, **OPTIONS)


@case("predict: masked")
def _(inputs: Path, _: Path) -> Any:
    fine, coarse = city(inputs, "uint16")
    hole = masked(fine[0], slice(10, 30), slice(60, 90))
    return [
        earthloom.predict([(hole, coarse[0])], coarse[1], "copy", **QUIET),
        earthloom.predict([(hole, coarse[0])], masked(coarse[1], slice(3, 5), slice(3, 5)), "fit_fc", **QUIET),
    ]


@case("predict: torch")
def _(inputs: Path, _: Path) -> Any:
    fine, coarse = ([tensor(image) for image in images] for images in city(inputs))
    return earthloom.predict([(fine[0], coarse[0])], coarse[1], "fit_fc", **OPTIONS)


@case("predict: xarray")
def _(inputs: Path, _: Path) -> Any:
    fine, coarse = city(inputs)
    named = [labelled(image, 10.0, units="1") for image in fine], [labelled(image, 80.0) for image in coarse]
    return earthloom.predict([(named[0][0], named[1][0])], named[1][1], "fit_fc", **QUIET)


@case("predict: xarray with a CRS")
def _(inputs: Path, _: Path) -> Any:
    fine = dataset(inputs / f"city/fine_{DAYS[0]}.tif")
    coarse = [dataset(inputs / f"city/coarse_{day}.tif") for day in DAYS]
    return earthloom.predict([(fine, coarse[0])], coarse[1], "copy", **OPTIONS)


@case("predict: paths")
def _(inputs: Path, out: Path) -> Any:
    pair, coarse = (inputs / f"city/fine_{DAYS[0]}.tif", inputs / f"city/coarse_{DAYS[0]}.tif"), inputs / "city"
    target = coarse / f"coarse_{DAYS[1]}.tif"
    return [
        earthloom.predict([pair], target, "fit_fc", **OPTIONS),
        earthloom.predict([pair], target, "copy", fine_scale=1e-4, coarse_scale=1e-4, dtype="uint16", **OPTIONS),
        earthloom.predict([pair], target, "copy", output=out / "o.tif", **OPTIONS),
    ]


REFUSED_PREDICT: dict[str, Any] = {
    "refused: mixed kinds": {"coarse": "coarse.tif"},
    "refused: no pairs": {"pairs": []},
    "refused: no such field": {"windows": 3},
    "refused: ratio": {"ratio": 3},
    "refused: output of arrays": {"output": "x.tif"},
    "two kinds": {"coarse": None},
}


def _predict_refusals() -> None:
    """A case each."""
    for name, changed in REFUSED_PREDICT.items():

        @case(f"predict: {name}")
        def refused(inputs: Path, _: Path, changed: dict[str, Any] = changed) -> Any:
            fine, coarse = city(inputs)
            given: dict[str, Any] = {"pairs": [(fine[0], coarse[0])], "coarse": coarse[1], **changed}
            return earthloom.predict(
                **{**given, "coarse": tensor(coarse[1]) if given["coarse"] is None else given["coarse"]}
            )


_predict_refusals()


@case("series: numpy")
def _(inputs: Path, _: Path) -> Any:
    fine, coarse = city(inputs)
    known = {"2020-03-01": fine[0], "2020-03-21": fine[1]}
    seen = {f"2020-03-{day:02}": coarse[0] * (21 - day) / 20 + coarse[1] * (day - 1) / 20 for day in (1, 9, 14, 21)}
    seen = {day: image.astype("float32") for day, image in seen.items()}
    cloud = {"2020-03-01": np.zeros(fine[0].shape[1:], bool)}
    cloud["2020-03-01"][40:70, 10:40] = True
    return [
        earthloom.series(known, seen, "copy", **OPTIONS), earthloom.series(known, seen, "starfm", **OPTIONS),
        earthloom.series(known, seen, "fit_fc", fill=True, fine_masks=cloud, refine=1, **OPTIONS),
        earthloom.series(known, seen, "estarfm", dates=["2020-03-09"], dtype="uint16", **OPTIONS),
    ]  # fmt: skip


@case("series: torch and xarray")
def _(inputs: Path, _: Path) -> Any:
    fine, coarse = city(inputs)
    days = ("2020-03-01", "2020-03-21")
    seen = dict(zip((*days, "2020-03-11"), (*coarse, (coarse[0] + coarse[1]) / 2), strict=True))
    found = []
    for kind in (lambda image, pixel: tensor(image), labelled):
        known = {day: kind(image, 10.0) for day, image in zip(days, fine, strict=True)}
        found.append(earthloom.series(known, {d: kind(i, 80.0) for d, i in seen.items()}, "fit_fc", **QUIET))
    return found


@case("series: paths")
def _(inputs: Path, out: Path) -> Any:
    return earthloom.series(inputs / "ndvi/fine", inputs / "ndvi/coarse", "copy", output=out / "s", **OPTIONS)


@case("series: refused: no output")
def _(inputs: Path, _: Path) -> Any:
    return earthloom.series(inputs / "ndvi/fine", inputs / "ndvi/coarse")
