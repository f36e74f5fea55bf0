"""Where a product goes: what stands in its way is said before anything is read.

Files become files, arrays become arrays of their kind, and files without an output a DataArray.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from earthloom.engine.arrays import Taken
from earthloom.engine.job import Arrays, Encode
from earthloom.engine.options import Run
from earthloom.engine.prepared import Numbers, Prepared
from earthloom.errors import FileError, InputError
from earthloom.ops.quantise import DTYPES, representable
from earthloom.raster.metadata.matlab import parse_address
from earthloom.raster.write.cog import Writer, create, require_place
from earthloom.raster.write.matlab import MatWriter, create_mat
from earthloom.types import Window

GEOTIFF = (".tif", ".tiff", ".gtiff", "")
MATLAB = (".mat",)


@runtime_checkable
class Out(Protocol):
    """An open place for tiles; see :class:`earthloom.engine.job.Out`."""

    def put(self, tile: Window, stored: tuple[np.ndarray, ...]) -> None:
        """Take a tile, from any thread."""
        ...

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add to the provenance."""
        ...

    def lost(self, count: int) -> None:
        """So many pixels hold nothing."""
        ...

    def result(self) -> Any:
        """The product, when all is closed."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Where a product goes."""

    def refuse(self, inputs: Iterable[str]) -> None:
        """Say what stands in the way, before anything is read; ``inputs`` are the files that will be."""
        ...

    def encode(self, prepared: Prepared, run: Run) -> Encode:
        """How numbers are stored there."""
        ...

    def open(self, prepared: Prepared, encode: Encode, run: Run) -> Any:
        """A context manager that gives an :class:`Out`; what can be refused is refused when it is made."""
        ...


def nodata_for(numbers: Numbers, dtype: np.dtype) -> float | None:
    """What was told, else the code of the input, else NaN, or 0 where pixels can be missing."""
    code = numbers.nodata
    if numbers.told is not None:
        return numbers.told
    if dtype.kind == "f":
        return math.nan if code is None else code
    fits = code is not None and float(code).is_integer() and np.iinfo(dtype).min <= code <= np.iinfo(dtype).max
    return code if fits else 0 if numbers.holes else None


def dtype_of(name: Any) -> np.dtype:
    """The dtype of a name.

    Raises
    ------
    InputError
        If there is none, or a product cannot be stored in it.
    """
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = None
    if dtype is None or (dtype.name not in DTYPES and dtype.kind != "f"):
        raise InputError(f"dtype '{name}'", " or ".join(DTYPES))
    return dtype


def require_code(dtype: np.dtype, nodata: float | None) -> None:
    """Refuse a code that is no number of a dtype."""
    if not representable(dtype, nodata):
        raise InputError(f"nodata {nodata} for {dtype.name}", "a number of that dtype", "give another nodata")


@dataclass(frozen=True)
class File:
    """A GeoTIFF, or a ``.mat`` where the verb writes such."""

    place: Path
    overwrite: bool = False
    suffixes: tuple[str, ...] = GEOTIFF

    @property
    def matlab(self) -> bool:
        """Whether it is a file of MATLAB."""
        return self.place.suffix.lower() in MATLAB

    def refuse(self, inputs: Iterable[str]) -> None:
        """See :class:`Sink`."""
        require_name(self.place, self.suffixes)
        require_other(self.place, inputs)
        require_place(self.place, self.overwrite)

    def encode(self, prepared: Prepared, run: Run) -> Encode:
        """As the input stores its numbers; integers that become floating point are given in physical units."""
        numbers = prepared.numbers
        dtype = dtype_of(run.dtype or ("float64" if self.matlab else numbers.dtype))
        physical = dtype.kind == "f" and numbers.dtype.kind != "f" and not self.matlab  # toolboxes want stored numbers
        scaling = ((), ()) if physical else (numbers.scales, numbers.offsets)
        return Encode(dtype, nodata_for(numbers, dtype), *scaling, prepared.finite)

    def open(self, prepared: Prepared, encode: Encode, run: Run) -> Any:
        """See :class:`Sink`."""
        product = (create_mat if self.matlab else create)(
            self.place,
            count=len(prepared.bands),
            dtype=encode.dtype,
            nodata=encode.nodata,
            names=prepared.names,
            wavelengths_nm=[band.centre_nm for band in prepared.bands],
            scales=encode.scales or None,
            offsets=encode.offsets or None,
            **self._grid(prepared, run),
        )
        beside = [
            create(
                self.place.with_name(f"{self.place.stem}{layer.suffix}{self.place.suffix}"), count=len(layer.names),
                dtype=layer.dtype, nodata=layer.nodata, names=layer.names, tags=layer.tags, **self._grid(prepared, run),
            )
            for layer in prepared.layers
        ]  # fmt: skip
        return _written(self.place, [product, *beside], run)

    def _grid(self, prepared: Prepared, run: Run) -> dict[str, Any]:
        """What all files of a product share."""
        return {
            "shape": prepared.scene.shape, "crs": prepared.crs, "transform": prepared.transform,
            "compress": run.compress, "overwrite": self.overwrite, "threads": run.workers,
        }  # fmt: skip


