"""MODIS and VIIRS on the sinusoidal grid: bands, scales, place, masks, and what is wrong in one line."""

from __future__ import annotations

import pickle
import sys
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.warp import transform

import earthloom
from earthloom import sensors
from earthloom.errors import EarthloomError, EarthloomWarning, FileError, InputError
from earthloom.raster.facts import applied
from earthloom.raster.formats import format_of, images_in, is_image
from earthloom.raster.labels import bands_of
from earthloom.raster.listing.days import date_in
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.told import Told
from earthloom.types import Window

from .conftest import put
from .eos_files import REFLECTANCE, SINUSOIDAL, STATE, Array, Grid, described, mod09ga, write_hdf4, write_hdf5

NAME = "MOD09GA.A2020061.h18v04.061.2020063030943.hdf"
VIIRS = "VNP09GA.A2020061.h18v04.002.2023114104232.h5"
FILL = -28672


def one_line(error: BaseException) -> bool:
    return "\n" not in str(error)


def seven(rows: int = 8, cols: int = 6) -> np.ndarray:
    """Band b holds 1000 b + 10 row + column."""
    y, x = np.mgrid[:rows, :cols]
    return np.stack([1000 * band + 10 * y + x for band in range(1, 8)]).astype("int16")


def refl(value: int, shape: tuple[int, int] = (4, 4), **more: object) -> Array:
    return Array(np.full(shape, value, "int16"), REFLECTANCE | {"scale_factor": np.float64(1e-4)} | more)


# Bands, numbers and place


def test_the_bands_of_500_m(tmp_path: Path) -> None:
    data = seven()
    data[2, 0, 0] = FILL
    data[4, 0, 1] = 16001
    data[4, 0, 2] = -101
    data[0, 0, 3], data[0, 0, 4] = -100, 16000
    with open_image(mod09ga(tmp_path / NAME, data)) as image:
        read, valid = image.read()
        assert image.names == ("B1", "B2", "B3", "B4", "B5", "B6", "B7") and image.shape == (8, 6)
        assert image.wavelengths_nm == (645, 858.5, 469, 555, 1240, 1640, 2130)
        np.testing.assert_array_equal(valid[0], [False, False, False, True, True, True])
        assert valid[1:].all() and image.reader.maskable and image.nodata == FILL
        np.testing.assert_allclose(read[:, 7, 5], [0.1075, 0.2075, 0.3075, 0.4075, 0.5075, 0.6075, 0.7075], rtol=1e-6)
        np.testing.assert_allclose(read[0, 0], [0, 0, 0, -0.01, 1.6, 0.1005], rtol=1e-6)
        assert image.acquired == date(2020, 3, 1) == date_in(NAME) and image.sensor == "modis"
        assert image.tags["product"] == "MOD09GA" and image.tags["collection"] == "061"
        assert image.tags["tile"] == "h18v04" and image.tags["quantity"] == "reflectance"
        part, there = image.read(Window(0, 2, 2, 3))
        np.testing.assert_allclose(part, read[:, 0:2, 2:5])
        np.testing.assert_array_equal(there, valid[0:2, 2:5])
        again = pickle.loads(pickle.dumps(image))
    np.testing.assert_array_equal(again.read()[0], read)


def test_it_lies_where_the_tile_lies(tmp_path: Path) -> None:
    """h18v04 begins at 0 degrees east and 50 north; a pixel is a 2400th of 1111950.5 m."""
    with open_image(mod09ga(tmp_path / NAME, seven())) as image:
        grid = image.transform
        assert (grid.c, grid.f) == (0, 5559752.598333) and grid.b == grid.d == 0
        assert grid.a == pytest.approx(463.312716, abs=1e-5) == -grid.e
        east, north = applied(grid, 3, 4)
        corner, some = transform(image.crs, "EPSG:4326", [0.0, east], [grid.f, north])
        assert corner[0] == pytest.approx(0, abs=1e-9) and some[0] == pytest.approx(50, abs=1e-7)
        # 4 pixels south on a sphere of 6371007.181 m are 0.0166667 degrees, 3 pixels east there 0.0194 degrees
        assert some[1] == pytest.approx(50 - 4 / 240, abs=1e-6)
        assert corner[1] == pytest.approx(3 / 240 / np.cos(np.radians(50 - 4 / 240)), abs=1e-6)
    written = put(tmp_path / "same.tif", seven(), crs=image.crs, transform=image.transform)
    with rasterio.open(written) as file:
        assert file.crs == image.crs, "what was made of a tile lies on it"


