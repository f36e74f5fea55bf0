"""What a file holds, as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.raster.facts import examine
from earthloom.raster.open import open_image
from earthloom.raster.readers import FileReader
from earthloom.raster.write.provenance import PREFIX


def describe(path: str | Path) -> dict[str, Any]:
    """What there is to know about one image file (or the MS bands of a Landsat folder), as plain data for JSON.

    Returns
    -------
    dict
        ``file, driver, shape, dtype, crs, pixel, origin, bounds, nodata, mask, bands, layout, compression,
        provenance``; every band has ``name, wavelength_nm, scale, offset, min, max, mean, std``, measured in
        physical units on every n-th pixel.

    Raises
    ------
    FileError, InputError
        If the file is missing, broken, or holds no image.
    """
    with open_image([path], role="ms" if Path(path).is_dir() else None) as image:
        data, valid = image.decimated()
        described: dict[str, Any] = {
            "file": str(path),
            "shape": list(image.shape),
            "dtype": image.dtype.name,
            "crs": _crs_text(image.crs),
            "pixel": [abs(image.transform.e), abs(image.transform.a)] if image.georeferenced else None,
            "origin": [image.transform.c, image.transform.f] if image.georeferenced else None,
            "nodata": image.nodata,
            "valid_fraction": float(valid.mean()),
            "bands": [
                {"name": name, "wavelength_nm": centre, "scale": scale, "offset": offset, **_figures(band[valid])}
                for name, centre, scale, offset, band in zip(
                    image.names, image.wavelengths_nm, image.scales, image.offsets, data, strict=True
                )
            ],
        }
        described["provenance"] = _history(image.tags)
        one = image.paths[0] if len(image.paths) == 1 and isinstance(image.reader, FileReader) else None
    if one is not None:
        facts = examine(one)
        described |= {
            "driver": facts.driver,
            "mask": "alpha band" if facts.alpha else "mask" if facts.mask else None,
            "layout": facts.structure.get("LAYOUT"),
            "compression": facts.structure.get("COMPRESSION"),
            "scaled_by": facts.scaled_by,
        }
    return described


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
        return json.loads(value)
    except ValueError:
        return value
