"""A folder of a series: which dates are finished there, what becomes of the others, and its STAC items."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from datetime import date as day_of
from functools import partial
from pathlib import Path
from typing import Any

from earthloom.documents import object_in
from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.engine.sink import File
from earthloom.errors import EarthloomError, FileError, InputError, warn
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.prepare.spatiotemporal.layers import ASKED, FROM, Asking, asked_for, nearest_known, prepared_day
from earthloom.prepare.spatiotemporal.library import Library, counts_similar, reason
from earthloom.prepare.spatiotemporal.quality import CONFIDENCE
from earthloom.raster.facts import examine
from earthloom.raster.steady import Stamp
from earthloom.raster.write.place import layer_place, require_other
from earthloom.raster.write.stac import COLLECTION, collection, item, pystac
from earthloom.training.ready import ready
from earthloom.verbs.batching.in_turn import Row, in_turn
from earthloom.verbs.pipeline import FactKeeper, produce
from earthloom.version import __version__

PREDICTED = "Fine images predicted from coarse ones"  # how a collection of ours is described


@dataclass(frozen=True)
class Done:
    """What became of a date.

    Parameters
    ----------
    day
        Which.
    state
        ``predicted``, ``filled``, ``there`` (finished in an earlier run) or ``skipped``.
    path
        The product; None when skipped.
    known
        The first choice of known dates.
    confidence
        Mean, of the pixels there are; None when not made now.
    valid_percent
        Pixels there are.
    seam
        Step where the known dates change over the usual step there; None where they are the same everywhere.
    why
        Of a skipped date.
    """

    day: day_of
    state: str
    path: Path | None = None
    known: tuple[day_of, ...] = ()
    confidence: float | None = None
    valid_percent: float | None = None
    seam: float | None = None
    why: str = ""


@dataclass(frozen=True)
class SeriesFolder:
    """Where the products of a series go, and what each is asked for; ``opened_as`` as :func:`produce` takes it."""

    path: Path
    lib: Library
    asking: Asking
    opened_as: Mapping[Path, Stamp] | None = None

    def filled(self, days: Sequence[day_of], run: Run) -> list[Done]:
        """Make what is missing.

        Raises
        ------
        EarthloomError
            If nothing can be predicted at all, or a product of another run stands in the way. A date that cannot be
            predicted is skipped, and its :class:`Done` says why.
        """
        about = self.path / COLLECTION
        if about.exists() and not run.overwrite and not about.read_text("utf-8", "replace").count(PREDICTED):
            raise FileError(f"{about} is not that of a series", hint="choose another folder, or `overwrite=True`")
        there = {day: self._there(day, run) for day in days}
        rows = [Row(str(day), partial(self._one, day, there[day]), self._fatal) for day in days]
        done = []
        for day, outcome in zip(days, in_turn(rows, run), strict=True):
            if outcome.why is not None:
                run.tell(f"{day} skipped: {reason(outcome.why)}")
            done.append(outcome.product or Done(day, "skipped", why=reason(outcome.why) if outcome.why else ""))
        if all(one.state == "skipped" for one in done):
            raise InputError(f"no date could be predicted: {done[0].why}", "at least one", "see -v for the others")
        made = f"{name_of(self.asking.method)} of Earthloom {__version__}"
        collection(self.path, self.path.resolve().name, f"{PREDICTED} by {made}.")
        return done

    def _files(self, day: day_of) -> tuple[Path, Path, Path]:
        """Product, quality layers and STAC item of a date."""
        product = self.path / f"{day.isoformat()}.tif"
        return product, layer_place(product), product.with_suffix(".json")

    def _fatal(self, error: EarthloomError) -> bool:
        """Whether there is no place to write the others either."""
        return isinstance(error, FileError) and str(self.path) in error.given

    def _there(self, day: day_of, run: Run) -> bool:
        """Whether a date is finished; refused when its product was asked for in another way, or is none of ours."""
        files = product, layers, sheet = self._files(day)
        require_other(product, self._inputs, opened=False)
        if run.overwrite:
            return False
        wanted, near = asked_for(self.lib, day, self.asking, run), nearest_known(self.lib, day, self.asking)
        hint = "choose another folder, or `overwrite=True` to make it anew"
        tags = {path: examine(str(path)).tags for path in (product, layers) if path.exists()}
        for path, known in tags.items():
            if odd := _other(known.get(ASKED), wanted):
                raise FileError(f"{path} {odd}", hint=hint)
        if sheet.exists() and not _of_series(sheet):
            raise FileError(f"{sheet} is no STAC item of a series", hint=hint)
        if not all(path.exists() for path in files) or tags[product][ASKED] != tags[layers][ASKED]:
            return False  # a run that was stopped
        if tags[product].get(FROM) != near:
            warn(
                f"{product.name} was predicted from {tags[product].get(FROM)}; {near} would be nearer now: delete it, "
                "or `overwrite=True`, to make it anew"
            )
        return True

    @property
    def _inputs(self) -> list[str]:
        """Files of all images and masks."""
        return [path for image in self.lib.scene.images.values() for path in image.paths]

    def _one(self, day: day_of, there: bool, run: Run) -> Done:
        """One date."""
        place, layers, sheet = self._files(day)
        if there:
            return Done(day, "there", place)
        facts = FactKeeper(run.facts)
        run = replace(run, facts=facts)
        prepared, known = prepared_day(self.lib, day, self.asking, True, run)
        choices = prepared.job.keywords["choices"]  # type: ignore[attr-defined]
        try:
            sink, choose = File(place, overwrite=True), partial(readied, self.asking.method)
            produce(prepared, sink, choose, run, facts, opened_as=self.opened_as)
        finally:
            for choice in choices:
                choice.scene.scene.close()
        figures = facts.known
        first = tuple(known[number] for number in choices[0].numbers)
        done = Done(
            day, "filled" if self.asking.fills(self.lib, day) else "predicted", place, first, figures["confidence"],
            figures["valid_percent"], figures.get("seam"),
        )  # fmt: skip
        self._item(done, known, layers, sheet, prepared.judged)
        near = " and ".join(str(one) for one in first)
        share = f"{done.valid_percent:.1f} % of the pixels, confidence {done.confidence:.2f}"
        run.tell(f"{day} {done.state} from {near}: {share}")
        return done

    def _item(self, done: Done, known: Sequence[day_of], layers: Path, sheet: Path, sure: bool) -> None:
        """The STAC item of a date."""
        scene = self.lib.scene
        first, method = scene.ground.fine, self.asking.method
        assert done.path is not None
        bands: list[Mapping[str, Any]] = [
            {"name": name or band.name} for name, band in zip(first.names, scene.fine_bands, strict=True)
        ]
        kinds: list[Mapping[str, Any]] = [
            {"name": "confidence", "description": f"in percent, {CONFIDENCE}"},
            {"name": "known_dates", "description": "sum of 2^k over the known dates that were clear at the pixel"},
        ]
        if counts_similar(self.asking.method):
            kinds.append({"name": "similar", "description": "similar pixels that the prediction rests on"})
        if sure:
            kinds.append({"name": "expected_error", "description": "root mean square over bands, in physical units"})
        assert done.confidence is not None and done.valid_percent is not None
        item(
            sheet, name=f"{self.path.resolve().name}_{done.day}", day=done.day, crs=first.crs,
            transform=first.transform, shape=scene.shape,
            assets={
                "data": (done.path, f"Fine image of {done.day}, {done.state}", "data", bands),
                "quality": (layers, "Confidence and known dates", "metadata", kinds),
            },
            properties={
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "earthloom:version": __version__, "earthloom:method": f"{method.card.problem}/{name_of(method)}",
                "earthloom:state": done.state, "earthloom:known_dates": [str(day) for day in done.known],
                "earthloom:other_dates": [str(day) for day in known if day not in done.known],
                "earthloom:confidence": round(done.confidence, 4),
                "earthloom:valid_percent": round(done.valid_percent, 3),
                **({} if done.seam is None else {"earthloom:seam": round(done.seam, 3)}),
            },
        )  # fmt: skip


def readied(method: Method, prepared: Prepared, run: Run) -> Method:
    """The method of a date, with its weights."""
    return ready(method, prepared.scene, run)


def _other(tag: str | None, wanted: Mapping[str, Any]) -> str:
    """In which way a product is not the one that is wanted; "" when it is. Dates that came or went are no matter."""
    if tag is None:
        return "does not say what it was asked for"
    told = object_in(tag)
    for name in wanted:
        before, now = told.get(name), wanted[name]
        if name == "inputs" and isinstance(before, Mapping):
            changed = sorted(role for role in now if role in before and before[role] != now[role])
            if changed:
                return f"was made from other images or masks: {', '.join(changed)} changed"
        elif before != now:
            before, now = (_short(json.dumps(one)) for one in _apart(before, now))
            return f"was made with another {name} ({before} instead of {now})"
    return ""


def _of_series(sheet: Path) -> bool:
    """Whether a file is the STAC item of a date of a series."""
    try:
        return "earthloom:state" in json.loads(sheet.read_text(encoding="utf-8"))["properties"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _apart(before: Any, now: Any) -> tuple[Any, Any]:
    """Of two mappings what is not the same in both."""
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return before, now
    pairs = {key: _apart(before.get(key), now.get(key)) for key in {**before, **now} if before.get(key) != now.get(key)}
    return {key: one for key, (one, _) in pairs.items()}, {key: other for key, (_, other) in pairs.items()}


def require_possible(folder: Path) -> None:
    """Refuse, before anything is read, a place where no folder of products can be, and to write items without STAC.

    Raises
    ------
    EarthloomError
        If so.
    """
    pystac()
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder} is a file", "a folder for the products", "choose another output")
    if folder.exists() and not os.access(folder, os.W_OK):
        raise FileError(f"the folder {folder} is read-only", hint="choose another folder")


def _short(text: str) -> str:
    """The beginning of what was asked for."""
    return "nothing" if text == "null" else text if len(text) < 90 else f"{text[:90]} ..."
