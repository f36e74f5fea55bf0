"""Networks of ADWM: plain tensors of WorldView-3's eight bands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from earthloom.errors import FileError
from earthloom.weights.checkpoints.dlpan import BANDS
from earthloom.weights.header import Header

HOLDS = "FusionNet or LGPNet of ADWM"
MARK = "bw_output.global_covblock.cov_mlp.0.weight"
TOLD = {"layers.0.conv20.weight": "fusionnet", "layers.0.conv1.point_wise.weight": "lgpnet"}
UNUSED = ("bw_output.temperature",)  # a tensor that the released program does not know
CARD = {
    "data": "WorldView-3 of PanCollection, the authors'",
    "licence": "MIT, Jie-1203/ADWM. Not part of Earthloom",
    "source": "github.com/Jie-1203/ADWM",
    "not_for": "other sensors; on a WorldView-3 scene of another collection a classical method was better",
}


def recognised(state: Mapping[str, np.ndarray]) -> bool:
    """Whether tensors are of a network with ADWM's weighting."""
    return MARK in state


def converted(path: Path, state: Mapping[str, np.ndarray]) -> tuple[Header, dict[str, np.ndarray]]:
    """Header and tensors.

    Raises
    ------
    FileError
        For LAGConv, or another number of bands.
    """
    if "raise_dim.0.attention1.0.weight" in state:
        raise FileError(
            f"{path.name}, LAGConv of ADWM, whose thirteen layers each take a mean over the whole image", HOLDS,
            "no tile of it is the whole; its released program and weights differ besides",
        )  # fmt: skip
    network = next((TOLD[name] for name in TOLD if name in state), None)
    first = state.get("raise_dim.0.weight" if network == "fusionnet" else "raise_dim.0.point_wise.weight", np.zeros(0))
    seen = {"fusionnet": 8, "lgpnet": 9}.get(str(network))
    if seen is None or first.ndim != 4 or first.shape[1] != seen:
        raise FileError(f"{path.name} is no network of ADWM for eight bands", HOLDS)
    tensors = {key: np.asarray(value, np.float32) for key, value in state.items() if key not in UNUSED}
    names, centres = zip(*BANDS[8], strict=True)
    card = {**CARD, "origin": f"imported from {path.name}", "parameters": sum(v.size for v in tensors.values())}
    sizes, fields = {"bands": 8, "guide": 1, "ratio": 4.0, "extra": 0}, {"network": network}
    header = Header(
        "pansharpening/adwm", fields, sizes, "WorldView-3", names, centres, "toolbox", card, path.stem, str(path)
    )
    return header, tensors
