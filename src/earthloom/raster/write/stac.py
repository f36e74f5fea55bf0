"""Products of a series as STAC items of one collection, so that catalogues and notebooks find them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.errors import RasterioError

from earthloom.atomic import write_whole
from earthloom.documents import field, numbers, object_beside, short
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
    return split(places[::-1])  # counter-clockwise, as RFC 7946 wants it


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
    kind: str = COG,
    links: Sequence[Mapping[str, str]] | None = None,
    extensions: Sequence[str] = (),
) -> None:
    """Write the item of a product.

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
    kind
        Media type of the assets.
    links
        Of an item that stands alone; None: it belongs to the collection of its folder.
    extensions
        Schemas of what the properties and bands say besides.
    """
    stac = pystac()
    outline = geojson_footprint(crs, transform, shape)
    bbox = None if outline is None else bbox_of(outline)
    t = transform
    grid: dict[str, Any] = {"proj:shape": list(shape), "proj:transform": [t.a, t.b, t.c, t.d, t.e, t.f]}
    if crs is not None:
        code = crs.to_epsg()
        grid |= {"proj:code": f"EPSG:{code}"} if code else {"proj:code": None, "proj:wkt2": crs.to_wkt()}
    when = datetime(day.year, day.month, day.day, tzinfo=UTC)
    found = stac.Item(
        name, outline, bbox, when, {**properties, **grid}, stac_extensions=[PROJECTION, *extensions],
        collection=path.parent.name if links is None else None,
    )  # fmt: skip
    for key, (file, title, role, bands) in assets.items():
        extra = {"bands": [dict(band) for band in bands]}
        found.add_asset(
            key, stac.Asset(file.name, title=title, media_type=kind, roles=[role], extra_fields=extra)
        )  # fmt: skip
    plain = found.to_dict(include_self_link=False)
    collected = ("collection", "parent", "root")
    own = [{"rel": rel, "href": f"./{COLLECTION}", "type": "application/json"} for rel in collected]
    plain["links"] = own if links is None else [dict(link) for link in links]
    for asset in plain["assets"].values():
        asset["href"] = f"./{asset['href']}"
    write_json(path, plain)


def collection(folder: Path, title: str, description: str) -> Path:
    """Write the collection of all items in a folder."""
    stac = pystac()
    items = []
    for path in sorted(folder.glob("*.json")):
        plain = object_beside(path)
        if plain.get("type") == "Feature" and plain.get("stac_version"):
            items.append((path, plain))
    boxes = [plain["bbox"] for _, plain in items if plain.get("bbox")]
    whole = [_around(boxes)] if boxes else [[-180.0, -90.0, 180.0, 90.0]]
    days = sorted(datetime.fromisoformat(plain["properties"]["datetime"]) for _, plain in items)
    times = [[days[0], days[-1]]] if days else [[None, None]]
    extent = stac.Extent(stac.SpatialExtent(whole), stac.TemporalExtent(times))
    found = stac.Collection(folder.name, description, extent, title=title, license="other")
    plain = found.to_dict(include_self_link=False)
    plain["links"] = [{"rel": "root", "href": f"./{COLLECTION}", "type": "application/json"}]
    plain["links"] += [{"rel": "item", "href": f"./{path.name}", "type": "application/geo+json"} for path, _ in items]
    write_json(folder / COLLECTION, plain)
    return folder / COLLECTION


def _around(boxes: Sequence[Sequence[float]]) -> list[float]:
    """The box around some; west above east where it runs over the antimeridian."""
    flat = [flat_box(box) for box in boxes]
    near = [beside(box, flat[0][0]) for box in flat]
    west, east = min(b[0] for b in near), max(b[2] for b in near)
    west, east = (west, east) if east - west < 360 else (-180.0, 180.0)
    ends = [lon - 360 if lon > 180 else lon + 360 if lon < -180 else lon for lon in (west, east)]
    return [ends[0], min(b[1] for b in near), ends[1], max(b[3] for b in near)]


def write_json(path: Path, plain: Any) -> None:
    """Write under a hidden name until whole.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    write_whole(path, (json.dumps(plain, indent=2) + "\n").encode())


def require_placed(item: Mapping[str, Any], where: str) -> None:
    """Check that the outline and the bbox of a GeoJSON feature, where it has them, are made of finite numbers.

    Raises
    ------
    FileError
        If they are not.
    """
    name = f"{where}: item {short(item.get('id'))}"
    if item.get("bbox") is not None and len(numbers(item, "bbox", name)) not in (4, 6):
        raise FileError(f"{name}: bbox {short(item['bbox'])}", "four or six numbers")
    shape = field(item, "geometry", dict, name, optional=True) or {}
    kind = shape.get("type")
    if kind in ("Polygon", "MultiPolygon"):
        parts = field(shape, "coordinates", list, name)
        for polygon in parts if kind == "MultiPolygon" else [parts]:
            rings = {"rings": polygon}
            for at in range(len(field(rings, "rings", list, name))):
                ring = numbers({"ring": polygon[at]}, "ring", name, 2)
                if ring.shape[1] not in (2, 3) or len(ring) < 3:
                    raise FileError(f"{name}: an outline of {len(ring)} points", "three or more of two numbers each")
            if not polygon:
                raise FileError(f"{name}: an outline of no points", "three or more of two numbers each")


