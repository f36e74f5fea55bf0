"""A network of somebody else, in a file, as a method: what goes in, what comes out, how far it looks."""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.fields import within
from earthloom.methods.networks.engines import Engine, OnnxFile, ScriptFile
from earthloom.methods.networks.fitting import order_or_raise, own_fields
from earthloom.methods.networks.loaded import UP, LoadedNetwork, Plan, whole
from earthloom.methods.networks.network import Fitted, Network, Trained, pixels
from earthloom.methods.networks.reach import reach_of
from earthloom.ops.moments import Moments, Stats
from earthloom.types import Float, Observation, ratio_of
from earthloom.weights.header import KEY
from earthloom.weights.store import header_in

SAME = {"lms": f"ms{UP}", "lrhs": "hs"}  # names that are usual in the literature
RATIOS = range(1, 13)  # that are tried where a network does not take that of the scene
TRIED = 64  # wanted pixels along a side then, at least
Scaling = Literal["file", "none", "peak", "moments"]


@dataclass(frozen=True)
class NetworkFile(Method):
    """A network that is read from a file, ``F = s(net(inputs / s))``.

    Parameters
    ----------
    file
        Where it is; the same as a name ``onnx:FILE``.
    inputs
        What goes into it, input by input with spaces between, and ``+`` where images are stacked into one, such as
        ``ms_up+pan``: an image by its role on its own grid, or with ``_up`` interpolated to the wanted one. Left out:
        what the file says, or inputs that are called so.
    scaling
        ``none``: the numbers as they are; ``peak``: divided by ``peak`` and multiplied again; ``moments``: less the
        mean of each band and divided by its standard deviation, those of the scene; ``file``: what the file says, or
        ``peak`` where one is given, else none.
    peak
        The number that the network sees as 1.
    adds
        What it finds is added to the interpolated image.
    multiple
        Sides of what it sees are multiples of so many wanted pixels; 0: what the file says, or whole coarse pixels.
    reach
        Wanted pixels on every side that it looks at; left out: what the file says, or what changing all that is
        far shows.
    """

    file: str = ""
    inputs: str = ""
    scaling: Scaling = "file"
    peak: float = 0.0
    adds: bool = False
    multiple: int = 0
    reach: int | None = None

    tile_px: ClassVar[int] = 768
    bytes_per_px: ClassVar[int] = 3000
    sharp: ClassVar[str] = "pan"  # role of the image on the wanted grid; none: there is none
    coarse: ClassVar[str] = "ms"  # and of the one whose bands are wanted
    such: ClassVar[str] = ""  # how one is named

    def __post_init__(self) -> None:
        within(self, "peak", 0.0)
        within(self, "multiple", 0, 4096)
        within(self, "reach", 0)

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """What runs the file."""

    def ready(self, obs: Observation) -> Method:
        """With its network, and with what has to be known of it.

        Raises
        ------
        MethodError
            If nobody says what goes into it, or it is for other bands or another ratio.
        """
        if not self.file:
            raise MethodError(f"{self.card.name} without a file", f"such as `method={self.such}`")
        engine = self.engine
        if KEY in engine.metadata:
            return _of_ours(self, engine, obs)
        return LoadedNetwork(self, engine, self.planned(engine, obs))

    def planned(self, engine: Engine, obs: Observation) -> Plan:
        """What the fields say, then what the file says, then what can be found out."""
        told, bands, ratio = engine.graph, len(obs[self.coarse].bands), self.ratio(obs)
        stacks = self.stacked(engine, str(self.inputs or told.get("inputs", "")))
        scaling, peak = self.scaling, self.peak or float(told.get("peak", 0.0))
        if scaling == "file":
            scaling = str(told.get("scaling") or ("peak" if peak else "none"))
        if scaling == "peak" and not peak:
            raise MethodError("scaling=peak without a peak", "the number that the network sees as 1", "`peak`")
        own = self.coarse in {image for _, images in stacks for image in images}
        step = math.lcm(self.multiple or int(told.get("multiple", 1)), whole(self.coarse, ratio) if own else 1)
        found = Plan(
            self.file,
            self.sharp,
            self.coarse,
            stacks,
            False,
            scaling,
            peak,
            self.adds or bool(told.get("adds")),
            step,
            0,
        )
        found = replace(found, apart=self.apart(engine, found, obs), ratio=self.made_for(engine, found, obs))
        found.require_ratio(obs)
        reach = told.get("reach") if self.reach is None else self.reach
        if reach is None:
            channels = [(self.coarse, 1 if found.apart else bands)]
            channels += [(self.sharp, len(obs[self.sharp].bands))] if self.sharp else []
            pixel = whole(self.coarse, ratio) if own else 1
            reach = _measured(engine, stacks, tuple(channels), self.coarse, pixel, step)
        return replace(found, reach=int(reach))

    def made_for(self, engine: Engine, plan: Plan, obs: Observation) -> float:
        """The ratio that the network is for: what the file says, or how it enlarges a coarse image; 0: any."""
        if said := float(engine.graph.get("ratio", 0.0)):
            return said
        if all(self.coarse not in images for _, images in plan.stacks):
            return 0.0
        bands = 1 if plan.apart else len(obs[self.coarse].bands)
        sharp = len(obs[self.sharp].bands) if self.sharp else 0
        return _enlarges(engine, replace(plan, file=""), bands, sharp, round(self.ratio(obs)))

    def ratio(self, obs: Observation) -> float:
        """Side of a coarse pixel in wanted ones."""
        return ratio_of(obs[self.coarse])

    def stacked(self, engine: Engine, words: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Inputs of the network, and the images that go into each.

        Raises
        ------
        MethodError
            If nobody says, or says another number of inputs or an image that there is not.
        """
        names = [slot.name for slot in engine.slots]
        known = {self.coarse, f"{self.coarse}{UP}", *([self.sharp] if self.sharp else [])}
        usual = [one for one, other in SAME.items() if other in known]
        parts = re.split(r"[\s,]+", words.strip()) if words.strip() else names
        found = [tuple(SAME.get(one, one) for one in part.split("+")) for part in parts]
        odd = sorted({one for images in found for one in images} - known)
        expected = f"{', '.join(sorted({*known, *usual}))}, stacked by +"
        if odd or len(found) != len(names):
            raise MethodError(
                f"inputs {', '.join(names)} of {self.file} for {' '.join(parts)!r}" if words
                else f"inputs {', '.join(names)} of {self.file}",
                f"{len(names)} of {expected}", f"say what goes in, such as `inputs={self.coarse}{UP}`",
            )  # fmt: skip
        return tuple(zip(names, found, strict=True))

    def apart(self, engine: Engine, plan: Plan, obs: Observation) -> bool:
        """Whether bands go through one by one, for the file takes no more.

        Raises
        ------
        MethodError
            If its inputs are for another number of bands, or of one size.
        """
        bands, sharp = len(obs[self.coarse].bands), len(obs[self.sharp].bands) if self.sharp else 0
        single = []
        _require_any_size(engine, self.file)
        for slot, (_, images) in zip(engine.slots, plan.stacks, strict=True):
            if slot.channels is None:
                continue
            wanted = [sum(sharp if one == self.sharp else many for one in images) for many in (bands, 1)]
            if slot.channels not in wanted:
                raise MethodError(
                    f"{'+'.join(images)} of {wanted[0]} bands for {self.file}", f"{slot.channels}",
                    "`bands` chooses some",
                )  # fmt: skip
            single.append(slot.channels != wanted[0])
        return any(single)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments of the images, which some scalings ask for."""
        roles = [self.coarse, *([self.sharp] if self.sharp else [])]
        return Stats({role: Moments.of(pixels(obs, role)) for role in roles})

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """What the network makes of the tile."""
        return self.ready(obs).fuse(obs, stats)

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Also refuse a scene that the network is not for."""
        super().check(obs, shape)
        self.ready(obs)

    def require_teachable(self) -> None:
        """Refuse to be taught.

        Raises
        ------
        MethodError
            Always.
        """
        raise MethodError(
            f"{self.card.name} to be taught", "a network of ours with its weights", "a graph in a file stays as it is"
        )


@dataclass(frozen=True)
class OnnxNetwork(NetworkFile):
    """A graph that onnxruntime runs."""

    such: ClassVar[str] = "onnx:net.onnx"

    @property
    def engine(self) -> Engine:
        """Onnxruntime's."""
        return OnnxFile.of(self.file)


@dataclass(frozen=True)
class ScriptNetwork(NetworkFile):
    """A program that torch runs.

    Parameters
    ----------
    trust
        Run it: whoever made the file wrote code that runs here as you.
    """

    such: ClassVar[str] = "torchscript:net.pt"
    trust: bool = False

    @property
    def engine(self) -> Engine:
        """Torch's.

        Raises
        ------
        MethodError
            Where nobody says that the file may run.
        """
        if not self.trust:
            raise MethodError(
                f"{self.file}, a program of somebody",
                "your word that it may run here",
                "`trust`; an ONNX graph needs none",
            )
        return ScriptFile.of(self.file)


@lru_cache(maxsize=32)
def _enlarges(engine: Engine, plan: Plan, bands: int, sharp: int, given: int) -> float:
    """By how much the network enlarges coarse pixels, tried with the ratio of the scene first; 0: by none of these."""
    for ratio in dict.fromkeys((given, *RATIOS)):
        block = math.lcm(plan.step, ratio)
        side = -(-TRIED // block) * block
        seen = {}
        for slot, images in plan.stacks:
            shape = (side // ratio,) * 2 if images[0] == plan.coarse else (side, side)
            seen[slot] = np.full((1, sum(sharp if one == plan.sharp else bands for one in images), *shape), 0.5, "f4")
        with suppress(MethodError):
            if engine(seen).shape[2:] == (side, side):
                return ratio
    return 0.0


@lru_cache(maxsize=32)
def _measured(
    engine: Engine, stacks: tuple[tuple[str, tuple[str, ...]], ...], channels: tuple[tuple[str, int], ...],
    coarse: str, ratio: int, step: int,
) -> int:  # fmt: skip
    """How far the network looks.

    Raises
    ------
    MethodError
        If it looks at the whole image.
    """
    many = {**dict(channels), f"{coarse}{UP}": dict(channels)[coarse]}
    inputs = [(name, sum(many[i] for i in images), ratio if images[0] == coarse else 1) for name, images in stacks]
    found = reach_of(engine, inputs, step)
    if found is None:
        raise MethodError(
            f"{engine.path}, of which every pixel looks at the whole image", "a network with a reach",
            "`reach` cuts it where you say: seams may show",
        )  # fmt: skip
    return found


def _require_any_size(engine: Engine, file: str) -> None:
    """Refuse a network of one size alone.

    Raises
    ------
    MethodError
        If it is.
    """
    for slot in engine.slots:
        if slot.rows is not None or slot.cols is not None:
            raise MethodError(
                f"{file}, made for images of {slot.rows} x {slot.cols}", "a network for any size",
                "export it with dynamic height and width",
            )  # fmt: skip


@dataclass(frozen=True)
class FromFile(Fitted):
    """A network of ours that was written to a file."""

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """Also refuse as many bands as the graph was not written for."""
        super().check(obs, shape)
        self.require_bands(obs)

    def require_bands(self, obs: Observation) -> None:
        """Refuse as many bands as the graph was not written for.

        Raises
        ------
        MethodError
            If the scene has them.
        """
        engine: Any = self.trained.module
        bands = len(obs[self.inner.roles["base"]].bands)
        for slot, port in zip(engine.slots, self.inner.ports(self.inner.sizes(obs), bands), strict=True):
            if slot.channels not in (None, port.channels) and not port.each:
                raise MethodError(
                    f"{port.channels} channels of {slot.name} for {Path(engine.path).name}", f"{slot.channels}",
                    "export it for as many bands",
                )  # fmt: skip


def _of_ours(method: NetworkFile, engine: Engine, obs: Observation) -> FromFile:
    """A network of ours, which was written to the file: its method, run by another runtime.

    Raises
    ------
    MethodError
        If it is of another problem, for other bands or another ratio, or fields are given that it knows itself.
    """
    header = header_in(engine.metadata[KEY], Path(method.file).name, Path(engine.path))
    problem, _, name = header.method.partition("/")
    if problem != method.card.problem:
        raise MethodError(f"{method.file} holds a network of {problem}", f"one of {method.card.problem}")
    if replace(method, file="", **({"trust": False} if isinstance(method, ScriptNetwork) else {})) != type(method)():
        raise MethodError(f"fields beside {method.file}, which Earthloom wrote", "none", "leave them out")
    network: Any = catalog.make(name, problem, precision="float32")
    assert isinstance(network, Network)
    network = replace(network, **own_fields(network, header))
    order = order_or_raise(header, network, obs)
    _require_any_size(engine, method.file)
    found = FromFile(network, Trained(engine, header, order))  # type: ignore[arg-type]
    found.require_bands(obs)
    return found
