"""Images of half the resolution, the mean of two by two pixels: what overviews of a file are made of."""

from __future__ import annotations

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.types import Shaped


@compiled
def _halve(image, out, code, coded, fill, whole):
    """One band; ``whole`` numbers are rounded, halves up."""
    height, width = image.shape
    for y in range(out.shape[0]):
        above = image[2 * y]
        below = image[min(2 * y + 1, height - 1)]
        line = out[y]
        for x in range(out.shape[1]):
            left, right = 2 * x, min(2 * x + 1, width - 1)
            total, count = 0.0, 0
            for value in (above[left], above[right], below[left], below[right]):
                if value == value and not (coded and value == code):
                    total += value
                    count += 1
            if count == 0:
                line[x] = fill
                continue
            mean = total / count
            line[x] = np.floor(mean + 0.5) if whole else mean
            if coded and line[x] == code:  # a mean of measured numbers is measured
                line[x] = above[left] if above[left] != code else below[right]


def halve(image: Shaped[np.ndarray, "y x"], nodata: float | None = None) -> Shaped[np.ndarray, "half_y half_x"]:
    """Mean of every two by two pixels that hold a measurement; sides are rounded up, an odd last row counts alone.

    Parameters
    ----------
    image
        One band, any real dtype, which the result has too.
    nodata
        Code of missing pixels; NaN always is one. Four of them give one.
    """
    kind = image.dtype.type
    whole = image.dtype.kind in "iu"
    coded = nodata is not None and not np.isnan(nodata)
    code = kind(nodata) if coded else kind(0)
    fill = code if coded or whole else kind(np.nan)
    out = np.empty(tuple(-(-side // 2) for side in image.shape), image.dtype)
    _halve(np.ascontiguousarray(image), out, code, coded, fill, whole)
    return out
