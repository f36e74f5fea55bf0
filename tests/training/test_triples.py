"""Dates in folders become cases: layouts, choices, simulated coarse images, bare numbers, and a run from the shell."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from earthloom.errors import FileError, GridError, InputError
from earthloom.physics.clouds import fractal
from earthloom.physics.forward import reduce
from earthloom.raster.formats.bare import SHAPES, is_raw, open_raw
from earthloom.raster.listing.date_folders import SPLITS, series_in
from earthloom.training.cases.open import cases
from earthloom.training.cases.spatiotemporal import NOISE, TripleCases, simulated
from earthloom.types import Band, Observation, View
from earthloom.weights import store as weights
from tests.e2e.conftest import Cli, get, grid, put
from tests.e2e.conftest import cli as cli

DAYS = ("2016-08-07", "2016-08-23", "2016-08-30")
NAMES = ["green", "red", "nir"]


def ground(day: int, shape: tuple[int, int] = (96, 128), seed: int = 0) -> np.ndarray:
    """Fields that brighten from date to date, digital numbers."""
    rng = np.random.default_rng(seed)
    kinds = fractal(shape, rng, 20)
    return np.stack([2000 + 300 * b + 400 * kinds * (1 + 0.3 * day * (-1) ** b) for b in range(3)]).round()


def coarser(fine: np.ndarray, ratio: int = 16) -> np.ndarray:
    bands, height, width = fine.shape
    return fine.reshape(bands, height // ratio, ratio, width // ratio, ratio).mean(axis=(2, 4))


def write(folder: Path, days: tuple[str, ...] = DAYS, coarse: bool = True, seed: int = 0) -> Path:
    """``fine/`` and ``coarse/`` with dates in their names."""
    for number, day in enumerate(days):
        image = ground(number, seed=seed)
        put(folder / "fine" / f"scene_{day}.tif", image.astype("uint16"), grid(30), descriptions=NAMES)
        if coarse:
            put(folder / "coarse" / f"low_{day}.tif", coarser(image).astype("float32"), grid(480), descriptions=NAMES)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("fine", "coarse"):
        (tmp_path / "series" / name).mkdir(parents=True)
    return write(tmp_path / "series")


def test_three_dates_are_one_triple(folder: Path) -> None:
    found = cases(folder, "spatiotemporal")
    assert len(found) == 1 and found.names == ["series 2016-08-23"] and found.bands == 3
    case = found[0]
    assert [str(case.obs[role].date) for role in ("fine_1", "coarse_p", "fine_2")] == list(DAYS)
    np.testing.assert_array_equal(case.truth, ground(1).astype(np.float32))
    np.testing.assert_array_equal(case.obs["fine_2"].data, ground(2).astype(np.float32))
    low = case.obs["coarse_p"]
    assert low.ratio == (16.0, 16.0) and low.shape == (6, 8)
    np.testing.assert_allclose(low.data, coarser(ground(1)), rtol=1e-6)
    assert [band.name for band in case.obs["fine_1"].bands] == NAMES and not found.simulated  # type: ignore[attr-defined]


def test_two_dates_are_two_cases_and_no_coarse_image_is_made_up_in_silence(folder: Path) -> None:
    for path in [*(folder / "coarse").iterdir(), folder / "fine" / f"scene_{DAYS[1]}.tif"]:
        path.unlink()
    found = cases(f"{folder}@8:1", "spatiotemporal", bands=NAMES, noise=0.0)
    assert isinstance(found, TripleCases) and found.simulated and len(found) == 2
    first, second = found[0], found[1]
    np.testing.assert_array_equal(first.truth, second.obs["fine_1"].data)
    view = first.obs["coarse_p"]
    assert view.ratio == (8.0, 8.0) and view.shape == (12, 16)
    again = reduce(first.obs, first.truth, [band.mtf_nyquist for band in view.bands], "coarse_p")
    np.testing.assert_allclose(view.data, again, rtol=1e-5)


def test_what_is_simulated() -> None:
    """The blur has the band's gain at Nyquist; noise is a share of the mean; holes are holes."""
    y, x = np.indices((512, 512))
    waves = np.stack([100 + 10 * np.cos(np.pi * (x - 7.5) / 16), 100 + 10 * np.cos(np.pi * (x - 7.5) / 16)])
    bands = (Band("a", mtf_nyquist=0.3), Band("b", mtf_nyquist=0.5))
    valid = np.ones((512, 512), bool)
    seen = simulated(View(waves, valid, bands), 16, 0.0, np.random.default_rng(0))
    inner = seen.data[:, 8:24, 8:24] - 100
    np.testing.assert_allclose(np.abs(inner).mean(axis=(1, 2)), [3.0, 5.0], rtol=2e-2)
    noisy = simulated(View(np.full((2, 512, 512), 100.0), valid, bands), 16, 0.02, np.random.default_rng(0))
    assert noisy.data.std() == pytest.approx(2.0, rel=0.1)
    valid = valid.copy()
    valid[:32, :16] = False
    holed = simulated(View(np.where(valid, [[[100.0]]] * 2, 9e9), valid, bands), 16, 0.0, np.random.default_rng(0))
    assert not holed.valid[:2, 0].any() and holed.valid[4:, 3:].all()
    np.testing.assert_allclose(holed.data[:, holed.valid], 100, rtol=1e-6)
    assert NOISE < 0.02 and y.shape == x.shape
    with pytest.raises(InputError, match="smaller ratio"):
        simulated(View(np.ones((2, 8, 8)), np.ones((8, 8), bool), bands), 16, 0.0, np.random.default_rng(0))


