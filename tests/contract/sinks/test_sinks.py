"""Whatever takes a product takes tiles in any order, says first what stands in the way, leaves nothing half made."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from earthloom.engine.arrays import take
from earthloom.engine.options import Run
from earthloom.engine.prepared import Layer, Numbers, Prepared
from earthloom.engine.scene import ArrayScene
from earthloom.engine.sink import Array, File, Labelled, Sink
from earthloom.errors import FileError, InputError
from earthloom.ops.tiling import plan
from earthloom.raster.write.place import GEOTIFF, MATLAB
from earthloom.types import Band, Observation, Product, View, Window

SHAPE, COUNT = (70, 90), 3
PLACE = Affine(10.0, 0.0, 5e5, 0.0, -10.0, 5e6)
NAMES = ("blue", "green", "red")
TAGS = {"EARTHLOOM_METHOD": "problem/method"}


def physical() -> np.ndarray:
    """What is stored: numbers with half a step of the integers, so that rounding shows."""
    return (np.arange(COUNT * SHAPE[0] * SHAPE[1]).reshape(COUNT, *SHAPE) % 1000 / 10 + 1).astype("float32")


def valid() -> np.ndarray:
    """A hole."""
    return ~((np.arange(SHAPE[0])[:, None] < 9) & (np.arange(SHAPE[1]) > 80))


def prepared(dtype: str = "uint16", **more: Any) -> Prepared:
    """A product of three bands that is stored in tenths."""
    bands = tuple(Band(name, centre_nm=nm) for name, nm in zip(NAMES, (490.0, 560.0, 665.0), strict=True))
    view = View(np.zeros((COUNT, *SHAPE), np.float32), np.ones(SHAPE, bool), bands)
    numbers = Numbers(np.dtype(dtype), (0.1,) * COUNT, (0.0,) * COUNT, None, None, True, matlab="float64")
    return Prepared(
        ArrayScene(Observation({"image": view}, SHAPE)), "image", "image", numbers, bands, NAMES,
        CRS.from_epsg(32633), PLACE, **more,
    )  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A sink, and the stored numbers of what it gives back."""

    name: str
    sink: Callable[[Path], Sink]
    read: Callable[[Any], np.ndarray]


