"""What a network learns of one scene: the scene cut into pieces, pairs one scale down, and the blocks that judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce as fold
from operator import add

import numpy as np
import torch
from torch import Tensor

from earthloom.engine.passes import filled, halo_px
from earthloom.errors import InputError, MethodError
from earthloom.methods.base import Method
from earthloom.methods.networks.cubes import whole_pixels
from earthloom.methods.networks.network import Fitted, Network, prepared
from earthloom.methods.networks.scaling import normalised, scale_of
from earthloom.methods.wrappers.mixed import rival_of
from earthloom.nn import losses
from earthloom.ops.moments import Stats
from earthloom.physics.forward import reduce
from earthloom.problems import catalog as problems
from earthloom.problems.base import Case
from earthloom.training import judging
from earthloom.training.cases import blocks
from earthloom.training.lessons.band_groups import BandGroups
from earthloom.training.lessons.full_resolution import FullResolution, WithFullResolution
from earthloom.training.loop.patches import Patches
from earthloom.training.loop.task import hold
from earthloom.types import Observation, Scene, Window

SEEN = 0.6  # a piece must hold data in this part of what a patch must, at least
PIECES = 8  # windows of a scene that is too large to be used whole
GRID, STRIDE, FIRST = 8, 6, 3  # held-out blocks: every sixth of a grid of 8 x 8, none beside another
HELD = 4  # cases that judge, at most
FEW = 128  # pixels of held-out blocks: of 16 x 16 MS pixels there are 43
CLEAR = 2.0  # standard errors that a network must be better by than a formula it is not mixed with
GROUP = 6  # neighbouring bands of a cube that a step learns from


def observed(network: Method, scene: Scene, limits: tuple[int, int] | None = None) -> list[Observation]:
    """The whole scene, or windows spread over a large one; pieces mostly without data are left out.

    ``limits``: whole up to this side in wanted pixels, else windows of that side; None: as the problem learns.

    Pieces begin and end with whole coarse pixels: all have the same geometry, and none holds what it cannot answer for.
    """
    problem = problems.find(network.card.problem)
    limits = limits or problem.piece_px
    if problem.sharpens:
        area, ratio = blocks.usable(scene, problem.seen), max(blocks.ratio_of_scene(scene, problem.seen), 1)
        cells = spread_windows((area.height, area.width), ratio, limits, scene.convention == "toolbox")
        pieces = (blocks.cut(scene, cell, problem.seen)[0] for cell in cells)
    elif "hs" in scene.empty().views:
        cells = spread_windows(scene.shape, 1, limits)
        pieces = (whole_pixels(scene.observe(cell, 0))[0] for cell in cells)
    else:
        cells = spread_windows(scene.shape, 1, limits)
        pieces = (replace(scene.observe(cell, 0), core=None, origin=(0, 0)) for cell in cells)
    found = [obs for obs in pieces if problem.known(obs).mean() > SEEN * problem.enough]
    if not found:
        raise InputError("a scene of which little is seen", "windows with clear data to adapt to", "leave out `adapt`")
    return found


def spread_windows(shape: tuple[int, int], ratio: int, limits: tuple[int, int], whole: bool = False) -> list[Window]:
    """Windows of a grid ``ratio`` times coarser than the wanted one: all up to a side of ``limits[0]``, else some."""
    if whole or max(shape) * ratio <= limits[0]:
        return [Window(0, 0, *shape)]
    height, width = shape
    side = (min(limits[1] // ratio, height), min(limits[1] // ratio, width))
    across = max(round((PIECES * width / (height + width)) ** 0.5), 1)
    down = -(-PIECES // across)
    corners = [
        np.unique(np.linspace(0, n - s, count).round().astype(int))
        for n, s, count in zip(shape, side, (down, across), strict=True)
    ]
    return [Window(int(y), int(x), *side) for y in corners[0] for x in corners[1]]


@dataclass
class AdaptTask(WithFullResolution):
    """Pairs one scale down, full-resolution losses, and held-out blocks."""

    pieces: list[Observation] | None = None
    stats: Stats = field(default_factory=Stats)  # of the scene, as the pieces show it
    patch: int = 64
    augment: str = "full"
    cases: Sequence[Case] = ()  # those that judge, in the order of ``held``

    @classmethod
    def of(cls, start: Fitted, pieces: list[Observation]) -> AdaptTask:
        """Degrade the pieces, hold blocks back, and cut patches."""
        network, problem = start.inner, problems.find(start.card.problem)
        step = network.multiple(network.sizes(pieces[0]))
        whole = [filled(obs, halo_px(network, obs)) for obs in pieces]
        cases = [case for number, obs in enumerate(whole) for case in problem.pairs(obs, number)]
        for case in cases:
            require_alike(network, pieces[0], case.obs)
        ready = [_without_holes(network, case) for case in cases]
        stats = fold(add, [network.summarise(case.obs, None) for case in cases])
        pairs, held, judges = [], [], []
        for case in ready:
            sample = {**prepared(network, case.obs, stats), "truth": normalised(case.truth, stats["base"])}
            if start.trained.order is not None:
                sample |= {name: sample[name][list(start.trained.order)] for name in ("base", "truth")}
            train, kept = split(sample)
            mean, std = (_ordered(value, start) for value in scale_of(stats["base"]))
            pairs.append(train)
            if np.isfinite(kept["truth"]).all(axis=0).any():
                held.append(hold(kept, "held-out blocks", mean, std, max(network.sizes(case.obs).ratio, 1), step))
                judges.append(case)
        held, judges = (found[:: -(-len(found) // HELD) or 1] for found in (held, judges))
        if not held:
            raise InputError("a scene with holes in every block that would judge", "more data", "leave out `adapt`")
        side = min(min(sample["truth"].shape[1:]) for sample in pairs)
        ratio = round(pieces[0].ratio)
        unit = int(np.lcm(step, ratio))
        patch = min(64 // unit * unit or unit, side // 2 // unit * unit)
        if patch < 2 * unit:
            raise InputError(
                f"a scene of {side} pixels one scale down", f"at least {4 * unit}", "adapt on a larger part of it"
            )
        centred = pieces[0].convention == "centre"
        augment = "full" if centred else "transpose"
        seen = fold(add, [network.summarise(obs, None) for obs in pieces])
        patches = Patches(pairs, patch, step, augment, enough=problem.enough)  # type: ignore[arg-type]
        one = "guide" in pairs[0] and len(pairs[0]["guide"]) == 1
        slopes = own_slopes(pairs, stats, seen, start.trained.order) if one else None
        more = {"pieces": pieces, "stats": seen, "patch": patch, "augment": augment, "cases": judges}
        if problem.name == "superresolution":  # a cube: few bands of many places; refining holds it to what was seen
            few = min(GROUP, min(patches.bands.values()))
            return cls(BandGroups([patches], few), held, full=None, **more)  # type: ignore[arg-type]
        full = FullResolution.of(start, pieces, [seen] * len(pieces), patch, unit, slopes)
        return cls(patches, held, full=full, **more)  # type: ignore[arg-type]

    def gain(self, before: Fitted, after: Fitted) -> judging.Gain:
        """How much less a network loses on the held-out blocks."""
        return judging.gain(self._lost(before), self._lost(after))

    def together(self, network: Fitted) -> tuple[tuple[tuple[str, float], ...], float]:
        """The methods that a network names and their weights on the held-out blocks; the ERGAS of all together."""
        names, module = network.inner.beside, network.trained.module.eval()
        own = [scene.product(module) for scene in self.held]
        each = [judging.images_of(rival_of(name, network.card.problem), self.cases, self.held, network.trained.order)
                for name in names]  # fmt: skip
        there = [(name, images) for name, images in zip(names, each, strict=True) if images is not None]
        first, truth = (_flat(images) for images in (own, [scene.truth for scene in self.held]))
        weights = judging.mixture(first, [_flat(images) for _, images in there], truth)
        made = [judging.blended(image, [images[at] for _, images in there], weights) for at, image in enumerate(own)]
        ergas = [scene.figures(image)["ergas"] for scene, image in zip(self.held, made, strict=True)]
        return tuple((name, weight) for (name, _), weight in zip(there, weights, strict=True)), float(np.mean(ergas))

    @property
    def decides(self) -> bool:
        """Whether the held-out blocks hold pixels enough to say that something learnt is better."""
        return sum(int(np.isfinite(scene.truth).all(axis=0).sum()) for scene in self.held) >= FEW

    def margin(self, network: Fitted, of_rival: judging.Blocks | None) -> float:
        """The share by which a network must lose less than a formula that it neither begins as nor is mixed with.

        What it learnt one scale down it may have learnt of that scale alone, and few blocks do not tell: twice the
        standard error of its gain over the formula there, and all of it where a single block judges.
        """
        if of_rival is None or network.inner.beside:
            return 0.0
        return min(CLEAR * judging.gain(of_rival, self._lost(network)).error, 1.0)

    def _lost(self, network: Fitted) -> judging.Blocks:
        """What a network loses in each held-out block."""
        module = network.trained.module.eval()
        return judging.block_errors(self.held, [scene.product(module) for scene in self.held])

    def rival(self, start: Fitted) -> tuple[str, float, judging.Blocks | None]:
        """The method without training that loses least there, its ERGAS and errors; none where the problem has none."""
        problem, order = problems.find(start.card.problem), start.trained.order
        found: list[tuple[float, str, judging.Blocks | None]] = []
        for name in problem.rivals:
            images = judging.images_of(rival_of(name, problem.name), self.cases, self.held, order)
            if images is not None:
                each = [scene.figures(image)["ergas"] for scene, image in zip(self.held, images, strict=True)]
                found.append((float(np.mean(each)), name, judging.block_errors(self.held, images)))
        least, best, lost = min(found, key=lambda one: one[:2], default=(float("inf"), "", None))
        return best, least, lost

    def figures(self, method: Fitted) -> dict[str, float]:
        """Held-out ERGAS of the pairs, and consistency at full resolution where something coarse was seen."""
        module = method.trained.module.eval()
        with torch.inference_mode():
            ergas = self.validate(module)["ergas"]
        assert self.pieces is not None
        found, problem = [], problems.find(method.card.problem)
        for obs in self.pieces:
            try:
                role, gains = problem.observed(obs)
            except MethodError:  # nothing coarse to agree with
                return {"ergas": ergas}
            whole = filled(obs, halo_px(method, obs))
            product = method.fuse(whole, self.stats)
            error = (reduce(obs, product, gains, role) - whole[role].data)[:, obs[role].valid]
            found.append(100 * np.sqrt((error**2).mean()) / np.abs(obs[role].data[:, obs[role].valid]).mean())
        return {"ergas": ergas, "consistency": float(np.mean(found))}


def _flat(images: Sequence[np.ndarray]) -> np.ndarray:
    """Images of any sizes as one of one row."""
    return np.concatenate([image.reshape(len(image), 1, -1) for image in images], axis=2)


def require_alike(network: Network, scene: Observation, case: Observation) -> None:
    """Refuse to learn from cases that show a network less than the scene does.

    Raises
    ------
    MethodError
        If it would be of another size there.
    """
    here, there = network.sizes(scene), network.sizes(case)
    if replace(here, ratio=there.ratio) != there:  # one scale down a ratio may be rounded
        raise MethodError(
            f"{network.card.name} for a scene of {here}, and {there} in what it learns from", "cases like the scene",
            "one known date is left out to learn from: give another one, or weights that see fewer",
        )  # fmt: skip


def split(sample: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The sample twice: truth missing in the held-out blocks, and truth in them alone."""
    height, width = sample["truth"].shape[1:]
    y = np.arange(height) * GRID // height
    x = np.arange(width) * GRID // width
    out = (2 * y[:, None] + x[None, :]) % STRIDE == FIRST
    nan = np.float32(np.nan)
    truth = sample["truth"].astype(np.float32)
    return {**sample, "truth": np.where(out, nan, truth)}, {**sample, "truth": np.where(out, truth, nan)}


