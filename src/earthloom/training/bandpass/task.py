"""How the networks that write lookup tables are taught: pieces of pairs, the histograms around them, and the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.stats import sem, t
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom.errors import InputError
from earthloom.methods.networks.table_weights import table_header
from earthloom.methods.networks.tables import FittedLut, LutNetwork, TrainedLut
from earthloom.nn.unet_lut import LutNet, Start
from earthloom.ops.histogram import Bins, HistogramCells
from earthloom.ops.moments import Moments
from earthloom.ops.ridge import ridge
from earthloom.problems.bandpass import has_pixels, paired, partners
from earthloom.training.loop.patches import turned
from earthloom.types import Band, Bool, Float, Observation, Window

TAIL = 5e-4  # share of the numbers beyond the ends of the histogram, on either side
SPARE = 0.05  # of the range that is added on either side
RIDGE = 1e-6
SMALLEST = 1e-4  # of a target's deviation: errors below are not worth learning
SURE = 0.95  # confidence that learning helped
LEAST = 0.3  # share of a piece that must hold both images


@dataclass(frozen=True)
class SensorPair:
    """One place in both sensors' bands, and where both are to be trusted."""

    source: Float[np.ndarray, "s y x"]
    target: Float[np.ndarray, "t y x"]
    valid: Bool[np.ndarray, "y x"]
    seen: Bool[np.ndarray, "y x"]  # where the source was measured, which is what a histogram holds later on

    @classmethod
    def of(cls, obs: Observation, kept: Bool[np.ndarray, "y x"] | None = None) -> SensorPair:
        """An observation's; ``kept`` narrows where it may be learnt from."""
        if not has_pixels(obs["target"]):
            raise InputError("a source without its target", "pairs of images to learn from")
        valid = paired(obs) if kept is None else paired(obs) & kept
        source, target = obs["source"], obs["target"]
        clean = [np.where(v.valid, v.data, 0).astype(np.float32) for v in (source, target)]
        return cls(clean[0], clean[1], np.asarray(valid), source.valid)


def start_of(pairs: Sequence[SensorPair], source: Sequence[Band], target: Sequence[Band], network: LutNetwork) -> Start:
    """What the network begins with: the line of every band, or the ridge matrix, and the ranges of the numbers."""
    targets = len(target)
    parts = [np.concatenate([p.target[:, p.valid], p.source[:, p.valid]]) for p in pairs]
    moments = Moments.of(parts[0])
    for part in parts[1:]:
        moments = moments + Moments.of(part)
    every = np.concatenate([part[targets:] for part in parts], axis=1)
    low, high = _range(every)
    partner = partners(source, target, network.card.name, every=not network.crosses)
    if network.crosses:
        fit = ridge(moments, targets, RIDGE)
        matrix, constant = fit.weights, fit.constant
        slope, offset = np.ones(targets), np.zeros(targets)
    else:
        chosen = [s for s in partner if s is not None]
        matrix, constant = np.eye(len(source))[chosen], np.zeros(targets)
        lines = [moments.pick([t, targets + s]).regress(0, np.array([1])) for t, s in enumerate(chosen)]
        slope, offset = np.array([a[0] for a, _ in lines]), np.array([c for _, c in lines])
    first, last = _range(matrix @ every + constant[:, None])
    whole = slope[:, None] * matrix
    rest = moments.combine(np.concatenate([np.eye(targets), -whole], axis=1), np.zeros(targets)).std
    std = np.maximum(moments.std, 1e-12)
    error = np.maximum(rest, SMALLEST * std[:targets])
    return Start(
        matrix, constant, slope, offset, moments.mean[targets:], std[targets:], std[:targets], error, low, high, first,
        last,
    )  # fmt: skip


