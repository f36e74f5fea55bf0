"""Gridded products of MODIS (HDF4) and VIIRS (HDF5), in HDF-EOS: MOD09GA, MCD43A4, VNP09GA and their like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from earthloom.errors import FileError, InputError, warn
from earthloom.raster.assemble import band_positions, stacked
from earthloom.raster.flags import flagged, united
from earthloom.raster.image import Image
from earthloom.raster.metadata import hdfeos, modis
from earthloom.raster.stores import Hdf5, Layer, Store, StoreReader, looked_into, require_alone
from earthloom.raster.told import Told

INFORMATION = "HDFEOS INFORMATION"  # the group of HDF5 that holds the description; HDF4 has it in attributes
BY_SIZE = ("fine", "coarse_1")  # roles in sharpening
MOST = 12  # names of arrays in a message
Placed = tuple[hdfeos.EosGrid, hdfeos.EosField]


def claims(path: str) -> bool:
    """Any file that is called like one, also one that is refused in words."""
    file = _addressed(path)[0]
    return "://" not in file and modis.named(Path(file).name) is not None


def open_product(path: str, role: str | None, told: Told) -> Image:
    """Reflectance, temperature or index of the finest grid; ``mask`` is what the quality bands say, on that grid.

    Raises
    ------
    InputError
        If it lies in an archive, is of no known product and no band is named, or has no such band or mask.
    FileError
        If it is missing or broken.
    """
    file, array = _addressed(path)
    require_alone(file)
    told = replace(told, bands=(array,)) if array and told.bands is None else told
    product = _Product.read(file)
    if role == "mask":
        return product.mask(told)
    if role in BY_SIZE and told.bands is None and len(sized := product.by_size) > 1:
        return product.image([one.name for _, one in sized[BY_SIZE.index(role)]])
    return product.image(told.bands)


def sized(path: str) -> tuple[str, ...]:
    """Roles in sharpening of the bands by their pixel sizes, where a file holds several: M and I bands of VIIRS.

    Raises
    ------
    FileError
        If such a file is missing or broken.
    """
    file, array = _addressed(path)
    named = modis.named(Path(file).name)
    if array is not None or named is None or modis.SEVERAL_SIZES.match(named.product) is None:
        return ()
    require_alone(file)
    found = _Product.read(file).by_size
    return BY_SIZE[: len(found)] if len(found) > 1 else ()


def holds(path: Path) -> bool:
    """A tile of a known product."""
    named = modis.named(path.name)
    return named is not None and named.family is not None and path.is_file()


def _addressed(path: str) -> tuple[str, str | None]:
    """The file, and the array of it that is named."""
    for form in modis.ADDRESS:
        found = form.match(path)
        if found is not None:
            return found["file"], found["array"]
    return path, None


@dataclass(frozen=True)
class _Product:
    """A file whose description was read: what its name says, and the grids that it holds."""

    path: str
    named: modis.Named
    grids: tuple[hdfeos.EosGrid, ...]

    @classmethod
    def read(cls, path: str) -> _Product:
        """Read the description of a file."""
        named = modis.named(Path(path).name)
        assert named is not None  # it was claimed
        with looked_into(path) as store:
            grids = hdfeos.grids(_structure(store), Path(path).name, isinstance(store, Hdf5))
        return cls(path, named, grids)

    @property
    def title(self) -> str:
        """Name for messages."""
        return Path(self.path).name

    @property
    def every(self) -> list[Placed]:
        """All arrays, those of the finest grid first."""
        return [(grid, one) for grid in sorted(self.grids, key=lambda grid: grid.pixel) for one in grid.fields]

    @property
    def own(self) -> list[Placed]:
        """The bands of the image: those of the finest grid that has any."""
        return self.by_size[0] if self.by_size else []

    @property
    def by_size(self) -> list[list[Placed]]:
        """The bands of the image on every grid that has any, the finest first."""
        family = self.named.family
        bands = [] if family is None else [both for both in self.every if family.image.match(both[1].name)]
        grids = dict.fromkeys(id(grid) for grid, _ in bands)
        each = ([both for both in bands if id(both[0]) == grid] for grid in grids)
        return [sorted(own, key=lambda both: _order(both[1].name)) for own in each]

    def image(self, bands: Sequence[int | str] | None) -> Image:
        """The bands that were asked for, or those of the image."""
        chosen = self.own if bands is None else [self._asked(band) for band in bands]
        if not chosen:
            names = ", ".join(one.name for _, one in self.every[:MOST])
            raise InputError(
                f"{self.title} holds no image that is known", "a product such as MOD09GA, MCD43A4, VNP09GA",
                f"name bands, which lie on one grid, out of {names}",
            )  # fmt: skip
        grid = chosen[0][0]
        for other, one in chosen:
            if other is not grid:
                raise InputError(
                    f"{chosen[0][1].name} of {self.title} lies on the grid {grid.name}, {one.name} on {other.name}",
                    "bands of one grid", "open them one after the other",
                )  # fmt: skip
        return self._opened(grid, [one for _, one in chosen])

    def mask(self, told: Told) -> Image:
        """Where nothing is seen, on the grid of the image."""
        found = self._qualities() if told.bands is None else [(self._asked(band), None) for band in told.bands]
        if not found:
            hint = "name a mask" if self.named.family is None else "get the whole product, or name a mask"
            raise InputError(f"{self.title} has no quality band that is known", "one that tells clouds", hint)
        if told.mask_values is not None or told.mask_bits is not None:
            found = found[:1]  # one band is what the user explains
        images = []
        for (grid, one), quality in found:
            raw = self._opened(grid, [one], flags=True)
            fields = None if quality is None else quality.meaning(raw.nodata)
            images.append(flagged(raw, told, fields=fields))
        image = united(stacked(images)) if len(images) > 1 else images[0]
        fine = (self.own or self.every)[0][0]
        return image if image.shape == fine.shape else image.warped(fine.crs, fine.transform, fine.shape, "nearest")

    def _qualities(self) -> list[tuple[Placed, modis.Quality | None]]:
        """The quality bands that say where nothing is seen."""
        for together in self.named.family.quality if self.named.family is not None else ():
            found = [(both, one) for one in together for both in self.every if one.arrays.match(both[1].name)]
            for note in {one.note for _, one in found if one.note}:
                warn(f"{self.title}: {note}")
            if found:
                return list(found)
        return []

    def _asked(self, band: int | str) -> Placed:
        """A band by its number in the image, or by the name of any array in the file or of the sensor's band."""
        if str(band).lstrip("-").isdigit():
            own = self.own
            return own[band_positions([band], [modis.short_name(one.name) for _, one in own], self.title)[0]]
        every = self.own + [both for both in self.every if both not in self.own]
        wanted = modis.plain(str(band))
        for both in every:
            if wanted in (modis.plain(both[1].name), modis.plain(modis.short_name(both[1].name))):
                return both
        names = [modis.short_name(one.name) for _, one in every]
        return every[band_positions([band], names, self.title)[0]]

    def _opened(self, grid: hdfeos.EosGrid, fields: Sequence[hdfeos.EosField], flags: bool = False) -> Image:
        """Some arrays of a grid as an image; flags are numbers that mean something whatever their range."""
        dtypes, numbers = zip(*self._stored(grid, fields), strict=True)
        codes = tuple(one.fill for one in numbers)
        names = tuple(modis.short_name(one.name) for one in fields)
        both = [(1.0, 0.0) if flags else self._scaling(*one) for one in zip(fields, dtypes, numbers, strict=True)]
        family, tags = self.named.family, self.named.tags
        if family is not None and all(family.image.match(one.name) for one in fields):
            tags |= {"quantity": family.quantity, "unit": family.unit}
        ranges = () if flags else tuple(one.valid for one in numbers)
        layers = tuple(Layer(one.array) for one in fields)
        return Image(
            shape=grid.shape,
            dtype=np.result_type(*dtypes),
            crs=grid.crs,
            transform=grid.transform,
            nodata=next((code for code in codes if code is not None), None),
            names=names,
            wavelengths_nm=tuple(modis.CENTRES_NM.get(name) for name in names),
            scales=tuple(scale for scale, _ in both),
            offsets=tuple(offset for _, offset in both),
            paths=(self.path,),
            reader=StoreReader(self.path, layers, np.result_type(*dtypes), codes, ranges),
            acquired=self.named.acquired,
            sensor=self.named.sensor if all(name in modis.CENTRES_NM for name in names) else None,
            tags=tags,
        )

    def _stored(
        self, grid: hdfeos.EosGrid, fields: Sequence[hdfeos.EosField]
    ) -> list[tuple[np.dtype, hdfeos.Numbers]]:  # fmt: skip
        """What arrays of a grid store."""
        found = []
        with looked_into(self.path) as store:
            for one in fields:
                shape = tuple(store.shape(one.array))
                if shape != grid.shape:
                    sizes = [" x ".join(map(str, size)) for size in (shape, grid.shape)]
                    raise FileError(f"{self.title}: {one.name} of {sizes[0]} pixels", f"{sizes[1]}, as its grid has")
                dtype = store.read(one.array, (slice(0, 1), slice(0, 1))).dtype
                found.append((dtype, hdfeos.numbers(store.attributes(one.array))))
        return found

    def _scaling(self, field: hdfeos.EosField, dtype: np.dtype, written: hdfeos.Numbers) -> tuple[float, float]:
        """Scale and offset of an array to physical units."""
        family = self.named.family
        scale, offset = written.scale or 1.0, written.offset or 0.0
        if abs(scale) >= modis.DIVISOR:
            scale = 1 / scale
        if not written.scale and dtype.kind in "iu" and modis.BAND.match(field.name):
            scale = modis.REFLECTANCE_SCALE
            warn(f"{self.title}: reflectance without a scale, taken for the {scale} of all such products")
        if offset and (family is None or family.quantity != "temperature"):
            warn(
                f"{self.title}: {field.name} has an offset, taken for scale * (number - {offset:g}) as MODIS writes it"
            )
            offset *= -scale
        return scale, offset


def _order(array: str) -> tuple[str, int, str]:
    """Bands by their numbers: the second comes before the tenth."""
    short = modis.short_name(array)
    number = short[1:]
    return (short[:1], int(number), "") if short != array and number.isdigit() else ("", 0, "")


def _structure(store: Store) -> str:
    """The text that describes the grids of an open file."""
    if not isinstance(store, Hdf5):
        return hdfeos.structure(store.attributes(""))
    group = store.file.get(INFORMATION, {})
    return hdfeos.structure({name: group[name][()] for name in group})
