"""EO-1 as the USGS delivers it: Hyperion and ALI, folders of bands with an MTL file; Hyperion of level 1R."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from affine import Affine

from earthloom.errors import FileError, InputError
from earthloom.raster.assemble import assembled, band_positions, picked
from earthloom.raster.facts import FileFacts, examine
from earthloom.raster.image import Image
from earthloom.raster.metadata import eo1
from earthloom.raster.places import AnyPath, Inside, place
from earthloom.raster.stores import Layer, StoreReader, looked_into
from earthloom.raster.told import Told


def claims(path: str) -> bool:
    """A folder of its files, one of them with the MTL file beside it, or a file of HDF."""
    given = place(path)
    hdf = eo1.SWATH.match(given.name) or eo1.OTHER_HDF.match(given.name)
    return bool(hdf) or eo1.is_part(given) or eo1.has_images(given)


def open_product(path: str, role: str | None, told: Told) -> Image:
    """Radiance: ``pan`` is band 1 of ALI, all else its bands 2 to 10 or the 198 calibrated ones of Hyperion.

    Raises
    ------
    InputError, FileError, GridError
        If there is no such band, or the product is incomplete or broken.
    """
    given = place(path)
    eo1.refuse_hdf(given)
    swath = given if eo1.SWATH.match(given.name) else eo1.swath_in(given)
    if swath is not None:
        return _swath(swath, role, told)
    alone = eo1.band_of(given)
    product = eo1.read_product(given.parent if eo1.is_part(given) else given)
    if alone is not None:
        return picked(assembled([(_facts(product, [alone])[0], 1)]), told.bands)
    chosen = _chosen(product.instrument, role, told, product.folder)
    return assembled([(facts, 1) for facts in _facts(product, chosen)])


def holds(path: Path) -> bool:
    """A folder with the MTL file in it, or a file of level 1R: band files alone may be a series."""
    return eo1.has_metadata(path) or (bool(eo1.SWATH.match(path.name)) and path.is_file())


def _chosen(instrument: eo1.Instrument, role: str | None, told: Told, given: AnyPath) -> list[int]:
    """The bands of a role, or those asked for by the numbers or names that the instrument gives them."""
    bands = instrument.of_role(role)
    if told.bands is None:
        return list(bands)
    return [at + 1 for at in band_positions(instrument.told_names(told.bands), instrument.names, given.name)]


def _facts(product: eo1.Product, bands: list[int]) -> list[FileFacts]:
    """The headers of band files, and what the metadata say of them."""
    instrument, facts = product.instrument, []
    for band, fill in zip(bands, instrument.fill(bands), strict=True):
        scale, offset = product.scaling(band)
        file = examine(str(product.file(band)))
        facts.append(
            replace(
                file,
                nodata=(fill if file.nodata[0] in (None, 0) else file.nodata[0],),
                names=(instrument.name(band),),
                wavelengths_nm=(instrument.centre_nm(band),),
                scales=(scale,),
                offsets=(offset,),
                acquired=product.acquired,
                sensor=instrument.sensor,
                scaled_by=product.mtl.path.name,
                tags={**file.tags, **product.tags},
                bad_bands=() if band in (*instrument.good, instrument.pan) else (1,),
            )
        )
    return facts


def _swath(path: AnyPath, role: str | None, told: Told) -> Image:
    """Hyperion of level 1R: one array of lines, bands and samples, called like its file; it lies nowhere."""
    instrument = eo1.HYPERION
    if isinstance(path, Inside):
        raise InputError(f"{path.name} is HDF inside an archive", "the unpacked file", "HDF is not read from archives")
    bands = _chosen(instrument, role, told, path)
    with looked_into(str(path)) as store:
        shape = store.shape(path.name)
    if len(shape) != 3 or shape[1] != instrument.count:
        raise FileError(
            f"{path.name} holds {' x '.join(map(str, shape))} numbers", f"lines x {instrument.count} bands x samples"
        )
    vnir, swir = eo1.SWATH_DIVISORS
    layer = Layer(path.name, "ybx", tuple(band - 1 for band in bands))
    return Image(
        shape=(shape[0], shape[2]),
        dtype=np.dtype("int16"),
        crs=None,
        transform=Affine.identity(),
        nodata=None,  # no ground is missing: nothing was resampled
        names=tuple(map(instrument.name, bands)),
        wavelengths_nm=tuple(map(instrument.centre_nm, bands)),
        scales=tuple(1 / (vnir if eo1.is_vnir(band) else swir) for band in bands),
        offsets=(0.0,) * len(bands),
        paths=(str(path),),
        reader=StoreReader(str(path), (layer,), np.dtype("int16"), (None,) * len(bands)),
        acquired=eo1.named_day(path),
        sensor=instrument.sensor,
        bad_bands=tuple(slot for slot, band in enumerate(bands, 1) if band not in instrument.good),
        tags={"quantity": "radiance", "units": eo1.UNITS, "product_type": "L1R"},
    )
