"""What a run leaves behind for programs and for who helps: the journal, the record, the doctor."""

from __future__ import annotations

import json
import tomllib
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.cli import doctor as command
from earthloom.errors import EarthloomWarning, FileError, InputError
from earthloom.report import doctor as report
from earthloom.report import journal, record
from earthloom.report.plain import plain, strict
from earthloom.verbs import doctor as verb
from earthloom.verbs.sampling.demo import write_inputs
from tests.e2e.conftest import Cli

pytestmark = pytest.mark.slow


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def pair(side: int = 64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    ms = rng.uniform(100, 200, (3, side // 4, side // 4)).astype("float32")
    return ms.mean(0).repeat(4, 0).repeat(4, 1) + rng.normal(0, 5, (side, side)).astype("float32"), ms


def test_a_journal_tells_what_happens_in_order(tmp_path: Path) -> None:
    pan, ms = pair()
    path, heard, facts = tmp_path / "log.json", [], {}
    listening: dict[str, Any] = {"progress": lambda *told: heard.append(told), "facts": facts.update}
    plainly = earthloom.pansharpen(pan, ms, "gsa", tile_size=32)
    told = earthloom.pansharpen(pan, ms, "gsa", tile_size=32, log_json=path, **listening)
    np.testing.assert_array_equal(told, plainly)
    found = lines(path)
    assert found[0]["event"] == "begin" and found[0]["verb"] == "pansharpen"
    assert found[-1]["event"] == "end" and found[-1]["ok"] is True and found[-1]["seconds"] >= 0
    ends = [one for one in found if one["event"] == "progress" and one["done"] == one["total"]]
    assert [(one["stage"], one["total"]) for one in ends] == [("measuring", 4), ("fusing", 4)]
    (made,) = [one for one in found if one["event"] == "made"]
    assert made["method"] == "gsa" and made["tiles"] == 4
    assert list(made["timings"]) == ["opened", "prepared", "readied", "measured", "made", "written"]
    assert made["megapixels_s"] == pytest.approx(64 * 64 / 1e6 / made["seconds"])
    assert made["peak_bytes"] > 1e7
    assert all(one["time"].endswith("+00:00") for one in found)
    assert heard[-1] == ("fusing", 4, 4) and facts["record"].tiles == 4  # who listened before still does
    earthloom.pansharpen(pan, ms, "exp", log_json=path)
    assert [one["event"] for one in lines(path)].count("begin") == 2


def test_warnings_and_errors_are_told_and_go_on_as_they_would(tmp_path: Path) -> None:
    pan, ms = pair()
    path = tmp_path / "log.json"
    with pytest.warns(EarthloomWarning, match="EXP is no network"):
        earthloom.pansharpen(pan, ms, "exp", device="cuda", log_json=path)
    (warning,) = [one for one in lines(path) if one["event"] == "warning"]
    assert "EXP is no network" in warning["message"] and warning["category"] == "EarthloomWarning"
    with pytest.raises(InputError, match="no valid pixel"):
        earthloom.pansharpen(np.full_like(pan, np.nan), ms, "exp", log_json=path)
    error, end = lines(path)[-2:]
    assert error["event"] == "error" and error["kind"] == "InputError" and "no valid pixel" in error["message"]
    assert end["event"] == "end" and end["ok"] is False


def test_a_journal_never_writes_into_something_else(tmp_path: Path) -> None:
    image = tmp_path / "ms.tif"
    image.write_bytes(b"II*\0 an image")
    pan, ms = pair()
    with pytest.raises(FileError, match="holds something else"):
        earthloom.pansharpen(pan, ms, "exp", log_json=image)
    assert image.read_bytes() == b"II*\0 an image"
    with pytest.raises(FileError, match="cannot be written"):
        earthloom.pansharpen(pan, ms, "exp", log_json=tmp_path / "nowhere" / "log.json")


def test_a_full_disk_ends_the_journal_alone() -> None:
    class Full:
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    kept = journal.Journal(Full())  # type: ignore[arg-type]
    with pytest.warns(EarthloomWarning, match="log_json.*No space left"):
        kept.line("begin")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.line("end")


def test_anything_is_plain_data() -> None:
    found = {"a": float("nan"), "b": (np.float32(1.5), np.float64("inf")), "c": np.zeros((2, 3)), 4: Path("x")}
    told = json.loads(json.dumps(strict(found), default=plain))
    assert told == {"a": None, "b": [1.5, None], "c": "ndarray of 2x3", "4": "x"}


def test_on_standard_output_a_journal_leaves_the_screen_alone(tmp_path: Path, cli: Cli) -> None:
    inputs = write_inputs(tmp_path)
    pan, ms = inputs.pan, inputs.ms
    quiet, told = (tmp_path / name for name in ("quiet.tif", "told.tif"))
    assert cli("pansharpen", "--pan", pan, "--ms", ms, "-m", "exp", "-o", quiet).out == ""
    shown = cli("pansharpen", "--pan", pan, "--ms", ms, "-m", "exp", "-o", told, "--log-json=-")
    assert [json.loads(line)["event"] for line in shown.out.splitlines()][-1] == "end"
    assert "told.tif" in shown.err and told.read_bytes() == quiet.read_bytes()  # no times in what is made


def test_a_stretch_of_time_belongs_to_the_stage_that_it_ends_with(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0])
    monkeypatch.setattr(record, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    clock, heard = record.Clock(), []
    progress = clock.watching(lambda *told: heard.append(told))
    clock("opened")
    progress("measuring 1/2", 1, 2)
    progress("2020-03-01 measuring 2/2", 2, 2)
    progress("fusing", 1, 1)
    clock("written")
    assert clock.seconds == {"opened": 1.0, "measured": 5.0, "made": 4.0, "written": 5.0}
    assert heard[-1] == ("fusing", 1, 1)


def test_a_sound_installation(tmp_path: Path, cli: Cli) -> None:
    shown = cli("doctor", "-o", tmp_path / "report.txt")
    assert shown.code == 0, shown.out
    assert shown.out.rstrip().endswith("nothing is broken") and (tmp_path / "report.txt").read_text() == shown.out
    for name in ("sharpening", "files", "network", "GDAL", "JPEG 2000", "compiler's cache", "networks run on"):
        assert name in shown.out
    found = json.loads(cli("doctor", "--json", "--no-self-test").out)
    assert found["ok"] and {one["area"] for one in found["findings"]} >= {"Software", "Formats", "Machine", "Device"}


def test_what_is_broken_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = report.version_of
    monkeypatch.setattr(report, "version_of", lambda name: None if name in ("numba", "zarr") else known(name))
    monkeypatch.setattr(report, "PLACE", ((3.0, 0.0), (500_001.0, 0.0)))
    found = {one.name: one for one in earthloom.doctor(self_test=False).findings}
    assert found["numba"].state == "broken" and found["numba"].todo == "pip install numba"
    assert found["zarr"].state == "note" and found["PROJ's data"].state == "broken"
    with pytest.raises(SystemExit) as ended:
        command.doctor(self_test=False)
    assert ended.value.code == 1 and "2 thing(s) broken" in capsys.readouterr().out


def test_the_self_test_finds_wrong_numbers_and_falls_over_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "GSA", 5.0)
    monkeypatch.setattr(verb, "written", lambda: 1 / 0)
    monkeypatch.setattr(verb, "torch_there", lambda: False)
    found = {one.name: one for one in earthloom.doctor().findings if one.area == "Self-test"}
    assert found["sharpening"].state == "broken" and "5.000 expected" in found["sharpening"].value
    assert found["files"].state == "broken" and "ZeroDivisionError" in found["files"].value
    assert "network" not in found


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("GDAL_HTTP_USERPWD", "me:hunter2")
    monkeypatch.setenv("GDAL_HTTP_PROXY", "http://me:hunter2@proxy:3128")
    told = str(earthloom.doctor(self_test=False))
    assert "hunter2" not in told and "http://...@proxy:3128" in told and "GDAL_HTTP_PROXY set" in told


def test_the_doctor_knows_every_extra() -> None:
    """Each extra that can be installed is named by what it brings; those for who develops us are not."""
    told = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    kept = told["project"]["optional-dependencies"].items()
    extras = {name: lines for name, lines in kept if name not in ("dev", "docs")}
    assert {extra for _, extra in report.EXTRAS.values()} == set(extras)
    for name, (_, extra) in report.EXTRAS.items():
        assert any(line.startswith(name) for line in extras[extra]), name
