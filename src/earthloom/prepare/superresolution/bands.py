"""Which bands of a cube a method works on, in which order, and which run together: bad bands, order, gaps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.errors import InputError, warn
from earthloom.types import Bool, Real

GAP_STEPS, GAP_NM = 4.0, 35.0  # a step in wavelength is a gap when it is more than so many usual ones, and so wide
GAP_BANDS = 5  # the same in bad bands, where no wavelengths are known
FEWEST = 5  # bands that a method sees together: each needs four neighbours
MOST_BANDS = 480  # no sensor has more (NEON and AVIRIS: 426)
RARE = 0.05  # share of pixels that a single band may take from the others without a word


@dataclass(frozen=True)
class BandPlan:
    """What happens to the bands of a cube.

    Parameters
    ----------
    good
        Bands that the method sees, from 0, in the order of their wavelengths.
    groups
        Parts of ``good``, as positions in it, between which the spectrum has gaps.
    bad
        The others, and why.
    empty
        Those of them that hold no number at all.
    """

    good: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    bad: Mapping[int, str]
    empty: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> tuple[int, ...]:
        """Bad bands that hold numbers."""
        return tuple(band for band in sorted(self.bad) if band not in self.empty)


def plan_bands(
    data: Real[np.ndarray, "band y x"],
    present: Bool[np.ndarray, "band y x"],
    centres_nm: Sequence[float | None],
    named: Sequence[int] = (),
    listed: Sequence[int] = (),
    across_gaps: bool = False,
) -> BandPlan:
    """Sort the bands.

    Parameters
    ----------
    data, present
        The cube, or every n-th pixel of it, and where each band holds a number.
    centres_nm
        Wavelengths, None where unknown.
    named, listed
        Bad bands, from 1: named by the user, listed in the file.
    across_gaps
        All good bands together, whatever lies between them.

    Raises
    ------
    InputError
        If no band is left.
    """
    bad = _bad(data, present, named, listed)
    left = [band for band in range(len(data)) if band not in bad]
    if not left:
        raise InputError(
            f"{len(data)} bands that are all bad ({told_bands(bad)})", "bands that hold an image", "check nodata"
        )
    notes = [f"bad bands: {told_bands(bad)}"] if bad else []
    _spoilers(present, left)
    left, known = _ordered(left, centres_nm)
    groups = [list(range(len(left)))] if across_gaps else _groups(left, centres_nm if known else None)
    if len(groups) > 1:
        parts = [f"{left[g[0]] + 1}-{left[g[-1]] + 1}" for g in groups]
        notes.append(f"gaps in the spectrum: bands {', '.join(parts)} are worked on apart")
    empty = tuple(band for band in sorted(bad) if not present[band].any())
    return BandPlan(tuple(left), tuple(map(tuple, groups)), bad, empty, tuple(notes))


def _bad(data: np.ndarray, present: np.ndarray, named: Sequence[int], listed: Sequence[int]) -> dict[int, str]:
    """Bad bands and why."""
    count, bad = len(data), dict[int, str]()
    for numbers, why in ((named, "named"), (listed, "listed in the file")):
        for number in numbers:
            if not 1 <= number <= count:
                raise InputError(f"bad band {number} of a cube of {count} bands", f"1 to {count}")
            bad.setdefault(number - 1, why)
    for band in range(count):
        seen = data[band][present[band]]
        if not seen.size:
            bad.setdefault(band, "empty")
        elif seen.size > 1 and seen.min() == seen.max():
            bad.setdefault(band, "constant")
    flat = [band for band, why in bad.items() if why == "constant"]
    if len(bad) == count and flat:  # a flat scene, and no band worse than another
        bad = {band: why for band, why in bad.items() if why != "constant"}
    return bad


def _spoilers(present: np.ndarray, left: Sequence[int]) -> None:
    """Warn about a band that alone is missing in many pixels: none of them would come out."""
    if len(left) < 2:
        return
    missing = ~present[left]
    alone = missing & (missing.sum(axis=0) == 1)
    for at in map(int, np.flatnonzero(alone.mean(axis=(1, 2)) > RARE)):
        share = 100 * alone[at].mean()
        warn(
            f"band {left[at] + 1} alone is missing in {share:.0f} % of the pixels, which are therefore missing in the "
            f"product; `bad_bands={left[at] + 1}` keeps them"
        )


def _ordered(left: list[int], centres_nm: Sequence[float | None]) -> tuple[list[int], bool]:
    """Good bands in the order of their wavelengths, and whether these are known."""
    found = [centres_nm[band] for band in left]
    if any(nm is None for nm in found):
        return left, False
    nm = np.array(found, float)
    if not np.isfinite(nm).all() or nm.min() <= 0:
        warn("wavelengths of 0 or none in the file: bands are taken in the file's order")
        return left, False
    steps = np.diff(nm)
    if (steps >= 0).all() or (steps <= 0).all():
        return left, True
    back = [int(at) for at in np.flatnonzero(steps < 0)]
    where = ", ".join(f"{left[at] + 1} ({nm[at]:g} nm)" for at in back[:3]) + (", ..." if len(back) > 3 else "")
    warn(
        f"wavelengths are not monotonic: they step back after band {where}; neighbours are found by wavelength, the "
        "product keeps the order of the file"
    )
    return [left[at] for at in np.argsort(nm, kind="stable")], True


def _groups(left: Sequence[int], centres_nm: Sequence[float | None] | None) -> list[list[int]]:
    """Positions between gaps; a part of too few bands joins the nearer neighbour."""
    if centres_nm is None:
        steps = np.abs(np.diff(left)).astype(float)
        limit = GAP_BANDS + 1.0
    else:
        steps = np.abs(np.diff([float(centres_nm[band] or 0) for band in left]))
        limit = max(GAP_STEPS * float(np.median(steps)), GAP_NM) if len(steps) else 0.0
    groups: list[list[int]] = [[0]]
    for at, step in enumerate(steps, 1):
        if step > limit:
            groups.append([])
        groups[-1].append(at)
    while len(groups) > 1 and min(map(len, groups)) < FEWEST:
        small = min(range(len(groups)), key=lambda g: len(groups[g]))
        before = steps[groups[small][0] - 1] if small else np.inf
        after = steps[groups[small][-1]] if small + 1 < len(groups) else np.inf
        first = small - 1 if before <= after else small
        groups[first : first + 2] = [groups[first] + groups[first + 1]]
    return groups


def told_bands(bad: Mapping[int, str]) -> str:
    """Bands from 1 by reason, runs of them shortened."""
    by: dict[str, list[int]] = {}
    for band, why in sorted(bad.items()):
        by.setdefault(why, []).append(band + 1)
    return "; ".join(f"{runs(numbers)} {why}" for why, numbers in by.items())


def runs(numbers: Sequence[int]) -> str:
    """``1-3, 7`` for 1, 2, 3, 7."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def numbers_in(given: Sequence[Any] | str | int | None) -> tuple[int, ...]:
    """Band numbers of ``3``, ``"1-4,9"`` or ``["1-4", 9]``.

    Raises
    ------
    InputError
        If it is no number and no range.
    """
    words = [given] if isinstance(given, (str, int)) else list(given or ())
    found: list[int] = []
    for word in re.split(r"[,\s]+", " ".join(map(str, words)).strip()):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", word)
        if not word:
            continue
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise InputError(f"bad bands '{word}'", "numbers from 1 and ranges, such as 1-4 107 112-115")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(dict.fromkeys(found))


