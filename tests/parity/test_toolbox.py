"""Fused images against the field's MATLAB toolbox (run in Octave; numbers kept beside the data)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earthloom.engine.passes import fuse_whole
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.metrics import with_reference, without_reference
from earthloom.types import Band, Observation, View

WV3 = (0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315)
SCENES = {"wv3": ("WV3_test.mat", 2047, WV3), "gf2": ("data_gf2.mat", 1023, (0.3,) * 4)}

# toolbox name: (our name, fields that restore the original behaviour: the card's, unless it is another variant)
METHODS = {
    "EXP": ("exp", None),
    "GSA": ("gsa", None),
    "Brovey": ("brovey", None),
    "GS": ("gs", None),
    "PCA": ("pca", None),
    "BT_H": ("bt_h", None),
    "BDSD_PC": ("bdsd_pc", None),
    "SFIM": ("sfim", None),
    "AWLP": ("awlp", None),
    "MTF_GLP": ("mtf_glp", None),
    "MTF_GLP_FS": ("mtf_glp_fs", None),
    "MTF_GLP_HPM": ("mtf_glp_hpm", None),
    "MTF_GLP_HPM_H": ("mtf_glp_hpm", {"matching": "haze", "guard": 0.0}),
    "MTF_GLP_HPM_R": ("mtf_glp_hpm", {"matching": "regression", "guard": 0.0}),
    "PRACS": ("pracs", None),
}


def published(name: str) -> Method:
    ours, fields = METHODS[name]
    return catalog.make(ours, **(catalog.find(ours).card.published if fields is None else fields))


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
    method = published(name)
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
        fused = fuse_whole(published(name), obs)
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
