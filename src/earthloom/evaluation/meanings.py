"""What figures mean, in plain words: which way is better, and what a reader may conclude."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from earthloom.types import Report


class Meaning(NamedTuple):
    """A figure: how it is called, which way is better (``higher``, ``lower``, ``zero`` or neither), what it says."""

    title: str
    better: str
    words: str


PER_BAND = ("consistency_rmse_", "consistency_bias_")  # figures of every band, which stand below the others

MEANINGS = {
    "ergas": Meaning("ERGAS", "lower", "Error over all bands relative to their brightness, by the ratio of pixels."),
    "sam_deg": Meaning("SAM (degrees)", "lower", "Angle between spectra: 0 where every colour is right."),
    "q2n": Meaning("Q2n", "higher", "Agreement of all bands together with the truth, 1 at best."),
    "uiqi": Meaning("UIQI", "higher", "Agreement in mean, contrast and structure, 1 at best."),
    "uiqi_global": Meaning("UIQI of whole bands", "higher", "The same over each band at once, 1 at best."),
    "scc": Meaning("SCC", "higher", "Agreement of edges with those of the truth, 1 at best."),
    "ssim": Meaning("SSIM", "higher", "Likeness of structure to the truth, 1 at best."),
    "psnr": Meaning("PSNR (dB)", "higher", "Largest value over error: 6 dB more is half the error."),
    "mpsnr": Meaning("Mean PSNR (dB)", "higher", "PSNR of each band, averaged."),
    "rmse": Meaning("RMSE", "lower", "Typical error, in the units of the image."),
    "mae": Meaning("MAE", "lower", "Mean size of the error, in the units of the image."),
    "cc": Meaning("Correlation", "higher", "Whether bright and dark lie where they do in the truth, 1 at best."),
    "bias": Meaning("Bias", "zero", "Mean error: 0 where the product is neither too bright nor too dark."),
    "d_lambda": Meaning("D lambda", "lower", "How much the bands relate otherwise to each other than in the MS."),
    "d_lambda_k": Meaning("D lambda K", "lower", "How far the product, made coarse again, lies from the MS."),
    "d_lambda_k_khan": Meaning("D lambda K (Khan)", "lower", "The same, by the index of Khan's protocol."),
    "d_s": Meaning("D s", "lower", "How otherwise the bands relate to the PAN than they did one scale down."),
    "d_sr": Meaning("D sr", "lower", "Share of the PAN that the bands of the product do not explain."),
    "d_rho": Meaning("D rho", "lower", "How little the detail around each pixel is like that of the PAN."),
    "qnr": Meaning("QNR", "higher", "Colour and detail together without a truth, 1 at best; it favours no fusion."),
    "hqnr": Meaning("HQNR", "higher", "Consistency with the MS and detail of the PAN together, 1 at best."),
    "rqnr": Meaning("RQNR", "higher", "As HQNR, with detail judged by how the bands explain the PAN."),
    "hallucination_percent": Meaning(
        "Hallucination (%)", "lower", "Share of the detail that no input supports; no fusion has none."
    ),
    "omission_percent": Meaning("Omission (%)", "lower", "Share of the detail expected from the PAN that is missing."),
    "displacement_ms_px": Meaning("Displacement (coarse pixels)", "lower", "How far PAN and MS lie off each other."),
    "truth_hallucination_percent": Meaning(
        "Hallucination (%)", "lower", "Share of the detail that is not in the truth."
    ),
    "truth_omission_percent": Meaning("Omission (%)", "lower", "Share of the detail of the truth that is missing."),
    "chroma_noise_percent": Meaning(
        "Colour noise (%)", "", "Grain of colour; no fusion has the least, so it is for comparing products."
    ),
    "consistency_ergas": Meaning("Consistency (ERGAS)", "lower", "The product, made coarse again, beside the MS."),
    "consistency_sam_deg": Meaning("Consistency (SAM, degrees)", "lower", "The same for the colours alone."),
    "consistency_rmse": Meaning("Consistency (RMSE)", "lower", "The same in the units of the image."),
    "consistency_bias": Meaning("Consistency (bias)", "zero", "Whether the product is too bright or too dark."),
    "consistency_pan_detail_cc": Meaning("Detail of the PAN", "higher", "Likeness of fine detail to that of the PAN."),
    "before_percent": Meaning("Residual before refining (%)", "lower", "Distance from what was seen before refining."),
    "after_percent": Meaning("Residual after refining (%)", "lower", "Distance from what was seen after refining."),
    "cloud_percent": Meaning("Under clouds (%)", "", "Share of the image that was replaced."),
    "unfilled_percent": Meaning("Left empty (%)", "lower", "Share of the image that nothing shows clear."),
    "dated_percent": Meaning("Filled from other dates (%)", "", "Share of what lay under clouds."),
    "radar_percent": Meaning("Filled by radar (%)", "", "Share of what lay under clouds."),
    "around_percent": Meaning("Filled from around (%)", "", "Share of what lay under clouds: a guess by its rim."),
    "rmse_percent": Meaning(
        "Distance from what was seen (%)", "lower",
        "The product blurred and sampled as the coarse sensor does it, beside what that sensor saw.",
    ),
    "bias_percent": Meaning("Bias of that (%)", "zero", "0 where the product is neither too bright nor too dark."),
    "confidence": Meaning("Confidence", "higher", "How near and how like known dates are, 1 at best: no error bar."),
    "valid_percent": Meaning("Filled (%)", "higher", "Share of the image that holds numbers."),
    "seam": Meaning("Seam", "lower", "Step where what pixels are made of changes, over that beside it: 1 is unseen."),
    "change_percent": Meaning("Change of the bands (%)", "", "How much the numbers differ from those of the source."),
    "mean_change_percent": Meaning("Mean change (%)", "", "Whether the bands became brighter or darker."),
    "detail_percent": Meaning("Detail added (%)", "", "Typical difference from no fusion, relative to the contrast."),
}  # fmt: skip
GROUPS = {
    "Spectra: agreement with the MS": (
        "consistency_ergas", "consistency_sam_deg", "consistency_rmse", "consistency_bias", "d_lambda_k",
        "d_lambda_k_khan", "d_lambda",
    ),
    "Detail: agreement with the PAN": (
        "omission_percent", "consistency_pan_detail_cc", "d_s", "d_sr", "d_rho", "displacement_ms_px",
    ),
    "Without support": ("hallucination_percent", "chroma_noise_percent"),
    "All in one": ("hqnr", "rqnr", "qnr"),
    "Against the truth": (
        "ergas", "sam_deg", "q2n", "psnr", "mpsnr", "ssim", "scc", "uiqi", "uiqi_global", "cc", "rmse", "mae",
        "truth_omission_percent", "truth_hallucination_percent",
    ),
}  # fmt: skip
OF_A_BAND = ("psnr_band_", *PER_BAND)
KEY = (
    "consistency_ergas", "consistency_sam_deg", "omission_percent", "consistency_pan_detail_cc",
    "hallucination_percent", "hqnr",
)  # fmt: skip
BY_NATURE = ("d_lambda", "hallucination_percent")  # no fusion has the best of these: they tell nothing beside it
UNITS = ("rmse", "mae", "bias", "consistency_rmse", "consistency_bias")  # beginnings of figures in those of the image
DIGITS, PERCENT_DIGITS = 6, 4  # behind the point of others: what is smaller is nothing
ENOUGH = 0.02  # of a figure: what differs less is as good
SENSES = {"higher": "higher", "lower": "lower", "zero": "to 0"}  # how they are said in a table


def meaning(name: str) -> Meaning:
    """Of a figure; one that nobody described is called by its name."""
    return MEANINGS.get(name, Meaning(name.replace("_", " "), "", ""))


def spoken(text: str, called: Mapping[str, str]) -> str:
    """Words about PAN and MS as a report calls its images; ``called`` is empty where these are its names."""
    for name, other in called.items():
        text = re.sub(rf"\b(?:the )?{name}\b", other, text)
    return text


def settled(name: str, value: float) -> float:
    """A figure as it is shown: what is nothing but rounding is 0, unless it has the units of the image."""
    if name.startswith(UNITS) or value != value:
        return value
    return round(value, PERCENT_DIGITS if name.endswith("_percent") else DIGITS) + 0.0


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Figures under the heads of their groups; those that belong to none come last, without a head."""
    left = list(names)
    found = {head: [name for name in group if name in left] for head, group in GROUPS.items()}
    found[""] = [name for name in left if not any(name in group for group in GROUPS.values())]
    return {head: group for head, group in found.items() if group}


