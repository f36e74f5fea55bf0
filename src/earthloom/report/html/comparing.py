"""Several methods side by side: ranking, reasons, figures, pictures at one stretch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.errors import EarthloomError, EarthloomWarning, InputError
from earthloom.evaluation.comparing import Ranked, Tried, ranked, recommendation, tried
from earthloom.evaluation.meanings import meaning
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.notebook import Table as Lines
from earthloom.notebook import Tabular
from earthloom.raster.open import open_image
from earthloom.report.display import Stretch, colours_of, fits
from earthloom.report.html.about import figure_table
from earthloom.report.html.base import NO_FUSION, Shown, shown_class
from earthloom.report.html.charts import Paper, axes_of, chart, photo
from earthloom.report.html.known import known_of
from earthloom.report.html.looked import Ground, Survey
from earthloom.report.html.looks import centred, enlarged, on_pixels
from earthloom.report.html.parts import (
    Facts,
    Page,
    Part,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
    figure,
    size,
)
from earthloom.report.html.truth import by_reference
from earthloom.report.record import Record
from earthloom.report.words import duration
from earthloom.types import Window

KEPT = (
    "hallucination_percent", "omission_percent", "hqnr", "rqnr", "d_s", "d_lambda_k", "consistency_ergas", "ergas",
    "sam_deg", "q2n", "psnr", "ssim", "rmse",
)  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """A method that was run: its product, or why there is none; how long it took, and the memory on top."""

    name: str
    product: Path | None
    why: str = ""
    seconds: float = 0.0
    bytes: int = 0
    record: Record | None = None


@dataclass(frozen=True)
class Comparison(Tabular):
    """What a comparison found.

    Parameters
    ----------
    rows
        Methods in the order in which they suit the images, the best first.
    figures
        Method to indices of its product: without a reference, or against it.
    made
        How each was run.
    recommendation
        In one sentence.
    way
        How the truth was had by which they are ranked; empty: there was none.
    page
        That was written; None: none was.
    """

    rows: tuple[Ranked, ...]
    figures: Mapping[str, Mapping[str, float]]
    made: tuple[Candidate, ...]
    recommendation: str
    way: str = ""
    page: Path | None = None
    surveys: Mapping[str, Survey] = field(default_factory=dict, repr=False)

    def on(self, page: Path | None, kept: bool = True) -> Comparison:
        """The same with its page; products that are not kept are no longer named."""
        made = self.made if kept else tuple(replace(one, product=None) for one in self.made)
        return replace(self, page=page, made=made)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        cost = {one.name: {"seconds": one.seconds, "bytes": one.bytes} for one in self.made if not one.why}
        rows = [
            {
                "method": row.name, "place": row.place, "error": row.error, "agreement": row.agreement,
                "better_than_no_fusion": row.worthy, "why": row.why, **cost.get(row.name, {}),
                "figures": dict(self.figures.get(row.name, {})),
            } for row in self.rows
        ]  # fmt: skip
        return {
            "recommendation": self.recommendation, "judged": self.way, "rows": rows,
            "page": None if self.page is None else str(self.page),
        }  # fmt: skip

    def table(self) -> Lines:
        """A line for each method, the best first."""
        none = float("nan")
        rows = [
            [row.name, row.place, none if row.error is None else row.error,
             none if row.agreement is None else row.agreement, row.why] for row in self.rows
        ]  # fmt: skip
        return Lines(["method", "place", "error", "agreement", "why"], rows, self.recommendation)

    def __str__(self) -> str:
        """A line for each method, and the recommendation."""
        lines = [f"{row.place}. {row.name}: {row.why}" for row in self.rows]
        return "\n".join([*lines, self.recommendation])


def compared(shown: Shown, made: Sequence[Candidate], reference: str | Path | None, run: Run) -> Comparison:
    """Rank methods that were run, and judge their products; ``shown`` by :func:`laid`."""
    done, problem = [one for one in made if one.product is not None], shown.problem
    figures: dict[str, Mapping[str, float]] = {}
    surveys: dict[str, Survey] = {}
    found: list[Tried] = []
    if shown.prepared is not None:
        threads = run.at_a_time
        methods = {one.name: _method(one, problem) for one in done}
        found = [tried(one, problem, methods, threads) for one in shown.trials()]
    known = {one.name: (value,) for one in done if (value := shown.relative(one.record)) is not None}
    if known:
        found = [Tried(known, {}, {}, shown.relative_to)]
    for one in done:
        assert one.product is not None
        figures[one.name] = _figures(one, shown, reference)
        if shown.prepared is not None and (survey := _survey(one.product, shown)) is not None:
            surveys[one.name] = survey
    rows = ranked(found, problem, [one.name for one in done])
    lost = [
        Ranked(one.name, None, None, len(rows) + at, False, one.why)
        for at, one in enumerate((one for one in made if one.product is None), 1)
    ]  # fmt: skip
    way = next((one.way for one in found if one.way), "")
    return Comparison((*rows, *lost), figures, tuple(made), recommendation(rows), way, None, surveys)


def _method(one: Candidate, problem: str) -> Method:
    """A method as it ran: with the fields that the verb told it."""
    own = {} if one.record is None else dict(one.record.parameters)
    try:
        return catalog.make(one.name, problem, **own)
    except EarthloomError:
        return catalog.make(one.name, problem)


@contextmanager
def laid(made: Sequence[Candidate]) -> Iterator[Shown]:
    """The inputs as they were laid for the first product; nothing but the problem where they cannot be laid again.

    Raises
    ------
    InputError
        If no method could run.
    """
    one = next((one for one in made if one.product is not None), None)
    if one is None or one.product is None:
        raise InputError(
            "no method that could run", "one at least", "; ".join(f"{one.name}: {one.why}" for one in made)
        )
    known = known_of(one.product, record=one.record)
    kind = shown_class(known.problem)
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore", EarthloomWarning)  # said when the product was made
        try:
            shown = kind(kind(None).laid(known, stack, Run()))
        except EarthloomError:
            shown = kind(None)
        yield shown


def _figures(one: Candidate, shown: Shown, reference: str | Path | None) -> dict[str, float]:
    """Against the reference where there is one, else without."""
    product = one.product
    assert product is not None
    try:
        if reference is not None:
            ratio = 1.0 if shown.prepared is None else shown.prepared.scene.empty().ratio
            return dict(by_reference(product, reference, ratio).figures)
        report = shown.judged(known_of(product, record=one.record))
        return {} if report is None else dict(report.figures)
    except EarthloomError:
        return {}


def _survey(product: Path, shown: Shown) -> Survey | None:
    """A product beside what was seen."""
    assert shown.prepared is not None
    with open_image(product) as image:
        if image.shape != shown.prepared.scene.shape:
            return None
        return Ground(image, shown.prepared.scene, shown).survey()


def comparison_page(verb: str, found: Comparison, shown: Shown, reference: str | Path | None) -> Page:
    """The page of a comparison."""
    done = {one.name: one for one in found.made if one.product is not None}
    sections = [
        Section("summary", "In short", [Text(found.recommendation, "lead"), _facts(verb, found)]),
        Section("ranking", "Ranking", _ranking(found)),
    ]
    pictures = _side_by_side(found, done, shown, reference)
    if pictures:
        sections.append(Section("pictures", "Side by side, at one stretch", pictures))
    rows = {row.name: found.figures[row.name] for row in found.rows if found.figures.get(row.name)}
    if rows:
        against = "against the reference" if reference is not None else "without a reference, at full resolution"
        sections.append(Section("figures", "Figures", [_figure_table(rows, f"Figures {against}")]))
    elif reference is not None:
        words = "Nothing could be told against the reference: its bands or its grid are not those of the products."
        sections.append(Section("figures", "Figures", [Text(words, "caution")]))
    agreement = {row.name: found.surveys[row.name].figures for row in found.rows if row.name in found.surveys}
    if any(agreement.values()):
        plain = found.surveys[next(iter(agreement))].plain
        rows = {**agreement, NO_FUSION: plain}
        sections.append(
            Section("agreement", "Agreement with what was seen", [figure_table(rows, "At full resolution")])
        )
    sections.append(Section("cost", "Time and memory", [_cost(found)]))
    lead = f"{len(found.rows)} methods of `earthloom {verb}` on the same images."
    return Page(
        f"Methods compared: {verb}", lead, sections, found.as_dict(), f"on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    )


def _facts(verb: str, found: Comparison) -> Facts:
    """In short."""
    truth = f"{found.way}; relative to no fusion" if found.way else "no truth could be had"
    return Facts([
        ("Job", verb), ("Methods", ", ".join(row.name for row in found.rows)), ("Ranked by", truth),
        ("Time", duration(sum(one.seconds for one in found.made))),
    ])  # fmt: skip


def _ranking(found: Comparison) -> list[Part]:
    """A table with reasons, and bars."""
    rows = [[f"{row.place}. {row.name}", figure(row.error, 3), figure(row.agreement, 3)] for row in found.rows]
    best = frozenset({(0, 1)}) if found.rows and found.rows[0].worthy else frozenset()
    words = "Error, and distance from what was seen, as shares of those of no fusion: 1 is no better, less is better"
    notes = ["" if row.worthy else row.why for row in found.rows]
    parts: list[Part] = [Table(["Method", "Error", "Distance"], rows, words, best, notes=notes)]
    told = [row for row in found.rows if row.error is not None]
    if len(told) > 1:
        parts.append(Pictures([_bars(told, found.way)], wide=True))
    words = (
        "Of networks somewhat more is asked, since they are slow and fit best where they learnt: the same rule by "
        "which `auto` chooses."
    )
    return [*parts, Text(words, "note")]


def _bars(rows: Sequence[Ranked], way: str) -> Picture:
    """Errors as bars."""
    told = ", ".join(f"{row.name} {row.error:.2f}" for row in rows if row.error is not None)
    return chart(
        lambda figure_, paper: bars_of_errors(axes_of(figure_, paper)[0, 0], paper, rows, way),
        f"Bars of the errors: {told}", (8.0, 0.9 + 0.34 * len(rows)),
    )  # fmt: skip


def bars_of_errors(axes: Any, paper: Paper, rows: Sequence[Ranked], way: str) -> None:
    """Errors as bars, the best above; a line where no fusion is."""
    names = [row.name for row in rows][::-1]
    errors = [row.error or 0.0 for row in rows][::-1]
    axes.barh(names, errors, color=[paper.lines[0] if one < 1 else paper.lines[1] for one in errors], height=0.6)
    axes.axvline(1.0, color=paper.quiet, lw=1.2, ls="--")
    axes.set_xlabel(f"error, {way}; 1 is no fusion")


def _side_by_side(
    found: Comparison, done: Mapping[str, Candidate], shown: Shown, reference: str | Path | None
) -> list[Part]:
    """The same windows of all products: where they differ most from no fusion, and where the first agrees least."""
    windows = _windows(found, done)
    parts: list[Part] = []
    for title, window in windows:
        pictures = _of_window(found, done, shown, reference, window)
        if pictures:
            parts.append(Text(f"{title}: row {window.y}, column {window.x}"))
            parts.append(Pictures(pictures))
    return parts


def _windows(found: Comparison, done: Mapping[str, Candidate]) -> list[tuple[str, Window]]:
    """Where to look."""
    with open_image(next(iter(done.values())).product or "") as image:
        shape = image.shape
    survey = next((found.surveys[row.name] for row in found.rows if row.name in found.surveys), None)
    if survey is None:
        return [("The middle", centred(Window(0, 0, *shape), shape))]
    wanted = [("Where the best differs most from no fusion", survey.most_added)]
    if survey.worst is not None:
        wanted.append(("Where it agrees least with what was seen", survey.worst))
    places = [(title, centred(window, shape)) for title, window in wanted]
    return places if len({window for _, window in places}) == len(places) else places[:1]


def _of_window(
    found: Comparison, done: Mapping[str, Candidate], shown: Shown, reference: str | Path | None, window: Window
) -> list[Picture]:
    """One window of what was seen, of no fusion, of all products, and of the truth."""
    images: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    looked, colours, names = None, None, ()
    for row in found.rows:
        if row.name not in done:
            continue
        with open_image(done[row.name].product or "") as image:
            own = shown.wanted(image)
            names = own.names
            colours = colours or colours_of(own.wavelengths_nm, own.names, own.colours)
            data, valid = own.read(window)
            images[f"{row.place}. {row.name}"] = colours.of(data), valid
            if looked is None and shown.prepared is not None:
                looked = Ground(image, shown.prepared.scene, shown).look(window)
    if colours is None:
        return []
    before: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if looked is not None:
        for role, view in looked.obs.views.items():
            if view.data.size and len(view.bands) == len(looked.plain):
                before[shown.title(role)] = on_pixels(colours.of(view.data), view, looked)
        before[NO_FUSION] = colours.of(looked.plain), np.ones(looked.valid.shape, bool)
    stretch = Stretch.of(list(images.values()))
    after: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if reference is not None:
        with open_image(reference) as true:
            inside = true.shape[0] >= window.y + window.height and true.shape[1] >= window.x + window.width
            if inside and (bands := _same_bands(true.names, names)):
                data, valid = true.pick(bands).read(window)
                after["Truth"] = colours.of(data), valid
    pictures = []
    for title, (image_, valid) in {**before, **images, **after}.items():
        used = stretch if fits(stretch, image_, valid) else Stretch.of([(image_, valid)])
        words = "" if used is stretch else "stretched by itself"
        alt = f"{title} at row {window.y}, column {window.x}"
        pictures.append(photo(enlarged(used(image_, valid)), alt, title, words, True))
    return pictures


def _same_bands(there: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the bands of products lie in a reference: by their names, else as many in the same order; or nowhere."""
    if all(wanted) and set(wanted) <= set(there):
        return [list(there).index(name) for name in wanted]
    return list(range(len(there))) if len(there) == len(wanted) else []


