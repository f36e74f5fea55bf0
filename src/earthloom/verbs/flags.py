"""What is typed for a parameter: its flag, and how words become numbers. Needs nothing, so that help comes at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin


@dataclass(frozen=True)
class Flag:
    """How a parameter is given on the command line. Without one, its name and its type say.

    Parameters
    ----------
    takes
        Type of what is typed; None: that of the parameter.
    name
        Names of the flag; empty: made of the parameter's.
    group
        Heading in the help.
    shown
        What the help calls its value.
    bare
        Given by its place, without a name.
    placed
        Given by its place or by its name.
    required
        Though Python can do without.
    hidden
        No flag at all: Python alone.
    """

    takes: Any = None
    name: tuple[str, ...] = ()
    group: str = "Images"
    shown: str = ""
    bare: bool = False
    placed: bool = False
    required: bool = False
    hidden: bool = False


FILE = Flag(str, group="Files")
FILES = Flag(list[str], group="Files")
OUTPUT = Flag(Path, ("--output", "-o"), "Files", required=True)
METHOD = Flag(str, ("--method", "-m"), "Files")
NAME = Flag(str)
PYTHON = Flag(hidden=True)

TOLD: Mapping[str, Any] = {  # what is typed for the fields of earthloom.raster.told.Told
    "sensor": str, "bands": list[str], "scale": float, "offset": float, "nodata": float,
    "mask_values": list[float], "mask_bits": list[int],
}  # fmt: skip
NONE = "none"  # in a list of files: this image has none
LISTENERS = ("progress", "say", "facts", "learnt")  # options of a run that are no text


def flag_of(hint: Any) -> Flag:
    """How a parameter with this annotation is given."""
    return next((one for one in getattr(hint, "__metadata__", ()) if isinstance(one, Flag)), Flag())


def plain(hint: Any) -> Any:
    """A hint without its annotations."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def takes_numbers(hint: Any) -> bool:
    """Whether a field of a method may hold several numbers, such as one weight for each band."""
    return any(get_origin(one) is tuple for one in (hint, *get_args(hint)))


def files_in(own: dict[str, Any], *lists: str) -> dict[str, Any]:
    """What was typed, with None for each ``none`` in these lists of files."""
    return own | {name: [None if one == NONE else one for one in own[name]] for name in lists if own.get(name)}


def numbers_in(given: Any) -> Any:
    """What was typed for a field that takes ``mean``, or ``0.2 0.3 0.5``; anything else as it is."""
    if not isinstance(given, list):
        return given
    try:
        return tuple(float(word) for word in given)
    except ValueError:
        return given[0] if len(given) == 1 else " ".join(given)
