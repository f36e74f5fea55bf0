"""Networks in files that other runtimes run: ONNX by onnxruntime, TorchScript by torch. Numbers in, numbers out."""

from __future__ import annotations

import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from earthloom.errors import FileError, MethodError
from earthloom.types import Float

GRAPH = "earthloom_graph"  # what a file says about its graph: scaling, inputs, reach
Images = Mapping[str, Float[np.ndarray, "n _ _ _"]]


class Slot(NamedTuple):
    """An input as a file declares it; None where any number is taken, or nothing is said."""

    name: str
    channels: int | None = None
    rows: int | None = None
    cols: int | None = None


@dataclass(frozen=True)
class Engine(ABC):
    """A network in a file. It is pickled as the name of the file, and opened once in every process.

    Parameters
    ----------
    path
        The file.
    changed
        When it was written, in nanoseconds: another file of the same name is another network.
    """

    path: str
    changed: int

    @classmethod
    def of(cls, path: str) -> Any:
        """That of a file.

        Raises
        ------
        FileError
            If there is none.
        """
        if not Path(path).is_file():
            raise FileError(f"no network '{path}'", f"a {cls.kind()} file")
        return cls(str(Path(path).resolve()), Path(path).stat().st_mtime_ns)

    @classmethod
    @abstractmethod
    def kind(cls) -> str:
        """What files hold it."""

    @property
    @abstractmethod
    def slots(self) -> tuple[Slot, ...]:
        """Its inputs, in their order."""

    @property
    @abstractmethod
    def metadata(self) -> Mapping[str, str]:
        """What the file says about itself."""

    @abstractmethod
    def compute(self, images: Images) -> Float[np.ndarray, "n c y x"]:
        """The first output."""

    def __call__(self, images: Images) -> Float[np.ndarray, "n c y x"]:
        """What the network makes of images.

        Raises
        ------
        MethodError
            If it fails on them; the message holds its own words.
        """
        try:
            found = self.compute(images)
        except Exception as wrong:  # of a runtime, which has no error of its own that can be named here
            seen = ", ".join(f"{name} {image.shape}" for name, image in images.items())
            last = str(wrong).strip().splitlines() or [type(wrong).__name__]
            raise MethodError(
                f"{Path(self.path).name} fails on {seen} ({last[-1].strip()})", "images that it takes",
                "`inputs` says what goes into it; `multiple` what its sides must be multiples of",
            ) from wrong  # fmt: skip
        if not isinstance(found, np.ndarray) or found.ndim != 4:
            raise MethodError(f"{Path(self.path).name}, whose output is no image", "(batch, band, y, x)")
        return found

    @property
    def graph(self) -> dict[str, Any]:
        """What the file says about its graph; nothing where it says nothing."""
        try:
            told = json.loads(self.metadata.get(GRAPH, "{}"))
        except ValueError as wrong:
            raise FileError(f"'{GRAPH}' in {Path(self.path).name} ({wrong})", "JSON") from wrong
        return told if isinstance(told, dict) else {}


@dataclass(frozen=True)
class OnnxFile(Engine):
    """A graph for onnxruntime, on the processor; as many threads as there are tiles at a time run it."""

    @classmethod
    def kind(cls) -> str:
        """What it is."""
        return "ONNX (.onnx)"

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Inputs that the graph declares."""
        found = []
        for one in _session(self.path, self.changed).get_inputs():
            sizes = [size if isinstance(size, int) else None for size in one.shape]
            found.append(Slot(one.name, *sizes[1:4]))
        return tuple(found)

    @property
    def metadata(self) -> Mapping[str, str]:
        """Properties of the model."""
        return _session(self.path, self.changed).get_modelmeta().custom_metadata_map

    def compute(self, images: Images) -> Float[np.ndarray, "n c y x"]:
        """The first output."""
        session = _session(self.path, self.changed)
        return session.run(None, {name: np.ascontiguousarray(image, np.float32) for name, image in images.items()})[0]


@dataclass(frozen=True)
class ScriptFile(Engine):
    """A program for torch, on the processor. Whoever made the file wrote the code that runs."""

    @classmethod
    def kind(cls) -> str:
        """What it is."""
        return "TorchScript (.pt)"

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Arguments of its ``forward``."""
        arguments = _script(self.path, self.changed)[0].forward.schema.arguments
        return tuple(Slot(one.name) for one in arguments[1:])

    @property
    def metadata(self) -> Mapping[str, str]:
        """What lies beside the program in the archive."""
        return _script(self.path, self.changed)[1]

    def compute(self, images: Images) -> Float[np.ndarray, "n c y x"]:
        """The first output."""
        import torch

        module = _script(self.path, self.changed)[0]
        with torch.inference_mode():
            tensors = [torch.from_numpy(np.ascontiguousarray(image, np.float32)) for image in images.values()]
            found = module(*tensors)
        return (found[0] if isinstance(found, (tuple, list)) else found).float().numpy()


@lru_cache(maxsize=4)
def _session(path: str, changed: int) -> Any:
    """The graph of a file, ready to run.

    Raises
    ------
    MethodError
        Without onnxruntime.
    FileError
        If it cannot be read, or keeps its numbers in other files.
    """
    try:
        import onnxruntime
    except ImportError as missing:
        raise MethodError("ONNX without onnxruntime", "onnxruntime", "pip install 'earthloom[onnx]'") from missing
    _require_alone(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # tiles run beside each other
    options.log_severity_level = 4  # what fails is raised, and not printed besides
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as wrong:  # onnxruntime's errors have no common class
        why = str(wrong).strip().splitlines()[-1]
        raise FileError(f"{Path(path).name} cannot be read ({why})", "an ONNX graph that onnxruntime runs") from wrong


def _require_alone(path: str) -> None:
    """Refuse a graph that names other files of this machine for its numbers.

    Raises
    ------
    FileError
        If it does, or is no ONNX.
    """
    try:
        import onnx
        from onnx.external_data_helper import uses_external_data
    except ImportError as missing:
        raise MethodError("ONNX without onnx", "onnx", "pip install 'earthloom[onnx]'") from missing
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as wrong:  # protobuf's
        raise FileError(f"{Path(path).name} is no ONNX ({type(wrong).__name__})", "an ONNX graph") from wrong
    if any(uses_external_data(one) for one in model.graph.initializer):
        raise FileError(
            f"{Path(path).name} keeps its numbers in other files", "one file",
            "onnx.save_model(onnx.load(PATH), OTHER) writes it as one",
        )  # fmt: skip


@lru_cache(maxsize=4)
def _script(path: str, changed: int) -> tuple[Any, Mapping[str, str]]:
    """The program of a file, and what lies beside it.

    Raises
    ------
    MethodError
        Without torch.
    FileError
        If it cannot be read.
    """
    try:
        import torch
    except ImportError as missing:
        raise MethodError("TorchScript without torch", "torch", "pip install 'earthloom[torch]'") from missing
    beside = {GRAPH: ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch advises its authors to write other files
            module = torch.jit.load(path, map_location="cpu", _extra_files=beside)
    except Exception as wrong:  # RuntimeError, and whatever else reading an archive raises
        raise FileError(f"{Path(path).name} cannot be read", "a program that torch.jit.save wrote") from wrong
    told = {key: value.decode() if isinstance(value, bytes) else value for key, value in beside.items()}
    return module.eval(), {key: value for key, value in told.items() if value}


__all__ = ["GRAPH", "Engine", "Images", "OnnxFile", "ScriptFile", "Slot"]
