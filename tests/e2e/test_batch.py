"""`--batch`: a verb for every row of a table; rows that fail are data; a batch that ended anyhow goes on."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.errors import EarthloomError, EarthloomWarning, FileError, InputError
from earthloom.methods.pansharpening.exp import Exp
from earthloom.types import Observation
from earthloom.verbs.batching import making
from earthloom.verbs.declared import VERBS
from tests.contract.verbs.cases import CASES, Case
from tests.e2e.conftest import Cli, fine_truth, grid, observed, put

Seen = list[dict[str, Any]]


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """A folder with three pairs of PAN and MS."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate("abc"):
        pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((32, 48), seed=number)))
        put(folder / f"{name}_pan.tif", pan, grid(1))
        put(folder / f"{name}_ms.tif", ms, grid(4))
    return folder


@pytest.fixture
def table(scenes: Path) -> Path:
    """They as a table beside the folder."""
    rows = "".join(f"in/{name}_pan.tif,in/{name}_ms.tif\n" for name in "abc")
    path = scenes.parent / "scenes.csv"
    path.write_text(f"pan,ms\n{rows}")
    return path


def taught(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[..., Any]) -> None:
    """A verb does something else, and is declared as before."""
    getattr(earthloom, name)
    call = functools.wraps(VERBS[name].call)(act)
    monkeypatch.setitem(VERBS, name, replace(VERBS[name], call=call))
    monkeypatch.setattr(sys.modules[f"earthloom.verbs.{name}"], name, call)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What the verbs are called with, instead of working."""
    calls: Seen = []

    def noting() -> Callable[..., None]:
        def noted(**given: Any) -> None:
            calls.append({key: value for key, value in given.items() if key not in ("run", "output")})
            Path(given["output"]).write_bytes(b"product")

        return noted

    for case in CASES:
        taught(monkeypatch, case.verb, noting())
    return calls


def states(outcomes: Any) -> list[tuple[str, str]]:
    return [(one.name, one.state) for one in outcomes]


def timeless(path: Path) -> bytes:
    """A product, but for the time when it was made."""
    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", b"", path.read_bytes())


def products(folder: Path) -> dict[str, bytes]:
    return {path.name: timeless(path) for path in sorted(folder.glob("*.tif"))}


def events(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "batch.jsonl").read_text().splitlines()
    return [(one["row"], one["state"]) for one in map(json.loads, lines)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_a_row_is_a_call_of_its_verb(case: Case, tmp_path: Path) -> None:
    given = {**case.inputs(tmp_path), **case.fields}
    (tmp_path / "alone").mkdir()
    alone = getattr(earthloom, case.verb)(**given, output=tmp_path / "alone" / "one.tif")
    (found,) = earthloom.batch(case.verb, [{**given, "name": "one"}], tmp_path / "out")
    assert (found.state, found.output, found.reason) == ("done", tmp_path / "out" / "one.tif", "")
    assert timeless(found.output) == timeless(alone)


ROWS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        "pansharpen",
        "--pan p.tif --ms 1.tif 2.tif --bands 3 red -m gsa --nodata -1 --register --refine 2 --sensor ikonos",
        {
            "pan": "p.tif", "ms": "1.tif;2.tif", "bands": "3; red", "method": "gsa", "nodata": "-1", "register": "Yes",
            "refine": "2", "Sensor": "ikonos", "convention": "",
        },
    ),
    (
        "pansharpen", "--pan p.tif --ms m.tif -m brovey --weights 0.2 0.3",
        {"pan": "p.tif", "ms": "m.tif", "method": "brovey", "weights": "0.2;0.3"},
    ),
    (
        "predict",
        "--pair f.tif c.tif 2020-03-01 --pair g.tif d.tif 2020-03-09 --coarse e.tif 2020-03-05 --fine-mask none k.tif "
        "--fine-scale 0.1 --fine-mask-values 1 2 -m copy",
        {
            "pair": "f.tif;c.tif;2020-03-01;g.tif;d.tif;2020-03-09", "coarse": "e.tif;2020-03-05",
            "fine_mask": "none;k.tif", "fine_scale": "0.1", "fine-mask-values": "1;2", "method": "copy",
        },
    ),
    (
        "superresolve", "q.tif --ratio 2 --refine 3 --bad-bands 1-4 7 --drop-bad -m bicubic",
        {"cube": "q.tif", "ratio": "2", "refine": "3", "bad_bands": "1-4;7", "drop_bad": "1", "method": "bicubic"},
    ),
    (
        "align", "s.tif --from sentinel2a --to landsat8 -m hls --source-bands 1 2 --force",
        {"source": "s.tif", "from": "sentinel2a", "to": "landsat8", "method": "hls", "source bands": "1;2",
            "force": "t"},
    ),
    (
        "decloud", "--optical o.tif --date d.tif e.tif --mask-values 3 8 -m mosaic --sar-units db",
        {"optical": "o.tif", "date": "d.tif;e.tif", "mask_values": "3;8", "method": "mosaic", "sar_units": "db"},
    ),
)  # fmt: skip


@pytest.mark.parametrize("verb, typed, cells", ROWS, ids=lambda value: value if isinstance(value, str) else "")
def test_cells_are_taken_as_the_command_line_takes_them(
    verb: str, typed: str, cells: Mapping[str, str], cli: Cli, seen: Seen, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli(verb, *typed.split(), "-o", "one.tif").code == 0
    Path("rows.json").write_text(json.dumps([cells]))
    Path("rows.csv").write_text(",".join(cells) + "\n" + ",".join(cells.values()) + "\n")
    for rows in ("rows.json", "rows.csv"):
        assert cli(verb, "--batch", rows, "-o", f"out_{Path(rows).suffix[1:]}").code == 0
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_tables_of_spreadsheets(encoding: str, between: str, seen: Seen, tmp_path: Path) -> None:
    lines = (
        ("Pan", "ms", "nodata", "name"),
        ("Übersicht.tif", '"1.tif;2.tif"', "", "Zürich"),
        ("/b.tif", "m.tif", "7"),
    )
    text = "\r\n".join(["", *(between.join(line) for line in lines), between * 2, ""])
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "t.csv").write_bytes(text.encode(encoding))
    found = earthloom.batch("pansharpen", tmp_path / "sub" / "t.csv", tmp_path / "out", nodata=5.0, refine=1)
    assert states(found) == [("Zürich", "done"), ("b", "done")]
    here = tmp_path / "sub"  # paths are relative to the table; a column wins over what holds for all
    assert seen == [
        {"pan": f"{here}/Übersicht.tif", "ms": [f"{here}/1.tif", f"{here}/2.tif"], "nodata": 5.0, "refine": 1},
        {"pan": "/b.tif", "ms": [f"{here}/m.tif"], "nodata": 7.0, "refine": 1},
    ]


@pytest.mark.parametrize(
    "text, words",
    [
        ("pan,mss\np.tif,m.tif\n", ("t.csv, line 2: no column 'mss'", "pan, ms, method", "did you mean ms?")),
        ("pan,nodata\np.tif,zero\n", ("t.csv, line 2: nodata 'zero'", "a number")),
        ("pan,convention\np.tif,middle\n", ("line 2: convention 'middle'", "centre or toolbox")),
        ("pan,register\np.tif,\n\nq.tif,ja\n", ("line 4: register 'ja'", "yes or no")),
        ("pan,method\np.tif,nowhere\n", ("nowhere",)),
        ("pan,method,gain\np.tif,gsa,detail\nq.tif,exp,detail\n", ("line 3: no column 'gain'",)),
        ("pan,pan\np.tif,q.tif\n", ("line 1: two columns pan",)),
        ("pan\np.tif,q.tif\n", ("line 2 of 2 cells", "1, one a column")),
        ("ms\nm.tif\n", ("line 2: no pan", "a column of this name")),
        ("pan,name\np.tif,x\nq.tif,X\n", ("line 3: the name X, as at t.csv, line 2",)),
        ("pan,output\np.tif,../x.tif\n", ("the output ../x.tif", "a name in the folder")),
        ("pan\n", ("without a row",)),
    ],
)
def test_a_wrong_table_is_told_before_anything_is_made(
    text: str, words: tuple[str, ...], cli: Cli, seen: Seen, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(text)
    done = cli("pansharpen", "--batch", tmp_path / "t.csv", "-o", tmp_path / "out")
    assert done.code == 2 and done.err.count("\n") == 1
    for word in words:
        assert word in done.err
    assert not seen and not (tmp_path / "out").exists()


def test_patterns_and_their_partners(scenes: Path, seen: Seen, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    found = earthloom.batch("pansharpen", "in/*_pan.tif", "out", ms="in/*_ms.tif")
    assert states(found) == [(f"{name}_pan", "done") for name in "abc"]
    assert seen == [{"pan": f"in/{name}_pan.tif", "ms": f"in/{name}_ms.tif"} for name in "abc"]
    seen.clear()
    assert len(earthloom.batch("pansharpen", "i?/**/[ab]_pan.tif", "out2", ms=["i?/**/[ab]_ms.tif"])) == 2
    assert seen[1] == {"pan": "in/b_pan.tif", "ms": ["in/b_ms.tif"]}
    with pytest.raises(InputError, match=r"the pattern '\*/\*_ms.tif'; expected as many \* as .* has 1"):
        earthloom.batch("pansharpen", "in/*_pan.tif", "out3", ms="*/*_ms.tif")
    with pytest.raises(FileError, match="does not exist"):
        earthloom.batch("pansharpen", "in/nothing.tif", "out3")
    with pytest.raises(InputError, match="without a row"):
        earthloom.batch("pansharpen", "in/*_nir.tif", "out3")
    with pytest.raises(InputError, match="a folder of the inputs"):
        earthloom.batch("superresolve", "in", "in")
    seen.clear()
    earthloom.batch("superresolve", ["in/a_ms.tif", "in/b_ms.tif"], "out4", ratio=2)
    assert seen == [{"cube": f"in/{name}_ms.tif", "ratio": 2} for name in "ab"]


def test_items_give_a_row_each(seen: Seen, cli: Cli, tmp_path: Path) -> None:
    items = [{"type": "Feature", "id": name, "assets": {"B02": {}, "B03": {}, "pan": {}}} for name in ("S2/a", "b")]
    path = tmp_path / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    roles = ("--pan", "#pan", "--ms", "#B02,B03", "-m", "exp")
    assert cli("pansharpen", "--batch", path, "-o", tmp_path / "out", *roles).code == 0
    assert seen == [
        {"pan": f"{path}#{name}:pan", "ms": [f"{path}#{name}:B02,B03"], "method": "exp"} for name in ("S2/a", "b")
    ]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.tif")) == ["S2_a.tif", "b.tif"]
    path.write_text(json.dumps(items[1]))
    earthloom.batch("superresolve", path, tmp_path / "one", cube="#B02")
    assert seen[-1] == {"cube": f"{path}#B02"}
    refused = cli("decloud", "--batch", path, "-o", tmp_path / "none")
    assert refused.code == 2 and "such as --optical #B02,B03" in refused.err
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature"}]}))
    with pytest.raises(InputError, match="item 1 without"):
        earthloom.batch("decloud", path, tmp_path / "none", optical="#B02")


def test_how_products_are_called(seen: Seen, tmp_path: Path) -> None:
    paths = ["x/pan.tif", "y/pan.tif", "c.img", "LC08.tar.gz", "d.tif"]
    rows = [{"pan": path, "ms": "m.tif"} for path in paths] + [{"pan": "e.tif", "ms": "m.tif", "output": "sub/f.mat"}]
    found = earthloom.batch("pansharpen", rows, tmp_path / "out")
    assert [one.name for one in found] == ["x_pan", "y_pan", "c", "LC08", "d", "f"]
    assert found[-1].output == tmp_path / "out" / "sub" / "f.mat"
    with pytest.warns(EarthloomWarning, match="1 rows have images of one name and are numbered, such as x_p-2"):
        found = earthloom.batch("pansharpen", [{"pan": "x/p.tif", "ms": f"{n}.tif"} for n in "ab"], tmp_path / "two")
    assert [one.output.name for one in found] == ["x_p.tif", "x_p-2.tif"]


def test_failed_rows_are_data(table: Path, cli: Cli, tmp_path: Path) -> None:
    table.write_text(table.read_text() + "in/d_pan.tif,in/a_ms.tif\n")
    out = tmp_path / "out"
    done = cli("pansharpen", "--batch", table, "-o", out, "-m", "exp")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0].split() == ["row", "state", "seconds", "output", "reason"]
    assert [line.split()[1] for line in lines[1:]] == ["done", "done", "done", "failed"]
    assert "in/d_pan.tif does not exist" in lines[4]
    assert "d_pan failed: " in done.err and "(4 of 4, 1 failed)" in done.err and "3 done, 1 failed, took" in done.err
    assert "b_pan done in " in done.err and "left)" in done.err
    summary = (out / "summary.csv").read_text().splitlines()
    assert summary[0] == "name,state,output,seconds,reason,tries" and len(summary) == 5
    before = products(out)
    again = cli("pansharpen", "--batch", table, "-o", out, "-m", "exp", "--json")
    told = json.loads(again.out)
    assert again.code == 1 and [one["state"] for one in told] == ["there", "there", "there", "failed"]
    assert "a_pan" not in again.err and products(out) == before
    put(tmp_path / "in" / "d_pan.tif", np.ones((1, 32, 48), "uint16"), grid(1))
    assert cli("pansharpen", "--batch", table, "-o", out, "-m", "exp", "-q").code == 0


def test_what_is_made_again_and_why(table: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "out", list[str]()

    def go(**more: Any) -> list[str]:
        said.clear()
        return [one.state for one in earthloom.batch("pansharpen", table, out, say=said.append, **more)]

    assert go(method="exp") == ["done"] * 3
    assert go(method="exp", threads=1, tile_size=64) == ["there"] * 3  # how, not what
    assert go(method="brovey") == ["done"] * 3
    assert "a_pan is made again: method is brovey, and was exp" in said
    (out / "b_pan.tif").unlink()
    os.utime(tmp_path / "in" / "c_ms.tif", ns=(0, 0))
    assert go(method="brovey") == ["there", "done", "done"]
    assert "b_pan is made again: its product is gone" in said
    assert f"c_pan is made again: {tmp_path}/in/c_ms.tif has changed" in said
    assert go(method="brovey", overwrite=True) == ["done"] * 3
    assert "b_pan is made again: `overwrite`" in said


def test_what_others_put_there_stays(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "b_pan.tif").write_bytes(b"mine")
    for _ in range(2):
        found = earthloom.batch("pansharpen", table, out, method="exp")
        assert [one.state for one in found][1] == "failed" and "is not of this batch" in found[1].reason
        assert (out / "b_pan.tif").read_bytes() == b"mine"
    assert earthloom.batch("pansharpen", table, out, method="exp", overwrite=True)[1].state == "done"


def test_a_stopped_batch_goes_on(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    earthloom.batch("pansharpen", table, whole, method="exp")
    work = VERBS["pansharpen"].call

    def stopped(**given: Any) -> Any:
        if Path(given["output"]).name == "b_pan.tif":
            raise KeyboardInterrupt
        return work(**given)

    with monkeypatch.context() as changed, pytest.raises(KeyboardInterrupt):
        taught(changed, "pansharpen", stopped)
        earthloom.batch("pansharpen", table, out, method="exp")
    assert events(out) == [("a_pan", "started"), ("a_pan", "done"), ("b_pan", "started"), ("b_pan", "stopped")]
    assert "c_pan,left" in (out / "summary.csv").read_text()
    found = earthloom.batch("pansharpen", table, out, method="exp")
    assert [(one.state, one.reason) for one in found] == [("there", ""), ("done", "was not finished"), ("done", "")]
    assert products(out) == products(whole)


KILLED = """
import os, signal, sys, functools
from dataclasses import replace
import earthloom
from earthloom.verbs.declared import VERBS
earthloom.pansharpen
work = VERBS["pansharpen"].call
@functools.wraps(work)
def dying(**given):
    if given["output"].name == "b_pan.tif":
        os.kill(os.getpid(), signal.SIGKILL)
    return work(**given)