def is_better(name: str, value: float, other: float) -> bool | None:
    """Whether one value is better than another; None where neither is, or nobody can tell."""
    better = meaning(name).better
    if not better or name in BY_NATURE or value != value or other != other:
        return None
    if better == "zero":
        value, other = abs(value), abs(other)
    if abs(value - other) <= ENOUGH * max(abs(value), abs(other)):
        return None
    return (value > other) == (better == "higher")


def best(name: str, values: Mapping[str, float]) -> str | None:
    """Who has the best value of a figure; None where it has no best."""
    better = meaning(name).better
    known = {who: abs(value) if better == "zero" else value for who, value in values.items() if value == value}
    if not better or not known:
        return None
    return (max if better == "higher" else min)(known, key=lambda who: known[who])


def verdict(report: Report) -> str:
    """A report in words first: its own lines, or what the product gains over no fusion; empty without such a row."""
    if report.verdict:
        return "\n".join(map(str, report.verdict))
    others = [name for name in report.rows if name != "product"]
    if "product" not in report.rows or len(others) != 1:
        return ""
    plain, product = report.rows[others[0]], report.rows["product"]
    judged = {name: is_better(name, product[name], plain[name]) for name in product if name in plain}
    gains = [meaning(name).title for name, better in judged.items() if better and name in MEANINGS]
    losses = [meaning(name).title for name, better in judged.items() if better is False and name in MEANINGS]
    beside = others[0].partition(" (")[0]
    if not gains and not losses:
        return f"No figure tells the product from {beside}, no fusion at all."
    if not losses:
        return f"Better than {beside}, no fusion at all, in every figure that tells them apart: {_listed(gains)}."
    if not gains:
        return f"No better than {beside}, no fusion at all, in any figure: look at the picture before it is used."
    return f"Better than {beside}, no fusion at all, in {_listed(gains)}; worse in {_listed(losses)}."


def _listed(words: list[str], most: int = 5) -> str:
    """Some words as a list."""
    shown = words if len(words) <= most else [*words[:most], f"{len(words) - most} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def rows_of(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Names of the figures that rows hold and that are worth a line, by group: none of a single band."""
    names = dict.fromkeys(name for row in rows.values() for name in row if not name.startswith(OF_A_BAND))
    return [name for group in grouped(names).values() for name in group]
