"""Figures of a run as people say them: on the screen and on pages alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNSEEN, PLAIN = 1.25, 1.75  # steps at the rim of clouds over those beside it: up to the first nobody sees it
WHOLE = 99.95  # percent, from which on it is all
FROM = {"dated": "filled from other dates", "radar": "filled by radar", "around": "filled from around"}


def duration(seconds: float) -> str:
    """A time, in the units that people use for as long a one."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def under_clouds(figures: Mapping[str, Any]) -> list[str]:
    """How much lay under clouds, what fills it, and whether the rim of the clouds is still to be seen."""
    percent = figures.get("cloud_percent")
    if percent is None:
        return []
    if not percent:
        return ["no cloud: the image as it was"]
    filled = [(share, how) for name, how in FROM.items() if (share := figures.get(f"{name}_percent"))]
    if holes := figures.get("unfilled_percent"):
        filled.append((100 * holes / percent, "left empty"))
    told = f"{percent:.3g} % under clouds"
    if len(filled) == 1 and filled[0][0] >= WHOLE:
        told += f", {filled[0][1]}"
    elif filled:
        told += f" ({', '.join(f'{share:.3g} % of that {how}' for share, how in filled)})"
    return [told] if (seam := figures.get("seam")) is None else [told, f"their rim {_rim(seam)}"]


def _rim(seam: float) -> str:
    """A step, of what is usual beside it: less than that is a smear, and no step either."""
    return (
        f"{'unseen' if seam <= UNSEEN else 'faint' if seam <= PLAIN else 'plain to see'} (step {seam:.2f}, 1 is none)"
    )
