"""Products of a series as STAC items of one collection, so that catalogues and notebooks find them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from affine import Affine
from rasterio.errors import RasterioError

from earthloom.errors import FileError, InputError
from earthloom.raster.facts import applied
from earthloom.raster.handles import CPLE_BaseError, quietly

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
COLLECTION = "collection.json"
EDGE_POINTS = 5  # of a side of the footprint, so that it stays where the image is after reprojection


def pystac() -> Any:
    """The library, or what to do to get it.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import pystac
    except ImportError as missing:
        raise InputError("STAC items without pystac", "pystac", "pip install pystac") from missing
    return pystac


def geojson_footprint(crs: Any, transform: Affine, shape: tuple[int, int]) -> dict[str, Any] | None:
    """Outline of an image in longitude and latitude as GeoJSON; None where it lies nowhere on Earth."""
    if crs is None:
        return None
    from rasterio.warp import transform as reproject

    rows, cols = shape
    steps = [k / (EDGE_POINTS - 1) for k in range(EDGE_POINTS)]
    ring = [(t * cols, 0.0) for t in steps] + [(float(cols), t * rows) for t in steps[1:]]
    ring += [((1 - t) * cols, float(rows)) for t in steps[1:]] + [(0.0, (1 - t) * rows) for t in steps[1:]]
    east, north = zip(*(applied(transform, x, y) for x, y in ring), strict=True)
    try:
        with quietly():
            found = reproject(crs, "EPSG:4326", list(east), list(north))
    except (RasterioError, CPLE_BaseError):
        return None
    places = [[round(lon, 7), round(lat, 7)] for lon, lat in zip(found[0], found[1], strict=True)]
    if not all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in places):
        return None
    return {"type": "Polygon", "coordinates": [places[::-1]]}  # counter-clockwise, as RFC 7946 wants it


def item(
    path: Path,
    *,
    name: str,
    day: date,
    crs: Any,
    transform: Affine,
    shape: tuple[int, int],
    assets: Mapping[str, tuple[Path, str, str, Sequence[Mapping[str, Any]]]],
    properties: Mapping[str, Any],
) -> None:
    """Write the item of a date.

    Parameters
    ----------
    path
        JSON file, in the folder of its assets.
    name
        Identifier.
    day
        Of the image.
    crs, transform, shape
        Its grid.
    assets
        Key to file, title, role and bands (with ``name``, and what else STAC knows of bands).
    properties
        Further ones.
    """
    stac = pystac()
    outline = geojson_footprint(crs, transform, shape)
    bbox = None
    if outline is not None:
        lon, lat = zip(*outline["coordinates"][0], strict=True)
        bbox = [min(lon), min(lat), max(lon), max(lat)]
    t = transform
    grid: dict[str, Any] = {"proj:shape": list(shape), "proj:transform": [t.a, t.b, t.c, t.d, t.e, t.f]}
    if crs is not None:
        code = crs.to_epsg()
        grid |= {"proj:code": f"EPSG:{code}"} if code else {"proj:code": None, "proj:wkt2": crs.to_wkt()}
    when = datetime(day.year, day.month, day.day, tzinfo=UTC)
    found = stac.Item(
        name, outline, bbox, when, {**properties, **grid}, stac_extensions=[PROJECTION], collection=path.parent.name
    )
    for key, (file, title, kind, bands) in assets.items():
        extra = {"bands": [dict(band) for band in bands]}
        found.add_asset(
            key, stac.Asset(file.name, title=title, media_type=COG, roles=[kind], extra_fields=extra)
        )  # fmt: skip
    plain = found.to_dict(include_self_link=False)
    plain["links"] = [
        {"rel": rel, "href": f"./{COLLECTION}", "type": "application/json"} for rel in ("collection", "parent", "root")
    ]
    for asset in plain["assets"].values():
        asset["href"] = f"./{asset['href']}"
    write_json(path, plain)


def collection(folder: Path, title: str, description: str) -> Path:
    """Write the collection of all items in a folder."""
    stac = pystac()
    items = []
    for path in sorted(folder.glob("*.json")):
        plain = _json(path)
        if plain.get("type") == "Feature" and plain.get("stac_version"):
            items.append((path, plain))
    boxes = [plain["bbox"] for _, plain in items if plain.get("bbox")]
    whole = [
        [min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)]
    ] if boxes else [[-180.0, -90.0, 180.0, 90.0]]  # fmt: skip
    days = sorted(datetime.fromisoformat(plain["properties"]["datetime"]) for _, plain in items)
    times = [[days[0], days[-1]]] if days else [[None, None]]
    extent = stac.Extent(stac.SpatialExtent(whole), stac.TemporalExtent(times))
    found = stac.Collection(folder.name, description, extent, title=title, license="other")
    plain = found.to_dict(include_self_link=False)
    plain["links"] = [{"rel": "root", "href": f"./{COLLECTION}", "type": "application/json"}]
    plain["links"] += [{"rel": "item", "href": f"./{path.name}", "type": "application/geo+json"} for path, _ in items]
    write_json(folder / COLLECTION, plain)
    return folder / COLLECTION


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return plain if isinstance(plain, dict) else {}


def write_json(path: Path, plain: Any) -> None:
    """Write under a temporary name until whole.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise FileError(f"{path} cannot be written: {error.strerror}", hint="is the disk full?") from error


def footprint_covers(item: Mapping[str, Any], place: Sequence[float]) -> bool:
    """Whether a GeoJSON feature (its outline, else its bbox) covers a longitude and latitude; True without either."""
    shape = item.get("geometry") or {}
    rings = {"Polygon": [shape.get("coordinates")], "MultiPolygon": shape.get("coordinates")}.get(shape.get("type", ""))
    if rings:
        return any(
            _inside(polygon[0], place) and not any(_inside(hole, place) for hole in polygon[1:]) for polygon in rings
        )
    box = item.get("bbox")
    if not box:
        return True
    east, north = len(box) // 2, len(box) // 2 + 1
    return bool(box[0] <= place[0] <= box[east] and box[1] <= place[1] <= box[north])


def _inside(ring: Sequence[Sequence[float]], place: Sequence[float]) -> bool:
    """Whether a ring holds a point: a ray to the east crosses it an odd number of times."""
    x, y, odd = place[0], place[1], False
    for a, b in pairwise(ring):
        if (a[1] > y) != (b[1] > y) and x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]):
            odd = not odd
    return odd
