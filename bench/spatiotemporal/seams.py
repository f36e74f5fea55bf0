"""What shows of the rims of clouds over known dates, on NDVI of 2015, and what fading them away costs.

    python -m bench.spatiotemporal.seams

Days 216 and 248 from two other days with their masks. "Seam" is the mean step where the known dates change, over the
mean step beside it, as `earthloom series` tells it; in the Landsat image of the day it is 1, but for noise.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import replace

import numpy as np

from bench import results
from bench.spatiotemporal import tables
from bench.spatiotemporal.data import NDVI_DAYS, ndvi
from earthloom.engine.passes import filled, fuse_whole
from earthloom.errors import EarthloomWarning
from earthloom.methods import catalog
from earthloom.methods.wrappers.seamless import seamless
from earthloom.metrics.seams import seam_of, steps
from earthloom.problems.spatiotemporal import pair_valid, pairs
from earthloom.types import Observation, View

METHODS = ("starfm", "estarfm", "fit_fc", "fsdaf")
CASES = (
    ((200, 248), 216),
    ((191, 239), 216),
    ((104, 239), 216),
    ((200, 287), 248),
    ((191, 287), 248),
    ((104, 191), 248),
)
HALO = 200  # px from which holes are filled


def case(whole: Observation, known: tuple[int, int], wanted: int) -> tuple[Observation, View]:
    """A day to predict, and its own image."""
    number = {day: at for at, day in enumerate(NDVI_DAYS, start=1)}
    views = {"coarse_p": whole[f"coarse_{number[wanted]}"]}
    for at, day in enumerate(known, start=1):
        views |= {f"{kind}_{at}": whole[f"{kind}_{number[day]}"] for kind in ("fine", "coarse")}
    return filled(replace(whole, views=views), HALO), whole[f"fine_{number[wanted]}"]


def main() -> None:
    """Measure and save."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EarthloomWarning)
        whole = ndvi()
    rows: list[dict[str, object]] = []
    for known, wanted in CASES:
        obs, own = case(whole, known, wanted)
        clear = [pair_valid(obs, pair) for pair in pairs(obs)]
        dates = np.asarray(sum(seen.astype(np.uint16) << k for k, seen in enumerate(clear)), np.uint16)
        judged = np.asarray((dates > 0) & own.valid)
        truth = seam_of(steps(own.data, judged, dates))
        for name in METHODS:
            method = catalog.make(name, "spatiotemporal")
            for kind, one in zip(tables.KINDS, (method, seamless(method)), strict=True):
                began = time.process_time()
                image = fuse_whole(one, obs)
                rows.append({
                    "case": f"{wanted} of {known}", "method": name, "kind": kind, "truth": truth,
                    "seam": seam_of(steps(image, dates > 0, dates)), "cpu_s": time.process_time() - began,
                    "rmse": float(np.sqrt(np.square((image - own.data)[:, judged]).mean())),
                })  # fmt: skip
        print(known, wanted, flush=True)
    results.keep("spatiotemporal_seams", rows)
    results.record("spatiotemporal", "seams", tables.seams(rows), results.NOTHING_DRAWN)


if __name__ == "__main__":
    main()
