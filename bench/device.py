"""Networks on a device: are their numbers those of the processor, how fast are they, and does the device wait?

::

    python -m bench.device                       # auto: cuda, else mps; six minutes at most
    python -m bench.device --device cpu --quick  # checks the script itself

Every network of every problem, with random weights, on made-up scenes. Writes ``bench/device.json``, which holds what
was measured, where, and what was left out for want of time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.errors import EarthloomError
from earthloom.machine import on
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.networks import forward
from earthloom.methods.networks import network as networks
from earthloom.methods.networks.network import Network
from earthloom.methods.networks.placement import device_name, on_device, resolved
from earthloom.problems import catalog as problems
from earthloom.problems.cloud_removal import cloud_view
from earthloom.problems.superresolution import observation, on_grid
from earthloom.training.adapt import adapt
from earthloom.training.cases.spatiotemporal import simulated
from earthloom.training.job import prepare_training
from earthloom.training.loop.config import Config
from earthloom.training.loop.devices import ahead, fast_precision, launched
from earthloom.training.loop.learner import Learner
from earthloom.training.loop.resident import batches, held_on
from earthloom.types import Band, Observation, View

OUTPUT = Path(__file__).with_name("device.json")
MINUTES = 6.0
TOLERANCE = 1e-3  # of a standard deviation of the product, float32 on the device against float32 on the processor
HALF = 3e-2  # the same for bfloat16
NM = {"blue": 490.0, "green": 560.0, "red": 665.0, "nir": 842.0}
BANDS = tuple(Band(name, nm, mtf_nyquist=0.3) for name, nm in NM.items())


def named() -> list[tuple[str, str]]:
    """Problem and name of every network of ours; those in files of others run elsewhere."""
    return [
        (problem, name)
        for problem in catalog.problems() for name in catalog.names(problem)
        if catalog.find(name, problem).card.family == "network" and not hasattr(catalog.find(name, problem), "file")
    ]  # fmt: skip


def smooth(rng: np.random.Generator, bands: int, side: int, step: int = 8) -> np.ndarray:
    """Bands of smooth ground with some grain, around 0.2."""
    low = rng.normal(size=(bands, side // step + 2, side // step + 2))
    large = low.repeat(step, 1).repeat(step, 2)[:, :side, :side]
    return (0.2 + 0.03 * large + 0.01 * rng.normal(size=(bands, side, side))).astype(np.float32)


def scene(problem: str, side: int, seed: int = 0) -> Observation:
    """A scene of a problem, ``side`` wanted pixels wide."""
    rng, shape = np.random.default_rng(seed), (side, side)
    seen, full = np.ones(shape, bool), smooth(rng, 4, side)
    if problem == "pansharpening":
        coarse = full.reshape(4, side // 4, 4, side // 4, 4).mean((2, 4))
        ms = View(coarse, np.ones(coarse.shape[1:], bool), BANDS, (4.0, 4.0), (1.5, 1.5))
        pan = View(full.mean(0, keepdims=True), seen, (Band("pan", mtf_nyquist=0.15),))
        return Observation({"pan": pan, "ms": ms}, shape)
    if problem == "sharpening":
        coarse = full.reshape(4, side // 2, 2, side // 2, 2).mean((2, 4))
        low = View(coarse, np.ones(coarse.shape[1:], bool), BANDS, (2.0, 2.0), (0.5, 0.5))
        return Observation({"fine": View(full[:3], seen, BANDS[:3]), "coarse": low}, shape)
    if problem == "superresolution":
        bands = tuple(Band(f"b{i}", 450.0 + 10 * i) for i in range(16))
        cube = smooth(rng, 16, side // 4)
        return observation(on_grid(cube, np.ones(cube.shape[1:], bool), bands, 4))
    if problem == "spatiotemporal":
        views: dict[str, View] = {}
        for at in ("1", "2", "p"):
            fine = View(full + smooth(rng, 4, side, 32) / 4, seen, BANDS)
            views[f"coarse_{at}"] = simulated(fine, 16, 0.0, rng)
            if at != "p":
                views[f"fine_{at}"] = fine
        return Observation(views, shape)
    if problem == "cloud_removal":
        cloud = np.zeros(shape, bool)
        cloud[: side // 3, : side // 3] = True
        radar = View(10 * smooth(rng, 2, side), seen, (Band("VV"), Band("VH")))
        return Observation({"optical": View(full, seen, BANDS), "sar": radar, "cloud": cloud_view(cloud)}, shape)
    return Observation({"source": View(full, seen, BANDS), "target": View(1.1 * full, seen, BANDS)}, shape)


def with_weights(problem: str, name: str, obs: Observation) -> Method:
    """A network with random weights, none of its layers zero."""
    fitted = catalog.make(name, problem).fresh(obs)  # type: ignore[attr-defined]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in fitted.trained.module.parameters():
            if not parameter.any():
                parameter.copy_(0.02 * torch.randn(parameter.shape, generator=generator))
    return fitted


def in_precision(method: Any, precision: str) -> Method:
    """The network computing in a precision; those that write tables have none."""
    return replace(method, inner=replace(method.inner, precision=precision)) if has_precision(method) else method


def has_precision(method: Any) -> bool:
    """Whether a network has a choice."""
    return hasattr(method.inner, "precision")


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference in standard deviations of the band."""
    std = other.std(axis=(1, 2), keepdims=True)
    return float((np.abs(one - other) / std).max())


