"""Sections of words and tables: what was done, with what, how well."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from earthloom.evaluation.meanings import SENSES, is_better, meaning, rows_of, settled, spoken, verdict
from earthloom.methods.base import Method
from earthloom.report.html.base import NO_FUSION, Shown
from earthloom.report.html.known import SAME, Known, reference, typed
from earthloom.report.html.looked import Survey
from earthloom.report.html.parts import Facts, Link, Part, Section, Table, Text, figure, size
from earthloom.report.words import duration
from earthloom.types import Report

CITE = "https://doi.org/"
WORDS = {"True": "yes", "False": "no", "None": "–"}
UNITS = {"metre": "m", "meter": "m"}
SLOW = 0.01  # megapixels a second, below which that figure tells nobody anything
STAGES = {
    "opened": "opening the inputs", "prepared": "laying them on one grid, measuring how they lie",
    "readied": "making the method ready", "measured": "gathering statistics", "made": "making the tiles",
    "written": "writing",
}  # fmt: skip


def head_facts(known: Known) -> Facts:
    """The product in short."""
    facts, described = known.facts, known.described
    names = [one for one in facts.names if one]
    pairs = [
        ("Product", known.path.name),
        ("Method", f"{described.card.name}, {described.card.title}" if described else known.name.replace("_", " ")),
        ("Size", f"{facts.shape[0]} x {facts.shape[1]} pixels, {len(facts.indexes)} bands, {facts.dtype.name}"),
        ("Pixels", _pixels(known)),
    ]
    if names:
        pairs.append(("Bands", ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")))
    if known.sensor:
        pairs.append(("Sensor", known.sensor))
    if known.record is not None:
        pairs.append(("Time", duration(known.record.seconds)))
        if known.record.peak_bytes:
            pairs.append(("Memory", f"{size(known.record.peak_bytes)} at most"))
    return Facts(pairs)


def _pixels(known: Known) -> str:
    """Where they lie and how large they are."""
    facts = known.facts
    if facts.crs is None:
        return "without a place on Earth"
    called = facts.crs.to_string()
    unit = "degrees" if facts.crs.is_geographic else UNITS.get(facts.crs.linear_units, facts.crs.linear_units)
    across, down = (f"{abs(side):.4g}" for side in (facts.transform.a, facts.transform.e))
    return f"{down} x {across} {unit}, {called if len(called) < 40 else 'in a projection of its own'}"


def quality_section(known: Known, shown: Shown, report: Report | None, survey: Survey | None) -> Section:
    """Figures with no fusion beside, each with what it means."""
    rows: dict[str, Mapping[str, float]] = {}
    if report is not None:
        rows = dict(report.rows) or {"product": report.figures}
    parts: list[Part] = []
    if rows:
        called = report.called if report is not None else {}
        parts.append(figure_table(rows, f"Figures {report.title if report else ''}", called))
        parts += [Text(f"{note}.", "note") for note in report.notes] if report is not None else []
    if survey is not None and any((survey.figures | survey.plain).values()) and not tells_agreement(report):
        own = {"product": survey.figures, NO_FUSION: survey.plain}
        parts.append(figure_table(own, "Agreement with what was seen, on all that was looked at"))
    figures = {k: float(v) for k, v in known.figures.items() if isinstance(v, (int, float)) and k != "ratio"}
    if figures:
        parts.append(figure_table({"product": figures}, "Figures that the run told"))
    if not parts:
        parts.append(Text(shown.no_figures, "note"))
    return Section("quality", "Quality in figures", parts)


def tells_agreement(report: Report | None) -> bool:
    """Whether figures tell already how far a product lies from what was seen: said twice, digits would differ."""
    return report is not None and any(name.startswith("consistency") for name in report.figures)


def in_words(report: Report) -> list[Part]:
    """The verdict, a paragraph a line; what is poor as a caution."""
    if not report.verdict:
        return [Text(verdict(report), "lead")] if verdict(report) else []
    return [
        Text(f"{line.about[0].upper()}{line.about[1:]}: {line.grade}. {line.why[0].upper()}{line.why[1:]}.",
             "caution" if line.grade == "poor" else "lead")
        for line in report.verdict
    ]  # fmt: skip


def figure_table(
    rows: Mapping[str, Mapping[str, float]], caption: str, called: Mapping[str, str] | None = None
) -> Table:
    """Figures down, products across, with their meaning; the better of two stands out."""
    names = rows_of(rows)
    every = list(rows)
    cells, best = [], set()
    for at, name in enumerate(names):
        told = meaning(name)
        values = [settled(name, rows[row].get(name, float("nan"))) for row in every]
        cells.append(
            [spoken(told.title, called or {}), *(figure(value) for value in values), SENSES.get(told.better, "")]
        )
        if len(values) == 2 and (better := is_better(name, values[0], values[1])) is not None:
            best.add((at, 1 if better else 2))
    heads = ["Figure", *("Product" if row == "product" else row for row in every), "Better"]
    if not any(line[-1] for line in cells):
        heads, cells = heads[:-1], [line[:-1] for line in cells]
    notes = [spoken(meaning(name).words, called or {}) for name in names]
    return Table(heads, cells, caption, frozenset(best), words=frozenset((len(every) + 1,)), notes=notes)


def how_section(known: Known, shown: Shown) -> Section:
    """Method, parameters, inputs, times, and the command that makes it again."""
    parts: list[Part] = []
    described = known.described
    if described is not None:
        parts += _method(described)
    parts += _parameters(known, described, shown.elsewhere if shown.prepared is not None else ())
    parts.append(_inputs(known, shown))
    if known.missing:
        names = ", ".join(f"{one.name} ({one.state})" for one in known.missing)
        parts.append(Text(f"Not looked at: {names}. What needs them is left out of this report.", "caution"))
    if known.record is not None:
        parts += _times(known)
    else:
        parts.append(Text("Times and memory are known to a report that is made with the product: `--report`.", "note"))
    words = typed_command()
    again = typed(words) if words else typed(shown.command(known))
    parts.append(Text("As it was typed:" if words else "A command that makes it again, as far as the product tells:"))
    parts.append(Text(again, "command"))
    parts.append(Text(f"Earthloom {known.version}", "note"))
    return Section("how", "How it was made", parts)


def _method(described: type[Method]) -> list[Part]:
    """What it is called, what it does, where it comes from."""
    card = described.card
    first = (described.__doc__ or "").strip().partition("\n")[0].replace("``", "")
    parts: list[Part] = [Text(f"{card.name}, {card.title} ({card.family}). {first}")]
    told = reference(described)
    if told:
        doi = next((word.strip("().,") for word in told.split() if word.startswith("10.")), "")
        parts.append(Link(told, CITE + doi, doi) if doi else Text(f"Reference: {told}"))
    return parts


def _parameters(known: Known, described: type[Method] | None, elsewhere: Sequence[str]) -> list[Part]:
    """Fields of the method, those of the run, and what else the product tells that does not stand elsewhere."""
    rows = []
    defaults = {one.name: one.default for one in fields(described)} if described is not None else {}
    for name, value in known.parameters.items():
        usual = ""
        if name in defaults:
            usual = "default" if value == defaults[name] else f"default {_short(defaults[name])}"
        rows.append([name.replace("_", " "), _short(value), usual])
    parts: list[Part] = [Table(["Parameter", "Value", ""], rows, "Parameters", numbers=False)] if rows else []
    others = [
        [name.replace("_", " "), _short(value)] for name, value in known.others.items()
        if not name.startswith(tuple(elsewhere))
    ]  # fmt: skip
    if others:
        parts.append(Table(["Fact", "Value"], others, "What was found out about the inputs", numbers=False))
    return parts


def _short(value: Any, most: int = 220) -> str:
    """A value in words that fit a cell."""
    if isinstance(value, dict):
        text = ", ".join(f"{key.replace('_', ' ')} {_short(one, 60)}" for key, one in value.items())
    elif isinstance(value, list):
        text = ", ".join(_short(one, 60) for one in value)
    else:
        text = figure(value, 6) if isinstance(value, float) else WORDS.get(str(value), str(value))
    return text if len(text) <= most else f"{text[:most]} ..."


def _inputs(known: Known, shown: Shown) -> Table:
    """Role, name, size, checksum, and whether it lies there."""
    rows = [
        [
            shown.title(role), one.name, size(one.told["bytes"]) if "bytes" in one.told else "–",
            f"{one.told['sha256'][:16]}…" if "sha256" in one.told else str(one.told.get("modified", "–")),
            one.state if one.state != SAME else "there, as it was",
        ]
        for role, files in known.inputs.items() for one in files
    ]  # fmt: skip
    return Table(["Role", "File", "Size", "SHA-256, or time", "Now"], rows, "Inputs", numbers=False)


def _times(known: Known) -> list[Part]:
    """How long each stage took."""
    record = known.record
    assert record is not None
    rows = [[STAGES.get(name, name), duration(seconds)] for name, seconds in record.timings.items()]
    more = f"{record.tiles} tile{'s' if record.tiles != 1 else ''}"
    more += f", {figure(record.megapixels_s, 3)} megapixels a second" if record.megapixels_s >= SLOW else ""
    memory = f", {size(record.peak_bytes)} of memory at most" if record.peak_bytes else ""
    return [Table(["Stage", "Time"], rows, "Where the time went"), Text(f"{more}{memory}.", "note")]


def typed_command() -> list[str]:
    """What was typed, where this process is a command of ours that makes products."""
    name, *words = sys.argv or [""]
    ours = Path(name).stem == "earthloom" or Path(name).parent.name == "earthloom"
    if not ours or not words or words[0] in ("report", "compare", "demo") or words[0].startswith("-"):
        return []
    return ["earthloom", *words]
