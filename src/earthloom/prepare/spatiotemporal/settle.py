"""From images of several dates to what a method can use: seen, in one unit, in place; or refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.errors import InputError
from earthloom.ops.tiling import plan
from earthloom.prepare.spatiotemporal.coregister import Corrected, Moves, decide
from earthloom.prepare.spatiotemporal.known import Handling
from earthloom.prepare.spatiotemporal.quality import spread_of
from earthloom.prepare.spatiotemporal.survey import Survey, survey
from earthloom.prepare.spatiotemporal.units import Regression, regress, require_like_pairs, require_units
from earthloom.problems.spatiotemporal import Pair, pair_valid, pairs, valid_on_fine
from earthloom.types import Band, Float

LOOK_PX = 1024  # tiles in which a whole scene is searched for a pixel that was seen
FAR_NM = 120.0  # bands of two sensors whose centres lie further apart show different things


@dataclass(frozen=True)
class PairFacts:
    """What was found about the images, and what was done.

    Parameters
    ----------
    moves
        Of the coarse images.
    regression
        Of the coarse images on the fine ones, when asked for.
    ratio
        Coarse over fine pixel size; estimated where the coarse images lie on the fine grid.
    spread
        Of every fine band at the coarse scale; None where nothing could be sampled.
    """

    moves: Moves
    regression: Regression | None = None
    ratio: float = 1.0
    spread: Float[np.ndarray, " band"] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for provenance and JSON."""
        told: dict[str, Any] = {"coregistration": self.moves.as_dict()}
        return told | ({"match": self.regression.as_dict()} if self.regression is not None else {})


def look(
    scene: Any, known: Sequence[Pair], handling: Handling, called: Mapping[str, str], run: Run
) -> tuple[dict[str, Survey], dict[str, InputError]]:
    """Known dates at the coarse scale, by coarse role; and by fine role those of which nothing is seen, with why."""
    surveys: dict[str, Survey] = {}
    blind: dict[str, InputError] = {}
    for done, pair in enumerate(known, 1):
        run.progress("comparing", done - 1, len(known))
        found = survey(scene, pair.fine, pair.coarse, handling.ratio, run.at_a_time)
        if not found.empty:
            surveys[pair.coarse] = found
            continue
        try:
            require_seen(scene, pair, called)
        except InputError as error:
            blind[pair.fine] = error
    run.progress("comparing", len(known), len(known))
    return surveys, blind


def settle(
    scene: Any,
    surveys: Mapping[str, Survey],
    handling: Handling,
    called: Mapping[str, str],
    run: Run,
    target: Survey | None = None,
) -> tuple[Corrected, PairFacts]:
    """Bring the coarse images to the fine ones, by what the surveys of known dates tell.

    Parameters
    ----------
    scene
        Fine and coarse images.
    surveys
        Coarse role to its samples beside those of the fine image of that date.
    handling
        What is to be done.
    called
        Role to how the image is called in messages.
    run
        How to run.
    target
        Of ``coarse_p``, beside the nearest known fine image; it tells about places, not about units.
    """
    moves = _placed(scene, surveys, target, handling, called, run)
    regression = None
    if handling.match == "regression":
        if not surveys:
            raise InputError("no sample in which fine and coarse images agree", "clear pixels in both")
        regression = regress(surveys, moves.moves)
        names = next(view.bands for role, view in scene.empty().views.items() if role.startswith("fine"))
        for line in regression.lines([band.name for band in names]):
            run.tell(f"matched {line}")
        run.fact(matched=regression.as_dict())
    ratio = max([one.ratio for one in surveys.values()], default=1.0)
    gains, constants = (regression.gains, regression.constants) if regression else (None, None)
    facts = PairFacts(moves, regression, ratio, spread_of(surveys))
    return Corrected(scene, moves.moves, gains, constants, ratio), facts


def prepare_pairs(
    scene: Any, handling: Handling, called: Mapping[str, str], run: Run, scale: float | None = None
) -> tuple[Corrected, PairFacts]:
    """Look at the images of one prediction, and bring the coarse ones to the fine ones.

    Parameters
    ----------
    scene
        Views ``fine_1, coarse_1 ... coarse_p``.
    scale
        Of the coarse images, told or read; a hint multiplies it.

    Raises
    ------
    InputError
        If an image shows nothing, or the two sensors are in different units.
    """
    known = pairs(scene.empty())
    surveys, blind = look(scene, known, handling, called, run)
    if blind:
        raise next(iter(blind.values()))
    require_target(scene, called)
    target = None
    if handling.coregister != "off":
        target = survey(scene, known[_nearest(scene)].fine, "coarse_p", handling.ratio, run.at_a_time)
    if handling.match == "none":
        require_units(surveys, called, scale)
        require_like_pairs(scene, called)
    return settle(scene, surveys, handling, called, run, target)


