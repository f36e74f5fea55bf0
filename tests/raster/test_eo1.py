"""EO-1: Hyperion and ALI as the USGS delivers them."""

from __future__ import annotations

import pickle
import shutil
import tarfile
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from earthloom.errors import EarthloomError, FileError, GridError, InputError
from earthloom.raster.formats import format_of, is_image
from earthloom.raster.image import Image
from earthloom.raster.metadata import eo1, landsat
from earthloom.raster.open import open_image
from earthloom.types import Window

from .conftest import UTM, put

H, A = "EO1H1910262003001110PZ", "EO1A1910262003001110PZ"
UNCALIBRATED = (*range(1, 8), *range(58, 77), *range(225, 243))
MTL = """GROUP = L1_METADATA_FILE
  GROUP = METADATA_FILE_INFO
    PRODUCT_CREATION_TIME = 2010-02-03T04:05:06Z
    PROCESSING_SOFTWARE = "ALPS_2.0.0"
  END_GROUP = METADATA_FILE_INFO
  GROUP = PRODUCT_METADATA
    PRODUCT_TYPE = "{level}"
    SPACECRAFT_ID = "EO1"
    SENSOR_ID = "{sensor}"
    ACQUISITION_DATE = 2003-01-01
    START_TIME = "2003 001 10:01:02"
    PRODUCT_SAMPLES = 6
    PRODUCT_LINES = 8
  END_GROUP = PRODUCT_METADATA
  GROUP = RADIANCE_SCALING
{scaling}  END_GROUP = RADIANCE_SCALING
  GROUP = PRODUCT_PARAMETERS
    SENSOR_LOOK_ANGLE = -3.25
    SUN_AZIMUTH = 150.25
    SUN_ELEVATION = 24.5
  END_GROUP = PRODUCT_PARAMETERS
END_GROUP = L1_METADATA_FILE
END
"""
HYPERION_SCALING = "    SCALING_FACTOR_VNIR = 40.000000\n    SCALING_FACTOR_SWIR = 80.000000\n"
# from numbers to radiance, of Chander et al. (2009): bands 1 (PAN) to 10
ALI_GAINS = (0.024, 0.045, 0.043, 0.028, 0.018, 0.011, 0.0091, 0.0083, 0.0028, 0.00091)
ALI_OFFSETS = (-2.2, -3.4, -4.4, -1.9, -1.3, -0.85, -0.65, -1.3, -0.6, -0.21)


def ali_scaling() -> str:
    pairs = enumerate(zip(ALI_GAINS, ALI_OFFSETS, strict=True), 1)
    return "".join(
        f"    BAND{n}_SCALING_FACTOR = {gain:.6f}\n    BAND{n}_OFFSET = {offset:.6f}\n" for n, (gain, offset) in pairs
    )


def hyperion(folder: Path, level: str = "L1T", metadata: str = "TXT", bands: Any = range(1, 243)) -> Path:
    """DN 100 times the number of the band (zeros where it is not calibrated), with fill in the first column."""
    place = folder / f"{H}_1{level[2:]}"
    place.mkdir(parents=True)
    name = level.upper()
    (place / f"{H}_MTL_{name}.{metadata}").write_text(
        MTL.format(level=level, sensor="HYPERION", scaling=HYPERION_SCALING)
    )
    (place / "README.txt").write_text("USGS EARTH OBSERVING-1 (EO-1)")
    for band in bands:
        data = np.full((1, 8, 6), 0 if band in UNCALIBRATED else 100 * band, "int16")
        data[..., 0] = 0
        if band in (170, 220):
            data[:, 2, 3] = 0  # opaque air, dark ground: a measurement
        put(place / f"{H}_B{band:03d}_{name}.TIF", data, transform=Affine(30, 0, 500000, 0, -30, 5700000))
    return place


def ali(folder: Path) -> Path:
    """DN 1000 times the number of the band; PAN of 10 m, whose first pixel lies centred in that of 30 m."""
    place = folder / f"{A}_1T"
    place.mkdir(parents=True)
    (place / f"{A}_MTL_L1T.TXT").write_text(MTL.format(level="L1T", sensor="ALI", scaling=ali_scaling()))
    put(
        place / f"{A}_B01_L1T.TIF",
        np.full((1, 22, 16), 2000, "int16"),
        transform=Affine(10, 0, 500010, 0, -10, 5699990),
    )
    for band in range(2, 11):
        data = np.full((1, 8, 6), 1000 * band, "int16")
        data[..., 0] = 0
        put(place / f"{A}_B{band:02d}_L1T.TIF", data, transform=Affine(30, 0, 500000, 0, -30, 5700000))
    return place


