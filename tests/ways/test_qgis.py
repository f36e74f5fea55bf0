"""The plugin of QGIS: from its fields to a command line that the program understands, and from lines to progress."""

from __future__ import annotations

import configparser
import json
import os
import re
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from earthloom.cli.commands import COMMANDS, GROUPS, build
from earthloom.cli.pages.describe import described
from earthloom.version import __version__
from tests.e2e.conftest import fine_truth, grid, observed, put

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "qgis"))
from earthloom_processing import mapping, running  # type: ignore[import-not-found]  # noqa: E402

sys.path.remove(str(ROOT / "qgis"))
OUT = {"raster_out": "p.tif", "file_out": "p.html", "folder_out": "made"}
SAMPLE = {
    "image": "a.tif", "images": ["a.tif", "b c.tif"], "text": "x", "texts": "1 2", "integer": 3, "number": 0.5,
    "switch": True, "file": "t.json", "folder": "in", **OUT,
}  # fmt: skip


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    return mapping.offered(json.loads(json.dumps(described())))


def sample(one: Any) -> Any:
    """A value that differs from what is usual."""
    if one.kind == "choice":
        return next(word for word in one.choices if word != one.default)
    if one.kind == "switch":
        return not one.default
    if one.name.endswith("date"):
        return "2024-05-24 2024-08-12" if one.kind == "texts" else "2024-07-11"
    if one.name == "refine" and one.kind == "text":
        return "auto"
    return "gsa" if one.name == "method" else SAMPLE[one.kind]


def understood(argv: list[str]) -> dict[str, Any]:
    """What the program makes of a command line, without running it."""
    called, bound, ignored = build(argv).parse_args(argv, exit_on_error=False, print_error=False)
    assert callable(called) and not ignored
    return bound.arguments


def test_every_verb_on_images_is_offered(commands: dict[str, Any]) -> None:
    assert set(commands) == set(mapping.COMMANDS)
    assert {*GROUPS["Fuse"], "evaluate", "report"} <= set(commands)
    assert all(name.split()[0] in COMMANDS for name in commands)


@pytest.mark.parametrize("name", mapping.COMMANDS)
def test_fields_are_complete_and_their_names_are_one(name: str, commands: dict[str, Any]) -> None:
    fields = mapping.parameters_of(commands[name])
    names = [one.name for one in fields]
    assert len(set(names)) == len(names) and mapping.MORE not in names
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", one) for one in names)
    assert all(one.label and len(one.label) <= 60 and "`" not in one.label for one in fields)
    assert not any(one.advanced and one.required for one in fields)
    assert any(one.kind in ("image", "images", "folder") and not one.advanced for one in fields)


@pytest.mark.parametrize("name", mapping.COMMANDS)
def test_the_program_understands_every_field(name: str, commands: dict[str, Any]) -> None:
    """All fields at once: each is typed, and all are parsed and bound as when a user types them."""
    fields = mapping.parameters_of(commands[name])
    argv = mapping.argv_of(commands[name], {one.name: sample(one) for one in fields})
    typed = {word.split("=")[0] for word in argv}
    for one in fields:
        assert not one.flag["flag"] or {one.flag["flag"], one.flag["off"]} & typed, one.name
    bound = understood(argv)
    assert len(bound) >= len({one.flag["name"] for one in fields}) - 1  # --no-X is X
    understood(mapping.argv_of(commands[name], {one.name: sample(one) for one in fields if one.required}))


@pytest.mark.parametrize("name", mapping.COMMANDS)
def test_what_is_usual_is_not_said(name: str, commands: dict[str, Any]) -> None:
    fields = mapping.parameters_of(commands[name])
    needed = {one.name: sample(one) for one in fields if one.required}
    usual = {one.name: one.default for one in fields if one.name not in needed}
    assert mapping.argv_of(commands[name], {**usual, **needed}) == mapping.argv_of(commands[name], needed)


