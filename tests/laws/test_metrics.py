"""Indices on cases worked out by hand, their laws, and the mistakes seen in circulation."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthloom import metrics
from earthloom.errors import EarthloomWarning, InputError
from earthloom.metrics import checks, windows
from earthloom.metrics.blocks import folded
from earthloom.metrics.distortions import q_between_bands, q_with_pan


def scene(bands: int = 4, side: int = 96, seed: int = 0, dtype=np.float64) -> tuple[np.ndarray, np.ndarray]:
    """A smooth reference in digital numbers and a disturbed product."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / 7.0
    reference = np.stack([600 + 60 * b + 200 * np.sin(x + 0.3 * b) * np.cos(0.7 * y) for b in range(bands)])
    reference = reference + rng.normal(0, 20, reference.shape)
    return (reference + rng.normal(0, 40, reference.shape)).astype(dtype), reference.astype(dtype)


def pair_of(product: np.ndarray, reference: np.ndarray, **options: object) -> dict[str, float]:
    """Every index with a reference, one number each."""
    return {
        "ergas": metrics.ergas(product, reference, 4, **options),
        "sam_deg": metrics.sam_deg(product, reference, **options),
        "rmse": metrics.rmse(product, reference, **options),
        "psnr": metrics.psnr(product, reference, 2047, **options),
        "psnr_bands": metrics.psnr(product, reference, 2047, per_band=True, **options),
        "cc": metrics.cc(product, reference, **options),
        "uiqi": metrics.uiqi(product, reference, **options),
        "ssim": metrics.ssim(product, reference, 2047, **options),
        "ssim_uniform": metrics.ssim(product, reference, 2047, window="uniform", **options),
        "scc": metrics.scc(product, reference, **options),
        "scc_laplacian": metrics.scc(product, reference, variant="laplacian", **options),
        "q2n": metrics.q2n(product, reference, round_dn=False, **options),
    }


# by hand ------------------------------------------------------------------------------------------------------


def test_ergas_by_hand() -> None:
    # means 10 and 20, squared errors 1 and 16: 100/4 sqrt((1/100 + 16/400) / 2) = 25 sqrt(0.025)
    reference = np.stack([np.full((2, 2), 10.0), np.full((2, 2), 20.0)])
    product = reference + np.array([1.0, 4.0])[:, None, None]
    assert metrics.ergas(product, reference, 4) == pytest.approx(25 * math.sqrt(0.025))
    # the ratio divides, and the mean is the reference's: the images do not commute
    assert metrics.ergas(product, reference, 2) == pytest.approx(50 * math.sqrt(0.025))
    assert metrics.ergas(reference, product, 4) == pytest.approx(25 * math.sqrt((1 / 121 + 16 / 576) / 2))


def test_sam_by_hand() -> None:
    # (1, 0) against (1, 1): 45 degrees; (0, 0) has no angle; (3, 4) against (6, 8): 0
    product = np.array([[[1.0, 0.0, 3.0]], [[0.0, 0.0, 4.0]]])
    reference = np.array([[[1.0, 5.0, 6.0]], [[1.0, 1.0, 8.0]]])
    assert metrics.sam_deg(product, reference) == pytest.approx(45 / 2)
    np.testing.assert_allclose(metrics.sam_map_deg(product, reference)[0], [45, np.nan, 0], atol=1e-12)


def test_rmse_psnr_and_cc_by_hand() -> None:
    # errors 0, 2 | 4, 4: mean square 9, not 18 (which forgets to divide by the bands); 20 log10(30/3) = 20 dB
    reference = np.array([[[1.0, 3.0]], [[5.0, 1.0]]])
    product = reference + np.array([[[0.0, 2.0]], [[4.0, 4.0]]])
    assert metrics.rmse(product, reference) == pytest.approx(3.0)
    np.testing.assert_allclose(metrics.rmse(product, reference, per_band=True), [math.sqrt(2), 4])
    assert metrics.psnr(product, reference, 30) == pytest.approx(20.0)
    bands = (10 * math.log10(900 / 2) + 10 * math.log10(900 / 16)) / 2
    assert metrics.psnr(product, reference, 30, per_band=True) == pytest.approx(bands)
    assert metrics.psnr(product, product, 30) == math.inf
    assert metrics.cc(product, reference) == pytest.approx(1.0)
    assert metrics.cc(product * np.array([[[1.0]], [[-1.0]]]), reference) == pytest.approx(0.0)


