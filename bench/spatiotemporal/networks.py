"""Train the networks of spatiotemporal fusion, and judge them beside the other methods on ground not trained on.

python -m bench.spatiotemporal.networks [NAME ...]      (without names: all that are not there yet)
python -m bench.spatiotemporal.networks table [ROW ...] (figures of every method and network, or of some, recorded)

Budgets are in core-seconds on one thread, as in :mod:`bench.networks.train`. A network of a place has seen the other
three places alone; that of the NDVI series has seen other days in another part of the image. None of these ships: the
cities' compilation and the demo data state no licence for it. The one that does (:mod:`bench.spatiotemporal.shipped`)
has seen none of the places that are judged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from bench import results
from bench.recipes import started
from bench.results import RUNS
from bench.spatiotemporal import data as data
from bench.spatiotemporal import tables
from bench.spatiotemporal.data import RATIO
from earthloom import metrics
from earthloom.atomic import write_whole
from earthloom.engine.job import fuse_array
from earthloom.engine.passes import filled, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network, sample_of
from earthloom.prepare.spatiotemporal.known import with_ratio
from earthloom.problems.spatiotemporal import Spatiotemporal
from earthloom.training.lessons.adversarial import job, lesson
from earthloom.training.loop.loop import Config, Supervised, fit
from earthloom.training.loop.patches import Patches
from earthloom.weights.header import Header

DEFAULTS: dict[str, Any] = {
    "batch": 8, "patch": 96, "lr": 2e-3, "beta2": 0.99, "warmup": 50, "precision": "bf16-mixed", "tensorboard": False,
    "threads": 1, "validate_every": 100_000,
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One network on all places but one, or on the NDVI series."""

    method: str
    core_s: float
    lessons: Callable[[], list[data.Case]]
    told: str
    fields: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


def others(place: str) -> Callable[[], list[data.Case]]:
    """Lessons of the other places."""
    return lambda: [case for name in data.PLACES if name != place for case in data.lessons(name)]


TOGETHER = {"bands_seen": "together"}  # as published
EVERY = {
    f"stfgan_{place}": Run("stfgan", 220.0, others(place), f"all places but {place}, simulated", TOGETHER)
    for place in data.PLACES
}
EVERY["stfgan_ndvi"] = Run(
    "stfgan", 150.0, data.ndvi_lessons, "other days and ground of ndvi_2015", TOGETHER, {"patch": 64}
)
EVERY["stfdcnn_bordeaux"] = Run("stfdcnn", 120.0, others("bordeaux"), "all places but bordeaux, simulated")
EVERY["stfdcnn_ndvi"] = Run("stfdcnn", 60.0, data.ndvi_lessons, "other days and ground of ndvi_2015", {}, {"patch": 64})
ALONE = {**TOGETHER, "critic": "none"}
EVERY["stfgan_bordeaux_no_critic"] = Run("stfgan", 150.0, others("bordeaux"), "the same, no critic", ALONE)
EVERY["stfgan_bordeaux_short"] = Run("stfgan", 150.0, others("bordeaux"), "the same, hinge critic", TOGETHER)
EVERY["stfgan_bordeaux_no_base"] = Run(
    "stfgan", 150.0, others("bordeaux"), "the same, no base", {**TOGETHER, "base": "none"}
)


