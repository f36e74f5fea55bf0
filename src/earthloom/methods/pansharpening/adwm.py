"""FusionNet and LGPNet with ADWM's weighting of channels and blocks, as released, with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from earthloom.methods.base import INTERPOLATION, Card
from earthloom.methods.families.pan_ms import valid_fine
from earthloom.methods.networks.forward import run
from earthloom.methods.networks.lattice import on_lattice
from earthloom.methods.networks.network import Sizes, Trained
from earthloom.methods.networks.placement import on_device
from earthloom.methods.networks.released import Released
from earthloom.ops.banded import apply, sampled
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

if TYPE_CHECKING:
    from torch import nn

PHASE, CENTRE = 2.0, 1.5  # where MS pixels lie in the data that they learned, and where they take them to lie


@dataclass(frozen=True)
class Sums:
    """Sums over the pixels of a scene: of centred features' products, and of features."""

    count: int
    products: Float[np.ndarray, "l c c"]
    totals: Float[np.ndarray, "l c"]

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.count + other.count, self.products + other.products, self.totals + other.totals)


@dataclass(frozen=True)
class Adwm(Released):
    """A network of ADWM, ``F = peak clip(U m + T(sum_l s_l w_l f_l), 0, 1)`` with features f_l of four blocks.

    w_l weighs the channels of a block by their correlations, ``w_l = mlp(K_l)``, s_l the blocks by the means of their
    channels; both are of the whole scene. So the first pass runs the blocks and sums products and means, and the second
    makes the image: tiles of any size are the whole. It costs nearly twice the network.

    Weights are those of its authors for WorldView-3, ``earthloom weights import`` makes a file of them.

    Parameters
    ----------
    network
        FusionNet or LGPNet; weights know it.
    peak
        The number that the network sees as 1: 2047, the largest of 11 bits.

    References
    ----------
    Huang, Chen, Ren, Peng, Deng, CVPR 2025.
    """

    network: Literal["fusionnet", "lgpnet"] = "fusionnet"

    tile_px: ClassVar[int] = 512
    bytes_per_px: ClassVar[int] = 3000
    frozen: ClassVar[str] = "the weights of its channels belong to a whole scene, which patches do not show"

    card: ClassVar[Card] = Card(
        name="ADWM",
        title="Networks with adaptive dual-level weighting as released",
        family="network",
        citation="huang2025",
        halo=2 * INTERPOLATION + 5,
        minimum=4,
        notes="the authors' weights, which are theirs and not shipped (MIT)",
    )

    def net(self, sizes: Sizes) -> nn.Module:
        """In the shape of the checkpoints."""
        from earthloom.nn.released.adwm import NETWORKS

        return NETWORKS[self.network](sizes.bands)

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "_ Y X"]]:
        """PAN, and the MS enlarged by cubic convolution as if it lay half a pixel beside its lattice."""
        coarse, first = on_lattice(obs, PHASE)
        rows, cols = (
            sampled((np.arange(n) - at + PHASE - CENTRE) / ratio, size, _cubic, 2.0)
            for n, at, ratio, size in zip(obs.shape, first, obs["ms"].ratio, coarse.shape[1:], strict=True)
        )
        return {"guide": obs["pan"].data, "base": apply(rows, cols, coarse)}

    def measure(self, trained: Trained, obs: Observation, so_far: Stats | None) -> Stats:
        """Also the sums that the weights of channels and blocks are computed from."""
        from earthloom.nn.released.adwm import BLOCKS

        stats = self.summarise(obs, None)
        found = run(on_device(trained.module), self.seen(trained, obs, stats))
        rows, cols = obs.core_window.slices
        valid = valid_fine(obs)[rows, cols]
        products, totals = [], []
        for block in np.split(found[:, rows, cols], BLOCKS):
            features = block[:, valid].astype(np.float64)
            centred = features - features.mean(axis=0)
            products.append(centred @ centred.T)
            totals.append(features.sum(axis=1))
        return Stats({**stats, "sums": Sums(int(valid.sum()), np.stack(products), np.stack(totals))})

    def computed(
        self, trained: Trained, obs: Observation, inputs: Mapping[str, np.ndarray], stats: Stats
    ) -> Float[np.ndarray, "band Y X"]:
        """The tile with the scene's weights."""
        shares = shares_of(trained, stats["sums"])
        return run(
            on_device(trained.module),
            {**inputs, "shares": shares.reshape(-1, 1, 1)},
            self.computes_in,
            self.looks(trained),
        )

    def halo_px(self, ratio: float) -> int:
        """Convolutions (of LGPNet two in each), cubic convolution, and what moves the MS onto its lattice."""
        layers = {"fusionnet": 10, "lgpnet": 2 * 13}[self.network]
        return layers + round((2 + INTERPOLATION + 1) * ratio)


def shares_of(trained: Trained, sums: Sums) -> Float[np.ndarray, "l c"]:
    """What each channel of each block counts in a scene."""
    import torch

    with torch.inference_mode():
        weighting: Any = trained.module.bw_output
        given = (torch.from_numpy(one.astype(np.float32)) for one in (sums.products, sums.totals / max(sums.count, 1)))
        return weighting(*given).numpy()


def _cubic(x: np.ndarray) -> np.ndarray:
    """Cubic convolution with a = -3/4, which torch takes."""
    x = np.abs(x)
    near, far = (1.25 * x - 2.25) * x * x + 1, -0.75 * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))
