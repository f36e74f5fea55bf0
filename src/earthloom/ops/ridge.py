"""Linear maps fitted to moments, with a penalty that keeps them calm where predictors are many or alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from earthloom.ops.compiled import compiled
from earthloom.ops.moments import Moments
from earthloom.types import Float


class LinearFit(NamedTuple):
    """``y ~ weights x + constant``, and the variance of y that this leaves."""

    weights: Float[np.ndarray, "y x"]
    constant: Float[np.ndarray, " y"]
    left: Float[np.ndarray, " y"]

    def __call__(self, predictors: Float[np.ndarray, "x h w"]) -> Float[np.ndarray, "y h w"]:
        """Predict an image, in the dtype of the predictors."""
        kind = predictors.dtype
        found = np.tensordot(self.weights.astype(kind), predictors, 1)
        return found + self.constant.astype(kind)[:, None, None]


def ridge(moments: Moments, targets: int, strength: float) -> LinearFit:
    """Fit the first ``targets`` variables on the rest by ridge regression of standardised predictors.

    ``w = (R + s I)^-1 r`` with the correlations R of the predictors and s the ``strength``: 0 is least squares, more
    is calmer. A predictor without variance gets no weight.

    References
    ----------
    Hoerl and Kennard, Technometrics 12(1), 55-67, 1970.
    """
    covariance = moments.comoment / max(moments.count, 1)
    cross, gram = covariance[targets:, :targets], covariance[targets:, targets:]
    deviation = np.sqrt(np.maximum(np.diag(gram), 0.0))
    flat = deviation <= 1e-9 * np.abs(moments.mean[targets:])
    inverse = np.where(flat, 0.0, 1 / np.where(flat, 1.0, deviation))
    correlation = gram * np.outer(inverse, inverse) + (strength + 1e-9) * np.eye(len(gram))
    weights = (np.linalg.solve(correlation, cross * inverse[:, None]) * inverse[:, None]).T
    constant = moments.mean[:targets] - weights @ moments.mean[targets:]
    own = covariance[:targets, :targets]
    left = np.diag(own - weights @ cross - (weights @ cross).T + weights @ gram @ weights.T)
    return LinearFit(weights, constant, np.maximum(left, 0.0))


def drawn_lines(
    gram: Float[np.ndarray, "n g g"], cross: Float[np.ndarray, "n g b"], pull: Float[np.ndarray, " g"],
    toward: Float[np.ndarray, "g b"],
) -> tuple[Float[np.ndarray, "b g n"], Float[np.ndarray, "b n"]]:  # fmt: skip
    """Least squares of many small systems, each drawn to one line: ``(G + diag p) a = c + p A``.

    Parameters
    ----------
    gram, cross
        Covariances of the predictors, and of predictors with targets.
    pull
        p, more than 0.
    toward
        A.

    Returns
    -------
    The slopes a, and the variance that they take off the targets, ``2 a'c - a'G a``.
    """
    count, predictors, targets = cross.shape
    slopes, taken = np.empty((targets, predictors, count)), np.empty((targets, count))
    _drawn(
        np.ascontiguousarray(gram),
        np.ascontiguousarray(cross),
        pull,
        np.ascontiguousarray(toward, float),
        slopes,
        taken,
    )
    return slopes, taken


@compiled
def _drawn(gram, cross, pull, toward, slopes, taken):
    # Cholesky factors of each system; the pull keeps their diagonals above 0
    count, size, targets = cross.shape
    low, x = np.empty((size, size)), np.empty(size)
    for n in range(count):
        for i in range(size):
            for j in range(i + 1):
                total = gram[n, i, j]
                if i == j:
                    total += pull[i]
                for k in range(j):
                    total -= low[i, k] * low[j, k]
                if i == j:
                    low[i, i] = np.sqrt(max(total, 1e-9 * pull[i]))
                else:
                    low[i, j] = total / low[j, j]
        for b in range(targets):
            for i in range(size):
                total = cross[n, i, b] + pull[i] * toward[i, b]
                for k in range(i):
                    total -= low[i, k] * x[k]
                x[i] = total / low[i, i]
            for i in range(size - 1, -1, -1):
                total = x[i]
                for k in range(i + 1, size):
                    total -= low[k, i] * x[k]
                x[i] = total / low[i, i]
            off = 0.0
            for i in range(size):
                inner = 0.0
                for j in range(size):
                    inner += gram[n, i, j] * x[j]
                off += x[i] * (2 * cross[n, i, b] - inner)
                slopes[b, i, n] = x[i]
            taken[b, n] = off
