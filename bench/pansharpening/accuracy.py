"""Accuracy of every method on every image; recorded in bench/pansharpening/results.json.

python -m bench.pansharpening.accuracy [METHOD ...]      without names all; some alone are measured but not recorded
"""

from __future__ import annotations

import sys
import time

import numpy as np

from bench import results
from bench.data import SHARPENING, Case, with_truth, without_truth
from bench.pansharpening import tables
from earthloom.engine.passes import fuse_whole
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.metrics import consistency_of, cut_border, with_reference, without_reference
from earthloom.physics.forward import smooth
from earthloom.types import Observation

KEPT = ("ergas", "sam_deg", "q2n", "scc", "psnr")
FULL = ("d_lambda_k", "d_s", "hqnr", "qnr", "rqnr")
AGREEMENT = ("ergas", "pan_detail_cc")


def figures(case: Case, name: str, published: bool = False) -> dict[str, float] | None:
    """Indices of one method on one image, as published or with our defaults; None where its card excludes the image."""
    return judge(case, catalog.make(name, **(catalog.find(name).card.published if published else {})))


def judge(case: Case, method: Method) -> dict[str, float] | None:
    """Indices of one method on one image; None where its card excludes the image."""
    try:
        method.check(case.obs, case.obs.shape)
    except MethodError:
        return None
    began = time.perf_counter()
    fused = fuse_whole(method, case.obs)
    seconds = time.perf_counter() - began
    if case.truth is None:
        found = without_reference(fused, case.obs)
        agree = consistency_of(fused, case.obs)
        row = {k: float(found[k]) for k in FULL} | {f"consistency_{k}": float(agree[k]) for k in AGREEMENT}
        if "Landsat-7" in case.name:
            row["covered_detail_cc"] = covered_detail(fused, case.obs)
    else:
        ratio = round(case.obs["ms"].ratio[0])
        product, truth = cut_border(fused, case.cut), cut_border(case.truth, case.cut)
        found = with_reference(product, truth, ratio, peak=float(truth.max()))
        row = {k: float(found[k]) for k in KEPT}
    return row | {"seconds": seconds}


def covered_detail(fused: np.ndarray, obs: Observation) -> float:
    """Correlation of detail with PAN in the bands that ETM+'s PAN covers: red, green and NIR, in the files' order."""
    gain = [obs["ms"].bands[0].mtf_nyquist]
    pan = obs["pan"].data - smooth(obs, obs["pan"].data, gain)
    detail = [band - smooth(obs, band[None], gain)[0] for band in fused[[0, 1, 3]]]
    return float(np.mean([np.corrcoef(one.ravel(), pan.ravel())[0, 1] for one in detail]))


def classical() -> list[str]:
    """Every method that needs no weights."""
    return [name for name in catalog.names() if catalog.find(name).card.family != "network"]


def main(names: list[str]) -> None:
    """Measure and save."""
    if not SHARPENING.is_dir():
        sys.exit(f"{SHARPENING} is not there; set EARTHLOOM_SHARED")
    names = names or classical()
    rows: list[dict[str, object]] = []
    for case in (*with_truth(), *without_truth()):
        for name in names:
            row = figures(case, name)
            if row is not None:
                rows.append({"group": case.group, "image": case.name, "method": name, **row})
            if case.group in ("triplets", "landsat7") and catalog.find(name).card.published:
                row = figures(case, name, published=True)
                rows.append({"group": f"{case.group} published", "image": case.name, "method": name, **(row or {})})
        print(f"{case.group:<22} {case.name:<20} {len(names)} methods", flush=True)
    results.keep("pansharpening_accuracy", rows)
    for group in dict.fromkeys(str(r["group"]) for r in rows):
        key = "hqnr" if group.startswith("full") else "ergas"
        print(f"\n{group} (mean {key})")
        for name in names:
            values = [float(r[key]) for r in rows if r["group"] == group and r["method"] == name]  # type: ignore[arg-type]
            print(f"  {name:<13} {np.mean(values):8.4f}" if values else f"  {name:<13} -")
    results.record("pansharpening", "accuracy", tables.accuracy(rows), results.NOTHING_DRAWN)


if __name__ == "__main__":
    main(sys.argv[1:])
