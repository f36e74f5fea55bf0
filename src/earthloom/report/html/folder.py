"""The report of a folder: products of a series or a batch, or what a training run left."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.documents import object_in, toml
from earthloom.errors import EarthloomError, InputError
from earthloom.evaluation.meanings import Meaning, meaning
from earthloom.raster.facts import FileFacts, examine
from earthloom.raster.open import open_image
from earthloom.raster.write.place import QUALITY
from earthloom.raster.write.provenance import PREFIX
from earthloom.report.display import Stretch, jpeg, looked_at, png
from earthloom.report.html.charts import Paper, axes_of, chart, legend
from earthloom.report.html.parts import (
    Facts,
    Page,
    Part,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
    address,
    figure,
)
from earthloom.report.words import duration
from earthloom.small import small_bytes

LOG, CONFIG, BATCH = "log.csv", "config.toml", "batch.jsonl"
PRODUCTS = (".tif", ".tiff", ".gtiff")
LAYERS = (QUALITY, "_display")  # of a product, no products
SMALL, FEW = 220, 48  # pixels of a picture; products that are pictured
LOOK = 256  # pixels along a side that a product's numbers are taken from
CURVES = {"lr": "learning rate", "grad_norm": "norm of the gradient"}  # columns of the log, in words


@dataclass(frozen=True)
class Made:
    """A product of a folder: its header, its day, and the mean of each band over what was seen."""

    path: Path
    facts: FileFacts
    day: date | None
    method: str
    names: tuple[str, ...]
    means: np.ndarray
    spans: np.ndarray
    seen: float
    colours: np.ndarray
    valid: np.ndarray


def folder_page(folder: Path) -> Page:
    """All that there is to tell of a folder.

    Raises
    ------
    InputError
        If it holds neither products of ours nor a training run.
    """
    if (folder / LOG).is_file() and (folder / CONFIG).is_file():
        return run_page(folder)
    made = products_in(folder)
    if not made:
        raise InputError(f"{folder} holds no product of ours", "products, or the folder of a training run")
    return products_page(folder, made)


def products_in(folder: Path) -> list[Made]:
    """The products of a folder, in the order of their days and names."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in PRODUCTS or path.stem.endswith(LAYERS):
            continue
        with suppress(EarthloomError, OSError):
            facts = examine(str(path))
            if PREFIX + "METHOD" in facts.tags:
                found.append(_made(path, facts))
    return sorted(found, key=lambda one: (one.day or date.min, one.path.name))


def _made(path: Path, facts: FileFacts) -> Made:
    """One product."""
    told = facts.tags.get(PREFIX + "DATE")
    day = None
    with suppress(ValueError, TypeError):
        day = date.fromisoformat(told) if told else facts.acquired
    with open_image(path) as image:
        colours, valid, _ = looked_at(image, SMALL)
        data, known = image.decimated(LOOK)
        names = tuple(name or f"band {at}" for at, name in enumerate(image.names, 1))
    inside = data[:, known].astype(np.float64)
    empty = np.full(len(data), np.nan)
    means = inside.mean(axis=1) if inside.size else empty
    spans = np.percentile(inside, [10, 90], axis=1) if inside.size else np.stack([empty, empty])
    return Made(
        path, facts, day, facts.tags[PREFIX + "METHOD"], names, means, spans, float(known.mean()), colours, valid
    )  # fmt: skip


def products_page(folder: Path, made: Sequence[Made]) -> Page:
    """Products side by side, and their numbers over time where they have days."""
    outcomes = batch_in(folder)
    days = [one.day for one in made if one.day is not None]
    methods = sorted({one.method for one in made})
    pairs = [("Products", str(len(made))), ("Methods", ", ".join(methods))]
    if days:
        pairs.append(("Days", f"{min(days)} to {max(days)}" if len(days) > 1 else str(days[0])))
    failed = [name for name, row in outcomes.items() if row.get("state") == "failed"]
    first: list[Part] = [Facts(pairs)]
    if failed:
        first.append(Text(f"Rows that failed: {', '.join(failed[:12])}.", "caution"))
    sections = [Section("summary", "In short", first)]
    if len(days) == len(made) > 1 and len({len(one.means) for one in made}) == 1:
        sections.append(_over_time(made))
    sections += [_side_by_side(made), _table(made, outcomes)]
    data = {"folder": folder.resolve().name, "products": [_as_dict(one) for one in made], "batch": outcomes}
    lead = f"{len(made)} product{'s' if len(made) > 1 else ''} by {', '.join(methods)}."
    return Page(folder.resolve().name, lead, sections, data, f"on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")


def _as_dict(one: Made) -> dict[str, Any]:
    """For programs."""
    return {
        "name": one.path.name, "day": None if one.day is None else str(one.day), "method": one.method,
        "bands": list(one.names), "means": one.means.tolist(), "seen": one.seen,
    }  # fmt: skip


