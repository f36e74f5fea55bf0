"""Hyperspectral super-resolution: train the networks, ship weights, and write the tables of accuracy.

python -m bench.superresolution.run train [NAME ...]   (without names: all that are not there yet)
python -m bench.superresolution.run ship [NAME ...]    (copies what travels with the package)
python -m bench.superresolution.run table [RATIO]      (CAVE validation scenes; AVIRIS cubes, and adapted to each)

Cubes are degraded by MATLAB's bicubic. Networks learn from groups of neighbouring bands of the 22 training scenes of
CAVE (40 % of the patches), of photographs with their colours spread over a spectrum (55 %) and of Landsat-7 (5 %), all
at three scales. In a group of five, four bands have the neighbours of a cube's ends; the last stage takes groups of
six, of which it sees the middle more often than the ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench import results
from bench.cards import write_card
from bench.recipes import Recipe, Step, on_processor, run_of, settings, started
from bench.results import RUNS
from bench.superresolution import data as cubes
from bench.superresolution import tables
from earthloom import metrics
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.base import Method, Wrapper
from earthloom.methods.networks.network import Network, Sizes
from earthloom.methods.wrappers.refined import refined
from earthloom.problems.base import Case
from earthloom.problems.superresolution import Superresolution, observation, on_grid
from earthloom.training.adapt import adapt
from earthloom.training.lessons.band_groups import BandGroups
from earthloom.training.loop.loop import Config, Supervised, fit
from earthloom.training.loop.patches import Patches
from earthloom.training.loop.task import hold, pixel_loss
from earthloom.types import Band
from earthloom.weights import store as weights
from earthloom.weights.header import Header

PROBLEM = "superresolution"
SCALES, GROUP, WIDER = (1, 0.75, 0.5), 5, 6
SHARES = {"cave": 0.4, "photographs": 0.45, "pictures": 0.1, "landsat": 0.05}  # of the patches
ADAPTED = 8  # ratio from which the cubes of AVIRIS, seen coarser, are too small to adapt to
DARK = 0.02  # mean reflectance below which a spectrum's angle is noise
LICENCE = (
    "CAVE: research use with citation, not to be redistributed; photographs of Debian's packages: CC0, CC BY, CC BY-SA "
    "and GPL-2+ by the authors their copyright files name; scikit-image: public domain, CC0; Landsat-7: USGS, public "
    "domain"
)
DATA = (
    "CAVE, 22 scenes of 31 bands, 400-700 nm; 24 photographs of Debian's packages lomiri-wallpapers, mate-backgrounds "
    "and plasma-workspace-wallpapers, and those of scikit-image, colours spread over 8 bands; Landsat-7, six bands"
)
NOT_FOR = "images degraded by another blur than bicubic, and commercial use that CAVE's terms exclude"


@dataclass(frozen=True)
class Run:
    """One network, the run (or weights that ship) it begins with, and how it learns."""

    method: str
    ratio: int
    begin: str = ""
    steps: int = 0
    config: dict[str, Any] = field(default_factory=dict)
    candidates: int = 1  # patches of which the most detailed is taken
    some: int = 2  # bands of each patch that the loss sees
    group: int = GROUP  # bands of each patch
    fields: dict[str, Any] = field(default_factory=dict)  # of the network
    processor: dict[str, Any] = field(default_factory=dict)  # what differs where there is no accelerator


WIDE = {"patch": 24, "batch": 4}  # side of a patch in coarse pixels
EQUAL = 3000  # steps of the networks that are compared at equal budget
FIRST = {**WIDE, "lr": 1.5e-3, "schedule": "constant"}
LATER = {**WIDE, "lr": 1.5e-3, "batch": 6}
SLOWER = {**LATER, "ema": 0.999}
BOTH = {**SLOWER, "lr": 4e-4, "batch": 4, "devices": 2}  # processes
LAST = {**SLOWER, "lr": 8e-4, "batch": 4}
WIDEST = {"patch": 24, "batch": 64, "lr": 1.5e-3, "ema": 0.999, "warmup": 200, "minutes": 10.0}
EVERY = {
    "cubes_4to1_a": Run("coarsr", 4, steps=EQUAL, config=FIRST, some=GROUP),
    "cubes_4to1_b": Run("coarsr", 4, "cubes_4to1_a", 8000, {**LATER, "schedule": "constant"}, candidates=3),
    "cubes_4to1_c": Run(
        "coarsr", 4, "cubes_4to1_b", 11500, {**SLOWER, "lr": 1e-3, "schedule": "constant"}, candidates=3
    ),
    "cubes_4to1_d": Run(
        "coarsr", 4, "cubes_4to1_c", 10500, {**SLOWER, "lr": 7e-4, "batch": 4}, candidates=3, some=GROUP
    ),
    "cubes_4to1": Run("coarsr", 4, "cubes_4to1_d", 32000, LAST, 3, 4, WIDER),
    "cubes_2to1_a": Run("coarsr", 2, "cubes_4to1_b", 5000, LATER, candidates=3),
    "cubes_2to1_b": Run("coarsr", 2, "cubes_2to1_a", 3000, {**BOTH, "lr": 7e-4}, candidates=3, some=GROUP),
    "cubes_2to1": Run("coarsr", 2, "cubes_2to1_b", 4000, LAST, 3, 4, WIDER),
    "cubes_3to1": Run("coarsr", 3, "cubes_4to1_d", 5000, LAST, 3, 4, WIDER),
    "cubes_8to1": Run("coarsr", 8, "cubes_4to1_d", 4000, {**LAST, "patch": 16}, 3, 4, WIDER),
    "cubes_4to1_published": Run(  # the published size: ten minutes of a GPU, or two hours of two cores
        "coarsr", 4, "", 0, WIDEST, 3, 4, 8, {"width": 64, "blocks": 2}, {"batch": 4, "minutes": 120.0, "devices": 2}
    ),
} | {f"equal_{name}": Run(name, 4, steps=EQUAL, config=FIRST, some=GROUP) for name in ("edsr", "sfcsr", "fcnn3d")}
COMMON = {"beta2": 0.99, "warmup": 30, "ema": 0.99, "precision": "bf16-mixed", "threads": 1, "tensorboard": False}


@dataclass
class SomeBands(Supervised):
    """A loss of a few neighbouring bands of each patch: the others show nearly the same and cost as much."""

    some: int = 2

    def loss(self, module: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The error of bands drawn at random, all bands at hand."""
        bands = batch["hs"].shape[1]
        first = int(torch.randint(bands - self.some + 1, ()))
        run = slice(first, first + self.some)
        found, _ = module(batch["hs"], batch["base"], run)
        return {self.kind: pixel_loss(batch["base"][:, run] + found.float(), batch["truth"][:, run], kind=self.kind)}


