"""What an image looks like to an eye: its visible bands in 8 bits, one stretch for a set of images, haze taken off.

The stretch of a colour is ``v = ((x - dark) / (top - dark))^gamma``, clipped to 0..1:

* ``dark`` is the darkest ground of each colour, which haze lifts most in the blue (dark-object subtraction),
* ``top`` a high quantile, of one colour never much nearer to its dark than those of the others, so that a forest stays
  green,
* ``gamma``, at most 1, brings the middle of the ground to where an eye tells shades apart.

References
----------
Chavez, Remote Sensing of Environment 24(3), 459-479, 1988.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from earthloom.atomic import write_whole
from earthloom.raster.image import Image
from earthloom.raster.open import open_image
from earthloom.raster.write.place import require_place
from earthloom.types import Bool, Float, UInt8

VISIBLE_NM = ((610.0, 690.0), (515.0, 600.0), (445.0, 515.0))  # red, green, blue: bands inside are averaged
CENTRES_NM = (660.0, 560.0, 480.0)
NEAR_NM = 60.0  # of a centre, where no band lies inside
NIR_NM = 850.0
NAMES = (("red", "green", "blue"), ("b4", "b3", "b2"), ("b04", "b03", "b02"))  # how bands are called
DARK, TOP = 0.5, 99.0  # percentiles of the ground
ALIKE = 0.6  # the span of a colour is at least so much of the widest one
MIDDLE, STRONGEST = 0.33, 0.55  # where the median goes, and the strongest gamma
SIDE = 2048  # pixels of the longer side of a quicklook
SUFFIX = "_display.png"
NOTHING = 214  # grey of pixels that hold nothing
NARROWEST = 0.25  # of the stretch of a whole image: what a place in it spans at least
BEYOND, FLAT = 0.2, 0.08  # of a stretch: where the middle of an image may lie outside, and the least that it spans


@dataclass(frozen=True)
class Colours:
    """Which bands make red, green and blue, or grey alone: those of a colour are averaged; and the choice in words."""

    groups: tuple[tuple[int, ...], ...]
    words: str

    def of(self, data: Float[np.ndarray, "band y x"]) -> Float[np.ndarray, "colour y x"]:
        """The colours of an image."""
        return np.stack([data[list(group)].mean(axis=0) for group in self.groups])

    @property
    def single(self) -> tuple[int, ...]:
        """One band for each colour, the middle one: where bands are chosen, not averaged."""
        return tuple(group[len(group) // 2] for group in self.groups)


@dataclass(frozen=True)
class Stretch:
    """How numbers become brightness, for each colour; see the module."""

    dark: tuple[float, ...]
    top: tuple[float, ...]
    gamma: float = 1.0

    @classmethod
    def of(cls, samples: Iterable[tuple[np.ndarray, np.ndarray]]) -> Stretch:
        """One for several images of the same colours: ``(colour, y, x)`` and which pixels hold something."""
        seen = [colours[:, valid] for colours, valid in samples if valid.any()]
        if not seen:
            return cls((0.0,), (1.0,))
        share = max(1, min(part.shape[1] for part in seen) // 4)  # an image of many pixels does not drown the others
        ground = np.concatenate([part[:, :: max(1, part.shape[1] // (8 * share))] for part in seen], axis=1)
        dark, top = np.percentile(ground, DARK, axis=1), np.percentile(ground, TOP, axis=1)
        span = np.maximum(top - dark, ALIKE * (top - dark).max())
        span = np.where(span > 0, span, 1.0)
        middle = float(np.median(np.clip((ground - dark[:, None]) / span[:, None], 1e-3, 1)))
        gamma = float(np.clip(np.log(MIDDLE) / np.log(middle), STRONGEST, 1.0)) if middle < MIDDLE else 1.0
        return cls(tuple(map(float, dark)), tuple(map(float, dark + span)), gamma)

    def no_narrower(self, whole: Stretch) -> Stretch:
        """That of the whole image where this one spans a small share of it: calm water stays calm, and its colour."""
        spans = [np.subtract(one.top, one.dark).max() for one in (self, whole)]
        return whole if len(whole.dark) == len(self.dark) and spans[0] < NARROWEST * spans[1] else self

    def __call__(
        self, colours: Float[np.ndarray, "colour y x"], valid: Bool[np.ndarray, "y x"]
    ) -> UInt8[np.ndarray, "y x 3"]:
        """Red, green and blue from 0 to 255; pixels that hold nothing are grey."""
        dark, top = (np.asarray(one)[:, None, None] for one in (self.dark, self.top))
        shown = np.clip((colours - dark) / (top - dark), 0, 1) ** self.gamma
        bytes_ = np.moveaxis((255 * shown + 0.5).astype(np.uint8), 0, 2)
        bytes_ = np.repeat(bytes_, 3, axis=2) if bytes_.shape[2] == 1 else bytes_
        return np.where(valid[..., None], bytes_, np.uint8(NOTHING))


def fits(stretch: Stretch, colours: np.ndarray, valid: np.ndarray, flat: float = FLAT) -> bool:
    """Whether a stretch shows an image: its middle is not far beyond the ends, and it is not ``flat`` there."""
    if not valid.any() or len(colours) != len(stretch.dark):
        return False
    dark, top = np.asarray(stretch.dark), np.asarray(stretch.top)
    low, middle, high = (np.percentile(colours[:, valid], (5, 50, 95), axis=1) - dark) / (top - dark)
    return bool((middle > -BEYOND).all() and (middle < 1 + BEYOND).all() and (high - low).max() > flat)


def colours_of(centres_nm: Sequence[float | None], names: Sequence[str] = (), marked: Sequence[str] = ()) -> Colours:
    """The bands that an eye would see.

    By wavelength, else by what the file marks as red, green and blue, else by name; near infrared, red and green where
    there is no blue; else by order: three bands as they come, of four and more the third, second and first.

    Parameters
    ----------
    centres_nm
        Of each band; None where unknown.
    names, marked
        Of each band: its name, and the colour that its file says it is.
    """
    if natural := _by_wavelength(centres_nm):
        return Colours(natural, "natural colours")
    for words in (tuple(one.lower() for one in marked), tuple(one.lower() for one in names)):
        for called in NAMES:
            if all(colour in words for colour in called):
                told = "natural colours" if called == NAMES[0] else f"bands {', '.join(called)}"
                return Colours(tuple((words.index(colour),) for colour in called), told)
    if false := _nearest(centres_nm, (NIR_NM, *CENTRES_NM[:2])):
        return Colours(false, "near infrared, red and green as red, green and blue")
    if len(centres_nm) < 3:
        return Colours(((0,),), "grey")
    order = (0, 1, 2) if len(centres_nm) == 3 else (2, 1, 0)
    return Colours(tuple((at,) for at in order), f"bands {', '.join(str(at + 1) for at in order)}")


def _by_wavelength(centres_nm: Sequence[float | None]) -> tuple[tuple[int, ...], ...] | None:
    """All bands of each visible colour, else the nearest ones."""
    inside = tuple(
        tuple(at for at, nm in enumerate(centres_nm) if nm is not None and low <= nm < high) for low, high in VISIBLE_NM
    )
    return inside if all(inside) else _nearest(centres_nm, CENTRES_NM)


def _nearest(centres_nm: Sequence[float | None], wanted: Sequence[float]) -> tuple[tuple[int, ...], ...] | None:
    """The band nearest to each of some wavelengths, where one is near and they are not the same."""
    known = {at: nm for at, nm in enumerate(centres_nm) if nm is not None}
    found = [min(known, key=lambda at, nm=nm: abs(known[at] - nm), default=None) for nm in wanted]
    near = [at for at, nm in zip(found, wanted, strict=True) if at is not None and abs(known[at] - nm) <= NEAR_NM]
    return tuple((at,) for at in near) if len(set(near)) == len(wanted) else None


def colours_in(image: Image) -> Colours:
    """Those of an opened image; bands that its file calls bad are not looked at."""
    centres = [
        None if number in image.bad_bands else nm for number, nm in enumerate(image.wavelengths_nm, 1)
    ]  # fmt: skip
    return colours_of(centres, image.names, image.colours)


def looked_at(
    image: Image, limit: int = SIDE, colours: Colours | None = None
) -> tuple[np.ndarray, np.ndarray, Colours]:
    """The colours of an image, no side longer than ``limit``, and which pixels hold something; overviews are used."""
    colours = colours or colours_in(image)
    bands = sorted({at for group in colours.groups for at in group})
    data, valid = image.pick(bands).decimated(limit)
    place = {band: at for at, band in enumerate(bands)}
    groups = tuple(tuple(place[at] for at in group) for group in colours.groups)
    return Colours(groups, colours.words).of(data), valid, colours


def write_displays(paths: Sequence[Path], overwrite: bool = False, limit: int = SIDE) -> list[Path]:
    """Write a quicklook beside each of some images, all with one stretch, so that they can be laid side by side.

    Parameters
    ----------
    paths
        Images of the same bands: products of one series or batch, or a single one.
    overwrite
        Replace earlier ones.
    limit
        Pixels of their longer side, at most.

    Returns
    -------
    list of Path
        ``NAME_display.png`` each, with a world file ``NAME_display.pgw`` where the image has a place on Earth.

    Raises
    ------
    FileError
        If one is in the way, or cannot be written.
    """
    places = [display_of(path) for path in paths]
    for place in places:
        require_place(place, overwrite)
    stretch = Stretch.of([_small(path)[:2] for path in paths])
    for path, place in zip(paths, places, strict=True):
        with open_image(path) as image:
            colours, valid, _ = looked_at(image, limit)
            write_whole(place, png(stretch(colours, valid)))
            if image.georeferenced:
                write_whole(place.with_suffix(".pgw"), _world(image, valid.shape).encode())
    return places


def display_of(product: Path) -> Path:
    """Where the quicklook of a product goes."""
    return product.with_name(f"{product.stem}{SUFFIX}")


def _small(path: Path) -> tuple[np.ndarray, np.ndarray, Colours]:
    """Enough of an image to stretch it."""
    with open_image(path) as image:
        return looked_at(image, 512)


def _world(image: Image, shape: tuple[int, ...]) -> str:
    """The six numbers of a world file: pixel sizes, rotations, and the centre of the first pixel."""
    rows, cols = image.shape
    grid = thinned(image.transform, rows / shape[0], cols / shape[1])
    x, y = grid.c + (grid.a + grid.b) / 2, grid.f + (grid.d + grid.e) / 2
    return "".join(f"{number:.12g}\n" for number in (grid.a, grid.d, grid.b, grid.e, x, y))


def thinned(grid: Affine, down: float, across: float) -> Affine:
    """A grid whose pixels are so many times as high and as wide, from the same corner."""
    return Affine(grid.a * across, grid.b * down, grid.c, grid.d * across, grid.e * down, grid.f)


def png(pixels: UInt8[np.ndarray, "y x 3"]) -> bytes:
    """Pixels as a PNG."""
    return _saved(pixels, "png")


def jpeg(pixels: UInt8[np.ndarray, "y x 3"], quality: int = 88) -> bytes:
    """Pixels as a JPEG: a tenth of the size, for overviews."""
    return _saved(pixels, "jpeg", pil_kwargs={"quality": quality, "optimize": True})


def _saved(pixels: np.ndarray, kind: str, **more: Any) -> bytes:
    """Pixels as a file in memory."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    imsave(stream, np.ascontiguousarray(pixels), format=kind, **more)
    return stream.getvalue()
