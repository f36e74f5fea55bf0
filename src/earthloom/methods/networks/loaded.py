"""A network that was read from a file, at work: scaled, aligned to its blocks, run, and all that taken back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import INTERPOLATION, Method, Wrapper
from earthloom.methods.networks.engines import Engine
from earthloom.methods.networks.lattice import on_lattice
from earthloom.methods.networks.scaling import normalised, scale_of
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand
from earthloom.types import Float, Observation, ratio_of
from earthloom.weights.store import sha256_of

UP = "_up"  # of a coarse image on the wanted grid


@dataclass(frozen=True)
class Plan:
    """What goes into a network, how, and how far it looks.

    Parameters
    ----------
    file, sharp, coarse
        The file, the role of the image on the wanted grid (none: empty), that of the one whose bands are wanted.
    stacks
        Inputs of the network, and the images that each of them stacks.
    apart
        Bands go through one by one.
    scaling, peak, adds
        What numbers become before it, and whether what it finds is added to the interpolated image.
    step
        Wanted pixels that sides are multiples of.
    reach
        Wanted pixels on every side that the network looks at.
    ratio
        What it is for, where it sees the coarse grid or its file says so; 0: any.
    """

    file: str
    sharp: str
    coarse: str
    stacks: tuple[tuple[str, tuple[str, ...]], ...]
    apart: bool
    scaling: str
    peak: float
    adds: bool
    step: int
    reach: int
    ratio: float = 0.0

    def require_ratio(self, obs: Observation) -> None:
        """Refuse another ratio than the network is for.

        Raises
        ------
        MethodError
            If the scene has one.
        """
        given = ratio_of(obs[self.coarse])
        if self.ratio and given != self.ratio:
            raise MethodError(
                f"{self.coarse} at {given:g}:1 for {self.file}", f"{self.ratio:g}:1", "a network for this ratio"
            )


def whole(role: str, ratio: float) -> int:
    """The ratio, for networks that see the coarse grid.

    Raises
    ------
    MethodError
        If it is no whole number.
    """
    if ratio != round(ratio):
        raise MethodError(f"{role} at {ratio:g}:1 on its own grid", "a whole ratio", f"`inputs={role}{UP}`")
    return max(round(ratio), 1)


@dataclass(frozen=True)
class LoadedNetwork(Wrapper):
    """A network in a file, with what has to be known of it."""

    engine: Engine
    plan: Plan

    @property
    def rounds(self) -> int:  # type: ignore[override]
        """Statistics of the scene are asked for by one scaling alone."""
        return 1 if self.plan.scaling == "moments" else 0

    def ready(self, obs: Observation) -> LoadedNetwork:
        """As it is."""
        return self

    def check(self, obs: Observation, shape: tuple[int, int]) -> None:
        """What the card excludes, another ratio than the network is for, and bands that it does not take."""
        Method.check(self.inner, obs, shape)
        self.plan.require_ratio(obs)
        if self.inner.apart(self.engine, self.plan, obs) > self.plan.apart:  # type: ignore[attr-defined]
            bands = len(obs[self.plan.coarse].bands)
            raise MethodError(f"{bands} bands for {self.plan.file}, which is ready for one", "1", "make it ready anew")

    def halo_px(self, ratio: float) -> int:
        """The network's reach, a block for the alignment, and the interpolation."""
        return self.plan.reach + self.plan.step + math.ceil(INTERPOLATION * ratio)

    def require_teachable(self) -> None:
        """As the network inside."""
        self.inner.require_teachable()  # type: ignore[attr-defined]

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments, where they are asked for."""
        return self.inner.summarise(obs, so_far) if self.rounds else Stats()

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Scaled, aligned to the blocks of the network, run, and all that taken back.

        Raises
        ------
        MethodError
            If what it gives has another shape.
        """
        images = self.images(obs, stats)
        bands = len(obs[self.plan.coarse].bands)
        each = [slice(band, band + 1) for band in range(bands)] if self.plan.apart else [slice(None)]
        fused = np.concatenate([self.run(obs, images, chosen) for chosen in each])
        if fused.shape != (bands, *obs.shape):
            raise MethodError(f"{self.plan.file} gives {len(fused)} bands", f"{bands}, those of {self.plan.coarse}")
        if self.plan.adds:
            fused = fused + images[f"{self.plan.coarse}{UP}"]
        unit, level = self.scale(self.plan.coarse, stats, bands)
        like = obs[self.plan.coarse].data.dtype
        return fused.astype(like) * unit.astype(like) + level.astype(like)

    def scale(self, role: str, stats: Stats, bands: int) -> tuple[np.ndarray, np.ndarray]:
        """What an image is divided by, and what is taken from it before."""
        if self.plan.scaling == "moments":
            mean, std = scale_of(stats[role])
            return std[:, None, None], mean[:, None, None]
        unit = self.plan.peak if self.plan.scaling == "peak" else 1.0
        return np.full((bands, 1, 1), unit), np.zeros((bands, 1, 1))

    def images(self, obs: Observation, stats: Stats) -> dict[str, Float[np.ndarray, "band _ _"]]:
        """The images that are asked for, scaled."""
        asked = {image for _, images in self.plan.stacks for image in images}
        coarse, found = self.plan.coarse, {}
        if self.plan.adds or f"{coarse}{UP}" in asked:
            found[f"{coarse}{UP}"] = self.scaled(expand(obs, role=coarse), coarse, stats)
        if coarse in asked:
            half = (whole(self.plan.coarse, ratio_of(obs[self.plan.coarse])) - 1) / 2
            found[coarse] = self.scaled(on_lattice(obs, half, coarse)[0], coarse, stats)
        if self.plan.sharp in asked:
            found[self.plan.sharp] = self.scaled(obs[self.plan.sharp].data, self.plan.sharp, stats)
        return found

    def scaled(self, image: np.ndarray, role: str, stats: Stats) -> Float[np.ndarray, "band _ _"]:
        """An image as the network sees it."""
        if self.plan.scaling == "moments":
            return np.ascontiguousarray(normalised(image, stats[role]), np.float32)
        return (image / self.plan.peak if self.plan.scaling == "peak" else image).astype(np.float32)

    def run(self, obs: Observation, images: dict[str, np.ndarray], bands: slice) -> Float[np.ndarray, "band Y X"]:
        """Some bands through the network; its blocks are counted from the corner of the scene."""
        step = self.plan.step
        before = [origin % step for origin in obs.origin]
        pads = [(b, -(b + n) % step) for b, n in zip(before, obs.shape, strict=True)]
        laid = {}
        for name, image in images.items():
            image = image if name == self.plan.sharp else image[bands]
            own = name == self.plan.coarse
            laid[name] = self._covering(obs, image, pads) if own else np.pad(image, ((0, 0), *pads), mode="edge")
        seen = {slot: np.concatenate([laid[one] for one in names])[None] for slot, names in self.plan.stacks}
        found, whole = self.engine(seen)[0], tuple(sum(pad) + n for pad, n in zip(pads, obs.shape, strict=True))
        if found.shape[1:] != whole:
            raise MethodError(
                f"{self.plan.file} gives {found.shape[1]} x {found.shape[2]} pixels", f"{whole[0]} x {whole[1]}",
                f"another ratio than {ratio_of(obs[self.plan.coarse]):g}, or a border that it leaves out",
            )  # fmt: skip
        if not np.isfinite(found).all():
            raise MethodError(
                f"{self.plan.file} gives numbers that are not finite", "finite ones", "another `scaling`?"
            )
        return found[:, pads[0][0] : pads[0][0] + obs.shape[0], pads[1][0] : pads[1][0] + obs.shape[1]]

    def _covering(self, obs: Observation, image: np.ndarray, pads: list[tuple[int, int]]) -> np.ndarray:
        """The coarse pixels that lie under the padded tile, those beyond the image repeated from its border."""
        ratio = whole(self.plan.coarse, ratio_of(obs[self.plan.coarse]))
        half, spans = (ratio - 1) / 2, []
        begins = on_lattice(obs, half, self.plan.coarse)[1]
        for begin, (before, after), length, count in zip(begins, pads, obs.shape, image.shape[1:], strict=True):
            first = round((-before - (begin - half)) / ratio)
            spans.append(np.clip(np.arange(first, first + (before + length + after) // ratio), 0, count - 1))
        return image[:, spans[0][:, None], spans[1]]

    @property
    def told(self) -> str:
        """Whose network."""
        goes = "; ".join("+".join(images) for _, images in self.plan.stacks)
        return f"{self.plan.file} ({goes}; scaling {self.plan.scaling}; it looks {self.plan.reach} px around)"

    @property
    def parameters(self) -> dict[str, Any]:
        """Fields as they came out, and which file that was."""
        plan = self.plan
        found = {"scaling": plan.scaling, "peak": plan.peak, "adds": plan.adds, "multiple": plan.step}
        goes, sha = " ".join("+".join(images) for _, images in plan.stacks), sha256_of(self.engine.path)
        return {**super().parameters, **found, "reach": plan.reach, "inputs": goes, "file_sha256": sha}
