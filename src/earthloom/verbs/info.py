"""`earthloom.info`: what an image file holds and how a product was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earthloom.report.described import describe


def info(path: str | Path) -> dict[str, Any]:
    """Tell what an image file holds and how a product was made.

    Parameters
    ----------
    path
        Any image: a GeoTIFF, ENVI, .mat, .h5, a Landsat folder (its MS bands), a URL.

    Returns
    -------
    dict
        Plain data for JSON: ``file, driver, shape, dtype, crs, pixel`` (size, height first, in units of the CRS),
        ``origin, nodata, mask, valid_fraction, bands, layout, compression, provenance``. Every band has ``name,
        wavelength_nm, scale, offset`` and ``min, max, mean, std`` in physical units, measured on every n-th pixel.

    Raises
    ------
    EarthloomError
        If the file is missing, broken, or holds no image.
    """
    return describe(path)
