"""Regression trees as plain arrays: grown elsewhere, with lines in their leaves, walked by a compiled kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.types import Float, Int, Shaped

EVERY = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class Forest:
    """Trees side by side; their mean is the prediction. Every tile of a scene has the same: ``+`` keeps it.

    Parameters
    ----------
    root
        First node of every tree, at most 64.
    feature
        That a node asks for; -1 in a leaf.
    threshold
        A sample goes left where its feature is at most this.
    left, right
        Nodes to go to.
    constant, slope
        Of the lines of every leaf, one each per target.
    lowest, highest
        What a leaf may say: a line is not followed beyond them.
    """

    root: Int[np.ndarray, " tree"]
    feature: Int[np.ndarray, " node"]
    threshold: Float[np.ndarray, " node"]
    left: Int[np.ndarray, " node"]
    right: Int[np.ndarray, " node"]
    constant: Float[np.ndarray, "node target"]
    slope: Float[np.ndarray, "node target feature"]
    lowest: Float[np.ndarray, "node target"]
    highest: Float[np.ndarray, "node target"]

    def __add__(self, other: Forest) -> Forest:
        return self

    def __call__(
        self, features: Float[np.ndarray, "feature n"], asked: Shaped[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, "target n"]:
        """Predict every sample.

        Parameters
        ----------
        asked
            Bits of the trees that a sample asks (unsigned 64-bit numbers), all where none is set; None: all trees.
        """
        samples = np.ascontiguousarray(features.T, np.float64)
        out = np.zeros((len(samples), self.constant.shape[1]))
        bits = np.full(len(samples), EVERY) if asked is None else asked
        _walk(
            samples, bits, self.root, self.feature, self.threshold, self.left, self.right, self.constant, self.slope,
            self.lowest, self.highest, out,
        )  # fmt: skip
        return np.ascontiguousarray(out.T)


@compiled
def _walk(samples, bits, root, feature, threshold, left, right, constant, slope, lowest, highest, out):
    one = np.uint64(1)
    for n in range(len(samples)):
        count = 0
        for tree in range(len(root)):
            count += int((bits[n] >> np.uint64(tree)) & one)
        share = 1.0 / (count if count else len(root))
        for tree in range(len(root)):
            if count and not (bits[n] >> np.uint64(tree)) & one:
                continue
            node = root[tree]
            while feature[node] >= 0:
                node = left[node] if samples[n, feature[node]] <= threshold[node] else right[node]
            for target in range(constant.shape[1]):
                said = constant[node, target]
                for k in range(samples.shape[1]):
                    said += slope[node, target, k] * samples[n, k]
                out[n, target] += share * min(max(said, lowest[node, target]), highest[node, target])
