"""Earthloom in QGIS: every verb as a Processing algorithm on the user's layers."""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:
    """The plugin, for QGIS."""
    from .provider import Plugin

    return Plugin()
