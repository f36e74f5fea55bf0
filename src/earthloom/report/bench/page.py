"""The page of a leaderboard: the table, how sure it is, every scene, the protocol, and how to make it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from earthloom.benchmarking.board import Leaderboard
from earthloom.benchmarking.figures import FIGURES
from earthloom.evaluation.meanings import MEANINGS
from earthloom.report.bench.texts import ALIKE, conventions
from earthloom.report.html.charts import Paper, axes_of, chart
from earthloom.report.html.parts import Facts, Page, Part, Picture, Pictures, Section, Table, Text, figure

SHOWN = 60  # scenes in the table of every scene; all of them are in scores.csv
WORDS = {"": "place"}


def leaderboard_page(board: Leaderboard) -> Page:
    """The page."""
    sections = [
        Section("summary", "In short", [Text(board.verdict(), "lead"), *_notes(board), _facts(board)]),
        Section("leaderboard", "Leaderboard", _leaderboard(board)),
        Section("differences", "How sure that is", _differences(board)),
        Section("scenes", "Every scene", _scenes(board)),
    ]
    if board.failures:
        sections.append(Section("failures", "What could not be judged", [_failures(board)]))
    sections += [
        Section("protocol", "Protocol", _protocol(board)),
        Section("again", "Make it again", _again(board)),
    ]
    lead = f"{len(board.entrants)} entrants on {len(board.scenes)} scenes, by the protocol `{board.protocol.name}`."
    return Page(board.protocol.title, lead, sections, board.as_dict(), f"on {board.manifest.get('made', '')}")


def _notes(board: Leaderboard) -> list[Part]:
    """What there is to beware of."""
    return [Text(note, "caution") for note in board.notes]


def _facts(board: Leaderboard) -> Facts:
    """In short."""
    judge, rank = board.protocol.judge, board.protocol.judge.rank
    noise = board.ranking.noise
    return Facts([
        ("Problem", board.protocol.problem.replace("_", " ")), ("Ranked by", _title(rank)),
        ("Scenes", str(len(board.scenes))), ("Resolution", board.protocol.resolution),
        ("Border cut", "four coarse pixels and one" if judge.cut == "ratio" else f"{judge.cut} pixels"),
        ("Peak", f"{judge.peak:g}" if isinstance(judge.peak, float) else f"by the {judge.peak}"),
        ("Noise floor", "unknown" if noise is None else f"{noise:.2g} {_title(rank)}"),
    ])  # fmt: skip


def _title(metric: str) -> str:
    """A figure as people call it."""
    return MEANINGS[metric].title if metric in MEANINGS else metric.replace("_", " ")


def _leaderboard(board: Leaderboard) -> list[Part]:
    """The table, and the way that is better."""
    heads, lines = board.cells(3)
    shown = [WORDS.get(head, head) if head not in FIGURES else f"{_title(head)} {_arrow(head)}" for head in heads]
    best = frozenset((y, x) for y, x in board.best())
    alike = [] if board.too_few else [Text(ALIKE, "note")]
    return [
        Table(
            shown,
            lines,
            "Mean ± standard deviation over scenes (N - 1); s: median seconds a scene",
            best,
            words=frozenset((1,)),
        ),
        *alike,
    ]


def _arrow(metric: str) -> str:
    """The way that is better."""
    return "↓" if FIGURES[metric].lower else "↑"


def _differences(board: Leaderboard) -> list[Part]:
    """Each beside the first: mean difference with its interval, p, and wins."""
    ranking, rank = board.ranking, board.protocol.judge.rank
    if not ranking.against:
        return [Text("There is nobody beside the first.")]
    table, lower = board.table(rank), FIGURES[rank].lower
    first, rows = ranking.order[0], []
    for name in ranking.order[1:]:
        one = ranking.against.get(name)
        if one is None:
            continue
        shared = [s for s in table[first] if s in table[name]]
        won = sum((table[first][s] < table[name][s]) == lower and table[first][s] != table[name][s] for s in shared)
        told = "worse" if one.apart else "too few scenes" if board.too_few else "cannot be told"
        noise = "" if one.noise is None else f" ± {one.noise:.3g}"
        rows.append([
            name, f"{one.difference:.3g}{noise}", figure(one.p, 2), f"{won} of {len(shared)}", told
        ])  # fmt: skip
    heads = ["Beside the first", f"Worse by, {_title(rank)}", "p (Wilcoxon, Holm)", f"Scenes won by {first}", "So"]
    words = (
        "The interval is that of the mean difference, 95 %, scene by scene. The narrowest one is the noise floor: a "
        "smaller difference tells nothing here, even between those that are most alike."
    )
    parts: list[Part] = [Table(heads, rows, f"Scene by scene against {first}", words=frozenset((4,)))]
    if any(one.noise is not None for one in ranking.against.values()):
        parts.insert(0, Pictures([_intervals(board)], wide=True))
    return [*parts, Text(words, "note")]


def _intervals(board: Leaderboard) -> Picture:
    """Mean differences from the first with their intervals."""
    ranking, rank = board.ranking, board.protocol.judge.rank
    found = [(name, ranking.against[name]) for name in ranking.order[1:] if name in ranking.against][::-1]
    names = [name for name, _ in found]
    means = np.array([one.difference for _, one in found])
    half = np.array([one.noise or 0.0 for _, one in found])

    def draw(figure_: Any, paper: Paper) -> None:
        axes = axes_of(figure_, paper)[0, 0]
        for at, (_, one) in enumerate(found):
            colour = paper.lines[1] if one.apart else paper.lines[0]
            axes.errorbar(means[at], at, xerr=half[at], fmt="o", color=colour, capsize=3, lw=1.6)
        axes.axvline(0.0, color=paper.quiet, lw=1.2, ls="--")
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(-0.7, len(names) - 0.3)
        axes.set_xlabel(f"worse than {ranking.order[0]} by, {_title(rank)}; the lines are 95 % intervals")

    told = ", ".join(f"{name} {one.difference:.3g}" for name, one in reversed(found))
    return chart(draw, f"Differences from {ranking.order[0]}: {told}", (8.0, 1.0 + 0.34 * len(names)))


def _scenes(board: Leaderboard) -> list[Part]:
    """Every scene by the figure that ranks."""
    rank = board.protocol.judge.rank
    table, order = board.table(rank), board.ranking.order
    scenes = list(board.scenes[:SHOWN])
    rows = [[scene, *(figure(table[name].get(scene)) for name in order)] for scene in scenes]
    best = {(y, 1 + at) for y, scene in enumerate(scenes) for at in _winners(table, order, scene, FIGURES[rank].lower)}
    shown: list[Part] = [Table(["Scene", *order], rows, f"{_title(rank)} {_arrow(rank)}", frozenset(best))]
    if len(board.scenes) > len(scenes):
        shown.append(Text(f"The first {SHOWN} of {len(board.scenes)}; all figures are in `scores.csv`.", "note"))
    return shown


def _winners(
    table: Mapping[str, Mapping[str, float]], order: Sequence[str], scene: str, lower: bool
) -> list[int]:  # fmt: skip
    """Who is best on a scene, by place in the order."""
    values = {at: table[name][scene] for at, name in enumerate(order) if scene in table[name]}
    if not values:
        return []
    top = min(values.values()) if lower else max(values.values())
    return [at for at, value in values.items() if value == top]


def _failures(board: Leaderboard) -> Table:
    """What failed, and why."""
    rows = [[row.entrant, row.scene, row.why] for row in board.failures]
    return Table(["Name", "Scene", "Why"], rows, numbers=False)


def _protocol(board: Leaderboard) -> list[Part]:
    """In words, its conventions, what is known to go wrong, and whom to cite."""
    protocol = board.protocol
    parts: list[Part] = [Text(protocol.about.strip())] if protocol.about else []
    parts.append(Table(["Figure", "Convention"], conventions(board), numbers=False))
    if protocol.errata:
        parts.append(Table(["Known to go wrong"], [[one] for one in protocol.errata], numbers=False))
    facts = [(name, text) for name, text in (("Files", protocol.layout), ("Cite", protocol.cite)) if text]
    return [*parts, *([Facts(facts)] if facts else []), Text(protocol.text.strip(), "command")]


def _again(board: Leaderboard) -> list[Part]:
    """The command, versions, and the SHA-256 of all that went in."""
    told = board.manifest
    parts: list[Part] = []
    if told.get("command"):
        parts.append(Text(shlex.join(told["command"]), "command"))
    parts.append(Text("`earthloom bench --manifest manifest.json` makes it again and compares every figure."))
    facts = [(name, str(version)) for name, version in told.get("versions", {}).items()]
    parts.append(Facts([*facts, ("code", str(told.get("code_sha256", ""))[:16])]))
    rows = [[one["name"], one["sha256"]] for one in told.get("inputs", [])[:SHOWN]]
    rows += [
        [f"{method['label']}: {one['name']}", one["sha256"]]
        for method in told.get("methods", []) for one in method.get("weights", [])
    ]  # fmt: skip
    if rows:
        parts.append(Table(["File", "SHA-256"], rows, "What went in", numbers=False))
    return parts
