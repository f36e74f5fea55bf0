"""DESIS as DLR delivers it, Level 1B, 1C and 2A: a folder of files, ``METADATA.xml`` among them."""

from __future__ import annotations

from pathlib import Path

from earthloom.errors import InputError
from earthloom.raster.assemble import stacked
from earthloom.raster.flags import flagged, united
from earthloom.raster.image import Image
from earthloom.raster.metadata import dlr
from earthloom.raster.places import place
from earthloom.raster.products.dlr import cube_of, layer_of
from earthloom.raster.told import Told

FLAGS = "QL_QUALITY-2"  # shadow, land, snow, haze and cloud (each over land, over water), water, aerosol, vapour
UNSEEN = (1, 6, 7)  # its bands of shadow, and of cloud over land and over water


def claims(path: str) -> bool:
    """By the names of the file, or of those in the folder."""
    return dlr.is_product(place(path), dlr.DESIS)


def open_product(path: str, role: str | None, told: Told) -> Image:
    """The cube in reflectance (Level 2A) or radiance; ``mask`` is cloud, shadow and what the cube lacks.

    Raises
    ------
    FileError
        If a file is missing or broken.
    InputError
        If there is no such band, or no mask.
    """
    if role != "mask":
        return cube_of(path, dlr.DESIS, role, told)
    product, _ = dlr.find(place(path), dlr.DESIS)
    if product.file(FLAGS) is None:
        raise InputError(f"{product.name} without {FLAGS}", "Level 2A with it", "give a mask of your own")
    if told.mask_values is not None or told.mask_bits is not None:
        return layer_of(product, FLAGS, told.bands)
    cube = cube_of(path, dlr.DESIS, None, Told(bands=(1,)))
    code = () if cube.nodata is None else (int(cube.nodata),)
    hidden = [flagged(layer_of(product, FLAGS, UNSEEN), told)]
    return united(stacked([*hidden, *(flagged(cube, told, values=(one,)) for one in code)]))


def holds(path: Path) -> bool:
    """A folder with one product, or numbers of one among others."""
    return dlr.is_image(path, dlr.DESIS)