def test_the_last_pixel_of_a_whole_tile_ends_at_ten_degrees(tmp_path: Path) -> None:
    data = np.zeros((2400, 2400), "int16")
    grids = [Grid("MODIS_Grid_500m_2D", 2, {"sur_refl_b01_1": Array(data, REFLECTANCE)})]
    with (
        pytest.warns(EarthloomWarning, match=r"reflectance without a scale, taken for the 0\.0001"),
        open_image(write_hdf4(tmp_path / NAME, grids)) as image,
    ):
        east, north = applied(image.transform, 2400, 2400)
        assert east == pytest.approx(1111950.519667, abs=1e-3) and north == pytest.approx(4447802.078667, abs=1e-3)
        longitude, latitude = transform(image.crs, "EPSG:4326", [east], [north])
        assert latitude[0] == pytest.approx(40, abs=1e-6)
        assert longitude[0] == pytest.approx(10 / np.cos(np.radians(40)), abs=1e-6)
        assert image.scales == (1e-4,)


@pytest.mark.parametrize("scale", [10000.0, 0.0001])
def test_a_scale_of_10000_divides(tmp_path: Path, scale: float) -> None:
    with open_image(mod09ga(tmp_path / NAME, seven(), scale=scale)) as image:
        np.testing.assert_allclose(image.read()[0][6, 0, 0], 0.7, rtol=1e-6)


def test_bands_are_asked_for(tmp_path: Path) -> None:
    path = mod09ga(tmp_path / NAME, seven())
    for bands in ((4, 1), ("B4", "b1"), ("sur_refl_b04_1", "SUR_REFL_B01_1")):
        with open_image(path, bands=bands) as image:
            assert image.names == ("B4", "B1") and image.wavelengths_nm == (555, 645)
            np.testing.assert_allclose(image.read()[0][:, 0, 0], [0.4, 0.1], rtol=1e-6)
    with open_image(path, bands=["SensorZenith_1", "Range_1"]) as image:
        assert image.shape == (4, 3) and image.transform.a == pytest.approx(926.625433) and image.sensor is None
        np.testing.assert_allclose(image.read()[0][:, 0, 0], [12.34, 750000], rtol=1e-6)
    with pytest.raises(
        InputError, match=r"sur_refl_b01_1 .*grid MODIS_Grid_500m_2D, state_1km_1 on MODIS_Grid_1km_2D", check=one_line
    ):
        open_image(path, bands=["B1", "state_1km_1"])
    for band in (8, "0", "B8"):
        with pytest.raises(InputError, match=f"band {band} of MOD09GA", check=one_line):
            open_image(path, bands=[band])
    address = f'HDF4_EOS:EOS_GRID:"{path}":MODIS_Grid_500m_2D:sur_refl_b02_1'
    with open_image(address) as image:
        assert image.names == ("B2",)


def test_the_bands_are_those_of_the_sensor(tmp_path: Path) -> None:
    with open_image(mod09ga(tmp_path / NAME, seven())) as image:
        found = bands_of(image, sensors.load("modis"))
        assert [band.name for band in found] == ["red", "nir", "blue", "green", "swir1", "swir2", "swir3"]


# Products

