"""Cubes of the field that are stored as matrices of bands x pixels."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from earthloom import superresolve
from earthloom.errors import InputError
from earthloom.raster.open import open_image


def cube() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 4000, (7, 6, 5)).astype("uint16")


def by_columns(data: np.ndarray) -> np.ndarray:
    """As MATLAB's reshape(cube, [], bands)' makes it."""
    return np.stack([band.ravel(order="F") for band in data])


def test_rows_and_columns_beside_unfold_it(tmp_path: Path) -> None:
    more = {"nRow": 6, "nCol": 5, "nBand": 7, "SlectBands": np.arange(7)[:, None] + 4, "maxValue": 4000}
    savemat(tmp_path / "jasper.mat", {"Y": by_columns(cube()), **more})
    savemat(tmp_path / "pixels.mat", {"V": by_columns(cube()).T, "nRow": 6.0, "nCol": 5.0})
    with h5py.File(tmp_path / "new.mat", "w") as file:  # v7.3: HDF5 sees the axes reversed
        file["Y"], file["nRow"], file["nCol"] = by_columns(cube()).T, [[6.0]], [[5.0]]
    for path in ("jasper.mat", "jasper.mat:Y", "pixels.mat", "new.mat:Y"):
        for role in ("hs", "ms"):
            with open_image(str(tmp_path / path), role=role) as image:
                np.testing.assert_array_equal(image.read()[0], cube())


def test_a_matrix_alone_and_a_single_band_are_no_cube(tmp_path: Path) -> None:
    savemat(tmp_path / "y.mat", {"Y": by_columns(cube())})
    with pytest.raises(InputError, match=r"of one band and 7 x 30 pixels; expected a cube .* needs its nRow and nCol"):
        superresolve(str(tmp_path / "y.mat:Y"), ratio=2, method="bicubic")
    with pytest.raises(InputError, match="of one band"):
        superresolve(cube()[:1], ratio=2, method="bicubic")
    with pytest.raises(InputError, match=r"none of Y has a known name; .* say which one: y.mat:Y"):
        open_image(tmp_path / "y.mat", role="pan")
