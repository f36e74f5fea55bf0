"""ESTARFM against its author's program (run elsewhere; numbers kept beside the data)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.types import Band, Observation, View

WHOLE = 500  # the program's block: the crop and more


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    return dict(np.load(shared / "golden/spatiotemporal/estarfm_zhu.npz"))


def observe(golden: dict[str, np.ndarray], kind: type = np.float64, unit: float = 1, bands: slice = slice(None)):
    def view(name: str) -> View:
        data = golden[name][bands].astype(kind) * kind(unit)
        return View(data, np.ones(data.shape[1:], bool), tuple(Band(f"b{b}") for b in range(len(data))))

    views = {"coarse_p": view("coarse_t2")}
    for number, date in ((1, "t1"), (2, "t3")):
        views |= {f"fine_{number}": view(f"fine_{date}"), f"coarse_{number}": view(f"coarse_{date}")}
    return Observation(views, golden["fine_t1"].shape[1:])


def make(golden: dict[str, np.ndarray], number: int, **fields: object):
    window = 2 * golden[f"cfg{number}_w"].item() + 1
    classes = int(golden[f"cfg{number}_num_class"].item())
    return catalog.make("estarfm", "spatiotemporal", window_px=window, classes=classes, **fields)


def rmse(image: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean((image.astype(np.float64) - truth) ** 2, axis=(1, 2)))


@pytest.mark.parametrize("kind,most", [(np.float64, 0.01), (np.float32, 0.5)])
@pytest.mark.parametrize("number", [1, 2])
def test_the_published_program(golden: dict[str, np.ndarray], number: int, kind: type, most: float) -> None:
    method = make(golden, number, variant="zhu", block=WHOLE)
    found = fuse_array(method, ArrayScene(observe(golden, kind)), 64, threads=2).data
    assert found.dtype == kind
    away = np.abs(found - golden[f"cfg{number}_output"])
    assert (away <= most).mean() >= 0.999  # a threshold may flip elsewhere
    assert np.quantile(away, 0.999) <= most


@pytest.mark.parametrize("number", [1, 2])
def test_thresholds(golden: dict[str, np.ndarray], number: int) -> None:
    method, obs = make(golden, number, variant="zhu", block=WHOLE), observe(golden)
    stats = method.summarise(obs, None)
    for *_, moments in method.parts(obs, stats, (0, 1)):  # type: ignore[attr-defined]
        rule = method.rule(stats, [0, 1], moments)  # type: ignore[attr-defined]
        np.testing.assert_allclose(rule.width, golden[f"cfg{number}_similar_threshold"], rtol=1e-9)


def test_blocks_differ_from_the_whole_as_the_program_does(golden: dict[str, np.ndarray]) -> None:
    """Blocks of 50 change its first configuration by 2.0, 3.9 and 21 DN on average, up to 800; tiles do not matter."""
    scene, method = ArrayScene(observe(golden)), make(golden, 1, variant="zhu", block=50)
    found = fuse_array(method, scene, 100).data
    np.testing.assert_allclose(fuse_array(method, scene, 37, threads=2).data, found, rtol=1e-9)
    away = np.abs(found - golden["cfg1_output"])
    np.testing.assert_allclose(away.mean(axis=(1, 2)), [2.0, 3.9, 21], rtol=0.03)
    assert 790 < away.max() < 805


def test_zhu_refuses_other_units(golden: dict[str, np.ndarray]) -> None:
    with pytest.raises(MethodError, match="reflectance x 10000"):
        fuse_array(make(golden, 1, variant="zhu"), ArrayScene(observe(golden, unit=1e-4)))
