"""How networks that take one band at a time are taught: every band of every case by itself, its errors weighed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from bench.recipes import settings
from bench.results import RUNS
from earthloom.engine.passes import filled, halo_px
from earthloom.methods.networks.network import Network, sample_of
from earthloom.problems.base import Case
from earthloom.training.loop.loop import Supervised, fit
from earthloom.training.loop.patches import Patches
from earthloom.training.loop.task import pixel_loss

SETTINGS: dict[str, Any] = {
    "batch": 32, "patch": 48, "lr": 2e-3, "beta2": 0.99, "warmup": 100, "precision": "bf16-mixed", "tensorboard": False,
    "threads": 1, "steps": 3000, "validate_every": 500, "ema": 0.995,
}  # fmt: skip
TYPICAL, LEAST = 0.1, 0.03  # standard deviations: errors of what is begun with, as they mostly are and at least


def samples(method: Network, found: Iterable[Case]) -> Iterator[dict[str, np.ndarray]]:
    """Every band of every case by itself, as the network sees it, and what its errors weigh."""
    for case in found:
        obs = filled(case.obs, halo_px(method, case.obs))
        sample, _ = sample_of(method, obs, case.truth, method.summarise(case.obs, None))
        bands = len(sample["truth"])
        parts = {name: np.split(image, bands) for name, image in sample.items()}
        for band in range(bands):
            one = {name: part[band] for name, part in parts.items()}
            left = float(np.nanmean(np.abs(one["truth"] - one["start"])))
            yield one | {"weight": np.full_like(one["base"], TYPICAL / max(left, LEAST))}


class Weighted(Supervised):
    """Errors of every band over what the start leaves of it: what nothing tells (water, noise) counts no more."""

    def loss(self, module: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The mean absolute error."""
        product = module(*(batch[name] for name in ("base", "start", "seen")))
        weight = batch["weight"]
        return {"l1": pixel_loss(product * weight, batch["truth"] * weight, batch.get("mask"))}


def learn(run: str, method: Network, cases: Iterator[Case], card: Mapping[str, Any], **more: Any) -> None:
    """Train on cases and leave a run folder."""
    torch.set_num_threads(1)
    first = next(cases)
    config = settings({**SETTINGS, **more})
    taught = list(samples(method, (case for found in ((first,), cases) for case in found)))
    step = method.multiple(method.sizes(first.obs))
    taught = [sample for sample in taught if min(sample["truth"].shape[1:]) >= config.patch]
    patches = Patches(taught, config.patch, step, config.augment)
    fresh = method.fresh(first.obs, config.seed).trained
    print(f"{run}: {len(taught)} bands, {len(patches)} patches", flush=True)
    header = replace(fresh.header, bands=(), centres_nm=(), convention="centre", name="", card=dict(card))
    result = fit(
        fresh.module, Weighted(patches), config, RUNS / run, header, say=lambda line: print(run, line, flush=True)
    )
    print(f"{run}: {result.steps} steps, {result.seconds:.0f} s", flush=True)
