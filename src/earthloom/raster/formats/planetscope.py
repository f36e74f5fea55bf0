"""A PlanetScope scene as Planet delivers it: its GeoTIFF, the folder of the scene or of the order, with its masks."""

from __future__ import annotations

import re
from typing import ClassVar

from earthloom.raster.formats import Product

ITEM = r"\d{8}_\d{6}(?:_\d{1,2})?_[0-9a-f]{4}"
PRODUCT = rf"{ITEM}(?![0-9a-z])|.*_psscene_analytic"  # of a scene, of an order


class PlanetScope(Product):
    """Analytic images of four or eight bands, and their usable data masks."""

    name: ClassVar[str] = "planetscope"
    rank: ClassVar[int] = 25
    roles: ClassVar[tuple[str, ...]] = ("ms", "mask")
    products: ClassVar[re.Pattern[str] | None] = re.compile(PRODUCT, re.IGNORECASE)
    likely: ClassVar[re.Pattern[str]] = re.compile(r"AnalyticMS|composite|_udm", re.IGNORECASE)
