"""What networks of spatiotemporal fusion begin with: the coarse change, shared out by what the known images show.

Inside a coarse pixel fields, water and roofs change differently, and how they do can be read from neighbouring coarse
pixels that hold other shares of them. With the known fine images F_k, seen by the coarse sensor as ``L_k = D B F_k``,
and weights w_k (sum 1, larger where the coarse image changed less):

* ``Y = C_p - sum w_k (L_k + s (C_k - L_k))`` is the coarse change, where the share s of the difference between the
  sensors lasts to the prediction date; ``z = (L - mean) / std`` (all k) is what the coarse pixels hold;
* W, c: ridge regression of Y on z in a window around every coarse pixel, drawn towards that of the whole scene;
* ``F_p = sum w_k F_k + U W (F - mean) / std + U c + U (Y - W z - c)``.

Fit-FC (Wang and Atkinson, Remote Sensing of Environment 204, 31-42, 2018) regresses each band on itself in a window;
here all bands of all known dates tell about each other, which takes the ridge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from earthloom.methods.families.cells import cells_of, coarse_cells
from earthloom.methods.families.known_dates import around
from earthloom.ops.banded import Banded, apply, sampled
from earthloom.ops.moments import Moments
from earthloom.physics.forward import expand, reduce
from earthloom.problems.spatiotemporal import Pair, nearest_dates, pair_valid, pairs, view_gains
from earthloom.types import Bool, Float, Observation, View

SIGMA, RADIUS = 1.0, 2  # of the regression's window, in coarse pixels: at equal ridge the best of 1 to 4
RIDGE = 0.1  # in variances of the fine image: how strongly a window is drawn to the scene, and the scene to no change
PRIOR = 0.01  # coarse pixels that the scene's mean counts for in a window
REACH = 10  # coarse pixels: interpolation 4, window 2, blur 2, interpolation of W 1, the pixel's own half, rounded up
ENOUGH = 0.5  # share of a coarse pixel that must have been measured to be learnt from


class Coarse(NamedTuple):
    """What is known on the grid of the coarse image of the prediction date."""

    change: Float[np.ndarray, "band y x"]
    held: Float[np.ndarray, "feature y x"]
    share: Float[np.ndarray, "pair y x"]
    learnt: Bool[np.ndarray, "y x"]


def dates_used(obs: Observation, most: int) -> list[Pair]:
    """The known dates that are used, at most so many: the nearest one, or those around the prediction date."""
    numbers = nearest_dates(obs)[:1] if most == 1 else around(obs)
    return [pairs(obs)[number] for number in numbers]


def only(obs: Observation, kept: list[Pair], ratio: float | None) -> Observation:
    """The observation with these pairs alone, coarse images on a grid of their own: ``ratio`` where they have none."""
    cells = cells_of(obs, ratio)

    def own(role: str) -> View:
        view = obs[role]
        data, seen = coarse_cells(obs, role, cells)
        return View(data.astype(view.data.dtype), seen, view.bands, cells.ratio, cells.offset, view.date)

    views = {"coarse_p": own("coarse_p")}
    for number, pair in enumerate(kept, start=1):
        views |= {f"fine_{number}": obs[pair.fine], f"coarse_{number}": own(pair.coarse)}
    return replace(obs, views=views)


def coarse(obs: Observation, lasting: float) -> Coarse:
    """The coarse change, what the coarse pixels hold, the shares of the pairs, and which pixels to learn from."""
    found, target = pairs(obs), obs["coarse_p"]
    then = [obs[pair.coarse].data for pair in found]
    held = [reduce(obs, obs[pair.fine].data, view_gains(target), "coarse_p") for pair in found]
    seen = np.stack([_measured(obs, pair_valid(obs, pair), target.data.dtype) for pair in found])
    share = _shares(target.data, then, np.where(seen > ENOUGH, seen, 0))
    change = target.data.copy()
    for weight, image, low in zip(share, then, held, strict=True):
        change -= weight * (low + change.dtype.type(lasting) * (image - low))
    learnt = target.valid & (seen > ENOUGH).all(axis=0)
    return Coarse(change, np.concatenate(held), share, np.asarray(learnt))


def change_moments(obs: Observation, lasting: float) -> Moments:
    """Moments of the change and of what the coarse pixels hold, over the core: the scene's regression follows."""
    rows, cols = obs.in_core("coarse_p")
    seen = coarse(obs, lasting)
    both = np.concatenate([seen.change, seen.held])[:, rows, cols]
    return Moments.of(both[:, seen.learnt[rows, cols]])


