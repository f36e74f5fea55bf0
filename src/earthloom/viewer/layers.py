"""The layers of a page: the files that were named, opened once, found by their number and by nothing else."""

from __future__ import annotations

import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.raster.addresses import is_remote, without_secrets
from earthloom.raster.formats import images_in, is_image
from earthloom.raster.image import Image
from earthloom.raster.listing.days import date_in
from earthloom.raster.open import open_image
from earthloom.raster.write.place import QUALITY
from earthloom.report.display import colours_in
from earthloom.viewer.geometry import Box, Frame, frame_of, pixel_at, place

MOST_LAYERS = 500
MOST_OPEN = 16  # layers whose files are held open: each thread has a handle of its own
OF_ANOTHER = re.compile(rf"({QUALITY}|_origin|_mask|_clear)$", re.I)
OURS = "EARTHLOOM_"
UNSURE = ("uncertainty", "expected_error", "origin")  # bands of quality whose large numbers are the bad ones


@dataclass(frozen=True, eq=False)
class Layer:
    """An image that is shown.

    Parameters
    ----------
    number
        By which the page asks for it.
    name
        Of its file, made unlike all others.
    image, shown
        As its file holds it, and as it lies in the frame.
    box
        The rectangle that it fills there.
    frame
        That of all layers.
    day
        When it was seen.
    series
        Name of the series that it belongs to; empty for none.
    quality_of
        Number of the layer whose quality it tells.
    said
        What is to be known about how it is shown.
    marks
        Device, number and length of each of its files: what was opened is what is served.
    """

    number: int
    name: str
    image: Image
    shown: Image
    box: Box
    frame: Frame
    day: date | None = None
    series: str = ""
    quality_of: int | None = None
    said: tuple[str, ...] = ()
    marks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def pixel(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column under a point of the frame."""
        return pixel_at(self.image, self.box, self.frame, x, y)

    def require_same(self) -> None:
        """Refuse a file that was replaced since it was opened, by a link or by another file.

        Raises
        ------
        FileError
            If one was.
        """
        for path, mark in self.marks.items():
            if _mark(path) != mark:
                raise FileError(f"{self.name} has changed since it was opened", hint="start the viewer again")

    @property
    def colours(self) -> tuple[int, ...]:
        """The bands shown first, from 0: as in reports, one for each colour."""
        return (0,) if self.quality_of is not None else colours_in(self.image).single

    def about(self) -> dict[str, Any]:
        """What the page knows of it from the start."""
        image = self.image
        return {
            "number": self.number, "name": self.name, "count": image.count, "dtype": image.dtype.name,
            "height": image.shape[0], "width": image.shape[1], "extent": self.box.extent,
            "pixel": [self.box.across, self.box.down], "day": self.day and str(self.day), "series": self.series,
            "names": list(image.names), "nm": list(image.wavelengths_nm), "colours": self.colours,
            "quality_of": self.quality_of, "said": list(self.said), "bad_bands": list(image.bad_bands),
            "crs": _short_crs(image.crs), "legends": self.legends, "order": self.order,
        }  # fmt: skip

    @property
    def order(self) -> str:
        """Whether the lowest or the highest numbers of its first band are the bad ones."""
        return "highest" if self.image.names[0].lower() in UNSURE else "lowest"

    @property
    def legends(self) -> dict[str, dict[str, str]]:
        """What the numbers of a band stand for, by the name of the band, where the file says."""
        tags = {key.removeprefix(OURS).lower(): value for key, value in self.image.tags.items()}
        found = {name: _parsed(tags.get(name.lower(), "")) for name in self.image.names if name}
        return {
            name: {str(k): str(v) for k, v in told.items()} for name, told in found.items() if isinstance(told, dict)
        }

    def record(self) -> dict[str, Any]:
        """How it was made, as its own tags tell."""
        return {
            key.removeprefix(OURS).lower(): _parsed(value)
            for key, value in sorted(self.image.tags.items()) if key.startswith(OURS)
        }  # fmt: skip


class Shelf:
    """All layers; files of those that nobody asks for any longer are closed.

    Parameters
    ----------
    layers
        In the order of their numbers.
    left_out
        Name and reason of what was named in vain in a folder.
    """

    def __init__(self, layers: Sequence[Layer], left_out: Mapping[str, str] | None = None) -> None:
        self.layers, self.left_out = tuple(layers), dict(left_out or {})
        self._lock = threading.Lock()
        self._used: dict[int, int] = {}
        self._open: OrderedDict[int, None] = OrderedDict()

    @property
    def frame(self) -> Frame:
        """Of all layers."""
        return self.layers[0].frame

    @contextmanager
    def use(self, number: int) -> Iterator[Layer]:
        """A layer that stays open inside.

        Raises
        ------
        InputError
            If there is none of this number.
        FileError
            If its file is another one by now.
        """
        if not 0 <= number < len(self.layers):
            raise InputError(f"layer {number}", f"0 to {len(self.layers) - 1}")
        layer = self.layers[number]
        layer.require_same()
        with self._lock:
            self._used[number] = self._used.get(number, 0) + 1
            self._open[number] = None
            self._open.move_to_end(number)
        try:
            yield layer
        finally:
            with self._lock:
                self._used[number] -= 1
                idle = [one for one in self._open if not self._used.get(one)]
                for one in idle[: max(0, len(self._open) - MOST_OPEN)]:
                    del self._open[one]
                    _close(self.layers[one])

    def close(self) -> None:
        """Close all files."""
        for layer in self.layers:
            _close(layer)


def open_layers(paths: Sequence[str | Path]) -> Shelf:
    """Open what was named: images, folders that are one image, and folders of images.

    Raises
    ------
    EarthloomError
        If something that was named itself cannot be opened, nothing is there, or there are too many.
    """
    named, left_out = _listed(paths)
    images: list[tuple[Image, str]] = []
    for path, series in named:
        try:
            images.append((open_image(path).north_up(), series))
        except EarthloomError as error:
            if not series:
                raise
            left_out[Path(path).name] = str(error)
    if not images:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:3])
        raise FileError(f"no image to show in {', '.join(map(str, paths))}", "images", reasons)
    return Shelf(_placed(images), left_out)


def _placed(images: Sequence[tuple[Image, str]]) -> list[Layer]:
    """The layers, in one frame."""
    frame, layers = frame_of([image for image, _ in images]), []
    names = _unlike([_called(image) for image, _ in images])
    stems = {_stem(name): number for number, name in enumerate(names)}
    days = [image.acquired or _day(image) for image, _ in images]
    series = _series(images, names, days)
    for number, (image, _) in enumerate(images):
        shown, box, told = place(image, frame)
        stem = _stem(names[number])
        owner = stems.get(OF_ANOTHER.sub("", stem)) if OF_ANOTHER.search(stem) else None
        marks = {path: _mark(path) for path in image.paths if os.path.exists(path)}
        said = tuple(filter(None, (told, *_slow(shown))))
        layers.append(
            Layer(
                number,
                names[number],
                image,
                shown,
                box,
                frame,
                days[number],
                series.get(number, ""),
                owner,
                said,
                marks,
            )
        )
    return layers


def _series(images: Sequence[tuple[Image, str]], names: Sequence[str], days: Sequence[date | None]) -> dict[int, str]:
    """Images of one folder with days of their own and as many bands: their series, by number.

    Where a day comes twice there are several: of those whose names differ in digits alone.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, (image, folder) in enumerate(images):
        if folder and days[number] and not OF_ANOTHER.search(_stem(names[number])):
            groups.setdefault((folder, str(image.count)), []).append(number)
    for key, found in list(groups.items()):
        if len({days[number] for number in found}) < len(found):
            del groups[key]
            for number in found:
                groups.setdefault((*key, re.sub(r"\d+", "", names[number])), []).append(number)
    told: dict[int, str] = {}
    several = len({key for key, found in groups.items() if len(found) > 1}) > 1
    for (folder, *_), found in groups.items():
        if len({days[number] for number in found}) > 1:
            called = f"{folder}, {_start([names[number] for number in found])}" if several else folder
            told |= dict.fromkeys(found, called)
    return told


def _start(names: Sequence[str]) -> str:
    """How all of some names begin, without the digits at its end; the first of them where they begin differently."""
    same = next((n for n, signs in enumerate(zip(*names, strict=False)) if len(set(signs)) > 1), len(names[0]))
    return names[0][:same].rstrip("_-. 0123456789") or names[0]


def _slow(image: Image) -> list[str]:
    """What is said about a large image without smaller copies of itself."""
    if max(image.shape) <= 4096 or getattr(image.reader, "overviews", False):
        return []
    return ["no overviews: every n-th pixel is shown when zoomed out (`gdaladdo` makes overviews)"]


def _listed(paths: Sequence[str | Path]) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Every image and the folder that it was found in (empty where it was named itself), and what was left out."""
    found: list[tuple[str, str]] = []
    left_out: dict[str, str] = {}
    for path in paths:
        folder = Path(path)
        if is_remote(path) or not folder.is_dir() or is_image(folder):
            known = not is_remote(path) and os.path.lexists(path)  # else an address, or a part of a file
            found.append((os.path.realpath(path) if known else str(path), ""))
            continue
        home = folder.resolve()
        for one in images_in(folder, pictures=False):
            real = one.resolve()
            if real.is_relative_to(home):
                found.append((str(real), home.name))
            else:
                left_out[one.name] = "a link that leads out of the folder"
    if len(found) > MOST_LAYERS:
        raise InputError(f"{len(found)} images", f"at most {MOST_LAYERS}", "name fewer of them")
    return list(dict.fromkeys(found)), left_out


def _mark(path: str) -> tuple[int, ...]:
    """What tells a file from another one that took its name, by a link or a move; of a folder only which it is."""
    try:
        facts = os.stat(path)
    except OSError:
        return ()
    return (facts.st_dev, facts.st_ino, facts.st_size if os.path.isfile(path) else 0)


def _called(image: Image) -> str:
    """The name of an image: of its file, without the folder and what an address keeps to itself."""
    return without_secrets(image.name) if image.name else "image"


def _unlike(names: Sequence[str]) -> list[str]:
    """Names, numbered where several are the same."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _stem(name: str) -> str:
    """A name without its ending."""
    return name.rpartition(".")[0] or name


def _day(image: Image) -> date | None:
    """The day in the name of an image."""
    try:
        return date_in(Path(image.paths[0]).name) if image.paths else None
    except EarthloomError:
        return None


def _parsed(value: str) -> Any:
    """A tag: what its JSON holds, or its text."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _short_crs(crs: Any) -> str | None:
    """A CRS by its code, or by a part of its text."""
    return None if crs is None else str(crs)[:60]


def _close(layer: Layer) -> None:
    """Close the files of a layer, as it is shown and as it is."""
    layer.shown.close()
    layer.image.close()
