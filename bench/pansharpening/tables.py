"""The tables of pansharpening, from the rows that its runs measure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bench.results import Column, Table, key_of

Rows = list[dict[str, Any]]
TITLES = {
    "triplets": "Reduced resolution, MATLAB protocol: WorldView-3, Pleiades, Gaofen-2 x 2 (4:1, border cut 21)",
    "landsat7": "Reduced resolution, Landsat-7, six validation scenes (2:1, six bands, Wald with MTF 0.3 / 0.15)",
    "very high resolution": "Reduced resolution, GeoEye-1, IKONOS, WorldView-2 x 2 (4:1, Wald with each sensor's MTF)",
    "gaofen2": "Reduced resolution, Gaofen-2, four patches degraded by others without an MTF (4:1)",
    "full resolution": "Full resolution, no truth: GeoEye-1, IKONOS, WorldView-2 x 2 (4:1), Landsat-7 x 2 (2:1)",
}
LOWER = ("ergas", "sam_deg", "d_lambda", "d_s", "consistency_ergas")
SHOWN = ("ergas", "sam_deg", "q2n", "scc", "psnr", "d_lambda_k", "d_s", "hqnr", "qnr", "rqnr", "consistency_ergas")
SHOWN += ("consistency_pan_detail_cc",)
WITH_TRUTH, WITHOUT = ("ergas", "sam_deg", "q2n"), ("hqnr", "consistency_ergas", "pan_detail_cc")
SPOILED = "landsat7, "
NO_FUSION = "exp"
NAME = Column("method")


def accuracy(rows: Rows) -> dict[str, Table]:
    """Means over the images of a group, ERGAS and Q2n image by image, and the published formulas beside ours."""
    made: dict[str, Table] = {}
    for group, title in TITLES.items():
        own = [row for row in rows if row["group"] == group]
        if not own:
            continue
        names, images = (list(dict.fromkeys(row[key] for row in own)) for key in ("method", "image"))
        keys = [key for key in SHOWN if key in own[0]]
        means = {n: {k: float(np.mean([r[k] for r in own if r["method"] == n])) for k in keys} for n in names}
        order = sorted(names, key=lambda n: means[n].get("ergas", -means[n].get("hqnr", 0.0)))
        columns = [Column(k, "{:.4f}", best="min" if k.startswith(LOWER) else "max") for k in keys]
        cells = [[n, *(means[n][k] for k in keys)] for n in order]
        apart = [name for name in order if name == NO_FUSION]
        made[f"means/{key_of(group)}"] = Table([NAME, *columns], cells, title, apart=apart)
        if "ergas" in keys:
            each = {(r["method"], r["image"]): r for r in own}
            lines = [[n, *([each[n, i]["ergas"], each[n, i]["q2n"]] for i in images)] for n in order]
            columns = [Column(str(image), "{:.3f} / {:.4f}") for image in images]
            caption = "ERGAS / Q2n image by image:"
            made[f"means/{key_of(group)}/each"] = Table([NAME, *columns], lines, caption=caption)
    return made | {"published": published(rows)}


def published(rows: Rows) -> Table:
    """ERGAS / Q2n of the published formulas beside those of the defaults, means of two groups."""
    columns, lines = [NAME], []
    for title in ("triplets", "Landsat-7"):
        columns += [Column(f"{title}, {which}", "{:.3f} / {:.4f}") for which in ("published", "default")]
    groups = ("triplets published", "triplets", "landsat7 published", "landsat7")
    for name in sorted({row["method"] for row in rows}):
        cells = []
        for group in groups:
            own = [r for r in rows if r["group"] == group and r["method"] == name]
            own = own or [r for r in rows if r["group"] == group.removesuffix(" published") and r["method"] == name]
            cells.append([float(np.mean([r[key] for r in own])) for key in ("ergas", "q2n")])
        lines.append([name, *cells])
    return Table(columns, lines)


def refinement(found: dict[str, Any]) -> dict[str, Table]:
    """Every method after N steps group by group, what a wrong MTF and noise do, and other solvers."""
    rows, steps = found["rows"], list(found["noise"]["0.25"])
    made = {}
    for group, title in TITLES.items():
        own = [row for row in rows if row["group"] == group and row["refine"] in steps]
        if own:
            keys = WITH_TRUTH if "ergas" in own[0] else WITHOUT
            lines = [
                [name, *_cells([r for r in own if r["method"] == name], steps, keys)]
                for name in dict.fromkeys(row["method"] for row in own)
            ]
            what = "ERGAS / SAM / Q2n"
            if keys == WITHOUT:
                what = "HQNR / consistency (ERGAS) / detail correlation with PAN"
            made[f"steps/{key_of(group)}"] = Table([NAME, *_steps(steps, 3)], lines, caption=f"{title}: {what}")
    return made | robustness(found) | solvers(rows)


def robustness(found: dict[str, Any]) -> dict[str, Table]:
    """What a wrong MTF and noise do, on Landsat-7; and how much larger the noise of the MS becomes."""
    rows, steps = found["rows"], list(found["noise"]["0.25"])
    groups = ["landsat7", *dict.fromkeys(r["group"] for r in rows if r["group"].startswith(SPOILED))]
    names = {r["method"] for r in rows if r["group"] == groups[-1]}
    lines = [
        [
            group.removeprefix(SPOILED) if group != "landsat7" else "MTF 0.3, no noise added",
            *_cells([r for r in rows if r["group"] == group and r["method"] in names], steps, ("ergas", "sam_deg")),
        ]
        for group in groups
    ]
    noise = [[gain, *each.values()] for gain, each in found["noise"].items()]
    return {
        "robustness/ms": Table(
            [Column("the MS"), *_steps(steps, 2)], lines, caption=f"ERGAS / SAM, mean of {', '.join(sorted(names))}:"
        ),
        "robustness/noise": Table(
            [Column("MTF at Nyquist"), *(Column(f"N = {n}", "{:.2f}") for n in steps)], noise,
            caption="White noise of the MS in the product, over that in the interpolated MS:",
        ),
    }  # fmt: skip


def solvers(rows: Rows) -> dict[str, Table]:
    """Other ways to solve the same equation, means over the methods that were compared."""
    kinds = [kind for kind in dict.fromkeys(r["refine"] for r in rows) if not kind.isdigit()]
    names = {r["method"] for r in rows if r["refine"] in kinds}
    lines = []
    for kind in ["0", "1", *kinds]:
        own = [r for r in rows if r["refine"] == kind and r["method"] in names]
        cells: list[Any] = ["none" if kind == "0" else f"step 1, N = {kind}" if kind.isdigit() else kind]
        for group, keys in (
            ("landsat7", WITH_TRUTH),
            ("very high resolution", WITH_TRUTH),
            ("full resolution", WITHOUT),
        ):
            cells += _cells([r for r in own if r["group"] == group], [kind], keys)
        lines.append(cells)
    heads = (
        "Landsat-7: ERGAS / SAM / Q2n",
        "very high resolution: the same",
        "full resolution: HQNR / consistency / detail",
    )
    columns = [Column("solver"), *(Column(head, " / ".join(["{:.3f}"] * 3)) for head in heads)]
    return {"solvers": Table(columns, lines)} if kinds else {}


def _steps(steps: list[str], figures: int) -> list[Column]:
    """A column for each number of steps."""
    return [Column(f"N = {n}", " / ".join(["{:.3f}"] * figures)) for n in steps]


def _cells(rows: Rows, steps: list[str], keys: Iterable[str]) -> list[list[float]]:
    """Means over images (and methods), one cell for each number of steps."""
    cells = []
    for step in steps:
        own = [row for row in rows if row["refine"] == step]
        cells.append([float(np.mean([row[key] for row in own])) for key in keys])
    return cells


def landsat8(found: Mapping[str, Mapping[str, float]]) -> dict[str, Table]:
    """The georeferenced scene."""
    columns = [
        NAME, Column("seconds", "{:.1f}"),
        Column("shift of the product against PAN (rows, columns; PAN px)", "{:+.3f}, {:+.3f}"),
        Column("consistency_ergas", "{:.3f}"), Column("hqnr", "{:.4f}"),
    ]  # fmt: skip
    lines = [
        [name, r["seconds"], [r["shift_y_px"], r["shift_x_px"]], r["consistency_ergas"], r["hqnr"]]
        for name, r in found.items()
    ]
    return {"": Table(columns, lines)}


def speed(found: Mapping[str, Any]) -> dict[str, Table]:
    """Programs side by side, and commands that should answer at once."""
    rows = found["side_by_side"]
    theirs = rows.get("gdal_pansharpen", {}).get("work_s")
    brovey = rows["brovey"]["work_s"]
    columns = [
        Column("program or method"), Column("whole s", "{:.2f}"), Column("start s", "{:.2f}"),
        Column("work s", "{:.2f}"), Column("PAN Mpx/s", "{:.0f}"), Column("x GDAL", "{:.2f}"),
        Column("time / Brovey", "{:.2f}"),
    ]  # fmt: skip
    cells = [
        [
            name, r["whole_s"], r["start_s"], r["work_s"], r["mpx_s"],
            theirs / r["work_s"] if theirs else None, r["work_s"] / brovey,
        ]
        for name, r in rows.items()
    ]  # fmt: skip
    commands = [[name, seconds] for name, seconds in found["startup"].items()]
    return {
        "programs": Table(columns, cells),
        "startup": Table([Column("command"), Column("s", "{:.3f}")], commands),
    }


def memory(found: Mapping[str, Mapping[str, float]]) -> dict[str, Table]:
    """Peak memory on a very large scene."""
    columns = [Column("run"), Column("peak GiB", "{:.2f}"), Column("s", "{:.0f}")]
    lines = [[name, row["peak_gib"], row["seconds"]] for name, row in found.items()]
    return {"": Table(columns, lines, caption="PAN 30000 x 30000 (a VRT), 4 bands:")}


def defaults(rows: Rows) -> dict[str, Table]:
    """How far every method is from the best one of each image, and where it is worse than no fusion."""
    images = list(dict.fromkeys((row["group"], row["image"]) for row in rows))
    at = {(row["group"], row["image"], row["method"]): row for row in rows}
    names = list(dict.fromkeys(row["method"] for row in rows))
    lines = [[name, *_against_the_rest(name, images, at)] for name in names]
    lines.sort(key=lambda line: line[1])
    columns = [
        NAME, Column("ERGAS over the best: mean, worst", "{:.3f}, {:.3f}"),
        Column("Q2n below the best: mean", "{:.4f}"),
        Column("images", "{}"), Column("worse than no fusion in ERGAS or Q2n", "{}"),
        Column("in the worst third by ERGAS or Q2n", "{}"),
    ]  # fmt: skip
    shown = ("auto", "gsa", NO_FUSION)
    each = [
        [
            f"{group} {image}", *(at[group, image, name]["ergas"] for name in shown),
            min(row["ergas"] for row in rows if (row["group"], row["image"]) == (group, image)),
            _shortly(at[group, image, "auto"]["chosen"]),
        ]
        for group, image in images
    ]  # fmt: skip
    heads = [Column("image"), *(Column(f"ERGAS of {name}", "{:.3f}") for name in (*shown, "the best"))]
    return {
        "methods": Table(columns, lines, apart=[NO_FUSION]),
        "images": Table([*heads, Column("auto took")], each),
    }


def _against_the_rest(name: str, images: list[tuple[str, str]], at: dict[tuple[str, str, str], Any]) -> list[Any]:
    """The cells of one method."""
    over, below, worse, last, count = [], [], 0, 0, 0
    for group, image in images:
        mine = at.get((group, image, name))
        if mine is None:
            continue
        others = [row for key, row in at.items() if key[:2] == (group, image)]
        none = at[group, image, NO_FUSION]
        over.append(mine["ergas"] / min(row["ergas"] for row in others))
        below.append(max(row["q2n"] for row in others) - mine["q2n"])
        worse += mine["ergas"] > none["ergas"] * (1 + 1e-9) or mine["q2n"] < none["q2n"] * (1 - 1e-9)
        better = [
            sum(row["ergas"] < mine["ergas"] for row in others), sum(row["q2n"] > mine["q2n"] for row in others)
        ]  # fmt: skip
        last += max(better) >= 2 * len(others) / 3
        count += 1
    return [[float(np.mean(over)), float(max(over))], float(np.mean(below)), count, int(worse), int(last)]


def _shortly(chosen: str) -> str:
    """Without the figures in brackets."""
    return re.sub(r" \([^)]*\)", "", chosen)
