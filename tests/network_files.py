"""Small networks of nobody in files: a convolution of what is stacked, behind a second one, by onnx and by torch."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.types import Observation

ROLES = {"pansharpening": ("pan", "ms"), "sharpening": ("fine", "coarse"), "superresolution": ("", "hs")}
REACH = 3  # of a 5 x 5 and a 3 x 3 convolution


def weights(seen: int, found: int) -> tuple[np.ndarray, np.ndarray]:
    """Of both convolutions: nearly the first bands as they are, with something of all around."""
    rng = np.random.default_rng(5)
    first = rng.normal(size=(found, seen, 5, 5)).astype(np.float32) * 0.01
    first[range(found), range(found), 2, 2] += 1
    second = rng.normal(size=(found, found, 3, 3)).astype(np.float32) * 0.01
    second[range(found), range(found), 1, 1] += 1
    return first, second


def onnx_network(
    path: Path, seen: int, found: int, name: str = "x", told: Mapping[str, Any] | None = None, side: int | None = None
) -> Path:
    """``conv3(relu(conv5(x)))`` as a graph; ``told`` is what it says about itself."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    tensors = [numpy_helper.from_array(w, f"w{n}") for n, w in enumerate(weights(seen, found))]
    size = ["y", "x_"] if side is None else [side, side]
    nodes = [
        helper.make_node("Conv", [name, "w0"], ["a"], pads=[2] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["out"], pads=[1] * 4),
    ]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", seen, *size])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", found, *size])], tensors,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if told is not None:
        model.metadata_props.add(key="earthloom_graph", value=json.dumps(told))
    onnx.save_model(model, path)
    return path


def script_network(path: Path, seen: int, found: int) -> Path:
    """The same as a program of torch, traced."""
    import torch
    from torch import nn

    first, second = weights(seen, found)
    net = nn.Sequential(nn.Conv2d(seen, found, 5, padding=2, bias=False), nn.ReLU(),
                        nn.Conv2d(found, found, 3, padding=1, bias=False))  # fmt: skip
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        net[0].weight.copy_(torch.from_numpy(first))  # type: ignore[operator]
        net[2].weight.copy_(torch.from_numpy(second))  # type: ignore[operator]
        torch.jit.save(torch.jit.trace(net.eval(), torch.zeros(1, seen, 16, 16)), path)
    return path


def network_in_a_file(name: str, obs: Observation, problem: str, folder: Path) -> Method:
    """A method ``onnx`` or ``torchscript`` for a scene, ready."""
    sharp, coarse = ROLES[problem]
    bands = len(obs[coarse].bands)
    seen = bands + (len(obs[sharp].bands) if sharp else 0)
    inputs = f"{coarse}_up+{sharp}" if sharp else f"{coarse}_up"
    made, more = (onnx_network, {}) if name == "onnx" else (script_network, {"trust": True})
    path = folder / f"{problem}_{seen}_{bands}.{name}"
    if not path.is_file():
        made(path, seen, bands)
    return catalog.make(name, problem, file=str(path), inputs=inputs, scaling="moments", **more).ready(obs)
