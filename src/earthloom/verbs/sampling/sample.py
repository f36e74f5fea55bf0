"""`earthloom.load_sample`: a scene to try things on, whose right answer is known."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from earthloom import samples
from earthloom.errors import InputError
from earthloom.notebook import arrays, plot
from earthloom.physics.srf import pan_weights
from earthloom.raster.open import open_image
from earthloom.sensors import load
from earthloom.types import Float, Window
from earthloom.verbs.simulate import observe_truth

OLINDA = "landsat7_olinda"
RATIO = 4


class Sample(NamedTuple):
    """What two sensors saw of one place, and what was there; digital numbers as float32."""

    pan: Float[np.ndarray, "y x"]
    ms: Float[np.ndarray, "band h w"]
    truth: Float[np.ndarray, "band y x"]
    bands: tuple[str, ...]
    sensor: str
    ratio: int

    @property
    def pictured(self) -> tuple[dict[str, Any], str]:
        """What is drawn of it, and a title."""
        return {"ms": self.ms, "pan": self.pan, "truth": self.truth}, f"A sample of {self.sensor}"

    def _repr_html_(self) -> str:
        """For notebooks."""
        return arrays(self._asdict(), f"A sample of {self.sensor}")

    plot = plot


def load_sample(name: str = OLINDA) -> Sample:
    """A scene that travels with the package: PAN, MS four times coarser, and the truth on the PAN's grid.

    The truth is a Landsat-7 image of Olinda, Brazil, at 28.5 m; PAN and MS are simulated from it with the response,
    MTF and sampling of the sensor, so that every product can be compared with it.

    Parameters
    ----------
    name
        ``landsat7_olinda``, the one there is.

    Raises
    ------
    InputError
        If there is no such sample.

    Examples
    --------
    >>> scene = load_sample()
    >>> scene.pan.shape, scene.ms.shape, scene.truth.shape
    ((320, 320), (6, 80, 80), (6, 320, 320))
    """
    if name != OLINDA:
        raise InputError(f"no sample '{name}'", f"'{OLINDA}'")
    sensor = load("landsat7")
    with open_image(samples.path(OLINDA)) as image:
        truth, _ = image.read(Window(0, 0, *image.shape))
    gains = tuple(band.mtf_nyquist for band in sensor.bands)
    seen = observe_truth(truth, np.asarray(pan_weights(sensor)), RATIO, gains)
    return Sample(*seen, tuple(band.name for band in sensor.bands), "landsat7", RATIO)
