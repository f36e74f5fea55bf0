"""A granule of EMIT: reflectance, radiance or mask, laid on its map by the lookup table in the file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from earthloom.errors import InputError
from earthloom.raster.assemble import picked
from earthloom.raster.flags import flagged, united
from earthloom.raster.image import Image
from earthloom.raster.metadata import emit
from earthloom.raster.ortho import OrthoReader
from earthloom.raster.stores import Layer, StoreReader, store_errors
from earthloom.raster.told import Told
from earthloom.raster.trust.hdf5 import h5_file


def claims(path: str) -> bool:
    """Any file of EMIT by its name, also one that is refused in words."""
    return "://" not in path and emit.ANY_NAME.match(PurePosixPath(path).name) is not None


def open_product(path: str, role: str | None, told: Told) -> Image:
    """The image on its map; ``mask`` is the clouds of the mask of the granule, whichever of its files is named.

    Raises
    ------
    FileError
        If it is missing, broken or without its mask.
    InputError
        If it lies in an archive, or is no image of the ground.
    """
    if path.startswith("/vsi"):
        raise InputError(f"{PurePosixPath(path).name} lies in an archive", "a file on disk", "unpack it first")
    if role != "mask":
        return picked(_opened(path), told.bands)
    image = _opened(path)
    if not any(image.names):  # those of a mask have names
        image = _opened(str(emit.mask_beside(path)))
    chosen = picked(image, told.bands) if told.bands is not None else image.pick(emit.unseen(image.names))
    flags = flagged(chosen, told, values=(1, int(emit.FILL)))
    return flags if flags is chosen else united(flags)


def holds(path: Path) -> bool:
    """Reflectance or radiance: what else a granule has belongs to them."""
    found = emit.NAME.match(path.name)
    return found is not None and found["kind"].upper() in emit.SCENES and path.is_file()


def _opened(path: str) -> Image:
    """All bands of a file."""
    with store_errors(path), h5_file(path) as file:
        found = emit.granule(path, file)
    count = len(found.names)
    raw = StoreReader(path, (Layer(found.array, "yxb", tuple(range(count))),), found.dtype, (found.nodata,) * count)
    table = StoreReader(path, tuple(Layer(name) for name in emit.TABLE), raw.dtype, (None, None))
    return Image(
        shape=found.shape,
        dtype=found.dtype,
        crs=found.crs,
        transform=found.transform,
        nodata=found.nodata,
        names=found.names,
        wavelengths_nm=found.wavelengths_nm,
        scales=(found.scale,) * count,
        offsets=(0.0,) * count,
        paths=(path,),
        reader=OrthoReader(raw, table, (found.nodata,) * count),
        acquired=found.acquired,
        sensor="EMIT",
        bad_bands=found.bad_bands,
        tags=found.tags,
    )
