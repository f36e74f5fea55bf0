"""A date of a series, prepared: its choices of known dates, its layers, and by what its product is known again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.prepared import EXPECTED, Layer, Numbers, Prepared
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.wrappers.seamless import seamless
from earthloom.metrics.seams import seam_of
from earthloom.ops.moments import Stats
from earthloom.prepare.spatiotemporal.calendar import choices, day_tags
from earthloom.prepare.spatiotemporal.chain import MISSING, InFile, InMemory, chained
from earthloom.prepare.spatiotemporal.library import Library, counts_similar, least_pairs, role
from earthloom.prepare.spatiotemporal.quality import CONFIDENCE
from earthloom.raster.write.place import QUALITY
from earthloom.raster.write.provenance import fingerprints

FROM = "EARTHLOOM_FROM"  # tag: the known dates of the first choice
ASKED = "EARTHLOOM_ASKED"  # tag: what was asked for, by which a finished product is known again


@dataclass(frozen=True)
class Asking:
    """What every date of a series is asked for.

    Parameters
    ----------
    method
        As it was given, not ready.
    most
        Known dates of a first choice.
    fill
        Whether gaps of measured dates are filled.
    """

    method: Method
    most: int
    fill: bool

    def fills(self, lib: Library, day: date) -> bool:
        """Whether a day's own image is filled."""
        return self.fill and day in lib.dates.pairs


def prepared_day(lib: Library, day: date, asking: Asking, files: bool, run: Run) -> tuple[Prepared, list[date]]:
    """A date, and the known dates in the order of their numbers.

    Raises
    ------
    InputError
        If it cannot be predicted.
    """
    found, known = lib.choices(day, asking.method, asking.most)
    scene, first = lib.scene, lib.scene.ground.fine
    like = role("fine", lib.dates.fine[0])
    similar, sure = counts_similar(asking.method), bool(run.quality)
    kept = InFile(similar, sure) if files else InMemory(sure)
    job = partial(
        chained, choices=tuple(found), layers=kept, spread=lib.facts.spread,
        given=lib.given(day) if asking.fills(lib, day) else None, alike=run.adapts,
    )  # fmt: skip
    told = series_facts(lib, day, asking)
    tags = {**day_tags(day), FROM: _first(lib, day, asking), ASKED: json.dumps(asked_for(lib, day, asking, run))}
    prepared = Prepared(
        found[0].scene, like, like, Numbers.of(first, lib.handling.fine.nodata, True), scene.fine_bands,
        tuple(name or band.name for name, band in zip(first.names, scene.fine_bands, strict=True)), first.crs,
        first.transform, inputs_of_day(lib, day), lib.sensor, facts={"series": told, **lib.facts.as_dict()}, tags=tags,
        finite=True, wrap=seamless, job=job, figures=partial(worth, pixels=scene.shape[0] * scene.shape[1]),
        layers=_in_file(known, similar, sure) if files else _in_memory(sure), judged=sure, called="predicted",
    )  # fmt: skip
    return prepared, known


def worth(measured: Stats, pixels: int) -> dict[str, float]:
    """Mean confidence of the pixels there are, how many there are, and the seam where known dates change."""
    count, seam = measured["pixels"], seam_of(measured)
    found = {"confidence": float(measured["confidence"] / max(count, 1)), "valid_percent": 100 * count / pixels}
    return found if seam is None else {**found, "seam": seam}


def series_facts(lib: Library, day: date, asking: Asking) -> dict[str, Any]:
    """How the series was made, for the provenance."""
    handling = lib.handling
    return {
        "most": asking.most, "fill": asking.fills(lib, day), "match": handling.match,
        "coregister": handling.coregister, "ratio": float(lib.ratio),
    }  # fmt: skip


