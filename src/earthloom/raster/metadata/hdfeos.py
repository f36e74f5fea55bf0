"""HDF-EOS grids: what ``StructMetadata`` and the attributes of the arrays say, in HDF4 and in HDF5."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from earthloom.errors import FileError, InputError

STRUCTURE = "StructMetadata"
SINUSOIDAL = "GCTP_SNSOID"
OFFSETS = (4, 6, 7)  # of the projection's parameters: central meridian, false easting, false northing
NUMBER = re.compile(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")
AXES = ("ydim", "xdim")


@dataclass(frozen=True)
class EosField:
    """An array of a grid.

    Parameters
    ----------
    name
        In its grid.
    array
        In the file, with the groups it lies in.
    axes
        Names of its dimensions, in small letters.
    """

    name: str
    array: str
    axes: tuple[str, ...]


@dataclass(frozen=True)
class EosGrid:
    """A grid and the arrays on it that are images: rows, columns."""

    name: str
    shape: tuple[int, int]
    crs: CRS
    transform: Affine
    fields: tuple[EosField, ...]

    @property
    def pixel(self) -> float:
        """Width of a pixel."""
        return abs(self.transform.a)


@dataclass(frozen=True)
class Numbers:
    """What the numbers of an array mean.

    Parameters
    ----------
    fill
        Code of missing ones.
    scale, offset
        As they are written, whichever way they are meant; None where they are not.
    valid
        The least and the greatest measurement.
    """

    fill: float | None
    scale: float | None
    offset: float | None
    valid: tuple[float, float] | None


@dataclass
class _Block:
    """A grid of the text while it is read."""

    values: dict[str, str] = field(default_factory=dict)
    fields: list[dict[str, str]] = field(default_factory=list)


def structure(parts: Mapping[str, Any]) -> str:
    """The text that describes the grids, out of the attributes or arrays that hold it; a long one goes on in others."""
    text = ""
    for number in range(len(parts)):
        part = parts.get(f"{STRUCTURE}.{number}", "")
        text += part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)
    return text.replace("\0", "")


def grids(text: str, title: str, inner: bool) -> tuple[EosGrid, ...]:
    """The grids of a file that hold images, in its order.

    Parameters
    ----------
    text
        That describes them.
    title
        Name of the file.
    inner
        Whether arrays lie in groups, as in HDF5; else they are called as they are.

    Raises
    ------
    FileError
        If it has no description, or one without what is needed.
    InputError
        If a grid lies on another map than the sinusoidal one.
    """
    if not text:
        raise FileError(f"{title} has no {STRUCTURE}.0", "a file of HDF-EOS with grids", "get it again")
    found = [_grid(block, title, inner) for block in _blocks(text)]
    if not any(grid.fields for grid in found):
        raise FileError(f"the {STRUCTURE} of {title} names no grid with images", "a gridded product", "get it again")
    return tuple(grid for grid in found if grid.fields)


def numbers(attributes: Mapping[str, Any]) -> Numbers:
    """What the attributes of an array say of its numbers."""
    valid = numbers_in(attributes.get("valid_range"))
    return Numbers(
        fill=_first(attributes.get("_FillValue")),
        scale=_first(attributes.get("scale_factor")),
        offset=_first(attributes.get("add_offset")),
        valid=(valid[0], valid[1]) if len(valid) == 2 and valid[0] < valid[1] else None,
    )


def numbers_in(value: Any) -> list[float]:
    """The numbers of an attribute, also where it was written as text (``n/a`` has none)."""
    if value is None:
        return []
    if isinstance(value, np.ndarray) and value.dtype.kind in "SOU" and value.size:
        value = value.ravel()[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return [float(number) for number in NUMBER.findall(value)]
    return [float(number) for number in np.ravel(value)]


def _first(value: Any) -> float | None:
    """The only number of an attribute."""
    return next(iter(numbers_in(value)), None)


def _blocks(text: str) -> Iterator[_Block]:
    """The grids of the text: lines of ``key=value`` in groups and objects."""
    block: _Block | None = None
    inner: dict[str, str] | None = None
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "GROUP" and value.startswith("GRID_"):
            block = _Block()
        elif block is None:
            continue
        elif key == "END_GROUP" and value.startswith("GRID_"):
            yield block
            block = None
        elif key == "OBJECT":
            inner = {}
        elif key == "END_OBJECT":
            if inner is not None and "DataFieldName" in inner:
                block.fields.append(inner)
            inner = None
        else:
            (block.values if inner is None else inner).setdefault(key, value)


def _grid(block: _Block, title: str, inner: bool) -> EosGrid:
    """A grid out of what the text says of it."""
    values = block.values
    name = values.get("GridName", "").strip('"')
    left, right = (numbers_in(values.get(key)) for key in ("UpperLeftPointMtrs", "LowerRightMtrs"))
    sizes = [numbers_in(values.get(key)) for key in ("YDim", "XDim")]
    if not name or len(left) != 2 or len(right) != 2 or any(len(one) != 1 or one[0] < 1 for one in sizes):
        raise FileError(
            f"the {STRUCTURE} of {title} is incomplete for its grid {name or 'without a name'}",
            "GridName, XDim, YDim, UpperLeftPointMtrs, LowerRightMtrs", "get the file again",
        )  # fmt: skip
    rows, cols = (int(one[0]) for one in sizes)
    place = Affine((right[0] - left[0]) / cols, 0, left[0], 0, (right[1] - left[1]) / rows, left[1])
    if place.a == 0 or place.e == 0:
        raise FileError(f"the grid {name} of {title} has no extent", "corners that differ", "get the file again")
    fields = (_field(one, name, inner) for one in block.fields)
    images = tuple(one for one in fields if one.axes == AXES)
    return EosGrid(name, (rows, cols), _crs(values, name, title), place, images)


def _field(values: Mapping[str, str], grid: str, inner: bool) -> EosField:
    """An array out of what the text says of it."""
    name = values["DataFieldName"].strip('"')
    axes = tuple(part.strip(' ()"').lower() for part in values.get("DimList", "").split(","))
    return EosField(name, f"HDFEOS/GRIDS/{grid}/Data Fields/{name}" if inner else name, axes)


def _crs(values: Mapping[str, str], grid: str, title: str) -> CRS:
    """The sinusoidal projection on its sphere."""
    projection = values.get("Projection", "none").removeprefix("HE5_")
    origin = values.get("GridOrigin", "HDFE_GD_UL")
    parameters = numbers_in(values.get("ProjParams"))
    if projection != SINUSOIDAL or not origin.endswith("GD_UL"):
        raise InputError(
            f"the grid {grid} of {title} lies on {projection}, from {origin}",
            f"the sinusoidal grid of MODIS and VIIRS ({SINUSOIDAL}, from the upper left)",
        )
    if not parameters or parameters[0] <= 0 or any(_at(parameters, at) for at in OFFSETS):
        raise InputError(
            f"the grid {grid} of {title} has the projection parameters {values.get('ProjParams', 'of nothing')}",
            "the radius of a sphere, a central meridian of 0 and no false origin",
        )
    return CRS.from_proj4(f"+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R={parameters[0]:.10g} +units=m +no_defs")


def _at(found: Sequence[float], position: int) -> float:
    """A number of a list, 0 beyond its end."""
    return found[position] if position < len(found) else 0.0
