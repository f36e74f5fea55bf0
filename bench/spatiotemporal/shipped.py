"""Train the STFGAN that ships, on places that are not judged, and ship it.

python -m bench.spatiotemporal.shipped train [NAME]     (default: shipped; a run folder under bench/raw/runs)
python -m bench.spatiotemporal.shipped ship             (copies it into the package, with its card)

One network for any number of bands and of known dates and any ratio. What is held out of the places that it learns
from chooses the weights; the places of :mod:`bench.spatiotemporal.data` have no part in it.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.cards import write_card
from bench.recipes import Recipe, Step, run_of, started
from bench.results import RUNS
from bench.spatiotemporal import lessons
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network
from earthloom.training.lessons.adversarial import Lessons
from earthloom.training.loop.loop import Config, fit
from earthloom.training.loop.patches import TRUTH
from earthloom.training.loop.task import pixel_loss
from earthloom.weights import store as weights

SHIPPED = "any_dates"
CLASSICAL = ("starfm", "estarfm", "fsdaf", "fit_fc")
SETTINGS: dict[str, Any] = {
    "batch": 12, "patch": 96, "lr": 2e-3, "beta2": 0.99, "warmup": 100, "precision": "bf16-mixed", "tensorboard": False,
    "threads": 1, "steps": 4500, "validate_every": 500, "ema": 0.995,
}  # fmt: skip
MOST = 6.0  # times the estimate's mean error: larger errors pull no harder
DATA = (
    "SEN12MS-CR-TS (three clear dates near Rome) and nearly clear pairs of SEN12MS-CR; Landsat-8 of three days; "
    "surface temperature of two days at Yanco; clear dates of Sentinel-2 NDVI in Slovenia; Landsat-7, changes made; "
    "coarse images simulated at 8:1 and 16:1, MTF 0.2 to 0.65, with noise, displacements and errors of the sensor"
)
LICENCE = (
    "Landsat: public domain (USGS); contains modified Copernicus Sentinel data 2015-2018; SEN12MS-CR: CC BY 4.0 as far "
    "as known; NDVI and temperature: MIT (Sinergise; Yi Yu)"
)


@dataclass
class Shipping(Lessons):
    """The lesson, errors of every scene and band over what the estimate leaves of them: all count alike."""

    kept: Sequence[lessons.Taught] = ()

    def terms(self, images: Sequence[tuple[Tensor, Tensor, Tensor | None]], level: Tensor | None) -> dict[str, Tensor]:
        """Absolute and squared errors of both stages, weighed by ``level``; and structure."""
        assert level is not None
        parts = []
        for product, truth, mask in images:
            error = (product - truth) * level
            error = error * (MOST / error.detach().abs().clamp(min=MOST))
            none = torch.zeros_like(error)
            parts += [pixel_loss(error, none, mask, "l1") + 0.5 * pixel_loss(error, none, mask, "l2")]
        return {**super().terms(images, None), self.kind: torch.stack(parts).sum()}

    def validate(self, module: nn.Module) -> dict[str, float]:
        """Root mean squares of the error over the estimate's, geometric means over what is held out."""
        rows: dict[str, list[float]] = {}
        for one in self.kept:
            height, width = (n // 8 * 8 for n in one.mask.shape)
            seen = {
                k: torch.from_numpy(a[:, :, :height, :width].astype(np.float32)) for k, a in one.arrays.items()
            }  # fmt: skip
            truth, mask = seen.pop(TRUTH), torch.from_numpy(one.mask[:height, :width])
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
                found = module(**seen).float()
            left, base = (((image - truth)[:, 0, mask] ** 2).mean(dim=1).sqrt() for image in (found, seen["base"]))
            rows.setdefault(one.group, []).append(float((left / base).log().mean().exp()))
        means = {name: float(np.exp(np.mean(np.log(own)))) for name, own in rows.items()}
        return {"left": float(np.exp(np.mean(np.log(list(means.values()))))), **means}

    def beside(self) -> dict[str, float]:
        """The estimate's own."""
        return {"left": 1.0}


def network(**fields: Any) -> Network:
    """STFGAN."""
    found = catalog.make("stfgan", "spatiotemporal", **fields)
    assert isinstance(found, Network)
    return found


def train(name: str, **more: Any) -> None:
    """Train and leave the run folder."""
    torch.set_num_threads(1)
    config, method, began = Config(**{**SETTINGS, **more}), network(), time.perf_counter()
    taught, kept = list[lessons.Taught](), list[lessons.Taught]()
    for number, (place, held) in enumerate(lessons.split()):
        found = list(lessons.taught(method, place, config.patch, number))
        (kept if held else taught).extend(found[::4] if held else found)
    size = sum(array.nbytes for one in taught for array in one.arrays.values()) / 1e6
    print(f"{name}: {len(taught)} + {len(kept)} predictions, {size:.0f} MB, {time.perf_counter() - began:.0f} s")
    assert method.teaching is not None
    task = Shipping(
        lessons.Drawn(taught, config.patch), (), config.loss, "left", teaching=method.teaching, bands=1, kept=kept
    )  # type: ignore[arg-type]
    obs, _ = next(lessons.cases(next(lessons.split())[0], 8, np.random.default_rng(0)))
    fresh = method.fresh(obs, config.seed).trained
    card = {"data": DATA, "licence": LICENCE}
    header = replace(fresh.header, bands=(), centres_nm=(), convention="centre", name="", card=card)
    result = fit(fresh.module, task, config, RUNS / name, header, say=lambda line: print(name, line, flush=True))
    print(f"{name}: {result.steps} steps, {result.seconds:.0f} s", flush=True)


def ship() -> None:
    """Copy the network, half precision, with its card."""
    header, tensors = weights.read(RUNS / "shipped")
    card = {key: value for key, value in header.card.items() if key not in ("figures", "no_fusion")}
    kept = json.loads((RUNS / "spatiotemporal_networks.json").read_bytes())
    card |= {
        "scenes it never saw": "; ".join(compared(kept)),
        "not_for": "two known dates beside a real coarse sensor, where fit_fc and estarfm were better (`auto` tries)",
        "hardware": f"1 thread of an {platform.processor() or 'x86-64'} CPU",
        "recipe": "python -m bench.spatiotemporal.shipped train",
    }
    path = weights.FOLDER / f"{SHIPPED}.safetensors"
    weights.write(path, replace(header, card=card), tensors, half=True)
    write_card(path, header.method, " for any number of bands and known dates, ratios about 8 to 16", card)


def compared(kept: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    """Means over the judged cases of each origin, beside those of the best classical method in each figure."""
    for origin in dict.fromkeys(_origin(title) for title in kept):
        own = [rows for title, rows in kept.items() if _origin(title) == origin]
        told = []
        for key, name in (("rmse", "RMSE"), ("cc", "CC"), ("ssim", "SSIM"), ("sam_deg", "SAM")):
            if not all(key in rows["stfgan"] for rows in own):
                continue
            means = {
                row: float(np.mean([rows[row][key] for rows in own]))
                for row in (*CLASSICAL, "stfgan") if all(row in rows for rows in own)
            }  # fmt: skip
            mine = means.pop("stfgan")
            best = (max if key in ("cc", "ssim") else min)(means, key=lambda row: means[row])
            told.append(f"{name} {mine:.4g} ({best} {means[best]:.4g})")
        yield f"{len(own)} predictions, {origin}: {', '.join(told)}"


def _origin(title: str) -> str:
    """Where the coarse images of a case come from; that of the demo by its name."""
    return "ESTARFM demo, real MODIS" if title.startswith("ESTARFM") else title.rpartition("(")[2].rstrip(")")


def main(words: list[str]) -> None:
    """See above."""
    if words[:1] == ["train"]:
        train(*(words[1:] or ["shipped"]))
    elif words == ["ship"]:
        ship()


RECIPES = (
    Recipe(
        (SHIPPED,),
        (
            Step("bench.spatiotemporal.shipped train", run_of("shipped"), 2000),
            Step(
                "bench.spatiotemporal.networks table", RUNS / "spatiotemporal_networks.json", 900, (run_of("shipped"),)
            ),
        ),
        "bench.spatiotemporal.shipped ship", DATA,
        ("data/spatiotemporal", "data/sar/sen12mscr_real", "data/sharpening/landsat7"),
    ),
)  # fmt: skip

if __name__ == "__main__":
    started(main)
