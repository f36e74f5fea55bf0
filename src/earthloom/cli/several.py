"""`--batch`: a verb for every row of a table, with a line for each and a table at the end."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from earthloom.cli.options import extra
from earthloom.cli.parameters import as_flags
from earthloom.cli.running import Work
from earthloom.cli.screen import Screen, strict
from earthloom.verbs.flags import Flag

if TYPE_CHECKING:
    from earthloom.verbs.batch import Outcome, Standing

BATCH = "Batch"
OPTIONS = tuple(
    extra(name, takes, told, Flag(group=BATCH), default)
    for name, takes, told, default in (
        (
            "batch", list[str],
            "A product for every row of a table (.csv), of a list or of STAC items (.json), or for every image of a "
            "pattern in quotes or a folder; `-o` is then a folder. Other options hold for all rows.", None,
        ),
        ("jobs", int, "Rows at a time; more than one have processes of their own, and share the cores.", 1),
        ("retries", int, "Further tries of a row after errors of the system or the network.", 1),
        ("fail_fast", bool, "Begin no other row after one has failed.", False),
        ("json", bool, "Print what became of the rows as JSON.", False),
        ("debug", bool, "Show where an error arose that nobody had foreseen, instead of going on.", False),
    )
)  # fmt: skip
SHOWN = 40  # rows in the table at the end; of more, those that failed
FAILED = 1  # exit code where rows failed


def require_rows(given: Mapping[str, Any]) -> None:
    """Refuse the flags of a batch where there is none."""
    from earthloom.errors import InputError

    flags = [one.parameter.name for one in OPTIONS if one.parameter.name in given and one.parameter.name != "batch"]
    if flags:
        raise InputError(f"`{flags[0]}` without `batch`", "both or neither")


def act(asked: dict[str, Any], given: dict[str, Any], work: Work) -> None:
    """Make the products, and say what became of the rows; exit code 1 when some failed."""
    from earthloom.errors import InputError
    from earthloom.verbs.batch import batch

    known = {one.parameter.name for one in OPTIONS}
    others = [name for name in given if name not in known and name != "verb"]
    if others:
        raise InputError(f"`{others[0]}` with `batch`", "one of them")
    rows, folder, run = given.pop("batch"), asked.pop("output"), asked.pop("run")
    told = _Lines(work.screen)
    verb, as_json = given.pop("verb"), given.pop("json", False)
    try:
        run = replace(run, facts=told)
        outcomes = batch(verb, rows[0] if len(rows) == 1 else rows, folder, run=run, **given, **asked)
    except KeyboardInterrupt:
        work.screen.line(f"{told.ended} rows have come to an end; the same command goes on with the others")
        raise
    work.screen.clear()
    if as_json:
        print(json.dumps(strict([one.as_dict() for one in outcomes]), indent=2, allow_nan=False))
    elif not work.screen.quiet:
        _show(outcomes)
    work.screen.done(str(folder), _counted(outcomes))
    if any(one.state not in ("done", "there") for one in outcomes):
        raise SystemExit(FAILED)


class _Lines:
    """A line for every row that is made."""

    def __init__(self, screen: Screen) -> None:
        self.screen, self.ended = screen, 0

    def __call__(self, known: Mapping[str, Any]) -> None:
        """Say how far it is."""
        outcome: Outcome = known["row"]
        standing: Standing = known["standing"]
        self.ended = standing.ended
        if outcome.state == "there":
            return
        parts = [f"{standing.ended} of {standing.of}"]
        parts += [f"{standing.failed} failed"] if standing.failed else []
        parts += [f"{_about(standing.left_s)} left"] if standing.left_s else []
        what = f"failed: {outcome.reason}" if outcome.state == "failed" else f"done in {outcome.seconds:.1f} s"
        self.screen.line(f"{outcome.name} {what} ({', '.join(parts)})")


def _about(seconds: float) -> str:
    """A duration in one word."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _counted(outcomes: Sequence[Outcome]) -> str:
    """How many of each."""
    words = {"there": "were there already", "left": "not begun"}
    counts = Counter(one.state for one in outcomes)
    states = [state for state in ("done", "there", "failed", "left") if counts[state]]
    return ", ".join(f"{counts[state]} {words.get(state, state)}" for state in states)


def _show(outcomes: Sequence[Outcome]) -> None:
    """What became of the rows: all of them, or of many those that came to nothing."""
    shown = [one for one in outcomes if len(outcomes) <= SHOWN or one.state not in ("done", "there")]
    if not shown:
        return
    rows = [_cells(one) for one in shown]
    heads = ("row", "state", "seconds", "output", "reason")
    if sys.stdout.isatty():
        _drawn(heads, rows)
        return
    wide = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    for row in (heads, *rows):
        cells = (
            cell.rjust(w) if at == 2 else cell.ljust(w) for at, (cell, w) in enumerate(zip(row, wide, strict=True))
        )
        print("  ".join(cells).rstrip())


def _cells(one: Outcome) -> tuple[str, ...]:
    """A row as text."""
    seconds, output = f"{one.seconds:.1f}" if one.seconds else "", one.output.name if one.output else ""
    return one.name, one.state, seconds, output, as_flags(one.reason)


def _drawn(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The table on a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head == "seconds" else "left", overflow="fold")
    for row in rows:
        style = "red" if row[1] == "failed" else "dim" if row[1] in ("there", "left") else ""
        table.add_row(*(Text(cell, style=style) for cell in row))
    Console().print(table)
