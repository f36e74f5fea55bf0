"""Small granules of EMIT: the groups, names, types and order of axes of the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from affine import Affine

PIXEL = 0.000542232520256367  # degrees, 60 m
GRID = Affine(PIXEL, 0, -115.94639824146, 0, -PIXEL, 33.3865592156276)
WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,'
    'AUTHORITY["EPSG","9122"]],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]'
)
MASK_V1 = (
    "Cloud flag", "Cirrus flag", "Water flag", "Spacecraft Flag", "Dilated Cloud Flag", "AOD550", "H2O (g cm-2)",
    "Aggregate Flag",
)  # fmt: skip
MASK_V2 = (
    "Cloud Flag", *(name.replace("flag", "Flag") for name in MASK_V1[1:]), "SpecTf-Cloud Probability",
    "SpecTf-Cloud Flag", "SpecTf-Buffer Distance",
)  # fmt: skip


def emit_granule(
    path: Path,
    raw: np.ndarray,
    glt_x: np.ndarray,
    glt_y: np.ndarray,
    *,
    array: str = "reflectance",
    units: str = "unitless",
    wavelengths: Sequence[float] | None = None,
    good: Sequence[int] | None = None,
    mask_bands: Sequence[str] | None = None,
    start: str = "2022-09-03T16:31:29+0000",
) -> Path:
    """Write a file; ``raw`` is (downtrack, crosstrack, band), the tables count from 1."""
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.attrs["title"] = "EMIT L2A Estimated Surface Reflectance 60 m V001"
        file.attrs["product_version"], file.attrs["day_night_flag"] = "V001", "Day"
        file.attrs["time_coverage_start"], file.attrs["spatialResolution"] = start, PIXEL
        file.attrs["spatial_ref"] = WGS84
        file.attrs["geotransform"] = np.array(GRID.to_gdal(), "float64")
        image = file.create_dataset(array, data=raw.astype("float32"), fillvalue=np.float32(-9999))
        image.attrs["_FillValue"], image.attrs["units"] = np.array([-9999], "float32"), units
        for name, table in (("glt_x", glt_x), ("glt_y", glt_y)):
            made = file.create_dataset(f"location/{name}", data=table.astype("int32"))
            made.attrs["_FillValue"] = np.array([-9999], "int32")
        for name in ("lon", "lat", "elev"):
            file.create_dataset(f"location/{name}", data=np.zeros(raw.shape[:2]))
        bands = file.create_group("sensor_band_parameters")
        if wavelengths is not None:
            bands["wavelengths"] = np.asarray(wavelengths, "float32")
            bands["fwhm"] = np.full(len(wavelengths), 8.5, "float32")
        if good is not None:
            bands["good_wavelengths"] = np.asarray(good, "uint8")
        if mask_bands is not None:
            bands.create_dataset("mask_bands", data=list(mask_bands), dtype=text)
    return path


def turned(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A map (band, y, x) as it would be seen from a track that runs from west to east, north on the right.

    Around it the raw image has two lines and one sample of fill on every side.
    """
    y, x = np.mgrid[: image.shape[1], : image.shape[2]]
    raw = np.full((image.shape[2] + 4, image.shape[1] + 2, image.shape[0]), -9999.0)
    line, sample = x + 2, image.shape[1] - y
    raw[line, sample] = np.moveaxis(image, 0, 2)
    return raw, sample + 1, line + 1