def test_clouds_are_holes(folder: Path) -> None:
    mask = np.zeros((1, 96, 128), "uint8")
    mask[:, 10:40, 20:60] = 2
    for day in (DAYS[1], DAYS[2]):
        put(folder / "fine" / f"scene_{day}_mask.tif", mask, grid(30), descriptions=None)
    case = cases(folder, "spatiotemporal")[0]
    assert np.isnan(case.truth[:, 10:40, 20:60]).all() and np.isfinite(case.truth[:, 50:]).all()
    assert not case.obs["fine_2"].valid[10:40, 20:60].any() and case.obs["fine_1"].valid.all()


def test_dates_are_chosen(folder: Path) -> None:
    backwards = "/".join(reversed(DAYS))
    case = cases(f"{folder}@{backwards}", "spatiotemporal")[0]
    assert [str(case.obs[role].date) for role in ("fine_1", "fine_2")] == [DAYS[2], DAYS[0]]
    with pytest.raises(InputError, match="without 2017-01-01"):
        cases(f"{folder}@2017-01-01/{DAYS[1]}/{DAYS[2]}", "spatiotemporal")
    with pytest.raises(InputError, match="three: known, wanted, known"):
        cases(f"{folder}@{DAYS[0]}/{DAYS[1]}", "spatiotemporal")
    with pytest.raises(InputError, match="none of the triples of 'train'"):
        cases(f"{folder}@train", "spatiotemporal")