def done(device: str, method: Method, obs: Observation, tile_px: int, threads: int = 1) -> tuple[np.ndarray, float]:
    """The product of a scene on a device, and the seconds it took."""
    began = time.perf_counter()
    with on(device):
        found = fuse_array(method, ArrayScene(obs), tile_px, threads).data
    return found, time.perf_counter() - began


@dataclass(frozen=True)
class Sizes:
    """How large the measurements are."""

    side: int
    tile: int
    steps: int
    batch: int
    patch: int


@contextmanager
def as_an_accelerator(device: str) -> Iterator[None]:
    """The processor in the place of an accelerator: tiles queue up for it, too."""
    kept = networks.run
    if device == "cpu":
        networks.run = forward._QUEUE.run  # type: ignore[assignment]
    try:
        yield
    finally:
        networks.run = kept


def checked(problem: str, name: str, device: str, sizes: Sizes, threads: int) -> dict[str, Any]:
    """Numbers and speed of inference."""
    obs = scene(problem, sizes.side)
    method = in_precision(with_weights(problem, name, obs), "float32")
    tiles = (-(-sizes.side // sizes.tile)) ** 2
    plain, processor_s = done("cpu", method, obs, sizes.tile, threads)
    with as_an_accelerator(device):
        done(device, method, obs, sizes.tile, threads)  # weights move, kernels are chosen
        alone, alone_s = done(device, method, obs, sizes.tile)
        found, device_s = done(device, method, obs, sizes.tile, threads)
        large, large_s = done(device, method, obs, sizes.side, threads)
        row: dict[str, Any] = {
            "apart": apart(found, plain), "within": bool(apart(found, plain) <= TOLERANCE),
            "same_alone_and_together": bool(np.array_equal(alone, found)),
            "apart_from_one_tile": apart(large, plain),
            "processor_tiles_s": tiles / processor_s, "one_thread_tiles_s": tiles / alone_s,
            "device_tiles_s": tiles / device_s, "one_tile_s": large_s,
        }  # fmt: skip
        if has_precision(method):
            half, half_s = done(device, in_precision(method, "bfloat16"), obs, sizes.tile, threads)
            row |= {"half_apart": apart(half, plain), "half_within": bool(apart(half, plain) <= HALF)}
            row |= {"half_tiles_s": tiles / half_s}
    return row


def learns(problem: str, name: str, device: str, sizes: Sizes) -> dict[str, Any]:
    """Steps a second with batches that are cut on the way, and with one that lies on the device: the share is busy."""
    network = catalog.make(name, problem)
    if not isinstance(network, Network):
        return {}
    case = problems.find(problem).degrade(scene(problem, 4 * sizes.side))
    with on(device):
        precision = fast_precision()
    config = Config(
        steps=sizes.steps, batch=sizes.batch, patch=sizes.patch, device=device, precision=precision,  # type: ignore[arg-type]
        tensorboard=False, group=6 if problem == "superresolution" else 0,
    )  # fmt: skip
    task, _, module = prepare_training(network, [case], (), config)
    fabric = launched(config)
    learner = getattr(task, "learner", Learner)(fabric, module, config)
    first, resident = task.patches.batch(0, config.batch, 0), held_on(fabric.device, task.patches)

    def steps_a_second() -> float:
        last: Mapping[str, torch.Tensor] = {}
        began, steps = 0.0, range(sizes.steps + 3)
        drawn = batches(task.patches, steps, config.batch, 0, fabric, config.channels_last, resident)
        for step, batch in enumerate(drawn):
            if step == 3:  # warm
                last["loss"].item()
                began = time.perf_counter()
            last = learner.update(task, batch, step, 1e-4)
        last["loss"].item()
        return sizes.steps / (time.perf_counter() - began)

    def held() -> float:
        (batch,) = list(ahead(lambda _: first, range(1), fabric.device, config.channels_last))
        last = learner.update(task, batch, 0, 1e-4)
        last["loss"].item()
        began = time.perf_counter()
        for step in range(sizes.steps):
            last = learner.update(task, batch, step, 1e-4)
        last["loss"].item()
        return sizes.steps / (time.perf_counter() - began)

    cut_s = min(_timed(lambda: task.patches.batch(0, config.batch, 0)) for _ in range(5))
    real, full = steps_a_second(), held()
    row = {"steps_s": real, "without_data_steps_s": full, "busy": min(real / full, 1.0), "cut_ms": 1e3 * cut_s}
    return {**row, "scenes_on_device": resident is not None}


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def adapted(device: str, sizes: Sizes) -> dict[str, Any]:
    """Adapting one network to a scene."""
    obs = scene("pansharpening", 4 * sizes.side)
    began = time.perf_counter()
    found = adapt(catalog.make("cf2n"), ArrayScene(obs), steps=sizes.steps, device=device)  # type: ignore[arg-type]
    return {"seconds": time.perf_counter() - began, "before": dict(found.before), "after": dict(found.after)}


def shared_weights(device: str) -> bool:
    """Whether weights are moved once, however many threads ask."""
    obs = scene("pansharpening", 64)
    module = with_weights("pansharpening", "cf2n", obs).trained.module  # type: ignore[attr-defined]

    def ask(_: int) -> int:
        with on(device):
            return id(on_device(module))

    with ThreadPoolExecutor(4) as pool:
        return len(set(pool.map(ask, range(16)))) == 1


def measured(device: str, quick: bool, minutes: float) -> dict[str, Any]:
    """Everything, as far as the time goes."""
    ends = time.perf_counter() + 60 * minutes
    sizes = Sizes(64, 32, 3, 2, 32) if quick else Sizes(1024, 256, 40, 16, 64)
    forward.MOST = 2 if quick else forward.MOST
    threads = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 16)
    found: dict[str, Any] = {
        "weights_moved_once": shared_weights(device),
        "networks": {},
        "training": {},
        "left_out": [],
    }
    jobs: list[tuple[str, str, Callable[[], Any]]] = [
        ("networks", f"{p}/{n}", lambda p=p, n=n: checked(p, n, device, sizes, threads)) for p, n in named()
    ]
    jobs += [("training", f"{p}/{n}", lambda p=p, n=n: learns(p, n, device, sizes)) for p, n in named()]
    for part, name, work in jobs:
        if time.perf_counter() > ends:
            found["left_out"].append(f"{part} {name}")
            continue
        try:
            row = work()
        except (EarthloomError, RuntimeError) as error:
            row = {"failed": f"{type(error).__name__}: {error}"}
        if row:
            found[part][name] = row
            print(part, name, json.dumps(row), flush=True)
    if time.perf_counter() < ends:
        found["adapting"] = adapted(device, sizes)
    return found


def main() -> None:
    """Measure, write, and say what is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quick", action="store_true", help="small scenes: a check of this script")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    asked = parser.parse_args()
    device = resolved(asked.device)
    began = time.perf_counter()
    found = measured(str(device), asked.quick, asked.minutes)
    about = {
        "device": device_name(device), "processor": platform.processor() or platform.machine(), "cores": os.cpu_count(),
        "torch": torch.__version__, "cuda": torch.version.cuda, "quick": asked.quick,
        "tolerance": {"float32": TOLERANCE, "bfloat16": HALF}, "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip
    asked.output.write_text(json.dumps({"about": about, **found}, indent=1) + "\n", encoding="utf-8")
    wrong = [name for name, row in found["networks"].items() if "failed" in row or not row["within"]]
    wrong += [name for name, row in found["training"].items() if "failed" in row]
    waits = [f"{name} {row['busy']:.0%}" for name, row in found["training"].items() if row.get("busy", 1) < 0.8]
    print(f"{asked.output}: {about['seconds']} s; wrong: {', '.join(wrong) or 'none'}; "
          f"busy below 80 %: {', '.join(waits) or 'none'}; left out: {len(found['left_out'])}")  # fmt: skip


if __name__ == "__main__":
    main()