@dataclass(frozen=True)
class _Files:
    """A product and its layers, open."""

    place: Path
    writers: Sequence[Writer | MatWriter]

    def put(self, tile: Window, stored: tuple[np.ndarray, ...]) -> None:
        """Take a tile."""
        for writer, numbers in zip(self.writers, stored, strict=True):
            writer.put(tile, numbers)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Of all files."""
        for writer in self.writers:
            writer.tag(tags)

    def lost(self, count: int) -> None:
        """Of the product."""
        self.writers[0].lost(count)

    def result(self) -> Path:
        """Where it is."""
        return self.place


@contextmanager
def _written(place: Path, writers: Sequence[Writer | MatWriter], run: Run) -> Iterator[_Files]:
    """Open files that appear under their names together, when all went well."""
    with ExitStack() as stack:
        for writer in writers:
            stack.enter_context(writer)
        yield _Files(place, writers)
        run.progress("writing", 0, 1)
    run.progress("writing", 1, 1)


@dataclass(frozen=True)
class Array:
    """An array of the kind that was given; nothing can be in its way."""

    taken: Mapping[str, Taken]

    def refuse(self, inputs: Iterable[str]) -> None:
        """See :class:`Sink`."""

    def encode(self, prepared: Prepared, run: Run) -> Encode:
        """In the dtype of the input; missing pixels of floating point are NaN."""
        numbers = prepared.numbers
        dtype = dtype_of(run.dtype or numbers.dtype)
        nodata = math.nan if dtype.kind == "f" else numbers.nodata if numbers.told is None else numbers.told
        require_code(dtype, nodata)
        return Encode(dtype, nodata, numbers.scales, numbers.offsets, prepared.finite)

    @contextmanager
    def open(self, prepared: Prepared, encode: Encode, run: Run) -> Iterator[_Held]:
        """See :class:`Sink`."""
        own, attrs = self.taken[prepared.grid], {**self.taken[prepared.like].attrs, **prepared.attrs}

        def finish(data: np.ndarray) -> Any:
            if prepared.back is not None:
                return prepared.back(own.value, data)
            return own.back(data, prepared.bands, attrs)

        yield _Held(_empty(prepared, encode), finish)


@dataclass(frozen=True)
class Labelled:
    """A DataArray with the coordinates and the CRS of its grid."""

    def refuse(self, inputs: Iterable[str]) -> None:
        """See :class:`Sink`."""
        try:
            import xarray  # noqa: F401
        except ImportError as missing:
            raise InputError(
                "files without output=", "output='product.tif'", "or install earthloom[xarray] to get a DataArray"
            ) from missing

    def encode(self, prepared: Prepared, run: Run) -> Encode:
        """In physical units; in stored numbers where an integer dtype is asked for."""
        numbers = prepared.numbers
        dtype = dtype_of(run.dtype) if run.dtype else _precision(prepared)
        if dtype.kind == "f":
            return Encode(dtype, math.nan, (), (), prepared.finite)
        nodata = nodata_for(numbers, dtype)
        require_code(dtype, nodata)
        return Encode(dtype, nodata, numbers.scales, numbers.offsets, prepared.finite)

    @contextmanager
    def open(self, prepared: Prepared, encode: Encode, run: Run) -> Iterator[_Held]:
        """See :class:`Sink`."""
        yield _Held(_empty(prepared, encode), lambda data: labelled(data, prepared, encode))


@dataclass(frozen=True)
class _Held:
    """A product in memory, and what becomes of it."""

    arrays: Arrays
    finish: Callable[[np.ndarray], Any]

    def put(self, tile: Window, stored: tuple[np.ndarray, ...]) -> None:
        """Take a tile."""
        self.arrays.put(tile, stored)

    def tag(self, tags: Mapping[str, str]) -> None:
        """An array says nothing about itself."""

    def lost(self, count: int) -> None:
        """Seen in the array."""

    def result(self) -> Any:
        """The product."""
        return self.finish(self.arrays.layers[0])


def _empty(prepared: Prepared, encode: Encode) -> Arrays:
    """Memory for the product."""
    return Arrays((np.empty((len(prepared.bands), *prepared.scene.shape), encode.dtype),))


def _precision(prepared: Prepared) -> np.dtype:
    """In which the scene gives its numbers."""
    views = prepared.scene.empty().views.values()
    return np.dtype(np.result_type(*(view.data for view in views)))


def labelled(data: np.ndarray, prepared: Prepared, encode: Encode) -> Any:
    """Stored numbers as a DataArray, with ``scale_factor``, ``add_offset`` and ``_FillValue`` where they apply."""
    import xarray

    coords: dict[str, Any] = {"band": [band.name for band in prepared.bands]}
    crs, t = prepared.crs, prepared.transform
    if crs is not None:
        height, width = data.shape[1:]
        known = {"crs_wkt": crs.to_wkt(), "spatial_ref": crs.to_wkt()}
        known["GeoTransform"] = " ".join(repr(float(v)) for v in (t.c, t.a, t.b, t.f, t.d, t.e))
        coords["y"] = t.f + t.e * (np.arange(height) + 0.5)
        coords["x"] = t.c + t.a * (np.arange(width) + 0.5)
        coords["spatial_ref"] = xarray.Variable((), 0, known)  # where rioxarray and odc-geo look for the CRS
    attrs: dict[str, Any] = {"long_name": tuple(coords["band"])}
    if encode.dtype.kind != "f":
        for key, values, neutral in (("scale_factor", encode.scales, 1), ("add_offset", encode.offsets, 0)):
            if len(set(values)) == 1 and values[0] != neutral:
                attrs[key] = values[0]
        attrs |= {} if encode.nodata is None else {"_FillValue": encode.nodata}
    coords |= {name: ("band", list(values)) for name, values in prepared.coords.items()}
    return xarray.DataArray(
        data, dims=("band", "y", "x"), coords=coords, attrs={**attrs, **prepared.attrs}, name=prepared.called
    )


def require_name(place: Path, suffixes: Sequence[str]) -> None:
    """Refuse names that promise another format than is written.

    Raises
    ------
    InputError
        If they do.
    """
    if place.suffix.lower() not in suffixes:
        kinds = "a GeoTIFF or .mat" if MATLAB[0] in suffixes else "a GeoTIFF"
        raise InputError(f"the output {place}", kinds, f"call it {place.with_suffix('.tif').name}")


def require_other(place: Path, inputs: Iterable[str]) -> None:
    """Refuse to write over an input.

    Raises
    ------
    InputError
        If the output is one.
    """
    if not place.exists():
        return
    for path in inputs:
        address = parse_address(path)
        file = Path(path) if address is None else address[0]
        if file.exists() and place.samefile(file):
            raise InputError(f"the output {place} is an input", "another name")


def require_folder(folder: Path) -> None:
    """Make the folder of the products.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder} cannot be made ({error.strerror})", hint="choose another output") from error


def require_apart(folder: Path, paths: Sequence[Path]) -> None:
    """Refuse a folder of inputs as that of the products."""
    if folder.exists() and any(path.parent.exists() and folder.samefile(path.parent) for path in paths):
        raise InputError(f"the output {folder} is a folder of the inputs", "a folder of its own")
