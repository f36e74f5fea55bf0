"""Zarr in and out: the same product as a GeoTIFF, read by xarray, rioxarray and ourselves; nothing half written."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.errors import FileError, InputError
from earthloom.raster.open import open_image
from earthloom.types import Window
from tests.contract.verbs.cases import CASES
from tests.e2e import conftest
from tests.e2e.conftest import Cli, get

pytest.importorskip("zarr")
xarray = pytest.importorskip("xarray")
PAN = CASES[0]
cli = conftest.cli


def as_store(tif: Path, place: Path, name: str = "image", **how: Any) -> Path:
    """A file as rioxarray hands it over, written by xarray."""
    rioxarray = pytest.importorskip("rioxarray")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = rioxarray.open_rasterio(tif)
        image.attrs.pop("long_name", None)
        image.to_dataset(name=name).to_zarr(place, consolidated=False, **how)
    return place


@pytest.mark.parametrize("version", [2, 3])
def test_stores_are_images_like_files(version: int, tmp_path: Path) -> None:
    files = PAN.inputs(tmp_path)
    stores = {role: as_store(file, tmp_path / f"{role}.zarr", zarr_format=version) for role, file in files.items()}
    with open_image(stores["ms"]) as image, open_image(files["ms"]) as file:
        assert (image.crs, image.transform, image.shape, image.dtype) == (
            file.crs, file.transform, file.shape, file.dtype,
        )  # fmt: skip
        for window in (Window(0, 0, *image.shape), Window(3, 2, 7, 9)):
            np.testing.assert_array_equal(pickle.loads(pickle.dumps(image)).read(window)[0], file.read(window)[0])
        rows, cols = (np.arange(count) * of // count for count, of in zip((4, 5), image.shape, strict=True))
        np.testing.assert_array_equal(image.reader.decimated((4, 5))[0], file.read()[0][:, rows[:, None], cols])
    wanted, _ = get(PAN.call(files, output=tmp_path / "of_files.tif"))
    again, about = get(PAN.call({**stores, "ms": f"{stores['ms']}:image"}, output=tmp_path / "of_stores.tif"))
    np.testing.assert_array_equal(again, wanted)
    assert about.crs.to_epsg() == 32633


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_a_product_is_the_same_in_both(case: Any, tmp_path: Path) -> None:
    files = case.inputs(tmp_path)
    wanted, about = get(case.call(files, output=tmp_path / "product.tif", tile_size=48))
    place = case.call(files, output=tmp_path / "product.zarr", tile_size=48)
    assert place == tmp_path / "product.zarr"
    left = {path.name for path in tmp_path.iterdir() if path.name.startswith(("product", ".product"))}
    beside = {"product_quality.tif", "product_quality.zarr"} if case.verb == "decloud" else set()
    assert left == {"product.tif", "product.zarr"} | beside
    with open_image(place) as image:
        data, valid = image.reader.read(Window(0, 0, *image.shape), np.dtype("float64"))
        assert image.crs == about.crs and image.transform == about.transform
        assert image.dtype == wanted.dtype and image.nodata == about.nodata
        assert image.names == tuple(name or "" for name in about.descriptions)
        assert image.scales == about.scales and image.offsets == about.offsets
        assert image.tags["EARTHLOOM_METHOD"].endswith(f"/{case.fields['method']}")
    np.testing.assert_array_equal(np.where(valid, data, 0), np.where(valid, wanted, 0))


def test_others_read_a_product(tmp_path: Path) -> None:
    pytest.importorskip("rioxarray")
    files = PAN.inputs(tmp_path)
    known = {"sensor": "quickbird", "bands": ("blue", "green", "red")}
    wanted, about = get(PAN.call(files, output=tmp_path / "product.tif", **known))
    place = PAN.call(files, output=tmp_path / "product.zarr", **known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of xarray: metadata are not consolidated
        product = xarray.open_zarr(place, decode_coords="all")["product"].load()
        assert product.rio.crs == about.crs and product.rio.transform() == about.transform
    np.testing.assert_array_equal(product, wanted)
    assert list(product.wavelength.values) == [487.5, 543.0, 650.0]
    assert product.attrs["long_name"] == list(about.descriptions)


def test_what_is_in_the_way_of_a_store(tmp_path: Path) -> None:
    files = PAN.inputs(tmp_path)
    place = tmp_path / "product.zarr"
    PAN.call(files, output=place)
    before = (place / "product" / "zarr.json").read_bytes()
    with pytest.raises(FileError, match=r"product\.zarr exists"):
        PAN.call(files, output=place)
    with pytest.raises(InputError, match="is an input"):
        PAN.call({**files, "ms": f"{place}:product"}, output=place, overwrite=True)
    assert (place / "product" / "zarr.json").read_bytes() == before
    PAN.call(files, output=place, method="exp", overwrite=True)
    with open_image(place) as image:
        assert image.tags["EARTHLOOM_METHOD"] == "pansharpening/exp"
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "diary.txt").write_text("kept")
    with pytest.raises(FileError, match="no Zarr store"):
        PAN.call(files, output=tmp_path / "mine.zarr", overwrite=True)
    assert (tmp_path / "mine.zarr" / "diary.txt").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_failed_product_leaves_nothing(tmp_path: Path) -> None:
    from rasterio.crs import CRS

    from earthloom.raster.write.zarr import create_zarr

    make = {"shape": (20, 30), "count": 2, "dtype": "uint16", "crs": CRS.from_epsg(32633), "nodata": 7}
    with pytest.raises(ZeroDivisionError), create_zarr(tmp_path / "x.zarr", **make) as writer:
        writer.put(Window(0, 0, 4, 4), np.ones((2, 4, 4), "uint16"))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with create_zarr(tmp_path / "x.zarr", **make) as writer:
        writer.put(Window(0, 0, 4, 4), np.ones((2, 4, 4), "uint16"))
    with open_image(tmp_path / "x.zarr") as image:
        data, valid = image.read()
    assert valid.sum() == 16 and (data[:, :4, :4] == 1).all()


def test_bands_as_variables_and_several_images(tmp_path: Path) -> None:
    pixels = np.arange(48, dtype="int16").reshape(6, 8)
    coords = {"y": 60.0 - 10 * np.arange(6), "x": 5.0 + 10 * np.arange(8)}
    bands = xarray.Dataset({name: (("y", "x"), pixels + at) for at, name in enumerate(("red", "nir"))}, coords)
    bands.to_zarr(tmp_path / "bands.zarr", consolidated=False)
    with open_image(tmp_path / "bands.zarr", bands=["nir"]) as image:
        np.testing.assert_array_equal(image.read()[0], pixels[None] + 1)
        assert image.transform.c == 0 and image.transform.f == 65
    dated = xarray.Dataset({"a": (("y", "x"), pixels), "b": (("t", "y", "x"), np.stack([pixels] * 2))})
    dated.to_zarr(tmp_path / "dated.zarr", consolidated=False)
    with pytest.raises(InputError, match=r"several images \([ab], [ab]\)"):
        open_image(tmp_path / "dated.zarr")
    with pytest.raises(InputError, match=r"one of [ab], [ab]"):
        open_image(f"{tmp_path / 'dated.zarr'}:c")


def test_what_is_no_store(tmp_path: Path, cli: Cli) -> None:
    with pytest.raises(FileError, match="does not exist"):
        open_image(tmp_path / "none.zarr")
    (tmp_path / "empty.zarr").mkdir()
    done = cli("info", tmp_path / "empty.zarr")
    assert done.code == 2 and done.err.count("\n") <= 2 and "cannot be opened" in done.err
    bad = tmp_path / "bad.zarr"
    bad.mkdir()
    (bad / "zarr.json").write_text('{"zarr_format": 3, "node_type"')
    done = cli("info", bad)
    assert done.code == 2 and "cannot be opened" in done.err and "Traceback" not in done.err


def test_the_command_line_reads_and_writes_stores(tmp_path: Path, cli: Cli) -> None:
    files = PAN.inputs(tmp_path)
    store = as_store(files["pan"], tmp_path / "pan.zarr")
    done = cli("pansharpen", "--pan", store, "--ms", files["ms"], "-m", "gsa", "-o", tmp_path / "out.zarr", "-q")
    assert done.code == 0, done.err
    told = cli("info", tmp_path / "out.zarr")
    assert told.code == 0 and "gsa" in told.out + told.err
    wanted = earthloom.pansharpen(files["pan"], files["ms"], "gsa", output=tmp_path / "out.tif")
    with open_image(tmp_path / "out.zarr") as image:
        np.testing.assert_array_equal(
            image.reader.read(Window(0, 0, *image.shape), np.dtype("uint16"))[0], get(wanted)[0]
        )
