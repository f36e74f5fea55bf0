"""Real clouds: every method on the ten SEN12MS-CR triplets; recorded in bench/cloud_removal/results.json.

python -m bench.cloud_removal.triplets

The network (``python -m bench.cloud_removal.train before unseen``) has seen none of the ten; ``tuned`` are two that
went on with the triplets of other places (``... train F CDEI``). Where a method refuses a triplet, it stays as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from bench import results
from bench.cloud_removal.cases import PEAK, SAR, Case, figures
from bench.cloud_removal.real import FOLDS, PLACES, cases, triplets
from bench.cloud_removal.train import UNSEEN, folder
from bench.recipes import started
from bench.report import markdown
from bench.results import Column, Table
from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.wrappers.keeping import Keeping
from earthloom.metrics import psnr
from earthloom.problems.cloud_removal import clouded

PARTS, THIN = 3, 2000  # classes of uncertainty, and pixels of a triplet that fit it
ALL, UNDER = ("all_psnr", "all_ssim", "all_sam_deg", "all_mae"), ("psnr", "sam_deg")
INPUT = "cloudy input"
NETWORK, EVERYWHERE = "cloud_unet", ", everywhere"
PEERS = {  # printed in the README of the data: means of ALL and UNDER, and PSNR of each triplet over all pixels
    "peer: regina": (
        (26.14, 0.800, 13.69, 385, 25.43, 14.21),
        (20.67, 35.14, 27.38, 22.59, 26.84, 22.81, 23.54, 22.97, 28.50, 31.00),
    ),
    "peer: gen": (
        (23.75, 0.634, 17.21, 510, 23.01, 18.05),
        (18.36, 28.64, 24.74, 22.17, 24.77, 22.78, 22.76, 22.01, 25.24, 25.99),
    ),
    "peer: residual": (
        (26.27, 0.812, 12.65, 367, 25.89, 13.35),
        (21.19, 33.18, 26.07, 23.00, 27.44, 23.00, 23.89, 22.74, 28.31, 33.88),
    ),
}  # fmt: skip
TITLE = "Real clouds: ten SEN12MS-CR triplets of five places"
CAPTION = (
    "`peer` are three networks of another repository as its author applied them to these triplets, trained on "
    "SEN12MS-CR; they write every pixel, and so do rows with `everywhere` (`--replace-all`). `refused`: triplets of "
    "which too little is clear, counted as they are. `cloud_unet` has seen none of these places; `tuned` went on with "
    "the triplets of other places (C, D, E, I for F; F for those)."
)


@dataclass(frozen=True)
class Way:
    """One row: a method, its fields, and whether it writes every pixel."""

    method: str
    fields: dict[str, Any] = field(default_factory=dict)
    everywhere: bool = False
    tuned: bool = False


WAYS = {
    "inpaint": Way("inpaint"),
    "sar_regression": Way("sar_regression"),
    NETWORK: Way(NETWORK),
    f"{NETWORK}{EVERYWHERE}": Way(NETWORK, everywhere=True),
    f"{NETWORK}, 8 ways": Way(NETWORK, {"ensemble": True}),
    f"{NETWORK}, 8 ways{EVERYWHERE}": Way(NETWORK, {"ensemble": True}, True),
    f"{NETWORK}, tuned{EVERYWHERE}": Way(NETWORK, everywhere=True, tuned=True),
}


@dataclass(frozen=True)
class Sure:
    """What the network said of its error under the mask of a triplet, and the error, as reflectance x 10000."""

    name: str
    said: np.ndarray
    error: np.ndarray


def fold_of(name: str) -> str:
    """The fold of a triplet, by its place."""
    return next(fold for fold, places in FOLDS.items() if PLACES[name] in places)


def made(case: Case, way: Way) -> tuple[np.ndarray, np.ndarray | None] | None:
    """What a method makes of every pixel, and how far off it says it is; None where it refuses.

    Its weights have not seen the triplet.
    """
    run = fold_of(case.name) if way.tuned else UNSEEN
    weights = {"weights": str(folder(run))} if way.method == NETWORK else {}
    method = Keeping(catalog.make(way.method, "cloud_removal", **way.fields, **weights), replace_all=True)
    try:
        method.check(case.obs, case.obs.shape)
        ready = method.ready(case.obs)
        image, _, off = ready.fuse_judged(case.obs, ready.summarise(case.obs, None))
    except MethodError:
        return None
    return np.clip(image, 0, PEAK), off


def measured(case: Case) -> tuple[list[dict[str, Any]], Sure]:
    """Rows of one triplet, and how sure the network is; reflectance ends at 0 and 1, as in the figures of others."""
    cloud, cloudy = clouded(case.obs), np.clip(case.obs["optical"].data, 0, PEAK)
    about = {"image": case.name, "cloud": float(cloud.mean())}
    rows = [{**about, "method": INPUT, "refused": False, **figures(case, cloudy)}]
    found: dict[str, Any] = {}
    for row, way in WAYS.items():
        key = row.removesuffix(EVERYWHERE)
        if key not in found:
            found[key] = made(case, way)
        image = cloudy if found[key] is None else found[key][0]
        shown = image if way.everywhere else np.where(cloud, image, cloudy)
        rows.append({**about, "method": row, "refused": found[key] is None, **figures(case, shown)})
    image, said = found[f"{NETWORK}, 8 ways"]
    return rows, Sure(case.name, said[cloud], np.abs(image - case.truth).mean(axis=0)[cloud])


def summary(rows: list[dict[str, Any]]) -> dict[str, Table]:
    """Means over the triplets, and the PSNR of each."""
    names = list(dict.fromkeys(row["method"] for row in rows))
    own = {name: [row for row in rows if row["method"] == name] for name in names}
    lines: list[list[Any]] = [
        [name, *(float(np.mean([r[c] for r in own[name]])) for c in (*ALL, *UNDER)),
         float(sum(r["refused"] for r in own[name]))] for name in names
    ]  # fmt: skip
    lines += [[name, *means, 0.0] for name, (means, _) in PEERS.items()]
    best = {c: "max" if c.endswith(("psnr", "ssim")) else "min" for c in (*ALL, *UNDER)}
    digits = {c: 4 if c.endswith("ssim") else 1 if c.endswith("mae") else 2 for c in (*ALL, *UNDER)}
    columns = [Column(c, f"{{:.{digits[c]}f}}", best=best[c]) for c in (*ALL, *UNDER)]
    apart = (INPUT, *PEERS)
    images = [[name, *(r["all_psnr"] for r in own[name])] for name in names]
    images += [[name, *each] for name, (_, each) in PEERS.items()]
    heads = [Column(f"{name} ({place})", "{:.2f}", best="max") for name, place in PLACES.items()]
    return {
        "means": Table([Column("method"), *columns, Column("refused", "{:.0f}")], lines, TITLE, CAPTION, apart),
        "images": Table(
            [Column("method"), *heads], images, "PSNR over all pixels of each triplet (and its place)", "", apart
        ),
    }


def line(found: Sequence[Sure]) -> tuple[float, float]:
    """c and g of ``c said^g`` that make the errors likeliest by Laplace, triplets counting alike; in reflectance."""
    logs = [np.log(one.said[:: len(one.said) // THIN + 1] / PEAK) for one in found]
    errors = [one.error[:: len(one.error) // THIN + 1] / PEAK for one in found]

    def unlikely(both: np.ndarray) -> float:
        told = [both[0] + both[1] * log for log in logs]
        return float(np.mean([np.mean(e * np.exp(-t) + t) for e, t in zip(errors, told, strict=True)]))

    shift, power = minimize(unlikely, np.array([0.0, 1.0]), method="Nelder-Mead").x
    return float(np.exp(shift)), float(power)


def calibration(found: Sequence[Sure]) -> dict[str, Table]:
    """Error by what was said, brought to errors by the line of the other places."""
    by_fold = {fold: line([one for one in found if fold_of(one.name) == fold]) for fold in FOLDS}
    other = dict(zip(FOLDS, reversed(FOLDS), strict=True))
    whole = line(found)
    rows: list[list[Any]] = []
    told = {}
    for kind, lines in (("places apart", {f: by_fold[other[f]] for f in FOLDS}), ("all", dict.fromkeys(FOLDS, whole))):
        parts = [(lines[fold_of(one.name)], one) for one in found]
        said = np.concatenate([PEAK * c * (one.said / PEAK) ** g for (c, g), one in parts])
        error = np.concatenate([one.error for one in found])
        classes = np.searchsorted(np.quantile(said, np.arange(1, PARTS) / PARTS), said, side="right")
        columns = (said, error, 100.0 * (error <= 2 * said))
        rows += [
            [f"{kind}, {part + 1} of {PARTS}", *(float(one[classes == part].mean()) for one in columns)]
            for part in range(PARTS)
        ]
        told[kind] = np.corrcoef(said, error)[0, 1]
    heads = [Column("pixels under the mask, by what is said"), *(Column(n, "{:.0f}") for n in ("said", "error"))]
    caption = (
        "Expected absolute error (mean of the bands, reflectance x 10000) as the network says it, and what it is. What "
        "it says, b, becomes `c b^g`; `places apart`: c and g fitted on the other places than those they are used on; "
        "`all`: on all, as it is shipped. Correlation over all pixels "
        f"{told['places apart']:.2f} and {told['all']:.2f}."
    )
    title = "How sure it is: error of the network by the uncertainty that it gives"
    return {"sure": Table([*heads, Column("within twice that, %", "{:.0f}")], rows, title, caption)}


def harm() -> dict[str, Table]:
    """What is clear stays: the clear images as they are, nothing masked, and lightly clouded ones."""
    rows: list[list[Any]] = []
    for seen in triplets():
        obs = replace(seen, cloudy=seen.clear).observe(np.zeros_like(seen.mask))
        case = Case("clear", seen.name, obs, seen.clear)
        kept = fuse_array(Keeping(catalog.make(NETWORK, "cloud_removal", weights=str(folder(UNSEEN)))), ArrayScene(obs))
        everywhere = made(case, WAYS[f"{NETWORK}{EVERYWHERE}"])
        assert everywhere is not None
        changed = float(np.abs(kept.data - seen.clear).max())
        rows.append([seen.name, changed, float(psnr(everywhere[0], seen.clear, PEAK))])
    columns = [Column("clear image"), Column("largest change", "{:.0f}"), Column("PSNR, everywhere", "{:.2f}")]
    caption = "With nothing masked nothing changes; with `--replace-all` every pixel is the network's."
    return {"harm": Table(columns, rows, "What is clear stays: ten clear images of places it never saw", caption)}


def main(_: list[str]) -> None:
    """Measure and record."""
    if not SAR.is_dir():
        sys.exit(f"{SAR} is not there; set EARTHLOOM_SHARED")
    rows, said = [], []
    for case in cases():
        one, sure = measured(case)
        rows, said = [*rows, *one], [*said, sure]
        print(case.name, *(f"{r['method']} {r['all_psnr']:.2f}/{r['psnr']:.2f}" for r in rows[-len(WAYS) - 1 :]))
    found = summary(rows) | calibration(said) | harm()
    print("\n\n".join(["", *map(markdown, found.values())]))
    results.record("cloud_removal", "triplets", found, results.NOTHING_DRAWN)


if __name__ == "__main__":
    started(main)
