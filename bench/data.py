"""The images that accuracy is measured on: read in place, each with the protocol that made or judges it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earthloom.prepare.pansharpening import Sharpening, scene_of
from earthloom.problems.pansharpening import Pansharpening
from earthloom.types import Observation, Window

SHARED = Path(os.environ.get("EARTHLOOM_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SHARPENING = SHARED / "data/sharpening"
TRIPLETS = {  # file: (keys, scale to DN, sensor)
    "WV3_test": (("gt", "lrms", "pan"), 2047, "worldview3"),
    "Pleiades_test": (("gt", "lrms", "pan"), 1023, "pleiades"),
    "data_gf2": (("gt", "lrms", "pan"), 1023, "gaofen2"),
    "Sim_gf2_guangzhou": (("Ref_I_gt", "I_lrms", "I_pan"), 1023, "gaofen2"),
}
NATIVE = {"GE1": "geoeye1", "IK": "ikonos", "WV2": "worldview2"}
VALIDATION = (32, 33, 35, 37, 38, 39)


@dataclass(frozen=True)
class Case:
    """One image: the observation, the truth (None at full resolution), and the border left out."""

    group: str
    name: str
    obs: Observation
    truth: np.ndarray | None
    cut: int


def bands_first(array: np.ndarray) -> np.ndarray:
    """(y, x, band) to (band, y, x)."""
    return np.ascontiguousarray(np.moveaxis(array, 2, 0))


def observe(pan: np.ndarray, ms: np.ndarray, sensor: str | None, convention: str = "centre") -> Observation:
    """Arrays as an observation in float64."""
    scene = scene_of(*(np.asarray(array, np.float64) for array in (pan, ms)), Sharpening(sensor, convention))
    return scene.observe(Window(0, 0, *scene.shape))


def triplets() -> Iterator[Case]:
    """Reduced resolution by others, MATLAB protocol, 4:1, border cut 21."""
    from scipy.io import loadmat

    for name, ((truth, ms, pan), scale, sensor) in TRIPLETS.items():
        data = loadmat(SHARPENING / f"reduced_triplets/{name}.mat")
        obs = observe(data[pan] * scale, bands_first(data[ms]) * scale, sensor, "toolbox")
        yield Case("triplets", name, obs, bands_first(data[truth]) * scale, 21)


def landsat7_pair(scene: int) -> tuple[np.ndarray, np.ndarray]:
    """PAN and MS of a scene, the half-pixel shift of the files mended."""
    from scipy.io import loadmat

    ms = bands_first(loadmat(SHARPENING / f"landsat7/{scene}_ms.mat")["cropped_im"])[:, 1:, 1:]
    return loadmat(SHARPENING / f"landsat7/{scene}_pan.mat")["cropped_gray"][1:-1, 1:-1], ms


TRAINING = tuple(k for k in range(7, 32) if k != 11)


def landsat7(scenes: tuple[int, ...] = VALIDATION) -> Iterator[Case]:
    """Validation scenes, 2:1, reduced by Wald's protocol with MTF 0.3 and 0.15."""
    for scene in scenes:
        case = Pansharpening().degrade(observe(*landsat7_pair(scene), None))
        yield Case("landsat7", str(scene), case.obs, case.truth, 9)


def landsat7_train() -> Iterator[Case]:
    """The same of the scenes to train on, of other acquisitions."""
    return landsat7(TRAINING)


def native_pairs() -> Iterator[tuple[str, np.ndarray, np.ndarray, str | None]]:
    """Full-resolution pairs at 4:1."""
    import rasterio
    from scipy.io import loadmat

    for name, sensor in NATIVE.items():
        data = loadmat(SHARPENING / f"geoeye1_ikonos_worldview2/img{name}.mat")
        yield name, data["I_PAN"], bands_first(data["I_MS"]), sensor
    chip = SHARPENING / "worldview2_rotterdam"
    with rasterio.open(chip / "chip1_pan.tif") as pan, rasterio.open(chip / "chip1_ms.tif") as ms:
        yield "Rotterdam", pan.read(1), ms.read(), "worldview2"


def reduced_native() -> Iterator[Case]:
    """The full-resolution pairs one scale down, centre geometry, each sensor's own MTF."""
    for name, pan, ms, sensor in native_pairs():
        case = Pansharpening().degrade(observe(pan, ms, sensor))
        yield Case("very high resolution", name, case.obs, case.truth, 17)


def full_native() -> Iterator[Case]:
    """The same pairs as they are: no truth."""
    for name, pan, ms, sensor in native_pairs():
        yield Case("full resolution", name, observe(pan, ms, sensor), None, 0)


def full_landsat() -> Iterator[Case]:
    """Two Landsat-7 scenes as they are."""
    for scene in (33, 38):
        yield Case("full resolution", f"Landsat-7 {scene}", observe(*landsat7_pair(scene), "landsat7"), None, 0)


def gaofen2() -> Iterator[Case]:
    """Reduced resolution by others (UCGAN), 4:1."""
    import warnings

    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(4):
            stem = SHARPENING / f"gaofen2/test_low_res/{number}"
            data = {}
            for kind in ("lr", "pan", "mul"):
                with rasterio.open(f"{stem}_{kind}.tif") as file:
                    data[kind] = file.read().astype(np.float64)
            yield Case("gaofen2", str(number), observe(data["pan"], data["lr"], "gaofen2"), data["mul"], 17)


def with_truth() -> Iterator[Case]:
    """Every case with a truth."""
    for source in (triplets, landsat7, reduced_native, gaofen2):
        yield from source()


def without_truth() -> Iterator[Case]:
    """Every case without one."""
    for source in (full_native, full_landsat):
        yield from source()
