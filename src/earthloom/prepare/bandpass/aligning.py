"""An alignment prepared: source and target opened, guarded and matched, and how the product stores its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from earthloom.engine.options import Run
from earthloom.engine.prepared import Numbers, Prepared
from earthloom.methods.base import Method
from earthloom.methods.families.aligning import Solved
from earthloom.prepare.bandpass.levels import Levels, require_unit
from earthloom.prepare.bandpass.lookup import aligned
from earthloom.prepare.bandpass.opening import Identified, identified, pair_scene, require_numbers, require_source
from earthloom.prepare.bandpass.pairing import MARK, Pairing, for_sensors, require_sensor
from earthloom.prepare.bandpass.transform import Transform, checksum
from earthloom.raster.image import Image
from earthloom.raster.scenes.matched import MatchedScene
from earthloom.sensors import Sensor, load
from earthloom.types import Band


@dataclass(frozen=True)
class Matched:
    """What a method is fitted to.

    Parameters
    ----------
    scene
        Both images on one grid; the source alone without a target.
    seen, other
        Source and target.
    to
        The sensor whose bands are wanted.
    levels
        Of the source.
    """

    scene: MatchedScene
    seen: Identified
    other: Identified | None
    to: Sensor
    levels: Levels

    def told_sensors(self, method: Method) -> Method:
        """A method that is told whose bands it turns into whose."""
        return for_sensors(method, self.seen.sensor, self.to)

    def require_unit(self, method: Method | str) -> None:
        """Refuse numbers of another unit than the method works in."""
        require_unit(self.levels, method, self.seen.image.name)


@dataclass(frozen=True)
class Aligning:
    """What is told about the images of an alignment; called with them, it prepares."""

    pairing: Pairing

    def __call__(self, images: Mapping[str, Image], run: Run) -> Prepared:
        """Open source and target, guard their numbers, and lay them on one grid.

        Raises
        ------
        EarthloomError
            Whatever stands in the way, in words.
        """
        pairing = self.pairing
        source, mask = images["source"], images.get("source_mask")
        seen = identified(source, "source", mask, pairing.source, pairing.force, run.fact)
        other = None
        if "target" in images:
            other = identified(images["target"], "target", images.get("target_mask"), pairing.target, True, run.fact)
        to = other.sensor if other is not None else require_sensor(pairing.target.sensor, "target")
        levels = require_numbers(seen, "source", seen.sensor.name)
        scene = pair_scene(seen, other, to, pairing, run)
        like = seen if other is None else other
        count = len(scene.target_bands)
        numbers = numbers_of(like.image, count if other is not None else None, seen.image, count)
        pair = Matched(scene, seen, other, to, levels)
        return product_of(seen, other, to, scene.target_bands, numbers, pair)


@dataclass(frozen=True)
class Applying:
    """A transform that was fitted before, on a source; called with it, it prepares."""

    transform: Transform
    pairing: Pairing

    def __call__(self, images: Mapping[str, Image], run: Run) -> Prepared:
        """Open the source and see that it is one that the transform takes.

        Raises
        ------
        InputError
            If it is of another sensor, or lacks a band.
        """
        transform, pairing = self.transform, self.pairing
        seen = identified(images["source"], "source", None, pairing.source, pairing.force, run.fact)
        require_source(transform, seen)
        levels = require_numbers(seen, "source", seen.sensor.name)
        transform.require_range(levels.top, seen.image.name, seen.image.scales[0])
        image, count = seen.image, len(transform.target.bands)
        stored = transform.fitted.get("dtype")
        if stored is None:  # fitted to spectra: as the source stores its numbers
            numbers = numbers_of(image, None, image, count)
        else:
            scales, offsets = (tuple(float(v) for v in values) for values in transform.target.gains)
            numbers = Numbers(np.dtype(stored), scales, offsets, image.nodata, None, image.maskable)
        tags = {"EARTHLOOM_TRANSFORM": checksum(transform.as_dict())}
        return product_of(seen, None, load(transform.target.sensor), transform.target.bands, numbers, None, tags)


def numbers_of(like: Image, bands: int | None, source: Image, count: int) -> Numbers:
    """As an image stores its numbers: its scalings where they are one or one for each band; the code of the source."""
    pairs = list(zip(like.scales, like.offsets, strict=True))
    same = len(set(pairs)) == 1 or len(pairs) != bands
    scales, offsets = ((pairs[0][0],) * count, (pairs[0][1],) * count) if same else (like.scales, like.offsets)
    return Numbers(like.dtype, scales, offsets, source.nodata, None, source.maskable)


def product_of(
    seen: Identified, other: Identified | None, to: Sensor, bands: Sequence[Band], numbers: Numbers,
    pair: Matched | None, tags: Mapping[str, str] | None = None,
) -> Prepared:  # fmt: skip
    """The whole source with the bands of the target."""
    image = seen.image
    inputs: dict[str, Sequence[str]] = {"source": image.paths}
    if other is not None:
        inputs["target"] = other.image.paths
    whole = MatchedScene(image, None, seen.bands, tuple(bands))
    return Prepared(
        whole, "source", "source" if other is None else "target", numbers, tuple(bands),
        tuple(band.name for band in bands), image.crs, image.transform, inputs, to.name, tags=tags or {},
        job=partial(aligned, source=image), called="aligned", says=partial(_facts, source=seen.sensor.name, to=to.name),
        mark=(MARK, f", {seen.sensor.name} to {to.name}"), pair=pair, finite=image.in_memory,
    )  # fmt: skip


def _facts(method: Method, source: str, to: str) -> dict[str, Any]:
    """From which sensor to which, and by which mapping."""
    told: dict[str, Any] = {"from": source, "to": to}
    if isinstance(method, Solved):
        told["mapping"] = method.mapping.as_dict() if method.mapping.tables is None else "tables"
    return {"alignment": told}
