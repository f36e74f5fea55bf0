"""Training a table-writing network on blocks of pairs, and judging it where its histograms see the surroundings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.errors import MethodError
from earthloom.machine import device_wanted
from earthloom.methods import catalog
from earthloom.methods.networks.tables import FittedLut, LutNetwork
from earthloom.ops.histogram import Bins
from earthloom.ops.moments import Stats
from earthloom.training.bandpass.blocks import PairBlock
from earthloom.training.bandpass.score import folds_of
from earthloom.training.bandpass.task import LutTask, PairPatches, SensorPair, module_of, start_of, taught
from earthloom.training.loop.loop import Config, fit
from earthloom.types import Observation, Window

STEPS, BATCH, PATCH, RATE = 400, 16, 32, 5e-3
DENSE = 0.95  # share of its extent that blocks of a scene must cover to be put together again


@dataclass(frozen=True)
class Piece:
    """A piece of ground with the blocks that lie on it."""

    obs: Observation
    at: tuple[tuple[int, Window], ...]  # number of the block, and where it lies

    def mask(self, blocks: Sequence[PairBlock], chosen: Collection[int]) -> np.ndarray:
        """Kept pixels of some of the blocks."""
        found = np.zeros(self.obs.shape, bool)
        for number, window in self.at:
            if number in chosen:
                found[window.slices] = blocks[number].kept
        return found


@dataclass(frozen=True)
class TrainedTables:
    """A network with its weights, and the ground it is judged on."""

    method: FittedLut
    blocks: Sequence[PairBlock]
    pieces: Sequence[Piece]

    def on(self, block: PairBlock) -> np.ndarray:
        """What it makes of a block, the histograms taken from all of the ground around."""
        number = next(i for i, one in enumerate(self.blocks) if one is block)
        for piece in self.pieces:
            for own, window in piece.at:
                if own == number:
                    stats: Stats = self.method.summarise(piece.obs, None)
                    return self.method.fuse(piece.obs, stats)[:, *window.slices]
        raise KeyError(number)


def pieces_of(blocks: Sequence[PairBlock]) -> list[Piece]:
    """Blocks that cover their scene put together again; others each on its own."""
    found: list[Piece] = []
    for scene in sorted({block.scene for block in blocks}):
        own = [(i, block) for i, block in enumerate(blocks) if block.scene == scene]
        top, left = (min(getattr(b.window, a) for _, b in own) for a in ("y", "x"))
        bottom = max(b.window.y + b.window.height for _, b in own)
        right = max(b.window.x + b.window.width for _, b in own)
        area = sum(b.window.height * b.window.width for _, b in own)
        if area < DENSE * (bottom - top) * (right - left):
            found += [Piece(b.obs, ((i, Window(0, 0, *b.obs.shape)),)) for i, b in own]
            continue
        whole = Window(top, left, bottom - top, right - left)
        found.append(_joined(own, whole))
    return found


def _joined(own: Sequence[tuple[int, PairBlock]], whole: Window) -> Piece:
    """One observation of blocks that tile a rectangle."""
    first, shape, views = own[0][1].obs, (whole.height, whole.width), {}
    for role in ("source", "target"):
        view = first[role]
        data, valid = np.zeros((len(view.bands), *shape), view.data.dtype), np.zeros(shape, bool)
        for _, block in own:
            at = block.window.relative_to(whole).slices
            data[:, *at], valid[at] = block.obs[role].data, block.obs[role].valid
        views[role] = replace(view, data=data, valid=valid)
    at = tuple((i, block.window.relative_to(whole)) for i, block in own)
    return Piece(Observation(views, shape), at)


def train_tables(
    name: str, blocks: Sequence[PairBlock], out: Collection[int] = (), steps: int = STEPS, seed: int = 0, **fields: Any
) -> TrainedTables:
    """Train a network on blocks; a fifth of their ground chooses the step whose weights are kept.

    Parameters
    ----------
    name
        ``unet_lut`` or ``unet_lut_x``.
    blocks
        All, of which those in ``out`` are neither learnt from nor looked at.
    steps, seed
        Of the training: the same gives the same.
    fields
        Of the method.

    Raises
    ------
    MethodError
        If the method is another kind.
    """
    network = catalog.make(name, "bandpass", **fields)
    if not isinstance(network, LutNetwork) or network.variant != "ours":
        raise MethodError(f"{name} fitted as a network", "unet_lut or unet_lut_x, of our variant")
    source, target = (blocks[0].obs[role].bands for role in ("source", "target"))
    inside = [i for i in range(len(blocks)) if i not in set(out)]
    parts = folds_of([blocks[i] for i in inside])
    held = {inside[i] for i in parts[len(parts) // 3]} if len(parts) > 2 else set()
    pieces = pieces_of(blocks)
    learnt = _pairs(pieces, blocks, set(inside) - held)
    judged = _pairs(pieces, blocks, held)
    start = start_of(learnt, source, target, network)
    patches = PairPatches(learnt, Bins(start.low, start.high, network.bins), PATCH, network.cell)
    module = module_of(network, start, seed)
    config = Config(
        steps=steps, batch=BATCH, patch=PATCH, lr=RATE, warmup=20, ema=0.99, seed=seed, channels_last=False, threads=1,
        tensorboard=False, validate_every=max(steps // 10, 1), device=device_wanted(),
    )  # fmt: skip
    fit(module, LutTask(patches, start, judged), config)
    return TrainedTables(taught(network, module, source, target), blocks, pieces)


def _pairs(pieces: Sequence[Piece], blocks: Sequence[PairBlock], chosen: Collection[int]) -> list[SensorPair]:
    """The pieces with those blocks to learn from."""
    found = []
    for piece in pieces:
        mask = piece.mask(blocks, chosen)
        if mask.any():
            found.append(SensorPair.of(piece.obs, mask))
    return found
