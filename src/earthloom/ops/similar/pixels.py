"""Windows of the spatiotemporal family: how far neighbours lie, means over what was measured, similar pixels."""

from __future__ import annotations

import numpy as np

from earthloom.types import Bool, Float, Num, Window


def window_reach(window_px: int) -> tuple[int, int]:
    """First and last offset of a window: -r..r when its side is odd, -r..r-1 when even."""
    return -(window_px // 2), (window_px - 1) // 2


def distances(window_px: int) -> Float[np.ndarray, "side side"]:
    """Distance in pixels of every place of a window from its pixel, rows and columns in order of the offsets."""
    first, last = window_reach(window_px)
    along = np.arange(first, last + 1, dtype=np.float64)
    return np.hypot(along[:, None], along[None])


def surrounded(
    image: Num[np.ndarray, "*lead y x"], window: Window, side: int, spare: int = 0
) -> Num[np.ndarray, "*lead h w"]:
    """The pixels that windows of ``side`` around those of ``window`` cover, 0 beyond the border.

    Pixel ``(y, x)`` of ``window`` finds place ``(a, b)`` of its window at ``[y + a, x + b]``, with no border to mind.
    ``spare`` columns more on the right.
    """
    first, last = window_reach(side)
    spans, pads = [], [(0, 0)] * (image.ndim - 2)
    for at, count, size, more in zip(window[:2], window[2:], image.shape[-2:], (0, spare), strict=True):
        low, high = at + first, at + count + last + more
        spans.append(slice(max(low, 0), min(high, size)))
        pads.append((max(-low, 0), max(high - size, 0)))
    return np.ascontiguousarray(np.pad(image[..., spans[0], spans[1]], pads))


def box_sum(image: Float[np.ndarray, "band y x"], window_px: int) -> Float[np.ndarray, "band y x"]:
    """Sums over the window around each pixel, cut at the border, in float64 and the same time whatever the window."""
    first, last = window_reach(window_px)
    total = image.astype(np.float64)
    for axis in (1, 2):
        size = total.shape[axis]
        low = np.clip(np.arange(size) + first, 0, size)
        high = np.clip(np.arange(size) + last + 1, 0, size)
        run = np.cumsum(total, axis=axis)
        run = np.concatenate([np.zeros_like(run.take([0], axis=axis)), run], axis=axis)
        total = run.take(high, axis=axis) - run.take(low, axis=axis)
    return total


def window_mean(
    image: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"], window_px: int
) -> Float[np.ndarray, "band y x"]:
    """Mean of the valid pixels of the window around each pixel, cut at the border; 0 where there is none."""
    both = np.concatenate([np.where(valid, image, 0), valid[None].astype(image.dtype)])
    total = box_sum(both, window_px)
    return total[:-1] / np.maximum(total[-1:], 1)
