"""STARFM against NASA's C program (run elsewhere; numbers kept beside the data), and ours against its accuracy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.types import Band, Observation, View

FILL = -9999
CASES = [("starfm_nasa", 1), ("starfm_nasa", 2), ("starfm_nasa", 3)]
TOLD = ("window_px", "num_slice_pure_test", "landsat_uncertainty", "modis_uncertainty")
CASES += [("starfm_nasa_two_pairs", 1), ("starfm_nasa_two_pairs", 2)]


def view(data: np.ndarray) -> View:
    bands = tuple(Band(name) for name in ("green", "red", "nir"))
    return View(data.astype(np.float32), np.ones(data.shape[1:], bool), bands)


def observe(golden: dict[str, np.ndarray]) -> Observation:
    """The inputs of a golden file: one pair of known dates or two."""
    views = {"fine_1": view(golden["fine_t1"]), "coarse_1": view(golden["coarse_t1"])}
    if "fine_t3" in golden:
        views |= {"fine_2": view(golden["fine_t3"]), "coarse_2": view(golden["coarse_t3"])}
    return Observation({**views, "coarse_p": view(golden["coarse_t2"])}, golden["fine_t1"].shape[1:])


def rmse(image: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.sqrt(np.nanmean((image.astype(np.float64) - truth) ** 2, axis=(1, 2)))


@pytest.mark.parametrize("name,number", CASES)
def test_the_c_program_number_by_number(shared: Path, name: str, number: int) -> None:
    golden = np.load(shared / f"golden/spatiotemporal/{name}.npz")
    told = {key: golden[f"cfg{number}_{key}"].item() for key in TOLD}
    method = catalog.make(
        "starfm", "spatiotemporal", window_px=told["window_px"], classes=told["num_slice_pure_test"], variant="nasa",
        fine_uncertainty=float(told["landsat_uncertainty"]), coarse_uncertainty=float(told["modis_uncertainty"]),
    )  # fmt: skip
    found = fuse_array(method, ArrayScene(observe(golden)), 64, threads=2).data
    expected = golden[f"cfg{number}_output"]
    np.testing.assert_array_equal(np.isnan(found), expected == FILL)
    seen = expected != FILL
    away = np.abs(found[seen] - expected[seen])
    assert away.max() <= 1
    assert (away == 0).mean() >= 0.998


@pytest.mark.parametrize("name,number", CASES)
def test_thresholds_of_the_c_program(shared: Path, name: str, number: int) -> None:
    golden = np.load(shared / f"golden/spatiotemporal/{name}.npz")
    uncertain = {
        key: float(golden[f"cfg{number}_{source}_uncertainty"].item())
        for key, source in (("fine_uncertainty", "landsat"), ("coarse_uncertainty", "modis"))
    }
    classes = golden[f"cfg{number}_num_slice_pure_test"].item()
    method = catalog.make("starfm", "spatiotemporal", classes=classes, variant="nasa", **uncertain)
    obs = observe(golden)
    rule = method.rule(method.summarise(obs, None), (len(obs.views) - 1) // 2, 3)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(rule.width, golden[f"cfg{number}_derived_slice_value"])
    derived = [golden[f"cfg{number}_derived_{key}_uncertain"].item() for key in ("r_lsr", "r_msr", "combined")]
    assert [rule.near, rule.moved, rule.together] == derived


@pytest.mark.parametrize("name,number", CASES)
def test_ours_is_closer_to_the_truth(shared: Path, name: str, number: int) -> None:
    """Than the C program with the same window and as many classes, on every crop; and there is no hole."""
    golden = np.load(shared / f"golden/spatiotemporal/{name}.npz")
    window = golden[f"cfg{number}_window_px"].item() | 1
    found = fuse_array(catalog.make("starfm", "spatiotemporal", window_px=window), ArrayScene(observe(golden))).data
    assert np.isfinite(found).all()
    truth, theirs = golden["fine_t2_truth"], golden[f"cfg{number}_output"].astype(np.float64)
    theirs[theirs == FILL] = np.nan
    assert (rmse(found, truth) < rmse(theirs, truth)).all()


def test_gwydir_at_least_as_recorded(shared: Path) -> None:
    folder = shared / "data/spatiotemporal/gwydir_2004_simulated"
    read = {
        name: np.fromfile(folder / name, "<i2").reshape(3, 480, 480)
        for name in ("Landsat20041126", "MODIS20041126", "MODIS20041228", "Landsat20041228")
    }
    fine, then, now, truth = read.values()
    views = {"fine_1": view(fine), "coarse_1": view(then), "coarse_p": view(now)}
    scene = ArrayScene(Observation(views, (480, 480)))
    ours = rmse(fuse_array(catalog.make("starfm", "spatiotemporal"), scene, 240, threads=2).data, truth)
    assert (ours <= [121, 161, 443]).all()  # the C program's, x 10000
    assert (ours < 0.7 * rmse(fine, truth)).all()  # copy: 297 438 645


def test_nasa_refuses_other_units(shared: Path) -> None:
    golden = dict(np.load(shared / "golden/spatiotemporal/starfm_nasa.npz"))
    obs = observe({key: golden[key] / 1e4 for key in ("fine_t1", "coarse_t1", "coarse_t2")})
    with pytest.raises(MethodError, match="reflectance x 10000"):
        fuse_array(catalog.make("starfm", "spatiotemporal", variant="nasa"), ArrayScene(obs))
