"""How far a network looks, found by looking: what is far from a pixel is changed, and whether it notices is seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from earthloom.types import Float

SIDE, LARGEST = 128, 1024  # wanted pixels of the image that it is tried on
SEEN = 1e-6  # change of an output, in parts of its range, that counts
PLACES = 4  # pixels of a block that are tried
Call = Callable[[dict[str, np.ndarray]], Float[np.ndarray, "n c y x"]]


def reach_of(call: Call, inputs: Sequence[tuple[str, int, int]], step: int = 1, seed: int = 0) -> int | None:
    """Wanted pixels on every side that an output depends on; None where it is more than half of ``LARGEST``.

    Of noise, everything that is further from a pixel than d becomes other noise on another level; the smallest d that
    leaves the pixel as it was is found by halving. So also a mean over the whole image is seen.

    Parameters
    ----------
    call
        The network: images by their names, to one image on the wanted grid.
    inputs
        Name, channels, and side of a pixel in wanted ones.
    step
        Side of the blocks that the network works in: pixels of a block reach differently far.
    """
    side = SIDE
    while side <= LARGEST:
        size = -(-side // step) * step
        places = [size // 2 // step * step + at for at in range(0, step, max(step // PLACES, 1))]
        found = [_reach(call, inputs, size, place, size // 2 - step - 1, seed) for place in places]
        if None not in found:
            return max(far for far in found if far is not None)
        side *= 2
    return None


def _reach(
    call: Call, inputs: Sequence[tuple[str, int, int]], size: int, place: int, furthest: int, seed: int
) -> int | None:
    """How far the pixel at (place, place) looks; None: further than ``furthest``."""
    rng = np.random.default_rng(seed)

    def noise(level: float) -> dict[str, np.ndarray]:
        return {
            name: (level + 0.2 * rng.normal(size=(1, channels, size // ratio, size // ratio))).astype(np.float32)
            for name, channels, ratio in inputs
        }

    near, far = noise(0.5), noise(1.0)
    before = call(near)
    least = SEEN * max(float(np.ptp(before)), 1e-30)

    def notices(distance: int) -> bool:
        seen = {}
        for name, _, ratio in inputs:
            first = ratio * np.arange(size // ratio)
            beyond = np.maximum(np.maximum(first - place, place - first - ratio + 1), 0) > distance
            seen[name] = np.where(beyond[:, None] | beyond, far[name], near[name])
        return bool(np.abs(call(seen) - before)[0, :, place, place].max() > least)

    if notices(furthest):
        return None
    low, high = -1, furthest  # noticed beyond low (or nothing is), not beyond high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if notices(middle) else (low, middle)
    return high
