"""Read spoilt files: ``python -m bench.fuzz --seconds 60 --seed 1 [--reader mat5]``.

Counts go to ``bench/fuzz/counts.json`` (with ``--keep`` they are added to those that are there), and one case of each
kind of failure into ``tests/corpus``.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from bench.fuzz.child import Case, case_of, run

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "counts.json"
CORPUS = HERE.parents[1] / "tests" / "corpus"
LARGEST = 4000  # bytes of a case that is kept, packed where it is longer
CLEAN = ("value", "error")
ROUND = 50  # cases of one reader before the next one's turn
LOADED = (
    "rasterio.vrt", "h5py", "scipy.io", "torch", "safetensors", "xarray", "earthloom.raster.open",
    "earthloom.report.described", "earthloom.raster.listing.layouts", "earthloom.raster.listing.sights",
    "earthloom.raster.listing.published", "earthloom.training.loop.config", "earthloom.training.loop.checkpoint",
    "earthloom.prepare.bandpass.transform", "earthloom.methods.networks.published_tables", "earthloom.nn.unet_lut",
)  # fmt: skip


def main(given: list[str] | None = None) -> int:
    """Fuzz until the time is over; 1 where anything failed."""
    asked = _asked(given)
    warnings.simplefilter("ignore")
    from importlib import import_module

    for name in LOADED:
        import_module(name)
    from bench.fuzz.child import forked
    from bench.fuzz.subjects import SUBJECTS
    from earthloom.raster import handles, sound

    handles.WAITS_S = ()  # a spoilt file is no disk in the network: it does not come back
    sound.asked = forked  # a child of this process, not a new interpreter for each case
    names = asked.reader or list(SUBJECTS)
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    failures: dict[tuple[str, str], dict[str, Any]] = {}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        valid = {name: _valid(SUBJECTS[name], Path(scratch) / name) for name in names}
        at = dict.fromkeys(names, asked.first)
        while time.monotonic() - begun < asked.seconds and min(at.values()) < asked.first + asked.cases:
            for name in names:
                folder, path = valid[name]
                seed, first = asked.seed, at[name]
                at[name] = first + ROUND
                for case in run(SUBJECTS[name], name, seed, first, at[name], folder, path):
                    counts[name][case.outcome] += 1
                    if case.outcome not in CLEAN:
                        _note(failures, name, case, case_of(SUBJECTS[name], name, seed, case.number, folder))
                if time.monotonic() - begun > asked.seconds:
                    break
    spent = time.monotonic() - begun
    if not asked.dry:
        _write(counts, failures, spent, asked)
    total = sum(sum(count.values()) for count in counts.values())
    bad = total - sum(count[one] for count in counts.values() for one in CLEAN)
    for name, count in counts.items():
        if asked.verbose:
            print(f"{name:18} {dict(count)}")
    print(f"{total} cases in {spent:.0f} s, {total / spent:.0f} a second; {bad} neither a value nor a clean error")
    return int(bad > 0)


def _asked(given: list[str] | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description="Read spoilt files.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cases", type=int, default=10**9, help="of each reader, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--reader", action="append", help="this one alone; may be repeated")
    parser.add_argument("--keep", action="store_true", help="add to the counts that are there")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(given)


def _valid(subject: Any, folder: Path) -> tuple[Path, Path]:
    """The valid thing of a reader, written in a child so that nothing of it stays in the parent."""
    import os

    folder.mkdir(parents=True)
    told = folder.with_suffix(".path")
    child = os.fork()
    if child == 0:
        try:
            told.write_text(str(subject.make(folder)))
        except BaseException as error:
            print(f"{folder.name}: {error!r}", file=sys.stderr)
        os._exit(0)
    os.waitpid(child, 0)
    return folder, Path(told.read_text())


def _note(failures: dict[tuple[str, str], dict[str, Any]], name: str, case: Case, spoiled: tuple[str, bytes]) -> None:
    """Count a failure by its kind, and keep the shortest file that shows it."""
    member, data = spoiled
    found = failures.setdefault(
        (name, case.what),
        {"reader": name, "outcome": case.outcome, "what": case.what, "detail": case.detail, "count": 0,
         "first": case.number, "member": member, "data": data},
    )  # fmt: skip
    if not found["count"]:
        print(f"{name} {case.number}: {case.outcome} {case.what}: {case.detail}", flush=True)
    found["count"] += 1
    if len(data) < len(found["data"]):
        found |= {"member": member, "data": data}


def _write(counts: dict[str, Counter[str]], failures: dict[Any, dict[str, Any]], spent: float, asked: Any) -> None:
    """The report, and the corpus."""
    for found in failures.values():
        packed = found["data"] if len(found["data"]) <= LARGEST else gzip.compress(found["data"], 9, mtime=0)
        if len(packed) > LARGEST:
            continue
        place = CORPUS / found["reader"]
        place.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(found["data"]).hexdigest()[:10]
        ending = "" if packed is found["data"] else ".gz"
        (place / f"{digest}_{Path(found['member']).name}{ending}").write_bytes(packed)
    known = json.loads(RESULTS.read_text("utf-8")) if asked.keep and RESULTS.is_file() else {}
    readers = {name: Counter(count) for name, count in known.get("readers", {}).items()}
    for name, count in counts.items():
        readers[name] = readers.get(name, Counter()) + count
    kinds = [{key: value for key, value in one.items() if key != "data"} for one in failures.values()]
    report = {
        "seconds": round(spent + known.get("seconds", 0)),
        "runs": [*known.get("runs", []), {"seed": asked.seed, "first": asked.first}],
        "readers": {name: dict(sorted(readers[name].items())) for name in sorted(readers)},
        "failures": known.get("failures", []) + kinds,
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
