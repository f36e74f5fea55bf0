"""Antialiased bicubic reduction on any nested grid: what MATLAB's ``imresize`` does when it shrinks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from earthloom.ops.banded import Banded, keys, sampled


@lru_cache(maxsize=256)
def shrinking(outputs: int, size: int, ratio: float, offset: float) -> Banded:
    """Keys' kernel ``ratio`` times as wide around ``ratio * i + offset``, normalised, the border mirrored.

    Along an axis of ``ratio * outputs`` samples with ``offset = (ratio - 1) / 2`` it is ``imresize(., 1 / ratio)``.
    """
    centres = np.arange(outputs) * ratio + offset
    return sampled(centres, size, lambda x: keys(x / ratio), 2 * ratio, "symmetric")
