"""Statistics of a scene that merge: gathered per tile, added with ``+``, the same however tiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.ops.solve import least_squares
from earthloom.types import Float, Int

CHUNK = 1 << 15


@dataclass(frozen=True)
class Moments:
    """Count, means and co-moments of ``k`` variables.

    ``comoment[i, j] = sum (x_i - mean_i)(x_j - mean_j)``. Two sets merge by Chan's formula, so the result does
    not depend on the order but for rounding.
    """

    count: int
    mean: Float[np.ndarray, " k"]
    comoment: Float[np.ndarray, "k k"]

    @classmethod
    def of(cls, samples: Float[np.ndarray, "k n"]) -> Moments:
        """Gather from ``n`` samples of ``k`` variables."""
        variables, count = samples.shape
        if count == 0:
            return cls(0, np.zeros(variables), np.zeros((variables, variables)))
        pivot = samples[:, :: max(count // 1024, 1)].mean(axis=1, dtype=np.float64).astype(samples.dtype)
        total, products = np.zeros(variables), np.zeros((variables, variables))
        for first in range(0, count, CHUNK):  # float32 sums stay short, float64 sums stay exact enough
            centred = samples[:, first : first + CHUNK] - pivot[:, None]
            total += centred.sum(axis=1, dtype=np.float64)
            products += centred @ centred.T
        mean = total / count
        return cls(count, mean + pivot, products - count * np.outer(mean, mean))

    def __add__(self, other: Moments) -> Moments:
        count = self.count + other.count
        if count == 0:
            return self
        step = other.mean - self.mean
        return Moments(
            count,
            self.mean + step * (other.count / count),
            self.comoment + other.comoment + np.outer(step, step) * (self.count * other.count / count),
        )

    @property
    def covariance(self) -> Float[np.ndarray, "k k"]:
        """Covariances with ``n - 1`` in the denominator."""
        return self.comoment / max(self.count - 1, 1)

    @property
    def std(self) -> Float[np.ndarray, " k"]:
        """Standard deviations with ``n - 1`` in the denominator."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    @property
    def second(self) -> Float[np.ndarray, "k k"]:
        """Sums of products about zero, ``sum x_i x_j``."""
        return self.comoment + self.count * np.outer(self.mean, self.mean)

    def combine(self, weights: Float[np.ndarray, "m k"], constant: Float[np.ndarray, " m"]) -> Moments:
        """Moments of ``weights @ x + constant`` (a linear map needs no second look at the pixels)."""
        return Moments(self.count, weights @ self.mean + constant, weights @ self.comoment @ weights.T)

    def pick(self, variables: Sequence[int]) -> Moments:
        """Moments of some of the variables."""
        at = list(variables)
        return Moments(self.count, self.mean[at], self.comoment[np.ix_(at, at)])

    def regress(
        self, target: int, predictors: Int[np.ndarray, " p"] | slice, intercept: bool = True
    ) -> tuple[Float[np.ndarray, " p"], float]:
        """Least squares ``x_target ~ sum_p a_p x_p (+ c)``: the coefficients ``a`` and the constant ``c``.

        A direction without variance gets the smallest coefficients that fit (pseudo-inverse).
        """
        sums = self.comoment if intercept else self.second
        gram, right = sums[predictors, predictors], sums[predictors, target]
        if not isinstance(predictors, slice):
            gram = sums[np.ix_(predictors, predictors)]
        scale = np.sqrt(np.maximum(np.diag(gram), 0.0))
        scale = np.where(scale > 0, scale, 1.0)
        solution = least_squares(gram / np.outer(scale, scale), right / scale, 1e-11) / scale
        constant = float(self.mean[target] - solution @ self.mean[predictors]) if intercept else 0.0
        return solution, constant


@dataclass(frozen=True)
class Lowest:
    """How often each of the smallest values occurs, per band: exact quantiles that merge.

    At most ``keep`` different values are held for each band; digital numbers never have more.
    """

    values: tuple[Float[np.ndarray, " _"], ...]
    counts: tuple[Int[np.ndarray, " _"], ...]
    total: int
    keep: int = 1 << 20

    @classmethod
    def of(cls, samples: Float[np.ndarray, "band n"], keep: int = 1 << 20) -> Lowest:
        """Gather from the samples of every band."""
        pairs = [np.unique(band, return_counts=True) for band in samples]
        values = tuple(v[:keep].astype(np.float64) for v, _ in pairs)
        return cls(values, tuple(c[:keep] for _, c in pairs), samples.shape[1], keep)

    def __add__(self, other: Lowest) -> Lowest:
        values, counts = [], []
        for v1, c1, v2, c2 in zip(self.values, self.counts, other.values, other.counts, strict=True):
            merged, where = np.unique(np.concatenate([v1, v2]), return_inverse=True)
            count = np.bincount(where, weights=np.concatenate([c1, c2]), minlength=merged.size)
            values.append(merged[: self.keep])
            counts.append(count[: self.keep].astype(np.int64))
        return Lowest(tuple(values), tuple(counts), self.total + other.total, self.keep)

    def minimum(self) -> Float[np.ndarray, " band"]:
        """Smallest value of each band."""
        return np.array([v[0] if v.size else 0.0 for v in self.values])

    def quantile(self, q: float) -> Float[np.ndarray, " band"]:
        """Quantile ``q`` (0..1) of each band, sorted value ``k`` of ``n`` standing at ``(k - 0.5) / n``.

        Raises
        ------
        InputError
            If it lies beyond the values that were kept.
        """
        rank = min(max(q * self.total - 0.5, 0.0), max(self.total - 1.0, 0.0))  # 0-based, fractional
        low, part = int(np.floor(rank)), rank - np.floor(rank)
        found = []
        for values, counts in zip(self.values, self.counts, strict=True):
            ends = np.cumsum(counts)
            if not values.size or ends[-1] < min(low + 2, self.total):
                raise InputError(
                    f"the quantile {q:g} of {self.total} samples", f"one within {self.keep} distinct values"
                )
            at = [values[min(int(np.searchsorted(ends, k, side="right")), values.size - 1)] for k in (low, low + 1)]
            found.append(at[0] + part * (at[1] - at[0]))
        return np.array(found)


class Stats(dict[str, Any]):
    """Named statistics of a scene (:class:`Moments`, :class:`Lowest`); ``+`` merges entry by entry."""

    def __add__(self, other: Stats) -> Stats:
        return Stats({key: value + other[key] for key, value in self.items()})
