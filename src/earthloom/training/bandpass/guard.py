"""Whether the numbers of two images of one place mean the same unit: lost scales and offsets show in the line between.

Reflectance of one place in two similar bands agrees within some tens of percent. A line far off the identity that is
exactly what a lost scale or offset would make is refused, and the message names the suspect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from earthloom.errors import InputError
from earthloom.problems.bandpass import nearest_band
from earthloom.training.bandpass.blocks import PairBlock

SAMPLES = 100_000
AGREE = 0.9  # least correlation for a line to say anything
SAME = (0.6, 1.6)  # slopes between images in one unit
NEAR = 0.25  # of a lost offset, how far off its value a constant may lie


class Lost(NamedTuple):
    """A scale and an offset that someone may have forgotten: ``reflectance = gain * number + offset``."""

    name: str
    gain: float
    offset: float
    hint: str


KNOWN = (
    Lost("Landsat Collection 2 numbers", 2.75e-5, -0.2, "they are 0.0000275 * number - 0.2"),
    Lost("Sentinel-2 numbers with the offset of baseline 04.00", 1e-4, -0.1, "take 1000 off (BOA_ADD_OFFSET)"),
    Lost("numbers of 10000 for a reflectance of 1", 1e-4, 0.0, "divide them by 10000"),
    Lost("numbers of 100 for a reflectance of 1", 1e-2, 0.0, "divide them by 100"),
)
PLAIN = Lost("reflectance", 1.0, 0.0, "")


def check_numbers(blocks: Sequence[PairBlock]) -> None:
    """Refuse images of which one has lost its scale or offset.

    Raises
    ------
    InputError
        If the line between the images is not near the identity, and is what such a loss would make.
    """
    lines = _lines(blocks)
    if not lines:
        return
    slope = float(np.median([a for a, _, _ in lines]))
    constant = float(np.median([c for _, c, _ in lines]))
    span = float(np.median([s for *_, s in lines]))
    for unit in (PLAIN, KNOWN[2]):  # the unit that one of them is in, rightly
        for role in ("source", "target"):
            for lost in KNOWN:
                if lost.gain == unit.gain and lost.offset == unit.offset:
                    continue
                a, c = _expected(lost, unit, role)
                apart = abs(c) if lost.offset else None
                alike = SAME[0] < slope / a < SAME[1]
                if not alike or (SAME[0] < slope < SAME[1] and apart is None):
                    continue
                if apart is not None and not abs(constant - c) < NEAR * apart:
                    continue
                if apart is not None and apart < 0.1 * span:  # too small an offset to be told from the scene
                    continue
                raise InputError(
                    f"a {role} that looks like {lost.name} beside {'reflectance' if unit is PLAIN else unit.name}: "
                    f"target = {slope:.4g} * source {constant:+.4g}", "both in one unit",
                    f"{lost.hint}, or give its scale and offset; if it is right, do not check units",
                )  # fmt: skip


def _expected(lost: Lost, unit: Lost, role: str) -> tuple[float, float]:
    """Slope and constant of target over source when ``role`` holds the lost numbers and the other one ``unit``."""
    a, c = lost.gain / unit.gain, (lost.offset - unit.offset) / unit.gain  # numbers of ``unit`` from the lost ones
    return (a, c) if role == "source" else (1 / a, -c / a)


def _lines(blocks: Sequence[PairBlock]) -> list[tuple[float, float, float]]:
    """Slope, constant and spread of the target of every pair of bands that agree: through the quartiles.

    Quartiles hardly see clouds, and both images are looked at alike.
    """
    obs = blocks[0].obs
    pairs = [(t, s) for t, s in enumerate(nearest_band(obs["source"].bands, obs["target"].bands)) if s is not None]
    found = []
    for t, s in pairs:
        x = np.concatenate([b.obs["source"].data[s][b.kept] for b in blocks]).astype(np.float64)
        y = np.concatenate([b.obs["target"].data[t][b.kept] for b in blocks]).astype(np.float64)
        step = max(len(x) // SAMPLES, 1)
        x, y = x[::step], y[::step]
        if len(x) < 30 or x.std() == 0 or y.std() == 0 or _ranks(x, y) < AGREE:
            continue
        (x1, x2, x3), (y1, y2, y3) = np.quantile(x, [0.25, 0.5, 0.75]), np.quantile(y, [0.25, 0.5, 0.75])
        if x3 > x1 and y3 > y1:
            slope = (y3 - y1) / (x3 - x1)
            found.append((float(slope), float(y2 - slope * x2), float(y3 - y1)))
    return found


def _ranks(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation."""
    a, b = (np.argsort(np.argsort(v)).astype(np.float64) for v in (x, y))
    return float(np.corrcoef(a, b)[0, 1])
