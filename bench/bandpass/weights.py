"""Weights of UNet-LUT and UNet-LUT-X that travel with the package, and what they are worth on ground held out.

python -m bench.bandpass.weights judge [NAME ...]   trained without a third of Santa Barbara and judged on it, thrice
python -m bench.bandpass.weights ship [NAME ...]    trained on all of it, written with their cards

They learn from what both sensors would see of spectra: squares of an AVIRIS scene, and made-up ground of its spectra in
more mixtures and light than the scene holds; half of it under a haze that both see.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench import results
from bench.bandpass import tables
from bench.bandpass.cases import FOLDS, PAIRS, Case, barbara, places, seen
from bench.bandpass.run import judged
from bench.cards import hardware, write_card
from bench.recipes import Recipe, Step, started
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.networks.tables import FittedLut
from earthloom.prepare.bandpass.optics import Optics, ground_of
from earthloom.samples.spectra import SpectralLibrary
from earthloom.training.bandpass.blocks import gather
from earthloom.training.bandpass.networks import train_tables
from earthloom.types import Observation
from earthloom.weights import store as weights

RAW = "bandpass_weights"
SEEDS = {"to learn": 5, "to judge": 11}
SHIPPED = {  # name: pair
    "sentinel2_to_gaofen1_wfv": "S2A to GF-1 WFV1",
    "sentinel2_to_gaofen1_pms": "S2A to GF-1 PMS",
    "sentinel2_to_landsat8": "S2A to Landsat-8",
}
METHODS = {"unet_lut": "", "unet_lut_x": "_x"}  # and the ending of its weights
STEPS, MADE = 800, 60
CONDITIONS = ("clean", "haze")
JUDGED = ("clean", "haze")
BASES = {"none": "none", "spectral, lines": "spectral", "spectral, matrix": "spectral"}


@dataclass(frozen=True)
class Ground:
    """Spectra to learn from."""

    squares: list[np.ndarray]
    wavelength: np.ndarray

    def blocks(self, optics: Optics) -> list[Any]:
        """What both sensors see: the squares as they are and under a haze, and made-up ground."""
        rng = np.random.default_rng(SEEDS["to learn"])
        spectra = np.concatenate([square.reshape(len(square), -1) for square in self.squares], axis=1).T
        library = SpectralLibrary(self.wavelength, np.clip(spectra, 0, None))
        scenes: list[Observation] = []
        for square in self.squares:
            scenes += [seen(optics, square, condition, rng)[0] for condition in CONDITIONS]
        for number in range(MADE):
            scenes.append(seen(optics, ground_of(library, rng), CONDITIONS[number % len(CONDITIONS)], rng)[0])
        return gather([ArrayScene(obs) for obs in scenes], most_px=1 << 40)


def optics_of(pair: str) -> Optics:
    """Two sensors over the scene's wavelengths."""
    return Optics.of(barbara()[1], *PAIRS[pair], 10.0)


def squares(leave: tuple[int, ...] = ()) -> Ground:
    """The scene without some of its nine squares."""
    cube, wavelength = barbara()
    return Ground([cube[:, *place.slices] for k, place in enumerate(places()) if k not in leave], wavelength)


def held_out(pair: str, fold: tuple[int, ...], condition: str) -> Case:
    """The squares of a fold, four skies over each."""
    cube, _ = barbara()
    rng, optics = np.random.default_rng(SEEDS["to judge"]), optics_of(pair)
    made = [seen(optics, cube[:, *places()[k].slices], condition, rng) for k in fold for _ in range(4)]
    who = (PAIRS[pair][0][0], PAIRS[pair][1][0])
    return Case(condition, pair, [], [obs for obs, _ in made], [truth for _, truth in made], who)