def _range(samples: Float[np.ndarray, "band n"]) -> tuple[np.ndarray, np.ndarray]:
    """Nearly all of the numbers, and some room on either side."""
    step = max(samples.shape[1] // 1_000_000, 1)
    low, high = np.quantile(samples[:, ::step], [TAIL, 1 - TAIL], axis=1)
    room = SPARE * np.where(high > low, high - low, 1.0)
    return (low - room).astype(np.float64), (high + room).astype(np.float64)


class PairPatches:
    """Random pieces of pairs beside the histogram of a random neighbourhood of each: batches for the training loop.

    Parameters
    ----------
    pairs
        To learn from.
    bins
        Of the histograms.
    patch
        Side of a piece in pixels; smaller pairs give smaller pieces.
    cell
        Largest side of the neighbourhood, as in use; 0 takes the whole pair.
    """

    def __init__(self, pairs: Sequence[SensorPair], bins: Bins, patch: int, cell: int) -> None:
        self.pairs = [p for p in pairs if p.valid.mean() >= LEAST] or [p for p in pairs if p.valid.any()]
        if not self.pairs:
            raise InputError("no pixel that both images hold", "pairs of images that overlap")
        side = min(min(p.valid.shape) for p in self.pairs)
        self.patch, self.bins, self.cell = min(patch, side), bins, cell
        weight = np.array([p.valid.sum() for p in self.pairs], float)
        self.share = np.cumsum(weight / weight.sum())

    def batch(self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1) -> dict[str, np.ndarray]:
        """The pieces of a step: a pure function of its arguments."""
        share = batch // of
        rows = [self._one(np.random.default_rng((seed, step, rank * share + at))) for at in range(share)]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _one(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One piece; of several drawn the first that holds enough."""
        pair = self.pairs[min(int(np.searchsorted(self.share, rng.uniform())), len(self.pairs) - 1)]
        height, width = pair.valid.shape
        best, window = -1.0, Window(0, 0, self.patch, self.patch)
        for _ in range(8):
            y, x = int(rng.integers(height - self.patch + 1)), int(rng.integers(width - self.patch + 1))
            here = Window(y, x, self.patch, self.patch)
            held = float(pair.valid[here.slices].mean())
            if held > best:
                best, window = held, here
            if best >= LEAST:
                break
        around = self._around(window, (height, width), rng)
        turn, own = int(rng.integers(8)), window.slices
        found = {
            "image": turned(pair.source[:, *own], turn), "truth": turned(pair.target[:, *own], turn),
            "mask": turned(pair.valid[None, *own].astype(np.float32), turn),
            "histogram": histogram_of(pair, around, self.bins),
        }  # fmt: skip
        return {name: np.ascontiguousarray(array, np.float32) for name, array in found.items()}

    def _around(self, window: Window, shape: tuple[int, int], rng: np.random.Generator) -> Window:
        """A neighbourhood of the piece, between its own size and a cell's."""
        if not self.cell:
            return Window(0, 0, *shape)
        side = int(rng.integers(self.patch, max(self.cell, self.patch) + 1))
        spans = []
        for first, count, size in zip(window[:2], window[2:], shape, strict=True):
            own = min(side, size)
            low, high = max(first + count - own, 0), min(first, size - own)
            spans.append((int(rng.integers(low, high + 1)) if high > low else max(min(low, size - own), 0), own))
        (y, height), (x, width) = spans
        return Window(y, x, height, width)


def histogram_of(pair: SensorPair, window: Window, bins: Bins) -> Float[np.ndarray, "s bins"]:
    """Shares of the source's numbers in a window, each band's summing to 1."""
    cells = HistogramCells.of(pair.source[:, *window.slices], pair.seen[window.slices], (0, 0), bins, 1 << 40)
    total = cells.total.astype(np.float32)
    return total / np.maximum(total.sum(axis=1, keepdims=True), 1)


@dataclass
class LutTask:
    """Masked squared error over that of the line, curvature of the tables, and where they fall.

    Parameters
    ----------
    patches
        Where batches come from.
    start
        What the network begins with.
    held
        Pairs that choose the best weights; empty: the last are kept. Weights must do better than the beginning with
        95 % confidence (Student's t over these pairs): what helps some scenes and harms others is not kept.
    curvature, falling
        Weights of the two terms on the tables, smooth and growing.
    """

    patches: PairPatches
    start: Start
    held: Sequence[SensorPair] = ()
    curvature: float = 1e-4
    falling: float = 1e-2
    figure: str = "beside_start"
    _scale: Tensor = field(init=False, repr=False)
    _begun: np.ndarray | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._scale = torch.as_tensor(self.start.error, dtype=torch.float32).view(-1, 1, 1)

    def loss(self, module: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Squared error of the pixels over that of the line; terms on the tables."""
        found, added = module(batch["image"], batch["histogram"])
        scale = self._scale.to(found.device)
        mask = batch["mask"]
        error = ((found - batch["truth"]) / scale) ** 2 * mask
        kept = mask.sum((1, 2, 3)).clamp(min=1) * found.shape[1]
        terms = {"mse": (error.sum((1, 2, 3)) / kept).mean()}
        terms["curvature"] = self.curvature * bent(added, scale[:, :, 0])
        terms["falling"] = self.falling * falls(added, self._rise(found.device))
        return terms

    def _rise(self, device: Any) -> Float[Tensor, "t one"]:
        """How far the line rises from node to node."""
        start = self.start
        rise = np.abs(start.slope * (start.last - start.first)) / (self.patches.bins.count - 1)
        return torch.as_tensor(rise, dtype=torch.float32, device=device)[:, None]

    def validate(self, module: nn.Module) -> dict[str, float]:
        """Mean over bands of RMSE over mean in percent, and by what factor it is surely below the first one's."""
        if not self.held:
            return {}
        each = np.array([self._relative(module, pair) for pair in self.held])
        self._begun = each if self._begun is None else self._begun
        ratio = np.log(np.maximum(each, 1e-12) / np.maximum(self._begun, 1e-12))
        surer = sem(ratio) * t.ppf(SURE, len(ratio) - 1) if len(ratio) > 1 else 0.0
        return {self.figure: float(np.exp(ratio.mean() + surer)), "relative_rmse": float(each.mean())}

    def _relative(self, module: nn.Module, pair: SensorPair) -> float:
        """Of one pair."""
        device = next(module.parameters()).device
        shown = [pair.source, histogram_of(pair, Window(0, 0, *pair.valid.shape), self.patches.bins)]
        with torch.inference_mode():
            found = module(*(torch.from_numpy(one)[None].to(device) for one in shown))[0][0].cpu().numpy()
        error = (found - pair.target)[:, pair.valid].astype(np.float64)
        mean = np.abs(pair.target[:, pair.valid].mean(axis=1, dtype=np.float64))
        return float(100 * np.mean(np.sqrt((error**2).mean(axis=1)) / np.maximum(mean, 1e-12)))

    def beside(self) -> dict[str, float]:
        """Nothing: step 0 is the line."""
        return {}

    def picture(self) -> dict[str, np.ndarray]:
        """None."""
        return {}


def bent(added: Float[Tensor, "n t bins"], scale: Float[Tensor, "t one"]) -> Tensor:
    """Mean squared second derivative of the tables, heights over ``scale``, their length taken as 1."""
    bend = added[..., 2:] - 2 * added[..., 1:-1] + added[..., :-2]
    return ((bend / scale) ** 2).mean() * added.shape[-1] ** 2


def falls(added: Float[Tensor, "n t bins"], rise: Float[Tensor, "t one"]) -> Tensor:
    """How far the tables fall from node to node, over the rise of the line."""
    return F.relu(-(rise + added[..., 1:] - added[..., :-1]) / rise.clamp(min=1e-12)).mean()


def module_of(network: LutNetwork, start: Start, seed: int = 0) -> LutNet:
    """A network that is the line, or the ridge matrix."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network.net(len(start.low), len(start.slope)).begin(start)


def taught(
    network: LutNetwork, module: LutNet, source: Sequence[Band], target: Sequence[Band], **more: Any
) -> FittedLut:
    """The trained network as a method."""
    return FittedLut(network, TrainedLut(module.eval(), table_header(network, source, target, **more)))
