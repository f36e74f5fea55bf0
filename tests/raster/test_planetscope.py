"""PlanetScope as Planet delivers it: names, scales, masks, folders of orders, and what is broken."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from earthloom import sensors
from earthloom.errors import EarthloomWarning, FileError, InputError
from earthloom.raster.formats import format_of, images_in, is_image
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.told import Told
from earthloom.types import Window
from tests.raster.conftest import grid, put

ITEM = "20220301_103456_12_2414"
PS = "http://schemas.planet.com/ps/v1/planet_product_metadata_geocorrected_level"
EIGHT = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")
CENTRES = (443.0, 490.0, 531.0, 565.0, 610.0, 665.0, 705.0, 865.0)
USABLE = ("clear", "snow", "shadow", "haze_light", "haze_heavy", "cloud", "confidence", "udm1")
COEFFICIENTS = (2.0e-5, 2.5e-5, 3.0e-5, 4.0e-5, 5.0e-5, 6.0e-5, 7.0e-5, 8.0e-5)


def scene(folder: Path, name: str, bands: int = 4, item: str = ITEM, **profile: object) -> Path:
    """Band b holds 1000 b, but 0 in its corner."""
    data = np.broadcast_to(1000 * np.arange(1, bands + 1, dtype="uint16")[:, None, None], (bands, 6, 8)).copy()
    data[:, 0, 0] = 0
    folder.mkdir(parents=True, exist_ok=True)
    return put(folder / f"{item}_{name}", data, transform=grid(3), **{"nodata": 0, **profile})


def xml(folder: Path, name: str, bands: int = 4, instrument: str = "PS2", item: str = ITEM, schema: str = PS) -> Path:
    """The elements that are read, nested as Planet nests them; two shortNames, as the platform has one too."""
    each = "".join(
        f"<ps:bandSpecificMetadata><ps:bandNumber>{number}</ps:bandNumber>"
        "<ps:radiometricScaleFactor>0.01</ps:radiometricScaleFactor>"
        f"<ps:reflectanceCoefficient>{one}</ps:reflectanceCoefficient></ps:bandSpecificMetadata>"
        for number, one in reversed(list(enumerate(COEFFICIENTS[:bands], 1)))
    )
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ps:EarthObservation xmlns:ps="{schema}" '
        'xmlns:gml="http://www.opengis.net/gml" xmlns:eop="http://earth.esa.int/eop" version="1.2.1">'
        "<gml:using><eop:EarthObservationEquipment><eop:platform><eop:Platform><eop:shortName>PlanetScope"
        "</eop:shortName><eop:serialIdentifier>2414</eop:serialIdentifier></eop:Platform></eop:platform>"
        f"<eop:instrument><eop:Instrument><eop:shortName>{instrument}</eop:shortName></eop:Instrument>"
        "</eop:instrument><eop:acquisitionParameters><ps:Acquisition><ps:acquisitionDateTime>"
        "2022-03-01T10:34:56+00:00</ps:acquisitionDateTime></ps:Acquisition></eop:acquisitionParameters>"
        f"</eop:EarthObservationEquipment></gml:using><gml:resultOf>{each}</gml:resultOf></ps:EarthObservation>"
    )
    path = folder / f"{item}_{name}"
    path.write_text(text, encoding="utf-8")
    return path


def properties(folder: Path, instrument: str, item: str = ITEM, day: str = "2022-03-01") -> Path:
    plain = {"type": "Feature", "id": item, "properties": {"acquired": f"{day}T10:34:56.12Z", "instrument": instrument}}
    path = folder / f"{item}_metadata.json"
    path.write_text(json.dumps(plain))
    return path


def usable(folder: Path, name: str = "3B_udm2.tif", order: tuple[str, ...] = USABLE, said: bool = True) -> Path:
    """One pixel of each kind: clear, snow, shadow, both hazes, cloud, fill, old cloud alone, a suspect band."""
    classes = dict.fromkeys(USABLE, 0) | {name: np.zeros((3, 3), "uint8") for name in USABLE}
    for at, kind in enumerate(USABLE[:6]):
        classes[kind].flat[at] = 1
    classes["clear"].flat[[7, 8]] = 1
    classes["confidence"][:] = 97
    classes["udm1"].flat[[6, 7, 8]] = (1, 2, 16)
    data = np.stack([classes[kind] for kind in order])
    return put(folder / f"{ITEM}_{name}", data, transform=grid(3), descriptions=order if said else None)


SEEN = [[0, 0, 1], [1, 1, 1], [1, 0, 1]]


def silent(path: Path, **more: object):
    with warnings.catch_warnings():
        warnings.simplefilter("error", EarthloomWarning)
        return open_image(path, **more)


@pytest.mark.parametrize("schema", [PS, "http://schemas.planet.com/ps/v9/of_tomorrow"])
@pytest.mark.parametrize("clip", ["", "_clip"])
def test_radiance_becomes_reflectance_by_the_xml(tmp_path: Path, clip: str, schema: str) -> None:
    path = scene(tmp_path, f"3B_AnalyticMS{clip}.tif")
    xml(tmp_path, f"3B_AnalyticMS_metadata{clip}.xml", schema=schema)
    with silent(path) as image:
        data, valid = image.read()
        np.testing.assert_allclose(data[:, 3, 3], [0.02, 0.05, 0.09, 0.16], rtol=1e-6)
        assert not valid[0, 0] and valid.sum() == 47 and image.nodata == 0
        assert image.names == ("blue", "green", "red", "nir") and image.wavelengths_nm == (485.0, 545.0, 630.0, 820.0)
        assert image.sensor == "planetscope_dove" and image.acquired == date(2022, 3, 1)
        assert image.crs.to_epsg() == 32631 and image.transform == grid(3) and image.shape == (6, 8)
        assert image.tags["quantity"] == "top-of-atmosphere reflectance" and image.tags["scene"] == ITEM
        assert image.tags["instrument"] == "PS2" and image.tags["level"] == "3B" and not image.bad_bands


def test_eight_bands_are_superdove_even_without_metadata(tmp_path: Path) -> None:
    path = scene(tmp_path, "3B_AnalyticMS_SR_8b_harmonized_clip.tif", 8, descriptions=EIGHT)
    with silent(path) as image:
        np.testing.assert_allclose(image.read()[0][:, 2, 2], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], rtol=1e-6)
        assert image.names == EIGHT and image.wavelengths_nm == CENTRES and image.sensor == "planetscope_superdove"
        assert image.acquired == date(2022, 3, 1) and image.tags["harmonized"] == "yes"
        assert image.tags["quantity"] == "surface reflectance"
    with silent(path, bands=["NIR", 6, "coastal_blue"]) as image:
        np.testing.assert_allclose(image.read()[0][:, 2, 2], [0.8, 0.6, 0.1], rtol=1e-6)
        assert image.wavelengths_nm == (865.0, 665.0, 443.0)
    with pytest.raises(InputError, match=r"band swir of .*; expected 1 to 8, or a name out of coastal_blue"):
        open_image(path, bands=["swir"])
    with pytest.raises(InputError, match="as pan; expected an image with a panchromatic band"):
        open_image(path, role="pan")
    assert open_image(path, role="pan", bands=["red"]).count == 1


@pytest.mark.parametrize(
    ("instrument", "sensor", "centres"),
    [
        ("PS2", "planetscope_dove", (485.0, 545.0, 630.0, 820.0)),
        ("PS2.SD", "planetscope_dove_r", (490.5, 566.0, 666.0, 867.0)),
        ("PSB.SD", "planetscope_superdove", (490.0, 565.0, 665.0, 865.0)),
        ("PS1", None, (None,) * 4),
    ],
)
def test_the_instrument_says_which_bands_four_are(
    tmp_path: Path, instrument: str, sensor: str | None, centres: tuple[float | None, ...]
) -> None:
    path = scene(tmp_path, "3B_AnalyticMS_SR.tif")
    properties(tmp_path, instrument)
    with silent(path) as image:
        assert (image.sensor, image.wavelengths_nm) == (sensor, centres)


def test_stac_of_an_order_says_it_too(tmp_path: Path) -> None:
    path = scene(tmp_path, "3B_AnalyticMS_SR.tif")
    stac = {"type": "Feature", "properties": {"datetime": "2022-03-01T10:34:56Z", "instruments": ["PS2.SD"]}}
    (tmp_path / f"{ITEM}.json").write_text(json.dumps(stac))
    assert silent(path).sensor == "planetscope_dove_r" and silent(path).acquired == date(2022, 3, 1)


def test_bands_in_another_order_keep_their_coefficients(tmp_path: Path) -> None:
    path = scene(tmp_path, "3B_AnalyticMS.tif", descriptions=("red", "green", "blue", "nir"))
    xml(tmp_path, "3B_AnalyticMS_metadata.xml")
    with silent(path) as image:
        assert image.names == ("red", "green", "blue", "nir") and image.wavelengths_nm[:3] == (630.0, 545.0, 485.0)
        np.testing.assert_allclose(image.read()[0][:, 1, 1], [0.03, 0.05, 0.06, 0.16], rtol=1e-6)


def test_only_the_xml_of_the_same_bands_gives_coefficients(tmp_path: Path) -> None:
    path = scene(tmp_path, "3B_AnalyticMS.tif")
    xml(tmp_path, "3B_AnalyticMS_8b_metadata.xml", 8, "PSB.SD")
    xml(tmp_path, "3B_AnalyticMS_metadata.xml", item="20220301_103458_12_2414")
    with pytest.warns(EarthloomWarning, match=r"no XML beside it .* radiance in W m-2 sr-1 um-1") as said:
        image = open_image(path)
    assert len(said) == 1 and image.sensor == "planetscope_superdove"
    np.testing.assert_allclose(image.read()[0][:, 1, 1], [10, 20, 30, 40], rtol=1e-6)
    assert image.tags["quantity"] == "radiance" and image.tags["unit"] == "W m-2 sr-1 um-1"
    np.testing.assert_allclose(silent(path, scale=2.0).read()[0][:, 1, 1], [2000, 4000, 6000, 8000])


@pytest.mark.parametrize(
    ("name", "value", "said"), [("DN", 1000.0, "counts of the detector"), ("toar_clip", 0.1, "reflectance times 10000")]
)
def test_other_products_say_what_they_are(tmp_path: Path, name: str, value: float, said: str) -> None:
    xml(tmp_path, "3B_AnalyticMS_metadata.xml")
    with pytest.warns(EarthloomWarning, match=said):
        image = open_image(scene(tmp_path, f"3B_AnalyticMS_{name}.tif"))
    np.testing.assert_allclose(image.read()[0][0, 1, 1], value, rtol=1e-6)
    assert image.acquired == date(2022, 3, 1)


@pytest.mark.parametrize("said", [True, False])
def test_usable_data_masks_say_what_is_unseen(tmp_path: Path, said: bool) -> None:
    """Snow is seen; bit 1 of the last band, the old clouds, counts for nothing."""
    path = scene(tmp_path, "3B_AnalyticMS_SR.tif")
    mask = usable(tmp_path, said=said)
    for given in (path, mask, tmp_path):
        with open_mask(given) as image:
            data, valid = image.read()
            assert data.tolist() == [SEEN] and valid.all() and image.count == 1
            assert image.read(Window(1, 0, 2, 2))[0].tolist() == [[[1, 1], [1, 0]]]
            assert image.decimated()[0].tolist() == [SEEN]
            assert pickle.loads(pickle.dumps(image)).read()[0].tolist() == [SEEN]
    assert open_image(mask).count == 8


def test_masks_go_by_the_names_of_their_bands_and_by_what_the_user_says(tmp_path: Path) -> None:
    scene(tmp_path, "3B_AnalyticMS_SR.tif")
    usable(tmp_path, order=USABLE[::-1])
    assert open_mask(tmp_path).read()[0].tolist() == [SEEN]
    told = Told(mask_values=(0,))  # not clear, snow too
    assert told.cloudy(open_mask(tmp_path, told).read()[0])[0].tolist() == [[0, 1, 1], [1, 1, 1], [1, 0, 0]]
    told = Told(mask_bits=(1,))
    assert told.cloudy(open_mask(tmp_path, told).read()[0])[0].ravel().nonzero()[0].tolist() == [7]


def test_the_mask_before_udm2_and_none(tmp_path: Path) -> None:
    path = scene(tmp_path, "3B_AnalyticMS.tif")
    with pytest.raises(InputError, match=r"3B_AnalyticMS.tif without a mask; expected a file .*_udm2.tif beside it"):
        open_mask(path)
    old = np.array([[[0, 1, 2], [4, 64, 0]]], "uint8")
    put(tmp_path / f"{ITEM}_3B_AnalyticMS_DN_udm.tif", old, transform=grid(3))
    with pytest.warns(EarthloomWarning, match="before UDM2 knows no shadows"):
        assert open_mask(path).read()[0].tolist() == [[[0, 1, 1], [1, 1, 0]]]
    usable(tmp_path, "3B_udm2_clip.tif")
    assert open_mask(path).read()[0].tolist() == [SEEN]  # clipped or not, UDM2 goes first
    put(tmp_path / f"{ITEM}_3B_udm2.tif", np.zeros((3, 3, 3), "uint8"), transform=grid(3))
    with pytest.raises(InputError, match=r"udm2.tif of 3 bands; expected 8, as Planet delivers it"):
        open_mask(path)


def test_an_order_is_its_only_scene(tmp_path: Path) -> None:
    order = tmp_path / "sites_psscene_analytic_8b_sr_udm2"
    path = scene(order / "PSScene", "3B_AnalyticMS_SR_8b.tif", 8)
    usable(order / "PSScene")
    properties(order / "PSScene", "PSB.SD")
    (order / "manifest.json").write_text('{"name": "", "files": []}')
    for given in (order, order / "PSScene"):
        assert format_of(str(given)).name == "planetscope" and is_image(given)
        with silent(given) as image:
            assert image.paths == (str(path),)
    packed = tmp_path / "sites_psscene_analytic_8b_sr_udm2.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for one in sorted(order.rglob("*.*")):
            archive.write(one, one.relative_to(order))
    assert is_image(packed)
    with silent(packed) as image, open_mask(packed) as mask:
        np.testing.assert_allclose(image.read()[0][:, 2, 2], 0.1 * np.arange(1, 9), rtol=1e-6)
        assert image.sensor == "planetscope_superdove" and mask.read()[0].tolist() == [SEEN]


def test_of_several_images_of_a_scene_surface_reflectance_is_taken_and_it_is_said(tmp_path: Path) -> None:
    for name, bands in (("AnalyticMS", 4), ("AnalyticMS_SR", 4), ("AnalyticMS_SR_8b", 8), ("AnalyticMS_8b", 8)):
        scene(tmp_path / ITEM, f"3B_{name}.tif", bands)
    scene(tmp_path / ITEM, "3B_Visual.tif")
    with pytest.warns(EarthloomWarning, match="holds 4 images of one scene; .*_SR_8b.tif is taken"):
        assert open_image(tmp_path / ITEM).count == 8


def test_many_scenes_are_a_series_and_other_files_are_left_alone(tmp_path: Path) -> None:
    for item in (ITEM, "20220303_103501_1_0f2d"):
        scene(tmp_path / "PSScene", "3B_AnalyticMS_SR.tif", item=item)
    assert not is_image(tmp_path / "PSScene") and len(images_in(tmp_path / "PSScene")) == 2
    scene(tmp_path / "mixed", "3B_AnalyticMS_SR.tif")
    put(tmp_path / "mixed" / "dem.tif", np.ones((1, 2, 2), "uint8"))
    assert not is_image(tmp_path / "mixed")
    ours = format_of(f"{ITEM}_3B_AnalyticMS.tif")
    for other in (
        "3241621_2017-03-05_RE4_3A_Analytic.tif", "20190109_015005_ssc4_u0001_analytic.tif", "composite.tif",
        "1056417_2018-01-05_1032_BGRN_Analytic.tif", f"{ITEM}_3B_Visual.tif", f"{ITEM}_3B_AnalyticMS_ndvi.tif",
        "x" * 300 + ".tif", "", "\0", "https://planet.com/scene.tif",
    ):  # fmt: skip
        assert not ours.claims(other), other
    for name in (f"{ITEM}_3B_ANALYTICMS_SR.TIF", "20151027_145652_1_0b0d_1B_AnalyticMS_8b.tif", f"{ITEM}_3B_udm2.tif"):
        assert ours.name == "planetscope" and ours.claims(name), name


@pytest.mark.parametrize(
    ("bundle", "scale", "said"),
    [
        ("analytic_8b_sr_udm2", 1e-4, None),
        ("analytic_8b_udm2", 0.01, "radiance in W m-2"),
        (None, 1.0, "nothing tells what its numbers mean"),
    ],
)
def test_composites_go_by_the_manifest(tmp_path: Path, bundle: str | None, scale: float, said: str | None) -> None:
    for item in (ITEM, "20220301_103458_40_2414"):
        properties(tmp_path, "PSB.SD", item)
        xml(tmp_path, "3B_AnalyticMS_8b_metadata.xml", 8, "PSB.SD", item)
    path = scene(tmp_path, "x.tif", 8).rename(tmp_path / "composite.tif")
    usable(tmp_path).rename(tmp_path / "composite_udm2.tif")
    if bundle is not None:
        files = [{"path": "PSScene/composite.tif", "annotations": {"planet/bundle_type": bundle}}]
        (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = open_image(tmp_path)
    assert [said in str(one.message) for one in caught] == ([] if said is None else [True])
    np.testing.assert_allclose(image.read()[0][:, 1, 1], 1000 * scale * np.arange(1, 9), rtol=1e-6)
    assert image.sensor == "planetscope_superdove" and image.acquired == date(2022, 3, 1)
    assert open_mask(path).read()[0].tolist() == [SEEN]
    properties(tmp_path, "PSB.SD", "20220301_103458_40_2414", "2022-03-02")
    assert open_image(path, scale=1.0).acquired is None  # of no one day


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[: len(text) // 2], "cannot be read: .*; expected the metadata of a Planet scene; get it"),
        (lambda text: "", "cannot be read: no element found"),
        (lambda text: text.replace("<ps:bandNumber>3", "<ps:bandNumber>red"), "cannot be read: invalid literal"),
        (lambda text: text.replace("<ps:bandNumber>3", "<ps:bandNumber>7"), "no reflectanceCoefficient of band 3"),
        (lambda text: text.replace(">4e-05<", ">-1<"), "coefficient -1"),
        (lambda text: text.replace("2022-03-01T", "yesterday"), "the day 'yesterday1'"),
        (lambda text: text.replace("?>", '?><!DOCTYPE a [<!ENTITY b "c">]>'), "it defines entities"),
    ],
)
def test_a_broken_xml_is_one_line(tmp_path: Path, change, said: str) -> None:
    path = scene(tmp_path, "3B_AnalyticMS.tif")
    told = xml(tmp_path, "3B_AnalyticMS_metadata.xml")
    told.write_text(change(told.read_text()))
    with pytest.raises(FileError, match=said, check=lambda error: "\n" not in str(error)):
        open_image(path)


def test_what_is_broken_is_one_line(tmp_path: Path) -> None:
    path = scene(tmp_path, "3B_AnalyticMS_SR.tif")
    for text in ('{"properties": {"acqu', "[1, 2]"):
        (tmp_path / f"{ITEM}_metadata.json").write_text(text)
        with pytest.raises(
            FileError, match=r"metadata.json cannot be read", check=lambda error: "\n" not in str(error)
        ):
            open_image(path)
    (tmp_path / f"{ITEM}_metadata.json").unlink()
    with pytest.raises(InputError, match="of 4 bands; expected 8 bands"):
        open_image(path.rename(tmp_path / f"{ITEM}_3B_AnalyticMS_SR_8b.tif"))
    never = scene(tmp_path, "3B_AnalyticMS_SR.tif", item="20221301_103456_12_2414")
    with pytest.raises(FileError, match="the day '20221301'"):
        open_image(never)
    with pytest.raises(FileError, match="does not exist"):
        open_image(tmp_path / f"{ITEM}_3B_AnalyticMS.tif")
    whole = never.read_bytes()
    cut = tmp_path / "cut" / f"{ITEM}_3B_AnalyticMS_SR.tif"
    cut.parent.mkdir()
    for keep in (0, 100, len(whole) - 200):
        cut.write_bytes(whole[:keep])
        with pytest.raises(FileError, match=r"AnalyticMS_SR.tif", check=lambda error: "\n" not in str(error)):
            open_image(cut).read()


def test_sensors_are_found_by_what_planet_calls_them() -> None:
    found = [sensors.load(name).name for name in ("SuperDove", "psb.sd", "PS2", "PS2.SD", "Dove-R", "Dove")]
    assert found == [f"planetscope_{n}" for n in ("superdove", "superdove", "dove", "dove_r", "dove_r", "dove")]
    assert [band.centre_nm for band in sensors.load("SuperDove").bands] == list(CENTRES)
    four = sensors.match_bands("SuperDove", 4)
    assert [(band.name, band.fwhm_nm) for band in four] == [("blue", 50), ("green", 36), ("red", 31), ("nir", 40)]
