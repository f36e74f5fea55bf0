"""`earthloom.revisit`: how often a place is seen, by one sensor and by several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from earthloom.errors import InputError
from earthloom.evaluation.revisit import MOST_CLOUD, Revisit, counted
from earthloom.raster.listing.sights import Sight, read_sights


def revisit(
    scenes: Any,
    *,
    most_cloud: float = MOST_CLOUD,
    place: Sequence[float] | None = None,
    start: Any = None,
    end: Any = None,
    by: str = "platform",
    mask_values: Sequence[float] | None = None,
    mask_bits: Sequence[int] | None = None,
) -> Revisit:
    """Count clear observations a month and the gaps between them, for each sensor and for all together.

    Parameters
    ----------
    scenes
        STAC items (a JSON file, lines of JSON, a folder of items), CSV files with the columns ``date``, ``sensor`` and
        ``cloud`` (percent) or ``mask`` (a raster; its path counts from the CSV); several of them; or
        :class:`Sight` objects.
    most_cloud
        Percent of cloud up to which a scene without a mask counts as clear.
    place
        Longitude and latitude: STAC items that do not cover it are left out.
    start, end
        First and last day of the period, as a date or text; from the first to the last scene when None.
    by
        What STAC items are grouped by: ``platform`` or ``constellation``.
    mask_values, mask_bits
        Numbers, or bits of numbers, of a mask that mean cloud; anything but 0 when None.

    Raises
    ------
    InputError
        If there is no scene in the period, or the items share no place.
    """
    if not 0 <= most_cloud <= 100:
        raise InputError(f"most_cloud {most_cloud:g}", "a percentage from 0 to 100")
    given = list(scenes) if isinstance(scenes, (list, tuple)) else [scenes]
    if not given:
        raise InputError("no scenes", "STAC items or a CSV file")
    if all(isinstance(one, Sight) for one in given):
        sights = given
    else:
        sights = read_sights([Path(one) for one in given], place, by, mask_values, mask_bits)
    return counted(sights, most_cloud, start, end)
