"""One training loop for every network of every problem.

The loop knows no problem: a :class:`Task` gives batches, a loss and figures, a :class:`Learner` turns a batch into an
update of the weights. Batch, learning rate and seed of step i are pure functions of i, so a checkpoint needs no
generator's state, a killed run goes on as if nothing had happened, and n processes do what one does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from earthloom.engine.talk import Progress, silent
from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.training.loop import log as trainlog
from earthloom.training.loop.checkpoint import Checkpoints, check_same
from earthloom.training.loop.config import Config as Config
from earthloom.training.loop.devices import borrowed, launched, part, seed
from earthloom.training.loop.learner import Learner, learning_rate
from earthloom.training.loop.resident import batches, held_on
from earthloom.training.loop.task import Supervised as Supervised
from earthloom.training.loop.task import Task as Task
from earthloom.training.loop.task import better
from earthloom.weights.header import Header

VALIDATIONS = 20  # of a run that does not say how often
TIMED = 20  # steps that are timed for a budget in minutes
TIMED_SHARE = 0.1  # at most this share of the budget goes into timing


class DivergedError(EarthloomError):
    """A loss that is no longer a number."""


@dataclass(frozen=True)
class Result:
    """What a run came to; the module that was passed in holds the best weights."""

    steps: int
    best_step: int
    seconds: float
    figures: dict[str, float] = field(default_factory=dict)
    beside: dict[str, float] = field(default_factory=dict)
    folder: Path | None = None
    rank: int = 0


@dataclass
class Place:
    """Where a run is."""

    step: int = 0
    steps: int = 0
    every: int = 1  # steps between validations
    seconds: float = 0.0
    best_step: int = 0
    stale: int = 0  # validations since the best one
    figures: dict[str, float] = field(default_factory=dict)  # of the best


def fit(
    module: nn.Module,
    task: Task,
    config: Config | None = None,
    folder: str | Path | None = None,
    header: Header | None = None,
    about: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: Progress = silent,
    say: Callable[[str], None] | None = None,
    overwrite: bool = False,
    checkpoints: Path | None = None,
    since: float | None = None,
) -> Result:
    """Train a network.

    Parameters
    ----------
    module
        The network; called as ``module(**inputs)``. It holds the best weights when this returns.
    task
        Batches, loss and figures: :class:`Supervised` for pairs.
    config
        How; the defaults without one.
    folder
        Where the run leaves its settings, log, checkpoints, pictures, weights and card. A folder that holds the same
        run goes on where it stopped. None leaves nothing.
    header
        What the weights are for (method, fields, sizes, sensor, bands), and what the user tells about the data.
    about
        Tables to write beside the settings in ``config.toml``.
    resume
        Fail when there is nothing to go on from.
    progress, say
        Told after every step; told a line at every validation.
    overwrite
        Begin anew in a folder that holds a run. That run goes when this one is whole: its weights and card stay until
        then, the rest lies in ``.before-1``, and comes back where this one does not come to its first checkpoint.
    checkpoints
        Without ``folder``: where checkpoints alone are kept, to go on from.
    since
        When the budget in minutes began, by :func:`time.perf_counter`; now, where it is None.

    Raises
    ------
    InputError
        If the batch does not divide among the devices, or the folder holds another run.
    DivergedError
        If the loss is no longer finite; the message names step and rate.
    FileError
        If the folder cannot be written, or its checkpoints cannot be read.
    """
    config, header = config or Config(), header or Header(type(module).__name__, {}, {})
    fabric = launched(config)
    try:
        with borrowed(config.threads):
            run = TrainingRun(fabric, module, task, config, Path(folder) if folder is not None else None, header)
            run.progress, run.say = (progress, say) if fabric.is_global_zero else (silent, None)
            if checkpoints is not None and fabric.is_global_zero:
                run.saved = Checkpoints(checkpoints, config.keep)
            run.spent = 0.0 if since is None else time.perf_counter() - since
            with closing(run):
                run.begin(about or {}, resume, overwrite)
                run.train()
                return run.finish()
    finally:
        part(fabric)


class TrainingRun:
    """One run: where it is, what it writes, when it validates."""

    def __init__(
        self, fabric: Any, module: nn.Module, task: Task, config: Config, path: Path | None, header: Header
    ) -> None:
        if config.batch % fabric.world_size:
            raise InputError(f"a batch of {config.batch} on {fabric.world_size} processes", "a multiple of them")
        self.fabric, self.task, self.config, self.header = fabric, task, config, header
        self.learner = getattr(task, "learner", Learner)(fabric, module, config)  # a task may bring its own
        self.resident = held_on(fabric.device, task.patches)
        self.place = Place()
        self.best: dict[str, Tensor] = {}
        mine = path if fabric.is_global_zero else None  # the first process writes
        self.folder = trainlog.RunFolder(mine, config.tensorboard) if mine else None
        self.saved = Checkpoints(mine / "checkpoints", config.keep) if mine else None
        self.progress: Progress = silent
        self.say: Callable[[str], None] | None = None
        self.spent = 0.0  # seconds of the budget, before it began
        self._since: list[dict[str, Tensor]] = []
        self._began = time.perf_counter()

    def begin(self, about: Mapping[str, Any], resume: bool, overwrite: bool = False) -> None:
        """Start, or go on from the newest checkpoint."""
        state = self.fabric.broadcast(self.saved.latest() if self.saved and not overwrite else None)
        if state is not None:
            self._go_on(state, about)
        elif resume:
            raise FileError("no checkpoint to resume from", "a folder with an unfinished run", "leave out `resume`")
        self.about = dict(about)
        if state is None:
            self._start(overwrite)
            return
        if self.folder is not None:
            self.folder.begin(self.config, about, self.place.step)
        done = self.place.step == self.place.steps
        self._tell("finished before" if done else f"going on from step {self.place.step:,} of {self.place.steps:,}")

    def _start(self, overwrite: bool) -> None:
        """Come to the first checkpoint; where that cannot be, leave the folder as it was."""
        try:
            if self.folder is not None:
                self.folder.begin(self.config, self.about, 0, overwrite)
            beside = self.task.beside() if self.fabric.is_global_zero else {}
            self._tell(f"no fusion: {_line(beside)}" if beside else "")
            began = time.perf_counter()
            row = {"step": 0, **self._validate()}
            self._plan(time.perf_counter() - began)
            if len(row) > 1:
                self._write(row)
            self._save()
        except BaseException:
            if self.folder is not None:
                self.folder.withdraw()
            raise

    def _go_on(self, state: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        """Take back what a checkpoint holds."""
        check_same(state, self.header.method, self.header.fields, self.header.sizes)
        differs = self.config.same_run(Config.of(state["config"])) + _differing(state["about"], about)
        if differs:
            raise InputError(
                f"the folder holds a run with other settings ({'; '.join(differs)})", "the same run",
                "choose another folder, or go on with the settings of that run",
            )  # fmt: skip
        self.learner.restore(state)
        self.place = Place(**state["place"])
        self.best = state["best"]

    def _plan(self, validation_s: float) -> None:
        """How many steps there will be, and how often they are validated."""
        config, place = self.config, self.place
        place.steps, validations = config.steps, VALIDATIONS
        if config.minutes:
            budget = max(60 * config.minutes - self.spent, 1)
            each, spent = self._time(TIMED_SHARE * budget)
            if config.validate_every:
                each, validations = each + validation_s / config.validate_every, 0
            else:
                validations = min(max(int(0.2 * budget / max(validation_s, 1e-9)), 1), VALIDATIONS)
            left = budget - spent - (1 + validations) * validation_s
            steps = max(int(left / each), 1)
            place.steps = self.fabric.broadcast(min(steps, config.most_steps or steps))
            self._tell(f"{each:.3g} s a step: {place.steps:,} steps in {config.minutes:g} minutes")
        place.every = self.fabric.broadcast(config.validate_every or -(-place.steps // validations))

    def _time(self, limit_s: float) -> tuple[float, float]:
        """Seconds that a step takes, and seconds spent on finding out; the weights stay as they were."""
        kept, began, times = deepcopy(self.learner.state()), time.perf_counter(), []
        with closing(self._batches(0, TIMED)) as batches:
            last = began
            for step, batch in enumerate(batches):
                self.learner.update(self.task, batch, step, self.config.lr)["loss"].item()
                now = time.perf_counter()
                times.append(now - last)
                last = now
                if self.fabric.broadcast(step > 3 and now - began > limit_s):
                    break
        self.learner.restore(kept)
        return float(np.median(times[len(times) // 4 :])), time.perf_counter() - began

    def train(self) -> None:
        """Every step that is left."""
        config, place, learner = self.config, self.place, self.learner
        with closing(self._batches(place.step, place.steps)) as batches:
            for batch in batches:
                if config.patience and place.stale >= config.patience:
                    self._tell(f"stopped at step {place.step:,}: {place.stale} validations without a better one")
                    break
                seed(config.seed, place.step, self.fabric)
                rate = learning_rate(config, place.step, place.steps)
                self._since.append(learner.update(self.task, batch, place.step, rate))
                place.step += 1
                self._after(rate)
                self.progress("training", place.step, place.steps)

    def _after(self, rate: float) -> None:
        """What is due after a step: a row, a validation, a checkpoint."""
        config, place = self.config, self.place
        validate = place.step == place.steps or place.step % place.every == 0
        save = place.step % config.checkpoint_every == 0 if config.checkpoint_every else validate
        save = save or place.step == place.steps
        if not (validate or save or place.step % config.log_every == 0):
            return
        row = self._row(rate)
        if validate:
            row |= self._validate(f"loss {row['loss']:.4g}")
        self._write(row)
        if save:
            self._save()

    def _row(self, rate: float) -> dict[str, float]:
        """Means over the steps since the last row.

        Raises
        ------
        DivergedError
            If the loss of one of them is not finite.
        """
        place, names = self.place, list(self._since[0])
        values = torch.stack([torch.stack([row[name].float() for name in names]) for row in self._since])
        if self.fabric.world_size > 1:
            values = self.fabric.all_reduce(values, reduce_op="mean")
        table = values.double().cpu().numpy()
        bad = np.flatnonzero(~np.isfinite(table[:, 0]))
        if len(bad):
            step = place.step - len(table) + int(bad[0])
            rate = learning_rate(self.config, step, place.steps)
            raise DivergedError(
                f"the loss is {table[bad[0], 0]} at step {step + 1} with a learning rate of {rate:.3g}", "a number",
                "a smaller lr, a warm-up, clip = 1; or values in the data that are not finite",
            )  # fmt: skip
        self._since = []
        place.seconds, self._began = self.seconds, time.perf_counter()
        means = dict(zip(names, table.mean(axis=0).tolist(), strict=True))
        return {"step": place.step, "lr": rate, **means, "seconds": round(place.seconds, 3)}

    def _validate(self, loss: str = "") -> dict[str, float]:
        """Figures of the network as it is; the best is kept."""
        task, place, answer = self.task, self.place, self.learner.answer
        figures: dict[str, float] = {}
        if self.fabric.is_global_zero:
            answer.eval()
            with self.fabric.autocast():
                figures = task.validate(answer)
            if answer is self.learner.module:
                answer.train()
            if self.folder is not None:
                self.folder.picture(place.step, task.picture())
        figures = self.fabric.broadcast(figures)
        if not figures:
            self._tell(f"step {place.step:,}: {loss}" if loss else "")
            return {}
        if task.figure not in figures:
            raise InputError(f"no figure '{task.figure}' to choose the best weights", f"one of {', '.join(figures)}")
        if not self.best or better(task.figure, figures[task.figure], place.figures[task.figure]):
            self.best = _copied(answer)
            place.best_step, place.stale, place.figures = place.step, 0, figures
        else:
            place.stale += 1
        best = " (best)" if place.stale == 0 else f" (best {place.figures[task.figure]:.4g} at {place.best_step:,})"
        self._tell(f"step {place.step:,}: {loss}{', ' if loss else ''}{_line(figures)}{best}")
        return {f"val_{name}": value for name, value in figures.items()}

    def _batches(self, first: int, last: int) -> Generator[dict[str, Tensor]]:
        """This process's part of the batches of the steps."""
        config = self.config
        return batches(
            self.task.patches, range(first, last), config.batch, config.seed, self.fabric, config.channels_last,
            self.resident,
        )  # fmt: skip

    def _write(self, row: Mapping[str, float]) -> None:
        if self.folder is not None:
            self.folder.row(row)

    def _save(self) -> None:
        """Write a checkpoint."""
        if self.saved is None:
            return
        header = self.header
        self.saved.save(
            self.place.step,
            {
                "method": header.method, "fields": dict(header.fields), "sizes": dict(header.sizes),
                "config": self.config.as_dict(), "about": self.about, "place": asdict(self.place), "best": self.best,
                **self.learner.state(),
            },
        )  # fmt: skip

    @property
    def seconds(self) -> float:
        """Time spent so far, over all starts."""
        return self.place.seconds + time.perf_counter() - self._began

    def _tell(self, line: str) -> None:
        if self.say is not None and line:
            self.say(line)

    def finish(self) -> Result:
        """Keep the best weights: in the module, and in the folder with their card."""
        place, learner = self.place, self.learner
        if not self.best:  # nothing was held out
            self.best, place.best_step = _copied(learner.answer), place.step
        learner.module.load_state_dict(self.best)
        learner.module.eval().cpu()
        beside = self.task.beside() if place.figures and self.fabric.is_global_zero else {}
        result = Result(place.step, place.best_step, self.seconds, place.figures, beside)
        if self.folder is None:
            return replace(result, rank=self.fabric.global_rank)
        device = self.fabric.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else trainlog.processor()
        card = {
            "steps": place.step, "best_step": place.best_step, "seconds": round(result.seconds, 1),
            "hardware": f"{self.fabric.world_size} x {name}", "figures": place.figures, "no_fusion": beside,
            "parameters": sum(p.numel() for p in learner.module.parameters()),
        }  # fmt: skip
        tensors = {key: value.numpy() for key, value in self.best.items()}
        self.folder.finish(self.header, tensors, card, {"no fusion": beside, "this network": place.figures})
        return replace(result, folder=self.folder.path)

    def close(self) -> None:
        """Close the files."""
        if self.folder is not None:
            self.folder.close()


def _copied(module: nn.Module) -> dict[str, Tensor]:
    """The weights on the CPU, on their own."""
    copy = torch.contiguous_format
    return {key: value.detach().cpu().clone(memory_format=copy) for key, value in module.state_dict().items()}


def _line(figures: Mapping[str, float]) -> str:
    """Figures in a line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def _differing(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """What two runs were told differently about their data."""
    flat = [{k: v for table in about.values() for k, v in table.items()} for about in (theirs, ours)]
    return [f"another {key}" for key in sorted({*flat[0], *flat[1]}) if flat[0].get(key) != flat[1].get(key)]
