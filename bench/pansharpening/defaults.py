"""Whether defaults do harm: every method and ``auto`` on every image with a truth, against no fusion.

    python -m bench.pansharpening.defaults

Recorded in bench/pansharpening/results.json. Beside the images of ``accuracy``, on which the candidates of auto were
chosen, there are six of which nothing was known then. cf2n was trained on Landsat-7 scenes of other acquisitions,
WorldView-2 and Landsat-8.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import rasterio

from bench import results
from bench.data import SHARPENING, Case, observe, with_truth
from bench.pansharpening import tables
from earthloom.engine.options import Run
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import EarthloomError
from earthloom.evaluation.choosing import AUTO, chosen
from earthloom.methods import catalog
from earthloom.metrics import cut_border, with_reference
from earthloom.prepare.blurring import OfPan, estimated
from earthloom.problems.pansharpening import Pansharpening

UNSEEN = "not looked at before"


def cases() -> Iterator[Case]:
    """All images."""
    yield from with_truth()
    yield from unseen()


def unseen() -> Iterator[Case]:
    """Gaofen-2 and Landsat-8 one scale down, on which neither the candidates nor a network were chosen or trained."""
    pairs = [
        (f"Gaofen-2 {k}", *(f"gaofen2/test_full_res/{k}_{kind}.tif" for kind in ("pan", "lr")), "gaofen2", 17)
        for k in range(5)
    ]
    pairs += [("Landsat-8 Reykjavik", "s2_l8_reykjavik/l8_pan_15m.tif", "s2_l8_reykjavik/l8_30m.tif", None, 9)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, pan, ms, sensor, cut in pairs:
            with rasterio.open(SHARPENING / pan) as one, rasterio.open(SHARPENING / ms) as other:
                case = Pansharpening().degrade(observe(one.read(1), other.read(), sensor))
            yield Case(UNSEEN, name, case.obs, case.truth, cut)


def runs(name: str) -> bool:
    """Whether a method runs as it is: a network needs shipped weights."""
    return not catalog.is_network(name) or catalog.trained(name)


def row(case: Case, name: str) -> dict[str, Any] | None:
    """ERGAS, Q2n and seconds of one method on one image; None where the method excludes it."""
    began, notes = time.perf_counter(), ""
    try:
        if name == AUTO:
            scene = ArrayScene(case.obs)
            method = chosen(scene, "pansharpening", Run(threads=1), estimated(OfPan(scene), quickly=True).likely)
            notes = method.chosen
        else:
            method = catalog.make(name)
        method.check(case.obs, case.obs.shape)
        fused = fuse_whole(method, case.obs)
    except EarthloomError:
        return None
    seconds = time.perf_counter() - began
    assert case.truth is not None
    product, truth = cut_border(fused, case.cut), cut_border(case.truth, case.cut)
    found = with_reference(product, truth, round(case.obs["ms"].ratio[0]), peak=float(truth.max()))
    return {
        "group": case.group, "image": case.name, "method": name, "ergas": float(found["ergas"]),
        "q2n": float(found["q2n"]), "seconds": seconds, "chosen": notes,
    }  # fmt: skip


def main() -> None:
    """Measure and save."""
    if not SHARPENING.is_dir():
        sys.exit(f"{SHARPENING} is not there; set EARTHLOOM_SHARED")
    names = [*(name for name in catalog.names() if runs(name)), AUTO]
    found: list[dict[str, Any]] = []
    for case in cases():
        own = [one for one in (row(case, name) for name in names) if one is not None]
        found += own
        best = min(own, key=lambda one: one["ergas"])
        last = own[-1]
        print(case.group, case.name, f"best {best['method']} {best['ergas']:.3f}, {last}", flush=True)
    results.keep("pansharpening_defaults", found)
    results.record("pansharpening", "defaults", tables.defaults(found), results.NOTHING_DRAWN)


if __name__ == "__main__":
    main()
