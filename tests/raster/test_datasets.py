"""Layouts of data sets: what is found, what is refused, samples in and out without a change."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from affine import Affine
from scipy.io import loadmat, savemat

from earthloom.errors import EarthloomError, FileError, GridError, InputError, SensorError
from earthloom.physics.cloudmask import find_clouds
from earthloom.problems.pansharpening import Pansharpening
from earthloom.raster.listing.layouts import Rasters, find_sources
from earthloom.raster.listing.samples import open_stack
from earthloom.training.cases.open import cases
from earthloom.training.cases.pansharpening import Cases
from tests.raster.conftest import grid, put

Make = Callable[..., Path]


def sample_stack(count: int = 3, bands: int = 4, ratio: int = 4, side: int = 32, top: int = 1000) -> dict[str, Any]:
    """Random patches in the shapes of PanCollection."""
    rng = np.random.default_rng(count + bands)
    small = side // ratio
    shapes = {
        "gt": (bands, side, side),
        "ms": (bands, small, small),
        "lms": (bands, side, side),
        "pan": (1, side, side),
    }
    return {role: rng.integers(1, top, (count, *shape)).astype("float64") for role, shape in shapes.items()}


@pytest.fixture
def h5(tmp_path: Path) -> Make:
    """An HDF5 file; keywords replace arrays, None leaves one out."""

    def make(name: str = "train_wv2.h5", **arrays: Any) -> Path:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        with h5py.File(folder / name, "w") as file:
            for role, array in {**sample_stack(), **arrays}.items():
                if array is not None:
                    file[role] = array
        return folder / name

    return make


def test_pancollection(h5: Make) -> None:
    arrays = sample_stack()
    found = cases(h5())
    assert isinstance(found, Cases) and len(found) == 3 and len(cases(h5(), limit=2)) == 2
    assert (found.sensor.name, found.ratio, found.bands) == ("worldview2", 4, 4)
    case = found[1]
    assert case.truth.dtype == case.obs["pan"].data.dtype == np.float32
    np.testing.assert_array_equal(case.truth, arrays["gt"][1])
    np.testing.assert_array_equal(case.obs["ms"].data, arrays["ms"][1])
    np.testing.assert_array_equal(case.obs["pan"].data, arrays["pan"][1])
    assert case.obs.convention == "toolbox" and case.obs["ms"].offset == (2.0, 2.0)
    assert [band.mtf_nyquist for band in case.obs["ms"].bands] == [0.35] * 4
    assert found.names == ["train_wv2-00000", "train_wv2-00001", "train_wv2-00002"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found))[-1].truth, arrays["gt"][2])
    with pytest.raises(IndexError):
        found[3]


def test_full_resolution_is_degraded(h5: Make) -> None:
    arrays = sample_stack()
    found = cases(h5(gt=None))
    case, seen = found[2], found.seen(2)
    np.testing.assert_array_equal(seen["ms"].data, arrays["ms"][2])
    np.testing.assert_array_equal(case.truth, arrays["ms"][2])
    assert case.obs.shape == (8, 8) and case.obs["ms"].shape == (2, 2)
    expected = Pansharpening().degrade(seen)
    np.testing.assert_array_equal(case.obs["ms"].data, expected.obs["ms"].data)
    with pytest.raises(InputError, match="has no truth"):
        cases(h5(gt=None), reduce="never")[0]
    always = cases(h5(), reduce="always")[0]
    np.testing.assert_array_equal(always.truth, arrays["ms"][0])


def test_reads_what_is_asked_for(h5: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random access: one sample of the file, not the file."""
    found = cases(h5())
    asked: list[Any] = []
    whole = h5py.Dataset.__getitem__
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, at, **k: asked.append(at) or whole(self, at, **k))
    found[1]
    assert asked == [1, 1, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pan": None}, ["train_wv2.h5 has no pan", "it holds", "gt, lms, ms"]),
        ({"ms": None, "pan": None}, ["has no ms and no pan"]),
        ({"pan": np.ones((3, 4, 32, 32))}, ["PAN of 4 bands", "swapped"]),
        ({"pan": np.ones((3, 1, 30, 32))}, ["PAN of 30 x 32", "MS of 8 x 8", "whole ratio"]),
        ({"pan": np.ones((2, 1, 32, 32))}, ["3 of ms", "2 of pan"]),
        ({"gt": np.ones((3, 3, 32, 32))}, ["gt of shape (3, 32, 32)", "(4, 32, 32)"]),
        ({"lms": np.ones((3, 4, 16, 16))}, ["lms of shape"]),
        ({"ms": np.ones((3, 8, 8))}, ["ms of shape (3, 8, 8)", "samples x bands"]),
        ({role: array[:0] for role, array in sample_stack().items()}, ["holds no samples"]),
        ({"ms": sample_stack(top=5000)["ms"]}, ["ms reaches 49", "at most 2047", "11 bit, worldview2"]),
        ({role: a / 2047 for role, a in sample_stack().items()}, ["between 0.0", "digital numbers", "scale=2047"]),
        ({"ms": np.where(sample_stack()["ms"] < 5, np.nan, 7.0)}, ["NaN or infinite numbers in ms"]),
    ],
)  # fmt: skip
def test_wrong_stacks(change: dict[str, Any], words: list[str], h5: Make) -> None:
    with pytest.raises(InputError) as refused:
        cases(h5(**change))
    assert all(word in str(refused.value) for word in words), refused.value
    assert "\n" not in str(refused.value)


