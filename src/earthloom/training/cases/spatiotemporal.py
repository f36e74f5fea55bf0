"""Cases of spatiotemporal fusion from folders of dates: known dates around one whose fine image is the truth.

Where a folder holds no coarse images, they are simulated: blurred by the coarse sensor's MTF, sampled, and noisy;
``simulated`` tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.errors import InputError
from earthloom.physics.forward import reduce
from earthloom.problems.base import Case
from earthloom.raster.image import Image
from earthloom.raster.listing.date_folders import Series, series_in
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.scenes.dates import PairScene, Placed, ground
from earthloom.sensors import load, match_bands
from earthloom.training.cases.blocks import plan_blocks
from earthloom.training.cases.samples import DataSet, Reading
from earthloom.types import Band, Float, Observation, View, Window

NOISE = 0.01  # of simulated coarse images, standard deviation in shares of the mean
UNLIKE = 20.0  # times that the numbers of both sensors may differ before their units do


class TripleCases(DataSet):
    """The cases of folders of dates in random access; nothing is read before it is asked for.

    Parameters
    ----------
    paths
        Folders, each perhaps with a choice behind ``@``: ``train`` or ``val`` (the triples of CIA and LGC),
        ``2016-08-07/2016-08-23/2016-08-30`` (known, wanted, known; several with commas), or ``16:1`` (coarse images are
        simulated at that ratio). Or the dates of a folder that names do not tell, as a :class:`Series`.
    reading
        How to read; ``sensor`` is the coarse one, whose MTF counts, ``bands`` names the bands of both.
    limit
        At most so many cases, spread evenly.
    noise
        Of simulated coarse images, standard deviation in shares of each band's mean.
    """

    def __init__(
        self,
        paths: str | Path | Series | Sequence[str | Path | Series],
        reading: Reading,
        limit: int | None = None,
        noise: float = NOISE,
    ) -> None:
        reading.require_convention(" for dates")
        items = [paths] if isinstance(paths, (str, Path, Series)) else list(paths)
        self.sources = [item if isinstance(item, Series) else series_in(str(item)) for item in items]
        self.reading, self.noise, self.bands = reading, noise, 0
        self.sensor = load(reading.sensor if reading.sensor is not None else "generic")
        self._units = [unit for number in range(len(self.sources)) for unit in self._plan(number)]
        if limit is not None and limit < 1:
            raise InputError(f"a limit of {limit} cases", "at least 1")
        if limit is not None and limit < len(self._units):
            self._units = [self._units[i] for i in np.linspace(0, len(self._units) - 1, limit).round().astype(int)]
        starts = list(dict.fromkeys((number, triple) for number, triple, _ in self._units))
        self._group = {start: at for at, start in enumerate(starts)}

    def _plan(self, number: int) -> Iterator[tuple[int, tuple[date, ...], Window | None]]:
        """Triples and blocks of a series."""
        series = self.sources[number]
        fine = self._image(series.fine[series.both[0]]) if series.both else None
        cells: list[Window | None] = [None]
        if fine is not None:
            with fine:
                self.bands = self.bands or fine.count
                if fine.count != self.bands:
                    raise InputError(
                        f"{series.name} has {fine.count} bands, {self.sources[0].name} has {self.bands}",
                        "the same for all",
                    )
                blocks = plan_blocks(fine.shape, series.ratio, self.reading.block_px)
                cells = [cell for cell in blocks] if len(blocks) > 1 else [None]
        yield from ((number, triple, cell) for triple in series.triples() for cell in cells)

    def __len__(self) -> int:
        return len(self._units)

    @property
    def simulated(self) -> bool:
        """Whether any coarse image is simulated."""
        return any(not series.coarse for series in self.sources)

    @property
    def groups(self) -> list[int]:
        """Blocks of one triple are normalised alike."""
        return [self._group[number, triple] for number, triple, _ in self._units]

    @property
    def names(self) -> list[str]:
        """One per case: the folder, the wanted date, and the corner of the block where there are several.

        Where one date is wanted of several pairs of others, these too.
        """
        wanted = [(n, triple[1]) for n, triple in dict.fromkeys((n, triple) for n, triple, _ in self._units)]
        found = []
        for n, triple, cell in self._units:
            of = f" of {triple[0]}, {triple[-1]}" if wanted.count((n, triple[1])) > 1 else ""
            found.append(f"{self.sources[n].name} {triple[1]}{of}" + ("" if cell is None else f"@{cell.y},{cell.x}"))
        return found

    def one(self, index: int) -> Case:
        """A case by its number."""
        number, triple, cell = self._units[index]
        series = self.sources[number]
        wanted, known = triple[1], [triple[0], *triple[2:]]
        fine = {"truth": wanted} | {f"fine_{k}": day for k, day in enumerate(known, start=1)}
        images = {role: self._image(series.fine[day]) for role, day in fine.items()}
        bands = self._bands(images["truth"])
        if series.coarse:
            obs = self._observed(series, images, fine, bands, cell)
        else:
            obs = self._simulated(series, images, fine, bands, cell, seed=index)
        truth = obs["truth"]
        views = {role: view for role, view in obs.views.items() if role != "truth"}
        data = truth.data if truth.all_valid else np.where(truth.valid, truth.data, np.float32(np.nan))
        return Case(replace(obs, views=views), data)

    def seen(self, index: int) -> Observation:
        """What was seen: the case's own inputs."""
        return self.one(index).obs

    def _observed(
        self, series: Series, images: dict[str, Image], fine: dict[str, date], bands: tuple[Band, ...],
        cell: Window | None,
    ) -> Observation:  # fmt: skip
        """Both sensors' images on their grids."""
        days = {("coarse_p" if role == "truth" else role.replace("fine", "coarse")): day for role, day in fine.items()}
        coarse = {role: self._image(series.coarse[day], series.coarse_bands.get(day)) for role, day in days.items()}
        first = next(iter(coarse.values()))
        if first.count != images["truth"].count:
            raise InputError(
                f"{series.name}: {first.name} of {first.count} bands and {images['truth'].name} of "
                f"{images['truth'].count}", "the same bands in the same order",
            )  # fmt: skip
        grid = ground(images["truth"], first, self.reading.ignore_georeferencing)
        placed = {role: grid.place(image)[0] for role, image in coarse.items()}
        laid = {role: grid.lay_fine(image)[0] for role, image in images.items()}
        masks = {
            role: Placed(grid.lay_fine(open_mask(series.masks[day]), "nearest")[0])
            for role, day in fine.items() if day in series.masks
        }  # fmt: skip
        scene = PairScene(grid, laid, placed, bands, bands, masks, days={**fine, **days})
        with scene:
            obs = scene.observe(Window(0, 0, *scene.shape) if cell is None else cell)
        obs = replace(_plain(obs), origin=(0, 0), core=None)
        _alike(series.name, obs)
        return obs

    def _simulated(
        self, series: Series, images: dict[str, Image], fine: dict[str, date], bands: tuple[Band, ...],
        cell: Window | None, seed: int,
    ) -> Observation:  # fmt: skip
        """Fine images, and coarse ones made of them."""
        ratio, shape = series.ratio, images["truth"].shape
        cell = cell or Window(0, 0, shape[0], shape[1])
        cell = cell._replace(height=cell.height // ratio * ratio, width=cell.width // ratio * ratio)
        views, rng = dict[str, View](), np.random.default_rng((seed, 1))
        for role, image in images.items():
            with image:
                data, valid = image.read(cell)
            if fine[role] in series.masks:
                with open_mask(series.masks[fine[role]]) as mask:
                    numbers, told = mask.read(cell)
                valid = valid & ~((numbers[0] != 0) & told)
            views[role] = View(data, valid, bands, date=fine[role])
            other = "coarse_p" if role == "truth" else role.replace("fine", "coarse")
            views[other] = simulated(views[role], ratio, self.noise, rng)
        return Observation(views, (cell.height, cell.width))

    def _image(self, files: tuple[str, ...], band: int | None = None) -> Image:
        """An opened image of all bands of a date: those that were named, where each has a file of its own; or one.

        Raises
        ------
        InputError
            If there are several images of one date.
        """
        if len(files) > 1 and self.reading.bands is not None:
            ends = [re.compile(rf"(?:^|[^a-z0-9]){re.escape(str(band))}$", re.I) for band in self.reading.bands]
            found = [next((file for file in files if end.search(Path(file).stem)), None) for end in ends]
            files = tuple(file for file in found if file is not None) or files
        one = files[0] if len(files) == 1 else list(files)
        picked = None if band is None else [band]
        image = open_image(one, bands=picked, nodata=self.reading.nodata, scale=self.reading.scale)
        if len(image.paths) > 1 and image.count > len(image.paths):
            raise InputError(
                f"several images of one date, {image.name}", "one for each date and sensor",
                "give a folder that holds one kind of product",
            )  # fmt: skip
        return image

    def _bands(self, image: Image) -> tuple[Band, ...]:
        """Of both sensors: those told, else what the file says, with the coarse sensor's MTF."""
        names = self.reading.bands
        if self.reading.sensor is not None or names is not None:
            return match_bands(self.sensor, image.count, names)
        told = zip(image.names, image.wavelengths_nm, strict=True)
        return tuple(Band(name or f"band_{i}", nm) for i, (name, nm) in enumerate(told, start=1))


def simulated(fine: View, ratio: int, noise: float, rng: np.random.Generator) -> View:
    """What a coarse sensor would have seen of a fine image: blurred by the bands' MTF, sampled, and noisy.

    Parameters
    ----------
    ratio
        Coarse over fine pixel size; it divides the sides of the image.
    noise
        Standard deviation in shares of each band's mean.

    Raises
    ------
    InputError
        If the image is smaller than a coarse pixel.
    """
    shape = (fine.shape[0] // ratio, fine.shape[1] // ratio)
    if min(shape) < 1:
        raise InputError(f"an image of {fine.shape} pixels", f"at least {ratio} a side", "a smaller ratio")
    empty = np.zeros((len(fine.bands), *shape), fine.data.dtype)
    step, at = float(ratio), (ratio - 1) / 2
    view = View(empty, np.ones(shape, bool), fine.bands, (step, step), (at, at), fine.date)
    obs = Observation({"coarse": view}, fine.shape)
    data = reduce(obs, _without_holes(fine), [band.mtf_nyquist for band in fine.bands], "coarse")
    level = data.mean(axis=(1, 2), keepdims=True)
    data = data + (noise * np.abs(level) * rng.normal(size=data.shape)).astype(data.dtype)
    if fine.all_valid:
        return replace(view, data=data)
    share = reduce(obs, fine.valid[None].astype(data.dtype), 0.5, "coarse")[0]
    return replace(view, data=data, valid=np.asarray(share > 0.9))


def _without_holes(fine: View) -> Float[np.ndarray, "band y x"]:
    """Means of the valid pixels where there is none."""
    if fine.all_valid:
        return fine.data
    level = fine.data[:, fine.valid].mean(axis=1) if fine.valid.any() else np.zeros(len(fine.data))
    return np.where(fine.valid, fine.data, level.astype(fine.data.dtype)[:, None, None])


def _plain(obs: Observation) -> Observation:
    """Float32 views."""
    views = {role: replace(view, data=view.data.astype(np.float32)) for role, view in obs.views.items()}
    return replace(obs, views=views)


def _alike(name: str, obs: Observation) -> None:
    """Refuse sensors whose numbers cannot be of one unit."""
    fine, coarse = (
        float(np.median(np.abs(obs[role].data[:, obs[role].valid]))) if obs[role].valid.any() else 0.0
        for role in ("truth", "coarse_p")
    )
    if fine > 0 and coarse > 0 and not 1 / UNLIKE < fine / coarse < UNLIKE:
        raise InputError(
            f"{name}: fine values around {fine:.3g} and coarse ones around {coarse:.3g}", "one unit",
            "write the scale of each into its files (gdal_edit.py -scale), or rescale one of them",
        )  # fmt: skip


OPTIONS = {"noise": (float | None, "Of simulated coarse images, standard deviation in shares of each band's mean.")}


def open_cases(paths: Any, reading: Reading, limit: int | None = None, **more: Any) -> DataSet:
    """See :func:`earthloom.training.cases.open.cases_module`."""
    return TripleCases(paths, reading, limit, **more)
