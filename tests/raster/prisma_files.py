"""Small products of PRISMA with the groups, attributes and types that the real ones have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

NAMES = {
    "L1": "PRS_L1_STD_OFFL_20200816101454_20200816101458_0001.he5",
    "L2B": "PRS_L2B_STD_20200816101454_20200816101458_0001.he5",
    "L2C": "PRS_L2C_STD_20200816101454_20200816101458_0001.he5",
    "L2D": "PRS_L2D_STD_20200816101454_20200816101458_0001.he5",
}
RANGES = {"Vnir": (0.0, 1.3107), "Swir": (0.0, 0.65535), "Pan": (0.0, 0.65535)}  # steps of 2e-5 and 1e-5
EAST, NORTH = 300000.0, 4600020.0  # centre of the first pixel of the cube


def write_prisma(
    folder: Path,
    level: str,
    vnir: np.ndarray,
    swir: np.ndarray,
    centres: tuple[list[float], list[float]],
    *,
    pan: np.ndarray | None = None,
    errors: Mapping[str, np.ndarray] | None = None,
    **attributes: Any,
) -> Path:
    """Write the bands of two spectrometers, given by ascending wavelengths, as ASI stores them.

    Bands come second among the axes and run down in wavelength. The first slot of VNIR and the last of SWIR hold no
    band. Error matrices are given as the bands are, and are 0 else; an attribute that is None is left out.
    """
    path = folder / NAMES[level]
    start = f"HDFEOS/SWATHS/PRS_{level}"
    kind = "SAT_ERR" if level == "L1" else "L2_ERR"
    given = errors or {}
    with h5py.File(path, "w") as file:
        for cube, data, before in (("VNIR", vnir, True), ("SWIR", swir, False)):
            wrong = given.get(cube, np.zeros(data.shape)).astype("uint8")
            file[f"{start}_HCO/Data Fields/{cube}_Cube"] = _stored(data.astype("uint16"), before)
            file[f"{start}_HCO/Data Fields/{cube}_PIXEL_{kind}_MATRIX"] = _stored(wrong, before)
        if pan is not None:
            file[f"{start}_PCO/Data Fields/Cube"] = pan.astype("uint16")
            wrong = given.get("PAN", np.zeros(pan.shape)).astype("uint8")
            file[f"{start}_PCO/Data Fields/PIXEL_{kind}_MATRIX"] = wrong
        known = _attributes(level, centres, vnir.shape[1:]) | attributes
        file.attrs.update({name: value for name, value in known.items() if value is not None})
    return path


def _stored(data: np.ndarray, before: bool) -> np.ndarray:
    """Lines, bands from long to short waves with an empty slot at one end, samples."""
    slot = np.zeros_like(data[:1])
    down = data[::-1]
    return np.concatenate([slot, down] if before else [down, slot]).transpose(1, 0, 2)


def _attributes(level: str, centres: tuple[list[float], list[float]], shape: tuple[int, int]) -> dict[str, Any]:
    """Of the root of a file."""
    found: dict[str, Any] = {
        "Processing_Level": np.bytes_(level[1:]),
        "Product_Name": np.bytes_(NAMES[level]),
        "Product_StartTime": np.bytes_("2020-08-16T10:14:54.254000"),
    }
    for cube, waves, before in (("Vnir", centres[0], True), ("Swir", centres[1], False)):
        down = [0.0, *waves[::-1]] if before else [*waves[::-1], 0.0]
        found[f"List_Cw_{cube}"] = np.array(down, "float32")
        found[f"List_Cw_{cube}_Flags"] = (np.array(down) > 0).astype("uint8")
        found[f"List_Fwhm_{cube}"] = np.where(np.array(down) > 0, 10.5, 0).astype("float32")
    for detector, (least, most) in RANGES.items():
        if level == "L1":
            found |= {f"ScaleFactor_{detector}": np.float32(100), f"Offset_{detector}": np.float32(0)}
        else:
            found |= {f"L2Scale{detector}Min": np.float32(least), f"L2Scale{detector}Max": np.float32(most)}
    if level == "L2D":
        right, low = EAST + 30 * (shape[1] - 1), NORTH - 30 * (shape[0] - 1)
        found |= {
            "Epsg_Code": np.uint32(32633), "Projection_Name": np.bytes_("UTM"), "Projection_Id": np.bytes_("33"),
            "Product_ULcorner_easting": EAST, "Product_ULcorner_northing": NORTH,
            "Product_URcorner_easting": right, "Product_URcorner_northing": NORTH,
            "Product_LLcorner_easting": EAST, "Product_LLcorner_northing": low,
            "Product_LRcorner_easting": right, "Product_LRcorner_northing": low,
        }  # fmt: skip
    return found
