"""A cube tile by tile, its bad bands put back in their places."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from affine import Affine

from earthloom.engine.job import Encode, Fusion, Made
from earthloom.engine.options import Run
from earthloom.engine.passes import observe_filled
from earthloom.engine.prepared import Numbers, Prepared
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.grouped import grouped
from earthloom.ops.moments import Stats
from earthloom.prepare.superresolution.bands import runs
from earthloom.prepare.superresolution.cube_arrays import finer_xarray
from earthloom.prepare.superresolution.opening import PROBLEM, Cube, ToldCube, lay_cube, product_bands
from earthloom.problems import catalog as problems
from earthloom.raster.facts import BAD_TAG
from earthloom.raster.image import Image
from earthloom.types import Scene, Window


@dataclass(frozen=True)
class Bands:
    """Which bands of a product are which.

    Parameters
    ----------
    count
        Bands of the product, in the order of the file.
    good
        Where those lie that the method made, in its order.
    passed
        Where the bad ones lie that hold numbers.
    empty
        Where those lie that hold none.
    """

    count: int
    good: tuple[int, ...]
    passed: tuple[int, ...]
    empty: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class CubeFusion(Fusion):
    """A method on the good bands; bad ones that hold numbers are interpolated, and empty ones hold nothing."""

    bands: Bands
    passed: Scene | None
    ratio: int

    def make(self, tile: Window, stats: Stats) -> Made:
        """The tile as it is stored, its bands in the order of the file."""
        assert isinstance(self.encode, Encode)
        product, bands = self.product(tile, stats), self.bands
        if bands.good == tuple(range(bands.count)):
            return self.encode.made(product)
        whole = np.full((bands.count, tile.height, tile.width), np.nan, product.data.dtype)
        whole[list(bands.good)] = product.data
        if self.passed is not None:
            seen = observe_filled(self.passed, tile, self._reach, problems.find(PROBLEM))
            if seen is not None:
                rows, cols = seen.core_window.slices
                whole[list(bands.passed)] = catalog.make("bicubic", PROBLEM).fuse(seen, Stats())[:, rows, cols]
        made = self.encode.made(replace(product, data=whole))
        made.stored[0][list(bands.empty)] = self.encode.missing
        return made

    @property
    def _reach(self) -> int:
        """Fine pixels that interpolating looks around a tile."""
        return 2 * self.ratio + 2

    def look(self, tile: Window) -> None:
        """See :class:`earthloom.engine.job.Fusion`."""
        super().look(tile)
        if self.passed is not None:
            self.passed.observe(tile, 2 * self._reach)


@dataclass(frozen=True)
class Enlarging:
    """What is told about a cube; called with it, it prepares.

    Parameters
    ----------
    told
        About its bands, its blur and the finer grid.
    method
        That will run: too few bands and weights of another ratio are refused at once.
    wavelengths_nm
        Of an array; empty where unknown.
    """

    told: ToldCube
    method: Method
    wavelengths_nm: tuple[float | None, ...] = ()

    def __call__(self, images: Mapping[str, Image], run: Run) -> Prepared:
        """Sort the bands, and lay the cube on the finer grid.

        Raises
        ------
        EarthloomError
            Whatever stands in the way, in words.
        """
        image, told = images["cube"], self.told
        if self.wavelengths_nm:
            image = replace(image, wavelengths_nm=self.wavelengths_nm)
        cube = lay_cube(image, self.method, told, run)
        run.fact(ratio=told.ratio)
        order, banding = product_bands(cube.banding, told), cube.banding
        place = {band: at for at, band in enumerate(order)}
        bands = Bands(
            len(order), tuple(place[band] for band in banding.good),
            tuple(place[band] for band in banding.passed) if cube.passed is not None else (),
            tuple(place[band] for band in banding.empty if band in place),
        )  # fmt: skip
        crs, transform = (None, Affine.identity()) if run.ignore_georeferencing else cube.place
        named = tuple(cube.bands[at] for at in order)
        holes = cube.scene.image.maskable or bool(banding.empty)
        numbers = Numbers(
            image.dtype, tuple(image.scales[at] for at in order), tuple(image.offsets[at] for at in order),
            image.nodata, told.nodata, holes,
        )  # fmt: skip
        centres = [band.centre_nm for band in named]
        known = any(nm is not None for nm in centres)
        still = [at + 1 for at, band in enumerate(order) if band in banding.bad]
        return Prepared(
            cube.scene, "cube", "cube", numbers, named, tuple(image.names[at] or cube.bands[at].name for at in order),
            crs, transform, {"hs": image.paths[:1]}, cube.sensor.name if cube.sensor else None,
            facts=_facts(cube, told), tags={BAD_TAG: json.dumps(still)} if still else {},
            wrap=partial(grouped, groups=banding.groups),
            job=partial(CubeFusion, bands=bands, passed=cube.passed, ratio=told.ratio), called="superresolved",
            coords={"wavelength": [np.nan if nm is None else nm for nm in centres]} if known else {},
            back=partial(_finer, order=order, ratio=told.ratio),
        )  # fmt: skip


def _finer(cube: Any, data: np.ndarray, order: Sequence[int], ratio: int) -> Any:
    """A DataArray like the cube, on the finer grid."""
    return finer_xarray(cube, data, order, ratio)


def _facts(cube: Cube, told: ToldCube) -> dict[str, Any]:
    """For the provenance: ratio, blur, and what became of the bands."""
    banding, facts = cube.banding, dict[str, Any](ratio=told.ratio, blur=told.convention)
    if banding.bad:
        facts["bad_bands_of_input"] = {
            why: runs([band + 1 for band, reason in sorted(banding.bad.items()) if reason == why])
            for why in dict.fromkeys(banding.bad.values())
        }
    if len(banding.groups) > 1:
        facts["band_groups"] = [[banding.good[g[0]] + 1, banding.good[g[-1]] + 1] for g in banding.groups]
    return facts
