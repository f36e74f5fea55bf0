"""Cases of cloud removal: images, what is under the cloud, and the figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.data import SHARED
from earthloom.metrics import with_clouds
from earthloom.problems.cloud_removal import cloud_view, clouded
from earthloom.sensors import load, match_bands
from earthloom.types import Band, Observation, View

SAR, PAIRS = SHARED / "data/sar", SHARED / "data/spatiotemporal/sentinel2_pairs"


TERRAMESH = ("282D_485L_3_3", "609U_541L_3_0", "637U_59R_1_3")


BIGEARTHNET = "S2A_MSIL2A_20170617T113321_36_85"


LEVEL_2A = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")


PEAK = 10000.0  # reflectance 1, as the literature on SEN12MS-CR has it


@dataclass(frozen=True)
class Case:
    """One cloudy scene and the truth."""

    group: str
    name: str
    obs: Observation
    truth: np.ndarray


def read(path) -> np.ndarray:
    """A file as float32."""
    import rasterio

    with rasterio.open(path) as file:
        return file.read().astype(np.float32)


def observe(optical: np.ndarray, sar: np.ndarray | None, names: tuple[str, ...] | None = None) -> Observation:
    """A clear scene of Sentinel-2, with SAR in dB."""
    seen = np.ones(optical.shape[1:], bool)
    views = {
        "optical": View(optical, seen, match_bands(load("sentinel2a"), len(optical), names)),
        "cloud": cloud_view(~seen),
    }
    if sar is not None:
        views["sar"] = View(sar, seen, (Band("VV"), Band("VH")))
    return Observation(views, seen.shape)


def clear_pairs() -> Iterator[tuple[str, Observation]]:
    """Clear Sentinel-2 images with Sentinel-1."""
    for name in TERRAMESH:
        folder = SAR / "terramesh_terramind"
        yield name[:4], observe(read(folder / f"S2L2A/{name}.tif"), read(folder / f"S1RTC/{name}.tif"))
    folder = SAR / "ben_mm_tiny" / BIGEARTHNET
    bands = [read(folder / f"{BIGEARTHNET}_{band}.tif")[0] for band in LEVEL_2A]
    side = max(len(band) for band in bands)
    optical = np.stack([np.kron(band, np.ones((side // len(band),) * 2, np.float32)) for band in bands])
    radar = [read(next(folder.glob(f"S1*_{kind}.tif")))[0] for kind in ("VV", "VH")]
    yield "36_85", observe(optical, np.stack(radar))
    folder, name = SAR / "sen12mscr_glfcr", "ROIs2017_winter_112_p797.tif"
    yield "p797", observe(read(folder / "s2_cloudfree" / name), read(folder / "s1" / name))


def figures(case: Case, image: np.ndarray) -> dict[str, float]:
    """Figures under clouds, and those over all pixels."""
    found = with_clouds(image, case.truth, clouded(case.obs), PEAK)
    rows = {"": found["under clouds"], "all_": found["everywhere"]}
    return {f"{mark}{key}": float(row[key]) for mark, row in rows.items() for key in ("psnr", "ssim", "sam_deg", "mae")}
