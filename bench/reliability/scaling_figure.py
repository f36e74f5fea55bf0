"""docs/img/scaling.png, of what ``bench.reliability.scaling`` measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earthloom.engine.budget import bytes_of

TICKS = (1, 4, 16, 64, 400)  # 100 would touch 64
COLOURS = ("#0072b2", "#009e73", "#d55e00", "#8e5bb5")  # can be told apart by all eyes
GREY = "#777777"
SIZE, DPI, LETTERS = (10, 4.6), 110, 15


def draw(found: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str], memory: str, place: Path) -> None:
    """Time and memory against pixels, side by side.

    Parameters
    ----------
    found
        Method to what was measured of it.
    labels
        What methods are called.
    memory
        The budget.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context({"font.size": LETTERS, "axes.spines.top": False, "axes.spines.right": False}):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=SIZE, layout="constrained")
        for colour, (name, one) in zip(COLOURS, found.items(), strict=False):
            size = [row["megapixels"] for row in one["runs"]]
            how = {"color": colour, "linewidth": 2.4, "marker": "o", "markersize": 6, "label": labels[name]}
            left.plot(size, [row["seconds"] for row in one["runs"]], **how)
            right.plot(size, [row["peak_mib"] / 1024 for row in one["runs"]], **how)
        _as_pixels(left)
        rows = [row for one in found.values() for row in one["runs"]]
        low, high = 1, 10 ** (len(str(int(max(row["seconds"] for row in rows)))))
        left.plot([1, 4], [high / 8, high / 2], color=GREY, linewidth=1.4, linestyle="--")
        left.annotate("as the pixels", (1.15, high / 1.75), color=GREY, fontsize=LETTERS - 2)
        left.set_ylim(low, high)
        left.set_yscale("log")
        left.set_yticks(
            [10**power for power in range(len(str(high)))], [f"{10**power}" for power in range(len(str(high)))]
        )
        left.set_title("Wall time, seconds", loc="left", fontsize=LETTERS)
        _as_pixels(right)
        budget = bytes_of(memory) / 2**30
        right.axhline(budget, color=GREY, linewidth=1.4, linestyle="--")
        right.annotate(f"--memory {memory}", (1, budget - 0.14), color=GREY, fontsize=LETTERS - 2)
        right.set_ylim(0, budget * 1.1)
        right.set_title("Peak memory, GiB", loc="left", fontsize=LETTERS)
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False,
                      fontsize=LETTERS - 1, columnspacing=1.2, handlelength=1.4)  # fmt: skip
        place.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(place, dpi=DPI, facecolor="white")


def _as_pixels(axes: Any) -> None:
    """Megapixels across, in powers."""
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [str(tick) for tick in TICKS])
    axes.minorticks_off()
    axes.set_xlabel("megapixels of the product")
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)


def table(found: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str]) -> str:
    """The table of docs/reliability.md: seconds by megapixels, and what they come to."""
    sizes = sorted({row["megapixels"] for one in found.values() for row in one["runs"]})
    heads = [*(f"{size:g}" for size in sizes), "slope", "above 1 MP", "MP per core and second", "most memory, MiB"]
    lines = [f"| seconds for MP | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    for name, one in found.items():
        took = {row["megapixels"]: f"{row['seconds']:.1f}" for row in one["runs"]}
        figures = [f"{one[key]:.2f}" for key in ("slope", "slope_above_1_mp", "mp_per_core_second")]
        cells = [*(took.get(size, "-") for size in sizes), *figures, str(one["largest_peak_mib"])]
        lines.append(f"| {labels[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)
