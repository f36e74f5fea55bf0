"""BENCHMARKS.md and docs/benchmarks/<problem>.md, from bench/<problem>/results.json and the prose beside them.

    python -m bench.report             writes the pages
    python -m bench.report --check     says which pages are not as they would be made, and fails if any

``<!-- KEY -->`` in a ``discussion.md`` stands for the tables of that key and of those that begin with ``KEY/``, with
the command that makes them again (bench/again.py), or for nothing as long as there are none; ``<!-- headlines -->``
and ``<!-- pages -->`` in bench/discussion.md for the table of headlines and the links.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench import again, results
from bench.headlines import HEADLINES, Headline
from bench.results import Table

ROOT = results.BENCH.parent
MARK = re.compile(r"^<!-- ([a-z0-9_/]+) -->$", re.MULTILINE)
UNKNOWN = "not recorded"
WIDTH = 118  # of prose


def page_of(problem: str) -> Path:
    """Where the page of a problem lies."""
    return ROOT / "docs/benchmarks" / f"{problem}.md"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def markdown(table: Table) -> str:
    """A table with its title and caption; the best of a column is bold, as are others that read the same."""
    best = [_best(table, number) for number in range(len(table.columns))]
    lines = []
    for row in table.rows:
        cells = [column.write(cell) for column, cell in zip(table.columns, row, strict=True)]
        if row[0] not in table.apart:
            cells = [f"**{cell}**" if cell == wanted else cell for cell, wanted in zip(cells, best, strict=True)]
        lines.append(cells)
    parts = [f"### {table.title}" if table.title else "", textwrap.fill(table.caption, WIDTH)]
    return "\n\n".join([*(part for part in parts if part), grid([column.name for column in table.columns], lines)])


def _best(table: Table, number: int) -> str | None:
    """How the best number of a column reads."""
    column = table.columns[number]
    if not column.best:
        return None
    rows = [row for row in table.rows if row[0] not in table.apart and row[number] is not None]
    values = [row[number] for row in rows]
    return column.write((min if column.best == "min" else max)(values)) if values else None  # type: ignore[type-var]


def page(problem: str) -> str:
    """The page of a problem.

    Raises
    ------
    ValueError
        The prose leaves tables out, or shows some twice.
    """
    found, made, shown = results.tables(problem), results.read(problem)["made"], []

    def fill(match: re.Match[str]) -> str:
        keys = [key for key in found if key == match[1] or key.startswith(f"{match[1]}/")]
        shown.extend(keys)
        lines = [again.line(problem, key, made[key.partition("/")[0]]["command"]) for key in keys]
        parts = []
        for at, (key, line) in enumerate(zip(keys, lines, strict=True), 1):
            following = lines[at] if at < len(lines) else ""
            parts += [markdown(found[key]), *([] if line == following else [wrapped(line)])]  # once for tables alike
        return "\n\n".join(parts)

    prose = (results.BENCH / problem / "discussion.md").read_text(encoding="utf-8")
    text = re.sub(r"\n{3,}", "\n\n", MARK.sub(fill, prose)).rstrip()
    if sorted(shown) != sorted(found):
        odd = sorted(key for key in found if shown.count(key) != 1)
        raise ValueError(f"bench/{problem}/discussion.md is to show each table once, and does not {', '.join(odd)}")
    source = f"bench/{problem}/results.json and bench/{problem}/discussion.md"
    note = f"<!-- Made by `python -m bench.report` from {source}; change those. -->"
    return f"{note}\n\n{text}\n\n## How these figures were made\n\n{provenance(results.read(problem)['made'])}\n"


def wrapped(text: str) -> str:
    """Prose in lines of one width; words with hyphens, such as flags, stay whole."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def provenance(made: dict[str, dict[str, Any]]) -> str:
    """What each run was made by, and below what is to be said about some."""
    rows = [
        [
            run, f"`{about['command']}`", about["date"] or UNKNOWN, UNKNOWN if about["seed"] is None
            else str(about["seed"]), _machine(about["machine"]), _versions(about["versions"]),
        ]
        for run, about in made.items()
    ]  # fmt: skip
    notes = dict.fromkeys(about["note"] for about in made.values() if about["note"])
    told = []
    for note in notes:
        runs = [run for run, about in made.items() if about["note"] == note]
        who = "All" if len(runs) == len(made) else ", ".join(runs)
        told.append(wrapped(f"{who}: {note}"))
    return "\n\n".join([grid(["run", "command", "date", "seed", "machine", "versions"], rows), *told])


def _machine(about: dict[str, Any] | None) -> str:
    """A machine in words."""
    if about is None:
        return UNKNOWN
    memory = UNKNOWN if about["memory_gib"] is None else f"{about['memory_gib']:g} GiB"
    return f"{about['processor']}, {about['cores']} cores, memory: {memory}"


def _versions(about: dict[str, str | None] | None) -> str:
    """Versions in words."""
    if about is None:
        return UNKNOWN
    return ", ".join(f"{name} {version}" if version else f"no {name}" for name, version in about.items())


def headline(one: Headline) -> list[str]:
    """A row of the front page."""
    table = results.tables(one.problem)[one.table]
    columns = [column.name for column in table.columns]
    pick = min if one.lower else max

    def number(row: str, column: str) -> float:
        cell = table.cell(row, column)
        return cell[one.part] if isinstance(cell, list) else cell  # type: ignore[return-value]

    def told(row: str, column: str) -> str:
        writes = table.columns[columns.index(column)]
        if isinstance(table.cell(row, column), list):  # one of several numbers
            return f"{re.findall('{[^}]*}', writes.format)[one.part].format(number(row, column))} ({row})"
        return f"{writes.write(number(row, column))} ({row})"

    def best(rows: Sequence[str], column: str) -> str:
        return told(pick(rows, key=lambda row: number(row, column)), column) if rows else "-"

    apart = {*([] if one.beside_column else one.beside), one.none}
    ours = one.ours or [row for row in table.names if row not in apart]
    none = told(one.none, one.column) if one.none else "-"
    beside = best(one.beside, one.beside_column or one.column)
    link = f"[{one.problem.replace('_', ' ')}](docs/benchmarks/{one.problem}.md)"
    return [one.data, one.figure, best(ours, one.column), beside, none, link]


def front() -> str:
    """BENCHMARKS.md."""
    head = ["data", "figure", "Earthloom's best", "beside it", "no fusion", "page"]
    parts = {
        "headlines": grid(head, [headline(one) for one in HEADLINES]),
        "pages": "\n".join(f"* [{title_of(name)}](docs/benchmarks/{name}.md)" for name in results.problems()),
    }
    prose = (results.BENCH / "discussion.md").read_text(encoding="utf-8")
    return MARK.sub(lambda match: parts[match[1]], prose)


def title_of(problem: str) -> str:
    """The first heading of a problem's prose."""
    prose = (results.BENCH / problem / "discussion.md").read_text(encoding="utf-8")
    return prose.splitlines()[0].removeprefix("# ")


def pages() -> dict[Path, str]:
    """Every page and what it reads."""
    return {ROOT / "BENCHMARKS.md": front()} | {page_of(name): page(name) for name in results.problems()}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    chosen, stale = parser.parse_args(), 0
    for path, text in pages().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(path.relative_to(ROOT), "is not up to date" if chosen.check else "written")
        if not chosen.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if chosen.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
