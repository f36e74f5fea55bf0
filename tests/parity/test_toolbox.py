"""Fused images against the field's MATLAB toolbox (run in Octave; numbers kept beside the data)."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from earthloom.engine.fuse import fuse_whole
from earthloom.metrics import with_reference, without_reference
from earthloom.types import Band, Observation, View

WV3 = (0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315)
SCENES = {"wv3": ("WV3_test.mat", 2047, WV3), "gf2": ("data_gf2.mat", 1023, (0.3,) * 4)}

# toolbox name: (module, class, fields that restore the original behaviour)
METHODS = {
    "EXP": ("exp", "Exp", {}),
    "GSA": ("gsa", "Gsa", {"gain": "global"}),
    "Brovey": ("brovey", "Brovey", {"weights": "mean", "detail": "substitution", "gain": "equal"}),
    "GS": ("gs", "Gs", {"weights": "mean", "detail": "substitution", "gain": "global"}),
    "PCA": ("pca", "Pca", {"components": 1, "detail": "substitution"}),
    "BT_H": ("bt_h", "BtH", {"haze": "published", "detail": "substitution"}),
    "BDSD_PC": ("bdsd_pc", "BdsdPc", {"published": True}),
    "SFIM": ("sfim", "Sfim", {"matching": "std", "guard": 0.0}),
    "AWLP": ("awlp", "Awlp", {"matching": "std"}),
    "MTF_GLP": ("mtf_glp", "MtfGlp", {"matching": "std"}),
    "MTF_GLP_FS": ("mtf_glp_fs", "MtfGlpFs", {"regression": "plain"}),
    "MTF_GLP_HPM": ("mtf_glp_hpm", "MtfGlpHpm", {"matching": "std", "guard": 0.0}),
    "MTF_GLP_HPM_H": ("mtf_glp_hpm", "MtfGlpHpm", {"matching": "haze", "guard": 0.0}),
    "MTF_GLP_HPM_R": ("mtf_glp_hpm", "MtfGlpHpm", {"matching": "regression", "guard": 0.0}),
    "PRACS": ("pracs", "Pracs", {"detail": "substitution"}),
}


def observation(shared: Path, scene: str) -> Observation:
    from scipy.io import loadmat

    name, scale, gains = SCENES[scene]
    data = loadmat(shared / "data/sharpening/reduced_triplets" / name)
    ms = np.ascontiguousarray(np.moveaxis(data["lrms"], 2, 0)) * scale
    pan = data["pan"][None] * scale
    bands = tuple(Band(f"b{i}", mtf_nyquist=g) for i, g in enumerate(gains))
    views = {
        "pan": View(pan, np.ones(pan.shape[1:], bool), (Band("pan", mtf_nyquist=0.14 if scene == "wv3" else 0.15),)),
        "ms": View(ms, np.ones(ms.shape[1:], bool), bands, (4.0, 4.0), (2.0, 2.0)),
    }
    return Observation(views, pan.shape[1:], "toolbox")


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("name", METHODS)
def test_fused_image(shared: Path, scene: str, name: str) -> None:
    module, cls, fields = METHODS[name]
    method = getattr(importlib.import_module(f"earthloom.methods.pansharpening.{module}"), cls)(**fields)
    golden = np.load(shared / f"golden/sharpening/toolbox_{scene}.npz")
    fused = fuse_whole(method, observation(shared, scene))
    row = list(golden["methods"]).index(name)
    error = np.abs(fused[:, ::3, ::3] - golden[f"s3_{name}"])
    limit = np.quantile(error, 0.999) if "HPM" in name else error.max()
    assert limit < 1e-3, f"{name} on {scene}: {limit:.2e} DN, worst {error.max():.2e}"
    if "HPM" not in name:
        np.testing.assert_allclose(fused.mean((1, 2)), golden["band_mean"][row], rtol=1e-6)
        np.testing.assert_allclose(fused.std((1, 2), ddof=1), golden["band_std"][row], rtol=1e-6)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("name", [*METHODS, "GT"])
def test_indices(shared: Path, scene: str, name: str) -> None:
    """All indices of the toolbox on our fused images: with the reference (cut 21), and without one."""
    from scipy.io import loadmat

    file, scale, _ = SCENES[scene]
    truth = (
        np.ascontiguousarray(np.moveaxis(loadmat(shared / "data/sharpening/reduced_triplets" / file)["gt"], 2, 0))
        * scale
    )
    obs = observation(shared, scene)
    fused = truth
    if name != "GT":
        module, cls, fields = METHODS[name]
        method = getattr(importlib.import_module(f"earthloom.methods.pansharpening.{module}"), cls)(**fields)
        fused = fuse_whole(method, obs)
    golden = np.load(shared / f"golden/sharpening/toolbox_{scene}.npz")
    row = list(golden["index_rows"]).index(name)
    ours = with_reference(fused, truth, 4, dim_cut=21)
    keys = {"Q2n": "q2n", "Q": "uiqi", "SAM_deg": "sam_deg", "ERGAS": "ergas", "SCC": "scc"}
    for column, expected in zip(golden["rr_columns"], golden["rr_cut21"][row], strict=True):
        assert ours[keys[column.replace("_avg", "")]] == pytest.approx(expected, abs=1e-5 if column == "Q2n" else 1e-6)
    ours = without_reference(fused, obs)
    keys = {"D_lambda": "d_lambda", "D_lambda_K": "d_lambda_k", "D_s": "d_s", "QNR": "qnr", "HQNR": "hqnr"}
    for column, expected in zip(golden["fr_columns"], golden["fr"][row], strict=True):
        assert ours[keys[column]] == pytest.approx(expected, abs=1e-5)
