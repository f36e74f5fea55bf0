"""DESIS as DLR delivers it, Level 1B, 1C and 2A: a folder of files, ``METADATA.xml`` among them."""

from __future__ import annotations

import re
from typing import ClassVar

from earthloom.raster.formats import Product


class Desis(Product):
    """The folder, its ``METADATA.xml``, or the ``SPECTRAL_IMAGE``."""

    name: ClassVar[str] = "desis"
    rank: ClassVar[int] = 13
    roles: ClassVar[tuple[str, ...]] = ("hs", "mask")
    products: ClassVar[re.Pattern[str] | None] = re.compile(r"DESIS-HSI-L\d[A-Z]-", re.I)
    likely: ClassVar[re.Pattern[str]] = re.compile(r"DESIS", re.IGNORECASE)
