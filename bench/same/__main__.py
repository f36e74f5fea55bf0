"""`python -m bench.same OLD_CHECKOUT`: are the products of this checkout those of an old one, bit by bit?

Every case (all verbs, from the command line and from Python, on windows of the shared data) is run with the sources of
the old and of the new checkout, by the same interpreter, on the same inputs, with one thread of BLAS. Pixels, dtype,
CRS, transform, nodata, scales, names, wavelengths, overviews and layout have to be the same; provenance and words are
listed where they changed. What was mended on purpose stands in MENDS. ``--keep FOLDER`` keeps the old products for the
next run. EARTHLOOM_SHARED says where the shared data lie (default: a folder ``shared`` beside this checkout).
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from bench.same import arrays
from bench.same import arrays_dates as arrays_dates
from bench.same import arrays_others as arrays_others
from bench.same.arrays import CASES
from bench.same.cases import Case, cases
from bench.same.compare import compare
from bench.same.inputs import make

ROOT = Path(__file__).resolve().parents[2]
ONE_RULE = "arrays are stored by the rule of files"
PLACE = f"coordinates are freed from the noise of a geotransform, as those of files are; {ONE_RULE}"
PHYSICAL = "floats asked for of integers are physical units, in every verb"
UNSEEN = "pixels that nobody saw have a code at the end of the integers; the other pixels are the same"
SIGNED = "holes in signed numbers have a code at the end of their type: a 0 is a measurement and no longer becomes 1"
LABELLED = "a DataArray keeps names of bands, its own name, attributes and wavelengths, and says that NaN is missing"
INFO = "info says more: how the file is understood, what else there is, what may be wrong"
MENDS: dict[str, str] = {  # name of a case, or a pattern of names: why its product changed
    "pansharpen: .dat": "a name that promises another format is refused",
    "pansharpen: scaled floats": "floats stored with a scale stay stored numbers, in every verb",
    "align: spectral, tiles": PHYSICAL,
    "align: fit and apply, dtype": PHYSICAL,
    "python pansharpen: xarray with a CRS": PLACE,
    "python pansharpen: xarray, PAN beyond MS": PLACE,
    "python pansharpen: xarray, scaled": PLACE,
    "python pansharpen: xarray, masked and scaled": PLACE,
    "python pansharpen: xarray, black fill": PLACE,
    "python pansharpen: paths, nowhere": "84 zeros lost their sign (-0.0 became 0.0)",
    "python superresolve: paths": "no code for missing pixels where none can be missing",
    "python align: numpy spectral and options": f"{ONE_RULE}, and in their precision (within 0.001)",
    "python align: xarray, told scale": f"{ONE_RULE}, rounded once (4 numbers by 1)",
    "python align: paths": f"{ONE_RULE}, rounded once (6 numbers by 1)",
    "decloud: *": UNSEEN,
    "pansharpen: scaled floats as int16": SIGNED,
    "predict: Kranj int16": SIGNED,
    "series: Kranj estarfm, match": SIGNED,
    "others: info*": INFO,
    "python predict: xarray*": LABELLED,
    "python series: torch and xarray": LABELLED,
    "python align: torch and xarray": LABELLED,
    "python decloud: torch and xarray": LABELLED,
    "evaluate: clouds": UNSEEN,
    "python decloud: paths": UNSEEN,
    "python decloud: numpy uint16 sar_regression": f"{ONE_RULE}, rounded once (one number by 1)",
}
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
PATIENCE_S = 1800


def main() -> int:
    """Run the cases of both checkouts, compare, and say how that went."""
    told = _arguments()
    chosen = [one for one in every() if not told.only or any(part in one.name for part in told.only)]
    if told.list:
        print("\n".join(one.name for one in chosen))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(told.keep or temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        make(folder / "inputs")
        old = _run(Path(told.old), folder, "old", chosen, again=told.again)
        new = _run(Path(told.new), folder, "new", chosen, again=True)
        return _report(chosen, old, new, told.brief)


def every() -> list[Case]:
    """All cases, those in Python last."""
    return cases() + [Case(name) for name in CASES]


def _arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.same", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("old", help="checkout of the commit to compare with")
    parser.add_argument("--new", default=ROOT, help="checkout to compare (default: this one)")
    parser.add_argument("--only", nargs="+", metavar="SUBSTRING", help="cases whose names hold one of these")
    parser.add_argument("--keep", metavar="FOLDER", help="where inputs and products stay; old ones are used again")
    parser.add_argument("--again", action="store_true", help="make old products that were kept again")
    parser.add_argument("--brief", action="store_true", help="no lists of changed provenance and words")
    parser.add_argument("--list", action="store_true", help="only the names of the cases")
    return parser.parse_args()


def _run(checkout: Path, folder: Path, side: str, chosen: Sequence[Case], again: bool) -> dict[str, Path]:
    """Run the cases of a checkout that are not there yet; the folder of each."""
    source, inputs, began = checkout.resolve() / "src", folder / "inputs", time.perf_counter()
    if not (source / "earthloom").is_dir():
        raise SystemExit(f"{checkout} is no checkout: it has no src/earthloom")
    made_of = _of_sources(source)
    places, missing = {one.name: folder / side / _slug(one.name) for one in chosen}, {}
    for one in chosen:
        key, result = _key(one, made_of, inputs), places[one.name] / "result.json"
        if again or not result.is_file() or json.loads(result.read_text())["key"] != key:
            shutil.rmtree(places[one.name], ignore_errors=True)
            missing.setdefault(one.name.partition(":")[0], []).append((one, key))
    for group, jobs in missing.items():
        print(f"{side}: {len(jobs)} cases of {group}", file=sys.stderr, flush=True)
        _start(group, jobs, places, source, folder)
    if missing:
        count = sum(len(jobs) for jobs in missing.values())
        print(f"{side}: {count} cases in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return places


def _start(group: str, jobs: Sequence[tuple[Case, str]], places: dict[str, Path], source: Path, folder: Path) -> None:
    """Run some cases in one process of their own; what it does not finish leaves no result."""
    listed = []
    for one, key in jobs:
        place = places[one.name]
        writes = any("-o {in}" in command for command in one.commands)
        words = one.words(folder / "inputs", place / "products")
        listed.append({"name": one.name, "folder": str(place), "words": words, "key": key, "writes_inputs": writes})
    file = folder / "jobs.json"
    file.write_text(json.dumps({"source": str(source), "inputs": str(folder / "inputs"), "cases": listed}))
    limits = {f"{name}_NUM_THREADS": "1" for name in THREADS}
    plain = {"PYTHONPATH": str(source), "COLUMNS": "200", "NO_COLOR": "1", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "bench.same.side", str(file)]
    told = {"cwd": ROOT, "env": {**os.environ, **limits, **plain}, "stdin": subprocess.DEVNULL, "timeout": PATIENCE_S}
    try:
        subprocess.run(command, check=True, **told)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"{group} of {source.parent}: {error}", file=sys.stderr)


def _report(chosen: Sequence[Case], old: dict[str, Path], new: dict[str, Path], brief: bool) -> int:
    """A line a case and what changed; 1 if anything differs that is not listed as mended."""
    count: Counter[str] = Counter()
    for one in chosen:
        absent = [
            side for side, places in (("old", old), ("new", new)) if not (places[one.name] / "result.json").is_file()
        ]
        reason = next(
            (why for pattern, why in MENDS.items() if one.name == pattern or fnmatch(one.name, pattern)), None
        )
        if absent:
            verdict, lines = "differs", [f"no result of {' and '.join(absent)}"]
        else:
            found = compare(old[one.name], new[one.name], one.prints)
            lines = list(found.differs)
            verdict = "same" if not lines else "differs" if reason is None else "mended"
            if not brief:
                lines += [f"tag {line}" for line in found.tags] + [f"words {line}" for line in found.words]
        told = f" ({reason})" if verdict == "mended" else " (listed as mended)" if reason and verdict == "same" else ""
        print(f"{verdict:<8} {one.name}{told}")
        for line in lines:
            print(f"           {line}")
        count[verdict] += 1
    print(", ".join(f"{number} {verdict}" for verdict, number in sorted(count.items())))
    return 1 if count["differs"] else 0


def _of_sources(source: Path) -> str:
    """A checksum of all files below the sources."""
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path):
            digest.update(str(path.relative_to(source)).encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _key(one: Case, made_of: str, inputs: Path) -> str:
    """What a product depends on: the case, the sources, the inputs that the case names (in Python: all)."""
    digest = hashlib.sha256(json.dumps([one.name, one.commands, made_of]).encode())
    if not one.commands:
        for module in (arrays, inspect.getmodule(CASES[one.name])):
            digest.update(inspect.getsource(module).encode())  # type: ignore[arg-type]
    named = {inputs / name.partition(":")[0] for text in one.commands for name in re.findall(r"\{in\}/([^\s']+)", text)}
    for path in sorted(named or {inputs}):
        files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.stem}.*")
        for file in sorted(file for file in files if file.is_file()):
            digest.update(str(file.relative_to(inputs)).encode() + _of_file(file))
    return digest.hexdigest()


@cache
def _of_file(path: Path) -> bytes:
    """Checksum of a file."""
    return hashlib.sha256(path.read_bytes()).digest()


def _slug(name: str) -> str:
    """A name as that of a folder."""
    return f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


if __name__ == "__main__":
    sys.exit(main())
