"""Spatiotemporal fusion on files: laid on two grids, read by window, written tile by tile."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date as day_of
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine.arrays import dtype_of
from earthloom.engine.dates import date_in
from earthloom.engine.files import FOREIGN, labelled, nodata_for
from earthloom.engine.fuse import fuse_array, fuse_scene, merged
from earthloom.engine.known import Handling, Known, Told, dated, in_order
from earthloom.engine.prepare import Facts, prepare, require_bands
from earthloom.engine.verbs import Options, ready
from earthloom.errors import EarthloomWarning, InputError
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.refine import residual_percent
from earthloom.raster.collocate import bands_of
from earthloom.raster.pairs import Ground, PairScene, Placed, ground
from earthloom.raster.provenance import provenance
from earthloom.raster.read import Image, open_image
from earthloom.raster.write import create
from earthloom.sensors import Sensor, load
from earthloom.types import Band, Product, Window


class Opener:
    """Opens images of the two sensors as told, lays them on the grids of the first ones, and closes them all.

    The first fine image makes the fine grid; the first coarse one, laid after it, the coarse grid.
    """

    def __init__(self, handling: Handling, options: Options) -> None:
        self.handling, self.options = handling, options
        self.ground: Ground | None = None
        self.notes: list[str] = []
        self._open: list[Image] = []
        self._sensors: dict[str, Sensor | None] = {}
        self._bands: dict[str, tuple[Band, ...]] = {}

    def close(self) -> None:
        """Close the files."""
        for image in self._open:
            image.close()

    def open(self, path: Any, sensor: str) -> Image:
        """An image of the ``fine`` or the ``coarse`` sensor."""
        told = self._told(sensor)
        image = open_image(
            path, role="ms", bands=told.bands, nodata=told.nodata, scale=told.scale, offset=told.offset
        )  # fmt: skip
        self._open.append(image)
        if sensor not in self._bands:
            name = told.sensor or image.sensor
            known = load(name) if name else None
            self._sensors[sensor] = known
            self._bands[sensor] = bands_of(image, known)
        return image

    def begin(self, fine: Image, coarse: Image) -> Ground:
        """Find the grids."""
        self.ground = ground(fine, coarse, self.options.ignore_georeferencing)
        return self.ground

    def fine(self, image: Image) -> Image:
        """A fine image on the fine grid."""
        assert self.ground is not None
        laid, note = self.ground.lay_fine(image)
        self._note(note)
        return laid

    def coarse(self, image: Image) -> Placed:
        """A coarse image on the coarse grid."""
        assert self.ground is not None
        placed, note = self.ground.place(image)
        self._note(note)
        return placed

    def mask(self, path: Any, sensor: str) -> Placed:
        """A mask on the grid of its sensor.

        Raises
        ------
        InputError
            If it has several bands.
        """
        assert self.ground is not None
        image = open_image(path)
        self._open.append(image)
        if image.count != 1:
            raise InputError(f"the mask {image.name} of {image.count} bands", "one band", "write that band to a file")
        if sensor == "coarse":
            return self.ground.place(image, "nearest")[0]
        return Placed(self.ground.lay_fine(image, "nearest")[0])

    def bands(self, sensor: str) -> tuple[Band, ...]:
        """Bands of a sensor's images."""
        return self._bands[sensor]

    def sensor(self, sensor: str) -> Sensor | None:
        """What is known about a sensor."""
        return self._sensors[sensor]

    @property
    def cloudy(self) -> Callable[[str, np.ndarray], np.ndarray]:
        """What the numbers of a mask mean."""
        return lambda role, numbers: self._told(role.split("_")[0]).cloudy(numbers)

    def _told(self, sensor: str) -> Told:
        """What is told about a sensor."""
        return self.handling.fine if sensor == "fine" else self.handling.coarse

    def _note(self, note: str) -> None:
        """Keep a note, and say it."""
        if note:
            self.notes.append(note)
            self.options.tell(note)


def own_day(image: Image, path: Any) -> day_of | None:
    """The day that an image tells: its metadata, else its name."""
    if image.acquired is not None:
        return image.acquired
    first = path if isinstance(path, (str, Path)) else path[0]
    return date_in(str(first).rstrip("/"))


