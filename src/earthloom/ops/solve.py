"""Linear least squares that always come back: LAPACK may loop without end over what is no number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from earthloom.errors import InputError
from earthloom.types import Shaped

HINT = "a code of missing pixels may be undeclared: `earthloom info` shows the greatest numbers, `nodata` says the code"


def least_squares(
    a: Shaped[np.ndarray, "n k"], b: Shaped[np.ndarray, "n ..."], rcond: float | None = None
) -> np.ndarray:
    """The smallest ``x`` that minimises ``|a x - b|``; of shape ``(k,)`` or ``(k, m)`` as ``b`` has it.

    Parameters
    ----------
    rcond
        Singular values below this share of the largest count as none.

    Raises
    ------
    InputError
        If there is infinity or NaN in ``a`` or ``b``: sums over numbers that are too large for their type.
    """
    require_finite(a, b)
    return np.linalg.lstsq(a, b, rcond=rcond)[0]


def require_finite(*arrays: np.ndarray) -> None:
    """Refuse what no equation is solved with.

    Raises
    ------
    InputError
        If an array holds infinity or NaN.
    """
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError("sums over the image that are infinite or no number", "measurements", HINT)


@contextmanager
def solvable() -> Iterator[None]:
    """Turn what numpy raises over equations without a solution into an InputError of one line."""
    try:
        yield
    except np.linalg.LinAlgError as wrong:
        raise InputError(f"equations without a solution ({wrong})", "measurements", HINT) from wrong
