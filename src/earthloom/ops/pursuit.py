"""Sparse codes of many small patches at once."""

from __future__ import annotations

import numpy as np

from earthloom.types import Float


def matching_pursuit(
    atoms: Float[np.ndarray, "atom pixel"], patches: Float[np.ndarray, "n pixel"], count: int
) -> Float[np.ndarray, "n atom"]:
    """Orthogonal matching pursuit: at most ``count`` atoms a patch, ``min |x - D' a|``.

    Each round takes the atom that correlates most with what is left, and fits all atoms taken so far by least squares
    on their Gram matrix. Atoms have unit length. A patch that is explained already takes no more.

    References
    ----------
    Pati, Rezaiifar, Krishnaprasad, Asilomar Conference on Signals, Systems and Computers, 40-44, 1993.
    """
    codes = np.zeros((len(patches), len(atoms)))
    gram, product = atoms @ atoms.T, patches @ atoms.T
    length = np.linalg.norm(patches, axis=1)
    live = np.flatnonzero(length > 0)
    taken, left = np.empty((len(live), 0), int), product[live]
    for _ in range(min(count, len(atoms))):
        score = np.abs(left)
        np.put_along_axis(score, taken, -1.0, axis=1)
        best = score.argmax(axis=1) if score.size else np.empty(0, int)
        going = score[np.arange(len(live)), best] > 1e-9 * length[live]
        live, taken = live[going], np.column_stack([taken, best])[going]
        if not len(live):
            break
        small = gram[taken[:, :, None], taken[:, None, :]] + 1e-12 * np.eye(taken.shape[1])
        fitted = np.linalg.solve(small, product[live[:, None], taken][:, :, None])[:, :, 0]
        codes[live[:, None], taken] = fitted
        left = product[live] - np.einsum("nk,nka->na", fitted, gram[taken])
    return codes
