"""Blocks of pairs of images to fit an alignment to: read, registered, and freed of clouds and changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from earthloom.engine.runner import parallel
from earthloom.errors import InputError, warn
from earthloom.ops.displace import Displaced, displacement
from earthloom.ops.moments import Moments
from earthloom.problems.bandpass import has_pixels, nearest_band, paired
from earthloom.types import Bool, Float, Observation, Scene, Window

LARGEST, SMALLEST = 256, 16  # px along a side of a block
ALONG = 6  # blocks along the shorter side of a small scene
MOST_PX = 2_000_000  # pixels of all blocks together: more change no fit, and take their time
HELD = 0.3  # share of a block that both images must hold
FEWEST = 3  # blocks that tell how far a whole image lies off
OFF_PX = 0.75  # a block that lies further off is not learnt from
ALIKE = 0.25  # least likeness of the gradients for a displacement to be believed
FAR = 7.0  # robust standard deviations from which on a pixel does not belong
STRANGE = 0.25  # share of such pixels from which on the whole block does not
SAMPLES = 200_000  # pixels that what belongs is judged by
TURNS = 12  # of reweighting
BISQUARE = 4.685


@dataclass(frozen=True)
class PairBlock:
    """A window of one pair, and which of its pixels are learnt from.

    Parameters
    ----------
    obs
        Source and target of the window.
    scene
        Which pair.
    window
        In that pair.
    kept
        Pixels to learn from.
    moved
        How far the target lies off the source, where it could be measured.
    """

    obs: Observation
    scene: int
    window: Window
    kept: Bool[np.ndarray, "y x"]
    moved: Displaced | None = None

    @property
    def seen(self) -> Observation:
        """The observation whose target is valid on the kept pixels alone."""
        target = self.obs["target"]
        return replace(self.obs, views={**self.obs.views, "target": replace(target, valid=self.kept)})


@dataclass(frozen=True)
class Sorted:
    """What was kept of the blocks, and what was not and why.

    Parameters
    ----------
    blocks
        To learn from.
    off, strange, empty
        How many were left out: displaced, clouded or changed, without enough pixels.
    y, x
        Median displacement over all blocks that could be measured, in px; NaN where none could.
    dropped
        Share of the pixels of the kept blocks that do not belong.
    """

    blocks: tuple[PairBlock, ...]
    off: int = 0
    strange: int = 0
    empty: int = 0
    y: float = math.nan
    x: float = math.nan
    dropped: float = 0.0
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        moved = {"y_px": round(self.y, 3), "x_px": round(self.x, 3)} if math.isfinite(self.y) else {}
        return {
            "blocks": len(self.blocks), "displaced": self.off, "clouded_or_changed": self.strange, "empty": self.empty,
            "pixels": int(sum(b.kept.sum() for b in self.blocks)), "pixels_dropped": round(self.dropped, 4), **moved,
        }  # fmt: skip


def gather(scenes: Sequence[Scene], threads: int = 1, most_px: int = MOST_PX) -> list[PairBlock]:
    """Read blocks spread evenly over every pair.

    Raises
    ------
    InputError
        If a pair has no target, or pairs differ in their bands.
    """
    first = scenes[0].empty()
    names = {role: [band.name for band in first[role].bands] for role in ("source", "target")}
    for number, scene in enumerate(scenes):
        empty = scene.empty()
        for role, known in names.items():
            given = [band.name for band in empty[role].bands]
            if given != known:
                raise InputError(f"pair {number + 1} with {role} bands {', '.join(given)}", ", ".join(known))
    found: list[PairBlock] = []
    for number, scene in enumerate(scenes):
        windows = square_windows(scene.shape, most_px // len(scenes))

        def read(window: Window, scene: Scene = scene, number: int = number) -> PairBlock:
            obs = scene.observe(window, 0)
            if not has_pixels(obs["target"]):
                raise InputError(f"pair {number + 1} without a target image", "an image of each sensor")
            return PairBlock(obs, number, window, paired(obs))

        found += parallel(read, windows, threads)
    return found


def square_windows(shape: tuple[int, int], most_px: int) -> list[Window]:
    """Square windows that cover a small scene, or lie evenly over a large one."""
    side = int(min(max(min(shape) // ALONG, SMALLEST), LARGEST, *shape))
    counts = [max(size // side, 1) for size in shape]
    most = max(most_px // (side * side), 1)
    if counts[0] * counts[1] > most:
        share = math.sqrt(most / (counts[0] * counts[1]))
        counts = [max(int(count * share), 1) for count in counts]
    dense = all(count == max(size // side, 1) for count, size in zip(counts, shape, strict=True))
    spans = []
    for size, count in zip(shape, counts, strict=True):
        edges = np.linspace(0, size, count + 1).astype(int)
        own = np.diff(edges) if dense else np.full(count, side)
        spans.append([(int(a + (w - o) // 2), int(o)) for a, w, o in zip(edges[:-1], np.diff(edges), own, strict=True)])
    return [Window(y, x, height, width) for y, height in spans[0] for x, width in spans[1]]


def sort_out(blocks: Sequence[PairBlock], threads: int = 1) -> Sorted:
    """Leave out blocks that are displaced, clouded or changed, and pixels that do not belong.

    Raises
    ------
    InputError
        If no block is left; the message says why.
    """
    held = [block for block in blocks if block.kept.mean() >= HELD]
    empty = len(blocks) - len(held)
    if not held:
        raise InputError(
            "no block of the images where both hold enough valid pixels", f"at least {HELD:.0%} of one",
            "check that they overlap, their masks and nodata",
        )  # fmt: skip
    moved = _displacements(held, threads)
    known = [d for d in moved if d is not None]
    y, x = (float(np.median([getattr(d, a) for d in known])) if known else math.nan for a in ("y", "x"))
    held = [replace(block, moved=d) for block, d in zip(held, moved, strict=True)]
    near = [block for block in held if block.moved is None or block.moved.px <= OFF_PX]
    off = len(held) - len(near)
    if known and math.hypot(y, x) > OFF_PX:
        raise InputError(
            f"a target that lies {y:+.2f} rows, {x:+.2f} columns off the source", f"at most {OFF_PX} px",
            "to register the images, give `register=True`",
        )  # fmt: skip
    if not near:
        raise InputError(f"blocks that all lie more than {OFF_PX} px off", "registered images", "give `register=True`")
    kept, strange, dropped = _belonging(near)
    if not kept:
        raise InputError(
            f"{strange} blocks in which the images do not show the same ground",
            "images of one place and nearly one time", "are they of different dates, or clouded all over? give masks",
        )  # fmt: skip
    if strange + off > len(held) / 2:
        warn(f"{strange} of {len(held)} blocks look clouded or changed, {off} displaced; the rest is learnt from")
    return Sorted(tuple(kept), off, strange, empty, y, x, dropped)


def measured(blocks: Sequence[PairBlock], threads: int = 1) -> list[Displaced]:
    """How far the target lies off the source, in every block where that can be seen."""
    held = [block for block in blocks if block.kept.mean() >= HELD]
    return [one for one in _displacements(held, threads) if one is not None]


def _displacements(held: Sequence[PairBlock], threads: int) -> list[Displaced | None]:
    """Of each block; None where it cannot be seen."""
    if not held:
        return []
    nearest = nearest_band(held[0].obs["source"].bands, held[0].obs["target"].bands)
    pairs = [(t, s) for t, s in enumerate(nearest) if s is not None]
    return list(parallel(lambda block: _measured(block, pairs), held, threads))


def _measured(block: PairBlock, pairs: list[tuple[int, int]]) -> Displaced | None:
    """Displacement of the pair of bands whose edges are most alike."""
    found = []
    for t, s in pairs:
        one = displacement(block.obs["source"].data[s], block.obs["target"].data[t], block.kept)
        if one is not None and one.likeness >= ALIKE:
            found.append(one)
    return max(found, key=lambda d: d.likeness, default=None)


def _belonging(blocks: Sequence[PairBlock]) -> tuple[list[PairBlock], int, float]:
    """Blocks without the pixels that lie far off the relation of all the others; how many blocks were left out."""
    count = len(blocks[0].obs["target"].bands)
    parts = [_stacked(block) for block in blocks]
    total = sum(part.shape[1] for part in parts)
    sample = np.concatenate([part[:, :: max(total // SAMPLES, 1)] for part in parts], axis=1)
    weights, constant, sigma = relation(sample, count)
    kept, strange, lost, whole = [], 0, 0, 0
    for block, part in zip(blocks, parts, strict=True):
        left = np.abs(part[:count] - weights @ part[count:] - constant[:, None]) / sigma[:, None]
        far = left.max(axis=0) > FAR
        if far.mean() > STRANGE:
            strange += 1
            continue
        mask = block.kept.copy()
        mask[block.kept] = ~far
        kept.append(replace(block, kept=mask))
        lost, whole = lost + int(far.sum()), whole + far.size
    return kept, strange, lost / max(whole, 1)


def _stacked(block: PairBlock) -> Float[np.ndarray, "k n"]:
    """Target and source bands of the kept pixels."""
    views = [block.obs[role].data[:, block.kept] for role in ("target", "source")]
    return np.concatenate(views).astype(np.float64)


def relation(
    sample: Float[np.ndarray, "k n"], targets: int
) -> tuple[Float[np.ndarray, "t s"], Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """A linear relation of the first ``targets`` variables to the rest that what does not belong hardly moves.

    Least trimmed at first (the half with the smallest residuals of a half drawn likewise), then reweighted with
    Tukey's bisquare, ``w = (1 - (e / 4.685 s)^2)^2``; s is the median absolute residual over 0.6745.

    Returns
    -------
    Weights, constants, and s of every target.
    """
    source = sample[targets:]
    kept = np.ones(sample.shape[1], bool)
    weight = kept.astype(float)
    # bright clouds pull a first fit: begin where the sources are ordinary
    middle = np.median(source, axis=1, keepdims=True)
    apart = np.abs(source - middle) / np.maximum(np.median(np.abs(source - middle), axis=1, keepdims=True), 1e-12)
    weight = (apart.max(axis=0) <= 4.0).astype(float)
    floor = 1e-4 * np.maximum(
        np.median(np.abs(sample[:targets] - np.median(sample[:targets], axis=1, keepdims=True)), axis=1), 1e-12
    )
    matrix, constant, sigma = np.zeros((targets, len(source))), np.zeros(targets), floor
    for turn in range(TURNS):
        moments = _weighted(sample, weight)
        for t in range(targets):
            matrix[t], constant[t] = moments.regress(t, np.arange(targets, len(sample)))
        left = np.abs(sample[:targets] - matrix @ source - constant[:, None])
        used = weight > 0.5 if turn == 0 else kept
        sigma = np.maximum(np.median(left[:, used], axis=1) / 0.6745, floor)
        worst = (left / sigma[:, None]).max(axis=0)
        weight = np.clip(1 - (worst / (BISQUARE * max(1.5 - 0.05 * turn, 1.0))) ** 2, 0, None) ** 2
    return matrix, constant, sigma


def _weighted(sample: np.ndarray, weight: np.ndarray) -> Moments:
    """Moments of weighted samples."""
    total = weight.sum()
    mean = sample @ weight / total
    centred = sample - mean[:, None]
    return Moments(max(round(total), 1), mean, (centred * weight) @ centred.T)
