"""Files as they come: conditions that people report, each with the value that is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint

import earthloom
from earthloom.errors import EarthloomWarning, FileError, InputError
from earthloom.prepare.superresolution.bands import bands_at
from earthloom.raster.facts import examine
from earthloom.raster.formats import images_below, images_in, is_image
from earthloom.raster.handles import quietly
from earthloom.raster.listing.sights import read_sights
from earthloom.raster.names import generic
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.wavelengths import in_nm
from earthloom.raster.write.place import BESIDE, forget_earlier
from earthloom.raster.write.stac import bbox_of, footprint_covers, geojson_footprint

from .conftest import Pair, fine_truth, get, grid, observed, put

Make = Callable[..., Pair]
STALE = """<PAMDataset><SRS>EPSG:32631</SRS><GeoTransform>6e5, 2, 0, 5.1e6, 0, -2</GeoTransform>
<PAMRasterBand band="1"><NoDataValue>700</NoDataValue></PAMRasterBand></PAMDataset>"""


def same(first: Any, second: Any) -> None:
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


# What lies beside


def test_what_an_earlier_file_left_does_not_rule_the_product(pair: Make) -> None:
    made = pair()
    beside = [made.out.with_name(made.out.name + ending) for ending in BESIDE] + [made.out.with_suffix(".tfw")]
    for one in beside:
        one.write_text(STALE if one.suffix == ".xml" else "1\n0\n0\n-1\n0\n0\n")
    earthloom.pansharpen(made.pan, made.ms, "exp", output=made.out)
    assert get(made.out)[1].transform == grid(1) and get(made.out)[1].nodata is None
    assert os.listdir(made.out.parent) == [made.out.name]


def test_what_may_be_of_another_image_stays(tmp_path: Path) -> None:
    for name in ("a.dat", "a.hdr", "a.wld", "b.wld", "b.tfw", "c.prj"):
        (tmp_path / name).write_text("")
    for name in "abc":
        forget_earlier(tmp_path / f"{name}.tif")
    assert sorted(os.listdir(tmp_path)) == ["a.dat", "a.hdr", "a.wld", "c.prj"]


def test_a_name_without_an_ending_is_the_stem_of_others(tmp_path: Path) -> None:
    for name in ("out.tif", "out.tfw", "out.wld", "out.ovr"):
        (tmp_path / name).write_text("")
    forget_earlier(tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["out.tfw", "out.tif", "out.wld"]


def test_only_items_of_that_image_go(tmp_path: Path) -> None:
    item = {"stac_version": "1.0.0", "assets": {"image": {"href": "./a.tif"}}}
    (tmp_path / "a.json").write_text(json.dumps(item))
    (tmp_path / "b.json").write_text(json.dumps(item))
    (tmp_path / "c.json").write_text("no JSON")
    for name in "abc":
        forget_earlier(tmp_path / f"{name}.tif")
    assert sorted(os.listdir(tmp_path)) == ["b.json", "c.json"]


# Which band is it


@pytest.mark.parametrize("called", ["Band {}", "band_{}", "{}", "Layer_{}", "B {}", "{}.0", "band{:02d}"])
@pytest.mark.parametrize("first", [0, 1])
def test_generic_names_number_the_file(called: str, first: int, tmp_path: Path) -> None:
    names = [called.format(number) for number in range(first, first + 4)]
    assert generic(names)
    image = (fine_truth((48, 48), 4) * 1.5).round().astype("uint16")
    how = {"source_sensor": "gaofen1_wfv", "target_sensor": "landsat8", "method": "spectral", "source_scale": 1e-4}
    plain = earthloom.align(put(tmp_path / "plain.tif", image, grid(10)), **how)
    told = earthloom.align(put(tmp_path / "told.tif", image, grid(10), descriptions=names), **how)
    assert list(told.band.to_numpy()) == list(plain.band.to_numpy())
    same(told, plain)


def test_names_of_a_sensor_are_not_generic() -> None:
    assert not any(map(generic, (["B2", "B3", "B4", "B8"], ["8", "4", "3", "2"], ["blue", "green"], ["1", ""], [])))


# What lies where


@pytest.mark.parametrize("placed", ["gcps", "rpcs"])
def test_a_place_that_is_not_used_is_said(placed: str, pair: Make) -> None:
    made = pair(of_pan={"transform": None, "crs": None}, of_ms={"transform": None, "crs": None})
    with quietly(), rasterio.open(made.ms, "r+") as file:
        if placed == "gcps":
            corners = [(0, 0), (0, 32), (24, 0), (24, 32)]
            points = [GroundControlPoint(row, col, 4e5 + 4 * col, 5e6 - 4 * row) for row, col in corners]
            file.gcps = (points, rasterio.crs.CRS.from_epsg(32633))
        else:
            flat = {"line_off": 12, "samp_off": 16, "lat_off": 45, "long_off": 15, "height_off": 0, "line_scale": 12}
            flat |= {"samp_scale": 16, "lat_scale": 1, "long_scale": 1, "height_scale": 1}
            one = [1.0] + [0.0] * 19
            file.rpcs = rasterio.rpc.RPC(
                **flat, line_num_coeff=one, line_den_coeff=one, samp_num_coeff=one, samp_den_coeff=one
            )
    with pytest.warns(EarthloomWarning, match=r"ms\.tif is placed by .* alone.* lies nowhere"):
        earthloom.pansharpen(made.pan, made.ms, "exp", output=made.out)


def test_a_geotransform_without_a_crs_is_a_place(tmp_path: Path) -> None:
    truth = fine_truth((64, 96), 4)
    mask = np.zeros((1, 64, 96), "uint8")
    mask[:, 20:34, 30:50] = 1
    optical = put(tmp_path / "o.tif", truth.round().astype("uint16"), grid(10), crs=None)
    clouds = put(tmp_path / "m.tif", mask, grid(10), crs=None)
    earthloom.decloud(optical, mask=clouds, output=tmp_path / "d.tif")
    assert get(tmp_path / "d.tif")[1].transform == grid(10)
    coarse = [put(tmp_path / f"c{n}.tif", observed(truth * n, 8)[1], grid(80), crs=None) for n in (1, 2)]
    day = {"dates": ["2020-01-01"], "date": "2020-01-09", "coregister": "off"}
    earthloom.predict([(optical, coarse[0])], coarse[1], "copy", output=tmp_path / "p.tif", **day)
    assert get(tmp_path / "p.tif")[1].transform == grid(10)
    other = put(tmp_path / "t.tif", (truth * 0.9)[:, :, 4:].copy(), grid(10, east=40), crs=None)  # of another place
    sensors = {"source_sensor": "sentinel2a", "target_sensor": "gaofen1_wfv", "method": "ols"}
    earthloom.align(optical, target=other, output=tmp_path / "a.tif", **sensors)
    assert get(tmp_path / "a.tif")[1].transform == grid(10)


def test_rows_from_the_south_are_judged_as_they_lie(tmp_path: Path) -> None:
    truth = fine_truth((48, 64)).round().astype("uint16")
    north = put(tmp_path / "n.tif", truth, grid(1))
    up = Affine(1, 0, grid(1).c, 0, 1, grid(1).f - 48)
    south = put(tmp_path / "s.tif", truth[:, ::-1].copy(), up)
    for product, reference in ((north, south), (south, north)):
        assert earthloom.evaluate(product, reference, ratio=4).figures["rmse"] == 0


def test_a_crs_that_leads_nowhere_is_one_line(pair: Make) -> None:
    local = 'ENGCRS["here",EDATUM["here"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
    made = pair(of_ms={"crs": local})
    with pytest.raises(FileError, match=r"ms\.tif cannot be resampled") as refused:
        earthloom.pansharpen(made.pan, made.ms)
    assert len(str(refused.value)) < 300


SPLIT = {"type": "MultiPolygon", "coordinates": [
    [[[179.5, -17], [180, -17], [180, -16], [179.5, -16], [179.5, -17]]],
    [[[-180, -17], [-179.5, -17], [-179.5, -16], [-180, -16], [-180, -17]]],
]}  # fmt: skip
WHOLE = {"type": "Polygon", "coordinates": [[[179.5, -17], [-179.5, -17], [-179.5, -16], [179.5, -16], [179.5, -17]]]}
BEYOND = {"type": "Polygon", "coordinates": [[[179.5, -17], [180.5, -17], [180.5, -16], [179.5, -16], [179.5, -17]]]}


@pytest.mark.parametrize("geometry", [SPLIT, WHOLE, BEYOND, None])
def test_the_antimeridian_is_no_end(geometry: Any) -> None:
    item = {"geometry": geometry, "bbox": [179.5, -17, -179.5, -16]}
    for lon, inside in ((179.8, True), (-179.8, True), (180, True), (179.4, False), (-179.4, False), (0, False)):
        assert footprint_covers(item, (lon, -16.5)) is inside, lon
    assert not footprint_covers(item, (179.8, -15))


def test_an_outline_of_the_globe_covers_it() -> None:
    globe = {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]}
    for item in ({"geometry": globe}, {"bbox": [-180, -90, 180, 90]}):
        assert all(footprint_covers(item, (lon, 10)) for lon in (-179.9, -90, 0, 10, 179.9))


def test_an_outline_over_the_antimeridian_is_split() -> None:
    from rasterio.warp import transform

    x, y = transform("EPSG:4326", "EPSG:32660", [180.0], [52.0])
    place = Affine(30, 0, x[0] - 1500, 0, -30, y[0] + 1500)
    outline = geojson_footprint(rasterio.crs.CRS.from_epsg(32660), place, (100, 100))
    assert outline is not None and outline["type"] == "MultiPolygon"
    west, south, east, north = bbox_of(outline)
    assert west > 179.9 and east < -179.9 and 51.9 < south < north < 52.1
    for lon, inside in ((179.99, True), (-179.99, True), (179.9, False), (-179.9, False)):
        assert footprint_covers({"geometry": outline}, (lon, 52.0)) is inside


# What is nothing


def test_codes_of_each_band_survive_a_warp(tmp_path: Path) -> None:
    from rasterio.warp import transform

    truth = fine_truth((96, 96), 3).round()
    names = []
    for band, code in enumerate((0, 65535, 7777)):
        own = truth[band].copy()
        own[10 + 20 * band : 18 + 20 * band, 30:40] = code
        names.append(put(tmp_path / f"b{band}.tif", own[None].astype("uint16"), grid(10), nodata=code))
    east, north = transform("EPSG:32633", "EPSG:32632", [grid(10).c], [grid(10).f])
    there = Affine(10, 0, east[0], 0, -10, north[0])
    with open_image(names) as image:
        warped = image.warped(rasterio.crs.CRS.from_epsg(32632), there, (90, 90), "cubic")
        data, valid = warped.read()
    assert 0.97 > valid.mean() > 0.3 and data[:, valid].max() < 1.2 * truth.max()
    assert data[:, valid].min() > 0.8 * truth.min()


@pytest.mark.parametrize("code", [-9999.0, 1e10, 0.5])
def test_a_code_that_no_pixel_can_hold_marks_none(code: float, tmp_path: Path) -> None:
    path = put(tmp_path / "a.tif", np.arange(64, dtype="uint16").reshape(1, 8, 8), grid(1))
    with open_image(path, nodata=code) as image:
        assert image.read()[1].all()


@pytest.mark.parametrize("stored", [-3.4028235e38, -3.4e38, 3.4028235e38, -1.79e308])
@pytest.mark.parametrize("tag", [-3.40282e38, None])
def test_huge_numbers_are_no_measurements(stored: float, tag: float | None, tmp_path: Path) -> None:
    kind = "float64" if abs(stored) > 1e39 else "float32"
    data = np.ones((2, 8, 8), kind)
    data[:, 2:4, 3:5] = stored
    tag = tag if tag is None or kind == "float64" else float(np.float32(tag))
    with open_image(put(tmp_path / "a.tif", data, grid(1), nodata=tag)) as image:
        values, valid = image.read()
    assert valid.sum() == 60 and not valid[2:4, 3:5].any() and np.abs(values).max() == 1


def test_near_infrared_over_water_is_a_band(tmp_path: Path) -> None:
    image = fine_truth((96, 96), 4)
    image = (image - image.min()) / np.ptp(image) * 150 + 20
    image[3, :, :60] = 0
    path = put(tmp_path / "sea.tif", image.astype("uint8"), grid(1))
    with pytest.warns(EarthloomWarning, match="marked as alpha but holds no mask"), open_image(path) as opened:
        assert opened.count == 4 and opened.read()[1].all()


@pytest.mark.parametrize("on", [1, 255])
def test_alpha_is_a_mask(on: int, tmp_path: Path) -> None:
    image = np.full((4, 96, 96), 90, "uint8")
    image[3] = on
    image[3, :30] = 0
    with open_image(put(tmp_path / "rgba.tif", image, grid(1))) as opened:
        assert opened.count == 3 and opened.read()[1].sum() == 66 * 96


@pytest.mark.parametrize("values", [None, (0,)])
def test_a_mask_whose_code_is_0(values: tuple[float, ...] | None, tmp_path: Path) -> None:
    """Clouds are 1 and 0 is declared missing, or clear ground is 1 and 0, the clouds, is declared missing."""
    mask = np.zeros((1, 64, 96), "uint8")
    mask[:, 20:34, 30:50] = 1
    mask = mask if values is None else 1 - mask
    truth = fine_truth((64, 96), 4).round().astype("uint16")
    optical = put(tmp_path / "o.tif", truth, grid(10))
    made = [
        earthloom.decloud(optical, mask=put(tmp_path / f"m{code}.tif", mask, grid(10), nodata=code), mask_values=values)
        for code in (None, 0)
    ]
    same(*made)
    assert not np.array_equal(made[0].to_numpy(), truth)
    with open_mask(tmp_path / "m0.tif") as opened:
        assert opened.nodata is None and opened.read()[1].all()


def test_landsat_fill_needs_no_metadata(tmp_path: Path) -> None:
    name = "LC08_L1TP_191028_20200308_20200822_02_T1_B4.TIF"
    data = np.full((1, 8, 8), 9000, "uint16")
    data[:, :2] = 0
    with open_image(put(tmp_path / name, data, grid(30))) as image:
        assert image.nodata == 0 and image.read()[1].sum() == 48


def test_holes_of_decloud_have_a_code_and_zeros_stay(tmp_path: Path) -> None:
    truth = fine_truth((64, 96), 4).round().astype("uint16")
    truth[:, 5:9, 5:9] = 0  # clear, and dark
    mask = np.zeros((1, 64, 96), "uint8")
    mask[:, 20:34, 30:50] = 1
    sar = np.stack([-12 + truth[0] / 500, -18 + truth[1] / 500]).astype("float32")
    sar[:, :, :40] = np.nan
    given = {
        "optical": put(tmp_path / "o.tif", truth, grid(10)), "mask": put(tmp_path / "m.tif", mask, grid(10)),
        "sar": put(tmp_path / "s.tif", sar, grid(10)),
    }  # fmt: skip
    with pytest.warns(EarthloomWarning, match="2.28 % of the pixels lay under clouds and are missing"):
        data, about = get(earthloom.decloud(**given, method="sar_regression", output=tmp_path / "d.tif"))
    assert about.nodata == 65535
    assert (data[:, 20:34, 30:40] == 65535).all() and (data[:, 20:34, 40:50] < 65535).all()
    same(data[:, mask[0] == 0], truth[:, mask[0] == 0])


def test_bands_of_one_code_are_resampled_together(tmp_path: Path) -> None:
    """NaN is one code, though no NaN equals another."""
    for code, parts in ((np.nan, 1), (-1.0, 1)):
        path = put(tmp_path / "a.tif", np.ones((3, 8, 8), "float32"), grid(10), nodata=code)
        with open_image(path) as image:
            assert len(image.warped(image.crs, grid(20), (4, 4)).reader.parts) == parts  # type: ignore[attr-defined]


# What do numbers mean


@pytest.mark.parametrize(
    ("number", "unit", "nm"),
    [
        (4260.87, "Angstroms", 426.087), (4.26e-7, "Meters", 426), (23469.4, "Wavenumber", 426.086734),
        (0.426, "Micrometers", 426), (426, "nm", 426), (0.426, "\u00b5m", 426), (81, "Index", None), (426, "", 426),
        (0.426, "", 426), (700, "GHz", None), (0.000426, "Millimeters", 426), (float("nan"), "nm", None),
    ],
)  # fmt: skip
def test_units_of_wavelengths(number: float, unit: str, nm: float | None) -> None:
    assert in_nm(number, unit) == (nm if nm is None else pytest.approx(nm, rel=1e-6))


def test_an_index_in_a_header_is_no_wavelength(tmp_path: Path) -> None:
    path = put(tmp_path / "cube.img", np.ones((3, 8, 8), "int16"), driver="ENVI")
    with (tmp_path / "cube.hdr").open("a") as header:
        header.write("wavelength units = Index\nwavelength = {81, 82, 104}\n")
    assert examine(str(path)).wavelengths_nm == (None, None, None)


@pytest.mark.parametrize("factor", [1e4, 1e-4])
def test_a_coarse_image_of_the_date_in_another_unit(factor: float, tmp_path: Path) -> None:
    truth = fine_truth((64, 64), 3)
    coarse = observed(truth, 8)[1]
    day = {"dates": ["2020-01-01"], "date": "2020-01-09", "coregister": "off"}
    with pytest.raises(InputError, match=r"the coarse images of the pairs are .* times this one; expected all"):
        earthloom.predict([(truth, coarse)], coarse * factor, "copy", **day)
    assert earthloom.predict([(truth, coarse)], coarse * 3, "copy", **day).shape == truth.shape  # snow may fall


def test_codes_that_nobody_declares_are_told() -> None:
    truth = fine_truth((64, 64), 3)
    known, later = observed(truth, 8)[1], observed(truth, 8)[1]
    later[:, 2:4, 2:4] = -28672
    with pytest.warns(EarthloomWarning, match=r"numbers from -28672 to .* a code for missing pixels"):
        earthloom.predict(
            [(truth, known)], later, "copy", dates=["2020-01-01"], date="2020-01-09", coregister="off"
        )  # fmt: skip


@pytest.mark.parametrize("day", ["20180301", "20220301"])
def test_numbers_of_sentinel_2_that_begin_at_1000(day: str, tmp_path: Path) -> None:
    for band, image in zip(("B02", "B03", "B04", "B08"), fine_truth((64, 64), 4) + 700, strict=True):
        name = f"T31UFT_{day}T105021_{band}_10m.tif"
        put(tmp_path / name, image[None].round().astype("uint16"), grid(10))
    with pytest.raises(InputError, match="as if the \\+1000"):
        earthloom.align(tmp_path, source_sensor="sentinel2a", target_sensor="gaofen1_wfv")


@pytest.mark.parametrize(
    ("scale", "dtype", "words"),
    [(1.0, "uint8", "100% of the numbers are clipped"), (1e-4, "uint16", "next to nothing")],
)
def test_a_type_that_holds_nothing(scale: float, dtype: str, words: str, pair: Make) -> None:
    pan, ms = ((image * scale).astype("float32") for image in observed(fine_truth()))
    with pytest.warns(EarthloomWarning, match=words):
        earthloom.pansharpen(pan, ms, "exp", dtype=dtype)
    made = pair(pan, ms)
    with pytest.warns(EarthloomWarning, match=words):
        earthloom.pansharpen(made.pan, made.ms, "exp", dtype=dtype, output=made.out)


def test_a_type_that_holds_it_all_says_nothing(pair: Make) -> None:
    made = pair()
    earthloom.pansharpen(made.pan, made.ms, "exp", dtype="int16", output=made.out)


CLOUDY = "date,sensor,cloud\n2020-03-0{},sentinel-2a,{}\n2020-03-09,sentinel-2a,{}\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tables_of_any_encoding(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("date,sensor,cloud,wer\n2020-03-08,S2A,20,M\u00fcller\n".encode(encoding))
    (sight,) = read_sights([path])
    assert (sight.sensor, sight.cloud_percent) == ("S2A", 20)


def test_cloud_cover_as_a_fraction(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(CLOUDY.format(8, 0.1, 0.75))
    with pytest.warns(EarthloomWarning, match="taken as fractions"):
        assert [sight.cloud_percent for sight in read_sights([path])] == [10, 75]
    for percent in ((0.1, 75), (0, 1), (0, 0)):
        path.write_text(CLOUDY.format(8, *percent))
        assert [sight.cloud_percent for sight in read_sights([path])] == list(percent)


@pytest.mark.parametrize("shape", [(505, 10, 520), (600, 520, 10), (1200, 230, 1250)])
def test_no_sensor_has_five_hundred_bands(shape: tuple[int, int, int]) -> None:
    assert bands_at(np.zeros((8, 8, 8)), shape) == int(np.argmin(shape))


def test_a_prisma_cube_by_its_address(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "p.he5", "w") as file:
        file["HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields/VNIR_Cube"] = np.ones((505, 10, 520), "uint16")
    address = f"HDF5:{tmp_path}/p.he5://HDFEOS/SWATHS/PRS_L2D_HCO/Data_Fields/VNIR_Cube"
    with pytest.raises(InputError, match=r"looks like \(row, band, column\)"):
        earthloom.superresolve(address, 2, "bicubic")


MTL = {
    "IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "LANDSAT_8", "DATE_ACQUIRED": "2020-03-08", "SUN_ELEVATION": "30.0"},
    "LEVEL1_RADIOMETRIC_RESCALING": {f"REFLECTANCE_MULT_BAND_{b}": "2.0E-05" for b in range(1, 10)}
    | {f"REFLECTANCE_ADD_BAND_{b}": "-0.1" for b in range(1, 10)},
}


def landsat(folder: Path, form: str) -> Path:
    name = "LC08_L1TP_191028_20200308_20200822_02_T1"
    folder.mkdir()
    for band in range(1, 10):
        side, pixel = (32, 15) if band == 8 else (16, 30)
        put(folder / f"{name}_B{band}.TIF", np.full((1, side, side), 9000 + band, "uint16"), grid(pixel))
    groups = MTL.items()
    if form == "txt":
        lines = [
            f"GROUP = {g}\n" + "".join(f"{k} = {v}\n" for k, v in f.items()) + f"END_GROUP = {g}" for g, f in groups
        ]
        text = "\n".join(["GROUP = LANDSAT_METADATA_FILE", *lines, "END_GROUP = LANDSAT_METADATA_FILE", "END"])
    elif form == "json":
        text = json.dumps({"LANDSAT_METADATA_FILE": MTL})
    else:
        inner = "".join(f"<{g}>" + "".join(f"<{k}>{v}</{k}>" for k, v in f.items()) + f"</{g}>" for g, f in groups)
        text = f"<LANDSAT_METADATA_FILE>{inner}</LANDSAT_METADATA_FILE>"
    if form:
        (folder / f"{name}_MTL.{form}").write_text(text)
    return folder


@pytest.mark.parametrize("form", ["txt", "json", "xml"])
def test_landsat_metadata_of_any_form(form: str, tmp_path: Path) -> None:
    with open_image(landsat(tmp_path / "scene", form), role="ms") as image:
        assert image.sensor == "landsat8" and image.names[3] == "B4"
        np.testing.assert_allclose(image.read()[0][3], (9004 * 2e-5 - 0.1) / 0.5, rtol=1e-5)


def test_landsat_bands_of_many_dates_are_no_scene(tmp_path: Path) -> None:
    """Without an MTL file they are a series of files, each an image."""
    names = [f"LC08_L2SP_191028_{day}_02_T1_SR_B4.TIF" for day in ("20200101", "20200117")]
    files = [put(tmp_path / name, np.full((1, 8, 8), 9000, "uint16"), grid(30)) for name in names]
    assert not is_image(tmp_path) and images_in(tmp_path) == files and list(images_below(tmp_path)) == files


def test_a_landsat_folder_without_metadata_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 MTL files"):
        open_image(landsat(tmp_path / "scene", ""), role="ms")
    broken = landsat(tmp_path / "other", "json")
    next(broken.glob("*_MTL.json")).write_text("{}")
    with pytest.raises(FileError, match=r"_MTL\.json is not a Landsat metadata file"):
        open_image(broken, role="ms")


# Where does it run


def test_an_installation_that_cannot_be_written(tmp_path: Path) -> None:
    """Numba finds no folder for its cache where neither the package nor the home folder can be written."""
    code = (
        "import numba.core.caching as caching, numpy as np, warnings\n"
        "caching.CacheImpl._locator_classes = []\n"
        "warnings.simplefilter('always')\nimport earthloom\n"
        "print(earthloom.pansharpen(np.random.rand(32, 32), np.random.rand(2, 8, 8), 'exp').shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip() == "(2, 32, 32)", done.stderr
    assert done.stderr.count("no folder for compiled code can be written") == 1


@pytest.mark.parametrize(("scale", "offset"), [(0.0, 0.0), (float("nan"), 0.0), (2.0, float("inf"))])
def test_a_scale_that_is_none_is_said_and_left_out(scale: float, offset: float, tmp_path: Path) -> None:
    path = put(tmp_path / "s.tif", np.full((2, 8, 8), 7, "uint8"), grid(1))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.5, scale), (1.0, offset)
    with pytest.warns(EarthloomWarning, match=r"s\.tif: scale .* of band 2 mean nothing; its numbers are taken as th"):
        image = open_image(path)
    assert image.scales == (0.5, 1.0) and image.offsets == (1.0, 0.0) and image.read()[0][:, 0, 0].tolist() == [4.5, 7]


def test_indexes_into_a_palette_are_no_measurements(tmp_path: Path) -> None:
    classes = np.arange(64, dtype="uint8").reshape(1, 8, 8) % 5
    path = put(tmp_path / "classes.tif", classes, grid(1), photometric="PALETTE")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {i: (40 * i, 9, 9, 255) for i in range(5)})
    with pytest.warns(EarthloomWarning, match="holds indexes into a palette, no measurements"):
        open_image(path)
    open_mask(path)  # classes are what masks are made of