def _figure_table(rows: Mapping[str, Mapping[str, float]], caption: str) -> Table:
    """The figures worth comparing, a method each line; the best of each stands out."""
    names = [name for name in KEPT if any(name in row for row in rows.values())]
    every = list(rows)
    cells = [[name, *(figure(rows[name].get(one)) for one in names)] for name in every]
    best = set()
    for at, one in enumerate(names, 1):
        values = [rows[name].get(one, float("nan")) for name in every]
        known = [value for value in values if value == value]
        if known and meaning(one).better:
            top = max(known) if meaning(one).better == "higher" else min(known)
            best |= {(line, at) for line, value in enumerate(values) if value == top}
    heads = ["Method", *(meaning(one).title for one in names)]
    return Table(heads, cells, caption, frozenset(best))


def _cost(found: Comparison) -> Table:
    """Seconds and bytes."""
    rows = []
    for one in found.made:
        network = catalog.is_network(one.name, one.record.problem) if one.record is not None else False
        told = [duration(one.seconds), size(one.bytes) if one.bytes else "–", "network" if network else "classical"]
        rows.append([one.name, *(told if not one.why else ["–", "–", one.why])])
    heads = ["Method", "Time", "Memory on top", ""]
    return Table(heads, rows, "The first one also pays for what is loaded once", words=frozenset((3,)))
