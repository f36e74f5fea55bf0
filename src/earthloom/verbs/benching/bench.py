"""`earthloom.bench`: methods and products of others on a data set, under a protocol; a leaderboard and its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from earthloom.atomic import write_whole
from earthloom.benchmarking import manifest as manifests
from earthloom.benchmarking.board import Leaderboard
from earthloom.benchmarking.entrants import entrants_of, require_methods
from earthloom.benchmarking.manifest import Again
from earthloom.benchmarking.pairs import pairs_in
from earthloom.benchmarking.protocol import Protocol, default_for, load
from earthloom.benchmarking.rows import rows_of
from earthloom.benchmarking.scenes import Scenes, open_scenes
from earthloom.engine.options import Run, run_of
from earthloom.errors import FileError, InputError
from earthloom.problems.names import registered
from earthloom.raster.write.place import require_apart, require_folder
from earthloom.report.bench.page import leaderboard_page
from earthloom.report.bench.texts import latex, markdown, scores
from earthloom.report.html.page import require_jinja
from earthloom.verbs import names
from earthloom.verbs.telling import written

PAIRS = "bandpass"  # whose methods are fitted to other scenes first
MANIFEST, ROWS = "manifest.json", "rows"
PAGES = {"html": "leaderboard.html", "markdown": "leaderboard.md", "latex": "leaderboard.tex", "csv": "scores.csv"}


def bench(
    problem: str,
    data: str | Path | Sequence[str | Path],
    methods: Sequence[str] | str = (),
    output: str | Path | None = None,
    *,
    protocol: str | Path | None = None,
    products: Mapping[str, str | Path] | Sequence[str | Path] = (),
    products_scale: float = 1.0,
    scenes: Sequence[str] | str = (),
    limit: int | None = None,
    cache: str | Path | None = None,
    command: Sequence[str] = (),
    run: Run | None = None,
    **more: Any,
) -> Leaderboard:
    """Run methods over a data set, judge them and products of others by one protocol, and say who is better.

    Every method sees each scene as the protocol makes it, and is judged by the protocol's figures. Means stand with
    their spread (N - 1); the first is compared with every other scene by scene (Wilcoxon's signed-rank test, Holm's
    correction), and what cannot be told apart is called so. What fails on a scene is a row that says why.

    Parameters
    ----------
    problem
        ``pansharpening``, ``superresolution``, ``spatiotemporal``, ``cloud_removal``, ``sharpening``, or the verb that
        does it: ``pansharpen``.
    data
        Files and folders, in any layout of :func:`earthloom.cases` (docs/datasets.md), or that of the protocol.
    methods
        Names of methods, several or one text with commas; fields behind a colon: ``mtf_glp_hpm:refine=10``,
        ``cf2n:weights=mine.safetensors``.
    output
        Folder for ``leaderboard.html``, ``.md``, ``.tex``, ``scores.csv`` and ``manifest.json``, and for the rows that
        a run which was stopped goes on with; None: nothing is written.
    protocol
        Name of a protocol (docs/bench.md), or a TOML file of your own, with fields behind colons
        (``cave_held:ratio=2``); None: the plain one of the problem.
    products
        Folders of products that others made, by name: ``{"theirs": "folder"}`` or ``["theirs=folder"]``; files called
        like the scenes, or numbered like them.
    products_scale
        Multiplies the numbers of these products: 2047 for those that were divided by it.
    scenes
        Patterns of the names of scenes that count.
    limit
        At most so many scenes, spread evenly.
    cache
        Folder for the rows instead of ``output/rows``: several benchmarks share what they have in common.
    command
        What was typed, for the manifest.
    run
        How to run: threads, processes or a cluster work on scenes. ``threads=1`` where seconds count.
    **more
        Fields of :class:`earthloom.engine.options.Run`.

    Returns
    -------
    Leaderboard
        ``rows``, ``rankings`` and ``spreads`` of every figure, ``verdict()``, ``manifest``, ``pages``.

    Raises
    ------
    EarthloomError
        If there is no such problem, protocol, method or scene, or the folder holds something else.

    Examples
    --------
    >>> import earthloom
    >>> board = earthloom.bench("pansharpen", "test_wv3.h5", "exp,gsa,bt_h", protocol="pancollection")  # doctest: +SKIP
    >>> print(board.verdict())  # doctest: +SKIP
    """
    run, rest = run_of(more, run)
    if rest:
        raise InputError(f"{', '.join(rest)} for a benchmark", "what earthloom.bench takes")
    wanted = problem_of(problem)
    asked = load(protocol if protocol is not None else default_for(wanted))
    if asked.problem != wanted:
        raise InputError(f"the protocol {asked.name} for {wanted}", f"one of {wanted}", f"it is for {asked.problem}")
    only = [scenes] if isinstance(scenes, str) else list(scenes)
    place = None if output is None else Path(output)
    return _benched(asked, data, methods, place, products, products_scale, only, limit, cache, command, run)[0]


def again(path: str | Path, data: Sequence[str | Path] = (), output: str | Path | None = None, *,
          products: Mapping[str, str | Path] | None = None, command: Sequence[str] = (), run: Run | None = None,
          **more: Any) -> tuple[Leaderboard, Again]:  # fmt: skip
    """Make the benchmark of a manifest again, and compare every figure.

    Parameters
    ----------
    path
        ``manifest.json`` of a benchmark.
    data, products
        Where they lie here; none: where they lay there.
    output
        As for :func:`bench`.

    Returns
    -------
    tuple
        The leaderboard, and what is the same.

    Raises
    ------
    EarthloomError
        If it is no manifest, or its data or methods are not there.
    """
    run, _ = run_of(more, run)
    told = manifests.read(Path(path))
    given, theirs = list(data) or list(told.data), products or told.products
    place = None if output is None else Path(output)
    if place is not None and place.resolve() == Path(path).resolve().parent:
        raise InputError(f"the folder of {path} as output", "another one", "the manifest to compare with lies there")
    only = [_literal(name) for name in told.scenes]
    board, opened = _benched(
        told.protocol, given, told.methods, place, theirs, told.scale, only, None, None, command, run
    )  # fmt: skip
    return board, manifests.again(told, board, opened.files)


def problem_of(word: str) -> str:
    """A problem by its name or by its verb.

    Raises
    ------
    InputError
        If it is neither.
    """
    verbs = {name: one.problem for name, one in names.commands().items()}
    found = verbs.get(word, word)
    if found not in registered():
        raise InputError(f"bench {word}", f"one of {', '.join(sorted(set(registered()) | set(verbs)))}")
    return found


def _benched(
    asked: Protocol, data: Any, methods: Any, place: Path | None, products: Any, scale: float, only: Sequence[str],
    limit: int | None, cache: Any, command: Sequence[str], run: Run,
) -> tuple[Leaderboard, Scenes]:  # fmt: skip
    """See :func:`bench`; and the scenes. What can be refused is refused before a scene is read."""
    require_methods(methods, products, asked.problem)
    if asked.judge.refused:
        require_methods([asked.judge.refused], (), asked.problem)
    if place is not None:
        require_jinja()
        _require_ours(place, run.overwrite)
        require_apart(place, [data] if isinstance(data, (str, Path)) else data)
    opened = open_scenes(data, asked, only, limit, pairs_in if asked.problem == PAIRS else None)
    entrants = entrants_of(methods, products, asked.problem, opened.names, scale)
    if place is not None:
        require_apart(place, map(str, opened.files))
    folder = Path(cache) if cache is not None else None if place is None else place / ROWS
    if folder is not None:
        require_folder(folder)
    run.tell(f"{asked.title}: {len(entrants)} entrants on {len(opened)} scenes")
    rows = tuple(rows_of(opened, entrants, asked, folder, run))
    board = Leaderboard(asked, tuple(one.label for one in entrants), tuple(opened.names), rows, _notes(opened, asked))
    board = replace(board, notes=(*board.notes, *board.refusals))
    board = replace(board, manifest=manifests.manifest_of(board, opened.given, opened.files, entrants, command))
    return board if place is None else _kept(board, place), opened


def _literal(name: str) -> str:
    """A pattern that a name alone fits."""
    return "".join(f"[{one}]" if one in "*?[" else one for one in name)


def _notes(opened: Scenes, asked: Protocol) -> tuple[str, ...]:
    """What there is to say about the data."""
    found = asked.remarks([*opened.files, *opened.given])
    if asked.expects is not None and len(opened) != asked.expects:
        found.append(f"A table of this protocol has {asked.expects} scenes; these are {len(opened)}.")
    homes = dict.fromkeys(home for home, _ in opened.units)
    sensors = dict.fromkeys(str(opened.opened[home].part.read.get("sensor", "")) for home in homes)
    if len(sensors) > 1:
        found.append(f"Scenes of several sensors are pooled: {', '.join(sensors)}. Papers have a table for each.")
    return tuple(found)


def _require_ours(place: Path, overwrite: bool) -> None:
    """Refuse a folder that holds something else than a benchmark, begun or made.

    Raises
    ------
    FileError
        If it does.
    """
    if not place.exists():
        return
    if not place.is_dir():
        raise FileError(f"{place} is a file", "a folder")
    ours = {MANIFEST, ROWS, *PAGES.values()}
    others = [one.name for one in place.iterdir() if one.name not in ours and not one.name.startswith(".")]
    if others and not overwrite:
        raise FileError(
            f"{place} holds {others[0]}", "an empty folder, or one of a benchmark, which goes on",
            "choose another, or `overwrite=True` to write beside it",
        )  # fmt: skip


def _kept(board: Leaderboard, place: Path) -> Leaderboard:
    """Write the pages; the manifest comes last, so that where it is, all is."""
    shown = replace(board, pages={kind: str(place / name) for kind, name in PAGES.items()})
    write_whole(place / PAGES["markdown"], markdown(board).encode())
    write_whole(place / PAGES["latex"], latex(board).encode())
    write_whole(place / PAGES["csv"], scores(board).encode())
    written(place / PAGES["html"], leaderboard_page(board))
    write_whole(place / MANIFEST, manifests.dumped(board.manifest))
    return shown
