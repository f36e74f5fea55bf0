"""Reading: files, folders, masks, scaling."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp

from earthloom.errors import FileError, GridError, InputError
from earthloom.raster.metadata import landsat
from earthloom.raster.open import open_image
from earthloom.types import Window

from .conftest import grid, put


def test_one_file_and_a_file_per_band_are_the_same(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 4000, (3, 20, 30)).astype("uint16")
    whole = put(tmp_path / "all.tif", data)
    single = [put(tmp_path / f"B0{i + 2}.tif", data[i : i + 1]) for i in range(3)]
    with open_image([whole]) as one, open_image(single) as many:
        for image in (one, many):
            read, valid = image.read(Window(3, 4, 10, 12))
            assert read.dtype == np.float32 and valid.all()
            np.testing.assert_array_equal(read, data[:, 3:13, 4:16])
        assert many.names == ("B02", "B03", "B04") and one.names == ("", "", "")
        assert many.count == 3 and many.dtype == np.uint16 and many.paths == tuple(map(str, single))


def test_bands_by_number_and_name(tmp_path: Path) -> None:
    data = np.arange(4 * 6, dtype="uint8").reshape(4, 2, 3)
    path = put(tmp_path / "x.tif", data, descriptions=("blue", "green", "red", "nir"))
    with open_image([path], bands=["nir", 1]) as image:
        assert image.names == ("nir", "blue")
        np.testing.assert_array_equal(image.read()[0], data[[3, 0]])
    for wrong in ([5], [0], ["purple"], [-1]):
        with pytest.raises(InputError, match="band"):
            open_image([path], bands=wrong)


def test_missing_pixels(tmp_path: Path) -> None:
    data = np.ones((2, 4, 5), "float32")
    data[0, 0, 0], data[1, 1, 1], data[0, 2, 2], data[1, 3, 3] = np.nan, np.inf, -9999, -np.inf
    with open_image([put(tmp_path / "x.tif", data, nodata=-9999)]) as image:
        read, valid = image.read()
    expected = np.ones((4, 5), bool)
    expected[[0, 1, 2, 3], [0, 1, 2, 3]] = False
    np.testing.assert_array_equal(valid, expected)
    assert (read[:, ~valid] == 0).all() and (read[:, valid] == 1).all()


def test_nodata_given_by_the_user_wins(tmp_path: Path) -> None:
    data = np.array([[[0, 7, 9]]], "uint16")
    path = put(tmp_path / "x.tif", data, nodata=0)
    with open_image([path], nodata=7) as image:
        assert image.nodata == 7
        np.testing.assert_array_equal(image.read()[1], [[True, False, True]])


def test_a_large_nodata_code_is_compared_exactly(tmp_path: Path) -> None:
    code = 2**31 - 1  # float32 cannot tell it from its neighbours
    data = np.array([[[code, code - 1, 5]]], "int32")
    with open_image([put(tmp_path / "x.tif", data, nodata=code)]) as image:
        np.testing.assert_array_equal(image.read()[1], [[False, True, True]])


def test_float32_lowest_value_as_nodata(tmp_path: Path) -> None:
    low = float(np.finfo("float32").min)
    data = np.array([[[low, 1.5]]], "float64")
    with open_image([put(tmp_path / "x.tif", data, nodata=low)]) as image:
        read, valid = image.read()
    np.testing.assert_array_equal(valid, [[False, True]])
    np.testing.assert_array_equal(read, [[[0, 1.5]]])


def test_dataset_mask_and_alpha_band(tmp_path: Path) -> None:
    data = np.full((2, 4, 4), 9, "uint8")
    mask = np.full((4, 4), 255, "uint8")
    mask[1, 2] = 0
    with open_image([put(tmp_path / "mask.tif", data, mask=mask)]) as image:
        np.testing.assert_array_equal(image.read()[1], mask > 0)
    path = put(tmp_path / "alpha.tif", np.concatenate([data, mask[None]]))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = (ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha)
    with open_image([path]) as image:
        assert image.count == 2
        np.testing.assert_array_equal(image.read()[1], mask > 0)
    with open_image([path], bands=[1, 2, 3]) as image:  # asked for by number, it is a band
        assert image.count == 3 and image.read()[1].all()


def test_scale_and_offset(tmp_path: Path) -> None:
    data = np.array([[[10, 20]], [[30, 0]]], "int16")
    path = put(tmp_path / "x.tif", data, nodata=0, scales=(0.5, 2.0), offsets=(1.0, -1.0))
    with open_image([path]) as image:
        np.testing.assert_allclose(image.read()[0], [[[6, 0]], [[59, 0]]])
        assert image.scaled
    with open_image([path], scale=1e-4, offset=-0.1) as image:
        np.testing.assert_allclose(image.read(dtype="float64")[0][0, 0, 0], 10e-4 - 0.1, rtol=1e-12)
    with pytest.raises(InputError, match="scale"):
        open_image([path], scale=0.0)


def test_files_of_one_image_share_a_grid(tmp_path: Path) -> None:
    data = np.ones((1, 8, 8), "uint8")
    base = put(tmp_path / "a.tif", data)
    moved = put(tmp_path / "b.tif", data, transform=grid(east=0.5))
    small = put(tmp_path / "c.tif", data[:, :7])
    other = put(tmp_path / "d.tif", data, crs="EPSG:32632")
    for path, word in ((moved, "apart"), (small, "pixels"), (other, "CRS")):
        with pytest.raises(GridError, match=word):
            open_image([base, path])


def test_missing_broken_and_cut_files(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"gone\.tif does not exist"):
        open_image([tmp_path / "gone.tif"])
    (tmp_path / "text.tif").write_text("no image")
    with pytest.raises(FileError, match=r"text\.tif cannot be opened"):
        open_image([tmp_path / "text.tif"])
    whole = put(tmp_path / "whole.tif", np.ones((1, 300, 300), "uint16"))
    cut = tmp_path / "cut.tif"
    cut.write_bytes(whole.read_bytes()[:60000])
    with pytest.raises(FileError, match=r"cut\.tif") as caught:
        open_image([cut]).read()
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="at least one file"):
        open_image([])
    with pytest.raises(InputError, match="complex"):
        open_image([put(tmp_path / "c.tif", np.ones((1, 4, 4), "complex64"))])


def test_windows_outside_are_refused(tmp_path: Path) -> None:
    with open_image([put(tmp_path / "x.tif", np.ones((1, 4, 5), "uint8"))]) as image:
        for window in (Window(0, 0, 5, 5), Window(-1, 0, 2, 2), Window(2, 3, 1, 3)):
            with pytest.raises(InputError, match="window"):
                image.read(window)
        assert image.read(Window(1, 1, 0, 0))[0].shape == (1, 0, 0)


def test_threads_read_the_same(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 60000, (2, 256, 256)).astype("uint16")
    path = put(tmp_path / "x.tif", data, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    windows = [Window(y, x, 40, 50) for y in range(0, 200, 20) for x in range(0, 200, 25)]
    with open_image([path]) as image, ThreadPoolExecutor(4) as pool:
        for window, (read, _) in zip(windows, pool.map(image.read, windows), strict=True):
            np.testing.assert_array_equal(read, data[(slice(None), *window.slices)])
        image.close()
        assert image.read(Window(0, 0, 1, 1))[0].shape == (2, 1, 1)  # opens anew


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    y=st.integers(0, 30), x=st.integers(0, 40), height=st.integers(1, 31), width=st.integers(1, 41), up=st.booleans()
)
def test_any_window_is_the_crop_of_the_whole(tmp_path: Path, y: int, x: int, height: int, width: int, up: bool) -> None:
    path = tmp_path / "x.tif"
    if not path.exists():
        values = np.random.default_rng(0).integers(0, 9, (2, 31, 41)).astype("uint8")
        put(path, values, nodata=0, transform=Affine(1, 0, 7, 0, 1, 7))
    window = Window(min(y, 30), min(x, 40), min(height, 31 - min(y, 30)), min(width, 41 - min(x, 40)))
    with open_image([path]) as image:
        image = image.north_up() if up else image
        (whole, mask), (part, valid) = image.read(), image.read(window)
    np.testing.assert_array_equal(part, whole[(slice(None), *window.slices)])
    np.testing.assert_array_equal(valid, mask[window.slices])


def test_landsat_folder_gives_reflectance(shared: Path) -> None:
    folder = shared / "data/sharpening/landsat8_p020r039"
    with open_image([folder], role="ms") as ms, open_image([folder], role="pan") as pan:
        assert ms.names == ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9") and ms.shape == (603, 627)
        assert pan.names == ("B8",) and pan.shape == (1207, 1254) and pan.nodata == 0
        assert str(ms.acquired) == "2015-08-04"
        with rasterio.open(folder / "l8_B4.tif") as file:
            number = file.read(1).astype(float)
        # the folder's README: (2e-5 DN - 0.1) / sin(64.744 degrees)
        by_hand = (2e-5 * number - 0.1) / math.sin(math.radians(64.744))
        np.testing.assert_allclose(ms.read()[0][3], by_hand, atol=2e-6)
    with open_image([folder / "l8_B4.tif"]) as alone:  # the MTL file beside it is found
        np.testing.assert_allclose(alone.read()[0][0], by_hand, atol=2e-6)
    with open_image([folder], role="ms", bands=["B4", 3]) as two:
        assert two.names == ("B4", "B3")
    with pytest.raises(InputError, match="pan or ms"):
        open_image([folder], role="cube")
    with pytest.raises(GridError, match="pixels"):
        open_image([folder], role="ms", bands=[4, 8])


COLLECTION_2 = """GROUP = LANDSAT_METADATA_FILE
  GROUP = PRODUCT_CONTENTS
    PROCESSING_LEVEL = "L2SP"
  END_GROUP = PRODUCT_CONTENTS
  GROUP = IMAGE_ATTRIBUTES
    SPACECRAFT_ID = "LANDSAT_9"
    DATE_ACQUIRED = 2023-05-06
    SUN_ELEVATION = 30.0
  END_GROUP = IMAGE_ATTRIBUTES
  GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS
    REFLECTANCE_MULT_BAND_4 = 2.75e-05
    REFLECTANCE_ADD_BAND_4 = -0.2
  END_GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS
  GROUP = LEVEL2_SURFACE_TEMPERATURE_PARAMETERS
    TEMPERATURE_MULT_BAND_ST_B10 = 0.00341802
    TEMPERATURE_ADD_BAND_ST_B10 = 149.0
  END_GROUP = LEVEL2_SURFACE_TEMPERATURE_PARAMETERS
  GROUP = LEVEL1_RADIOMETRIC_RESCALING
    RADIANCE_MULT_BAND_10 = 3.8E-04
    RADIANCE_ADD_BAND_10 = 0.1
    REFLECTANCE_MULT_BAND_4 = 2.0000E-05
    REFLECTANCE_ADD_BAND_4 = -0.100000
  END_GROUP = LEVEL1_RADIOMETRIC_RESCALING
