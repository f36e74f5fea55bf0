"""Products of PRISMA: bands by wavelength, physical units, places, and which pixels are missing."""

from __future__ import annotations

import pickle
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.warp import transform

import earthloom
from earthloom.errors import EarthloomError, EarthloomWarning, InputError
from earthloom.raster.image import Image
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.told import Told
from earthloom.types import Window
from tests.raster.conftest import put
from tests.raster.prisma_files import EAST, NORTH, write_prisma

VNIR, SWIR = [492.7, 559.4, 951.4, 972.7], [943.0, 959.5, 1600.0]
SORTED = ("vnir_493", "vnir_559", "swir_943", "vnir_951", "swir_960", "vnir_973", "swir_1600")
ORDER = [0, 1, 4, 2, 5, 3, 6]  # of VNIR and then SWIR, by wavelength
LINES, SAMPLES = 12, 10
SHAPE = (7, LINES, SAMPLES)
ONE_LINE = {"check": lambda error: "\n" not in str(error)}


def numbers() -> np.ndarray:
    """Seven bands, VNIR and then SWIR: none is 0."""
    return 1000 + np.arange(np.prod(SHAPE)).reshape(SHAPE) * 7


def pan_of(data: np.ndarray) -> np.ndarray:
    return 500 + np.repeat(np.repeat(data[0], 6, axis=0), 6, axis=1)


def product(folder: Path, level: str = "L2D", data: np.ndarray | None = None, **more: Any) -> Path:
    data = numbers() if data is None else data
    wrong = more.pop("wrong", None)  # error matrices of all seven bands
    if wrong is not None:
        more["errors"] = {"VNIR": wrong[:4], "SWIR": wrong[4:]}
    return write_prisma(folder, level, data[:4], data[4:], (VNIR, SWIR), pan=pan_of(data), **more)


def swath(path: Path, **more: Any) -> Image:
    """Open one that lies nowhere, which is said."""
    with pytest.warns(EarthloomWarning, match=r"PRISMA L\w+ lies nowhere on Earth") as said:
        image = open_image(path, **more)
    assert len(said) == 1
    return image


def altered(path: Path, change: Any) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def test_reflectance_on_a_map(tmp_path: Path) -> None:
    with open_image(product(tmp_path)) as image:
        data, valid = image.read()
        assert image.names == SORTED
        np.testing.assert_allclose(image.wavelengths_nm, [492.7, 559.4, 943.0, 951.4, 959.5, 972.7, 1600.0], atol=1e-3)
        assert image.crs.to_epsg() == 32633 and image.transform == Affine(30, 0, 299985, 0, -30, 4600035)
        assert image.shape == (12, 10) and image.acquired == date(2020, 8, 16) and image.sensor == "prisma"
        assert image.tags["UNIT"] == "reflectance" and image.tags["PRISMA_LEVEL"] == "L2D" and not image.bad_bands
        assert valid.all() and image.nodata is None
        # first pixel: 1000 of 65535 steps from 0 to 1.3107, and 1000 + 4 * 120 * 7 of those to 0.65535
        assert data[0, 0, 0] == pytest.approx(0.02) and data[2, 0, 0] == pytest.approx(0.0436)
        assert data[3, 1, 2] == pytest.approx((1000 + 7 * (240 + 12)) * 2e-5)
        stored = np.array([2e-5] * 4 + [1e-5] * 3)[:, None, None] * numbers()
        np.testing.assert_allclose(data, stored[ORDER], rtol=1e-6)
        np.testing.assert_array_equal(image.read(Window(3, 2, 5, 4))[0], data[:, 3:8, 2:6])
        thin, _ = image.decimated(6)
        np.testing.assert_allclose(thin, data[:, ::2, ::2], rtol=1e-6)


def test_bands_by_name_and_number(tmp_path: Path) -> None:
    path = product(tmp_path)
    whole = open_image(path).read()[0]
    with open_image(path, bands=["swir_1600", 3, "VNIR_493"], role="hs") as image:
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(image)).read()[0], whole[[6, 2, 0]])
        assert image.names == ("swir_1600", "swir_943", "vnir_493")
    with pytest.raises(InputError, match="band 8 of PRS_L2D", **ONE_LINE):
        open_image(path, bands=[8])


def test_the_pan_fills_the_same_ground(tmp_path: Path) -> None:
    with open_image(product(tmp_path), role="pan") as image:
        assert image.shape == (72, 60) and image.names == ("pan",) and image.count == 1
        assert image.transform == Affine(5, 0, 299985, 0, -5, 4600035) and image.crs.to_epsg() == 32633
        assert image.read()[0][0, 0, 0] == pytest.approx(1500 * 1e-5)