def _tif(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read()


def _mat(path: Path) -> np.ndarray:
    from scipy.io import loadmat

    return np.moveaxis(loadmat(path)["sr"], 2, 0)


def _xarray(folder: Path) -> Sink:
    xarray = pytest.importorskip("xarray")
    return Array(
        {"image": take(xarray.DataArray(np.zeros((COUNT, *SHAPE), "uint16"), dims=("band", "y", "x")), "image")}
    )


def _torch(folder: Path) -> Sink:
    torch = pytest.importorskip("torch")
    return Array({"image": take(torch.zeros((COUNT, *SHAPE), dtype=torch.int16), "image")})


KINDS = (
    Kind("GeoTIFF", lambda folder: File(folder / "out.tif"), _tif),
    Kind("MATLAB", lambda folder: File(folder / "out.mat", suffixes=GEOTIFF + MATLAB), _mat),
    Kind("numpy", lambda folder: Array({"image": take(np.zeros((COUNT, *SHAPE), "uint16"), "image")}), np.asarray),
    Kind("torch", _torch, np.asarray),
    Kind("xarray", _xarray, np.asarray),
    Kind("DataArray of files", lambda folder: Labelled(), np.asarray),
)
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
files = pytest.mark.parametrize("kind", KINDS[:2], ids=lambda kind: kind.name)


def store(sink: Sink, of: Prepared, run: Run, tiles: list[Window], fail: bool = False) -> Any:
    """What the road does with a sink."""
    sink.refuse(())
    encode = sink.encode(of, run)
    with sink.open(of, encode, run) as out:
        out.tag(TAGS)
        for tile in tiles:
            rows, cols = tile.slices
            beside = (np.full((1, tile.height, tile.width), 7, np.uint8),) if of.layers else ()
            made = encode.made(Product(physical()[:, rows, cols], valid()[rows, cols], of.bands))
            out.put(tile, (*made.stored, *beside))
            if fail:
                raise KeyboardInterrupt
        out.lost(int((~valid()).sum()))
    return out.result()


@each
def test_tiles_come_in_any_order(kind: Kind, tmp_path: Path) -> None:
    tiles = plan(SHAPE, 32)
    products = []
    for number, order in enumerate(
        (tiles, tiles[::-1], [tiles[at] for at in (4, 1, 7, 0, 8, 3, 6, 2, 5)], plan(SHAPE, 90))
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        products.append(kind.read(store(kind.sink(folder), prepared(), Run(), order)))
    for product in products[1:]:
        assert product.dtype == products[0].dtype
        np.testing.assert_array_equal(product, products[0])
    scale = 1 if products[0].dtype.kind == "f" and kind.name != "MATLAB" else 10
    np.testing.assert_allclose(
        products[0][:, valid()], scale * physical()[:, valid()], atol=0.51 if scale == 10 else 1e-5
    )
    hole = products[0][:, ~valid()]
    assert (np.isnan(hole) if hole.dtype.kind == "f" else hole == 0).all()


@each
def test_another_dtype(kind: Kind, tmp_path: Path) -> None:
    product = kind.read(store(kind.sink(tmp_path), prepared(), Run(dtype="int32"), plan(SHAPE, 32)))
    assert product.dtype == np.int32
    np.testing.assert_allclose(product[:, valid()], 10 * physical()[:, valid()], atol=0.51)


@each
def test_a_code_that_the_type_cannot_hold(kind: Kind, tmp_path: Path) -> None:
    of = prepared()
    of = replace(of, numbers=replace(of.numbers, nodata=-9999.0, told=-9999.0))
    with pytest.raises(InputError, match=r"nodata -9999\.0 for uint16"):
        store(kind.sink(tmp_path), of, Run(dtype="uint16"), plan(SHAPE, 32))
    assert os.listdir(tmp_path) == []


@each
def test_types_that_are_none(kind: Kind, tmp_path: Path) -> None:
    for name in ("complex64", "nonsense", "str"):
        with pytest.raises(InputError, match=f"dtype '{name}'"):
            store(kind.sink(tmp_path), prepared(), Run(dtype=name), plan(SHAPE, 32))
    assert os.listdir(tmp_path) == []


@each
def test_nothing_half_made_is_left(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        store(kind.sink(tmp_path), prepared(), Run(), plan(SHAPE, 32), fail=True)
    assert os.listdir(tmp_path) == []


@files
def test_what_stands_there_stays_until_the_new_one_is_whole(kind: Kind, tmp_path: Path) -> None:
    sink = kind.sink(tmp_path)
    assert isinstance(sink, File)
    sink.place.write_bytes(b"the old one")
    with pytest.raises(FileError, match="exists"):
        store(sink, prepared(), Run(), plan(SHAPE, 32))
    again = replace(sink, overwrite=True)
    with pytest.raises(KeyboardInterrupt):
        store(again, prepared(), Run(), plan(SHAPE, 32), fail=True)
    assert sink.place.read_bytes() == b"the old one" and len(os.listdir(tmp_path)) == 1
    store(again, prepared(), Run(), plan(SHAPE, 32))
    assert kind.read(sink.place).any() and len(os.listdir(tmp_path)) == 1


@files
def test_places_where_nothing_can_go(kind: Kind, tmp_path: Path) -> None:
    sink = kind.sink(tmp_path)
    assert isinstance(sink, File)
    sink.place.write_bytes(b"an input")
    with pytest.raises(InputError, match="is an input"):
        replace(sink, overwrite=True).refuse([str(sink.place)])
    with pytest.raises(FileError, match="does not exist"):
        replace(sink, place=tmp_path / "nowhere" / sink.place.name).refuse(())
    with pytest.raises(InputError, match=r"call it out\.tif"):
        replace(sink, place=tmp_path / "out.png").refuse(())


def test_what_a_file_says(tmp_path: Path) -> None:
    layer = Layer("_quality", ("quality",), "uint8", 255, {"EARTHLOOM_LAYER": "quality"})
    path = store(File(tmp_path / "out.tif"), prepared(layers=(layer,)), Run(), plan(SHAPE, 32))
    with rasterio.open(path) as file:
        assert (file.crs.to_epsg(), file.transform, file.nodata) == (32633, PLACE, 0)
        assert file.descriptions == NAMES and file.scales == (0.1,) * COUNT
        assert file.tags().items() >= TAGS.items()
    with rasterio.open(tmp_path / "out_quality.tif") as file:
        assert file.read().tolist() == np.full((1, *SHAPE), 7).tolist() and file.nodata == 255
        assert file.tags().items() >= {**TAGS, "EARTHLOOM_LAYER": "quality"}.items()


def test_what_a_data_array_says() -> None:
    pytest.importorskip("xarray")
    floats = store(Labelled(), prepared(), Run(), plan(SHAPE, 32))
    assert np.isnan(floats.to_numpy()[:, ~valid()]).all() and "scale_factor" not in floats.attrs
    whole = store(Labelled(), prepared(), Run(dtype="uint16"), plan(SHAPE, 32))
    assert (whole.attrs["scale_factor"], whole.attrs["_FillValue"]) == (0.1, 0)
    for product in (floats, whole):
        assert product.dims == ("band", "y", "x") and list(product.band.to_numpy()) == list(NAMES)
        assert float(product.x[0]) == 5e5 + 5 and float(product.y[0]) == 5e6 - 5
        assert CRS.from_wkt(product.spatial_ref.attrs["crs_wkt"]).to_epsg() == 32633
