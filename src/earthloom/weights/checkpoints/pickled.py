"""The tensors of a checkpoint of torch, without running what else it holds.

Such a file is a zip archive of a pickle, ``data.pkl``, and of the bytes of each tensor. A pickle says which functions
to call with which arguments. Here those that build tensors and ordered mappings are ours; whatever else it names
becomes an inert object that takes anything and does nothing, so that the rest of a training's state does no harm.
"""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from earthloom.errors import FileError

CONTAINERS = ("model", "state_dict", "model_state", "params")  # what authors keep the weights under
PREFIXES = ("module.", "net._orig_mod.", "_orig_mod.")  # several GPUs, Lightning's and a compiled network
BFLOAT16 = "bfloat16"  # which numpy does not know: the upper half of a float32
STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": BFLOAT16,
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "?",
}  # fmt: skip
WHOLE = "whole models are saved with code, which is not run: save model.state_dict() instead"


class Inert:
    """In place of anything that a pickle names and that is no tensor."""

    def __new__(cls, *_: Any, **__: Any) -> Inert:
        """Take any arguments."""
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Do nothing with them."""

    def __call__(self, *_: Any, **__: Any) -> Inert:
        """Another one."""
        return Inert()

    def __setstate__(self, _: Any) -> None:
        """Forget it."""

    def __setitem__(self, _: Any, __: Any) -> None:
        """Forget it."""

    append = extend = add = __setstate__


class Tensor(Inert):
    """A view of a storage, copied; never beyond it."""

    def __new__(  # type: ignore[misc]
        cls, storage: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
    ) -> np.ndarray:
        """The array.

        Raises
        ------
        ValueError
            If it would look beyond the storage.
        """
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        count = math.prod(size)
        if min((offset, *size, *stride)) < 0 or (count and (last >= storage.size or count > storage.size)):
            raise ValueError("a tensor beyond its numbers")
        steps = tuple(step * storage.itemsize for step in stride)
        return np.lib.stride_tricks.as_strided(storage[offset:], size, steps).copy()


class Parameter(Inert):
    """A tensor that was trained."""

    def __new__(cls, data: np.ndarray, *_: Any) -> np.ndarray:  # type: ignore[misc]
        """The array."""
        return data


class Reader(pickle.Unpickler):
    """A pickle of torch that calls nothing but what is listed here."""

    def __init__(self, archive: ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{folder}data.pkl")))
        self.archive, self.folder = archive, folder
        self.known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): Tensor,
            ("torch._utils", "_rebuild_parameter"): Parameter,
            **{("torch", name): kind for name, kind in STORAGES.items()},
        }

    def find_class(self, module: str, name: str) -> Any:
        """One of ours, or a kind of inert object."""
        return self.known.get((module, name), Inert)

    def persistent_load(self, pid: Any) -> np.ndarray:
        """The numbers that a tensor is a view of: ``("storage", kind, key, place, count)``."""
        _, kind, key, _, count = pid
        data = self.archive.read(f"{self.folder}data/{key}")
        if kind == BFLOAT16:
            return (np.frombuffer(data, "<u2", int(count)).astype("<u4") << 16).view("<f4")
        return np.frombuffer(data, kind, int(count))


def state_of(name: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint by their names, without what several GPUs or a compiler put before these.

    Raises
    ------
    FileError
        If there is no such file, it is cut short, or holds no tensors by name (a pickled model does not).
    """
    path = Path(name)
    if not path.is_file():
        raise FileError(f"no file {path}", "a checkpoint, such as .pth")
    loaded = _loaded(path)
    for key in CONTAINERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    if not isinstance(loaded, Mapping) or any(isinstance(value, Inert) for value in loaded.values()):
        raise _unreadable(path)
    found = {str(key): value for key, value in loaded.items() if isinstance(value, np.ndarray)}
    if not found:
        raise FileError(f"{path.name} holds no weights", "tensors by name")
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in found):
            found = {key.removeprefix(prefix): value for key, value in found.items()}
    return found


def _loaded(path: Path) -> Any:
    """What a file holds, tensors as arrays."""
    try:
        with ZipFile(path) as archive:
            held = archive.infolist()
            if sum(one.file_size for one in held) > path.stat().st_size:  # torch packs nothing
                raise ValueError("packed")
            (index,) = (one.filename for one in held if one.filename.rpartition("/")[2] == "data.pkl")
            return Reader(archive, index.removesuffix("data.pkl")).load()
    except BadZipFile:
        return _before_zip(path)
    except Exception as wrong:  # a pickle may be wrong in any way
        raise _unreadable(path) from wrong


def _before_zip(path: Path) -> Any:
    """What torch wrote before it packed files: torch itself reads tensors, numbers and texts of these, and no more."""
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as wrong:  # pickle's and torch's errors have no common parent
        raise _unreadable(path) from wrong

    def arrays(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: arrays(one) for key, one in value.items()}
        if not isinstance(value, torch.Tensor):
            return value
        if value.layout != torch.strided or value.is_quantized:
            return Inert()
        value = value.detach()
        return (value.float() if value.dtype == torch.bfloat16 else value).numpy()

    return arrays(loaded)


def _unreadable(path: Path) -> FileError:
    return FileError(
        f"{path.name} is a pickle that holds more than tensors, or is cut short",
        "a .safetensors file, or an authors' checkpoint of tensors, numbers and texts", WHOLE,
    )  # fmt: skip