@pytest.mark.parametrize("centred", [True, False])
def test_latitudes_say_where_the_pan_begins(tmp_path: Path, centred: bool) -> None:
    """Its first pixel is centred where that of the cube is, or lies in the corner of it."""
    at = (EAST, NORTH) if centred else (EAST - 12.5, NORTH + 12.5)
    path = altered(product(tmp_path), lambda file: placed(file, "PCO", at))
    with open_image(path, role="pan") as image:
        assert (image.transform.c, image.transform.f) == ((299997.5, 4600022.5) if centred else (299985, 4600035))


def test_corners_may_be_edges(tmp_path: Path) -> None:
    right, low = EAST + 30 * SAMPLES, NORTH - 30 * LINES
    path = product(
        tmp_path, Product_LRcorner_easting=right, Product_LRcorner_northing=low,
        Product_URcorner_easting=right, Product_LLcorner_northing=low,
    )  # fmt: skip
    with open_image(path) as image, open_image(path, role="pan") as pan:
        assert image.transform == Affine(30, 0, EAST, 0, -30, NORTH) and pan.transform.c == EAST


@pytest.mark.parametrize("first", ["told", "0", "none"])
def test_corners_that_do_not_fit_are_told(tmp_path: Path, first: str) -> None:
    """Then latitudes place the cube, or else the first corner as the centre of a pixel."""
    path = product(tmp_path, Product_LRcorner_easting=EAST + 420)
    if first != "none":
        altered(path, lambda file: placed(file, "HCO", (EAST + 60, NORTH - 90) if first == "told" else None))
    words = "its latitudes" if first == "told" else "the first of them"
    found = f"corners 11.0 x 14.0 pixels of 30 m apart do not fit a cube of 12 x 10; placed by {words}"
    with pytest.warns(EarthloomWarning, match=found), open_image(path) as image:
        wanted = (EAST + 45, NORTH - 75) if first == "told" else (EAST - 15, NORTH + 15)
        np.testing.assert_allclose((image.transform.c, image.transform.f), wanted, atol=1)


def placed(file: h5py.File, swath: str, at: tuple[float, float] | None) -> None:
    """Latitudes and longitudes of the first pixel, 0 where it lies nowhere."""
    lon, lat = (0.0, 0.0) if at is None else (v[0] for v in transform("EPSG:32633", "EPSG:4326", [at[0]], [at[1]]))
    for name, value in (("Latitude", lat), ("Longitude", lon)):
        file[f"HDFEOS/SWATHS/PRS_L2D_{swath}/Geolocation Fields/{name}"] = np.full((6, 5), value, "float32")


def test_radiance_of_level_1(tmp_path: Path) -> None:
    path = product(tmp_path, "L1", Offset_Swir=np.float32(0.5), ScaleFactor_Pan=np.float32(50))
    with swath(path) as image:
        data = image.read()[0]
        assert image.crs is None and image.transform == Affine.identity()
        assert image.tags["UNIT"] == "W m-2 sr-1 um-1" and image.acquired == date(2020, 8, 16)
        assert data[0, 0, 0] == pytest.approx(10.0) and data[2, 0, 0] == pytest.approx(43.6 - 0.5)
    with open_image(path, role="pan") as pan:  # said once, of the cube
        assert pan.transform == Affine.identity() and pan.read()[0][0, 0, 0] == pytest.approx(30.0)


@pytest.mark.parametrize(("level", "unit"), [("L2B", "W m-2 sr-1 um-1"), ("L2C", "reflectance")])
def test_level_2_in_the_geometry_of_the_instrument(tmp_path: Path, level: str, unit: str) -> None:
    path = product(tmp_path, level, L2ScaleVnirMin=np.float32(-10), L2ScaleVnirMax=np.float32(55.535))
    with swath(path) as image:
        assert image.tags["UNIT"] == unit and not image.georeferenced
        assert image.read()[0][0, 0, 0] == pytest.approx(-9.0, rel=1e-5)  # -10 and 1000 steps of 0.001
    assert open_image(path, role="pan").shape == (72, 60)


def test_most_bands_decide_which_pixels_are_missing(tmp_path: Path) -> None:
    data, wrong = numbers(), np.zeros(SHAPE)
    data[:, 0] = 0  # beside the ground
    wrong[:3, 1, 1] = 1  # three of seven bands
    wrong[:4, 1, 2] = 1
    data[:, 1, 3], wrong[:, 1, 3] = 0, 2  # water: the air was taken for brighter
    data[3:, 1, 4] = 0
    wrong[:, 1, 5] = 3  # saturated
    with open_image(product(tmp_path, data=data, wrong=wrong)) as image:
        valid = image.read()[1]
        assert not valid[0].any() and valid[2:].all()
        assert valid[1].tolist() == [True, True, False, True, True, True, True, True, True, True]
        np.testing.assert_array_equal(image.decimated(12)[1], valid)
        assert image.pick([0, 1]).read()[1][1, :4].tolist() == [True, False, False, True]
        assert not image.bad_bands and image.any_valid()
    code = float(data[0, 3, 3])
    with open_image(product(tmp_path, data=data, wrong=wrong), nodata=code) as image:
        assert np.argwhere(~image.read()[1]).tolist() == [[3, 3]]