def test_blocks_of_one_scene_are_normalised_alike(folder: Path) -> None:
    found = cases(folder, "spatiotemporal", block_px=64)
    assert len(found) == 4 and found.groups == [0, 0, 0, 0]
    whole = cases(folder, "spatiotemporal")[0]
    for name, case in zip(found.names, found, strict=True):
        y, x = map(int, name.partition("@")[2].split(","))
        height, width = case.truth.shape[1:]
        np.testing.assert_array_equal(case.truth, whole.truth[:, y : y + height, x : x + width])
        low = case.obs["coarse_p"]
        assert low.offset == (7.5 - 16 * (-low.offset[0] + 7.5) / 16, low.offset[1])
        at = [round((7.5 - o) / 16) for o in low.offset]
        np.testing.assert_array_equal(
            low.data[:, at[0] : at[0] + 2, at[1] : at[1] + 2],
            whole.obs["coarse_p"].data[:, y // 16 : y // 16 + 2, x // 16 : x // 16 + 2],
        )


def test_names_tell_the_sensors_apart(tmp_path: Path) -> None:
    for number, day in enumerate((220, 236, 243)):
        image = ground(number)
        put(tmp_path / f"L_2016_{day}.tif", image.astype("uint16"), grid(30), descriptions=NAMES)
        put(tmp_path / f"M_2016_{day}-mean.tif", coarser(image).astype("float32"), grid(480), descriptions=NAMES)
        put(tmp_path / f"L_2016_{day}_classification.tif", image[:1].astype("uint8"), grid(30), descriptions=None)
    found = series_in(str(tmp_path))
    assert list(found.fine) == list(found.coarse) == [date(2016, 8, 7), date(2016, 8, 23), date(2016, 8, 30)]
    assert all(len(files) == 1 for files in found.fine.values())
    assert cases(tmp_path, "spatiotemporal")[0].truth.shape == (3, 96, 128)


def test_a_file_for_each_band(tmp_path: Path) -> None:
    for number in (1, 2):
        for band, image in zip(("B02", "B03", "B04"), ground(number), strict=True):
            put(tmp_path / f"date{number}_{band}.tif", image[None].astype("uint16"), grid(10), descriptions=None)
        put(tmp_path / f"date{number}_B11.tif", ground(0)[:1, :48, :64].astype("uint16"), grid(20), descriptions=None)
    with pytest.raises(GridError, match="leave out bands of another resolution"):
        cases(tmp_path, "spatiotemporal")[0]
    found = cases(tmp_path, "spatiotemporal", sensor="sentinel2a", bands=["B04", "B02"], scale=1e-4)
    assert found.bands == 2 and [b.name for b in found[0].obs["fine_1"].bands] == ["red", "blue"]
    np.testing.assert_allclose(found[0].truth, 1e-4 * ground(2)[[2, 0]].astype(np.float32), rtol=1e-6)


def test_what_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is no folder"):
        cases(tmp_path / "nowhere", "spatiotemporal")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="no images with dates"):
        cases(tmp_path / "empty", "spatiotemporal")
    (folder / "coarse" / f"low_{DAYS[0]}.tif").unlink()
    (folder / "coarse" / f"low_{DAYS[1]}.tif").unlink()
    with pytest.raises(InputError, match=r"1 date\(s\) with a fine and a coarse image.*2016-08-30"):
        cases(folder, "spatiotemporal")
    for day in DAYS:
        put(folder / "coarse" / f"low_{day}.tif", coarser(ground(0)).astype("float32") / 1e4, grid(480),
            descriptions=NAMES)  # fmt: skip
    with pytest.raises(InputError, match="one unit"):
        cases(folder, "spatiotemporal")[0]
    for day in DAYS:
        put(folder / "coarse" / f"low_{day}.tif", coarser(ground(0))[:2].astype("float32"), grid(480),
            descriptions=NAMES[:2])  # fmt: skip
    with pytest.raises(InputError, match="the same bands in the same order"):
        cases(folder, "spatiotemporal")[0]
    with pytest.raises(InputError, match="at least 1"):
        cases(folder, "spatiotemporal", limit=0)


def test_the_dates_of_cia_and_lgc() -> None:
    assert [len(SPLITS[name][split]) for name in ("CIA", "LGC") for split in ("train", "val")] == [9, 4, 6, 1]
    assert SPLITS["CIA"]["train"][1] == (date(2001, 10, 8), date(2001, 12, 4), date(2002, 1, 5))
    assert SPLITS["LGC"]["val"] == [(date(2004, 12, 28), date(2005, 1, 13), date(2005, 1, 29))]
    assert all(a < b < c for split in SPLITS.values() for triples in split.values() for a, b, c in triples)


def test_bare_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Band sequential, interleaved by line and by pixel; the size of the file tells CIA and LGC."""
    image = np.arange(6 * 20 * 17, dtype=np.int16).reshape(6, 20, 17)
    monkeypatch.setitem(SHAPES, "CIA", image.shape)
    orders = {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (1, 2, 0)}
    for word, order in orders.items():
        path = tmp_path / f"20011008.{word}"
        image.transpose(order).tofile(path)
        assert is_raw(path)
        with open_raw(path, scale=1e-4, nodata=5) as found:
            data, valid = found.read()
        np.testing.assert_allclose(data[:, valid], 1e-4 * image[:, valid], rtol=1e-6)
        assert valid.sum() == 20 * 17 - 1 and not valid[0, 5]
    with open_raw(tmp_path / "20011008.bil", interleave="bil", shape=(6, 20, 17)) as found:
        np.testing.assert_array_equal(found.read()[0], image)
    with pytest.raises(FileError, match="write a header"):
        open_raw(tmp_path / "20011008.bsq", shape=(6, 21, 17))
    with pytest.raises(InputError, match="bsq, bil, bip"):
        open_raw(tmp_path / "20011008.bsq", interleave="bls")
    (tmp_path / "20011008.hdr").write_text("ENVI")
    assert not is_raw(tmp_path / "20011008.bsq")


def test_a_folder_of_bare_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As CIA is kept: Landsat by line, MODIS band by band on the Landsat grid, dates in the names of folders."""
    monkeypatch.setitem(SHAPES, "CIA", (6, 96, 128))
    for day in SPLITS["CIA"]["train"][0]:
        image = np.concatenate([ground(day.month), ground(day.day)]).astype(np.int16)
        for sensor, name, order in (("Landsat", "surf_ref.bil", (1, 0, 2)), ("MODIS", "sur_refl.int", (0, 1, 2))):
            home = tmp_path / "CIA" / sensor / f"{day:%Y_%j_%d%b}".lower()
            home.mkdir(parents=True)
            image.transpose(order).tofile(home / name)
    found = cases(f"{tmp_path / 'CIA'}@train", "spatiotemporal")
    assert len(found) == 1 and found.bands == 6
    case = found[0]
    assert case.truth.shape == (6, 96, 128) and max(case.obs["coarse_p"].ratio) == 1
    assert [str(case.obs[r].date) for r in ("fine_1", "coarse_p", "fine_2")] == [
        "2001-10-08",
        "2001-10-17",
        "2001-12-04",
    ]