MODIS_PRODUCTS: dict[str, tuple[str, Mapping[str, int], tuple[str, ...]]] = {
    "MOD09GQ.A2020061.h18v04.061.2020063030943.hdf": (
        "MODIS_Grid_2D", {"sur_refl_b01_1": 1500, "sur_refl_b02_1": 2500}, ("B1", "B2"),
    ),
    "MYD09A1.A2007273.h03v07.006.2015167083229.hdf": (
        "MOD_Grid_500m_Surface_Reflectance", {f"sur_refl_b0{n}": 1000 + n for n in range(1, 8)},
        tuple(f"B{n}" for n in range(1, 8)),
    ),
    "MOD09Q1.A2000049.h10v04.061.2020041195232.hdf": (
        "MOD_Grid_250m_Surface_Reflectance", {"sur_refl_b01": 1500, "sur_refl_b02": 2500}, ("B1", "B2"),
    ),
    "MCD43A4.A2020061.h18v04.061.2020333152222.hdf": (
        "MOD_Grid_BRDF", {f"Nadir_Reflectance_Band{n}": 1000 + n for n in range(1, 8)},
        tuple(f"B{n}" for n in range(1, 8)),
    ),
    "mod09ga.a2020061.h18v04.006.nrt.HDF": ("MODIS_Grid_500m_2D", {"sur_refl_b01_1": 1500}, ("B1",)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODIS_PRODUCTS)
def test_products_of_modis(tmp_path: Path, name: str) -> None:
    grid, arrays, names = MODIS_PRODUCTS[name]
    written = write_hdf4(tmp_path / name, [Grid(grid, 2, {key: refl(value) for key, value in arrays.items()})])
    assert is_image(written)
    with open_image(written) as image:
        assert image.names == names and image.sensor == "modis"
        np.testing.assert_allclose(image.read()[0][:, 1, 1], [1e-4 * value for value in arrays.values()], rtol=1e-6)


VIIRS_PRODUCTS: dict[str, tuple[str, Mapping[str, int], tuple[str, ...]]] = {
    "VNP09GA.A2020061.h18v04.001.2020063091002.h5": (
        "VNP_Grid_500m_2D", {f"SurfReflect_I{n}_1": 1000 + n for n in (1, 2, 3)}, ("I1", "I2", "I3"),
    ),
    "VJ109GA.A2021061.h18v04.002.2021063091002.h5": (
        "VIIRS_Grid_500m_2D", {f"SurfReflect_I{n}_1": 1000 + n for n in (1, 2, 3)}, ("I1", "I2", "I3"),
    ),
    "VNP09H1.A2012017.h00v09.001.2016294114238.h5": (
        "VNP_Grid_500m_2D", {f"SurfReflect_I{n}": 1000 + n for n in (1, 2, 3)}, ("I1", "I2", "I3"),
    ),
    "VNP09A1.A2012017.h00v09.002.2016294114238.h5": (
        "VIIRS_Grid_1km_2D", {f"SurfReflect_M{n}": 1000 + n for n in (1, 10, 11, 2)}, ("M1", "M2", "M10", "M11"),
    ),
    "VNP43MA4.A2020061.h18v04.002.2020333152222.h5": (
        "VIIRS_Grid_BRDF", {f"Nadir_Reflectance_M{n}": 1000 + n for n in (1, 10, 2)}, ("M1", "M2", "M10"),
    ),
    "VNP43IA4.A2020061.h18v04.001.2020333152222.h5": (
        "VIIRS_Grid_BRDF", {f"Nadir_Reflectance_I{n}": 1000 + n for n in (1, 2, 3)}, ("I1", "I2", "I3"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VIIRS_PRODUCTS)
def test_products_of_viirs(tmp_path: Path, name: str) -> None:
    """Bands stand in order of their numbers, whatever the file's order."""
    grid, arrays, names = VIIRS_PRODUCTS[name]
    written = write_hdf5(tmp_path / name, [Grid(grid, 1, {key: refl(value) for key, value in arrays.items()})])
    assert is_image(written)
    with open_image(written) as image:
        assert image.names == names and image.sensor == "viirs" and image.crs == SINUSOIDAL
        expected = [1e-4 * (1000 + int(band[1:])) for band in names]
        np.testing.assert_allclose(image.read()[0][:, 1, 1], expected, rtol=1e-6)
        viirs = sensors.load("viirs")
        numbers = dict(zip((band.name for band in viirs.bands), viirs.numbers, strict=True))
        assert tuple(numbers[band.name] for band in bands_of(image, viirs)) == names
    first = next(iter(arrays))
    with open_image(f'HDF5:"{written}"://HDFEOS/GRIDS/{grid}/Data_Fields/{first}') as image:
        assert image.count == 1


def vnp09ga(path: Path, qf1: np.ndarray, qf2: np.ndarray) -> Path:
    """Both grids: I bands of 500 m, M bands and flags of 1 km."""
    flags = {"_FillValue": np.uint8(255)}
    coarse = {f"SurfReflect_M{n}_1": refl(1000 + n, (2, 2)) for n in (1, 2, 3, 4, 5, 7, 8, 10, 11)}
    coarse |= {
        "SurfReflect_QF1_1": Array(qf1.astype("uint8"), flags),
        "SurfReflect_QF2_1": Array(qf2.astype("uint8"), flags),
    }
    fine = {f"SurfReflect_I{n}_1": refl(2000 + n) for n in (1, 2, 3)}
    return write_hdf5(path, [Grid("VIIRS_Grid_1km_2D", 1, coarse), Grid("VIIRS_Grid_500m_2D", 2, fine)])


def test_both_grids_of_viirs(tmp_path: Path) -> None:
    path = vnp09ga(tmp_path / VIIRS, np.zeros((2, 2)), np.zeros((2, 2)))
    with open_image(path) as image:
        assert image.names == ("I1", "I2", "I3") and image.shape == (4, 4)
        np.testing.assert_allclose(image.read()[0][:, 0, 0], [0.2001, 0.2002, 0.2003], rtol=1e-6)
    with open_image(path, bands=["M3", "M11"]) as image:
        assert image.shape == (2, 2) and image.wavelengths_nm == (488, 2250) and image.sensor == "viirs"
        np.testing.assert_allclose(image.read()[0][:, 0, 0], [0.1003, 0.1011], rtol=1e-6)


def test_temperature(tmp_path: Path) -> None:
    """15000 * 0.02 is 300 K; below 7500 is no temperature; the offset of emissivity is added, as MOD11 means it."""
    lst = np.array([[15000, 0], [7499, 7500]], "uint16")
    kelvin = {
        "_FillValue": np.uint16(0),
        "valid_range": np.array([7500, 65535], "uint16"),
        "scale_factor": np.float64(0.02),
    }
    emissivity = {
        "_FillValue": np.uint8(0),
        "valid_range": np.array([1, 255], "uint8"),
        "scale_factor": np.float64(0.002),
    }
    arrays = {
        "LST_Day_1km": Array(lst, kelvin | {"add_offset": np.float64(0)}),
        "QC_Day": Array(np.array([[0, 2], [3, 1]], "uint8"), {"_FillValue": np.uint8(0), "scale_factor": "n/a"}),
        "LST_Night_1km": Array(np.zeros((2, 2), "uint16"), kelvin),
        "Emis_31": Array(np.full((2, 2), 245, "uint8"), emissivity | {"add_offset": np.float64(0.49)}),
    }
    path = write_hdf4(
        tmp_path / "MOD11A1.A2020061.h18v04.061.2021006091919.hdf", [Grid("MODIS_Grid_Daily_1km_LST", 1, arrays)]
    )
    with open_image(path) as image:
        data, valid = image.read()
        assert image.names == ("LST_Day_1km",) and image.tags["unit"] == "K" and image.sensor is None
        np.testing.assert_allclose(data, [[[300, 0], [0, 150]]], rtol=1e-6)
        np.testing.assert_array_equal(valid, [[True, False], [False, True]])
    with open_image(path, bands=["Emis_31"]) as image:
        np.testing.assert_allclose(image.read()[0], 0.98, rtol=1e-6)
    with open_mask(path) as mask:
        np.testing.assert_array_equal(mask.read()[0], [[[0, 1], [1, 0]]])


def test_temperature_of_viirs(tmp_path: Path) -> None:
    kelvin = {
        "_FillValue": np.uint16(0),
        "valid_range": np.array([7500, 65535], "uint16"),
        "scale_factor": np.float32(0.02),
    }
    arrays = {
        "LST_1KM": Array(np.full((2, 2), 14000, "uint16"), kelvin),
        "QC": Array(np.array([[0, 1], [2, 3]], "uint16"), {"_FillValue": np.uint16(0)}),
    }
    path = tmp_path / "VNP21A1D.A2020061.h18v04.002.2021006091919.h5"
    with open_image(write_hdf5(path, [Grid("VIIRS_Grid_Daily_1km_LST21", 1, arrays)])) as image:
        assert image.names == ("LST_1KM",)
        np.testing.assert_allclose(image.read()[0], 280, rtol=1e-6)
    with open_mask(path) as mask:
        np.testing.assert_array_equal(mask.read()[0], [[[0, 0], [1, 1]]])


def test_vegetation_indices(tmp_path: Path) -> None:
    index = {
        "_FillValue": np.int16(-3000),
        "valid_range": np.array([-2000, 10000], "int16"),
        "scale_factor": np.float64(10000),
    }
    arrays = {
        "250m 16 days NDVI": Array(np.array([[7014, -3000]], "int16"), index),
        "250m 16 days EVI": Array(np.array([[3000, 3000]], "int16"), index),
        "250m 16 days pixel reliability": Array(np.array([[3, -1]], "int8"), {"_FillValue": np.int8(-1)}),
    }
    path = tmp_path / "MOD13Q1.A2020065.h18v04.061.2020340192323.hdf"
    with open_image(write_hdf4(path, [Grid("MODIS_Grid_16DAY_250m_500m_VI", 4, arrays)])) as image:
        data, valid = image.read()
        np.testing.assert_allclose(data[:, 0, 0], [0.7014, 0.3], rtol=1e-6)
        np.testing.assert_array_equal(valid, [[True, False]])
    with open_image(path, bands=["250m_16_days_EVI"]) as image:
        assert image.read()[1].all()
    with open_mask(path) as mask:
        np.testing.assert_array_equal(mask.read()[0], [[[1, 1]]])


# Masks


def test_the_state_of_modis_on_the_grid_of_its_bands(tmp_path: Path) -> None:
    """Clear land, cloudy, mixed, shadow; not set, little cirrus, average cirrus, internal cloud; fill and salt pans."""
    state = np.array([
        [0b1000, 0b1001, 0b1010, 0b1100], [0b1011, 0b1_0000_1000, 0b10_0000_1000, 0b100_0000_1000],
        [65535, 0b100_0000_0000_1000, 0b1000, 0b1000],
    ])  # fmt: skip
    unseen = np.array([[0, 1, 1, 1], [0, 0, 1, 1], [1, 0, 0, 0]])
    path = mod09ga(tmp_path / NAME, seven(6, 8), state)
    with open_mask(path) as mask, open_image(path) as image:
        assert mask.shape == image.shape == (6, 8) and mask.transform == image.transform
        numbers, valid = mask.read()
        np.testing.assert_array_equal(numbers[0], unseen.repeat(2, 0).repeat(2, 1))
        assert valid.all()
        np.testing.assert_array_equal(mask.read(Window(1, 1, 3, 4))[0], numbers[:, 1:4, 1:5])
        again = pickle.loads(pickle.dumps(mask))
    np.testing.assert_array_equal(again.read()[0], numbers)
    with open_mask(path, Told(mask_bits=(3,))) as own:
        np.testing.assert_array_equal(own.read()[0][0, ::2, ::2][:2], state[:2])
    with open_mask(path, Told(bands=("SensorZenith_1",))) as other:
        np.testing.assert_array_equal(other.read()[0], 1)
    with open_image(path, bands=["state_1km_1"]) as raw:
        assert raw.read()[0][0, 0, 1] == 9


def test_state_arrays_of_other_products(tmp_path: Path) -> None:
    flags = np.array([[0, 1], [4, 65535]], "uint16")
    for name, array in {
        "MOD09A1.A2020057.h18v04.061.2020066052345.hdf": "sur_refl_state_500m",
        "MOD09Q1.A2020057.h18v04.061.2020066052345.hdf": "sur_refl_state_250m",
    }.items():
        arrays = {"sur_refl_b01": refl(1, (2, 2)), array: Array(flags, STATE)}
        with open_mask(write_hdf4(tmp_path / name, [Grid("Some_Grid", 2, arrays)])) as mask:
            np.testing.assert_array_equal(mask.read()[0], [[[0, 1], [1, 1]]])
    arrays = {"SurfReflect_I1": refl(1, (2, 2)), "SurfReflect_State_500m": Array(flags, STATE)}
    path = write_hdf5(tmp_path / "VNP09H1.A2020057.h18v04.001.2020066052345.h5", [Grid("VNP_Grid_500m_2D", 2, arrays)])
    with open_mask(path) as mask:
        np.testing.assert_array_equal(mask.read()[0], [[[0, 1], [1, 1]]])


def test_both_flags_of_viirs(tmp_path: Path) -> None:
    """Probably clear, probably cloudy; shadow; aerosol and snow are ground, cirrus is not."""
    for (qf1, qf2), unseen in {
        (0b0000, 0): 0, (0b0100, 0): 0, (0b1000, 0): 1, (0b1100, 0): 1, (0, 0b1000): 1, (0, 0b11_0001): 0,
        (0, 0b100_0000): 1, (0, 0b1000_0000): 1, (255, 0): 1,
    }.items():  # fmt: skip
        path = vnp09ga(tmp_path / VIIRS, np.full((2, 2), qf1), np.full((2, 2), qf2))
        with open_mask(path) as mask:
            numbers, _ = mask.read()
            assert numbers.shape == (1, 4, 4) and (numbers == unseen).all(), (qf1, qf2)


def test_the_inversions_of_nadir_reflectance(tmp_path: Path) -> None:
    """A poor one is ground that was seen; fill in any band is none."""
    quality = {"_FillValue": np.uint8(255)}
    arrays = {f"Nadir_Reflectance_Band{n}": refl(1, (2, 2)) for n in (1, 2)}
    arrays |= {
        "BRDF_Albedo_Band_Mandatory_Quality_Band1": Array(np.array([[0, 1], [255, 0]], "uint8"), quality),
        "BRDF_Albedo_Band_Mandatory_Quality_Band2": Array(np.array([[0, 1], [0, 255]], "uint8"), quality),
    }
    path = write_hdf4(tmp_path / "MCD43A4.A2020061.h18v04.061.2020333152222.hdf", [Grid("MOD_Grid_BRDF", 2, arrays)])
    with open_mask(path) as mask:
        np.testing.assert_array_equal(mask.read()[0], [[[0, 0], [1, 1]]])


def test_the_quality_of_250_m_tells_no_clouds(tmp_path: Path) -> None:
    quality = Array(np.array([[0, 1], [2, 3]], "uint16"), {"_FillValue": np.uint16(2995)})
    arrays = {"sur_refl_b01_1": refl(1, (2, 2)), "QC_250m_1": quality}
    path = write_hdf4(tmp_path / "MOD09GQ.A2020061.h18v04.061.2020063030943.hdf", [Grid("MODIS_Grid_2D", 4, arrays)])
    with pytest.warns(EarthloomWarning, match="09GA file of the day is the better mask"), open_mask(path) as mask:
        np.testing.assert_array_equal(mask.read()[0], [[[0, 0], [1, 1]]])


def test_a_product_without_a_quality_band(tmp_path: Path) -> None:
    path = write_hdf4(tmp_path / NAME, [Grid("MODIS_Grid_500m_2D", 2, {"sur_refl_b01_1": refl(1)})])
    with pytest.raises(InputError, match="no quality band that is known", check=one_line):
        open_mask(path)


# Names, folders and verbs


def test_a_folder_of_tiles_is_a_list_of_images(tmp_path: Path) -> None:
    names = [NAME, NAME.replace("A2020061", "A2020062"), VIIRS]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    for name in (
        f"{NAME}.xml",
        "MCD12Q1.A2019001.h18v04.061.2022169160720.hdf",
        "MOD021KM.A2020061.1030.061.2020061.hdf",
    ):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in images_in(tmp_path)] == sorted(names)
    assert not is_image(tmp_path)


@pytest.mark.parametrize(
    ("path", "claimed"),
    [
        (f"some/where/{NAME.lower()}", True), (f"/x/{VIIRS}", True),
        ("MOD021KM.A2020061.1030.061.2020061201314.hdf", True), ("EO1H1910262003001110PZ.L1R", False),
        ("data.hdf", False), ("VNP09GA.h5", False), (f"s3://bucket/{NAME}", False),
        ("VNP02MOD.A2020061.1030.002.2021126101010.nc", False), (f"{NAME}.zip", False), ("", False), ("\0", False),
    ],
)  # fmt: skip
def test_names(path: str, claimed: bool) -> None:
    assert (format_of(path).name == "modis") == claimed


def test_a_fine_image_of_another_crs_is_predicted_from_tiles(tmp_path: Path) -> None:
    """Fine images in UTM, coarse ones in the sinusoidal projection, as they are downloaded."""
    y, x = np.mgrid[:60, :60]
    land = np.stack([1000 * band + 300 * np.sin(x / 7) * np.cos(y / 9) for band in range(1, 8)])
    for day, add in (("061", 0), ("070", 200)):
        mod09ga(tmp_path / NAME.replace("061.h", f"{day}.h"), (land + add).astype("int16"))
    place = Affine(100, 0, 290_000, 0, -100, 5_536_000)
    rows, cols = np.mgrid[:80, :80]
    fine = np.stack([0.1 * band + 0.01 * np.sin(cols / 5) * np.cos(rows / 4) for band in range(1, 8)]).astype("float32")
    first = put(tmp_path / "fine_20200301.tif", fine, crs="EPSG:32631", transform=place)
    made = earthloom.predict(
        [(first, tmp_path / NAME)], tmp_path / NAME.replace("061.h", "070.h"), "starfm", output=tmp_path / "made.tif"
    )  # fmt: skip
    assert made is not None
    with rasterio.open(tmp_path / "made.tif") as file:
        product = file.read()
    assert product.shape == fine.shape
    np.testing.assert_allclose((product - fine)[:, 8:-8, 8:-8].mean(axis=(1, 2)), 0.02, atol=4e-3)


def test_clouds_of_a_tile_are_removed_by_its_own_flags(tmp_path: Path) -> None:
    state = np.full((24, 24), 8)
    state[10:13, 8:11] = 9
    data = np.full((7, 48, 48), 2000, "int16")
    data[:, 20:26, 16:22] = 9000
    path = mod09ga(tmp_path / NAME, data, state)
    earthloom.decloud(path, mask=path, method="inpaint", output=tmp_path / "clear.tif")
    with open_image(tmp_path / "clear.tif") as image:
        np.testing.assert_allclose(image.read()[0], 0.2, atol=2e-3)


# What is wrong


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.05, 0.3, 0.6, 0.9, 0.98])
def test_half_a_file_is_one_line(tmp_path: Path, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 9999, (7, 120, 120)).astype("int16")
    whole = mod09ga(tmp_path / NAME, noise)
    fine = {"SurfReflect_I1_1": Array(noise[0], REFLECTANCE | {"scale_factor": np.float64(1e-4)})}
    other = write_hdf5(tmp_path / VIIRS, [Grid("VIIRS_Grid_500m_2D", 2, fine)])
    for path in (whole, other):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        with (
            pytest.raises(FileError, match=r"A2020061.*(cannot be read|cut short)", check=one_line),
            open_image(path) as image,
        ):
            image.read()


