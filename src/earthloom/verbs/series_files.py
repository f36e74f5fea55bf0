"""A series on files: found by their dates; a COG, quality layers and a STAC item each date; taken up where it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import date as day_of
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from earthloom.engine.arrays import dtype_of
from earthloom.engine.old import _require_folder, nodata_for
from earthloom.engine.options import Options, named_progress
from earthloom.errors import EarthloomError, FileError, InputError, warn
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.prepare.spatiotemporal.calendar import asked, choices
from earthloom.prepare.spatiotemporal.chain import Piece, fuse_attempts
from earthloom.prepare.spatiotemporal.known import Handling
from earthloom.prepare.spatiotemporal.library import Library, counts_similar, least_pairs, reason, role
from earthloom.prepare.spatiotemporal.opening import Opener, open_library
from earthloom.prepare.spatiotemporal.quality import CONFIDENCE
from earthloom.raster.facts import examine
from earthloom.raster.listing.by_day import Sources
from earthloom.raster.scenes.dates import PairScene
from earthloom.raster.write.cog import Writer, create
from earthloom.raster.write.provenance import PREFIX, provenance
from earthloom.raster.write.stac import collection, item, pystac
from earthloom.training.ready import ready_attempts
from earthloom.types import Window
from earthloom.version import __version__

MISSING = 65535  # of the quality layers
SAME = ("METHOD", "PARAMETERS", "SERIES")  # tags by which a finished product is known to be the one that is wanted
FROM = "EARTHLOOM_FROM"  # tag: the known dates of the first choice


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
    why
        Of a skipped date.
    """

    day: day_of
    state: str
    path: Path | None = None
    known: tuple[day_of, ...] = ()
    confidence: float | None = None
    valid_percent: float | None = None
    why: str = ""


class Job(NamedTuple):
    """What every date of a run shares."""

    lib: Library
    method: Method
    handling: Handling
    options: Options
    folder: Path
    most: int
    fill: bool
    sensor: str | None


def series_files(
    sources: Sources,
    folder: Path,
    method: Method,
    handling: Handling,
    options: Options,
    dates: Sequence[Any] | None = None,
    fill: bool = False,
    most: int = 2,
) -> list[Done]:
    """Predict a series into a folder.

    Raises
    ------
    EarthloomError
        If nothing can be predicted at all, or a product of another run stands in the way. A date that cannot be
        predicted is skipped, and its :class:`Done` says why.
    """
    pystac()  # what is missing is said before the work
    opener = Opener(handling, options)
    try:
        lib = open_library(opener, sources, handling, options, folder)
        sensor = opener.sensor("fine")
        job = Job(lib, method, handling, options, folder, most, fill, sensor.name if sensor else None)
        days = asked(dates, lib.dates, fill)
        if not days:
            raise InputError(
                "no date to predict: every coarse image has a fine one", "coarse images of other dates",
                "--fill fills gaps in the fine ones, --evaluate tests the method on them",
            )  # fmt: skip
        _require_folder(folder)
        states = {day: _there(job, day) for day in days}
        done = [_one(job, day, states[day], (number, len(days))) for number, day in enumerate(days, 1)]
    finally:
        opener.close()
    if all(one.state == "skipped" for one in done):
        raise InputError(f"no date could be predicted: {done[0].why}", "at least one", "see -v for the others")
    made = f"{name_of(method)} of Earthloom {__version__}"
    collection(folder, folder.resolve().name, f"Fine images predicted from coarse ones by {made}.")
    return done


def _files(job: Job, day: day_of) -> tuple[Path, Path, Path]:
    """Product, quality layers and STAC item of a date."""
    name = day.isoformat()
    return job.folder / f"{name}.tif", job.folder / f"{name}_quality.tif", job.folder / f"{name}.json"


