"""Whether fine and coarse images are in the same units: refused with a hint, or regressed onto each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.errors import InputError, warn
from earthloom.ops.tiling import spread_blocks
from earthloom.prepare.spatiotemporal.survey import Move, Survey

APART = 3.0  # levels of the two sensors that differ by more are in other units
CHANGED = 30.0  # nothing on the ground changes the level of a whole scene by more
FAR = 5.0  # times their range, or their size, beyond the numbers of the pairs
LOOK_PX = 512  # side of the windows that are looked at
UNIFORM = 1.5  # factors of the bands that differ by more than this have no common one
HUBER = 1.345  # deviations beyond which a sample counts less
ROUNDS = 20
LITTLE = 0.3  # correlation below which a regression explains next to nothing


@dataclass(frozen=True)
class Regression:
    """``fine ~ gain * coarse + constant`` of every band, with the correlation and the samples it rests on."""

    gains: tuple[float, ...]
    constants: tuple[float, ...]
    cc: tuple[float, ...]
    samples: int

    def lines(self, names: Sequence[str]) -> list[str]:
        """One for each band."""
        return [
            f"{name}: {gain:.4g} * coarse {constant:+.4g}, correlation {cc:.2f}"
            for name, gain, constant, cc in zip(names, self.gains, self.constants, self.cc, strict=True)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for provenance and JSON."""
        return {
            "gain": list(self.gains), "constant": list(self.constants), "cc": [round(c, 4) for c in self.cc],
            "samples": self.samples,
        }  # fmt: skip