def own_slopes(
    pairs: Sequence[Mapping[str, np.ndarray]], below: Stats, here: Stats, order: Sequence[int] | None
) -> Tensor:
    """How much of the guide's detail each band holds one scale down, in the units of the scene itself."""
    found = [losses.detail_slopes(*(torch.from_numpy(sample[k])[None] for k in ("truth", "guide"))) for sample in pairs]
    (_, base), (_, guide) = scale_of(below["base"]), scale_of(below["guide"])
    (_, base_here), (_, guide_here) = scale_of(here["base"]), scale_of(here["guide"])
    units = base / guide * guide_here / np.where(base_here > 0, base_here, 1)
    return torch.stack(found).mean(0) * torch.from_numpy(units[list(order)] if order else units).float()


def _ordered(values: np.ndarray, start: Fitted) -> np.ndarray:
    return values if start.trained.order is None else values[list(start.trained.order)]


def _without_holes(network: Network, case: Case) -> Case:
    """Inputs filled, the truth missing where the problem has no answer."""
    if all(view.all_valid for view in case.obs.views.values()):
        return case
    valid = problems.find(network.card.problem).valid(case.obs)
    truth = np.where(valid, case.truth, case.truth.dtype.type(np.nan))
    return Case(filled(case.obs, halo_px(network, case.obs)), truth)
