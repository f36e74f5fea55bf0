"""Pairs of images to compare alignments on: files of two sensors, cubes seen by both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from earthloom import sensors
from earthloom.errors import FileError
from earthloom.problems.bandpass import bands_alone
from earthloom.raster.image import Image
from earthloom.raster.open import open_image
from earthloom.raster.scenes.stack import Stack, lay_on
from earthloom.sensors import Sensor, match_bands
from earthloom.types import Band, Observation, View


@dataclass(frozen=True)
class Given:
    """What is told about the images of one sensor, instead of what they say.

    Parameters
    ----------
    sensor
        Name, or path of a sensor file.
    bands
        Numbers from 1 or names, in the order wanted; None: all.
    names
        What the sensor calls those bands; None: matched by their number.
    scale, offset, nodata
        Physical units are ``scale * number + offset``.
    """

    sensor: str | Sensor | None = None
    bands: tuple[int | str, ...] | None = None
    names: tuple[str, ...] | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None

    def open(self, path: Any) -> Image:
        """An image of this sensor."""
        return open_image(path, bands=self.bands, nodata=self.nodata, scale=self.scale, offset=self.offset)

    def known(self, image: Image) -> tuple[Band, ...]:
        """The bands of an image."""
        return match_bands(sensors.load(self.sensor or image.sensor), image.count, self.names)


def pair_of_files(
    source: Any, target: Any, own: Given | None = None, other: Given | None = None, mask: Any = None
) -> Stack:
    """Two images of one place as a scene, on the grid of the coarser one; the finer one is averaged over its pixels.

    Parameters
    ----------
    source, target
        Paths, as :func:`open_image` takes them.
    own, other
        What is told about the two.
    mask
        A file on the grid of one of them, not 0 where the images are to be used; None: everywhere.

    Raises
    ------
    GridError
        If one alone says where it lies, or they do not overlap.
    """
    told = {"source": own or Given(), "target": other or Given()}
    images = {role: told[role].open(path) for role, path in (("source", source), ("target", target))}
    bands = {role: told[role].known(image) for role, image in images.items()}
    coarse = "target" if _pixel(images["target"]) >= _pixel(images["source"]) else "source"
    laid, notes = {coarse: images[coarse].north_up()}, []
    rest = {role: image for role, image in images.items() if role != coarse}
    if mask is not None:
        rest["mask"] = open_image(mask)
    for role, image in rest.items():
        laid[role], note = lay_on(image, laid[coarse], "nearest" if role == "mask" else "bilinear")
        notes += [note] if note else []

    def views(read: Mapping[str, Any]) -> dict[str, View]:
        found = {}
        for role in ("source", "target"):
            data, valid = read[role]
            if "mask" in read:
                numbers, seen = read["mask"]
                valid = valid & seen & (numbers[0] > 0)
            found[role] = View(data, valid, bands[role], date=images[role].acquired)
        return found

    return Stack(laid, views, notes=tuple(notes))


def _pixel(image: Image) -> float:
    """Area of a pixel, in the units of its CRS."""
    return abs(image.transform.a * image.transform.e)


def cube_of(path: str | Path) -> tuple[Float[np.ndarray, "wl y x"], Float[np.ndarray, " wl"]]:
    """A hyperspectral cube of a ``.mat`` file, which holds it bands last beside its wavelengths, as reflectance.

    Bands that are 0 throughout are left out.

    Raises
    ------
    FileError
        If the file holds no cube with wavelengths.
    """
    from scipy.io import loadmat

    try:
        held = {k: v for k, v in loadmat(path).items() if isinstance(v, np.ndarray)}
    except (OSError, ValueError, NotImplementedError) as wrong:
        raise FileError(f"{path} cannot be read ({wrong})", "a MATLAB file up to version 7") from wrong
    cubes = [v for v in held.values() if v.ndim == 3]
    lists = [v.ravel().astype(np.float64) for k, v in held.items() if "wave" in k.lower()]
    if len(cubes) != 1 or not lists or cubes[0].shape[2] != lists[0].size:
        raise FileError(
            f"{path} without one cube and its wavelengths", "an array (y, x, band) and a list 'wavelengths'"
        )
    cube = np.moveaxis(cubes[0], 2, 0).astype(np.float64)
    cube = cube / 10000 if cubes[0].dtype.kind in "iu" else cube
    seen = (cube != 0).any(axis=(1, 2))
    return cube[seen], lists[0][seen]


def alone(obs: Observation) -> Observation:
    """The observation without the pixels of its target."""
    target = obs["target"]
    return replace(obs, views={**obs.views, "target": bands_alone(target.bands, target.data.dtype)})