def factors(fine: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Level of the fine bands over that of the coarse ones: medians of the absolute values of common samples."""
    levels = [np.median(np.abs(image), axis=1) for image in (fine, coarse)]
    return np.where(levels[1] > 0, levels[0] / np.where(levels[1] > 0, levels[1], 1), np.nan)


def _known_factors(fine: np.ndarray, coarse: np.ndarray) -> tuple[np.ndarray, float]:
    """The factors of the bands that have one, and their middle; 1 where none has."""
    found = factors(fine, coarse)
    found = found[np.isfinite(found) & (found > 0)]
    return found, float(np.exp(np.median(np.log(found)))) if found.size else 1.0


def require_units(surveys: Mapping[str, Survey], called: Mapping[str, str], scale: float | None) -> None:
    """Refuse images whose levels differ as if they were in other units.

    Parameters
    ----------
    surveys
        Coarse role to its samples beside those of the fine image of that date.
    called
        How to call the images of a role.
    scale
        The coarse scale that was told or read, which the hint multiplies.

    Raises
    ------
    InputError
        With the factor, and what to do about it.
    """
    for role, survey in surveys.items():
        found, common = _known_factors(*survey.samples())
        if not found.size:
            continue
        if 1 / APART <= common <= APART:
            odd = [b for b, f in enumerate(found, 1) if not 1 / APART <= f / common <= APART]
            if odd:
                warn(
                    f"{called[role]}: band {', '.join(map(str, odd))} differs in level from the other bands "
                    f"(fine over coarse {', '.join(f'{f:.2g}' for f in found)}): are the bands in one order?"
                )
            continue
        raise InputError(
            f"{called[role]}: the fine image is {_plain(common)} times the coarse one", "both in the same units",
            _hint(found, common, scale),
        )  # fmt: skip


def require_like_pairs(scene: Any, called: Mapping[str, str]) -> None:
    """Refuse a coarse image of the wanted date in another unit than those of the pairs, and tell of numbers far off.

    The fine image of that day is not there to compare with, but the coarse sensor is the same.

    Raises
    ------
    InputError
        With the factor.
    """
    roles = [role for role in scene.empty().views if role.startswith("coarse_")]
    picked = scene.pick({role: role for role in roles})
    tiles = spread_blocks(scene.shape, (LOOK_PX, LOOK_PX))
    views = [picked.observe(tile, 0) for tile in tiles]
    seen = {role: np.concatenate([one[role].data[:, one[role].valid] for one in views], axis=1) for role in roles}
    target = seen.pop("coarse_p")
    others = np.concatenate(list(seen.values()), axis=1)
    if not target.size or not others.size:
        return
    _, common = _known_factors(others, target)
    if not 1 / CHANGED <= common <= CHANGED:
        raise InputError(
            f"{called['coarse_p']}: the coarse images of the pairs are {_plain(common)} times this one",
            "all coarse images in one unit", "its scale may be lost or told twice: compare with `earthloom info`",
        )  # fmt: skip
    low, high = others.min(axis=1), others.max(axis=1)
    away = FAR * np.maximum(high - low, np.maximum(abs(low), abs(high)))
    far = (target < (low - away)[:, None]) | (target > (high + away)[:, None])
    if far.any() and (high > low).all():
        warn(
            f"{called['coarse_p']}: numbers from {target.min():g} to {target.max():g}, where those of the pairs lie in "
            f"{low.min():g} to {high.max():g}; a code for missing pixels that nobody declares? `coarse_nodata` names it"
        )


def _hint(found: np.ndarray, common: float, scale: float | None) -> str:
    """A scale where one number does it, else a regression."""
    regress = "`match=regression` fits the coarse images to the fine ones"
    if found.max() / found.min() > UNIFORM:
        bands = ", ".join(f"{f:.2g}" for f in found)
        return (
            f"no one scale does it (band by band {bands}): `fine_scale`, `fine_offset`, `coarse_scale` and "
            f"`coarse_offset` where they are known; else {regress}"
        )
    power = 10.0 ** round(math.log10(common))
    told = power if 1 / 1.6 < common / power < 1.6 else float(f"{common:.2g}")
    number = f"{told * (1.0 if scale is None else scale):.10g}"
    return f"`coarse_scale={number}` if that is the unit; else {regress}"


def _plain(factor: float) -> str:
    """A factor in two digits, without an exponent where that is readable."""
    rounded = float(f"{factor:.2g}")
    return f"{rounded:.0f}" if rounded >= 10 else f"{rounded:.2g}"


def regress(surveys: Mapping[str, Survey], moves: Mapping[str, Move]) -> Regression:
    """Fit the coarse bands to the fine ones, over all known dates together, at the coarse scale.

    Least squares with Huber's weights: samples further than 1.345 deviations off count less, so that clouds that no
    mask tells do not tilt the line.

    Raises
    ------
    InputError
        If a band of the coarse images is flat, or they share next to nothing with the fine ones.
    """
    parts = [survey.samples(*moves.get(role, (0.0, 0.0))) for role, survey in surveys.items()]
    fine, coarse = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
    fits = [_huber(f, c, band) for band, (f, c) in enumerate(zip(fine, coarse, strict=True), 1)]
    gains, constants, cc = zip(*fits, strict=True)
    weak = [band for band, r in enumerate(cc, 1) if r < LITTLE]
    if weak:
        warn(
            f"fine and coarse images hardly agree in band {', '.join(map(str, weak))} (correlation "
            f"{', '.join(f'{cc[b - 1]:.2f}' for b in weak)}): check the order of the bands, the dates and the clouds"
        )
    return Regression(gains, constants, cc, fine.shape[1])


def _huber(fine: np.ndarray, coarse: np.ndarray, band: int) -> tuple[float, float, float]:
    """Gain, constant and correlation of one band."""
    if coarse.size < 8 or coarse.std() <= 1e-9 * max(float(np.abs(coarse).mean()), 1e-300):
        raise InputError(
            f"band {band} of the coarse images, flat over {coarse.size} samples", "variation to regress on",
            "check its nodata code",
        )  # fmt: skip
    weight, gain, constant = np.ones_like(fine), 0.0, 0.0
    for _ in range(ROUNDS):
        total = weight.sum()
        f, c = (weight * fine).sum() / total, (weight * coarse).sum() / total
        spread = (weight * (coarse - c) ** 2).sum()
        before = gain
        gain = float((weight * (coarse - c) * (fine - f)).sum() / max(spread, 1e-300))
        constant = float(f - gain * c)
        off = np.abs(fine - gain * coarse - constant)
        scale = 1.4826 * float(np.median(off))
        if scale <= 0 or abs(gain - before) < 1e-6 * abs(gain):
            break
        weight = np.minimum(1.0, HUBER * scale / np.maximum(off, 1e-300))
    return gain, constant, float(np.corrcoef(fine, coarse)[0, 1]) if fine.std() > 0 else 0.0
