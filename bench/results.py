"""The format of ``bench/<problem>/results.json``: the only place where measured figures live.

The pages (``docs/benchmarks``, ``BENCHMARKS.md``) are made from these files by ``python -m bench.report``; nothing
reads a figure from a page. A file reads::

    {
     "made": {RUN: {"date", "machine", "versions", "seed", "command", "note"}},
     "tables": {KEY: {"title", "caption", "columns", "apart", "rows"}}
    }

``KEY`` is the name of the run that measured the table, or ``RUN/NAME``. Of ``made``, null means that it was not
recorded; the date is that of recording, and rows that a runner kept in bench/raw from before may be older. ``columns``
are ``{"name", "format", "below_one", "best"}``: how a number is written (``str.format``; ``below_one`` for numbers
below 1, if it differs), and whether the smallest (``min``) or largest (``max``) is the best. A row begins with its
name; a cell is a number, several numbers for one format, ``{name: number}``, text, or null where nothing was measured.
Rows named in ``apart`` (no fusion) do not compete for the best.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent
RAW = BENCH / "raw"  # rows as they were measured: of this machine, not of the repository
RUNS = RAW / "runs"  # training runs
LARGEST = 300_000  # bytes of a file
DIGITS = 6  # of a number in a file
NOTHING_DRAWN = "nothing is drawn"  # in place of a seed
MADE = ("date", "machine", "versions", "seed", "command", "note")
MACHINE = ("processor", "cores", "memory_gib")
PACKAGES = ("earthloom", "numpy", "scipy", "numba", "torch", "rasterio")

Cell = float | str | None | Sequence[float] | Mapping[str, float]


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    name
        Its head, with the unit.
    format
        How its numbers are written, as ``str.format`` takes it; one field for each number of a cell.
    below_one
        The same for numbers below 1 in magnitude; empty: as the others.
    best
        ``min`` or ``max`` where one row is better than another; else empty.
    """

    name: str
    format: str = "{}"
    below_one: str = ""
    best: str = ""

    def write(self, cell: Cell) -> str:
        """A cell as text.

        Raises
        ------
        ValueError
            The format is for another number of numbers.
        """
        if cell is None:
            return "-"
        if isinstance(cell, str):
            return cell
        if isinstance(cell, Mapping):
            return "; ".join(f"{name} {self.format.format(value)}" for name, value in cell.items())
        if isinstance(cell, Sequence):
            if len(cell) != self.format.count("{"):
                raise ValueError(f"{len(cell)} numbers for {self.format!r}")
            return self.format.format(*cell)
        return (self.below_one if self.below_one and abs(cell) < 1 else self.format).format(cell)


@dataclass(frozen=True)
class Table:
    """One table; see the module for its parts."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    caption: str = ""
    apart: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """What its rows are called."""
        return [str(row[0]) for row in self.rows]

    def cell(self, row: str, column: str) -> Cell:
        """The cell of a row and a column.

        Raises
        ------
        KeyError
            There is none.
        """
        heads = [one.name for one in self.columns]
        if row not in self.names or column not in heads:
            raise KeyError(f"no cell {row!r}, {column!r} among rows {self.names} and columns {heads}")
        return self.rows[self.names.index(row)][heads.index(column)]

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        columns = [{key: value for key, value in vars(one).items() if value} for one in self.columns]
        rows = [[_short(cell) for cell in row] for row in self.rows]
        head = {"title": self.title, "caption": self.caption, "columns": columns}
        return {**head, "apart": list(self.apart), "rows": rows}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Table:
        """From a file."""
        return cls(
            [Column(**one) for one in kept["columns"]], kept["rows"], kept["title"], kept["caption"], kept["apart"]
        )


def _short(cell: Any) -> Any:
    """A cell as JSON has it: numbers with few digits."""
    if isinstance(cell, Mapping):
        return {name: _short(value) for name, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [_short(value) for value in cell]
    if cell is None or isinstance(cell, str | int):
        return cell
    return float(f"{float(cell):.{DIGITS}g}")


def key_of(title: str) -> str:
    """A title as a part of a key."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def path_of(problem: str) -> Path:
    """Where the results of a problem lie."""
    return BENCH / problem / "results.json"