def test_damaged_numbers_are_one_line(tmp_path: Path) -> None:
    path = mod09ga(tmp_path / NAME, np.random.default_rng(1).integers(0, 9999, (7, 300, 300)).astype("int16"))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 60000] = b"\xff" * 60000
    path.write_bytes(content)
    with pytest.raises(FileError, match="MOD09GA", check=one_line), open_image(path) as image:
        image.read()


WRONG = {
    "GROUP=GridStructure\nEND_GROUP=GridStructure\nEND\n": (FileError, "names no grid with images"),
    "": (FileError, r"no StructMetadata\.0"),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_file_without_a_grid(tmp_path: Path, text: str) -> None:
    grids = [Grid("MODIS_Grid_500m_2D", 2, {"sur_refl_b01_1": refl(1)})]
    kind, words = WRONG[text]
    for path in (write_hdf4(tmp_path / NAME, grids, text or " "), write_hdf5(tmp_path / VIIRS, grids, text)):
        with pytest.raises(kind, match=words if text else r"StructMetadata", check=one_line):
            open_image(path)


@pytest.mark.parametrize(
    ("instead", "kind", "words"),
    [
        ({"Projection": "GCTP_GEO"}, InputError, "lies on GCTP_GEO"),
        ({"Projection": "GCTP_ISINUS"}, InputError, "lies on GCTP_ISINUS"),
        ({"GridOrigin": "HDFE_GD_LL"}, InputError, "from HDFE_GD_LL"),
        ({"ProjParams": "(6371007.181000,0,0,0,90000000,0,0,0)"}, InputError, "projection parameters"),
        ({"ProjParams": "(0,0,0,0,0,0,0,0)"}, InputError, "projection parameters"),
        ({"XDim": "many"}, FileError, "incomplete"),
        ({"UpperLeftPointMtrs": "DEFAULT"}, FileError, "incomplete"),
        ({"LowerRightMtrs": "(0.000000,5559752.598333)"}, FileError, "no extent"),
        ({"YDim": "5"}, FileError, "sur_refl_b01_1 of 4 x 4 pixels; expected 5 x 4"),
    ],
)
def test_a_grid_that_is_another(
    tmp_path: Path, instead: dict[str, str], kind: type[EarthloomError], words: str
) -> None:
    grids = [Grid("MODIS_Grid_500m_2D", 2, {"sur_refl_b01_1": refl(1)})]
    path = write_hdf4(tmp_path / NAME, grids, described(grids, **instead))
    with pytest.raises(kind, match=words, check=one_line):
        open_image(path)


def test_an_array_that_the_description_alone_knows(tmp_path: Path) -> None:
    grids = [Grid("VIIRS_Grid_500m_2D", 2, {"SurfReflect_I1_1": refl(1)})]
    text = described(grids, "HE5_").replace("SurfReflect_I1_1", "SurfReflect_I2_1")
    with pytest.raises(FileError, match=r"VNP09GA.*(lacks|cannot be read)", check=one_line):
        open_image(write_hdf5(tmp_path / VIIRS, grids, text))
    grids = [Grid("MODIS_Grid_500m_2D", 2, {"sur_refl_b01_1": refl(1)})]
    text = described(grids).replace("sur_refl_b01_1", "sur_refl_b02_1")
    with pytest.raises(FileError, match=r"MOD09GA.*cannot be read", check=one_line):
        open_image(write_hdf4(tmp_path / NAME, grids, text))


def test_a_product_of_another_kind(tmp_path: Path) -> None:
    arrays = {"LC_Type1": Array(np.full((4, 4), 5, "uint8"), {"_FillValue": np.uint8(255)})}
    path = write_hdf4(tmp_path / "MCD12Q1.A2019001.h18v04.061.2022169160720.hdf", [Grid("MCD12Q1", 2, arrays)])
    assert not is_image(path)
    with pytest.raises(InputError, match=r"no image that is known.* out of LC_Type1", check=one_line):
        open_image(path)
    with pytest.raises(InputError, match="no quality band", check=one_line):
        open_mask(path)
    with open_image(path, bands=["LC_Type1"]) as image:
        np.testing.assert_array_equal(image.read()[0], 5)


def test_an_offset_elsewhere_is_told(tmp_path: Path) -> None:
    """MODIS writes scale * (number - offset): 0.0001 * (1500 - 500)."""
    grids = [Grid("MODIS_Grid_500m_2D", 2, {"sur_refl_b01_1": refl(1500, add_offset=np.float64(500))})]
    path = write_hdf4(tmp_path / NAME, grids)
    with pytest.warns(EarthloomWarning, match="has an offset"), open_image(path) as image:
        np.testing.assert_allclose(image.read()[0], 0.1, rtol=1e-5)


def test_without_pyhdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mod09ga(tmp_path / NAME, seven())
    monkeypatch.setitem(sys.modules, "pyhdf.SD", None)
    with pytest.raises(InputError, match=r"pyhdf.*pip install 'earthloom\[hdf4\]'", check=one_line):
        open_image(path)


def test_in_an_archive_it_is_to_be_unpacked(tmp_path: Path) -> None:
    path = mod09ga(tmp_path / NAME, seven())
    with zipfile.ZipFile(tmp_path / "order.zip", "w") as file:
        file.write(path, NAME)
    with pytest.raises(InputError, match="unpack the archive", check=one_line):
        open_image(tmp_path / "order.zip")


def test_a_missing_file(tmp_path: Path) -> None:
    for name in (NAME, VIIRS):
        with pytest.raises(FileError, match=name, check=one_line):
            open_image(tmp_path / name)
