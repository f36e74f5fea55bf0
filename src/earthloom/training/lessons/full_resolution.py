"""Losses at full resolution, where there is no truth: what a product must agree with all the same.

Blurred and sampled as a coarse sensor would, it must be what that sensor saw (consistency); its detail must be that of
the sharp view, as much of it as each band holds one scale down (detail); and it must resemble the sharp view as much as
the coarse view resembles the blurred one, which is what ``D_s`` of the HQNR asks (similarity).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from earthloom.engine.passes import filled, halo_px
from earthloom.errors import MethodError
from earthloom.methods.networks.network import Fitted, prepared
from earthloom.methods.networks.scaling import normalised, scale_of
from earthloom.metrics.distortions import q_with_pan
from earthloom.nn import losses
from earthloom.ops.moments import Stats
from earthloom.physics.forward import operators, smooth
from earthloom.problems import catalog as problems
from earthloom.training.loop.patches import Patches
from earthloom.training.loop.task import Supervised
from earthloom.types import Observation

SHARE = 4  # one full-resolution patch for so many pairs
BLOCK = 32  # of the similarity, in wanted pixels


@dataclass(frozen=True)
class Weights:
    """How much each loss counts beside the error of the pairs, which is in standard deviations."""

    consistency: float = 0.5
    detail: float = 0.3
    similarity: float = 0.3


@dataclass(frozen=True)
class FullResolution:
    """What is asked of a product at full resolution.

    Parameters
    ----------
    patches
        Inputs beside ``coarse``, what the coarse sensor saw, and ``low``, the sharp view as blurred as the base.
    sensor
        Blur and sampling of a patch.
    slopes
        How much of the guide's detail each band holds one scale down, normalised; None does not ask.
    scale
        Mean and deviation of the bands of base and guide: similarity is measured in physical units. None where scenes
        differ in them, the guide is not one band, or patches are too small for a block; then it is not asked for.
    weights
        Of the losses.
    """

    patches: Patches
    sensor: losses.SensorModel
    slopes: Tensor | None
    scale: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]] | None
    weights: Weights

    @classmethod
    def of(
        cls,
        start: Fitted,
        pieces: Sequence[Observation],
        stats: Sequence[Stats],
        patch: int,
        unit: int,
        slopes: Tensor | None = None,
        weights: Weights | None = None,
    ) -> FullResolution | None:
        """The losses where a patch's geometry is the same everywhere (whole ratios); None where it is not.

        ``stats`` normalise what the network sees of each piece; ``patch`` is the side of patches, which begin at
        multiples of ``unit``.
        """
        network, problem = start.inner, problems.find(start.card.problem)
        try:
            role, gains = problem.observed(pieces[0])
        except MethodError:  # nothing coarse is seen: there is no sensor model to agree with
            return None
        view = pieces[0][role]
        if any(abs(r - round(r)) > 1e-6 for r in view.ratio) or patch // round(view.ratio[0]) <= 2 * losses.BORDER:
            return None
        order = list(start.trained.order or range(len(gains)))
        samples = [
            _sample(start, filled(obs, halo_px(network, obs)), own, role, order)
            for obs, own in zip(pieces, stats, strict=True)
        ]
        empty = np.zeros((len(gains), *(patch // round(r) for r in view.ratio)), np.float32)
        small = replace(view, data=empty, valid=np.ones(empty.shape[1:], bool))
        one = Observation({role: small}, (patch, patch), pieces[0].convention)
        terms = [operators(one, gains[band], role=role) for band in order]
        matrices = [
            [[torch.from_numpy(term[axis].matrix()).float() for term in band] for band in terms] for axis in (0, 1)
        ]
        scale = None
        if "low" in samples[0] and patch >= BLOCK and all(own is stats[0] for own in stats):
            base, guide = ([_column(v) for v in scale_of(stats[0][name])] for name in ("base", "guide"))
            scale = ((base[0][order], base[1][order]), (guide[0], guide[1]))
        patches = Patches(samples, patch, unit, "none")
        return cls(patches, losses.SensorModel(*matrices), slopes, scale, weights or Weights())

    def terms(self, module: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weighted losses of a batch of :attr:`patches`."""
        extra = ("truth", "mask", "coarse", "low")
        product = module(**{k: v for k, v in batch.items() if k not in extra})
        weights, device = self.weights, product.device
        seen = self.sensor.to(device)(product)
        found = {"consistency": weights.consistency * losses.inconsistency(seen, batch["coarse"])}
        if self.slopes is not None and weights.detail:
            slopes = self.slopes.to(device)
            found["detail"] = weights.detail * losses.foreign_detail(product, batch["guide"], slopes)
        if self.scale is not None and weights.similarity:
            found["similarity"] = weights.similarity * self._dissimilarity(product, batch)
        return found

    def _dissimilarity(self, product: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """``mean |Q(F, P) - Q(U M, P_low)|`` over bands and patches, Q in blocks of 32 pixels."""
        assert self.scale is not None
        (mean, std), (guide_mean, guide_std) = (tuple(v.to(product.device) for v in pair) for pair in self.scale)
        side = product.shape[-1] // BLOCK * BLOCK
        images = [product.float() * std + mean, batch["base"].float() * std + mean]
        guides = [batch[name].float() * guide_std + guide_mean for name in ("guide", "low")]
        images, guides = ([image[..., :side, :side] for image in group] for group in (images, guides))
        rows = []
        for fused, base, pan, low in zip(*images, *guides, strict=True):
            there, here = q_with_pan(fused, pan, block=BLOCK), q_with_pan(base, low, block=BLOCK)
            rows.append((there - here).abs().mean())
        return torch.stack(rows).mean()


def _column(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))[:, None, None]