def test_numbers_are_checked_when_read(h5: Make) -> None:
    """Whatever a look at the first, middle and last sample missed."""
    arrays = sample_stack(count=9)
    arrays["pan"][3, 0, 5, 5], arrays["gt"][6, 1, 0, 0] = np.nan, 4000
    found = cases(h5(**arrays))
    with pytest.raises(InputError, match="sample 3: 1 NaN"):
        found[3]
    with pytest.raises(InputError, match="gt reaches 4000"):
        found[6]
    assert cases(h5(**arrays), maximum=4095)[6].truth.max() == 4000


def test_bit_depth_by_sensor(h5: Make) -> None:
    with pytest.raises(InputError, match=r"at most 1023 \(10 bit, gaofen2\)"):
        cases(h5("train_gf2.h5", gt=sample_stack(top=2000)["gt"]))[0]
    assert cases(h5("unknown.h5", gt=sample_stack(top=9000)["gt"])).sensor.name == "generic"
    halves = {role: array / 1000 for role, array in sample_stack().items()}
    assert cases(h5("valid_qb.h5", **halves), scale=1000)[0].truth.max() > 900


def test_broken_files(h5: Make, tmp_path: Path) -> None:
    path = h5()
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(FileError, match=r"train_wv2\.h5 cannot be read: .*truncated"):
        cases(path)
    (tmp_path / "bad.mat").write_bytes(b"MATLAB 5.0 MAT-file, or what is left of it")
    with pytest.raises(FileError, match=r"bad\.mat cannot be read"):
        cases(tmp_path / "bad.mat")
    with pytest.raises(FileError, match="does not exist"):
        cases(tmp_path / "nowhere")
    with pytest.raises(FileError, match="does not exist"):
        open_stack(tmp_path / "nowhere.h5")


def test_sets_that_do_not_agree(h5: Make) -> None:
    first, other = h5("a.h5"), h5("b.h5", **sample_stack(bands=8))
    with pytest.raises(InputError, match=r"b\.h5 has 8 bands, a\.h5 has 4"):
        cases([first, other])
    with pytest.raises(InputError, match=r"c\.h5 has 2 as ratio, a\.h5 has 4"):
        cases([first, h5("c.h5", **sample_stack(ratio=2))])
    with pytest.raises(SensorError, match="8 bands"):
        cases(other, sensor="gaofen2")
    with pytest.raises(SensorError, match="no sensor 'atlantis'"):
        cases(first, sensor="atlantis")
    for wrong in ({"reduce": "yes"}, {"convention": "corner"}, {"limit": 0}, {"block_px": 1}, {"scale": -1}):
        with pytest.raises(InputError, match="expected"):
            cases(first, **wrong)
    with pytest.raises(InputError, match="the problem 'poetry'"):
        cases(first, "poetry")


