"""Earthloom beside its peers, side by side in one run; recorded in bench/speed/results.json.

    python -m bench.speed [JOB ...] [--runs 5] [--side JOB=PIXELS ...]

Jobs: pansharpening (gdal_pansharpen, Orfeo ToolBox), matching (scikit-image), metrics (sewar, torchmetrics), networks
(torch and onnxruntime). Every program runs as a whole process, all programs of a job in turn, so that a busy machine is
busy for all. Wall time, processor time and peak memory are those of the process and its children; ``call`` is the
quickest of three calls inside a process that is warm. A program that is not there is named, and its row is missing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import results
from bench.speed import tables
from bench.speed.jobs import JOBS, SEED, SIDES, Entry

PEAK_MIB = 2**10  # KiB of ru_maxrss


def ran(command: Sequence[str], folder: Path) -> dict[str, float]:
    """One process: wall and processor seconds, peak memory, and what it prints as the seconds of a call."""
    (folder / "out.tif").unlink(missing_ok=True)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=err, cwd=results.BENCH.parent)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if child.returncode:
            raise SystemExit(f"{' '.join(command)} failed: {err.read().decode(errors='replace')[-500:]}")
        found = {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / PEAK_MIB}
        if "bench.speed.child" in command:
            found["call_s"] = float(out.read().split()[-1])
    return found


def measured(entries: Sequence[Entry], folder: Path, runs: int) -> dict[Entry, dict[str, float]]:
    """Medians of every program, run in turn after one run that does not count."""
    there = [one for one in entries if not one.missing]
    for one in entries:
        if one.missing:
            print(f"{one.job}: {one.program} is left out, {one.missing}", flush=True)
    found: dict[Entry, list[dict[str, float]]] = {one: [] for one in there}
    for turn in range(runs + 1):
        for one in there:
            figures = ran(one.command, folder)
            if turn:
                found[one].append(figures)
    return {one: {key: statistics.median(f[key] for f in many) for key in many[0]} for one, many in found.items()}


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", choices=[*JOBS, []], default=list(JOBS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--side", action="append", default=[], metavar="JOB=PIXELS")
    chosen = parser.parse_args()
    sides = SIDES | {job: int(side) for job, _, side in (one.partition("=") for one in chosen.side)}
    with tempfile.TemporaryDirectory(prefix="earthloom-bench-") as name:
        for job in chosen.jobs or JOBS:
            found = measured(list(JOBS[job](Path(name), sides[job])), Path(name), chosen.runs)
            table = tables.beside(found, chosen.runs)
            results.record("speed", job, {"": table}, SEED)
            for row in table.rows:
                print("  ".join(c.write(cell) for c, cell in zip(table.columns, row, strict=True)), flush=True)


if __name__ == "__main__":
    main()
