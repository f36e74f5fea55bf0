"""Lessons beyond the error of the pixels: stages, spectral angle, structure, and a critic with an optimiser of its own.

There is one training loop. It asks a task for its learner, and this one holds two networks and two optimisers: the
critic's weights and the state of its optimiser are part of every checkpoint, and its gradients are averaged over the
processes as the network's are. In each step the network's images are made once: the critic learns from them, and then
they from the critic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earthloom import metrics
from earthloom.methods.networks.network import Network
from earthloom.methods.networks.scaling import scale_of
from earthloom.methods.networks.teaching import Teaching
from earthloom.nn.critic import Critic, clip, critic_loss, gradient_penalty
from earthloom.ops.moments import Moments
from earthloom.training.loop.config import Config
from earthloom.training.loop.learner import Learner, optimiser_of
from earthloom.training.loop.patches import MASK, TRUTH, Sample
from earthloom.training.loop.task import Batches, Held, Supervised, Task, pixel_loss

LEVEL = "level"  # means and deviations that bring the bands of a patch back to physical units
PEAK = 10.0  # standard deviations that SSIM takes for the largest possible value
SSIM_PX = 11  # side of its window: smaller images have no structure


@dataclass
class Lessons(Supervised):
    """The job of a network that says how it is to be taught.

    Parameters
    ----------
    teaching
        What counts beside the error of the pixels.
    bands
        Of the wanted image: the critics' input; 0 for a network that takes any number of them one by one, whose critics
        do so too.
    """

    teaching: Teaching = field(default_factory=Teaching)
    bands: int = 1

    def learner(self, fabric: Any, module: nn.Module, config: Config) -> Learner:
        """With critics, or without."""
        if self.teaching.critic == "none":
            return Learner(fabric, module, config)
        return AdversarialLearner(fabric, module, config, self)

    def images(self, module: nn.Module, batch: Mapping[str, Tensor]) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        """Product, truth and mask of every stage; the truth is averaged over blocks, and holes in them are holes."""
        truth, mask = batch[TRUTH], batch.get(MASK)
        inputs = {name: image for name, image in batch.items() if name not in (TRUTH, MASK, LEVEL)}
        if not self.teaching.staged:
            return [(module(**inputs), truth, mask)]
        found = []
        for product in module(**inputs, truth=truth, stages=True):
            ratio = truth.shape[-1] // product.shape[-1]
            small, kept = truth, mask
            if ratio > 1:
                small = F.avg_pool2d(truth, ratio)
                kept = None if mask is None else (F.avg_pool2d(mask, ratio) > 1 - 1e-4).to(truth.dtype)
            found.append((product, small, kept))
        return found

    def terms(self, images: Sequence[tuple[Tensor, Tensor, Tensor | None]], level: Tensor | None) -> dict[str, Tensor]:
        """Error of the pixels of all stages, and what else counts."""
        found = {self.kind: torch.stack([_error(*stage, self.kind) for stage in images]).sum()}
        product, truth, mask = images[-1]
        if self.teaching.spectral and level is not None:
            found["spectral"] = self.teaching.spectral * spectral_angle(product, truth, level, mask)
        if self.teaching.structure:
            parts = [dissimilarity(*stage) for stage in images if min(stage[0].shape[-2:]) >= SSIM_PX]
            if parts:
                found["structure"] = self.teaching.structure * torch.stack(parts).sum()
        return found

    def loss(self, module: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Everything but the critics' opinion."""
        return self.terms(self.images(module, batch), batch.get(LEVEL))


def job(network: Network, patches: Batches, held: Sequence[Held], kind: str, bands: int) -> Supervised:
    """The job of a network: what it says about its teaching, else the error of its pixels."""
    if network.teaching is None:
        return Supervised(patches, held, kind)
    return Lessons(patches, held, kind, teaching=network.teaching, bands=bands)


