"""Speed, growth and accuracy of spatiotemporal fusion; recorded in bench/spatiotemporal/results.json.

    python -m bench.spatiotemporal.run [speed] [growth] [accuracy] [METHOD ...]

Without words all of it. Two threads, compiled kernels from the disk. A method joins by a line in ``RACES``, and by a
function of its name in bench/spatiotemporal/plain.py if it is to have a row in plain numpy.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench import results
from bench.data import SHARED
from bench.spatiotemporal import plain as plain
from bench.spatiotemporal import tables
from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.types import Band, Observation, View

GWYDIR = SHARED / "data/spatiotemporal/gwydir_2004_simulated"
GOLDEN = SHARED / "golden/spatiotemporal"
WRITERS = {"speed": tables.speed, "growth": tables.growth, "accuracy": tables.accuracy}
THREADS, RUNS = 2, 5
TILE = 256  # both threads have work on scenes as small as those of the races
SIDES = (500, 1000, 2000, 4000)
EVERY = 40  # rows apart of those that plain numpy predicts


@dataclass(frozen=True)
class Race:
    """One method on the scene of its recorded baselines.

    Parameters
    ----------
    scene
        ``flood`` (480 x 480 x 3, one known date) or ``demo`` (400 x 400 x 3, two).
    budget_s
        What it may take.
    published
        Fields that restore the published rule, which plain numpy follows too.
    recorded
        Seconds of other programs on two cores, as recorded with the golden files.
    told
        What coarse images on the fine grid do not say themselves.
    """

    scene: str
    budget_s: float
    published: dict[str, Any] = field(default_factory=dict)
    recorded: dict[str, float] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)


RACES = {
    "starfm": Race(
        "flood", 1.2, {"variant": "nasa"},
        {"NASA C, 2 threads": 8.0, "NASA C, 1 thread": 14.7, "imagefusion C++": 20.0},
    ),
    "estarfm": Race(
        "demo", 3.0, {"variant": "zhu"}, {"imagefusion C++": 17.0, "author's Python": 72.9},
    ),
    "fsdaf": Race("flood", 5.0, {"variant": "zhu"}, {"author's Python (5033 MB)": 63.7}, {"ratio": 16.0}),
    "fit_fc": Race(
        "flood", 1.5, {"variant": "matlab"}, {"imagefusion C++": 9.0, "author's code in Octave": 512.7},
        {"ratio": 16.0},
    ),
}  # fmt: skip


def view(data: np.ndarray) -> View:
    """An image on the fine grid, reflectance x 10000."""
    bands = (Band("green", 560.0), Band("red", 660.0), Band("nir", 830.0))[: len(data)]
    return View(data.astype(np.float32, copy=False), np.ones(data.shape[1:], bool), bands)


def observe(fine: list[np.ndarray], coarse: list[np.ndarray], target: np.ndarray) -> Observation:
    """Known dates and the coarse image to predict from, all on the fine grid."""
    views = {"coarse_p": view(target)}
    for k, (f, c) in enumerate(zip(fine, coarse, strict=True), start=1):
        views |= {f"fine_{k}": view(f), f"coarse_{k}": view(c)}
    return Observation(views, target.shape[1:])


def flood() -> tuple[Observation, np.ndarray]:
    """Gwydir: coarse images that are block means; and the truth."""
    names = ("Landsat20041126", "MODIS20041126", "MODIS20041228", "Landsat20041228")
    fine, then, now, truth = (np.fromfile(GWYDIR / name, "<i2").reshape(3, 480, 480) for name in names)
    return observe([fine], [then], now), truth


def demo() -> tuple[Observation, np.ndarray]:
    """The crop of the ESTARFM demo with real MODIS, two known dates; and the truth."""
    data = np.load(GOLDEN / "estarfm_zhu.npz")
    fine, coarse = ([data[f"{kind}_{day}"] for day in ("t1", "t3")] for kind in ("fine", "coarse"))
    return observe(fine, coarse, data["coarse_t2"]), data["fine_t2_truth"]


def stretched(obs: Observation, side: int) -> Observation:
    """A square scene of any size: the image mirrored over and over."""
    at = [np.abs((np.arange(side) + n) % (2 * n) - n + 0.5).astype(int) for n in obs.shape]

    def mirrored(data: np.ndarray) -> np.ndarray:
        return data.take(at[0], axis=1).take(at[1], axis=2)

    return Observation({role: view(mirrored(seen.data)) for role, seen in obs.views.items()}, (side, side))


def scene_of(name: str, side: int | None = None) -> Observation:
    """The scene of a method's race, or one of another size."""
    obs = {"flood": flood, "demo": demo}[RACES[name].scene]()[0]
    return stretched(obs, side or (480 if RACES[name].scene == "flood" else 400))


