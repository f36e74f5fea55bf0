"""Where a product goes: what stands in its way is said before anything is read.

Files become files, arrays become arrays of their kind, and files without an output a DataArray.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from earthloom.engine.arrays import Taken
from earthloom.engine.job import Arrays, Encode
from earthloom.engine.job import Out as Tiles
from earthloom.engine.ledger import NOTHING_KEPT, WORTH_SECONDS, Ledger, part_of
from earthloom.engine.options import Run
from earthloom.engine.prepared import Numbers, Prepared
from earthloom.errors import ClusterError, FileError, HangUp, InputError
from earthloom.ops.quantise import dtype_of, require_code
from earthloom.raster.coordinates import labelled
from earthloom.raster.write.cog import Writer, create
from earthloom.raster.write.matlab import MatWriter, create_mat
from earthloom.raster.write.place import (
    GEOTIFF,
    MATLAB,
    ZARR,
    forget_layer,
    layer_place,
    require_name,
    require_other,
    require_place,
)
from earthloom.raster.write.provenance import PREFIX
from earthloom.raster.write.stage import checksum
from earthloom.raster.write.zarr import ZarrWriter, create_zarr, require_store_place
from earthloom.types import Window, representable


@runtime_checkable
class ProductOut(Tiles, Protocol):
    """An open place for tiles."""

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add to the provenance."""
        ...

    def lost(self, count: int) -> None:
        """So many pixels hold nothing."""
        ...

    @property
    def ledger(self) -> Ledger:
        """What of the product is done."""
        ...

    @property
    def in_memory(self) -> int:
        """Bytes that the product takes there."""
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
        """A context manager that gives an :class:`ProductOut`; what can be refused is refused when it is made."""
        ...


def nodata_for(numbers: Numbers, dtype: np.dtype) -> float | None:
    """What was told, else the code of the input, else NaN, or 0 where pixels can be missing."""
    code = numbers.nodata
    if numbers.told is not None:
        return numbers.told
    if dtype.kind == "f":
        return math.nan if code is None else code
    fits = code is not None and float(code).is_integer() and np.iinfo(dtype).min <= code <= np.iinfo(dtype).max
    least = np.iinfo(dtype).min  # of signed numbers 0 is a measurement: 0 dB, 0 degrees
    spare = numbers.spare if numbers.spare and representable(dtype, numbers.spare) else least
    return code if fits else spare if numbers.holes else None


def narrower(dtype: np.dtype, numbers: Numbers) -> bool:
    """Whether integers are asked for that cannot hold every number of the input."""
    return dtype.kind in "iu" and not np.can_cast(numbers.dtype, dtype)


@dataclass(frozen=True)
class File:
    """A GeoTIFF, a Zarr store, or a ``.mat`` where the verb writes such."""

    place: Path
    overwrite: bool = False
    suffixes: tuple[str, ...] = GEOTIFF

    @property
    def matlab(self) -> bool:
        """Whether it is a file of MATLAB."""
        return self.place.suffix.lower() in MATLAB

    @property
    def zarr(self) -> bool:
        """Whether it is a Zarr store."""
        return self.place.suffix.lower() in ZARR

    def refuse(self, inputs: Iterable[str]) -> None:
        """See :class:`Sink`."""
        require_name(self.place, (*self.suffixes, *ZARR))
        require_other(self.place, inputs, opened=False)
        (require_store_place if self.zarr else require_place)(self.place, self.overwrite)

    def encode(self, prepared: Prepared, run: Run) -> Encode:
        """As the input stores its numbers; integers that become floating point are given in physical units."""
        numbers = prepared.numbers
        dtype = dtype_of(run.dtype or (self.matlab and numbers.matlab) or numbers.dtype)
        physical = dtype.kind == "f" and numbers.dtype.kind != "f" and not self.matlab  # toolboxes want stored numbers
        scaling = ((), ()) if physical else (numbers.scales, numbers.offsets)
        return Encode(dtype, nodata_for(numbers, dtype), *scaling, prepared.finite, narrower(dtype, numbers))

    def open(self, prepared: Prepared, encode: Encode, run: Run) -> Any:
        """See :class:`Sink`."""
        made = create_mat if self.matlab else create_zarr if self.zarr else create
        product = made(
            self.place,
            count=len(prepared.bands),
            dtype=encode.dtype,
            nodata=encode.nodata,
            names=prepared.names,
            wavelengths_nm=[band.centre_nm for band in prepared.bands],
            widths_nm=[band.fwhm_nm for band in prepared.bands],
            scales=encode.scales or None,
            offsets=encode.offsets or None,
            **self._grid(prepared, run),
        )
        layers = [
            (create_zarr if self.zarr and layer.place is None else create)(
                layer.place or layer_place(self.place, layer.suffix), count=len(layer.names), dtype=layer.dtype,
                nodata=layer.nodata, names=layer.names, tags=layer.tags, **self._grid(prepared, run),
            )
            for layer in prepared.layers
        ]  # fmt: skip
        return _written(self.place, [product, *layers], run)

    def _grid(self, prepared: Prepared, run: Run) -> dict[str, Any]:
        """What all files of a product share."""
        return {
            "shape": prepared.scene.shape, "crs": prepared.crs, "transform": prepared.transform,
            "compress": run.compress, "overwrite": self.overwrite, "threads": run.at_a_time,
            "part": part_of(self.place),
        }  # fmt: skip


