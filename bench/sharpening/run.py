"""Every method of sharpening, and every one of pansharpening with the mean of the fine bands as PAN.

    python -m bench.sharpening.run [--only NAME]

Writes bench/sharpening/results.json; ``python -m bench.report`` makes the page.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import earthloom
from bench import results
from bench.results import NOTHING_DRAWN, Column, Table, key_of
from bench.sharpening.cases import Known, known
from earthloom.errors import EarthloomError
from earthloom.methods import catalog

NONE = "exp"
MORE: dict[str, dict[str, Any]] = {
    "gwr, 1 refinement": {"method": "gwr", "refine": 1},
    "gwr, MTF of the sensor": {"method": "gwr", "mtf": "sensor"},
}


def rows(case: Known) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is tried on a case, by name."""
    own = {name: {"method": name} for name in catalog.names("sharpening") if ready(name, "sharpening")}
    for name, given in {**own, **MORE}.items():
        yield name, lambda given=given: earthloom.sharpen(case.fine, case.coarse, sensor=case.sensor, **given)
    pan = case.fine.mean(axis=0)
    for name in catalog.names("pansharpening"):
        if name != NONE and not catalog.is_network(name):
            yield (
                f"pansharpen {name}",
                lambda name=name: earthloom.pansharpen(pan, case.coarse, name, case.sensor),
            )


def ready(name: str, problem: str) -> bool:
    """Whether a method runs as it is: a network with weights that ship."""
    return not catalog.is_network(name, problem) or catalog.trained(name, problem)


def measured(case: Known) -> dict[str, dict[str, Any]]:
    """Figures of every row; a row that a method refuses is left out, and said."""
    found = {}
    for name, make in rows(case):
        began = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                product = make()
        except EarthloomError as error:
            print(f"  {name}: {error}", file=sys.stderr)
            continue
        found[name] = {**case.figures(np.asarray(product)), "cpu_s": time.process_time() - began}
        print(f"  {name:32} {found[name]['all']:9.4g} {found[name]['ergas']:8.4g}", flush=True)
    return found


def table(case: Known, found: dict[str, dict[str, Any]]) -> Table:
    """RMSE of every band, share of no fusion, ERGAS, SAM."""
    none = found[NONE]
    columns = [Column("method"), *(Column(f"{band} RMSE", "{:.1f}", best="min") for band in case.bands)]
    columns += [
        Column("all RMSE", "{:.1f}", best="min"), Column("of no fusion", "{:.2f}", best="min"),
        Column("worse bands", "{}"), Column("ERGAS", "{:.3g}", best="min"), Column("SAM deg", "{:.3g}", best="min"),
        Column("CPU s", "{:.1f}"),
    ]  # fmt: skip
    lines = []
    for name, row in found.items():
        worse = sum(row["bands"][band] > none["bands"][band] * (1 + 1e-9) for band in case.bands)
        lines.append([
            name, *(row["bands"][band] for band in case.bands), row["all"], row["all"] / none["all"], str(worse),
            row["ergas"], row["sam_deg"], row["cpu_s"],
        ])  # fmt: skip
    return Table(columns, lines, title=case.name, apart=(NONE,))


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="a part of a case's name; nothing is recorded then")
    asked = parser.parse_args()
    made = {}
    for case in known():
        if asked.only and asked.only not in case.name:
            continue
        print(case.name, case.fine.shape, case.coarse.shape, flush=True)
        made[key_of(case.name)] = table(case, measured(case))
    if not asked.only:
        results.record("sharpening", "known", made, NOTHING_DRAWN)


if __name__ == "__main__":
    main()
