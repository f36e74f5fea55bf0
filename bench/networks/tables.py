"""Tables of the networks for BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Table = Callable[[list[str], list[list[str]]], str]
Rows = list[dict[str, Any]]
TRUTH = ("ergas", "sam_deg", "q2n", "scc")
FULL = ("hqnr", "d_lambda_k", "d_s", "consistency_ergas", "consistency_pan_detail_cc", "covered_detail_cc")
LOWER = ("ergas", "sam_deg", "d_lambda", "d_s", "consistency_ergas")
NO_FUSION = "exp"


def means(rows: Rows, keys: tuple[str, ...], table: Table, each: str | None = None) -> str:
    """Means over the images of a group, best first and bold; ``each`` adds that figure image by image."""
    images, methods = (list(dict.fromkeys(r[key] for r in rows)) for key in ("image", "method"))
    keys = tuple(key for key in keys if key in rows[0])
    found: dict[str, dict[str, float]] = {}
    for method in methods:
        own = [r for r in rows if r["method"] == method]
        if len(own) == len(images):  # a method that cannot do every image has no mean to compare
            found[method] = {key: float(np.mean([r[key] for r in own])) for key in keys}
    best = {k: (min if k.startswith(LOWER) else max)(m[k] for n, m in found.items() if n != NO_FUSION) for k in keys}
    order = sorted(found, key=lambda n: found[n][keys[0]] * (1 if keys[0].startswith(LOWER) else -1))
    head = ["method", *(k.removeprefix("consistency_pan_") for k in keys)]
    lines = [[n, *(_cell(found[n][k], best[k]) for k in keys)] for n in order]
    if each is not None and len(images) > 1:
        head += [f"{each} {image}" for image in images]
        value = {(r["method"], r["image"]): r[each] for r in rows}
        lines = [[*line, *(f"{value[n, image]:.3f}" for image in images)] for n, line in zip(order, lines, strict=True)]
    return table(head, lines)


def _cell(value: float, best: float) -> str:
    """Three or four figures, bold when best."""
    text = f"{value:.4f}" if abs(value) < 1 else f"{value:.3f}"
    return f"**{text}**" if value == best else text


def cost(rows: Rows, table: Table) -> str:
    """Parameters, time and memory."""
    names = list(dict.fromkeys(r["method"] for r in rows))
    value = {(r["method"], r["image"]): r for r in rows}
    lines = [
        [
            name, f"{value[name, 'float32']['parameters'] / 1e3:.0f} k",
            *(f"{value[name, kind]['ms_per_mp']:.0f}" for kind in ("float32", "bfloat16")),
            *(f"{value[name, kind]['memory_mb']:.0f}" for kind in ("float32", "bfloat16")),
        ]
        for name in names
    ]  # fmt: skip
    head = ["network", "parameters", "ms / Mpx float32", "ms / Mpx bfloat16", "MB float32", "MB bfloat16"]
    return table(head, lines)


def adapted(rows: Rows, table: Table) -> str:
    """Adaptation: the held-out quarter one scale down, and the same scene at full resolution."""
    parts = []
    for image in dict.fromkeys(r["image"] for r in rows):
        own = [r for r in rows if r["image"] == image]
        wanted = next(r["wanted_ergas"] for r in own if "wanted_ergas" in r)
        parts.append(
            f"{image} (asked: ERGAS {wanted:g} on the held-out quarter)\n\n{means(own, TRUTH[:2] + FULL, table)}"
        )
    return "\n\n".join(parts)


def networks(found: dict[str, Rows], table: Table) -> dict[str, str]:
    """The sections that were measured."""
    made: dict[str, str] = {}
    for group, keys in (("landsat7", TRUTH), ("gaofen2", TRUTH), ("triplets", TRUTH), ("full", FULL)):
        if group in found:
            made[f"networks_{group}"] = means(found[group], keys, table, "ergas" if keys is TRUTH else None)
    if "speed" in found:
        made["networks_speed"] = cost(found["speed"], table)
    own = [row for name, rows in found.items() if name.startswith("adapt_") for row in rows]
    if own:
        made["networks_adapt"] = adapted(own, table)
    for group in ("ablation", "hyperspectral", "generic"):
        if group in found:
            parts = []
            rows = found[group]
            for image in dict.fromkeys(r["image"] for r in rows) if group == "hyperspectral" else [None]:
                own = [r for r in rows if image is None or r["image"] == image]
                title = f"{image}\n\n" if image else ""
                parts.append(title + means(own, TRUTH, table, "ergas" if image is None else None))
            made[f"networks_{group}"] = "\n\n".join(parts)
    return made
