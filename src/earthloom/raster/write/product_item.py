"""A STAC item beside a product, made of what the product says about itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from earthloom.errors import FileError, InputError
from earthloom.raster.addresses import address, is_remote
from earthloom.raster.facts import FileFacts, examine
from earthloom.raster.write.place import describes, layer_place
from earthloom.raster.write.provenance import PREFIX
from earthloom.raster.write.stac import COG, item, pystac

TIFF = "image/tiff; application=geotiff"
EXTENSIONS = {
    "eo": "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "raster": "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "processing": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
}
LEVEL = "L4"  # made of several measurements
NO_DAY = "the days of the inputs are not known; datetime is when the product was made"


def place_of(product: Path) -> Path:
    """Where the item of a product stands."""
    return product.with_suffix(".json")


def require_item_place(product: Path, inputs: Iterable[str]) -> None:
    """Refuse, before anything is read, an item that would take the place of another file.

    Raises
    ------
    FileError
        If a file of its name is something else than the item of an earlier product of this name, or is an input.
    """
    pystac()
    place = place_of(product)
    if place.suffix == product.suffix or not (place.exists() or place.is_symlink()):
        return
    files = [Path(path.partition("#")[0]) for path in inputs if not is_remote(path)]
    if any(file.exists() and place.samefile(file) for file in files):
        raise InputError(f"the STAC item {place} is an input", "another output")
    if not describes(place, product):
        raise FileError(f"{place} exists and is no STAC item of {product.name}", hint="choose another output")


def product_item(product: Path, inputs: Mapping[str, Sequence[str]], seen: Iterable[date | None]) -> Path:
    """Write the item of a finished product, and of what is told about its quality in a file beside it.

    Parameters
    ----------
    product
        A GeoTIFF of ours.
    inputs
        Role to files: linked by addresses without secrets, or from the folder of the product.
    seen
        Days of the inputs; the product's own tag comes first.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    facts, place = examine(str(product)), place_of(product)
    told = {key.removeprefix(PREFIX): value for key, value in facts.tags.items() if key.startswith(PREFIX)}
    made = datetime.now(UTC).isoformat(timespec="seconds")
    day, span, said = _when(told.get("DATE"), sorted({one for one in seen if one is not None}), made)
    method = told.get("METHOD", "")
    names = [Path(path).name for paths in inputs.values() for path in paths]
    properties = {
        **span, "created": made, "processing:level": LEVEL,
        "processing:software": {"earthloom": told.get("VERSION", "")},
        "processing:lineage": f"{method} of {', '.join(dict.fromkeys(names))}{f'; {said}' if said else ''}",
        "earthloom:method": method, "earthloom:parameters": _plain(told.get("PARAMETERS")),
    }  # fmt: skip
    assets = {"data": (product, product.stem, "data", _bands(facts))}
    if (sure := layer_place(product)).is_file():
        assets["quality"] = (sure, f"{product.stem}, quality of each pixel", "metadata", _bands(examine(str(sure))))
    kind = COG if facts.structure.get("LAYOUT") == "COG" else TIFF
    item(
        place, name=product.stem, day=day, crs=facts.crs, transform=facts.transform, shape=facts.shape,
        assets=assets, properties=properties, kind=kind,
        links=_links(inputs, place.parent), extensions=tuple(EXTENSIONS.values()),
    )  # fmt: skip
    return place


def _when(told: str | None, seen: Sequence[date], made: str) -> tuple[date, dict[str, str], str]:
    """The day of a product, its interval where the inputs are of several, and a word where nothing is known."""
    if told is not None:
        return date.fromisoformat(told), {}, ""
    if not seen:
        return datetime.fromisoformat(made).date(), {}, NO_DAY
    if len(seen) == 1:
        return seen[0], {}, ""
    ends = {"start_datetime": f"{seen[0]}T00:00:00Z", "end_datetime": f"{seen[-1]}T23:59:59Z"}
    return seen[-1], ends, ""


def _bands(facts: FileFacts) -> list[dict[str, Any]]:
    """What STAC 1.1 knows of bands."""
    widths = facts.widths_nm or (None,) * facts.count
    found = []
    for at in (index - 1 for index in facts.indexes):
        code = facts.nodata[at]
        band = {
            "name": facts.names[at] or f"band_{at + 1}", "data_type": facts.dtype.name,
            "nodata": None if code is None else code if code == code else "nan",
            "raster:scale": facts.scales[at] if facts.scales[at] != 1 else None,
            "raster:offset": facts.offsets[at] if facts.offsets[at] != 0 else None,
            "eo:center_wavelength": _micrometres(facts.wavelengths_nm[at]),
            "eo:full_width_half_max": _micrometres(widths[at]),
        }  # fmt: skip
        found.append({key: value for key, value in band.items() if value is not None})
    return found


def _micrometres(nanometres: float | None) -> float | None:
    """As STAC has it."""
    return None if nanometres is None else round(nanometres / 1000, 7)


def _links(inputs: Mapping[str, Sequence[str]], folder: Path) -> list[dict[str, str]]:
    """What the product is derived from; a file on another drive has no way from here."""
    found = []
    for role, paths in inputs.items():
        for path in paths:
            try:
                href = (
                    str(address(path)) if is_remote(path) else os.path.relpath(Path(path).resolve(), folder.resolve())
                )
            except ValueError:
                continue
            found.append({"rel": "derived_from", "href": href, "title": role})
    return found


def _plain(text: str | None) -> Any:
    """Parsed JSON of a tag."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}
