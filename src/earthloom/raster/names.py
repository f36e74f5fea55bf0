"""Names of bands: those that only number them, and those that a user gives."""

from __future__ import annotations

import re
from collections.abc import Sequence

GENERIC = re.compile(r"(?:band|layer|b[ _.-])?[ _.#-]*0*(\d+)(?:\.0)?", re.IGNORECASE)


def generic(names: Sequence[str], places: Sequence[int] = ()) -> bool:
    """Whether names only number the bands of a file (``Band 1``, ``1``, ``band_1``; from 0 too), in whatever order.

    They say nothing about the sensor's bands, whose numbers are others. ``places`` are those of a choice of bands in
    the file, from 0.
    """
    numbers = [GENERIC.fullmatch(name.strip()) for name in names]
    if not names or not all(numbers):
        return False
    found = [int(number[1]) for number in numbers if number is not None]
    if found in (list(places), [at + 1 for at in places]):
        return True
    return sorted(found) in (list(range(len(names))), list(range(1, len(names) + 1)))


def renames(words: Sequence[int | str], names: Sequence[str], stems: Sequence[str]) -> bool:
    """Whether words call the bands of an image by names, rather than choose some of them.

    They do where there is one for each band, none is a number or the name of a band, and the bands have no names:
    none at all, numbers alone, or that of the file, whose ``stems`` these are.
    """
    told = [str(word).lower() for word in words]
    if len(told) != len(names) or any(word.lstrip("-").isdigit() for word in told):
        return False
    if {name.lower() for name in names if name}.intersection(told):
        return False
    return generic(names) or all(name in ("", *stems) for name in names)


def label_in(name: str) -> str:
    """The band in a file name such as ``LC08_..._SR_B4`` or ``T31UFT_..._B8A_20m``; other names as they are."""
    found = re.search(r"(?:^|_)(B\d{1,2}A?)(?:_\d+m)?$", name, re.IGNORECASE)
    return found[1] if found else name