def _side_by_side(made: Sequence[Made]) -> Section:
    """Pictures with one stretch for all."""
    shown = _spread(made)
    stretch = Stretch.of([(one.colours, one.valid) for one in shown if len(one.colours) == len(shown[0].colours)])
    pictures = []
    for one in shown:
        same = len(one.colours) == len(stretch.dark)
        pixels = (stretch if same else Stretch.of([(one.colours, one.valid)]))(one.colours, one.valid)
        title = str(one.day) if one.day is not None else one.path.stem
        small = max(pixels.shape[:2]) < 120
        data = address(png(pixels), "png") if small else address(jpeg(pixels), "jpeg")
        pictures.append(Picture(data, f"{one.path.name}", title, one.path.name if one.day else "", sharp=small,
                                size=(pixels.shape[1], pixels.shape[0])))  # fmt: skip
    words = "One stretch for all." + (
        f" {len(shown)} of {len(made)} products are shown." if len(shown) < len(made) else ""
    )
    return Section("pictures", "Side by side", [Pictures(pictures, caption=words)])


def _spread(made: Sequence[Made]) -> list[Made]:
    """Of many products some, spread evenly."""
    if len(made) <= FEW:
        return list(made)
    return [made[round(at)] for at in np.linspace(0, len(made) - 1, FEW)]


def _over_time(made: Sequence[Made]) -> Section:
    """Means of the bands, with the span of most pixels."""
    days = [one.day for one in made]
    means, names = np.stack([one.means for one in made], axis=1), made[0].names
    spans = np.stack([one.spans for one in made], axis=2)
    shown = range(len(names)) if len(names) <= 5 else [round(at) for at in np.linspace(0, len(names) - 1, 5)]

    def draw(figure_: Any, paper: Paper) -> None:
        axes = axes_of(figure_, paper)[0, 0]
        for colour, band in zip(paper.lines, shown, strict=False):
            axes.fill_between(days, spans[0, band], spans[1, band], color=colour, alpha=0.13, lw=0)
            axes.plot(days, means[band], "o-", color=colour, lw=1.7, ms=4, label=names[band])
        axes.set_ylabel("mean of the image")
        axes.tick_params(axis="x", rotation=30)
        legend(axes, paper, loc="upper left", bbox_to_anchor=(1.0, 1.0))

    picture = chart(draw, f"Means of {', '.join(names[at] for at in shown)} over {len(days)} dates", (9.2, 3.4))
    words = "Lines: means over the image. Shades: from its tenth to its ninetieth percentile. A jump that the ground " \
            "does not explain is a date to look at."  # fmt: skip
    return Section("series", "Over time", [Pictures([picture], wide=True), Text(words, "note")])


def _table(made: Sequence[Made], outcomes: Mapping[str, Mapping[str, Any]]) -> Section:
    """A line for each."""
    rows, known = [], dict[str, Meaning]()
    by_file = {str(row.get("output", "")).rpartition("/")[2]: row for row in outcomes.values()}
    for one in made:
        row = by_file.get(one.path.name, {})
        figures = object_in(one.facts.tags.get(f"{PREFIX}FIGURES", "{}"))
        told = ", ".join(f"{meaning(k).title.lower()} {figure(v, 3)}" for k, v in figures.items()
                         if isinstance(v, (int, float)) and k != "valid_percent")  # fmt: skip
        known |= {k: meaning(k) for k in figures if meaning(k).words and k != "valid_percent"}
        seconds = row.get("seconds")
        rows.append([
            one.path.name, "" if one.day is None else str(one.day), one.method.partition("/")[2],
            "{} x {}".format(*one.facts.shape), f"{100 * one.seen:.1f} %", told or "–",
            duration(float(seconds)) if isinstance(seconds, (int, float)) and seconds else "–",
        ])  # fmt: skip
    heads = ["Product", "Day", "Method", "Pixels", "Seen", "Figures", "Time"]
    kept = [at for at in range(len(heads)) if any(row[at] not in ("", "–") for row in rows)]
    rows = [[row[at] for at in kept] for row in rows]
    parts: list[Part] = [Table([heads[at] for at in kept], rows, "All products of the folder", numbers=False)]
    parts += [Text(f"{one.title}: {one.words}", "note") for one in known.values()]
    return Section("products", "Products", parts)


def batch_in(folder: Path) -> dict[str, dict[str, Any]]:
    """The last that ``batch.jsonl`` says of each row; nothing where there is none."""
    found: dict[str, dict[str, Any]] = {}
    with suppress(OSError, EarthloomError):
        for line in small_bytes(folder / BATCH).decode("utf-8", "replace").splitlines():
            row = object_in(line)
            name = row.get("row", row.get("name"))
            if isinstance(name, str):
                found[name] = {**found.get(name, {}), **row}
    return found


