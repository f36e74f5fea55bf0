"""Fit a network to the user's own scene, with no ground truth.

Two sources of supervision. In simulated cases the truth is known: the scene is degraded by its own sensors' physics
(Wald's protocol), or put under clouds where it is clear, and what was seen becomes the truth. At full resolution there
is none, but the product, blurred and sampled as a coarse sensor would, must be what that sensor saw, and its detail
must follow the sharp view as much as it does one scale down. Blocks that are never trained on choose the best state,
the one it began with included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from earthloom.engine.talk import Progress, silent
from earthloom.errors import InputError, MethodError
from earthloom.machine import device_wanted, on
from earthloom.methods.base import Method
from earthloom.methods.networks.network import Fitted, Network, Sizes, Trained
from earthloom.methods.wrappers.mixed import mixed, rival_of
from earthloom.training.loop.devices import fast_precision
from earthloom.training.loop.loop import Config, DivergedError, fit
from earthloom.training.scene_task import AdaptTask, observed
from earthloom.types import Observation, Scene

SECONDS = 60.0  # to adapt for, unless told otherwise
BATCH = 4
RATE = 2e-3
TOLD = (
    "steps",
    "seconds",
    "began",
    "kept",
    "gained",
    "rival",
    "rival_ergas",
    "beside",
    "ergas",
    "margin",
)  # plain facts of an adaptation
AGAIN = 0.3  # share of the rate when the weights are not fresh


@dataclass(frozen=True)
class Adapted:
    """A network fitted to a scene.

    Parameters
    ----------
    network
        Ready to fuse this scene and others like it.
    before, after
        ERGAS of the held-out blocks one scale down, and ``consistency``, the root mean square of ``D B F - M`` at full
        resolution in percent of the mean, with the weights it began with and with those that are kept.
    steps, seconds
        How long it took.
    began
        Whose weights it began with; ``random`` where none fit.
    kept
        False when nothing better was found, beyond chance: then the network is what it was.
    gained
        By how much the error of the held-out blocks fell.
    rival, rival_ergas
        The method without training that does best on the same blocks, and its ERGAS.
    beside, ergas
        Methods that take a part of the product, and how much, by the held-out blocks
        (:func:`earthloom.training.judging.mixture`), of those that the network names; the ERGAS of all together there.
    margin
        Share by which the network must lose less than the rival; see :meth:`AdaptTask.margin`.
    method
        What fuses the scene: the network with those beside it, or the rival where they are worse.
    """

    network: Fitted
    before: Mapping[str, float]
    after: Mapping[str, float]
    steps: int
    seconds: float
    began: str = "random"
    kept: bool = True
    gained: str = ""
    rival: str = ""
    rival_ergas: float = float("inf")
    beside: tuple[tuple[str, float], ...] = ()
    ergas: float = float("inf")
    margin: float = 0.0

    @property
    def beaten(self) -> bool:
        """Whether a method without training does better on the held-out blocks, or as well beyond doubt."""
        return self.rival_ergas * (1 - self.margin) < min(self.after["ergas"], self.ergas)

    @property
    def method(self) -> Method:
        """See above."""
        problem = self.network.card.problem
        return rival_of(self.rival, problem) if self.beaten else mixed(self.network, self.beside)

    def __str__(self) -> str:
        start = f"{self.began} weights" if self.began == "random" else f"weights '{self.began}'"
        beside = "".join(f", with {weight:.2f} of {name}: {self.ergas:.3f}" for name, weight in self.beside)
        beside += f"; {self.rival} on the same blocks: {self.rival_ergas:.3f}" if self.rival else ""
        if not self.kept:
            gained = f" (found: {self.gained})" if self.gained else ""
            none = f"adapting {start} found nothing surely better than ERGAS {self.before['ergas']:.3f}"
            return f"{none} on held-out blocks{gained}{beside}"
        told = [f"{name} {self.before[name]:.3f} to {self.after[name]:.3f}" for name in self.before]
        took = f"{self.steps} steps"  # no seconds: this goes into files, and the same steps must give the same bytes
        figures = f"held-out {', '.join(told)}{' %' if len(told) > 1 else ''}, error {self.gained}"
        return f"{start} adapted to the scene in {took}: {figures}{beside}"


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
    before, (rival, of_rival, lost) = task.figures(start), task.rival(start)
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
        took = time.perf_counter() - began
        return Adapted(start, before, before, 0, took, header.name, False, rival=rival, rival_ergas=of_rival)
    found = Fitted(start.inner, Trained(module.eval(), header, start.trained.order))
    after, won = task.figures(found), task.gain(start, found)
    took = time.perf_counter() - began
    better = won.sure and task.decides and after.get("consistency", 0.0) <= before.get("consistency", 0.0)
    taken = found if better else start
    told = Adapted(
        found, before, after, result.steps, took, header.name, True, f"{won}", rival, of_rival, *task.together(taken),
        margin=task.margin(taken, lost),
    )  # fmt: skip
    if not better:
        return replace(told, network=start, after=before, kept=False)
    return replace(told, network=_adapted(found, str(told)))


def _adapted(found: Fitted, said: str) -> Fitted:
    """Weights that say how they were adapted."""
    header = found.trained.header
    header = replace(header, name="adapted to the scene", path="", card={**header.card, "adapted": said})
    return replace(found, trained=replace(found.trained, header=header))


def told(found: Adapted) -> dict[str, Any]:
    """What is kept of an adaptation, as plain data and arrays, until the product is whole."""
    state = found.network.trained.module.state_dict() if found.kept else {}
    return {
        "state": {name: value.detach().cpu().numpy() for name, value in state.items()}, "before": dict(found.before),
        "after": dict(found.after), **{name: getattr(found, name) for name in TOLD},
    }  # fmt: skip


def again(network: Network | Fitted, scene: Scene, kept: Mapping[str, Any]) -> Adapted:
    """An adaptation of an earlier run that did not come to its end; ``kept`` as :func:`told` gave it."""
    start, _ = beginning(network, observed(network, scene)[0])
    figures = {name: kept[name] for name in ("before", "after", *TOLD)}
    known = Adapted(start, **figures)
    if not known.kept:
        return known
    module = _copy(start)
    module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in kept["state"].items()})
    found = Fitted(start.inner, Trained(module.eval(), start.trained.header, start.trained.order))
    return replace(known, network=_adapted(found, str(known)))


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


def _copy(start: Fitted) -> nn.Module:
    """A module to train, the one it begins with untouched."""
    module = start.inner.net(Sizes(**start.trained.header.sizes))  # type: ignore[arg-type]
    module.load_state_dict(start.trained.module.state_dict())
    return module
