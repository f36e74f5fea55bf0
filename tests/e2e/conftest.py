"""Running the command line inside the test process, and small scenes to run it on."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from earthloom.cli.main import run

COMMAND = [sys.executable, "-c", "from earthloom.cli.main import run; run()"]  # the installed script does just this
UTM = "EPSG:32633"


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in this process."""

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            run([str(argument) for argument in arguments])
        return Done(int(left.value.code or 0), *capsys.readouterr())

    return call


def grid(pixel: float, east: float = 0.0, south: float = 0.0) -> Affine:
    """A north-up geotransform beginning so many metres east and south of the corner of all scenes."""
    return Affine(pixel, 0, 400000.0 + east, 0, -pixel, 5000000.0 - south)


def put(path: Path, data: np.ndarray, transform: Affine | None = None, crs: Any = UTM, **profile: Any) -> Path:
    """Write an array as a raster file."""
    names = profile.pop("descriptions", None)
    shape = {"count": len(data), "height": data.shape[1], "width": data.shape[2], "dtype": data.dtype.name}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        where = {} if transform is None else {"transform": transform}
        options = {"driver": "GTiff", "crs": crs, **where, **shape, **profile}
        with rasterio.open(path, "w", **options) as file:
            file.write(data)
            if names:
                file.descriptions = names
    return path


def get(path: Path) -> tuple[np.ndarray, SimpleNamespace]:
    """What a file holds, read without our code: the numbers, and what the header says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            return file.read(), SimpleNamespace(
                crs=file.crs,
                transform=file.transform,
                nodata=file.nodata,
                descriptions=file.descriptions,
                scales=file.scales,
                offsets=file.offsets,
                tags=file.tags(),
                structure=file.tags(ns="IMAGE_STRUCTURE"),
                band_tags=[file.tags(band) for band in file.indexes],
                overviews=file.overviews(1),
            )


def texture(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Ground with the spectrum of natural images, amplitude ``1 / frequency ** 1.2``; mean 0, deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1]))
    frequency[0, 0] = 1
    noise = np.random.default_rng(seed).normal(size=shape)
    image = np.fft.ifft2(np.fft.fft2(noise) / frequency**1.2).real
    return (image - image.mean()) / image.std()


def fine_truth(shape: tuple[int, int] = (96, 128), bands: int = 3, seed: int = 0) -> np.ndarray:
    """A multispectral image on the fine grid, of positive numbers around 1000."""
    shared = texture(shape, seed)
    return np.stack([1000 + 60 * b + 120 * shared + 40 * texture(shape, seed + 1 + b) for b in range(bands)])


def observed(truth: np.ndarray, ratio: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """PAN (mean of the bands) and MS (mean of blocks) of a truth."""
    bands, height, width = truth.shape
    blocks = truth.reshape(bands, height // ratio, ratio, width // ratio, ratio)
    return truth.mean(axis=0, keepdims=True), blocks.mean(axis=(2, 4))


class Pair(NamedTuple):
    """A PAN and an MS file, and where the output goes: an empty folder of its own."""

    pan: Path
    ms: Path
    out: Path

    def arguments(self, *more: object) -> list[object]:
        """The command line that sharpens them."""
        return ["pansharpen", "--pan", self.pan, "--ms", self.ms, "-o", self.out, *more]

    def untouched(self) -> bool:
        """Whether the output folder is still empty, temporary files included."""
        return not os.listdir(self.out.parent)


def random_weights(
    path: Path,
    name: str,
    bands: int | Sequence[float] = 3,
    ratio: float = 4,
    strength: float = 0.02,
    convention: Any = "centre",
    **fields: Any,
) -> Path:
    """Weights of a network that was never trained: none of them 0, whatever the bands (count, or wavelengths in nm)."""
    import torch

    from earthloom.methods import catalog
    from earthloom.types import Band, Observation, View

    centres = [None] * bands if isinstance(bands, int) else [float(nm) for nm in bands]
    side, few = int(8 * ratio), np.ones((8, 8), bool)
    views = {
        "pan": View(np.ones((1, side, side), np.float32), np.ones((side, side), bool), (Band("pan"),)),
        "ms": View(
            np.ones((len(centres), 8, 8), np.float32), few,
            tuple(Band(f"b{i}", centre_nm=nm) for i, nm in enumerate(centres, 1)), (float(ratio),) * 2, (0.0, 0.0),
        ),
    }  # fmt: skip
    fitted = catalog.make(name, **fields).fresh(Observation(views, (side, side), convention))  # type: ignore[attr-defined]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in fitted.trained.module.parameters():
            if not parameter.any():
                parameter.copy_(strength * torch.randn(parameter.shape, generator=generator))
    return fitted.save(path)


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., Pair]:
    """Files of one place, ratio 4; arrays and profiles can be replaced."""

    def make(
        pan: np.ndarray | None = None, ms: np.ndarray | None = None, of_pan: Any = None, of_ms: Any = None
    ) -> Pair:
        fine, coarse = (image.round().astype("uint16") for image in observed(fine_truth()))
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        return Pair(
            put(tmp_path / "pan.tif", fine if pan is None else pan, **{"transform": grid(1), **(of_pan or {})}),
            put(tmp_path / "ms.tif", coarse if ms is None else ms, **{"transform": grid(4), **(of_ms or {})}),
            folder / "sharp.tif",
        )

    return make
