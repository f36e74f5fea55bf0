"""One scene that is judged on: what a method sees, what it should find, and the figures of a product."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Protocol as Shape
from typing import runtime_checkable

import numpy as np

from earthloom.benchmarking.figures import AGREEING, Judged, judged
from earthloom.benchmarking.protocol import CUT_BY_RATIO, Protocol
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.metrics import cut_border
from earthloom.problems import catalog as problems
from earthloom.types import Float, Observation, Window

RIM = 4  # coarse pixels that are cut by the ratio, and one pixel


@runtime_checkable
class Lessons(Shape):
    """What methods are fitted to before they are judged on a scene (:mod:`earthloom.benchmarking.pairs`)."""

    @property
    def key(self) -> str:
        """By what is fitted to."""
        ...

    def fitted(self, label: str, method: Method) -> Method:
        """A method as it will be applied."""
        ...


@dataclass(frozen=True, eq=False)
class Entry:
    """One scene that is judged on: what a method sees, and what it should find.

    Parameters
    ----------
    name
        Of the scene, by which products of others are found.
    obs, truth
        ``truth`` is (band, y, x), NaN where it is not known; None at full resolution.
    peak
        Largest possible value.
    lessons
        What methods are fitted to first; None: nothing.
    fold
        By which weights are chosen; empty: none.
    """

    name: str
    obs: Observation
    truth: Float[np.ndarray, "band y x"] | None
    peak: float
    lessons: Lessons | None = None
    fold: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers that were seen and of the truth, with their geometry: by content, not by path."""
        told = sha256(repr((self.peak, self.obs.shape, self.obs.convention)).encode())
        for role, view in sorted(self.obs.views.items()):
            told.update(repr((role, view.bands, view.ratio, view.offset, view.date, view.data.dtype.str)).encode())
            for array in (view.data, view.valid):
                told.update(np.ascontiguousarray(array).data)
        if self.truth is not None:
            told.update(np.ascontiguousarray(self.truth).data)
        return told.hexdigest()

    @property
    def ratio(self) -> float:
        """Coarse over fine pixel size, rounded where it is nearly whole."""
        ratio = max(max(view.ratio) for view in self.obs.views.values())
        return float(round(ratio)) if abs(ratio - round(ratio)) < 0.01 else ratio

    def inner(self, image: np.ndarray, protocol: Protocol) -> np.ndarray:
        """The part of an image that is judged.

        Raises
        ------
        InputError
            If nothing is left.
        """
        told, frame = protocol.judge.cut, protocol.judge.frame
        if protocol.judge.window is not None:
            image = image[..., *inside(protocol.judge.window, image.shape[-2:])]
        if not frame:
            return cut_border(image, int(RIM * self.ratio + 1) if told == CUT_BY_RATIO else int(told))
        if min(image.shape[-2:]) <= 2 * frame:
            raise InputError(f"a frame of {frame} around {image.shape[-2:]} pixels", "less than half the image")
        return image[..., frame:-frame, frame:-frame]

    def figures(self, product: Float[np.ndarray, "band y x"], protocol: Protocol) -> dict[str, float]:
        """The figures of a product, as the protocol judges.

        Raises
        ------
        InputError
            If it does not lie on the grid of the truth, or misses numbers.
        """
        judge = protocol.judge
        bands = len(problems.find(protocol.problem).bands(self.obs))
        shape = self.truth.shape if self.truth is not None else (bands, *self.obs.shape)
        if product.shape != shape:
            raise InputError(f"a product of shape {product.shape}", f"{shape}")
        truth = self.truth
        if judge.clip:
            product, truth = np.clip(product, 0, self.peak), None if truth is None else np.clip(truth, 0, self.peak)
        ratio = judge.ratio or self.ratio
        valid = self._valid(protocol)
        if truth is None:
            return judged(Judged(product, None, valid, self.peak, ratio, self.obs), judge.metrics)
        cloud = self.obs.views.get("cloud")
        under = None if cloud is None else self.inner(cloud.data[0] > 0.5, protocol)
        known = None if valid is None else self.inner(valid, protocol)
        images = [self.inner(image, protocol) for image in (product, truth)]
        if known is not None:
            images[1] = np.where(known, images[1], 0)
        beside = [name for name in judge.metrics if name not in AGREEING]
        found = judged(Judged(images[0], images[1], known, self.peak, ratio, self.obs, under), beside)
        whole = Judged(product, None, valid, self.peak, ratio, self.obs)  # what was seen has no border
        return found | judged(whole, [name for name in judge.metrics if name in AGREEING])

    def _valid(self, protocol: Protocol) -> np.ndarray | None:
        """Pixels that can be known and were; None where all are."""
        valid = np.asarray(problems.find(protocol.problem).valid(self.obs))
        if self.truth is not None:
            valid = valid & np.isfinite(self.truth).all(axis=0)
        if not valid.any():
            raise InputError(f"{self.name}: no pixel that was seen and is known", "one at least")
        return None if valid.all() else valid


def inside(window: Window, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of a window.

    Raises
    ------
    InputError
        If it reaches beyond an image of this shape.
    """
    if window.y + window.height > shape[0] or window.x + window.width > shape[1]:
        last = f"[{window.y}, {window.x}, {window.y + window.height}, {window.x + window.width}]"
        raise InputError(f"the window {last} of {shape[0]} x {shape[1]} pixels", "one inside the image")
    return window.slices


@runtime_checkable
class Scenes(Shape):
    """The scenes of a benchmark, as who judges them needs them (:mod:`earthloom.benchmarking.scenes`)."""

    def __len__(self) -> int: ...

    def name(self, number: int) -> str:
        """Of a scene."""
        ...

    def __getitem__(self, number: int) -> Entry:
        """A scene, read now."""
        ...
