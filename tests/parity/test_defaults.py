"""Defaults that beat interpolation and the published forms on real images, and the toolbox's coefficients."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from earthloom.engine.passes import fuse_whole
from earthloom.methods import catalog
from earthloom.metrics import ergas, q2n
from earthloom.physics.forward import reduce
from earthloom.types import Band, Observation, View
from earthloom.weights.store import shipped_weights

WV3 = (0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315)
TRIPLETS = {
    "WV3_test.mat": (2047, WV3, 0.14),
    "data_gf2.mat": (1023, (0.3,) * 4, 0.15),
    "Sim_gf2_guangzhou.mat": (1023, (0.3,) * 4, 0.15),
    "Pleiades_test.mat": (1023, (0.3,) * 4, 0.15),
}
LANDSAT = (32, 33, 35, 37, 38, 39)
GOLDEN = {"wv3": "WV3_test.mat", "gf2": "data_gf2.mat"}
CLASSICAL = tuple(n for n in catalog.names() if n != "exp" and catalog.find(n).card.family != "network")
METHODS = (*CLASSICAL, *(n for n in catalog.names() if shipped_weights(f"pansharpening/{n}")))
PUBLISHED = {name: catalog.find(name).card.published for name in CLASSICAL if catalog.find(name).card.published}


def views(ms: np.ndarray, pan: np.ndarray, gains, pan_gain: float, ratio: float, offset: float) -> dict[str, View]:
    bands = tuple(Band(f"b{i}", mtf_nyquist=g) for i, g in enumerate(gains))
    return {
        "pan": View(pan, np.ones(pan.shape[1:], bool), (Band("pan", mtf_nyquist=pan_gain),)),
        "ms": View(ms, np.ones(ms.shape[1:], bool), bands, (ratio,) * 2, (offset,) * 2),
    }


@cache
def triplet(folder: Path, name: str) -> tuple[np.ndarray, Observation]:
    """Reference and observation of one reduced-resolution triplet."""
    from scipy.io import loadmat

    scale, gains, pan_gain = TRIPLETS[name]
    data = loadmat(folder / name)
    got = {k: next(data[n] for n in names if n in data) * scale for k, names in KEYS.items()}
    truth, ms = (np.ascontiguousarray(np.moveaxis(got[k], 2, 0)) for k in ("gt", "ms"))
    pan = got["pan"][None]
    return truth, Observation(views(ms, pan, gains, pan_gain, 4.0, 2.0), pan.shape[1:], "toolbox")


KEYS = {"gt": ("gt", "Ref_I_gt"), "ms": ("lrms", "I_lrms"), "pan": ("pan", "I_pan")}


@cache
def landsat(folder: Path, scene: int) -> tuple[np.ndarray, Observation]:
    """A Landsat-7 scene degraded by its own ratio: the MS as seen is the reference."""
    from scipy.io import loadmat

    ms = np.moveaxis(loadmat(folder / f"{scene}_ms.mat")["cropped_im"], 2, 0)[:, 1:, 1:].astype(np.float64)
    pan = loadmat(folder / f"{scene}_pan.mat")["cropped_gray"][None, 1:-1, 1:-1].astype(np.float64)
    gains = (0.3,) * 6
    whole = Observation(views(ms, pan, gains, 0.15, 2.0, 0.5), pan.shape[1:])
    pan = np.ascontiguousarray(reduce(whole, pan, 0.15)[:, :398, :398])
    truth = np.ascontiguousarray(ms[:, :398, :398])
    grid = Observation(views(np.zeros((6, 199, 199)), pan, gains, 0.15, 2.0, 0.5), (398, 398))
    return truth, Observation(views(reduce(grid, truth, gains), pan, gains, 0.15, 2.0, 0.5), (398, 398))


def image(folder: Path, scene: str | int) -> tuple[np.ndarray, Observation]:
    """A triplet by its file, a Landsat-7 scene by its number."""
    if isinstance(scene, str):
        return triplet(folder / "reduced_triplets", scene)
    return landsat(folder / "landsat7", scene)


@cache
def scored(folder: Path, scene: str | int, name: str) -> tuple[float, float]:
    """ERGAS and Q2n of a method's defaults on one image, computed once for all tests that ask.

    Of eight looks one has to do: it is the worse one.
    """
    truth, obs = image(folder, scene)
    one_look = {"ensemble": False} if getattr(catalog.find(name), "ensemble", False) else {}
    return scores(truth, fuse_whole(catalog.make(name, **one_look), obs), int(obs["ms"].ratio[0]))


def scores(truth: np.ndarray, fused: np.ndarray, ratio: int) -> tuple[float, float]:
    edge = slice(20, -21) if ratio == 4 else slice(None, 384)
    truth, fused = truth[:, edge, edge], fused[:, edge, edge]
    return float(ergas(fused, truth, ratio)), float(q2n(fused, truth, round_dn=True))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", ["triplets", "landsat"])
def test_default_beats_interpolation_on_every_image(shared: Path, kind: str, name: str) -> None:
    folder = shared / "data/sharpening"
    scenes = list(TRIPLETS if kind == "triplets" else LANDSAT)
    if name not in CLASSICAL and kind == "triplets":  # no weights are shipped for eight bands
        scenes = [scene for scene in scenes if len(triplet(folder / "reduced_triplets", scene)[0]) == 4]
        assert len(scenes) == 3
    for scene in scenes:
        error, quality = scored(folder, scene, name)
        exp_error, exp_quality = scored(folder, scene, "exp")
        assert error < exp_error
        assert quality > exp_quality


@pytest.mark.parametrize("name", [n for n in PUBLISHED if n not in ("bdsd_pc", "bt_h")])
def test_default_beats_the_published_form(shared: Path, name: str) -> None:
    folder = shared / "data/sharpening"
    ours, published = [], []
    for scene in (35, "data_gf2.mat"):
        truth, obs = image(folder, scene)
        ratio = int(obs["ms"].ratio[0])
        ours.append(scored(folder, scene, name)[0])
        published.append(scores(truth, fuse_whole(catalog.make(name, **PUBLISHED[name]), obs), ratio)[0])
    assert all(np.array(ours) < published)


@pytest.mark.parametrize("scene", GOLDEN)
def test_coefficients_of_the_toolbox(shared: Path, scene: str) -> None:
    from earthloom.methods.pansharpening.bdsd_pc import BdsdPc
    from earthloom.methods.pansharpening.bt_h import BtH
    from earthloom.methods.pansharpening.pca import Pca

    golden = np.load(shared / f"golden/sharpening/toolbox_{scene}.npz")
    _, obs = triplet(shared / "data/sharpening/reduced_triplets", GOLDEN[scene])
    bands = len(obs["ms"].bands)
    pca, bth, bdsd = (catalog.make(n, **PUBLISHED[n]) for n in ("pca", "bt_h", "bdsd_pc"))
    assert isinstance(pca, Pca) and isinstance(bth, BtH) and isinstance(bdsd, BdsdPc)
    axes = Pca(components=bands).axes(pca.summarise(obs, None)["fine"])
    np.testing.assert_allclose(axes, golden["pca_weights"], atol=1e-9)
    weights = bth.published_weights(bth.summarise(obs, None)["fine"])
    np.testing.assert_allclose(weights, golden["bth_alpha"].ravel(), atol=1e-9)
    gamma, constant = bdsd.coefficients(bdsd.summarise(obs, None)["pairs"], bands)
    np.testing.assert_allclose(gamma, golden["bdsdpc_gamma"], atol=1e-9)
    assert not constant.any()
    assert gamma[0].min() >= 0 and gamma[1:].max() <= 0