def test_cc_of_flat_bands() -> None:
    flat, slope = np.full((1, 5, 7), 0.1), np.arange(35.0).reshape(1, 5, 7)
    assert metrics.cc(flat, slope) == 0
    assert metrics.cc(flat, flat * 3) == 1


def test_q2n_by_hand() -> None:
    # one band, one block of 4: means 2 and 4, variances (n-1) 4/3 and 16/3, covariance 8/3.
    # normalised by mean 2 and std s = sqrt(4/3): means 1 and 1 + 2/s, contrast 2 (8/3) / (4/3 + 16/3) = 0.8
    reference = np.array([[[1.0, 3.0], [1.0, 3.0]]])
    shifted = 1 + 2 / math.sqrt(4 / 3)
    assert metrics.q2n(2 * reference, reference, block=2) == pytest.approx(0.8 * 2 * shifted / (1 + shifted**2))


def test_d_s_by_hand() -> None:
    # Q([1 3; 1 3], twice that) = 4 (8/3) 2 4 / ((4/3 + 16/3)(4 + 16)) = 0.64, Q of equal images 1: |0.64 - 1|
    image = np.array([[[1.0, 3.0], [1.0, 3.0]]])
    assert metrics.d_s_from(image, 2 * image, image, image, block=2) == pytest.approx(0.36)


def test_d_lambda_by_hand() -> None:
    # Q between a band and its double is 0.64 (above), between equal bands 1
    image = np.array([[1.0, 3.0], [1.0, 3.0]])
    product, ms = np.stack([image, 2 * image]), np.stack([image, image])
    assert metrics.d_lambda_from(product, ms, block=2) == pytest.approx(0.36)
    # three pairs: (1, 2) 0.36, (1, 3) 0, (2, 3) 0.36
    product, ms = np.stack([image, 2 * image, image]), np.stack([image] * 3)
    assert metrics.d_lambda_from(product, ms, block=2) == pytest.approx(0.24)
    assert metrics.d_lambda_from(product, ms, block=2, exponent=2) == pytest.approx(0.36 * math.sqrt(2 / 3))


def test_d_lambda_k_by_hand() -> None:
    # a wave at MS Nyquist passes the MTF with gain 0.3: 100 -> 30. Against an MS wave of 60 on the same mean
    # the contrast factor is 2 * 30 * 60 / (30^2 + 60^2) = 0.8 and the bias factor 1: D_lambda_K = 0.2
    side, ratio = 96, 4
    wave = np.cos(np.pi * np.arange(side * ratio) / ratio)
    product = np.broadcast_to(1000 + 100 * wave, (1, side * ratio, side * ratio))
    seen = np.cos(np.pi * (np.arange(side) * ratio + 1.5) / ratio)
    ms = np.broadcast_to(1000 + 60 * seen, (1, side, side))
    valid = np.zeros((side * ratio,) * 2, bool)
    valid[64:-64, 64:-64] = True  # leaves the middle block of 32 x 32, away from the border
    got = metrics.d_lambda_k(product, ms, ratio, 0.3, variant="khan", round_dn=False, valid=valid)
    assert got == pytest.approx(0.2, abs=2e-4)


def test_d_rho_and_d_sr_by_hand() -> None:
    pan = np.random.default_rng(1).normal(100, 20, (16, 16))
    product = np.stack([3 * pan, -pan])  # correlations 1 and -1, and PAN is a sum of the bands
    assert metrics.d_rho(product, pan) == pytest.approx(1.0)
    assert metrics.d_rho(product[:1], pan) == pytest.approx(0.0, abs=1e-9)
    assert metrics.d_sr(product, pan) == pytest.approx(0.0, abs=1e-9)
    # P = (1, 3), F = (1, 1): w = 2, residuals (-1, 1), deviations from the mean the same: nothing explained
    assert metrics.d_sr(np.ones((1, 1, 2)), np.array([[1.0, 3.0]])) == pytest.approx(1.0)


