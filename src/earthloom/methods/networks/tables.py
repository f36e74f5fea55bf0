"""Networks that turn histograms into lookup tables: how their weights are found, and how a scene gets its tables.

The histogram of every cell of the scene is gathered in the summarise pass; the U-Net runs once for each cell, in the
first tile that asks, and everything else is one fused lookup: tables are blended between the cells' centres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Method, Wrapper
from earthloom.methods.fields import checked_field, within
from earthloom.methods.networks.modules import plain_module
from earthloom.methods.networks.placement import on_device
from earthloom.methods.networks.ports import Port
from earthloom.methods.networks.published_tables import published
from earthloom.methods.networks.table_weights import SAME_NM, distance, shown, table_header, table_order, target_of
from earthloom.ops.histogram import Bins, HistogramCells
from earthloom.ops.lookup import Mix, Tables, remap, stencil
from earthloom.ops.moments import Stats
from earthloom.problems.bandpass import partners
from earthloom.types import Band, Float, Observation
from earthloom.weights import store as weights

if TYPE_CHECKING:
    from earthloom.nn.unet_lut import LutNet

RUNTIME = ("weights", "variant", "cell", "unit")  # fields that do not shape the network
PSEUDO = 4096  # pixels of the whole scene that every cell's histogram holds
OUTSIDE = 0.9  # share of a band's pixels beyond the range of the weights from which on the numbers mean something else
ENDS = 2  # nodes beside the network's own, where its correction stays what it was at the last one


@dataclass(frozen=True)
class LutNetwork(Method):
    """A network that reads histograms and writes tables.

    Parameters
    ----------
    weights
        A ``.safetensors`` file, the folder of a training run, or the name of shipped weights; None picks the shipped
        weights of these source and target bands. With ``variant="published"`` the authors' ``.pth``.
    variant
        ``published`` is the authors' network.
    bins
        Of the histogram, and nodes of the tables.
    width
        Features of the U-Net at full length; more fit more and cost its square.
    side
        Of the kernel over the neighbours, which mends misregistration and noise; 1 leaves it out.
    cell
        Pixels along a side of the cells that have tables of their own; 0: one table for the scene.
    unit
        What the image's numbers are for a reflectance of 1, where the weights were made for reflectance; 1 leaves
        them as they are. The published variant turns them into the numbers of 10000 that it was made for.
    """

    weights: str | None = None
    variant: Literal["ours", "published"] = "ours"
    bins: int = 64
    width: int = 8
    side: int = 3
    cell: int = 512
    unit: float = 1.0

    tile_px: ClassVar[int] = 1024
    bytes_per_px: ClassVar[int] = 150
    rounds: ClassVar[int] = 1
    fits: ClassVar[bool] = False
    crosses: ClassVar[bool] = False
    older: ClassVar[Mapping[str, Any]] = {}
    gives: ClassVar[str] = "the target's bands, in the same numbers; then what the tables added to the line"

    def __post_init__(self) -> None:
        within(self, "bins", 16, 4096)
        within(self, "width", 1, 256)
        within(self, "side", 1, 9)
        within(self, "cell", 0)
        within(self, "unit", 1e-9)
        if self.side % 2 == 0:
            raise MethodError(f"{self.card.name} with side={self.side}", "an odd number, such as 3")

    def halo_px(self, ratio: float) -> int:
        """The reach of the kernel."""
        return max(self.side // 2, self.card.halo if self.variant == "published" else 0)

    def net(self, seen: int, found: int) -> LutNet:
        """The network for so many source and target bands, with fresh weights."""
        from earthloom.nn.unet_lut import LutNet

        return LutNet(seen, found, self.bins, self.width, self.side, self.crosses)

    def built(self, header: weights.Header) -> LutNet:
        """The network of some weights, with fresh ones."""
        return self.net(int(header.sizes["bands"]), int(header.sizes["guide"]))

    def ports(self, sizes: Any, bands: int) -> tuple[Port, ...]:
        """What its graph takes in a file for other programs: the image, and what is known of the whole scene."""
        image = "the source's bands in the numbers that the weights were made for (reflectance)"
        bins = f"histograms of the scene, {self.bins} bins over the range of the weights, each band summing to 1"
        return Port("image", sizes.bands, image, most=0.5), Port("histogram", sizes.bands, bins, flat=self.bins)

    def written(self, module: Any, sizes: Any) -> Any:
        """The module as it goes into such a file."""
        return module.settled()

    @property
    def key(self) -> str:
        """``problem/name``."""
        return f"{self.card.problem}/{type(self).__module__.rpartition('.')[2]}"

    @property
    def architecture(self) -> dict[str, Any]:
        """The fields that shape the network."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in RUNTIME}

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Histograms of the cells."""
        return self.fitted(obs).summarise(obs, so_far)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """With the weights that fit."""
        return self.fitted(obs).fuse(obs, stats)

    def ready(self, obs: Observation) -> Method:
        """With its weights."""
        return self.fitted(obs)

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Also refuse bands that no weights fit."""
        super().check(obs, shape)
        partners(obs["source"].bands, obs["target"].bands, self.card.name, every=not self.crosses)
        self.fitted(obs)

    def fitted(self, obs: Observation) -> Method:
        """The network with the weights that fit these bands.

        Raises
        ------
        MethodError
            If none do; the message names what there is.
        """
        tables_need_torch(self.card.name)
        if self.variant == "published":
            return published(self, self.weights, self.unit, obs)
        source, target = obs["source"].bands, obs["target"].bands
        if self.weights is not None:
            return load_tables(self, self.weights, source, target)
        near = [(far, h) for h in weights.shipped_weights(self.key) if (far := distance(h, source, target)) <= SAME_NM]
        if near:
            return load_tables(self, min(near, key=lambda pair: pair[0])[1].name, source, target)
        have = "; ".join(
            f"{h.name} ({h.sensor} to {target_of(h)['sensor']})" for h in weights.shipped_weights(self.key)
        )
        raise MethodError(
            f"{self.card.name} has no weights from {shown(source)} to {shown(target)}",
            have or "weights of your own",
            "fit it to pairs of images (`earthloom align fit`), give weights, or choose spectral, which needs neither",
        )

    def fresh(self, obs: Observation, seed: int = 0) -> FittedLut:
        """With random weights, which add nothing to the line: the partner's band as it is."""
        tables_need_torch(self.card.name)
        import torch

        from earthloom.nn.unet_lut import Start

        source, target = obs["source"], obs["target"].bands
        partner = [s or 0 for s in partners(source.bands, target, self.card.name, every=not self.crosses)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self.net(len(source.bands), len(target))
        seen = source.data[:, source.valid] if source.valid.any() else np.zeros((len(source.bands), 1))
        low, high = seen.min(axis=1).astype(float), seen.max(axis=1).astype(float)
        high = np.where(high > low, high, low + 1)
        std = np.maximum(seen.std(axis=1), 1e-6 * (high - low))
        matrix = np.eye(len(source.bands))[partner]
        ones, zeros = np.ones(len(target)), np.zeros(len(target))
        module.begin(
            Start(
                matrix, zeros, ones, zeros, seen.mean(axis=1), std, std[partner], 0.1 * std[partner], low, high,
                low[partner], high[partner],
            )
        )  # fmt: skip
        return FittedLut(self, TrainedLut(module.eval(), table_header(self, source.bands, target)))


@dataclass(frozen=True, eq=False)
class TrainedLut:
    """A network's module, what it is for, and where the scene holds each of its source bands."""

    module: LutNet
    header: weights.Header
    order: tuple[int, ...] | None = None


@dataclass(frozen=True)
class FittedLut(Wrapper):
    """A table-writing network with its weights: a method like any other."""

    inner: LutNetwork
    trained: TrainedLut

    rounds: ClassVar[int] = 1  # type: ignore[assignment]

    @property
    def bins(self) -> Bins:
        """Those of the network's histogram, in the numbers of the image."""
        module, unit = self.trained.module, self.inner.unit
        return Bins(_numbers(module.low) * unit, _numbers(module.high) * unit, self.inner.bins)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Histograms of the cells that the core touches."""
        rows, cols = obs.core_window.slices
        source = obs["source"]
        image = self._ordered(source.data)[:, rows, cols]
        origin = (obs.origin[0] + rows.start, obs.origin[1] + cols.start)
        cell = self.inner.cell or 1 << 40
        return Stats(cells=HistogramCells.of(image, source.valid[rows, cols], origin, self.bins, cell))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Mix, look up, and mend by the neighbours."""
        source = obs["source"]
        found = remap(
            source.data, None, self.mix, tables_of(self, stats["cells"]), obs.origin, source.data.dtype
        )  # fmt: skip
        taps = self.trained.module.taps()
        return found if taps is None else stencil(found, source.valid, taps.detach().numpy())

    @property
    def mix(self) -> Mix:
        """Bands mixed, in the order and the numbers of the image."""
        matrix, constant = (tensor.detach().double().numpy() for tensor in self.trained.module.mix())
        order = self.trained.order
        if order is not None:
            matrix = matrix[:, np.argsort(order)]
        return Mix.linear(matrix / self.inner.unit, constant)

    def ready(self, obs: Observation) -> FittedLut:
        """As it is."""
        return self

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """What the card excludes, and other bands than the weights'."""
        Method.check(self.inner, obs, shape)
        table_order(self.trained.header, obs["source"].bands, obs["target"].bands)

    @property
    def told(self) -> str:
        """Whose weights."""
        header = self.trained.header
        made = f", {header.sensor} to {target_of(header)['sensor']}" if header.sensor else ""
        return f"{self.card.name} with weights '{header.name}'{made}"

    @property
    def parameters(self) -> dict[str, Any]:
        """Fields, and whose weights."""
        header = self.trained.header
        found = {**self.inner.parameters, **header.fields, "weights": header.name}
        sha = weights.fingerprint(header)
        return {**found, "weights_sha256": sha} if sha else found

    def save(self, path: str | Path, half: bool = False, **card: Any) -> Path:
        """Write the weights and what they are for; ``card`` adds to what they say about themselves."""
        tensors = {key: value.detach().cpu().numpy() for key, value in self.trained.module.state_dict().items()}
        header = replace(self.trained.header, card={**self.trained.header.card, **card})
        return weights.write(path, header, tensors, half)

    def _ordered(self, image: np.ndarray) -> np.ndarray:
        order = self.trained.order
        return image if order is None else image[list(order)]


@lru_cache(maxsize=8)
def tables_of(fitted: FittedLut, cells: HistogramCells) -> Tables:
    """The tables of every cell of a scene.

    Raises
    ------
    MethodError
        If nearly all numbers lie beyond those that the network knows: other units, a wrong scale or offset.
    """
    import torch

    module, unit = fitted.trained.module, fitted.inner.unit
    _require_range(fitted, cells)
    shares, corner = cells.shares(PSEUDO)
    rows, cols, bands, bins = shares.shape
    flat = torch.from_numpy(shares.reshape(-1, bands, bins).astype(np.float32))
    there: LutNet = on_device(module)  # type: ignore[assignment]
    device = next(there.parameters()).device
    with torch.inference_mode():
        added = torch.cat([there.residual(part.to(device)).cpu() for part in flat.split(256)]).double().numpy()
    first, last = _numbers(module.first), _numbers(module.last)
    step = (last - first) / (bins - 1)
    added = np.pad(added, ((0, 0), (0, 0), (ENDS, ENDS)), mode="edge")
    nodes = first[:, None] + (np.arange(-ENDS, bins + ENDS)) * step[:, None]
    values = added + _numbers(module.slope)[:, None] * nodes + _numbers(module.offset)[:, None]
    values = (values * unit).reshape(rows, cols, *values.shape[1:])
    return Tables(nodes[:, 0], step, values, cells.cell_px if rows * cols > 1 else 0, corner)


def _require_range(fitted: FittedLut, cells: HistogramCells) -> None:
    """Refuse numbers that are nearly all beyond the histogram's range."""
    total = cells.total
    share = total[:, [0, -1]] / np.maximum(total.sum(axis=1, keepdims=True), 1)
    header, bins = fitted.trained.header, fitted.bins
    for band, (low, high), least, most in zip(header.bands, share, bins.low, bins.high, strict=True):
        if max(low, high) > OUTSIDE:
            where = "below" if low > high else "above"
            raise MethodError(
                f"{max(low, high):.0%} of {band} {where} what weights '{header.name}' know",
                f"numbers around {least:.4g} to {most:.4g}",
                "other units? `unit` says what a reflectance of 1 is in this image (10000 for usual digital numbers); "
                "a Sentinel-2 image of 2022 or later may still hold its offset of 1000",
            )  # fmt: skip


def _numbers(tensor: Any) -> Float[np.ndarray, " n"]:
    """A buffer as float64."""
    return tensor.detach().cpu().double().numpy()


def load_tables(network: LutNetwork, name: str, source: Sequence[Band], target: Sequence[Band]) -> FittedLut:
    """A network with the weights of a file.

    Raises
    ------
    MethodError
        If they belong to another method or other bands.
    """
    header = weights.read_header(name)
    if header.method != network.key:
        raise MethodError(
            f"weights '{header.name}' of {header.method}", f"weights of {network.key}",
            f"they run with the method {header.method.rpartition('/')[2]}",
        )  # fmt: skip
    network = replace(network, **checked_field(type(network), dict(header.fields)))
    order = table_order(header, source, target)
    module = _module(type(network), header.path, Path(header.path).stat().st_mtime_ns)
    return FittedLut(network, TrainedLut(module, header, order))


@lru_cache(maxsize=8)
def _module(cls: type[LutNetwork], path: str, changed: int) -> LutNet:
    """The network of a file; ``changed`` tells a file that was written anew from the one before."""
    return plain_module(cls, path)  # type: ignore[return-value]


def tables_need_torch(name: str) -> None:
    """Say what to install."""
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
    except ImportError as missing:
        raise MethodError(f"{name} without {missing.name}", "torch", "pip install 'earthloom[torch]'") from missing
