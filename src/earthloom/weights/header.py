"""What a file of weights says about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from earthloom.documents import parsed
from earthloom.errors import FileError

FOLDER = Path(__file__).parent
SUFFIX = ".safetensors"
KEY = "earthloom"
HEADER_BYTES = 100_000_000  # the format allows no longer header


@dataclass(frozen=True)
class Header:
    """What a file of weights says about itself.

    Parameters
    ----------
    method
        Such as ``pansharpening/cf2n``.
    fields
        The method's fields that shape the network.
    sizes
        Bands, guide bands, extra bands and ratio.
    sensor, bands, centres_nm
        What it was trained for; names and central wavelengths in the order of the network's bands.
    convention
        Geometry of the training pairs.
    card
        Data, licence, steps, hardware, figures, and what the weights are not for.
    """

    method: str
    fields: Mapping[str, Any]
    sizes: Mapping[str, float]
    sensor: str | None = None
    bands: tuple[str, ...] = ()
    centres_nm: tuple[float | None, ...] = ()
    convention: str = "centre"
    card: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    path: str = ""

    @property
    def not_for(self) -> str:
        """What the card says that the weights are not for."""
        return str(self.card.get("not_for") or self.card.get("not for") or "")


def metadata(path: Path) -> dict[str, str]:
    """What the header of a safetensors file says besides the places of its tensors, read without safetensors.

    The file is eight bytes with the length of the header, the header as JSON, and the tensors: what is known about
    weights is known where torch and safetensors are not installed.

    Raises
    ------
    FileError
        If it is no safetensors file, or cut short.
    """
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > HEADER_BYTES:
                raise ValueError("its header has no end")
            header = parsed(stream.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        if path.stat().st_size != 8 + length + max(ends, default=0):
            raise ValueError("not as long as its header says")
        return {str(key): str(value) for key, value in header.get("__metadata__", {}).items()}
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as wrong:
        raise FileError(
            f"{path.name} cannot be read ({wrong})", "whole safetensors", "cut short? copy it again"
        ) from wrong


@cache
def shipped_methods() -> frozenset[str]:
    """The networks, as ``problem/name``, that weights are shipped for."""
    headers = (json.loads(metadata(path)[KEY]) for path in FOLDER.glob(f"*{SUFFIX}"))
    return frozenset(str(header["method"]) for header in headers)