def test_command_lines_word_by_word(commands: dict[str, Any]) -> None:
    sharpen = {"pan": "p.tif", "ms": ["2.tif", "3.tif"], "output": "s.tif", "nodata": -9999.0, "register": True}
    more = {"more": "--published --gain 'glo bal'", "method": "gsa", "refine": "0"}
    assert mapping.argv_of(commands["pansharpen"], {**sharpen, **more}) == [
        "pansharpen", "--pan=p.tif", "--ms", "2.tif", "3.tif", "--method=gsa", "--register", "--nodata=-9999",
        "--output=s.tif", "--published", "--gain", "glo bal",
    ]  # fmt: skip
    dates = {"pair_fine": ["f1", "f2"], "pair_coarse": ["c1", "c2"], "pair_date": "2024-05-24, 2024-08-12"}
    day = {"coarse": "c", "coarse_date": "2024-07-11", "output": "o.tif"}
    assert mapping.argv_of(commands["predict"], {**dates, **day}) == [
        "predict", "--pair", "f1", "c1", "2024-05-24", "--pair", "f2", "c2", "2024-08-12",
        "--coarse", "c", "2024-07-11", "--output=o.tif",
    ]  # fmt: skip
    apply = mapping.argv_of(commands["align apply"], {"transform": "t.json", "source": ["s.tif"], "output": "o.tif"})
    assert apply == ["align", "apply", "t.json", "s.tif", "--output=o.tif"]
    off = mapping.argv_of(commands["decloud"], {"optical": ["o.tif"], "resume": False, "output": "c.tif"})
    assert "--no-resume" in off


def test_values_that_make_no_command(commands: dict[str, Any]) -> None:
    with pytest.raises(mapping.MappingError, match="nothing is given for PAN: Panchromatic image"):
        mapping.argv_of(commands["pansharpen"], {"output": "s.tif"})
    odd = {"pair_fine": ["a", "b"], "pair_coarse": ["c"], "pair_date": "2024-05-24", "coarse": "d", "output": "o.tif"}
    with pytest.raises(
        mapping.MappingError, match="2 of pair_fine, 1 of pair_coarse, 1 of pair_date; expected as many"
    ):
        mapping.argv_of(commands["predict"], {**odd, "coarse_date": "2024-06-01"})


def test_files_of_layers() -> None:
    assert mapping.source_of("gdal", "/data/ms.tif", "ms") == "/data/ms.tif"
    assert mapping.source_of("gdal", "/data/a.jp2|option:OPENJPEG_NUM_THREADS=2", "a") == "/data/a.jp2"
    assert mapping.source_of("gdal", 'NETCDF:"/data/a.nc":red', "a") == 'NETCDF:"/data/a.nc":red'
    with pytest.raises(mapping.MappingError, match="'streets' comes from 'wms'; expected a raster file; export"):
        mapping.source_of("wms", "url=https://x", "streets")


def test_help_is_that_of_the_program(commands: dict[str, Any]) -> None:
    page = mapping.manual_of(commands["decloud"])
    assert "Take clouds and their shadows" in page and "earthloom decloud --optical s2.tif" in page
    assert "`" not in page.split("In a terminal")[0] and "<code>" in page


def test_lines_of_the_journal() -> None:
    line = {"event": "progress", "stage": "fusing", "done": 3, "total": 4}
    assert running.event_of(json.dumps(line)) == ("progress", "fusing", 75.0)
    assert running.event_of(json.dumps({**line, "total": 0})).percent is None
    assert running.event_of('{"event": "warning", "message": "bands differ"}') == ("warning", "bands differ", None)
    assert running.event_of("ERGAS 2.9") == ("text", "ERGAS 2.9", None)
    assert running.event_of("3").kind == "text"
    made = running.event_of('{"event": "made", "method": "gsa", "seconds": 5.04, "product": "s.tif"}')
    assert made.text == "gsa in 5.0 s: s.tif"
    assert running.event_of('{"event": "end", "ok": true}').kind == "silent"


def program(folder: Path, body: str) -> str:
    """A program of a few lines."""
    path = folder / "earthloom"
    path.write_text(f"#!{sys.executable}\nimport sys\n{body}")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)


needs_posix = pytest.mark.skipif(os.name == "nt", reason="programs of a few lines are scripts here")
WAITS = """
import json, signal
def stop(*_):
    print("earthloom: stopped; finished tiles stay in p.tif.parts", file=sys.stderr, flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
print(json.dumps({"event": "progress", "stage": "fusing", "done": 1, "total": 4}), flush=True)
signal.pause()
"""