# parity with others -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bands", [1, 3, 4, 5, 8])
def test_q2n_agrees_with_sewar(bands: int) -> None:
    full_ref = pytest.importorskip("sewar.full_ref")
    product, reference = (np.rint(x).clip(0).astype(np.uint16) for x in scene(bands, 96))
    theirs = full_ref.q2n(np.moveaxis(reference, 0, 2), np.moveaxis(product, 0, 2))
    assert metrics.q2n(product, reference) == pytest.approx(theirs, abs=1e-8)


def test_ssim_agrees_with_scikit_image() -> None:
    similarity = pytest.importorskip("skimage.metrics").structural_similarity
    product, reference = scene(3, 40)
    options = {"data_range": 2047, "channel_axis": 0}
    theirs = similarity(reference, product, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, **options)
    assert metrics.ssim(product, reference, 2047) == pytest.approx(theirs, abs=1e-10)
    theirs = similarity(reference, product, **options)
    assert metrics.ssim(product, reference, 2047, window="uniform") == pytest.approx(theirs, abs=1e-10)


def test_scc_filters_in_space() -> None:
    from scipy import ndimage

    product, reference = scene(3, 50)
    kernel = np.array([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]])
    edges = []
    for image in (product, reference):
        inner = image[:, 1:-1, 1:-1]
        filtered = [[ndimage.correlate(b, k, mode="constant") for b in inner] for k in (kernel, kernel.T)]
        edges.append(np.hypot(*np.array(filtered)))
    cosine = (edges[0] * edges[1]).sum() / np.sqrt((edges[0] ** 2).sum() * (edges[1] ** 2).sum())
    assert metrics.scc(product, reference) == pytest.approx(cosine, abs=1e-12)
    laplacian = np.full((3, 3), -1.0)
    laplacian[1, 1] = 8
    detail = [np.array([ndimage.correlate(b, laplacian)[1:-1, 1:-1].ravel() for b in x]) for x in (product, reference)]
    pearson = np.mean([np.corrcoef(p, r)[0, 1] for p, r in zip(*detail, strict=True)])
    assert metrics.scc(product, reference, variant="laplacian") == pytest.approx(pearson, abs=1e-12)


def test_uiqi_window_by_window() -> None:
    product, reference = scene(2, 40)
    found = []
    for band in range(2):
        for y in range(9):
            for x in range(9):
                a, b = (z[band, y : y + 32, x : x + 32] for z in (product, reference))
                c = np.cov(a.ravel(), b.ravel())
                means = 2 * a.mean() * b.mean() / (a.mean() ** 2 + b.mean() ** 2)
                found.append(2 * c[0, 1] / (c[0, 0] + c[1, 1]) * means)
    assert metrics.uiqi(product, reference) == pytest.approx(np.mean(found), abs=1e-12)


# laws ---------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(size=st.integers(2, 40), window=st.integers(1, 40))
def test_running_sum(size: int, window: int) -> None:
    window = min(window, size)
    x = np.random.default_rng(size).normal(size=(1, 2, size))
    expected = np.convolve(x[0, 1], np.ones(window), "valid")
    np.testing.assert_allclose(windows.running_sum(x, window, 2)[0, 1], expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 90), block=st.integers(2, 40))
