"""EO-1 as the USGS delivers it: Hyperion and ALI, folders of bands with an MTL file; Hyperion of level 1R."""

from __future__ import annotations

import re
from typing import ClassVar

from earthloom.raster.formats import Product


class EO1(Product):
    """Band files (``EO1H..._B001_L1T.TIF``, ``EO1A..._B01_L1T.TIF``) with their MTL file, or one ``EO1H....L1R``."""

    name: ClassVar[str] = "eo1"
    rank: ClassVar[int] = 15
    roles: ClassVar[tuple[str, ...]] = ("pan", "hs")
    products: ClassVar[re.Pattern[str] | None] = re.compile(r"EO1[AH]\d{16}", re.IGNORECASE)
    likely: ClassVar[re.Pattern[str]] = re.compile(r"EO1[AH]\d{16}", re.IGNORECASE)
