"""A prediction from several known dates without seams between what one and what several of them show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from earthloom.methods.base import Method, Wrapper
from earthloom.ops.moments import Stats
from earthloom.ops.spread import feathered
from earthloom.problems.spatiotemporal import nearest_dates, pair_valid, pairs, valid_on_fine
from earthloom.types import Bool, Float, Observation

FADE = 8  # px over which a prediction fades into another one
MOST = 3  # known dates: of more there are too many sets


@dataclass(frozen=True)
class Seamless(Wrapper):
    """The method inside; where a known date is clouded in part, its influence fades out towards the cloud.

    Where the dates of a set S are clear the method predicts ``Q_S``, as if there were no others. Sets of more dates,
    then of nearer ones, lie over the others, and fade into them within 8 pixels of their rim
    (:func:`earthloom.ops.spread.feathered`): there the dates that are clear on both sides decide alone. Nothing is
    carried across a rim. Fitting a prediction to the other one beyond it, as cloud removal does, makes the rim just
    as smooth, but beside clouds of a mask there is haze: on NDVI of 2015 it left between 0.88 and 1.7 times the error.

    A tile that no rim is near is that of the method inside, bit by bit.
    """

    @property
    def images_held(self) -> int:  # type: ignore[override]
        """Two sets, beside what the method inside holds."""
        return self.inner.images_held + 2

    def halo_px(self, ratio: float) -> int:
        """That of the method inside, or as far as rims matter."""
        return max(self.inner.halo_px(ratio), 2 * FADE)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The image."""
        return self.fuse_measured(obs, stats)[0]

    def fuse_measured(self, obs: Observation, stats: Stats) -> tuple[Float[np.ndarray, "band y x"], Stats]:
        """The image, and what the method inside measures of its own."""
        image, measured = self.inner.fuse_measured(obs, stats)
        near = obs.core_window.grow(2 * FADE, obs.shape).slices
        if len(pairs(obs)) > MOST or all(view.all_valid for view in obs.views.values()):
            return image, measured
        seen = valid_on_fine(obs, "coarse_p")
        clear = np.stack([pair_valid(obs, pair) & seen for pair in pairs(obs)])
        sets = self._sets(obs, clear[:, *near])
        if len(sets) < 2:
            return image, measured
        core = obs.core_window
        regions = [np.asarray((clear == np.array(one)[:, None, None]).all(axis=0)) for one in sets]

        def layers() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for one, region in zip(reversed(sets), reversed(regions), strict=True):
                shown = np.asarray(clear[np.array(one)].all(axis=0))
                lone = not (shown & ~region)[near].any()  # there the method sees just these dates
                own = image if lone else self.inner.fuse(hidden(obs, one), stats)
                yield own[:, *core.slices], shown[core.slices]

        found = image.copy()
        found[:, *core.slices] = feathered(layers(), regions, FADE, core)
        return found, measured

    @staticmethod
    def _sets(obs: Observation, clear: Bool[np.ndarray, "date y x"]) -> list[tuple[bool, ...]]:
        """Which dates are clear together anywhere: the larger sets, then those of nearer dates first."""
        found = {tuple(map(bool, one)) for one in np.unique(clear.reshape(len(clear), -1), axis=1).T if one.any()}
        order = nearest_dates(obs)
        return sorted(found, key=lambda one: (-sum(one), [not one[k] for k in order]))


def hidden(obs: Observation, kept: tuple[bool, ...]) -> Observation:
    """The observation as if known dates that are not kept had been clouded all over."""
    nowhere = np.zeros(obs.shape, bool)
    views = {
        pair.fine: replace(obs[pair.fine], valid=nowhere) for pair, one in zip(pairs(obs), kept, strict=True) if not one
    }
    return replace(obs, views={**obs.views, **views})


def seamless(method: Method) -> Method:
    """The method, without seams where several known dates make them; a baseline as it is."""
    inner = method
    while isinstance(inner, Wrapper):
        inner = inner.inner
    return method if inner.card.family == "baseline" or fades(method) else Seamless(method)


def fades(method: Method) -> bool:
    """Whether it is seamless, whatever is around it."""
    return isinstance(method, Seamless) or (isinstance(method, Wrapper) and fades(method.inner))
