"""What refinement brings: every method after N back-projections; recorded in bench/pansharpening/results.json.

python -m bench.pansharpening.refine [METHOD ...]

With a truth: ERGAS, SAM, Q2n; without: HQNR, consistency, correlation of detail with PAN. Three methods also show what
other ways to solve the same equation give: longer steps, and the smallest correction (through the adjoint of the
sensor instead of interpolation), by conjugate gradients or damped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from bench import results
from bench.data import SHARPENING, Case, landsat7, with_truth, without_truth
from bench.pansharpening import tables
from bench.pansharpening.accuracy import classical
from earthloom.engine.passes import fuse_whole
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.metrics import consistency_of, cut_border, ergas, q2n, sam_deg, without_reference
from earthloom.physics.backproject import back_project
from earthloom.physics.forward import expand, reduce, reduce_adjoint
from earthloom.problems.pansharpening import Pansharpening
from earthloom.types import Band, Observation, View

STEPS = (0, 1, 2, 3, 5, 10, 20)
SEED = 0  # of the noise
COMPARED = ("bdsd_pc", "pracs", "mtf_glp_hpm")  # methods that the variants are compared on
Images = dict[str, np.ndarray]


def figures(case: Case, fused: np.ndarray) -> dict[str, float]:
    """Indices of one image."""
    if case.truth is None:
        agree = consistency_of(fused, case.obs)
        found = {"hqnr": without_reference(fused, case.obs)["hqnr"], "consistency_ergas": agree["ergas"]}
        return {k: float(v) for k, v in (found | {"pan_detail_cc": agree["pan_detail_cc"]}).items()}
    product, truth = cut_border(fused, case.cut), cut_border(case.truth, case.cut)
    ratio = round(case.obs["ms"].ratio[0])
    found = {"ergas": ergas(product, truth, ratio), "sam_deg": sam_deg(product, truth), "q2n": q2n(product, truth)}
    return {k: float(v) for k, v in found.items()}


def longer(case: Case, image: np.ndarray, gains: list[float], step: float, steps: int) -> np.ndarray:
    """``F <- F + step U (M - D B F)``."""
    for _ in range(steps):
        image = image + step * expand(case.obs, case.obs["ms"].data - reduce(case.obs, image, gains))
    return image


def smallest(case: Case, image: np.ndarray, gains: list[float], damping: float, steps: int) -> np.ndarray:
    """``F + A' (A A' + damping)^-1 (M - A F)`` with A = D B scaled to a gain of 1, by conjugate gradients."""
    obs, scale = case.obs, float(np.prod(case.obs["ms"].ratio))
    left = obs["ms"].data - reduce(obs, image, gains)
    found, way = np.zeros_like(left), left.copy()
    power = (left**2).sum((1, 2), keepdims=True)
    for _ in range(steps):
        pushed = scale * reduce(obs, reduce_adjoint(obs, way, gains), gains) + damping * way
        length = power / (way * pushed).sum((1, 2), keepdims=True)
        found, left, before = found + length * way, left - length * pushed, power
        power = (left**2).sum((1, 2), keepdims=True)
        way = left + power / before * way
    return image + scale * reduce_adjoint(obs, found, gains)


Variant = Callable[[Case, np.ndarray, list[float]], np.ndarray]
VARIANTS: dict[str, Variant] = {
    **{f"step 1, N = {n}": lambda c, f, g, n=n: longer(c, f, g, 1.0, n) for n in (3, 5, 10)},
    **{f"step 1.5, N = {n}": lambda c, f, g, n=n: longer(c, f, g, 1.5, n) for n in (3, 5)},
    **{f"adjoint, conjugate gradients, N = {n}": lambda c, f, g, n=n: smallest(c, f, g, 0.0, n) for n in (2, 3, 5)},
    **{f"adjoint, damping {d}": lambda c, f, g, d=d: smallest(c, f, g, d, 30) for d in (0.1, 0.03, 0.01)},
}


def spoiled() -> Iterator[Case]:
    """Landsat-7 with an MS that is not what its sensor file says (MTF 0.3), or noisy."""
    rng = np.random.default_rng(SEED)
    for case in landsat7():
        assert case.truth is not None
        clean = case.obs["ms"].data
        noise = rng.normal(size=clean.shape) * clean.mean((1, 2), keepdims=True)
        made = {f"MTF {gain} taken for 0.3": reduce(case.obs, case.truth, gain) for gain in (0.2, 0.4, 0.5, 0.6)}
        made |= {f"noise {percent} % of the mean": clean + percent / 100 * noise for percent in (1, 2, 4)}
        for what, data in made.items():
            views = {**case.obs.views, "ms": replace(case.obs["ms"], data=data)}
            yield replace(case, group=f"landsat7, {what}", obs=replace(case.obs, views=views))


def noise_gain(gain: float, steps: int, size: int = 64) -> float:
    """How much larger white noise of the MS is in the refined image than in the interpolated one (root mean square)."""
    view = View(
        np.zeros((1, size, size)), np.ones((size, size), bool), (Band("b", mtf_nyquist=gain),), (4.0, 4.0), (1.5,) * 2
    )
    view = replace(view, data=np.random.default_rng(SEED).normal(size=(1, size, size)))
    obs = Observation({"ms": view}, (4 * size, 4 * size))
    plain = expand(obs)
    return float(back_project(obs, plain, [gain], steps).image.std() / plain.std())


def main(names: list[str]) -> None:
    """Measure and save."""
    if not SHARPENING.is_dir():
        sys.exit(f"{SHARPENING} is not there; set EARTHLOOM_SHARED")
    rows: list[dict[str, object]] = []
    for case in (*with_truth(), *without_truth(), *spoiled()):
        _, gains = Pansharpening().observed(case.obs)
        for name in COMPARED if case.group.startswith("landsat7,") else names or classical():
            method = catalog.make(name)
            try:
                method.check(case.obs, case.obs.shape)
            except MethodError:
                continue
            image = fuse_whole(method, case.obs)
            made: Images = {str(n): back_project(case.obs, image, gains, n).image for n in STEPS}
            if name in COMPARED and case.group in ("landsat7", "very high resolution", "full resolution"):
                made |= {title: variant(case, image, gains) for title, variant in VARIANTS.items()}
            rows += [
                {"group": case.group, "image": case.name, "method": name, "refine": key, **figures(case, fused)}
                for key, fused in made.items()
            ]
        print(f"{case.group:<22} {case.name}", flush=True)
    noise = {str(gain): {str(n): noise_gain(gain, n) for n in STEPS} for gain in (0.15, 0.25, 0.35)}
    found = {"rows": rows, "noise": noise}
    results.keep("pansharpening_refine", found)
    results.record("pansharpening", "refine", tables.refinement(found), SEED)


if __name__ == "__main__":
    main(sys.argv[1:])