def train(name: str) -> None:
    """One run, its folder under bench/raw/runs."""
    run = EVERY[name]
    torch.set_num_threads(1)
    network = catalog.make(run.method, PROBLEM, **run.fields)
    assert isinstance(network, Network)
    slow = run.processor if on_processor() else {}
    own = {**COMMON, **run.config, **slow, "patch": run.config["patch"] * run.ratio}
    config = settings(own)
    groups = BandGroups(sources(run.ratio, config.patch), run.group, (1, 2, 3), list(SHARES.values()), run.candidates)
    held = [
        hold(cubes.sample(cube[::3], run.ratio), title, 0.0, 1.0, float(run.ratio), run.ratio, 1.0)
        for title, cube in cubes.cave_held()
    ]
    task, sizes = SomeBands(groups, held, figure="psnr", some=run.some), Sizes(0, 0, float(run.ratio))
    torch.manual_seed(Config.seed)
    module = network.net(sizes)
    if run.begin:
        there = RUNS / run.begin
        begun, mine = weights.read(there if there.is_dir() else run.begin)[1], module.state_dict()
        fitting = {k: torch.from_numpy(v) for k, v in begun.items() if v.shape == tuple(mine[k].shape)}
        module.load_state_dict(fitting, strict=False)  # another ratio has another last layer
    if run.steps:
        config = replace(config, steps=run.steps, validate_every=max(min(run.steps // 4, 1000), 1))
    config = replace(config, checkpoint_every=500)
    header = Header(network.key, network.architecture, vars(sizes), convention="bicubic", card={"data": DATA})
    result = fit(module, task, config, RUNS / name, header, say=lambda line: print(name, line, flush=True))
    print(f"{name}: {result.steps} steps, {result.seconds:.0f} s, {result.figures}", flush=True)


def sources(ratio: int, patch: int) -> list[Patches]:
    """Patches of every kind of cube."""
    found = []
    for kind in SHARES:
        scaled = (small for cube in cubes.known(kind) for small in cubes.at_scales(cube, SCALES, patch))
        found.append(Patches([cubes.sample(cube, ratio) for cube in scaled], patch))
    return found


def case_of(cube: np.ndarray, ratio: int) -> Case:
    """A cube one scale down."""
    bands = tuple(Band(f"b{i}") for i in range(len(cube)))
    return Superresolution().degrade(observation(on_grid(cube, np.ones(cube.shape[1:], bool), bands, ratio)))


def rows(ratio: int) -> Iterator[tuple[str, Method]]:
    """What the table compares."""
    for name in ("bicubic", "back_projection"):
        yield name, catalog.make(name, PROBLEM)
    for run in ("equal_edsr", "equal_fcnn3d", "equal_sfcsr", "cubes_4to1_a") if ratio == 4 else ():
        if (RUNS / run / "weights.safetensors").is_file():
            name = EVERY[run].method
            yield f"{name}, {EQUAL} steps", catalog.make(name, PROBLEM, weights=str(RUNS / run))
    yield "coarsr", catalog.make("coarsr", PROBLEM)
    yield "dualsr", catalog.make("dualsr", PROBLEM)
    if ratio == 4:
        yield "dualsr, published fine stage", catalog.make("dualsr", PROBLEM, fine="published")
    yield "dualsr, ensemble", catalog.make("dualsr", PROBLEM, ensemble=True)
    if ratio == 4:
        both = catalog.make("dualsr", PROBLEM, fine="published", ensemble=True)
        yield "dualsr, published fine stage, ensemble, 5 refinements", refined(both, 5)


def figures(image: np.ndarray, case: Case, ratio: int, peak: float, floor: float) -> dict[str, float]:
    """PSNR of the whole cube and mean over bands, SSIM, SAM over all pixels and over those that are not dark, ERGAS."""
    bright = np.asarray(case.truth.mean(axis=0) > floor)
    truth = case.truth
    return {
        "psnr": float(metrics.psnr(image, truth, peak)),
        "psnr_bands": float(metrics.psnr(image, truth, peak, per_band=True)),
        "ssim": float(metrics.ssim(image, truth, peak)),
        "sam_deg": float(metrics.sam_deg(image, truth)),
        "sam_bright_deg": float(metrics.sam_deg(image, truth, valid=bright)),
        "ergas": float(metrics.ergas(image, truth, ratio)),
    }


def parameters(method: Method, case: Case) -> int:
    """How many numbers a network learnt."""
    method = method.inner if isinstance(method, Wrapper) else method
    if not isinstance(method, Network):
        return 0
    return sum(p.numel() for p in method.fitted(case.obs).trained.module.parameters())


def table(ratio: int) -> None:
    """Every method on every scene, printed and recorded."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    groups = {
        "CAVE": [(n, case_of(c, ratio), 1.0, DARK) for n, c in cubes.cave_held()],
        "AVIRIS": [(n, case_of(c, ratio), float(c.max()), 0.0) for n, c in cubes.satellite()],
    }
    for group, cases in groups.items():
        for title, method in rows(ratio):
            if group == "AVIRIS" and "steps" in title:
                continue
            began, each = time.process_time(), {}
            for name, case, peak, floor in cases:
                image = fuse_whole(method.ready(case.obs), case.obs)
                if group == "CAVE":
                    image = np.clip(image, 0, 1)
                each[name] = figures(image, case, ratio, peak, floor)
            tell(found, group, title, each, time.process_time() - began, parameters(method, cases[0][1]))
    adapted: dict[str, Any] = {}
    for name, case, peak, floor in groups["AVIRIS"] if ratio < ADAPTED else ():
        fitted = adapt(catalog.make("dualsr", PROBLEM), ArrayScene(case.obs), 60.0, threads=1)  # type: ignore[arg-type]
        print(name, fitted, flush=True)
        adapted[name] = figures(fuse_whole(fitted.network, case.obs), case, ratio, peak, floor)
    if adapted:
        tell(found, "AVIRIS", "dualsr, adapted 60 s", adapted, 0.0, 0)
    results.keep(f"superresolution_{ratio}to1", found)
    results.record("superresolution", f"{ratio}to1", tables.accuracy(found), Config.seed)


def tell(
    found: dict[str, Any], group: str, title: str, each: dict[str, dict[str, float]], seconds: float, count: int
) -> None:
    """Keep a row, and print it."""
    keys = next(iter(each.values()))
    mean = {key: float(np.mean([row[key] for row in each.values()])) for key in keys}
    found.setdefault(group, {})[title] = {"mean": mean, "scenes": each, "cpu_s": round(seconds, 2), "parameters": count}
    psnr = " ".join(f"{row['psnr']:.2f}" for row in each.values())
    shown = ", ".join(f"{key} {value:.4g}" for key, value in mean.items())
    print(f"{group:7s}{title:32s}{shown} ({psnr}) {count:,} parameters, {seconds:.1f} s", flush=True)


SHIPPED = ("cubes_2to1", "cubes_3to1", "cubes_4to1", "cubes_8to1")


def ship(names: Sequence[str] = SHIPPED) -> None:
    """Weights that travel with the package, half precision, each with its card."""
    for name in names:
        header, tensors = weights.read(RUNS / name)
        card = {
            **header.card, "data": DATA, "licence": LICENCE, "not_for": NOT_FOR,
            "recipe": f"python -m bench.superresolution.run train {name}",
            "figures of": "three CAVE scenes held out, every third band",
        }  # fmt: skip
        header = replace(header, card=card, convention="bicubic", bands=(), centres_nm=())
        path = weights.write(weights.FOLDER / f"{name}.safetensors", header, tensors, half=True)
        write_card(path, header.method, " for cubes of any number of bands", card)


def main(words: list[str]) -> None:
    """The command line."""
    what, *rest = words or ["table"]
    if what == "train":
        for name in rest or [n for n in EVERY if not (RUNS / n / "weights.safetensors").is_file()]:
            train(name)
    elif what == "ship":
        ship(rest or SHIPPED)
    else:
        for ratio in [int(word) for word in rest] or [2, 4]:
            table(ratio)


PATCH_S = 0.03  # of one core for a patch of 24 x 24 coarse pixels, forward and back


def steps_to(name: str) -> tuple[Step, ...]:
    """A run after all that it begins with."""
    run = EVERY[name]
    core_s = PATCH_S * (run.config["patch"] / WIDE["patch"]) ** 2 * run.config["batch"] * run.steps
    own = Step(f"bench.superresolution.run train {name}", run_of(name), core_s)
    return (*steps_to(run.begin), own) if run.begin else (own,)


RECIPES = tuple(
    Recipe((name,), steps_to(name), f"bench.superresolution.run ship {name}", DATA, (
        "data/hyperspectral/cave", "data/sharpening"))
    for name in SHIPPED
)  # fmt: skip

if __name__ == "__main__":
    started(main)