def lesson(sample: Sample, moments: Moments, step: int, teaching: Teaching | None) -> dict[str, np.ndarray]:
    """A sample with what its lesson needs: for the spectral angle, the bands' means and deviations.

    They are the same all over the scene, and so kept on a grid ``step`` times coarser.
    """
    if teaching is None or not teaching.spectral or len(moments.mean) < 2:
        return dict(sample)
    height, width = (n // step * step for n in sample[TRUTH].shape[1:])
    mean, std = scale_of(moments)
    unit = float(np.sqrt(np.mean(mean**2 + std**2))) or 1.0  # angles do not mind
    level = (np.concatenate([mean, std]) / unit).astype(np.float32)[:, None, None]
    cut = {name: np.ascontiguousarray(image[:, :height, :width]) for name, image in sample.items()}
    return {**cut, LEVEL: np.broadcast_to(level, (len(level), height // step, width // step)).copy()}


def spectral_angle(product: Tensor, truth: Tensor, level: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over patches of each one's mean angle between spectra in physical units, radians."""
    mean, std = level[:, :, :1, :1].chunk(2, 1)
    found = []
    for number in range(len(product)):
        x, y = (image[number] * std[number] + mean[number] for image in (product, truth))
        found.append(metrics.sam_deg(x, y, valid=None if mask is None else mask[number, 0] > 0))
    return torch.stack(found).mean() * (torch.pi / 180)


def dissimilarity(product: Tensor, truth: Tensor, mask: Tensor | None) -> Tensor:
    """``1 - SSIM`` of standardised bands; holes agree by definition."""
    if mask is not None:
        product, truth = product * mask, truth * mask
    x, y = (image.reshape(-1, *image.shape[-2:]) for image in (product, truth))
    return 1 - metrics.ssim(x, y, PEAK)


def _error(product: Tensor, truth: Tensor, mask: Tensor | None, kind: str) -> Tensor:
    """Of one stage; a patch whose coarse grid is all holes says nothing."""
    if mask is None:
        return pixel_loss(product, truth, None, kind)
    kept = mask.sum(dim=(1, 2, 3)) > 0
    if not bool(kept.all()):
        mask = torch.where(kept[:, None, None, None], mask, torch.full_like(mask, 1e-12))
        truth = torch.where(kept[:, None, None, None], truth, product.detach())
    return pixel_loss(product, truth, mask, kind)


class AdversarialLearner(Learner):
    """A network and the critics of its stages, each side with its own optimiser."""

    def __init__(self, fabric: Any, module: nn.Module, config: Config, task: Lessons) -> None:
        super().__init__(fabric, module, config)
        self.teaching = task.teaching
        made = task.teaching
        stages = 2 if made.staged else 1
        with torch.random.fork_rng(devices=[]):  # the same critics in every process
            torch.manual_seed(config.seed)
            critics = [Critic(max(task.bands, 1), made.critic_width, made.critic_batch_norm) for _ in range(stages)]
        self.critics = nn.ModuleList(critics).to(fabric.device)
        if config.channels_last:
            self.critics.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.opponent = fabric.setup_optimizers(optimiser_of(self.critics, config))

    def update(self, task: Task, batch: Mapping[str, Tensor], step: int, rate: float) -> dict[str, Tensor]:
        """The critics' step and then the network's, from the same images."""
        assert isinstance(task, Lessons)
        images = task.images(self.wrapped, batch)
        terms = task.terms(images, batch.get(LEVEL))
        seen = [(_kept(product, mask), _kept(truth, mask)) for product, truth, mask in images]
        if not task.bands:
            seen = [(_apart(product), _apart(truth)) for product, truth in seen]
        judged = terms[task.kind].new_zeros(())
        terms["adversarial"] = judged
        if step >= self.teaching.alone:
            judged = self._judge(seen, rate)
            self.critics.requires_grad_(False)
            with self.fabric.autocast():
                opinions = [
                    critic(product).float().mean() for critic, (product, _) in zip(self.critics, seen, strict=True)
                ]
            terms["adversarial"] = -self.teaching.adversarial * torch.stack(opinions).sum()
        told = self.follow(terms, step, rate)
        self.critics.requires_grad_(True)
        norm = told.pop("grad_norm")
        return {**told, "critic": judged.detach(), "grad_norm": norm}

    def _judge(self, seen: Sequence[tuple[Tensor, Tensor]], rate: float) -> Tensor:
        """One step of the critics; returns what they minimise."""
        kind = self.teaching.critic
        for group in self.opponent.param_groups:
            group["lr"] = rate * self.teaching.critic_rate
        losses = []
        with self.fabric.autocast():
            for critic, (product, truth) in zip(self.critics, seen, strict=True):
                losses.append(critic_loss(kind, critic(truth).float(), critic(product.detach()).float()))
                if kind == "wgan_gp":
                    losses.append(gradient_penalty(critic, truth, product))
        loss = torch.stack(losses).sum()
        self.opponent.zero_grad()
        self.fabric.backward(loss)
        if self.fabric.world_size > 1:
            for weight in self.critics.parameters():
                weight.grad = self.fabric.all_reduce(weight.grad, reduce_op="mean")
        self.opponent.step()
        if kind == "wgan":
            clip(self.critics)
        return loss

    def state(self) -> dict[str, Any]:
        """Also the critics and their optimiser."""
        return {
            **super().state(), "critics": self.critics.state_dict(), "opponent": self.opponent.state_dict(),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take all that back."""
        super().restore(state)
        self.critics.load_state_dict(state["critics"])
        self.opponent.load_state_dict(state["opponent"])


def _kept(image: Tensor, mask: Tensor | None) -> Tensor:
    """The image as critics see it: 0, the mean, in holes."""
    return image.float() if mask is None else image.float() * mask


def _apart(image: Tensor) -> Tensor:
    """Every band as an image of its own."""
    return image.reshape(-1, 1, *image.shape[-2:])