def one_line(error: BaseException) -> bool:
    return "\n" not in str(error)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hyperion(tmp_path_factory.mktemp("hyperion"))


def test_hyperion_is_198_bands_of_radiance_by_wavelength(whole: Path) -> None:
    with open_image(whole) as image:
        data, valid = image.read()
    assert image.count == 198 and image.shape == (8, 6) and image.dtype == np.int16
    assert image.names[0] == "B008" and image.names[-1] == "B224"
    assert image.names[47:54] == ("B055", "B077", "B056", "B078", "B057", "B079", "B080")  # two spectrometers overlap
    assert image.wavelengths_nm[47:53] == (905.05, 912.45, 915.23, 922.54, 925.41, 932.64)
    assert image.wavelengths_nm[0] == 426.82 and image.wavelengths_nm[-1] == 2395.5
    assert not set(image.names) & {f"B{band:03d}" for band in UNCALIBRATED} and image.bad_bands == ()
    assert data[image.names.index("B029"), 4, 4] == 72.5  # 2900 / 40
    assert data[image.names.index("B150"), 4, 4] == 187.5  # 15000 / 80
    assert data[image.names.index("B077"), 4, 4] == 96.25  # 7700 / 80
    assert image.acquired == date(2003, 1, 1) and image.sensor == "hyperion"
    assert image.crs == rasterio.CRS.from_string(UTM) and image.transform == Affine(30, 0, 500000, 0, -30, 5700000)
    assert image.tags["units"] == "W m-2 sr-1 um-1" and image.tags["quantity"] == "radiance"
    assert (image.tags["product_type"], image.tags["sun_elevation"]) == ("L1T", "24.5")
    expected = np.ones((8, 6), bool)
    expected[:, 0] = False
    np.testing.assert_array_equal(valid, expected)
    assert data[image.names.index("B170"), 2, 3] == 0 and image.nodata == 0


def test_zeros_of_the_swir_are_fill_only_where_no_vnir_tells(whole: Path) -> None:
    with open_image(whole, bands=[170, 200]) as image:
        valid = image.read()[1]
    assert not valid[:, 0].any() and not valid[2, 3] and valid.sum() == 39
    with open_image(whole, bands=[170, 200, 29]) as image:
        assert image.read()[1].sum() == 40


def test_bands_are_named_as_hyperion_numbers_them(whole: Path) -> None:
    with open_image(whole, bands=[29, "B020", "b12", "225", 3]) as image:
        assert image.names == ("B029", "B020", "B012", "B225", "B003")
        assert image.wavelengths_nm == (640.5, 548.92, 467.52, 2405.6, 375.94)
        assert image.bad_bands == (4, 5)
        assert image.scales == (1 / 40, 1 / 40, 1 / 40, 1 / 80, 1 / 40)
    for band in (0, 243, "B300", "nir"):
        with pytest.raises(InputError, match="1 to 242", check=one_line):
            open_image(whole, bands=[band])


@pytest.mark.parametrize(("level", "metadata"), [("L1Gst", "TXT"), ("L1T", "TIF"), ("L1Gst", "TIF"), ("L1T", "L1T")])
def test_levels_and_names_of_the_metadata(tmp_path: Path, level: str, metadata: str) -> None:
    """The README of the product calls the metadata, which are text, .TIF."""
    place = hyperion(tmp_path, level, metadata, bands=(8, 29, 150))
    assert is_image(place)
    with open_image(place, bands=[150, 29]) as image:
        assert image.read()[0][:, 1, 1].tolist() == [187.5, 72.5]
        assert image.tags["product_type"] == level


def test_names_in_small_letters(tmp_path: Path) -> None:
    place = hyperion(tmp_path, bands=(29, 150))
    for path in place.iterdir():
        path.rename(path.with_name(path.name.lower()))
    with open_image(place, bands=[29]) as image:
        assert image.read()[0][0, 1, 1] == 72.5