def test_blocks_are_mirrored(size: int, block: int) -> None:
    count = -(-size // block)
    line = np.pad(np.arange(size), (0, count * block - size), mode="symmetric")
    np.testing.assert_array_equal(folded(size, block, block).ravel(), line)


@pytest.mark.parametrize(("shape", "bands"), [((75, 70), 3), ((40, 33), 5), ((12, 12), 4)])
def test_q2n_pads_by_mirroring(shape: tuple[int, int], bands: int) -> None:
    product, reference = (x[:, : shape[0], : shape[1]] for x in scene(bands))
    fill = [(0, 0), *((0, -n % 32) for n in shape)]
    padded = metrics.q2n(np.pad(product, fill, mode="symmetric"), np.pad(reference, fill, mode="symmetric"))
    assert metrics.q2n(product, reference) == pytest.approx(padded, abs=1e-12)


def test_q2n_order_of_bands_and_zero_bands() -> None:
    product, reference = scene(3)
    assert metrics.q2n(product, reference) <= 1
    empty = np.zeros((1, 96, 96))
    filled = metrics.q2n(np.concatenate([product, empty]), np.concatenate([reference, empty]))
    assert metrics.q2n(product, reference) == pytest.approx(filled, abs=1e-12)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_strips_do_not_matter(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    product, reference = scene(3, 150, dtype=kind)
    valid = np.ones((150, 150), bool)
    valid[100:110, 20:30] = False
    for options in ({}, {"valid": valid}):
        whole = pair_of(product, reference, **options)
        monkeypatch.setattr(checks, "STRIP", 3 * 150 * 7)
        assert pair_of(product, reference, **options) == pytest.approx(whole, abs=1e-9)
        monkeypatch.undo()


def test_large_means_do_not_cancel() -> None:
    product, reference = scene(2, 64)
    lifted = metrics.uiqi(product + 1e7, reference + 1e7)
    c = [metrics.cc(product + shift, reference + shift) for shift in (0, 1e7)]
    assert c[0] == pytest.approx(c[1], abs=1e-9)
    assert lifted == pytest.approx(
        metrics.uiqi(product - product.mean() + 1e5, reference - product.mean() + 1e5), abs=1e-4
    )


def test_equal_images_are_perfect() -> None:
    _, reference = scene(5)
    got = pair_of(reference, reference)
    assert [got[name] for name in ("ergas", "sam_deg", "rmse")] == [0, 0, 0]
    for name in ("cc", "uiqi", "ssim", "ssim_uniform", "scc", "scc_laplacian", "q2n"):
        assert got[name] == pytest.approx(1, abs=1e-12), name


def test_integers_and_float32_give_the_same() -> None:
    product, reference = (np.rint(x).clip(0) for x in scene(4))
    exact = pair_of(product, reference)
    assert pair_of(product.astype(np.uint16), reference.astype(np.uint16)) == pytest.approx(exact, rel=1e-12)
    assert pair_of(product.astype(np.float32), reference.astype(np.float32)) == pytest.approx(exact, rel=1e-12)


# traps --------------------------------------------------------------------------------------------------------


def test_q2n_of_reflectance() -> None:
    product, reference = (np.rint(x).clip(0) for x in scene(8))
    right = metrics.q2n(product, reference)
    assert metrics.q2n(product / 2047, reference / 2047) == pytest.approx(right, abs=1e-9)  # not rounded by default
    with pytest.warns(EarthloomWarning, match="digital numbers"):
        wrong = metrics.q2n(product / 2047, reference / 2047, round_dn=True)
    assert abs(wrong - right) > 0.05


def test_black_areas_yield_numbers() -> None:
    product, reference = scene(4, 96)
    product[:, :, :40] = reference[:, :, :40] = 0
    for name, value in pair_of(product, reference).items():
        assert math.isfinite(value), name
    pan = reference.mean(0)
    assert np.isfinite(q_between_bands(product)).all()
    assert np.isfinite(q_with_pan(product, pan)).all()
    black = np.zeros((4, 96, 96))
    assert metrics.uiqi(black, black) == 1
    assert metrics.q2n(black, black) == 1


def test_one_zero_spectrum_is_left_out_of_sam() -> None:
    product, reference = scene(4)
    keep = np.ones((96, 96), bool)
    keep[5, 6] = False
    expected = metrics.sam_deg(product, reference, valid=keep)
    product[:, 5, 6] = 0
    assert metrics.sam_deg(product, reference) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(InputError, match="no pixel"):
        metrics.sam_deg(np.zeros((3, 4, 4)), np.ones((3, 4, 4)))


@pytest.mark.parametrize("convention", ["centre", "toolbox"])
def test_a_perfect_fusion_has_no_spatial_distortion(convention: str) -> None:
    # bands are multiples of PAN: Q with PAN is the same at both scales. sewar's d_s says 0.94 in such cases
    fine, _ = scene(1, 256)
    weight = np.array([0.8, 1.0, 1.3])[:, None, None]
    pan, product = fine, weight * fine
    empty = metrics.observe((256, 256), np.zeros((3, 64, 64)), pan, 4, 0.3, convention)
    from earthloom.physics.forward import reduce

    ms = reduce(empty, product, 0.3)
    assert metrics.d_s(product, pan, ms, 4, 0.3, convention=convention) < (1e-9 if convention == "centre" else 0.02)
    flat = np.broadcast_to(product.mean((1, 2), keepdims=True), product.shape)
    assert metrics.d_s(flat, pan, ms, 4, 0.3, convention=convention) > 0.5


def test_variants_differ_and_are_named() -> None:
    product, reference = scene(4, 128)
    pan, ms = reference.mean(0), reference[:, 2::4, 2::4]
    one = metrics.d_lambda_k(product, ms)
    assert one != pytest.approx(metrics.d_lambda_k(product, ms, variant="khan"), abs=1e-3)
    assert metrics.d_s(product, pan, ms) != pytest.approx(metrics.d_s(product, pan, ms, variant="paper"), abs=1e-4)
    assert 0 <= metrics.d_lambda(product, ms, variant="paper") < 1
    assert 0 <= metrics.rqnr(product, pan, ms) <= 1
    for call in (
        lambda: metrics.d_lambda_k(product, ms, variant="other"),
        lambda: metrics.d_s(product, pan, ms, variant="other"),
        lambda: metrics.scc(product, reference, variant="other"),
    ):
        with pytest.raises((InputError, TypeError)):  # the type check of the test run may come first
            call()


# masks and errors ---------------------------------------------------------------------------------------------


def test_masked_pixels_do_not_matter() -> None:
    product, reference = scene(4, 96)
    valid = np.ones((96, 96), bool)
    valid[40:44, 70:75] = False
    clean = pair_of(product, reference, valid=valid)
    product[:, ~valid], reference[:, ~valid] = np.nan, 1e9
    assert pair_of(product, reference, valid=valid) == pytest.approx(clean, abs=1e-12)
    blocks = metrics.q2n_map(product, reference, valid=valid, round_dn=False)
    assert np.isnan(blocks).sum() == 1
    assert np.isnan(blocks[1, 2])
    assert np.nanmean(blocks) == pytest.approx(clean["q2n"], abs=1e-12)
    with pytest.raises(InputError, match="NaN or infinite"):
        pair_of(product, reference)


def test_masks_without_reference() -> None:
    product, reference = scene(4, 256)
    pan, ms = reference.mean(0), metrics.observe((256, 256), np.zeros((4, 64, 64)), None, 4)
    from earthloom.physics.forward import reduce

    ms = reduce(ms, reference, 0.3)
    everything = metrics.without_reference(product, metrics.observe((256, 256), ms, pan, 4))
    valid = np.ones((256, 256), bool)
    valid[100:120, 40:60] = False
    hole = product.copy()
    hole[:, ~valid] = np.nan
    pan_hole, ms_hole = np.where(valid, pan, np.nan), ms.copy()
    ms_hole[:, 26:29, 11:14] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        metrics.d_s(hole, pan, ms, 4)
    with pytest.raises(InputError, match="MS"):
        metrics.d_s(product, pan, ms_hole, 4)
    masked = metrics.without_reference(
        hole, metrics.observe((256, 256), ms_hole, pan_hole, 4, valid=valid), round_dn=False
    )
    assert masked == pytest.approx(everything, abs=0.02)
    assert metrics.d_s(hole, pan_hole, ms_hole, 4, valid=valid) == pytest.approx(masked["d_s"], abs=1e-12)
    figures = metrics.consistency(hole, ms_hole, pan_hole, 4, valid=valid)
    assert figures["rmse"] == pytest.approx(metrics.consistency(product, ms, pan, 4)["rmse"], rel=0.05)


def test_without_reference_where_the_coarse_grid_has_no_whole_block() -> None:
    product, reference = scene(3, 64)
    valid = np.ones((64, 64), bool)
    valid[:4, :9] = False
    figures = metrics.without_reference(
        product, metrics.observe((64, 64), reference[:, ::4, ::4], reference[0], 4, valid=valid)
    )
    assert "rqnr" not in figures
    assert 0 < figures["hqnr"] < 1


def test_with_reference_leaves_out_what_does_not_fit() -> None:
    product, reference = scene(3, 96)
    assert "uiqi" not in metrics.with_reference(product, reference, dim_cut=33, peak=2047)
    tiny = metrics.with_reference(product[:, :8, :8], reference[:, :8, :8], peak=2047)
    assert sorted(tiny) == ["cc", "ergas", "psnr", "q2n", "rmse", "sam_deg", "scc"]
    speckled = np.ones((96, 96), bool)
    speckled[::5, ::5] = False
    tiny = metrics.with_reference(product, reference, peak=2047, valid=speckled)
    assert sorted(tiny) == ["cc", "ergas", "psnr", "rmse", "sam_deg", "scc"]


def test_consistency_of_what_was_seen() -> None:
    _, truth = scene(3, 120)
    pan = truth.mean(0)
    empty = metrics.observe((120, 120), np.zeros((3, 30, 30)), None, 4, (0.3, 0.25, 0.35))
    from earthloom.physics.forward import reduce

    ms = reduce(empty, truth, (0.3, 0.25, 0.35))
    figures = metrics.consistency(truth + 5, ms, pan, 4, (0.3, 0.25, 0.35))
    # adding 5 everywhere is a bias of exactly 5 and no change of detail
    for name in ("rmse", "bias", "rmse_b2", "bias_b3"):
        assert figures[name] == pytest.approx(5, abs=1e-9), name
    means = ms.mean((1, 2))
    assert figures["ergas"] == pytest.approx(25 * np.sqrt(np.mean(25 / means**2)), abs=1e-9)
    assert figures["pan_detail_cc"] > 0.4
    assert "pan_detail_cc" not in metrics.consistency(truth, ms, None, 4)


def test_errors_say_what_is_wrong() -> None:
    product, reference = scene(4, 64)
    pan, ms = reference.mean(0), reference[:, ::4, ::4]
    cases = [
        (lambda: metrics.ergas(product, reference[:3]), r"\(3, 64, 64\).*\(4, 64, 64\)"),
        (lambda: metrics.ergas(product[0], reference[0]), "three axes"),
        (lambda: metrics.ergas(product, reference, 0), "ratio 0"),
        (lambda: metrics.ergas(product, reference * 0), "mean 0"),
        (lambda: metrics.psnr(product, reference, 0), "peak"),
        (lambda: metrics.uiqi(product[:, :20], reference[:, :20]), "window"),
        (lambda: metrics.rmse(product, reference, valid=np.zeros((64, 64), bool)), "valid pixel"),
        (lambda: metrics.rmse(product, reference, valid=np.ones((63, 64), bool)), "mask of shape"),
        (lambda: metrics.rmse(product[:, :0], reference[:, :0]), "at least one"),
        (lambda: metrics.d_s(product, pan[:60], ms), r"\(1, 60, 64\)"),
        (lambda: metrics.d_s(product, pan, ms[:, :9]), "16 x 16"),
        (lambda: metrics.d_s(product, pan, ms[:3]), "as in the MS"),
        (lambda: metrics.d_s(product, pan, ms, 4, (0.3, 0.3)), "MTF gains"),
        (lambda: metrics.d_lambda(product[:1], ms[:1]), "at least 2"),
        (lambda: metrics.d_lambda_k(product, reference, variant="khan"), "as delivered"),
        (lambda: metrics.d_s(product, pan, ms, 4, convention="toolbox", offset=1.5), "toolbox"),
        (lambda: metrics.q2n(product, reference, block=8, shift=9), "blocks of 8"),
        (lambda: metrics.d_rho(product, np.ones((64, 64))), "structure"),
        (lambda: metrics.d_sr(product, np.ones((64, 64))), "structure"),
        (lambda: metrics.cut_border(product, 33), "cut"),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()


# torch --------------------------------------------------------------------------------------------------------


def finite_gradient(value, tensor) -> None:
    tensor.grad = None
    value.backward()
    assert bool(tensor.grad.isfinite().all())


@pytest.mark.parametrize("masked", [False, True])
def test_torch_equals_numpy(masked: bool) -> None:
    torch = pytest.importorskip("torch")
    product, reference = scene(5, 70)
    options = {}
    if masked:
        options["valid"] = np.ones((70, 70), bool)
        options["valid"][3:8, 60:] = False
    expected = pair_of(product, reference, **options)
    tensor, other = torch.tensor(product, requires_grad=True), torch.tensor(reference)
    for name, value in pair_of(tensor, other, **options).items():
        assert float(value.detach()) == pytest.approx(expected[name], abs=1e-6), name
        finite_gradient(value, tensor)
        assert bool((tensor.grad != 0).any()), name


def test_torch_gradient_where_images_agree() -> None:
    torch = pytest.importorskip("torch")
    _, reference = scene(3, 40)
    reference[:, :34, :34] = 0  # whole windows are black
    for kind in (torch.float32, torch.float64):
        tensor = torch.tensor(reference, dtype=kind, requires_grad=True)
        for name, value in pair_of(tensor, torch.tensor(reference, dtype=kind)).items():
            assert value.dtype == kind
            if not name.startswith("psnr"):
                finite_gradient(value, tensor)


@pytest.mark.parametrize("convention", ["centre", "toolbox"])
def test_torch_without_reference(convention: str) -> None:
    torch = pytest.importorskip("torch")
    product, reference = scene(3, 128)
    gains = (0.3, 0.3, 0.2)
    pan, ms = reference.mean(0), reference[:, 2::4, 2::4].copy()
    obs = metrics.observe((128, 128), ms, pan, 4, gains, convention)
    valid = np.ones((128, 128), bool)
    valid[:4, :9] = False
    for mask in (None, valid):
        options = {"block": 16, "valid": mask}
        expected = metrics.without_reference(product, obs, round_dn=False, **options)
        tensor = torch.tensor(product, requires_grad=True)
        for name, value in metrics.without_reference(tensor, obs, **options).items():
            assert float(value.detach()) == pytest.approx(expected[name], abs=1e-6), name
            tensor.grad = None
            value.backward(retain_graph=True)
            assert bool(tensor.grad.isfinite().all()), name
        expected = metrics.consistency_of(product, obs, valid=mask)
        for name, value in metrics.consistency_of(tensor, obs, valid=mask).items():
            assert float(value.detach()) == pytest.approx(expected[name], abs=1e-6), name
    loss = metrics.hqnr(tensor, torch.tensor(pan), torch.tensor(ms), 4, gains, convention=convention)
    finite_gradient(loss, tensor)


def test_torch_refusals() -> None:
    torch = pytest.importorskip("torch")
    product, reference = scene(3, 40)
    with pytest.raises(InputError, match="all of one kind"):
        metrics.ergas(torch.tensor(product), reference)
    with pytest.raises(InputError, match="no slope"):
        metrics.q2n(torch.tensor(product, requires_grad=True), torch.tensor(reference), round_dn=True)


def test_importing_is_light() -> None:
    code = (
        "import sys, earthloom.metrics; print([m for m in ('torch', 'scipy', 'numba', 'skimage') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
