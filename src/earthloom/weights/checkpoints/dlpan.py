"""Networks of the DLPan toolbox: plain tensors, whose names and shapes alone tell the network and its bands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from earthloom.errors import FileError
from earthloom.weights.header import Header

HOLDS = "PNN, PanNet, MSDCNN, DRPNN, DiCNN or FusionNet of the DLPan toolbox"
Shapes = dict[str, tuple[int, ...]]
BANDS = {  # by their number; middles, since files do not tell the sensor
    4: (("blue", 485.0), ("green", 550.0), ("red", 660.0), ("nir", 830.0)),
    8: (
        ("coastal", 427.0), ("blue", 480.0), ("green", 547.0), ("yellow", 605.0), ("red", 660.0), ("rededge", 724.0),
        ("nir1", 830.0), ("nir2", 920.0),
    ),
}  # fmt: skip
CARD = {
    "data": "the authors', 64 x 64 patches simulated by Wald's protocol",
    "licence": "GPL-3, that of the DLPan toolbox; nothing separate is said about weights. Not part of Earthloom",
    "source": "github.com/liangjiandeng/DLPan-Toolbox",
    "not_for": "scenes of other sensors or other levels of brightness; compare with a classical method",
}


def _pairs(seen: int, bands: int) -> Shapes:
    """PanNet's and FusionNet's residual blocks between head and tail."""
    blocks: Shapes = {f"res{n}.conv2{k}": (32, 32, 3, 3) for n in range(1, 5) for k in (0, 1)}
    return {"conv1": (32, seen, 3, 3), **blocks, "conv3": (bands, 32, 3, 3)}


def shapes(network: str, bands: int) -> Shapes:
    """The weights of a network's layers; each has a bias too."""
    seen = bands + 1
    return {
        "pnn": lambda: {"conv1": (64, seen, 9, 9), "conv2": (32, 64, 5, 5), "conv3": (bands, 32, 5, 5)},
        "dicnn": lambda: {"conv1": (64, seen, 3, 3), "conv2": (64, 64, 3, 3), "conv3": (bands, 64, 3, 3)},
        "pannet": lambda: {"deconv": (bands, bands, 8, 8), **_pairs(seen, bands)},
        "fusionnet": lambda: _pairs(bands, bands),
        "drpnn": lambda: {
            "conv1": (32, seen, 7, 7), "conv2": (seen, 32, 7, 7), "conv3": (bands, seen, 7, 7),
            **{f"backbone.{k}.conv2": (32, 32, 7, 7) for k in range(8)},
        },
        "msdcnn": lambda: {
            "conv1": (60, seen, 7, 7), **{f"conv2_{k}": (20, 60, 2 * k + 1, 2 * k + 1) for k in (1, 2, 3)},
            "conv3": (30, 60, 3, 3), **{f"conv4_{k}": (10, 30, 2 * k + 1, 2 * k + 1) for k in (1, 2, 3)},
            "conv5": (bands, 30, 5, 5), "shallow1": (64, seen, 9, 9), "shallow2": (32, 64, 1, 1),
            "shallow3": (bands, 32, 5, 5),
        },
    }[network]()  # fmt: skip


def network_of(state: Mapping[str, np.ndarray]) -> str | None:
    """The network that tensors are of, by the layers that it alone has."""
    first = state.get("conv1.weight", np.zeros(0)).shape
    if "res1.conv20.weight" in state:
        return "pannet" if "deconv.weight" in state else "fusionnet"
    if "backbone.7.conv2.weight" in state:
        return "drpnn"
    if "conv2_1.weight" in state and "shallow1.weight" in state:
        return "msdcnn"
    plain = set(state) == {f"conv{k}.{part}" for k in (1, 2, 3) for part in ("weight", "bias")}
    return {(9, 9): "pnn", (3, 3): "dicnn"}.get(first[2:]) if plain else None


def recognised(state: Mapping[str, np.ndarray]) -> bool:
    """Whether tensors are of one of the six."""
    return network_of(state) is not None


def converted(path: Path, state: Mapping[str, np.ndarray]) -> tuple[Header, dict[str, np.ndarray]]:
    """Header and tensors.

    Raises
    ------
    FileError
        If layers are missing, have other shapes, or what is stored twice differs.
    """
    network = network_of(state)
    assert network is not None
    last = "conv5" if network == "msdcnn" else "conv3"
    bands = len(state.get(f"{last}.bias", ()))
    expected = shapes(network, bands)
    tensors = {f"{name}.weight": shape for name, shape in expected.items()}
    tensors |= {f"{name}.bias": (shape[1] if name == "deconv" else shape[0],) for name, shape in expected.items()}
    twice = {f"backbone.{int(name[3]) - 1}.{name[5:]}": name for name in tensors if name.startswith("res")}
    wrong = [name for name, shape in tensors.items() if name not in state or state[name].shape != shape]
    wrong += [name for name in state if name not in tensors and name not in twice]
    wrong += [
        again
        for again, name in twice.items()
        if again in state and not (name in state and np.array_equal(state[again], state[name]))
    ]
    if bands not in BANDS or wrong:
        odd = ", ".join(wrong[:4]) or f"{bands} bands"
        raise FileError(f"{path.name} is no {network} of the DLPan toolbox ({odd})", "4 or 8 bands, all its layers")
    names, centres = zip(*BANDS[bands], strict=True)
    card = {**CARD, "origin": f"imported from {path.name}", "parameters": sum(state[name].size for name in tensors)}
    header = Header(
        "pansharpening/dlpan", {"network": network}, {"bands": bands, "guide": 1, "ratio": 4.0, "extra": 0}, None,
        names, centres, "toolbox", card, path.stem, str(path),
    )  # fmt: skip
    return header, {name: np.asarray(state[name], np.float32) for name in tensors}
