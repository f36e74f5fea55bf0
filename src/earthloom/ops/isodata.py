"""Classes of ground without training: ISODATA on a sample of pixels that is the same however a scene is tiled."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from earthloom.types import Float, Int

SIZE = 1 << 15  # pixels of a sample


@dataclass(frozen=True)
class HashSample:
    """The pixels of a scene whose positions have the smallest hashes: a random sample that merges.

    Which pixels these are depends on nothing but the scene, not on its tiles or their order.
    """

    keys: Int[np.ndarray, " n"]
    values: Float[np.ndarray, "k n"]
    size: int = SIZE
    found: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls, values: Float[np.ndarray, "k n"], y: Int[np.ndarray, " n"], x: Int[np.ndarray, " n"], size: int = SIZE
    ) -> HashSample:
        """Gather from pixels at rows ``y`` and columns ``x`` of the scene."""
        return cls(_hashed(y, x), values, size)._cut()

    def __add__(self, other: HashSample) -> HashSample:
        keys, values = np.concatenate([self.keys, other.keys]), np.concatenate([self.values, other.values], axis=1)
        return HashSample(keys, values, self.size)._cut()

    def classes(self, most: int) -> Float[np.ndarray, "k c"]:
        """Centres of the classes by ISODATA that begins with ``most``; found once and kept."""
        if most not in self.found:
            self.found[most] = isodata(self.values, most)
        return self.found[most]

    def _cut(self) -> HashSample:
        """In order of the hashes, at most ``size``."""
        chosen = np.arange(len(self.keys))
        if len(chosen) > self.size:
            chosen = np.argpartition(self.keys, self.size)[: self.size]
        chosen = chosen[np.argsort(self.keys[chosen])]
        return HashSample(self.keys[chosen], self.values[:, chosen], self.size)


def _hashed(y: Int[np.ndarray, " n"], x: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """A different number for every position, without order to the eye (a 64-bit finaliser: shifts and products)."""
    key = (y.astype(np.uint64) << np.uint64(32)) | x.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        key = (key ^ (key >> np.uint64(shift))) * np.uint64(factor)
    return (key ^ (key >> np.uint64(31))).view(np.int64)


def isodata(
    samples: Float[np.ndarray, "k n"],
    most: int = 4,
    *,
    split: float = 0.8,
    merge: float = 0.5,
    smallest: float = 0.01,
    rounds: int = 40,
    still: float = 0.002,
) -> Float[np.ndarray, "k c"]:
    """Centres of classes by ISODATA: means of the nearest samples, classes split and merged on the way.

    Each round gives every sample to its nearest centre, drops classes that are too small, and takes means. In the
    first half of the rounds one of two things follows in turn: wide classes, ``max_k s_k / S_k > split``, become two as
    long as there are fewer than ``most``; the two closest, ``max_k |m_1 - m_2| / S_k < merge``, become one. s and S are
    standard deviations of the class and of all samples, so the numbers have no unit.

    Parameters
    ----------
    samples
        Variables x samples.
    most
        Most classes, and how many it begins with. Fewer come out where the samples have fewer.
    split, merge
        A smaller ``split`` gives more classes, a larger ``merge`` fewer. With ``merge < 2 split`` no class is merged
        that was just split.
    smallest
        Share of the samples below which a class is given up.
    rounds
        At most.
    still
        Stop when a smaller share than this changed its class, and nothing was split or merged.

    References
    ----------
    Ball and Hall, ISODATA, a novel method of data analysis and pattern classification, Stanford Research
    Institute, 1965.
    """
    count = samples.shape[1]
    if count == 0:
        return np.zeros((len(samples), 1))
    spread = samples.std(axis=1)
    unit = np.where(spread > 0, spread, 1.0)[:, None]
    along = np.sign(((samples - samples.mean(axis=1)[:, None]) / unit) @ (samples[0] - samples[0].mean()))
    centres = samples.mean(axis=1)[:, None] + (along * spread)[:, None] * np.linspace(-1, 1, most + 2)[1:-1]
    before, calm = np.full(count, -1), 0
    for turn in range(rounds):
        labels = nearest_centre(samples, centres)
        sizes = np.bincount(labels, minlength=centres.shape[1])
        kept = sizes >= max(smallest * count, 1)
        groups = [samples[:, labels == k] for k in np.flatnonzero(kept)]
        found = np.stack([group.mean(axis=1) for group in groups], axis=1)
        if turn < rounds // 2:
            even = turn % 2 == 0
            found = _split(found, groups, unit, split, most) if even else _merged(found, sizes[kept], unit, merge)
        calm = calm + 1 if found.shape == centres.shape and kept.all() else 0
        moved, before, centres = float((labels != before).mean()), labels, found
        if calm > 1 and moved < still:
            break
    return centres


def nearest_centre(values: Float[np.ndarray, "k ..."], centres: Float[np.ndarray, "k c"]) -> Int[np.ndarray, "..."]:
    """Number of the nearest centre of every pixel, the first of equals."""
    best = np.full(values.shape[1:], np.inf)
    found = np.zeros(values.shape[1:], np.int64)
    for k, centre in enumerate(centres.T):
        away = np.zeros(values.shape[1:])
        for band, level in zip(values, centre, strict=True):
            away += (band - level) ** 2
        closer = away < best
        found[closer], best[closer] = k, away[closer]
    return found


def _split(centres: np.ndarray, groups: list[np.ndarray], unit: np.ndarray, limit: float, most: int) -> np.ndarray:
    """The widest classes cut in two along their widest variable, while there may be more."""
    spreads = np.stack([group.std(axis=1) for group in groups], axis=1) / unit
    found = list(centres.T)
    for k in np.argsort(-spreads.max(axis=0), kind="stable"):
        if len(found) >= most or spreads[:, k].max() <= limit:
            break
        axis = int(spreads[:, k].argmax())
        step = np.zeros(len(centres))
        step[axis] = spreads[axis, k] * unit[axis, 0]
        found[k] = centres[:, k] - step
        found.append(centres[:, k] + step)
    return np.stack(found, axis=1)


def _merged(centres: np.ndarray, sizes: np.ndarray, unit: np.ndarray, limit: float) -> np.ndarray:
    """The two closest classes made one, when they are close."""
    count = centres.shape[1]
    away = (np.abs(centres[:, :, None] - centres[:, None]) / unit[:, :, None]).max(axis=0)
    away[np.diag_indices(count)] = np.inf
    i, j = np.unravel_index(int(away.argmin()), away.shape)
    if not away[i, j] < limit:
        return centres
    joined = (centres[:, i] * sizes[i] + centres[:, j] * sizes[j]) / (sizes[i] + sizes[j])
    return np.concatenate([np.delete(centres, [i, j], axis=1), joined[:, None]], axis=1)
