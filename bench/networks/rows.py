"""Figures of the trained networks, beside classical rows with refinement; recorded in bench/networks/results.json.

python -m bench.networks.rows [GROUP ...]       landsat7, full, gaofen2, hyperspectral, generic, triplets, ablation,
released, adapt_WV2, adapt_IK, adapt_GE1, speed
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from bench import results
from bench.data import SHARED, Case, full_landsat, gaofen2, landsat7, native_pairs, observe, triplets
from bench.networks import data as netdata
from bench.networks import tables
from bench.networks.train import PARTS
from bench.pansharpening.accuracy import judge
from bench.results import RUNS
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import FileError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.networks.network import Network, load_network
from earthloom.methods.wrappers.refined import refined
from earthloom.metrics import ergas, sam_deg
from earthloom.problems.pansharpening import Pansharpening
from earthloom.training.adapt import adapt, beginning
from earthloom.training.loop.loop import Config
from earthloom.types import Observation
from earthloom.weights.store import read_header

Row = dict[str, Any]
NETWORKS = (
    "cf2n",
    "cf2n_long",
    "cf2n_long_sharp",
    "cf2n_full",
    "cf2n_full_sharp",
    "cf2n_blind",
    "coarse_cnn",
    "pnn",
    "pannet",
    "fusionnet",
)
COSTED = ("cf2n", "cf2n_full", "coarse_cnn", "pnn", "pannet", "fusionnet")  # the others have one of these nets
SECONDS = {"WV2": (110.0, 2), "IK": (90.0, 1), "GE1": (90.0, 1)}  # to adapt, and threads
RELEASED = {"WV3_test": ("WV3", 2047), "data_gf2": ("WV4", 1023), "Pleiades_test": ("WV4", 1023)}  # weights, largest DN
ADAPTED = {"WV2": 3.6, "IK": 1.70, "GE1": 1.15}  # ERGAS asked of the held-out quarter


def trained(prefix: str, obs: Observation) -> Iterator[tuple[str, Method]]:
    """The networks of a set of runs."""
    for name in NETWORKS:
        folder = RUNS / f"{prefix}_{name}"
        if (folder / "weights.safetensors").is_file():
            method = catalog.make(read_header(folder).method.rpartition("/")[2], weights=str(folder))
            assert isinstance(method, Network)
            yield name, load_network(method, str(folder), obs)


def beside() -> Iterator[tuple[str, Method]]:
    """The classical rows that a network is judged against."""
    for name in ("exp", "gsa", "mtf_glp_hpm", "bdsd_pc", "pracs", "cnmf"):
        yield name, catalog.make(name)
    for name in ("exp", "mtf_glp_hpm", "bdsd_pc", "cnmf"):
        yield f"{name} + 10 refinements", refined(catalog.make(name), 10)


def measured(group: str, cases: Iterable[Case], prefix: str, more: tuple[int, ...] = (1, 3)) -> Iterator[Row]:
    """Every network of a set on every case, plain and refined, and the classical rows."""
    for case in cases:
        methods = [*beside(), *trained(prefix, case.obs)]
        names = [name for name, _ in methods]
        refine = next(name for name in ("cf2n_full_sharp", "cf2n_full", "cf2n") if name in names)
        methods += [(f"{name} + {n} refinements", refined(m, n)) for name, m in methods if name == refine for n in more]
        methods += [
            (f"{name}, ensemble", replace(m, inner=replace(m.inner, ensemble=True)))  # type: ignore[attr-defined]
            for name, m in methods if name in ("cf2n_long_sharp", "cf2n_full_sharp")
        ]  # fmt: skip
        for name, method in methods:
            figures = judge(case, method)
            if figures is not None:
                yield {"group": group, "image": case.name, "method": name, **figures}


def quarter(pan: np.ndarray, ms: np.ndarray, sensor: str | None) -> tuple[Case, Observation]:
    """A native pair one scale down, and the pair itself without its lower right quarter, which is held out."""
    obs = observe(pan, ms, sensor)
    whole = {r: replace(v, data=v.data.astype(np.float32)) for r, v in obs.views.items()}
    part = {}
    for role, view in whole.items():
        seen = view.valid.copy()
        seen[seen.shape[0] // 2 :, seen.shape[1] // 2 :] = False
        part[role] = replace(view, data=np.where(seen, view.data, np.float32(0)), valid=seen)
    case = Pansharpening().degrade(replace(obs, views=whole))
    return Case("adapt", "", case.obs, case.truth, 0), replace(obs, views=part)


def held_out(image: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """ERGAS and SAM of the lower right quarter."""
    at = (slice(None), slice(truth.shape[1] // 2, None), slice(truth.shape[2] // 2, None))
    return {"ergas": float(ergas(image[at], truth[at], 4)), "sam_deg": float(sam_deg(image[at], truth[at]))}


def adapted(image: str) -> Iterator[Row]:
    """CF2N fitted to three quarters of a scene, judged on the quarter it never saw, and at full resolution."""
    for name, pan, ms, sensor in native_pairs():
        if name != image:
            continue
        case, seen = quarter(pan, ms, sensor)
        full = Case("full resolution", name, observe(pan, ms, sensor), None, 0)
        network = catalog.make("cf2n")
        seconds, threads = SECONDS[name]
        torch.set_num_threads(threads)
        found = adapt(network, ArrayScene(seen), seconds, threads=threads)  # type: ignore[arg-type]
        print(name, found, flush=True)
        start, _ = beginning(network, seen)  # type: ignore[arg-type]
        rows: dict[str, Method] = {"exp": catalog.make("exp"), "gsa": catalog.make("gsa")}
        rows |= {"mtf_glp_hpm": catalog.make("mtf_glp_hpm"), "cnmf": catalog.make("cnmf")}
        rows |= {"bdsd_pc + 10 refinements": refined(catalog.make("bdsd_pc"), 10)}
        rows |= {"cf2n before": start, "cf2n adapted": found.network}
        rows |= {f"cf2n adapted + {n} refinements": refined(found.network, n) for n in (1, 3)}
        rows["cf2n adapted, ensemble"] = replace(found.network, inner=replace(found.network.inner, ensemble=True))
        for label, method in rows.items():
            figures = held_out(fuse_whole(method, case.obs), case.truth)  # type: ignore[arg-type]
            wanted = {"wanted_ergas": ADAPTED[name]} if "adapted" in label else {}
            yield {"group": "adapt", "image": name, "method": label, **figures, **wanted, **(judge(full, method) or {})}


def reduced_scenes() -> Iterator[Row]:
    """The MATLAB triplets: networks adapted to each without its truth, 150 steps."""
    for case in triplets():
        scene = ArrayScene(case.obs)
        for name in ("cf2n", "coarse_cnn", "pnn", "pannet", "fusionnet"):
            network = catalog.make(name)
            found = adapt(network.fresh(case.obs), scene, steps=150)  # type: ignore[attr-defined]
            print(case.name, name, found, flush=True)
            yield {
                "group": "triplets",
                "image": case.name,
                "method": f"{name} adapted",
                **(judge(case, found.network) or {}),
            }


def released() -> Iterator[Row]:
    """Networks with their authors' weights, where these are at hand, on the MATLAB triplets; classical rows beside."""
    for case in triplets():
        if case.name not in RELEASED:
            continue
        sensor, peak = RELEASED[case.name]
        rows = [*beside(), ("bt_h", catalog.make("bt_h")), ("bt_h + 10 refinements", refined(catalog.make("bt_h"), 10))]
        for source, pattern, level in (
            ("dlpan", f"{sensor}_*.pth", 2047),
            ("panbench", "*.ckpt", peak),
            ("adwm", "*.pth", peak),
        ):
            for path in sorted((SHARED / "golden/networks" / source).glob(pattern)):
                try:
                    header = read_header(path)
                except FileError:
                    continue  # of a network that is not run
                if header.sizes["bands"] == len(case.obs["ms"].bands):
                    label = f"{header.fields['network']} ({source}{f', {sensor}' if source == 'dlpan' else ''})"
                    rows.append((label, catalog.make(source, weights=str(path), peak=float(level))))
                    if source == "dlpan":
                        rows.append((f"{label} + 10 refinements", refined(rows[-1][1], 10)))
        for name, method in rows:
            yield {"group": "released", "image": case.name, "method": name, **(judge(case, method) or {})}


