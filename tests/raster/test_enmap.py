"""EnMAP of Level 1B, 1C and 2A: numbers, bands, masks, archives, and what is refused."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from scipy.io import loadmat

from earthloom.cli.main import run
from earthloom.errors import EarthloomError, EarthloomWarning, FileError, InputError
from earthloom.raster.formats import format_of, images_below, images_in, is_image
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.told import Told
from earthloom.types import Window

from .conftest import put
from .dlr_products import GAIN, L1B, L1C, L2A, NM, OFFSET, PLACE, cube, enmap_xml, l1b, l2a, one_line, tarred, zipped


def test_level_2a_is_reflectance_by_wavelength(tmp_path: Path) -> None:
    with open_image(l2a(tmp_path)) as image:
        data, valid = image.read()
        assert image.wavelengths_nm == (488, 550, 902, 904, 1390, 1650)
        assert image.names == ("B1", "B2", "B4", "B3", "B5", "B6") and image.bad_bands == ()
        assert image.acquired == date(2022, 6, 27) and image.sensor == "enmap" and image.nodata == -32768
        assert image.tags["units"] == "reflectance" and image.transform == PLACE and image.crs.to_epsg() == 32631
        np.testing.assert_allclose(data[:, 7, 5], [0.1075, 0.2075, 0.4075, 0.3075, 0.5075, 0.6075], rtol=1e-6)
        assert not valid[0, 0] and valid.sum() == 47
        window = pickle.loads(pickle.dumps(image)).read(Window(6, 3, 2, 3))[0]
        np.testing.assert_array_equal(window, data[:, 6:, 3:])


def test_bands_are_named_as_the_product_numbers_them(tmp_path: Path) -> None:
    with open_image(l2a(tmp_path), bands=[3, "b6"]) as image:
        assert image.wavelengths_nm == (904, 1650)
        np.testing.assert_allclose(image.read()[0][:, 1, 0], [0.301, 0.601], rtol=1e-6)
    for band in (0, 7, "VNIR"):
        with pytest.raises(InputError, match=f"(?i)band B?{band} of ENMAP01", check=one_line):
            open_image(tmp_path / L2A, bands=[band])


def test_bands_without_numbers_are_left_out_and_told(tmp_path: Path) -> None:
    numbers = cube()
    numbers[4] = -32768
    place = l2a(tmp_path, numbers, empty=(5,))
    with pytest.warns(EarthloomWarning, match="bands B5 hold no numbers and are left out"):
        image = open_image(place)
    assert image.names == ("B1", "B2", "B4", "B3", "B6") and image.read()[1].sum() == 47
    with open_image(place, bands=["B5"]) as asked:
        assert not asked.read()[1].any()


def test_bands_that_no_detector_delivers_are_bad(tmp_path: Path) -> None:
    with open_image(l2a(tmp_path, vnir="1,2,3", swir="5,6")) as image:
        assert image.bad_bands == (3,) and image.names[2] == "B4"  # the third by wavelength


def test_the_mask_is_the_union_of_the_layers(tmp_path: Path) -> None:
    place = l2a(tmp_path)
    with open_mask(place) as mask:
        numbers, valid = mask.read()
        assert mask.count == 1 and valid.all() and mask.transform == PLACE
        assert sorted(map(tuple, np.argwhere(numbers[0]))) == [(0, 0), (1, 1), (2, 2), (3, 3), (3, 4)]
        assert pickle.loads(pickle.dumps(mask)).read(Window(1, 1, 1, 2))[0].tolist() == [[[1, 0]]]
        assert mask.decimated(4)[0].shape == (1, 4, 3)
    with open_mask(place, Told(mask_values=(2,))) as classes:  # the user says what the classes mean
        assert classes.read()[0][0, 7, 5] == 2
    (place / f"{L2A}-QL_QUALITY_CIRRUS.TIF").unlink()
    with pytest.warns(EarthloomWarning, match="has no QL_QUALITY_CIRRUS: its mask is made of"):
        assert open_mask(place).read()[0].sum() == 3
    for path in place.glob("*-QL_QUALITY_C*.TIF"):
        path.unlink()
    with pytest.raises(InputError, match="without a mask", check=one_line):
        open_mask(place)


def test_level_1c_is_radiance_per_micrometre(tmp_path: Path) -> None:
    place = tmp_path / L1C
    place.mkdir()
    numbers = cube()
    numbers[:, 0, 0] = 0
    put(place / f"{L1C}-SPECTRAL_IMAGE.TIF", numbers, transform=PLACE)
    (place / f"{L1C}-METADATA.XML").write_text(enmap_xml(GAIN, OFFSET, code="0"))
    with open_image(place) as image:
        data, valid = image.read()
        assert image.tags["units"] == "W m-2 sr-1 um-1" and image.nodata == 0 and not valid[0, 0]
        # 1075 x 6e-6 + 0.02 = 0.02645 and 6075 x 1.5e-6 + 0.0005 = 0.0096125 W m-2 sr-1 nm-1
        np.testing.assert_allclose(data[[0, 5], 7, 5], [26.45, 9.6125], rtol=1e-6)
    (place / f"{L1C}-METADATA.XML").write_text(enmap_xml(GAIN, OFFSET, code=None))
    with pytest.warns(EarthloomWarning, match="names no background value: 0 is taken"):
        assert not open_image(place).read()[1][0, 0]


@pytest.mark.parametrize("channels", [True, False])
def test_level_1b_is_one_detector_that_lies_nowhere(tmp_path: Path, channels: bool) -> None:
    place = l1b(tmp_path, channels)
    with pytest.warns(EarthloomWarning) as told:
        image = open_image(place)
    said = " ".join(str(one.message) for one in told)
    assert "VNIR is taken; name " in said and "in the geometry of the sensor" in said and len(told) == 2
    assert image.wavelengths_nm == (488, 550, 904) and not image.georeferenced
    with pytest.warns(EarthloomWarning, match="geometry of the sensor") as told:
        swir = open_image(place / f"{L1B}-SPECTRAL_IMAGE_SWIR.TIF")
    assert len(told) == 1 and swir.names == ("B4", "B5", "B6")
    np.testing.assert_allclose(swir.read()[0][:, 1, 2], [(4012 * 5.5e-6 + 0.004) * 1e3, 11.024, 9.518], rtol=1e-6)
    with pytest.warns(EarthloomWarning, match="made of QL_QUALITY_CLOUD alone"):
        assert not open_mask(place).georeferenced
    assert images_in(place) and [Path(one).name for one in format_of(str(place)).within(place)] == [
        f"{L1B}-SPECTRAL_IMAGE_SWIR.TIF", f"{L1B}-SPECTRAL_IMAGE_VNIR.TIF",
    ]  # fmt: skip


def test_every_name_of_a_product_opens_it(tmp_path: Path) -> None:
    place = l2a(tmp_path / "orders" / "ENMAP.HSI.L2A")
    for path in (place, place / f"{L2A}-METADATA.XML", place / f"{L2A}-SPECTRAL_IMAGE.TIF"):
        with open_image(path) as image:
            assert image.count == 6 and image.wavelengths_nm[2] == 902
    assert is_image(place) and list(images_below(tmp_path)) == [place]
    other = place / L2A.replace("_001_", "_002_")
    shutil.copy(place / f"{L2A}-SPECTRAL_IMAGE.TIF", f"{other}-SPECTRAL_IMAGE.TIF")
    assert not is_image(place)
    with pytest.raises(InputError, match="holds 2 products of EnMAP; expected one", check=one_line):
        open_image(place)


def test_cloud_optimised_and_envi_deliveries(tmp_path: Path) -> None:
    with open_image(l2a(tmp_path / "cog", cog="_COG")) as image, open_mask(tmp_path / "cog" / L2A) as mask:
        assert image.count == 6 and mask.read()[0].sum() == 5
    for ending in ("BSQ", "bil", "BIP"):
        place = l2a(tmp_path / ending)
        tif = place / f"{L2A}-SPECTRAL_IMAGE.TIF"
        put(
            tif.with_suffix(f".{ending}"), cube(), transform=PLACE, driver="ENVI", photometric=None,
            interleave=ending.lower(), nodata=-32768,
        )  # fmt: skip
        tif.unlink()
        tif.with_suffix(".hdr").rename(tif.with_suffix(".HDR"))
        for path in (place, tif.with_suffix(f".{ending}"), tif.with_suffix(".HDR")):
            with open_image(path, bands=[2]) as image:
                np.testing.assert_allclose(image.read()[0][0, 7, 5], 0.2075, rtol=1e-6)
                assert image.crs.to_epsg() == 32631


@pytest.mark.parametrize(("pack", "ending"), [(zipped, ".zip"), (tarred, ".tar.gz")])
def test_archives_open_as_they_are_delivered(tmp_path: Path, pack: Callable[..., Path], ending: str) -> None:
    """A product alone, and in the four folders of an order."""
    place = l2a(tmp_path / "made")
    order = "dims_op_oc_oc-en_702726665_1/ENMAP.HSI.L2A/ENMAP-HSI-L2ADT0000001280_01/"
    for name, inner in (("dims_op_oc_oc-en_702726665_1", order), (L2A, "")):
        path = pack(place, tmp_path / f"{name}{ending}", inner)
        with open_image(path) as image, open_mask(path) as mask:
            assert image.count == 6 and mask.read()[0].sum() == 5
            np.testing.assert_allclose(image.read()[0][0, 7, 5], 0.1075, rtol=1e-6)
    assert is_image(path)


def test_what_is_broken_is_told_in_one_line(tmp_path: Path) -> None:
    place = l2a(tmp_path)
    xml, tif = place / f"{L2A}-METADATA.XML", place / f"{L2A}-SPECTRAL_IMAGE.TIF"
    whole, numbers = xml.read_bytes(), tif.read_bytes()
    first = b"<GainOfBand>0.0001</GainOfBand>"
    wrong = {
        "no whole XML file": (b"", whole[: len(whole) // 2], whole.replace(b"?>", b"?><!ENTITY a 'b'>", 1)),
        "without GainOfBand": (whole.replace(first, b"", 1),),
        "band 1 with": (whole.replace(first, first.replace(b"0.0001", b"0"), 1),),
        "is not metadata of EnMAP": (
            whole.replace(b"bandID", b"band"),
            whole.replace(first, first.replace(b".", b",")),
        ),
        "one after another": (whole.replace(b'<bandID number="2"><wave', b'<bandID number="9"><wave'),),
    }
    for words, forms in wrong.items():
        for form in forms:
            xml.write_bytes(form)
            with pytest.raises(FileError, match=words, check=one_line):
                open_image(place)
    xml.write_text(enmap_xml((1e-4,) * 5, (0.0,) * 5, nm=NM[:5]))
    with pytest.raises(FileError, match=r"IMAGE\.TIF of 6 bands; expected 5, which its metadata", check=one_line):
        open_image(place)
    xml.unlink()
    with pytest.raises(FileError, match=r"without METADATA; expected a file .*; get the whole", check=one_line):
        open_image(place)
    xml.write_bytes(whole)
    for keep in (0, 100, len(numbers) // 2):
        tif.write_bytes(numbers[:keep])
        with pytest.raises(EarthloomError, match="SPECTRAL_IMAGE", check=one_line):
            open_image(place).read()
    tif.unlink()
    with pytest.raises(FileError, match="without SPECTRAL_IMAGE", check=one_line):
        open_image(place)
    with pytest.raises(InputError, match=r"as pan; .*EnMAP has no such band", check=one_line):
        open_image(l2a(tmp_path / "again"), role="pan")


def test_a_level_that_is_not_read_is_refused(tmp_path: Path) -> None:
    name = L2A.replace("L2A", "L0A")
    (tmp_path / name).mkdir()
    (tmp_path / name / f"{name}-METADATA.XML").write_text("<level_X/>")
    with pytest.raises(InputError, match="of level L0A; expected L1B, L1C or L2A", check=one_line):
        open_image(tmp_path / name)


@pytest.mark.filterwarnings("ignore::earthloom.errors.EarthloomWarning")
def test_the_command_line_takes_the_zip(tmp_path: Path) -> None:
    y, x = np.mgrid[:40, :36]
    numbers = np.stack([1500 + 100 * b + 300 * np.sin(x / (4.0 + b)) * np.cos(y / 5.0) for b in range(6)])
    place = tmp_path / L2A
    place.mkdir()
    numbers = numbers.round().astype("int16")
    numbers[4] = -32768
    put(place / f"{L2A}-SPECTRAL_IMAGE.TIF", numbers, transform=PLACE, nodata=-32768)
    (place / f"{L2A}-METADATA.XML").write_text(enmap_xml((1e-4,) * 6, (0.0,) * 6, empty=(5,)))
    path, out = zipped(place, tmp_path / f"{L2A}.zip"), tmp_path / "x.tif"
    with pytest.raises(SystemExit) as done:
        run(["superresolve", str(path), "-m", "bicubic", "--ratio", "2", "-o", str(out)])
    assert not done.value.code
    with rasterio.open(out) as file:
        assert (file.count, *file.shape) == (5, 80, 72) and file.res == (15, 15) and file.crs.to_epsg() == 32631
        product = file.read(1) * file.scales[0] + file.offsets[0]
        assert file.tags(1)["wavelength"] == "488"
    coarse = product.reshape(40, 2, 36, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(coarse[4:-4, 4:-4], numbers[0, 4:-4, 4:-4] * 1e-4, atol=2e-3)


def test_a_real_cube_in_the_form_of_a_product(tmp_path: Path, shared: Path) -> None:
    """AVIRIS of Santa Barbara, reflectance of 224 bands of which 43 are empty, written as Level 2A."""
    source = shared / "data/hyperspectral/aviris_santa_barbara/a_hsi_img_for_VI_demo.mat"
    if not source.exists():
        pytest.skip("the AVIRIS cube is not here")
    found = loadmat(source)
    numbers, nm = np.moveaxis(found["hsi_img"], 2, 0).astype("int16"), tuple(map(float, found["wavelengths"].ravel()))
    empty = tuple(at for at, band in enumerate(numbers, 1) if not band.any())
    numbers[[at - 1 for at in empty]] = -32768
    place = tmp_path / L2A
    place.mkdir()
    put(place / f"{L2A}-SPECTRAL_IMAGE.TIF", numbers, transform=PLACE, nodata=-32768)
    every = ",".join(map(str, range(1, 225)))
    xml = enmap_xml((1e-4,) * 224, (0.0,) * 224, nm=nm, empty=empty, vnir=every, swir=every)
    (place / f"{L2A}-METADATA.XML").write_text(xml)
    with pytest.warns(EarthloomWarning, match="hold no numbers"):
        image = open_image(place)
    data, valid = image.read()
    assert len(empty) == 43 and image.count == 181 and valid.all()
    known = [centre for centre in image.wavelengths_nm if centre is not None]
    assert known == sorted(known) and len(known) == 181
    red, nir = (int(np.argmin(np.abs(np.array(known) - centre))) for centre in (670, 860))
    index = (data[nir] - data[red]) / (data[nir] + data[red])
    assert 0.2 < np.median(index) < 0.9  # the lawns of a golf club
