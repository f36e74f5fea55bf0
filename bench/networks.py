"""Train the networks of the benchmark, each with the same budget, one run folder each under bench/results/runs.

python -m bench.networks [NAME ...]      (without names: all that are not there yet)

Budgets are in core-seconds on one thread: the first steps are timed by processor time, and as many steps are made as
fit, so that other work on the machine changes the wall time but not the training.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.data import Case, landsat7, landsat7_train
from earthloom.engine.patches import Patches
from earthloom.engine.train import Config, Supervised, fit
from earthloom.engine.traintask import hold
from earthloom.methods import catalog
from earthloom.methods.network import Network, sample_of, scale_of
from earthloom.weights import Header

RUNS = Path(__file__).parent / "results/runs"


@dataclass(frozen=True)
class Run:
    """One network on one data set with one budget."""

    method: str
    core_s: float
    train: Callable[[], Iterable[Case]] = landsat7_train
    held: Callable[[], Iterable[Case]] = landsat7
    fields: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    sensor: str | None = "landsat7"
    data: str = "24 Landsat-7 ETM+ scenes, 2:1, Wald's protocol with MTF 0.3 and 0.15"
    licence: str = "USGS, public domain"


FULL = {"width": 64, "fusions": 3}
RATES = {"pnn": 1e-3, "cf2n": 4e-3}  # 3e-3 for the others
BUDGET = float(__import__("os").environ.get("B", "600"))
LANDSAT7 = {
    name: Run(name, BUDGET, config={"lr": RATES.get(name, 3e-3)})
    for name in ("pnn", "pannet", "fusionnet", "coarse_cnn", "cf2n")
} | {
    "cf2n_blind": Run("cf2n", BUDGET, fields={"blind": True}, config={"lr": 4e-3}),
    "coarse_cnn_blind": Run("coarse_cnn", BUDGET, fields={"blind": True}),
    "cf2n_full": Run("cf2n", 3 * BUDGET, fields=FULL),
}
EVERY = {f"landsat7_{name}": run for name, run in LANDSAT7.items()}
DEFAULTS = {
    "batch": 8,
    "patch": 48,
    "lr": 3e-3,
    "beta2": 0.99,
    "warmup": 100,
    "precision": "bf16-mixed",
    "tensorboard": False,
}


def train(name: str) -> None:
    """Train one network and leave its run folder."""
    run = EVERY[name]
    torch.set_num_threads(1)
    network = catalog.make(run.method, **run.fields)
    assert isinstance(network, Network)
    task, header = prepare(network, run)
    config = Config(**{**DEFAULTS, **run.config, "threads": 1})  # type: ignore[arg-type]
    torch.manual_seed(config.seed)
    sizes = network.sizes(next(iter(run.held())).obs)
    config = Config(**{**config.as_dict(), "steps": steps_in(network.net(sizes), task, config, run.core_s)})
    torch.manual_seed(config.seed)
    config = Config(**{**config.as_dict(), "validate_every": max(config.steps // 6, 1)})
    result = fit(network.net(sizes), task, config, RUNS / name, header, say=lambda line: print(name, line, flush=True))
    print(f"{name}: {result.steps} steps, {result.seconds:.0f} s, {result.figures}", flush=True)


def prepare(network: Network, run: Run) -> tuple[Supervised, Header]:
    """Patches of the training scenes, the held-out scenes, and what the weights will say about themselves."""
    cases = list(run.train())
    step = network.multiple(network.sizes(cases[0].obs))
    samples = [sample_of(network, case.obs, case.truth)[0] for case in cases]  # type: ignore[arg-type]
    held = []
    for case in run.held():
        sample, moments = sample_of(network, case.obs, case.truth)  # type: ignore[arg-type]
        mean, std = scale_of(moments)
        held.append(hold(sample, case.name, mean, std, case.obs["ms"].ratio[0], step))
    obs = cases[0].obs
    augment = "full" if obs.convention == "centre" else "transpose"
    patches = Patches(samples, run.config.get("patch", DEFAULTS["patch"]), step, augment)
    bands = obs[network.roles["base"]].bands
    header = Header(
        network.key, network.architecture, vars(network.sizes(obs)), run.sensor, tuple(b.name for b in bands),
        tuple(b.centre_nm for b in bands), obs.convention, {"data": run.data, "licence": run.licence},
    )  # fmt: skip
    return Supervised(patches, held), header


def steps_in(module: torch.nn.Module, task: Supervised, config: Config, core_s: float) -> int:
    """Steps that fit into so much processor time, the smallest of three measurements a step."""
    module = module.to(memory_format=torch.channels_last)
    optimiser, each = torch.optim.Adam(module.parameters(), 1e-4), []
    for trial in range(3):
        began = time.process_time()
        for step in range(8):
            batch = task.patches.batch(8 * trial + step, config.batch, 0)
            tensors = {k: torch.from_numpy(v).contiguous(memory_format=torch.channels_last) for k, v in batch.items()}
            with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16-mixed"):
                loss = task.loss(module, tensors)["l1"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        each.append((time.process_time() - began) / 8)
    return max(int(core_s / min(each)), 1)


def main(names: list[str]) -> None:
    """Train those that are named, or those that are missing."""
    for name in names or [n for n in EVERY if not (RUNS / n / "weights.safetensors").is_file()]:
        train(name)


if __name__ == "__main__":
    main(sys.argv[1:])
