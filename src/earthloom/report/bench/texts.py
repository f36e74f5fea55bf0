"""A leaderboard as text for others: Markdown, LaTeX with booktabs, and a line for each scene as CSV."""

from __future__ import annotations

import csv
import io
import re

from earthloom.benchmarking.board import Leaderboard
from earthloom.benchmarking.figures import FIGURES

ESCAPED = {"\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\{",
           "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$"}  # fmt: skip
ALIKE = "= cannot be told from the first on these scenes (Wilcoxon's signed-rank test, Holm, p of 0.05 or more)."


def heads(board: Leaderboard) -> list[str]:
    """Of the table, with arrows to where better is."""
    plain = board.cells()[0]
    return ["place" if not head else _arrowed(head) for head in plain]


def _arrowed(head: str) -> str:
    """A figure's name with the way that is better."""
    return head if head not in FIGURES else f"{head} {'↓' if FIGURES[head].lower else '↑'}"


def markdown(board: Leaderboard) -> str:
    """A table in Markdown, the best of each figure in bold, with what it rests on below."""
    _, lines = board.cells()
    best = board.best()
    rows = [
        [f"**{cell}**" if (y, x) in best else cell for x, cell in enumerate(line)] for y, line in enumerate(lines)
    ]  # fmt: skip
    drawn = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in [heads(board), *rows]]
    drawn.insert(1, "|---|---|" + "---:|" * (len(rows[0]) - 2 if rows else 0))
    below = [board.verdict(), *board.notes]
    return "\n".join(
        [f"## {board.protocol.title}", "", *drawn, "", *_with_blanks([*below, *_alike(board), _how(board)]), ""]
    )


def latex(board: Leaderboard) -> str:
    """A table for ``booktabs``, the best of each figure in bold."""
    _, lines = board.cells()
    best = board.best()
    rows = [
        [rf"\textbf{{{_tex(cell)}}}" if (y, x) in best else _tex(cell) for x, cell in enumerate(line)]
        for y, line in enumerate(lines)
    ]
    arrows = [_tex(head).replace("↓", r"$\downarrow$").replace("↑", r"$\uparrow$") for head in heads(board)]
    drawn = [rf"    {' & '.join(row)} \\" for row in [arrows, *rows]]
    columns = "ll" + "r" * (len(arrows) - 2)
    caption = _tex(" ".join([f"{board.protocol.title}.", board.verdict(), *_alike(board)]))
    return "\n".join([
        r"% \usepackage{booktabs}", r"\begin{table}", r"  \centering", rf"  \caption{{{caption}}}",
        rf"  \begin{{tabular}}{{{columns}}}", r"    \toprule", drawn[0], r"    \midrule", *drawn[1:],
        r"    \bottomrule",
        r"  \end{tabular}", r"\end{table}", "",
    ])  # fmt: skip


def scores(board: Leaderboard) -> str:
    """A line for each entrant on each scene; numbers as they are, so that others can test them."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["name", "scene", *board.metrics, "seconds", "why"])
    for row in board.rows:
        figures = [repr(row.figures[name]) if name in row.figures else "" for name in board.metrics]
        seconds = "" if row.seconds is None else f"{row.seconds:.4g}"
        writer.writerow([row.entrant, row.scene, *figures, seconds, row.why])
    return stream.getvalue()


def conventions(board: Leaderboard) -> list[tuple[str, str]]:
    """Figure to its convention and the way that is better."""
    return [
        (name, f"{FIGURES[name].words}; {'lower' if FIGURES[name].lower else 'higher'} is better")
        for name in board.metrics
    ]  # fmt: skip


def _alike(board: Leaderboard) -> list[str]:
    """What the mark means, where any place has it."""
    return [] if board.too_few else [ALIKE]


def _how(board: Leaderboard) -> str:
    """By what it was made."""
    judge, made = board.protocol.judge, board.manifest.get("versions", {})
    cut = "four coarse pixels and one" if judge.cut == "ratio" else f"{judge.cut} pixels"
    words = f"Protocol `{board.protocol.name}`: border cut {cut}, peak {judge.peak}; mean ± standard deviation (N - 1)"
    return f"{words}; Earthloom {made.get('earthloom', '')}.".replace(" .", ".")


def _with_blanks(texts: list[str]) -> list[str]:
    """Paragraphs."""
    return [line for text in texts for line in (text, "")][:-1]


def _tex(text: str) -> str:
    """Text as LaTeX takes it."""
    return re.sub(r"[\\_%&#${}~^±]", lambda found: ESCAPED[found[0]], text)
