"""Regression trees learnt from a scene: a bounded sample that does not depend on tiles, and trees grown on it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.families.trees import Forest
from earthloom.types import Bool, Float, Observation, Shaped

STEP = 1 / 64  # fine pixels in which places are counted: the same in every tile
ASIDE = 0.0137  # of a fine pixel: no place of a common grid lies between two of them
RIDGE = 0.05  # of the number of samples of a leaf: how strongly its line is drawn to the mean
BEYOND = 0.1  # of the spread of a leaf, that a line may leave it by


@dataclass(frozen=True)
class Sample:
    """Coarse pixels to learn from, those with the smallest keys, at most ``keep``; merges with ``+``.

    Parameters
    ----------
    keys
        Numbers made of the place of each pixel, as if drawn at random.
    features, targets
        What is known, and what is to be told.
    uneven
        How much every feature varies inside the pixel.
    """

    keys: Shaped[np.ndarray, " n"]
    features: Float[np.ndarray, "feature n"]
    targets: Float[np.ndarray, "target n"]
    uneven: Float[np.ndarray, "feature n"]
    keep: int

    @classmethod
    def of(
        cls,
        keys: Shaped[np.ndarray, " n"],
        features: Float[np.ndarray, "feature n"],
        targets: Float[np.ndarray, "target n"],
        uneven: Float[np.ndarray, "feature n"],
        keep: int,
    ) -> Sample:
        """Of some pixels, as many as are kept."""
        return cls(keys, features, targets, uneven, keep).cut()

    def __add__(self, other: Sample) -> Sample:
        keys, features, targets, uneven = (
            np.concatenate([mine, theirs], axis=-1)
            for mine, theirs in (
                (self.keys, other.keys), (self.features, other.features), (self.targets, other.targets),
                (self.uneven, other.uneven),
            )
        )  # fmt: skip
        return Sample(keys, features, targets, uneven, self.keep).cut()

    def cut(self) -> Sample:
        """The smallest keys, in their order."""
        order = np.argsort(self.keys, kind="stable")[: self.keep]
        return Sample(
            self.keys[order], self.features[:, order], self.targets[:, order], self.uneven[:, order], self.keep
        )


def keys_of(obs: Observation, role: str) -> Shaped[np.ndarray, "y x"]:
    """A number for every coarse pixel, from its place in the scene alone (the mixing step of splitmix64)."""
    rows, cols = (
        np.floor((obs[role].centres(axis) + obs.origin[axis] + ASIDE) / STEP).astype(np.int64).astype(np.uint64)
        for axis in (0, 1)
    )
    mixed = rows[:, None] * np.uint64(0x9E3779B97F4A7C15) + cols * np.uint64(0xD1B54A32D192ED03)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


_GROWN: dict[tuple[bytes, int, int, float], Forest] = {}  # the last ones of this process
MOST = 64
_LOCK = threading.Lock()


def grown(sample: Sample, trees: int, leaf: int, homogeneous: float) -> Forest:
    """The forest of a sample; of one sample it is grown once in a process.

    Each tree is grown on that half of the pixels whose keys have its bit set, so that the others can ask it what it
    has not seen.

    Parameters
    ----------
    trees
        How many, at most 64.
    leaf
        Fewest pixels in a leaf.
    homogeneous
        Share of the pixels that is learnt from: the most homogeneous ones.

    Raises
    ------
    MethodError
        Without scikit-learn.
    """
    told = sha256()
    for part in (sample.keys, sample.features, sample.targets, sample.uneven):
        told.update(f"{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
    key = (told.digest(), trees, leaf, homogeneous)
    with _LOCK:
        if key not in _GROWN:
            found = _grow(sample, trees, leaf, homogeneous)
            while len(_GROWN) >= MOST:
                del _GROWN[next(iter(_GROWN))]
            _GROWN[key] = found
        return _GROWN[key]


def _grow(sample: Sample, trees: int, leaf: int, homogeneous: float) -> Forest:
    try:
        from sklearn.tree import DecisionTreeRegressor
    except ImportError as missing:
        raise MethodError(
            "regression trees without scikit-learn", "scikit-learn", "pip install 'earthloom[learn]'"
        ) from missing
    if not len(sample.keys):
        return _nothing(len(sample.features), len(sample.targets))
    spread = np.maximum(sample.features.std(axis=1, keepdims=True), 1e-30)
    mixed = (sample.uneven / spread).mean(axis=0)
    kept = mixed <= np.quantile(mixed, homogeneous)
    level = np.maximum(sample.targets.std(axis=1, keepdims=True), 1e-30)
    parts: list[list[np.ndarray]] = []
    offset = 0
    for tree in range(trees):
        use = kept & ((sample.keys >> np.uint64(tree)) & np.uint64(1)).astype(bool)
        use = use if use.any() else kept
        x, y = sample.features[:, use].T, sample.targets[:, use].T
        model = DecisionTreeRegressor(min_samples_leaf=leaf, random_state=tree)
        model.fit(x, y / level.T)
        nodes = model.tree_
        leaves = nodes.children_left < 0
        ways = (
            np.where(leaves, 0, way + offset).astype(np.int64) for way in (nodes.children_left, nodes.children_right)
        )
        lines = _leaves(x, y, model.apply(x), nodes.node_count)
        asked = np.where(leaves, -1, nodes.feature).astype(np.int64)
        parts.append([np.array([offset]), asked, nodes.threshold, *ways, *lines])
        offset += nodes.node_count
    return Forest(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _nothing(features: int, targets: int) -> Forest:
    """A leaf that says 0: there was nothing to learn from."""
    leaf, said = np.array([0]), np.zeros((1, targets))
    return Forest(leaf, leaf - 1, np.zeros(1), leaf, leaf, said, np.zeros((1, targets, features)), said, said)


def _leaves(
    x: Float[np.ndarray, "n feature"], y: Float[np.ndarray, "n target"], at: Shaped[np.ndarray, " n"], nodes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Constant, slope, lowest and highest of every node: ridge lines over the standardised features of a leaf."""
    targets, features = y.shape[1], x.shape[1]
    constant, slope = np.zeros((nodes, targets)), np.zeros((nodes, targets, features))
    lowest, highest = np.zeros((nodes, targets)), np.zeros((nodes, targets))
    for node in np.unique(at):
        here: Bool[np.ndarray, " n"] = at == node
        own, said = x[here], y[here]
        mean, level = own.mean(axis=0), said.mean(axis=0)
        scale = own.std(axis=0)
        scale = np.where(scale > 1e-9 * np.maximum(np.abs(mean), 1e-30), scale, np.inf)
        z = (own - mean) / scale
        weights = np.linalg.solve(z.T @ z + (RIDGE * len(own) + 1e-9) * np.eye(features), z.T @ (said - level))
        slope[node] = (weights / np.where(np.isfinite(scale), scale, 1.0)[:, None]).T
        slope[node][:, ~np.isfinite(scale)] = 0
        constant[node] = level - slope[node] @ mean
        reach = BEYOND * (said.max(axis=0) - said.min(axis=0))
        lowest[node], highest[node] = said.min(axis=0) - reach, said.max(axis=0) + reach
    return constant, slope, lowest, highest
