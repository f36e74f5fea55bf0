"""The tables of the networks, from the rows of `python -m bench.networks.rows`."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.results import Column, Table, key_of

Rows = list[dict[str, Any]]
TRUTH = ("ergas", "sam_deg", "q2n", "scc")
FULL = ("hqnr", "d_lambda_k", "d_s", "consistency_ergas", "consistency_pan_detail_cc", "covered_detail_cc")
LOWER = ("ergas", "sam_deg", "d_lambda", "d_s", "consistency_ergas")
NO_FUSION = "exp"


def means(rows: Rows, keys: tuple[str, ...], each: str | None = None, caption: str = "") -> Table:
    """Means over the images of a group, best first; ``each`` adds that figure image by image."""
    images, methods = (list(dict.fromkeys(r[key] for r in rows)) for key in ("image", "method"))
    keys = tuple(key for key in keys if key in rows[0])
    found: dict[str, dict[str, float]] = {}
    for method in methods:
        own = [r for r in rows if r["method"] == method]
        if len(own) == len(images):  # a method that cannot do every image has no mean to compare
            found[method] = {key: float(np.mean([r[key] for r in own])) for key in keys}
    order = sorted(found, key=lambda n: found[n][keys[0]] * (1 if keys[0].startswith(LOWER) else -1))
    columns = [Column("method"), *(_figure(key) for key in keys)]
    lines = [[n, *(found[n][k] for k in keys)] for n in order]
    if each is not None and len(images) > 1:
        columns += [Column(f"{each} {image}", "{:.3f}") for image in images]
        value = {(r["method"], r["image"]): r[each] for r in rows}
        lines = [[*line, *(value[n, image] for image in images)] for n, line in zip(order, lines, strict=True)]
    return Table(columns, lines, caption=caption, apart=[name for name in order if name == NO_FUSION])


def _figure(key: str) -> Column:
    """A column of three or four figures."""
    best = "min" if key.startswith(LOWER) else "max"
    return Column(key.removeprefix("consistency_pan_"), "{:.3f}", "{:.4f}", best)


def cost(rows: Rows) -> Table:
    """Parameters, time and memory."""
    names = list(dict.fromkeys(r["method"] for r in rows))
    value = {(r["method"], r["image"]): r for r in rows}
    kinds = ("float32", "bfloat16")
    lines = [
        [
            name, value[name, "float32"]["parameters"] / 1e3, *(value[name, kind]["ms_per_mp"] for kind in kinds),
            *(value[name, kind]["memory_mb"] for kind in kinds),
        ]
        for name in names
    ]  # fmt: skip
    columns = [Column("network"), Column("parameters", "{:.0f} k")]
    columns += [Column(f"{what} {kind}", "{:.0f}") for what in ("ms / Mpx", "MB") for kind in kinds]
    return Table(columns, lines)


def networks(group: str, rows: Rows) -> dict[str, Table]:
    """The tables of a group."""
    if group == "speed":
        return {"": cost(rows)}
    if group == "full":
        return {"": means(rows, FULL)}
    if group.startswith("adapt"):  # the held-out quarter one scale down, and the same scene at full resolution
        wanted = next(r["wanted_ergas"] for r in rows if "wanted_ergas" in r)
        caption = f"{rows[0]['image']} (asked: ERGAS {wanted:g} on the held-out quarter)"
        return {"": means(rows, TRUTH[:2] + FULL, caption=caption)}
    if group in ("hyperspectral", "released"):
        images = dict.fromkeys(r["image"] for r in rows)
        own = {image: [r for r in rows if r["image"] == image] for image in images}
        return {key_of(image): means(of, TRUTH, caption=image) for image, of in own.items()}
    return {"": means(rows, TRUTH, "ergas")}
