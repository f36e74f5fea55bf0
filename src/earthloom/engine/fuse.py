"""Two passes over a scene: gather statistics, then fuse tile by tile."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from earthloom.methods.base import Method
from earthloom.ops.moments import Stats
from earthloom.types import Observation


def fuse_whole(method: Method, obs: Observation) -> Float[np.ndarray, "band y x"]:
    """Fuse an observation that is in memory as one tile (the reference that tiling must equal)."""
    stats: Stats | None = None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    return method.fuse(obs, stats if stats is not None else Stats())