@dataclass(frozen=True)
class _Stages:
    """The stages of a product and its layers: the place for tiles, from whatever process."""

    stages: tuple[Any, ...]

    def put(self, tile: Window, stored: tuple[np.ndarray, ...]) -> tuple[int, ...]:
        """Take a tile."""
        return tuple(stage.put(tile, numbers) for stage, numbers in zip(self.stages, stored, strict=True))

    def checks(self, tile: Window) -> tuple[int, ...]:
        """Of what lies there."""
        return tuple(checksum(stage.get(tile)) for stage in self.stages)

    def elsewhere(self) -> _Stages:
        """The same."""
        return self


@dataclass(frozen=True)
class _Files:
    """A product and its layers, open."""

    place: Path
    writers: Sequence[Writer | MatWriter | ZarrWriter]
    ledger: Ledger

    def put(self, tile: Window, stored: tuple[np.ndarray, ...]) -> tuple[int, ...]:
        """Take a tile."""
        return tuple(writer.put(tile, numbers) for writer, numbers in zip(self.writers, stored, strict=True))

    def checks(self, tile: Window) -> tuple[int, ...]:
        """Of what lies there."""
        stages = self.elsewhere()
        return stages.checks(tile) if stages else ()

    def elsewhere(self) -> _Stages | None:
        """Their stages; a file of MATLAB is made in memory."""
        staged = [writer.stage.anywhere for writer in self.writers if isinstance(writer, Writer)]
        return _Stages(tuple(staged)) if len(staged) == len(self.writers) else None

    def tag(self, tags: Mapping[str, str]) -> None:
        """Of all files."""
        for writer in self.writers:
            writer.tag(tags)

    def lost(self, count: int) -> None:
        """Of the product."""
        self.writers[0].lost(count)

    @property
    def in_memory(self) -> int:
        """What a file of MATLAB takes while it is written; all else is on the disk."""
        return sum(writer.layout.raw_bytes for writer in self.writers if isinstance(writer, MatWriter))

    def result(self) -> Path:
        """Where it is."""
        return self.place


@contextmanager
def _written(place: Path, writers: Sequence[Writer | MatWriter | ZarrWriter], run: Run) -> Iterator[_Files]:
    """Open files that appear under their names together, when all went well; what can go on stays beside them."""
    with Ledger.held(place, run.resume) as ledger:
        kept = ledger if all(isinstance(writer, Writer) for writer in writers) else NOTHING_KEPT
        try:
            with ExitStack() as stack:
                for writer in writers:
                    stack.enter_context(writer)
                yield _Files(place, writers, kept)
                run.progress("writing", 0, 1)
                for writer in writers:
                    writer.finish()
                for writer in reversed(writers):
                    writer.place()
                forget_layer(place, {writer.layout.path for writer in writers})
        except BaseException as error:
            if not (kept.worth and _goes_on(error, kept, place)):
                ledger.remove()
            elif isinstance(error, KeyboardInterrupt):
                error.add_note(f"{len(kept.tiles)} finished tiles are kept: the same command goes on from there")
            raise
        ledger.remove()
    run.progress("writing", 1, 1)


