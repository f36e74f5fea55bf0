"""What methods for several fine bands share: the guides at the coarse scale, samples, lines, local lines, detail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from earthloom.methods.families.windows import NARROW, around, averaging
from earthloom.ops.moments import Moments, Stats
from earthloom.ops.ridge import drawn_lines
from earthloom.physics.forward import bands_by_gain, expand, measured, reduce
from earthloom.types import Float, Observation

ROLE = "coarse"


class Group(NamedTuple):
    """Coarse bands of one gain, and the guides as a sensor of that gain would have seen them."""

    name: str
    bands: list[int]
    low: Float[np.ndarray, "guide y x"]


def groups(obs: Observation) -> Iterator[Group]:
    """The coarse bands by their MTF gain: guides are blurred once for all bands of one."""
    gains = [band.mtf_nyquist for band in obs[ROLE].bands]
    for number, (gain, bands) in enumerate(bands_by_gain(gains, len(gains)).items()):
        yield Group(f"lines_{number}", bands, reduce(obs, obs["fine"].data, gain, ROLE))


def line_stats(obs: Observation, details: bool = False) -> Stats:
    """Moments of the guides and the coarse bands at the coarse scale, for each gain, over the core.

    With ``details`` also those of what a narrow window does not average away (:func:`of_details`).
    """
    rows, cols = obs.in_core(ROLE)
    counted = (seen := measured(obs, "fine", ROLE))[rows, cols]
    found = {}
    for group in groups(obs):
        both = np.concatenate([group.low, obs[ROLE].data[group.bands]])
        found[group.name] = Moments.of(both[:, rows, cols][:, counted])
        if details:
            lost = both.astype(np.float64)
            lost -= averaging(seen, NARROW)(lost)
            found[of_details(group)] = Moments.of(lost[:, rows, cols][:, counted])
    return Stats(found)


def of_details(group: Group) -> str:
    """Name of the moments of a group's details."""
    return f"details_{group.name}"


def lines(moments: Moments, guides: int) -> Float[np.ndarray, "band guide"]:
    """Least squares of every coarse band over the guides, ``c_b ~ sum_g a_bg g + const``."""
    bands = range(guides, len(moments.mean))
    return np.array([moments.regress(band, slice(0, guides))[0] for band in bands]).reshape(len(bands), guides)


def detail(obs: Observation, group: Group) -> Float[np.ndarray, "guide Y X"]:
    """What the guides hold that the coarse sensor lost, ``g - U D B g``."""
    return obs["fine"].data - expand(obs, group.low, ROLE)


class Local(NamedTuple):
    """Lines of every coarse pixel's neighbourhood: slopes, and the share of a band's variance that they explain."""

    slopes: Float[np.ndarray, "band guide y x"]
    share: Float[np.ndarray, "band y x"]


def local_lines(obs: Observation, group: Group, moments: Moments, window: float, ridge: float) -> Local:
    """Least squares around every coarse pixel, drawn to the line of the whole scene.

    The a minimise ``sum_i q_i (C_b - sum_g a_g D B_b G_g - const)^2 + r sum_g v_g (a_g - A_g)^2``: q a Gaussian window,
    A the line of the whole scene, v the variance of each guide. The share is ``(2 a'c - a'G a) / var C`` in the window,
    between 0 and 1.

    Parameters
    ----------
    moments
        Of the guides and the bands of the group over the whole scene (:func:`line_stats`).
    window
        Standard deviation of q in coarse pixels.
    ridge
        r.
    """
    guides = len(group.low)
    whole = lines(moments, guides)
    both = np.concatenate([group.low, obs[ROLE].data[group.bands]]).astype(np.float64) - moments.mean[:, None, None]
    gram, cross, spread = around(both, measured(obs, "fine", ROLE), guides, window)
    pull = ridge * np.maximum(np.diag(moments.covariance)[:guides], 1e-12 * (1 + np.abs(moments.mean[0])))
    count, (height, width) = gram.shape[0] * gram.shape[1], gram.shape[:2]
    slopes, taken = drawn_lines(
        gram.reshape(count, guides, guides), cross.reshape(count, guides, -1), pull, whole.T
    )  # fmt: skip
    share = np.clip(taken.reshape(-1, height, width) / np.maximum(spread.transpose(2, 0, 1), 1e-30), 0, 1)
    return Local(slopes.reshape(-1, guides, height, width), share)
