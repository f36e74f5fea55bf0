"""Linear maps fitted to moments, with a penalty that keeps them calm where predictors are many or alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
