"""Pairs of dictionaries that tell what a change looks like to two sensors, learnt from patches of the scene itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import NamedTuple

import numpy as np

from earthloom.errors import MethodError
from earthloom.ops.pursuit import matching_pursuit
from earthloom.types import Bool, Float, Int, Observation

_LEARNING = Lock()  # tiles run in threads: the first one learns, the others wait


class Atoms(NamedTuple):
    """Atoms of one band: as the coarse sensor sees them, of unit length, and as the fine one does."""

    coarse: Float[np.ndarray, "atom pixel"]
    fine: Float[np.ndarray, "atom pixel"]


@dataclass(frozen=True, eq=False)
class Samples:
    """The patches of a scene whose fine change varies most, band by band; sets merge with ``+``.

    Parameters
    ----------
    score
        Variance of the fine change, ``(band, n)``, largest first; patches that vary alike come in the order of their
        place in the scene, so that the result does not depend on the tiles.
    place
        Row times 2^32 plus column of each.
    patches
        Coarse and fine change, ``(band, n, 2, pixel)``.
    keep
        How many for each band.
    """

    score: Float[np.ndarray, "band n"]
    place: Int[np.ndarray, "band n"]
    patches: Float[np.ndarray, "band n two pixel"]
    keep: int

    def __add__(self, other: Samples) -> Samples:
        score, place, patches = (
            np.concatenate(both, axis=1)
            for both in ((self.score, other.score), (self.place, other.place), (self.patches, other.patches))
        )
        return best(score, place, patches, self.keep)

    def dictionaries(self, atoms: int, seed: int = 0) -> list[Atoms | None]:
        """A pair for each band; None where nothing changes. Learnt when first asked for."""
        with _LEARNING:
            known: dict[tuple[int, int], list[Atoms | None]] = self._known
            if (atoms, seed) not in known:
                known[atoms, seed] = [_learnt(band, atoms, seed) for band in self.patches]
            return known[atoms, seed]

    @cached_property
    def _known(self) -> dict[tuple[int, int], list[Atoms | None]]:
        return {}


def best(
    score: Float[np.ndarray, "band n"], place: Int[np.ndarray, "band n"],
    patches: Float[np.ndarray, "band n two pixel"], keep: int,
) -> Samples:  # fmt: skip
    """The samples of the largest scores."""
    order = np.stack([np.lexsort((p, -s))[:keep] for s, p in zip(score, place, strict=True)])
    rows = np.arange(len(score))[:, None]
    return Samples(score[rows, order], place[rows, order], patches[rows, order], keep)


def patch_samples(
    obs: Observation, coarse: Float[np.ndarray, "band Y X"], fine: Float[np.ndarray, "band Y X"],
    valid: Bool[np.ndarray, "Y X"], side: int, step: int, keep: int,
) -> Samples:  # fmt: skip
    """Samples of the patches that begin in the core, at multiples of ``step`` from the corner of the scene."""
    core = obs.core_window
    starts = [
        np.arange(first + -(first + origin) % step, min(first + count, size - side + 1), step)
        for first, count, origin, size in zip(core[:2], core[2:], obs.origin, obs.shape, strict=True)
    ]
    corners = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
    seen = _cut(valid[None], corners, side)[0].all(axis=1)
    corners = corners[seen]
    both = np.stack([_cut(image, corners, side) for image in (coarse, fine)], axis=2).astype(np.float64)
    place = (corners + obs.origin).astype(np.int64) @ np.array([1 << 32, 1])
    score = both[:, :, 1].var(axis=2)
    return best(score, np.broadcast_to(place, score.shape), both, keep)


def transferred(
    obs: Observation, coarse: Float[np.ndarray, "band Y X"], pairs: list[Atoms | None], side: int, step: int, count: int
) -> Float[np.ndarray, "band Y X"]:
    """The fine change of a coarse one: each patch keeps its mean, its structure goes through the dictionaries.

    Patches overlap and are averaged; they begin at multiples of ``step`` from the corner of the scene.
    """
    margin = side - 1
    padded = np.pad(coarse, ((0, 0), (margin, margin), (margin, margin)), mode="edge")
    starts = [
        np.arange((margin - origin) % step, size + margin, step)
        for origin, size in zip(obs.origin, obs.shape, strict=True)
    ]
    corners = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
    corners = corners[(corners + side <= np.array(padded.shape[1:])).all(axis=1)]
    found = np.zeros_like(padded)
    often = np.zeros(padded.shape[1:])
    for band, pair in enumerate(pairs):
        patches = _cut(padded[band : band + 1], corners, side)[0]
        mean = patches.mean(axis=1, keepdims=True)
        told = np.broadcast_to(mean, patches.shape)
        if pair is not None:
            told = mean + matching_pursuit(pair.coarse, patches - mean, count) @ pair.fine
        for pixel in range(side * side):
            y, x = divmod(pixel, side)
            np.add.at(found[band], (corners[:, 0] + y, corners[:, 1] + x), told[:, pixel])
            if band == 0:
                np.add.at(often, (corners[:, 0] + y, corners[:, 1] + x), 1.0)
    inner = (slice(margin, margin + obs.shape[0]), slice(margin, margin + obs.shape[1]))
    return found[:, *inner] / np.maximum(often[inner], 1)


def _cut(image: np.ndarray, corners: Int[np.ndarray, "n two"], side: int) -> np.ndarray:
    """Patches, ``(band, n, pixel)``."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (side, side), axis=(1, 2))
    return windows[:, corners[:, 0], corners[:, 1]].reshape(len(image), len(corners), side * side)


def _learnt(patches: Float[np.ndarray, "n two pixel"], atoms: int, seed: int) -> Atoms | None:
    """One dictionary for both sensors, ``min |X - A D_c|^2 + |Y - A D_f|^2 + s |A|_1``, cut in two.

    X are coarse patches without their means, Y fine ones without the means of the coarse, each divided by its own
    deviation, so that both count alike.
    """
    try:
        from sklearn.decomposition import MiniBatchDictionaryLearning
    except ImportError as missing:
        raise MethodError(
            "dictionaries without scikit-learn", "scikit-learn", "pip install 'earthloom[learn]'"
        ) from missing
    level = patches[:, 0].mean(axis=1, keepdims=True)
    x, y = patches[:, 0] - level, patches[:, 1] - level
    spread = x.std() if len(x) else 0.0, y.std() if len(y) else 0.0
    if len(x) < 4 or min(spread) <= 1e-9 * max(np.abs(patches).max(), 1e-30):
        return None
    model = MiniBatchDictionaryLearning(
        min(atoms, len(x) // 2), alpha=1, max_iter=10, batch_size=256, fit_algorithm="cd", random_state=seed,
        shuffle=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # codes that are not exact yet still better the atoms
        found = model.fit(np.concatenate([x / spread[0], y / spread[1]], axis=1)).components_
    coarse, fine = np.split(found, 2, axis=1)
    length = np.linalg.norm(coarse, axis=1, keepdims=True)
    kept = length[:, 0] > 1e-6
    return Atoms(coarse[kept] / length[kept], fine[kept] / length[kept] * (spread[1] / spread[0]))
