"""Sentinel-2, HLS and Landsat as they are delivered: folders and archives, every pixel size, their masks."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from earthloom import decloud, pansharpen
from earthloom.errors import InputError
from earthloom.raster.formats import images_in, is_image
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.told import Told
from tests.contract.formats.samples import MTL

from .conftest import put

UTM = "EPSG:32633"
NAME = "S2A_MSIL2A_20240512T100031_N0510_R122_T33UUB_20240512T151205"
XML = """<n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
<n1:General_Info><Product_Info><PRODUCT_START_TIME>2024-05-12T10:00:31.024Z</PRODUCT_START_TIME>
<PROCESSING_BASELINE>05.10</PROCESSING_BASELINE><Datatake><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME></Datatake>
</Product_Info><Product_Image_Characteristics><QUANTIFICATION_VALUES_LIST>
<BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>
<BOA_ADD_OFFSET_VALUES_LIST>{}</BOA_ADD_OFFSET_VALUES_LIST></Product_Image_Characteristics></n1:General_Info>
</n1:Level-2A_User_Product>"""
CLASSES = np.array([[4, 5, 8, 9], [3, 10, 0, 1], [2, 6, 7, 11]], "uint8")  # of SCL
UNSEEN = np.array([[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]])


def safe(folder: Path) -> Path:
    """A product of Level 2A: bands of 10 and 20 m and the scene classification, in GeoTIFF for JPEG 2000."""
    place = folder / f"{NAME}.SAFE"
    data = place / "GRANULE" / "L2A_T33UUB_A046430_20240512T100029" / "IMG_DATA"
    offsets = "".join(f'<BOA_ADD_OFFSET band_id="{i}">-1000</BOA_ADD_OFFSET>' for i in range(13))
    for metres, bands, side in ((10, ("B02", "B03", "B04", "B08"), 24), (20, ("B02", "B05", "B8A", "B11"), 12)):
        (data / f"R{metres}m").mkdir(parents=True)
        for at, band in enumerate(bands):
            numbers = np.full((1, side, side), 2000 + 100 * at, "uint16")
            numbers[:, :2, :2] = 0
            grid = Affine(metres, 0, 300000, 0, -metres, 5900000)
            put(data / f"R{metres}m" / f"T33UUB_20240512T100031_{band}_{metres}m.tif", numbers, crs=UTM, transform=grid)
    scl = np.kron(CLASSES, np.ones((4, 3), "uint8"))[None]
    grid = Affine(20, 0, 300000, 0, -20, 5900000)
    put(data / "R20m" / "T33UUB_20240512T100031_SCL_20m.tif", scl, crs=UTM, transform=grid)
    (place / "MTD_MSIL2A.xml").write_text(XML.format(offsets))
    return place


def packed(place: Path) -> Path:
    """The same as a zip archive, its folder removed."""
    path = place.with_suffix(".SAFE.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(place.rglob("*")):
            archive.write(file, file.relative_to(place.parent))
            if file.is_file():
                file.unlink()
    return path


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_safe_product(tmp_path: Path, as_zip: bool) -> None:
    place = packed(safe(tmp_path)) if as_zip else safe(tmp_path)
    assert is_image(place)
    with open_image(place) as image:
        assert image.names == ("B02", "B03", "B04", "B08") and image.shape == (24, 24)
        assert image.sensor == "sentinel2a" and str(image.acquired) == "2024-05-12"
        data, valid = image.read()
        np.testing.assert_allclose(data[:, 5, 5], [0.1, 0.11, 0.12, 0.13], atol=1e-6)  # (2000 - 1000) / 10000, ...
        assert not valid[:2, :2].any() and valid[2:].all()
    with open_image(place, bands=["B8A", 11, "B05"]) as image:
        assert image.names == ("B8A", "B11", "B05") and image.transform.a == 20
        np.testing.assert_allclose(image.read()[0][:, 5, 5], [0.12, 0.13, 0.11], atol=1e-6)
    with open_mask(place) as mask:
        data, valid = mask.read()
        assert valid.all() and mask.count == 1
        np.testing.assert_array_equal(data[0], np.kron(UNSEEN, np.ones((4, 3))))
    with open_mask(place, Told(mask_values=(8,))) as raw:
        np.testing.assert_array_equal(raw.read()[0][0], np.kron(CLASSES, np.ones((4, 3))))


def test_clouds_of_its_own_classification(tmp_path: Path) -> None:
    """The mask of 20 m lies on the image of 10 m; what it calls cloud is replaced and nothing else."""
    place = packed(safe(tmp_path))
    decloud(place, mask=place, method="inpaint", output=tmp_path / "clear.tif")
    cloud = np.kron(UNSEEN, np.ones((8, 6))).astype(bool)
    with rasterio.open(tmp_path / "clear.tif") as clear, open_image(place) as image:
        stored = clear.read()
        same = ~cloud
        same[:2, :2] = False
        np.testing.assert_array_equal(stored[0][same], 2000)
        assert image.read()[1][same].all()


def test_masks_of_hls(tmp_path: Path) -> None:
    stem = "HLS.S30.T33UUB.2024133T100031.v2.0"
    for band in ("B02", "B03", "B04", "B8A"):
        put(tmp_path / f"{stem}.{band}.tif", np.full((1, 6, 4), 900, "int16"), nodata=-9999)
    bits = np.zeros((1, 6, 4), "uint8")
    bits[0, 0] = [0, 2, 4, 8]  # clear, cloud, beside cloud, shadow
    bits[0, 1] = [32, 64, 192, 16]  # water and aerosol and snow are ground
    put(tmp_path / f"{stem}.Fmask.tif", bits)
    with open_mask(tmp_path) as mask:
        assert mask.read()[0][0, 0].tolist() == [0, 1, 1, 1] and not mask.read()[0][0, 1:].any()
    (tmp_path / f"{stem}.Fmask.tif").unlink()
    with pytest.raises(InputError, match=r"without a mask; expected a scene classification \(SCL\) or Fmask"):
        open_mask(tmp_path)


def landsat(folder: Path) -> Path:
    """A tar of Landsat 8, Collection 2 Level 1, with its PAN."""
    scene = "LC08_L1TP_191024_20240512_20240514_02_T1"
    lines, files = [], []
    for band in "123456789":
        side, metres = (24, 15) if band == "8" else (12, 30)
        waves = 9000 + 100 * int(band) + np.arange(side * side).reshape(1, side, side) % 7
        offset = 7.5 if band == "8" else 0.0  # corners of PAN pixels lie half a pixel inside those of the others
        grid = Affine(metres, 0, 300000 + offset, 0, -metres, 5900000 - offset)
        files.append(put(folder / f"{scene}_B{band}.TIF", waves.astype("uint16"), crs=UTM, transform=grid))
        lines += [f"    REFLECTANCE_MULT_BAND_{band} = 2.0E-5\n    REFLECTANCE_ADD_BAND_{band} = -0.1\n"]
    quality = np.zeros((1, 12, 12), "uint16")
    quality[0, 0, :6] = [21824, 21826, 22280, 23888, 1, 21952]  # clear, dilated, cloud, shadow, fill, water
    grid = Affine(30, 0, 300000, 0, -30, 5900000)
    files.append(put(folder / f"{scene}_QA_PIXEL.TIF", quality, crs=UTM, transform=grid))
    mtl = MTL.replace("LANDSAT_7", "LANDSAT_8").replace("2001-05-06", "2024-05-12")
    files.append(folder / f"{scene}_MTL.txt")
    files[-1].write_text(mtl.format("".join(lines)))
    path = folder / f"{scene}.tar"
    with tarfile.open(path, "w") as archive:
        for file in files:
            archive.add(file, file.name)
            file.unlink()
    return path


def test_a_tar_of_landsat_is_sharpened_by_its_own_pan(tmp_path: Path) -> None:
    path = landsat(tmp_path)
    assert images_in(tmp_path) == [path]
    with open_image(path) as image, open_image(path, role="pan") as pan:
        assert image.names == tuple(f"B{n}" for n in "12345679") and pan.names == ("B8",)
        assert image.sensor == "landsat8" and str(image.acquired) == "2024-05-12"
        np.testing.assert_allclose(image.read()[0][1, 0, 0], 2e-5 * 9200 - 0.1, rtol=1e-5)  # the sun in the zenith
    with open_mask(path) as mask:
        assert mask.read()[0][0, 0, :6].tolist() == [0, 1, 1, 1, 1, 0]
    pansharpen(path, method="brovey", output=tmp_path / "sharp.tif")
    with rasterio.open(tmp_path / "sharp.tif") as sharp:
        assert sharp.count == 8 and sharp.transform.a == 15
    with pytest.raises(InputError, match=r"sharp.tif alone; expected `ms` beside it"):
        pansharpen(tmp_path / "sharp.tif")
    with pytest.raises(InputError, match="a PAN alone"):
        pansharpen(np.ones((8, 8)))
