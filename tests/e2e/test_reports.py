"""What is printed: figures, lists, descriptions, help; for people and as JSON."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil
import pytest

import earthloom
from earthloom import machine, sensors
from earthloom.cli.commands import COMMANDS
from earthloom.methods import catalog
from tests.e2e.conftest import Cli, Pair, fine_truth, get, grid, observed, put, random_weights

Make = Callable[..., Pair]


def parsed(text: str) -> Any:
    """JSON in the strict sense: no NaN, no Infinity."""

    def refuse(word: str) -> NoReturn:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def product(cli: Cli, files: Pair, *more: object) -> Path:
    """A sharpened image."""
    assert cli(*files.arguments("-q", *more)).code == 0
    return files.out


def test_evaluate_with_a_reference(cli: Cli, pair: Make, tmp_path: Path) -> None:
    files = pair()
    truth = put(tmp_path / "truth.tif", fine_truth().round().astype("uint16"), grid(1))
    out = product(cli, files)
    done = cli("evaluate", out, "--reference", truth, "--ratio", 4, "--json")
    assert done.code == 0 and done.err == ""
    figures = parsed(done.out)["figures"]
    images = get(out)[0].astype(float), get(truth)[0].astype(float)
    assert math.isclose(figures["ergas"], earthloom.metrics.ergas(*images, ratio=4), rel_tol=1e-6)
    assert math.isclose(figures["q2n"], earthloom.metrics.q2n(*images), rel_tol=1e-6)
    table = cli("evaluate", out, "--reference", truth, "--ratio", 4)
    assert table.code == 0 and "peak" in table.out
    for name, value in figures.items():
        line = next(line for line in table.out.splitlines() if line.split()[:1] == [name])
        assert math.isclose(float(line.split()[-1]), value, rel_tol=1e-4), line
    half = cli("evaluate", out, "--reference", truth, "--ratio", 2, "--json")
    assert math.isclose(parsed(half.out)["figures"]["ergas"], 2 * figures["ergas"], rel_tol=1e-9)


def test_a_perfect_product_is_strict_json(cli: Cli, tmp_path: Path) -> None:
    truth = put(tmp_path / "truth.tif", fine_truth().round().astype("uint16"), grid(1))
    figures = parsed(cli("evaluate", truth, "--reference", truth, "--ratio", 4, "--json").out)["figures"]
    assert figures["ergas"] == 0 and figures["psnr"] is None and math.isclose(figures["q2n"], 1)


def test_evaluate_on_the_common_ground(cli: Cli, tmp_path: Path) -> None:
    """A reference that begins elsewhere is compared pixel on pixel where both are."""
    image = fine_truth().round().astype("uint16")
    whole, part = put(tmp_path / "a.tif", image, grid(1)), put(tmp_path / "b.tif", image[:, 8:, 16:], grid(1, 16, 8))
    assert parsed(cli("evaluate", whole, "--reference", part, "--ratio", 4, "--json").out)["figures"]["ergas"] == 0
    off = put(tmp_path / "c.tif", image, grid(1, east=0.5))
    done = cli("evaluate", whole, "--reference", off, "--ratio", 4)
    assert done.code == 2 and "0.50" in done.err
    far = put(tmp_path / "d.tif", image, grid(1, east=5000))
    assert "overlap" in cli("evaluate", whole, "--reference", far, "--ratio", 4).err


def test_evaluate_without_a_reference(cli: Cli, pair: Make) -> None:
    truth = fine_truth((256, 256), 4)
    pan, ms = (image.round().astype("uint16") for image in observed(truth))
    files = pair(pan, ms)
    out = product(cli, files)
    done = cli("evaluate", out, "--pan", files.pan, "--ms", files.ms, "--json")
    assert done.code == 0 and done.err == ""
    report = parsed(done.out)
    assert report["figures"] == report["rows"]["product"]
    assert {"d_lambda_k", "d_s", "qnr", "hqnr", "consistency_ergas"} <= set(report["figures"])
    exp = report["rows"]["EXP (no fusion)"]
    assert report["figures"]["consistency_pan_detail_cc"] > exp["consistency_pan_detail_cc"]
    assert {"hallucination_percent", "omission_percent", "displacement_ms_px"} <= set(report["figures"])
    abouts = [line["about"] for line in report["verdict"]]
    assert abouts == ["spectra", "detail of PAN", "displacement", "hallucination"]
    said = cli("evaluate", out, "--pan", files.pan, "--ms", files.ms).out
    assert len(said.splitlines()) == 7 and max(map(len, said.splitlines())) <= 80 and "--all" in said
    table = cli("evaluate", out, "--pan", files.pan, "--ms", files.ms, "--all")
    assert "no fusion" in table.out and "consistency with the MS" in table.out
    shown = [line.split()[0] for line in table.out.splitlines() if line.strip()]
    assert shown.index("d_lambda_k") + 1 == shown.index("d_lambda_k_khan") and "to 0" in table.out
    assert {name for name in report["figures"] if not name.startswith(("consistency_rmse_", "consistency_bias_"))} <= {
        *shown
    }
    three = put(files.out.with_name("three.tif"), get(out)[0][:3], grid(1))
    assert "3 bands" in cli("evaluate", three, "--pan", files.pan, "--ms", files.ms).err


def test_several_products_in_one_table(cli: Cli, pair: Make, tmp_path: Path) -> None:
    """Columns are products and no fusion, the best has a star; what no input supports is said; maps are drawn."""
    truth = fine_truth((256, 256), 4)
    pan, ms = (image.round().astype("uint16") for image in observed(truth))
    files = pair(pan, ms)
    good = product(cli, files, "-m", "mtf_glp_fs")
    image = get(good)[0].astype(float)
    noise = np.random.default_rng(0).normal(0, 0.5 * image.std(), image.shape)
    bad = put(tmp_path / "speckled.tif", np.clip(image + noise, 1, 65535).astype("uint16"), grid(1))
    asked = ["evaluate", good, bad, "--pan", files.pan, "--ms", files.ms]
    done = cli(*asked, "--figure", tmp_path / "maps.png", "--all")
    assert done.code == 0, done.err
    heads = next(line for line in done.out.splitlines() if good.name in line)
    assert "speckled.tif" in heads and max(map(len, done.out.splitlines())) <= 120
    line = next(line for line in done.out.splitlines() if line.startswith("hallucination_percent"))
    assert line.split()[2].endswith("*") and "speckled.tif: hallucination  look  " in done.out
    picture = get(tmp_path / "maps.png")[0]
    assert picture.shape[1] > 500 and picture.std() > 10
    told = parsed(cli(*asked, "--json").out)
    alone = parsed(cli("evaluate", good, "--pan", files.pan, "--ms", files.ms, "--json").out)
    assert told["products"][good.name] == alone and list(told["rows"]) == [good.name, bad.name, "EXP (no fusion)"]
    assert told["best"]["hallucination_percent"] == good.name
    both = earthloom.evaluate([good, bad], pan=files.pan, ms=files.ms)
    assert both.rows["EXP (no fusion)"] == alone["rows"]["EXP (no fusion)"] == both[bad.name].rows["EXP (no fusion)"]
    frame = both.to_frame()
    assert list(frame.columns) == list(told["rows"])
    assert frame.loc["hqnr", good.name] == both[good.name].figures["hqnr"]
    assert "texture or mottle" in both._repr_html_() and " *<" in both._repr_html_()
    other = cli("evaluate", good, bad, "--reference", good, "--ratio", 4, "--figure", tmp_path / "errors.png")
    assert other.code == 0 and "truth_omission_percent" in other.out and (tmp_path / "errors.png").is_file()
    for words, said in (([good, good], "each of them once"), ([good, tmp_path / "none.tif"], "none.tif")):
        refused = cli("evaluate", *words, "--pan", files.pan, "--ms", files.ms)
        assert refused.code == 2 and said in refused.err


def test_products_of_one_name_are_told_apart(tmp_path: Path) -> None:
    image = fine_truth().round()
    report = earthloom.evaluate({"mine": image, "yours": image + 1}, image, ratio=4)
    assert list(report.reports) == ["mine", "yours"] and report.best["rmse"] == "mine"
    assert list(earthloom.evaluate([image, image], image, ratio=4).rows) == ["product 1", "product 2"]
    for folder in "ab":
        (tmp_path / folder).mkdir()
        put(tmp_path / folder / "p.tif", image.astype("uint16"), grid(1))
    every = [tmp_path / folder / "p.tif" for folder in "ab"]
    assert list(earthloom.evaluate(every, every[0], ratio=4).reports) == ["a/p.tif", "b/p.tif"]
    with pytest.raises(earthloom.errors.InputError, match="no product"):
        earthloom.evaluate([], image, ratio=4)


def test_evaluate_stays_within_its_memory(cli: Cli, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    fine, coarse = (rng.integers(200, 4000, (4, side, side)).astype("uint16") for side in (1024, 256))
    out, truth = (put(tmp_path / f"{name}.tif", fine, grid(1)) for name in ("product", "truth"))
    pan, ms = put(tmp_path / "pan.tif", fine[:1], grid(1)), put(tmp_path / "ms.tif", coarse, grid(4))
    granted = machine.free_bytes() // 2**20
    whole = cli("evaluate", out, "--pan", pan, "--ms", ms, "--memory", f"{granted}MiB")
    assert whole.code == 0 and "in the middle" not in whole.out
    held = psutil.Process().memory_info().rss // 2**20
    middle = cli("evaluate", out, "--pan", pan, "--ms", ms, "--memory", f"{held + 230}MiB")
    assert middle.code == 0 and "pixels in the middle" in middle.out
    refused = cli("evaluate", out, "--pan", pan, "--ms", ms, "--memory", f"{max(held - 20, 64)}MiB")
    assert refused.code == 2 and "MB of memory" in refused.err
    refused = cli("evaluate", out, "--reference", truth, "--ratio", "4", "--memory", f"{held + 150}MiB")
    assert refused.code == 2 and "judging product.tif of 1024 x 1024 pixels and 4 bands takes 128 MB" in refused.err
    assert cli("evaluate", out, "--reference", truth, "--ratio", "4", "--memory", f"{held + 400}MiB").code == 0


@pytest.mark.parametrize("method", [name for name in catalog.names() if not catalog.in_a_file(name)])
def test_info_tells_how_a_product_was_made(method: str, cli: Cli, pair: Make) -> None:
    cls = catalog.find(method)
    truth = fine_truth((128, 128), max(3, cls.card.min_bands))
    files = pair(*(image.round().astype("uint16") for image in observed(truth)))
    weights: list[object] = []
    if cls.card.family == "network":  # whether weights are shipped for such bands or not
        weights = ["--weights", random_weights(files.out.parents[1] / "own.safetensors", method)]
    peak = ["--peak", 4095] if method == "panbench" else []  # whose default is 8 bits
    out = product(cli, files, "-m", method, *weights, *peak)
    done = cli("info", out, "--json")
    assert done.code == 0 and done.err == ""
    told = parsed(done.out)
    assert (told["shape"], told["dtype"], told["crs"], told["layout"]) == ([128, 128], "uint16", "EPSG:32633", "COG")
    history = told["provenance"]
    assert history["method"] == f"pansharpening/{method}" and history["version"] == earthloom.__version__
    assert set(history["parameters"]) >= {field.name for field in fields(cls)}
    text = cli("info", out).out
    assert "400000, 5000000" in text and f"pansharpening/{method}" in text and "ms.tif" in text and "{" not in text


def test_info_of_a_plain_file(cli: Cli, tmp_path: Path) -> None:
    image = np.full((2, 8, 8), 3, "float32")
    image[0, 0, 0] = np.nan
    path = put(tmp_path / "x.tif", image, grid(1), nodata=np.nan, descriptions=("one", "two"))
    told = parsed(cli("info", path, "--json").out)
    assert [band["name"] for band in told["bands"]] == ["one", "two"] and told["nodata"] is None
    assert math.isclose(told["valid_fraction"], 63 / 64)
    assert "98.44% of the pixels" in cli("info", path).out


def test_info_of_a_landsat_folder(cli: Cli, shared: Path) -> None:
    done = cli("info", shared / "data" / "sharpening" / "landsat8_p020r039", "--json")
    assert done.code == 0 and len(parsed(done.out)["bands"]) == 8


def test_methods(cli: Cli) -> None:
    done = cli("methods")
    assert done.code == 0
    listed = [line.split()[0] for line in done.out.splitlines() if line.startswith("  ")]
    assert [name for problem in catalog.problems() for name in catalog.names(problem)] == listed
    assert max(map(len, done.out.splitlines())) <= 120
    assert {row["name"] for row in parsed(cli("methods", "--json").out)} == set(listed)


@pytest.mark.parametrize("name", catalog.names())
def test_each_method(name: str, cli: Cli) -> None:
    done = cli("methods", name)
    told = parsed(cli("methods", name, "--json").out)
    cls = catalog.find(name)
    equation = re.findall(r"``([^`]+)``", inspect.getdoc(cls) or "")[0]
    assert done.code == 0 and " ".join(equation.split()) in " ".join(done.out.split())
    assert told["name"] == cls.card.name and set(told["fields"]) == {field.name for field in fields(cls)}
    usage = cli("pansharpen", "-m", name, "--help").out
    for field in fields(cls):
        flag = "--" + field.name.replace("_", "-")
        assert flag in usage
        told_about = usage.split(f"│ {flag}", 1)[1].split("│", 1)[0].split(None, 1)
        assert len(told_about) > 1 and len(told_about[1]) > 20, f"{flag} is not explained"


def test_sensors(cli: Cli) -> None:
    done = cli("sensors")
    assert done.code == 0
    listed = [line.split()[0] for line in done.out.splitlines() if line.startswith("  ")]
    assert listed == sensors.names() == parsed(cli("sensors", "--json").out)


@pytest.mark.parametrize("name", sensors.names())
def test_each_sensor(name: str, cli: Cli) -> None:
    done = cli("sensors", name)
    assert done.code == 0 and sensors.load(name).title in done.out and "sources" in done.out
    assert not any(sign in done.out for sign in ("('", "',", "[", "{"))  # no signs of Python
    assert parsed(cli("sensors", name, "--json").out)["name"] == name


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_every_flag(command: str, cli: Cli) -> None:
    done = cli(command, "--help")
    assert done.code == 0 and done.err == ""
    flags = [line for line in done.out.splitlines() if line.startswith("│") and " --" in line[:8]]
    for line in flags:
        assert len(line.strip("│ ").split()) > 2, line
    assert "False" not in done.out and max(map(len, done.out.splitlines())) <= 80


def test_first_help(cli: Cli) -> None:
    plain, asked = cli(), cli("--help")
    assert plain.code == asked.code == 0 and plain.out == asked.out
    assert all(command in asked.out for command in COMMANDS)
    assert cli("--version").out.strip() == earthloom.__version__


def test_verbose_and_quiet(cli: Cli, pair: Make) -> None:
    files = pair()
    told = cli(*files.arguments("-v", "--overwrite")).err
    assert "ratio 4" in told and "sensor" in told and "PAN grid 96 x 128" in told
    assert cli(*files.arguments("-q", "--overwrite")) == (0, "", "")
    assert cli(*files.arguments("--overwrite")).err.count("\n") == 1


def test_demo(cli: Cli, tmp_path: Path) -> None:
    from earthloom.cli.demo import METHODS

    folder = tmp_path / "demo"
    done = cli("demo", "-o", folder)
    assert done.code == 0, done.err
    figures = parsed((folder / "figures.json").read_text())
    assert list(figures) == list(METHODS)
    assert all(row["ERGAS"] < figures["exp"]["ERGAS"] for name, row in figures.items() if name != "exp")
    for name in ("pan.tif", "ms.tif", "truth.tif", "demo.png", *(f"sharp_{name}.tif" for name in METHODS)):
        assert (folder / name).stat().st_size > 1000
    for word in ("result", "figures", "picture"):
        line = next(line for line in done.out.splitlines() if line.startswith(word))
        assert Path(line.split(None, 1)[1]).is_file()
    again = cli("demo", "-o", folder)
    assert again.code == 2 and "exists" in again.err and again.err.count("\n") == 1
    assert cli("demo", "-o", folder, "--overwrite").code == 0
    command = next(line for line in done.out.splitlines() if line.startswith("  earthloom pansharpen"))
    arguments = command.split()[1:]
    arguments[-1] = str(tmp_path / "sharp.tif")
    assert cli(*arguments, "-q").code == 0
