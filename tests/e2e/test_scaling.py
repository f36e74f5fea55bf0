"""Sentinel-2, HLS and Landsat files tell what their numbers mean; numbers that cannot be right are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.conftest import Cli, get, grid, put
from tests.e2e.test_align import NAMES, SENSORS, source, wanted
from tests.e2e.test_bad_input import refused

MTD = """<?xml version="1.0"?><n1:Level-2A_User_Product xmlns:n1="x"><n1:General_Info><Product_Info>
<PRODUCT_START_TIME>2022-03-01T10:50:29.024Z</PRODUCT_START_TIME><PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<Datatake><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME></Datatake></Product_Info><Product_Image_Characteristics>
<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>
</QUANTIFICATION_VALUES_LIST>{offsets}</Product_Image_Characteristics></n1:General_Info></n1:Level-2A_User_Product>"""
ADD = "".join(f'<BOA_ADD_OFFSET band_id="{k}">-1000</BOA_ADD_OFFSET>' for k in range(13))


def safe(folder: Path, baseline: str, offsets: str, add: int) -> Path:
    """A SAFE folder of the four 10 m bands."""
    product = folder / f"S2B_MSIL2A_20220301T105029_N{baseline.replace('.', '')}_R051_T31UFT_20220301T134501.SAFE"
    inside = product / "GRANULE" / "L2A_T31UFT" / "IMG_DATA" / "R10m"
    inside.mkdir(parents=True)
    (product / "MTD_MSIL2A.xml").write_text(MTD.format(baseline=baseline, offsets=offsets))
    for band, image in zip(("B02", "B03", "B04", "B08"), source(), strict=True):
        stored = np.where(image == 0, 0, image + add).astype("uint16")
        put(inside / f"T31UFT_20220301T105029_{band}_10m.tif", stored[None], grid(10))
    return product


def test_safe_folders_know_their_offset(tmp_path: Path, cli: Cli) -> None:
    """Old and new baseline come to the same reflectance; sensor and scaling need not be told."""
    products = [safe(tmp_path, "03.01", "", 0), safe(tmp_path, "04.00", ADD, 1000)]
    found = []
    for product in products:
        out = tmp_path / "o.tif"
        done = cli("align", product, "--to", "gaofen1_wfv", "-m", "spectral", "-o", out, "--overwrite")
        assert done.code == 0, done.err
        data, about = get(out)
        assert json.loads(about.tags["EARTHLOOM_ALIGNMENT"])["from"] == "sentinel2b" and about.nodata == 0
        found.append(np.where(data == 0, np.nan, data * about.scales[0] + about.offsets[0]))
    np.testing.assert_allclose(found[0], found[1], atol=1.1e-4)
    broken = safe(tmp_path / "x", "05.09", "", 1000)
    refused(cli("align", broken, "--to", "gaofen1_wfv", "-o", tmp_path / "p.tif"), "05.09", "without offsets")


def cogs(folder: Path, properties: dict[str, Any], bands: dict[str, Any] | None, add: int) -> Path:
    """Band files with a STAC item beside them."""
    folder.mkdir()
    assets = {}
    for band, image in zip(("B02", "B03", "B04", "B08"), source(), strict=True):
        put(folder / f"{band}.tif", np.where(image == 0, 0, image + add).astype("uint16")[None], grid(10))
        assets[band] = {"href": f"https://example.com/a/{band}.tif", **({"raster:bands": [bands]} if bands else {})}
    told = {"datetime": "2022-03-01T10:50:29Z", "platform": "sentinel-2a", **properties}
    (folder / "item.json").write_text(json.dumps({"type": "Feature", "properties": told, "assets": assets}))
    return folder


@pytest.mark.parametrize(
    ("properties", "bands", "add"),
    [
        ({"earthsearch:boa_offset_applied": True}, {"scale": 1e-4, "offset": -0.1, "nodata": 0}, 0),
        ({"earthsearch:boa_offset_applied": False}, {"scale": 1e-4, "offset": -0.1, "nodata": 0}, 1000),
        ({"s2:processing_baseline": "04.00"}, None, 1000),
        ({"s2:processing_baseline": "03.01"}, None, 0),
    ],
)
def test_stac_items_know_their_offset(
    tmp_path: Path, properties: dict[str, Any], bands: dict[str, Any] | None, add: int
) -> None:
    folder = cogs(tmp_path / "scene", properties, bands, add)
    from earthloom.raster.open import open_image

    with open_image(folder) as image:
        data, valid = image.read()
        assert image.sensor == "sentinel2a" and image.count == 4
    np.testing.assert_array_equal(valid, (source() > 0).all(axis=0))
    np.testing.assert_allclose(data[:, valid], source()[:, valid] * 1e-4, atol=1e-6)


def test_suspicious_numbers(tmp_path: Path, cli: Cli) -> None:
    """An offset that nobody took off, one that was taken off twice, and Landsat without its scaling."""
    bright = np.where(source() == 0, 0, source() + 1000).astype("uint16")
    first = put(tmp_path / "s.tif", bright, grid(10), nodata=0, descriptions=NAMES)
    second = put(tmp_path / "t.tif", wanted(), grid(10), nodata=0, descriptions=NAMES)
    call = ("align", first, *SENSORS, "--target", second, "-o", tmp_path / "a.tif")
    refused(cli(*call), "s.tif", "1000", "04.00", "--source-scale 1")
    assert cli(*call, "--source-scale", 1).code == 0
    twice = cogs(tmp_path / "twice", {}, {"scale": 1e-4, "offset": -0.15}, 0)
    refused(cli("align", twice, "--to", "gaofen1_wfv", "-o", tmp_path / "o.tif"), "below 0", "--source-offset 0")
    high = np.where(source() == 0, 0, source() + 7273).astype("uint16")
    put(tmp_path / "l.tif", high, grid(30), nodata=0, descriptions=("B2", "B3", "B4", "B5"))
    flags = ("--from", "landsat8", "--to", "sentinel2a", "-o", tmp_path / "o.tif")
    refused(cli("align", tmp_path / "l.tif", *flags), "Collection 2", "0.0000275")


def test_names_tell_hls_and_landsat(tmp_path: Path) -> None:
    from earthloom.raster.open import open_image

    files = [
        put(tmp_path / f"HLS.L30.T31UFT.2021123T104021.v2.0.{band}.tif", image[None].astype("int16"), grid(30))
        for band, image in zip(("B02", "B03"), source(), strict=False)
    ]
    with open_image(files) as image:
        assert (image.sensor, str(image.acquired), image.nodata) == ("landsat8", "2021-05-03", -9999)
        assert image.scales == (1e-4, 1e-4) and image.names == ("B02", "B03")
    name = "LC09_L2SP_191028_20220308_20220310_02_T1_SR_B4.TIF"
    with open_image(put(tmp_path / name, source()[:1], grid(30))) as image:
        assert (image.sensor, image.scales, image.offsets) == ("landsat9", (2.75e-5,), (-0.2,))


def test_a_folder_of_hls(tmp_path: Path, cli: Cli) -> None:
    """Blue, green, red and near infrared of L30 by their names; S30 is aligned already, and both are not one scene."""
    folder = tmp_path / "scene"
    folder.mkdir()
    name = "HLS.{kind}.T31UFT.2021123T104021.v2.0.{band}.tif"
    for band, image in zip(("B02", "B03", "B04", "B05"), source(), strict=True):
        stored = np.where(image == 0, -9999, image)[None].astype("int16")
        put(folder / name.format(kind="L30", band=band), stored, grid(30), nodata=-9999)
    put(folder / name.format(kind="L30", band="Fmask"), np.zeros((1, 9, 9), "uint8"), grid(30))
    out = tmp_path / "o.tif"
    done = cli("align", folder, "--to", "sentinel2a", "-m", "hls", "-o", out)
    assert done.code == 0, done.err
    data, about = get(out)
    assert about.nodata == -9999 and json.loads(about.tags["EARTHLOOM_ALIGNMENT"])["from"] == "landsat8"
    red = source()[2].astype(float)
    assert np.abs(data[2] - (red - 9) / 0.9765)[red > 0].max() <= 0.6  # the inverse of the published line
    assert (data[:, red == 0] == -9999).all()
    put(folder / name.format(kind="S30", band="B02"), source()[:1].astype("int16"), grid(30), nodata=-9999)
    refused(cli("align", folder, "--to", "sentinel2a", "-m", "hls", "-o", tmp_path / "p.tif"), "L30 and S30")


def test_landsat_by_its_mtl(tmp_path: Path, cli: Cli) -> None:
    """Numbers of Collection 2 are what the MTL file beside them says; the same without it are refused."""
    stored = np.where(source() == 0, 0, (source() * 1e-4 + 0.2) / 2.75e-5).round().astype("uint16")
    lines = ["GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"]
    for band in (2, 3, 4, 5):
        lines += [f"  REFLECTANCE_MULT_BAND_{band} = 2.75e-05", f"  REFLECTANCE_ADD_BAND_{band} = -0.2"]
    lines += ["END_GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"]
    about = ["GROUP = IMAGE_ATTRIBUTES", '  SPACECRAFT_ID = "LANDSAT_8"', "END_GROUP = IMAGE_ATTRIBUTES"]
    text = ["GROUP = LANDSAT_METADATA_FILE", *about, *lines, "END_GROUP = LANDSAT_METADATA_FILE", "END"]
    files = []
    for band, image in zip((2, 3, 4, 5), stored, strict=True):
        files.append(put(tmp_path / f"LC08_L2SP_191028_20220308_20220310_02_T1_SR_B{band}.TIF", image[None], grid(30)))
    mtl = tmp_path / "LC08_L2SP_191028_20220308_20220310_02_T1_MTL.txt"
    mtl.write_text("\n".join(text) + "\n")
    out = tmp_path / "o.tif"
    flags = ("--to", "sentinel2a", "-m", "hls", "-o", out, "--dtype", "float32")
    done = cli("align", *files, *flags)
    assert done.code == 0, done.err
    data, told = get(out)
    assert json.loads(told.tags["EARTHLOOM_ALIGNMENT"])["from"] == "landsat8"
    red = source()[2] * 1e-4
    found = data[2] * told.scales[0] + told.offsets[0]
    np.testing.assert_allclose(found[red > 0], ((red - 0.0009) / 0.9765)[red > 0], atol=5e-5)