def footprint_covers(item: Mapping[str, Any], place: Sequence[float]) -> bool:
    """Whether a GeoJSON feature (its outline, else its bbox) covers a longitude and latitude; True without either.

    Longitudes are counted round the globe: outlines may run over the antimeridian, split there or not.
    """
    shape = item.get("geometry") or {}
    rings = {"Polygon": [shape.get("coordinates")], "MultiPolygon": shape.get("coordinates")}.get(
        str(shape.get("type"))
    )
    if rings:
        return any(
            _inside(polygon[0], place) and not any(_inside(hole, place) for hole in polygon[1:]) for polygon in rings
        )
    if not item.get("bbox"):
        return True
    west, south, east, north = flat_box(item["bbox"])
    return bool((place[0] - west) % 360 <= east - west and south <= place[1] <= north)


def _inside(ring: Sequence[Sequence[float]], place: Sequence[float]) -> bool:
    """Whether a ring holds a point: a ray to the east crosses it an odd number of times."""
    line = unwrapped(ring)
    middle = sum(point[0] for point in line) / len(line)
    return any(_odd(line, place[0] + 360 * turn, place[1]) for turn in _turns(place[0], middle))


def _turns(lon: float, middle: float) -> tuple[int, ...]:
    """Turns of the globe that bring a longitude near another."""
    nearest = round((middle - lon) / 360)
    return nearest - 1, nearest, nearest + 1


def _odd(ring: Sequence[Sequence[float]], x: float, y: float) -> bool:
    """Whether a ray from a point to the east crosses a ring an odd number of times."""
    odd = False
    for a, b in pairwise(ring):
        if (a[1] > y) != (b[1] > y) and x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]):
            odd = not odd
    return odd


def unwrapped(ring: Sequence[Sequence[float]]) -> list[list[float]]:
    """A ring without jumps round the globe: each longitude within 180 degrees of the one before.

    A step of 360 degrees is none: it is the edge of an outline of the whole globe.
    """
    turns = 0
    line = [[ring[0][0], ring[0][1]]]
    for (before, *_), (lon, lat, *_) in pairwise(ring):
        step = before - lon
        turns += round(step / 360) if abs(step) != 360 else 0
        line.append([lon + 360 * turns, lat])
    return line


def flat_box(box: Sequence[float]) -> list[float]:
    """West, south, east, north of a bbox with heights or without; the east beyond 180 over the antimeridian."""
    (west, south), (east, north) = box[:2], box[len(box) // 2 :][:2]
    return [west, south, east + (360 if west > east else 0), north]


def beside(box: Sequence[float], lon: float) -> list[float]:
    """A box (west, south, east, north) turned round the globe to lie near a longitude."""
    turn = 360 * round((lon - (box[0] + box[2]) / 2) / 360)
    return [box[0] + turn, box[1], box[2] + turn, box[3]]


def split(ring: list[list[float]]) -> dict[str, Any]:
    """An outline as RFC 7946 wants it: in two parts where it runs over the antimeridian."""
    line = unwrapped(ring)
    edge = 180.0 if max(lon for lon, _ in line) > 180 else -180.0 if min(lon for lon, _ in line) < -180 else None
    if edge is None:
        return {"type": "Polygon", "coordinates": [line]}
    halves = []
    for side in (-1, 1):
        part = _cut(line, edge, side)
        turn = -360 * np.sign(edge) if side == np.sign(edge) else 0
        halves.append([[[round(lon + turn, 7), lat] for lon, lat in part]])
    return {"type": "MultiPolygon", "coordinates": halves}


def _cut(line: list[list[float]], edge: float, side: int) -> list[list[float]]:
    """The part of a ring on one side of a meridian, closed (Sutherland and Hodgman)."""
    kept: list[list[float]] = []
    for a, b in pairwise(line):
        inside = [side * (point[0] - edge) >= 0 for point in (a, b)]
        if inside[0]:
            kept.append(a)
        if inside[0] != inside[1]:
            share = (edge - a[0]) / (b[0] - a[0])
            kept.append([edge, round(a[1] + share * (b[1] - a[1]), 7)])
    return [*kept, kept[0]]


def bbox_of(outline: Mapping[str, Any]) -> list[float]:
    """West, south, east, north of an outline; west above east where it runs over the antimeridian."""
    parts = outline["coordinates"] if outline["type"] == "MultiPolygon" else [outline["coordinates"]]
    lats = [lat for part in parts for _, lat in part[0]]
    if len(parts) == 2:
        (west, east) = (part for part in sorted(parts, key=lambda part: part[0][0][0], reverse=True))
        return [min(lon for lon, _ in west[0]), min(lats), max(lon for lon, _ in east[0]), max(lats)]
    lons = [lon for lon, _ in parts[0][0]]
    return [min(lons), min(lats), max(lons), max(lats)]
