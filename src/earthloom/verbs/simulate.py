"""Cases whose truth is known: a scene one scale down, or sensors simulated from an image."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from earthloom.notebook import arrays, plot
from earthloom.physics.forward import reduce
from earthloom.prepare.pansharpening import Sharpening, scene_of
from earthloom.problems.pansharpening import Pansharpening
from earthloom.types import Band, Float, Observation, View, Window


class Simulated(NamedTuple):
    """Simulated inputs and the truth behind them."""

    pan: Float[np.ndarray, "y x"]
    ms: Float[np.ndarray, "band h w"]
    truth: Float[np.ndarray, "band y x"]

    @property
    def pictured(self) -> tuple[dict[str, Any], str]:
        """What is drawn of it, and a title."""
        return {"ms": self.ms, "pan": self.pan, "truth": self.truth}, "What is seen, and the truth behind it"

    def _repr_html_(self) -> str:
        """For notebooks."""
        return arrays(self._asdict(), "Simulated")

    plot = plot


def simulate(pan: Any, ms: Any, sensor: Any = None, convention: str = "centre") -> Simulated:
    """Degrade a PAN and MS pair one scale down (Wald's protocol), so that the MS becomes the truth.

    Parameters
    ----------
    pan, ms
        numpy, torch or xarray, as for :func:`earthloom.pansharpen`.
    sensor
        Sets the MTF gains.
    convention
        ``centre`` or ``toolbox``.

    Raises
    ------
    EarthloomError
        If the arrays do not fit together or are too small.
    """
    scene = scene_of(pan, ms, Sharpening(sensor, convention))
    case = Pansharpening().degrade(scene.observe(Window(0, 0, *scene.shape)))
    return Simulated(case.obs["pan"].data[0], case.obs["ms"].data, case.truth)


def observe_truth(
    truth: Float[np.ndarray, "band y x"],
    pan_weights: Float[np.ndarray, " band"],
    ratio: int,
    gains: tuple[float, ...],
) -> Simulated:
    """What a PAN and an MS sensor would see of ``truth``: ``pan = R x`` and ``ms = D B x`` (centre geometry)."""
    height, width = (n - n % ratio for n in truth.shape[1:])
    truth = truth[:, :height, :width]
    at = (ratio - 1) / 2
    empty = View(
        np.zeros((len(truth), height // ratio, width // ratio), truth.dtype),
        np.ones((height // ratio, width // ratio), bool),
        tuple(Band(f"b{i}", mtf_nyquist=g) for i, g in enumerate(gains)),
        (float(ratio), float(ratio)),
        (at, at),
    )
    obs = Observation({"ms": empty}, (height, width))
    pan = np.tensordot(pan_weights.astype(truth.dtype), truth, 1)
    return Simulated(pan, reduce(obs, truth, gains), truth)