def _there(job: Job, day: day_of) -> bool:
    """Whether a date is finished; refused when its product was made in another way."""
    files = _files(job, day)
    if job.options.overwrite or not all(path.exists() for path in files):
        return False
    told, wanted = examine(str(files[0])).tags, _tags(job, day)
    if odd := [name for name in SAME if told.get(PREFIX + name) != wanted[PREFIX + name]]:
        raise FileError(
            f"{files[0]} was made with another {odd[0].lower()} ({_short(told.get(PREFIX + odd[0]))} instead of "
            f"{_short(wanted[PREFIX + odd[0]])})", hint="choose another folder, or --overwrite to make it anew",
        )  # fmt: skip
    if told.get(FROM) != wanted[FROM]:
        warn(
            f"{files[0].name} was predicted from {told.get(FROM)}; {wanted[FROM]} would be nearer now: delete it, or "
            "--overwrite, to make it anew"
        )
    return True


def _short(text: str | None) -> str:
    """The beginning of a tag."""
    return "nothing" if text is None else text if len(text) < 90 else f"{text[:90]} ..."


def _tags(job: Job, day: day_of) -> dict[str, str]:
    """Provenance by which a product is known again."""
    lib = job.lib
    told = {
        "most": job.most, "fill": job.fill and day in lib.dates.pairs,
        "match": job.handling.match, "coregister": job.handling.coregister, "ratio": float(lib.ratio),
    }  # fmt: skip
    tags = provenance(
        f"{job.method.card.problem}/{name_of(job.method)}", job.method.parameters, _inputs(lib, day),
        sensor=job.sensor, extra={"series": told, **lib.facts.as_dict()},
    )  # fmt: skip
    first = next(iter(choices(day, list(lib.dates.pairs), least_pairs(job.method), job.most)), ())
    return tags | {
        "EARTHLOOM_DATE": day.isoformat(), "TIFFTAG_DATETIME": day.strftime("%Y:%m:%d 00:00:00"),
        FROM: " ".join(str(one) for one in first),
    }  # fmt: skip


def _inputs(lib: Library, day: day_of) -> dict[str, Sequence[str]]:
    """Files of a prediction: the coarse image of the day, and the nearest known dates."""
    images = lib.scene.images
    near = sorted((one for one in lib.dates.pairs if one != day), key=lambda one: abs((one - day).days))[:2]
    names = [role("coarse", lib.coarse_day(day))]
    for one in sorted(near):
        names += [role("fine", one), role("coarse", lib.dates.pairs[one])]
    return {name: images[name].paths for name in names}


def _one(job: Job, day: day_of, there: bool, place: tuple[int, int]) -> Done:
    """One date."""
    product, layers, sheet = _files(job, day)
    if there:
        return Done(day, "there", product)
    fill = job.fill and day in job.lib.dates.pairs
    options = named_progress(job.options, f"{day} ({place[0]} of {place[1]})")
    attempts: list[Any] = []
    try:
        attempts, known = job.lib.attempts(day, job.method, job.most)
        for path in (product, layers, sheet):  # what is left of an unfinished run
            path.unlink(missing_ok=True)
        with ExitStack() as stack:
            writers = [stack.enter_context(one) for one in _writers(job, known, product, layers)]
            tags = _tags(job, day)
            writers[0].tag(tags)
            writers[1].tag({**tags, **_legend(known)})
            ready_attempts(attempts, options)
            parts = fuse_attempts(
                attempts, lambda tile, piece: _written(writers, tile, piece), options, job.lib.facts.spread,
                job.lib.given(day) if fill else None,
            )  # fmt: skip
            options.progress("writing", 0, 1)
        options.progress("writing", 1, 1)
    except EarthloomError as error:
        if isinstance(error, FileError) and str(job.folder) in error.given:  # no place to write the others either
            raise
        job.options.tell(f"{day} skipped: {reason(error)}")
        return Done(day, "skipped", why=reason(error))
    finally:
        for one in attempts:
            one.scene.scene.close()
    total, count = np.sum(parts, axis=0)
    pixels = job.lib.scene.shape[0] * job.lib.scene.shape[1]
    first = tuple(known[number] for number in attempts[0].numbers)
    done = Done(
        day, "filled" if fill else "predicted", product, first, float(total / max(count, 1)), 100 * count / pixels
    )
    _item(job, done, known, layers, sheet)
    near = " and ".join(str(one) for one in first)
    job.options.tell(
        f"{day} {done.state} from {near}: {done.valid_percent:.1f} % of the pixels, confidence {done.confidence:.2f}"
    )
    return done


