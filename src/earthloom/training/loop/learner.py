"""Turning batches into better weights: the network, its optimiser and the running average of its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from earthloom.training.loop.config import Config
from earthloom.training.loop.task import Task


def learning_rate(config: Config, step: int, steps: int) -> float:
    """The rate of an update, counted from 0, of ``steps`` in all."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    done = (step - config.warmup) / max(steps - config.warmup, 1)
    if config.schedule == "cosine":
        return config.lr * 0.5 * (1 + math.cos(math.pi * done))
    if config.schedule == "steps":
        return config.lr / 3 ** sum(done >= share for share in (1 / 2, 3 / 4, 7 / 8))
    if config.schedule == "halving":
        return config.lr / 2 ** ((step - config.warmup) // config.halve_every)
    return config.lr


def optimiser_of(module: nn.Module, config: Config) -> torch.optim.Optimizer:
    """The optimiser that a configuration asks for, over all of a module's weights."""
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(module.parameters(), config.lr, config.beta2, weight_decay=config.weight_decay)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return kinds[config.optimiser](
        module.parameters(), config.lr, (config.beta1, config.beta2), weight_decay=config.weight_decay,
        fused=config.precision != "16-mixed",  # the scaler's gradients must be seen before the step
    )  # fmt: skip


class Learner:
    """A network with its optimiser and the running average of its weights.

    The loop uses :meth:`update`, :attr:`answer` and the two state methods alone: a learner with several networks and
    optimisers takes its place.
    """

    def __init__(self, fabric: Any, module: nn.Module, config: Config) -> None:
        if config.channels_last:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if fabric.world_size > 1 and fabric.device.type == "cuda":
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
        self.fabric, self.config, self.module = fabric, config, module
        self.wrapped, self.optimiser = fabric.setup(module, optimiser_of(module, config))
        self.wrapped.train()
        self.average = deepcopy(module).requires_grad_(False).eval() if config.ema else None
        self._averaged: list[Tensor] = list(self.average.parameters()) if self.average is not None else []
        self._weights: list[Tensor] = list(self.module.parameters())

    def update(self, task: Task, batch: Mapping[str, Tensor], step: int, rate: float) -> dict[str, Tensor]:
        """One step; returns the loss, its terms and the norm of the gradient."""
        return self.follow(task.loss(self.wrapped, batch), step, rate)

    def follow(self, terms: Mapping[str, Tensor], step: int, rate: float) -> dict[str, Tensor]:
        """Take a step down the sum of the terms."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = torch.stack(list(terms.values())).sum() if len(terms) > 1 else next(iter(terms.values()))
        self.optimiser.zero_grad()
        self.fabric.backward(loss)
        norm = self.fabric.clip_gradients(
            self.wrapped, self.optimiser, max_norm=self.config.clip or math.inf, error_if_nonfinite=False
        )
        self.optimiser.step()
        if self.average is not None:
            decay = min(self.config.ema, (step + 1) / (step + 10))  # young averages forget the fresh weights fast
            with torch.no_grad():
                torch._foreach_lerp_(self._averaged, self._weights, 1 - decay)  # type: ignore[attr-defined]
        several = {name: term.detach() for name, term in terms.items()} if len(terms) > 1 else {}
        return {"loss": loss.detach(), **several, "grad_norm": norm.detach() if norm is not None else loss.detach()}

    @property
    def answer(self) -> nn.Module:
        """The network to validate and to keep."""
        if self.average is None:
            return self.module
        for mine, theirs in zip(self.average.buffers(), self.module.buffers(), strict=True):
            mine.copy_(theirs)
        return self.average

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "scaler": self.fabric.strategy.precision.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take all that back."""
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.fabric.strategy.precision.load_state_dict(state["scaler"])
