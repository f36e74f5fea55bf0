"""Cloud removal of every method on every case; recorded in bench/cloud_removal/results.json.

python -m bench.cloud_removal.run [METHOD ...]

Methods come from the catalogue; one whose card excludes a case is left out of it. CF2N has a row for each way to use
it, with weights of the runs of `python -m bench.cloud_removal.networks`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench import results
from bench.cloud_removal.cases import PAIRS, SAR, Case, clear_pairs, figures, observe, read
from bench.cloud_removal.tables import decloud, networks
from bench.report import markdown
from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.wrappers.keeping import Keeping
from earthloom.physics.clouds import transplant
from earthloom.problems.cloud_removal import cloud_view, clouded, training_cases
from earthloom.types import View

SKIES = 4  # simulated skies a scene
SEEDS = {"simulated": 7, "dates": 20}  # of the skies, plus the number of the place
COVER = (0.05, 0.3)  # under clouds; shadows and margins come on top
NETWORK = "cf2n"
VARIANTS = {  # row: method and fields
    "sar_regression, one relation": ("sar_regression", {"similar": False}),
    "mosaic, gain per band": ("mosaic", {"normalise": "gain"}),
    "mosaic, dates as they are": ("mosaic", {"normalise": "none"}),
}


def simulated() -> Iterator[Case]:
    """Clear pairs under simulated clouds."""
    for place, (name, obs) in enumerate(clear_pairs()):
        for number, case in enumerate(training_cases(obs, SKIES, seed=SEEDS["simulated"] + place, cover=COVER)):
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
        for number, case in enumerate(training_cases(obs, SKIES, seed=SEEDS["dates"] + place, cover=COVER)):
            yield Case("dates", f"{city} sky {number + 1}", case.obs, case.truth)


def real() -> Iterator[Case]:
    """The SEN12MS-CR triplet: all of it lies in the shadow of clouds, nothing is clear."""
    folder, name = SAR / "sen12mscr_glfcr", "ROIs2017_winter_112_p797.tif"
    obs = observe(read(folder / "s2_cloudy" / name), read(folder / "s1" / name))
    views = {**obs.views, "cloud": cloud_view(np.ones(obs.shape, bool))}
    yield Case("real", "p797", replace(obs, views=views), read(folder / "s2_cloudfree" / name))


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
    rows: list[dict[str, object]] = [r for r in results.raw("cloud_removal", []) if not _again(r["method"], names)]
    for source in (simulated, transplanted, dated, real):
        for case in source():
            about = {"group": case.group, "image": case.name, "cloud": float(clouded(case.obs).mean())}
            rows.append({**about, "method": "cloudy input", **figures(case, case.obs["optical"].data)})
            for name in names:
                rows += [{**about, "method": row, **found} for row, found in measured(case, name)]
            print(f"{case.group:<14} {case.name:<18} {about['cloud']:.2f}", flush=True)
    results.keep("cloud_removal", rows)
    seeds = ", ".join(f"{seed} for {kind}" for kind, seed in SEEDS.items())
    for run, found in {"accuracy": decloud(rows), "network": networks(rows)}.items():
        print("\n\n".join(["", *map(markdown, found.values())]))
        results.record("cloud_removal", run, found, f"{seeds}, plus the number of the place")


def _again(row: str, names: list[str]) -> bool:
    """Whether a row is measured anew."""
    return row in ("cloudy input", *names) or (NETWORK in names and row.startswith(f"{NETWORK},"))


def measured(case: Case, name: str) -> Iterator[tuple[str, dict[str, float]]]:
    """The rows of a method: several of a network, none of a method that cannot work on the case."""
    if name == NETWORK:
        from bench.cloud_removal import networks as decloud_networks

        if case.group in ("simulated", "transplanted"):
            yield from decloud_networks.measured(case)
    elif (found := measure(case, name)) is not None:
        yield name, found


if __name__ == "__main__":
    main(sys.argv[1:])
