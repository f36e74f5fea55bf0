"""Scenes that lie on a device, and patches gathered there: nothing but a plan of a few numbers goes to it each step.

A plan says which patches make a batch (:meth:`earthloom.training.loop.patches.Patches.plan`). What is gathered from it
equals what ``Patches.batch`` cuts on the processor, number by number.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from earthloom.training.loop.devices import ahead, laid_out
from earthloom.training.loop.patches import BANDS, MASK, PLACES, TRUTH, UNIT, Patches
from earthloom.training.loop.task import Batches
from earthloom.types import Float

SHARE = 0.4  # of the device's free memory that scenes may take: the rest is for the network


@runtime_checkable
class Planned(Protocol):
    """Batches that say which patches they are made of."""

    @property
    def sources(self) -> Sequence[Patches]:
        """Patches whose scenes a plan numbers, one source after the other."""
        ...

    def plan(self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1) -> dict[str, np.ndarray]:
        """``places`` ``(batch, four)``: scene, row, column and turn of every patch.

        Or ``(batch, candidates, four)``, of which the most detailed is taken, with ``bands`` ``(batch, chosen)``.
        """
        ...


class Resident:
    """The scenes of some patches on a device, all values of a name in a row.

    Parameters
    ----------
    sources
        Patches of one size on the same grids; their cubes may differ in their bands.
    device
        Where the scenes go.
    """

    def __init__(self, sources: Sequence[Patches], device: Any) -> None:
        first = sources[0]
        self.patch, self.ratios, self.bands = first.patch, first.ratios, {n: len(x) for n, x in first.scenes[0].items()}
        self.holes = any(source.holes for source in sources)
        scenes = [dict(scene) for source in sources for scene in source.scenes]
        if self.holes:
            masks = (mask for source in sources for mask in source.masks)
            for scene, mask in zip(scenes, masks, strict=True):
                scene[MASK] = mask[None].astype(np.float32)
            self.ratios, self.bands = {**self.ratios, MASK: 1}, {**self.bands, MASK: 1}
        self.values, self.where = {}, {}
        for name in scenes[0]:
            shapes = np.array([scene[name].shape for scene in scenes], np.int64)
            starts = np.cumsum([0, *shapes.prod(axis=1)])
            values = torch.empty(int(starts[-1]), dtype=torch.float32, device=device)
            for scene, begin, end in zip(scenes, starts[:-1], starts[1:], strict=True):
                values[begin:end] = torch.from_numpy(np.ascontiguousarray(scene[name])).reshape(-1).to(device)
            self.values[name] = values  # and for every scene its first value, those of a band, and those of a row
            where = np.column_stack([starts[:-1], shapes[:, 1] * shapes[:, 2], shapes[:, 2]])
            self.where[name] = torch.from_numpy(where).to(device)

    def gather(self, plan: Mapping[str, Tensor]) -> dict[str, Float[Tensor, "batch _ _ _"]]:
        """The batch of a plan; nothing of it is looked at by the processor."""
        places, bands = plan[PLACES], plan.get(BANDS)
        if places.ndim == 3:
            places = self._most_detailed(places, bands)
        return {name: self._cut(name, places, None if name == MASK else bands) for name in self.values}

    def _cut(self, name: str, places: Tensor, bands: Tensor | None) -> Tensor:
        """One array of every patch."""
        n, (scene, y, x, turn) = self.patch // self.ratios[name], places.unbind(-1)
        at = torch.arange(n, device=places.device)
        turn = turn[:, None]
        down = torch.where(turn & 2 > 0, n - 1 - at, at)[:, :, None]  # before it was mirrored
        along = torch.where(turn & 4 > 0, n - 1 - at, at)[:, None, :]
        across = (turn & 1 > 0)[:, :, None]
        first, plane, width = self.where[name][scene].T[:, :, None, None]
        top, left = (corner[:, None, None] // self.ratios[name] for corner in (y, x))
        rows, cols = torch.where(across, along, down), torch.where(across, down, along)
        pixel = first + (top + rows) * width + left + cols
        if bands is None:
            bands = torch.arange(self.bands[name], device=places.device)[None]
        return self.values[name][pixel[:, None] + (bands[:, :, None, None] * plane[:, None])]

    def _most_detailed(self, places: Tensor, bands: Tensor | None) -> Tensor:
        """Of every patch's candidates the one that :meth:`Patches.detail` finds most in."""
        number, candidates, _ = places.shape
        scene, y, x, _ = places.reshape(-1, 4).unbind(-1)
        if bands is None:
            raise ValueError("candidates without bands")
        band = bands[:, bands.shape[1] // 2].repeat_interleave(candidates)
        at = torch.arange(0, self.patch, 2, device=places.device)
        found = []
        for name in (TRUTH, "base"):
            first, plane, width = self.where[name][scene].T
            corner = first + band * plane + y * width + x
            found.append(self.values[name][corner[:, None, None] + at[:, None] * width[:, None, None] + at])
        missing = ((found[0] - found[1]).abs() * UNIT).long().sum((1, 2)).reshape(number, candidates)
        most = missing.argmax(1)  # the first of equals
        return places.gather(1, most[:, None, None].expand(-1, 1, 4))[:, 0]


def held_on(device: Any, patches: Batches) -> Resident | None:
    """The scenes of some patches on an accelerator; None where they stay with the processor.

    They stay where the device is the processor, where batches say no plan, and where they do not fit in a share of the
    free memory of the device.
    """
    if device.type != "cuda" or not isinstance(patches, Planned):
        return None
    if size_of(patches.sources) > SHARE * torch.cuda.mem_get_info(device)[0]:
        return None
    return Resident(patches.sources, device)


def size_of(sources: Sequence[Patches]) -> int:
    """Bytes of the scenes with their masks."""
    arrays = sum(image.nbytes for source in sources for scene in source.scenes for image in scene.values())
    holes = any(source.holes for source in sources)
    return arrays + (4 * sum(mask.size for source in sources for mask in source.masks) if holes else 0)


def batches(
    patches: Batches,
    steps: Iterable[int],
    batch: int,
    seed: int,
    fabric: Any,
    channels_last: bool,
    resident: Resident | None = None,
) -> Generator[dict[str, Tensor]]:
    """This process's part of the batches of some steps, on its device.

    Planned or cut by other threads while the network computes; gathered on the device where its scenes lie there.
    """  # fmt: skip
    part, device = (fabric.global_rank, fabric.world_size), fabric.device
    if resident is None:
        yield from ahead(lambda step: patches.batch(step, batch, seed, *part), steps, device, channels_last)
        return
    assert isinstance(patches, Planned)
    for plan in ahead(lambda step: patches.plan(step, batch, seed, *part), steps, device, False):
        yield {name: laid_out(image, channels_last) for name, image in resident.gather(plan).items()}
