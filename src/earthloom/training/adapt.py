"""Fit a network to the user's own scene, with no ground truth.

Two sources of supervision. In simulated cases the truth is known: the scene is degraded by its own sensors' physics
(Wald's protocol), or put under clouds where it is clear, and what was seen becomes the truth. At full resolution there
is none, but the product, blurred and sampled as a coarse sensor would, must be what that sensor saw, and its detail
must follow the sharp view as much as it does one scale down. Blocks that are never trained on choose the best state,
the one it began with included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce as fold
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from earthloom.engine.passes import filled, halo_px
from earthloom.engine.talk import Progress, silent
from earthloom.errors import InputError, MethodError
from earthloom.machine import device_wanted, on
from earthloom.methods.networks.cubes import whole_pixels
from earthloom.methods.networks.network import Fitted, Network, Sizes, Trained, normalised, prepared, scale_of
from earthloom.nn import losses
from earthloom.ops.moments import Stats
from earthloom.physics.forward import reduce
from earthloom.problems import catalog as problems
from earthloom.problems.base import Case
from earthloom.training.cases import blocks
from earthloom.training.lessons.band_groups import BandGroups
from earthloom.training.lessons.full_resolution import FullResolution, WithFullResolution
from earthloom.training.loop.devices import fast_precision
from earthloom.training.loop.loop import Config, DivergedError, fit
from earthloom.training.loop.patches import Patches
from earthloom.training.loop.task import Held, hold
from earthloom.types import Observation, Scene, Window

SECONDS = 60.0  # to adapt for, unless told otherwise
SEEN = 0.6  # a piece must hold data in this part of what a patch must, at least
PIECES = 8  # windows of a scene that is too large to be used whole
GRID, STRIDE = 6, 9  # held-out blocks: four of a grid of 6 x 6
BATCH = 4
HELD = 4  # cases that judge, at most
GROUP = 6  # neighbouring bands of a cube that a step learns from
RATE = 2e-3
AGAIN = 0.3  # share of the rate when the weights are not fresh


@dataclass(frozen=True)
class Adapted:
    """A network fitted to a scene.

    Parameters
    ----------
    method
        Ready to fuse this scene and others like it.
    before, after
        ERGAS of the held-out blocks one scale down, and ``consistency``, the root mean square of ``D B F - M`` at full
        resolution in percent of the mean, with the weights it began with and with those that are kept.
    steps, seconds
        How long it took.
    began
        Whose weights it began with; ``random`` where none fit.
    kept
        False when nothing better was found: then the method is what it was.
    """

    method: Fitted
    before: Mapping[str, float]
    after: Mapping[str, float]
    steps: int
    seconds: float
    began: str = "random"
    kept: bool = True

    def __str__(self) -> str:
        start = f"{self.began} weights" if self.began == "random" else f"weights '{self.began}'"
        if not self.kept:
            return f"adapting {start} found nothing better than ERGAS {self.before['ergas']:.3f} on held-out blocks"
        told = [f"{name} {self.before[name]:.3f} to {self.after[name]:.3f}" for name in self.before]
        took = f"{self.steps} steps"  # no seconds: this goes into files, and the same steps must give the same bytes
        return f"{start} adapted to the scene in {took}: held-out {', '.join(told)}{' %' if len(told) > 1 else ''}"


def adapt(
    network: Network | Fitted,
    scene: Scene,
    seconds: float | None = None,
    *,
    steps: int | None = None,
    seed: int = 0,
    threads: int = 0,
    progress: Progress = silent,
    say: Callable[[str], None] | None = None,
    device: str = "auto",
    checkpoints: Path | None = None,
) -> Adapted:
    """Fine-tune a network on a scene, or train it from random weights when none fit.

    Parameters
    ----------
    network
        Begins with its own weights, the shipped ones that fit, or random ones.
    scene
        What it will be used on. Of a large scene some windows are used.
    seconds
        Wall time to spend; with ``steps``, at most. None or 0: ``steps`` alone decide, or 60 s without them.
    steps
        Updates of the weights; with ``seconds``, at most. Alone they make the run the same on every call, however busy
        the computer: how often it is validated follows from them too.
    seed
        The same seed and number of steps give the same weights.
    threads
        Of torch; 0 leaves them as they are.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``. The weights that are found lie on the processor again.
    checkpoints
        A folder from which an adaptation that was stopped goes on.

    Raises
    ------
    InputError
        If the scene is too small to be degraded and cut into patches, or a budget is negative.
    """
    with on(device):
        return _fine_tuned(network, scene, budget(seconds, steps), seed, threads, progress, say, checkpoints)


def _fine_tuned(
    network: Network | Fitted, scene: Scene, budgets: tuple[float, int], seed: int, threads: int, progress: Progress,
    say: Callable[[str], None] | None, checkpoints: Path | None,
) -> Adapted:  # fmt: skip
    """See :func:`adapt`; on the device that is wanted."""
    began = time.perf_counter()
    seconds, steps = budgets
    pieces = observed(network, scene)
    start, fresh = beginning(network, pieces[0])
    task = AdaptTask.of(start, pieces)
    before = task.figures(start)
    config = Config(
        steps=steps or 1, most_steps=steps,
        minutes=seconds / 60 if seconds else 0,
        batch=BATCH, patch=task.patch, lr=RATE * (1 if fresh else AGAIN), beta2=0.99, seed=seed, warmup=20,
        augment=task.augment, precision=fast_precision(), threads=threads, tensorboard=False,  # type: ignore[arg-type]
        device=device_wanted(),
    )  # fmt: skip
    module = _copy(start)
    header = start.trained.header
    try:
        result = fit(module, task, config, progress=progress, say=say, checkpoints=checkpoints, since=began)
    except DivergedError:
        return Adapted(start, before, before, 0, time.perf_counter() - began, header.name, kept=False)
    found = Fitted(start.inner, Trained(module.eval(), header, start.trained.order))
    after = task.figures(found)
    took = time.perf_counter() - began
    better = after["ergas"] < before["ergas"]
    if "consistency" in after:
        better = better and after["consistency"] <= before["consistency"]
    told = Adapted(found, before, after, result.steps, took, header.name)
    if not better:
        return replace(told, method=start, after=before, kept=False)
    return replace(told, method=_adapted(found, str(told)))


def _adapted(found: Fitted, said: str) -> Fitted:
    """Weights that say how they were adapted."""
    header = found.trained.header
    header = replace(header, name="adapted to the scene", path="", card={**header.card, "adapted": said})
    return replace(found, trained=replace(found.trained, header=header))


def told(found: Adapted) -> dict[str, Any]:
    """What is kept of an adaptation, as plain data and arrays, until the product is whole."""
    state = found.method.trained.module.state_dict() if found.kept else {}
    return {
        "state": {name: value.detach().cpu().numpy() for name, value in state.items()}, "before": dict(found.before),
        "after": dict(found.after), "steps": found.steps, "seconds": found.seconds, "began": found.began,
        "kept": found.kept,
    }  # fmt: skip


def again(network: Network | Fitted, scene: Scene, kept: Mapping[str, Any]) -> Adapted:
    """An adaptation of an earlier run that did not come to its end; ``kept`` as :func:`told` gave it."""
    start, _ = beginning(network, observed(network, scene)[0])
    figures = {name: kept[name] for name in ("before", "after", "steps", "seconds", "began", "kept")}
    known = Adapted(start, **figures)
    if not known.kept:
        return known
    module = _copy(start)
    module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in kept["state"].items()})
    found = Fitted(start.inner, Trained(module.eval(), start.trained.header, start.trained.order))
    return replace(known, method=_adapted(found, str(known)))


def budget(seconds: float | None, steps: int | None) -> tuple[float, int]:
    """Seconds and steps to spend, 0 where that one sets no limit; :data:`SECONDS` where neither does.

    Raises
    ------
    InputError
        If one is negative or no number.
    """
    for given, unit in ((seconds, "seconds"), (steps, "steps")):
        if given is not None and not given >= 0:  # NaN too
            raise InputError(f"adapting for {given:g} {unit}", "a positive number")
    if not seconds and not steps:
        return SECONDS, 0
    return seconds or 0.0, steps or 0


def beginning(network: Network | Fitted, obs: Observation) -> tuple[Fitted, bool]:
    """The network with the weights it begins with, and whether they are random."""
    network.require_teachable()
    if isinstance(network, Fitted):
        return network, network.trained.header.name == "random"
    if network.weights is None:
        network = network.learning(obs)
    try:
        return network.fitted(obs), False
    except MethodError:
        if network.weights is not None:
            raise
        return network.fresh(obs), True


def observed(network: Network | Fitted, scene: Scene) -> list[Observation]:
    """The whole scene, or windows spread over a large one; pieces mostly without data are left out.

    Pieces begin and end with whole coarse pixels: all have the same geometry, and none holds what it cannot answer for.
    """
    problem = problems.find(network.card.problem)
    if problem.sharpens:
        area, ratio = blocks.usable(scene, problem.seen), max(blocks.ratio_of_scene(scene, problem.seen), 1)
        cells = spread_windows((area.height, area.width), ratio, problem.piece_px, scene.convention == "toolbox")
        pieces = (blocks.cut(scene, cell, problem.seen)[0] for cell in cells)
    elif "hs" in scene.empty().views:
        cells = spread_windows(scene.shape, 1, problem.piece_px)
        pieces = (whole_pixels(scene.observe(cell, 0))[0] for cell in cells)
    else:
        cells = spread_windows(scene.shape, 1, problem.piece_px)
        pieces = (replace(scene.observe(cell, 0), core=None, origin=(0, 0)) for cell in cells)
    found = [obs for obs in pieces if problem.known(obs).mean() > SEEN * problem.enough]
    if not found:
        raise InputError("a scene of which little is seen", "windows with clear data to adapt to", "leave out `adapt`")
    return found


def spread_windows(shape: tuple[int, int], ratio: int, limits: tuple[int, int], whole: bool = False) -> list[Window]:
    """Windows of a grid ``ratio`` times coarser than the wanted one: all up to a side of ``limits[0]``, else some."""
    if whole or max(shape) * ratio <= limits[0]:
        return [Window(0, 0, *shape)]
    height, width = shape
    side = (min(limits[1] // ratio, height), min(limits[1] // ratio, width))
    across = max(round((PIECES * width / (height + width)) ** 0.5), 1)
    down = -(-PIECES // across)
    corners = [
        np.unique(np.linspace(0, n - s, count).round().astype(int))
        for n, s, count in zip(shape, side, (down, across), strict=True)
    ]
    return [Window(int(y), int(x), *side) for y in corners[0] for x in corners[1]]


@dataclass
class AdaptTask(WithFullResolution):
    """Pairs one scale down, full-resolution losses, and held-out blocks."""

    pieces: list[Observation] | None = None
    stats: Stats = field(default_factory=Stats)  # of the scene, as the pieces show it
    patch: int = 64
    augment: str = "full"

    @classmethod
    def of(cls, start: Fitted, pieces: list[Observation]) -> AdaptTask:
        """Degrade the pieces, hold blocks back, and cut patches."""
        network, problem = start.inner, problems.find(start.card.problem)
        step = network.multiple(network.sizes(pieces[0]))
        whole = [filled(obs, halo_px(network, obs)) for obs in pieces]
        cases = [case for number, obs in enumerate(whole) for case in problem.pairs(obs, number)]
        for case in cases:
            require_alike(network, pieces[0], case.obs)
        ready = [_without_holes(network, case) for case in cases]
        stats = fold(add, [network.summarise(case.obs, None) for case in cases])
        pairs, held = [], []
        for case in ready:
            sample = {**prepared(network, case.obs, stats), "truth": normalised(case.truth, stats["base"])}
            if start.trained.order is not None:
                sample |= {name: sample[name][list(start.trained.order)] for name in ("base", "truth")}
            train, kept = split(sample)
            mean, std = (_ordered(value, start) for value in scale_of(stats["base"]))
            pairs.append(train)
            if np.isfinite(kept["truth"]).all(axis=0).any():
                held.append(hold(kept, "held-out blocks", mean, std, max(network.sizes(case.obs).ratio, 1), step))
        held = held[:: -(-len(held) // HELD) or 1]
        if not held:
            raise InputError("a scene with holes in every block that would judge", "more data", "leave out `adapt`")
        side = min(min(sample["truth"].shape[1:]) for sample in pairs)
        ratio = round(max(max(view.ratio) for view in pieces[0].views.values()))
        unit = int(np.lcm(step, ratio))
        patch = min(64 // unit * unit or unit, side // 2 // unit * unit)
        if patch < 2 * unit:
            raise InputError(
                f"a scene of {side} pixels one scale down", f"at least {4 * unit}", "adapt on a larger part of it"
            )
        centred = pieces[0].convention == "centre"
        augment = "full" if centred else "transpose"
        seen = fold(add, [network.summarise(obs, None) for obs in pieces])
        patches = Patches(pairs, patch, step, augment, enough=problem.enough)  # type: ignore[arg-type]
        one = "guide" in pairs[0] and len(pairs[0]["guide"]) == 1
        slopes = own_slopes(pairs, stats, seen, start.trained.order) if one else None
        more = {"pieces": pieces, "stats": seen, "patch": patch, "augment": augment}
        if problem.name == "superresolution":  # a cube: few bands of many places; refining holds it to what was seen
            few = min(GROUP, min(patches.bands.values()))
            return cls(BandGroups([patches], few), held, full=None, **more)  # type: ignore[arg-type]
        full = FullResolution.of(start, pieces, [seen] * len(pieces), patch, unit, slopes)
        return cls(patches, held, full=full, **more)  # type: ignore[arg-type]

    def figures(self, method: Fitted) -> dict[str, float]:
        """Held-out ERGAS of the pairs, and consistency at full resolution where something coarse was seen."""
        module = method.trained.module.eval()
        with torch.inference_mode():
            ergas = self.validate(module)["ergas"]
        assert self.pieces is not None
        found, problem = [], problems.find(method.card.problem)
        for obs in self.pieces:
            try:
                role, gains = problem.observed(obs)
            except MethodError:  # nothing coarse to agree with
                return {"ergas": ergas}
            whole = filled(obs, halo_px(method, obs))
            product = method.fuse(whole, self.stats)
            error = (reduce(obs, product, gains, role) - whole[role].data)[:, obs[role].valid]
            found.append(100 * np.sqrt((error**2).mean()) / np.abs(obs[role].data[:, obs[role].valid]).mean())
        return {"ergas": ergas, "consistency": float(np.mean(found))}


def require_alike(network: Network, scene: Observation, case: Observation) -> None:
    """Refuse to learn from cases that show a network less than the scene does.

    Raises
    ------
    MethodError
        If it would be of another size there.
    """
    here, there = network.sizes(scene), network.sizes(case)
    if replace(here, ratio=there.ratio) != there:  # one scale down a ratio may be rounded
        raise MethodError(
            f"{network.card.name} for a scene of {here}, and {there} in what it learns from", "cases like the scene",
            "one known date is left out to learn from: give another one, or weights that see fewer",
        )  # fmt: skip


def split(sample: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The sample twice: truth missing in the held-out blocks, and truth in them alone."""
    height, width = sample["truth"].shape[1:]
    y = np.arange(height) * GRID // height
    x = np.arange(width) * GRID // width
    out = (3 * y[:, None] + x[None, :]) % STRIDE == 4
    nan = np.float32(np.nan)
    truth = sample["truth"].astype(np.float32)
    return {**sample, "truth": np.where(out, nan, truth)}, {**sample, "truth": np.where(out, truth, nan)}


