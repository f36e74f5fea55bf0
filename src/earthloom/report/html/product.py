"""The report of one product."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.errors import EarthloomError, EarthloomWarning
from earthloom.raster.open import open_image
from earthloom.report.html.about import head_facts, how_section, in_words, quality_section, tells_agreement
from earthloom.report.html.base import Shown, shown_class
from earthloom.report.html.known import Known, known_of
from earthloom.report.html.looked import Ground, Survey
from earthloom.report.html.looks import detail_section, map_section, overview_section, quick_words
from earthloom.report.html.parts import Page, Part, Section, Text
from earthloom.report.html.sure import sure_sections
from earthloom.report.html.truth import truth_section
from earthloom.report.record import Record
from earthloom.types import Report


@dataclass(frozen=True)
class Beside:
    """What stands beside a product for its report.

    Parameters
    ----------
    look_in
        Folders where its inputs may lie.
    reference
        The truth; None without one.
    record, prepared
        Of the run that made it, where that is the one that reports: times, and the inputs as they were laid.
    """

    look_in: Sequence[str | Path] = ()
    reference: str | Path | None = None
    record: Record | None = None
    prepared: Prepared | None = None


def product_page(product: str | Path, beside: Beside, run: Run) -> Page:
    """All that there is to tell of a product.

    Raises
    ------
    EarthloomError
        If it is broken, or says nothing of how it was made. Inputs that are not there are no error.
    """
    known = known_of(product, beside.look_in, beside.record)
    kind = shown_class(known.problem)
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore", EarthloomWarning)
        prepared, why = beside.prepared, ""
        if prepared is None:
            try:
                prepared = kind(None).laid(known, stack, run)
            except EarthloomError as wrong:
                why = str(wrong)
        shown = kind(prepared)
        with _ground(known, shown) as ground:
            survey, odd = _surveyed(ground, beside.reference is not None)
            report = _judged(shown, known)
            sections = [*_pictures(known, shown, ground, survey), quality_section(known, shown, report, survey)]
            if ground is not None and survey is not None:
                sections.append(map_section(ground, survey))
            if beside.reference is not None:
                sections.insert(1, truth_section(known, beside.reference, ground, survey))
            sections += [*sure_sections(known), *shown.sections(known, ground, survey)]
    sections.append(how_section(known, shown))
    first = _summary(known, shown, report, survey, why or odd)
    return Page(
        _title(known), _lead(known, shown), [first, *sections], _data(known, report, survey),
        f"on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )  # fmt: skip


@contextmanager
def _ground(known: Known, shown: Shown) -> Iterator[Ground | None]:
    """The product and its scene, where the inputs are there."""
    if shown.prepared is None:
        yield None
        return
    with open_image(known.path) as image:
        same = image.shape == shown.prepared.scene.shape
        yield Ground(image, shown.prepared.scene, shown) if same else None


def _surveyed(ground: Ground | None, keep: bool) -> tuple[Survey | None, str]:
    """What is found by looking, or why nothing was."""
    if ground is None:
        return None, ""
    try:
        return ground.survey(keep), ""
    except EarthloomError as wrong:
        return None, str(wrong)


def _judged(shown: Shown, known: Known) -> Report | None:
    """The problem's own figures without a reference."""
    try:
        return shown.judged(known)
    except EarthloomError:
        return None


def _pictures(known: Known, shown: Shown, ground: Ground | None, survey: Survey | None) -> list[Section]:
    """Overviews, and details where there is something beside the product."""
    found = [overview_section(known, shown)]
    if ground is not None and survey is not None:
        found.append(detail_section(ground, survey))
    return found


def _summary(known: Known, shown: Shown, report: Report | None, survey: Survey | None, why: str) -> Section:
    """In words first."""
    quick = "" if tells_agreement(report) else quick_words(shown, survey)
    parts: list[Part] = [] if report is None else in_words(report)
    told = [*shown.in_short(known), *([quick] if quick else [])]
    parts += [*(Text(one, "lead") for one in told), head_facts(known)]
    if why:
        parts.append(Text(f"The inputs could not be laid beside the product again: {why}", "caution"))
    return Section("summary", "In short", parts)


def _title(known: Known) -> str:
    """Of the page."""
    return known.path.name


def _lead(known: Known, shown: Shown) -> str:
    """One sentence: what was done with what."""
    described = known.described
    name = described.card.name if described is not None else known.name.replace("_", " ")
    inputs = [f"{files[0].name}{f' and {len(files) - 1} more' if len(files) > 1 else ''}"
              for files in known.inputs.values() if files]  # fmt: skip
    listed = ", ".join(inputs[:4]) + (f" and {len(inputs) - 4} more" if len(inputs) > 4 else "")
    done = shown.called or known.problem.replace("_", " ").capitalize()
    return f"{done} by {name}, of {listed or 'arrays'}."


def _data(known: Known, report: Report | None, survey: Survey | None) -> dict[str, Any]:
    """For programs: what the page shows as numbers."""
    return {
        "product": known.path.name, "method": f"{known.problem}/{known.name}", "version": known.version,
        "parameters": dict(known.parameters), "figures": dict(known.figures), "facts": dict(known.others),
        "quality": None if report is None else report.as_dict(),
        "consistency": None if survey is None else {"product": survey.figures, "no fusion": survey.plain},
        "record": None if known.record is None else known.record.as_dict(),
        "missing": [one.name for one in known.missing],
    }  # fmt: skip
