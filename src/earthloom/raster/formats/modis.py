"""Gridded products of MODIS (HDF4) and VIIRS (HDF5), in HDF-EOS: MOD09GA, MCD43A4, VNP09GA and their like."""

from __future__ import annotations

import re
from typing import ClassVar

from earthloom.raster.formats import Product


class Modis(Product):
    """``MOD09GA.A2020061.h18v04.061....hdf``, ``VNP09GA....h5``; an array of one as GDAL names it."""

    name: ClassVar[str] = "modis"
    rank: ClassVar[int] = 35
    roles: ClassVar[tuple[str, ...]] = ("ms", "mask")
    suffixes: ClassVar[tuple[str, ...]] = (".hdf",)
    likely: ClassVar[re.Pattern[str]] = re.compile(r"(?:M[OYC]D|VNP|VJ[12])\d{2}\w*\.A\d{7}", re.IGNORECASE)

    def offers(self, path: str) -> tuple[str, ...]:
        """Its bands; by their pixel sizes too, where it holds several."""
        return (*self.roles, *self._module().sized(path))
