"""Pages and quicklooks from the command line: what is written, where, and what stands in the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from matplotlib.image import imread

import earthloom
from earthloom.errors import EarthloomWarning, FileError, InputError
from earthloom.report.display import NOTHING, Stretch, colours_of, write_displays
from tests.contract.verbs.cases import CASES, Case, arrays
from tests.contract.verbs.test_reports import read
from tests.e2e.conftest import Cli, get, grid, put

PANSHARPEN = next(case for case in CASES if case.verb == "pansharpen")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_every_verb_tells_of_its_product(case: Case, tmp_path: Path) -> None:
    """A page with the record of the run, and a quicklook."""
    records: list[Any] = []

    def facts(found: Any) -> None:
        records.extend([found["record"]] if "record" in found else [])

    given = case.inputs(tmp_path)
    product = case.call(given, output=tmp_path / "product.tif", report=True, display=True, facts=facts)
    page = read(tmp_path / "product.html")
    told = page.data["record"]
    assert told["method"] == records[0].method and told["tiles"] == records[0].tiles
    assert told["seconds"] == pytest.approx(records[0].seconds) and "Where the time went" in page.text
    for name, value in records[0].figures.items():
        if isinstance(value, float):
            assert told["figures"][name] == pytest.approx(value)
    picture = imread(tmp_path / "product_display.png")
    with rasterio.open(product) as file:
        assert picture.shape[:2] == file.shape
        place = [float(line) for line in (tmp_path / "product_display.pgw").read_text().split()]
        grid = file.transform
    assert place == pytest.approx([grid.a, grid.d, grid.b, grid.e, grid.c + grid.a / 2, grid.f + grid.e / 2])
    with pytest.raises(FileError, match="exists"):
        case.call(given, output=tmp_path / "other.tif", report=tmp_path / "product.html")
    assert not (tmp_path / "other.tif").exists()


def test_flags(tmp_path: Path, cli: Cli) -> None:
    given = PANSHARPEN.inputs(tmp_path)
    words = ("pansharpen", "--pan", given["pan"], "--ms", given["ms"], "-m", "exp")
    done = cli(*words, "-o", tmp_path / "a.tif", "--report", "--display")
    assert done.code == 0 and "page" in done.err and (tmp_path / "a.html").is_file()
    done = cli(*words, "--report", tmp_path / "mine.html", "-o", tmp_path / "b.tif")
    assert done.code == 0 and (tmp_path / "mine.html").is_file() and not (tmp_path / "b.html").exists()
    done = cli("pansharpen", "--report", given["pan"], "--ms", given["ms"], "-m", "exp", "-o", tmp_path / "c.tif")
    assert done.code == 0 and (tmp_path / "c.html").is_file()
    done = cli(*words, "-o", tmp_path / "c.tif", "--overwrite", "--report=" + str(given["pan"]))
    assert done.code == 2 and "HTML" in done.err
    done = cli("report", tmp_path / "a.tif")
    assert done.code == 2 and "exists" in done.err
    done = cli("report", tmp_path / "a.tif", "-o", tmp_path / "d.html", "--look-in", tmp_path)
    assert done.code == 0 and read(tmp_path / "d.html").data["record"] is None


def test_arrays_have_nothing_to_tell(tmp_path: Path) -> None:
    given = PANSHARPEN.inputs(tmp_path)
    for more in ({"report": True}, {"display": True}):
        with pytest.raises(InputError, match="without a GeoTIFF"):
            PANSHARPEN.call(arrays(given), **more)
        with pytest.raises(InputError, match="without a GeoTIFF"):
            PANSHARPEN.call(given, output=tmp_path / "product.mat", **more)


def test_what_goes_wrong_takes_nothing_from_the_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from earthloom.report.html import product as pages

    def broken(*_: Any) -> None:
        raise InputError("a page that fails", "another")

    monkeypatch.setattr(pages, "product_page", broken)
    given = PANSHARPEN.inputs(tmp_path)
    with pytest.warns(EarthloomWarning, match="is whole; what was to be told"):
        product = PANSHARPEN.call(given, output=tmp_path / "product.tif", report=True)
    assert get(product)[0].any() and not (tmp_path / "product.html").exists()


def test_a_batch_is_one_page_with_one_stretch(tmp_path: Path) -> None:
    rows = []
    for name, gain in (("dark", 1), ("bright", 3)):
        folder = tmp_path / name
        folder.mkdir()
        given = PANSHARPEN.inputs(folder)
        for role, path in given.items():
            image = get(path)[0]
            put(path, (image.astype(int) * gain).clip(0, 65535).astype("uint16"), grid(4 if role == "ms" else 1))
        rows.append({**given, "name": name})
    out = tmp_path / "out"
    earthloom.batch("pansharpen", rows, out, method="exp", report=True, display=True)
    page = read(out / "report.html")
    assert [one["name"] for one in page.data["products"]] == ["bright.tif", "dark.tif"]
    dark, bright = (imread(out / f"{name}_display.png")[..., :3].mean() for name in ("dark", "bright"))
    assert bright > 1.5 * dark
    assert {row["state"] for row in page.data["batch"].values()} == {"done"}


def test_what_an_eye_would_see() -> None:
    """Bands inside of red, green and blue are averaged; else marks, names, infrared, order."""
    assert colours_of([480, 560, 655, 865]).groups == ((2,), (1,), (0,))
    cube = colours_of([*range(400, 720, 20)])
    assert [len(group) for group in cube.groups] == [4, 4, 3] and cube.words == "natural colours"
    assert colours_of([None] * 4, marked=["", "blue", "red", "green"]).groups == ((2,), (3,), (1,))
    assert colours_of([None] * 3, names=["Blue", "Green", "Red"]).groups == ((2,), (1,), (0,))
    assert colours_of([560, 660, 840]).groups == ((2,), (1,), (0,))
    assert colours_of([None] * 4).groups == ((2,), (1,), (0,)) and colours_of([None] * 3).groups == ((0,), (1,), (2,))
    assert colours_of([None]).groups == ((0,),)


def test_haze_is_taken_off_and_missing_pixels_are_grey() -> None:
    rng = np.random.default_rng(0)
    ground = rng.uniform(0.05, 0.3, (3, 64, 64))
    valid = np.ones((64, 64), bool)
    valid[:8] = False
    hazy = ground + np.array([0.01, 0.03, 0.1])[:, None, None]
    clear, lifted = (Stretch.of([(image, valid)])(image, valid) for image in (ground, hazy))
    np.testing.assert_allclose(clear[valid].astype(int), lifted[valid].astype(int), atol=1)
    assert (clear[~valid] == NOTHING).all() and clear[valid].std() > 40


def test_a_quicklook_is_small_and_beside(tmp_path: Path) -> None:
    image = np.random.default_rng(0).uniform(0, 1000, (3, 300, 200)).astype("float32")
    path = put(tmp_path / "large.tif", image, grid(10))
    (place,) = write_displays([path], limit=100)
    assert imread(place).shape[:2] == (100, 67)
    numbers = [float(line) for line in place.with_suffix(".pgw").read_text().split()]
    assert numbers[0] == pytest.approx(10 * 200 / 67) and numbers[3] == pytest.approx(-30)
    with pytest.raises(FileError, match="exists"):
        write_displays([path])


def test_from_the_command_line(tmp_path: Path, cli: Cli) -> None:
    case = next(case for case in CASES if case.verb == "pansharpen")
    given: dict[str, Any] = case.inputs(tmp_path)
    words = ("--pan", given["pan"], "--ms", given["ms"], "--methods", "gsa,exp", "brovey", "-o", tmp_path / "c.html")
    done = cli("compare", "pansharpen", *words, "--json")
    assert done.code == 0, done.err
    rows = json.loads(done.out)["rows"]
    assert {row["method"] for row in rows} == {"gsa", "exp", "brovey"} and rows[0]["place"] == 1
    assert read(tmp_path / "c.html").data["rows"] == json.loads(json.dumps(rows))
    again = cli("compare", "pansharpen", *words)
    assert again.code == 2 and "exists" in again.err
    with pytest.raises(FileError):
        earthloom.compare("pansharpen", "gsa", tmp_path / "c.html", **given)


def test_the_demo_ends_by_naming_its_report(tmp_path: Path, cli: Cli) -> None:
    done = cli("demo", "-o", tmp_path / "look")
    assert done.code == 0 and f"report   {tmp_path / 'look' / 'report.html'}" in done.out
    page = read(tmp_path / "look" / "report.html")
    assert "truth" in [own["id"] for own in page.every("section")] and "No fusion" in page.text
    done = cli("demo", "-o", tmp_path / "look", "--overwrite", "--json")
    assert done.code == 0 and json.loads(done.out)["mtf_glp_fs"]["ERGAS"] < json.loads(done.out)["exp"]["ERGAS"]


def test_a_verdict_in_words_comes_first(tmp_path: Path, cli: Cli) -> None:
    given = PANSHARPEN.inputs(tmp_path)
    product = PANSHARPEN.call(given, output=tmp_path / "product.tif")
    done = cli("evaluate", product, "--pan", given["pan"], "--ms", given["ms"])
    assert done.code == 0 and done.out.splitlines()[1].startswith("spectra") and ": better" in done.out
    plain = PANSHARPEN.call(given, output=tmp_path / "plain.tif", method="exp")
    done = cli("evaluate", plain, "--pan", given["pan"], "--ms", given["ms"])
    assert ": better" not in done.out and "detail of PAN  poor" in done.out
