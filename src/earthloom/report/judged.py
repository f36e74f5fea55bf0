"""What `evaluate` prints: a verdict in words, then figures by what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from earthloom.evaluation.meanings import KEY, PER_BAND, SENSES, grouped, meaning, rows_of, settled, spoken, verdict
from earthloom.evaluation.native import NO_FUSION as EXP
from earthloom.evaluation.several import Reports
from earthloom.types import Report

NO_FUSION = "no fusion"  # how it stands above a column
PSNR_OF, IN_LINE = "psnr_band_", 8
COLUMN, LEAST, WIDE = 18, 14, 80  # letters of a column, of the narrowest one, and of a screen
TURNED, FEW = 3, 6  # rows above which they go down, where so few figures go across
Rows = Mapping[str, Mapping[str, float]]


def text(report: Report, every: bool = False, width: int = WIDE) -> str:
    """For people: the verdict; with ``every``, or where there is none, all figures, and those of each band."""
    lines = [report.title, *verdict(report).splitlines()]
    short = not every and bool(report.verdict) and any(name.startswith("consistency_") for name in report.figures)
    if not short:
        lines += ["", *_table(dict(report.rows) or {"product": report.figures}, {}, width), *_of_bands(report)]
    lines = [spoken(line, report.called) for line in lines] + [f"\n{note}" for note in report.notes]
    return "\n".join(
        [*lines, *([f"\nall {len(report.figures)} figures: `all`; for programs: `json`"] if short else [])]
    )


def table_of(reports: Reports, every: bool = False, width: int = WIDE) -> str:
    """Several products side by side, the best of each figure with a star; below, what is poor or asks for a look."""
    rows, shown = reports.rows, rows_of(reports.rows)
    if not every and any(name in shown for name in KEY):
        shown = [name for name in shown if name in KEY]
    kept = {who: {name: row[name] for name in shown if name in row} for who, row in rows.items()}
    lines = [
        reports.title,
        "",
        *(spoken(line, reports.called) for line in _table(kept, reports.best, width, heads=every)),
    ]
    asked = [f"{name}: {line}" for name, report in reports.reports.items() for line in report.verdict
             if line.matters]  # fmt: skip
    notes = dict.fromkeys(note for report in reports.reports.values() for note in report.notes)
    lines += ["", *asked] if asked else []
    lines += [f"\n{note}" for note in notes]
    hidden = len(rows_of(rows)) > len(shown)
    return "\n".join([*lines, *([f"\n* best product; all {len(rows_of(rows))} figures: `all`"] if hidden else [])])


def _table(rows: Rows, best: Mapping[str, str], width: int, heads: bool = True) -> list[str]:
    """A line a figure under the head of its group, products across; in several blocks where they are too many."""
    names = rows_of(rows)
    if not names:
        return []
    if len(rows) > TURNED and len(names) <= FEW and max(map(len, names)) < LEAST - 3:
        return _turned(rows, names, best)
    rows = {NO_FUSION if who == EXP else who: row for who, row in rows.items()}
    first = max(map(len, names)) + 2
    column = min(max(COLUMN, *(len(name) + 2 for name in rows)), 26)
    fit = max((width - first - 8) // column, 1)
    if fit < len(rows):
        column = max(LEAST, (width - first - 8) // len(rows))
        fit = max((width - first - 8) // column, 1)
    every, lines = list(rows), []
    for at in range(0, len(every), fit):
        part = every[at : at + fit]
        lines += [""] if lines else []
        lines.append(" " * (first + 8) + "".join(f"{_cut(name, column - 2):>{column}}" for name in part))
        for head, group in grouped(names).items():
            lines += [head] if head and heads and len(grouped(names)) > 1 else []
            for name in group:
                sense = SENSES.get(meaning(name).better, "")
                cells = [_cell(name, rows[who].get(name), best.get(name) == who if best else None) for who in part]
                lines.append(f"{name:<{first}}{sense:<8}" + "".join(f"{cell:>{column}}" for cell in cells))
    return lines


def _turned(rows: Rows, names: Sequence[str], best: Mapping[str, str]) -> list[str]:
    """A line a row, figures across: where the names are long and the figures few."""
    first = max(map(len, rows)) + 2
    senses = [f"{SENSES.get(meaning(name).better, ''):>10}" for name in names]
    return [
        " " * first + "".join(f"{name:>10}" for name in names), " " * first + "".join(senses),
        *(f"{who:<{first}}" + "".join(
            f"{_cell(name, row.get(name), best.get(name) == who if best else None):>10}" for name in names
        ) for who, row in rows.items()),
    ]  # fmt: skip


def _cut(name: str, length: int) -> str:
    """A name that fits: its end tells more than its beginning."""
    return name if len(name) <= length else f"…{name[-length + 1 :]}"


def _cell(name: str, value: float | None, first: bool | None) -> str:
    """A figure; where one is marked as the best, all leave room for the mark."""
    told = "-" if value is None or value != value else f"{settled(name, value):.5g}"
    return told if first is None else f"{told}{'*' if first else ' '}"


def _of_bands(report: Report) -> list[str]:
    """The consistency of each band, and the PSNR of each."""
    lines: list[str] = []
    bands = [name.removeprefix(PER_BAND[0]) for name in report.figures if name.startswith(PER_BAND[0])]
    first = max(map(len, rows_of({"": report.figures})), default=0) + 2
    if bands:
        lines += ["", f"{'consistency with the MS':<{first + 8}}{'rmse':>18}{'bias (to 0)':>18}"]
        lines += [
            f"  {band:<{first + 6}}" + "".join(f"{report.figures[kind + band]:>18.5g}" for kind in PER_BAND)
            for band in bands
        ]
    curve = [(name.removeprefix(PSNR_OF), value) for name, value in report.figures.items() if name.startswith(PSNR_OF)]
    return [*lines, *_in_lines(curve)]


def _in_lines(curve: Sequence[tuple[str, float]]) -> list[str]:
    """PSNR of every band, some in a line."""
    parts = [curve[at : at + IN_LINE] for at in range(0, len(curve), IN_LINE)]
    lines = ["  " + "".join(f"{band:>5} {value:5.2f}" for band, value in part) for part in parts]
    return ["", "PSNR by band", *lines] if lines else []
