"""PNN, PanNet, MSDCNN, FusionNet as PanBench released them, with its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from earthloom.methods.base import INTERPOLATION, Card
from earthloom.methods.networks.forward import run
from earthloom.methods.networks.lattice import on_lattice, on_lattice_at
from earthloom.methods.networks.network import Sizes, Trained
from earthloom.methods.networks.placement import on_device
from earthloom.methods.networks.released import Released
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

if TYPE_CHECKING:
    from torch import nn

RATIO, PHASE = 4, 1.5  # where MS pixels lie in images reduced by common programs
FRAME, STEP = 64, 48  # MS pixels of a frame, and from one to the next


@dataclass(frozen=True)
class Extent:
    """How far a scene reaches, in wanted pixels."""

    rows: int
    cols: int

    def __add__(self, other: Extent) -> Extent:
        return Extent(max(self.rows, other.rows), max(self.cols, other.cols))


@dataclass(frozen=True)
class Panbench(Released):
    """A network of PanBench, ``F = peak sum_f w_f net(P_f / peak, m_f / peak)`` over frames f of 64 MS pixels a side.

    The networks enlarge the MS so that the corners of both grids coincide. So MS and PAN are up to 1.5 PAN pixels apart
    within a frame, and the networks learned that, for frames of 64 x 64 MS pixels: any other piece gives another
    image. Frames are counted from the corner of the scene, overlap by 16 MS pixels or more, and are blended there by
    weights w that sum to 1; the last ones end with the scene. A scene that is smaller is padded by its edge.

    Parameters
    ----------
    network
        Which of the four; weights know it.
    peak
        The number that the network sees as 1: 255 for 8-bit images, which it learned.

    References
    ----------
    Wang, Zou, Li, Xing, Tao, arXiv:2311.12083, 2023.
    """

    network: Literal["pnn", "pannet", "msdcnn", "fusionnet"] = "pnn"
    peak: float = 255.0

    clipped: ClassVar[bool] = False
    only_ratio: ClassVar[float | None] = RATIO
    frozen: ClassVar[str] = "its frames are no patches to learn from"

    card: ClassVar[Card] = Card(
        name="PanBench",
        title="Networks of PanBench as released",
        family="network",
        citation="wang2023panbench",
        halo=INTERPOLATION + FRAME,
        minimum=4,
        notes="the authors' weights, which are theirs and not shipped (Apache-2.0)",
    )

    def net(self, sizes: Sizes) -> nn.Module:
        """In the shape of the checkpoints."""
        from earthloom.nn.released.panbench import NETWORKS

        return NETWORKS[self.network](sizes.bands)

    def halo_px(self, ratio: float) -> int:
        """Whole frames, and what moves the MS onto its lattice."""
        return RATIO * (FRAME + INTERPOLATION + 1)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Also how far the scene reaches."""
        rows, cols, height, width = obs.core_window
        extent = Extent(obs.origin[0] + rows + height, obs.origin[1] + cols + width)
        return Stats({**super().summarise(obs, so_far), "extent": extent})

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "_ _ _"]]:
        """PAN, and the MS on its own grid."""
        return {"guide": obs["pan"].data, "base": on_lattice(obs, PHASE)[0]}

    def computed(
        self, trained: Trained, obs: Observation, inputs: Mapping[str, np.ndarray], stats: Stats
    ) -> Float[np.ndarray, "band Y X"]:
        """The frames that this tile sees whole, blended."""
        module, there, reach = on_device(trained.module), on_lattice_at(obs, PHASE), stats["extent"]
        along = [
            list(seen_frames(extent, begin, count)) for extent, begin, count in
            zip((reach.rows, reach.cols), obs.origin, obs.shape, strict=True)
        ]  # fmt: skip
        out = np.zeros((len(inputs["base"]), *obs.shape), np.float32)
        for down, across in product(*along):
            fine, coarse = (
                [np.clip(np.arange(n) + at, 0, size - 1) for at, size in zip(begin, sizes, strict=True)]
                for n, begin, sizes in (
                    (RATIO * FRAME, (down.begin, across.begin), obs.shape),
                    (FRAME, [(f.first - k) for f, k in zip((down, across), there, strict=True)],
                     inputs["base"].shape[1:]),
                )
            )  # fmt: skip
            frame = {"guide": inputs["guide"][:, fine[0][:, None], fine[1]]}
            frame["coarse"] = inputs["base"][:, coarse[0][:, None], coarse[1]]
            found = run(module, frame, self.computes_in, self.looks(trained))
            rows, cols = down.kept, across.kept
            part = found[:, : rows.stop - rows.start, : cols.stop - cols.start]
            out[:, rows, cols] += (down.weight[:, None] * across.weight) * part
        return out


@dataclass(frozen=True)
class Frame:
    """A frame along one axis: its first MS pixel in the scene, first PAN pixel here, PAN pixels here and weights."""

    first: int
    begin: int
    kept: slice
    weight: Float[np.ndarray, " n"]


def starts(extent: int) -> list[int]:
    """First MS pixels of the frames along a side of a scene; the last frame ends with it."""
    last = max(math.ceil(extent / RATIO) - FRAME, 0)
    return [*range(0, last, STEP), last]


def seen_frames(extent: int, begin: int, count: int) -> Iterator[Frame]:
    """The frames that lie whole, as far as the scene does, in ``count`` PAN pixels from ``begin``."""
    side, every = RATIO * FRAME, [RATIO * first for first in starts(extent)]
    for at in every:
        stop = min(at + side, extent)
        if at < begin or stop > begin + count:
            continue
        pixels = np.arange(at, stop) + 0.5
        inward = [np.clip(np.minimum(pixels - one, one + side - pixels), 0, None) for one in every]
        weight = (inward[every.index(at)] / np.sum(inward, axis=0)).astype(np.float32)
        yield Frame(at // RATIO, at - begin, slice(at - begin, stop - begin), weight)
