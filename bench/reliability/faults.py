"""Inject faults into runs of every kind at drawn moments, look at what is left, run again, and compare.

    python -m bench.reliability.faults [--times 20] [--fault NAME]

A run may end with the product of the undisturbed run, byte for byte, or with one line and exit code 2. Looked at each
time: which of the two it was, whether a file of the product's name stands there half written, whether the same command
given again makes the bytes of the undisturbed run, and what else it leaves. "Lost" are runs after which a file is half
written or the next run does not give those bytes. `python -m bench.reliability.tables` makes the table of the page.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bench import results
from bench.reliability import injected
from bench.reliability.kills import files
from bench.reliability.trial import PRODUCT, Case, Ended, Scene, Trial, alone

RESULTS = Path(__file__).with_suffix(".json")
SEED = 0
VARIES = re.compile(r"(/\S+/)|(\d+(\.\d+)?)")  # in what is said


@dataclass(frozen=True)
class Fault:
    """A fault, and the commands that it befalls in turn."""

    what: str
    befall: Callable[[Trial], Ended]
    cases: tuple[str, ...] = ("pansharpen", "predict", "align")
    on_a_disk: bool = False


FAULTS = {
    "worker": Fault("a worker process dies: SIGKILL to one of two", injected.worker_dies, ("pansharpen", "predict")),
    "scheduler": Fault(
        "the scheduler dies: SIGKILL; the next run is without", injected.scheduler_dies, ("pansharpen", "predict")
    ),
    "limit": Fault("files may not grow: a limit on their size, drawn below the product's", injected.files_may_not_grow),
    "disk": Fault("the disk fills: another program fills a small file system", injected.disk_fills, on_a_disk=True),
    "gone": Fault("an input disappears", injected.input_goes),
    "rewritten": Fault("an input changes: rewritten in place", injected.input_rewritten),
    "replaced": Fault("an input changes: replaced by another file", injected.input_replaced),
    "read": Fault("a read fails once: the system's error or GDAL's", injected.read_fails_once),
    "corrupt": Fault("a block is corrupt: bytes of it overwritten", injected.block_is_corrupt, ("brovey", "align")),
    "missing": Fault(
        "the same with `--on-bad-block nodata`: all other pixels compared",
        injected.block_is_missing,
        ("brovey", "align"),
    ),
    "two": Fault("two processes write one output", injected.two_write),
}


@dataclass
class Row:
    """What came of the runs that a fault befell."""

    fault: str
    what: str
    cases: list[str]
    runs: int = 0
    too_late: int = 0  # the run had ended
    same: int = 0
    one_line: int = 0
    other: int = 0
    half_written: int = 0
    left_after: int = 0
    differ: int = 0
    lost: int = 0
    said: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def clean(ended: Ended) -> bool:
    """Whether a run ended with one line and exit code 2."""
    lines = ended.text.splitlines()
    return ended.code == 2 and len(lines) == 1 and lines[0].startswith("earthloom: ") and "a bug?" not in lines[0]


def one_trial(row: Row, fault: Fault, trial: Trial) -> None:
    """Disturb a run, look, run again, look."""
    shutil.rmtree(trial.folder, ignore_errors=True)
    trial.folder.mkdir(parents=True)
    trial.scene.fresh()
    ended = fault.befall(trial)
    now = files(trial.folder)
    good = ended.good or (trial.case.whole,)
    shown = {name: found for name, found in now.items() if ".part" not in name}
    half = any(all(found != one.get(name) for one in good) for name, found in shown.items())
    row.runs += 1
    row.too_late += ended.late
    row.half_written += half
    same = ended.code == 0 and any(shown == dict(one) for one in good) and not ended.wrong
    one_line = clean(ended) and not shown and not ended.wrong
    row.same += same
    row.one_line += one_line
    row.other += not (same or one_line)
    if ended.code:
        told = VARIES.sub(lambda found: "" if found[1] else "N", ended.text.strip())
        row.said[told] = row.said.get(told, 0) + 1
    if not ended.keep:
        trial.scene.fresh()
    code, text = trial.run(*(["--overwrite"] if (trial.folder / PRODUCT).exists() else []))
    after, then = files(trial.folder), dict(ended.then or trial.case.whole)
    differ = code != 0 or any(after.get(name) != found for name, found in then.items())
    row.differ += differ
    row.left_after += len(after.keys() - then.keys())
    row.lost += half or differ
    if half or differ or not (same or one_line) or after.keys() - then.keys():
        told = f"{trial.case.verb}: {ended.code} {ended.wrong} {ended.text[-300:]}; {sorted(now)}; then {code} {text}"
        row.wrong.append(told)
        print(f"{row.fault} {told}", file=sys.stderr, flush=True)


def measured(name: str, scene: Scene, cases: dict[str, Case], times: int, folder: Path) -> Row:
    """The row of a fault."""
    fault = FAULTS[name]
    row = Row(name, fault.what, list(fault.cases))
    draw = random.Random(f"{SEED} {name}")
    for number in range(times):
        case = cases[fault.cases[number % len(fault.cases)]]
        one_trial(row, fault, Trial(case, scene, folder, draw))
    return row


def undisturbed(scene: Scene) -> dict[str, Case]:
    """Every command with what it makes and how long that takes."""
    found = {}
    for name, case in scene.cases().items():
        seconds, whole = alone(case, scene.folder / "whole")
        size = (scene.folder / "whole" / PRODUCT).stat().st_size
        found[name] = replace(case, seconds=seconds, size=size, whole=whole)
        print(f"{name}: {seconds:.2f} s", flush=True)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="runs for every fault")
    parser.add_argument("--fault", choices=FAULTS, help="this one alone; its row is put into what was measured before")
    asked = parser.parse_args()
    import earthloom.cli.main
    import earthloom.verbs.pipeline  # noqa: F401  loaded before the forks

    known = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() and asked.fault else []
    rows = {row["fault"]: row for row in known}
    with tempfile.TemporaryDirectory() as name:
        scene = Scene(Path(name))
        scene.make()
        cases, disk = undisturbed(scene), scene.folder / "disk"
        try:
            for fault in [asked.fault] if asked.fault else FAULTS:
                if FAULTS[fault].on_a_disk and not injected.has_disk(disk):
                    print(f"{fault}: left out, as nothing may be mounted here", file=sys.stderr)
                    continue
                place = (disk if FAULTS[fault].on_a_disk else scene.folder) / "out"
                rows[fault] = asdict(measured(fault, scene, cases, asked.times, place))
                print(json.dumps(rows[fault]), flush=True)
        finally:
            if disk.exists():
                subprocess.run(["umount", str(disk)], check=False)
    kept = [rows[one] for one in FAULTS if one in rows]
    RESULTS.write_text(results.dump({"made": results.made(SEED), "rows": kept}), encoding="utf-8")


if __name__ == "__main__":
    main()