def predict_files(
    known: Sequence[Known],
    coarse: Any,
    target_mask: Any,
    day: day_of | None,
    output: str | Path | None,
    method: Method,
    handling: Handling,
    options: Options,
) -> Any:
    """Files; returns the path written, or a DataArray when there is no output path."""
    path = None if output is None else Path(output)
    if path is not None:
        require_geotiff(path)
    opener = Opener(handling, options)
    try:
        scene, called, day = _open(opener, known, coarse, target_mask, day)
        if path is not None:
            require_other(path, scene)
        told, facts = prepare(scene, handling, called, options, _scale(scene))
        if path is None:
            product = fuse_array(ready(method, told, options), told, options.tile_px, options.workers, options.progress)
            options.tell_residual(residual_percent(product.measured))
            return _labelled(product, scene, options, handling)
        tags = product_tags(scene, method, opener, facts, handling, day)
        write(path, scene, told, method, handling, options, tags)
        return path
    finally:
        opener.close()


def require_geotiff(path: Path) -> None:
    """Refuse formats that are not written."""
    if path.suffix.lower() in (*FOREIGN, ".mat"):
        raise InputError(f"the output {path}", "a GeoTIFF", f"call it {path.with_suffix('.tif').name}")


def require_other(path: Path, scene: PairScene) -> None:
    """Refuse to write over an input."""
    for image in scene.images.values():
        if path.exists() and any(Path(p).exists() and path.samefile(p) for p in image.paths):
            raise InputError(f"the output {path} is an input", "another name")


def _open(
    opener: Opener, known: Sequence[Known], coarse: Any, target_mask: Any, day: day_of | None
) -> tuple[PairScene, dict[str, str], day_of | None]:
    """Open the images, in the order of their days, on one fine and one coarse grid."""
    opened: dict[int, tuple[Image, Image]] = {}
    dates: list[Known] = []
    for pair in known:
        images = opener.open(pair.fine, "fine"), opener.open(pair.coarse, "coarse")
        own = own_day(images[0], pair.fine), own_day(images[1], pair.coarse)
        for image, told, found in zip(images, (pair.fine_day, pair.coarse_day), own, strict=True):
            _agree(image, told, found, opener.handling.days_apart)
        dates.append(dated(pair, *own))
        opened[id(dates[-1])] = images
    target = opener.open(coarse, "coarse")
    found = own_day(target, coarse)
    _agree(target, day, found, 0)
    day = day or found
    _require_dates(dates, day)
    counts = [(image.name, image.count) for image in (*(i for pair in opened.values() for i in pair), target)]
    require_bands(opener.bands("fine"), opener.bands("coarse"), counts)
    ordered, notes = in_order(dates, day, opener.handling.days_apart)
    for note in notes:
        opener.options.tell(note)
    opener.begin(*opened[id(dates[0])])  # the first one given makes the grid
    return (*_laid(opener, [(one, opened[id(one)]) for one in ordered], (target, target_mask, day)), day)


def _laid(
    opener: Opener, ordered: Sequence[tuple[Known, tuple[Image, Image]]], target: tuple[Image, Any, day_of | None]
) -> tuple[PairScene, dict[str, str]]:
    """The images on their grids, and how they are called."""
    fine: dict[str, Image] = {}
    placed: dict[str, Placed] = {}
    masks: dict[str, Placed] = {}
    days: dict[str, day_of | None] = {}
    called: dict[str, str] = {}
    for k, (one, images) in enumerate(ordered, 1):
        fine[f"fine_{k}"], placed[f"coarse_{k}"] = opener.fine(images[0]), opener.coarse(images[1])
        days |= {f"fine_{k}": one.fine_day, f"coarse_{k}": one.coarse_day}
        for sensor, mask, image in zip(("fine", "coarse"), (one.fine_mask, one.coarse_mask), images, strict=True):
            called[f"{sensor}_{k}"] = f"the {sensor} image {image.name}"
            if mask is not None:
                masks[f"{sensor}_{k}"] = opener.mask(mask, sensor)
    image, mask, day = target
    placed["coarse_p"], days["coarse_p"] = opener.coarse(image), day
    called["coarse_p"] = f"the coarse image {image.name}"
    if mask is not None:
        masks["coarse_p"] = opener.mask(mask, "coarse")
    assert opener.ground is not None
    scene = PairScene(
        opener.ground, fine, placed, opener.bands("fine"), opener.bands("coarse"), masks, opener.cloudy, days,
        tuple(opener.notes),
    )  # fmt: skip
    grid = opener.ground.grid
    opener.options.tell(
        f"{scene.shape[0]} x {scene.shape[1]} fine pixels, coarse ones "
        + ("on the same grid" if opener.ground.on_fine else "{:.4g} x {:.4g} times as large".format(*grid.ratio))
        + f", {len(scene.fine_bands)} band(s), {len(ordered)} known date(s)"
    )
    return scene, called


