"""The description of one sensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from earthloom.notebook import Table, Tabular
from earthloom.types import Band


@dataclass(frozen=True)
class Sensor(Tabular):
    """What is known about one sensor.

    ``gsd_m`` and ``numbers`` run parallel to ``bands``. A number or a table that is not known is None or empty.

    Parameters
    ----------
    name
        Name of the file without ``.toml``.
    title
        Name for people.
    bands
        Multispectral or hyperspectral bands in the order in which the sensor numbers them.
    pan
        Panchromatic band, or None for a sensor without one.
    ratio
        Pixel size of the bands over that of the PAN; None without a PAN or where it is not fixed.
    bit_depth
        Bits per value that the detector delivers.
    gsd_m, pan_gsd_m
        Ground sampling distance in metres, of each band and of the PAN.
    numbers, pan_number
        The sensor's own labels (``B5``, ``B8A``), as they stand in file names.
    aliases
        Other names that :func:`earthloom.sensors.load` understands.
    subsets
        Customary selections of bands by title, in the order of a customary file; used to match an image
        that holds fewer bands than the sensor.
    sources
        Where each group of numbers comes from: ``wavelengths``, ``gsd_m``, ``mtf_nyquist``, ``bit_depth``, ``srf``.
    srf
        CSV file of spectral response curves, if there is one.
    any_band
        Template of a band, for a sensor that may have any number of bands (``generic``).
    note
        What a user should know.
    """

    name: str
    title: str
    bands: tuple[Band, ...]
    pan: Band | None = None
    ratio: float | None = None
    bit_depth: int | None = None
    gsd_m: tuple[float | None, ...] = ()
    pan_gsd_m: float | None = None
    numbers: tuple[str, ...] = ()
    pan_number: str = ""
    aliases: tuple[str, ...] = ()
    subsets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)
    srf: Path | None = None
    any_band: Band | None = None
    note: str = ""

    def table(self) -> Table:
        """A line for each band."""
        gsd = self.gsd_m or (None,) * len(self.bands)
        rows = [
            [band.name, *("" if one is None else one for one in (band.centre_nm, band.fwhm_nm, size)), band.mtf_nyquist]
            for band, size in zip(self.bands, gsd, strict=True)
        ]  # fmt: skip
        return Table(["band", "centre, nm", "width, nm", "pixel, m", "MTF at Nyquist"], rows, self.title, self.note)

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands, in order."""
        return tuple(band.name for band in self.bands)
