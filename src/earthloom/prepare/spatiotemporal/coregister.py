"""Coarse images brought to the fine ones: moved where they were misplaced, converted where their units differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from earthloom.errors import warn
from earthloom.physics.shift import interpolated
from earthloom.prepare.spatiotemporal.known import Coregister
from earthloom.prepare.spatiotemporal.survey import Displacement, Move
from earthloom.types import RADIUS, Convention, Observation, View, Window

TARGET = "coarse_p"  # of the date to predict
ALIKE_PX = 0.02  # moves that differ by less, in coarse pixels, are one


@dataclass(frozen=True)
class Moves:
    """What was found about the places of the coarse images, and what is done about it.

    Parameters
    ----------
    found
        Role of a coarse image to its displacement against a fine one.
    common
        Displacement that all agree on (weighted by certainty), and its standard error; None where none is known.
    moves
        Role to what is added to its place, in fine pixels; empty: nothing is moved.
    """

    found: Mapping[str, Displacement]
    common: tuple[Move, float] | None = None
    moves: Mapping[str, Move] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for provenance and JSON."""
        told: dict[str, Any] = {role: one.as_dict() for role, one in self.found.items()}
        moved = {role: [round(d, 2) for d in move] for role, move in self.moves.items()}
        return {"measured": told, "moved_px": moved}


def decide(found: Mapping[str, Displacement], mode: Coregister, roles: Mapping[str, str]) -> Moves:
    """What to move, and by how much.

    The images of one sensor are usually off by the same: the mean of all that agree, weighted by certainty, moves
    them all. One that is beyond doubt elsewhere is moved by its own displacement. The date to predict has no fine
    image to be compared with: what it shows beside that of another day is displacement and change in one, so it goes
    with the known dates wherever these could be measured.

    Parameters
    ----------
    found
        Role to displacement.
    mode
        ``auto`` moves what is beyond doubt and more than a quarter of a coarse pixel off, ``always`` whatever could be
        measured, ``measure`` nothing.
    roles
        Every coarse role, and how to call it.
    """
    known = {role: one for role, one in found.items() if one.known}
    known = {role: one for role, one in known.items() if role != TARGET} or known
    if not known:
        return Moves(found)
    middle = [float(np.median([getattr(one, axis) for one in known.values()])) for axis in ("y", "x")]
    ratio = next(iter(known.values())).ratio
    apart = {role: math.hypot(one.y - middle[0], one.x - middle[1]) for role, one in known.items()}
    agree = {r: one for r, one in known.items() if apart[r] <= max(3 * one.sigma_px, Displacement.LIMIT * ratio)}
    agree = agree or known
    weight = np.array([1 / (one.sigma_px + 0.02 * ratio) ** 2 for one in agree.values()])
    y, x = (float(np.average([getattr(one, axis) for one in agree.values()], weights=weight)) for axis in ("y", "x"))
    sigma = float(weight.sum() ** -0.5)
    likelier = sum(one.gain for one in agree.values())
    joint = Displacement(y, x, sigma, likelier, 1.0, 1.0, ratio)
    moved = mode == "always" or (mode == "auto" and joint.clear)
    moves = {role: (y, x) for role in roles} if moved else {}
    for role, one in known.items():
        if role not in agree and (mode == "always" or (mode == "auto" and one.clear)):
            moves = {**dict.fromkeys(roles, (0.0, 0.0)), **moves, role: (one.y, one.x)}
    if not moves and joint.clear:
        warn(
            f"the coarse images belong {y:+.1f} rows, {x:+.1f} columns (fine pixels) further, {joint.coarse_px:.2f} "
            "coarse pixels; they were not moved: `coregister=auto`"
        )
    return Moves(found, ((y, x), sigma), moves)


