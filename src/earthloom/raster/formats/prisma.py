"""A product of PRISMA (ASI): cube, PAN and masks in one HDF-EOS5 file."""

from __future__ import annotations

import re
from typing import ClassVar

from earthloom.raster.formats import Product


class Prisma(Product):
    """Levels 1, 2B, 2C and 2D; only 2D lies on a map."""

    name: ClassVar[str] = "prisma"
    rank: ClassVar[int] = 30
    roles: ClassVar[tuple[str, ...]] = ("pan", "hs", "mask")
    suffixes: ClassVar[tuple[str, ...]] = (".he5",)
    likely: ClassVar[re.Pattern[str]] = re.compile(r"\.he5$", re.IGNORECASE)