@pytest.mark.parametrize("seen", ["together", "each"])
def test_a_network_is_trained_from_the_shell(seen: str, tmp_path: Path, cli: Cli) -> None:
    for name, seed in (("one", 0), ("two", 5)):
        for sub in ("fine", "coarse"):
            (tmp_path / name / sub).mkdir(parents=True)
        write(tmp_path / name, seed=seed)
    steps = {"each": 8, "together": 4}[seen]
    command = [
        "train", "spatiotemporal/stfgan", "--data", tmp_path / "one", "--validation", tmp_path / "two",
        "-o", tmp_path / "run", "--width=4", "--coarse-blocks=1", "--fine-blocks=1", "--kernel=3", "--critic-width=2",
        f"--steps={steps}", "--batch=2", "--patch=32", "--threads=1", "--device=cpu", "--no-tensorboard", "-q",
        f"--bands-seen={seen}",
    ]  # fmt: skip
    done = cli(*command)
    assert done.code == 0, done.err
    header = weights.read_header(tmp_path / "run")
    assert header.method == "spatiotemporal/stfgan" and header.fields["critic"] == "hinge"
    any_number = {"bands": 0, "guide": 0, "ratio": 0, "extra": 0}
    sizes = {"each": any_number, "together": {"bands": 3, "guide": 6, "ratio": 16.0, "extra": 9}}
    assert header.sizes == sizes[seen] and header.bands == tuple(NAMES)
    assert {"rmse", "ergas"} <= set(header.card["figures"])
    columns = (tmp_path / "run/log.csv").read_text().splitlines()[0].split(",")
    assert {"l1", "spectral", "structure", "adversarial", "critic"} <= set(columns)
    assert cli(*command).code == 0  # finished before
    other = cli(*command, "--critic=none")
    assert other.code == 2 and "critic" in other.err
    two = tmp_path / "two"
    pairs = [
        ["--pair", two / "fine" / f"scene_{day}.tif", two / "coarse" / f"low_{day}.tif", day]
        for day in (DAYS[0], DAYS[2])
    ]
    target = ["--coarse", two / "coarse" / f"low_{DAYS[1]}.tif", DAYS[1]]
    out = tmp_path / "out.tif"
    found = cli("predict", *pairs[0], *pairs[1], *target, "-m", "stfgan", "--weights", tmp_path / "run", "-o", out)
    assert found.code == 0, found.err
    data, tags = get(out)[0], get(out)[-1]
    assert data.shape == (3, 96, 128) and np.abs(data - ground(1, seed=5)).mean() < 100 and tags.crs is not None
    refused = cli(
        "predict", *pairs[0], *target, "-m", "stfgan", "--weights", tmp_path / "run", "-o", out, "--overwrite"
    )
    if seen == "each":
        assert refused.code == 0, refused.err  # any number of known dates
        return
    assert refused.code == 2 and "guide bands" in refused.err  # weights for two known dates


def test_observations_are_plain(folder: Path) -> None:
    obs: Observation = cases(folder, "spatiotemporal")[0].obs
    assert obs.origin == (0, 0) and obs.core is None and all(v.data.dtype == np.float32 for v in obs.views.values())
