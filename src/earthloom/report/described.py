"""What a file holds and how it is understood, as plain data: the doctor for files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from earthloom import sensors
from earthloom.documents import parsed
from earthloom.errors import EarthloomError, EarthloomWarning, SensorError
from earthloom.raster.addresses import address
from earthloom.raster.facts import examine
from earthloom.raster.formats import format_of
from earthloom.raster.image import Image
from earthloom.raster.labels import bands_of
from earthloom.raster.metadata.stac_items import as_paths
from earthloom.raster.names import generic
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.readers import FileReader
from earthloom.raster.write.place import lies_beside
from earthloom.raster.write.provenance import PREFIX

FEW = 0.5  # below this share of valid pixels every band is looked at alone
FILL = 0.02  # so many zeros in all bands at once are no ground
CUT = 0.01  # share of a band at the end of its type that is worth a word
MANY_BANDS = 32  # more are not looked at one by one


def describe(path: str | Path, sensor: Any = None) -> dict[str, Any]:
    """What there is to know about one image file or product, as plain data for JSON.

    Parameters
    ----------
    sensor
        Whose bands they are taken for, instead of the sensor that the metadata name.

    Returns
    -------
    dict
        ``file, format, driver, sensor, acquired, shape, dtype, crs, pixel, origin, nodata, mask, valid_fraction,
        layout, compression, scaled_by``; ``bands``, each with ``name, taken_for, wavelength_nm, width_nm, scale,
        offset, bad, valid_fraction, min, max, mean, std``, measured in physical units on every n-th pixel;
        ``known_by, nothing, numbers``, how bands, missing pixels and numbers are understood, in words; ``beside``,
        files that say something about it; ``also``, what else the product holds; ``suspicious``, what may be wrong;
        ``provenance``, how a product of ours was made.

    Raises
    ------
    FileError, InputError
        If the file is missing, broken, or holds no image.
    """
    path = address(as_paths(path))
    kind = format_of(path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", EarthloomWarning)
        roles = kind.offers(path)
        with open_image([path], role="ms" if "pan" in roles or Path(path).is_dir() else None) as image:
            data, valid = image.decimated()
            name = sensor or image.sensor
            taken, known_by = _taken(image, sensors.load(name) if name else None)
            described = {
                "file": str(path), "format": kind.name, "sensor": sensors.load(name).title if name else None,
                "acquired": None if image.acquired is None else image.acquired.isoformat(), **_grid(image),
                "dtype": image.dtype.name, "nodata": image.nodata, "valid_fraction": float(valid.mean()),
                "bands": _bands(image, data, valid, taken), "known_by": known_by, "nothing": _nothing(image),
                "numbers": _numbers(image), "provenance": _history(image.tags), "also": _also(path, roles),
                "beside": [one.name for one in lies_beside(Path(path))] if Path(path).is_file() else [],
            }  # fmt: skip
            looks = _looks(image, data, valid)
            if len(image.paths) == 1 and isinstance(image.reader, FileReader):
                described |= _driver(image.paths[0])
    told = [str(one.message) for one in said if issubclass(one.category, EarthloomWarning)]
    return {**described, "suspicious": [*dict.fromkeys(told), *looks]}


def _grid(image: Image) -> dict[str, Any]:
    """Where it lies."""
    t = image.transform
    return {
        "shape": list(image.shape), "crs": _crs_text(image.crs),
        "pixel": [abs(t.e), abs(t.a)] if image.georeferenced else None,
        "origin": [t.c, t.f] if image.georeferenced else None,
    }  # fmt: skip


def _driver(path: str) -> dict[str, Any]:
    """What GDAL says of the file."""
    facts = examine(path)
    return {
        "driver": facts.driver, "mask": "alpha band" if facts.alpha else "mask" if facts.mask else None,
        "layout": facts.structure.get("LAYOUT"), "compression": facts.structure.get("COMPRESSION"),
        "scaled_by": facts.scaled_by,
    }  # fmt: skip


def _taken(image: Image, sensor: Any) -> tuple[list[str | None], str]:
    """Which of a sensor's bands they are taken for, and how that is known."""
    named = any(image.names) and not generic(image.names) and image.names != (Path(image.paths[0]).stem,)
    ways = ["their names"] * named + ["their wavelengths"] * any(image.wavelengths_nm)
    own = " and ".join(ways) or "nothing: name a `sensor`"
    if sensor is None:
        return [None] * image.count, own
    assumed: dict[str, Any] = {}
    try:
        bands = bands_of(image, sensor, fact=assumed.update)
    except SensorError as error:
        return [None] * image.count, f"nothing: {error}"
    if not {band.name for band in bands} <= {band.name for band in sensor.bands}:  # the sensor's table is not needed
        return [None] * image.count, own
    how = f"their order in {sensor.title}" if "assumed_bands" in assumed else "their names in the file"
    return [band.name for band in bands], how