@dataclass(frozen=True)
class Corrected:
    """A scene whose coarse images lie where they belong, in the units of the fine ones.

    Parameters
    ----------
    scene
        As read.
    moves
        Coarse role to what is added to its place, in fine pixels. On their own grid it is a change of the offset
        (images that move by something else than the first one are interpolated onto its pixels, since methods need
        one coarse grid); on the fine grid they move by whole pixels.
    gains, constants
        Of each band: ``gain * coarse + constant``; None: as they are.
    coarse_px
        Coarse pixel size, in fine pixels, of images on the fine grid. So far beyond the border that a move uncovers the
        pixels at the border are repeated; beyond that nothing is known.
    """

    scene: Any
    moves: Mapping[str, Move] = field(default_factory=dict)
    gains: tuple[float, ...] | None = None
    constants: tuple[float, ...] | None = None
    coarse_px: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the fine grid."""
        return self.scene.shape

    @property
    def convention(self) -> Convention:
        """Geometry and physics convention."""
        return self.scene.convention

    def pick(self, roles: Mapping[str, str]) -> Corrected:
        """Some of the images under other roles, ``new: old``."""
        moves = {new: self.moves[old] for new, old in roles.items() if old in self.moves}
        return replace(self, scene=self.scene.pick(roles), moves=moves)

    def observe(self, core: Window, halo_px: int) -> Observation:
        """The tile ``core`` with its halo."""
        if not self.moves:
            return self._converted(self.scene.observe(core, halo_px))
        ratio = self.scene.empty().ratio
        extra = math.ceil(max(max(map(abs, move)) for move in self.moves.values()))
        extra += math.ceil((2 * RADIUS + 2) * ratio) if not self._as_one and ratio > 1 else 0
        wide = self._moved(self.scene.observe(core, halo_px + extra))
        return self._converted(wide.crop(wide.core_window, halo_px))

    def empty(self) -> Observation:
        """An observation of no pixels: bands, ratios and offsets."""
        views = {
            role: replace(view, data=view.data[:, :0, :0], valid=view.valid[:0, :0])  # arrays show themselves whole
            for role, view in self.scene.empty().views.items()
        }
        for role in self.moves:
            if max(views[role].ratio) > 1:
                views[role] = self._placed(views[role], self._first)
        return Observation(views, (0, 0), self.convention)

    @property
    def _first(self) -> Move:
        """The move of the first coarse image, whose grid is that of all."""
        return self.moves[min(self.moves)]

    @property
    def _as_one(self) -> bool:
        """Whether every image moves by the same."""
        ratio = self.scene.empty().ratio
        first = self._first
        return all(
            max(abs(a - b) for a, b in zip(move, first, strict=True)) <= ALIKE_PX * ratio
            for move in self.moves.values()
        )

    def _placed(self, view: View, move: Move) -> View:
        """A view with another offset."""
        return replace(view, offset=(view.offset[0] + move[0], view.offset[1] + move[1]))

    def _moved(self, obs: Observation) -> Observation:
        """Every coarse view where it belongs."""
        views = dict(obs.views)
        for role, move in self.moves.items():
            view = views[role]
            if max(view.ratio) == 1:
                views[role] = _rolled(view, round(move[0]), round(move[1]), round(self.coarse_px))
                continue
            first = self._first
            apart = tuple((m - f) / r for m, f, r in zip(move, first, view.ratio, strict=True))
            if max(map(abs, apart)) > ALIKE_PX:
                view = interpolated(view, (apart[0], apart[1]))
            views[role] = covering(self._placed(view, first), obs.shape, repeated=1)
        return replace(obs, views=views)

    def _converted(self, obs: Observation) -> Observation:
        """Coarse views in the units of the fine ones."""
        if self.gains is None or self.constants is None:
            return obs
        views = dict(obs.views)
        for role, view in obs.views.items():
            if _is_coarse(role):
                gain, constant = (np.array(v, view.data.dtype)[:, None, None] for v in (self.gains, self.constants))
                views[role] = replace(view, data=np.where(view.valid, gain * view.data + constant, 0))
        return replace(obs, views=views)


def _is_coarse(role: str) -> bool:
    """Whether a role is of the coarse sensor."""
    return role.startswith("coarse")


def _rolled(view: View, dy: int, dx: int, reach: int) -> View:
    """A view on the fine grid with its content moved by whole pixels.

    What came from outside is nothing, but for ``reach`` pixels beside the border, which repeat it.
    """
    index, known = [], []
    for d, n in zip((dy, dx), view.shape, strict=True):
        source = np.arange(n) - d
        index.append(np.clip(source, 0, n - 1))
        known.append((source >= -reach) & (source < n + reach))
    at = np.ix_(*index)
    valid = view.valid[at] & known[0][:, None] & known[1]
    data = np.where(valid, view.data[:, index[0][:, None], index[1]], view.data.dtype.type(0))
    return replace(view, data=data, valid=valid)


def covering(view: View, shape: tuple[int, int], repeated: int = 0) -> View:
    """The view with pixels around it where it does not reach the border of the fine grid.

    The first ``repeated`` of them repeat its border, further ones are nothing.
    """
    pads = []
    for o, r, n, size in zip(view.offset, view.ratio, view.shape, shape, strict=True):
        before = max(0, math.ceil((o - r / 2 + 0.5) / r - 1e-6))
        after = max(0, math.ceil((size - 0.5 - (o + r * (n - 1) + r / 2)) / r - 1e-6))
        pads.append((before, after))
    if not any(map(any, pads)) or 0 in view.shape:
        return view
    offset = (view.offset[0] - pads[0][0] * view.ratio[0], view.offset[1] - pads[1][0] * view.ratio[1])
    near = [(min(a, repeated), min(b, repeated)) for a, b in pads]
    far = [(a - c, b - d) for (a, b), (c, d) in zip(pads, near, strict=True)]
    data = np.pad(np.pad(view.data, ((0, 0), *near), mode="edge"), ((0, 0), *far))
    valid = np.pad(np.pad(view.valid, near, mode="edge"), far)
    return replace(view, data=data, valid=valid, offset=offset)
