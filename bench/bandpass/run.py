"""Bandpass alignment of every method on every case; recorded in bench/bandpass/results.json.

python -m bench.bandpass.run [WHAT ...]     groups by the beginning of their titles; without: all
python -m bench.bandpass.run METHOD= ...    measures only these methods anew, such as unet_lut_x=
python -m bench.bandpass.run tables         prints what was measured on this machine
python -m bench.bandpass.run auto           what `auto` chooses
python -m bench.bandpass.run speed          the kernels, in nanoseconds a pixel and band
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench import results
from bench.bandpass.cases import GROUPS, Case
from bench.bandpass.pairs import alone
from bench.bandpass.tables import accuracy
from bench.report import grid, markdown
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.training.bandpass.blocks import gather
from earthloom.training.bandpass.networks import train_tables
from earthloom.training.bandpass.score import Errors, solved
from earthloom.types import Observation

NETWORKS = ("unet_lut", "unet_lut_x")
RAW = "bandpass_alignment"
SEED = "by case, in bench/bandpass/cases.py"
STEPS = 400
ROWS = {  # row: method and fields
    "none": ("none", {}),
    "hls": ("hls", {}),
    "spectral, lines": ("spectral", {"cross": False}),
    "spectral, matrix": ("spectral", {}),
    "ols": ("ols", {}),
    "robust (Huber)": ("robust", {}),
    "robust (Theil-Sen)": ("robust", {"estimator": "theil_sen"}),
    "rma": ("rma", {}),
    "cdf_match": ("cdf_match", {}),
    "monotone_lut": ("monotone_lut", {}),
    "unet_lut": ("unet_lut", {}),
    "cross_linear": ("cross_linear", {}),
    "cross_quadratic": ("cross_quadratic", {}),
    "unet_lut_x": ("unet_lut_x", {}),
}


def fitted(name: str, fields: dict[str, Any], case: Case) -> Method:
    """A method with all that it learns from the training pairs."""
    cls = catalog.find(name, "bandpass")
    if name in NETWORKS:
        blocks = gather([ArrayScene(obs) for obs in case.train], most_px=1 << 40)
        return train_tables(name, blocks, steps=STEPS, **fields).method
    if name == "spectral":
        fields = {**fields, "source": case.sensors[0], "target": case.sensors[1]}
    method = catalog.make(name, "bandpass", **fields)
    if not cls.fits:  # type: ignore[attr-defined]
        return method
    return solved(method, gather([ArrayScene(obs) for obs in case.train], most_px=1 << 40))  # type: ignore[arg-type]


def judged(method: Method, case: Case) -> Errors:
    """Errors over the pixels of all places held out."""
    total: Errors | None = None
    for obs, truth in zip(case.test, case.truth, strict=True):
        known = np.isfinite(truth).all(axis=0) & obs["source"].valid
        found = fuse_whole(method, alone(obs))
        part = Errors.of(found[:, known], truth[:, known], obs["target"].bands)
        total = part if total is None else total + part
    assert total is not None
    return total


def measured(group: str, only: list[str]) -> Iterator[dict[str, Any]]:
    """Rows of a group: figures of every method over all of its cases together, and of each."""
    cases = list(GROUPS[group]())
    for row, (name, fields) in ROWS.items():
        if only and name not in only:
            continue
        totals, seconds, note = [], 0.0, ""
        for case in cases:
            began = time.process_time()
            try:
                method = fitted(name, fields, case)
            except MethodError as wrong:
                note = str(wrong)
                break
            seconds += time.process_time() - began
            totals.append(judged(method, case))
        if note:
            print(group, row, note.split(";")[0], flush=True)
            continue
        bands = cases[0].test[0]["target"].bands
        parts: dict[str, list[Errors]] = {}
        for case, one in zip(cases, totals, strict=True):
            parts.setdefault(case.group, []).append(one)
        for part, own in parts.items():
            whole = own[0]
            for one in own[1:]:
                whole = whole + one
            told = {"group": group, "part": part, "method": row, **whole.as_dict(bands)}
            told["cases"] = {
                c.title: round(o.relative, 4) for c, o in zip(cases, totals, strict=True) if c.group == part
            }
            told["fit_cpu_s"] = round(seconds / len(cases), 2)
            print(group, part, row, round(whole.relative, 3), flush=True)
            yield told


def main(names: list[str]) -> None:
    """Measure what is named, or all."""
    if names == ["tables"]:
        print("\n\n".join(map(markdown, accuracy(results.raw(RAW, [])).values())))
        return
    if names == ["auto"]:
        automatic()
        return
    if names == ["speed"]:
        speed()
        return
    only = [name[:-1] for name in names if name.endswith("=")]
    wanted = [name for name in names if not name.endswith("=")]
    rows = results.raw(RAW, [])
    for group in GROUPS:
        if wanted and not any(group.startswith(name) for name in wanted):
            continue
        new = list(measured(group, only))
        again = {(row["group"], row["part"], row["method"]) for row in new}
        rows = [row for row in rows if (row["group"], row["part"], row["method"]) not in again] + new
        results.keep(RAW, rows)
    results.record("bandpass", "alignment", accuracy(rows), SEED)


def automatic() -> None:
    """What `auto` chooses, and what each method had on held-out ground."""
    from bench.bandpass.cases import PAIRS, barbara, landsat8_sentinel2, seen
    from earthloom.prepare.bandpass.optics import Optics
    from earthloom.training.bandpass.fit import Fitting, fit_transform

    cube, wavelength = barbara()
    optics = Optics.of(wavelength, *PAIRS["GF-1 WFV1 to S2A"], 10.0)
    rng = np.random.default_rng(0)
    same = optics.pair(cube)
    views = {**same.views, "target": same["source"]}
    noisy = same["source"].data * (1 + 0.02 * rng.normal(size=same["source"].data.shape)).astype(np.float32)
    views["source"] = type(same["source"])(noisy, same["source"].valid, same["source"].bands)
    scenes: dict[str, Observation] = {
        "GF-1 WFV1 to S2A, clean": seen(optics, cube, "clean", rng)[0],
        "GF-1 WFV1 to S2A, noise": seen(optics, cube, "noise", rng)[0],
        "GF-1 WFV1 to itself with noise": Observation(views, same.shape),
        "S2 to Landsat-8": landsat8_sentinel2(),
    }
    for title, obs in scenes.items():
        began = time.process_time()
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            found = fit_transform([ArrayScene(obs)], "auto", how=Fitting(check_units=False))
        scores = ", ".join(f"{s.name} {s.relative:.3g}" for s in found.scores)
        print(f"{title}: {found.transform.method} ({time.process_time() - began:.1f} s CPU; {scores})", flush=True)


def speed() -> None:
    """Nanoseconds a pixel and band, best of several, one thread."""
    from earthloom.methods.families.mapping import Mapping
    from earthloom.ops.histogram import Bins, HistogramCells
    from earthloom.ops.lookup import Mix, Tables, remap, stencil

    rng = np.random.default_rng(0)
    image = rng.integers(1, 9000, (4, 2048, 2048)).astype(np.uint16)
    valid = np.ones(image.shape[1:], bool)
    first, step = np.zeros(4), np.full(4, 9000 / 63)
    one = Tables.single(first, step, np.cumsum(rng.uniform(100, 180, (4, 64)), axis=1))
    many = Tables(first, step, np.cumsum(rng.uniform(100, 180, (9, 9, 4, 64)), axis=3), 256)
    line = Mapping.lines([0, 1, 2, 3], np.full(4, 0.97), np.full(4, 12.0), 4)
    full = Mix.linear(np.eye(4) * 0.9 + 0.02, np.full(4, 5.0))
    float_image = image.astype(np.float32)
    kernel = rng.normal(size=(4, 4, 3, 3)).astype(np.float32) * 0.01
    bins = Bins(first, np.full(4, 9000.0), 64)
    jobs = {
        "copy": lambda: image.copy(),
        "line or table, uint16 to uint16": lambda: line(image, None, "uint16", 0),
        "matrix, uint16 to uint16": lambda: remap(image, None, full, None, dtype="uint16", nodata=0),
        "matrix and table, uint16 to uint16": lambda: remap(image, None, full, one, dtype="uint16", nodata=0),
        "the same with tables blended between cells": lambda: remap(image, None, full, many, dtype="uint16", nodata=0),
        "the same with a mask": lambda: remap(
            image, valid.copy() & (image[0] > 40), full, many, dtype="uint16", nodata=0
        ),
        "matrix and blended tables, float32": lambda: remap(float_image, None, full, many),
        "3 x 3 kernel over all bands, float32": lambda: stencil(float_image, valid, kernel),
        "histograms of cells": lambda: HistogramCells.of(image, valid, (0, 0), bins, 256),
    }
    lines = []
    for name, job in jobs.items():
        job()
        best = min(_timed(job) for _ in range(7))
        lines.append([name, f"{1e9 * best / image.size:.2f}"])
    print(grid(["kernel", "ns a pixel and band"], lines))


def _timed(job: Any) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began


if __name__ == "__main__":
    main(sys.argv[1:])
