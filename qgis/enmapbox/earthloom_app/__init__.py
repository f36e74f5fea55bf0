"""Earthloom in the EnMAP-Box: super-resolution of cubes, and sharpening of coarse bands, for its menu and its toolbox.

It stands on the plugin ``earthloom_processing`` of this folder's neighbour, whose mapping it shares.
"""

from __future__ import annotations

from typing import Any


def enmapboxApplicationFactory(enmapBox: Any) -> list[Any]:
    """The application, for the EnMAP-Box."""
    from .application import EarthloomApplication

    return [EarthloomApplication(enmapBox)]
