"""Layouts of the public benchmarks."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from earthloom.errors import FileError, InputError
from earthloom.raster.metadata.matlab import parse_address, read_benchmark
from earthloom.raster.open import open_image
from earthloom.raster.scenes.sharpening import collocate


@pytest.mark.parametrize("name", ["data_gf2", "Sim_gf2_guangzhou", "Pleiades_test", "WV3_test"])
def test_triplets(shared: Path, name: str) -> None:
    found = read_benchmark(shared / f"data/sharpening/reduced_triplets/{name}.mat")
    bands = 8 if "WV3" in name else 4
    assert set(found) == {"pan", "ms", "gt"}
    assert found["pan"].shape == (1, 256, 256) and found["ms"].shape == (bands, 64, 64)
    assert found["gt"].shape == (bands, 256, 256) and found["gt"].max() <= 1


def test_other_real_layouts(shared: Path) -> None:
    data = shared / "data"
    found = read_benchmark(data / "sharpening/geoeye1_ikonos_worldview2/imgIK.mat")
    assert found["pan"].shape == (1, 1280, 1280) and found["ms"].shape == (4, 320, 320)
    assert read_benchmark(data / "sharpening/landsat7/10_ms.mat")["ms"].shape == (6, 400, 400)
    assert read_benchmark(data / "sharpening/landsat7/10_pan.mat")["pan"].shape == (1, 800, 800)
    cube = data / "hyperspectral/aviris_santa_barbara/a_hsi_img_for_VI_demo.mat"
    assert read_benchmark(cube)["hs"].shape == (224, 90, 90)
    with open_image([cube]) as image:
        assert image.wavelengths_nm[0] == pytest.approx(365.91, abs=0.01) and image.dtype == np.int16


def test_a_triplet_makes_a_scene(shared: Path) -> None:
    path = shared / "data/sharpening/reduced_triplets/WV3_test.mat"
    scene = collocate(open_image([path], role="pan"), open_image([f"{path}:lrms"]))
    assert scene.shape == (256, 256) and scene.ratio == 4 and scene.offset == (1.5, 1.5) and scene.crs is None


def test_h5_samples(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ms, pan = rng.random((3, 4, 8, 8)), rng.random((3, 1, 32, 32))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["ms"], file["pan"], file["lms"], file["gt"] = (
            ms,
            pan,
            rng.random((3, 4, 32, 32)),
            rng.random((3, 4, 32, 32)),
        )
    found = read_benchmark(tmp_path / "x.h5", index=2)
    np.testing.assert_array_equal(found["ms"], ms[2])
    with open_image([f"{tmp_path / 'x.h5'}:pan:1"]) as image:
        np.testing.assert_array_equal(image.read(dtype="float64")[0], pan[1])
    with pytest.raises(InputError, match="no sample 3"):
        read_benchmark(tmp_path / "x.h5", index=3)
    with pytest.raises(InputError, match="no variable xyz"):
        read_benchmark(tmp_path / "x.h5", "xyz")
    with pytest.raises(InputError, match="say which one"):
        open_image([tmp_path / "x.h5"])


def test_matlab_7_3_axes(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((5, 7, 3))  # H x W x C in MATLAB
    with h5py.File(tmp_path / "x.mat", "w") as file:
        file["I_MS"], file["I_MS_LR"] = image.T, image[:2, :2].T  # HDF5 sees the axes reversed
    found = read_benchmark(tmp_path / "x.mat")
    np.testing.assert_array_equal(found["lms"], np.moveaxis(image, 2, 0))
    np.testing.assert_array_equal(found["ms"], np.moveaxis(image[:2, :2], 2, 0))


def test_addresses() -> None:
    assert parse_address("a/b.mat") == (Path("a/b.mat"), None, 0)
    assert parse_address("a/b.mat:I_MS") == (Path("a/b.mat"), "I_MS", 0)
    assert parse_address("C:\\x.h5:pan:12") == (Path("C:\\x.h5"), "pan", 12)
    assert parse_address("x.h5:3") == (Path("x.h5"), None, 3)
    assert parse_address("x.tif") is None


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        read_benchmark(tmp_path / "x.mat")
    (tmp_path / "x.mat").write_bytes(b"nothing")
    with pytest.raises(FileError, match=r"x\.mat cannot be read"):
        read_benchmark(tmp_path / "x.mat")
    savemat(tmp_path / "y.mat", {"foo": np.ones((4, 4)), "bar": np.ones((4, 4, 2))})
    with pytest.raises(InputError, match="foo"):
        read_benchmark(tmp_path / "y.mat")
    with open_image([f"{tmp_path / 'y.mat'}:bar"], bands=[2]) as image:
        assert image.count == 1
    with pytest.raises(InputError, match="band 3"):
        open_image([f"{tmp_path / 'y.mat'}:bar"], bands=[3])
