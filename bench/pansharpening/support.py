"""Do hallucination and omission rank products as the truth does? Printed; the figures stand in docs/metrics.md.

python -m bench.pansharpening.support

Products are those of the classical methods, of networks with weights for the bands, and of one method damaged in known
ways: detail weaker or stronger than it should be, noise added, all blurred towards no fusion.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from scipy.stats import spearmanr

import earthloom
from bench.data import TRIPLETS, Case, triplets
from bench.pansharpening.accuracy import classical
from earthloom.engine.passes import fuse_whole
from earthloom.errors import EarthloomError
from earthloom.methods import catalog
from earthloom.metrics import cut_border, ergas, support_against, support_of

NETWORKS = ("cf2n", "hpm_cnn")
SHARES, NOISE = (0.25, 0.5, 0.75, 1.3), (0.1, 0.2, 0.4)


def products(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Names and images."""
    for name in classical():
        try:
            yield name, fuse_whole(catalog.make(name), case.obs)
        except EarthloomError:
            continue
    pan, ms = (case.obs[role].data.astype(np.float32) for role in ("pan", "ms"))
    for name in NETWORKS:
        try:
            made = earthloom.pansharpen(pan, ms, name, sensor=TRIPLETS[case.name][2], convention="toolbox")
        except EarthloomError:
            continue
        yield name, np.asarray(made, float)


def damaged(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """One product, made worse in known ways."""
    plain, sharp = (fuse_whole(catalog.make(name), case.obs) for name in ("exp", "mtf_glp_fs"))
    detail, rng = sharp - plain, np.random.default_rng(0)
    for share in SHARES:
        yield f"detail x {share:g}", plain + share * detail
    size = detail.std(axis=(1, 2), keepdims=True)
    for share in NOISE:
        yield f"noise {share:g}", sharp + share * size * rng.normal(size=sharp.shape)


def row(image: np.ndarray, case: Case) -> tuple[float, ...]:
    """ERGAS, hallucination and omission without the truth, the same against it."""
    ratio = case.obs.ratio
    assert case.truth is not None
    blind, told = support_of(image, case.obs), support_against(image, case.truth, ratio)
    error = ergas(cut_border(image, case.cut), cut_border(case.truth, case.cut), ratio)
    return (error, *blind.values(), *told.values())


def main() -> None:
    """A table for each image, and how the columns rank."""
    warnings.simplefilter("ignore")
    for case in triplets():
        assert case.truth is not None
        print(f"{case.name:<24}{'ERGAS':>8}{'halluc.':>9}{'omission':>9}{'h. truth':>9}{'o. truth':>9}")
        groups = {}
        for title, images in (("methods", products(case)), ("damaged", damaged(case))):
            groups[title] = []
            for name, image in images:
                groups[title].append(row(image, case))
                error, *shares = groups[title][-1]
                print(f"  {name:<22}{error:>8.3f}" + "".join(f"{one:>9.1f}" for one in shares), flush=True)
        blind = support_of(case.truth, case.obs)
        print(f"  {'the truth':<22}{0:>8.3f}" + "".join(f"{one:>9.1f}" for one in blind.values()))
        for title, part in (*groups.items(), ("all", [one for rows in groups.values() for one in rows])):
            error, made, lacking, *against = np.array(part).T
            pairs = {
                "halluc.": (error, made), "omission": (error, lacking), "omission, o. truth": (against[1], lacking),
                "h. truth": (error, against[0]), "o. truth": (error, against[1]),
            }  # fmt: skip
            told = (f"{name} {spearmanr(*both).statistic:.2f}" for name, both in pairs.items())
            print(f"  rank correlation with ERGAS, {title}: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
