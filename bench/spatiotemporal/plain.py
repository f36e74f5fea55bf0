"""The published rules in plain numpy, pixel by pixel: what the kernels are timed beside, and compared with.

One function a method: ``(observation, rows) -> the predicted rows``. They read like the papers and are as slow as
scripts are.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import f as f_distribution

from bench.spatiotemporal.plain_unmixing import fit_fc as fit_fc
from bench.spatiotemporal.plain_unmixing import fsdaf as fsdaf
from earthloom.types import Observation

RADIUS = 25
CLASSES = 4
UNCERTAINTY = 50


def images(obs: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fine and coarse images of the known dates (date, band, y, x), and the coarse one to predict from."""
    count = sum(role.startswith("fine") for role in obs.views)
    fine, coarse = (np.stack([obs[f"{kind}_{k}"].data for k in range(1, count + 1)]) for kind in ("fine", "coarse"))
    return fine.astype(np.float64), coarse.astype(np.float64), obs["coarse_p"].data.astype(np.float64)


def around(y: int, x: int, shape: tuple[int, ...]) -> tuple[slice, slice, np.ndarray]:
    """The window of a pixel, and the distances of its places."""
    rows = slice(max(y - RADIUS, 0), min(y + RADIUS + 1, shape[-2]))
    cols = slice(max(x - RADIUS, 0), min(x + RADIUS + 1, shape[-1]))
    i, j = np.mgrid[rows, cols]
    return rows, cols, np.hypot(i - y, j - x)


def starfm(obs: Observation, rows: range) -> np.ndarray:
    """STARFM as the C program has it, one known date, before rounding."""
    (fine,), (coarse,), target = images(obs)
    apart, near = int(np.hypot(UNCERTAINTY, UNCERTAINTY)), np.abs(coarse - fine)
    change, together = target - coarse, int(np.hypot(apart, int(np.sqrt(2) * UNCERTAINTY)))
    found = np.empty((len(fine), len(rows), fine.shape[2]))
    for b in range(len(fine)):
        width = int(int(fine[b].std()) * 2 / CLASSES + 0.5)
        for at, y in enumerate(rows):
            for x in range(fine.shape[2]):
                r, c, distance = around(y, x, fine.shape)
                alike = np.abs(fine[b, r, c] - fine[b, y, x]) < width
                alike &= (near[b, r, c] <= near[b, y, x] + apart) | (
                    np.abs(change[b, r, c]) <= abs(change[b, y, x]) + int(np.sqrt(2) * UNCERTAINTY)
                )
                off = near[b, r, c][alike] + 1
                weight = np.where(off < together, 1, 1 / (off * (1 + distance[alike] / (RADIUS + 0.5))))
                found[b, at, x] = (weight * (fine[b, r, c] + change[b, r, c])[alike]).sum() / weight.sum()
    return found


def estarfm(obs: Observation, rows: range) -> np.ndarray:
    """ESTARFM as its author's program has it, in DN of 0..10000, one block."""
    fine, coarse, target = images(obs)
    width = fine.std(axis=(2, 3)) * 2 / CLASSES
    both = [x.reshape(-1, *target.shape[1:]) - x.reshape(-1, *target.shape[1:]).mean(axis=0) for x in (fine, coarse)]
    with np.errstate(invalid="ignore", divide="ignore"):
        match = (both[0] * both[1]).sum(0) / np.sqrt((both[0] ** 2).sum(0) * (both[1] ** 2).sum(0))
    match = np.where(np.isnan(match), 0.5, match)
    found = np.empty((len(target), len(rows), target.shape[2]))
    for at, y in enumerate(rows):
        for x in range(target.shape[2]):
            r, c, distance = around(y, x, target.shape)
            alike = (np.abs(fine[:, :, r, c] - fine[:, :, y, x, None, None]) < width[..., None, None]).all(axis=(0, 1))
            weight = 1 / ((1 - match[r, c][alike]) * (1 + distance[alike] / RADIUS) + 1e-7)
            weight /= weight.sum()
            for b in range(len(target)):
                moved = target[b, r, c] - coarse[:, b, r, c]
                share = 1 / (np.abs(moved.mean(axis=(1, 2))) + 0.01**5)
                share /= share.sum()
                if alike.sum() <= 5:
                    found[b, at, x] = share @ (fine[:, b, y, x] + moved.mean(axis=(1, 2)))
                    continue
                f, c0 = fine[:, b, r, c][:, alike], coarse[:, b, r, c][:, alike]
                slope = conversion(f, c0) if abs(c0[0].mean() - c0[1].mean()) >= 200 else 1.0
                value = share @ (fine[:, b, y, x] + slope * (moved[:, alike] @ weight))
                found[b, at, x] = value if 0 < value < 10000 else share @ (f @ weight)
    return found


def conversion(fine: np.ndarray, coarse: np.ndarray) -> float:
    """The slope of fine over coarse values, 1 unless it is significant and in (0, 5]."""
    f, c = fine.ravel() - fine.mean(), coarse.ravel() - coarse.mean()
    slope, free = (f @ c) / (c @ c), f.size - 2
    explained = (f @ c) ** 2 / ((c @ c) * (f @ f))
    p = f_distribution.sf(explained / (1 - explained) * free, 1, free) if explained < 1 else 0.0
    return slope if p <= 0.05 and 0 < slope <= 5 else 1.0