def _placed(
    scene: Any,
    surveys: Mapping[str, Survey],
    target: Survey | None,
    handling: Handling,
    called: Mapping[str, str],
    run: Run,
) -> Moves:
    """Displacements of the coarse images, told, and what is moved."""
    if handling.coregister == "off":
        return Moves({})
    found = {role: one.displacement for role, one in surveys.items()}
    if target is not None and not target.empty:
        found["coarse_p"] = target.displacement
    for role, one in found.items():
        run.tell(f"{called.get(role, role)}: {one}")
    roles = {role: called.get(role, role) for role in scene.empty().views if role.startswith("coarse")}
    moves = decide(found, handling.coregister, roles)
    if len(set(moves.moves.values())) == 1:
        y, x = next(iter(moves.moves.values()))
        run.tell(f"coarse images moved {y:+.1f} rows, {x:+.1f} columns (fine pixels)")
    else:
        for role, (y, x) in sorted(moves.moves.items()):
            run.tell(f"{called.get(role, role)}: moved {y:+.1f} rows, {x:+.1f} columns (fine pixels)")
    if moves.moves:
        run.fact(moved_px=list(moves.moves.get("coarse_p", next(iter(moves.moves.values())))))
    return moves


def _nearest(scene: Any) -> int:
    """Number of the known date nearest to the prediction date (the first without dates)."""
    obs = scene.empty()
    target = obs["coarse_p"].date
    days = [obs[pair.fine].date for pair in pairs(obs)]
    if target is None or any(day is None for day in days):
        return 0
    return int(np.argmin([abs((day - target).days) for day in days if day is not None]))


def require_seen(scene: Any, pair: Pair, called: Mapping[str, str]) -> None:
    """Refuse a known date of which nothing was seen.

    Raises
    ------
    InputError
        Says which image is to blame.
    """
    picked = scene.pick({"fine_1": pair.fine, "coarse_1": pair.coarse})
    fine = coarse = False
    for tile in plan(scene.shape, LOOK_PX):
        obs = picked.observe(tile, 0)
        if pair_valid(obs, Pair("fine_1", "coarse_1")).any():
            return
        fine, coarse = fine or bool(obs["fine_1"].valid.any()), coarse or bool(obs["coarse_1"].valid.any())
    hint = "check nodata, NaN and the masks, or leave that date out"
    for seen, role in ((fine, pair.fine), (coarse, pair.coarse)):
        if not seen:
            raise InputError(f"{called[role]} has no clear pixel", "some", hint)
    raise InputError(f"{called[pair.fine]} and {called[pair.coarse]} have no clear pixel in common", "some", hint)


def require_target(scene: Any, called: Mapping[str, str]) -> None:
    """Refuse a prediction date of which nothing was seen.

    Raises
    ------
    InputError
        Then.
    """
    picked = scene.pick({"fine_1": pairs(scene.empty())[0].fine, "coarse_p": "coarse_p"})
    if not any(valid_on_fine(picked.observe(tile, 0), "coarse_p").any() for tile in plan(scene.shape, LOOK_PX)):
        raise InputError(
            f"{called['coarse_p']} has no clear pixel", "some", "check nodata, NaN and the mask; nothing else shows "
            "what changed",
        )  # fmt: skip


def require_same_bands(fine: tuple[Band, ...], coarse: tuple[Band, ...], counts: Sequence[tuple[str, int]]) -> None:
    """Refuse images of different bands.

    Parameters
    ----------
    fine, coarse
        Bands of the two sensors.
    counts
        How every image is called, and its number of bands.

    Raises
    ------
    InputError
        If their numbers differ, or wavelengths that are known lie far apart.
    """
    first, want = counts[0]
    for name, count in counts:
        if count != want:
            raise InputError(
                f"{name} of {count} band(s) and {first} of {want}", "the same bands in the same order",
                "choose them with `fine_bands` and `coarse_bands`",
            )  # fmt: skip
    centres = [(f.centre_nm, c.centre_nm) for f, c in zip(fine, coarse, strict=True)]
    far = [b for b, (f, c) in enumerate(centres, 1) if f is not None and c is not None and abs(f - c) > FAR_NM]
    if far:
        f, c = centres[far[0] - 1]
        raise InputError(
            f"band {far[0]} of the fine images at {f:.0f} nm and of the coarse ones at {c:.0f} nm", "the same bands",
            "put them into one order with `coarse_bands`, or leave out the sensors if they are not what they hold",
        )  # fmt: skip
