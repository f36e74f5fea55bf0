"""`earthloom.info`: what an image file holds, how it is understood, and how a product was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earthloom.report.described import describe


def info(path: str | Path, sensor: Any = None) -> dict[str, Any]:
    """Tell what an image file or product holds, how every verb understands it, and what may be wrong with it.

    Parameters
    ----------
    path
        Any image: a GeoTIFF, ENVI, .mat, .h5, a product as an agency ships it (file, folder or archive), a URL.
    sensor
        Name of a sensor, or path of a sensor file, whose bands it is taken for (default: what the metadata say).

    Returns
    -------
    dict
        Plain data for JSON: ``file, format, driver, sensor, acquired, shape, dtype, crs, pixel`` (size, height first,
        in units of the CRS), ``origin, nodata, mask, valid_fraction, layout, compression, scaled_by``; ``bands``, each
        with ``name, taken_for, wavelength_nm, width_nm, scale, offset, bad, valid_fraction`` and ``min, max, mean,
        std`` in physical units, measured on every n-th pixel; in words ``known_by`` (how it is known which band is
        which), ``nothing`` (what counts as missing), ``numbers`` (what they mean); ``beside``, files that say
        something about it; ``also``, what else the product holds; ``suspicious``, what may be wrong;
        ``provenance``.

    Raises
    ------
    EarthloomError
        If the file is missing, broken, or holds no image.
    """
    return describe(path, sensor)