def _sample(start: Fitted, obs: Observation, stats: Stats, role: str, order: list[int]) -> dict[str, np.ndarray]:
    """What patches are cut from: inputs over whole coarse pixels, and what was seen."""
    network, coarse = start.inner, obs[role]
    n = [min(s // round(r), c) for s, r, c in zip(obs.shape, coarse.ratio, coarse.shape, strict=True)]
    height, width = (k * round(r) for k, r in zip(n, coarse.ratio, strict=True))
    sample = {k: v[:, :height, :width] for k, v in prepared(network, obs, stats).items()}
    sample["base"] = sample["base"][order]
    valid = problems.find(start.card.problem).valid(obs)[:height, :width]
    sample["truth"] = np.where(valid, sample["base"], np.float32(np.nan))  # tells patches what is known
    sample["coarse"] = normalised(coarse.data[:, : n[0], : n[1]], stats["base"])[order].astype(np.float32)
    guide: Any = obs[network.roles["guide"]] if "guide" in network.roles else None  # nothing sharp of the same day
    if "guide" in sample and guide is not None and len(guide.bands) == 1 and max(guide.ratio) == 1:
        gain = float(np.mean([band.mtf_nyquist for band in coarse.bands]))
        low = smooth(obs, guide.data, [gain], role)
        sample["low"] = normalised(low, stats["guide"])[:, :height, :width].astype(np.float32)
    return sample


class Beside:
    """Pairs, and beside them patches at full resolution under names that begin with ``full_``."""

    def __init__(self, pairs: Patches, full: FullResolution) -> None:
        self.pairs, self.full = pairs, full

    def batch(self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1) -> dict[str, np.ndarray]:
        """Both, drawn for this step."""
        found = self.pairs.batch(step, batch, seed, rank, of)
        beside = self.full.patches.batch(step, max(batch // SHARE, of), seed + 1, rank, of)
        return found | {f"full_{name}": image for name, image in beside.items()}


@dataclass
class WithFullResolution(Supervised):
    """Pairs with truth, and beside them what is asked at full resolution (``full``; None asks nothing)."""

    full: FullResolution | None = None

    def __post_init__(self) -> None:
        """Draw patches of both."""
        if self.full is not None:
            assert isinstance(self.patches, Patches)
            self.patches = Beside(self.patches, self.full)

    def loss(self, module: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Error of the pairs, and the terms without truth."""
        full = {k.removeprefix("full_"): v for k, v in batch.items() if k.startswith("full_")}
        terms = super().loss(module, {k: v for k, v in batch.items() if not k.startswith("full_")})
        return terms if self.full is None else terms | self.full.terms(module, full)
