"""Networks as methods: what they see, how it is normalised, and how their weights are found.

A network is a method with a ``net()``. Its inputs are images on the wanted grid: ``guide`` (the sharp or cloud-free
view), ``base`` (the interpolated or cloudy one, which the wanted image resembles) and perhaps ``extra`` (masks). Guide
and base are normalised per band by the mean and standard deviation of the *scene*, gathered in the summarise pass, so
that weights carry over between units and sensors; the network gives the wanted image normalised as the base.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import AS_IT_IS, EIGHT, Look, Method, Wrapper
from earthloom.methods.networks.fitting import Sizes as Sizes
from earthloom.methods.networks.fitting import need_torch, order, order_or_raise, own_fields, told_part, told_weights
from earthloom.methods.networks.forward import run
from earthloom.methods.networks.modules import module_of
from earthloom.methods.networks.placement import half_is_fast, on_device
from earthloom.methods.networks.ports import Port, normalised_of
from earthloom.methods.networks.scaling import normalised, pixels, scale_of
from earthloom.methods.networks.teaching import Teaching
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.forward import expand
from earthloom.types import Band, Float, Observation, ratio_of
from earthloom.weights import store as weights

if TYPE_CHECKING:
    from torch import nn

RUNTIME = ("weights", "precision", "ensemble")  # fields that do not shape the network


@dataclass(frozen=True)
class Network(Method):
    """A method whose fuse pass is a trained network.

    Parameters
    ----------
    weights
        A ``.safetensors`` file, the folder of a training run, or the name of shipped weights; None picks the shipped
        weights that fit the bands and the ratio.
    precision
        ``bfloat16`` computes convolutions in half the bytes (products differ by about 1e-3 of a standard deviation);
        ``auto`` does so on a GPU that can.
    ensemble
        Average over the eight flips and turns of the image: more accurate, eight times the work.
    """

    weights: str | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    ensemble: bool = False

    tile_px: ClassVar[int] = 1024
    bytes_per_px: ClassVar[int] = 1000
    roles: ClassVar[Mapping[str, str]] = {"guide": "pan", "base": "ms"}  # input: the view it shows, normalised
    masks: ClassVar[Mapping[str, str]] = {}  # input: the view it shows as it is
    scales: ClassVar[Mapping[str, str]] = {}  # input: the moments that normalise it, where they are not its own
    aside: ClassVar[tuple[str, ...]] = ()  # more fields that do not shape the network
    older: ClassVar[Mapping[str, Any]] = {}  # what weights that do not name these fields mean by it
    half: ClassVar[bool] = True  # its figures hold in bfloat16, so that a GPU may compute in it unless told otherwise
    frozen: ClassVar[str] = ""  # why it cannot be taught, if so
    beside: ClassVar[tuple[str, ...]] = ()  # methods, ``NAME, refine=N``, that take the part of it that a scene shows
    gives: ClassVar[str] = "the wanted image, normalised as base: times the deviation of each band, plus its mean"
    relative: ClassVar[bool] = True  # normalised by the scene, so that units and levels do not matter
    turns: ClassVar[bool] = True
    teaching: ClassVar[Teaching | None] = None  # None: the error of the pixels is all

    @abstractmethod
    def net(self, sizes: Sizes) -> nn.Module:
        """The network, with fresh weights; called as ``net(**inputs)``."""

    def built(self, header: weights.Header) -> nn.Module:
        """The network of some weights, with fresh ones."""
        return self.net(Sizes(**header.sizes))  # type: ignore[arg-type]

    def inputs(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "_ _ _"]]:
        """The images that the network sees, in physical units on the wanted grid; a coarse view is interpolated."""
        shown = {**self.roles, **self.masks}
        return {name: expand(obs, role=r) if max(obs[r].ratio) > 1 else obs[r].data for name, r in shown.items()}

    def sizes(self, obs: Observation) -> Sizes:
        """Sizes of the network for this observation."""
        guide, base = (obs[self.roles[name]] for name in ("guide", "base"))
        return Sizes(
            len(base.bands), len(guide.bands), ratio_of(base), sum(len(obs[role].bands) for role in self.masks.values())
        )

    def ready(self, obs: Observation) -> Method:
        """With the weights that fit."""
        return self.fitted(obs)

    def learning(self, obs: Observation) -> Network:
        """The network that this scene alone can teach: itself, unless a case made of the scene shows less than it."""
        return self

    def require_teachable(self) -> None:
        """Refuse to be taught, where that makes no sense.

        Raises
        ------
        MethodError
            With the reason.
        """
        if self.frozen:
            raise MethodError(f"{self.card.name} to be taught", "a network of ours, such as cf2n", self.frozen)

    def scale(self, name: str) -> str | None:
        """Whose moments normalise an input; None leaves it as it is."""
        return self.scales.get(name, name if name in self.roles else None)

    def multiple(self, sizes: Sizes) -> int:
        """Patches and tiles begin at multiples of this many wanted pixels."""
        return 1

    def ports(self, sizes: Sizes, bands: int) -> tuple[Port, ...]:
        """What its graph takes in a file for other programs; ``bands``: how many, where it has to know."""
        found = [
            Port("guide", sizes.guide, normalised_of(self.roles["guide"])),
            Port("base", sizes.bands, normalised_of(self.roles["base"])),
            Port("extra", sizes.extra, f"{', '.join(self.masks.values())}, 0 or 1"),
        ]
        return tuple(port for port in found if port.channels)

    def written(self, module: nn.Module, sizes: Sizes) -> nn.Module:
        """The module as it goes into such a file."""
        return module

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the views that normalise the inputs, over the valid pixels of the core."""
        return Stats(**{name: Moments.of(pixels(obs, role)) for name, role in self.roles.items()})

    def measure(self, trained: Trained, obs: Observation, so_far: Stats | None) -> Stats:
        """What summarise gathers when the weights are known."""
        return self.summarise(obs, so_far)

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Also refuse a scene that no weights fit."""
        self.refuse(obs, shape)
        self.fitted(obs)

    def refuse(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Refuse a scene that the network excludes, whatever its weights."""
        super().check(obs, shape)

    def fitted(self, obs: Observation) -> Fitted:
        """The network with the weights that fit this scene.

        Raises
        ------
        MethodError
            If none fit; the message names what there is and what would be needed.
        """
        need_torch(self.card.name)
        if self.weights is not None:
            return load_network(self, self.weights, obs)
        for header in weights.shipped_weights(self.key):
            same = {**self._defaults, **header.fields} == self.architecture
            if same and order(header, self.sizes(obs), self._bands(obs)) is not None:
                return load_network(self, header.name, obs)
        have = "; ".join(told_weights(h, self._defaults, self.architecture) for h in weights.shipped_weights(self.key))
        raise MethodError(
            f"{self.card.name} has no weights for {self.sizes(obs)}", have or "weights of your own",
            f"{told_part(self.key, self.sizes(obs), self._bands(obs))}`adapt=True` trains it on this scene, `weights` "
            "takes yours, `earthloom train` makes them",
        )  # fmt: skip

    def fresh(self, obs: Observation, seed: int = 0) -> Fitted:
        """The network with random weights (its output layer is zero, so that it begins as its base)."""
        need_torch(self.card.name)
        import torch

        sizes, bands = self.sizes(obs), self._bands(obs)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self.net(sizes)
        header = weights.Header(
            self.key, self.architecture, vars(sizes), None, tuple(b.name for b in bands),
            tuple(b.centre_nm for b in bands), obs.convention, name="random",
        )  # fmt: skip
        return Fitted(self, Trained(module.eval(), header))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """The image that the fitting weights make."""
        return self.fitted(obs).fuse(obs, stats)

    def apply(self, trained: Trained, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Normalise, align to the network's blocks, run, and take all that back."""
        return self.judge(trained, obs, stats)[0]

    def judge(
        self, trained: Trained, obs: Observation, stats: Stats
    ) -> tuple[Float[np.ndarray, "band y x"], Float[np.ndarray, "y x"] | None]:
        """What :meth:`apply` gives, and how far each pixel is expected to be off (mean of the bands).

        A module says that in as many channels behind the image; None where it does not.
        """
        fused, order = self.computed(trained, obs, self.seen(trained, obs, stats), stats), trained.order
        mean, std = scale_of(stats["base"])
        fused, off = fused[: len(mean)], fused[len(mean) :]
        if order is not None:
            fused, off = fused[np.argsort(order)], off[np.argsort(order)] if len(off) else off
        like = obs[self.roles["base"]].data.dtype
        unit = std.astype(like)[:, None, None]
        image = fused.astype(like) * unit + mean.astype(like)[:, None, None]
        return image, (off.astype(like) * unit).mean(axis=0) if len(off) else None

    def seen(self, trained: Trained, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "_ _ _"]]:
        """The inputs, normalised, their bands in the order of the weights."""
        inputs = prepared(self, obs, stats)
        if trained.order is None:
            return inputs
        return {name: _ordered(self, name, image, trained.order) for name, image in inputs.items()}

    def computed(
        self, trained: Trained, obs: Observation, inputs: Mapping[str, np.ndarray], stats: Stats
    ) -> Float[np.ndarray, "band Y X"]:
        """What the network makes of its inputs; one that takes more than images from the scene overrides this."""
        return self.through(trained, obs, inputs)

    def through(self, trained: Trained, obs: Observation, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Inputs through the network, aligned to its blocks, which are counted from the corner of the scene."""
        step = self.multiple(self.sizes(obs))
        before = [origin % step for origin in obs.origin]
        pads = [(b, -(b + n) % step) for b, n in zip(before, obs.shape, strict=True)]
        if any(map(any, pads)):
            inputs = {name: np.pad(image, ((0, 0), *pads), mode="edge") for name, image in inputs.items()}
        found = run(on_device(trained.module), inputs, self.computes_in, self.looks(trained))
        return found[:, pads[0][0] : pads[0][0] + obs.shape[0], pads[1][0] : pads[1][0] + obs.shape[1]]

    def looks(self, trained: Trained) -> Sequence[Look]:
        """The ways to look at the image, of which the product is the mean: the one asked for, or as fields say."""
        return (trained.look,) if trained.look else EIGHT if self.ensemble else AS_IT_IS

    @property
    def key(self) -> str:
        """``problem/name`` of the network whose weights it runs."""
        return f"{self.card.problem}/{self.card.weights_of or type(self).__module__.rpartition('.')[2]}"

    @property
    def computes_in(self) -> str:
        """The precision on the device that is wanted."""
        if self.precision != "auto":
            return self.precision
        return "bfloat16" if self.half and half_is_fast() else "float32"

    @property
    def parameters(self) -> dict[str, Any]:
        """Fields; the precision as it is computed in, since products differ by it."""
        return {**super().parameters, "precision": self.computes_in}

    @property
    def architecture(self) -> dict[str, Any]:
        """The fields that shape the network."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in (*RUNTIME, *self.aside)}

    @property
    def _defaults(self) -> dict[str, Any]:
        """What weights that are older than a field mean by it."""
        return {**type(self)().architecture, **self.older}

    def _bands(self, obs: Observation) -> tuple[Band, ...]:
        return obs[self.roles["base"]].bands


@dataclass(frozen=True, eq=False)
class Trained:
    """A network's module and what its weights are for.

    ``order`` puts the scene's bands into the network's order; ``look``: how it sees the image, None: as fields say.
    """

    module: nn.Module
    header: weights.Header
    order: tuple[int, ...] | None = None
    look: Look | None = None


@dataclass(frozen=True)
class Fitted(Wrapper):
    """A network with its weights: a method like any other."""

    inner: Network
    trained: Trained

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """What the card excludes, and another number of bands or ratio than the weights'."""
        self.inner.refuse(obs, shape)
        order_or_raise(self.trained.header, self.inner, obs)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """What the network asks of the scene."""
        return self.inner.measure(self.trained, obs, so_far)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """What the network makes of the tile."""
        return self.inner.apply(self.trained, obs, stats)

    def fuse_judged(
        self, obs: Observation, stats: Stats
    ) -> tuple[Float[np.ndarray, "band y x"], Stats, Float[np.ndarray, "y x"] | None]:
        """What the network makes of the tile, and how sure it is, where it says so."""
        seen = self.trained, obs, stats
        image, off = self.inner.judge(*seen) if self.inner.judges else (self.inner.apply(*seen), None)
        return image, Stats(), off

    def ready(self, obs: Observation) -> Fitted:
        """As it is."""
        return self

    def turned(self, look: Look) -> Method:
        """The network as it sees the image turned; what it makes is turned back."""
        return replace(self, trained=replace(self.trained, look=look)) if self.inner.turns else self

    def require_teachable(self) -> None:
        """As the network inside."""
        self.inner.require_teachable()

    @property
    def shipped(self) -> bool:
        """Whether the weights are some that come with the package."""
        return Path(self.trained.header.path).parent == weights.FOLDER

    @property
    def told(self) -> str:
        """Whose weights."""
        header = self.trained.header
        made = f", made for {header.sensor}" if header.sensor else ""
        bands = f": {', '.join(header.bands)}" if 0 < len(header.bands) <= 16 else ""
        own = Sizes(**header.sizes)  # type: ignore[arg-type]
        beware = f"; not for {header.not_for}" if header.not_for else ""
        return f"{self.card.name} with weights '{header.name}'{made} ({own}{bands}){beware}"

    def save(self, path: str | Path, half: bool = False, **card: Any) -> Path:
        """Write the weights and what they are for; ``card`` adds to what they say about themselves."""
        tensors = {key: value.detach().cpu().numpy() for key, value in self.trained.module.state_dict().items()}
        header = replace(self.trained.header, card={**self.trained.header.card, **card})
        return weights.write(path, header, tensors, half)

    @property
    def parameters(self) -> dict[str, Any]:
        """Fields, and whose weights."""
        header, found = self.trained.header, {**self.inner.parameters, **self.trained.header.fields}
        told = {"weights_sha256": weights.fingerprint(header), "adapted": header.card.get("adapted")}
        return {**found, "weights": header.name, **{key: value for key, value in told.items() if value}}


def prepared(network: Network, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "_ _ _"]]:
    """A network's inputs, normalised, as float32."""
    found = {}
    for name, image in network.inputs(obs, stats).items():
        if (scale := network.scale(name)) is not None:
            image = normalised(image, stats[scale])
        found[name] = np.ascontiguousarray(image, np.float32)
    return found


