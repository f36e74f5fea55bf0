"""What the graph of a network takes, where it is written to a file for other programs."""

from __future__ import annotations

from typing import NamedTuple


class Port(NamedTuple):
    """An input of a graph, ``(batch, channel, y, x)`` in float32.

    Parameters
    ----------
    name
        As the module's ``forward`` calls it.
    channels
        How many, or with ``each`` how many of every band.
    holds
        What, in words.
    each
        Whether any number of bands fits.
    ratio
        Side of its pixels in wanted ones.
    flat
        No image: so many channels of so many numbers each.
    most
        Numbers lie between 0 and this; 0: on both sides of 0, as normalised ones do.
    """

    name: str
    channels: int
    holds: str
    each: bool = False
    ratio: int = 1
    flat: int = 0
    most: float = 0.0


def normalised_of(role: str) -> str:
    """What an input holds that is normalised by the scene."""
    return f"{role} on the wanted grid, each band less its mean over the scene and divided by its standard deviation"
