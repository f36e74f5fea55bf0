"""Non-negative matrix factorisation of an image: spectra of endmembers, and their abundances in every pixel."""

from __future__ import annotations

import numpy as np

from earthloom.types import Float

TINY = 1e-12  # of the scaled data, whose mean is 1
CHUNK = 1 << 12  # pixels unmixed at a time, so that they stay in the processor


def flat(image: Float[np.ndarray, "k y x"]) -> Float[np.ndarray, "k n"]:
    """Pixels in one axis."""
    return image.reshape(len(image), -1)


def start(seen: Float[np.ndarray, "band n"], count: int) -> Float[np.ndarray, "band k"]:
    """Spectra of pixels that are far apart: each is the longest of what the ones before cannot explain."""
    rest, chosen = seen.copy(), []
    first = float((seen**2).sum(axis=0).max())
    for _ in range(min(count, seen.shape[1])):
        length = (rest**2).sum(axis=0)
        at = int(length.argmax())
        if length[at] <= 1e-10 * max(first, TINY):
            break
        chosen.append(at)
        direction = rest[:, at] / np.sqrt(length[at])
        rest -= np.outer(direction, direction @ rest)
    return np.maximum(seen[:, chosen or [0]], TINY)


def abundances(
    seen: Float[np.ndarray, "band n"],
    spectra: Float[np.ndarray, "band k"],
    share: Float[np.ndarray, "k n"],
    steps: int,
    held: float,
) -> Float[np.ndarray, "k n"]:
    """Multiplicative updates of H in ``seen = W H`` with the softly held condition that H sums to 1."""
    weight = held * float((spectra**2).mean())
    rows = np.vstack([spectra, np.full((1, spectra.shape[1]), np.sqrt(weight))])  # the condition is one more band
    gram, out = rows.T @ rows, np.empty_like(share)
    for first in range(0, share.shape[1], CHUNK):
        here = slice(first, first + CHUNK)
        right, part = spectra.T @ seen[:, here] + weight, share[:, here].copy()
        for _ in range(steps):
            if len(rows) < len(gram):  # PAN alone: two short sums, which threads of a matrix product would only delay
                below = np.einsum("rk,rn->kn", rows, np.einsum("rk,kn->rn", rows, part))
            else:
                below = gram @ part
            np.maximum(below, TINY, out=below)
            np.divide(right, below, out=below)
            part *= below
        out[:, here] = part
    return out


def factorise(
    seen: Float[np.ndarray, "band n"],
    spectra: Float[np.ndarray, "band k"],
    share: Float[np.ndarray, "k n"],
    steps: int,
    inner: int,
    held: float,
) -> tuple[Float[np.ndarray, "band k"], Float[np.ndarray, "k n"]]:
    """Abundances first, then spectra and abundances in turn."""
    share = abundances(seen, spectra, share, inner, held)
    for _ in range(steps):
        spectra = spectra * ((seen @ share.T) / np.maximum(spectra @ (share @ share.T), TINY))
        share = abundances(seen, spectra, share, 1, held)
    return spectra, share
