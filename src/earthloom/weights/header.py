"""What a file of weights says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
