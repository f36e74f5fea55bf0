"""A job that was stopped goes on, in every verb: the same bytes, and nothing made twice but what was in flight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from earthloom.engine import ledger
from earthloom.engine.ledger import Ledger, part_of
from earthloom.errors import FileError, HangUp
from tests.contract.verbs.cases import CASES, Case

MAKING = ("fusing", "aligning")  # what making a tile is called
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)


class Listener:
    """Counts the tiles that are made, and stops the run after some of them."""

    def __init__(self, stop_after: int | None = None, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.stop_after, self.error = stop_after, error
        self.made = 0
        self.lines: list[str] = []

    def progress(self, stage: str, done: int, total: int) -> None:
        if stage not in MAKING:
            return
        self.made += 1
        if self.made == self.stop_after:
            raise self.error

    @property
    def run(self) -> dict[str, Any]:
        return {"progress": self.progress, "say": self.lines.append}


def made(case: Case, given: Mapping[str, Any], out: Path, **more: Any) -> Listener:
    """Run to the end, from whatever lies there."""
    listener = Listener()
    case.call(given, output=out, **{"tile_size": 16, "threads": 1, **listener.run, **more})
    return listener


def stopped(case: Case, given: Mapping[str, Any], out: Path, after: int = 3, **more: Any) -> Listener:
    """Run until some tiles are made."""
    listener = Listener(after, more.pop("error", KeyboardInterrupt))
    with pytest.raises(listener.error):
        case.call(given, output=out, **{"tile_size": 16, "threads": 1, **listener.run, **more})
    return listener


@each
def test_what_was_stopped_goes_on(case: Case, tmp_path: Path) -> None:
    given, whole, out = case.inputs(tmp_path), tmp_path / "whole.tif", tmp_path / "x.tif"
    tiles = made(case, given, whole).made
    assert tiles > 6
    stopped(case, given, out)
    assert not out.exists() and part_of(out).is_dir()
    again = made(case, given, out)
    assert again.made == tiles - 3
    assert any(line.startswith(f"going on: 3 of {tiles}") for line in again.lines)
    assert out.read_bytes() == whole.read_bytes()
    assert not part_of(out).exists() and not part_of(whole).exists()


@each
@pytest.mark.parametrize("compress", ["zstd", "none"])
def test_what_was_killed_while_it_was_written_goes_on(
    case: Case, compress: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, whole, out = case.inputs(tmp_path), tmp_path / "whole.tif", tmp_path / "x.tif"
    made(case, given, whole, compress=compress)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("earthloom.raster.write.cog.check_whole", stop)
        stopped(case, given, out, after=10_000, compress=compress)
    assert not out.exists()
    assert made(case, given, out, compress=compress).made == 0
    assert out.read_bytes() == whole.read_bytes()


@each
@pytest.mark.parametrize(
    ("change", "word"), [({"dtype": "float32"}, ""), ({"tile_size": 32}, "tile size")], ids=["dtype", "tiles"]
)
def test_another_job_begins_afresh(case: Case, change: dict[str, Any], word: str, tmp_path: Path) -> None:
    given, whole, out = case.inputs(tmp_path), tmp_path / "whole.tif", tmp_path / "x.tif"
    tiles = made(case, given, whole, **change).made
    stopped(case, given, out)
    again = made(case, given, out, **change)
    assert again.made == tiles
    assert any("afresh" in line and word in line for line in again.lines)
    assert out.read_bytes() == whole.read_bytes()


@each
def test_changed_inputs_begin_afresh(case: Case, tmp_path: Path) -> None:
    given, out = case.inputs(tmp_path), tmp_path / "x.tif"
    stopped(case, given, out)
    changed = given[case.one] if isinstance(given[case.one], Path) else given[case.one][0]
    import rasterio

    with rasterio.open(changed, "r+") as file:
        image = file.read()
        image[:, :4, :4] += 7
        file.write(image)
    again = made(case, given, out)
    assert any("afresh: inputs" in line for line in again.lines), again.lines
    tiles = made(case, given, tmp_path / "whole.tif").made
    assert again.made == tiles and out.read_bytes() == (tmp_path / "whole.tif").read_bytes()


@each
def test_no_resume_begins_afresh(case: Case, tmp_path: Path) -> None:
    given, out = case.inputs(tmp_path), tmp_path / "x.tif"
    stopped(case, given, out)
    again = made(case, given, out, resume=False)
    assert again.made > 6 and not any("going on" in line for line in again.lines)


def case_of(verb: str) -> Case:
    return next(case for case in CASES if case.verb == verb)


def test_a_tile_that_never_came_to_the_disk_is_made_again(tmp_path: Path) -> None:
    case = case_of("pansharpen")
    given, whole, out = case.inputs(tmp_path), tmp_path / "whole.tif", tmp_path / "x.tif"
    tiles = made(case, given, whole).made
    stopped(case, given, out, after=5)
    (stage,) = part_of(out).glob("*.tif")
    data = bytearray(stage.read_bytes())
    data[-512 * 512 * 2 :] = bytes(512 * 512 * 2)  # the last band, as after a loss of power
    stage.write_bytes(data)
    with (part_of(out) / "tiles.jsonl").open("a") as stream:
        stream.write('{"tile": 7, "checks": [1')  # a line that was torn
    assert made(case, given, out).made == tiles
    assert out.read_bytes() == whole.read_bytes()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    case, out = case_of("superresolve"), tmp_path / "x.tif"
    given = case.inputs(tmp_path)
    with Ledger.held(out), pytest.raises(FileError, match="being written by another process"):
        made(case, given, out)


def test_a_closed_terminal_keeps_what_is_worth_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, out = case_of("align"), tmp_path / "x.tif"
    given = case.inputs(tmp_path)
    stopped(case, given, out, error=HangUp)
    assert not part_of(out).exists()
    monkeypatch.setattr("earthloom.engine.sink.WORTH_SECONDS", 0)
    stopped(case, given, out, error=HangUp)
    assert part_of(out).exists()


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    case, out = case_of("decloud"), tmp_path / "x.tif"
    stopped(case, case.inputs(tmp_path), out, error=ZeroDivisionError)
    assert not part_of(out).exists()


def test_a_lock_that_was_just_taken_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take = ledger._locked

    def interrupted(*given: Any) -> int:
        lock = take(*given)
        signal.raise_signal(signal.SIGINT)
        return lock

    monkeypatch.setattr(ledger, "_locked", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
    try:
        with pytest.raises(KeyboardInterrupt), Ledger.held(tmp_path / "x.tif"):
            pass
    finally:
        signal.signal(signal.SIGINT, before)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore::earthloom.errors.EarthloomWarning")  # a formula does better than so few steps
def test_weights_that_were_adapted_are_kept(tmp_path: Path) -> None:
    case = case_of("pansharpen")
    network: dict[str, Any] = {"method": "cf2n", "adapt_steps": 2}
    given, whole, out = case.inputs(tmp_path), tmp_path / "whole.tif", tmp_path / "x.tif"
    made(case, given, whole, **network)
    stopped(case, given, out, after=2, **network)
    stages: list[str] = []
    case.call(
        given, output=out, tile_size=16, threads=1, progress=lambda stage, *_: stages.append(stage), **network
    )  # fmt: skip
    assert not any("adapt" in stage or "train" in stage for stage in stages), set(stages)
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.filterwarnings("ignore::earthloom.errors.EarthloomWarning")  # a formula does better than so few steps
def test_adapting_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    case = case_of("pansharpen")
    network: dict[str, Any] = {"method": "cf2n", "adapt_steps": 20, "tile_size": 16, "threads": 1}
    given, whole, out = case.inputs(tmp_path), tmp_path / "whole.tif", tmp_path / "x.tif"
    made(case, given, whole, **network)

    def until_step_12(stage: str, done: int, total: int) -> None:
        if stage.endswith("training") and done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case.call(given, output=out, progress=until_step_12, **network)
    steps: list[int] = []
    lines: list[str] = []
    case.call(
        given, output=out, say=lines.append,
        progress=lambda stage, done, total: steps.append(done) if stage.endswith("training") else None, **network,
    )  # fmt: skip
    assert any("going on from step" in line for line in lines), lines
    assert 1 < steps[0] <= 13
    assert out.read_bytes() == whole.read_bytes()
    assert not part_of(out).exists()


def test_a_mapping_that_was_fitted_is_kept(tmp_path: Path) -> None:
    case = case_of("align")
    given = case.inputs(tmp_path)
    given["target"] = given["source"]
    fields = {"method": "cross_linear", "target_scale": 1e-4, "force": True, "target_sensor": "sentinel2b"}
    whole, out = tmp_path / "whole.tif", tmp_path / "x.tif"
    made(case, given, whole, **fields)
    stopped(case, given, out, **fields)
    assert any(part_of(out).glob("kept-learnt*.json"))
    made(case, given, out, **fields)
    assert out.read_bytes() == whole.read_bytes()


def test_drafts_of_earlier_versions_are_cleared_away(tmp_path: Path) -> None:
    case, out = case_of("align"), tmp_path / "x.tif"
    old, new = tmp_path / f".x.tif.{'0' * 32}", tmp_path / f".x.tif.{'1' * 32}"
    for draft in (old, new):
        draft.mkdir()
        (draft / "raw.tif").write_bytes(b"tiles")
    for path in (old / "raw.tif", old):
        os.utime(path, (0, 0))
    made(case, case.inputs(tmp_path), out)
    assert not old.exists() and new.exists()


KILLED = """
import os, signal, sys, pathlib
sys.path.insert(0, sys.argv[1])
from tests.contract.verbs.test_resume import case_of
case, folder, made = case_of(sys.argv[2]), pathlib.Path(sys.argv[3]), 0
def progress(stage, done, total):
    global made
    made += stage == "fusing"
    if made == 4:
        os.kill(os.getpid(), signal.SIGKILL)
case.call(case.inputs(folder), output=folder / "x.tif", tile_size=16, threads=2, progress=progress)
"""


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["pansharpen", "superresolve"])
def test_a_killed_process(verb: str, tmp_path: Path) -> None:
    case, out = case_of(verb), tmp_path / "x.tif"
    root = str(Path(__file__).resolve().parents[3])
    done = subprocess.run([sys.executable, "-c", KILLED, root, verb, str(tmp_path)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    given = case.inputs(tmp_path)
    whole = tmp_path / "whole.tif"
    tiles = made(case, given, whole).made
    again = made(case, given, out)
    assert tiles - 8 <= again.made <= tiles - 3
    assert out.read_bytes() == whole.read_bytes()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
