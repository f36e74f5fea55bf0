"""ESTARFM with a local bias against another implementation's product for surface temperature, which has no truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.types import Band, Observation, View

NAMES = {
    "fine_1": "Landsat_LST_cloudrm_20160205", "fine_2": "Landsat_LST_cloudrm_20160308",
    "coarse_1": "MOD11A1_LST_cloudrm_20160205", "coarse_2": "MOD11A1_LST_cloudrm_20160308",
    "coarse_p": "MOD11A1_LST_cloudrm_20160218",
}  # fmt: skip
CELL = 10  # fine pixels of a coarse one, as it was repeated
KELVIN = 200.0  # nothing on the ground is colder here


def read(folder: Path, name: str) -> np.ndarray:
    with rasterio.open(folder / f"{name}.tif") as file:
        return file.read()


@pytest.fixture(scope="module")
def yanco(shared: Path) -> tuple[Observation, np.ndarray]:
    """The scene, and the product of ubESTARFM."""
    folder = shared / "data/spatiotemporal/lst_yanco"
    if not folder.is_dir():
        pytest.skip("lst_yanco is not there")
    views = {}
    for role, name in NAMES.items():
        data = read(folder, name)
        valid = data[0] > KELVIN
        views[role] = View(np.where(valid, data, 310).astype(np.float32), valid, (Band("lst"),))
    return Observation(views, (400, 400)), read(folder, "fused_result")


def judged(yanco: tuple[Observation, np.ndarray], **fields: object) -> tuple[float, float]:
    """RMSE in kelvin against the other product, and of coarse pixels against what was seen on that date."""
    obs, other = yanco
    found = fuse_array(catalog.make("estarfm", "spatiotemporal", **fields), ArrayScene(obs), 200)
    known = found.valid & (other[0] > KELVIN)
    away = float(np.sqrt(((found.data - other)[0][known] ** 2).mean()))
    cells = np.where(found.valid, found.data[0] - obs["coarse_p"].data[0], 0).reshape(40, CELL, 40, CELL)
    return away, float(np.sqrt((cells.mean(axis=(1, 3)) ** 2).mean()))


def test_a_local_bias_brings_surface_temperature_to_the_level_of_the_coarse_image(
    yanco: tuple[Observation, np.ndarray],
) -> None:
    kept, local = judged(yanco, window_px=25), judged(yanco, window_px=25, bias="local")
    assert local[0] < 0.4 * kept[0] and local[0] < 1.3
    assert local[1] < 0.25 * kept[1]


def test_tiles_do_not_matter(yanco: tuple[Observation, np.ndarray]) -> None:
    method = catalog.make("estarfm", "spatiotemporal", window_px=25, bias="local")
    scene = ArrayScene(yanco[0].crop(yanco[0].core_window._replace(height=150, width=160), 0))
    whole, tiled = (fuse_array(method, scene, side) for side in (400, 64))
    np.testing.assert_allclose(tiled.data[:, whole.valid], whole.data[:, whole.valid], atol=2e-3)


def test_where_the_sensors_agree_nothing_changes() -> None:
    """Fine and coarse images of one level: the bias is 0."""
    rng = np.random.default_rng(4)
    images = {role: rng.normal(300, 5, (1, 60, 60)) for role in ("1", "2")}
    views = {f"{kind}_{role}": image for role, image in images.items() for kind in ("fine", "coarse")}
    views["coarse_p"] = (images["1"] + images["2"]) / 2
    seen = np.ones((60, 60), bool)
    obs = Observation({role: View(image, seen, (Band("b"),)) for role, image in views.items()}, (60, 60))
    kept, local = (
        fuse_array(catalog.make("estarfm", "spatiotemporal", window_px=11, bias=bias), ArrayScene(obs), 60).data
        for bias in ("kept", "local")
    )
    np.testing.assert_allclose(local, kept, atol=1e-9)
