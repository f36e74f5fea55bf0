"""A network as an ONNX graph: any height and width, checked against torch, with what has to be known about it."""

from __future__ import annotations

import io
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.engines import GRAPH, OnnxFile
from earthloom.methods.networks.fitting import Sizes, need_torch
from earthloom.methods.networks.modules import plain_module
from earthloom.methods.networks.network import Network
from earthloom.methods.networks.ports import Port
from earthloom.version import __version__
from earthloom.weights import store as weights
from earthloom.weights.header import KEY, Header

if TYPE_CHECKING:
    import torch
    from torch import nn

CLOSE = 1e-4  # of the range of the output, that the graph may differ from torch
OPSET = 18
SIDE = 64  # wanted pixels of the first image that is tried, at least
BANDS = 3  # of an image for a network that takes any number


@dataclass(frozen=True)
class Graph:
    """An ONNX graph.

    Parameters
    ----------
    data
        The file.
    inputs
        What it takes.
    differs
        Largest difference to torch, in parts of the range of the output.
    about
        What the file says about the graph.
    """

    data: bytes
    inputs: tuple[Port, ...]
    differs: float
    about: dict[str, Any]


def graph_of(header: Header, bands: int = 0, tile: int = 0) -> Graph:
    """The graph of a network with its weights.

    Parameters
    ----------
    header
        Of the weights.
    bands
        Of the cube, where a network takes any number and its graph has to know it.
    tile
        A fixed side of the image that goes in, for programs that want one; 0 for any.

    Raises
    ------
    MethodError
        If the network cannot be written, or what was written computes something else.
    """
    problem, _, name = header.method.partition("/")
    cls: Any = catalog.find(name, problem)
    need_torch(cls.card.name)
    network: Any = cls(**{**cls.older, **header.fields})
    sizes = Sizes(**header.sizes)  # type: ignore[arg-type]
    own = network.ports(sizes, bands)
    if unsaid := [port.name for port in own if not port.channels]:
        raise MethodError(f"{cls.card.name} without the number of bands ({', '.join(unsaid)})", "`bands`, such as 31")
    module = network.written(plain_module(cls, header.path), sizes).eval()
    step = _step(network, sizes)
    trial = _Trial(own, step, tile)
    data = _traced(module, trial, header)
    differs, names = trial.compared(module, data)
    own = tuple(port for port in own if port.name in names)
    about = _about(header, network, sizes, own, step, tile)
    return Graph(_with(data, header, about, own, tile), own, differs, about)


def _step(network: Any, sizes: Sizes) -> int:
    """Wanted pixels that sides are multiples of."""
    return network.multiple(sizes) if isinstance(network, Network) else 1


