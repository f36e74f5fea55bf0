"""Samples whose MS lies whole coarse pixels off the truth or off the interpolated MS: counted sample by sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from earthloom.types import Float

REACH = 2  # coarse pixels that are tried
RIM = 3  # coarse pixels beside them that are not looked at: borders of filters
CLEARLY = 0.7  # of the error without a shift: what a shift must be better than
ALIKE = 0.5  # of the deviation: an error beyond tells that the images are not of one place
ROLES = ("gt", "lms")


@dataclass
class Displaced:
    """How many samples lie off, by how much.

    For every shift d of at most two coarse pixels, ``e(d) = rms(ms(p) - mean r x r of image(p + d))`` over the middle
    of the sample, in deviations of the MS. A sample lies off by d where e(d) is the smallest, below half a deviation
    and clearly below e(0). Half a fine pixel between the conventions is far less than that.
    """

    tested: Counter[str] = field(default_factory=Counter)
    off: dict[str, Counter[tuple[int, int]]] = field(default_factory=dict)

    def add(self, images: Mapping[str, np.ndarray]) -> None:
        """Look at one sample; what is too small, uniform or full of holes says nothing."""
        ms = images.get("ms")
        for role in ROLES:
            image = images.get(role)
            if ms is None or image is None or len(image) != len(ms):
                continue
            ratio = image.shape[1] // ms.shape[1]
            if ratio < 2 or image.shape[1:] != (ratio * ms.shape[1], ratio * ms.shape[2]):
                continue
            found = shift_of(ms.astype(np.float64), _means(image.astype(np.float64), ratio))
            if found is not None:
                self.tested[role] += 1
                if found != (0, 0):
                    self.off.setdefault(role, Counter())[found] += 1

    def found(self) -> dict[str, dict[str, Any]]:
        """Role to samples that could be told, how many lie off, and by which shifts (rows, columns)."""
        return {
            role: {
                "tested": self.tested[role], "off": sum(self.off.get(role, Counter()).values()),
                "shifts": {f"{y:+d}, {x:+d}": n for (y, x), n in self.off.get(role, Counter()).most_common()},
            } for role in ROLES if self.tested[role]
        }  # fmt: skip

    def trouble(self) -> list[str]:
        """What is wrong, in words."""
        lines = []
        for role, one in self.found().items():
            if one["off"]:
                by = next(iter(one["shifts"]))
                lines.append(
                    f"ms lies whole coarse pixels off {role} in {one['off']} of {one['tested']} samples "
                    f"({100 * one['off'] / one['tested']:.0f} %), mostly by ({by}): leave them out, or make ms anew"
                )
        return lines


def shift_of(ms: Float[np.ndarray, "band y x"], image: Float[np.ndarray, "band y x"]) -> tuple[int, int] | None:
    """By how many whole pixels (rows, columns) one image lies off another; None where that cannot be told."""
    edge = REACH + min(RIM, min(ms.shape[1:]) // 8)
    height, width = (n - 2 * edge for n in ms.shape[1:])
    if min(height, width) < 4 or not (np.isfinite(ms).all() and np.isfinite(image).all()):
        return None
    middle = ms[:, edge : edge + height, edge : edge + width]
    deviation = float(middle.std(axis=(1, 2)).mean())
    if deviation == 0:
        return None
    errors = {}
    for y, x in product(range(-REACH, REACH + 1), repeat=2):
        there = image[:, edge + y : edge + y + height, edge + x : edge + x + width]
        errors[y, x] = float(np.sqrt(((middle - there) ** 2).mean())) / deviation
    best = min(errors, key=lambda at: errors[at])
    if errors[best] >= ALIKE:
        return None
    return best if errors[best] < CLEARLY * errors[0, 0] else (0, 0)


def _means(image: Float[np.ndarray, "band Y X"], ratio: int) -> Float[np.ndarray, "band y x"]:
    """Means of blocks of ``ratio`` x ``ratio`` pixels."""
    count, height, width = image.shape
    return image.reshape(count, height // ratio, ratio, width // ratio, ratio).mean(axis=(2, 4))
