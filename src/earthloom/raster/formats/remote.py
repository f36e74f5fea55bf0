"""A file elsewhere: behind http(s), in S3, Google's or Azure's store, by its address or in words of GDAL."""

from __future__ import annotations

from typing import ClassVar

from earthloom.errors import InputError
from earthloom.raster.addresses import is_remote
from earthloom.raster.assemble import opened_file
from earthloom.raster.formats import Format
from earthloom.raster.image import Image
from earthloom.raster.places import archive_suffix
from earthloom.raster.told import Told


class Remote(Format):
    """Read by ranges, with the rights and the patience that :mod:`earthloom.raster.remote` says."""

    name: ClassVar[str] = "remote"
    rank: ClassVar[int] = 2

    def claims(self, path: str) -> bool:
        """Whatever is an address."""
        return is_remote(path)

    def open(self, path: str, role: str | None, told: Told) -> Image:
        """Open one file.

        Raises
        ------
        InputError
            If it is an archive, which cannot be listed from here.
        """
        if archive_suffix(path) is not None:
            raise InputError(
                f"{path} is an archive elsewhere", "an image",
                f"download it, or name the image in it: /vsizip/{{/vsicurl/{path}}}/FILE",
            )  # fmt: skip
        return opened_file(path, told.bands)
