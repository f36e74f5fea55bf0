"""What the tests run in processes of their own: python -m tests.training.child FOLDER [DEVICES]."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from earthloom.training.loop.loop import fit
from tests.training.tiny import HEADER, config, job, tiny


def slow(stage: str, done: int, total: int) -> None:
    """Time for a signal to arrive, before step 50 if need be."""
    time.sleep(0.002 if done < 50 else 600)


if __name__ == "__main__":
    folder, devices = Path(sys.argv[1]), int(sys.argv[2])
    if devices == 1:
        fit(tiny(), job(hole=True), config(steps=60), folder, HEADER, progress=slow)
    else:  # no dropout: its draws belong to a process, not to a batch
        fit(tiny(0.0), job(hole=True), config(steps=12, devices=devices), folder, HEADER)
