"""`earthloom bench`: protocols, rows that are kept, products of others, pages, and the manifest that makes it again."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from bench import again, results
from scipy.io import savemat

import earthloom
from earthloom.benchmarking import protocol as protocols
from earthloom.benchmarking import rows as rows_module
from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.methods import catalog
from earthloom.physics.resample import interp23
from earthloom.training.cases.describe import describe_sources
from earthloom.weights import store
from tests.e2e.conftest import Cli, fine_truth, grid, observed, put

METHODS = "exp,gsa"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pairs of PAN and MS, 4:1."""
    folder = tmp_path_factory.mktemp("made")
    for number in (1, 2, 3):
        pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((192, 192), 4, number)))
        put(folder / f"{number}_pan.tif", pan, grid(1))
        put(folder / f"{number}_ms.tif", ms, grid(4))
    return folder


@pytest.fixture
def scenes(made: Path, tmp_path: Path) -> Path:
    """The same for one test, which may change them."""
    return Path(shutil.copytree(made, tmp_path / "scenes"))


def h5(path: Path, count: int = 3, shifted: tuple[int, ...] = (), shift: tuple[int, int] = (0, 1)) -> Path:
    """Samples in PanCollection's layout; the MS of some lies whole coarse pixels off."""
    made: dict[str, list[np.ndarray]] = {"gt": [], "pan": [], "ms": [], "lms": []}
    for number in range(count):
        truth = fine_truth((96, 96), 4, number).astype(np.float64)
        pan, ms = observed(truth)
        y, x = shift if number in shifted else (0, 0)
        cut = slice(16, 80)
        low = ms[:, 4 + y : 20 + y, 4 + x : 20 + x]
        made["gt"].append(truth[:, cut, cut])
        made["pan"].append(pan[:, cut, cut])
        made["ms"].append(low)
        made["lms"].append(interp23(ms, 4)[:, cut, cut])
    with h5py.File(path, "w") as file:
        for role, images in made.items():
            file[role] = np.stack(images).astype(np.float32)
        file.attrs["maximum"] = 65535.0
    return path


def same(one: Any, other: Any) -> bool:
    """Whether two leaderboards have the same figures, to the last bit."""
    return [(r.entrant, r.scene, dict(r.figures)) for r in one.rows] == [
        (r.entrant, r.scene, dict(r.figures)) for r in other.rows
    ]


@pytest.mark.parametrize("name", protocols.names())
def test_every_protocol_reads(name: str) -> None:
    found = protocols.load(name)
    assert found.problem in catalog.problems() and found.judge.rank in found.judge.metrics
    assert found.title and found.about and found.layout and len(found.sha256) == 64
    assert protocols.of(found.text, name) == found
    for sensor in [part.read.get("sensor") for part in found.parts if part.read.get("sensor")]:
        assert earthloom.sensors.load(sensor).name == sensor


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = 1", "problem is missing"), ("nonsense", "no TOML"), ('x = 1\ntitle = "t"', "x"),
        ('title = "t"\nproblem = "cooking"\n[judge]\nmetrics = ["ergas"]', "cooking"),
        ('title = "t"\nproblem = "pansharpening"\n[judge]\nmetrics = ["hqnr"]', "metrics hqnr"),
        ('title = "t"\nproblem = "pansharpening"\n[judge]\nmetrics = ["ergas"]\nrank = "sam_deg"', "rank"),
        ('title = "t"\nproblem = "pansharpening"\n[judge]\nmetrics = ["ergas"]\npeak = -1', "peak"),
        ('title = "t"\nproblem = "pansharpening"\n[judge]\nmetrics = ["ergas"]\ncut = "some"', "cut"),
        ('title = "t"\nproblem = "pansharpening"\n[judge]\nmetrics = ["ergas"]\ncut = 5\nframe = 5', "frame 5, cut 5"),
        ('title = "t"\nproblem = "sharpening"\nresolution = "full"\n[judge]\nmetrics = ["rmse"]', "full resolution"),
        ('title = "t"\nproblem = "pansharpening"\n[read]\nspeed = 1\n[judge]\nmetrics = ["ergas"]', "speed"),
    ],
)  # fmt: skip
def test_a_protocol_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(FileError, match=re.escape(said)):
        protocols.load(tmp_path / "own.toml")


