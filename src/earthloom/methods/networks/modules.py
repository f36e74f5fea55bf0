"""Networks with the weights of a file: as they run, and as they were taught."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from earthloom.errors import MethodError
from earthloom.weights import store as weights

if TYPE_CHECKING:
    from torch import nn


@lru_cache(maxsize=8)
def module_of(cls: Any, path: str, changed: int) -> nn.Module:
    """The network of a file, ready to run; ``changed`` tells a file that was written anew from the one before."""
    import torch

    module = plain_module(cls, path)
    folded: Any = getattr(module, "folded", None)  # without what only training needs
    module = module if folded is None else folded()
    return module.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def plain_module(cls: Any, path: str) -> nn.Module:
    """The network of a file as it was taught; ``cls`` is its class of networks.

    Raises
    ------
    MethodError
        If the tensors are not those of the network.
    """
    import torch

    header, tensors = weights.read(path)
    module = cls(**{**cls.older, **header.fields}).built(header)
    try:
        module.load_state_dict({key: torch.from_numpy(value) for key, value in tensors.items()})
    except RuntimeError as wrong:
        raise MethodError(
            f"tensors of {header.name} that do not fit {header.method}", "weights written by this version",
            str(wrong).splitlines()[-1].strip(),
        ) from wrong  # fmt: skip
    return module.eval()
