"""Where networks run: devices by their names, and weights that are moved there once for each process and device.

Who runs a method says which device is wanted (:func:`earthloom.machine.on`); methods and their weights know none. So
a method can be pickled, and every process finds out by itself what its machine has.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from earthloom.errors import InputError
from earthloom.machine import device_wanted, require_device_word, worker_number
from earthloom.methods.networks.engines import Engine

if TYPE_CHECKING:
    import torch
    from torch import nn

_COPIES: WeakKeyDictionary[nn.Module, dict[str, nn.Module]] = WeakKeyDictionary()
_LOCK = Lock()


@cache
def accelerators() -> dict[str, int]:
    """What torch sees beside the processor, the best first, and how many of each."""
    import torch

    found = {}
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.device_count()
    if torch.backends.mps.is_available():
        found["mps"] = 1
    return found


def resolved(word: str) -> torch.device:
    """The device of a name: ``auto`` is cuda, else mps, else cpu; of several the one of this worker process.

    Raises
    ------
    InputError
        If there is no such device; the message names those that there are.
    """
    import torch

    kind, _, number = require_device_word(word).partition(":")
    there = accelerators()
    if kind == "auto":
        kind = next(iter(there), "cpu")
    if kind == "cpu":
        return torch.device("cpu")
    count = there.get(kind, 0)
    at = int(number) if number else worker_number() % max(count, 1)
    if at >= count:
        names = [f"{name}:{n}" for name, many in there.items() if name == "cuda" for n in range(many)]
        names = ["cpu", *names, *(name for name in there if name != "cuda")]
        hint = "" if there else "torch sees no accelerator: a build of it without, or no driver"
        raise InputError(f"`device={word}`, which is not there", f"auto, or one of {', '.join(names)}", hint)
    return torch.device(kind, at)


def device_name(device: torch.device) -> str:
    """What to call a device in a message."""
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def half_is_fast() -> bool:
    """Whether the device that is wanted computes in bfloat16 as its own: that of the processor is left to the user."""
    if device_wanted() == "cpu":
        return False
    import torch

    return resolved(device_wanted()).type == "cuda" and torch.cuda.is_bf16_supported()


def on_device(module: nn.Module) -> nn.Module:
    """The module on the device that is wanted; its weights are copied there once, and go when it goes."""
    if device_wanted() == "cpu" or isinstance(module, Engine):  # one of another runtime lies where that has it
        return module
    device = resolved(device_wanted())
    here = next(module.parameters()).device
    if (here.type, here.index or 0) == (device.type, device.index or 0):
        return module
    with _LOCK:
        copies = _COPIES.setdefault(module, {})
        if str(device) not in copies:
            copies[str(device)] = deepcopy(module).to(device).eval()
        return copies[str(device)]