def test_ali_is_nine_bands_and_a_pan(tmp_path: Path) -> None:
    place = ali(tmp_path)
    with open_image(place, role="ms") as image:
        data, valid = image.read()
        assert image.names == ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10")
        assert image.wavelengths_nm == (443, 482.5, 565, 660, 790, 867.5, 1250, 1650, 2215)
        assert image.sensor == "ali" and image.bad_bands == () and not valid[:, 0].any() and valid[:, 1:].all()
        by_hand = [86.6, 124.6, 110.1, 88.7, 65.15, 63.05, 65.1, 24.6, 8.89]  # 2000 x 0.045 - 3.4, ...
        np.testing.assert_allclose(data[:, 3, 3], by_hand, rtol=1e-6)
    with open_image(place, role="pan") as pan:
        assert pan.names == ("B01",) and pan.wavelengths_nm == (585,) and pan.shape == (22, 16)
        np.testing.assert_allclose(pan.read()[0], 45.8, rtol=1e-6)  # 2000 x 0.024 - 2.2
        assert pan.transform == Affine(10, 0, 500010, 0, -10, 5699990)
    with open_image(place, role="ms", bands=["B5", 3]) as some:
        assert some.names == ("B05", "B03")
    with pytest.raises(GridError, match="pixels; expected", check=one_line):
        open_image(place, bands=[1, 2])


def test_one_band_file_finds_its_metadata(tmp_path: Path) -> None:
    place = ali(tmp_path)
    with open_image(place / f"{A}_B05_L1T.TIF") as image:
        np.testing.assert_allclose(image.read()[0][0, 1, 1], 88.7, rtol=1e-6)
        assert image.names == ("B05",) and image.wavelengths_nm == (660,)
    with open_image(place / f"{A}_MTL_L1T.TXT", role="pan") as image:
        assert image.names == ("B01",)
    (place / f"{A}_MTL_L1T.TXT").unlink()
    with open_image(place / f"{A}_B05_L1T.TIF") as image:  # numbers as they are
        assert image.read()[0][0, 1, 1] == 5000 and image.wavelengths_nm == (None,)


@pytest.mark.parametrize("ending", ["zip", "tgz", "tar.gz"])
@pytest.mark.parametrize("top", [True, False])
def test_archives_open_like_their_folders(tmp_path: Path, ending: str, top: bool) -> None:
    place = ali(tmp_path / "unpacked")
    path = tmp_path / f"{place.name}.{ending}"
    inner = f"{place.name}/" if top else ""
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            for file in sorted(place.iterdir()):
                packed.write(file, inner + file.name)
    else:
        with tarfile.open(path, "w:gz") as packed:
            for file in sorted(place.iterdir()):
                packed.add(file, inner + file.name)
    shutil.rmtree(tmp_path / "unpacked")
    assert is_image(path)
    with open_image(path, role="ms") as image:
        np.testing.assert_allclose(image.read()[0][3, 3, 3], 88.7, rtol=1e-6)
    with open_image(path, role="pan") as image:
        np.testing.assert_allclose(image.read()[0], 45.8, rtol=1e-6)


def test_it_pickles_and_reads_windows(whole: Path) -> None:
    with open_image(whole) as image:
        again: Image = pickle.loads(pickle.dumps(image))
        with again:
            window = Window(2, 1, 3, 4)
            np.testing.assert_array_equal(again.read(window)[0], image.read()[0][(slice(None), *window.slices)])


def test_what_no_product_has_is_refused(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Hyperion as pan; expected an EO-1 ALI product", check=one_line):
        open_image(whole, role="pan")
    for place in (whole, ali(tmp_path)):
        with pytest.raises(InputError, match="as mask; expected a mask of your own", check=one_line):
            open_image(place, role="mask")


def test_half_a_product_is_refused_in_one_line(tmp_path: Path) -> None:
    place = hyperion(tmp_path, bands=range(8, 100))
    with pytest.raises(FileError, match=r"lacks the file of B100 \(of 198 bands of the cube 125 are", check=one_line):
        open_image(place)
    (place / f"{H}_B029_L1T.TIF").write_bytes(b"")
    with pytest.raises(FileError, match=r"B029_L1T\.TIF cannot be opened", check=one_line):
        open_image(place, bands=[28, 29])
    (place / f"{H}_MTL_L1T.TXT").unlink()
    assert not is_image(place)
    with pytest.raises(FileError, match="lacks its metadata file", check=one_line):
        open_image(place)


def test_a_band_that_is_cut_short_is_refused_in_one_line(tmp_path: Path) -> None:
    place = ali(tmp_path)
    path = place / f"{A}_B05_L1T.TIF"
    path.write_bytes(path.read_bytes()[:-60])
    with (
        pytest.raises(FileError, match=r"B05_L1T\.TIF cannot be", check=one_line),
        open_image(place, role="ms") as image,
    ):
        image.read()


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("L1_METADATA_FILE", "SOMETHING", "is not an EO-1 metadata file; expected the group"),
        ('"ALI"', '"HYPERION"', "EO1, HYPERION; expected EO1, ALI, as the name says"),
        ('"EO1"', '"LANDSAT_7"', "LANDSAT_7, ALI; expected EO1, ALI"),
        ("BAND5_SCALING", "BAND5_OTHER", "BAND5_SCALING_FACTOR is missing; expected a number above 0"),
        ("0.018000", "-1", "BAND5_SCALING_FACTOR is -1; expected"),
        ("-1.300000", "many", "BAND5_OFFSET is many; expected a number in RADIANCE_SCALING"),
    ],
)
def test_broken_metadata_are_refused_in_one_line(tmp_path: Path, old: str, new: str, match: str) -> None:
    place = ali(tmp_path)
    path = place / f"{A}_MTL_L1T.TXT"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(FileError, match=match, check=one_line):
        open_image(place, role="ms")


