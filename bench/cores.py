"""How busy training keeps the cores: what cutting patches costs beside computing, for the recipe of every network.

python -m bench.cores [NAME ...]              (one process of two threads)
python -m bench.cores --devices 2 [NAME ...]  (two processes of one thread)
python -m bench.cores --compile [NAME ...]    (steps through torch.compile beside those without)

Scenes are made up, sizes those of the recipes. Cutting and computing are processor time of one thread. Busy is the
share of the time in which the two threads that compute ran or waited for a core, and were not waiting for patches or
for each other: other work on the machine makes a training slower, but not idle.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.bandpass import weights as lut
from bench.cloud_removal import train as clouds
from bench.device import scene, smooth
from bench.networks import each_band
from bench.networks import train as networks
from bench.superresolution import data as cube_data
from bench.superresolution import run as cubes
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network, sample_of
from earthloom.methods.networks.tables import LutNetwork
from earthloom.ops.histogram import Bins
from earthloom.problems import catalog as problems
from earthloom.training.bandpass.networks import BATCH, PATCH, pieces_of
from earthloom.training.bandpass.task import LutTask, PairPatches, SensorPair, module_of, start_of
from earthloom.training.lessons.band_groups import BandGroups
from earthloom.training.loop.devices import ahead, borrowed, launched
from earthloom.training.loop.learner import Learner
from earthloom.training.loop.loop import Config, Supervised
from earthloom.training.loop.patches import Patches

CORES = 2
SIDE, SCENES = 256, 4  # of the scenes that patches are cut from
STEPS, WARM = 8, 2
Made = tuple[Any, nn.Module, Config]  # task, network, configuration


def network(name: str, problem: str = "pansharpening") -> Network:
    """A fresh network of the catalogue."""
    found = catalog.make(name, problem)
    assert isinstance(found, Network)
    return found


def coarsr() -> Made:
    """The last stage of DualSR's recipe at 4:1."""
    run, rng, method = cubes.EVERY["cubes_4to1"], np.random.default_rng(0), network("coarsr", cubes.PROBLEM)
    config = Config.of({**cubes.COMMON, **run.config, "patch": run.config["patch"] * run.ratio})
    samples = [cube_data.sample(smooth(rng, 31, SIDE), run.ratio) for _ in range(SCENES)]
    groups = BandGroups([Patches(samples, config.patch)], run.group, candidates=run.candidates)
    return cubes.SomeBands(groups, some=run.some), method.net(cubes.Sizes(0, 0, float(run.ratio))), config


def each(name: str, problem: str) -> Made:
    """A network that takes one band at a time."""
    method, config = network(name, problem), Config.of(each_band.SETTINGS)
    cases = [problems.find(problem).degrade(scene(problem, 2 * SIDE, seed)) for seed in range(2)]
    taught = list(each_band.samples(method, cases))
    patches = Patches(taught, config.patch, method.multiple(method.sizes(cases[0].obs)))
    return each_band.Weighted(patches), method.net(method.sizes(cases[0].obs)), config


def cf2n() -> Made:
    """CF2N for pansharpening."""
    method, config = network("cf2n"), Config.of({**networks.DEFAULTS, "threads": 1})
    cases = [problems.find("pansharpening").degrade(scene("pansharpening", 2 * SIDE, seed)) for seed in range(2)]
    samples = [sample_of(method, case.obs, case.truth)[0] for case in cases]
    sizes = method.sizes(cases[0].obs)
    return Supervised(Patches(samples, config.patch, method.multiple(sizes))), method.net(sizes), config


