"""What figures come to, in a few lines: spectra, detail, displacement, hallucination, each good, fair or poor.

The bounds are ours, and hold for the truth: where it stands beside PAN and MS, no line may call it poor. Much of its
detail is in neither (28 to 54 %, docs/metrics.md), as is that of a mottled product (24 to 37 %): no bound tells
texture from mottle, so that line says what there is, and to look.
"""

from __future__ import annotations

from collections.abc import Mapping

from earthloom.evaluation.meanings import is_better
from earthloom.types import Verdict

Figures = Mapping[str, float]
GOOD, FAIR, POOR, LOOK = "good", "fair", "poor", "look"
SPECTRA = (0.8, 1.05)  # distance from the MS over that of no fusion, up to which it is good, and fair
LACKING = (30.0, 50.0)  # percent of the expected detail; the truth lacks 7 to 28
DISPLACED = (0.25, 0.5)  # MS pixels; above the first pansharpen warns
UNSUPPORTED = 10.0  # percent of all detail, from which on an eye should judge
ANGLE = (3.0, 6.0)  # degrees between spectra and the truth
NOT_IN_TRUTH = (35.0, 60.0)  # percent of all detail; half the truth's own detail shows in no PAN
LEFT = (0.8, 1.05)  # error under clouds over that of inpainting


def grade(value: float, bounds: tuple[float, float]) -> str:
    """Good up to the first bound, fair up to the second, poor above and where nothing is known."""
    return GOOD if value <= bounds[0] else FAIR if value <= bounds[1] else POOR


def without_reference(
    figures: Figures, plain: Figures, ratio: float, guide: str = "PAN", coarse: str = "MS"
) -> tuple[Verdict, ...]:
    """Of a product beside no fusion, from what was seen alone.

    Parameters
    ----------
    figures, plain
        Of the product, and of no fusion.
    ratio
        MS over PAN pixel size: ERGAS divides by it.
    guide, coarse
        How the images are called.
    """
    off, off_plain = figures["consistency_ergas"] * ratio, plain["consistency_ergas"] * ratio
    spectra = grade(off / off_plain if off_plain > 0 else 1.0, SPECTRA)
    words = f"{off:.2g} % off the {coarse}{_plain(f'{off_plain:.2g} %')}"
    lines = [Verdict("spectra", spectra, words, is_better("consistency_ergas", off, off_plain))]
    if "omission_percent" in figures:
        lack = figures["omission_percent"]
        words = f"{100 - lack:.0f} % of what {guide} promised{_plain(f'{_had(plain):.0f} %')}"
        about = "detail of PAN" if guide == "PAN" else "detail"
        better = is_better("omission_percent", lack, plain.get("omission_percent", 100.0))
        lines.append(Verdict(about, grade(lack, LACKING), words, better))
    if "displacement_ms_px" in figures:
        apart = figures["displacement_ms_px"]
        words = f"{guide} and {coarse} lie {apart:.2f} coarse pixels off each other"
        lines.append(Verdict("displacement", grade(apart, DISPLACED), words))
    if "hallucination_percent" in figures:
        lines.append(_hallucination(figures["hallucination_percent"], guide, coarse))
    return tuple(lines)


def _plain(value: str) -> str:
    """The same without fusion, so that nobody takes it for a share of it."""
    return f" ({value} without fusion)"


def _had(plain: Figures) -> float:
    """Percent of the expected detail that no fusion has."""
    return 100 - plain.get("omission_percent", 100.0)


def _hallucination(share: float, guide: str, coarse: str) -> Verdict:
    """What no input supports: the figure cannot tell the texture of the ground from mottle."""
    words = f"{share:.0f} % of detail is in neither {guide} nor {coarse}"
    if share <= UNSUPPORTED:
        return Verdict("hallucination", GOOD, words)
    return Verdict("hallucination", LOOK, f"{words}: texture or mottle")


def against(figures: Figures, plain: Figures | None = None) -> tuple[Verdict, ...]:
    """Of a product against the truth, perhaps beside no fusion."""

    lines = []
    for name, about, bounds, words, of in (
        ("sam_deg", "spectra", ANGLE, "{:.2g} degrees off the truth", lambda value: value),
        ("truth_omission_percent", "detail", LACKING, "{:.0f} % of that of the truth is there", _rest),
        ("truth_hallucination_percent", "hallucination", NOT_IN_TRUTH, "{:.0f} % of detail is not in the truth", round),
    ):
        if name in figures:
            value, other = figures[name], None if plain is None else plain.get(name)
            unit = " %" if name.endswith("_percent") else " degrees"
            beside = "" if other is None else _plain(f"{of(other):.2g}{unit}")
            better = None if other is None else is_better(name, value, other)
            lines.append(Verdict(about, grade(value, bounds), f"{words.format(of(value))}{beside}", better))
    return tuple(lines)


def _rest(percent: float) -> float:
    """What is there, of what is missing."""
    return 100 - percent


def under_clouds(figures: Figures, inpainted: Figures, cloudy: Figures) -> tuple[Verdict, ...]:
    """Of a product under clouds, beside filling from the surroundings and beside the clouds themselves."""
    error, filled = figures["rmse"], inpainted["rmse"]
    told = grade(error / filled if filled > 0 else 1.0, LEFT)
    words = f"error {error:.3g} under them, inpainting {filled:.3g}, the cloudy image {cloudy['rmse']:.3g}"
    return (Verdict("clouds removed", told, words),)
