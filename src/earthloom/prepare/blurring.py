"""The blur of a coarse sensor against the fine bands, found in the scene itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.runner import parallel
from earthloom.errors import InputError
from earthloom.methods.families.guides import ROLE
from earthloom.methods.families.windows import around
from earthloom.ops.ridge import drawn_lines
from earthloom.ops.tiling import spread_blocks
from earthloom.physics.forward import measured, reduce
from earthloom.types import Float, Observation, Scene, ShownScene, Window

AUTO, OF_SENSOR = "auto", "sensor"
GAINS = np.round(np.arange(0.06, 0.86, 0.04), 2)  # that are tried
SIDE = 64  # coarse pixels of a block
BLOCKS, QUICK = 8, 3
WINDOW, RIDGE = 1.5, 1e-3
LIKELY = 0.8
TRUSTED = 0.9  # share of its variance in the windows that a band's lines must explain
FEWEST = 500  # coarse pixels


@dataclass(frozen=True)
class Blur:
    """MTF gains at coarse Nyquist, relative to what the fine bands show.

    Parameters
    ----------
    gain
        That suits the scene; None where the fine bands explain no band well enough to tell.
    each
        Of every band, and ``explained``, the share of its local variance that lines over the fine bands take off.
    """

    gain: float | None
    each: tuple[float, ...]
    explained: tuple[float, ...]

    @property
    def likely(self) -> float | None:
        """The gain that bands say of which the fine ones explain less; enough for a look, not to fuse by."""
        told = [gain for gain, share in zip(self.each, self.explained, strict=True) if share > LIKELY]
        return float(np.median(told)) if told else None

    def __str__(self) -> str:
        if self.gain is None:
            return "its blur could not be found (the fine bands explain no band well): MTF of the sensor"
        return f"MTF at Nyquist {self.gain:.2f} against the fine bands, as the scene shows it"


def estimated(scene: Scene, threads: int = 1, quickly: bool = False) -> Blur:
    """The gain with which blurred fine bands explain the coarse ones best, by lines in small windows.

    ``min_G sum |C - L(D B_G f)|^2`` over blocks spread over the scene: L are least squares in a Gaussian window around
    every coarse pixel. Bands that the fine ones explain say what it is, the median of them; a line over bands that
    know little of each other prefers any blur.

    Parameters
    ----------
    scene
        With the views ``fine`` and ``coarse``.
    quickly
        Look at fewer blocks and try every third gain: for a look, not to fuse by.
    """
    ratio = scene.empty()[ROLE].ratio
    side = (round(SIDE * ratio[0]), round(SIDE * ratio[1]))
    blocks, gains = (QUICK, GAINS[::3]) if quickly else (BLOCKS, GAINS)
    windows = spread_blocks(scene.shape, side)
    windows = windows[:: max(len(windows) // blocks, 1)][:blocks]
    halo = int(np.ceil(12 * max(ratio)))
    if scene.convention == "toolbox":  # its sampling counts from the first pixel of the whole image
        windows = [Window(0, 0, *scene.shape)]

    def one(window: Window) -> tuple[np.ndarray, np.ndarray, int]:
        return curves(scene.observe(window, halo), gains)

    found = list(parallel(one, windows, threads))
    left, whole = sum(part[0] for part in found), sum(part[1] for part in found)
    return _chosen(np.asarray(left), np.asarray(whole), sum(part[2] for part in found), gains)


def gain_for(mtf: str | float, scene: Scene, called: str, run: Run) -> float | None:
    """The gain of all bands of the view ``coarse`` as it was asked for; None: those of the sensor.

    Parameters
    ----------
    mtf
        ``auto``, ``sensor``, or the gain itself.
    called
        The image, in what is said of it.
    """
    if mtf != AUTO:
        return None if mtf == OF_SENSOR else float(mtf)
    found = estimated(scene, run.at_a_time)
    run.tell(f"{called}: {found}")
    return found.gain


def curves(
    obs: Observation, gains: np.ndarray = GAINS
) -> tuple[Float[np.ndarray, "gain band"], Float[np.ndarray, " band"], int]:
    """Of one block: what is left of each band for each gain, its variance in the windows, how many pixels."""
    coarse, (rows, cols) = obs[ROLE], obs.in_core(ROLE)
    seen, guides = measured(obs, "fine", ROLE), len(obs["fine"].bands)
    counted = seen[rows, cols]
    left = np.zeros((len(gains), len(coarse.bands)))
    whole = np.zeros(len(coarse.bands))
    if not counted.any():
        return left, whole, 0
    level = coarse.data[:, seen].mean(axis=1, dtype=np.float64)[:, None, None]
    for at, gain in enumerate(gains):
        low = reduce(obs, obs["fine"].data, float(gain), ROLE).astype(np.float64)
        low -= low[:, seen].mean(axis=1)[:, None, None]
        gram, cross, spread = around(np.concatenate([low, coarse.data - level]), seen, guides, WINDOW)
        ridge = RIDGE * np.maximum(low[:, seen].var(axis=1), 1e-12)
        gram, cross, spread = (one[rows, cols][counted] for one in (gram, cross, spread))
        _, taken = drawn_lines(gram, cross, ridge, np.zeros(cross.shape[1:]))
        left[at], whole = (spread - taken.T).sum(axis=0), spread.sum(axis=0)
    return left, whole, int(counted.sum())


def _chosen(
    left: Float[np.ndarray, "gain band"], whole: Float[np.ndarray, " band"], count: int, gains: np.ndarray
) -> Blur:
    """The best gain of every band by a parabola through its lowest three, and of the bands that can tell."""
    known = 1 - left.min(axis=0) / np.maximum(whole, 1e-30)
    each = tuple(_lowest(left[:, band], gains) for band in range(left.shape[1]))
    inside = [gains[0] < gain < gains[-1] for gain in each]
    told = [gain for gain, share, fine in zip(each, known, inside, strict=True) if share > TRUSTED and fine]
    gain = float(np.median(told)) if told and count >= FEWEST else None
    return Blur(gain, each, tuple(float(share) for share in known))


def _lowest(curve: Sequence[float] | np.ndarray, gains: np.ndarray) -> float:
    """Where a curve over the gains is lowest."""
    at = int(np.argmin(curve))
    if at in (0, len(gains) - 1):
        return float(gains[at])
    a, b, c = (float(value) for value in curve[at - 1 : at + 2])
    bend = a - 2 * b + c
    return float(gains[at] + (0.5 * (a - c) / bend if bend > 0 else 0) * (gains[1] - gains[0]))


@dataclass(frozen=True)
class OfPan(ShownScene):
    """A scene of PAN and MS as the estimate sees it: ``pan`` is ``fine``, ``ms`` is ``coarse``."""

    def shown(self, obs: Observation) -> Observation:
        """Both under the roles of sharpening."""
        return replace(obs, views={"fine": obs["pan"], ROLE: obs["ms"]})


@dataclass(frozen=True)
class Blurred(ShownScene):
    """A scene of which one coarse view has another MTF gain than its sensor is said to have."""

    role: str
    gain: float

    def shown(self, obs: Observation) -> Observation:
        """With that gain."""
        return with_gain(obs, self.role, self.gain)


def with_gain(obs: Observation, role: str, gain: float) -> Observation:
    """The observation with one MTF gain for all bands of a view."""
    view = obs[role]
    bands = tuple(replace(band, mtf_nyquist=gain) for band in view.bands)
    return replace(obs, views={**obs.views, role: replace(view, bands=bands)})


def require_gain(mtf: Any) -> None:
    """Refuse what is no gain and no word for one.

    Raises
    ------
    InputError
        If it is neither ``auto`` nor ``sensor``, nor a number between 0 and 1.
    """
    if mtf not in (AUTO, OF_SENSOR) and not (isinstance(mtf, float) and 0 < mtf < 1):
        raise InputError(f"`mtf={mtf}`", "auto, sensor, or a gain between 0 and 1")


def gain_in(mtf: str | float) -> str | float:
    """A gain as it was typed.

    Raises
    ------
    InputError
        If it is none.
    """
    if mtf in (AUTO, OF_SENSOR):
        return mtf
    try:
        return float(mtf)
    except ValueError:
        raise InputError(f"`mtf={mtf}`", "auto, sensor, or a gain between 0 and 1") from None
