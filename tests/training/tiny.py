"""A tiny network and job that the tests of training share, also with the processes they start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from earthloom.training.loop.loop import Config, Supervised
from earthloom.training.loop.patches import Patches, Sample
from earthloom.training.loop.task import hold
from earthloom.weights.header import Header

HEADER = Header("pansharpening/tiny", {"width": 6}, {"bands": 3, "guide": 1, "ratio": 2.0, "extra": 0}, "landsat7",
                ("blue", "green", "red"), card={"data": "random", "licence": "CC0-1.0"})  # fmt: skip


class Tiny(nn.Module):
    """Two convolutions and a dropout, beginning as the base."""

    def __init__(self, width: int = 6, dropout: float = 0.1) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(4, width, 3, padding=1), nn.Conv2d(width, 3, 3, padding=1)
        self.drop = nn.Dropout(dropout)
        nn.init.zeros_(self.last.weight)

    def forward(self, guide: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
        """Add what is learnt."""
        return base + self.last(self.drop(torch.relu(self.first(torch.cat([guide, base], 1)))))


def tiny(dropout: float = 0.1) -> Tiny:
    """The same fresh weights every time."""
    torch.manual_seed(7)
    return Tiny(dropout=dropout)


def sample(seed: int = 0, side: int = 48, hole: bool = False) -> Sample:
    """A scene: the truth is smooth noise, the guide its mean, the base its blocks of 2 x 2."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(3, side, side)).astype(np.float32)
    truth = (truth + np.roll(truth, 1, 1) + np.roll(truth, 1, 2)) / 2
    blocks = truth.reshape(3, side // 2, 2, side // 2, 2).mean(axis=(2, 4))
    found = {"guide": truth.mean(axis=0, keepdims=True), "base": blocks.repeat(2, 1).repeat(2, 2)}
    if hole:
        truth[:, 8:20, 8:30] = np.nan
    return {**found, "truth": truth}


def job(hole: bool = False, held: bool = True) -> Supervised:
    """Four scenes to learn from and one held out."""
    scenes = [sample(seed, hole=hole) for seed in range(4)]
    last = [hold(sample(9), "ninth", mean=10.0, std=2.0, ratio=2)] if held else []
    return Supervised(Patches(scenes, patch=16, multiple=2), last)


def config(**changes: object) -> Config:
    """A run of a second."""
    own = {"steps": 40, "batch": 4, "patch": 16, "lr": 1e-2, "log_every": 1, "validate_every": 10, "threads": 1,
           "tensorboard": False, "device": "cpu"}  # fmt: skip
    return Config.of({**own, **changes})


def rows(folder: Path) -> list[str]:
    """The lines of a log without the seconds that they took."""
    lines = [line.split(",") for line in (folder / "log.csv").read_text().splitlines()]
    at = lines[0].index("seconds")
    return [",".join(line[:at] + line[at + 1 :]) for line in lines]