def test_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(FileError) as refused:
        find_sources(tmp_path)
    assert all(
        word in str(refused.value) for word in ("holds no data set", "*.h5", "K_ms.tif", "pan/ ms/", "MTL", "s1/")
    )
    with pytest.raises(InputError, match="at least one file"):
        find_sources([])


def scene(side: int = 48, bands: int = 3, ratio: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A PAN and an MS of numbers."""
    rng = np.random.default_rng(seed)
    small = side // ratio
    return rng.integers(1, 200, (1, side, side), "uint8"), rng.integers(1, 200, (bands, small, small), "uint8")


def test_pairs_by_name(tmp_path: Path) -> None:
    (pan, ms), gt = scene(), np.ones((3, 48, 48), "uint8")
    for folder in ("names", "roles/PAN", "roles/ms", "roles/gt", "ucgan", "deep/inside"):
        (tmp_path / folder).mkdir(parents=True)
    bare: dict[str, Any] = {"crs": None, "transform": Affine.identity()}
    for place in ("names/10_pan", "names/2-PAN", "roles/PAN/a", "roles/PAN/b", "ucgan/0_pan", "deep/inside/x_pan"):
        put(tmp_path / f"{place}.tif", pan, **bare)
    for place in ("names/10_ms", "names/2-MS", "roles/ms/a", "roles/ms/b", "ucgan/0_lr", "deep/inside/x_mul"):
        put(tmp_path / f"{place}.tif", ms, **bare)
    for place in ("roles/gt/a", "roles/gt/b", "ucgan/0_mul"):
        put(tmp_path / f"{place}.tif", gt, **bare)
    put(tmp_path / "names" / "overview.tif", pan, **bare)
    assert [(s.title, sorted(s.files)) for s in find_sources(tmp_path / "names") if isinstance(s, Rasters)] == [
        ("2", ["ms", "pan"]), ("10", ["ms", "pan"]),
    ]  # fmt: skip
    assert [s.label(0) for s in find_sources(tmp_path / "roles")] == ["a", "b"]
    assert cases(tmp_path / "ucgan")[0].truth.max() == 1
    assert len(find_sources(tmp_path)) == 6
    case = cases(tmp_path / "roles")[1]
    np.testing.assert_array_equal(case.obs["ms"].data, ms)
    assert case.obs.convention == "centre" and case.obs["ms"].offset == (0.5, 0.5)
    single = cases({"pan": tmp_path / "names/overview.tif", "ms": tmp_path / "names/2-MS.tif"})
    np.testing.assert_array_equal(single[0].truth, ms)
    put(tmp_path / "names" / "lonely_pan.tif", pan, **bare)
    with pytest.raises(InputError, match=r"lonely_pan\.tif has no ms beside it"):
        find_sources(tmp_path / "names")
    with pytest.raises(InputError, match="PAN or MS"):
        find_sources([tmp_path / "names/overview.tif"])
    with pytest.raises(InputError, match="a truth of 3 bands"):
        cases(
            {"pan": tmp_path / "ucgan/0_pan.tif", "ms": tmp_path / "ucgan/0_lr.tif", "gt": tmp_path / "ucgan/0_lr.tif"}
        )


def test_matlab(tmp_path: Path) -> None:
    pan, ms = scene()
    last = {"ms": np.moveaxis(ms, 0, 2), "gt": np.ones((48, 48, 3)), "pan": pan[0]}
    savemat(tmp_path / "one.mat", last)
    savemat(tmp_path / "7_ms.mat", {"anything": last["ms"]})
    savemat(tmp_path / "7_pan.mat", {"other": pan[0]})
    triplet, pair = find_sources(tmp_path)[0], find_sources(tmp_path)[1]
    assert (triplet.label(0), pair.label(0)) == ("one", "7")
    assert cases(tmp_path / "one.mat")[0].obs.convention == "toolbox"
    case = cases([tmp_path / "7_pan.mat", tmp_path / "7_ms.mat"])[0]
    np.testing.assert_array_equal(case.truth, ms)
    savemat(tmp_path / "odd.mat", {"ms": last["ms"], "foo": pan[0]})
    with pytest.raises(InputError, match="odd has no pan"):
        cases(tmp_path / "odd.mat")


def test_fusebox_pairs_are_mended(shared: Path) -> None:
    found = cases(shared / "data/sharpening/landsat7", sensor="landsat7")
    assert len(found) == 30 and found.names[:2] == ["7", "8"]
    stored = loadmat(shared / "data/sharpening/landsat7/33_ms.mat")["cropped_im"]
    at = found.names.index("33")
    np.testing.assert_array_equal(found[at].truth, np.moveaxis(stored[1:, 1:], 2, 0)[:, :398, :398])
    assert [band.name for band in found[at].obs["ms"].bands][:4] == ["red", "green", "blue", "nir"]
    assert found.seen(at)["pan"].shape == (798, 798)


@pytest.mark.parametrize("convention", ["centre", "toolbox"])
@pytest.mark.parametrize("ratio", [2, 4])
def test_blocks_equal_the_whole(convention: str, ratio: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    side = 160 if ratio == 2 else 208
    ms = rng.integers(1, 900, (2, side, side - 8), "uint16")
    pan = rng.integers(1, 900, (1, ratio * side, ratio * (side - 8)), "uint16")
    put(tmp_path / "a_ms.tif", ms, crs=None, transform=Affine.identity())
    put(tmp_path / "a_pan.tif", pan, crs=None, transform=Affine.identity())
    whole = cases(tmp_path, convention=convention)[0]
    parts = cases(tmp_path, convention=convention, block_px=64)
    assert isinstance(parts, Cases) and len(parts) == (9 if ratio == 2 else 16)
    seen = np.zeros(whole.obs.shape, int)
    for name, part in zip(parts.names, parts, strict=True):
        y, x = map(int, name.split("@")[1].split(","))
        height, width = part.obs.shape
        window, coarse = np.s_[:, y : y + height, x : x + width], np.s_[:, y // ratio :, x // ratio :]
        seen[window[1:]] += 1
        np.testing.assert_array_equal(part.truth, whole.truth[window])
        np.testing.assert_allclose(part.obs["pan"].data, whole.obs["pan"].data[window], rtol=1e-5)
        own = part.obs["ms"].data
        np.testing.assert_allclose(own, whole.obs["ms"].data[coarse][:, : own.shape[1], : own.shape[2]], rtol=1e-5)
    assert (seen == 1).all()


def test_holes_do_not_bleed(tmp_path: Path) -> None:
    """A flat scene with nodata stays flat beside its holes, and the holes are NaN in the truth."""
    pan, ms = np.full((1, 256, 256), 500, "uint16"), np.full((2, 64, 64), 400, "uint16")
    pan[:, 80:176, 80:176], ms[:, 20:44, 20:44] = 0, 0
    put(tmp_path / "a_pan.tif", pan, nodata=0)
    put(tmp_path / "a_ms.tif", ms, transform=grid(4), nodata=0)
    case = cases(tmp_path)[0]
    assert np.isnan(case.truth[:, 20:44, 20:44]).all() and np.isfinite(case.truth).sum() == 2 * (64**2 - 24**2)
    own = case.obs["ms"]
    np.testing.assert_allclose(own.data[:, own.valid], 400, rtol=1e-4)
    np.testing.assert_allclose(case.obs["pan"].data[:, case.obs["pan"].valid], 500, rtol=1e-4)


def test_georeferencing_that_is_wrong(tmp_path: Path) -> None:
    pan, ms = scene()
    put(tmp_path / "a_pan.tif", pan, crs=None, transform=Affine.identity())
    put(tmp_path / "a_ms.tif", ms, transform=grid(2))
    with pytest.raises(GridError, match="ignore_georeferencing=True"):
        cases(tmp_path)
    np.testing.assert_array_equal(cases(tmp_path, ignore_georeferencing=True)[0].truth, ms)


def test_landsat_folder(shared: Path) -> None:
    found = cases(shared / "data/sharpening/landsat8_p020r039", limit=2)
    assert isinstance(found, Cases) and found.sensor.name == "landsat8"
    case = found[0]
    assert case.truth.shape == (8, 300, 312) and 0 < np.median(case.truth) < 1
    assert (case.obs.shape, case.obs["ms"].shape) == ((300, 312), (150, 156))


def sen12(folder: Path, original: bool, clouds: bool = True) -> None:
    """One place in the layout of the download, or in that of GLF-CR."""
    rng = np.random.default_rng(0)
    place = {"transform": grid(10)}
    for role, tag in (("s1", "s1"), ("s2_cloudfree", "s2"), ("s2_cloudy", "s2_cloudy")):
        low, high, bands = (-25, -5, 2) if role == "s1" else (100, 4000, 13)
        name = f"ROIs1158_spring_{tag}_4_p30.tif" if original else "ROIs1158_spring_4_p30.tif"
        home = folder / (f"ROIs1158_spring_{tag}/{tag}_4" if original else role)
        home.mkdir(parents=True)
        put(home / name, rng.uniform(low, high, (bands, 32, 32)).astype("float32"), **place)
        if role == "s2_cloudy" and clouds:
            mask = np.zeros((2, 32, 32), "float32")
            mask[:, :8] = 1
            put(home / name.replace(".tif", "_s2cloudless.tif"), mask, **place)


@pytest.mark.parametrize("original", [True, False])
def test_sen12ms_cr(original: bool, tmp_path: Path) -> None:
    sen12(tmp_path, original)
    found = cases(tmp_path, "cloud_removal")
    assert len(found) == 1
    case = found[0]
    assert {role: view.data.shape[0] for role, view in case.obs.views.items()} == {"optical": 13, "sar": 2, "cloud": 1}
    assert case.obs["cloud"].data.mean() == 0.25 and case.truth.shape == (13, 32, 32)
    assert (case.obs["sar"].data < 0).all()
    assert case.obs["optical"].bands[10].centre_nm == pytest.approx(1373, abs=10)  # B10
    with pytest.raises(InputError, match="cloud_removal"):
        cases(tmp_path)
    simulated = cases(tmp_path, "cloud_removal", reduce="always", seed=3)[0]
    clear = simulated.obs["cloud"].data[0] < 0.5
    np.testing.assert_array_equal(simulated.obs["optical"].data[:, clear][:2], simulated.truth[:, clear][:2])


def test_sen12ms_cr_without_masks(tmp_path: Path) -> None:
    sen12(tmp_path, True, clouds=False)
    case = cases(tmp_path, "cloud_removal")[0]
    sky = find_clouds(case.obs["optical"].data, case.obs["optical"].bands)
    np.testing.assert_array_equal(case.obs["cloud"].data[0] > 0.5, sky.cloud | sky.shadow)
    mine = cases(tmp_path, "cloud_removal", mask=lambda view: view.data[1] > 2000)[0]
    np.testing.assert_array_equal(mine.obs["cloud"].data[0] > 0.5, mine.obs["optical"].data[1] > 2000)


def test_sen12ms_cr_in_shared(shared: Path) -> None:
    case = cases(shared / "data/sar/sen12mscr_glfcr", "cloud_removal")[0]
    assert case.truth.shape == (13, 256, 256) and case.obs["sar"].data.shape == (2, 256, 256)
    assert len(cases(shared / "data/sar/terramesh_terramind", "cloud_removal")) == 3


def test_every_error_is_ours(tmp_path: Path) -> None:
    """Files of other kinds do not end in a traceback."""
    (tmp_path / "x.h5").write_text("no HDF5")
    (tmp_path / "a_pan.tif").write_text("no TIFF")
    (tmp_path / "a_ms.tif").write_text("no TIFF")
    (tmp_path / "b.txt").write_text("text")
    for path in ("x.h5", "b.txt", ["a_pan.tif", "a_ms.tif"]):
        with pytest.raises(EarthloomError, match=r"expected|check|image"):
            cases([tmp_path / p for p in ([path] if isinstance(path, str) else path)])
