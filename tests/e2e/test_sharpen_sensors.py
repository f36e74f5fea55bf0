"""Other sensors by the same call: MODIS of 500 m by 250 m, M bands of VIIRS by I bands, Sentinel-2 by PlanetScope."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earthloom.physics.forward import reduce
from earthloom.types import Band, Observation, View
from tests.e2e.conftest import Cli, get, grid, put
from tests.e2e.test_sharpen import bands, blurred
from tests.raster.eos_files import REFLECTANCE, Array, Grid, mod09ga, write_hdf4, write_hdf5

SIDE, BORDER = 160, 8  # fine pixels
M = (1, 2, 3, 4, 5, 7, 8, 10, 11)


def much_better_than_interpolated(cli: Cli, folder: Path, truth: np.ndarray, *words: object) -> None:
    """Sharpened bands of the product, the last ones where fine ones are kept, against the truth and ``exp``."""
    inner, errors = (slice(None), slice(BORDER, -BORDER), slice(BORDER, -BORDER)), {}
    for method in ("gwr", "exp"):
        done = cli("sharpen", *words, "-m", method, "-o", folder / f"{method}.tif", "--threads", 1)
        assert done.code == 0, done.err
        data, about = get(folder / f"{method}.tif")
        names = (
            [name for name in about.descriptions if name[0] != "I"] if len(data) > len(truth) else about.descriptions
        )
        found = data[[about.descriptions.index(name) for name in names]].astype(float)
        assert found.shape == truth.shape
        errors[method] = np.sqrt(np.square((found - truth)[inner]).mean(axis=(1, 2)))
    assert (errors["gwr"] < 0.3 * errors["exp"]).all()


def reflectance(image: np.ndarray) -> Array:
    """An array of an HDF-EOS grid."""
    scale = {"scale_factor": np.float64(1e-4), "add_offset": np.float64(0)}
    return Array(image.round().astype("int16"), REFLECTANCE | scale)


def test_modis_of_500_m_by_250_m(tmp_path: Path, cli: Cli) -> None:
    """Both tiles of a day as they are delivered, in HDF4: MOD09GQ makes all seven bands of MOD09GA finer."""
    pytest.importorskip("pyhdf")
    truth = bands(7, 3, (SIDE, SIDE))[[0, 1, 0, 1, 0, 1, 0]]
    gq = {f"sur_refl_b{at:02}_1": reflectance(truth[at - 1]) for at in (1, 2)}
    fine = write_hdf4(
        tmp_path / "MOD09GQ.A2020061.h18v04.061.2020063030943.hdf", [Grid("MODIS_Grid_2D", 4, gq)]
    )  # fmt: skip
    coarse = mod09ga(
        tmp_path / "MOD09GA.A2020061.h18v04.061.2020063030943.hdf", blurred(truth, 2, 0.3).round()
    )  # fmt: skip
    much_better_than_interpolated(cli, tmp_path, truth, "--fine", fine, "--coarse", coarse)


def viirs(folder: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """A tile with both grids, what its I bands are, and the truth of its M bands at their pixels."""
    fine = bands(3, 4, (SIDE, SIDE))
    mix = np.random.default_rng(1).dirichlet(np.ones(3), len(M))
    truth = np.tensordot(mix, fine, 1)
    low = blurred(truth, 2, 0.3)
    path = write_hdf5(
        folder / "VNP09GA.A2020061.h18v04.002.2020063030943.h5",
        [
            Grid("VIIRS_Grid_1km_2D", 1, {f"SurfReflect_M{n}_1": reflectance(b) for n, b in zip(M, low, strict=True)}),
            Grid("VIIRS_Grid_500m_2D", 2, {f"SurfReflect_I{n}_1": reflectance(b) for n, b in enumerate(fine, 1)}),
        ],
    )
    return path, fine, truth


def test_a_tile_of_viirs_in_one_command(tmp_path: Path, cli: Cli) -> None:
    """It holds both pixel sizes, as a product of Sentinel-2 does: M bands by I bands, which are kept."""
    path, fine, truth = viirs(tmp_path)
    much_better_than_interpolated(cli, tmp_path, truth, path)
    data, about = get(tmp_path / "gwr.tif")
    assert list(about.descriptions) == [*(f"M{n}" for n in M), "I1", "I2", "I3"]
    np.testing.assert_allclose(data[-3:], fine.round(), atol=1)
    done = cli("methods", "--for", path)
    assert done.code == 0 and "gwr" in done.out


def test_m_bands_of_750_m_by_i_bands_of_375_m(tmp_path: Path, cli: Cli) -> None:
    """Swaths that somebody laid on a map."""
    _, fine, truth = viirs(tmp_path)
    i = put(tmp_path / "I.tif", fine.round().astype("uint16"), grid(375))
    m = put(tmp_path / "M.tif", blurred(truth, 2, 0.3).round().astype("uint16"), grid(750))
    much_better_than_interpolated(cli, tmp_path, truth, "--fine", i, "--coarse", m, "--sensor", "viirs")


def test_sentinel_2_of_10_m_by_planetscope_of_3_m(tmp_path: Path, cli: Cli) -> None:
    """A ratio of 3.33: the scene in the folder of an order, Sentinel-2's bands in a file."""
    fine, count, ratio = bands(8, 5, (SIDE, SIDE)), SIDE * 3 // 10, 10 / 3
    truth = np.tensordot(np.random.default_rng(2).dirichlet(np.ones(8), 4), fine, 1)
    place = tmp_path / "order" / "PSScene"
    place.mkdir(parents=True)
    scene = put(
        place / "20220301_103456_12_2414_3B_AnalyticMS_SR_8b.tif", fine.round().astype("uint16"), grid(3), nodata=0
    )
    view = View(
        np.zeros((4, count, count)), np.ones((count, count), bool), tuple(Band(str(k)) for k in range(4)),
        (ratio, ratio), ((ratio - 1) / 2, (ratio - 1) / 2),
    )  # fmt: skip
    low = reduce(Observation({"ms": view}, (SIDE, SIDE)), truth, 0.3)
    s2 = put(tmp_path / "s2_10m.tif", low.round().astype("uint16"), grid(10), nodata=0)
    for given in (scene, tmp_path / "order"):
        words = ("--fine", given, "--coarse", s2, "--sensor", "sentinel2a", "--overwrite")
        much_better_than_interpolated(cli, tmp_path, truth, *words)