def hyperspectral() -> Iterator[Row]:
    """Cubes of some 200 bands."""
    yield from measured("hyperspectral", netdata.airport_test(), "airport")
    yield from measured("hyperspectral", netdata.barbara_test(), "barbara")


def ablation() -> Iterator[Row]:
    """CF2N with one part changed."""
    for case in landsat7():
        for number, label in enumerate(PARTS):
            folder = RUNS / f"ablation_{number}"
            if (folder / "weights.safetensors").is_file():
                method = load_network(catalog.make("cf2n"), str(folder), case.obs)  # type: ignore[arg-type]
                yield {"group": "ablation", "image": case.name, "method": label, **(judge(case, method) or {})}


def four_bands(cases: Iterable[Case]) -> Iterator[Case]:
    """Those that the generic weights fit."""
    return (case for case in cases if len(case.obs["ms"].bands) == 4)


def speed() -> Iterator[Row]:
    """Parameters, milliseconds a megapixel and peak memory of each network, 1024 x 1024 pixels, six bands at 2:1."""
    for name in COSTED:
        if not (RUNS / f"landsat7_{name}/weights.safetensors").is_file():
            continue
        for precision in ("float32", "bfloat16"):
            command = [sys.executable, "-m", "bench.networks.rows", "one", name, precision]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            yield {"group": "speed", "image": precision, "method": name, **json.loads(told.splitlines()[-1])}


