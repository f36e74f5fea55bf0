"""What tests of adversarial training run, in processes of their own too: python -m tests.training.rival FOLDER N."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from earthloom.methods.networks.teaching import Teaching
from earthloom.training.lessons.adversarial import Lessons
from earthloom.training.loop.loop import Config, fit
from earthloom.training.loop.patches import Patches
from earthloom.training.loop.task import hold
from tests.training.child import slow
from tests.training.tiny import HEADER, config, sample, tiny

TEACHING: dict[str, Any] = {
    "critic": "hinge", "adversarial": 0.05, "critic_width": 2, "alone": 3, "structure": 0.05, "critic_rate": 0.5,
}  # fmt: skip


def lessons(**changes: Any) -> Lessons:
    """Four scenes with holes to learn from and one held out."""
    patches = Patches([sample(seed, hole=True) for seed in range(4)], patch=16, multiple=2)
    held = [hold(sample(9), "ninth", mean=10.0, std=2.0, ratio=2)]
    return Lessons(patches, held, teaching=Teaching(**{**TEACHING, **changes}), bands=3)


def settings(**changes: object) -> Config:
    """A run of a second."""
    return config(**{"steps": 60, **changes})


if __name__ == "__main__":
    folder, devices = Path(sys.argv[1]), int(sys.argv[2])
    if devices == 1:
        fit(tiny(), lessons(), settings(), folder, HEADER, progress=slow)
    else:  # no dropout: its draws belong to a process, not to a batch
        fit(tiny(0.0), lessons(), settings(steps=12, devices=devices), folder, HEADER)