def test_codes_of_level_1(tmp_path: Path) -> None:
    wrong = np.zeros(SHAPE)
    for code in range(5):
        wrong[:, 0, code] = code
    with swath(product(tmp_path, "L1", wrong=wrong)) as image:  # defective, and not a number
        assert np.argwhere(~image.read()[1]).tolist() == [[0, 1], [0, 4]]


def test_a_band_without_numbers_is_bad_and_empties_nothing(tmp_path: Path) -> None:
    data, wrong = numbers(), np.zeros(SHAPE)
    data[5] = 0  # swir_960, number 5 by wavelength
    wrong[6, 1:] = 1  # swir_1600, but for one line of twelve
    with open_image(product(tmp_path, data=data, wrong=wrong)) as image:
        assert image.bad_bands == (5, 7) and image.read()[1].all()
        assert image.pick([4, 6, 0]).read()[1].all() and not image.pick([4]).read()[1].any()
    wrong[:] = 0
    wrong[5] = 2  # 0 is what was measured
    with open_image(product(tmp_path, data=data, wrong=wrong)) as image:
        assert not image.bad_bands and image.pick([4]).read()[1].all()


def test_pixels_of_the_pan(tmp_path: Path) -> None:
    wrong = np.zeros((72, 60))
    wrong[5, 6] = 1
    path = altered(
        product(tmp_path, errors={"PAN": wrong}),
        lambda file: file["HDFEOS/SWATHS/PRS_L2D_PCO/Data Fields/Cube"].__setitem__((0, 3), 0),
    )
    with open_image(path, role="pan") as image:
        assert np.argwhere(~image.read()[1]).tolist() == [[0, 3], [5, 6]]


def test_without_error_matrices_only_what_is_empty_is_missing(tmp_path: Path) -> None:
    data = numbers()
    data[:, 0, 0] = 0
    name = "HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields/SWIR_PIXEL_L2_ERR_MATRIX"
    path = altered(product(tmp_path, data=data), lambda file: file.__delitem__(name))
    with pytest.warns(EarthloomWarning, match="lacks an error matrix"), open_image(path) as image:
        assert np.argwhere(~image.read()[1]).tolist() == [[0, 0]]


def test_the_cloud_mask_of_level_1(tmp_path: Path) -> None:
    codes = np.zeros((LINES, SAMPLES), "uint8")
    codes[0, :4] = 0, 1, 10, 255
    path = altered(
        product(tmp_path, "L1"), lambda file: file.create_dataset(
            "HDFEOS/SWATHS/PRS_L1_HCO/Data Fields/Cloud_Mask", data=codes)
    )  # fmt: skip
    with open_mask(path) as mask:
        assert mask.read()[0][0, 0, :4].tolist() == [0, 1, 0, 1] and mask.read()[1].all()
    with open_mask(path, told=Told(mask_values=(10,))) as mask:
        assert mask.read()[0][0, 0, :4].tolist() == [0, 1, 10, 255]
    for level in ("L2B", "L2C", "L2D"):
        with pytest.raises(InputError, match="has no cloud mask; expected a mask; only L1 has one", **ONE_LINE):
            open_mask(product(tmp_path, level))


def refused(path: Path, words: str, role: str | None = None) -> None:
    with pytest.raises(EarthloomError, match=words, **ONE_LINE) as error:
        open_image(path, role=role).read()
    assert path.name in str(error.value)


def test_what_is_broken_is_said_in_one_line(tmp_path: Path) -> None:
    whole = product(tmp_path).read_bytes()
    path = tmp_path / "cut.he5"
    for keep in (0, 3, 600, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:keep])
        refused(path, "cannot be read: .*; the file may be cut short or damaged")
    with h5py.File(path, "w") as file:
        file["HDFEOS/SWATHS/OMI/Data Fields/NO2"] = np.zeros((3, 4))
    refused(path, "cut.he5 is no product of PRISMA; expected one of the levels")
    (tmp_path / "4.he5").write_bytes(b"\x0e\x03\x13\x01" + bytes(200))
    refused(tmp_path / "4.he5", "4.he5")
    refused(tmp_path / "none.he5", "No such file")