END_GROUP = LANDSAT_METADATA_FILE
END
"""


def test_collection_2_levels(tmp_path: Path) -> None:
    path = tmp_path / "LC09_L2SP_X_MTL.txt"
    path.write_text(COLLECTION_2)
    mtl = landsat.read_mtl(path)
    assert mtl.spacecraft == "LANDSAT_9"
    assert mtl.scaling("4", "SR") == (2.75e-5, -0.2)
    assert mtl.scaling("10", "ST") == (0.00341802, 149.0)
    assert mtl.scaling("10") == (3.8e-4, 0.1)
    assert mtl.scaling("99") is None
    np.testing.assert_allclose(mtl.scaling("4"), (4e-5, -0.2))  # sin(30 degrees) = 1/2
    data = np.array([[[0, 10000]]], "uint16")
    put(tmp_path / "LC09_L2SP_X_SR_B4.TIF", data)
    with open_image([tmp_path], bands=[4]) as image:
        read, valid = image.read()
    np.testing.assert_allclose(read, [[[0, 0.075]]], atol=1e-7)
    np.testing.assert_array_equal(valid, [[False, True]])
    with pytest.raises(InputError, match="0 files for band 1"):
        open_image([tmp_path], role="ms")
    path.write_text(COLLECTION_2.replace("SUN_ELEVATION = 30.0", "SUN_ELEVATION = -3.0"))
    with pytest.raises(FileError, match="SUN_ELEVATION"):
        landsat.read_mtl(path).scaling("4")
    path.write_text("GROUP = SOMETHING")
    with pytest.raises(FileError, match="not a Landsat"):
        landsat.read_mtl(path)


def test_envi_wavelengths(tmp_path: Path) -> None:
    raw = np.arange(24, dtype="<i2").reshape(2, 3, 4)
    (tmp_path / "cube").write_bytes(raw.tobytes())
    (tmp_path / "cube.hdr").write_text(
        "ENVI\nsamples = 4\nlines = 3\nbands = 2\nheader offset = 0\ndata type = 2\ninterleave = bsq\nbyte order = 0\n"
        "wavelength units = Micrometers\nwavelength = {0.45, 0.86}\nband names = {blue, nir}\ndata ignore value = 3\n"
    )
    with open_image([tmp_path / "cube"]) as image:
        assert image.wavelengths_nm == (450.0, 860.0) and not image.georeferenced and image.nodata == 3
        assert [name.split()[0] for name in image.names] == ["blue", "nir"]
        read, valid = image.read()
    assert not valid[0, 3] and valid.sum() == 11
    np.testing.assert_array_equal(read[1], np.where(valid, raw[1], 0))


def test_real_envi_file(shared: Path) -> None:
    with open_image([shared / "data/spatiotemporal/ndvi_2015/MOD_16Day_ndvi"], nodata=-9999) as image:
        assert image.shape == (69, 72) and image.count == 23 and image.dtype == np.int16
