"""Cases of cloud removal from data on disk: radar, cloudy and clear optical images on one grid (SEN12MS-CR)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from earthloom.errors import GridError, InputError
from earthloom.physics.backscatter import is_db, to_db
from earthloom.physics.cloudmask import find_clouds
from earthloom.problems.base import Case
from earthloom.problems.cloud_removal import CloudRemoval, cloud_view
from earthloom.raster.image import Image
from earthloom.raster.listing import layouts
from earthloom.raster.listing.layouts import Rasters, Source
from earthloom.raster.open import open_image
from earthloom.sensors import Sensor, load, match_bands
from earthloom.training.cases.blocks import plan_blocks
from earthloom.training.cases.samples import DataSet, Reading
from earthloom.types import Band, Observation, View, Window

SAR_BANDS = ("vv", "vh")
DEFAULT_SENSOR = "sentinel2a"
Finder = Callable[[View], np.ndarray]


class CloudCases(DataSet):
    """The cases of a SEN12MS-CR folder in random access.

    A cloudy and a clear image of one place make a case as they are; its mask is a file beside the cloudy image
    (``NAME_s2cloudless.tif``, the last band), or what ``mask`` finds in it. A clear image alone is put under
    simulated clouds, which depend on ``seed`` and on the number of the case.

    Parameters
    ----------
    sources
        Places with ``sar`` and ``clear`` or ``cloudy`` (and ``..._mask``).
    reading
        How to read; ``reduce="always"`` simulates clouds on the clear images even where cloudy ones are there.
    limit
        At most so many cases, spread evenly.
    mask
        Finds clouds and shadows in the optical view, ``(y, x)`` booleans; None is
        :func:`earthloom.physics.cloudmask.find_clouds`, both of its masks.
    seed
        Of the simulated clouds.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        reading: Reading,
        limit: int | None = None,
        mask: Finder | None = None,
        seed: int = 0,
    ) -> None:
        reading.require_convention(" for cloud removal")
        wrong = next((s.name for s in sources if not isinstance(s, Rasters) or "sar" not in s.files), None)
        if wrong:
            raise InputError(f"{wrong} for cloud removal", "radar and optical images", "folders s1, s2_cloudfree ...")
        self.sources = [s for s in sources if isinstance(s, Rasters)]
        self.reading, self.mask, self.seed = reading, mask, seed
        self.sensor: Sensor = load(reading.sensor if reading.sensor is not None else DEFAULT_SENSOR)
        self.bands = 0
        self._units = [unit for number in range(len(self.sources)) for unit in self._plan(number)]
        if limit is not None and limit < 1:
            raise InputError(f"a limit of {limit} cases", "at least 1")
        if limit is not None and limit < len(self._units):
            self._units = [self._units[i] for i in np.linspace(0, len(self._units) - 1, limit).round().astype(int)]

    def _plan(self, number: int) -> Iterator[tuple[int, Window]]:
        """Blocks of a place."""
        source = self.sources[number]
        if "clear" not in source.files and self.reading.reduce == "never":
            raise InputError(f"{source.name} has no clear image", "s2_cloudfree", "reduce='auto' simulates clouds")
        with self._image(source, "cloudy" if "cloudy" in source.files else "clear") as image:
            self.bands = self.bands or image.count
            if image.count != self.bands:
                raise InputError(
                    f"{source.name} has {image.count} bands, {self.sources[0].name} has {self.bands}",
                    "the same for all",
                )
            yield from ((number, block) for block in plan_blocks(image.shape, 1, self.reading.block_px))

    def _image(self, source: Rasters, role: str) -> Image:
        """An opened image."""
        scale = None if role == "sar" or role.endswith("mask") else self.reading.scale
        return open_image(source.files[role], nodata=self.reading.nodata, scale=scale)

    def __len__(self) -> int:
        return len(self._units)

    @property
    def groups(self) -> list[int]:
        """The scene of every case."""
        return [number for number, _ in self._units]

    @property
    def names(self) -> list[str]:
        """One per case: the place, and the corner of the block where there are several."""
        several = [self.sources[n].title for n, block in self._units if block[:2] != (0, 0)]
        labels = ((self.sources[n].title, block) for n, block in self._units)
        return [f"{title}@{block.y},{block.x}" if title in several else title for title, block in labels]

    def one(self, index: int) -> Case:
        """A case by its number."""
        number, block = self._units[index]
        source = self.sources[number]
        real = "cloudy" in source.files and "clear" in source.files and self.reading.reduce != "always"
        role = "clear" if "clear" in source.files and not real else "cloudy"
        obs = self._observe(source, role, block)
        if not real:
            return CloudRemoval(self.seed + index).degrade(obs)
        truth, valid = self._read(source, "clear", block)
        return Case(obs, truth if valid.all() else np.where(valid, truth, np.float32(np.nan)))

    def seen(self, index: int) -> Observation:
        """What was seen at a place: the cloudy image where there is one."""
        number, block = self._units[index]
        source = self.sources[number]
        return self._observe(source, "cloudy" if "cloudy" in source.files else "clear", block)

    def _read(self, source: Rasters, role: str, block: Window) -> tuple[np.ndarray, np.ndarray]:
        """A window of an image."""
        with self._image(source, role) as image:
            return image.read(block)

    def _observe(self, source: Rasters, role: str, block: Window) -> Observation:
        """The views of a block."""
        self._require_one_grid(source)
        data, valid = self._read(source, role, block)
        optical = View(data, valid, match_bands(self.sensor, len(data), self.reading.bands))
        sar, heard = self._read(source, "sar", block)
        if not is_db(sar, heard):
            sar = to_db(sar)
        names = SAR_BANDS if len(sar) == len(SAR_BANDS) else [f"sar_{i}" for i in range(1, len(sar) + 1)]
        views = {
            "optical": optical,
            "sar": View(sar, heard, tuple(Band(name) for name in names)),
            "cloud": cloud_view(self._clouds(source, role, block, optical)),
        }
        return Observation(views, (block.height, block.width))

    def _clouds(self, source: Rasters, role: str, block: Window, optical: View) -> np.ndarray:
        """Where clouds are: from the file, nowhere in a clear image, else from the finder."""
        if f"{role}_mask" in source.files:
            return self._read(source, f"{role}_mask", block)[0][-1] > 0.5
        if role == "clear":
            return np.zeros(optical.shape, bool)
        if self.mask is not None:
            return np.asarray(self.mask(optical), bool)
        found = find_clouds(optical.data, optical.bands, optical.valid)
        return found.cloud | found.shadow

    def _require_one_grid(self, source: Rasters) -> None:
        """Refuse images that do not lie on each other."""
        first: Any = None
        for role in source.files:
            with self._image(source, role) as image:
                grid = (image.shape, image.crs, image.transform if image.georeferenced else None)
                first = first or (role, grid)
                if grid != first[1]:
                    raise GridError(
                        f"{source.name}: {role} of {image.shape} pixels at {tuple(image.transform)[:6]} and {first[0]} "
                        f"of {first[1][0]} at {tuple(first[1][2] or ())[:6]}", "one grid",
                    )  # fmt: skip


OPTIONS = {"seed": (int | None, "Of the simulated clouds.")}


def open_cases(paths: Any, reading: Reading, limit: int | None = None, **more: Any) -> DataSet:
    """See :func:`earthloom.training.cases.open.cases_module`."""
    return CloudCases(layouts.find_sources(paths), reading, limit, **more)
