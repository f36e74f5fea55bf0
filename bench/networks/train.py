"""Train the networks of the benchmark, each with the same budget, one run folder each under bench/raw/runs.

python -m bench.networks.train [NAME ...]      (without names: all that are not there yet)
python -m bench.networks.train polish NAME ... (goes on with losses at full resolution, as NAME_sharp)
python -m bench.networks.train ship [NAME ...] (copies what travels with the package)

Budgets are in core-seconds on one thread: the first steps are timed by processor time, and as many steps are made as
fit, so that other work on the machine changes the wall time but not the training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from bench.cards import hardware, write_card
from bench.data import TRAINING, Case, gaofen2, landsat7, landsat7_pair, landsat7_train, observe
from bench.networks import data as netdata
from bench.recipes import Recipe, Step, run_of, settings, started
from bench.results import RUNS
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network, load_network, sample_of
from earthloom.methods.networks.scaling import scale_of
from earthloom.training.lessons.full_resolution import FullResolution, Weights, WithFullResolution
from earthloom.training.loop.loop import Config, Supervised, fit
from earthloom.training.loop.patches import Patches
from earthloom.training.loop.task import hold
from earthloom.training.scene_task import own_slopes
from earthloom.types import Observation
from earthloom.weights import store as weights
from earthloom.weights.header import Header


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


FULL = {"width": 64, "fusions": 3, "corrections": 3}
RATES = {"pnn": 1e-3}  # 9 x 9 kernels learn badly at the others' rate
BUDGET = 150.0
SHORT = 50.0  # five Gaofen-2 patches: more only overfits
POLISH, POLISH_RATE = 120.0, 7e-4
SHARP = Weights(consistency=0.6, detail=0.22, similarity=0)
CUBE = 12.0  # one cube to learn from: from 100 steps on others get worse
NAMES = ("cf2n", "coarse_cnn", "pnn", "pannet", "fusionnet")


def family(prefix: str, budget: float, full: float, **about: Any) -> dict[str, Run]:
    """Every network with one budget, CF2N blind to PAN, and its full size with a larger budget."""
    plain = {name: Run(name, budget, config={"lr": RATES[name]} if name in RATES else {}, **about) for name in NAMES}
    more = {
        "cf2n_blind": Run("cf2n", budget, fields={"blind": True}, **about),
        "cf2n_full": Run("cf2n", full, fields=FULL, **about),
    }
    return {f"{prefix}_{name}": run for name, run in (plain | more).items()}


GAOFEN2: dict[str, Any] = {
    "train": netdata.gaofen2_train, "held": gaofen2, "sensor": "gaofen2",
    "data": "five UCGAN Gaofen-2 patches, 4:1", "licence": "not stated: not to be shipped",
}  # fmt: skip
PARTS = {  # what the ablation changes
    "as it is": {}, "no per-pixel kernels (k = 1)": {"kernel": 1}, "no spectral attention": {"window": 1},
    "no correction (m = 0)": {"corrections": 0}, "one fusion (n = 1)": {"fusions": 1}, "C = 32": {"width": 32},
}  # fmt: skip
SMALL = {"width": 24, "components": 8}
CUBES = {
    "airport": (netdata.airport_train, netdata.airport_test),
    "barbara": (netdata.barbara_train, netdata.barbara_test),
}
EVERY = (
    family("landsat7", BUDGET, 9 * BUDGET)
    | {"landsat7_cf2n_long": Run("cf2n", 3 * BUDGET)}
    | family("gaofen2", SHORT, 2 * SHORT, **GAOFEN2)
    | {
        "generic_cf2n": Run(
            "cf2n", 1.5 * BUDGET, netdata.open_4to1, netdata.reduced_native, sensor=None,
            data="Landsat-7 and -8 at 30 m, WorldView-2 at 2 m, blue to NIR at 4:1",
            licence="USGS, public domain; SpaceNet Rotterdam, CC BY-SA 4.0",
        )
    }
    | {f"ablation_{number}": Run("cf2n", 40.0, fields=fields) for number, fields in enumerate(PARTS.values())}
    | {
        f"{cube}_cf2n{end}": Run(
            "cf2n", CUBE, *pairs, fields={**SMALL, "blind": bool(end)}, sensor=None,
            config={"patch": 32, "lr": 5e-4, "optimiser": "adamw", "weight_decay": 0.1},
            data=f"an AVIRIS cube ({cube})", licence="see its source",
        )
        for cube, pairs in CUBES.items() for end in ("", "_blind")
    }
)  # fmt: skip
DEFAULTS = {
    "batch": 8,
    "patch": 48,
    "lr": 2e-3,
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
    config = settings({**DEFAULTS, **run.config, "threads": 1})
    torch.manual_seed(config.seed)
    sizes = network.sizes(next(iter(run.held())).obs)
    config = replace(config, steps=steps_in(network.net(sizes), task, config, run.core_s))
    torch.manual_seed(config.seed)
    config = replace(config, validate_every=max(config.steps // 6, 1))
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


def polish(name: str) -> None:
    """Go on from a trained run with what is asked at full resolution, and leave it as ``NAME_sharp``.

    Pairs one scale down teach the network to undo the simulated blur; here it learns to take its detail from PAN.
    """
    run = EVERY[name]
    torch.set_num_threads(1)
    network = catalog.make(run.method, **run.fields)
    assert isinstance(network, Network)
    task, header = prepare(network, run)
    pairs = task.patches
    assert isinstance(pairs, Patches)
    scenes = [in_float32(observe(*landsat7_pair(scene), run.sensor)) for scene in TRAINING]
    stats = [network.summarise(obs, None) for obs in scenes]
    start = load_network(network, str(RUNS / name), scenes[0])
    patch, step = DEFAULTS["patch"], network.multiple(network.sizes(scenes[0]))
    below = [network.summarise(case.obs, None) for case in landsat7_train()]
    of_scenes = zip(pairs.scenes, below, stats, strict=True)
    each = [own_slopes([pair], coarser, here, None) for pair, coarser, here in of_scenes]
    asked = FullResolution.of(start, scenes, stats, patch, step, torch.stack(each).mean(0), SHARP)
    whole = WithFullResolution(pairs, (), full=asked)
    module = network.net(network.sizes(scenes[0]))
    module.load_state_dict(start.trained.module.state_dict())
    config = settings({**DEFAULTS, "lr": POLISH_RATE, "warmup": 50, "threads": 1})
    config = replace(config, steps=steps_in(deepcopy(module), whole, config, POLISH))
    fit(module, whole, config, RUNS / f"{name}_sharp", header)
    record(f"{name}_sharp", start.trained.header.card, task.validate(module.eval()), task.beside())


def record(name: str, before: Mapping[str, Any], figures: Mapping[str, float], nothing: Mapping[str, float]) -> None:
    """Write into the weights of a polished run what was not known while it ran: the figures, and the steps before."""
    header, tensors = weights.read(RUNS / name)
    both = {key: header.card[key] + before[key] for key in ("steps", "seconds")}
    card = {**header.card, **both, "best_step": both["steps"], "figures": dict(figures), "no_fusion": dict(nothing)}
    weights.write(header.path, replace(header, card=card), tensors)
    print(f"{name}: {both['steps']} steps in all, {dict(figures)}", flush=True)


def in_float32(obs: Observation) -> Observation:
    """As a file is read."""
    return replace(obs, views={r: replace(v, data=v.data.astype(np.float32)) for r, v in obs.views.items()})


def steps_in(module: torch.nn.Module, task: Supervised, config: Config, core_s: float) -> int:
    """Steps that fit into so much processor time, the smallest of three measurements a step."""
    module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser, each = torch.optim.Adam(module.parameters(), 1e-4), []
    for trial in range(3):
        began = time.process_time()
        for step in range(8):
            batch = task.patches.batch(8 * trial + step, config.batch, 0)
            tensors = {k: torch.from_numpy(v).contiguous(memory_format=torch.channels_last) for k, v in batch.items()}
            with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16-mixed"):
                loss = torch.stack(list(task.loss(module, tensors).values())).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        each.append((time.process_time() - began) / 8)
    return max(int(core_s / min(each)), 1)


SHIPPED = {  # name: run, bands and their order, what it is not for
    "landsat_2to1": (
        "landsat7_cf2n_long_sharp", "landsat7", ("red", "green", "blue", "nir", "swir1", "swir2"),
        "thermal bands, other ratios than 2:1; it was trained on south-eastern Australia alone",
    ),
    "generic_4to1": (
        "generic_cf2n", None, ("blue", "green", "red", "nir"),
        "other bands or ratios; a scene of its own kind is better served by --adapt, which begins with these weights",
    ),
}  # fmt: skip


HELD = {
    "landsat_2to1": "six Landsat-7 scenes of another acquisition, one scale down",
    "generic_4to1": "GeoEye-1 and IKONOS, sensors it was not trained on, one scale down",
}


def recipe(run: str) -> str:
    """The commands that make a run."""
    start = run.removesuffix("_sharp")
    commands = [start] if start == run else [start, f"polish {start}"]
    return "; ".join(f"python -m bench.networks.train {command}" for command in commands)


def ship(names: Sequence[str]) -> None:
    """Copy the runs that travel with the package, half precision, each with its card beside it."""
    from earthloom.sensors import load as sensor

    for name in names:
        run, maker, bands, not_for = SHIPPED[name]
        header, tensors = weights.read(RUNS / run)
        centre = (
            {b.name: b.centre_nm for b in sensor(maker).bands}
            if maker
            else dict(zip(bands, netdata.CENTRES_NM, strict=False))
        )
        card = {
            **header.card, "not_for": not_for, "hardware": hardware(header.card),
            "recipe": recipe(run), "figures of": HELD[name],
        }  # fmt: skip
        header = replace(header, sensor=maker, bands=bands, centres_nm=tuple(centre[b] for b in bands), card=card)
        path = weights.write(weights.FOLDER / f"{name}.safetensors", header, tensors, half=True)
        write_card(path, header.method, f" for {len(bands)} bands ({', '.join(bands)})", card)


def main(names: list[str]) -> None:
    """Train those that are named, or those that are missing."""
    if names[:1] == ["ship"]:
        ship(names[1:] or list(SHIPPED))
        return
    if names[:1] == ["polish"]:
        for name in names[1:]:
            polish(name)
        return
    for name in names or [n for n in EVERY if not (RUNS / n / "weights.safetensors").is_file()]:
        train(name)


LONG = "landsat7_cf2n_long"
RECIPES = (
    Recipe(
        ("landsat_2to1",),
        (
            Step(f"bench.networks.train {LONG}", run_of(LONG), EVERY[LONG].core_s),
            Step(f"bench.networks.train polish {LONG}", run_of(f"{LONG}_sharp"), POLISH),
        ),
        "bench.networks.train ship landsat_2to1", EVERY[LONG].data, ("data/sharpening",),
    ),
    Recipe(
        ("generic_4to1",),
        (Step("bench.networks.train generic_cf2n", run_of("generic_cf2n"), EVERY["generic_cf2n"].core_s),),
        "bench.networks.train ship generic_4to1", EVERY["generic_cf2n"].data, ("data/sharpening",),
    ),
)  # fmt: skip

if __name__ == "__main__":
    started(main)