def one(name: str, precision: str) -> None:
    """One network alone in its process: print its figures."""
    from earthloom.engine.job import fuse_array

    case = next(iter(landsat7()))
    tiled = {}
    for role, view in case.obs.views.items():
        side = 1024 if role == "pan" else 512
        data = np.tile(view.data, (1, 3, 3))[:, :side, :side].astype(np.float32)
        tiled[role] = replace(view, data=data, valid=np.ones((side, side), bool))
    obs = replace(case.obs, views=tiled, shape=(1024, 1024))
    folder = str(RUNS / f"landsat7_{name}")
    network = catalog.make(read_header(folder).method.rpartition("/")[2], weights=folder, precision=precision)
    method, scene = network.ready(obs), ArrayScene(obs)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(3):
        began = time.perf_counter()
        fuse_array(method, scene, 512, threads=2)
        times.append(time.perf_counter() - began)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    module = method.trained.module  # type: ignore[attr-defined]
    print(json.dumps({
        "parameters": sum(p.numel() for p in module.parameters()),
        "ms_per_mp": 1000 * float(np.median(times)) / (1024 * 1024 / 1e6),
        "memory_mb": (after - before) / 1024,
    }))  # fmt: skip


GROUPS: dict[str, Callable[[], Iterable[Row]]] = {
    "landsat7": lambda: measured("landsat7", landsat7(), "landsat7"),
    "full": lambda: measured("full resolution", full_landsat(), "landsat7"),
    "gaofen2": lambda: measured("gaofen2", gaofen2(), "gaofen2"),
    "hyperspectral": hyperspectral,
    "generic": lambda: measured("generic", (*four_bands(triplets()), *netdata.reduced_native()), "generic"),
    "ablation": ablation,
    **{f"adapt_{image}": partial(adapted, image) for image in ADAPTED},
    "triplets": reduced_scenes,
    "released": released,
    "speed": speed,
}


def main(names: list[str]) -> None:
    """Measure the groups that are named, or all, and keep the rest as it was."""
    torch.set_num_threads(2)
    for name in names or GROUPS:
        rows = list(GROUPS[name]())
        known = results.raw("networks", {}) | {name: rows}
        results.keep("networks", known)
        methods = list(dict.fromkeys(row["method"] for row in known[name]))
        print(name)
        for method in methods:
            own = [row for row in known[name] if row["method"] == method]
            keys = [k for k, v in own[0].items() if isinstance(v, float)]
            print(
                f"  {method:<28}",
                "  ".join(f"{k} {np.mean([r[k] for r in own if k in r]):.4g}" for k in keys),
                flush=True,
            )
        results.record("networks", name.lower(), tables.networks(name, rows), Config.seed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        one(*sys.argv[2:])
    else:
        main(sys.argv[1:])