def test_metadata_cut_short_are_refused_in_one_line(tmp_path: Path) -> None:
    place = ali(tmp_path)
    path = place / f"{A}_MTL_L1T.TXT"
    text = path.read_text()
    for size in (0, 20, 200, 400, 700):
        path.write_text(text[:size])
        with pytest.raises(FileError, match=r"MTL_L1T\.TXT", check=one_line):
            open_image(place, role="ms")


def test_a_day_that_the_metadata_do_not_tell_is_that_of_the_name(tmp_path: Path) -> None:
    place = ali(tmp_path)
    path = place / f"{A}_MTL_L1T.TXT"
    path.write_text(path.read_text().replace("ACQUISITION_DATE = 2003-01-01", "ACQUISITION_DATE = UNAVAILABLE"))
    with open_image(place, role="pan") as image:
        assert image.acquired == date(2003, 1, 1)  # day 001 of 2003
    assert eo1.named_day(Path("EO1H0010019999999110KF.L1R")) is None


def test_two_products_in_a_folder_are_refused(tmp_path: Path) -> None:
    place = ali(tmp_path)
    for path in hyperion(tmp_path, bands=(29,)).iterdir():
        shutil.copy(path, place)
    with pytest.raises(InputError, match=r"holds 2 products .* give each a folder of its own", check=one_line):
        open_image(place, role="ms")


def test_one_band_of_two_levels_is_refused(tmp_path: Path) -> None:
    place = ali(tmp_path)
    shutil.copy(place / f"{A}_B05_L1T.TIF", place / f"{A}_B05_L1GST.TIF")
    with pytest.raises(InputError, match="are the same band", check=one_line):
        open_image(place, role="ms")


def test_landsat_and_eo1_leave_each_other_alone(tmp_path: Path) -> None:
    mine = ali(tmp_path)
    shutil.copy(mine / f"{A}_MTL_L1T.TXT", mine / f"{A}_MTL.TXT")  # a name like Landsat's
    assert not landsat.is_landsat_folder(mine) and not landsat.lost_its_metadata(mine)
    assert format_of(str(mine)).name == "eo1"
    other = tmp_path / "LC08_L1TP_191026_20200101"
    other.mkdir()
    (other / "LC08_L1TP_191026_20200101_MTL.txt").write_text("")
    (other / "LC08_L1TP_191026_20200101_B1.TIF").write_bytes(b"")
    assert not eo1.has_images(other) and format_of(str(other)).name == "landsat_folder"
    for odd in ("", ".", "/", "no\0thing", "x" * 5000, "EO1H", "EO1H1910262003001110PZ", "nowhere/EO1.TIF"):
        assert not format_of(str(mine)).claims(odd) and not format_of(str(mine)).holds(Path(odd))


@pytest.mark.parametrize("name", [f"{A}.M1R", f"{A}_B01.L1GST", f"{A}_HDF.L1G", f"{H}_MTL.L1GST"])
def test_other_hdf_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    place = tmp_path / "delivered"
    place.mkdir()
    (place / name).write_bytes(b"\x0e\x03\x13\x01")
    for path in (place, place / name):
        with pytest.raises(InputError, match=r"is HDF .* expected the same product as GeoTIFF", check=one_line):
            open_image(path, role="ms")


