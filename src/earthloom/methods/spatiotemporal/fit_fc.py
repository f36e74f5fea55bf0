"""Fit-FC: one coarse date regressed on the other, fine pixels put into it, its residual, similar neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.families.cells import Cells, by_date, cells_of, coarse_cells, measured_then, require_cell_ratio
from earthloom.methods.families.known_dates import WIDEST, Temporal, core_values
from earthloom.methods.fields import within
from earthloom.ops.banded import apply
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.ranked import Ties, ranking, rounded, similar_mean
from earthloom.physics.resample import cubic
from earthloom.problems.spatiotemporal import nearest_dates, pair_valid, pairs
from earthloom.types import REACH, Band, Bool, Float, Int, Observation, Window

TIES: dict[str, Ties] = {"ours": "near", "matlab": "columns"}
FLAT = {"ours": 0.3, "matlab": 0.0}  # similar pixels are ranked by difference times (this + d / A), or alone
RIDGE = {"ours": 0.05, "matlab": 0.0}
CUBIC = 2  # coarse pixels that cubic interpolation looks at on either side
RED_NM, NIR_NM, OFF_NM = 660.0, 840.0, 60.0


@dataclass(frozen=True)
class FitFc(Temporal):
    """Regression model fitting, spatial filtering and residual compensation.

    ``F_p = sum w Z / sum w`` over the ``similar`` pixels of the window that are most like the one in the middle,
    ``w = 1 / (1 + d / A)`` at distance d, A half the window. ``Z = a F_1 + b + R``: a and b are the least squares fit
    ``C_p = a C_1 + b`` over the coarse pixels around, R is what it leaves, interpolated.

    Ours holds a to the slope of the whole scene where alike coarse pixels leave it open (``ridge``), judges similarity
    by all bands in units of their spread, and among similar pixels prefers near ones: differences are ranked times
    ``0.3 + d / A``.

    Parameters
    ----------
    window_px
        Side of the window for similar pixels, odd. The published A is half of it.
    similar
        How many of them. More smooth more, and hide the coarse pixels better.
    radius
        Coarse pixels on either side that the regression looks at: 1 is 3 x 3. More follow local change less closely,
        but are calmer.
    ridge
        How strongly a is held to the slope g of the whole scene: ``a = (cov(C_1, C_p) + s v g) / (var(C_1) + s v)``
        with s this and v the scene's variance of C_1. 0 is least squares. None takes 0.05, and 0 for ``matlab``.
    ratio
        Fine pixels along a coarse one, when the coarse images were brought to the fine grid. On their own grid they
        say it themselves.
    red, nir
        Numbers of these bands, from 1, by which alone pixels are judged to be similar. None: by all bands, each in
        units of its spread; for ``matlab`` by wavelength.
    variant
        ``ours``, or ``matlab`` for the published code: of equally similar pixels those first in columns, borders
        repeated.

    References
    ----------
    Wang and Atkinson, Remote Sensing of Environment 204, 31-42, 2018.
    """

    window_px: int = 41
    similar: int = 20
    radius: int = 1
    ridge: float | None = None
    ratio: float | None = None
    red: int | None = None
    nir: int | None = None
    variant: Literal["ours", "matlab"] = "ours"

    rounds: ClassVar[int] = 1
    bytes_per_px: ClassVar[int] = 300

    card: ClassVar[Card] = Card(
        name="Fit-FC", title="Regression model fitting, spatial filtering and residual compensation",
        family="regression", citation="wang2018fitfc", halo=2, problem="spatiotemporal", minimum=2,
        published={"variant": "matlab"}, notes="one known date; the halo is half the window",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        within(self, "window_px", 1, WIDEST)
        within(self, "similar", 1)
        within(self, "radius", 1, 50)
        within(self, "ratio", 1)
        within(self, "ridge", 0)
        if self.window_px % 2 == 0:
            raise MethodError(
                f"{self.card.name} with window_px={self.window_px}", "an odd number", f"take {self.window_px + 1}"
            )
        if (self.red is None) != (self.nir is None):
            raise MethodError(f"{self.card.name} with red={self.red} and nir={self.nir}", "both or neither")

    def halo_px(self, ratio: float) -> int:
        """Half the window, and the coarse pixels that regression and interpolation see beyond what tiles carry."""
        across = ratio if ratio > 1 else self.ratio or 1.0
        beyond = self.radius + CUBIC + 1 + (1 if ratio == 1 else -REACH)
        return self.window_px // 2 + math.ceil(across * max(beyond, 0))

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse coarse images that do not say what their pixels cover, and bands that are not there."""
        super().check(obs, shape)
        require_cell_ratio(obs, self.ratio, self.card.name)
        self.guides(obs["fine_1"].bands)

    def guides(self, bands: tuple[Band, ...]) -> list[int]:
        """Numbers (from 0) of the bands that similarity is judged by.

        Raises
        ------
        MethodError
            If red and near infrared are asked for and are not there.
        """
        if self.red is not None and self.nir is not None:
            if not (1 <= self.red <= len(bands) and 1 <= self.nir <= len(bands)):
                raise MethodError(f"red={self.red} and nir={self.nir} of {len(bands)} bands", f"1 to {len(bands)}")
            return [self.red - 1, self.nir - 1]
        if self.variant == "ours":
            return list(range(len(bands)))
        found = []
        for wanted in (RED_NM, NIR_NM):
            away = [abs(band.centre_nm - wanted) if band.centre_nm else math.inf for band in bands]
            if min(away) > OFF_NM:
                raise MethodError(f"no band near {wanted:g} nm", "red and near infrared", "give red= and nir=")
            found.append(away.index(min(away)))
        return found

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the fine images, and of both coarse dates together; of no use to the published code."""
        stats, cells = Stats(), cells_of(obs, self.ratio)
        after, after_seen = coarse_cells(obs, "coarse_p", cells)
        for k, pair in enumerate(pairs(obs)):
            before, seen = coarse_cells(obs, pair.coarse, cells)
            owned = cells.owned(obs) & seen & after_seen
            stats[f"fine {k}"] = Moments.of(core_values(obs, pair_valid(obs, pair), obs[pair.fine].data))
            stats[f"coarse {k}"] = Moments.of(np.concatenate([before, after])[:, owned])
        return stats

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """From the nearest known date; where that was not measured, from the next."""
        image = np.array(obs[pairs(obs)[nearest_dates(obs)[0]].fine].data)
        for k, part, taken in by_date(obs, self.inner(obs)):
            near, rows, cols = part.grow(self.window_px // 2, obs.shape), *part.slices
            values = self.unfiltered(obs, k, stats, near)
            found = self.filtered(obs, k, stats, near, values, part)[0]
            image[:, rows, cols] = np.where(taken, found, image[:, rows, cols])
        return image

    def support(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "y x"]:
        """How many similar pixels were found."""
        count = np.zeros(obs.shape)
        for k, part, taken in by_date(obs, self.inner(obs)):
            near = part.grow(self.window_px // 2, obs.shape)
            found = self.filtered(obs, k, stats, near, np.zeros((0, near.height, near.width)), part)[1]
            count[part.slices] = np.where(taken, found, count[part.slices])
        return count

    def unfiltered(self, obs: Observation, k: int, stats: Stats, window: Window) -> Float[np.ndarray, "band h w"]:
        """Z in a window, from known date ``k``."""
        pair, cells = pairs(obs)[k], cells_of(obs, self.ratio)
        before, first = coarse_cells(obs, pair.coarse, cells)
        after, second = coarse_cells(obs, "coarse_p", cells)
        prior = self.prior(stats[f"coarse {k}"], len(before))
        slope, constant = regression(before, after, first & second, self.radius, *prior)
        fine = obs[pair.fine].data[:, window.slices[0], window.slices[1]]
        rest = after - slope * before - constant
        return carried(fine, cells, window, slope, constant) + interpolated(rest, cells, window)

    def prior(self, moments: Moments, bands: int) -> tuple[Float[np.ndarray, " band"], Float[np.ndarray, " band"]]:
        """Slope of the whole scene, 1 where nothing varies, and the variance that slopes are held to it with."""
        variance = np.diag(moments.comoment)[:bands]
        slope = np.diag(moments.comoment[:bands, bands:]) / np.where(variance > 0, variance, 1.0)
        strength = RIDGE[self.variant] if self.ridge is None else self.ridge
        return np.where(variance > 0, slope, 1.0), strength * variance / max(moments.count, 1)

    def filtered(
        self, obs: Observation, k: int, stats: Stats, near: Window, values: Float[np.ndarray, "band n m"], part: Window
    ) -> tuple[Float[np.ndarray, "band h w"], Int[np.ndarray, "h w"]]:
        """Means of ``values``, which fill the window ``near``, over pixels similar to those of ``part``; how many."""
        chosen, half = self.guides(obs["fine_1"].bands), self.window_px // 2
        guide = obs[pairs(obs)[k].fine].data[:, near.slices[0], near.slices[1]][chosen]
        own = self.red is None and self.variant == "ours"
        unit = rounded(stats[f"fine {k}"].std[chosen]) if own else None
        valid, part = measured_then(obs, k)[near.slices], part.relative_to(near)
        if self.variant == "matlab":  # repeated border pixels are candidates like any other
            low = [max(half - first, 0) for first in part[:2]]
            ends = zip(part[:2], part[2:], valid.shape, strict=True)
            by = [(a, max(half + first + count - size, 0)) for a, (first, count, size) in zip(low, ends, strict=True)]
            guide, values = (np.pad(image, ((0, 0), *by), mode="edge") for image in (guide, values))
            valid, part = np.pad(valid, by, mode="edge"), part._replace(y=part.y + low[0], x=part.x + low[1])
        table = ranking(self.window_px, self.window_px / 2, TIES[self.variant], FLAT[self.variant])
        return similar_mean(guide, valid, values, part, table, self.similar, unit=unit)


def regression(
    before: Float[np.ndarray, "band y x"], after: Float[np.ndarray, "band y x"], seen: Bool[np.ndarray, "y x"],
    radius: int, towards: Float[np.ndarray, " band"], hold: Float[np.ndarray, " band"],
) -> tuple[Float[np.ndarray, "band y x"], Float[np.ndarray, "band y x"]]:  # fmt: skip
    """Least squares ``after ~ a before + b`` over the windows around each coarse pixel, cut at the border: a and b.

    ``a = (cov + h g) / (var + h)`` with ``hold`` h and ``towards`` g; g also where ``before`` does not vary at all.
    """
    padded = np.pad(seen.astype(np.float64), radius)
    around = ((0, 0), (radius, radius), (radius, radius))
    images = [np.pad(np.where(seen, image, 0), around) for image in (before, after)]
    height, width = seen.shape
    shifts = [(slice(y, y + height), slice(x, x + width)) for y in range(2 * radius + 1) for x in range(2 * radius + 1)]
    count = np.maximum(sum(padded[at] for at in shifts), 1)
    mean = [sum(image[:, at[0], at[1]] for at in shifts) / count for image in images]
    cross, square = np.zeros(before.shape), np.zeros(before.shape)
    for at in shifts:  # shifted sums: the same digits in every tile, and no squares of large numbers subtracted
        first = (images[0][:, at[0], at[1]] - mean[0]) * padded[at]
        cross += first * (images[1][:, at[0], at[1]] - mean[1])
        square += first**2
    goal, held = towards[:, None, None], hold[:, None, None] * count
    flat = square + held <= 1e-12 * count * mean[0] ** 2
    slope = np.where(flat, goal, (cross + held * goal) / np.where(flat, 1.0, square + held))
    return slope, mean[1] - slope * mean[0]


def carried(
    fine: Float[np.ndarray, "band h w"], cells: Cells, window: Window, slope: Float[np.ndarray, "band y x"],
    constant: Float[np.ndarray, "band y x"],
) -> Float[np.ndarray, "band h w"]:  # fmt: skip
    """``a F + b`` of the fine image in a window, a and b those of the coarse pixel that covers the fine one."""
    own = cells.cut(window)
    return own.fine(slope) * fine + own.fine(constant)


def interpolated(rest: Float[np.ndarray, "band y x"], cells: Cells, window: Window) -> Float[np.ndarray, "band h w"]:
    """Coarse values in a window of the fine grid, by cubic convolution."""
    own, shape = cells.cut(window), (window.height, window.width)
    rows, cols = (cubic(shape[a], rest.shape[1 + a], own.ratio[a], own.offset[a]) for a in (0, 1))
    return apply(rows, cols, rest)
