"""Does a network know how sure it is? What it says each pixel is off (`quality`), beside what it is off by the truth.

python -m bench.networks.quality

Calibrated on what is seen alone, as a run does it; judged on pixels that are sorted by what was said, in fifths.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import spearmanr

from bench import results
from bench.data import triplets
from bench.results import NOTHING_DRAWN, Column, Table
from bench.sharpening.cases import sentinel2
from bench.spatiotemporal.data import ndvi_judged
from bench.superresolution.data import cave_held
from bench.superresolution.run import case_of
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.wrappers.judged import Judged
from earthloom.problems.base import Case
from earthloom.training.sureness import curve_of, sampled, samples_of
from earthloom.types import Observation

SIDE, BANDS, RATIO = 192, 16, 4  # of the cubes
FIFTHS = 5


class Judging(NamedTuple):
    """An image with a truth, and the network that makes it."""

    name: str
    method: str
    problem: str
    obs: Observation
    truth: np.ndarray


def cases() -> Iterator[Judging]:
    """Small ones of every network that ships."""
    for one in triplets():
        yield Judging(one.name, "hpm_cnn", "pansharpening", one.obs, one.truth)
    for scene in ("T33UUB", "T39RVJ"):
        own = next(iter(sentinel2(scene, 20)))
        yield Judging(own.scene, "line_cnn", "sharpening", own.obs, own.truth)
    for name, cube in cave_held():
        made = case_of(cube[:BANDS, :SIDE, :SIDE], RATIO)
        yield Judging(name.replace("_", " "), "dualsr", "superresolution", made.obs, made.truth)
    for date in ndvi_judged()[:3]:
        yield Judging(date.name, "stfgan", "spatiotemporal", date.obs, date.truth)


def row(case: Judging) -> list[Any]:
    """What was said and what was true, from the fifth that was said to be the surest to the least."""
    views = {role: replace(view, data=view.data.astype(np.float32)) for role, view in case.obs.views.items()}
    obs = replace(case.obs, views=views)
    bare = Judged.of(catalog.make(case.method, case.problem).ready(obs))
    curve = curve_of(samples_of(bare, ArrayScene(obs)))
    spread, error = sampled(bare, Case(obs, case.truth))
    said = curve(spread)
    order = np.array_split(np.argsort(said, kind="stable"), FIFTHS)
    pairs = [[float(np.sqrt(np.mean(np.square(part[one])))) for part in (said, error)] for one in order]
    ratio = [float(np.sqrt(np.mean(np.square(part)))) for part in (said, error)]
    return [
        f"{case.name}, {case.method}", len(said), float(spearmanr(said, error)[0]), *pairs, ratio[0] / ratio[1]
    ]  # fmt: skip


def main() -> None:
    """Measure and record."""
    warnings.simplefilter("ignore")
    rows = []
    kept = results.raw("quality", {})
    for case in cases():
        if case.name not in kept:
            kept[case.name] = row(case)
            results.keep("quality", kept)
        rows.append(kept[case.name])
        print(rows[-1], flush=True)
    fifths = [Column(f"fifth {k}", "{:.3g} / {:.3g}") for k in range(1, FIFTHS + 1)]
    columns = [
        Column("image, network"), Column("pixels", "{:,}"), Column("correlation of ranks", "{:.2f}"), *fifths,
        Column("said over true", "{:.2f}"),
    ]  # fmt: skip
    caption = "Said / true: root mean square error of the pixels of a fifth, in the units of the image."
    results.record("networks", "quality", {"": Table(columns, rows, caption=caption)}, NOTHING_DRAWN)


if __name__ == "__main__":
    main()