def swath(path: Path, lines: int = 9, bands: int = 242, samples: int = 7) -> np.ndarray:
    """One array of lines, bands and samples that is called like its file."""
    sd = pytest.importorskip("pyhdf.SD", reason="pyhdf is not installed")
    data = np.arange(lines * bands * samples, dtype="int16").reshape(lines, bands, samples)
    file = sd.SD(str(path), sd.SDC.WRITE | sd.SDC.CREATE | sd.SDC.TRUNC)
    array = file.create(path.name, sd.SDC.INT16, data.shape)
    array[:] = data
    array.endaccess()
    file.end()
    return data


def test_hyperion_of_level_1r(tmp_path: Path) -> None:
    path = tmp_path / "EO1H1680612008182110KF.L1R"
    data = swath(path)
    assert is_image(path)
    for given in (path, tmp_path):
        with open_image(given, bands=[29, 150, 225]) as image:
            numbers, valid = image.read(Window(2, 1, 5, 4))
            assert image.shape == (9, 7) and image.crs is None and image.nodata is None and valid.all()
            assert image.acquired == date(2008, 6, 30) and image.bad_bands == (3,) and image.sensor == "hyperion"
        np.testing.assert_allclose(numbers[0], data[2:7, 28, 1:5] / 40, rtol=1e-6)
        np.testing.assert_allclose(numbers[1], data[2:7, 149, 1:5] / 80, rtol=1e-6)
    with open_image(path, role="hs") as image:
        assert image.count == 198 and image.wavelengths_nm[48] == 912.45
        again = pickle.loads(pickle.dumps(image)).read()[0]
        np.testing.assert_allclose(again[48], data[:, 76] / 80, rtol=1e-6)
    for role, match in (("pan", "as pan"), ("mask", "as mask")):
        with pytest.raises(InputError, match=match, check=one_line):
            open_image(path, role=role)


def test_level_1r_that_is_broken_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "EO1H1680612008182110KF.L1R"
    swath(path, bands=220)
    with pytest.raises(FileError, match="holds 9 x 220 x 7 numbers; expected lines x 242", check=one_line):
        open_image(path)
    swath(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(EarthloomError, match="L1R", check=one_line), open_image(path) as image:
        image.read()
    path.write_bytes(b"")
    with pytest.raises(EarthloomError, match="L1R", check=one_line):
        open_image(path)
    swath(path.with_name("renamed.hdf"))
    shutil.move(path.with_name("renamed.hdf"), path)
    with pytest.raises(EarthloomError, match="L1R", check=one_line):
        open_image(path)
    with zipfile.ZipFile(tmp_path / "EO1H1680612008182110KF.zip", "w") as packed:
        packed.write(path, path.name)
    with pytest.raises(InputError, match="HDF inside an archive; expected the unpacked file", check=one_line):
        open_image(tmp_path / "EO1H1680612008182110KF.zip")


def test_both_instruments_measure_the_same_radiance(shared: Path, tmp_path: Path) -> None:
    """Paris, one pass: in each band of ALI both see the same within some 15 %, which no other unit or order does."""
    source = shared / "data/hyperspectral/hyperion_ali_paris"
    if not source.is_dir():
        pytest.skip(f"no {source}")
    with open_image(source / "hs_ms_hyperion.tif") as file:
        numbers, place = [int(name.strip("B")) for name in file.names], hyperion(tmp_path, bands=())
        for number, band in zip(numbers, file.read()[0], strict=True):
            put(place / f"{H}_B{number:03d}_L1T.TIF", band[None].astype("int16"))
    other = ali(tmp_path)
    with open_image(source / "hs_ms_ali_ms.tif") as file:
        for number, band in enumerate(file.read()[0], 2):
            put(other / f"{A}_B{number:02d}_L1T.TIF", band[None].astype("int16"))
    with open_image(place, bands=numbers) as fine, open_image(other, role="ms") as broad:
        spectrum, centres = fine.read()[0].mean(axis=(1, 2)), np.array(fine.wavelengths_nm, float)
        seen = broad.read()[0].mean(axis=(1, 2))
    ranges = [(433, 453), (450, 515), (525, 605), (633, 690), (775, 805), (845, 890), (1200, 1300), (1550, 1750)]
    for (low, high), radiance in zip([*ranges, (2080, 2350)], seen, strict=True):
        inside = (centres >= low) & (centres <= high)
        assert radiance == pytest.approx(spectrum[inside].mean(), rel=0.15)
