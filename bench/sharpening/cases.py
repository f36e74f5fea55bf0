"""Scenes of which the sharp bands are known: degraded one scale down, or simulated with the truth beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.data import SHARPENING
from bench.sharpening.scenes import means
from earthloom.engine.options import Run
from earthloom.metrics import ergas, sam_deg
from earthloom.metrics.reference import rmse
from earthloom.prepare.sharpening import Pairing
from earthloom.problems.sharpening import Sharpening
from earthloom.raster.open import open_image
from earthloom.types import Window

BORDER = 6  # wanted pixels that are not judged
FOLDER = SHARPENING / "sentinel2_20m"


@dataclass(frozen=True)
class Known:
    """Fine and coarse bands as arrays, and what the coarse ones are on the fine grid.

    Parameters
    ----------
    ratio
        Coarse over fine pixel size.
    bands
        Names of the coarse bands.
    right
        Columns at the right that are not judged.
    """

    name: str
    fine: np.ndarray
    coarse: np.ndarray
    truth: np.ndarray
    ratio: int
    bands: tuple[str, ...]
    right: int = 0
    sensor: str | None = "sentinel2a"

    def figures(self, product: np.ndarray) -> dict[str, Any]:
        """RMSE of every band and of all, ERGAS, SAM inside of the border."""
        right = self.truth.shape[2] - max(self.right, BORDER)
        cut = (slice(None), slice(BORDER, -BORDER), slice(BORDER, right))
        data, truth = np.asarray(product, np.float64)[cut], self.truth[cut]
        each = np.asarray(rmse(data, truth, per_band=True), float)
        return {
            "all": float(np.sqrt((each**2).mean())), "bands": dict(zip(self.bands, each.tolist(), strict=True)),
            "ergas": float(ergas(data, truth, self.ratio)), "sam_deg": float(sam_deg(data, truth)),
        }  # fmt: skip


def read(name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """An image of the folder and the names of its bands."""
    with open_image(str(FOLDER / f"{name}.tif")) as image:
        return image.read(Window(0, 0, *image.shape), np.dtype("float64"))[0], image.names


def one_scale_down(scene: str, coarse: str, gains: bool, sensor: str) -> Known:
    """The coarse bands of a scene as the truth, everything degraded by their ratio."""
    files = {"fine": f"{scene}_10m", "coarse": f"{scene}_{coarse}"}
    images = {role: open_image(str(FOLDER / f"{name}.tif")) for role, name in files.items()}
    ratio = {"20m": 2, "60m": 6}[coarse]
    names = images["coarse"].names
    if not gains:
        ten, truth = read(files["fine"])[0], read(files["coarse"])[0]
        fine, low = means(ten, ratio), means(truth, ratio)
        truth = truth[:, : fine.shape[1], : fine.shape[2]]
        step = (fine.shape[1] // ratio * ratio, fine.shape[2] // ratio * ratio)
        fine, truth = fine[:, : step[0], : step[1]], truth[:, : step[0], : step[1]]
        low = low[:, : step[0] // ratio, : step[1] // ratio]
        return Known(f"{scene}, {ratio * 10} m bands, block means", fine, low, truth, ratio, names, sensor=sensor)
    scene_of = Pairing(sensor, mtf="sensor")(images, Run()).scene
    case = Sharpening().degrade(scene_of.observe(Window(0, 0, *scene_of.shape), 0))
    views = case.obs.views
    return Known(
        f"{scene}, {ratio * 10} m bands, MTF", views["fine"].data, views["coarse"].data, np.float64(case.truth), ratio,
        names, sensor=sensor if coarse == "20m" else None,
    )  # fmt: skip


def apex(coarse: str) -> Known:
    """The left half of the simulation, with all bands at 10 m; noise in the 10 m bands is its own."""
    fine, _ = read("apex_left_10m")
    low, names = read(f"apex_left_{coarse}")
    whole, all_names = read("apex_left_truth")
    truth = whole[[all_names.index(name) for name in names]]
    ratio = {"20m": 2, "60m": 6}[coarse]
    return Known(
        f"APEX, {ratio * 10} m bands, truth",
        fine,
        low,
        truth,
        ratio,
        names,
        12,
        "sentinel2a" if coarse == "20m" else None,
    )


def known() -> Iterator[Known]:
    """All of them."""
    for scene, sensor in (("T33UUB", "sentinel2a"), ("T39RVJ", "sentinel2b")):
        if scene == "T33UUB":  # whose grids nest
            yield one_scale_down(scene, "20m", False, sensor)
        yield one_scale_down(scene, "20m", True, sensor)
        yield one_scale_down(scene, "60m", True, sensor)
    yield apex("20m")
    yield apex("60m")