def prepare(network: Network, run: Run) -> tuple[Supervised, Header]:
    """Patches, and what the weights will say about themselves."""
    cases, samples = run.lessons(), []
    sizes = network.sizes(cases[0].obs)
    step = network.multiple(sizes)
    for case in cases:
        valid = Spatiotemporal().valid(case.obs) & np.isfinite(case.truth).all(axis=0)
        truth = np.where(valid, case.truth, np.float32(np.nan))
        sample, moments = sample_of(network, filled(case.obs, halo_px(network, case.obs)), truth)
        height, width = (n // step * step for n in case.obs.shape)
        sample = {name: image[:, :height, :width] for name, image in sample.items()}
        samples.append(lesson(sample, moments, step, network.teaching))
    patches = Patches(samples, run.config.get("patch", DEFAULTS["patch"]), step, "full", enough=0.4)
    bands = cases[0].obs["fine_1"].bands
    header = Header(
        network.key, network.architecture, vars(sizes), None, tuple(b.name for b in bands),
        tuple(b.centre_nm for b in bands), "centre", {"data": run.told, "licence": "not stated: not to be shipped"},
    )  # fmt: skip
    return job(network, patches, [], "l1", sizes.bands), header


def train(name: str) -> None:
    """Train one network and leave its run folder."""
    run = EVERY[name]
    torch.set_num_threads(1)
    network = catalog.make(run.method, "spatiotemporal", **run.fields)
    assert isinstance(network, Network)
    task, header = prepare(network, run)
    sizes = catalog_sizes(header)
    settings = {**DEFAULTS, **run.config}
    each = min(_seconds(network, sizes, task, settings) for _ in range(2))
    config = Config.of({**settings, "steps": max(int(run.core_s / each), 1)})
    torch.manual_seed(config.seed)
    module = network.net(sizes)
    began = time.process_time()
    result = fit(module, task, config, RUNS / name, header, say=lambda line: print(name, line, flush=True))
    print(f"{name}: {result.steps} steps, {time.process_time() - began:.0f} core-s", flush=True)


def catalog_sizes(header: Header) -> Any:
    """Sizes of the network."""
    from earthloom.methods.networks.network import Sizes

    return Sizes(**header.sizes)  # type: ignore[arg-type]


def _seconds(network: Network, sizes: Any, task: Supervised, settings: dict[str, Any]) -> float:
    """Processor time of a step, critics included."""
    config = Config.of({**settings, "steps": 4})
    module, began = network.net(sizes), time.process_time()
    fit(module, task, config)
    return (time.process_time() - began) / 4


def figures(product: np.ndarray, case: data.Case) -> dict[str, float]:
    """RMSE, CC, SSIM (of a largest value of 1) and SAM where both are known."""
    valid = np.isfinite(case.truth).all(axis=0) & np.isfinite(product).all(axis=0)
    a, b = (np.where(valid, image, 0) for image in (product, case.truth))
    found = {
        "rmse": metrics.rmse(a, b, valid=valid), "cc": metrics.cc(a, b, valid=valid),
        "ssim": metrics.ssim(a, b, 1.0, valid=valid), "share": valid.mean(),
    }  # fmt: skip
    if len(a) > 1:
        found["sam_deg"] = metrics.sam_deg(a, b, valid=valid)
    return {key: float(value) for key, value in found.items()}


def judged() -> dict[str, list[data.Case]]:
    """Cases by the network that may be judged on them."""
    return {place: data.judged(place) for place in data.PLACES} | {"ndvi": data.ndvi_judged(), "demo": [data.demo()]}


def rows_of(place: str, case: data.Case) -> dict[str, Any]:
    """Every classical method, the estimate, the network that ships, and those that were trained without the place."""
    names = catalog.names("spatiotemporal")
    classical = [n for n in names if catalog.find(n, "spatiotemporal").card.family != "network"]
    shipped = catalog.make("stfgan", "spatiotemporal")
    ensemble = catalog.make("stfgan", "spatiotemporal", ensemble=True)
    rows: dict[str, Any] = {name: catalog.make(name, "spatiotemporal") for name in classical}
    rows |= {"estimate": shipped, "stfgan": shipped, "stfgan ensemble": ensemble}
    for name, run in EVERY.items():
        if name.split("_")[1] == place and (RUNS / name / "weights.safetensors").is_file():
            for end, eight in (("", False), (" ensemble", True)):
                given = {"weights": str(RUNS / name), "ensemble": eight}
                rows[name + end] = catalog.make(run.method, "spatiotemporal", **given)
    ratio = RATIO if max(case.obs["coarse_p"].ratio) == 1 else None
    rows = {name: with_ratio(method, ratio) for name, method in rows.items()}
    return {**rows, "estimate": rows["estimate"].fresh(case.obs)}


def table(some: list[str]) -> None:
    """Every method, case by case; with names these alone are made anew, beside what was found before."""
    kept = RUNS / "spatiotemporal_networks.json"
    found: dict[str, dict[str, dict[str, float]]] = json.loads(kept.read_bytes()) if some and kept.is_file() else {}
    for place, cases in judged().items():
        for case in cases:
            own = found.setdefault(f"{case.name} ({case.origin})", {})
            for name, method in rows_of(place, case).items():
                if some and name not in some:
                    continue
                try:
                    own[name] = figures(fuse_array(method, ArrayScene(case.obs)).data, case)
                except MethodError as wrong:
                    print(case.name, name, wrong, flush=True)
                    continue
                print(case.name, name, {k: round(v, 4) for k, v in own[name].items()}, flush=True)
            write_whole(kept, json.dumps(found).encode())
    results.record("spatiotemporal", "networks", tables.networks(found), Config.seed)


def main(names: list[str]) -> None:
    """Train those that are named, or those that are missing."""
    if names[:1] == ["table"]:
        table(names[1:])
        return
    for name in names or [n for n in EVERY if not (RUNS / n / "weights.safetensors").is_file()]:
        train(name)


if __name__ == "__main__":
    started(main)
