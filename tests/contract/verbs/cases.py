"""The smallest call of every verb on files and on arrays. A new verb adds one entry here, and keeps all laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import earthloom
from tests.e2e.conftest import fine_truth, grid, observed, put

Inputs = Callable[[Path], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A verb, what it is given, and what its laws need to know.

    Parameters
    ----------
    verb
        Name.
    inputs
        Makes the images in a folder: parameter to path, or to what the verb takes instead.
    fields
        Further arguments.
    one
        The parameter whose path is taken for an output, and for an array among paths.
    refines
        Whether ``refine=`` is an option.
    network
        Arguments that make a network run.
    """

    verb: str
    inputs: Inputs
    fields: Mapping[str, Any]
    one: str
    refines: bool = False
    network: Mapping[str, Any] | None = None

    def call(self, given: Mapping[str, Any], **more: Any) -> Any:
        """Call it."""
        return getattr(earthloom, self.verb)(**given, **{**self.fields, **more})


def _pan_ms(folder: Path) -> dict[str, Any]:
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth()))
    return {"pan": put(folder / "pan.tif", pan, grid(1)), "ms": put(folder / "ms.tif", ms, grid(4))}


def _dates(folder: Path) -> dict[str, Any]:
    known, later = (fine_truth(seed=seed).round().astype("uint16") for seed in (0, 7))
    coarse = [observed(truth.astype(float), 8)[1].round().astype("uint16") for truth in (known, known + later // 9)]
    fine = put(folder / "fine_20200301.tif", known, grid(1))
    first, target = (
        put(folder / f"coarse_{day}.tif", image, grid(8))
        for day, image in zip(("20200301", "20200310"), coarse, strict=True)
    )
    return {"pairs": [(fine, first)], "coarse": target}


def _cube(folder: Path) -> dict[str, Any]:
    cube = observed(fine_truth((48, 64), 8).astype(float), 2)[1].round().astype("uint16")
    return {"cube": put(folder / "cube.tif", cube, grid(4))}


def _source(folder: Path) -> dict[str, Any]:
    image = (fine_truth((64, 96), 4) * 1.5).round().astype("uint16")
    return {"source": put(folder / "source.tif", image, grid(10), descriptions=("B02", "B03", "B04", "B08"))}


def _cloudy(folder: Path) -> dict[str, Any]:
    truth = fine_truth((64, 96), 4)
    mask = np.zeros((1, 64, 96), np.uint8)
    mask[:, 20:34, 30:50] = 1
    sar = np.stack([-12 + truth[0] / 500, -18 + truth[1] / 500]).astype("float32")
    return {
        "optical": put(folder / "cloudy.tif", np.where(mask > 0, 9000, truth).round().astype("uint16"), grid(10)),
        "sar": put(folder / "sar.tif", sar, grid(10)),
        "mask": put(folder / "mask.tif", mask, grid(10)),
    }


def _fine_coarse(folder: Path) -> dict[str, Any]:
    truth = fine_truth((64, 96), 4)
    fine, coarse = truth[:3].round().astype("uint16"), observed(truth, 2)[1].round().astype("uint16")
    return {"fine": put(folder / "fine.tif", fine, grid(1)), "coarse": put(folder / "coarse.tif", coarse, grid(2))}


CASES = (
    Case("pansharpen", _pan_ms, {"method": "gsa"}, "pan", True, {"method": "cf2n", "adapt_steps": 1}),
    Case("sharpen", _fine_coarse, {"method": "gwr"}, "fine", True),
    Case("predict", _dates, {"method": "copy", "coregister": "off"}, "coarse", True),
    Case("superresolve", _cube, {"method": "bicubic", "ratio": 2}, "cube", False, {"method": "dualsr", "ratio": 2}),
    Case(
        "align", _source,
        {"source_sensor": "sentinel2a", "target_sensor": "landsat8", "method": "hls", "source_scale": 1e-4}, "source",
    ),
    Case("decloud", _cloudy, {"method": "sar_regression"}, "optical"),
)  # fmt: skip


def arrays(given: Any) -> Any:
    """The same images as numpy."""
    import rasterio

    if isinstance(given, Path):
        with rasterio.open(given) as file:
            return file.read()
    if isinstance(given, (list, tuple)):
        return type(given)(arrays(one) for one in given)
    return {key: arrays(value) for key, value in given.items()} if isinstance(given, dict) else given
