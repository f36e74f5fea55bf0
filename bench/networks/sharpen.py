"""Train and judge the network of `sharpen`, one run folder each under bench/raw/runs.

python -m bench.networks.sharpen train NAME ...  (without_0, _1, _2: a third of the scenes held out; whole: shipped)
python -m bench.networks.sharpen judge           (each scene by the network that never saw it, beside GWR and no fusion)
python -m bench.networks.sharpen apex [NAME]     (a simulated scene with truth at 10 m, by the network of all scenes)
python -m bench.networks.sharpen ship            (copies the network of all scenes into the package, with its card)

Training cases are Wald's with blurs, bands and guides drawn at random (:mod:`bench.networks.sentinel2`); nothing that
is judged chooses the weights or the number of steps: a run has a budget of steps and keeps its last average.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from bench.cards import hardware, write_card
from bench.data import SHARPENING
from bench.networks.each_band import learn
from bench.networks.sentinel2 import BANDS, TWENTY, Scene, drawn, landsat, nested, one_down, read, sentinel2, simulated
from bench.recipes import Recipe, Step, run_of, started
from bench.results import RUNS
from earthloom.atomic import write_whole
from earthloom.engine.passes import filled, fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.networks.network import Network, load_network
from earthloom.prepare.blurring import estimated
from earthloom.problems.base import Case
from earthloom.types import Band, Observation, View
from earthloom.weights import store as weights

PROBLEM, NAME, SHIPPED = "sharpening", "line_cnn", "sentinel2_to_10m"
HELD = {"without_0": 0, "without_1": 1, "without_2": 2, "whole": None}  # run: the third of the scenes it never sees
DRAWN = {2: 3, 3: 1, 6: 2}  # ratio: cases of a scene
DATA = (
    "Sentinel-2 at 10 and 20 m one scale down, blurs drawn (gains 0.2 to 0.7), bands of 20 m made 2, 3 and 6 times "
    "coarser: T33UUB, T39RVJ, Reykjavik, three TerraMesh patches, one of BigEarthNet, nine of SEN12MS-CR; Landsat-7 "
    "and -8 at 30 m, any band by others"
)
LICENCE = (
    "contains modified Copernicus Sentinel data 2015-2020; T33UUB CC BY 4.0; TerraMesh CC BY-SA 4.0, BigEarthNet "
    "CDLA-Permissive, SEN12MS-CR CC BY 4.0, as far as known; Reykjavik: none stated; Landsat: USGS, public domain"
)
BORDER = 6  # pixels of the truth that are not judged


def network(**fields: Any) -> Network:
    """The network, fresh or with its weights."""
    found = catalog.make(NAME, PROBLEM, **fields)
    assert isinstance(found, Network)
    return found


def cases(held: int | None, seed: int = 0) -> Iterator[Case]:
    """What is learnt from: every scene but those of a third."""
    rng = np.random.default_rng(seed)
    for one in sentinel2():
        for ratio, times in DRAWN.items():
            for _ in range(times):
                case = drawn(one, ratio, rng)  # drawn whatever is held out: the runs learn from parts of one whole
                if one.third != held:
                    yield case
    for one in landsat():
        for _ in range(2):
            yield drawn(one, int(rng.choice([2, 2, 3, 6])), rng)


def train(name: str, **more: Any) -> None:
    """Train on the scenes of a name and leave the run folder."""
    learn(f"sharpen_{name}", network(), cases(HELD[name]), {"data": DATA, "licence": LICENCE}, **more)


def judged(ratio: int, third: int) -> Iterator[tuple[Scene, str, Case]]:
    """The Sentinel-2 scenes of a third one scale down, by two degradations."""
    for one in (one for one in sentinel2() if one.third == third):
        yield one, "gaussian 0.3", gaussian(one, ratio)
        if ratio == 2 and one.obs["coarse"].offset == (0.5, 0.5):
            yield one, "DSen2", as_dsen2(one)


def gaussian(one: Scene, ratio: int) -> Case:
    """Wald's with a gain of 0.3 for all."""
    truth, seen, guides = one_down(one.obs, 0.3)
    return simulated(truth, seen, guides, ratio, np.full(len(truth), 0.3))


