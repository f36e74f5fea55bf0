"""Indices against numbers that other laboratories' programs computed (kept beside the shared data)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from earthloom import metrics
from earthloom.types import Observation

WV3 = (0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315)
SCENES = {"wv3": ("WV3_test.mat", 2047.0, WV3), "gf2": ("data_gf2.mat", 1023.0, (0.3,) * 4)}
WHOLE = {"wv3": ("GT", "EXP"), "gf2": ("GT", "EXP", "GSA", "BDSD_PC", "MTF_GLP_HPM_R")}
ROWS = [(scene, row) for scene, rows in WHOLE.items() for row in rows]
MTF = {"none": (0.3,) * 4, "QB": (0.34, 0.32, 0.30, 0.22)}
FR = ("d_lambda", "d_lambda_k", "d_s", "qnr", "hqnr")


@cache
def numbers(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def tools(shared: Path) -> dict[str, np.ndarray]:
    return numbers(shared / "golden/sharpening/tools.npz")


@cache
def triplet(shared: Path, scene: str) -> tuple[np.ndarray, Observation]:
    from scipy.io import loadmat

    name, scale, gains = SCENES[scene]
    data = loadmat(shared / "data/sharpening/reduced_triplets" / name)
    gt, ms = (np.ascontiguousarray(np.moveaxis(data[key], 2, 0)) * scale for key in ("gt", "lrms"))
    return gt, metrics.observe(gt.shape[1:], ms, data["pan"] * scale, 4, gains, "toolbox")


def image(shared: Path, scene: str, row: str) -> np.ndarray:
    golden = numbers(shared / f"golden/sharpening/toolbox_{scene}.npz")
    return triplet(shared, scene)[0] if row == "GT" else golden[f"full_{row}"]


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
def test_hypercomplex_product(tools, size: int) -> None:
    a, b, product = (np.atleast_1d(tools[f"onion_{name}{size}"]) for name in "abp")
    np.testing.assert_allclose(metrics.hypercomplex_product(a, b), product, atol=1e-12)


@pytest.mark.parametrize("shape", [(64, 64), (75, 70), (50, 45)])
@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 6, 8])
def test_reference_indices(tools, bands: int, shape: tuple[int, int]) -> None:
    # zero spectra, a constant block, negatives, halves and a value beyond uint16 are in these arrays
    rows, cols = shape
    product, reference = tools["q_f"][:bands, :rows, :cols], tools["q_gt"][:bands, :rows, :cols]
    got = {
        "q2n": metrics.q2n(product, reference),
        "sam": metrics.sam_deg(product, reference),
        "ergas": metrics.ergas(product, reference, 4),
        "scc": metrics.scc(product, reference),
        "q": metrics.uiqi(product, reference),
    }
    for name, value in got.items():
        assert value == pytest.approx(float(tools[f"{name}_{bands}_{rows}x{cols}"]), abs=1e-10), name
    np.testing.assert_allclose(metrics.q2n_map(product, reference), tools[f"q2nmap_{bands}_{rows}x{cols}"], atol=1e-10)


def test_q2n_special_cases(tools) -> None:
    product, reference = tools["q_f"], tools["q_gt"]
    assert metrics.q2n(product, reference, shift=16) == pytest.approx(float(tools["q2n_s16_8_75x70"]), abs=1e-10)
    np.testing.assert_allclose(metrics.q2n_map(product, reference, shift=16), tools["q2nmap_s16_8_75x70"], atol=1e-10)
    small = metrics.q2n(product[:4, :40, :40], reference[:4, :40, :40])
    assert small == pytest.approx(float(tools["q2n_4_40x40"]), abs=1e-10)
    assert metrics.q2n(reference, reference) == pytest.approx(float(tools["q2n_self"]), abs=1e-12)
    flat = np.full((4, 64, 64), 500.0)
    assert metrics.q2n(flat + 10, flat) == pytest.approx(float(tools["q2n_const_500_510"]), abs=1e-12)
    assert metrics.uiqi(flat + 10, flat) == pytest.approx(float(tools["q_const_500_510"]), abs=1e-12)
    assert metrics.sam_deg(reference, reference) == pytest.approx(float(tools["sam_self"]), abs=1e-10)


def test_sam_map(tools) -> None:
    angle = metrics.sam_map_deg(tools["q_f"][:4], tools["q_gt"][:4])
    none = np.isnan(angle)  # the program writes 90 degrees there, and leaves them out of its mean
    np.testing.assert_allclose(np.deg2rad(angle[~none]), tools["sam_map"][~none], atol=1e-10)
    np.testing.assert_allclose(tools["sam_map"][none], np.pi / 2)


@pytest.mark.parametrize(("scene", "row"), ROWS)
@pytest.mark.parametrize(("columns", "cut"), [("rr_full", 0), ("rr_cut21", 21)])
def test_reduced_resolution(shared: Path, scene: str, row: str, columns: str, cut: int) -> None:
    golden = numbers(shared / f"golden/sharpening/toolbox_{scene}.npz")
    expected = golden[columns][list(golden["index_rows"]).index(row)]
    got = metrics.with_reference(image(shared, scene, row), triplet(shared, scene)[0], 4, dim_cut=cut)
    assert list(golden["rr_columns"]) == ["Q2n", "Q_avg", "SAM_deg", "ERGAS", "SCC"]
    assert got["q2n"] == pytest.approx(expected[0], abs=1e-5)
    for name, value in zip(("uiqi", "sam_deg", "ergas", "scc"), expected[1:], strict=True):
        assert got[name] == pytest.approx(value, abs=1e-6), name


@pytest.mark.parametrize(("scene", "row"), ROWS)
def test_full_resolution(shared: Path, scene: str, row: str) -> None:
    golden = numbers(shared / f"golden/sharpening/toolbox_{scene}.npz")
    expected = golden["fr"][list(golden["index_rows"]).index(row)]
    got = metrics.without_reference(image(shared, scene, row), triplet(shared, scene)[1])
    for name, value in zip(FR, expected, strict=True):
        assert got[name] == pytest.approx(value, abs=1e-5 if name in ("d_lambda_k", "hqnr") else 1e-6), name


@pytest.mark.parametrize("sensor", MTF)
def test_without_reference_from_arrays(tools, sensor: str) -> None:
    product, pan, ms = tools["nr_fused"], tools["nr_pan"], tools["nr_ms"]
    assert metrics.d_lambda(product, ms, 4, convention="toolbox") == pytest.approx(tools["nr_dlambda"], abs=1e-9)
    assert metrics.d_s(product, pan, ms, 4, convention="toolbox") == pytest.approx(tools["nr_ds"], abs=1e-9)
    assert metrics.qnr(product, pan, ms, 4, convention="toolbox") == pytest.approx(tools["nr_qnr"], abs=1e-9)
    gains = MTF[sensor]
    k = metrics.d_lambda_k(product, ms, 4, gains, convention="toolbox")
    assert k == pytest.approx(tools[f"nr_dlambdak_{sensor}"], abs=1e-9)
    h = metrics.hqnr(product, pan, ms, 4, gains, convention="toolbox")
    assert h == pytest.approx(tools[f"nr_hqnr_{sensor}"], abs=1e-9)


def test_an_interpolated_ms_is_taken_as_it_is(shared: Path) -> None:
    golden, (_, obs) = numbers(shared / "golden/sharpening/toolbox_gf2.npz"), triplet(shared, "gf2")
    product, pan, up = golden["full_GSA"], obs["pan"].data, golden["full_EXP"]
    row = dict(zip(FR, golden["fr"][list(golden["index_rows"]).index("GSA")], strict=True))
    assert metrics.d_lambda(product, up, 4, convention="toolbox") == pytest.approx(row["d_lambda"], abs=1e-6)
    assert metrics.d_lambda_k(product, up, 4, 0.3, convention="toolbox") == pytest.approx(row["d_lambda_k"], abs=1e-5)
    assert metrics.d_s(product, pan, up, 4, convention="toolbox") == pytest.approx(row["d_s"], abs=1e-6)


def test_the_true_image_is_consistent(shared: Path) -> None:
    # the MS of both triplets is the toolbox's own degradation of GT
    for scene in SCENES:
        gt, obs = triplet(shared, scene)
        figures = metrics.consistency_of(gt, obs)
        assert figures["rmse"] < 1e-8
        assert figures["ergas"] < 1e-8


def test_hyperspectral(shared: Path) -> None:
    golden = numbers(shared / "golden/hsisr_metrics.npz")
    pred, gt = golden["pred"], golden["gt"]
    # theirs are computed in single precision, which is worth 3e-7 dB and 4e-7
    assert metrics.psnr(pred, gt, 1) == pytest.approx(float(golden["psnr"]), abs=3e-7)
    assert metrics.ssim(pred, gt, 1) == pytest.approx(float(golden["ssim"]), abs=4e-7)
    assert metrics.sam_deg(pred, gt) == pytest.approx(float(golden["sam_m"]), abs=1e-8)


def test_hyperspectral_in_double_precision(shared: Path) -> None:
    """The same images by another program that computes in double precision: to 1e-8."""
    other = pytest.importorskip("skimage.metrics")
    golden = numbers(shared / "golden/hsisr_metrics.npz")
    pred, gt = golden["pred"].astype(np.float64), golden["gt"].astype(np.float64)
    whole = other.peak_signal_noise_ratio(gt, pred, data_range=1)
    assert metrics.psnr(pred, gt, 1) == pytest.approx(whole, abs=1e-8)
    curve = [other.peak_signal_noise_ratio(a, b, data_range=1) for a, b in zip(gt, pred, strict=True)]
    np.testing.assert_allclose(metrics.psnr_bands(pred, gt, 1), curve, atol=1e-8)
    assert metrics.psnr(pred, gt, 1, per_band=True) == pytest.approx(np.mean(curve), abs=1e-8)
    options = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    similar = np.mean([other.structural_similarity(a, b, **options) for a, b in zip(gt, pred, strict=True)])
    assert metrics.ssim(pred, gt, 1) == pytest.approx(similar, abs=1e-8)
