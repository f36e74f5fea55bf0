"""CF2N for cloud removal: a training run for each scene left out, and the rows of `python -m bench.cloud_removal.run`.

python -m bench.cloud_removal.networks [SCENE ...]      (without names: all folds that are not there yet)

Data are few: three places of TerraMesh, one of BigEarthNet-MM and one of SEN12MS-CR. A fold trains on all but one of
them under many simulated clouds and never sees the one it is judged by (``python -m bench.cloud_removal.run``),
not even to choose its best state: the last running average of the weights is kept.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from bench.cloud_removal.cases import Case, clear_pairs, figures
from bench.networks.train import steps_in
from bench.results import RUNS
from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network, sample_of
from earthloom.methods.wrappers.keeping import Keeping
from earthloom.problems.cloud_removal import training_cases
from earthloom.training.adapt import adapt
from earthloom.training.loop.loop import Config, Supervised, fit
from earthloom.training.loop.patches import Patches
from earthloom.types import Observation
from earthloom.weights.header import Header

CORE_S = 150.0
SKIES, COVER = 16, (0.15, 0.5)
SETTINGS = {
    "batch": 8, "patch": 64, "lr": 2e-3, "beta2": 0.99, "warmup": 50, "precision": "bf16-mixed", "tensorboard": False,
    "threads": 1, "ema": 0.995,
}  # fmt: skip
LICENCE = "TerraMesh, CC BY-SA 4.0; BigEarthNet-MM, CDLA-Permissive-1.0; SEN12MS-CR, CC BY 4.0"
ADAPT_STEPS, ADAPTED = 100, ("sky 1", "")  # on the first sky and the transplanted cloud of each place
CIRRUS = "cirrus"  # level 1C holds it, level 2A does not


def scenes() -> Iterator[tuple[str, Observation]]:
    """The clear pairs in the twelve bands that all of them have."""
    for name, obs in clear_pairs():
        optical = obs["optical"]
        kept = [i for i, band in enumerate(optical.bands) if band.name != CIRRUS]
        if len(kept) < len(optical.bands):
            bands = tuple(optical.bands[i] for i in kept)
            obs = replace(obs, views={**obs.views, "optical": replace(optical, data=optical.data[kept], bands=bands)})
        yield name, obs


def folder(name: str) -> Path:
    """Where the run that has never seen a scene lies."""
    return RUNS / f"decloud_without_{name}"


def train(name: str) -> None:
    """Train on every scene but one."""
    torch.set_num_threads(1)
    network = catalog.make("cf2n", "cloud_removal")
    assert isinstance(network, Network)
    others = [(other, obs) for other, obs in scenes() if other != name]
    samples = [
        sample_of(network, case.obs, case.truth)[0]
        for place, (_, obs) in enumerate(others)
        for case in training_cases(obs, SKIES, seed=1000 + place, cover=COVER)
    ]
    first = others[0][1]
    task = Supervised(Patches(samples, SETTINGS["patch"], network.multiple(network.sizes(first))))
    config = Config(**SETTINGS)  # type: ignore[arg-type]
    torch.manual_seed(config.seed)
    steps = steps_in(network.net(network.sizes(first)), task, config, CORE_S)
    bands = first["optical"].bands
    header = Header(
        network.key, network.architecture, vars(network.sizes(first)), "sentinel2a", tuple(b.name for b in bands),
        tuple(b.centre_nm for b in bands), card={"data": f"simulated clouds on {', '.join(n for n, _ in others)}",
        "licence": LICENCE},
    )  # fmt: skip
    torch.manual_seed(config.seed)
    module = network.net(network.sizes(first))
    result = fit(
        module, task, replace(config, steps=steps, validate_every=steps), folder(name), header,
        say=lambda line: print(name, line, flush=True),
    )  # fmt: skip
    print(f"without {name}: {result.steps} steps, {result.seconds:.0f} s", flush=True)


def measured(case: Case) -> Iterator[tuple[str, dict[str, float]]]:
    """Rows of CF2N: weights of the other places, and adapted to the case from those and from random weights."""
    torch.set_num_threads(1)
    place, _, sky = case.name.partition(" ")
    plain = catalog.make("cf2n", "cloud_removal")
    assert isinstance(plain, Network)
    starts = {"random": plain}
    if (folder(place) / "weights.safetensors").is_file():
        trained = starts["weights"] = replace(plain, weights=str(folder(place)))
        for name, method in (("weights", trained), ("weights, 8 ways", replace(trained, ensemble=True))):
            began = time.perf_counter()
            product = fuse_array(Keeping(method), ArrayScene(case.obs), threads=1)
            seconds = time.perf_counter() - began
            yield f"cf2n, {name}", figures(case, product.data) | {"s_per_mpx": seconds * 1e6 / product.valid.size}
    for name, start in starts.items() if sky in ADAPTED else ():
        found = adapt(start, ArrayScene(case.obs), steps=ADAPT_STEPS, threads=1)
        image = fuse_array(Keeping(found.network), ArrayScene(case.obs), threads=1).data
        yield f"cf2n, adapted from {name}", figures(case, image) | {"adapt_s": found.seconds, "kept": found.kept}


def main(names: list[str]) -> None:
    """The folds that are named, or missing."""
    every = [name for name, obs in clear_pairs() if len(obs["optical"].bands) == 12]
    for name in names or [n for n in every if not (folder(n) / "weights.safetensors").is_file()]:
        train(name)


if __name__ == "__main__":
    main(sys.argv[1:])
