"""What stopped runs have left can be listed and cleared away."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import earthloom
from earthloom.cli.main import run
from earthloom.engine.ledger import Ledger, part_of
from earthloom.errors import FileError, InputError
from tests.contract.verbs.test_resume import case_of, made, stopped


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A product of which three tiles are made."""
    case, out = case_of("pansharpen"), tmp_path / "below" / "x.tif"
    out.parent.mkdir()
    stopped(case, case.inputs(tmp_path), out)
    return out


def test_what_is_begun_is_listed(begun: Path, tmp_path: Path) -> None:
    (found,) = earthloom.unfinished(tmp_path)
    assert (found.product, found.folder) == (begun, part_of(begun))
    assert found.tiles == 3
    assert found.method.startswith("pansharpening/")
    assert found.bytes > 0 and not found.at_work and not found.removed and found.days < 1
    assert part_of(begun).exists()


def test_it_is_removed_where_that_is_asked_for(begun: Path, tmp_path: Path) -> None:
    assert earthloom.unfinished(tmp_path, remove=True, older_days=1) == []
    (found,) = earthloom.unfinished(tmp_path, remove=True)
    assert found.removed and not part_of(begun).exists()
    assert earthloom.unfinished(tmp_path) == []


def test_age_counts_from_what_was_written_last(begun: Path, tmp_path: Path) -> None:
    for path in part_of(begun).rglob("*"):
        long_ago = path.stat().st_mtime - 40 * 86400
        os.utime(path, (long_ago, long_ago))
    (found,) = earthloom.unfinished(tmp_path, older_days=30)
    assert found.days == pytest.approx(40, abs=0.1)


def test_what_a_process_works_on_stays(begun: Path, tmp_path: Path) -> None:
    with Ledger.held(begun):
        (found,) = earthloom.unfinished(tmp_path, remove=True)
    assert found.at_work and not found.removed
    case = case_of("pansharpen")
    made(case, case.inputs(tmp_path), begun)
    assert earthloom.unfinished(tmp_path) == []


def test_other_folders_of_such_names_stay(tmp_path: Path) -> None:
    (tmp_path / ".mine.part").mkdir()
    (tmp_path / ".mine.part" / "thesis.txt").write_text("all I have")
    assert earthloom.unfinished(tmp_path, remove=True) == []
    assert (tmp_path / ".mine.part" / "thesis.txt").exists()


def test_from_the_command_line(begun: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flags in ([], ["--json"], ["--remove"], []):
        with pytest.raises(SystemExit) as ended:
            run(["unfinished", str(tmp_path), *flags])
        assert ended.value.code == 0
    plain, data, removed, nothing = capsys.readouterr().out.splitlines()
    assert str(begun) in plain and "3 finished tiles" in plain
    assert json.loads(data)[0]["tiles"] == 3
    assert removed.endswith("removed")
    assert nothing == "nothing is unfinished"


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no folder"):
        earthloom.unfinished(tmp_path / "nowhere")
    with pytest.raises(InputError, match="older_days"):
        earthloom.unfinished(tmp_path, older_days=float("nan"))
