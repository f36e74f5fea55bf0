"""How far a product jumps where what it was made of changes: from date to date, from clear ground to filled clouds."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation

from earthloom.ops.moments import Stats
from earthloom.types import Bool, Float, UInt16

BESIDE = 3  # px from such a place that are taken for what is usual there


def steps(
    image: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"], origin: UInt16[np.ndarray, "y x"]
) -> Stats:
    """Sums of ``|p - q|`` over neighbours p, q of one tile: across a change of the origin, and beside one.

    Parameters
    ----------
    origin
        What every pixel was made of, as a number: its known dates, or whether a cloud lay there.
    """
    across, beside = np.zeros(len(image)), np.zeros(len(image))
    counts = np.zeros(2)
    every, first, second = slice(None), slice(None, -1), slice(1, None)
    for ends in (((first, every), (second, every)), ((every, first), (every, second))):
        both = valid[ends[0]] & valid[ends[1]]
        rim = both & (origin[ends[0]] != origin[ends[1]])
        if not rim.any():
            continue
        near = np.asarray(binary_dilation(rim, np.ones((2 * BESIDE + 1,) * 2)), bool) & both & ~rim
        for total, at, where in ((across, 0, rim), (beside, 1, near)):
            total += np.abs(image[:, *ends[1]][:, where] - image[:, *ends[0]][:, where]).sum(axis=1, dtype=np.float64)
            counts[at] += where.sum()
    return Stats(across=across, beside=beside, neighbours=counts)


def seam_of(measured: Stats) -> float | None:
    """Mean step across a change of the origin over the mean step beside it, mean over the bands.

    1 where nothing is to be seen of it; None where all was made of the same.
    """
    rim, near = measured["neighbours"]
    usual = measured["beside"]
    if not rim or not near or not (usual > 0).any():
        return None
    known = usual > 0
    return float(((measured["across"][known] / rim) / (usual[known] / near)).mean())
