"""What a problem hands to the engine: a scene, the grid and the bands of the product, how its numbers are stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from earthloom.engine.job import Encode, Fusion, Job
from earthloom.methods.base import Method
from earthloom.ops.moments import Stats
from earthloom.raster.image import Image
from earthloom.raster.write.place import QUALITY
from earthloom.raster.write.provenance import PREFIX
from earthloom.types import Band, Scene, Window

MakeJob = Callable[[Method, Scene, tuple[Window, ...], Encode], Job]


@dataclass(frozen=True)
class Numbers:
    """How an image stores its numbers, ``physical = scale * number + offset``; its product does the same.

    Parameters
    ----------
    dtype
        Of the stored numbers.
    scales, offsets
        One each per band of the product.
    nodata
        Code of missing pixels in the input.
    told
        The same as the user said it, for the product too.
    holes
        Whether a pixel of the product can be missing.
    spare
        Code for them in integers, where the input has none and 0 may be a measurement.
    matlab
        Type in a ``.mat`` product, where the toolboxes of the field expect one.
    """

    dtype: np.dtype
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    nodata: float | None = None
    told: float | None = None
    holes: bool = True
    spare: float = 0.0
    matlab: str | None = None

    @classmethod
    def of(cls, image: Image, told: float | None, holes: bool) -> Numbers:
        """Those of an image with as many bands as the product."""
        return cls(image.dtype, image.scales, image.offsets, image.nodata, told, holes)


@dataclass(frozen=True)
class Layer:
    """A file beside the product: what its name adds to that of the product, its bands, and how they are stored.

    With a ``place`` it goes there, as a GeoTIFF.
    """

    suffix: str
    names: tuple[str, ...]
    dtype: str
    nodata: float | None
    tags: Mapping[str, str] = field(default_factory=dict)
    place: Path | None = None


EXPECTED = Layer(
    QUALITY, ("expected_error",), "float32", math.nan,
    {f"{PREFIX}EXPECTED_ERROR": "root mean square over the bands, in physical units; found as the parameters say"},
)  # fmt: skip


def as_it_is(method: Method) -> Method:
    """No wrapper."""
    return method


def no_more(method: Method) -> dict[str, Any]:
    """No facts of the method's own."""
    return {}


def nothing_more(measured: Stats) -> dict[str, Any]:
    """No figures of the problem's own."""
    return {}


def nothing_odd(figures: Mapping[str, Any]) -> str:
    """No word of caution."""
    return ""


@dataclass(frozen=True)
class Prepared:
    """A problem, ready for a method.

    Parameters
    ----------
    scene
        Gives out the tiles.
    grid, like
        Roles: of the input on whose grid the product lies (and whose kind it takes, for arrays), and of the one whose
        attributes it takes.
    numbers
        How the product's numbers are stored.
    bands
        Of the product; ``names`` are those in its file.
    crs, transform
        Of the product's grid, whose shape is that of the scene.
    inputs
        Role to files, for the provenance.
    sensor
        Whose bands the product has, where known.
    parameters
        Of the run, beside those of the method, for the provenance.
    facts
        What was found out about the inputs, for the provenance.
    tags
        Further tags, as they are.
    finite
        Whether pixels that are not finite are missing.
    wrap
        What is put around a method that is ready.
    job
        Makes the job.
    figures
        What the measured statistics say, by name.
    caution
        What to warn of, by these figures; empty: nothing.
    layers
        Files beside the product.
    judged
        Whether these hold how far each pixel is expected to be off, where that is asked for; else a layer is added.
    called
        What the product is called as a DataArray.
    attrs, coords
        What a DataArray says besides; coordinates along the bands, in nm.
    says
        Further facts, when it is known which method runs.
    mark
        Attribute of a DataArray that takes the name of the method, and what follows the name there.
    pair
        What the method is fitted to before it runs, where that is another scene.
    back
        Hands an array back to who gave one, where its grid is another than that of the input.
    """

    scene: Scene
    grid: str
    like: str
    numbers: Numbers
    bands: tuple[Band, ...]
    names: tuple[str, ...]
    crs: Any = None
    transform: Affine = field(default_factory=Affine.identity)
    inputs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sensor: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    finite: bool = False
    wrap: Callable[[Method], Method] = as_it_is
    job: MakeJob = Fusion
    figures: Callable[[Stats], Mapping[str, Any]] = nothing_more
    caution: Callable[[Mapping[str, Any]], str] = nothing_odd
    layers: tuple[Layer, ...] = ()
    judged: bool = False
    called: str = "product"
    attrs: Mapping[str, Any] = field(default_factory=dict)
    coords: Mapping[str, Sequence[float]] = field(default_factory=dict)
    back: Callable[[Any, np.ndarray], Any] | None = None
    says: Callable[[Method], Mapping[str, Any]] = no_more
    mark: tuple[str, str] | None = None
    pair: Any = None
