"""`earthloom bench`: methods and products of others on a data set, under a protocol."""

from __future__ import annotations

import json as js
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from earthloom.cli.running import FILES, RUN, Flag, working
from earthloom.cli.screen import strict
from earthloom.errors import InputError

JUDGE = Group("Judge", sort_key=2)
Names = Annotated[list[str] | None, Parameter(group=JUDGE, consume_multiple=True, negative="")]
Paths = Annotated[list[str] | None, Parameter(group=FILES, consume_multiple=True, negative="")]
Switch = Annotated[bool, Parameter(group=FILES, negative="", show_default=False)]


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return bench


def bench(
    problem: Annotated[str | None, Parameter(group=FILES)] = None,
    /,
    *,
    data: Paths = None,
    methods: Names = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], group=FILES)] = None,
    protocol: Annotated[str | None, Parameter(group=JUDGE)] = None,
    products: Names = None,
    products_scale: Annotated[float, Parameter(group=JUDGE)] = 1.0,
    scenes: Names = None,
    limit: Annotated[int | None, Parameter(group=JUDGE)] = None,
    cache: Annotated[Path | None, Parameter(group=FILES)] = None,
    manifest: Annotated[str | None, Parameter(group=FILES)] = None,
    protocols: Switch = False,
    json: Switch = False,
    threads: Annotated[int | None, Parameter(group=RUN)] = None,
    runner: Annotated[Literal["threads", "processes"], Parameter(group=RUN)] = "threads",
    workers: Annotated[int | None, Parameter(group=RUN)] = None,
    scheduler: Annotated[str | None, Parameter(group=RUN)] = None,
    device: Annotated[str, Parameter(group=RUN)] = "auto",
    overwrite: Flag = False,
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], group=RUN, negative="", show_default=False)] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], group=RUN, negative="", show_default=False)] = False,
) -> None:
    """Run methods over a data set under a protocol: a leaderboard that others can make again.

    Products of others are judged by the same command. What cannot be told apart is called so. A run that was stopped
    goes on where it was: give the command again.

    Parameters
    ----------
    problem
        What is done: `pansharpen`, `superresolve`, `predict`, `decloud`, `sharpen`.
    data
        Files and folders, as `earthloom dataset info` understands them.
    methods
        Names of methods, with spaces or commas between; fields behind a colon: mtf_glp_hpm:refine=10.
    output
        Folder for the leaderboard (HTML, Markdown, LaTeX, CSV), its manifest, and what a stopped run goes on with.
    protocol
        Its name, or a TOML file (default: the plain one of the problem); fields behind a colon: cave_held:ratio=2.
    products
        Folders of products, NAME=FOLDER: files called like the scenes, or numbered like them.
    products_scale
        Multiplies their numbers: 2047 for those that were divided by it.
    scenes
        Patterns of the names of scenes that count.
    limit
        At most so many scenes, spread evenly.
    cache
        Folder for the rows, shared by several benchmarks (default: in the output).
    manifest
        Make the benchmark of this manifest.json again and compare every figure; exit code 1 where one differs.
    protocols
        List the protocols; with --protocol show one.
    json
        Print JSON.
    threads
        Scenes worked on at a time; 1 where seconds count (default: one a core).
    runner
        `threads` of this process, or `processes` of their own.
    workers
        Start so many worker processes on this machine.
    scheduler
        Address of a Dask scheduler.
    device
        Where networks run: auto, cpu, cuda, cuda:1, mps.
    overwrite
        Write beside what else is in the folder.
    verbose
        Say what is done and why.
    quiet
        No progress bar, no summary; warnings stay.
    """
    if protocols:
        _list(protocol, json)
        return
    if bool(problem) == bool(manifest):
        raise InputError(
            "both or neither of PROBLEM and `manifest`", "one of them", "`earthloom bench pansharpen --data ...`"
        )
    for given, flag in ((methods, "methods"), (protocol, "protocol"), (scenes, "scenes"), (limit, "limit")):
        if manifest and given is not None:
            raise InputError(f"`{flag}` with `manifest`", "one of them: the manifest says it")
    options = {
        "threads": threads, "runner": runner, "workers": workers, "scheduler": scheduler, "device": device,
        "overwrite": overwrite,
    }  # fmt: skip
    typed = ["earthloom", *sys.argv[1:]]
    with working(options, verbose, quiet) as work:
        if manifest:
            _again(work, manifest, data or (), output, products, typed, json)
            return
        from earthloom.verbs.benching.bench import bench as run

        if not data:
            raise InputError("no data", "`data`, a file or a folder")
        board = run(
            problem or "", data, methods or (), output, protocol=protocol, products=products or (),
            products_scale=products_scale, scenes=scenes or (), limit=limit, cache=cache, command=typed, run=work.run,
        )  # fmt: skip
        _show(work, board, board.as_dict() if json else None)


def _show(work: Any, board: Any, plain: Any, more: str = "") -> None:
    """The table, or JSON, and where the page is."""
    work.screen.clear()
    print(js.dumps(strict(plain), indent=2, allow_nan=False) if plain is not None else f"{board}{more}")
    if board.pages:
        work.done(board.pages["html"])


def _again(
    work: Any, manifest: str, data: Sequence[str], output: Path | None, products: Any, typed: Any, json: bool
) -> None:
    """Once more, beside what it was; exit code 1 where it is not the same."""
    from earthloom.verbs.benching.bench import again

    theirs = dict(one.split("=", 1) for one in products) if products else None
    board, found = again(manifest, data, output, products=theirs, command=typed, run=work.run)
    _show(work, board, {**board.as_dict(), "again": found.as_dict()} if json else None, f"\n\n{found}")
    if not found.agrees:
        raise SystemExit(1)


def _list(named: str | None, json: bool) -> None:
    """The protocols, or all about one."""
    from earthloom.benchmarking.protocol import load, names

    if named is not None:
        print(load(named).text, end="")
        return
    every = [load(name) for name in names()]
    if json:
        print(js.dumps([{"name": p.name, "problem": p.problem, "title": p.title} for p in every], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("protocol", "problem", "what"):
        table.add_column(head, no_wrap=head != "what")
    for one in sorted(every, key=lambda p: (p.problem, p.name)):
        table.add_row(one.name, one.problem.replace("_", " "), one.title)
    Console(highlight=False).print(table)