def own_slopes(
    pairs: Sequence[Mapping[str, np.ndarray]], below: Stats, here: Stats, order: Sequence[int] | None
) -> Tensor:
    """How much of the guide's detail each band holds one scale down, in the units of the scene itself."""
    found = [losses.detail_slopes(*(torch.from_numpy(sample[k])[None] for k in ("truth", "guide"))) for sample in pairs]
    (_, base), (_, guide) = scale_of(below["base"]), scale_of(below["guide"])
    (_, base_here), (_, guide_here) = scale_of(here["base"]), scale_of(here["guide"])
    units = base / guide * guide_here / np.where(base_here > 0, base_here, 1)
    return torch.stack(found).mean(0) * torch.from_numpy(units[list(order)] if order else units).float()


def _ordered(values: np.ndarray, start: Fitted) -> np.ndarray:
    return values if start.trained.order is None else values[list(start.trained.order)]


def _without_holes(network: Network, case: Case) -> Case:
    """Inputs filled, the truth missing where the problem has no answer."""
    if all(view.all_valid for view in case.obs.views.values()):
        return case
    valid = problems.find(network.card.problem).valid(case.obs)
    truth = np.where(valid, case.truth, case.truth.dtype.type(np.nan))
    return Case(filled(case.obs, halo_px(network, case.obs)), truth)


def _copy(start: Fitted) -> nn.Module:
    """A module to train, the one it begins with untouched."""
    module = start.inner.net(Sizes(**start.trained.header.sizes))  # type: ignore[arg-type]
    module.load_state_dict(start.trained.module.state_dict())
    return module


__all__ = ["Adapted", "Held", "Stats", "adapt", "fast_precision"]
