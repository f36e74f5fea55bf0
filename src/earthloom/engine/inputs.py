"""Files and arrays opened as images: one opener for all that reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from earthloom.engine.arrays import Taken, images_of, is_path, take
from earthloom.errors import InputError
from earthloom.raster.image import Image
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.told import Told

MASK = "mask"  # roles that end so are masks, whatever they belong to


def taken_of(inputs: Mapping[str, Any], lazily: bool = False) -> dict[str, Taken] | None:
    """Arrays read as numpy; None where all are paths.

    Parameters
    ----------
    lazily
        What dask computes stays to be computed.

    Raises
    ------
    InputError
        If some are paths and some arrays, or one is neither.
    """
    paths = [role for role, value in inputs.items() if is_path(value)]
    others = [role for role in inputs if role not in paths]
    if paths and others:
        raise InputError(
            f"{', '.join(paths)} as {'a path' if len(paths) == 1 else 'paths'} and {', '.join(others)} as "
            f"{'an array' if len(others) == 1 else 'arrays'}", "all of one kind",
        )  # fmt: skip
    return {role: take(_counted(inputs[role]), role, lazily) for role in others} if others else None


def _counted(value: Any) -> Any:
    """Masks of booleans as numbers."""
    if str(getattr(value, "dtype", "")).rpartition(".")[2] != "bool":
        return value
    return value.byte() if hasattr(value, "detach") else value.astype("uint8")  # torch, or numpy and xarray


def files_of(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Every path that was given."""
    for value in inputs.values():
        yield from map(str, [value] if isinstance(value, (str, Path)) else value)


def opened(
    inputs: Mapping[str, Any],
    taken: Mapping[str, Taken] | None,
    stack: ExitStack,
    told: Mapping[str, Told] | None = None,
    kinds: Mapping[str, str] | None = None,
    tolerant: bool = False,
) -> dict[str, Image]:
    """Files and arrays as images.

    Parameters
    ----------
    inputs
        Role to path, or paths of one image.
    taken
        The same as arrays, where they are some.
    stack
        Closes the files.
    told
        Role to what is told about its image.
    kinds
        Role to what is taken from a folder or a file that holds several images: ``pan``, ``ms`` (the default), ``hs``.
    tolerant
        Take blocks that cannot be read for missing.
    """
    told, kinds = told or {}, kinds or {}
    if taken is not None:
        return images_of(taken, told)
    images = {}
    for role, value in inputs.items():
        own = told.get(role, Told())
        if not value:
            raise InputError(f"no file for `{role}`", f"`{role}=FILE`, or one file for each band")
        masks = role.endswith(MASK)
        images[role] = open_mask(value, own) if masks else open_image(value, role=kinds.get(role, "ms"), told=own)
        stack.callback(images[role].close)
        if tolerant:
            images[role] = replace(images[role], tolerant=True)
    return images
