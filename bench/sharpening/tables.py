"""The tables of sharpening, from the rows that its run measures."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.results import Column, Table, key_of

Rows = list[dict[str, Any]]
NO_FUSION, FEW = "exp", 12
SINGLE = "pan: "  # begins the name of a method that was given the mean of the guides


def name_of(row: dict[str, Any]) -> str:
    """A method; of pansharpening, with what it was given."""
    return row["method"] if row["problem"] == "sharpening" else SINGLE + row["method"]


def judged(rows: Rows) -> dict[str, Table]:
    """One table for every case, and one over all of them."""
    made = {"summary": summary(rows)}
    for case in dict.fromkeys(row["case"] for row in rows):
        made[f"cases/{key_of(case)}"] = one(case, [row for row in rows if row["case"] == case])
    return made


def none_of(rows: Rows) -> dict[str, Any]:
    """The row of no fusion."""
    return next(row for row in rows if name_of(row) == NO_FUSION)


def one(case: str, rows: Rows) -> Table:
    """RMSE over all bands and of each, ERGAS and SAM; of many bands the quartiles of RMSE over that of no fusion."""
    none = none_of(rows)
    order = sorted(rows, key=lambda row: row["rmse"])
    columns = [
        Column("method"), Column("RMSE", "{:.1f}", best="min"), Column("over no fusion", "{:.3f}"),
        Column("ERGAS", "{:.3f}", best="min"), Column("SAM deg", "{:.3f}", best="min"),
        Column("bands worse than no fusion", "{:.0f}"),
    ]  # fmt: skip
    few = len(none["bands"]) <= FEW
    if few:
        columns += [Column(band, "{:.1f}", best="min") for band in none["bands"]]
    else:
        columns += [Column("RMSE of a band over no fusion: least, median, most", "{:.2f}, {:.2f}, {:.2f}")]
    lines = []
    for row in order:
        share = np.array(row["each"]) / np.array(none["each"])
        beside = row["each"] if few else [[float(x) for x in (share.min(), np.median(share), share.max())]]
        worse = int((share > 1 + 1e-9).sum())
        lines.append([
            name_of(row), row["rmse"], row["rmse"] / none["rmse"], row["ergas"], row["sam_deg"], worse, *beside
        ])  # fmt: skip
    return Table(columns, lines, case, apart=[NO_FUSION])


def summary(rows: Rows) -> Table:
    """RMSE over that of no fusion: mean over the cases and the worst one, and bands that are worse."""
    known: dict[str, list[tuple[float, float, int]]] = {}
    for case in dict.fromkeys(row["case"] for row in rows):
        own = [row for row in rows if row["case"] == case]
        none = none_of(own)
        for row in own:
            share = np.array(row["each"]) / np.array(none["each"])
            known.setdefault(name_of(row), []).append(
                (row["rmse"] / none["rmse"], float(share.max()), int((share > 1 + 1e-9).sum()))
            )
    columns = [
        Column("method"), Column("cases", "{:.0f}"), Column("RMSE over no fusion, mean", "{:.3f}", best="min"),
        Column("worst case", "{:.3f}", best="min"), Column("worst band", "{:.3f}", best="min"),
        Column("bands worse than no fusion", "{:.0f}", best="min"),
    ]  # fmt: skip
    lines = [
        [
            name, len(found), float(np.mean([one[0] for one in found])), max(one[0] for one in found),
            max(one[1] for one in found), sum(one[2] for one in found),
        ]
        for name, found in known.items()
    ]  # fmt: skip
    lines.sort(key=lambda line: line[2])
    return Table(columns, lines, "All cases", apart=[NO_FUSION])


def native(scene: str, gain: float, rows: Rows) -> Table:
    """One scene without a truth: the residual in the coarse bands, and the detail."""
    none = np.array(none_of(rows)["each"])
    bands = none_of(rows)["bands"] if len(none) <= FEW else []
    columns = [
        Column("method"), Column("residual over no fusion", "{:.2f}", best="min"),
        Column("worst band", "{:.2f}", best="min"), Column("ERGAS of the residual", "{:.3f}", best="min"),
        Column("SAM deg", "{:.3f}", best="min"), Column("detail added, of the spread", "{:.2f}"),
        Column("detail that the guides' mean has, cc", "{:.2f}"),
        *(Column(band, "{:.1f}", best="min") for band in bands),
    ]  # fmt: skip
    lines = []
    for row in rows:
        each = np.array(row["each"])
        over = float(np.sqrt((each**2).sum() / (none**2).sum()))
        lines.append([
            name_of(row), over, float((each / none).max()), row["ergas"], row["sam_deg"], row["added"],
            row["detail_cc"], *(row["each"] if bands else []),
        ])  # fmt: skip
    lines.sort(key=lambda line: line[1])
    return Table(columns, lines, scene, f"Gain at Nyquist: {gain:.2f}.", apart=[NO_FUSION])
