"""Train and judge the network of `pansharpen` for any sensor, one run folder each under bench/raw/runs.

python -m bench.networks.universal train NAME ...  (without_0, _1, _2: sensors held out; whole: shipped)
python -m bench.networks.universal judge           (each scene by the network that never saw its sensor, beside others)
python -m bench.networks.universal ship            (copies the network of all sensors into the package, with its card)

Nothing that is judged chooses the weights or the number of steps: a run has a budget of steps and keeps its last
average.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from bench import results
from bench.cards import hardware, write_card
from bench.data import Case, with_truth
from bench.networks.each_band import learn
from bench.networks.sensors import FOLDS, cases
from bench.pansharpening.accuracy import judge as judged
from bench.recipes import Recipe, Step, run_of, started
from bench.results import RUNS, Column, Table
from earthloom.atomic import write_whole
from earthloom.engine.options import Run
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.networks.network import Network, load_network
from earthloom.methods.wrappers.refined import refined
from earthloom.training.ready import ready
from earthloom.weights import store as weights

NAME, SHIPPED = "hpm_cnn", "any_sensor"
HELD = {"without_0": 0, "without_1": 1, "without_2": 2, "whole": None}  # run: the sensors it never sees
BESIDE = ("exp", "gsa", "bt_h", "bdsd_pc", "pracs", "awlp", "mtf_glp", "mtf_glp_fs", "mtf_glp_hpm", "cnmf")
STEPS = (0, 3, 10)  # refinements that are tried of each
LONG = 8000  # updates
DATA = (
    "Wald's pairs of Landsat-7 and -8, WorldView-2 and -3, Pleiades, Gaofen-2, IKONOS, GeoEye-1; Sentinel-2 (10 m), "
    "CAVE, AVIRIS and Hyperion under made PANs; ratios 2 to 6, MTFs 0.12 to 0.55, both geometries"
)
LICENCE = (
    "research: CAVE, GRIP-UNINA's images and some triplets are not for commercial use; Landsat, Hyperion: public "
    "domain; contains modified Copernicus Sentinel data 2015-2020; Rotterdam CC BY-SA 4.0"
)
SENSOR = {"WV3_test": "worldview3", "Pleiades_test": "pleiades", "GE1": "geoeye1", "IK": "ikonos", "WV2": "worldview2"}


def network(**fields: Any) -> Network:
    """The network, fresh or with its weights."""
    found = catalog.make(NAME, **fields)
    assert isinstance(found, Network)
    return found


def sensor_of(case: Case) -> str:
    """Whose image it is."""
    if case.group in ("landsat7", "gaofen2"):
        return case.group
    return SENSOR.get(case.name, "worldview2" if case.name == "Rotterdam" else "gaofen2")


def unseen(case: Case) -> str:
    """The run that never saw the sensor."""
    return f"without_{next(n for n, names in enumerate(FOLDS) if sensor_of(case) in names)}"


def rows(case: Case, run: str | None = None) -> Iterator[dict[str, Any]]:
    """Figures of every method on a case, refined and not."""
    found: dict[str, Method] = {name: catalog.make(name) for name in BESIDE}
    begun = load_network(network(), str(RUNS / f"universal_{run or unseen(case)}"), case.obs)
    found[NAME] = ready(begun, ArrayScene(case.obs), Run())  # with as much of it as the scene shows to be good
    for name, method in found.items():
        for steps in STEPS:
            figures = judged(case, refined(method, steps) if steps else method)
            if figures is not None:
                yield {"sensor": sensor_of(case), "image": case.name, "method": name, "refined": steps, **figures}


def judge(names: list[str]) -> None:
    """Print as they come; keep."""
    kept = []
    for case in with_truth():
        if names and sensor_of(case) not in names:
            continue
        own = list(rows(case))
        kept += own
        best = min((row for row in own if row["method"] not in (NAME, "exp")), key=lambda row: row["ergas"])
        told = [row["ergas"] for row in own if row["method"] == NAME]
        print(f"{sensor_of(case):11} {case.name:18} {best['method']}+{best['refined']} {best['ergas']:.3f}", end=" ")
        print(*(f"{one:.3f}" for one in told), *(f"{one / best['ergas']:.3f}" for one in told), flush=True)
    write_whole(RUNS / "universal_judged.json", json.dumps(kept).encode())
    if not names:
        results.record("networks", "universal", tables(kept), 0)


def told(method: str, steps: int) -> str:
    """A method as a table calls it."""
    return f"{method}, {steps} refinements" if steps else method


def tables(kept: list[dict[str, Any]]) -> dict[str, Table]:
    """ERGAS over that of the best formula of each image: mean over the images of every sensor; and image by image."""
    images, sensors = (list(dict.fromkeys(row[key] for row in kept)) for key in ("image", "sensor"))
    least = {
        image: min(row["ergas"] for row in kept if row["image"] == image and row["method"] not in (NAME, "exp"))
        for image in images
    }
    lines = []
    for method in dict.fromkeys(row["method"] for row in kept):
        for steps in STEPS:
            own = [row for row in kept if (row["method"], row["refined"]) == (method, steps)]
            shares = {
                s: float(np.mean([r["ergas"] / least[r["image"]] for r in own if r["sensor"] == s])) for s in sensors
            }
            each = [row["ergas"] / least[row["image"]] for row in own]
            lines.append([told(method, steps), float(np.mean(list(shares.values()))), max(each), *shares.values()])
    lines.sort(key=lambda line: line[1])
    columns = [
        Column("method"), Column("mean of the sensors", "{:.3f}", best="min"),
        Column("worst image", "{:.3f}", best="min"),
        *(Column(sensor, "{:.3f}", best="min") for sensor in sensors),
    ]  # fmt: skip
    rows = []
    for image in images:
        own = [row for row in kept if row["image"] == image]
        best = min((row for row in own if row["method"] not in (NAME, "exp")), key=lambda row: row["ergas"])
        network = {row["refined"]: row for row in own if row["method"] == NAME}
        none = next(row for row in own if row["method"] == "exp" and not row["refined"])
        rows.append([
            image, own[0]["sensor"], none["ergas"], told(best["method"], best["refined"]), best["ergas"],
            *(network[steps]["ergas"] for steps in STEPS), best["sam_deg"], network[STEPS[1]]["sam_deg"],
            best["q2n"], network[STEPS[1]]["q2n"],
        ])  # fmt: skip
    names = ["image", "sensor", "exp", "best formula", "its ERGAS", *(f"{told(NAME, steps)}" for steps in STEPS)]
    names += [
        "SAM of the formula",
        f"SAM of {told(NAME, STEPS[1])}",
        "Q2n of the formula",
        f"Q2n of {told(NAME, STEPS[1])}",
    ]
    each = [Column(name, "{}" if name in ("image", "sensor", "best formula") else "{:.3f}") for name in names]
    return {"summary": Table(columns, lines, apart=("exp",)), "images": Table(each, rows)}


def train(name: str, **more: Any) -> None:
    """Train on the sensors of a name and leave the run folder."""
    settings = {"steps": LONG, "validate_every": 1000, **more}
    learn(f"universal_{name}", network(), cases(HELD[name]), {"data": DATA, "licence": LICENCE}, **settings)


def ship() -> None:
    """Copy the network of all sensors, half precision, with its card."""
    header, tensors = weights.read(RUNS / "universal_whole")
    kept = json.loads((RUNS / "universal_judged.json").read_bytes())
    summary = {line[0]: line for line in tables(kept)["summary"].rows}
    formula = next(name for name in summary if not name.startswith(NAME))
    found = summary[NAME]
    card = {key: value for key, value in header.card.items() if key not in ("figures", "no_fusion")}
    card |= {
        "sensors it never saw": f"ERGAS over that of the best of {len(BESIDE) - 1} formulas, "
        f"refined or not, chosen for each image: {found[1]:.3f}, worst {found[2]:.3f}; the best single formula "
        f"({formula}): {summary[formula][1]:.3f}, worst {summary[formula][2]:.3f}; {len(FOLDS)} folds of sensors",
        "figures of": "networks of the same recipe on the sensors that they never saw, one scale down",
        "not_for": "commercial use; thermal bands",
        "hardware": hardware(header.card),
        "recipe": "python -m bench.networks.universal train whole",
    }
    path = weights.FOLDER / f"{SHIPPED}.safetensors"
    weights.write(path, replace(header, card=card), tensors, half=True)
    write_card(path, header.method, " for any sensor, any number of bands, ratios from 2 to 6", card)


def main(words: list[str]) -> None:
    """See above."""
    if words[:1] == ["train"]:
        for name in words[1:]:
            train(name)
    elif words[:1] == ["judge"]:
        judge(words[1:])
    elif words == ["ship"]:
        ship()


TRAINED_S, JUDGED_S = 1630.0, 1800.0  # of one core
RUN = tuple(run_of(f"universal_{name}") for name in HELD)
RECIPES = (
    Recipe(
        (SHIPPED,),
        (
            *(
                Step(f"bench.networks.universal train {name}", run, TRAINED_S)
                for name, run in zip(HELD, RUN, strict=True)
            ),
            Step("bench.networks.universal judge", RUNS / "universal_judged.json", JUDGED_S, RUN),
        ),
        "bench.networks.universal ship", DATA, ("data/sharpening", "data/hyperspectral", "data/spatiotemporal"),
    ),
)  # fmt: skip

if __name__ == "__main__":
    started(main)
