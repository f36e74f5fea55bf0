"""Figures as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping

LOWER_IS_BETTER = ("ergas", "sam", "rmse", "d_", "mae", "bias")
BEST = {"q2n", "uiqi", "q", "ssim", "scc", "psnr", "cc", "qnr", "hqnr", "rqnr"}


def text_table(rows: Mapping[str, Mapping[str, float]], mark_best: bool = True) -> str:
    """Plain text, one row per product, the best figure of each column marked with an asterisk.

    Columns whose names begin with an error's name (ERGAS, SAM, RMSE, D ...) are better when lower.
    """
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    width = max(len(name) for name in rows) + 2
    best: dict[str, float] = {}
    for column in columns if mark_best else []:
        values = [row[column] for row in rows.values() if column in row and row[column] == row[column]]
        if values:
            best[column] = min(values) if column.lower().startswith(LOWER_IS_BETTER) else max(values)
    head = " " * width + "".join(f"{column:>14}" for column in columns)
    lines = [head, "-" * len(head)]
    for name, row in rows.items():
        cells = [_cell(row.get(column), best.get(column)) for column in columns]
        lines.append(f"{name:<{width}}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)


def _cell(value: float | None, best: float | None) -> str:
    """A figure, with an asterisk when it is the best."""
    if value is None:
        return "-"
    return f"{value:.4f}" + ("*" if best is not None and value == best else " ")
