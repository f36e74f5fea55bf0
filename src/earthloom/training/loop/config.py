"""How a network is trained: one frozen set of fields, the same as keys of a TOML file, as flags and from Python."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

from earthloom.documents import toml
from earthloom.errors import FileError, InputError
from earthloom.machine import require_device_word
from earthloom.methods.fields import described, fits
from earthloom.small import small_text

PLACE = (
    "device",
    "devices",
    "nodes",
    "threads",
    "keep",
    "tensorboard",
)  # where and how it runs, not what comes out


@dataclass(frozen=True)
class Config:
    """How to train, whatever the network.

    Parameters
    ----------
    steps
        Updates of the weights.
    minutes
        Budget instead of ``steps``: the first steps are timed, and as many are made as fit. 0: ``steps`` decides.
    most_steps
        With ``minutes``: no more steps than this, however fast the computer; 0: as many as fit.
    batch
        Patches a step, over all devices together.
    patch
        Side of a patch in wanted pixels.
    augment
        ``full`` flips and turns (8 ways; data of the toolbox convention, whose geometry is not symmetric, are
        transposed alone); ``transpose``; ``none``.
    half_scale
        Also train on the scenes at half their resolution: more variety where scenes are few.
    three_scales
        Also train on cubes at 3/4 and at half of their resolution, as is usual (super-resolution alone).
    group
        Neighbouring bands of a cube in every patch, at random; 0 takes all (super-resolution alone).
    each_band
        One update for every band of a batch, in turn, the context of the band before taken as it is: CoarSR as
        published. Slower, and no better, than one update for all.
    optimiser
        ``adam``, ``adamw`` or ``rmsprop`` (which knows no ``beta1``).
    lr
        Learning rate after the warm-up. Larger learns faster until it diverges.
    beta1
        Decay of the optimiser's average of the gradient.
    beta2
        Decay of its average of the gradient's square.
    weight_decay
        Pull of the weights towards 0.
    warmup
        Steps over which the learning rate rises to ``lr``.
    schedule
        ``cosine`` falls to 0 at the last step, ``steps`` falls to a third at 1/2, 3/4 and 7/8 of them, ``halving`` to
        half every ``halve_every`` steps, ``constant``.
    halve_every
        Steps between halvings of ``halving``: so many epochs times the steps of one.
    clip
        Largest norm of the gradient; 0 does not clip.
    ema
        Decay of the running average of the weights that is validated and kept; 0 keeps the last weights.
    loss
        ``l1``, ``l2`` or ``charbonnier`` (smooth l1) between product and truth, normalised.
    seed
        Of the fresh weights and of every batch. The same seed gives the same run.
    precision
        ``32-true``, ``bf16-mixed`` or ``16-mixed``.
    channels_last
        Memory layout of images; faster for convolutions.
    validate_every
        Steps between validations; 0: a twentieth of all.
    checkpoint_every
        Steps between checkpoints; 0: at every validation.
    log_every
        Steps between rows of the log.
    patience
        Stop after so many validations without a better one; 0 never stops early.
    keep
        Checkpoints kept.
    device
        ``auto`` (cuda, else mps, else cpu), ``cpu``, ``cuda``, one of several such as ``cuda:1``, or ``mps``.
    devices
        Devices of this computer, or processes on a CPU; -1 takes all.
    nodes
        Computers.
    threads
        Threads of torch; 0 leaves them as they are.
    tensorboard
        Also write TensorBoard events, where tensorboard is installed.
    """

    steps: int = 2000
    minutes: float = 0.0
    most_steps: int = 0
    batch: int = 8
    patch: int = 64
    augment: Literal["full", "transpose", "none"] = "full"
    half_scale: bool = False
    three_scales: bool = False
    group: int = 0
    each_band: bool = False
    optimiser: Literal["adam", "adamw", "rmsprop"] = "adam"
    lr: float = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    warmup: int = 0
    schedule: Literal["cosine", "constant", "steps", "halving"] = "cosine"
    halve_every: int = 0
    clip: float = 1.0
    ema: float = 0.998
    loss: Literal["l1", "l2", "charbonnier"] = "l1"
    seed: int = 0
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    channels_last: bool = True
    validate_every: int = 0
    checkpoint_every: int = 0
    log_every: int = 10
    patience: int = 0
    keep: int = 2
    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    threads: int = 0
    tensorboard: bool = True

    def __post_init__(self) -> None:
        """Refuse what no run can mean.

        Raises
        ------
        InputError
            For a value of another type or outside its range.
        """
        _check(asdict(self))
        require_device_word(self.device)
        if ":" in self.device and self.devices != 1:
            raise InputError(f"device = {self.device} with devices = {self.devices}", "one of them")
        if (self.schedule == "halving") != (self.halve_every > 0):
            raise InputError(
                f"schedule = '{self.schedule}' with halve_every = {self.halve_every}",
                "schedule = 'halving' and the steps between halvings, or neither",
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """A configuration of keys and values.

        Raises
        ------
        InputError
            For a key that does not exist (the message names the nearest), or a value that a field does not take.
        """
        known = [field.name for field in fields(cls)]
        if "accelerator" in values:  # as it was called
            values = {**{k: v for k, v in values.items() if k != "accelerator"}, "device": values["accelerator"]}
        for key in values:
            if key not in known:
                raise InputError(f"no setting '{key}' of a training run", hint=closest_word(key, known))
        _check(values)
        return cls(**values)

    def same_run(self, other: Config) -> list[str]:
        """What differs between two configurations, apart from where they run; empty for the same run."""
        return [
            f"{f.name} {getattr(other, f.name)!r} there, {getattr(self, f.name)!r} here"
            for f in fields(self)
            if f.name not in PLACE and getattr(self, f.name) != getattr(other, f.name)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


_AT_LEAST = {
    "steps": 1, "batch": 1, "patch": 4, "warmup": 0, "clip": 0, "minutes": 0, "most_steps": 0, "seed": 0,
    "validate_every": 0, "checkpoint_every": 0, "log_every": 1, "patience": 0, "keep": 1, "devices": -1, "nodes": 1,
    "threads": 0, "weight_decay": 0, "group": 0, "halve_every": 0,
}  # fmt: skip
_RANGES = {name: (low, math.inf) for name, low in _AT_LEAST.items()} | {
    "lr": (1e-12, 10.0), "beta1": (0.0, 0.9999), "beta2": (0.0, 0.999999), "ema": (0.0, 0.99999),
}  # fmt: skip


def _check(values: Mapping[str, Any]) -> None:
    """Types and ranges of some fields."""
    hints = get_type_hints(Config)
    for name, value in values.items():
        if not fits(value, hints[name]):
            raise InputError(f"{name} = {value!r}", described(hints[name]))
        low, high = _RANGES.get(name, (-math.inf, math.inf))
        if hints[name] in (int, float) and not low <= value <= high:
            expected = f"at least {low:g}" if math.isinf(high) else f"{low:g} to {high:g}"
            raise InputError(f"{name} = {value:g}", expected)
    if values.get("devices") == 0:
        raise InputError("devices = 0", "at least 1, or -1 for all")


def closest_word(word: str, known: list[str]) -> str:
    """The hint for a word that is not known."""
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


TABLES = ("run", "network")  # beside the fields of Config: what is trained on what, and the network's own fields


def read_toml(path: str | Path) -> dict[str, Any]:
    """A run's file: fields of :class:`Config`, and the tables ``[run]`` (method, data ...) and ``[network]``.

    Raises
    ------
    FileError
        If it cannot be read as TOML, or a table has another name.
    """
    path = Path(path)
    try:
        found = toml(small_text(path))
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read ({error})", "a TOML file") from error
    except ValueError as error:
        raise FileError(f"{path} is no TOML ({error})", "lines such as lr = 0.002") from error
    for key, value in found.items():
        if isinstance(value, dict) != (key in TABLES):
            kind = f"the table [{key}]" if isinstance(value, dict) else f"{key} = {value!r}"
            raise FileError(f"{kind} in {path.name}", "settings, and the tables [run] and [network]")
    return found