def change_regressed(
    obs: Observation, moments: Moments, mean: Float[np.ndarray, " band"], std: Float[np.ndarray, " band"],
    lasting: float,
) -> Float[np.ndarray, "band Y X"]:  # fmt: skip
    """``F_p`` as the head of this file says.

    Parameters
    ----------
    moments
        :func:`change_moments` of the scene, with the same ``lasting``.
    mean, std
        Of the fine images, band by band, over the scene; a band of deviation 0 tells nothing.
    lasting
        s. With 1 all that the coarse sensor sees differently at a known date it sees so again; with 0 the product
        takes the coarse sensor's level.
    """
    found, seen = pairs(obs), coarse(obs, lasting)
    kind = seen.change.dtype
    mean, inverse = np.tile(mean, len(found)), np.tile(np.where(std > 0, 1 / np.where(std > 0, std, 1), 0), len(found))
    z = ((seen.held - mean[:, None, None]) * inverse[:, None, None]).astype(np.float64)
    weights, constant = _local(seen, z, moments, mean, inverse)
    fitted = np.einsum("fbyx,fyx->byx", weights, z) + constant
    left = np.where(obs["coarse_p"].valid, seen.change - fitted, 0).astype(kind)
    product = _interpolated(obs, found, seen.share) + expand(obs, left, "coarse_p")
    fine = np.concatenate([obs[pair.fine].data for pair in found])
    fine = (fine - mean.astype(kind)[:, None, None]) * inverse.astype(kind)[:, None, None]
    rows, cols = bilinear(obs)
    product += apply(rows, cols, constant.astype(kind))
    for band in range(len(product)):
        spread = apply(rows, cols, np.ascontiguousarray(weights[:, band], kind))
        product[band] += np.einsum("fyx,fyx->yx", spread, fine)
    return product


def between(
    obs: Observation,
) -> tuple[Float[np.ndarray, "band Y X"], Float[np.ndarray, "band Y X"], Float[np.ndarray, "band Y X"]]:
    """Known dates as one, with the shares that the estimate gives them, however many there are.

    Returns
    -------
    ``sum w_k F_k``; the deviation of the F_k from it, ``sqrt(sum w_k (F_k - sum w_k F_k)^2)``, 0 of a single date; and
    ``U sum w_k C_k``, all on the fine grid.
    """
    found, share = pairs(obs), coarse(obs, 0.0).share
    fine = _interpolated(obs, found, share)
    apart = np.zeros_like(fine)
    if len(found) > 1:
        for weight, pair in zip(apply(*bilinear(obs), share), found, strict=True):
            seen = pair_valid(obs, pair)
            apart += np.where(seen, np.maximum(weight, 0) * np.square(obs[pair.fine].data - fine), 0)
    low = sum(weight * obs[pair.coarse].data for weight, pair in zip(share, found, strict=True))
    return fine, np.sqrt(apart), expand(obs, np.asarray(low), "coarse_p")


