"""CoarSR as its authors saved it, folded into plain convolutions.

Their convolutions are weight-normed, ``w = g v / |v|``, and those of the residual blocks have a batch norm behind
them; both fold away, ``w' = w a / sqrt(var + e)`` with batch norm's a and b, ``bias' = (bias - mean) a / sqrt(var + e)
+ b``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from earthloom.errors import FileError
from earthloom.weights.header import Header

EPSILON = 1e-5  # of torch's batch norm
HOLDS = "CoarSR of its authors' train.py (MCNet, SFCSR, ERCSR have other layers)"
NUMBERS = {"one": 0, "two": 1, "three": 2}
UPSAMPLING = {(4,): 2, (4, 4): 4, (4, 4, 4): 8, (9,): 3}  # growth of the features: ratio


def recognised(state: Mapping[str, np.ndarray]) -> bool:
    """Whether tensors are a CoarSR's."""
    return "gamma_rnn" in state


def converted(path: Path, state: Mapping[str, np.ndarray]) -> tuple[Header, dict[str, np.ndarray]]:
    """Header and tensors of our CoarSR.

    Raises
    ------
    FileError
        If layers are missing.
    """
    try:
        tensors = _renamed({name: value.astype(np.float64) for name, value in state.items()})
        width = tensors["heads.0.weight"].shape[0]
        found = {re.match(r"rounds\.0\.left\.0\.(\d+)", name) for name in tensors}
        blocks = len({match.group(1) for match in found if match})
        growth = [v.shape[0] // width for k, v in sorted(tensors.items()) if re.fullmatch(r"tail\.\d+\.weight", k)]
        ratio = UPSAMPLING[tuple(growth[:-1])]
    except (KeyError, IndexError, ValueError) as wrong:
        raise FileError(
            f"{path.name} is no CoarSR ({wrong})", "a checkpoint of the authors' train.py",
            "other networks of theirs (MCNet, SFCSR, ERCSR) have other layers",
        ) from wrong  # fmt: skip
    fields = {"width": width, "blocks": blocks, "bias": True, "batch_norm": False, "direct": False}
    card = {"data": "the authors'", "licence": "none stated", "origin": f"imported from {path.name}"}
    sizes = {"bands": 0, "guide": 0, "ratio": float(ratio), "extra": 0}
    header = Header("superresolution/coarsr", fields, sizes, card=card, name=path.stem, path=str(path))
    return header, {name: value.astype(np.float32) for name, value in tensors.items()}


def _renamed(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Their layers under our names."""
    found: dict[str, np.ndarray] = {"gamma_rnn": state["gamma_rnn"]}

    def put(ours: str, theirs: str) -> None:
        weight, bias = _convolution(state, theirs)
        found[f"{ours}.weight"], found[f"{ours}.bias"] = weight, bias

    for word, k in NUMBERS.items():
        put(f"heads.{k}", f"head_group_{word}")
    for word, k in (("one", 0), ("two", 1)):
        intra, ours = f"GFM_intra_{word}", f"rounds.{k}"
        for gamma in ("gamma", "gamma_inter"):
            found[f"{ours}.{gamma}"] = state[f"{intra}.{gamma}"]
        for other, j in NUMBERS.items():
            put(f"{ours}.fuse.{j}", f"{intra}.fusion_{other}.0")
            for side in ("left", "right"):
                stack = f"{intra}.{side}_{other}_body.body.0"
                for b in _counted(state, stack):
                    put(f"{ours}.{side}.{j}.{b}.first", f"{stack}.{b}.body.0")
                    put(f"{ours}.{side}.{j}.{b}.second", f"{stack}.{b}.body.3")
        for name in ("spatial", "spatial_one", "spectral"):
            put(f"{ours}.{name}", f"GFM_inter_{word}.threeunit.{name}")
    for ours, theirs in (("reduce", "last_reduceD.0"), ("mix", "conv.0"), ("context", "rnn_reduceD.0")):
        put(ours, theirs)
    chain = _counted(state, "tail.0")
    for k in chain:
        put(f"tail.{k}", f"tail.0.{k}")
    put(f"tail.{2 * len(chain)}", "tail.1")
    return found


def _counted(state: Mapping[str, np.ndarray], stem: str) -> list[int]:
    """The numbers that follow a name."""
    matches = (re.match(re.escape(stem) + r"\.(\d+)\.", name) for name in state)
    found = sorted({int(match.group(1)) for match in matches if match})
    if not found:
        raise KeyError(stem)
    return found


def _convolution(state: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a layer, weight norm and the batch norm behind it folded in, its depth flattened."""
    if f"{name}.weight_v" in state:
        g, v = state[f"{name}.weight_g"], state[f"{name}.weight_v"]
        norm = np.sqrt(np.square(v).reshape(len(v), -1).sum(1)).reshape(g.shape)
        weight = v * (g / norm)
    else:
        weight = state[f"{name}.weight"]
    bias = state[f"{name}.bias"]
    if weight.ndim == 5 and weight.shape[2] == 1:  # over the pixels of each group
        weight = weight[:, :, 0]
    elif weight.ndim == 5:  # across the three groups, which lie one behind the other
        weight = weight[:, :, :, 0, 0].transpose(0, 2, 1).reshape(len(weight), -1, 1, 1)
    stem, _, number = name.rpartition(".")
    norm_name = f"{stem}.{int(number) + 1}" if number.isdigit() else ""
    if f"{norm_name}.running_var" in state:
        scale = state[f"{norm_name}.weight"] / np.sqrt(state[f"{norm_name}.running_var"] + EPSILON)
        bias = (bias - state[f"{norm_name}.running_mean"]) * scale + state[f"{norm_name}.bias"]
        weight = weight * scale.reshape(-1, 1, 1, 1)
    return weight, bias