def asked_for(lib: Library, day: date, asking: Asking, run: Run) -> dict[str, Any]:
    """What a finished product must have been asked for, to be taken for the one that is wanted now."""
    adapted = {"seconds": run.seconds, "steps": run.adapt_steps} if run.adapts else None
    parameters = {k: v for k, v in asking.method.parameters.items() if k != "auto"}  # figures grow with the dates
    weights = [path for path in [parameters.get("weights")] if path is not None]
    handling = {
        "fine": asdict(lib.handling.fine), "coarse": asdict(lib.handling.coarse),
        "ignore_georeferencing": run.ignore_georeferencing,
    }  # fmt: skip
    asked = {
        "method": f"{asking.method.card.problem}/{name_of(asking.method)}",
        "parameters": {**parameters, "adapted": adapted, **fingerprints({"weights": weights})},
        "series": series_facts(lib, day, asking),
        "handling": handling,
        "inputs": {name: lib.content(name) for name in seen_by(lib, day, asking)} | _paired(lib, day, asking),
        "storage": {"dtype": run.dtype, "compress": run.compress},
        **({"quality": True} if run.quality else {}),
    }
    return json.loads(json.dumps(asked, sort_keys=True, default=str))


def _paired(lib: Library, day: date, asking: Asking) -> dict[str, str]:
    """The coarse image that stands for the day of each fine one."""
    known = sorted({one for choice in _choices(lib, day, asking) for one in choice})
    return {f"the coarse image beside {role('fine', one)}": str(lib.dates.pairs[one]) for one in known}


def _choices(lib: Library, day: date, asking: Asking) -> list[tuple[date, ...]]:
    """The known dates of every choice."""
    return choices(day, list(lib.dates.pairs), least_pairs(asking.method), asking.most)


def _first(lib: Library, day: date, asking: Asking) -> str:
    """The known dates of the first choice."""
    return " ".join(str(one) for one in next(iter(_choices(lib, day, asking)), ()))


def seen_by(lib: Library, day: date, asking: Asking) -> list[str]:
    """Roles of all images that a product may show something of, also where the first choice was clouded."""
    names = [role("coarse", lib.coarse_day(day))] + ([role("fine", day)] if asking.fills(lib, day) else [])
    for one in sorted({one for choice in _choices(lib, day, asking) for one in choice}):
        names += [role("fine", one), role("coarse", lib.dates.pairs[one])]
    return names


def nearest_known(lib: Library, day: date, asking: Asking) -> str:
    """The known dates that a day would be predicted from now."""
    return _first(lib, day, asking)


def inputs_of_day(lib: Library, day: date) -> dict[str, Sequence[str]]:
    """Files of a prediction: the coarse image of the day, and the nearest known dates, with their masks."""
    images: Mapping[str, Any] = lib.scene.images
    near = sorted((one for one in lib.dates.pairs if one != day), key=lambda one: abs((one - day).days))[:2]
    names = [role("coarse", lib.coarse_day(day))]
    for one in sorted(near):
        names += [role("fine", one), role("coarse", lib.dates.pairs[one])]
    if day in lib.dates.pairs:  # its own image, where its gaps are filled
        names.append(role("fine", day))
    return {name: images[name].paths for one in names for name in (one, f"{one}_mask") if name in images}


def _in_file(known: Sequence[date], similar: bool, sure: bool) -> tuple[Layer, ...]:
    """One file beside the product: integers, unless the expected error is in it."""
    names = ("confidence", "known_dates") + (("similar",) if similar else ()) + (EXPECTED.names if sure else ())
    legend = {
        "EARTHLOOM_KNOWN_DATES": json.dumps({str(1 << number): str(day) for number, day in enumerate(known)}),
        "EARTHLOOM_CONFIDENCE": CONFIDENCE,
    }
    if sure:
        return (replace(EXPECTED, names=names, tags={**legend, **EXPECTED.tags}),)
    return (Layer(QUALITY, names, "uint16", MISSING, legend),)


def _in_memory(sure: bool) -> tuple[Layer, ...]:
    """Three arrays beside the product, and the expected error where it is asked for."""
    layers = (
        Layer("confidence", ("confidence",), np.dtype("float32").name, None),
        Layer("known_dates", ("known_dates",), "uint16", None),
        Layer("similar", ("similar",), "float32", None),
    )
    return (*layers, EXPECTED) if sure else layers
