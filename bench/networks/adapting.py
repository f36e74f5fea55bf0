"""Does adapting keep its word? Every scene with a truth, whole and in parts: never worse than before or than formulas.

python -m bench.networks.adapting [STEPS]

HPM-CNN begins with the weights that never saw the sensor (:mod:`bench.networks.universal`), CF2N with those that ship,
random ones where none fit. What comes out is judged by the truth, which adapting never sees.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from bench import results
from bench.data import Case, with_truth
from bench.networks.universal import network, unseen
from bench.pansharpening.accuracy import judge
from bench.results import RUNS, Column, Table
from earthloom.engine.options import Run
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.networks.network import Network, load_network
from earthloom.methods.wrappers.mixed import rival_of
from earthloom.problems.pansharpening import Pansharpening
from earthloom.training.adapt import adapt, beginning
from earthloom.training.ready import ready

SIDE = 128  # MS pixels of a part
STEPS = 100


def parts(case: Case) -> Iterator[Case]:
    """A case, and its upper left corner where it is larger than that."""
    yield case
    ms, ratio = case.obs["ms"], round(case.obs["ms"].ratio[0])
    if min(ms.shape) < 1.2 * SIDE or case.truth is None:
        return
    pan, side = case.obs["pan"], SIDE * ratio
    views = {
        "pan": replace(pan, data=pan.data[:, :side, :side], valid=pan.valid[:side, :side]),
        "ms": replace(ms, data=ms.data[:, :SIDE, :SIDE], valid=ms.valid[:SIDE, :SIDE]),
    }
    obs = replace(case.obs, views=views, shape=(side, side), core=None)
    yield replace(case, name=f"{case.name}, {SIDE} x {SIDE}", obs=obs, truth=case.truth[:, :side, :side])


def beginnings(case: Case) -> Iterator[tuple[str, Network | Any]]:
    """What is adapted."""
    yield "hpm_cnn", load_network(network(), str(RUNS / f"universal_{unseen(case)}"), case.obs)
    yield "cf2n", catalog.make("cf2n")


def row(case: Case, name: str, begun: Any, steps: int) -> dict[str, Any]:
    """ERGAS of what it began with, of what came out, and of the formulas."""
    obs = in_float32(case)
    scene, (start, _) = ArrayScene(obs), beginning(begun, obs)
    found = adapt(start, scene, steps=steps, threads=1)
    made: Method = found.method if found.beaten or found.kept else ready(found.network, scene, Run())
    rivals = {name: ergas(case, rival_of(name, "pansharpening")) for name in Pansharpening.rivals}
    best = min(rivals, key=lambda one: rivals[one])
    return {
        "image": case.name, "network": name, "began": ergas(case, start), "came out": ergas(case, made),
        "made by": found.rival if found.beaten else "adapted" if found.kept else "as it began",
        "best formula": best, "its ERGAS": rivals[best],
    }  # fmt: skip


def in_float32(case: Case) -> Any:
    """As a file is read."""
    views = {role: replace(view, data=view.data.astype(np.float32)) for role, view in case.obs.views.items()}
    return replace(case.obs, views=views)


def ergas(case: Case, method: Method) -> float:
    """By the truth; infinite where the method refuses."""
    found = judge(case, method)
    return float("inf") if found is None else found["ergas"]


def main(steps: int) -> None:
    """Measure and record."""
    warnings.simplefilter("ignore")
    rows = []
    for case in (part for whole in with_truth() for part in parts(whole)):
        for name, begun in beginnings(case):
            rows.append(row(case, name, begun, steps))
            print(rows[-1], flush=True)
    columns = [
        Column("image, network"), Column("began", "{:.3f}"), Column("came out", "{:.3f}"), Column("made by"),
        Column("best formula"), Column("its ERGAS", "{:.3f}"), Column("over what it began with", "{:.3f}"),
        Column("over the best formula", "{:.3f}"),
    ]  # fmt: skip
    lines = [
        [
            f"{one['image']}, {one['network']}",
            *list(one.values())[2:],
            one["came out"] / one["began"],
            one["came out"] / one["its ERGAS"],
        ]
        for one in rows
    ]
    results.record("networks", "adapting", {"": Table(columns, lines)}, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STEPS)
