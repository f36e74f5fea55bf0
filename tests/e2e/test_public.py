"""What `import earthloom` offers: to complete, to read with help(), to type checkers, and to a notebook."""

from __future__ import annotations

import ast
import inspect
import json
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import earthloom
from earthloom.report.progress import Bar

PACKAGE = Path(earthloom.__file__).parent


def test_completion_offers_the_public_names_and_no_other() -> None:
    code = "import sys, earthloom; print(*dir(earthloom)); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, heavy = done.stdout.splitlines()
    assert names.split() == sorted(earthloom.__all__)
    assert heavy == "False"
    assert not {"Any", "TYPE_CHECKING"} & set(vars(earthloom))


@pytest.mark.parametrize("name", ["", "methods"])
def test_type_checkers_are_told_the_same_names(name: str) -> None:
    """The stub beside a lazy module exports what the module does, from where the module takes it."""
    module = earthloom.methods if name else earthloom
    tree = ast.parse((PACKAGE / name / "__init__.pyi").read_text())
    told = {alias.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert sorted(told) == sorted(module.__all__)
    for one, home in told.items():
        value = getattr(module, one)
        assert inspect.ismodule(value) or getattr(value, "__module__", home) == home, one
    assert (PACKAGE / "py.typed").is_file()


def test_help_says_what_every_name_is_for() -> None:
    text = pydoc.render_doc(earthloom, renderer=pydoc.plaintext)
    listed = {line.split()[0] for line in (earthloom.__doc__ or "").splitlines() if line.startswith("    ")}
    apart = {"EarthloomError", "EarthloomWarning", "Transform", "__version__"}
    assert listed == set(earthloom.__all__) - apart
    for verb in ("pansharpen", "predict", "decloud", "info"):
        assert f"{verb}(" in text


@pytest.mark.parametrize("name", sorted(set(earthloom.__all__) - {"__version__"}))
def test_public_functions_say_what_they_give(name: str) -> None:
    value = getattr(earthloom, name)
    assert inspect.getdoc(value)
    if inspect.isfunction(value):
        assert inspect.signature(value).return_annotation is not inspect.Signature.empty


def test_methods_are_listed_found_and_made() -> None:
    assert "gsa" in earthloom.methods.names() and "hls" in earthloom.methods.names("bandpass")
    assert set(earthloom.methods.problems()) >= {"pansharpening", "cloud_removal"}
    assert earthloom.methods.find("gsa") is type(earthloom.methods.make("gsa"))
    assert "GSA" in earthloom.methods.summary("gsa")
    with pytest.raises(earthloom.EarthloomError, match="did you mean gsa"):
        earthloom.methods.find("gsaa")


def test_the_sample_is_a_scene_with_its_truth() -> None:
    scene = earthloom.load_sample()
    sharp, blurred = (
        earthloom.pansharpen(scene.pan, scene.ms, method, sensor=scene.sensor) for method in ("mtf_glp_fs", "exp")
    )
    best, worst = (earthloom.evaluate(x, scene.truth, ratio=scene.ratio).figures["ergas"] for x in (sharp, blurred))
    assert best < 0.8 * worst
    assert len(scene.bands) == len(scene.ms) == len(scene.truth)
    with pytest.raises(earthloom.EarthloomError, match="landsat7_olinda"):
        earthloom.load_sample("olinda")


def test_info_tells_python_what_it_tells_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    from earthloom.cli.main import run

    path = str(PACKAGE / "samples/landsat7_olinda.tif")
    with pytest.raises(SystemExit):
        run(["info", path, "--json"])
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(earthloom.info(path)))


def test_sensors_are_taken_by_name() -> None:
    by_name = earthloom.sensors.select("sentinel2a", ["red", "B08"])
    assert by_name == earthloom.sensors.select(earthloom.sensors.load("sentinel2a"), ["red", "nir"])
    assert [band.name for band in earthloom.sensors.match_bands("landsat8", 2, ["red", "green"])] == ["red", "green"]
    with pytest.raises(earthloom.EarthloomError, match="no sensor"):
        earthloom.sensors.select("sentinel5x", ["red"])


def test_the_progress_bar_follows_a_run_and_leaves() -> None:
    bar = earthloom.progress_bar()
    assert isinstance(bar, Bar) and not bar.shown
    shown = []

    def watched(stage: str, done: int, total: int) -> None:
        bar(stage, done, total)
        shown.append((bar.shown, done, total))

    watched("fusing", 0, 2)
    watched("fusing", 1, 2)
    watched("fusing", 2, 2)
    watched("writing", 1, 3)
    assert [one for one, *_ in shown] == [True, True, False, True]
    bar.stop()
    assert not bar.shown
