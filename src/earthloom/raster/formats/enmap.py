"""EnMAP as DLR delivers it, Level 1B, 1C and 2A: a folder of files, ``METADATA.XML`` among them."""

from __future__ import annotations

import re
from typing import ClassVar

from earthloom.raster.formats import Product


class Enmap(Product):
    """The folder, its ``METADATA.XML``, or a ``SPECTRAL_IMAGE``: from Level 1C on one of both detectors."""

    name: ClassVar[str] = "enmap"
    rank: ClassVar[int] = 12
    roles: ClassVar[tuple[str, ...]] = ("hs", "mask")
    products: ClassVar[re.Pattern[str] | None] = re.compile(r"ENMAP\d\d-_*L\d[A-Z]-", re.I)
    likely: ClassVar[re.Pattern[str]] = re.compile(r"ENMAP", re.IGNORECASE)
