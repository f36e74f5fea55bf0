"""Spatiotemporal fusion: the known dates, what changed since, and how the coarse images were laid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from typing import Any, ClassVar

from earthloom.engine.inputs import opened
from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.errors import MethodError
from earthloom.prepare.spatiotemporal.known import Handling, told_of
from earthloom.prepare.spatiotemporal.known import Known as Pair
from earthloom.prepare.spatiotemporal.predicting import Predicting, inputs_of
from earthloom.raster.told import Told
from earthloom.report.html.base import Shown, method_words, opened_as
from earthloom.report.html.known import Known
from earthloom.report.html.looked import Ground, Survey
from earthloom.report.html.parts import Section, Table, Text, figure


class Predicted(Shown):
    """The fine image of a date."""

    problem: ClassVar[str] = "spatiotemporal"
    verb: ClassVar[str] = "predict"
    called: ClassVar[str] = "Prediction"
    no_fusion: ClassVar[str] = "copy"
    elsewhere: ClassVar[Sequence[str]] = ("coregistration", "date")
    added_words: ClassVar[str] = "Difference from the nearest known date: large where the ground changed."
    no_fusion_words: ClassVar[str] = "the nearest known date"
    no_figures: ClassVar[str] = (
        "The coarse images lie on the fine grid: what the sensor itself saw, beside which the product could be judged, "
        "is not there. `earthloom series` judges a method on the dates that are known."
    )
    titles: ClassVar[Mapping[str, str]] = {
        "fine": "Fine, date", "coarse": "Coarse, date", "coarse_p": "Coarse, date to predict",
    }  # fmt: skip
    alike: ClassVar[Sequence[str]] = ("fine", "coarse")

    def laid(self, known: Known, stack: ExitStack, run: Run) -> Prepared:
        """All images on the fine grid, in one unit."""
        found = opened_as(known, [role for role in known.inputs if known.inputs[role]])
        if "coarse_p" not in found or not any(role.startswith("fine_") for role in found):
            raise MethodError(
                "a date of a series", "one prediction", "`earthloom report` of its folder shows all dates"
            )
        days = dates_of(known)
        numbers = sorted(int(role[5:]) for role in found if role.startswith("fine_") and role[5:].isdigit())
        pairs = [
            Pair(found[f"fine_{k}"], found[f"coarse_{k}"], days.get(f"fine_{k}"), days.get(f"coarse_{k}"),
                 found.get(f"fine_{k}_mask"), found.get(f"coarse_{k}_mask"))
            for k in numbers
        ]  # fmt: skip
        match = "regression" if "matched" in known.others or "match" in known.others else "none"
        handling = Handling(
            Told(sensor=known.sensor), Told(sensor=known.others.get("coarse_sensor")), match=match,
            ratio=self._ratio(known), coregister="auto" if self._moved(known) else "off", days_apart=366,
        )  # fmt: skip
        inputs = inputs_of(pairs, found["coarse_p"], found.get("coarse_p_mask"))
        inputs = {role: one for role, one in inputs.items() if one is not None}
        prepare = Predicting(tuple(pairs), found["coarse_p"], days.get("coarse_p"), handling)
        return prepare(opened(inputs, None, stack, told_of(inputs, handling)), run)

    def _ratio(self, known: Known) -> float | None:
        """As it was told, where the coarse images lie on the fine grid."""
        return None

    def _moved(self, known: Known) -> bool:
        """Whether a coarse image was moved."""
        moves = known.others.get("coregistration")
        return bool(isinstance(moves, dict) and moves.get("moved_px"))

    def before(self, known: Known) -> list[str]:
        """The nearest known date, and the coarse image of the date to predict."""
        days = dates_of(known)
        wanted = days.get("coarse_p")
        fine = [role for role in known.inputs if role.startswith("fine_") and not role.endswith("mask")]
        if wanted is not None:
            fine.sort(key=lambda role: abs((days[role] - wanted).days) if role in days else 10**6)
        return [role for role in (*fine[:1], "coarse_p") if known.paths(role)]

    def command(self, known: Known) -> list[str]:
        """That of one prediction, or of the series that a date is of, whose folders the product does not know."""
        if "coarse_p" in known.inputs:
            return super().command(known)
        words = ["earthloom", "series", "--fine-dir", "FINE", "--coarse-dir", "COARSE", *method_words(known)]
        return [*words, "--dates", str(known.others.get("date", "")), "-o", str(known.path.parent)]

    def told(self, known: Known) -> list[str]:
        """The pairs with their days, and the coarse image of the day."""
        days, words = dates_of(known), []
        names = {role: (files[0].path or files[0].name) for role, files in known.inputs.items() if files}
        for role, name in names.items():
            number = role.removeprefix("fine_")
            if role.startswith("fine_") and f"coarse_{number}" in names:
                words += ["--pair", name, names[f"coarse_{number}"], str(days.get(role, ""))]
        return [*words, "--coarse", names.get("coarse_p", ""), str(days.get("coarse_p", ""))]

    def sections(self, known: Known, ground: Ground | None, survey: Survey | None) -> list[Section]:
        """Dates and displacements."""
        days = dates_of(known)
        if not days:
            return []
        day = days.get("coarse_p")
        measured = known.others.get("coregistration")
        moves: Mapping[str, Any] = measured if isinstance(measured, dict) else {}
        rows = []
        for role, one in days.items():
            away = "" if day is None else f"{(one - day).days:+d}"
            moved = moves.get("moved_px", {}).get(role)
            found = moves.get("measured", {}).get(role, {})
            told = _apart(found) if isinstance(found, dict) else ""
            rows.append([self.title(role), str(one), away, told or "–", str(moved) if moved else "–"])
        heads = ["Image", "Day", "Days away", "Displacement that was measured", "Moved by, fine pixels"]
        words = "Dates far away, and a change between them, are what a prediction finds hardest."
        return [Section("dates", "Dates", [Table(heads, rows, "Known dates", numbers=False), Text(words, "note")])]


def _apart(found: Mapping[str, Any]) -> str:
    """A displacement that was measured, and how sure it is."""
    if not {"y_px", "x_px", "sigma_px"} <= set(found):
        return ""
    doubt = f", give or take {figure(found['sigma_px'], 2)}"
    return f"{float(found['y_px']):+.2f} rows, {float(found['x_px']):+.2f} columns{doubt} (fine pixels)"


def dates_of(known: Known) -> dict[str, date]:
    """Role to its day."""
    told = known.others.get("dates")
    found = {}
    for role, text in (told if isinstance(told, dict) else {}).items():
        try:
            found[role] = date.fromisoformat(str(text))
        except ValueError:
            continue
    return found
