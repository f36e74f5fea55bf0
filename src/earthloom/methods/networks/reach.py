"""How far a network looks, found by looking: one pixel is changed, and what changes of the output is measured."""

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
        far = max(_reach(call, inputs, size, step, at, seed) for at in range(0, step, max(step // PLACES, 1)))
        if far < size // 2 - step:
            return far
        side *= 2
    return None


def _reach(call: Call, inputs: Sequence[tuple[str, int, int]], size: int, step: int, at: int, seed: int) -> int:
    """How far one pixel near the middle, ``at`` from the corner of its block, is seen."""
    rng = np.random.default_rng(seed)
    images = {
        name: (0.5 + 0.2 * rng.normal(size=(1, channels, size // ratio, size // ratio))).astype(np.float32)
        for name, channels, ratio in inputs
    }
    place = size // 2 // step * step + at
    moved = {name: image.copy() for name, image in images.items()}
    for name, channels, ratio in inputs:
        moved[name][0, :, place // ratio, place // ratio] += rng.choice([-1.0, 1.0], channels)
    before, after = call(images), call(moved)
    changed = np.abs(after - before).max(axis=(0, 1)) > SEEN * max(float(np.ptp(before)), 1e-30)
    coarsest = max(ratio for _, _, ratio in inputs)
    first = place // coarsest * coarsest
    far = [0]
    for axis in (0, 1):
        seen = np.flatnonzero(changed.any(axis=1 - axis))
        if seen.size:
            far += [int(first + coarsest - 1 - seen[0]), int(seen[-1] - first)]
    return max(far)
