"""Random patches of scenes. Batch number i is a pure function of seed and i: nothing to save, nothing to lose."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from earthloom.errors import InputError
from earthloom.types import Bool, Float, Int, Window

TRUTH, MASK = "truth", "mask"
PLACES, BANDS = "places", "bands"  # of a plan
UNIT = 1 << 20  # of detail, which is counted in whole numbers: the order of a sum decides nothing
_ALL = slice(None)
ENOUGH = 0.5  # share of a patch that must hold truth
TURNS = {"full": 8, "transpose": 2, "none": 1}

Sample = Mapping[str, Float[np.ndarray, "_ _ _"]]


class Patches:
    """Patches cut at random from whole scenes.

    Every aligned position of every scene is as likely as any other, apart from those where less than ``enough`` of
    the patch holds truth, which are never drawn.

    Parameters
    ----------
    samples
        Scenes, ``(band, y, x)`` float32 arrays by name: the network's inputs and ``truth``. NaN in the truth are
        holes; inputs are finite. An array on a coarser grid divides the size of the truth by a whole number.
    patch
        Side in pixels of the truth.
    multiple
        Patches begin at multiples of this, and of every coarser grid's ratio.
    augment
        ``full`` (flips and quarter turns), ``transpose`` or ``none``.
    half_scale
        Also draw from the scenes averaged over 2 x 2 pixels.
    enough
        Share of a patch that must hold truth.

    Raises
    ------
    InputError
        If scenes differ in their arrays or bands, hold values that are not finite, or are smaller than a patch.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        patch: int = 64,
        multiple: int = 1,
        augment: Literal["full", "transpose", "none"] = "full",
        half_scale: bool = False,
        enough: float = ENOUGH,
    ) -> None:
        if not samples:
            raise InputError("no scene to train on", "at least one")
        self.ratios = {name: _ratio(name, samples[0]) for name in samples[0]}
        self.bands = {name: len(image) for name, image in samples[0].items()}
        for number, sample in enumerate(samples):
            self._check(number, sample)
        self.patch, self.turns = patch, TURNS[augment]
        self.step = math.lcm(multiple, *self.ratios.values())
        if patch % self.step:
            up = -(-patch // self.step) * self.step
            raise InputError(f"a patch of {patch} pixels", f"a multiple of {self.step}", f"take {up}")
        scenes = list(samples) + ([halved(sample, self.ratios) for sample in samples] if half_scale else [])
        masks = [np.asarray(np.isfinite(scene[TRUTH]).all(axis=0)) for scene in scenes]
        self.holes = not all(mask.all() for mask in masks)
        self.scenes: list[dict[str, np.ndarray]] = []
        self.masks: list[np.ndarray] = []
        self._places: list[np.ndarray] = []
        for scene, mask in zip(scenes, masks, strict=True):
            places = positions(mask, patch, self.step, enough)
            if len(places):
                self.scenes.append(_ready(scene, mask))
                self.masks.append(mask)
                self._places.append(places)
        if not self.scenes:
            sizes = sorted({scene[TRUTH].shape[1:] for scene in samples})
            shown = ", ".join(f"{h} x {w}" for h, w in sizes[:3])
            raise InputError(
                f"no scene holds a patch of {patch} x {patch} pixels (there are scenes of {shown})",
                f"larger scenes, at least {enough:.0%} of a patch free of holes", "a smaller patch",
            )  # fmt: skip
        self._until = np.cumsum([len(places) for places in self._places])

    def _check(self, number: int, sample: Sample) -> None:
        """A scene must be like the first one."""
        if {name: len(image) for name, image in sample.items()} != self.bands:
            given = ", ".join(f"{name} of {len(image)} bands" for name, image in sample.items())
            wanted = ", ".join(f"{name} of {count} bands" for name, count in self.bands.items())
            raise InputError(f"scene {number} with {given}", wanted)
        for name, image in sample.items():
            if _ratio(name, sample) != self.ratios[name]:
                raise InputError(f"scene {number} with {name} of {image.shape[1:]} pixels beside truth of "
                                 f"{sample[TRUTH].shape[1:]}", f"a ratio of {self.ratios[name]}")  # fmt: skip
            if name != TRUTH and not np.isfinite(image).all():
                raise InputError(f"scene {number} with values in {name} that are not finite", "filled holes")

    @property
    def sources(self) -> list[Patches]:
        """Whose scenes a plan speaks of."""
        return [self]

    def __len__(self) -> int:
        """How many different patches there are, not counting flips and turns."""
        return int(self._until[-1])

    def batch(
        self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1
    ) -> dict[str, Float[np.ndarray, "batch _ _ _"]]:
        """The patches of one step, or one process's part of them.

        Parameters
        ----------
        step, batch, seed
            Number of the step, patches in it, and the seed: they decide every patch.
        rank, of
            Which part of how many; the parts together are the whole batch.

        Returns
        -------
        ``(batch, band, y, x)`` float32 by name. With holes in any scene also ``mask``, one band of 0 and 1, and the
        truth is 0 where the mask is.
        """
        places = self.plan(step, batch, seed, rank, of)[PLACES]
        side = {name: self.patch // ratio for name, ratio in self.ratios.items()}
        found = {name: np.empty((len(places), n, side[name], side[name]), np.float32) for name, n in self.bands.items()}
        if self.holes:
            found[MASK] = np.empty((len(places), 1, self.patch, self.patch), np.float32)
        for at, place in enumerate(places.tolist()):
            for name, image in self.cut(place).items():
                found[name][at] = image
        return found

    def plan(
        self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1
    ) -> dict[str, Int[np.ndarray, "batch four"]]:
        """Which patches :meth:`batch` takes: under ``places`` scene, row, column and turn of each."""
        share = batch // of
        return {PLACES: np.array([self.drawn(seed, step, rank * share + at) for at in range(share)], np.int64)}

    def drawn(self, seed: int, step: int, number: int) -> tuple[int, int, int, int]:
        """Scene, row and column of the corner in pixels of the truth, and turn of one patch of a step."""
        rng = np.random.default_rng((seed, step, number))
        place = int(rng.integers(self._until[-1]))
        turn = int(rng.integers(self.turns))
        scene = int(np.searchsorted(self._until, place, side="right"))
        first = self._until[scene - 1] if scene else 0
        y, x = self._places[scene][place - first]
        return scene, int(y), int(x), turn

    def detail(self, place: Sequence[int], band: int) -> int:
        """What a patch has that its interpolated band lacks, on every second pixel, in units of :data:`UNIT`."""
        scene, y, x, _ = place
        rows, cols = slice(y, y + self.patch, 2), slice(x, x + self.patch, 2)
        truth, base = (self.scenes[scene][name][band, rows, cols] for name in (TRUTH, "base"))
        return int((np.abs(truth - base) * np.float32(UNIT)).astype(np.int64).sum())

    def cut(self, place: Sequence[int], bands: np.ndarray | slice = _ALL) -> dict[str, Float[np.ndarray, "_ _ _"]]:
        """The arrays of one patch, of all bands or of those that are chosen, with its mask where scenes have holes."""
        scene, y, x, turn = place
        found = {}
        for name, image in self.scenes[scene].items():
            ratio = self.ratios[name]
            rows, cols = Window(y // ratio, x // ratio, self.patch // ratio, self.patch // ratio).slices
            found[name] = turned(image[bands, rows, cols], turn)
        if self.holes:
            rows, cols = Window(y, x, self.patch, self.patch).slices
            found[MASK] = turned(self.masks[scene][None, rows, cols], turn)
        return found


def positions(mask: Bool[np.ndarray, "y x"], patch: int, step: int, enough: float = ENOUGH) -> Int[np.ndarray, "n two"]:
    """Upper left corners, multiples of ``step``, of the patches of which at least ``enough`` is True."""
    height, width = mask.shape
    if min(height, width) < patch:
        return np.empty((0, 2), int)
    y, x = np.arange(0, height - patch + 1, step), np.arange(0, width - patch + 1, step)
    corners = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    if mask.all():
        return corners
    total = np.pad(mask.astype(np.int64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)  # sums over [:i, :j]
    top, left = corners.T
    low, right = top + patch, left + patch
    held = total[low, right] - total[top, right] - total[low, left] + total[top, left]
    return corners[held >= enough * patch * patch]


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """One of eight: transposed if ``turn & 1``, upside down if ``turn & 2``, mirrored if ``turn & 4``."""
    image = image.swapaxes(1, 2) if turn & 1 else image
    image = image[:, ::-1] if turn & 2 else image
    return image[:, :, ::-1] if turn & 4 else image


def halved(sample: Sample, ratios: Mapping[str, int]) -> Sample:
    """The scene at half its resolution, averaged over 2 x 2 pixels; a hole in a block is a hole."""
    unit = 2 * math.lcm(*ratios.values())
    height, width = (n // unit * unit for n in sample[TRUTH].shape[1:])
    found = {}
    for name, image in sample.items():
        h, w = height // ratios[name], width // ratios[name]
        blocks = image[:, :h, :w].reshape(len(image), h // 2, 2, w // 2, 2)
        found[name] = blocks.mean(axis=(2, 4), dtype=np.float32)
    return found


def _ratio(name: str, sample: Sample) -> int:
    """Size of the truth over the size of an array."""
    if TRUTH not in sample:
        raise InputError(f"a scene with {', '.join(sample)}", "inputs and 'truth'")
    wanted, own = sample[TRUTH].shape[1:], sample[name].shape[1:]
    ratio = wanted[0] // max(own[0], 1)
    if ratio < 1 or wanted != (own[0] * ratio, own[1] * ratio):
        raise InputError(f"{name} of {own} pixels beside truth of {wanted}", "sizes in a whole ratio", "crop the scene")
    return ratio


def _ready(scene: Sample, mask: Bool[np.ndarray, "y x"]) -> dict[str, Float[np.ndarray, "_ _ _"]]:
    """Float32, with 0 in the holes of the truth."""
    found = {name: np.asarray(image, np.float32) for name, image in scene.items()}
    if not mask.all():
        found[TRUTH] = np.where(mask, found[TRUTH], np.float32(0))
    return found
