"""Scenes for the contract battery."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.physics.resample import imresize
from earthloom.types import Band, Observation, View
from tests.network_files import network_in_a_file

_KEPT = tempfile.TemporaryDirectory(prefix="earthloom-networks-")  # of this process
FILES = Path(_KEPT.name)


def make_scene(
    ratio: float = 4, offset: float | None = None, coarse: tuple[int, int] = (56, 47), bands: int = 4, seed: int = 3
) -> Observation:
    """A textured scene whose bands follow PAN to different degrees; grid sides are ragged."""
    rng = np.random.default_rng(seed)
    shape = (int(coarse[0] * ratio) - 3, int(coarse[1] * ratio) - 5)
    texture = imresize(rng.normal(size=(bands + 1, shape[0] // 3 + 2, shape[1] // 3 + 2)), 3)[:, : shape[0], : shape[1]]
    pan = 900 + 150 * texture[:1] + 25 * rng.normal(size=(1, *shape))
    share = [0.9 - 0.15 * (b % 5) for b in range(bands)]
    mixed = np.stack([500 + 60 * b + share[b] * (pan[0] - 900) + 40 * texture[b + 1] for b in range(bands)])
    ms = np.stack([imresize(band[None], 1 / ratio)[0] for band in mixed])
    offset = (ratio - 1) / 2 if offset is None else offset
    views = {
        "pan": View(pan.astype(np.float32), np.ones(shape, bool), (Band("pan", mtf_nyquist=0.15),)),
        "ms": View(
            ms.astype(np.float32), np.ones(ms.shape[1:], bool),
            tuple(Band(f"b{i}", mtf_nyquist=0.26 + 0.02 * (i % 4)) for i in range(bands)),
            (float(ratio),) * 2, (offset,) * 2,
        ),
    }  # fmt: skip
    return Observation(views, shape)


def method_for(name: str, obs: Observation, problem: str = "pansharpening") -> Method:
    """A method ready to run; a network with random weights, none of them zero, whatever the bands and the ratio.

    No eight looks, whose mean keeps every law that one look keeps (``test_the_looks_of_an_ensemble_are_made_once``).
    """
    kind = catalog.find(name, problem)
    fields = {"peak": 2047.0} if not getattr(kind, "relative", True) else {}
    method = catalog.make(name, problem, **fields, **({"ensemble": False} if getattr(kind, "ensemble", False) else {}))
    if method.card.family != "network":
        return method
    if hasattr(method, "file"):
        return network_in_a_file(name, obs, problem, FILES)
    import torch

    fitted = method.fresh(obs)  # type: ignore[attr-defined]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in fitted.trained.module.parameters():
            if not parameter.any():
                parameter.copy_(0.02 * torch.randn(parameter.shape, generator=generator))
    return fitted


@pytest.fixture(scope="session")
def scene() -> Observation:
    return make_scene()
