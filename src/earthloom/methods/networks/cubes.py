"""Networks of hyperspectral super-resolution: they see the coarse cube on its own grid, and any number of bands.

Inputs are ``hs``, the coarse cube, and ``base``, its interpolation, both divided by one number for the whole cube, so
that spectra keep their shape: the largest value that the scene holds. A network without biases gives the same whatever
that number is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Look
from earthloom.methods.fields import within
from earthloom.methods.networks.engines import Engine
from earthloom.methods.networks.forward import moved, run, turn
from earthloom.methods.networks.network import Network, Sizes, Trained
from earthloom.methods.networks.placement import on_device
from earthloom.methods.networks.ports import Port
from earthloom.methods.networks.scaling import normalised, scale_of
from earthloom.ops.banded import apply
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.resample import cubic
from earthloom.problems.superresolution import ratio_in
from earthloom.types import Float, Observation, ratio_of

if TYPE_CHECKING:
    from torch import nn

ANY = 0  # bands of a network that takes as many as there are
FEWEST = 5  # bands of a cube: each has four neighbours


@dataclass(frozen=True)
class Largest(Moments):
    """The largest absolute value of a scene in place of its moments: mean 0, and that as the deviation of each band."""

    @classmethod
    def of(cls, samples: Float[np.ndarray, "k n"]) -> Largest:
        """Gather from samples."""
        peak = float(np.abs(samples).max(initial=0.0))
        return cls.at(peak, len(samples))

    @classmethod
    def at(cls, peak: float, bands: int) -> Largest:
        """Of a known value."""
        return cls(2, np.zeros(bands), np.eye(bands) * peak**2)

    def __add__(self, other: Moments) -> Moments:
        return self if self.comoment[0, 0] >= other.comoment[0, 0] else other


@dataclass(frozen=True)
class CubeNetwork(Network):
    """A network that adds detail to the interpolated bands of a cube.

    Parameters
    ----------
    peak
        The value that the network sees as 1; 0 takes the largest of the scene. Without biases it makes no difference.
    """

    peak: float = 0.0

    roles: ClassVar[Mapping[str, str]] = {"base": "hs"}
    aside: ClassVar[tuple[str, ...]] = ("peak",)
    tile_px: ClassVar[int] = 384  # with hundreds of bands larger ones hold too much
    bytes_per_px: ClassVar[int] = 6000  # features of a chunk of bands
    images_held: ClassVar[int] = 6
    gives: ClassVar[str] = "the fine cube, over the same number as the coarse one"
    half: ClassVar[bool] = False  # of what it adds to bicubic, bfloat16 loses a fifth (ERGAS)

    def __post_init__(self) -> None:
        within(self, "peak", 0.0)

    def sizes(self, obs: Observation) -> Sizes:
        """Any number of bands, and the ratio."""
        return Sizes(ANY, 0, ratio_of(obs["hs"]))

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """The largest value of the cube, or what was given."""
        view, (rows, cols) = obs["hs"], obs.in_core("hs")
        if self.peak:
            return Stats(base=Largest.at(self.peak, len(view.bands)))
        return Stats(base=Largest.of(view.data[:, rows, cols][:, view.valid[rows, cols]]))

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "band _ _"]]:
        """The coarse cube, and the same enlarged by bicubic interpolation, whatever the convention."""
        return {"hs": obs["hs"].data, "base": bicubic_enlarged(obs)}

    def scale(self, name: str) -> str | None:
        """Both alike."""
        return "base"

    def multiple(self, sizes: Sizes) -> int:
        """Whole coarse pixels."""
        return max(round(sizes.ratio), 1)

    def ports(self, sizes: Sizes, bands: int) -> tuple[Port, ...]:
        """The coarse cube, which the graph interpolates itself."""
        holds = "the coarse cube over its largest value in the scene"
        return (Port("hs", bands, holds, ratio=round(sizes.ratio), most=1.0),)

    def written(self, module: nn.Module, sizes: Sizes) -> nn.Module:
        """From a coarse cube to a fine one."""
        from earthloom.nn.graphs import WholeCube

        return WholeCube(module, round(sizes.ratio))  # type: ignore[arg-type]

    def halo_px(self, ratio: float) -> int:
        """The network's reach; what interpolation looks at, every tile sees beyond."""
        return math.ceil(self.reach_px() * ratio)

    def reach_px(self) -> int:
        """Coarse pixels on every side that the network looks at."""
        return self.card.halo

    def refuse(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Also refuse ratios that no cube is enlarged by."""
        ratio_in(obs)
        super().refuse(obs, shape)

    def apply(self, trained: Trained, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The enlarged cube, to which the network adds detail a few bands at a time.

        Detail is made over the whole coarse pixels that a tile sees, and cut to the tile.
        """
        whole, skip = whole_pixels(obs)
        scale = stats["base"]
        hs = np.ascontiguousarray(normalised(whole["hs"].data, scale), np.float32)
        rows, cols = (slice(first, first + count) for first, count in zip(skip, obs.shape, strict=True))
        base, module = None, on_device(trained.module)
        if isinstance(module, Engine):  # a graph of all of it
            fine = run(module, {"hs": hs}, looks=self.looks(trained))[:, rows, cols]
            return fine.astype(obs["hs"].data.dtype) * obs["hs"].data.dtype.type(scale_of(scale)[1][0])
        out = bicubic_enlarged(obs)
        if module.sees_base:
            base = np.ascontiguousarray(normalised(bicubic_enlarged(whole), scale), np.float32)
        peak = out.dtype.type(scale_of(scale)[1][0])
        for chunk, detail in details(module, hs, base, whole.shape, self.computes_in, self.looks(trained)):
            out[chunk.start : chunk.stop] += peak * detail[:, rows, cols]
        return out


def bicubic_enlarged(obs: Observation) -> Float[np.ndarray, "band Y X"]:
    """The cube on the wanted grid by bicubic interpolation, whatever the convention."""
    hs = obs["hs"]
    rows, cols = (cubic(obs.shape[a], hs.shape[a], hs.ratio[a], hs.offset[a]) for a in (0, 1))
    return apply(rows, cols, hs.data)


def details(
    module: Any, hs: Float[np.ndarray, "band y x"], base: Float[np.ndarray, "band Y X"] | None,
    shape: tuple[int, int], precision: str, looks: Sequence[Look],
) -> Iterator[tuple[range, Float[np.ndarray, "some Y X"]]]:  # fmt: skip
    """What a network adds to a few bands at a time: for each way that it looks at the image a share."""
    import torch

    device = next(module.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        for turns, mirrored in looks:
            seen = [None if x is None else moved(x[None], device) for x in (hs, base)]
            seen = [None if x is None else torch.rot90(x, turns, (2, 3)) for x in seen]
            seen = [None if x is None else x.flip(3) if mirrored else x for x in seen]
            state = None
            for chunk in module.chunks(len(hs), shape[0] * shape[1]):
                with turn(device):
                    found, state = module.detail(*seen, chunk, state)
                    found = torch.rot90(found.flip(3) if mirrored else found, -turns, (2, 3)) / len(looks)
                    detail = found[0].float().cpu().numpy()
                yield chunk, detail


def whole_pixels(obs: Observation) -> tuple[Observation, tuple[int, int]]:
    """The observation over all whole coarse pixels that it sees, and where its own wanted grid begins there.

    Raises
    ------
    MethodError
        If coarse pixels do not begin where wanted ones do.
    """
    hs, ratio = obs["hs"], ratio_in(obs)
    half, before = (ratio - 1) / 2, []
    for offset in hs.offset:
        begin = offset - half
        if abs(begin - round(begin)) > 1e-6:
            raise MethodError(
                f"a cube whose pixels begin {begin % 1:.3f} wanted pixels off the grid", "grids that nest",
                "super-resolution makes the finer grid itself: leave it out",
            )  # fmt: skip
        before.append(-round(begin))
    shape = (hs.shape[0] * ratio, hs.shape[1] * ratio)
    own = replace(hs, offset=(half, half))
    whole = replace(obs, views={**obs.views, "hs": own}, shape=shape, core=None, origin=(0, 0))
    return whole, (before[0], before[1])
