"""Every method of sharpening on scenes whose truth is known, and every single-PAN method with the guides' mean as PAN.

python -m bench.sharpening.run [SCENE ...]      without names all; some alone are measured but not recorded
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench import results
from bench.sharpening import tables
from bench.sharpening.cases import SCENES, Case, cases
from earthloom.engine.passes import fuse_whole
from earthloom.errors import EarthloomError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import refined
from earthloom.metrics import ergas, sam_deg
from earthloom.types import Band, Observation, View

REFINED = "gwr"


def rows_of(case: Case) -> Iterator[tuple[str, str, Method, Observation]]:
    """Problem, name, method and what it sees, of those that need no weights (they have learnt from these scenes)."""
    for name in catalog.names("sharpening"):
        if not catalog.is_network(name, "sharpening"):
            yield "sharpening", name, catalog.make(name, "sharpening"), case.obs
    yield "sharpening", f"{REFINED}, 1 refinement", refined(catalog.make(REFINED, "sharpening"), 1), case.obs
    for name in catalog.names("pansharpening"):
        if name != tables.NO_FUSION and not catalog.is_network(name):
            yield "pansharpening", name, catalog.make(name), as_pan(case.obs)


def as_pan(obs: Observation) -> Observation:
    """The mean of the guides as PAN, the coarse bands as MS."""
    fine = obs["fine"]
    pan = View(fine.data.mean(axis=0, keepdims=True), fine.valid, (Band("pan", mtf_nyquist=0.15),))
    return replace(obs, views={"pan": pan, "ms": obs["coarse"]})


def figures(case: Case, image: np.ndarray) -> dict[str, object]:
    """RMSE of every band, and indices of all, where the truth is known and the border cut."""
    inner = (slice(None), slice(case.cut, -case.cut), slice(case.cut, -case.cut))
    product, truth = image[inner], case.truth[inner]
    known = np.isfinite(truth).all(axis=0)
    each = np.sqrt(((product - truth)[:, known] ** 2).mean(axis=1))
    product, truth = product[:, known][:, None], truth[:, known][:, None]
    ratio = case.obs["coarse"].ratio[0]
    return {
        "each": [float(one) for one in each],
        "rmse": float(np.sqrt((each**2).mean())),
        "ergas": float(ergas(product, truth, ratio)),
        "sam_deg": float(sam_deg(product, truth)),
    }


def measured(case: Case) -> list[dict[str, object]]:
    """One row for every method that does not refuse the scene."""
    rows = []
    for problem, name, method, obs in rows_of(case):
        began = time.perf_counter()
        try:
            method.check(obs, obs.shape)
            image = fuse_whole(method, obs)
        except EarthloomError:
            continue
        seconds = time.perf_counter() - began
        found = figures(case, image)
        about = {
            "case": case.name,
            "problem": problem,
            "method": name,
            "bands": [b.name for b in case.obs["coarse"].bands],
        }
        rows.append({**about, **found, "seconds": seconds})
    return rows


def main(names: list[str]) -> None:
    """Measure and save."""
    rows: list[dict[str, object]] = []
    for case in cases(names):
        rows += measured(case)
        print(f"{case.name}: {len(rows)} rows", flush=True)
    results.keep("sharpening_judged", rows)
    if names and set(names) != set(SCENES):
        for table in tables.judged(rows).values():
            print(*(str(row) for row in table.rows), sep="\n")
        return
    results.record("sharpening", "judged", tables.judged(rows), results.NOTHING_DRAWN)


if __name__ == "__main__":
    main(sys.argv[1:])
