"""A granule of EMIT: reflectance, radiance or mask, laid on its map by the lookup table in the file."""

from __future__ import annotations

import re
from typing import ClassVar

from earthloom.raster.formats import Product


class Emit(Product):
    """``EMIT_L2A_RFL_...nc`` and its like: before NetCDF, which would hand out the geometry of the sensor."""

    name: ClassVar[str] = "emit"
    rank: ClassVar[int] = 35
    roles: ClassVar[tuple[str, ...]] = ("hs", "mask")
    likely: ClassVar[re.Pattern[str]] = re.compile(r"EMIT_L\d", re.IGNORECASE)
