"""Where MS pixels lie for networks that interpolate by themselves: on a lattice that the scene's corner begins."""

from __future__ import annotations

import math

import numpy as np

from earthloom.ops.banded import apply
from earthloom.physics.resample import interpolation
from earthloom.types import Float, Observation


def on_lattice(
    obs: Observation, phase: float, role: str = "ms"
) -> tuple[Float[np.ndarray, "band y x"], tuple[float, float]]:
    """A coarse view whose pixels lie at wanted pixels ``ratio k + phase`` of the scene, and where its first lies here.

    A view that lies elsewhere is moved by the general interpolator, half a pixel at most; in the convention of the
    toolbox it is taken as it is, which is what authors did who worked in it.
    """
    view, first = obs[role], on_lattice_at(obs, phase, role)
    goal = [phase + r * k - o for r, k, o in zip(view.ratio, first, obs.origin, strict=True)]
    if obs.convention == "toolbox":
        return view.data, (goal[0], goal[1])
    by = [(view.offset[axis] - goal[axis]) / view.ratio[axis] for axis in (0, 1)]
    rows, cols = (interpolation(n, n, 1.0, shift) for n, shift in zip(view.shape, by, strict=True))
    return apply(rows, cols, view.data), (goal[0], goal[1])


def on_lattice_at(obs: Observation, phase: float, role: str = "ms") -> tuple[int, int]:
    """The k of the first pixel on that lattice, of rows and of columns."""
    view = obs[role]
    row, col = (
        math.floor((offset + origin - phase) / ratio + 0.5)
        for offset, origin, ratio in zip(view.offset, obs.origin, view.ratio, strict=True)
    )
    return row, col
