"""CoarSR's training as published: for every batch one update a band, the context of the band before taken as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from earthloom.errors import MethodError
from earthloom.training.loop.config import Config
from earthloom.training.loop.learner import Learner
from earthloom.training.loop.patches import MASK, TRUTH
from earthloom.training.loop.task import Supervised, Task, pixel_loss


@dataclass
class BandByBand(Supervised):
    """The job of a network that takes bands in turn."""

    def learner(self, fabric: Any, module: nn.Module, config: Config) -> Learner:
        """One update a band."""
        return BandLearner(fabric, module, config)


class BandLearner(Learner):
    """Takes as many steps of the optimiser as there are bands, all with the batch's learning rate."""

    def update(self, task: Task, batch: Mapping[str, Tensor], step: int, rate: float) -> dict[str, Tensor]:
        """Bands in turn; the terms are their means.

        Raises
        ------
        MethodError
            If the network does not take bands in turn.
        """
        if not hasattr(self.module, "detail") or not isinstance(task, Supervised):
            raise MethodError(f"each_band for {type(self.module).__name__}", "a network that takes bands in turn")
        rows: list[dict[str, Tensor]] = []
        state: Tensor | None = None
        for band in range(batch["hs"].shape[1]):
            base, truth = (batch[name][:, band : band + 1] for name in ("base", TRUTH))
            found, after = self.wrapped(batch["hs"], batch["base"], slice(band, band + 1), state)
            state = None if after is None else after.detach()
            loss = pixel_loss(base + found.float(), truth, batch.get(MASK), task.kind)
            rows.append(self.follow({task.kind: loss}, step, rate))
        return {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}
