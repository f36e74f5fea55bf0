"""Files and bands put together to one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from earthloom.errors import InputError
from earthloom.raster.facts import FileFacts, examine, same_grid
from earthloom.raster.image import Image
from earthloom.raster.readers import FileReader, MixedReader, Part, coded


def opened(path: str, bands: Sequence[int | str] | None) -> Image:
    """The bands of one file that GDAL reads.

    Raises
    ------
    FileError, InputError
        If it is missing or broken, holds several images, or lacks a band.
    """
    return assembled(select_bands([examine(path)], bands))


def positions(bands: Sequence[int | str], names: Sequence[str], title: str) -> list[int]:
    """Where the bands that were asked for, by numbers from 1 or by names, stand among those there are.

    Raises
    ------
    InputError
        If there is no such band.
    """
    known = [name.lower() for name in names]
    found = []
    for band in bands:
        text = str(band)
        position = int(text) - 1 if text.lstrip("-").isdigit() else -1
        if text and text.lower() in known:
            position = known.index(text.lower())
        if not 0 <= position < len(known):
            raise InputError(
                f"band {band} of {title}",
                f"1 to {len(known)}, or a name out of {', '.join(n for n in known if n) or 'none'}",
            )
        found.append(position)
    return found


def select_bands(facts: Sequence[FileFacts], bands: Sequence[int | str] | None) -> list[tuple[FileFacts, int]]:
    """Files and band numbers in the order that was asked for."""
    every = [(file, index) for file in facts for index in file.indexes]
    if bands is None:
        return every
    if len(facts) == 1:  # a mask band can be asked for by its number
        every = [(facts[0], index) for index in range(1, facts[0].count + 1)]
    names = [file.names[index - 1] for file, index in every]
    return [every[at] for at in positions(bands, names, Path(facts[0].path).name)]


def assembled(chosen: Sequence[tuple[FileFacts, int]]) -> Image:
    """One image of bands of files."""
    first = chosen[0][0]
    files = {file.path: file for file, _ in chosen}
    for file in files.values():
        same_grid(first, file, f"{Path(first.path).name} and {Path(file.path).name}")
    asked = {file.path for file, index in chosen if index == file.alpha}  # as a band, not as a mask
    parts = []
    for slot, (file, index) in enumerate(chosen):
        alpha = None if file.path in asked else file.alpha
        parts.append(Part(file.path, (index,), slot, file.dtype, (file.nodata[index - 1],), alpha, file.mask))
    return Image(
        shape=first.shape,
        dtype=np.result_type(*(file.dtype for file, _ in chosen)),
        crs=first.crs,
        transform=first.transform,
        nodata=next((file.nodata[i - 1] for file, i in chosen if file.nodata[i - 1] is not None), None),
        names=tuple(file.names[i - 1] for file, i in chosen),
        wavelengths_nm=tuple(file.wavelengths_nm[i - 1] for file, i in chosen),
        scales=tuple(file.scales[i - 1] for file, i in chosen),
        offsets=tuple(file.offsets[i - 1] for file, i in chosen),
        paths=tuple(files),
        reader=FileReader(_merged(parts), len(chosen)),
        acquired=first.acquired,
        sensor=first.sensor,
        bad_bands=tuple(slot for slot, (file, i) in enumerate(chosen, 1) if i in file.bad_bands),
        tags={name: value for file in reversed(files.values()) for name, value in file.tags.items()},
    )


def picked(images: Sequence[Image], bands: Sequence[int | str] | None) -> Image:
    """One image of bands of images on one grid, whatever their formats.

    Parameters
    ----------
    bands
        Numbers from 1, counted through all images, or names; all when None.

    Raises
    ------
    GridError
        If they do not share a grid.
    InputError
        If there is no such band.
    """
    if len(images) == 1 and bands is None:
        return images[0]
    every = [(image, band) for image in images for band in range(image.count)]
    names = [image.names[band] for image, band in every]
    chosen = every if bands is None else [every[at] for at in positions(bands, names, images[0].name)]
    used = [image for image in images if any(image is one for one, _ in chosen)]
    first = chosen[0][0]
    for image in used:
        same_grid(first, image, f"{Path(first.paths[0]).name} and {Path(image.paths[0]).name}")
    codes = [image.nodata for image, _ in chosen]
    return replace(
        first,
        dtype=np.result_type(*(image.dtype for image, _ in chosen)),
        nodata=next((code for code in codes if code is not None), None),
        names=tuple(image.names[band] for image, band in chosen),
        wavelengths_nm=tuple(image.wavelengths_nm[band] for image, band in chosen),
        scales=tuple(image.scales[band] for image, band in chosen),
        offsets=tuple(image.offsets[band] for image, band in chosen),
        paths=tuple(dict.fromkeys(path for image, _ in chosen for path in image.paths)),
        reader=_joined(used, chosen),
        bad_bands=tuple(slot for slot, (image, band) in enumerate(chosen, 1) if band + 1 in image.bad_bands),
        tags={name: value for image in reversed(used) for name, value in image.tags.items()},
    )


def _joined(used: Sequence[Image], chosen: Sequence[tuple[Image, int]]) -> FileReader | MixedReader:
    """The readers of images as one; files are read band by band, anything else whole."""
    readers = [image.reader for image in used]
    place = {id(image): number for number, image in enumerate(used)}
    files = [reader for reader in readers if isinstance(reader, FileReader) and reader.warp is None]
    if len(files) < len(readers):
        return MixedReader(tuple(readers), tuple((place[id(image)], band) for image, band in chosen))
    cells = [[(part, at) for part in reader.parts for at in range(len(part.indexes))] for reader in files]
    parts = []
    for slot, (image, band) in enumerate(chosen):
        part, at = cells[place[id(image)]][band]
        parts.append(replace(part, indexes=(part.indexes[at],), nodata=(part.nodata[at],), first=slot))
    return FileReader(_merged(parts), len(chosen))


def _merged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts of one band each, those that follow each other in one file as one."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last is not None and last.path == part.path:
            found[-1] = replace(last, indexes=(*last.indexes, *part.indexes), nodata=(*last.nodata, *part.nodata))
        else:
            found.append(part)
    return tuple(found)


def overridden(image: Image, nodata: float | None, scale: float | None, offset: float | None) -> Image:
    """What the user said instead of what the files say."""
    if scale is not None:
        image = replace(image, scales=(float(scale),) * image.count, offsets=(0.0,) * image.count)
    if offset is not None:
        image = replace(image, offsets=(float(offset),) * image.count)
    if nodata is None:
        return image
    return replace(image, nodata=float(nodata), reader=coded(image.reader, float(nodata), image.count))