def _agree(image: Image, told: day_of | None, found: day_of | None, days_apart: int) -> None:
    """Warn, or refuse where metadata say so, when an image is of another day than it is said to be."""
    if told is None or found is None or abs((told - found).days) <= days_apart:
        return
    if image.acquired is not None:
        raise InputError(
            f"{image.name} given as of {told}, acquired on {found}", f"at most {days_apart} days apart",
            "correct the date, or allow more with --days-apart",
        )  # fmt: skip
    warnings.warn(f"{image.name} is given as of {told}; its name says {found}", EarthloomWarning, stacklevel=4)


def _require_dates(dates: Sequence[Known], day: day_of | None) -> None:
    """All dates or none.

    Raises
    ------
    InputError
        If some are missing.
    """
    known = [one.fine_day is not None and one.coarse_day is not None for one in dates] + [day is not None]
    if any(known) and not all(known):
        raise InputError("some dates, and images that tell none", "dates for all", "give dates= and date=")


def _scale(scene: PairScene) -> float | None:
    """Scale of the coarse images."""
    scales = set(scene.coarse["coarse_1"].image.scales)
    return scales.pop() if len(scales) == 1 else None


def product_tags(
    scene: PairScene, method: Method, opener: Opener, facts: Facts, handling: Handling, day: day_of | None
) -> dict[str, str]:
    """Provenance of a product."""
    days = {role: str(one) for role, one in scene.days.items() if one is not None}
    sensor = opener.sensor("fine")
    coarse = opener.sensor("coarse")
    extra: dict[str, Any] = {"dates": days, "ratio": float(scene.ground.ratio), **facts.as_dict()}
    if coarse is not None:
        extra["coarse_sensor"] = coarse.name
    tags = provenance(
        f"{method.card.problem}/{name_of(method)}", method.parameters,
        {role: image.paths for role, image in scene.images.items()},
        sensor=sensor.name if sensor else None, extra=extra,
    )  # fmt: skip
    if day is not None:
        tags |= {"EARTHLOOM_DATE": day.isoformat(), "TIFFTAG_DATETIME": day.strftime("%Y:%m:%d 00:00:00")}
    return tags


def write(
    path: Path, scene: PairScene, told: Any, method: Method, handling: Handling, options: Options, tags: dict[str, str]
) -> None:
    """Fuse into a file on the fine grid."""
    first, bands = scene.ground.fine, scene.fine_bands
    dtype = dtype_of(options.dtype or first.dtype)
    physical = dtype.kind == "f" and first.dtype.kind != "f"
    target = create(
        path,
        shape=scene.shape,
        count=len(bands),
        dtype=dtype,
        crs=first.crs,
        transform=first.transform,
        nodata=nodata_for(first.nodata, dtype, handling.fine.nodata, True),
        names=[name or band.name for name, band in zip(first.names, bands, strict=True)],
        wavelengths_nm=[band.centre_nm for band in bands],
        scales=None if physical else first.scales,
        offsets=None if physical else first.offsets,
        compress=options.compress,  # type: ignore[arg-type]
        overwrite=options.overwrite,
        threads=options.workers,
    )
    # adapting may take a minute, so it comes after everything that can be refused
    method = ready(method, told, options)
    with target as writer:
        writer.tag(tags)

        def finish(window: Window, product: Product) -> Any:
            writer.write(window, product.data, product.valid & np.isfinite(product.data).all(axis=0))
            return product.measured

        parts = fuse_scene(method, told, finish, options.tile_px, options.workers, options.progress)
        if residual := residual_percent(merged(parts)):
            options.tell_residual(residual)
        options.progress("writing", 0, 1)
    options.progress("writing", 1, 1)


def _labelled(product: Product, scene: PairScene, options: Options, handling: Handling) -> Any:
    """The product as a DataArray."""
    first = scene.ground.fine
    dtype = dtype_of(options.dtype) if options.dtype else None
    nodata = None if dtype is None else nodata_for(first.nodata, dtype, handling.fine.nodata, True)
    valid = product.valid & np.isfinite(product.data).all(axis=0)
    product = replace(product, data=np.where(valid, product.data, product.data.dtype.type(np.nan)), valid=valid)
    return labelled(product, first, (first.crs, first.transform), dtype, nodata, "predicted")
