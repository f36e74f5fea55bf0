"""Train the U-Net for clouds on real and transplanted ones, one run folder each under bench/raw/runs.

python -m bench.cloud_removal.train before unseen   (no triplet; what travels with the package)
python -m bench.cloud_removal.train F CDEI          (from before on with triplets, but for those of the places named)
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.cloud_removal import real, skies
from bench.recipes import on_processor, started
from bench.results import RUNS
from earthloom.machine import device_wanted
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network, sample_of
from earthloom.methods.networks.placement import device_name, resolved
from earthloom.ops.grow import grow
from earthloom.types import Observation
from earthloom.weights import store as weights
from earthloom.weights.header import Header

BEFORE = "before"  # what every fold begins with: it has seen no triplet
UNSEEN = "unseen"  # goes on from there, and has seen no triplet either
CORE_S = {BEFORE: 360.0, UNSEEN: 430.0, "F": 340.0, "CDEI": 280.0, "whole": 280.0}  # processor time on one thread
SKIES = {BEFORE: 150, UNSEEN: 170, "F": 60, "CDEI": 60, "whole": 80}  # over clear ground
STAGES = {  # until, share of real pairs, patch, batch
    BEFORE: ((1.0, 0.25, 160, 4),),
    UNSEEN: ((0.7, 0.25, 160, 4), (1.0, 0.3, 192, 3)),
    "": ((0.5, 0.4, 160, 4), (1.0, 0.6, 192, 3)),
}
KINDS = {"triplets": 3.0, "land": 1.5, "water": 0.2}  # how often each kind of real pair is drawn
RATES = {BEFORE: (1.5e-3, 4e-4), UNSEEN: (1e-3, 0.0), "": (7e-4, 0.0)}  # at first and at last
WARMUP, EMA = 60, 0.997
SILENT = 0.1  # share of patches that do not see their radar
SAVE_S = 120.0
SO_FAR, LAST = "so_far.safetensors", "weights.safetensors"  # of a run
STEP_S = 0.4  # processor time of a step on one thread: an accelerator makes as many steps as the processor would
Sample = dict[str, Tensor]


@dataclass(frozen=True)
class Pool:
    """Samples, and how likely each is drawn."""

    samples: list[Sample]
    odds: np.ndarray

    def batch(self, patch: int, count: int, rng: np.random.Generator) -> Sample:
        """Patches, turned each in one of eight ways."""
        drawn = [self.patch(self.samples[i], patch, rng) for i in rng.choice(len(self.odds), count, p=self.odds)]
        return {
            n: torch.stack([s[n] for s in drawn]).float().contiguous(memory_format=torch.channels_last)
            for n in drawn[0]
        }

    @staticmethod
    def patch(sample: Sample, side: int, rng: np.random.Generator) -> Sample:
        """A patch of a sample."""
        y, x = (int(rng.integers(n - side + 1)) for n in sample["truth"].shape[1:])
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        cut = {n: torch.rot90(t[:, y : y + side, x : x + side], turns, (1, 2)) for n, t in sample.items()}
        cut = {n: t.flip(2) for n, t in cut.items()} if mirrored else cut
        moved = [int(n) for n in rng.integers(-1, 2, 2)]  # radar lies a pixel beside the optical image in some places
        guide = torch.roll(cut["guide"], moved, (1, 2)) * float(rng.random() > SILENT)
        return {**cut, "guide": guide}


def sampled(network: Network, obs: Observation, truth: np.ndarray, known: np.ndarray | None = None) -> Sample:
    """Inputs and truth of a case, in half the bytes."""
    found, _ = sample_of(network, obs, truth)
    found["counts"] = (np.ones(obs.shape) if known is None else known)[None]
    return {name: torch.from_numpy(np.ascontiguousarray(image, np.float16)) for name, image in found.items()}


def pools(network: Network, fold: str) -> tuple[Pool, Pool]:
    """Skies over clear ground, and real pairs under masks of several kinds, without what a fold is judged by."""
    held = real.FOLDS.get(fold, ())
    own = [] if fold in (BEFORE, UNSEEN) else list(real.triplets(tuple(p for p in "CDEFI" if p not in held)))
    land, turned, water = (list(real.pairs(names)) for names in (real.LAND, real.REVERSED, real.WATER))
    ground = [*skies.grounds(), *((s.name, s.clear, s.sar) for s in (*own, *land))]
    donors = [*own, *own, *[s for s in land if s.mask.any()], *turned, *real.dates()]
    made = [sampled(network, obs, truth) for obs, truth in skies.skies(ground, donors, SKIES[fold], seed=len(fold))]
    drawn, odds = [], []
    for kind, several in (("triplets", own), ("land", [*land, *turned]), ("water", water)):
        for seen in several:
            for mask in (seen.mask, grow(seen.mask, 6), np.ones_like(seen.mask)):
                drawn.append(sampled(network, seen.observe(mask), seen.clear, seen.known))
                odds.append(KINDS[kind] / len(several) * (0.2 if mask.all() and not seen.mask.all() else 1.0))
    return Pool(made, np.full(len(made), 1 / len(made))), Pool(drawn, np.array(odds) / sum(odds))


def loss_of(module: torch.nn.Module, batch: Sample) -> Tensor:
    """``mean |e| + rms / 2`` of each patch, and what the scale b is told: ``|e| / b + log b`` with e as it is."""
    inputs = {n: batch[n] for n in ("guide", "base", "extra")}
    with torch.autocast(batch["base"].device.type, torch.bfloat16):
        found = module(**inputs)
    image, scale = found.float().chunk(2, 1)
    counts = batch["counts"]
    area = counts.mean((1, 2, 3)).clamp_min(1e-3)
    error = (image - batch["truth"]) * counts
    mean = error.abs().mean((1, 2, 3)) / area
    rms = (error.square().mean((1, 2, 3)) / area + 1e-8).sqrt()
    sure = ((error.detach().abs() / scale + scale.log()) * counts).mean((1, 2, 3)) / area
    return (mean + rms / 2 + 0.002 * sure).mean()


def train(fold: str) -> None:
    """Train one network within its budget and leave its run folder, with a checkpoint every two minutes."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    device, slow = resolved(device_wanted()), on_processor()
    rng = np.random.default_rng(1)
    network = catalog.make("cloud_unet", "cloud_removal")
    assert isinstance(network, Network)
    began = time.process_time()
    made, drawn = pools(network, fold)
    first = next(real.triplets()).observe()
    print(fold, f"pools in {time.process_time() - began:.0f} s", flush=True)
    module, earlier = network.net(network.sizes(first)), 0.0
    if fold != BEFORE:
        header, tensors = weights.read(folder(BEFORE))
        module.load_state_dict({name: torch.from_numpy(t.copy()) for name, t in tensors.items()})
        earlier = header.card["seconds"]
    module = module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    (high, low), stages = RATES.get(fold, RATES[""]), STAGES.get(fold, STAGES[""])
    optimiser = torch.optim.AdamW(module.parameters(), high, betas=(0.9, 0.99), weight_decay=0.01)
    mean = torch.optim.swa_utils.AveragedModel(module, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(EMA))
    began, saved, step, total = time.process_time(), 0.0, 0, torch.zeros((), device=device)
    while (spent := time.process_time() - began if slow else STEP_S * step) < CORE_S[fold]:
        done = spent / CORE_S[fold]
        _, share, patch, batch = next(s for s in stages if done < s[0])
        for group in optimiser.param_groups:
            rate = low + (high - low) * 0.5 * (1 + np.cos(np.pi * done))
            group["lr"] = rate * min((step + 1) / WARMUP, 1)
        pool = drawn if rng.random() < share else made
        cut = pool.batch(patch, batch, rng)
        loss = loss_of(module, {name: image.to(device, non_blocking=True) for name, image in cut.items()})
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        mean.update_parameters(module)
        step, total = step + 1, total + (loss.detach() - total) / min(step + 1, 200)
        if spent - saved > SAVE_S:
            saved = spent
            save(network, first, mean.module, fold, step, spent + earlier)
            print(fold, step, f"{spent:.0f} s", f"{float(total):.5f}", flush=True)
    save(network, first, mean.module, fold, step, time.process_time() - began + earlier, LAST)
    print(fold, f"{step} steps", flush=True)


def save(
    network: Network,
    obs: Observation,
    module: torch.nn.Module,
    fold: str,
    steps: int,
    seconds: float,
    name: str = SO_FAR,
) -> Path:
    """Write weights and what they are for."""
    bands = obs["optical"].bands
    card: dict[str, Any] = {"steps": steps, "seconds": round(seconds), "without": fold}
    if not on_processor():
        card["hardware"] = device_name(resolved(device_wanted()))
    header = Header(
        network.key, network.architecture, vars(network.sizes(obs)), "sentinel2a", tuple(b.name for b in bands),
        tuple(b.centre_nm for b in bands), card=card,
    )  # fmt: skip
    tensors = {key: value.detach().cpu().contiguous().numpy() for key, value in module.state_dict().items()}
    return weights.write(folder(fold) / name, header, tensors)


def folder(fold: str) -> Path:
    """Where a run lies."""
    return RUNS / f"cloud_unet_{fold}"


def main(names: list[str]) -> None:
    """Train what is named."""
    for name in names:
        train(name)


if __name__ == "__main__":
    started(main)
