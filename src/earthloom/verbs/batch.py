"""`earthloom.batch`: a verb for every row of a table."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from earthloom.atomic import write_whole
from earthloom.engine.options import Run, run_of
from earthloom.errors import FileError, InputError, warn
from earthloom.raster.write.place import require_folder
from earthloom.verbs.batching.helpers import made_by_helpers
from earthloom.verbs.batching.journal import DONE, FAILED, STARTED, STOPPED, Journal
from earthloom.verbs.batching.making import Made, Task, make
from earthloom.verbs.batching.planning import Planned, planned
from earthloom.verbs.telling import require_folder_pages, tell_folder

SUMMARY = "summary.csv"
THERE, LEFT = "there", "left"
STAGE = "batch"


@dataclass(frozen=True)
class Outcome:
    """What became of a row.

    Parameters
    ----------
    name
        Of the row.
    state
        ``done``, ``there`` (finished by an earlier run), ``failed``, or ``left`` (not begun, after a failure that ends
        the batch).
    output
        The product; None where there is none.
    seconds
        How long it took; of rows that were there, when they were made.
    reason
        Why it failed, or why it was made again.
    tries
        How many it took.
    """

    name: str
    state: str
    output: Path | None = None
    seconds: float = 0.0
    reason: str = ""
    tries: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "output": None if self.output is None else str(self.output)}


@dataclass(frozen=True)
class Standing:
    """How far a batch is: rows that have come to an end, failed ones among them, of all; and seconds left."""

    ended: int
    failed: int
    of: int
    left_s: float | None = None


def batch(
    verb: str,
    rows: Any,
    folder: str | Path,
    *,
    jobs: int = 1,
    retries: int = 1,
    fail_fast: bool = False,
    debug: bool = False,
    run: Run | None = None,
    **same_for_all: Any,
) -> list[Outcome]:
    """Make a product of every row of a table, and go on where an earlier batch stopped.

    What became of each row stands in ``batch.jsonl`` in the folder, one line each time. Begun again, the same batch
    makes what is missing, what failed, and what is asked for in another way or whose inputs have changed since.

    Parameters
    ----------
    verb
        Name of the verb, such as ``pansharpen``.
    rows
        A table (CSV) with a column for each parameter that differs, several paths joined by ``;``; a JSON list of
        objects; a pattern of names or a folder, a row for each image; STAC items (JSON), a row for each, the roles told
        by ``ms="#B02,B03"``. Or mappings of the verb's own parameters. ``name`` and ``output`` say how the product is
        called, else its first image does.
    folder
        For the products, ``batch.jsonl`` and ``summary.csv``.
    jobs
        Rows at a time. 1 makes them in this process; more have processes of their own, so that a crash ends one row
        alone, and share the cores.
    retries
        Further tries of a row after errors of the system or the network, which may pass.
    fail_fast
        Begin no other row after one has failed.
    debug
        Raise errors that nobody had foreseen, instead of keeping them as the reason of a row.
    run
        How to run. ``overwrite`` makes all rows anew.
    **same_for_all
        Arguments of the verb for all rows; a column wins over them. A pattern such as ``ms="in/*_ms.tif"`` goes with
        the one of the rows.

    Returns
    -------
    list
        An :class:`Outcome` for each row, in their order.

    Raises
    ------
    EarthloomError
        Before anything is made, where the table is wrong; a row that fails is an outcome.

    Examples
    --------
    >>> import earthloom
    >>> rows = [{"pan": "a_pan.tif", "ms": "a_ms.tif"}, {"pan": "b_pan.tif", "ms": "b_ms.tif", "method": "gsa"}]
    >>> earthloom.batch("pansharpen", rows, "sharp", method="bt_h", jobs=2)  # doctest: +SKIP
    """
    if jobs < 1 or retries < 0:
        raise InputError(f"{jobs} jobs and {retries} retries", "at least 1, and at least 0")
    run, same = run_of(same_for_all, run)
    place = Path(folder)
    if place.is_file():
        raise FileError(f"{place} is a file", "a folder for the products", "choose another output")
    plans = planned(verb, rows, place, same, run)
    require_folder(place)
    require_folder_pages(run, place)
    with Journal(place) as journal:
        each = replace(run, report=None, preview=None, display=False)
        work = Batch(plans, journal, each, jobs, retries, fail_fast, debug)
        try:
            work.all()
        finally:
            _summarised(place, work.outcomes())
    outcomes = work.outcomes()
    tell_folder(run, place, [one.output for one in outcomes if one.output is not None])
    return outcomes


@dataclass
class Batch:
    """A batch at work."""

    plans: list[Planned]
    journal: Journal
    run: Run
    jobs: int
    retries: int
    fail_fast: bool
    debug: bool
    ended: dict[str, Outcome] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)  # rows to make: why, where they were made before
    begun: dict[str, Planned] = field(default_factory=dict)  # rows in the making
    since: float = 0.0
    made: int = 0
    failed: int = 0

    def all(self) -> None:
        """Make what is not there."""
        for plan in self.plans:
            why = self.journal.why(plan.name, plan.asked, plan.output)
            if self.run.overwrite and why is None:
                why = "`overwrite`"
            if why is None:
                last = self.journal.last[plan.name]
                self._end(Outcome(plan.name, THERE, plan.output, last.get("seconds", 0.0), "", last.get("tries", 1)))
            else:
                self.why[plan.name] = why
        self.since = time.monotonic()
        with closing(self._made()) as rows:  # which stops those in the making, whatever happens here
            for made in rows:
                self._finish(made)

    def outcomes(self) -> list[Outcome]:
        """One for each row."""
        return [self.ended.get(plan.name, Outcome(plan.name, LEFT)) for plan in self.plans]

    def _made(self) -> Generator[Made]:
        """What becomes of the rows that are made."""
        tasks = self._tasks()
        made = made_by_helpers(tasks, self.jobs) if self.jobs > 1 else map(make, tasks)
        try:
            yield from made
        finally:
            for name in self.begun:  # stopped
                self.journal.add(name, STOPPED)

    def _tasks(self) -> Iterator[Task]:
        """The rows to make, each when its turn has come; what a batch died of comes last."""
        todo = [plan for plan in self.plans if plan.name in self.why]
        todo.sort(key=lambda plan: self.journal.last.get(plan.name, {}).get("state") == STARTED)
        for plan in todo:
            if self.fail_fast and self.failed:
                return
            ours = plan.output.relative_to(self.journal.folder).as_posix() in self.journal.ours
            if plan.output.exists() and not ours and not self.run.overwrite:
                self._fail(plan, f"{plan.output} exists, and is not of this batch; `overwrite` replaces it")
                continue
            if why := self.why[plan.name]:
                self.run.tell(f"{plan.name} is made again: {why}")
            self.journal.begin(plan.name, plan.asked, plan.output)
            self.begun[plan.name] = plan
            yield self._task(plan, plan.output.exists())

    def _task(self, plan: Planned, there: bool) -> Task:
        """A row as it is made."""
        number = len(self.ended) + 1
        own = replace(self.run.about(f"{plan.name} ({number} of {len(self.plans)})"), facts=None, overwrite=there)
        if self.jobs > 1 and own.threads is None:
            own = replace(own, threads=max(1, own.at_a_time // self.jobs))
        if self.jobs > 1 and own.budget.granted is not None:
            own = replace(own, memory=str(own.budget.each(self.jobs).granted))
        plan.output.parent.mkdir(parents=True, exist_ok=True)
        return Task(plan.name, plan.verb, {**plan.arguments, "output": plan.output}, own, self.retries)

    def _finish(self, made: Made) -> None:
        """Keep and tell what became of a row."""
        plan = self.begun.pop(made.name)
        for line in made.warnings:
            warn(f"{made.name}: {line}")
        if made.reason:
            self._fail(plan, made.reason, made)
            if made.trace and self.debug:
                raise RuntimeError(f"{made.name}\n{made.trace}")
            return
        seconds = round(made.seconds, 3)
        self.journal.add(made.name, DONE, seconds=seconds, tries=made.tries)
        self._end(Outcome(made.name, DONE, plan.output, seconds, self.why[made.name], made.tries))

    def _fail(self, plan: Planned, reason: str, made: Made | None = None) -> None:
        """Keep a row that came to nothing."""
        seconds, tries = (round(made.seconds, 3), made.tries) if made else (0.0, 0)
        self.journal.add(plan.name, FAILED, reason=reason, seconds=seconds, tries=tries)
        self._end(Outcome(plan.name, FAILED, None, seconds, reason, tries))

    def _end(self, outcome: Outcome) -> None:
        """Tell how far it is."""
        self.ended[outcome.name] = outcome
        self.made += outcome.state != THERE
        self.failed += outcome.state == FAILED
        open_rows = len(self.plans) - len(self.ended)
        left = (time.monotonic() - self.since) / self.made * open_rows if self.made else None
        standing = Standing(len(self.ended), self.failed, len(self.plans), left)
        if self.jobs > 1:  # one alone tells of its tiles
            self.run.progress(STAGE, len(self.ended), len(self.plans))
        self.run.fact(row=outcome, standing=standing)


def _summarised(folder: Path, outcomes: list[Outcome]) -> None:
    """The table of what became of the rows."""
    text = io.StringIO()
    heads = list(Outcome("", "").as_dict())
    table = csv.DictWriter(text, heads, lineterminator="\n")
    table.writeheader()
    table.writerows({key: "" if value is None else value for key, value in one.as_dict().items()} for one in outcomes)
    write_whole(folder / SUMMARY, text.getvalue().encode())