def run_page(folder: Path) -> Page:
    """Settings, curves and pictures of a training run."""
    settings = _settings(folder)
    rows = list(csv.DictReader(io.StringIO(small_bytes(folder / LOG).decode("utf-8", "replace"))))
    columns = {name: _numbers(rows, name) for name in (rows[0] if rows else {}) if name != "step"}
    steps = _numbers(rows, "step")
    sections = [Section("summary", "In short", [Facts(_run_facts(settings, steps))])]
    curves = _curves(steps, columns)
    if curves:
        sections.append(Section("curves", "How it learnt", [Pictures([one], wide=True) for one in curves]))
    samples = sorted((folder / "samples").glob("*.png"))
    pictures = [_sample(path) for path in _ends(samples)]
    if pictures:
        sections.append(Section("samples", "Pictures along the way", [Pictures(pictures, wide=True)]))
    flat = [[key, _flat(value)] for key, value in settings.items()]
    if flat:
        sections.append(Section("settings", "Settings", [Table(["Setting", "Value"], flat, CONFIG, numbers=False)]))
    name = folder.resolve().name
    data = {"folder": name, "settings": settings, "last": {k: _last(v) for k, v in columns.items()}}
    return Page(name, f"A training run of {_asked(settings).get('method', 'a network')}.", sections, data,
                f"on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")  # fmt: skip


def _settings(folder: Path) -> dict[str, Any]:
    """What was asked for."""
    with suppress(ValueError, OSError, EarthloomError, UnicodeDecodeError):
        return toml(small_bytes(folder / CONFIG).decode("utf-8"))
    return {}


def _run_facts(settings: Mapping[str, Any], steps: np.ndarray) -> list[tuple[str, str]]:
    """In short."""
    pairs = [("Steps", f"{int(steps[-1]):,}" if steps.size and np.isfinite(steps[-1]) else "none yet")]
    asked = _asked(settings)
    return pairs + [(key.capitalize(), _flat(asked[key])) for key in ("method", "problem", "seed") if key in asked]


def _asked(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings with those of the table of the run, which say what is trained."""
    run = settings.get("run")
    return {**settings, **(run if isinstance(run, dict) else {})}


def _flat(value: Any) -> str:
    """A setting on one line."""
    text = json.dumps(value, default=str) if isinstance(value, (dict, list)) else str(value)
    return text if len(text) <= 200 else f"{text[:200]} ..."


def _numbers(rows: Sequence[Mapping[str, str]], name: str) -> np.ndarray:
    """A column; what is no number is not known."""
    found = []
    for row in rows:
        try:
            found.append(float(row.get(name) or "nan"))
        except ValueError:
            found.append(np.nan)
    return np.array(found)


def _last(values: np.ndarray) -> float | None:
    """The last number that there is."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else None


def _curves(steps: np.ndarray, columns: Mapping[str, np.ndarray]) -> list[Picture]:
    """Losses, and figures on what was held back, each in a panel of its own."""
    groups = {
        "training": [name for name in columns if not name.startswith("val_")],
        "validation": [name for name in columns if name.startswith("val_")],
    }  # fmt: skip
    return [
        _panels(steps, {name: columns[name] for name in names[:8]}, title)
        for title, names in groups.items() if any(np.isfinite(columns[name]).any() for name in names)
    ]  # fmt: skip


def _panels(steps: np.ndarray, columns: Mapping[str, np.ndarray], title: str) -> Picture:
    """A small panel for each column."""
    shown = {name: values for name, values in columns.items() if np.isfinite(values).any()}
    across = min(len(shown), 4)
    down = -(-len(shown) // across)

    def draw(figure_: Any, paper: Paper) -> None:
        every = axes_of(figure_, paper, down, across).ravel()
        for axes in every[len(shown) :]:
            axes.set_axis_off()
        for axes, (name, values) in zip(every, shown.items(), strict=False):
            known = np.isfinite(values)
            few = known.sum() < 40
            axes.plot(steps[known], values[known], "o-" if few else "-", color=paper.lines[0], lw=1.4, ms=3)
            called = name.removeprefix("val_")
            axes.set_title(CURVES.get(called, called.replace("_", " ")), loc="left", fontsize=10, color=paper.ink)
            axes.set_xlabel("step")

    return chart(draw, f"Curves of {title}: {', '.join(shown)}", (2.6 * across, 2.2 * down), title=title.capitalize())


def _ends(paths: Sequence[Path]) -> list[Path]:
    """The first picture and the last."""
    return list(paths) if len(paths) < 3 else [paths[0], paths[-1]]


def _sample(path: Path) -> Picture:
    """A picture that the run wrote."""
    return Picture(address(small_bytes(path), "png"), f"Panels of {path.stem}", path.stem.replace("_", " "), sharp=True)
