"""EnMAP as DLR delivers it, Level 1B, 1C and 2A: a folder of files, ``METADATA.XML`` among them."""

from __future__ import annotations

from pathlib import Path

from earthloom.raster.image import Image
from earthloom.raster.metadata import dlr
from earthloom.raster.places import place
from earthloom.raster.products.dlr import cube_of, layer_of, mask_of
from earthloom.raster.told import Told

CLASSES = "QL_QUALITY_CLASSES"
UNSEEN = {  # by quality layer, the values that hide the ground; none: any but 0
    CLASSES: (3,),  # 1 is land, 2 water, 3 background
    "QL_QUALITY_CLOUD": (),
    "QL_QUALITY_CLOUDSHADOW": (),
    "QL_QUALITY_CIRRUS": (),  # thin, medium, thick
}


def claims(path: str) -> bool:
    """By the names of the file, or of those in the folder."""
    return dlr.is_product(place(path), dlr.ENMAP)


def open_product(path: str, role: str | None, told: Told) -> Image:
    """The cube in reflectance (Level 2A) or radiance; ``mask`` is cloud, shadow, cirrus and background.

    Raises
    ------
    FileError
        If a file is missing or broken.
    InputError
        If there is no such band, or no mask.
    """
    if role != "mask":
        return cube_of(path, dlr.ENMAP, role, told)
    product, _ = dlr.find(place(path), dlr.ENMAP)
    if told.mask_values is not None or told.mask_bits is not None:
        return layer_of(product, CLASSES)
    return mask_of(product, UNSEEN)


def holds(path: Path) -> bool:
    """A folder with one product, or numbers of one among others."""
    return dlr.is_image(path, dlr.ENMAP)