def sample_of(
    network: Network, obs: Observation, truth: Float[np.ndarray, "band Y X"], stats: Stats | None = None
) -> tuple[dict[str, Float[np.ndarray, "_ _ _"]], Moments]:
    """What a network is trained on: its inputs and ``truth``, normalised alike, and the moments that bring it back.

    ``stats`` are those of the scene that the observation is a part of; its own without.
    """
    stats = network.summarise(obs, None) if stats is None else stats
    truth = np.ascontiguousarray(normalised(truth, stats["base"]), np.float32)
    return {**prepared(network, obs, stats), "truth": truth}, stats["base"]


def _ordered(network: Network, name: str, image: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """An input with the bands of each of its dates in the order of the weights, if it has the bands of the base."""
    if network.scale(name) != "base":
        return image
    return image.reshape(-1, len(order), *image.shape[1:])[:, list(order)].reshape(image.shape)


def load_network(network: Network, name: str, obs: Observation) -> Fitted:
    """A network with the weights of a file.

    Raises
    ------
    MethodError
        If they belong to another method, or to other bands or another ratio than those of the scene.
    """
    header = weights.read_header(name)
    if header.method != network.key:
        hint = f"they run with the method {header.method.rpartition('/')[2]}"
        raise MethodError(f"weights '{header.name}' of {header.method}", f"weights of {network.key}", hint)
    header = replace(header, fields={**network.older, **header.fields})
    network = replace(network, **own_fields(network, header))
    order = order_or_raise(header, network, obs)
    module = module_of(type(network), header.path, Path(header.path).stat().st_mtime_ns)
    return Fitted(network, Trained(module, header, order))
