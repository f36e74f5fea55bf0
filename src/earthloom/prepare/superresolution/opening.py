"""A cube opened, its bands sorted; what does not fit is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from affine import Affine

from earthloom.engine.options import Run
from earthloom.errors import InputError, MethodError
from earthloom.methods.base import Method
from earthloom.prepare.superresolution.bands import BandPlan, bands_at, plan_bands
from earthloom.problems.superresolution import RATIOS
from earthloom.raster.image import Image
from earthloom.raster.labels import bands_of
from earthloom.raster.scenes.cube import THINNED_PX, CubeScene, finer, thinned
from earthloom.sensors import Sensor, load
from earthloom.types import Band, Convention, Window
from earthloom.weights import store as files_of_weights

PROBLEM, DEFAULT, DEFAULT_RATIO = "superresolution", "dualsr", 4


BLURS: dict[str, Convention] = {"bicubic": "bicubic", "mtf": "centre"}


HINT = "numpy.moveaxis(cube, {}, 0) brings the bands to the front; `bands_first=True` if they are there"


@dataclass(frozen=True)
class ToldCube:
    """What is told about a cube.

    Parameters
    ----------
    ratio
        Pixel size over that of the finer grid.
    sensor
        Name or file: the MTF of its bands.
    blur
        ``bicubic``, ``mtf`` (the sensor's), or None: the sensor's when there is one.
    bad_bands
        From 1.
    drop_bad
        Leave them out of the product.
    across_gaps
        Work on all bands together.
    bands_first
        They are, whatever the cube looks like.
    nodata
        Code of missing pixels.
    """

    ratio: int = DEFAULT_RATIO
    sensor: Any = None
    blur: Literal["bicubic", "mtf"] | None = None
    bad_bands: tuple[int, ...] = ()
    drop_bad: bool = False
    across_gaps: bool = False
    bands_first: bool = False
    nodata: float | None = None

    def __post_init__(self) -> None:
        """Refuse ratios and blurs that there are not."""
        whole_ratio(self.ratio)
        if self.blur not in (None, *BLURS):
            raise InputError(f"blur '{self.blur}'", " or ".join(BLURS))

    @property
    def convention(self) -> Convention:
        """Of the scene."""
        return BLURS[self.blur or ("mtf" if self.sensor else "bicubic")]


def whole_ratio(ratio: float) -> int:
    """A ratio that was asked for.

    Raises
    ------
    InputError
        If no cube is enlarged by it.
    """
    if ratio not in RATIOS or isinstance(ratio, bool):
        given = f"{ratio:g}" if isinstance(ratio, float) else ratio
        raise InputError(f"ratio {given}", f"one of {', '.join(map(str, RATIOS))}", "super-resolve in two steps for 6")
    return int(ratio)


def require_fit(method: Method, bands: int, ratio: int, total: int) -> None:
    """Refuse too few bands, and weights of another ratio, before anything is read.

    Raises
    ------
    MethodError
        What does not fit.
    """
    card = method.card
    if bands < card.min_bands:
        of = "" if bands == total else f" ({total} with the bad ones)"
        raise MethodError(
            f"{card.name} got {bands} band(s){of}", f"at least {card.min_bands}",
            "it sharpens each with its neighbours; `method=bicubic` and `method=back_projection` take any number",
        )  # fmt: skip
    name = method.parameters.get("weights")
    if isinstance(name, str):
        header = files_of_weights.read_header(name)
        own = header.sizes.get("ratio")
        if header.method.startswith(f"{PROBLEM}/") and own and round(own) != ratio:
            raise MethodError(
                f"weights '{header.name}' of ratio {own:g} for a cube to be enlarged {ratio} times",
                f"weights of ratio {ratio}", f"these run with `ratio={own:g}`",
            )  # fmt: skip


def product_bands(banding: BandPlan, told: ToldCube) -> list[int]:
    """Bands of the cube that the product holds, in its order."""
    return sorted(banding.good) if told.drop_bad else sorted((*banding.good, *banding.bad))


def require_bands_first(
    data: np.ndarray, known: bool, told: ToldCube, name: str, shape: tuple[int, ...] | None = None
) -> None:
    """Refuse a cube with its bands elsewhere, unless they are known to come first."""
    axis = 0 if known or told.bands_first else bands_at(data, shape)
    if axis:
        sides = " x ".join(map(str, shape or data.shape))
        order = "(row, column, band)" if axis == 2 else "(row, band, column)"
        raise InputError(f"{name} of {sides}, which looks like {order}", "(band, row, column)", HINT.format(axis))


@dataclass(frozen=True, eq=False)
class Cube:
    """An opened cube: the image, its bands, what happens to them, and the scenes of the good and of the bad ones."""

    image: Image
    bands: tuple[Band, ...]
    banding: BandPlan
    scene: CubeScene
    passed: CubeScene | None
    sensor: Sensor | None

    @property
    def place(self) -> tuple[Any, Affine]:
        """CRS and geotransform of the finer grid; the identity where the cube lies nowhere."""
        image, ratio = self.image, self.scene.ratio
        return image.crs, finer(image.transform, ratio) if image.georeferenced else Affine.identity()


def lay_cube(image: Image, method: Method, told: ToldCube, run: Run) -> Cube:
    """Sort the bands of an opened cube and lay it on the finer grid.

    Raises
    ------
    EarthloomError
        Whatever stands in the way, in words.
    """
    require_fit(method, image.count, told.ratio, image.count)
    if image.count == 1 and not image.told and not image.slots:
        raise InputError(
            f"{image.name} of one band and {image.shape[0]} x {image.shape[1]} pixels", "a cube of several bands",
            "a matrix of bands x pixels needs its nRow and nCol beside it",
        )  # fmt: skip
    image = image.north_up()
    data, present = thinned(image)
    _first(image, told)
    name = told.sensor or image.sensor
    sensor = load(name) if name else None
    bands = bands_of(image, sensor, fact=run.fact)
    centres = [band.centre_nm for band in bands]
    banding = plan_bands(data, present, centres, told.bad_bands, image.bad_bands, told.across_gaps)
    for note in banding.notes:
        run.tell(note)
    require_fit(method, len(banding.good), told.ratio, image.count)
    if image.in_memory and not image.pick(banding.good).any_valid():
        raise InputError("a cube without a pixel that is valid in all good bands", "", "check nodata, name `bad_bands`")

    def scene(picked: tuple[int, ...]) -> CubeScene:
        return CubeScene(image.pick(picked), tuple(bands[at] for at in picked), told.ratio, told.convention)

    passed = scene(banding.passed) if banding.passed and not told.drop_bad else None
    found = Cube(image, bands, banding, scene(banding.good), passed, sensor)
    known = [nm for nm in centres if nm is not None]
    span = f", {min(known):g} to {max(known):g} nm" if known else ", wavelengths unknown"
    run.tell(
        f"{image.count} bands of {image.shape[0]} x {image.shape[1]} pixels{span}; "
        f"{found.scene.shape[0]} x {found.scene.shape[1]} at ratio {told.ratio}, blur {told.convention}"
    )
    return found


def _first(image: Image, told: ToldCube) -> None:
    """Refuse a cube with its bands elsewhere than first; wavelengths or a place on Earth say that they are first."""
    placed = image.georeferenced and not image.in_memory
    if placed or told.bands_first or any(nm is not None for nm in image.wavelengths_nm):
        return
    # a window at full resolution: thinned, rows and columns are too rough
    height, width = (min(n, 2 * THINNED_PX) for n in image.shape)
    data = image.read(Window((image.shape[0] - height) // 2, (image.shape[1] - width) // 2, height, width))[0]
    name = "a cube" if image.in_memory else image.name
    require_bands_first(data, False, told, name, (image.count, *image.shape))