def timed(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and processor seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = function()
    return time.perf_counter() - wall, time.process_time() - cpu, found


def speed(name: str) -> dict[str, Any]:
    """Best of several runs of ours and of the published rule, beside plain numpy on some rows."""
    race, obs = RACES[name], scene_of(name)
    row: dict[str, Any] = {"scene": race.scene, "shape": list(obs.shape), "budget_s": race.budget_s}
    row["recorded"] = race.recorded
    for label, fields in {"ours": {}, "published": race.published}.items():
        method = catalog.make(name, "spatiotemporal", **race.told, **fields)
        runs = [timed(lambda m=method: fuse_array(m, ArrayScene(obs), TILE, THREADS).data) for _ in range(RUNS + 1)]
        row[f"{label}_s"], row[f"{label}_cpu_s"] = (min(run[at] for run in runs[1:]) for at in (0, 1))
        product = runs[-1][2]
    if hasattr(plain, name):
        height = obs.shape[0]
        few, rows = range(0, height, 2 * EVERY), range(0, height, EVERY)
        (_, short, _), (_, cpu, found) = (timed(lambda r=r: getattr(plain, name)(obs, r)) for r in (few, rows))
        away = np.abs(product[:, list(rows)] - found)
        each = (cpu - short) / (len(rows) - len(few))  # what is done for the scene as a whole counts once
        row |= {"numpy_s": cpu + each * (height - len(rows)), "numpy_rows": len(rows)}
        row |= {"numpy_away_dn": float(np.nanmax(away))}
    return row


def growth(name: str) -> list[dict[str, float]]:
    """Time and memory on scenes of growing size, each in a process of its own."""
    rows = []
    for side in SIDES:
        command = [sys.executable, "-m", "bench.spatiotemporal.run", "one", name, str(side)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(name, rows[-1], flush=True)
    return rows


def one(name: str, side: int) -> None:
    """One scene of one size: seconds, peak memory, and what the arrays and the start account for."""
    import resource

    method = catalog.make(name, "spatiotemporal", **RACES[name].told)
    fuse_array(method, ArrayScene(scene_of(name, 128)), threads=THREADS)  # kernels come from the disk
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    obs = scene_of(name, side)
    wall, cpu, product = timed(lambda: fuse_array(method, ArrayScene(obs), threads=THREADS))
    arrays = (
        sum(v.data.nbytes + v.valid.nbytes for v in obs.views.values()) + product.data.nbytes + product.valid.nbytes
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"side": side, "wall_s": wall, "cpu_s": cpu, "ns_per_px": 1e9 * cpu / side**2, "peak_mb": peak}
    print(json.dumps(row | {"start_mb": start, "arrays_mb": arrays / 2**20}))


def rmse(name: str, obs: Observation, truth: np.ndarray, fields: dict[str, Any]) -> list[float]:
    """Root mean square error band by band, DN."""
    told = RACES[name].told if name in RACES else {}
    product = fuse_array(catalog.make(name, "spatiotemporal", **told, **fields), ArrayScene(obs), threads=THREADS).data
    return [float(np.sqrt(np.nanmean((p.astype(np.float64) - t) ** 2))) for p, t in zip(product, truth, strict=True)]


def fits(name: str, fields: dict[str, Any], obs: Observation) -> bool:
    """Whether a published rule takes the scene: one for red and near infrared has nothing to say about NDVI."""
    try:
        catalog.make(name, "spatiotemporal", **RACES[name].told, **fields).check(obs, obs.shape)
    except MethodError:
        return False
    return True


def accuracy(names: list[str]) -> dict[str, dict[str, list[float]]]:
    """Copy, ours and the published rules on the flood, the demo and NDVI with real MODIS (x 10000)."""
    from bench.spatiotemporal.data import ndvi_judged

    cases = {"flood (block means)": flood(), "ESTARFM demo, crop (real MODIS)": demo()}
    for case in ndvi_judged():
        views = {
            role: View(v.data * 10000, v.valid, v.bands, v.ratio, v.offset, v.date)
            for role, v in case.obs.views.items()
        }
        cases[f"{case.name} (real MODIS)"] = Observation(views, case.obs.shape), case.truth * 10000
    found: dict[str, dict[str, list[float]]] = {}
    for title, (obs, truth) in cases.items():
        count = sum(role.startswith("fine") for role in obs.views)
        for name in ["copy", *names]:
            if getattr(catalog.find(name, "spatiotemporal"), "least_pairs", 1) > count:
                continue
            for label, fields in {
                name: {},
                f"{name}, published": RACES[name].published if name in RACES else {},
            }.items():
                if label == name or (fields and fits(name, fields, obs)):
                    found.setdefault(title, {})[label] = rmse(name, obs, truth, fields)
                    print(title, label, np.round(found[title][label], 1), flush=True)
    return found


def main(words: list[str]) -> None:
    """Measure what is asked for, and keep what was measured before."""
    if words[:1] == ["one"]:
        one(words[1], int(words[2]))
        return
    parts = [word for word in words if word in WRITERS] or list(WRITERS)
    there = catalog.names("spatiotemporal")
    names = [w for w in words if w in RACES] or [name for name in RACES if name in there]
    found = results.raw("spatiotemporal", {})
    if "speed" in parts:
        for name in names:
            found.setdefault("speed", {})[name] = speed(name)
            print(name, found["speed"][name], flush=True)
    if "growth" in parts:
        found["growth"] = found.get("growth", {}) | {name: growth(name) for name in names}
    if "accuracy" in parts:
        for title, rows in accuracy(names).items():
            found.setdefault("accuracy", {}).setdefault(title, {}).update(rows)
    results.keep("spatiotemporal", found)
    for part in parts:
        results.record("spatiotemporal", part, WRITERS[part](found[part]), results.NOTHING_DRAWN)


if __name__ == "__main__":
    main(sys.argv[1:])
