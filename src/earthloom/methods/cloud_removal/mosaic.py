"""Mosaic: clear pixels of other dates, brought to the light and season of the target by regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.families.filling import REACH, Filling, constant, core_samples, fitted_filling, require_clear
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.ridge import LinearFit, ridge
from earthloom.problems.cloud_removal import clear, dates
from earthloom.types import Bool, Float, Observation

RIDGE = 1e-3
BLEND = 32  # px that the correction of the dates at a cloud's rim reaches into it


@dataclass(frozen=True)
class Mosaic(Filling):
    """Composite of clear dates, ``E = C_k(N_k(date_k))``, fitted to the target's clear pixels.

    ``N_k`` brings date k to the target: a regression on the pixels that are clear in both, over all bands
    (``bands``), band by band (``gain``: ``a_b x_b + c_b``), or not at all. ``C`` composes what is clear. What no date
    shows is filled from the surroundings, as by inpaint.

    Parameters
    ----------
    normalise
        ``bands``, ``gain`` or ``none``.
    composite
        ``weighted`` by the inverse variance of what each date's regression leaves, the ``median``, or the ``best``
        date that is clear at each pixel (the one whose regression leaves least).
    reach
        How many pixels clear surroundings matter where no date is clear, at most 96.

    References
    ----------
    Normalisation by regression: Yuan and Elvidge, ISPRS Journal 51(3), 117-126, 1996.
    """

    normalise: Literal["bands", "gain", "none"] = "bands"
    composite: Literal["weighted", "median", "best"] = "weighted"

    card: ClassVar[Card] = Card(
        name="Mosaic", title="Mosaic of clear dates", family="composite", citation="yuan1996", halo=REACH + BLEND,
        problem="cloud_removal", notes="needs at least one other date; does not look at SAR",
        looks_at=("date",),
    )  # fmt: skip

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse a scene without other dates."""
        super().check(obs, shape)
        if not dates(obs):
            raise MethodError("mosaic without another date", "at least one", "give `dates`")

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of (target, date) where both are clear, and of the target where it is clear."""
        known, target = clear(obs), obs["optical"].data
        stats = Stats(clear=Moments.of(core_samples(obs, known, target)))
        for k, date in enumerate(dates(obs)):
            stats[f"date_{k}"] = Moments.of(core_samples(obs, known & date.valid, target, date.data))
            stats[f"own_{k}"] = Moments.of(core_samples(obs, date.valid, date.data))
        return stats

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The composite fitted to the target, and the surroundings of both where no date is clear."""
        known, target = clear(obs), obs["optical"].data
        composed, shown = self.composed(obs, stats)
        composed = fitted_filling(composed, target, known & shown, min(BLEND, self.reach))
        if (known | shown).all():
            return composed
        image = np.where(shown, composed, target)
        guess = self.estimate(obs, stats)
        return np.where(shown, composed, fitted_filling(guess, image, known | shown, self.reach))

    def estimate(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The mean of the clear pixels, of the dates where the target has none."""
        found = [stats["clear"], *(stats[f"own_{k}"] for k in range(len(dates(obs))))]
        mean = next((moments.mean for moments in found if moments.count), stats["clear"].mean)
        return constant(mean, obs["optical"].data)

    def composed(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Bool[np.ndarray, "y x"]]:
        """The dates, brought to the target and composed; and where any is clear."""
        views = dates(obs)
        fits = [self.fit(stats[f"date_{k}"]) for k in range(len(views))]
        images = [view.data if fit is None else fit(view.data) for view, fit in zip(views, fits, strict=True)]
        left = np.array([1.0 if fit is None else float(fit.left.mean()) for fit in fits])
        shown = np.stack([view.valid for view in views])
        anywhere = np.asarray(shown.any(axis=0))
        if self.composite == "median":
            stack = np.stack([np.where(seen, image, np.nan) for seen, image in zip(shown, images, strict=True)])
            stack[:, :, ~anywhere] = 0
            return np.nanmedian(stack, axis=0).astype(images[0].dtype), anywhere
        trust = 1 / np.maximum(left, 1e-6 * left.max() if left.max() > 0 else 1.0)
        weight = shown * trust[:, None, None]
        if self.composite == "best":
            weight = (weight == weight.max(axis=0)) & shown
            weight &= np.cumsum(weight, axis=0) == 1  # the first of equals
        weight = (weight / np.maximum(weight.sum(axis=0), 1e-300)).astype(images[0].dtype)
        return sum((w * image for w, image in zip(weight, images, strict=True)), np.zeros_like(images[0])), anywhere

    def fit(self, moments: Moments) -> LinearFit | None:
        """What brings a date to the target; None takes it as it is."""
        if self.normalise == "none":
            return None
        bands = len(moments.mean) // 2
        require_clear(moments, 4 * bands, self.card.name)
        if self.normalise == "bands":
            return ridge(moments, bands, RIDGE)
        fits = [ridge(moments.pick([b, bands + b]), 1, 0.0) for b in range(bands)]
        weights = np.diag([float(fit.weights[0, 0]) for fit in fits])
        return LinearFit(weights, np.concatenate([f.constant for f in fits]), np.concatenate([f.left for f in fits]))
