"""Cut scenes into cases: blocks of coarse pixels with the halo that degrading needs, so that blocks equal the whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from earthloom.ops.fill import fill
from earthloom.problems.base import Case, Problem
from earthloom.types import Observation, Scene, View, Window

HALO = 12  # coarse pixels beyond which nothing is felt: half of 41 x 41 taps at ratio 2, and some
INTO_HOLES = 3  # coarse pixels that the degrading blur looks into a hole (its deviation is half of one)
TOLERANCE_PX = 1e-3
ROLES = ("pan", "ms")  # of the sharp view and of the coarse one


def ratio_of_scene(scene: Scene, roles: Sequence[str] = ROLES) -> int:
    """The ratio of a scene as degradation rounds it."""
    return round(max(scene.empty()[roles[1]].ratio))


def _axis(obs: Observation, axis: int, role: str) -> tuple[float, float, float]:
    """Ratio, offset, and where coarse pixel 0 begins, all in wanted pixels (0 is the edge of the first one)."""
    ratio, offset = obs[role].ratio[axis], obs[role].offset[axis]
    return ratio, offset, offset - (ratio / 2 if obs.convention == "toolbox" else (ratio - 1) / 2)


def usable(scene: Scene, roles: Sequence[str] = ROLES) -> Window:
    """The coarse pixels of a scene that lie inside the wanted grid as a whole."""
    obs, spans = scene.empty(), []
    for axis in (0, 1):
        ratio, _, begin = _axis(obs, axis, roles[1])
        first = max(0, math.ceil(-begin / ratio - TOLERANCE_PX))
        last = math.floor((scene.shape[axis] - begin) / ratio + TOLERANCE_PX)
        spans.append((first, last - first))
    (y, height), (x, width) = spans
    return Window(y, x, height, width)


def plan_blocks(shape: tuple[int, int], unit: int, limit: int) -> list[Window]:
    """Blocks of at most ``limit`` pixels a side whose corners are multiples of ``unit``, as even as can be."""
    spans = []
    for size in shape:
        cells, most = size // unit, max(1, limit // unit)
        if cells < 1:
            spans.append([(0, size)])
            continue
        edges = [round(e) * unit for e in np.linspace(0, cells, max(1, math.ceil(cells / most)) + 1)]
        spans.append([(a, b - a) for a, b in pairwise(edges)])
    return [Window(y, x, height, width) for y, height in spans[0] for x, width in spans[1]]


def cut(scene: Scene, block: Window, roles: Sequence[str] = ROLES) -> tuple[Observation, Window]:
    """The observation of exactly these coarse pixels (counted from the first usable one), and its wanted window."""
    first, obs = usable(scene, roles), scene.empty()
    at = block._replace(y=block.y + first.y, x=block.x + first.x)
    spans, offsets = [], []
    for axis, (start, count) in enumerate(((at.y, at.height), (at.x, at.width))):
        ratio, offset, begin = _axis(obs, axis, roles[1])
        low = max(0, math.floor(begin + ratio * start + TOLERANCE_PX))
        high = min(scene.shape[axis], math.ceil(begin + ratio * (start + count) - TOLERANCE_PX))
        spans.append((low, high - low))
        offsets.append(offset + ratio * start - low)
    (y, height), (x, width) = spans
    fine = Window(y, x, height, width)
    seen = scene.observe(fine, 0)
    coarse = seen[roles[1]]
    skip = [round((offsets[a] - coarse.offset[a]) / coarse.ratio[a]) for a in (0, 1)]  # that the tile holds before it
    rows, cols = slice(skip[0], skip[0] + at.height), slice(skip[1], skip[1] + at.width)
    coarse = replace(
        coarse, data=coarse.data[:, rows, cols], valid=coarse.valid[rows, cols], offset=(offsets[0], offsets[1])
    )
    return replace(seen, views={roles[0]: seen[roles[0]], roles[1]: coarse}, core=None, origin=(0, 0)), fine


def reduced(
    problem: Problem, scene: Scene, block: Window, degrade: Callable[[Observation], Case] | None = None,
    ratio: int | None = None,
) -> Case:  # fmt: skip
    """The case of a block one scale down; its edges inside the scene do not show.

    Parameters
    ----------
    problem
        Says how to degrade.
    scene
        At native resolution.
    block
        In coarse pixels, corners at multiples of the ratio (:func:`plan_blocks`).
    degrade, ratio
        Another way than the problem's, and by how much it makes the coarse pixels coarser.
    """
    roles = problem.seen
    ratio, area = ratio or ratio_of_scene(scene, roles), usable(scene, roles)
    grown = block.grow(HALO * ratio, (area.height, area.width))
    case = (degrade or problem.degrade)(_filled(cut(scene, grown, roles)[0], ratio, roles))
    return trimmed(case, block.relative_to(grown), ratio, roles)


def _filled(obs: Observation, ratio: int, roles: Sequence[str]) -> Observation:
    """No zeros at the rim of holes, which blurring would carry into the measured pixels beside them."""
    if all(view.all_valid for view in obs.views.values()):
        return obs
    views = {
        role: replace(
            view, data=fill(view.data, view.valid, round(INTO_HOLES * ratio * (1 if role == roles[1] else ratio)))
        )
        for role, view in obs.views.items()
    }
    return replace(obs, views=views)


def trimmed(case: Case, window: Window, ratio: int, roles: Sequence[str] = ROLES) -> Case:
    """A case without its margins; the window is in pixels of the truth, whole multiples of the ratio."""
    height, width = (min(n, size) // ratio * ratio for n, size in zip(window[2:], case.truth.shape[1:], strict=True))
    rows, cols = slice(window.y, window.y + height), slice(window.x, window.x + width)
    coarse = tuple(slice(s.start // ratio, s.stop // ratio) for s in (rows, cols))
    sharp, low = case.obs[roles[0]], case.obs[roles[1]]
    views = {roles[0]: _part(sharp, (rows, cols)), roles[1]: _part(low, (coarse[0], coarse[1]))}
    obs = replace(case.obs, views=views, shape=(height, width))
    return Case(obs, np.ascontiguousarray(case.truth[:, rows, cols]))


def _part(view: View, at: tuple[slice, slice]) -> View:
    """Some rows and columns of a view, copied, so that the block does not hold the scene in memory."""
    return replace(view, data=np.ascontiguousarray(view.data[:, at[0], at[1]]), valid=view.valid[at].copy())
