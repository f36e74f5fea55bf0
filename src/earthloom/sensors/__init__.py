"""What is known about each sensor: bands, wavelengths, ground sampling, MTF, response curves, and their sources.

One TOML file describes one sensor. ``load("worldview3")`` reads one that comes with the package,
``load("mine.toml")`` one of your own, and every file in the folder that the environment variable
``EARTHLOOM_SENSORS`` names is known by its file name. ``docs/sensors.md`` says how to write one.

Names are imported when first used, so that listing the sensors costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthloom.sensors.files import sensor_names as names

if TYPE_CHECKING:
    from earthloom.sensors.match import match_bands as match_bands
    from earthloom.sensors.match import select as select
    from earthloom.sensors.model import Sensor as Sensor
    from earthloom.sensors.registry import load as load

__all__ = ["Sensor", "load", "match_bands", "names", "select"]

_HOMES = {"Sensor": "model", "load": "registry", "match_bands": "match", "select": "match"}


def __getattr__(name: str) -> Any:
    """Import the public name from its module when first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