VERBS["pansharpen"] = replace(VERBS["pansharpen"], call=dying)
earthloom.batch("pansharpen", sys.argv[1], sys.argv[2], method="exp")
"""


def test_a_killed_batch_goes_on(table: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    earthloom.batch("pansharpen", table, whole, method="exp")
    done = subprocess.run([sys.executable, "-c", KILLED, table, out], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert events(out) == [("a_pan", "started"), ("a_pan", "done"), ("b_pan", "started")]
    with (out / "batch.jsonl").open("a") as file:
        file.write('{"row": "c_pan", "state": "do')  # a line that was being written
    found = earthloom.batch("pansharpen", table, out, method="exp")
    assert [one.state for one in found] == ["there", "done", "done"] and found[1].reason == "was not finished"
    # the torn line stays one of its own; what the batch died of comes last
    assert [json.loads(line)["row"] for line in (out / "batch.jsonl").read_text().splitlines()[4:]] == [
        "c_pan", "c_pan", "b_pan", "b_pan",
    ]  # fmt: skip
    assert products(out) == products(whole)


@dataclass(frozen=True)
class Crashing(Exp):
    """Ends its process as a mistake in a C library does."""

    def fuse(self, observation: Observation, stats: Any) -> Any:
        os.kill(os.getpid(), signal.SIGSEGV)


def test_rows_in_processes_of_their_own(scenes: Path, tmp_path: Path) -> None:
    rows = [{"pan": scenes / f"{name}_pan.tif", "ms": scenes / f"{name}_ms.tif"} for name in "abc"]
    earthloom.batch("pansharpen", rows, tmp_path / "alone", method="exp")
    crash = {**rows[0], "method": Crashing(), "name": "crash"}
    stages: list[tuple[str, int, int]] = []
    found = earthloom.batch(
        "pansharpen", [crash, *rows], tmp_path / "out", method="exp", jobs=2,
        progress=lambda *stage: stages.append(stage),
    )  # fmt: skip
    assert states(found) == [("crash", "failed"), ("a_pan", "done"), ("b_pan", "done"), ("c_pan", "done")]
    assert found[0].reason == "its process ended: a segmentation fault"
    assert products(tmp_path / "out") == products(tmp_path / "alone")
    assert stages == [("batch", number, 4) for number in (1, 2, 3, 4)]


def test_errors_that_may_pass_are_tried_again(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "PAUSE_S", 0)
    tries: list[str] = []

    def unsteady(**given: Any) -> None:
        name = Path(given["output"]).stem
        tries.append(name)
        if name == "a" and tries.count("a") < 2:
            raise FileError("no answer") from ConnectionResetError()
        if name == "b":
            raise InputError("never")
        if name == "c":
            raise ZeroDivisionError("in\nthe middle")

    taught(monkeypatch, "pansharpen", unsteady)
    rows = [{"pan": f"{name}.tif", "ms": "m.tif"} for name in "abcd"]
    found = earthloom.batch("pansharpen", rows, tmp_path / "out")
    assert tries == ["a", "a", "b", "c", "d"]
    assert [(one.state, one.reason, one.tries) for one in found] == [
        ("done", "", 2), ("failed", "never", 1), ("failed", "unexpected ZeroDivisionError: in the middle", 1),
        ("done", "", 1),
    ]  # fmt: skip
    tries.clear()
    found = earthloom.batch("pansharpen", rows, tmp_path / "none", retries=0, fail_fast=True)
    assert [one.state for one in found] == ["failed", "left", "left", "left"] and tries == ["a"]
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        earthloom.batch("pansharpen", rows, tmp_path / "more", debug=True)


def test_one_batch_at_a_time(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"pan": "a.tif", "ms": "m.tif"}]
    inner: list[EarthloomError] = []

    def again(**given: Any) -> None:
        with pytest.raises(FileError, match="another batch writes") as met:
            earthloom.batch("pansharpen", rows, tmp_path / "out")
        inner.append(met.value)

    taught(monkeypatch, "pansharpen", again)
    earthloom.batch("pansharpen", rows, tmp_path / "out")
    assert len(inner) == 1


@pytest.mark.parametrize(
    "words, told",
    [
        (("pansharpen", "--pan", "p.tif", "--jobs", "2", "-o", "x.tif"), "--jobs without --batch"),
        (("align", "--batch", "t.csv", "-o", "x", "--figure", "f.png"), "--figure with --batch"),
        (("pansharpen", "--batch", "t.csv"), "--output is missing"),
        (("pansharpen", "--batch", "t.csv", "-o", "t.csv"), "t.csv is a file"),
        (("pansharpen", "--batch", "t.csv", "-o", "x", "--jobs", "0"), "0 jobs"),
        (("pansharpen", "--batch", "t.jpg", "-o", "x"), "t.jpg does not exist"),
        (("series", "--fine-dir", "x", "--coarse-dir", "y", "--batch", "t.csv", "-o", "x"), "no option --batch"),
    ],
)
def test_what_a_batch_does_not_take(
    words: tuple[str, ...], told: str, cli: Cli, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("pan\np.tif\n")
    done = cli(*words)
    assert done.code == 2 and told in done.err and done.err.count("\n") == 1
    with pytest.raises(InputError, match="a series is a batch by itself"):
        earthloom.batch("series", [{}], "x")
    with pytest.raises(InputError, match="did you mean pansharpen"):
        earthloom.batch("pansharpn", [{}], "x")


def test_a_table_may_be_held_to_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    table = tmp_path / "in" / "scenes.csv"
    table.write_text("pan,ms\n../p.tif,m.tif\n")
    monkeypatch.setenv("EARTHLOOM_OPEN", "beside")
    with pytest.raises(InputError, match=r"line 2: the table names \.\./p\.tif; expected files in its own folder"):
        earthloom.batch("pansharpen", table, tmp_path / "out")
