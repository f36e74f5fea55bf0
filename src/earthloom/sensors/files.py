"""Where the sensor files are. Looks at file names only."""

from __future__ import annotations

import os
import re
from pathlib import Path

from earthloom.errors import SensorError

VARIABLE = "EARTHLOOM_SENSORS"


def shipped(folder: str) -> Path:
    """A folder of data that comes with the package: ``data`` (TOML) or ``srf`` (CSV)."""
    from importlib.resources import files

    return Path(str(files("earthloom.sensors"))) / folder


def sensor_files() -> dict[str, Path]:
    """Every sensor file by sensor name; a file of ``EARTHLOOM_SENSORS`` goes before a shipped one.

    Raises
    ------
    SensorError
        If ``EARTHLOOM_SENSORS`` does not name a folder.
    """
    found = {path.stem: path for path in shipped("data").glob("*.toml")}
    own = os.environ.get(VARIABLE)
    if own:
        folder = Path(own).expanduser()
        if not folder.is_dir():
            raise SensorError(
                f"the environment variable {VARIABLE} is {own!r}, which is not a folder",
                "a folder with one TOML file per sensor",
                "correct the variable or unset it",
            )
        found |= {path.stem: path for path in folder.glob("*.toml")}
    return found


def sensor_names() -> list[str]:
    """Names of all sensors, sorted: those of the package and those in ``EARTHLOOM_SENSORS``.

    Reads file names only and imports nothing heavy.

    Raises
    ------
    SensorError
        If ``EARTHLOOM_SENSORS`` does not name a folder.
    """
    return sorted(sensor_files())


def fold(text: str) -> str:
    """A name without case, hyphens, underscores and spaces: ``WV-3``, ``wv_3`` and ``WV 3`` are ``wv3``."""
    return re.sub(r"[-_\s]", "", text).lower()
