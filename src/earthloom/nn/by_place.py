"""A module whose inputs are told apart by their places, as those of a graph are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn


class ByPlace(nn.Module):
    """A module, its inputs in this order; what else it takes stays as it is by default."""

    def __init__(self, module: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.module, self.names = module, tuple(names)

    def forward(self, *images: Tensor) -> Any:
        """What the module makes of them."""
        return self.module(**dict(zip(self.names, images, strict=True)))