def _local(
    seen: Coarse, z: Float[np.ndarray, "feature y x"], moments: Moments, mean: np.ndarray, inverse: np.ndarray
) -> tuple[Float[np.ndarray, "feature band y x"], Float[np.ndarray, "band y x"]]:
    """W and c of every coarse pixel."""
    bands, features = len(seen.change), len(z)
    covariance = moments.comoment / max(moments.count, 1)
    gram = covariance[bands:, bands:] * np.outer(inverse, inverse) + RIDGE * np.eye(features)
    scene = np.linalg.solve(gram, covariance[bands:, :bands] * inverse[:, None])
    levels = np.concatenate([(moments.mean[bands:] - mean) * inverse, moments.mean[:bands]])
    both = np.concatenate([z, seen.change.astype(np.float64)]) - levels[:, None, None]
    weight = seen.learnt.astype(np.float64)
    total = _window(weight) + PRIOR
    means = _window(both * weight) / total
    products = [both[i] * both[i:] * weight for i in range(features)]
    second = np.zeros((features, features + bands, *weight.shape))
    for i, rest in enumerate(products):
        second[i, i:] = _window(rest) / total - means[i] * means[i:]
        second[i:features, i] = second[i, i:features]
    left = np.moveaxis(second[:, :features], (0, 1), (2, 3)) + RIDGE * np.eye(features)
    right = np.moveaxis(second[:, features:], (0, 1), (2, 3)) + RIDGE * scene
    weights = np.moveaxis(np.linalg.solve(left, right), (2, 3), (0, 1))
    at = means + levels[:, None, None]
    return weights, at[features:] - np.einsum("fbyx,fyx->byx", weights, at[:features])


def _window(image: Float[np.ndarray, "*more y x"]) -> Float[np.ndarray, "*more y x"]:
    """Gaussian sums around every coarse pixel; nothing lies beyond the border."""
    for axis in (-2, -1):
        image = gaussian_filter1d(image, SIGMA, axis=axis, mode="constant", radius=RADIUS)
    return image


def _shares(
    target: Float[np.ndarray, "band y x"], then: list[np.ndarray], seen: Float[np.ndarray, "pair y x"]
) -> Float[np.ndarray, "pair y x"]:
    """``w_1 = d_2 / (d_1 + d_2)`` with the coarse difference d from the prediction date in a window.

    A steady change is so interpolated in time. A pair that was not measured has no share; where none was, all have.
    """
    if len(then) == 1:
        return np.ones_like(target[:1])
    apart = np.stack([_window(np.abs(target - image).sum(axis=0) * v) for image, v in zip(then, seen, strict=True)])
    apart = apart / np.maximum(_window(seen), 1e-6)
    share = seen * apart[::-1]
    total = share.sum(axis=0)
    even = np.where(seen.sum(axis=0) > 0, seen / np.maximum(seen.sum(axis=0), 1e-6), 1 / len(then))
    return np.where(total > 0, share / np.where(total > 0, total, 1), even).astype(target.dtype)


def _interpolated(
    obs: Observation, found: list[Pair], share: Float[np.ndarray, "pair y x"]
) -> Float[np.ndarray, "band Y X"]:
    """``sum w_k F_k`` on the fine grid; a pixel that a pair misses is the others' alone."""
    if len(found) == 1:
        return obs[found[0].fine].data.copy()
    full = apply(*bilinear(obs), share)
    seen = np.stack([pair_valid(obs, pair) for pair in found])
    kept = np.where(seen.any(axis=0), full * seen + 1e-6 * seen, full)
    kept /= kept.sum(axis=0)
    total = kept[0] * obs[found[0].fine].data
    for weight, pair in zip(kept[1:], found[1:], strict=True):
        total += weight * obs[pair.fine].data
    return total


def _measured(obs: Observation, valid: Bool[np.ndarray, "Y X"], kind: np.dtype) -> Float[np.ndarray, "y x"]:
    """Which share of every coarse pixel was measured."""
    shape = obs["coarse_p"].shape
    return np.ones(shape, kind) if valid.all() else reduce(obs, valid[None].astype(kind), 0.5, "coarse_p")[0]


def bilinear(obs: Observation) -> tuple[Banded, Banded]:
    """From the coarse grid of the prediction date to the fine grid without overshoot: row and column operators."""
    view = obs["coarse_p"]
    ops = [
        sampled((np.arange(obs.shape[a]) - view.offset[a]) / view.ratio[a], view.shape[a], _triangle, 1.0)
        for a in (0, 1)
    ]
    return ops[0], ops[1]


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0.0)