def _bands(image: Image, data: np.ndarray, valid: np.ndarray, taken: list[str | None]) -> list[dict[str, Any]]:
    """Every band; alone where few pixels are valid in all of them."""
    alone = valid.mean() < FEW and 1 < image.count <= MANY_BANDS
    widths, found = image.widths_nm or (None,) * image.count, []
    for at in range(image.count):
        own, seen = (part[0] if part.ndim == 3 else part for part in image.pick([at]).decimated()) if alone else (
            data[at], valid
        )  # fmt: skip
        found.append({
            "name": image.names[at], "taken_for": taken[at], "wavelength_nm": image.wavelengths_nm[at],
            "width_nm": widths[at], "scale": image.scales[at], "offset": image.offsets[at],
            "bad": at + 1 in image.bad_bands, "valid_fraction": float(seen.mean()), **_figures(own[seen]),
        })  # fmt: skip
    return found


def _nothing(image: Image) -> str:
    """What counts as missing."""
    codes = [] if image.nodata is None else [f"{image.nodata:g}"]
    if isinstance(image.reader, FileReader):
        own = {f"{code:g}" for part in image.reader.parts for code in part.nodata if code is not None}
        codes = sorted(own, key=float) or codes
        masks = {"the alpha band" if part.alpha else "the mask of the file" for part in image.reader.parts
                 if part.alpha or part.mask}  # fmt: skip
        codes += sorted(masks)
    codes += ["NaN and infinity"] if image.dtype.kind == "f" else []
    return ", ".join(codes) or "no number: every pixel counts"


def _numbers(image: Image) -> str:
    """What the numbers mean."""
    pairs = set(zip(image.scales, image.offsets, strict=True))
    unit = next((f" {image.tags[key]}" for key in ("units", "UNIT") if key in image.tags), "")
    if pairs == {(1.0, 0.0)}:
        return f"as they are{unit and ',' + unit}"
    if len(pairs) > 1:
        return f"{len(pairs)} scales and offsets, by band{unit and ':' + unit}"
    scale, offset = pairs.pop()
    shift = f" {offset:+.6g}" if offset else ""
    return f"{scale:.6g} * number{shift}{unit and ',' + unit}"


def _also(path: str, roles: tuple[str, ...]) -> list[dict[str, Any]]:
    """What else a product holds, without a word about what it lacks."""
    found = []
    for role in roles:
        if role in ("ms", "hs", "fine"):  # what is described itself
            continue
        with suppress(EarthloomError), warnings.catch_warnings():
            warnings.simplefilter("ignore", EarthloomWarning)
            with open_mask(path) if role == "mask" else open_image(path, role=role) as other:
                about = {"shape": list(other.shape), "pixel": _grid(other)["pixel"], "names": list(other.names)}
                found.append({"role": role, **about})
    return found


def _looks(image: Image, data: np.ndarray, valid: np.ndarray) -> list[str]:
    """What the pixels make one wonder about."""
    if not valid.any():
        several = "no pixel is valid in all bands at once: a product would be empty; choose `bands`"
        return [several if image.count > 1 else "no pixel is valid"]
    found, seen = [], data[:, valid]
    zeros = float((seen == 0).all(axis=0).mean()) if not any(image.offsets) else 0.0
    if image.nodata is None and zeros > FILL:
        found.append(f"{zeros:.0%} of the pixels are 0 in all bands, and no code says that 0 is nothing: `nodata=0`")
    for at, band in enumerate(seen, 1):
        if band.size > 1 and band.min() == band.max() and at not in image.bad_bands:
            found.append(f"band {at} holds one number, {band[0]:g}")
        elif image.dtype.kind == "u" and image.scales[at - 1] > 0:
            top = image.scales[at - 1] * np.iinfo(image.dtype).max + image.offsets[at - 1]
            share = float((band >= top * (1 - 1e-6)).mean())
            found += [f"{share:.0%} of band {at} lie at the end of {image.dtype.name}: saturated"] * (share > CUT)
    return found


def _history(tags: Mapping[str, str]) -> dict[str, Any] | None:
    """Our own tags as plain data; None without any."""
    return {k.removeprefix(PREFIX).lower(): _plain(v) for k, v in tags.items() if k.startswith(PREFIX)} or None


def _figures(values: np.ndarray) -> dict[str, float | None]:
    """Least, greatest, mean and standard deviation."""
    if values.size == 0:
        return dict.fromkeys(("min", "max", "mean", "std"))
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "std": float(values.std()),
    }


def _crs_text(crs: Any) -> str | None:
    """EPSG code, or the text of the CRS."""
    if crs is None:
        return None
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else crs.to_wkt()


def _plain(value: str) -> Any:
    """Parsed JSON where a tag holds some."""
    try:
        return parsed(value)
    except ValueError:
        return value
