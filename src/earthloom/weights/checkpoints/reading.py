"""Which network a checkpoint of others holds, and the same as weights of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earthloom.errors import FileError
from earthloom.weights.checkpoints import adwm, coarsr, dlpan, panbench
from earthloom.weights.checkpoints.pickled import state_of
from earthloom.weights.header import Header

SUFFIXES = (".pth", ".pt", ".ckpt")
NOTHING = np.float32(1e-30)  # below it is no weight: processors take up to 75 times as long over such numbers as over 0
KNOWN = (dlpan, panbench, adwm, coarsr)


def read_checkpoint(name: str | Path) -> tuple[Header, dict[str, np.ndarray]]:
    """A checkpoint as header and tensors of ours; the network is told by names and shapes.

    Parameters
    ----------
    name
        ``.pth``, ``.pt`` or ``.ckpt``, from one GPU, several (``module.`` before every name) or none.

    Raises
    ------
    FileError
        If it cannot be read without running code that it holds, or is of no network that is known.
    """
    path = Path(name)
    state = state_of(path)
    for source in KNOWN:
        if source.recognised(state):
            header, tensors = source.converted(path, state)
            return header, {key: np.where(np.abs(value) < NOTHING, 0, value) for key, value in tensors.items()}
    first = ", ".join(f"{key} {'x'.join(map(str, value.shape))}" for key, value in list(state.items())[:3])
    raise FileError(
        f"{path.name} holds {len(state)} tensors of no network that is known ({first}, ...)",
        "; ".join(source.HOLDS for source in KNOWN), "docs/checkpoints.md tells which files there are",
    )  # fmt: skip
