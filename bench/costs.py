"""What methods cost beside each other, for `earthloom methods --for`: processor seconds on a made-up scene.

python -m bench.costs        writes src/earthloom/methods/costs.json, a number for every method: how many times the
processor time of no fusion (EXP, bicubic), a power of two, for the scene is not the reader's
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from earthloom.engine.passes import fuse_whole
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.catalog import COSTS
from earthloom.physics.clouds import fractal
from earthloom.problems.superresolution import observation, on_grid
from earthloom.types import Band, Observation, View

SIDE, CUBE = 512, 64
CENTRES = (490.0, 560.0, 665.0, 842.0)
NONE = {"pansharpening": "exp", "sharpening": "exp", "superresolution": "bicubic"}  # no fusion


def view(bands: int, side: int, ratio: int, seed: int) -> View:
    """Smooth fields of so many bands."""
    rng = np.random.default_rng(seed)
    data = np.stack([1000 + 200 * fractal((side, side), rng, 8) for _ in range(bands)]).astype(np.float32)
    named = tuple(
        Band(f"b{k}", centre_nm=CENTRES[k] if bands == len(CENTRES) else 450.0 + 10 * k) for k in range(bands)
    )
    return View(data, np.ones((side, side), bool), named, (float(ratio),) * 2, ((ratio - 1) / 2,) * 2)


def scene(problem: str) -> Observation:
    """One of each problem: a sixteenth, a quarter, a quarter of the pixels are seen."""
    if problem == "superresolution":
        cube = view(31, CUBE, 1, 2)
        return observation(on_grid(cube.data, cube.valid, cube.bands, 2))
    if problem == "pansharpening":
        return Observation({"pan": view(1, SIDE, 1, 0), "ms": view(4, SIDE // 4, 4, 1)}, (SIDE, SIDE))
    return Observation({"fine": view(4, SIDE, 1, 0), "coarse": view(6, SIDE // 2, 2, 1)}, (SIDE, SIDE))


def seconds(call: Callable[[], object]) -> float:
    """Processor seconds of the quicker of two calls after a first one, which compiles."""
    call()
    times = []
    for _ in range(2):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Measure all, and write."""
    found: dict[str, dict[str, int]] = {}
    for problem, none in NONE.items():
        obs = scene(problem)
        times: dict[str, float] = {}
        for name in catalog.names(problem):
            try:
                method = catalog.make(name, problem).ready(obs)
                times[name] = seconds(partial(fuse_whole, method, obs))
            except MethodError as wrong:  # no weights: nothing to measure
                print(f"{problem}/{name}: {wrong}")
                continue
            print(f"{problem}/{name}: {times[name]:.3f} s", flush=True)
        found[problem] = {n: max(1, 2 ** round(math.log2(t / times[none]))) for n, t in times.items()}
    COSTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