@needs_posix
def test_a_run_is_cancelled_and_says_what_stays(tmp_path: Path) -> None:
    told: list[Any] = []
    whole = running.run(program(tmp_path, WAITS), ["pansharpen"], told.append, lambda: bool(told))
    assert whole is False
    assert [(one.kind, one.text) for one in told] == [
        ("progress", "fusing"), ("message", "stopped; finished tiles stay in p.tif.parts"),
    ]  # fmt: skip


@needs_posix
def test_the_programs_own_error_is_what_is_said(tmp_path: Path) -> None:
    body = "print('earthloom: ms.tif does not exist; check the path', file=sys.stderr); sys.exit(2)"
    with pytest.raises(running.ProgramError, match=r"^ms.tif does not exist; check the path$"):
        running.run(program(tmp_path, body), ["pansharpen"], lambda _: None, lambda: False)
    with pytest.raises(running.ProgramError, match="exit code 7"):
        running.run(program(tmp_path, "sys.exit(7)"), ["pansharpen"], lambda _: None, lambda: False)


@needs_posix
def test_the_commands_are_asked_once_a_version(tmp_path: Path) -> None:
    body = "if '--version' in sys.argv: print('1.2'); sys.exit()\n"
    body += "open(sys.argv[0] + '.asked', 'a').write('.')\nprint('{\"version\": \"1.2\", \"commands\": []}')"
    path, asked = program(tmp_path, body), tmp_path / "earthloom.asked"
    assert running.described(path, tmp_path / "kept")["version"] == "1.2"
    assert running.described(path, tmp_path / "kept")["commands"] == []
    assert asked.read_text() == "."
    (tmp_path / "kept/earthloom.json").write_text('{"version": "1.1", "asked": "x"}')
    running.described(path, tmp_path / "kept")
    assert asked.read_text() == ".."


def test_a_program_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(running.PROGRAM, raising=False)
    with pytest.raises(running.ProgramError, match="'earthloom' was not found; pip install earthloom"):
        running.find_program()
    monkeypatch.setenv(running.PROGRAM, sys.executable)
    assert running.find_program() == sys.executable
    assert "PYTHONHOME" not in running.environment({"PYTHONHOME": "/qgis", "PATH": "/bin"})


@needs_posix
def test_a_layer_becomes_a_product(tmp_path: Path, commands: dict[str, Any]) -> None:
    """The whole way without QGIS: fields, words, the program, its lines."""
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((48, 64), 3)))
    inputs = {"pan": put(tmp_path / "pan.tif", pan, grid(1)), "ms": [str(put(tmp_path / "ms.tif", ms, grid(4)))]}
    values = {**inputs, "method": "exp", "output": str(tmp_path / "p.tif")}
    body = f"sys.path.insert(0, {str(ROOT / 'src')!r})\nfrom earthloom.cli.main import run\nrun()"
    told: list[Any] = []
    argv = mapping.argv_of(commands["pansharpen"], values)
    assert running.run(program(tmp_path, body), argv, told.append, lambda: False)
    assert (tmp_path / "p.tif").is_file()
    assert any(one.kind == "progress" and one.percent == 100 for one in told)
    assert any("exp in" in one.text for one in told)
    with pytest.raises(running.ProgramError, match=r"p.tif exists; .*--overwrite"):
        running.run(program(tmp_path, body), argv, told.append, lambda: False)


def test_the_plugins_say_who_they_are() -> None:
    about = configparser.ConfigParser()
    about.read(ROOT / "qgis/earthloom_processing/metadata.txt")
    general = about["general"]
    assert general["version"] == __version__ and general["hasProcessingProvider"] == "yes"
    assert (ROOT / "qgis/earthloom_processing" / general["icon"]).is_file()
    app = (ROOT / "qgis/enmapbox/earthloom_app/__init__.py").read_text()
    assert re.search(r"def\s+enmapboxApplicationFactory\(.+\)\s*(->[^:]+)?:", app)  # by which the EnMAP-Box finds it
    assert f'"{__version__}"' in (ROOT / "qgis/enmapbox/earthloom_app/application.py").read_text()
