"""Cubes of DLR's missions: numbers, metadata and quality layers of a product as one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from affine import Affine

from earthloom.errors import InputError, warn
from earthloom.raster.assemble import assembled, band_positions, stacked
from earthloom.raster.facts import FileFacts, examine
from earthloom.raster.flags import flagged, united
from earthloom.raster.image import Image
from earthloom.raster.metadata import dlr
from earthloom.raster.places import place
from earthloom.raster.told import Told


def cube_of(path: str, mission: dlr.Mission, role: str | None, told: Told) -> Image:
    """The numbers of a product in physical units, by wavelength; bands without any number only where they are named.

    Raises
    ------
    FileError
        If a file is missing or broken, or numbers and metadata do not belong together.
    InputError
        If there is no such band, or a PAN is asked for.
    """
    product, detector = dlr.find(place(path), mission)
    if role == "pan" and told.bands is None:
        raise InputError(
            f"{product.name} as pan", "a panchromatic image", f"{mission.title} has no such band; name one with bands"
        )
    metadata = dlr.read_metadata(product.required(dlr.METADATA), mission)
    file, detector = product.cube(detector)
    found = examine(str(file))
    bands = metadata.of(detector, found.count, file.name)
    facts = replace(_placed(found, product), **dlr.described(product, metadata, bands, found.nodata))
    facts = replace(facts, tags={**found.tags, **facts.tags})
    if told.bands is not None:  # numbers are those of the product, as its metadata count
        wanted = [f"B{band}" if str(band).isdigit() else band for band in told.bands]
        return assembled([(facts, at + 1) for at in band_positions(wanted, facts.names, product.name)])
    full = [at for at, band in enumerate(bands) if band.number not in metadata.empty]
    if not full:
        raise InputError(f"{product.name} without a band that holds numbers", "", "name bands to see them all the same")
    if len(full) < len(bands):
        left_out = _runs([band.number for band in bands if band.number in metadata.empty])
        warn(f"{product.name}: bands {left_out} hold no numbers and are left out; the others keep their names")
    return assembled([(facts, at + 1) for at in sorted(full, key=lambda at: bands[at].centre_nm)])


def mask_of(product: dlr.Product, parts: dict[str, tuple[int, ...]]) -> Image:
    """One mask of the layers of a product: 1 where any of them holds one of its values, 0 of no values any but 0.

    Raises
    ------
    InputError
        If there is none of them.
    """
    there = {part: values for part, values in parts.items() if product.file(part) is not None}
    missing = [part for part in parts if part not in there]
    if not there:
        raise InputError(f"{product.name} without a mask", f"files {', '.join(parts)}", "give a mask of your own")
    if missing:
        warn(f"{product.name} has no {', '.join(missing)}: its mask is made of {', '.join(there)} alone")
    return united(stacked([flagged(layer_of(product, part), Told(), values=values) for part, values in there.items()]))


def layer_of(product: dlr.Product, part: str, bands: Sequence[int | str] | None = None) -> Image:
    """A quality layer as it is, on the grid of the cube."""
    facts = _placed(examine(str(product.required(part))), product, quiet=True)
    whole = assembled([(facts, index) for index in range(1, facts.count + 1)])
    return whole if bands is None else whole.pick(band_positions(bands, whole.names, whole.name))


def _placed(facts: FileFacts, product: dlr.Product, quiet: bool = False) -> FileFacts:
    """The grid of a file; that of Level 1B is not one: rows and columns are the sensor's."""
    if product.level != "L1B" or (facts.crs is None and facts.transform == Affine.identity()):
        return replace(facts, alpha=None)
    if not quiet:
        warn(
            f"{Path(facts.path).name} is in the geometry of the sensor, its corners alone are known: the product lies "
            "nowhere on Earth; Level 1C and 2A are on a map"
        )
    return replace(facts, alpha=None, crs=None, transform=Affine.identity())


def _runs(numbers: list[int]) -> str:
    """1, 2, 3, 7 as B1-B3, B7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"B{run[0]}" if len(run) == 1 else f"B{run[0]}-B{run[-1]}" for run in runs)
