"""Networks that take one band at a time, begin at a product that needs no training, and serve any number of bands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from earthloom.methods.fields import within
from earthloom.methods.networks.network import Network, Sizes, Trained
from earthloom.methods.networks.ports import Port, normalised_of
from earthloom.methods.networks.scaling import normalised, scale_of
from earthloom.ops.moments import Stats
from earthloom.types import Float, Observation

ANY = 0  # bands, guides, ratio: what there is
LOUD = 4.0  # details are shown larger than they are, so that they count like values
BLOCK = 2  # of :class:`earthloom.nn.band_net.BandNet`


class Shown(NamedTuple):
    """One coarse band as a network sees it: in physical units, but ``seen``, which is normalised.

    ``start`` is the product that is added to; ``trust``, from 0 to 1, how much of it and of what is added is believed.
    """

    band: int
    base: Float[np.ndarray, "Y X"]
    start: Float[np.ndarray, "Y X"]
    seen: Float[np.ndarray, "k Y X"]
    trust: float = 1.0


@dataclass(frozen=True)
class EachBand(Network):
    """A network for one band at a time; a subclass says what it sees of each.

    Parameters
    ----------
    width
        Features.
    blocks
        Residual blocks of two 3 x 3 convolutions, at half the wanted resolution.
    """

    width: int = 32
    blocks: int = 4

    scales: ClassVar[Mapping[str, str]] = {"start": "base"}
    tile_px: ClassVar[int] = 768

    def __post_init__(self) -> None:
        within(self, "width", 4, 256)
        within(self, "blocks", 1, 32)

    @abstractmethod
    def shown(self, obs: Observation, stats: Stats) -> Iterator[Shown]:
        """Every coarse band as the network sees it."""

    @property
    @abstractmethod
    def images(self) -> int:
        """How many images ``seen`` holds."""

    def sizes(self, obs: Observation) -> Sizes:
        """Any number of bands and guides, any ratio."""
        return Sizes(ANY, ANY, ANY)

    def multiple(self, sizes: Sizes) -> int:
        """Side of the blocks that are unshuffled."""
        return BLOCK

    def scale(self, name: str) -> str | None:
        """Interpolated bands and those of the start are normalised as the coarse ones; what else is seen is already."""
        return "base" if name in ("base", "start") else None

    def ports(self, sizes: Sizes, bands: int) -> tuple[Port, ...]:
        """Any number of bands, and the images that are shown of each, band after band."""
        base = normalised_of(f"{self.roles['base']} interpolated,")
        start = "the product that is added to, normalised by the moments of base"
        seen = f"{self.images} images of every band in turn, as `{self.key}` makes them"
        return Port("base", 1, base, True), Port("start", 1, start, True), Port("seen", self.images, seen, True)

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "_ Y X"]]:
        """All bands as the network sees them: ``seen`` holds the images of each in turn."""
        view = obs[self.roles["base"]]
        bands, kind = len(view.bands), view.data.dtype
        base, start = (np.empty((bands, *obs.shape), kind) for _ in range(2))
        seen = np.empty((bands, self.images, *obs.shape), np.float32)
        for shown in self.shown(obs, stats):
            base[shown.band], start[shown.band], seen[shown.band] = shown.base, shown.start, shown.seen
        return {"base": base, "start": start, "seen": seen.reshape(-1, *obs.shape)}

    def apply(self, trained: Trained, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """One band after the other, so that hundreds take no more memory than one."""
        view = obs[self.roles["base"]]
        out = np.empty((len(view.bands), *obs.shape), view.data.dtype)
        for shown in self.shown(obs, stats):
            if shown.trust == 0:
                out[shown.band] = shown.base
                continue
            own = stats["base"].pick([shown.band])
            images = {"base": normalised(shown.base[None], own), "start": normalised(shown.start[None], own)}
            inputs = {name: np.ascontiguousarray(image, np.float32) for name, image in images.items()}
            found = self.through(trained, obs, {**inputs, "seen": shown.seen})[0]
            mean, std = (value.astype(out.dtype)[0] for value in scale_of(own))
            fused = found.astype(out.dtype) * std + mean
            out[shown.band] = fused if shown.trust == 1 else shown.base + shown.trust * (fused - shown.base)
        return out
