"""What GDAL and we are told from outside, taken along to where the work is done: options, credentials, folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import rasterio.env

TRAVEL = (
    "GDAL_", "CPL_", "VSI_", "CURL_", "AWS_", "GS_", "GOOGLE_", "AZURE_", "OSS_", "SWIFT_", "EARTHLOOM_",
)  # fmt: skip
STAY = {"GDAL_DATA", "GDAL_DRIVER_PATH", "CPL_TMPDIR"}  # where things lie on one machine


@dataclass(frozen=True)
class Settings:
    """Variables of the environment, and the options of the active ``rasterio.Env``; never shown: keys are among them.

    Parameters
    ----------
    variables
        Of the environment, by name.
    options
        Of GDAL, by name; credentials of a session that is active among them.
    """

    variables: dict[str, str] = field(default_factory=dict, repr=False)
    options: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def captured(cls) -> Settings:
        """Those that hold here and now."""
        variables = {name: value for name, value in os.environ.items() if name.startswith(TRAVEL) and name not in STAY}
        options = rasterio.env.getenv() if rasterio.env.hasenv() else {}
        return cls(variables, {name: value for name, value in options.items() if name not in STAY})

    @contextmanager
    def applied(self) -> Iterator[None]:
        """They hold inside; what held before comes back."""
        before = {name: os.environ.get(name) for name in self.variables}
        os.environ.update(self.variables)
        try:
            with rasterio.Env():
                rasterio.env.setenv(**self.options)  # keys too, which Env itself takes from boto3 alone
                yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


@contextmanager
def block_cache(size: int, asked: bool) -> Iterator[None]:
    """GDAL keeps so many bytes of blocks, in this process and in workers; unless the user says another size.

    Parameters
    ----------
    asked
        Whether the size follows from what the user asked for: then it holds whatever the environment says.
    """
    if not asked and "GDAL_CACHEMAX" in os.environ:
        yield
        return
    with rasterio.Env(GDAL_CACHEMAX=size):
        yield
