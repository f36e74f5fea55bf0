"""Networks of PanBench: checkpoints of Lightning, the network compiled, with the state of its training beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from earthloom.errors import FileError
from earthloom.weights.header import Header

HOLDS = "PNN, PanNet, MSDCNN or FusionNet of PanBench"
TOLD = {  # a layer that a network alone has
    "net.0.weight": "pnn", "layer_2.0.0.net.0.weight": "pannet", "deep_conv_1_sacle_1.weight": "msdcnn",
    "pan_concat.0.weight": "fusionnet",
}  # fmt: skip
FIRST = {
    "pnn": ("net.0", 5),
    "pannet": ("layer_1.0", 5),
    "msdcnn": ("deep_conv_1", 5),
    "fusionnet": ("pan_concat.0", 4),
}
REFUSED = {
    "lr_blocks.": "GPPNN, which passes details up and down between both grids eight times",
    "FLinear.": "PGCU, in which each pixel looks at the whole frame",
}
NAMES, CENTRES = ("red", "green", "blue", "nir"), (660.0, 555.0, 485.0, 830.0)
CARD = {
    "data": "PanBench, ten satellites, 8-bit images, MS frames of 64 x 64 pixels reduced by bicubic interpolation",
    "licence": "Apache-2.0, XavierJiezou/Pansharpening. Not part of Earthloom",
    "source": "github.com/XavierJiezou/Pansharpening",
    "not_for": "12-bit images as they are: give the number that shall be 1 as `peak`",
}


def recognised(state: Mapping[str, np.ndarray]) -> bool:
    """Whether tensors are of a network of PanBench, also of one that does not run."""
    return any(name in state for name in TOLD) or any(name.startswith(tuple(REFUSED)) for name in state)


def converted(path: Path, state: Mapping[str, np.ndarray]) -> tuple[Header, dict[str, np.ndarray]]:
    """Header and tensors, as they are but for the counters of batch norm.

    Raises
    ------
    FileError
        For a network that is not run, or another number of bands.
    """
    for start, what in REFUSED.items():
        if any(name.startswith(start) for name in state):
            raise FileError(f"{path.name}, {what}", HOLDS, "use its authors' program for this one")
    network = next(TOLD[name] for name in TOLD if name in state)
    first = {
        "pnn": ("net.0", 5),
        "pannet": ("layer_1.0", 5),
        "msdcnn": ("deep_conv_1", 5),
        "fusionnet": ("pan_concat.0", 4),
    }
    layer, seen = first[network]
    weight = state.get(f"{layer}.weight")
    if weight is None or weight.ndim != 4 or weight.shape[1] != seen:
        raise FileError(f"{path.name} is no {network} of PanBench", "red, green, blue, NIR and PAN as its inputs")
    tensors = {key: np.asarray(value, np.float32) for key, value in state.items() if "num_batches" not in key}
    card = {**CARD, "origin": f"imported from {path.name}", "parameters": sum(v.size for v in tensors.values())}
    sizes = {"bands": 4, "guide": 1, "ratio": 4.0, "extra": 0}
    fields = {"network": network}
    return Header(
        "pansharpening/panbench", fields, sizes, None, NAMES, CENTRES, "centre", card, path.stem, str(path)
    ), tensors
