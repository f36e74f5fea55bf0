"""Files and bands put together to one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from earthloom.errors import InputError
from earthloom.raster.facts import FileFacts, same_grid
from earthloom.raster.image import Image
from earthloom.raster.readers import ArrayReader, FileReader, Part


def select_bands(facts: Sequence[FileFacts], bands: Sequence[int | str] | None) -> list[tuple[FileFacts, int]]:
    """Files and band numbers in the order that was asked for."""
    every = [(file, index) for file in facts for index in file.indexes]
    if bands is None:
        return every
    numbered = every
    if len(facts) == 1:  # a mask band can be asked for by its number
        numbered = [(facts[0], index) for index in range(1, facts[0].count + 1)]
    names = [file.names[index - 1].lower() for file, index in numbered]
    chosen = []
    for band in bands:
        text = str(band)
        position = int(text) - 1 if text.lstrip("-").isdigit() else -1
        if text and text.lower() in names:
            position = names.index(text.lower())
        if not 0 <= position < len(numbered):
            raise InputError(
                f"band {band} of {Path(facts[0].path).name}",
                f"1 to {len(numbered)}, or a name out of {', '.join(n for n in names if n) or 'none'}",
            )
        chosen.append(numbered[position])
    return chosen


def assembled(chosen: Sequence[tuple[FileFacts, int]]) -> Image:
    """One image of bands of files."""
    first = chosen[0][0]
    for file, _ in chosen:
        same_grid(first, file)
    asked = {file.path for file, index in chosen if index == file.alpha}  # as a band, not as a mask
    parts: list[Part] = []
    for slot, (file, index) in enumerate(chosen):
        code = file.nodata[index - 1]
        last = parts[-1] if parts else None
        if last is not None and last.path == file.path:
            parts[-1] = replace(last, indexes=(*last.indexes, index), nodata=(*last.nodata, code))
        else:
            alpha = None if file.path in asked else file.alpha
            parts.append(Part(file.path, (index,), slot, file.dtype, (code,), alpha, file.mask))
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
        paths=tuple(dict.fromkeys(file.path for file, _ in chosen)),
        reader=FileReader(tuple(parts), len(chosen)),
        acquired=first.acquired,
        sensor=first.sensor,
    )


def overridden(image: Image, nodata: float | None, scale: float | None, offset: float | None) -> Image:
    """What the user said instead of what the files say."""
    if scale is not None and not (np.isfinite(scale) and scale != 0):
        raise InputError(f"scale {scale}", "a finite number other than 0")
    if scale is not None:
        image = replace(image, scales=(float(scale),) * image.count, offsets=(0.0,) * image.count)
    if offset is not None:
        image = replace(image, offsets=(float(offset),) * image.count)
    if nodata is None:
        return image
    reader = image.reader
    if isinstance(reader, FileReader):
        parts = tuple(replace(part, nodata=(float(nodata),) * len(part.indexes)) for part in reader.parts)
        reader = replace(reader, parts=parts)
    elif isinstance(reader, ArrayReader):
        reader = replace(reader, nodata=(float(nodata),) * image.count)
    return replace(image, nodata=float(nodata), reader=reader)