def _written(writers: Sequence[Writer], tile: Window, piece: Piece) -> tuple[float, int]:
    """Write a tile of the product and of its layers; the sum of its confidence and its pixels."""
    product, found = piece
    writers[0].write(tile, product.data, product.valid)
    layers = [100 * found.confidence, found.dates.astype(np.float32)]
    if writers[1].layout.count == 3:
        layers.append(np.zeros_like(found.confidence) if found.similar is None else found.similar)
    writers[1].write(tile, np.stack(layers).astype(np.float32), product.valid)
    return float(found.confidence[product.valid].sum()), int(product.valid.sum())


def _writers(job: Job, known: Sequence[day_of], product: Path, layers: Path) -> tuple[Writer, Writer]:
    """Writers of the product and of its quality layers."""
    scene: PairScene = job.lib.scene
    first, bands, options = scene.ground.fine, scene.fine_bands, job.options
    dtype = dtype_of(options.dtype or first.dtype)
    physical = dtype.kind == "f" and first.dtype.kind != "f"
    grid = {"shape": scene.shape, "crs": first.crs, "transform": first.transform}
    how = {"compress": options.compress, "overwrite": options.overwrite, "threads": options.workers}
    names = ["confidence", "known_dates"] + (["similar"] if counts_similar(job.method) else [])
    return (
        create(
            product, **grid, **how, count=len(bands), dtype=dtype,  # type: ignore[arg-type]
            nodata=nodata_for(first.nodata, dtype, job.handling.fine.nodata, True),
            names=[name or band.name for name, band in zip(first.names, bands, strict=True)],
            wavelengths_nm=[band.centre_nm for band in bands],
            scales=None if physical else first.scales, offsets=None if physical else first.offsets,
        ),
        create(layers, **grid, **how, count=len(names), dtype="uint16", nodata=MISSING, names=names),  # type: ignore[arg-type]
    )  # fmt: skip


def _legend(known: Sequence[day_of]) -> dict[str, str]:
    """What the quality layers mean."""
    return {
        "EARTHLOOM_KNOWN_DATES": json.dumps({str(1 << number): str(day) for number, day in enumerate(known)}),
        "EARTHLOOM_CONFIDENCE": CONFIDENCE,
    }


def _item(job: Job, done: Done, known: Sequence[day_of], layers: Path, sheet: Path) -> None:
    """The STAC item of a date."""
    scene: PairScene = job.lib.scene
    first = scene.ground.fine
    assert done.path is not None
    bands: list[Mapping[str, Any]] = [
        {"name": name or band.name} for name, band in zip(first.names, scene.fine_bands, strict=True)
    ]
    kinds: list[Mapping[str, Any]] = [
        {"name": "confidence", "description": f"in percent, {CONFIDENCE}"},
        {"name": "known_dates", "description": "sum of 2^k over the known dates that were clear at the pixel"},
    ]
    if counts_similar(job.method):
        kinds.append({"name": "similar", "description": "similar pixels that the prediction rests on"})
    assert done.confidence is not None and done.valid_percent is not None
    item(
        sheet, name=f"{job.folder.resolve().name}_{done.day}", day=done.day, crs=first.crs, transform=first.transform,
        shape=scene.shape,
        assets={
            "data": (done.path, f"Fine image of {done.day}, {done.state}", "data", bands),
            "quality": (layers, "Confidence and known dates", "metadata", kinds),
        },
        properties={
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "earthloom:version": __version__, "earthloom:method": f"{job.method.card.problem}/{name_of(job.method)}",
            "earthloom:state": done.state, "earthloom:known_dates": [str(day) for day in done.known],
            "earthloom:other_dates": [str(day) for day in known if day not in done.known],
            "earthloom:confidence": round(done.confidence, 4), "earthloom:valid_percent": round(done.valid_percent, 3),
        },
    )  # fmt: skip