def test_a_leaderboard_and_all_that_is_written(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "out"
    words = ("bench", "pansharpen", "--data", scenes, "--methods", *METHODS.split(","), "-o", out)
    done = cli(*words, "--json", "--threads", 1)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert {row["name"] for row in found["leaderboard"]} == set(METHODS.split(","))
    assert found["rank"] == "ergas" and found["leaderboard"][0]["place"] == 1
    first = min(found["leaderboard"], key=lambda row: row["figures"]["ergas"]["mean"])
    assert found["leaderboard"][0]["name"] == first["name"] and "So few scenes" in found["verdict"]
    values = [row["figures"]["ergas"] for row in found["rows"] if row["name"] == "gsa"]
    gsa = next(row for row in found["leaderboard"] if row["name"] == "gsa")["figures"]["ergas"]
    assert gsa["mean"] == pytest.approx(np.mean(values)) and gsa["std"] == pytest.approx(np.std(values, ddof=1))
    listed = list(csv.DictReader((out / "scores.csv").read_text().splitlines()))
    assert len(listed) == 6 and float(next(r for r in listed if r["name"] == "gsa")["ergas"]) == values[0]
    assert "| gsa |" in (out / "leaderboard.md").read_text() and "ergas ↓" in (out / "leaderboard.md").read_text()
    tex = (out / "leaderboard.tex").read_text()
    assert r"\toprule" in tex and r"sam\_deg $\downarrow$" in tex and "±" not in tex
    page = (out / "leaderboard.html").read_text()
    assert "Noise floor" in page and "http://" not in page.replace("http://www.w3.org", "") and "gsa" in page
    told = json.loads((out / "manifest.json").read_text())
    assert told["protocol"]["toml"] == protocols.load("wald").text and len(told["inputs"]) == 6
    assert told["methods"][1]["fields"] == dict(catalog.make("gsa").parameters) and told["code_sha256"]


def test_figures_are_those_of_the_functions(scenes: Path) -> None:
    """The row of a method equals the method and the metrics called by hand."""
    board = earthloom.bench("pansharpening", scenes, "gsa", scenes="1", threads=1)
    case = earthloom.cases(scenes, precision="float64", block_px=1 << 20)[0]
    obs = case.obs
    from earthloom.benchmarking.scenes import promoted
    from earthloom.engine.passes import fuse_whole

    fused = fuse_whole(catalog.make("gsa"), promoted(obs, "float64"))
    cut = [earthloom.metrics.cut_border(image, 17) for image in (fused, case.truth.astype(np.float64))]
    expected = earthloom.metrics.with_reference(*cut, 4, peak=float(cut[1].max()))
    assert dict(board.rows[0].figures) == {name: float(expected[name]) for name in board.metrics}


def test_rows_are_kept_and_a_stopped_run_goes_on(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Killed after some rows: the same figures, and only the missing rows are made."""
    whole = earthloom.bench("pansharpen", scenes, METHODS, threads=1)
    made: list[str] = []
    keep = rows_module.keep

    def counted(folder: Path, row: Any) -> None:
        made.append(f"{row.entrant} {row.scene}")
        keep(folder, row)
        if len(made) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(rows_module, "keep", counted)
    with pytest.raises(KeyboardInterrupt):
        earthloom.bench("pansharpen", scenes, METHODS, tmp_path / "out", threads=1)
    assert not (tmp_path / "out/manifest.json").exists()
    board = earthloom.bench("pansharpen", scenes, METHODS, tmp_path / "out", threads=1)
    assert len(made) == len(set(made)) == 6 and same(board, whole)
    assert sum(row.kept for row in board.rows) == 4
    again = earthloom.bench("pansharpen", scenes, METHODS, tmp_path / "out", threads=1)
    assert len(made) == 6 and same(again, whole)


def test_what_changes_a_figure_is_made_anew(scenes: Path, tmp_path: Path) -> None:
    """Another protocol, field or number of a scene; a copy of the data under other names is the same."""

    def kept(data: Path, methods: str, **more: Any) -> list[bool]:
        board = earthloom.bench("pansharpen", data, methods, cache=tmp_path / "kept", threads=1, **more)
        return [row.kept for row in board.rows]

    assert kept(scenes, "gsa") == [False] * 3 and kept(scenes, "gsa") == [True] * 3
    assert kept(scenes, "gsa:gain=global") == [False] * 3
    own = tmp_path / "own.toml"
    own.write_text(protocols.load("wald").text.replace('cut = "ratio"', "cut = 5"))
    assert kept(scenes, "gsa", protocol=own) == [False] * 3
    moved = scenes.rename(tmp_path / "moved")
    assert kept(moved, "gsa") == [True] * 3
    with rasterio.open(moved / "2_ms.tif", "r+") as file:
        data = file.read()
        data[0, 5, 5] += 1
        file.write(data)
    assert kept(moved, "gsa") == [True, False, True]


def test_whoever_runs_it_the_figures_are_the_same(scenes: Path) -> None:
    one = earthloom.bench("pansharpen", scenes, "exp,gsa", threads=1)
    assert same(one, earthloom.bench("pansharpen", scenes, "exp,gsa", threads=3))
    assert same(one, earthloom.bench("pansharpen", scenes, "exp,gsa", runner="processes", threads=2))


def test_a_scene_or_a_method_that_fails_is_a_row(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    (scenes / "2_ms.tif").write_bytes((scenes / "2_ms.tif").read_bytes()[:4000])
    done = cli("bench", "pansharpen", "--data", scenes, "--methods", "exp", "gsa", "--threads", 1)
    assert done.code == 0, done.err
    board = earthloom.bench("pansharpen", scenes, "exp,gsa", threads=1)
    lost = {(row.entrant, row.scene) for row in board.failures}
    assert lost == {("exp", "2"), ("gsa", "2")} and all("2_ms" in row.why for row in board.failures)
    assert "gsa on 2: " in done.out and board.counted("gsa") == 2
    earthloom.bench("pansharpen", scenes, "exp,gsa", tmp_path / "o", threads=1)
    assert "What could not be judged" in (tmp_path / "o/leaderboard.html").read_text()


def products(board: Any, scenes: Path, folder: Path, name: str, scale: float = 1.0) -> Path:
    """Products of a method as somebody else would hand them in: MATLAB files, bands last, numbered or named."""
    from earthloom.benchmarking.protocol import load
    from earthloom.benchmarking.scenes import open_scenes
    from earthloom.engine.passes import fuse_whole

    folder.mkdir()
    opened = open_scenes(scenes, load("wald"))
    for number in range(len(opened)):
        fused = fuse_whole(catalog.make(name), opened[number].obs) / scale
        savemat(folder / f"output_{number}.mat", {"sr": np.moveaxis(fused, 0, -1)})
    return folder


def test_products_of_others_are_judged_by_the_same_protocol(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    """MATLAB files numbered like the scenes, divided by their maximum, one missing: a row says what is wrong."""
    theirs = products(None, scenes, tmp_path / "theirs", "gsa")
    board = earthloom.bench("pansharpen", scenes, "gsa", products={"handed in": theirs}, threads=1)
    by = {(row.entrant, row.scene): dict(row.figures) for row in board.rows}
    for scene in "123":
        assert by["handed in", scene] == pytest.approx(by["gsa", scene], rel=1e-5)  # float32; Q2n rounds
    assert board.ranking.places["handed in"] <= 2 and board.seconds("handed in") is None
    small = products(None, scenes, tmp_path / "small", "gsa", 20000.0)
    words = ("bench", "pansharpen", "--data", scenes, "--products", f"small={small}", "--threads", 1)
    assert "was divided by that" in cli(*words).out
    judged = json.loads(cli(*words, "--products-scale", 20000, "--json").out)["rows"]
    assert judged[0]["figures"]["ergas"] == pytest.approx(by["gsa", "1"]["ergas"], rel=1e-6)
    for at, path in enumerate(sorted(theirs.iterdir()), 1):
        path.rename(path.with_name(f"{at}.mat"))
    (theirs / "2.mat").unlink()
    board = earthloom.bench("pansharpen", scenes, (), products=[f"x={theirs}"], threads=1)
    assert [bool(row.why) for row in board.rows] == [False, True, False] and "no product of 2" in board.rows[1].why
    savemat(theirs / "2.mat", {"sr": np.full((8, 8, 4), 900.0)})
    board = earthloom.bench("pansharpen", scenes, (), products=[str(theirs)], threads=1)
    assert "a product of shape (4, 8, 8)" in board.rows[1].why and board.rows[0].entrant == "theirs"


def test_a_manifest_makes_it_again(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    """The same to the last bit, also where the data lie elsewhere; what differs is said, and the exit code tells."""
    earthloom.bench("pansharpen", scenes, METHODS, tmp_path / "out", scenes=["1", "3"], threads=1)
    path = tmp_path / "out/manifest.json"
    done = cli("bench", "--manifest", path, "--threads", 1)
    assert done.code == 0 and "24 of 24 figures are those of the manifest to the last bit" in done.out, done.out
    moved = scenes.rename(tmp_path / "elsewhere")
    done = cli("bench", "--manifest", path, "--data", moved, "-o", tmp_path / "again", "--json", "--threads", 1)
    assert json.loads(done.out)["again"] == {"same": 24, "close": 0, "apart": [], "inputs": []}
    told = json.loads(path.read_text())
    told["figures"]["gsa"]["1"]["ergas"] += 0.01
    (tmp_path / "wrong.json").write_text(json.dumps(told))
    done = cli("bench", "--manifest", tmp_path / "wrong.json", "--data", moved, "--threads", 1)
    assert done.code == 1 and "gsa, 1, ergas" in done.out
    with rasterio.open(moved / "1_ms.tif", "r+") as file:
        file.write(file.read() + 1)
    done = cli("bench", "--manifest", path, "--data", moved, "--threads", 1)
    assert done.code == 1 and "not what it was: 1_ms.tif" in done.out
    (tmp_path / "no.json").write_text("{}")
    assert "is no manifest" in cli("bench", "--manifest", tmp_path / "no.json").err


def test_pancollection_as_its_files_come(tmp_path: Path, cli: Cli) -> None:
    """Names choose the sensor; the training patches are left out, the number of scenes and the release are said."""
    h5(tmp_path / "test_wv2_multiExm1.h5").rename(tmp_path / "test_qb_multiExm1.h5")
    h5(tmp_path / "train_qb.h5")
    with h5py.File(tmp_path / "test_qb_OrigScale_multiExm1.h5", "w") as file:
        with h5py.File(tmp_path / "train_qb.h5") as source:
            for role in ("ms", "pan"):
                file[role] = source[role][...]
        file.attrs["maximum"] = 65535.0
    own = tmp_path / "small.toml"
    own.write_text(protocols.load("pancollection").text.replace("cut = 21", "cut = 5"))
    board = earthloom.bench("pansharpen", tmp_path, "exp,gsa", protocol=own, threads=1)
    assert board.scenes == tuple(f"test_qb_multiExm1-{k:05d}" for k in range(3)) and not board.failures
    assert any("has 20 scenes; these are 3" in note for note in board.notes)
    full = earthloom.bench("pansharpen", tmp_path, "exp,gsa", protocol="pancollection_full", threads=1)
    assert len(full.scenes) == 3 and not full.failures and 0 < full.spreads["exp"]["hqnr"].mean <= 1
    assert any("QuickBird scenes of the .h5 release" in note for note in full.notes)
    assert json.loads(cli("bench", "--protocols", "--json").out)[0].keys() == {"name", "problem", "title"}
    assert "PSNR is over all bands together" in cli("bench", "--protocols", "--protocol", "pancollection").out


def test_pairmax_in_folders_of_scenes(tmp_path: Path) -> None:
    for name, seed in (("W3_Muni_Urb", 1), ("GE_Lond_Urb", 2)):
        folder = tmp_path / name / "RR"
        folder.mkdir(parents=True)
        bands = 8 if name.startswith("W3") else 4
        truth = fine_truth((128, 128), bands, seed) / 8
        pan, ms = observed(truth.astype(np.float64))
        for role, image in (("PAN", pan), ("MS_LR", ms), ("MS", interp23(ms, 4)), ("GT", truth)):
            put(folder / f"{role}.tif", image.clip(0, 2047).round().astype("uint16"))
    board = earthloom.bench("pansharpen", tmp_path, "exp,gsa", protocol="pairmax", threads=1)
    assert set(board.scenes) == {"W3_Muni_Urb_RR", "GE_Lond_Urb_RR"} and not board.failures
    assert any("several sensors" in note for note in board.notes)


def test_other_problems(tmp_path: Path) -> None:
    """A cube, and dates whose coarse images are simulated."""
    (tmp_path / "cubes").mkdir()
    for number in (1, 2):
        put(tmp_path / f"cubes/{number}.tif", fine_truth((48, 48), 4, number).astype("uint16"), grid(1))
    board = earthloom.bench("superresolve", tmp_path / "cubes", "bicubic,back_projection", threads=1)
    assert not board.failures and board.ranking.order[0] == "back_projection" and set(board.metrics) >= {"psnr", "ssim"}
    crop = tmp_path / "crop.toml"
    crop.write_text("crop = 32\n" + protocols.load("cubes").text)
    smaller = earthloom.bench("superresolve", tmp_path / "cubes", "bicubic", protocol=crop, threads=1)
    assert smaller.spreads["bicubic"]["psnr"] != board.spreads["bicubic"]["psnr"]
    dates = tmp_path / "dates"
    dates.mkdir()
    for day, seed in (("20200301", 0), ("20200311", 0), ("20200321", 0)):
        truth = fine_truth((96, 96), 3, seed) + 40.0 * int(day[-2:])
        put(dates / f"fine_{day}.tif", truth.round().astype("uint16"), grid(30))
    board = earthloom.bench("predict", f"{dates}@8:1", "copy,starfm", threads=1)
    assert len(board.scenes) == 1 and not board.failures and board.ranking.order[0] == "starfm"


def test_alignment_is_fitted_to_other_scenes(tmp_path: Path) -> None:
    """Pairs of two sensors: what is judged had no part in the fit, and a line finds what was one."""
    for role in ("source", "target"):
        (tmp_path / role).mkdir()
    for number in range(3):
        image = fine_truth((48, 48), 4, number).astype(np.float64)
        put(tmp_path / f"source/{number}.tif", image.round().astype("uint16"), grid(10))
        put(tmp_path / f"target/{number}.tif", (0.8 * image + 120).round().astype("uint16"), grid(10))
    own = tmp_path / "own.toml"
    text = (
        protocols.load("pairs")
        .text.replace('"landsat8"', '"gaofen1_wfv"')
        .replace("[fit]", "[read]\nscale = 1\n\n[fit]")
    )
    own.write_text(text.replace('"sentinel2a"', '"gaofen1_wfv"'))
    board = earthloom.bench("align", tmp_path, "none,ols", protocol=own, threads=2)
    assert not board.failures, board.failures
    assert (
        board.ranking.order[0] == "ols"
        and board.spreads["ols"]["rmse"].mean < 1 < 20 < board.spreads["none"]["rmse"].mean
    )


def test_refused_before_anything_is_read(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("x")
    for wrong, said in (
        ({"methods": "gsaa"}, "gsaa"), ({"methods": ""}, "nothing to judge"), ({"protocol": "cave"}, "it is for"),
        ({"protocol": "wold"}, "protocol 'wold'"), ({"methods": "gsa:gian=1"}, "gian"), ({"limit": 0}, "a limit of 0"),
        ({"output": tmp_path / "full"}, "holds mine.txt"), ({"output": scenes}, "holds"), ({"scenes": "9"}, "no scene"),
        ({"products": ["a=nowhere"]}, "is no folder"), ({"data": tmp_path / "none"}, "does not exist"),
        ({"products": [f"gsa={scenes}"]}, "two called gsa"), ({"speed": 1}, "speed"),
        ({"problem": "cook"}, "bench cook"),
    ):  # fmt: skip
        given: dict[str, Any] = {"problem": "pansharpen", "data": scenes, "methods": "gsa", **wrong}
        with pytest.raises(EarthloomError, match=re.escape(said)):
            earthloom.bench(**given)
    for words, said in (
        (("bench",), "both or neither"), (("bench", "pansharpen", "--methods", "gsa"), "no data"),
        (("bench", "--manifest", "m.json", "--methods", "gsa"), "the manifest says it"),
        (("bench", "decloud", "--data", scenes, "--methods", "auto"), "auto for cloud_removal"),
    ):  # fmt: skip
        done = cli(*words)
        assert done.code == 2 and said in done.err and done.err.count("\n") == 1, done.err
    with pytest.raises(InputError, match="two scenes called"):
        earthloom.bench("pansharpen", [scenes, scenes], "gsa")


@pytest.mark.parametrize("shift", [(0, 1), (-1, 0)])
def test_dataset_info_finds_patches_whose_ms_lies_a_coarse_pixel_off(
    shift: tuple[int, int], tmp_path: Path, cli: Cli
) -> None:  # fmt: skip
    """As PanCollection's QuickBird patches: two of three off, the others not; the true ones say nothing."""
    wrong = h5(tmp_path / "train_x.h5", 9, (0, 1, 3, 4, 6, 7), shift)
    found = describe_sources(wrong)["displaced"]
    words = f"{shift[0]:+d}, {shift[1]:+d}"
    for role in ("gt", "lms"):
        assert found[role] == {"tested": 9, "off": 6, "shifts": {words: 6}}
    done = cli("dataset", "info", wrong)
    assert "gt: 6 of 9 samples off" in done.out and "(67 %)" in done.out and f"({words})" in done.out
    right = describe_sources(h5(tmp_path / "right.h5", 9))
    assert right["displaced"]["gt"] == {"tested": 9, "off": 0, "shifts": {}} and right["trouble"] == []


@pytest.fixture
def triplets(tmp_path: Path) -> Path:
    """Cloudy and clear images, radar and masks as other people name them; the second one is clouds alone."""
    folder = tmp_path / "places/triplets"
    folder.mkdir(parents=True)
    for number in (1, 2):
        clear = np.concatenate([fine_truth((64, 64), 13, number)]).round()
        mask = np.zeros((1, 64, 64))
        mask[:, 16:40, 16:40] = 1
        mask[:] = 1 if number == 2 else mask
        cloudy = np.where(mask > 0, 9000, clear)
        radar = np.stack([-10 + clear[0] / 1000, -16 + clear[1] / 1000])
        for name, image in (("cloudy", cloudy), ("clear", clear), ("mask", mask), ("s1", radar)):
            put(folder / f"{number}_{name}.tif", image.astype("float32" if name == "s1" else "uint16"), grid(1))
    return folder.parent


OWN = """
title = "own"
problem = "cloud_removal"
[judge]
metrics = ["psnr", "mae", "mae_under_clouds"]
peak = 10000
clip = true
refused = "as_seen"
[[part]]
files = "triplets"
roles = { sar = "*_s1.tif", cloudy = "*_cloudy.tif", clear = "*_clear.tif", cloudy_mask = "*_mask.tif" }
[fold]
one = ["1"]
"""


def test_scenes_by_role_what_was_seen_and_what_refuses(triplets: Path, tmp_path: Path) -> None:
    """Files are told by a star; clear pixels are kept; where none is the cloudy image counts, and it is said."""
    own = tmp_path / "own.toml"
    own.write_text(OWN)
    board = earthloom.bench(
        "decloud", triplets, "as_seen,inpaint,sar_regression", tmp_path / "out", protocol=own, threads=1
    )
    assert board.scenes == ("1", "2") and not board.failures
    by = {(row.entrant, row.scene): row for row in board.rows}
    assert by["sar_regression", "2"].why and by["sar_regression", "2"].figures == by["as_seen", "2"].figures
    assert by["inpaint", "1"].figures["mae"] == pytest.approx(
        by["inpaint", "1"].figures["mae_under_clouds"] * (24 * 24) / 64**2, rel=1e-5
    )  # clear pixels are those of the truth
    assert any("sar_regression refused 2: as_seen counts there." in note for note in board.notes)
    assert "as_seen counts there" in (tmp_path / "out/leaderboard.html").read_text()
    more = earthloom.bench(
        "decloud", triplets, "as_seen,inpaint,sar_regression", tmp_path / "out", protocol=own, threads=1
    )
    assert same(more, board) and all(row.kept for row in more.rows if row.entrant != "sar_regression")
    own.write_text(OWN.replace('refused = "as_seen"\n', ""))
    strict = earthloom.bench("decloud", triplets, "sar_regression", protocol=own, threads=1)
    assert [row.scene for row in strict.failures] == ["2"]
    with pytest.raises(InputError, match="as_seen for pansharpening"):
        earthloom.bench("pansharpen", triplets, "as_seen")


def test_weights_by_the_fold_of_a_scene(triplets: Path, tmp_path: Path) -> None:
    """The name of the fold stands in the path of the weights; a scene of none is lost to them."""
    own = tmp_path / "own.toml"
    own.write_text(OWN)
    shutil.copy(store.FOLDER / "clouds_sentinel2_l1c.safetensors", tmp_path / "one.safetensors")
    label = f"cloud_unet:weights={tmp_path}/{{fold}}.safetensors"
    board = earthloom.bench("decloud", triplets, label, protocol=own, threads=1)
    by = {row.scene: row for row in board.rows}
    assert by["1"].figures and not by["1"].why and "one of the protocol's folds" in by["2"].why
    assert [one["name"] for one in board.manifest["methods"][0]["weights"]] == ["one"]


def test_fields_of_a_protocol_behind_colons(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    """The same as a file of its own with that value; the title says so, and the manifest holds all of it."""
    own = tmp_path / "own.toml"
    own.write_text(protocols.load("wald").text.replace('cut = "ratio"', "cut = 5"))
    board = earthloom.bench("pansharpen", scenes, "gsa", tmp_path / "o", protocol="wald:cut=5", threads=1)
    assert same(board, earthloom.bench("pansharpen", scenes, "gsa", protocol=own, threads=1))
    assert board.protocol.title.endswith("; cut=5") and board.protocol.name == "wald:cut=5"
    assert cli("bench", "--manifest", tmp_path / "o/manifest.json", "--threads", 1).code == 0
    found = protocols.load("pancollection:judge.ratio=2:scale=3:scenes=['a*', 'b']")
    assert found.judge.ratio == 2 and found.read["scale"] == 3 and found.scenes == ("a*", "b")
    assert found.parts == protocols.load("pancollection").parts
    for wrong, said in (("wald:speed=3", "speed"), ("wald:cut=-1", "cut -1"), ("wald:fit.ratio=2", "fit.ratio")):
        with pytest.raises(FileError, match=re.escape(said)):
            protocols.load(wrong)


@pytest.mark.parametrize("name", protocols.names())
def test_a_changed_protocol_is_the_same_but_for_the_change(name: str) -> None:
    """Written as TOML and read again, nothing else moved."""
    plain, changed = protocols.load(name), protocols.load(f"{name}:expects=7")
    kept = {"text": plain.text, "name": plain.name, "title": plain.title, "expects": plain.expects}
    from dataclasses import replace

    assert changed.expects == 7 and replace(changed, **kept) == plain


def test_a_window_is_judged(scenes: Path) -> None:
    """Rows and columns of the truth; the border is cut from the window."""
    from earthloom.benchmarking.scenes import open_scenes

    whole = protocols.load("wald:cut=0")
    part = protocols.load("wald:cut=0:window=[4, 8, 20, 40]")
    assert part.window is not None and part.judge.window is None
    judged = protocols.load("wald:cut=0:judge.window=[4, 8, 20, 40]")
    entry = open_scenes(scenes, whole, ["1"])[0]
    assert np.array_equal(entry.inner(entry.truth, judged), entry.truth[:, 4:20, 8:40])
    taken = open_scenes(scenes, part, ["1"])[0]
    assert np.array_equal(taken.truth, entry.truth[:, 4:20, 8:40]) and taken.obs["pan"].shape == (16, 32)
    assert taken.obs["ms"].shape == (4, 8) and taken.obs["ms"].offset == entry.obs["ms"].offset
    beyond = protocols.load("wald:cut=0:judge.window=[4, 8, 20, 4000]")
    with pytest.raises(InputError, match="4000"):
        entry.inner(entry.truth, beyond)
    with pytest.raises(FileError, match="window"):
        protocols.load("wald:window=[4, 8, 2, 40]")


DATES = """
title = "own"
problem = "spatiotemporal"
choice = "2020061/2020071/2020081, 2020061/2020071/2020091"
[judge]
metrics = ["rmse"]
"""


def test_dates_that_names_do_not_tell(tmp_path: Path) -> None:
    """A coarse file holds all dates; of two triples with one wanted date, each has its name."""
    home, low = tmp_path / "series", []
    home.mkdir()
    text = DATES
    for at, letter in enumerate("abcd"):
        image = fine_truth((64, 64), 1, 0) + 50.0 * at
        low.append(image.reshape(1, 16, 4, 16, 4).mean((2, 4))[0])
        put(home / f"{letter}.tif", image.round().astype("uint16"), grid(30))
        day = f'day = "2020{61 + 10 * at:03d}"'
        text += f'[[date]]\n{day}\nfine = "{letter}.tif"\ncoarse = "low.tif"\nband = {at + 1}\n'
    put(home / "low.tif", np.stack(low).round().astype("uint16"), grid(120))
    own = tmp_path / "own.toml"
    own.write_text(text)
    board = earthloom.bench("predict", home, "copy,starfm", protocol=own, threads=1)
    assert board.scenes == (
        "series 2020-03-11 of 2020-03-01, 2020-03-21",
        "series 2020-03-11 of 2020-03-01, 2020-03-31",
    )
    assert not board.failures and board.ranking.order[0] == "starfm"
    (home / "c.tif").unlink()
    with pytest.raises(FileError, match=re.escape("without c.tif")):
        earthloom.bench("predict", home, "copy", protocol=own)


def test_parts_of_one_scene_are_fitted_to_the_others(tmp_path: Path) -> None:
    """The lower half has another line than the upper one: each is judged by the other's, or by all others."""
    for number in (1, 2):
        image = fine_truth((48, 48), 4, number).astype(np.float64)
        other = np.concatenate([0.8 * image[:, :24], 0.8 * image[:, 24:] + 400], axis=1)
        put(tmp_path / f"{number}_a.tif", image.round().astype("uint16"), grid(10))
        put(tmp_path / f"{number}_b.tif", other.round().astype("uint16"), grid(10))
    own = tmp_path / "own.toml"
    text = (
        'title = "own"\nproblem = "bandpass"\n[read]\nscale = 1\n[judge]\nmetrics = ["relative_rmse_percent", "rmse"]\n'
        '[fit]\nfrom = "gaofen1_wfv"\nto = "gaofen1_wfv"\nparts = 2\nwithin = true\n'
        f'[[part]]\nfiles = "{tmp_path.name}"\nroles = {{ source = "*_a.tif", target = "*_b.tif" }}\n'
    )
    own.write_text(text)
    board = earthloom.bench("align", tmp_path, "ols", protocol=own, threads=1)
    assert board.scenes == ("1_a, part 1", "1_a, part 2", "2_a, part 1", "2_a, part 2") and not board.failures
    assert all(350 < row.figures["rmse"] < 450 for row in board.rows)
    own.write_text(text.replace("within = true\n", ""))
    mixed = earthloom.bench("align", tmp_path, "ols", protocol=own, threads=1)
    assert all(100 < row.figures["rmse"] < 350 for row in mixed.rows)
    own.write_text(text.replace("parts = 2", "parts = 1"))
    with pytest.raises(InputError, match="2 within a scene"):
        earthloom.bench("align", tmp_path, "ols", protocol=own)


CHEAP = {  # tables of the project: methods that are run, of those that the table is made again by
    ("pansharpening", "accuracy/means/triplets"): ("exp", "brovey"),
    ("pansharpening", "accuracy/means/landsat7/each"): ("exp",),
    ("pansharpening", "accuracy/means/very_high_resolution"): ("exp", "brovey"),
    ("pansharpening", "accuracy/means/gaofen2/each"): ("exp", "brovey"),
    ("pansharpening", "accuracy/published"): (),
    ("pansharpening", "refine/steps/gaofen2"): ("exp", "exp:refine=1", "exp:refine=3"),
    ("sharpening", "judged/cases/t33uub_120_to_60_m_mtf"): (),
    ("sharpening", "judged/cases/t33uub_120_to_60_m_gaussian"): (),
    ("superresolution", "2to1/cave"): ("bicubic",),
    ("superresolution", "4to1/cave"): ("bicubic",),
    ("cloud_removal", "triplets/means"): ("as_seen",),
    ("cloud_removal", "triplets/images"): ("as_seen",),
    ("spatiotemporal", "accuracy/ndvi_day_216_of_104_287_real_modis"): ("copy",),
    ("spatiotemporal", "accuracy/ndvi_day_248_of_104_287_real_modis"): ("copy",),
}


@pytest.mark.parametrize(("problem", "key"), CHEAP)
def test_it_makes_the_tables_of_the_project(problem: str, key: str, shared: Path) -> None:
    """To the digits that are stated there, which other code measured."""
    found = again.boards(problem, key)
    assert found
    for board in found:
        assert list(board.differences(CHEAP[problem, key])) == []


def test_it_makes_the_flood_of_the_project(shared: Path) -> None:
    """The table has every band rounded to a tenth; all of them together are one figure here."""
    folder = shared / "data/spatiotemporal/gwydir_2004_simulated"
    board = earthloom.bench("predict", folder, "copy,starfm", protocol="gwydir_flood", threads=1)
    table = results.tables("spatiotemporal")["accuracy/flood_block_means"]
    for name in ("copy", "starfm"):
        bands = [float(table.cell(name, f"RMSE band {band}")) for band in (1, 2, 3)]
        assert board.spreads[name]["rmse"].mean == pytest.approx(np.sqrt(np.mean(np.square(bands))), abs=0.05)
