"""`earthloom dataset` and products as .mat, by the command line and from Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from scipy.io import loadmat, savemat

from earthloom import evaluate, pansharpen
from earthloom.errors import InputError
from earthloom.physics.resample import interp23
from earthloom.training.cases.describe import describe_sources
from earthloom.training.cases.open import cases
from earthloom.verbs.convert import convert
from tests.e2e.conftest import Cli, Done, Pair, fine_truth, get, grid, observed, put

Make = Callable[..., Pair]


def refused(done: Done, *words: str) -> None:
    """One line on standard error that names what is wrong."""
    assert done.code == 2 and done.err.count("\n") == 1, done.err
    assert all(word in done.err for word in words), done.err


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Two scenes of digital numbers, 4:1, in pairs of files."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    for number in (1, 2):
        pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((256, 320), 4, number)))
        put(folder / f"{number}_pan.tif", pan, grid(1))
        put(folder / f"{number}_ms.tif", ms, grid(4))
    return folder


def samples(path: Path) -> dict[str, Any]:
    """What an HDF5 file holds, read without our code."""
    with h5py.File(path) as file:
        return {**{key: np.asarray(item) for key, item in file.items()}, "attributes": dict(file.attrs)}


def test_scenes_to_hdf5_and_back(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    """As they are: nothing is lost on the way there and back, in either format."""
    h5 = tmp_path / "all.h5"
    assert cli("dataset", "convert", scenes, "-o", h5, "--full", "--patch", 0, "-q").code == 0
    stored = samples(h5)
    assert stored["ms"].shape == (2, 4, 64, 80) and "gt" not in stored
    for form in ("tif", "mat"):
        assert cli("dataset", "convert", h5, "-o", tmp_path / form, "--format", form, "-q").code == 0
    for number in (1, 2):
        pan, ms = get(scenes / f"{number}_pan.tif")[0], get(scenes / f"{number}_ms.tif")[0]
        np.testing.assert_array_equal(get(tmp_path / f"tif/pan/all-0000{number - 1}.tif")[0], pan)
        back, _ = get(tmp_path / f"tif/ms/all-0000{number - 1}.tif")
        np.testing.assert_array_equal(back, ms)
        assert back.dtype == np.uint16
        matlab = loadmat(tmp_path / f"mat/all-0000{number - 1}.mat")
        np.testing.assert_array_equal(matlab["pan"], pan[0])
        np.testing.assert_array_equal(np.moveaxis(matlab["ms"], 2, 0), ms)


@pytest.mark.parametrize("convention", ["centre", "toolbox"])
def test_patches(convention: str, scenes: Path, tmp_path: Path, cli: Cli) -> None:
    """Training data: degraded once, interpolated as a whole, cut; what a case is, a patch shows."""
    h5 = tmp_path / "train.h5"
    given = ["--sensor", "quickbird", "--convention", convention, "--patch", 32, "--stride", 16, "--ratio", 4]
    done = cli("dataset", "convert", scenes, "-o", h5, *given, "--split", 0.5)
    assert done.code == 0 and "train.h5 (12 samples) and" in done.err and "train_valid.h5 (12 samples)" in done.err
    stored, case = samples(h5), cases(scenes, sensor="quickbird", convention=convention)[0]
    assert {r: stored[r].shape[1:] for r in ("gt", "ms", "lms", "pan")} == {
        "gt": (4, 32, 32), "ms": (4, 8, 8), "lms": (4, 32, 32), "pan": (1, 32, 32),
    }  # fmt: skip
    about = stored["attributes"]
    assert about["convention"] == convention and about["sensor"] == "quickbird" and about["maximum"] == 2047
    at = np.s_[:, 16:48, 32:64]  # row 1, column 2 of 3 x 4 patches
    np.testing.assert_array_equal(stored["gt"][1 * 4 + 2], case.truth[at])
    np.testing.assert_array_equal(stored["pan"][6], case.obs["pan"].data[at])
    np.testing.assert_array_equal(stored["ms"][6], case.obs["ms"].data[:, 4:12, 8:16])
    if convention == "toolbox":
        np.testing.assert_allclose(stored["lms"][6], interp23(case.obs["ms"].data, 4)[at], rtol=1e-5)
    again = cases(h5)
    assert again[6].obs.convention == convention and again.sensor.name == "quickbird"
    np.testing.assert_array_equal(again[6].truth, case.truth[at])
    for form in ("tif", "mat"):  # with the truth, and with what the files cannot say themselves
        assert cli("dataset", "convert", h5, "-o", tmp_path / form, "--format", form, "-q").code == 0
        back = cases(tmp_path / form)
        assert len(back) == 12 and back[6].obs.convention == convention and back.sensor.name == "quickbird"
        np.testing.assert_array_equal(back[6].truth, again[6].truth)
        np.testing.assert_array_equal(back[6].obs["ms"].data, again[6].obs["ms"].data)


@pytest.mark.parametrize("convention", ["centre", "toolbox"])
def test_geometry_is_recognised(convention: str, scenes: Path, tmp_path: Path, cli: Cli) -> None:
    h5 = tmp_path / "x.h5"
    convert(scenes, h5, "quickbird", convention=convention)
    with h5py.File(h5, "r+") as file:  # whatever the file says
        file.attrs["convention"] = "toolbox"
    found = describe_sources(h5)
    best = {"centre": "windowed sinc (centre)", "toolbox": "23 taps (toolbox)"}[convention]
    assert found["geometry"]["lms"]["best"] == best and found["geometry"]["ms"]["best"] == convention
    assert found["count"] == 2 and found["ratio"] == 4 and found["bits"] == 11 and not found["trouble"]
    done = cli("dataset", "info", h5)
    assert done.code == 0 and best in done.out and "PanCollection HDF5 (2)" in done.out and "4, 64, 64" in done.out
    assert json.loads(cli("dataset", "info", h5, "--json").out)["geometry"] == found["geometry"]


def test_geometry_of_the_toolbox(shared: Path) -> None:
    """Others made this one by the MATLAB protocol: our degradation gives their MS to rounding."""
    found = describe_sources(shared / "data/sharpening/reduced_triplets/data_gf2.mat")["geometry"]["ms"]
    assert found["best"] == "toolbox" and found["errors"]["toolbox"] < 1e-10 < 0.05 < found["errors"]["centre"]


def test_info_shows_what_is_wrong(tmp_path: Path, cli: Cli) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["ms"], file["pan"] = np.full((2, 3, 8, 8), np.nan), np.ones((2, 1, 32, 32))
    done = cli("dataset", "info", tmp_path / "x.h5")
    assert done.code == 0 and "trouble: ms holds 384 NaN or missing numbers" in done.out
    (tmp_path / "empty").mkdir()
    refused(cli("dataset", "info", tmp_path / "empty"), "holds no data set", "*.h5", "Landsat")


def test_holes_are_left_out(scenes: Path, tmp_path: Path) -> None:
    ms = get(scenes / "1_ms.tif")[0]
    ms[:, :20, :20] = 0
    put(scenes / "1_ms.tif", ms, grid(4), nodata=0)
    written = convert(scenes, tmp_path / "x.h5", patch=16)
    assert written.counts == (2 * 4 * 5 - 4,)
    stored = samples(tmp_path / "x.h5")
    assert all(np.isfinite(stored[role]).all() and stored[role].min() > 100 for role in ("gt", "ms", "lms", "pan"))


def test_conversions_that_are_refused(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    h5 = tmp_path / "x.h5"

    def run(*more: object) -> Done:
        return cli("dataset", "convert", scenes, "-o", *(more or (h5,)))

    refused(run(h5, "--patch", 30), "30 pixels", "multiple of the ratio 4")
    refused(run(h5, "--patch", 128), "no patch of 128 pixels", "64, 80")
    refused(run(h5, "--ratio", 2), "ratio 4", "expected ratio 2")
    refused(run(h5, "--split", 1.5), "split of 1.5")
    refused(run(h5, "--sensor", "atlantis"), "no sensor 'atlantis'")
    refused(run(h5, "--sensor", "gaofen2"), "reaches", "1023", "10 bit")
    refused(run(tmp_path / "x.tif"), "x.tif", ".h5")
    refused(run(tmp_path / "nowhere" / "x.h5"), "nowhere")
    refused(cli("dataset", "convert", "-o", h5), "SCENES")
    refused(cli("dataset", "convert", tmp_path / "nope", "-o", h5), "nope does not exist")
    assert [p.name for p in tmp_path.iterdir()] == ["scenes"]
    h5.write_bytes(b"precious")
    refused(run(h5), "exists", "--overwrite")
    assert h5.read_bytes() == b"precious"
    assert run(h5, "--overwrite", "-q").code == 0 and len(cases(h5)) == 2
    refused(run(scenes), "not empty")


def test_one_scene_by_its_files(pair: Make, tmp_path: Path, cli: Cli) -> None:
    files = pair()
    done = cli("dataset", "convert", "--pan", files.pan, "--ms", files.ms, "-o", tmp_path / "x.h5", "--patch", 8)
    assert done.code == 0 and len(cases(tmp_path / "x.h5")) == 12


def test_product_as_mat(pair: Make, tmp_path: Path, cli: Cli) -> None:
    """``sr`` is H x W x C in the numbers of the MS, and can be judged and read like any product."""
    files = pair(of_ms={"descriptions": ("blue", "green", "red")})
    mat = files._replace(out=files.out.with_suffix(".mat"))
    assert cli(*files.arguments("-m", "gsa", "--dtype", "float32", "-q")).code == 0
    assert cli(*mat.arguments("-m", "gsa", "--sensor", "quickbird", "-q")).code == 0
    assert sorted(p.name for p in mat.out.parent.iterdir()) == ["sharp.mat", "sharp.tif"]
    stored = loadmat(mat.out)["sr"]
    assert stored.shape == (96, 128, 3) and stored.dtype == np.float64
    np.testing.assert_allclose(np.moveaxis(stored, 2, 0), get(files.out)[0], rtol=0.05)
    judged = cli("evaluate", mat.out, "--pan", files.pan, "--ms", files.ms, "--json")
    given = cli("evaluate", mat.out, "--pan", files.pan, "--ms", files.ms, "--sensor", "quickbird", "--json")
    assert judged.code == 0 and json.loads(judged.out) == json.loads(given.out)  # it remembers its sensor
    assert "pansharpening/gsa" in cli("info", mat.out).out
    perfect = evaluate(str(mat.out), f"{mat.out}:sr", ratio=4).figures
    assert perfect["ergas"] == 0
    refused(cli(*mat.arguments()), "exists")
    whole = mat._replace(out=mat.out.with_name("whole.mat"))
    assert cli(*whole.arguments("--dtype", "uint16", "-q")).code == 0 and loadmat(whole.out)["sr"].dtype == np.uint16


def test_mat_product_is_in_stored_numbers(pair: Make) -> None:
    """Scale and offset of the MS are undone: the toolboxes expect digital numbers."""
    _, ms = observed(fine_truth())
    files = pair()
    with rasterio.open(files.ms, "r+") as file:
        file.scales, file.offsets = (0.001,) * 3, (-0.1,) * 3
    with rasterio.open(files.pan, "r+") as file:
        file.scales, file.offsets = (0.001,), (-0.1,)
    out = pansharpen(files.pan, files.ms, "exp", output=files.out.with_suffix(".mat"))
    assert abs(loadmat(out)["sr"].mean() - ms.mean()) < 5


def test_mat_benchmark_to_mat_product(tmp_path: Path) -> None:
    fine, coarse = observed(fine_truth())
    savemat(tmp_path / "in.mat", {"I_PAN": fine[0], "I_MS": np.moveaxis(coarse, 0, 2)})
    out = pansharpen(tmp_path / "in.mat", tmp_path / "in.mat", "gsa", output=tmp_path / "out.mat")
    expected = pansharpen(fine, coarse, "gsa")
    np.testing.assert_allclose(np.moveaxis(loadmat(out)["sr"], 2, 0), expected, rtol=1e-4)


def test_hyperspectral(tmp_path: Path) -> None:
    """HyperPanCollection: the same keys, any number of bands, no digital numbers to check."""
    truth = fine_truth((64, 64), 110) / 10000
    pan, ms = observed(truth)
    with h5py.File(tmp_path / "Test_WDC.h5", "w") as file:
        for role, array in (("gt", truth), ("ms", ms), ("pan", pan)):
            file[role] = array[None]
    found = cases(tmp_path / "Test_WDC.h5")
    assert found.bands == 110 and found.ratio == 4 and found.sensor.name == "generic"
    np.testing.assert_array_equal(found[0].truth, truth.astype(np.float32))
    assert describe_sources(tmp_path / "Test_WDC.h5")["bits"] is None


def test_convert_checks_words_from_python(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="format png"):
        convert(scenes, tmp_path / "out", format="png")
    with pytest.raises(InputError, match="convention 'corner'"):
        convert(scenes, tmp_path / "x.h5", convention="corner")