def as_dsen2(one: Scene) -> Case:
    """The degradation of DSen2: a Gaussian of half a pixel, then the mean of 2 x 2."""
    fine, view = one.obs["fine"].data, one.obs["coarse"]
    truth, guides = view.data, halved(fine)
    rows, cols = (n // 2 for n in truth.shape[1:])
    truth, guides = truth[:, : 2 * rows, : 2 * cols], guides[:, : 2 * rows, : 2 * cols]
    seen = view.valid[: 2 * rows, : 2 * cols]
    whole = np.asarray(seen.reshape(rows, 2, cols, 2).all(axis=(1, 3)))
    low = View(halved(truth), whole, view.bands, (2.0, 2.0), (0.5, 0.5))
    obs = Observation({"fine": View(guides, seen, one.obs["fine"].bands), "coarse": low}, seen.shape)
    gain = estimated(ArrayScene(obs)).gain or 0.3
    told = replace(low, bands=tuple(Band(band.name, mtf_nyquist=gain) for band in view.bands))
    return Case(replace(obs, views={**obs.views, "coarse": told}), np.where(seen, truth, np.float32(np.nan)))


def halved(bands: np.ndarray) -> np.ndarray:
    """Blurred by half a pixel and averaged over 2 x 2."""
    soft = np.stack([gaussian_filter(band, 0.5, mode="nearest") for band in bands])
    rows, cols = (n // 2 for n in soft.shape[1:])
    return soft[:, : 2 * rows, : 2 * cols].reshape(len(soft), rows, 2, cols, 2).mean(axis=(2, 4), dtype=np.float32)


def errors(product: np.ndarray, truth: np.ndarray, border: int = BORDER) -> np.ndarray:
    """RMSE of every band without the border."""
    inner = (slice(None), slice(border, -border), slice(border, -border))
    return np.sqrt(np.nanmean((product - truth)[inner] ** 2, axis=(1, 2)))


def judge(ratio: int, third: int) -> Iterator[dict[str, Any]]:
    """RMSE of the scenes of a third by no fusion, GWR, and the network that never saw them."""
    for one, how, case in judged(ratio, third):
        obs = filled(case.obs, halo_px(network(), case.obs))
        rows = {name: catalog.make(name, PROBLEM) for name in ("exp", "gwr")}
        rows[NAME] = load_network(network(), str(RUNS / f"sharpen_without_{third}"), case.obs)
        yield {"scene": one.name, "degraded": how} | {
            name: errors(fuse_whole(method, obs), case.truth) for name, method in rows.items()
        }


def show(ratio: int, thirds: tuple[int, ...] = (0, 1, 2)) -> None:
    """Print rows as they come, and keep what the cards tell of them."""
    for third in thirds:
        rows = []
        for row in judge(ratio, third):
            whole = {name: float(np.sqrt((row[name] ** 2).mean())) for name in ("exp", "gwr", NAME)}
            told = {name: round(whole[name] / whole["exp"], 4) for name in ("gwr", NAME)}
            told |= {"worst band": round(float((row[NAME] / row["exp"]).max()), 4), "rmse": round(whole["exp"], 2)}
            told["bands worse than gwr"] = int((row[NAME] > row["gwr"]).sum())
            rows.append({"scene": row["scene"], "degraded": row["degraded"], **told})
            print(ratio, rows[-1], row["gwr"].round(0), row[NAME].round(0), flush=True)
        write_whole(RUNS / f"sharpen_judged_{ratio}_{third}.json", json.dumps(rows).encode())


def judged_rows(ratio: int) -> list[dict[str, Any]]:
    """What :func:`show` has kept."""
    paths = [RUNS / f"sharpen_judged_{ratio}_{third}.json" for third in range(3)]
    return [row for path in paths if path.is_file() for row in json.loads(path.read_bytes())]


def apex(run: str = "whole") -> Iterator[dict[str, Any]]:
    """RMSE on the simulated scene, whose truth at 10 m is known and which is never learnt from."""
    folder = SHARPENING / "sentinel2_20m"
    truth = dict(zip(BANDS, read(folder / "apex_left_truth.tif"), strict=True))
    for size, names, ratio in (("20m", TWENTY, 2), ("60m", ("B1", "B9"), 6)):
        seen = nested(read(folder / "apex_left_10m.tif"), read(folder / f"apex_left_{size}.tif"), None, ratio, names)
        gain = estimated(ArrayScene(seen)).gain
        view = seen["coarse"]
        bands = view.bands if gain is None else tuple(replace(band, mtf_nyquist=gain) for band in view.bands)
        obs = replace(seen, views={**seen.views, "coarse": replace(view, bands=bands)})
        rows: dict[str, Method] = {name: catalog.make(name, PROBLEM) for name in ("exp", "gwr")}
        rows[NAME] = load_network(network(), str(RUNS / f"sharpen_{run}"), obs)
        wanted = np.stack([truth[name] for name in names])[:, : obs.shape[0], : obs.shape[1]]
        yield {"scene": "apex", "size": size, "gain": gain} | {
            name: errors(fuse_whole(method, obs), wanted, 2 * 6) for name, method in rows.items()
        }


def mean_of(rows: list[dict[str, Any]]) -> str:
    """One line for a card."""
    shares = {name: float(np.mean([row[name] for row in rows])) for name in ("gwr", NAME)}
    better = sum(row[NAME] < row["gwr"] for row in rows)
    return (
        f"RMSE over that of no fusion: {shares[NAME]:.3f} (local lines {shares['gwr']:.3f}), {len(rows)} cases, "
        f"better than local lines in {better}, worst band {max(row['worst band'] for row in rows):.2f}"
    )


def ship() -> None:
    """Copy the network of all scenes, half precision, with its card."""
    header, tensors = weights.read(RUNS / "sharpen_whole")
    card = {key: value for key, value in header.card.items() if key not in ("figures", "no_fusion")}
    card |= {f"{60 if ratio == 6 else 20} to 10 m": mean_of(judged_rows(ratio)) for ratio in (2, 6)}
    card |= {
        "figures of": "networks of the same recipe on the third of the scenes that they never saw, one scale "
        "down (40 to 20 m; bands of 20 m from 120 m)",
        "not_for": "thermal bands; other sensors were not judged: --adapt begins with these weights",
        "hardware": hardware(header.card),
        "recipe": "python -m bench.networks.sharpen train whole",
    }
    path = weights.FOLDER / f"{SHIPPED}.safetensors"
    weights.write(path, replace(header, sensor="sentinel2a", card=card), tensors, half=True)
    write_card(path, header.method, " for any number of bands and guides at any ratio", card)


def main(words: list[str]) -> None:
    """See above."""
    if words[:1] == ["train"]:
        for name in words[1:]:
            train(name)
    elif words[:1] == ["judge"]:
        for ratio in (2, 6):
            show(ratio, tuple(map(int, words[1:])) or (0, 1, 2))
    elif words[:1] == ["apex"]:
        for row in apex(*words[1:]):
            print(row)
    elif words == ["ship"]:
        ship()


TRAINED_S, JUDGED_S = 710.0, 600.0  # of one core
RUN = tuple(run_of(f"sharpen_{name}") for name in HELD)
RECIPES = (
    Recipe(
        (SHIPPED,),
        (
            *(
                Step(f"bench.networks.sharpen train {name}", run, TRAINED_S)
                for name, run in zip(HELD, RUN, strict=True)
            ),
            Step("bench.networks.sharpen judge", RUNS / "sharpen_judged_6_2.json", JUDGED_S, RUN[:-1]),
        ),
        "bench.networks.sharpen ship", DATA, ("data/sharpening", "data/sar"),
    ),
)  # fmt: skip

if __name__ == "__main__":
    started(main)