class Skies(Supervised):
    """The loss of the network for clouds."""

    def loss(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        """See :func:`bench.cloud_removal.train.loss_of`."""
        return {"loss": clouds.loss_of(module, batch)}


class Drawn:
    """Patches of a pool for clouds."""

    def __init__(self, pool: clouds.Pool, patch: int) -> None:
        self.pool, self.patch = pool, patch

    def batch(self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1) -> dict[str, np.ndarray]:
        """One batch."""
        rng = np.random.default_rng((seed, step, rank))
        return {name: image.numpy() for name, image in self.pool.batch(self.patch, batch // of, rng).items()}


def cloud_unet() -> Made:
    """The U-Net for clouds."""
    method, obs = network("cloud_unet", "cloud_removal"), scene("cloud_removal", 2 * SIDE)
    _, _, patch, batch = clouds.STAGES[clouds.UNSEEN][0]
    made = [clouds.sampled(method, obs, obs["optical"].data) for _ in range(SCENES)]
    drawn = Drawn(clouds.Pool(made, np.full(len(made), 1 / len(made))), patch)
    config = Config.of({"batch": batch, "patch": patch, "precision": "bf16-mixed", "threads": 1})
    return Skies(drawn), method.net(method.sizes(obs)), config


def unet_lut() -> Made:
    """The tables of bandpass alignment."""
    method = catalog.make("unet_lut", "bandpass")
    assert isinstance(method, LutNetwork)
    blocks = lut.squares().blocks(lut.optics_of(next(iter(lut.SHIPPED.values()))))
    pairs = [SensorPair.of(piece.obs) for piece in pieces_of(blocks)]
    start = start_of(pairs, blocks[0].obs["source"].bands, blocks[0].obs["target"].bands, method)
    patches = PairPatches(pairs, Bins(start.low, start.high, method.bins), PATCH, method.cell)
    config = Config.of({"batch": BATCH, "patch": PATCH, "channels_last": False, "threads": 1})
    return LutTask(patches, start, []), module_of(method, start), config


RECIPES: dict[str, Callable[[], Made]] = {
    "coarsr": coarsr, "hpm_cnn": lambda: each("hpm_cnn", "pansharpening"),
    "line_cnn": lambda: each("line_cnn", "sharpening"), "cf2n": cf2n, "cloud_unet": cloud_unet, "unet_lut": unet_lut,
}  # fmt: skip


def wanted_s() -> dict[str, float]:
    """Seconds in which each thread of this process ran or waited for a core (as Linux counts them)."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            ran, waited, _ = (task / "schedstat").read_text().split()
        except OSError:  # a thread that has just ended
            continue
        found[task.name] = (int(ran) + int(waited)) / 1e9
    return found


def measured(made: Made) -> dict[str, float]:
    """Milliseconds of cutting and computing, and how busy the cores are."""
    task, module, config = made
    with borrowed(1):
        torch.manual_seed(0)
        fabric = launched(config)
        learner = getattr(task, "learner", Learner)(fabric, module, config)
        place = (fabric.global_rank, fabric.world_size)

        def cut(step: int) -> dict[str, np.ndarray]:
            return task.patches.batch(step, config.batch, 0, *place)

        cuts = []
        for step in range(6):
            began = time.thread_time()
            cut(step)
            cuts.append(time.thread_time() - began)
        cut_s = float(np.median(cuts))
        (held,) = ahead(cut, range(1), fabric.device, config.channels_last)
        took = []
        for step in range(8):
            began = time.thread_time()
            learner.update(task, held, step, 1e-4)
            took.append(time.thread_time() - began)
        step_s = min(took)
        threads = max(CORES // fabric.world_size, 1)
        torch.set_num_threads(threads)
        steps, began, wanted = max(STEPS, int(1 / step_s)), 0.0, wanted_s()
        for step, batch in enumerate(ahead(cut, range(steps + WARM), fabric.device, config.channels_last)):
            if step == WARM:
                began, wanted = time.perf_counter(), wanted_s()
            learner.update(task, batch, step, 1e-4)
        wall = time.perf_counter() - began
        shares = sorted(
            (min((now - wanted.get(one, 0.0)) / wall, 1.0) for one, now in wanted_s().items()), reverse=True
        )
        busy = sum(shares[:threads]) / threads
        busy = float(fabric.all_reduce(torch.tensor(busy), reduce_op="mean"))
    return {"cut_ms": 1e3 * cut_s, "step_ms": 1e3 * step_s, "busy": busy, "wall_ms": 1e3 * wall / steps}


def compiled(made: Made) -> dict[str, float]:
    """Milliseconds of a step as it is and through torch.compile, and what compiling took."""
    task, module, config = made
    with borrowed(1):
        fabric = launched(config)
        first = task.patches.batch(0, config.batch, 0)
        (batch,) = ahead(lambda _: first, range(1), fabric.device, config.channels_last)
        found, kept = {}, {name: value.clone() for name, value in module.state_dict().items()}
        for kind in ("plain", "compiled"):
            module.load_state_dict(kept)
            learner = Learner(fabric, module, config)
            if kind == "compiled":
                learner.wrapped = torch.compile(learner.wrapped, dynamic=False)
            took = []
            for step in range(10):
                torch.manual_seed(step)
                began = time.process_time()
                learner.update(task, batch, step, 1e-4)
                took.append(time.process_time() - began)
            found[f"{kind}_ms"] = 1e3 * min(took)
            found[f"{kind}_first_s"] = sum(took) - 10 * min(took)
    return found


def main() -> None:
    """Print a line for every network."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("names", nargs="*", help=", ".join(RECIPES))
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--compile", action="store_true")
    asked = parser.parse_args()
    for name in asked.names or RECIPES:
        task, module, config = RECIPES[name]()
        work = compiled if asked.compile else measured
        try:
            row = work((task, module, replace(config, device="cpu", devices=asked.devices)))
        except (AssertionError, RuntimeError) as error:  # of torch's compiler
            print(f"{name:12s}failed: {str(error).splitlines()[0]}", flush=True)
            continue
        if not int(os.environ.get("LOCAL_RANK", "0")):
            print(f"{name:12s}" + ", ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
