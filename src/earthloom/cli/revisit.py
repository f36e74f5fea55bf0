"""`earthloom revisit`: clear observations a month and gaps, of several sensors over one place."""

from __future__ import annotations

import json as js
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from earthloom.cli.screen import Screen, strict

if TYPE_CHECKING:
    from earthloom.evaluation.revisit import Revisit

PLACE, SHOWN = Group("Scenes", sort_key=1), Group("Output", sort_key=2)
Flag = Annotated[bool, Parameter(group=SHOWN, negative="", show_default=False)]
WIDEST = 13  # months in a table on the screen


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return revisit


def revisit(
    *scenes: Annotated[str, Parameter(group=PLACE)],
    place: Annotated[tuple[float, float] | None, Parameter(group=PLACE, negative="")] = None,
    most_cloud: Annotated[float, Parameter(group=PLACE)] = 20.0,
    start: Annotated[str | None, Parameter(group=PLACE)] = None,
    end: Annotated[str | None, Parameter(group=PLACE)] = None,
    by: Annotated[Literal["platform", "constellation"], Parameter(group=PLACE)] = "platform",
    mask_values: Annotated[list[float] | None, Parameter(group=PLACE, consume_multiple=True, negative="")] = None,
    mask_bits: Annotated[list[int] | None, Parameter(group=PLACE, consume_multiple=True, negative="")] = None,
    json: Flag = False,
    figure: Annotated[Path | None, Parameter(group=SHOWN)] = None,
    overwrite: Flag = False,
    quiet: Annotated[Flag, Parameter(name=["--quiet", "-q"])] = False,
) -> None:
    """Count the clear observations of one place by month, and the gaps, for each sensor and for all merged.

    Parameters
    ----------
    scenes
        STAC items (a JSON file, an item a line, a folder of items), or CSV files with the columns date, sensor and
        cloud (percent) or mask (a raster in which 0 is clear).
    place
        Longitude and latitude: items that do not cover it are left out.
    most_cloud
        Percent of cloud up to which a scene without a mask counts as clear.
    start
        First day (default: that of the first scene).
    end
        Last day.
    by
        What items are grouped by.
    mask_values
        Numbers in the masks that mean cloud or shadow (default: all but 0).
    mask_bits
        Bits that mean cloud or shadow instead, for quality bands.
    json
        Print as JSON.
    figure
        PNG with the days of every sensor and the months.
    overwrite
        Replace an existing figure.
    quiet
        Do not name the figure.
    """
    from earthloom.raster.write.place import require_beside
    from earthloom.verbs.revisit import revisit as count

    require_beside(figure, "the figure", ".png", scenes, overwrite)
    found = count(
        list(scenes), most_cloud=most_cloud, place=place, start=start, end=end, by=by,
        mask_values=mask_values, mask_bits=mask_bits,
    )  # fmt: skip
    print(js.dumps(strict(found.as_dict()), indent=2, allow_nan=False) if json else table(found))
    if figure is not None:
        from earthloom.report.revisit import revisit_picture

        revisit_picture(found, figure)
        with Screen(quiet) as screen:
            screen.done(str(figure))


def table(found: Revisit) -> str:
    """A line for every sensor and one for all; the months where they fit, else a line for every month."""
    rows = {**found.sensors, "merged": found.merged}
    wide = max(map(len, rows)) + 2
    head = f"{'':<{wide}}{'days':>7}{'clear':>8}{'median gap':>12}{'longest gap':>13}"
    lines = [f"{found.first} to {found.last}, gaps in days", "", head, "-" * len(head)]
    for name, one in rows.items():
        usual = "-" if math.isnan(one.median_gap_days) else f"{one.median_gap_days:.1f}"
        lines.append(f"{name:<{wide}}{len(one.days):>7}{one.clear:>8.1f}{usual:>12}{one.longest_gap_days:>13.0f}")
    months = list(found.merged.months)
    lines.append("")
    if len(months) <= WIDEST:
        lines.append(f"{'clear in':<{wide}}" + "".join(f"{month:>9}" for month in months))
        lines += [f"{name:<{wide}}" + "".join(f"{one.months[m]:>9.1f}" for m in months) for name, one in rows.items()]
    else:
        lines.append(f"{'clear in':<10}" + "".join(f"{name:>{len(name) + 3}}" for name in rows))
        lines += [
            f"{month:<10}" + "".join(f"{one.months[month]:>{len(name) + 3}.1f}" for name, one in rows.items())
            for month in months
        ]
    return "\n".join(lines)
