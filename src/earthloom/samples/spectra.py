"""Libraries of spectra: one that is shipped, or a CSV file of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from earthloom.errors import FileError
from earthloom.types import Float

FOLDER = Path(__file__).parent
COLUMN = "wavelength_nm"


@dataclass(frozen=True, eq=False)
class SpectralLibrary:
    """Spectra sampled at common wavelengths.

    Parameters
    ----------
    wavelength_nm
        Centres of the bands, in any order.
    reflectance
        One row for each spectrum.
    fwhm_nm
        Width of the bands; None: the distance of neighbours.
    """

    wavelength_nm: Float[np.ndarray, " wl"]
    reflectance: Float[np.ndarray, "spectrum wl"]
    fwhm_nm: float | None = None


@lru_cache(maxsize=4)
def spectral_library(name: str) -> SpectralLibrary:
    """A library by its name, or from a CSV file.

    Raises
    ------
    FileError
        If there is none, or the file holds something else.
    """
    path = FOLDER / f"{name}.npz"
    if path.is_file():
        with np.load(path) as held:
            reflectance = held["reflectance"].astype(np.float64) / 10000
            return SpectralLibrary(held["wavelength_nm"].astype(np.float64), reflectance, float(held["fwhm_nm"]))
    path = Path(name)
    if not path.is_file():
        shipped = ", ".join(sorted(p.stem for p in FOLDER.glob("*.npz")))
        raise FileError(f"no library of spectra '{name}'", f"{shipped}, or a CSV file with a column {COLUMN}")
    try:
        heads, *lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        table = np.array([[float(cell) for cell in line] for line in lines])
        at = [head.strip() for head in heads].index(COLUMN)
    except (OSError, ValueError) as wrong:
        raise FileError(
            f"{path} as a library of spectra ({wrong})", f"a CSV of numbers with a column {COLUMN}"
        ) from wrong
    if table.ndim != 2 or len(table) < 2 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise FileError(f"{path}: rows that differ in length, or nothing in them", "a column for each spectrum")
    return SpectralLibrary(table[:, at], np.delete(table, at, axis=1).T)
