"""Whether something is better on held-out blocks, and by more than chance; what formulas make of the same blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label
from scipy.optimize import nnls

from earthloom.engine.passes import filled, fuse_whole, halo_px
from earthloom.errors import EarthloomError
from earthloom.methods.base import Method
from earthloom.problems.base import Case
from earthloom.training.loop.task import Held
from earthloom.types import Float

SURE = 1.0  # standard errors that a gain must be beyond
RIDGE = 0.02  # of the weights of a mixture, in mean squared differences of its parts


@dataclass(frozen=True)
class Gain:
    """By how much the error of held-out blocks falls, ``1 - e_after / e_before`` of the ERGAS, and its standard error.

    The error is that of leaving each block out in turn (jackknife); infinite with a single one, which tells nothing.
    """

    share: float
    error: float

    @property
    def sure(self) -> bool:
        """Whether it is a gain, and beyond chance."""
        return self.share > SURE * self.error

    def __str__(self) -> str:
        if not np.isfinite(self.error):
            return f"{100 * self.share:+.1f} % on one block"
        return f"{100 * self.share:+.1f} % (standard error {100 * self.error:.1f})"


Blocks = Float[np.ndarray, " block"]  # sums of squared errors, relative to the mean of every band


def block_errors(held: Sequence[Held], images: Sequence[Float[np.ndarray, "band y x"]]) -> Blocks:
    """Sum over bands and pixels of ``(error / mean)^2`` for every held-out block of every scene."""
    found: list[float] = []
    for scene, image in zip(held, images, strict=True):
        known = np.isfinite(scene.truth).all(axis=0)
        truth = np.where(known, scene.truth, 0).astype(np.float64)
        mean = np.maximum(np.abs(truth.sum(axis=(1, 2)) / max(known.sum(), 1)), 1e-30)
        lost = np.square((np.where(known, image, 0) - truth) / mean[:, None, None]).sum(axis=0)
        blocks = np.zeros(known.shape, int)
        label(known, output=blocks)
        found += list(np.bincount(blocks.ravel(), lost.ravel())[1:])
    return np.array(found)


def gain(before: Blocks, after: Blocks) -> Gain:
    """How much less is lost after than before."""
    if not np.isfinite(after).all() or before.sum() <= 0:
        return Gain(-np.inf, np.inf)

    def share(b: np.ndarray, a: np.ndarray) -> np.ndarray:
        return 1 - np.sqrt(a / np.maximum(b, 1e-300))

    whole, count = float(share(before.sum(), after.sum())), len(before)
    if count < 2:
        return Gain(whole, np.inf)
    each = share(before.sum() - before, after.sum() - after)
    return Gain(whole, float(np.sqrt((count - 1) / count * np.square(each - each.mean()).sum())))


def images_of(
    method: Method, cases: Sequence[Case], held: Sequence[Held], order: Sequence[int] | None = None
) -> list[Float[np.ndarray, "band y x"]] | None:
    """What a method makes of the cases that judge, bands in a network's order; None where it refuses one."""
    found = []
    for case, scene in zip(cases, held, strict=True):
        try:
            method.check(case.obs, case.obs.shape)
            image = fuse_whole(method, filled(case.obs, halo_px(method, case.obs)))
        except EarthloomError:
            return None
        image = image if order is None else image[list(order)]
        found.append(image[:, : scene.truth.shape[1], : scene.truth.shape[2]])
    return found


def mixture(
    first: Float[np.ndarray, "band y x"], others: Sequence[Float[np.ndarray, "band y x"]],
    truth: Float[np.ndarray, "band y x"],
) -> tuple[float, ...]:  # fmt: skip
    """Weights w of other images beside a first one n that lose least: ``min |t - n - sum_k w_k (r_k - n)|^2``.

    None is below 0, together they are at most 1, and a ridge draws them to 0, to the first image alone. Every band
    counts in its own deviation; pixels without a truth (NaN) do not count.
    """
    known = np.isfinite(truth).all(axis=0)
    if not known.any() or not others:
        return (0.0,) * len(others)
    unit = np.maximum(truth[:, known].std(axis=1, dtype=np.float64), 1e-300)[:, None]

    def away(image: Float[np.ndarray, "band y x"]) -> Float[np.ndarray, " n"]:
        return ((image[:, known].astype(np.float64) - first[:, known]) / unit).ravel()

    parts = np.stack([away(image) for image in others])
    pull = np.sqrt(RIDGE * np.mean(np.sum(parts**2, axis=1)))
    gram = np.concatenate([parts.T, pull * np.eye(len(parts))])
    weights, _ = nnls(gram, np.concatenate([away(truth), np.zeros(len(parts))]))
    return tuple(float(weight) for weight in weights / max(weights.sum(), 1.0))


def blended(
    first: Float[np.ndarray, "band y x"], others: Sequence[Float[np.ndarray, "band y x"]], weights: Sequence[float]
) -> Float[np.ndarray, "band y x"]:
    """``n + sum_k w_k (r_k - n)``, with weights as :func:`mixture` finds them."""
    return first + sum(weight * (image - first) for weight, image in zip(weights, others, strict=True))