def problems() -> list[str]:
    """Folders with results."""
    return sorted(path.parent.name for path in BENCH.glob("*/results.json"))


def read(problem: str) -> dict[str, Any]:
    """The results of a problem, or none yet.

    Raises
    ------
    ValueError
        The file is not as the module says.
    """
    path = path_of(problem)
    if not path.is_file():
        return {"made": {}, "tables": {}}
    found = json.loads(path.read_text(encoding="utf-8"))
    check(found, problem)
    return found


def tables(problem: str) -> dict[str, Table]:
    """The tables of a problem by their keys."""
    return {key: Table.of(kept) for key, kept in read(problem)["tables"].items()}


def raw(name: str, otherwise: Any) -> Any:
    """What a run measured on this machine before, as it was kept by ``keep``; else ``otherwise``."""
    path = RAW / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else otherwise


def keep(name: str, found: Any) -> None:
    """Keep what was measured, on this machine alone."""
    RAW.mkdir(exist_ok=True)
    (RAW / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def record(problem: str, run: str, found: Mapping[str, Table], seed: int | str) -> bool:
    """Put the tables of a run in place of those that it wrote before, with what they were made by.

    A run is recorded whole or not at all: where tables, rows or columns of the file were not measured again, it
    stays as it is (measure them too, or take them out of the file first). Returns whether it was recorded.

    Parameters
    ----------
    problem
        The folder.
    run
        What was measured; the beginning of its tables' keys.
    found
        Tables by their names within the run; the empty name for a run of one table.
    seed
        Of what is drawn at random, or ``NOTHING_DRAWN``.
    """
    kept = read(problem)
    new = {f"{run}/{name}" if name else run: table for name, table in found.items()}
    gone: dict[str, list[str]] = {}
    for key, old in kept["tables"].items():
        if key.partition("/")[0] == run:
            names = {*new[key].names, *(column.name for column in new[key].columns)} if key in new else set()
            parts = [*(row[0] for row in old["rows"]), *(column["name"] for column in old["columns"])]
            gone.setdefault(", ".join(part for part in parts if part not in names), []).append(key)
    gone.pop("", None)
    if gone or not new:
        what = "; ".join(f"{parts} ({', '.join(keys)})" for parts, keys in gone.items()) or "anything"
        print(f"{problem}/{run} is not recorded, as it was not measured whole; missing: {what}", flush=True)
        return False
    kept["made"][run] = made(seed)
    kept["tables"] |= {key: table.as_dict() for key, table in new.items()}
    check(kept, problem)
    path_of(problem).write_text(dump(kept), encoding="utf-8")
    print(f"{path_of(problem)}: {', '.join(new)}; `python -m bench.report` makes the pages", flush=True)
    return True


def dump(value: Any, depth: int = 0) -> str:
    """JSON with a line for each row, so that changes can be read."""
    space = " " * (depth + 1)
    if isinstance(value, dict) and value and depth < 3:
        lines = [f"{space}{json.dumps(key)}: {dump(one, depth + 1)}" for key, one in value.items()]
        text = "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"
    elif isinstance(value, list) and value and isinstance(value[0], list | dict):
        lines = [space + json.dumps(one, ensure_ascii=False) for one in value]
        text = "[\n" + ",\n".join(lines) + "\n" + " " * depth + "]"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text + "\n" if depth == 0 else text


def made(seed: int | str) -> dict[str, Any]:
    """What a run is made by: today, this machine, these versions, this command."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(), "versions": versions(), "seed": seed,
        "command": command(), "note": "",
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, and memory in GiB."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"processor": name or platform.machine(), "cores": cores, "memory_gib": round(memory, 1)}


def versions() -> dict[str, str | None]:
    """Python, the packages that figures depend on, GDAL of rasterio and of the programs; null: not installed."""
    import rasterio

    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    found["gdal"] = rasterio.__gdal_version__
    try:
        told = subprocess.run(["gdalinfo", "--version"], capture_output=True, text=True, check=True).stdout
        found["gdal programs"] = told.split(",")[0].removeprefix("GDAL ")
    except (OSError, subprocess.CalledProcessError):
        found["gdal programs"] = None
    return found


def command() -> str:
    """How this process was started."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = f"-m {spec.name}" if spec is not None else Path(sys.argv[0]).name
    return " ".join(["python", name, *sys.argv[1:]])


def check(found: Mapping[str, Any], problem: str) -> None:
    """Refuse results that are not as the module says.

    Raises
    ------
    ValueError
        With what is wrong.
    """
    wrong = [] if set(found) == {"made", "tables"} else [f"its parts are {sorted(found)}, not made and tables"]
    for run, about in found.get("made", {}).items():
        wrong += [f"made of {run}: {what}" for what in _wrong_made(about)]
    runs = {key.partition("/")[0] for key in found.get("tables", {})}
    wrong += [f"{run} is in made or in tables alone" for run in sorted(runs ^ set(found.get("made", {})))]
    for key, table in found.get("tables", {}).items():
        wrong += [f"table {key}: {what}" for what in _wrong_table(table)]
        if not re.fullmatch(r"[a-z0-9_]+(/[a-z0-9_]+)*", key):
            wrong.append(f"table {key}: a key is made of small letters, figures, _ and /")
    if wrong:
        raise ValueError(f"bench/{problem}/results.json: {'; '.join(wrong)}")


def _wrong_made(about: Mapping[str, Any]) -> list[str]:
    """What is wrong with how a run was made."""
    if tuple(about) != MADE:
        return [f"its parts are {list(about)}, not {list(MADE)}"]
    wrong = []
    if about["date"] is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", about["date"]):
        wrong.append(f"date {about['date']!r} is not like 2026-01-31")
    if about["machine"] is not None and tuple(about["machine"]) != MACHINE:
        wrong.append(f"a machine has {list(MACHINE)}, not {list(about['machine'])}")
    if about["versions"] is not None and not isinstance(about["versions"], dict):
        wrong.append("versions are given by name")
    if not isinstance(about["seed"], int | str | None):
        wrong.append("a seed is a number, words, or null")
    return wrong + [f"{part} is text" for part in ("command", "note") if not isinstance(about[part], str)]


def _wrong_table(table: Mapping[str, Any]) -> list[str]:
    """What is wrong with a table."""
    parts = {"title", "caption", "columns", "apart", "rows"}
    if set(table) != parts:
        return [f"its parts are {sorted(table)}, not {sorted(parts)}"]
    try:
        columns = [Column(**one) for one in table["columns"]]
    except TypeError as error:
        return [f"a column: {error}"]
    wrong = [f"best of {c.name} is {c.best!r}, not min or max" for c in columns if c.best not in ("", "min", "max")]
    for row in table["rows"]:
        if len(row) != len(columns) or not isinstance(row[0], str):
            wrong.append(f"row {row[:1]} is not a name and {len(columns) - 1} cells")
            continue
        for column, cell in zip(columns[1:], row[1:], strict=True):
            if isinstance(cell, str) and column.format != "{}":
                wrong.append(f"{row[0]}, {column.name}: {cell!r} is no number")
                continue
            try:
                column.write(cell)
            except (ValueError, TypeError, IndexError) as error:
                wrong.append(f"{row[0]}, {column.name}: {cell!r} is not written by {column.format!r} ({error})")
    names = [row[0] for row in table["rows"]]
    if not names or len(set(names)) < len(names):
        wrong.append("rows have a name each, and there is one")
    return wrong + [f"{name} is apart but no row" for name in table["apart"] if name not in names]
