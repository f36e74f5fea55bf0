"""How images lie on each other: a displacement for each block, as arrows."""

from __future__ import annotations

import math
from typing import Any

from earthloom.prepare.registering import Registration
from earthloom.report.html.charts import Paper, axes_of, chart
from earthloom.report.html.parts import Picture

LONGEST = 0.16  # of the longer side that the longest arrow takes
MATTERS = 0.25  # coarse pixels: where all displacements are smaller, their arrows are short


def arrows(found: Registration, shape: tuple[int, int], coarse: str, fine: str, side: int = 0) -> Picture:
    """Displacement of the coarse image against the fine one, at every block where it could be measured.

    Parameters
    ----------
    found
        By :func:`earthloom.prepare.registering.measure`.
    shape
        Rows and columns of the fine grid.
    coarse, fine
        How the images are called.
    side
        Pixels of a block; arrows begin in its middle.
    """
    blocks = [(y + side / 2, x + side / 2, one) for y, x, one in found.blocks]
    longest = max([math.hypot(one.y, one.x) for _, _, one in blocks] + [MATTERS * found.ratio])
    scale = LONGEST * max(shape) / longest

    def draw(figure: Any, paper: Paper) -> None:
        axes = axes_of(figure, paper)[0, 0]
        axes.set_xlim(0, shape[1])
        axes.set_ylim(shape[0], 0)
        axes.set_aspect("equal")
        for y, x, one in blocks:
            axes.plot([x], [y], "o", ms=4, color=paper.lines[0])
            axes.annotate(
                "", (x + scale * one.x, y + scale * one.y), (x, y), annotation_clip=False,
                arrowprops={"arrowstyle": "->", "color": paper.lines[1], "lw": 1.6},
            )  # fmt: skip
            length = math.hypot(one.y, one.x)
            back = (-14 * one.x / length, 14 * one.y / length) if length else (0, 12)  # behind where it begins
            axes.annotate(f"{length:.2f}", (x, y), back, textcoords="offset points", ha="center", va="center",
                          fontsize=9, color=paper.quiet)  # fmt: skip
        axes.set_xlabel("column")
        axes.set_ylabel("row")

    tall = min(max(shape[0] / shape[1], 0.4), 1.3)
    words = found.told(coarse, fine) if coarse != "MS" else str(found)
    return chart(
        draw, f"Arrows of the displacement of {coarse} against {fine} at {len(blocks)} blocks: {words}",
        (5.2, 5.2 * tall + 0.6), f"{words[:1].upper()}{words[1:]}. Numbers are lengths in fine pixels; arrows are "
        f"drawn {scale:.2g} times as long.", f"{coarse} against {fine}",
    )  # fmt: skip