@dataclass(frozen=True)
class _Trial:
    """Images to trace a graph with, and others to compare it on."""

    ports: Sequence[Port]
    step: int
    tile: int

    def images(self, seed: int) -> dict[str, torch.Tensor]:
        """Of another number of images, bands and pixels for every seed, as far as they may differ."""
        import torch

        draw = torch.Generator().manual_seed(seed)
        coarsest = max(port.ratio for port in self.ports)
        rows, cols = (-(-(SIDE + 16 * (seed + k)) // self.step) * self.step for k in (0, 1))
        rows, cols = (self.tile * coarsest,) * 2 if self.tile else (rows, cols)
        count = 1 if self.tile else 2 - seed % 2
        found = {}
        for port in self.ports:
            channels = port.channels * (BANDS + seed if port.each else 1)
            shape = (rows // port.ratio, cols // port.ratio)
            if port.flat:
                histogram = torch.rand(count, port.channels, port.flat, generator=draw)
                found[port.name] = histogram / histogram.sum(2, keepdim=True)
            elif port.most:
                found[port.name] = port.most * torch.rand(count, channels, *shape, generator=draw)
            else:
                found[port.name] = torch.randn(count, channels, *shape, generator=draw)
        return found

    @property
    def axes(self) -> dict[str, dict[int, str]]:
        """Names of the axes that may be of any length, of inputs and output."""
        if self.tile:
            return {}
        coarsest = max(port.ratio for port in self.ports)
        found: dict[str, dict[int, str]] = {}
        for port in self.ports:
            before = "coarse_" if port.ratio > 1 else ""
            found[port.name] = {0: "batch"} | ({} if port.flat else {2: f"{before}rows", 3: f"{before}cols"})
            if port.each:
                found[port.name][1] = "bands" if port.channels == 1 else f"{port.channels}_bands"
        bands = {1: "bands"} if any(port.each for port in self.ports) else {}
        fine = "fine_" if coarsest > 1 else ""
        return {**found, "product": {0: "batch", 2: f"{fine}rows", 3: f"{fine}cols"} | bands}

    def compared(self, module: nn.Module, data: bytes) -> tuple[float, set[str]]:
        """Largest difference of the graph to torch over the range of what torch gives, and the inputs that it uses.

        Raises
        ------
        MethodError
            If it is more than ``CLOSE``.
        """
        import torch

        worst = 0.0
        with _opened(data) as graph:
            names = {slot.name for slot in graph.slots}  # of what makes no difference there is no input
            for seed in (0,) if self.tile else (0, 1, 2):
                images = self.images(seed)
                with torch.inference_mode():
                    found = module(**images)
                want = (found[0] if isinstance(found, tuple) else found).numpy()
                got = graph({name: image.numpy() for name, image in images.items() if name in names})
                if got.shape != want.shape:
                    raise MethodError(f"a graph that gives {got.shape} for {want.shape}", "what torch gives")
                worst = max(worst, float(np.abs(got - want).max() / max(np.ptp(want), 1e-30)))
        if not worst <= CLOSE:
            raise MethodError(
                f"a graph that differs from torch by {worst:.2g} of the range", f"at most {CLOSE:g}",
                "another version of torch or onnxruntime?",
            )  # fmt: skip
        return worst, names


def _traced(module: nn.Module, trial: _Trial, header: Header) -> bytes:
    """The graph that torch writes.

    By its tracing exporter: the newer one takes a minute where this takes a second. What tracing may get wrong, a
    size that became a number, the comparison on other sizes finds.
    """
    import torch

    from earthloom.nn.graphs import ByPlace

    images = trial.images(0)
    placed = ByPlace(module, list(images)).eval()
    try:
        with _quiet(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "graph.onnx"
            torch.onnx.export(
                placed, tuple(images.values()), path, input_names=list(images), output_names=["product"],
                dynamic_axes=trial.axes, opset_version=OPSET, dynamo=False,
            )  # fmt: skip
            return path.read_bytes()
    except ImportError as missing:
        raise MethodError(f"an export without {missing.name}", "onnx", "pip install 'earthloom[onnx]'") from missing
    except Exception as wrong:  # errors of the exporter are of many classes
        raise MethodError(
            f"{header.method} cannot be written as ONNX ({str(wrong).strip().splitlines()[0]})", "another network"
        ) from wrong


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _opened(data: bytes) -> Iterator[OnnxFile]:
    """The graph in a file that goes again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        path.write_bytes(data)
        yield OnnxFile.of(str(path))


def _about(
    header: Header, network: Any, sizes: Sizes, ports: Sequence[Port], step: int, tile: int
) -> dict[str, Any]:  # fmt: skip
    """What a program has to know to use the graph."""
    what = {
        "earthloom": __version__, "method": header.method, "weights": header.name,
        "weights_sha256": weights.fingerprint(header), "licence": str(header.card.get("licence", "")),
        "not_for": header.not_for, "bands": list(header.bands), "centres_nm": list(header.centres_nm),
        "ratio": max((port.ratio for port in ports), default=1), "made_for_ratio": sizes.ratio or "any",
        "multiple_px": step, "tile": tile or "any", "halo_px": network.halo_px(sizes.ratio or 4.0),
    }  # fmt: skip
    what["inputs"] = [port._asdict() for port in ports]
    what["output"] = {"name": "product", "holds": network.gives}
    return what


def _with(data: bytes, header: Header, about: dict[str, Any], ports: Sequence[Port], tile: int) -> bytes:
    """The file with its metadata: our header, the graph's description, and the keys that Deepness reads."""
    import onnx

    model = onnx.load_model_from_string(data)
    told = {k: v for k, v in asdict(replace(header, name="", path="")).items() if k not in ("name", "path")}
    found = {KEY: json.dumps(told, sort_keys=True), GRAPH: json.dumps(about, sort_keys=True)}
    if len(ports) == 1:
        found |= {key: json.dumps(value) for key, value in _for_deepness(about, tile).items()}
    for key, value in found.items():
        model.metadata_props.add(key=key, value=value)
    model.producer_name, model.producer_version = "earthloom", __version__
    model.doc_string = f"{header.method} with weights {header.name}"
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _for_deepness(about: dict[str, Any], tile: int) -> dict[str, Any]:
    """The keys that Deepness, a plug-in of QGIS, reads of a network with one input."""
    found: dict[str, Any] = {"model_type": "Superresolution", "reg_output_scaling": 1.0}
    found |= {"standardization_mean": [0.0], "standardization_std": [1.0]}
    return found | ({"tile_size": tile, "tiles_overlap": 20} if tile else {})