def _goes_on(error: BaseException, ledger: Ledger, place: Path) -> bool:
    """Whether what was made before an error is worth to be kept: of what was stopped, or lost an input."""
    if isinstance(error, HangUp):
        return ledger.seconds > WORTH_SECONDS
    if isinstance(error, FileError):  # of the product itself: a full disk
        return str(place) not in error.given
    return isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError, ClusterError))


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
        return Encode(dtype, nodata, numbers.scales, numbers.offsets, prepared.finite, narrower(dtype, numbers))

    @contextmanager
    def open(self, prepared: Prepared, encode: Encode, run: Run) -> Iterator[_Held]:
        """See :class:`Sink`."""
        yield _Held(_empty(prepared, encode, run), partial(self.handed_back, prepared))

    def handed_back(self, prepared: Prepared, data: Any, tags: Mapping[str, str]) -> Any:
        """Numbers as an array of the kind that was given."""
        own, attrs = self.taken[prepared.grid], {**self.taken[prepared.like].attrs, **prepared.attrs}
        if prepared.back is not None and own.labelled:
            return prepared.back(own.value, data)
        marked = {}
        if prepared.mark is not None:
            marked = {prepared.mark[0]: tags[f"{PREFIX}METHOD"] + prepared.mark[1]}
        product = own.back(data, prepared.bands, {**attrs, **marked}, self.taken[prepared.like].value)
        if own.labelled and product.name is None:
            product.name = prepared.called
        return product


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
        return Encode(dtype, nodata, numbers.scales, numbers.offsets, prepared.finite, narrower(dtype, numbers))

    @contextmanager
    def open(self, prepared: Prepared, encode: Encode, run: Run) -> Iterator[_Held]:
        """See :class:`Sink`."""
        yield _Held(_empty(prepared, encode, run), lambda data, tags: _labelled(data, prepared, encode))


@dataclass(frozen=True)
class _Held:
    """A product in memory, and what becomes of it."""

    arrays: Arrays
    finish: Callable[[np.ndarray, Mapping[str, str]], Any]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        """Nothing is kept."""
        return NOTHING_KEPT

    @property
    def in_memory(self) -> int:
        """All of it, and it is there already."""
        return 0

    def put(self, tile: Window, stored: tuple[np.ndarray, ...]) -> tuple[int, ...]:
        """Take a tile."""
        return self.arrays.put(tile, stored)

    def checks(self, tile: Window) -> tuple[int, ...]:
        """None."""
        return ()

    def elsewhere(self) -> None:
        """In the memory of this process alone."""

    def tag(self, tags: Mapping[str, str]) -> None:
        """Kept for what the array says about itself."""
        self.tags.update(tags)

    def lost(self, count: int) -> None:
        """Seen in the array."""

    def result(self) -> Any:
        """The product; with its layers where there are some."""
        product, *layers = self.arrays.layers
        whole = self.finish(product, self.tags)
        return (whole, *layers) if layers else whole


def _empty(prepared: Prepared, encode: Encode, run: Run) -> Arrays:
    """Memory for the product, if there is that much."""
    shape = prepared.scene.shape
    needed = len(prepared.bands) * encode.dtype.itemsize
    needed += sum(len(layer.names) * np.dtype(layer.dtype).itemsize for layer in prepared.layers)
    run.budget.require(needed * shape[0] * shape[1], "the product as an array", "give an `output` file")
    beside = (np.empty((len(layer.names), *shape), layer.dtype) for layer in prepared.layers)
    return Arrays((np.empty((len(prepared.bands), *shape), encode.dtype), *beside))


def _precision(prepared: Prepared) -> np.dtype:
    """In which the scene gives its numbers."""
    views = prepared.scene.empty().views.values()
    return np.dtype(np.result_type(*(view.data for view in views)))


def _labelled(data: np.ndarray, prepared: Prepared, encode: Encode) -> Any:
    """Stored numbers as a DataArray."""
    scaling = (encode.scales, encode.offsets, encode.nodata) if encode.dtype.kind != "f" else ((), (), None)
    place = prepared.crs, prepared.transform
    names = [band.name for band in prepared.bands]
    return labelled(data, names, place, scaling, prepared.coords, prepared.attrs, prepared.called)