def bands_at(data: Real[np.ndarray, "a b c"], shape: tuple[int, ...] | None = None) -> int:
    """Which axis of a cube seems to hold its bands: 0, where they belong, or another one.

    Two sides alike are those of an image, and no sensor has 500 bands. Where sides do not tell, the numbers must: bands
    differ in their mean more than rows and columns do, and from one to the next change less.

    Parameters
    ----------
    data
        The cube or a window of it, at full resolution.
    shape
        Of the whole cube.
    """
    a, b, c = shape or data.shape
    if a > MOST_BANDS and min(b, c) <= MOST_BANDS:
        return 2 if c < b else 1
    alike = 2 if a == b != c else 1 if a == c != b else 0
    few = [at for at, (own, others) in enumerate(((b, (a, c)), (c, (a, b))), 1) if own >= 3 and 2 * own <= min(others)]
    axis = alike or (few[0] if few else 0)
    if not axis:
        return 0
    filled = np.nan_to_num(data.astype(np.float64), posinf=0.0, neginf=0.0)
    spread = float(filled.var()) or 1.0
    apart = [float(filled.mean(axis=tuple({0, 1, 2} - {k})).var()) / spread for k in (0, axis)]
    rough = [float(np.square(np.diff(filled, axis=k)).mean()) / spread for k in (0, axis)]
    if alike:
        return 0 if apart[0] > 2 * apart[1] and rough[0] < rough[1] else axis
    return axis if apart[1] > 2 * apart[0] and rough[1] < 2 * rough[0] else 0
