"""The Gwydir pair: Landsat before and in a flood, coarse images made of block means."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earthloom.types import Band, Observation, View

BANDS = (Band("green", 560.0), Band("red", 660.0), Band("nir", 840.0))


def gwydir(shared: Path) -> tuple[Observation, np.ndarray]:
    """The first date and both coarse ones on their own grid of 16:1, and the fine image of the second date."""
    folder = shared / "data/spatiotemporal/gwydir_2004_simulated"
    landsat, modis = (
        [np.fromfile(folder / f"{name}{day}", np.int16).reshape(3, 480, 480) for day in (20041126, 20041228)]
        for name in ("Landsat", "MODIS")
    )
    views = {"fine_1": View(landsat[0].astype(np.float32), np.ones((480, 480), bool), BANDS)}
    for role, image in zip(("coarse_1", "coarse_p"), modis, strict=True):
        low = image[:, 8::16, 8::16].astype(np.float32)
        views[role] = View(low, np.ones((30, 30), bool), BANDS, (16.0, 16.0), (7.5, 7.5))
    return Observation(views, (480, 480)), landsat[1].astype(np.float64)
