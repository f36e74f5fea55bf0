"""The built-in sample: sensors simulated from a real image, so that the right answer is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine

from earthloom import samples
from earthloom.raster.open import open_image
from earthloom.raster.write.cog import create
from earthloom.sensors import load
from earthloom.types import Window
from earthloom.verbs.sampling.sample import OLINDA, load_sample


@dataclass(frozen=True)
class Inputs:
    """Files of the demo."""

    pan: Path
    ms: Path
    truth: Path
    ratio: int
    sensor: str


def write_inputs(folder: Path, overwrite: bool = False) -> Inputs:
    """Write what a PAN and an MS sensor would see of the sample, and the sample itself as the truth.

    Raises
    ------
    FileError
        If the files exist (without ``overwrite``) or cannot be written.
    """
    seen = load_sample(OLINDA)
    sensor = load(seen.sensor)
    with open_image(samples.path(OLINDA)) as image:
        grid, crs = image.transform, image.crs
    inputs = Inputs(folder / "pan.tif", folder / "ms.tif", folder / "truth.tif", seen.ratio, seen.sensor)
    coarse = Affine(grid.a * seen.ratio, 0, grid.c, 0, grid.e * seen.ratio, grid.f)
    names, centres = list(seen.bands), [b.centre_nm for b in sensor.bands]
    for path, data, transform, bands in (
        (inputs.pan, seen.pan[None], grid, ["pan"]),
        (inputs.ms, seen.ms, coarse, names),
        (inputs.truth, seen.truth, grid, names),
    ):
        with create(
            path, shape=data.shape[1:], count=len(data), dtype="uint8", crs=crs, transform=transform, names=bands,
            wavelengths_nm=centres if len(bands) > 1 else None, overwrite=overwrite,
        ) as writer:  # fmt: skip
            writer.write(Window(0, 0, *data.shape[1:]), data.astype(np.float32), np.ones(data.shape[1:], bool))
    return inputs
