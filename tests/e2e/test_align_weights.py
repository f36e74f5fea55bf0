"""Weights of alignment networks that travel with the package, on spectra seen by both sensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earthloom.prepare.bandpass.optics import Optics
from earthloom.samples.spectra import spectral_library
from tests.e2e.conftest import Cli, get, grid, put

FOUR = ("blue", "green", "red", "nir")
PAIRS = {
    "gaofen1_wfv": FOUR,
    "gaofen1_pms": FOUR,
    "landsat8": ("blue", "green", "red", "narrow_nir"),  # the source's band beside Landsat's NIR
}


def seen(target: str) -> tuple[np.ndarray, np.ndarray]:
    """A mosaic of the library's spectra as both sensors see it, reflectance."""
    spectra = spectral_library("santa_barbara")
    ground = spectra.reflectance[np.random.default_rng(3).integers(len(spectra.reflectance), size=(24, 24))]
    ground = ground.repeat(4, axis=0).repeat(4, axis=1)
    optics = Optics.of(spectra.wavelength_nm, ("sentinel2a", PAIRS[target]), (target, FOUR), spectra.fwhm_nm)
    obs = optics.pair(np.moveaxis(ground, 2, 0))
    return obs["source"].data, obs["target"].data


def relative(found: np.ndarray, truth: np.ndarray) -> float:
    """RMSE over the mean in percent, mean of the bands."""
    return float(100 * np.mean(np.sqrt(((found - truth) ** 2).mean((1, 2))) / truth.mean((1, 2))))


@pytest.mark.parametrize("target", list(PAIRS))
def test_shipped_weights_bring_sentinel2_to_other_sensors(target: str, tmp_path: Path, cli: Cli) -> None:
    source, truth = seen(target)
    image = put(
        tmp_path / "s2.tif", np.round(source * 10000).astype("uint16"), grid(10), nodata=0, descriptions=PAIRS[target]
    )
    told, found = ["--from", "sentinel2a", "--to", target, "--unit", 10000], {}
    told += ["--source-bands", *PAIRS[target]] if target == "landsat8" else []
    for method in ("unet_lut", "unet_lut_x"):
        done = cli("align", image, *told, "-m", method, "-o", tmp_path / f"{method}.tif")
        assert done.code == 0, done.err
        found[method] = relative(get(tmp_path / f"{method}.tif")[0] / 10000, truth)
    nothing = relative(source, truth)
    assert found["unet_lut"] < 0.7 * nothing
    assert found["unet_lut_x"] < 0.5 * found["unet_lut"]
