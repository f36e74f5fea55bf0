"""Kernels and resampling against the MATLAB toolbox and MATLAB's imresize."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earthloom.physics import forward, mtf, resample
from earthloom.types import Band, Observation, View

SENSORS = {
    "QB": ((0.34, 0.32, 0.30, 0.22), 0.15),
    "IKONOS": ((0.26, 0.28, 0.29, 0.28), 0.17),
    "GeoEye1": ((0.23,) * 4, 0.16),
    "WV4": ((0.23,) * 4, 0.16),
    "WV2": ((0.35,) * 7 + (0.27,), 0.11),
    "WV3": ((0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315), 0.14),
}


@pytest.fixture(scope="module")
def tools(shared: Path):
    return np.load(shared / "golden/sharpening/tools.npz")


def toolbox_scene(pan: np.ndarray, bands: int = 1) -> Observation:
    ratio = 4.0
    coarse = (pan.shape[1] // 4, pan.shape[2] // 4)
    names = tuple(Band(str(i)) for i in range(bands))
    ms = View(np.zeros((bands, *coarse)), np.ones(coarse, bool), names, (ratio,) * 2, (2.0, 2.0))
    return Observation({"ms": ms}, pan.shape[1:], "toolbox")


@pytest.mark.parametrize("sensor", SENSORS)
def test_mtf_kernels(tools, sensor: str) -> None:
    gains, pan = SENSORS[sensor]
    for gain, expected in zip(gains, tools[f"mtf_r4_{sensor}"], strict=True):
        np.testing.assert_allclose(mtf.toolbox_kernel(gain, 4.0), expected, atol=1e-12)
    np.testing.assert_allclose(mtf.toolbox_kernel(pan, 4.0), tools[f"mtfpan_r4_{sensor}"], atol=1e-12)


def test_lowpass_kernels_and_facts_of_the_protocol(tools) -> None:
    np.testing.assert_allclose(mtf.lowpass_kernel(4), tools["lpgauss_r4"], atol=1e-12)
    np.testing.assert_allclose(mtf.lowpass_kernel(2), tools["lpgauss_r2"], atol=1e-12)
    np.testing.assert_allclose(mtf.toolbox_kernel(0.3, 2.0), tools["mtf_r2_none"], atol=1e-12)
    blue = mtf.toolbox_kernel(0.325, 4.0)
    assert blue.sum() == pytest.approx(0.9988, abs=5e-5)  # not 1: the protocol does not normalise
    assert mtf.response_at_nyquist(blue, 4) == pytest.approx(0.307, abs=5e-4)
    assert mtf.response_at_nyquist(mtf.toolbox_kernel(0.355, 4.0), 4) == pytest.approx(0.337, abs=5e-4)
    assert mtf.toolbox_kernel(0.325, 4.0, normalise=True).sum() == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("ratio", [2, 4])
def test_interp23(tools, ratio: int) -> None:
    np.testing.assert_allclose(resample.interp23(tools["a"], ratio), tools[f"interp23_r{ratio}"], atol=1e-9)


@pytest.mark.parametrize("kernel", ["bicubic", "bilinear", "nearest"])
@pytest.mark.parametrize("name,scale", [("2", 2.0), ("4", 4.0), ("d2", 0.5), ("d4", 0.25)])
def test_imresize_of_the_toolbox(tools, kernel, name: str, scale: float) -> None:
    found = resample.imresize(tools["a"], scale, kernel)
    np.testing.assert_allclose(found, tools[f"imresize_{kernel}_{name}"], atol=1e-10)


def test_imresize_of_odd_sizes(tools) -> None:
    odd = tools["odd"][None]
    np.testing.assert_allclose(resample.imresize(odd, 0.25)[0], tools["odd_bicubic_d4"], atol=1e-10)
    np.testing.assert_allclose(resample.imresize(odd, 0.25, "nearest")[0], tools["odd_nearest_d4"], atol=1e-10)
    np.testing.assert_allclose(resample.imresize(odd, 0.5, "nearest")[0], tools["odd_nearest_d2"], atol=1e-10)


@pytest.mark.parametrize(
    "name,scale",
    [("up2", 2.0), ("up3", 3.0), ("up4", 4.0), ("down2", 0.5), ("down3", 1 / 3), ("down4", 0.25), ("s075", 0.75)],
)
def test_imresize_of_matlab(shared: Path, name: str, scale: float) -> None:
    golden = np.load(shared / "golden/imresize_golden.npz")
    found = resample.imresize(np.moveaxis(golden["a"], 2, 0), scale)
    np.testing.assert_allclose(np.moveaxis(found, 0, 2), golden[name], atol=1e-10)


@pytest.mark.parametrize("size,out", [(12, 6), (6, 12), (12, 4), (12, 3)])
def test_imresize_operators_of_matlab(shared: Path, size: int, out: int) -> None:
    golden = np.load(shared / "golden/imresize_golden.npz")[f"M_{size}_{out}"]
    np.testing.assert_allclose(resample.imresize_operator(size, out / size).matrix(), golden, atol=1e-10)


def test_filters(tools) -> None:
    pan = tools["rs_pan"][None]
    scene = toolbox_scene(pan)
    np.testing.assert_allclose(forward.blur(scene, pan)[0], tools["lpgauss_pan"], atol=1e-9)
    np.testing.assert_allclose(forward.blur(scene, pan, 0.14)[0], tools["mtfpan_WV3"], atol=1e-9)
    np.testing.assert_allclose(forward.binomial(scene, pan)[0], tools["lpatrous_pan"], atol=1e-9)
    np.testing.assert_allclose(forward.binomial(scene, pan)[0, 2::4, 2::4], tools["lpatrous_dec_pan"], atol=1e-9)


def test_wald_degradation(tools) -> None:
    eight = tools["rs_ms8"]
    scene = toolbox_scene(eight, 8)
    np.testing.assert_allclose(forward.reduce(scene, eight, SENSORS["WV3"][0]), tools["resize_ms8_WV3"], atol=1e-9)
    three = tools["rs_ms3"]
    np.testing.assert_allclose(forward.reduce(toolbox_scene(three, 3), three, 0.3), tools["resize_ms3_none"], atol=1e-9)
    np.testing.assert_allclose(resample.imresize(tools["rs_pan"][None], 0.25)[0], tools["resize_pan"], atol=1e-10)
    np.testing.assert_allclose(resample.imresize(tools["rs_pan"][None], 0.5)[0], tools["resize_pan_r2"], atol=1e-10)