def judge(name: str) -> list[dict[str, Any]]:
    """Relative RMSE in percent on ground that was not learnt from, mean of three folds."""
    pair, found = SHIPPED[name], {}
    for fold in FOLDS:
        methods: dict[str, Any] = {}
        for title, base in BASES.items():
            who = {"source": PAIRS[pair][0][0], "target": PAIRS[pair][1][0]} if base == "spectral" else {}
            methods[title] = catalog.make(base, "bandpass", **who, **({"cross": False} if "lines" in title else {}))
        blocks = squares(fold).blocks(optics_of(pair))
        for method in METHODS:
            methods[f"{method}, weights"] = train_tables(method, blocks, steps=STEPS).method
        for condition in JUDGED:
            case = held_out(pair, fold, condition)
            for title, method in methods.items():
                found.setdefault((condition, title), []).append(judged(method, case).relative)
    rows = [
        {"weights": name, "condition": condition, "method": title, "relative_rmse_percent": float(np.mean(values))}
        for (condition, title), values in found.items()
    ]
    for row in rows:
        print(row, flush=True)
    return rows


def ship(name: str, known: list[dict[str, Any]]) -> None:
    """Train on the whole scene and write the weights of both networks."""
    pair = SHIPPED[name]
    (source, names), (target, others) = PAIRS[pair]
    blocks = squares().blocks(optics_of(pair))
    for method, ending in METHODS.items():
        began = time.process_time()
        fitted = train_tables(method, blocks, steps=STEPS).method
        assert isinstance(fitted, FittedLut)
        held = {
            f"{row['method']}, {row['condition']}": round(row["relative_rmse_percent"], 3)
            for row in known
            if row["weights"] == name and row["method"] in ("none", "spectral, matrix", f"{method}, weights")
        }
        title = f"{name}{ending}"
        header = fitted.trained.header
        card = {
            **header.card,
            "target": {**header.card["target"], "sensor": target, "bands": list(others)},
            "data": "AVIRIS scene of Santa Barbara (90 x 90 pixels of 181 bands) seen through both sensors' response "
            "curves, and made-up ground of its spectra; reflectance 0 to 1",
            "licence": "MIT (GatorSense/hsi_toolkit_py), source imagery NASA/JPL AVIRIS",
            "recipe": f"python -m bench.bandpass.weights ship {name}",
            "steps": STEPS, "seconds": round(time.process_time() - began), "hardware": hardware(header.card),
            "relative RMSE in percent on ground held out": held,
            "not_for": "snow, deserts, crops and water, which the scene does not hold; images of another day's light "
            "or air: fit those (`earthloom align fit`)",
        }  # fmt: skip
        header = replace(header, sensor=source, bands=tuple(names), name=title, card=card)
        kept = replace(fitted, trained=replace(fitted.trained, header=header))
        path = kept.save(weights.FOLDER / f"{title}.safetensors", half=True)
        write_card(path, header.method, f", {source} to {target}", card)


def main(words: list[str]) -> None:
    """The command line."""
    what, *rest = words or ["judge"]
    for name in rest or list(SHIPPED):
        if what == "ship":
            ship(name, results.raw(f"{RAW}_{name}", []))
        else:
            results.keep(f"{RAW}_{name}", judge(name))
    rows = [row for name in SHIPPED for row in results.raw(f"{RAW}_{name}", [])]
    if what == "judge":
        seeds = ", ".join(f"{seed} {purpose}" for purpose, seed in SEEDS.items())
        results.record("bandpass", "weights", tables.weights(rows), seeds)


RECIPES = tuple(
    Recipe(
        tuple(f"{name}{ending}" for ending in METHODS.values()),
        (Step(f"bench.bandpass.weights judge {name}", results.RAW / f"{RAW}_{name}.json", 300.0),),
        f"bench.bandpass.weights ship {name}", "an AVIRIS scene (Santa Barbara) and made-up ground of its spectra",
        ("data/hyperspectral/aviris_santa_barbara",), 40.0,
    )
    for name in SHIPPED
)  # fmt: skip

if __name__ == "__main__":
    started(main)
