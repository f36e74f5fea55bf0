"""An image through a network. On an accelerator tiles that wait at the same time go through it together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import AS_IT_IS, Look
from earthloom.methods.networks.engines import Engine
from earthloom.methods.wrappers.once import Kept, computed_anew, kept
from earthloom.types import Float

if TYPE_CHECKING:
    import torch
    from torch import nn

BATCH_PX = 1024 * 1024  # wanted pixels that keep a device busy: smaller tiles go through in batches of so many
MOST = 64


def run(
    module: nn.Module, inputs: Mapping[str, np.ndarray], precision: str = "float32", looks: Sequence[Look] = AS_IT_IS
) -> Float[np.ndarray, "band Y X"]:
    """One image through a network, channels last: the mean over the ways that the network looks at it."""
    if (known := kept()) is not None:
        return _once(known, module, inputs, precision, looks)
    if isinstance(module, Engine):
        return _by_engine(module, inputs, looks)
    device = next(module.parameters()).device
    if device.type != "cpu":
        return _QUEUE.run(module, inputs, precision, looks)
    return through(module, {name: image[None] for name, image in inputs.items()}, precision, looks)[0]


def _by_engine(
    engine: Engine, inputs: Mapping[str, np.ndarray], looks: Sequence[Look]
) -> Float[np.ndarray, "band Y X"]:
    """The same by another runtime than torch."""
    total: np.ndarray | None = None
    for turns, mirrored in looks:
        seen = {name: np.rot90(image, turns, (1, 2)) for name, image in inputs.items()}
        seen = {name: image[None, :, :, ::-1] if mirrored else image[None] for name, image in seen.items()}
        made = engine({name: np.ascontiguousarray(image) for name, image in seen.items()})[0]
        found = np.rot90(made[:, :, ::-1] if mirrored else made, -turns, (1, 2))
        total = found if total is None else total + found
    assert total is not None
    return np.ascontiguousarray(total / np.float32(len(looks)))


def _once(
    known: Kept, module: nn.Module, inputs: Mapping[str, np.ndarray], precision: str, looks: Sequence[Look]
) -> Float[np.ndarray, "band Y X"]:
    """The mean over the looks, in the order of :func:`run` and so the same to the bit; what is known is not made again.

    Inputs are known by what they hold: where another look changed them, all is made of the changed ones.
    """
    seen = blake2b(f"{id(module)} {precision}".encode())
    for name, image in inputs.items():
        seen.update(f"{name} {image.shape} {image.dtype}".encode())
        seen.update(np.ascontiguousarray(image).data)
    total: np.ndarray | None = None
    for look in looks:
        key = seen.digest() + bytes(look)
        if (found := known.get(key)) is None:
            with computed_anew():
                found = known[key] = run(module, inputs, precision, (look,))
        total = found if total is None else total + found
    assert total is not None
    return total / np.float32(len(looks))


def through(
    module: nn.Module, inputs: Mapping[str, Float[np.ndarray, "n _ _ _"]], precision: str, looks: Sequence[Look]
) -> Float[np.ndarray, "n band Y X"]:
    """Images through a network on the device of its weights."""
    import torch

    device = next(module.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        tensors = {name: moved(image, device, torch.channels_last) for name, image in inputs.items()}
        total: torch.Tensor | None = None
        for turns, mirrored in looks:
            seen = {name: torch.rot90(x, turns, (2, 3)) for name, x in tensors.items()}
            seen = {name: x.flip(3) for name, x in seen.items()} if mirrored else seen
            found = module(**seen).float()
            found = torch.rot90(found.flip(3) if mirrored else found, -turns, (2, 3))
            total = found if total is None else total + found
        assert total is not None
        return (total / len(looks)).cpu().contiguous().numpy()


def moved(image: np.ndarray, device: torch.device, layout: torch.memory_format | None = None) -> torch.Tensor:
    """An array on a device: to a GPU through memory that it reads while the processor goes on."""
    import torch

    tensor = torch.from_numpy(image)
    tensor = tensor.pin_memory() if device.type == "cuda" else tensor
    return tensor.to(device, non_blocking=True, memory_format=layout or torch.preserve_format)


_TURN = Lock()  # one thread at a time: a device computes one thing after the other, and its settings are the process's


@contextmanager
def turn(device: torch.device) -> Iterator[None]:
    """One thread's turn on an accelerator; threads that use the processor need not wait.

    A GPU's convolutions in float32 are computed as such, by the same algorithm every time: its default rounds what
    they multiply to 10 bits (TF32).
    """
    import torch

    if device.type == "cpu":
        yield
        return
    with _TURN:
        if device.type == "cuda":
            with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
                yield
        else:
            yield


@dataclass(eq=False)
class Asked:
    """An image that waits for a network, and what came of it."""

    key: tuple[Any, ...]
    inputs: Mapping[str, np.ndarray]
    found: np.ndarray | None = None
    failed: Exception | None = None


@dataclass
class Queue:
    """Images that wait for a device. The thread whose turn it is takes all of one shape along.

    A batch is filled up with zeros to a size that the shape alone decides: so the device computes every image in the
    same way, whatever happens to wait beside it.
    """

    _waiting: list[Asked] = field(default_factory=list)
    _list: Lock = field(default_factory=Lock)

    def run(
        self, module: nn.Module, inputs: Mapping[str, np.ndarray], precision: str, looks: Sequence[Look]
    ) -> Float[np.ndarray, "band Y X"]:
        """One image, perhaps together with others.

        Raises
        ------
        MethodError
            If the device has too little memory.
        """
        shapes = tuple((name, image.shape) for name, image in sorted(inputs.items()))
        asked = Asked((id(module), precision, tuple(looks), shapes), inputs)
        with self._list:
            self._waiting.append(asked)
        with turn(next(module.parameters()).device):
            if asked in self._waiting:
                self._take(asked.key, module, precision, looks)
        if asked.failed is not None:
            raise asked.failed
        assert asked.found is not None
        return asked.found

    def _take(self, key: tuple[Any, ...], module: nn.Module, precision: str, looks: Sequence[Look]) -> None:
        """Through the network with the first that wait for it."""
        most = batch_of(dict(key[-1]).values())
        with self._list:
            group = [one for one in self._waiting if one.key == key][:most]
            self._waiting = [one for one in self._waiting if one not in group]
        try:
            stacked = {name: _filled([one.inputs[name] for one in group], most) for name, _ in key[-1]}
            found = through(module, stacked, precision, looks)
            for one, image in zip(group, found, strict=False):
                one.found = image
        except Exception as error:
            for one in group:
                one.failed = told(error)


_QUEUE = Queue()  # of this process


def batch_of(shapes: Any) -> int:
    """How many images of these inputs go through together."""
    largest = max(shape[1] * shape[2] for shape in shapes)
    return min(max(BATCH_PX // largest, 1), MOST)


def _filled(images: Sequence[np.ndarray], most: int) -> np.ndarray:
    """Images as a batch of a fixed size."""
    out = np.zeros((most, *images[0].shape), np.float32)
    out[: len(images)] = images
    return out


def told(error: Exception) -> Exception:
    """An error of a device in our words, where it is one of memory."""
    if type(error).__name__ == "OutOfMemoryError":
        return MethodError(
            "too little memory on the device", "room for a tile", "a smaller `tile_size`, or `device=cpu`"
        )
    return error
