"""DataArrays and Datasets keep what they say: names, attributes, time, wavelengths, nodata, whatever their axes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401  (the accessor)
import xarray

from earthloom import align, decloud, pansharpen
from earthloom.errors import InputError
from earthloom.raster import coordinates
from tests.e2e.conftest import grid, put

BANDS = ["blue", "green", "red", "nir"]
NM = [490.0, 560.0, 665.0, 842.0]


def images(side: int = 64) -> tuple[xarray.DataArray, xarray.DataArray]:
    rng = np.random.default_rng(0)
    at = np.arange(float(side))
    pan = xarray.DataArray(rng.random((side, side)).astype("f4"), dims=("y", "x"), coords={"y": -at, "x": at})
    pan = pan.rio.write_crs("EPSG:32633").assign_coords(time=np.datetime64("2024-05-01"))
    coarse = np.arange(1.5, side, 4)
    ms = xarray.DataArray(
        rng.random((4, side // 4, side // 4)).astype("f4"), dims=("band", "y", "x"), name="refl",
        coords={"band": BANDS, "y": -coarse, "x": coarse, "time": np.datetime64("2024-05-02"), "nm": ("band", NM)},
        attrs={"platform": "S2A", "units": "1"},
    )  # fmt: skip
    return pan, ms.rename(nm="wavelength").rio.write_crs("EPSG:32633")


def test_a_product_says_what_its_image_said(tmp_path: Path) -> None:
    pan, ms = images()
    sharp = pansharpen(pan, ms, method="exp")
    assert sharp.name == "refl" and sharp.attrs["platform"] == "S2A" and sharp["band"].values.tolist() == BANDS
    assert sharp["time"].values == ms["time"].values and sharp["wavelength"].values.tolist() == NM
    assert sharp.rio.crs.to_epsg() == 32633 and np.isnan(sharp.rio.nodata)
    sharp[:, :3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # rioxarray multiplies affine 3 in the old way
        sharp.rio.to_raster(tmp_path / "sharp.tif")
    with rasterio.open(tmp_path / "sharp.tif") as file:
        assert np.isnan(file.nodata) and file.descriptions == tuple(BANDS)
    nameless = pansharpen(pan, ms.rename(None), method="exp")
    assert nameless.name == "pansharpened"


def test_axes_go_by_their_names() -> None:
    pan, ms = images()
    plain = pansharpen(pan, ms, method="gsa")
    for other in (ms.transpose("y", "x", "band"), ms.expand_dims("t"), ms.transpose("x", "band", "y")):
        np.testing.assert_array_equal(pansharpen(pan, other, method="gsa").values, plain.values)
    turned = pansharpen(pan.T, ms, method="gsa")
    assert turned.dims == ("band", "y", "x")
    np.testing.assert_array_equal(turned.values, plain.values)


def test_variables_of_a_dataset_are_bands() -> None:
    pan, ms = images()
    plain = pansharpen(pan, ms, method="gsa")
    of_bands = pansharpen(pan.to_dataset(name="pan"), ms.to_dataset("band"), method="gsa")
    np.testing.assert_array_equal(of_bands.values, plain.values)
    assert of_bands["band"].values.tolist() == BANDS
    of_one = pansharpen(pan, ms.to_dataset(name="ms"), method="gsa")
    np.testing.assert_array_equal(of_one.values, plain.values)
    with pytest.raises(InputError, match="a Dataset whose variables ms, thermal differ in their dimensions"):
        pansharpen(pan, xarray.Dataset({"ms": ms, "thermal": ms[0].drop_vars(["band", "wavelength"])}))
    with pytest.raises(InputError, match="a Dataset without an image"):
        pansharpen(pan, xarray.Dataset({"a": 1}))


def test_names_of_bands_say_which_they_are() -> None:
    _, ms = images()
    ms = ms.sel(band=["red", "nir", "green"])
    made = align(ms, source_sensor="sentinel2a", target_sensor="landsat8", method="hls")
    assert sorted(made["band"].values) == ["green", "nir", "red"] and made.attrs["platform"] == "S2A"
    numbered = ms.assign_coords(band=[1, 2, 3])
    assert coordinates.names_of(numbered) == ("", "", "")


def test_wavelengths_in_other_units_and_numbers_that_are_none() -> None:
    _, ms = images()
    in_um = ms.assign_coords(wavelength=("band", [0.49, 0.56, 0.665, 0.842], {"units": "um"}))
    assert coordinates.centres_of(in_um) == pytest.approx(NM)
    counted = ms.drop_vars("wavelength").assign_coords(wavelength=("band", [0, 1, 2, 3]))
    assert coordinates.centres_of(counted) == ()


def test_clouds_out_of_a_dataset() -> None:
    _, ms = images()
    mask = xarray.zeros_like(ms[0], dtype=bool).drop_vars(["band", "wavelength"])
    mask[4:7, 4:7] = True
    clear = decloud(ms.to_dataset("band"), mask=mask, method="inpaint")
    np.testing.assert_array_equal(clear.values[:, ~mask.values], ms.values[:, ~mask.values])


def test_a_file_that_rasterio_holds_open_is_that_file(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(1, 900, (4, 16, 16)).astype("uint16")
    ms = put(tmp_path / "ms.tif", numbers, transform=grid(4.0))
    pan = put(tmp_path / "pan.tif", numbers[:1].repeat(4, 1).repeat(4, 2), transform=grid(1.0))
    with rasterio.open(pan) as fine, rasterio.open(ms) as coarse:
        made = pansharpen(fine, coarse, method="exp")
    np.testing.assert_array_equal(made.values, pansharpen(pan, ms, method="exp").values)
