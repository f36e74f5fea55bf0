"""Files and bands put together to one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from earthloom.errors import InputError
from earthloom.raster.facts import FileFacts, examine, same_grid
from earthloom.raster.image import Image
from earthloom.raster.names import renames
from earthloom.raster.readers import FilePart, FileReader, coded, joined, together


def opened_file(path: str, bands: Sequence[int | str] | None) -> Image:
    """The bands of one file that GDAL reads.

    Raises
    ------
    FileError, InputError
        If it is missing or broken, holds several images, or lacks a band.
    """
    facts = examine(path)
    if bands is not None and renames(bands, [facts.names[index - 1] for index in facts.indexes], [Path(path).stem]):
        return called(assembled(select_bands([facts], None)), bands)
    return assembled(select_bands([facts], bands))


def band_positions(bands: Sequence[int | str], names: Sequence[str], title: str) -> list[int]:
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
                f"1 to {len(known)}, or a name out of {_few([name for name in known if name]) or 'none'}",
            )
        found.append(position)
    return found


def _few(names: Sequence[str]) -> str:
    """Names for a message: of hundreds the first and the last."""
    return ", ".join(names if len(names) <= 24 else [*names[:3], "...", *names[-3:]])


def select_bands(facts: Sequence[FileFacts], bands: Sequence[int | str] | None) -> list[tuple[FileFacts, int]]:
    """Files and band numbers in the order that was asked for."""
    every = [(file, index) for file in facts for index in file.indexes]
    if bands is None:
        return every
    if len(facts) == 1:  # a mask band can be asked for by its number
        every = [(facts[0], index) for index in range(1, facts[0].count + 1)]
    names = [file.names[index - 1] for file, index in every]
    return [every[at] for at in band_positions(bands, names, Path(facts[0].path).name)]


def assembled(chosen: Sequence[tuple[FileFacts, int]]) -> Image:
    """One image of bands of files."""
    first = chosen[0][0]
    slots = tuple(index - 1 for _, index in chosen) if len({file.path for file, _ in chosen}) == 1 else ()
    files = {file.path: file for file, _ in chosen}
    for file in files.values():
        same_grid(first, file, f"{Path(first.path).name} and {Path(file.path).name}")
    asked = {file.path for file, index in chosen if index == file.alpha}  # as a band, not as a mask
    parts = []
    for slot, (file, index) in enumerate(chosen):
        alpha = None if file.path in asked else file.alpha
        parts.append(FilePart(file.path, (index,), slot, file.dtype, (file.nodata[index - 1],), alpha, file.mask))
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
        reader=FileReader(joined(parts), len(chosen)),
        acquired=first.acquired,
        sensor=first.sensor,
        bad_bands=tuple(slot for slot, (file, i) in enumerate(chosen, 1) if i in file.bad_bands),
        tags={name: value for file in reversed(files.values()) for name, value in file.tags.items()},
        slots=slots if slots != tuple(index - 1 for index in first.indexes) else (),
        whole=len(first.indexes) if slots else 0,
        colours=tuple(file.colours[i - 1] for file, i in chosen),
        widths_nm=tuple(file.widths_nm[i - 1] if file.widths_nm else None for file, i in chosen),
    )


def called(image: Image, bands: Sequence[int | str]) -> Image:
    """The same image, its bands called as the user says."""
    return replace(image, names=tuple(map(str, bands)), told=True)


def picked(image: Image, bands: Sequence[int | str] | None) -> Image:
    """The bands of an image that were asked for, by numbers from 1 or by names; all when None.

    Names for an image whose bands have none are taken for what its bands are called.

    Raises
    ------
    InputError
        If there is no such band.
    """
    if bands is None:
        return image
    if renames(bands, image.names, [Path(path).stem for path in image.paths]):
        return called(image, bands)
    return image.pick(band_positions(bands, image.names, image.name))


def stacked(images: Sequence[Image]) -> Image:
    """All bands of images on one grid as one image, whatever their formats.

    Raises
    ------
    GridError
        If they do not share a grid.
    """
    first = images[0]
    for image in images[1:]:
        same_grid(first, image, f"{Path(first.paths[0]).name} and {Path(image.paths[0]).name}")
    before = [sum(image.count for image in images[:at]) for at in range(len(images))]
    return replace(
        first,
        dtype=np.result_type(*(image.dtype for image in images)),
        nodata=next((image.nodata for image in images if image.nodata is not None), None),
        names=tuple(name for image in images for name in image.names),
        wavelengths_nm=tuple(centre for image in images for centre in image.wavelengths_nm),
        scales=tuple(scale for image in images for scale in image.scales),
        offsets=tuple(offset for image in images for offset in image.offsets),
        paths=tuple(dict.fromkeys(path for image in images for path in image.paths)),
        reader=together([(image.reader, image.count) for image in images]),
        bad_bands=tuple(at + band for at, image in zip(before, images, strict=True) for band in image.bad_bands),
        tags={name: value for image in reversed(images) for name, value in image.tags.items()},
        slots=(),
        whole=0,
        colours=tuple(colour for image in images for colour in image.colours or ("",) * image.count),
        widths_nm=tuple(width for image in images for width in image.widths_nm or (None,) * image.count),
    )


def overridden(image: Image, nodata: float | None, scale: float | None, offset: float | None) -> Image:
    """What the user said instead of what the files say."""
    if scale is not None:
        image = replace(image, scales=(float(scale),) * image.count, offsets=(0.0,) * image.count)
    if offset is not None:
        image = replace(image, offsets=(float(offset),) * image.count)
    if nodata is None:
        return image
    return replace(image, nodata=float(nodata), reader=coded(image.reader, float(nodata), image.count))
