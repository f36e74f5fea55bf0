"""Cloud removal of every method on every case; writes bench/results/decloud.json.

python -m bench.decloud [METHOD ...]

Methods come from the catalogue; one whose card excludes a case is left out of it. CF2N has a row for each way to use
it, with weights of the runs of `python -m bench.decloud_networks`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.accuracy import RESULTS
from bench.data import SHARED
from bench.decloud_tables import decloud
from bench.report import table
from earthloom.engine.fuse import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.keep import Keeping
from earthloom.metrics import with_clouds
from earthloom.physics.clouds import transplant
from earthloom.problems.cloud_removal import cloud_view, clouded, training_cases
from earthloom.sensors import load, match_bands
from earthloom.types import Band, Observation, View

SAR, PAIRS = SHARED / "data/sar", SHARED / "data/spatiotemporal/sentinel2_pairs"
TERRAMESH = ("282D_485L_3_3", "609U_541L_3_0", "637U_59R_1_3")
BIGEARTHNET = "S2A_MSIL2A_20170617T113321_36_85"
LEVEL_2A = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
SKIES = 4  # simulated skies a scene
COVER = (0.05, 0.3)  # under clouds; shadows and margins come on top
NETWORK = "cf2n"
PEAK = 10000.0  # reflectance 1, as the literature on SEN12MS-CR has it
VARIANTS = {  # row: method and fields
    "sar_regression, one relation": ("sar_regression", {"similar": False}),
    "mosaic, gain per band": ("mosaic", {"normalise": "gain"}),
    "mosaic, dates as they are": ("mosaic", {"normalise": "none"}),
}


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


def simulated() -> Iterator[Case]:
    """Clear pairs under simulated clouds."""
    for place, (name, obs) in enumerate(clear_pairs()):
        for number, case in enumerate(training_cases(obs, SKIES, seed=7 + place, cover=COVER)):
            yield Case("simulated", f"{name} sky {number + 1}", case.obs, case.truth)


def transplanted() -> Iterator[Case]:
    """Clear pairs under a real cloud of another place."""
    folder, stem = SAR / "sen12mscr_mambascr", "ROIs1868_summer_s2_cloudy_19_p30"
    donor = read(folder / f"{stem}.tif")
    opacity = np.clip((read(folder / f"{stem}_s2cloudless.tif")[0].astype(np.float64) - 0.3) / 0.4, 0, 1)
    for name, obs in clear_pairs():
        optical = obs["optical"]
        own = donor if len(optical.data) == len(donor) else np.delete(donor, 10, axis=0)  # L2A has no B10
        rows, cols = (slice(whole - n, whole) for whole, n in zip(donor.shape[1:], obs.shape, strict=True))
        under = transplant(optical.data, own[:, rows, cols], opacity[rows, cols])
        views = {**obs.views, "optical": replace(optical, data=under.image), "cloud": cloud_view(under.cloud)}
        yield Case("transplanted", name, replace(obs, views=views), optical.data)


def dated() -> Iterator[Case]:
    """Two real dates, years and seasons apart, no SAR; simulated clouds on one."""
    for place, city in enumerate(("norcia", "bordeaux", "mumbai")):
        images = [
            np.concatenate([read(PAIRS / city / f"date{k}_{band}.tif") for band in ("B02", "B03", "B04", "B08")])
            for k in (2, 1)
        ]
        obs = observe(images[0], None, ("blue", "green", "red", "nir"))
        other = View(images[1], np.ones(obs.shape, bool), obs["optical"].bands)
        obs = replace(obs, views={**obs.views, "date_1": other})
        for number, case in enumerate(training_cases(obs, SKIES, seed=20 + place, cover=COVER)):
            yield Case("dates", f"{city} sky {number + 1}", case.obs, case.truth)


def real() -> Iterator[Case]:
    """The SEN12MS-CR triplet: all of it lies in the shadow of clouds, nothing is clear."""
    folder, name = SAR / "sen12mscr_glfcr", "ROIs2017_winter_112_p797.tif"
    obs = observe(read(folder / "s2_cloudy" / name), read(folder / "s1" / name))
    views = {**obs.views, "cloud": cloud_view(np.ones(obs.shape, bool))}
    yield Case("real", "p797", replace(obs, views=views), read(folder / "s2_cloudfree" / name))


def figures(case: Case, image: np.ndarray) -> dict[str, float]:
    """Figures under clouds, and those over all pixels."""
    found = with_clouds(image, case.truth, clouded(case.obs), PEAK)
    rows = {"": found["under clouds"], "all_": found["everywhere"]}
    return {f"{mark}{key}": float(row[key]) for mark, row in rows.items() for key in ("psnr", "ssim", "sam_deg", "mae")}


def measure(case: Case, name: str) -> dict[str, float] | None:
    """One method on one case; None where it cannot work."""
    method, fields = VARIANTS.get(name, (name, {}))
    try:
        keeping = Keeping(catalog.make(method, "cloud_removal", **fields))
        began = time.perf_counter()
        product = fuse_array(keeping, ArrayScene(case.obs))
    except MethodError:
        return None
    seconds = time.perf_counter() - began
    return figures(case, product.data) | {"s_per_mpx": seconds * 1e6 / product.valid.size}


def main(names: list[str]) -> None:
    """Measure and save; rows of other methods stay as they were."""
    if not SAR.is_dir():
        sys.exit(f"{SAR} is not there; set EARTHLOOM_SHARED")
    names = names or [*catalog.names("cloud_removal"), *VARIANTS]
    path = RESULTS / "decloud.json"
    before = json.loads(path.read_text()) if path.is_file() else []
    rows: list[dict[str, object]] = [r for r in before if not _again(r["method"], names)]
    for source in (simulated, transplanted, dated, real):
        for case in source():
            about = {"group": case.group, "image": case.name, "cloud": float(clouded(case.obs).mean())}
            rows.append({**about, "method": "cloudy input", **figures(case, case.obs["optical"].data)})
            for name in names:
                rows += [{**about, "method": row, **found} for row, found in measured(case, name)]
            print(f"{case.group:<14} {case.name:<18} {about['cloud']:.2f}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=1))
    print("\n" + decloud(rows, table))


def _again(row: str, names: list[str]) -> bool:
    """Whether a row is measured anew."""
    return row in ("cloudy input", *names) or (NETWORK in names and row.startswith(f"{NETWORK},"))


def measured(case: Case, name: str) -> Iterator[tuple[str, dict[str, float]]]:
    """The rows of a method: several of a network, none of a method that cannot work on the case."""
    if name == NETWORK:
        from bench import decloud_networks

        if case.group in ("simulated", "transplanted"):
            yield from decloud_networks.measured(case)
    elif (found := measure(case, name)) is not None:
        yield name, found


if __name__ == "__main__":
    main(sys.argv[1:])