def test_what_a_product_lacks_is_named(tmp_path: Path) -> None:
    fields = "HDFEOS/SWATHS/PRS_L2D_{}/Data Fields"
    cases = {
        "no wavelengths in List_Cw_Vnir; expected one for each of 5 bands": {"List_Cw_Vnir": None},
        "2 wavelengths in List_Cw_Swir": {"List_Cw_Swir": np.ones(2, "float32")},
        "lacks the attribute L2ScaleSwirMax": {"L2ScaleSwirMax": None},
        "L2ScaleVnirMax of 0; expected more than the 0": {"L2ScaleVnirMax": np.float32(0)},
        "L2ScaleVnirMin of nan": {"L2ScaleVnirMin": np.float32(np.nan)},
        "Epsg_Code 0; expected the code of a map projection": {"Epsg_Code": np.uint32(0)},
        "could not convert": {"Epsg_Code": np.bytes_("UTM")},
    }
    for words, attributes in cases.items():
        refused(product(tmp_path, **attributes), words)
    path = product(tmp_path)
    refused(altered(path, lambda file: file.__delitem__(fields.format("HCO") + "/SWIR_Cube")), "no HDFEOS.*SWIR_Cube")
    path = product(tmp_path)
    refused(altered(path, lambda file: file.__delitem__(fields.format("PCO"))), "has no PAN", "pan")
    flat = altered(product(tmp_path), _flat)
    refused(flat, "VNIR_Cube of 4 x 4; expected an array of 3 axes")
    refused(product(tmp_path, "L1", ScaleFactor_Vnir=np.float32(0)), "ScaleFactor_Vnir of 0")
    none = {"List_Cw_Vnir": np.zeros(5, "float32"), "List_Cw_Swir": np.zeros(4, "float32")}
    refused(product(tmp_path, **none), "all wavelengths are 0")


def _flat(file: h5py.File) -> None:
    name = "HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields/VNIR_Cube"
    del file[name]
    file[name] = np.ones((4, 4), "uint16")


def test_flags_leave_bands_out_and_names_tell_the_day(tmp_path: Path) -> None:
    flags = np.array([0, 1, 0, 1, 1], "uint8")  # from long to short waves: not the one of 951 nm
    path = product(tmp_path, List_Cw_Vnir_Flags=flags, Product_StartTime=None)
    with open_image(path) as image:
        assert image.names == tuple(name for name in SORTED if name != "vnir_951")
        assert image.acquired == date(2020, 8, 16)
    moved = path.rename(tmp_path / "mine.he5")
    assert open_image(moved).acquired is None


def test_a_product_in_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    path = product(tmp_path)
    with zipfile.ZipFile(tmp_path / "PRS_L2D.zip", "w") as archive:
        archive.write(path, path.name)
    with pytest.raises(InputError, match=r"PRS_L2D_.*\.he5 lies in PRS_L2D.zip; .*; unpack the archive", **ONE_LINE):
        open_image(tmp_path / "PRS_L2D.zip")


def scene() -> np.ndarray:
    y, x = np.mgrid[0:48, 0:36]
    waves = [9000 + 900 * band + 3000 * np.sin(x / (4 + band)) * np.cos(y / 5) for band in range(7)]
    return np.stack(waves).round()


def test_one_file_is_pan_and_cube(tmp_path: Path) -> None:
    """What comes out is what comes of the same numbers as GeoTIFFs."""
    path = product(tmp_path, data=scene())
    steps = np.array([2e-5] * 4 + [1e-5] * 3)[:, None, None]
    place = {"crs": "EPSG:32633", "transform": Affine(30, 0, 299985, 0, -30, 4600035)}
    cube = put(tmp_path / "cube.tif", (steps * scene())[ORDER].astype("float32"), **place)
    place["transform"] = Affine(5, 0, 299985, 0, -5, 4600035)
    pan = put(tmp_path / "pan.tif", 1e-5 * pan_of(scene())[None].astype("float32"), **place)
    earthloom.pansharpen(path, path, "mtf_glp", dtype="float32", output=tmp_path / "one.tif")
    earthloom.pansharpen(pan, cube, "mtf_glp", output=tmp_path / "two.tif")
    with rasterio.open(tmp_path / "one.tif") as one, rasterio.open(tmp_path / "two.tif") as two:
        assert one.transform == two.transform == place["transform"] and one.crs == two.crs and one.count == 7
        np.testing.assert_allclose(one.read(), two.read(), rtol=1e-4)


def test_pan_and_cube_lie_corner_on_corner_where_they_lie_nowhere(tmp_path: Path) -> None:
    path = product(tmp_path, "L1", data=scene())
    with pytest.warns(EarthloomWarning, match="lies nowhere on Earth"):
        earthloom.pansharpen(path, path, "exp", sensor="prisma", output=tmp_path / "out.tif")
    with open_image(tmp_path / "out.tif") as image:
        assert image.shape == (288, 216) and image.count == 7 and not image.georeferenced
        np.testing.assert_allclose(image.wavelengths_nm, [492.7, 559.4, 943.0, 951.4, 959.5, 972.7, 1600.0], atol=1e-3)
