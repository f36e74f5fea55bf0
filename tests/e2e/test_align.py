"""`earthloom align`, `fit` and `apply`, on files and arrays: what comes out, what is refused and why."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from affine import Affine

import earthloom
from earthloom.errors import InputError, MethodError
from earthloom.prepare.bandpass.transform import Transform
from tests.e2e.conftest import UTM, Cli, get, grid, put, texture
from tests.e2e.test_bad_input import refused

SHAPE = (120, 150)
NAMES = ("blue", "green", "red", "nir")
GAIN, SHIFT = np.array([0.9, 0.95, 1.1, 1.2])[:, None, None], 40.0
HOLE = (slice(None), slice(0, 20), slice(0, 30))
SENSORS = ("--from", "sentinel2a", "--to", "gaofen1_wfv")


def source() -> np.ndarray:
    """Four bands of reflectance times 10000, each with ground of its own, and a corner without data."""
    shared = texture(SHAPE, 1)
    image = np.stack([900 + 250 * b + 160 * shared + 140 * texture(SHAPE, 2 + b) for b in range(4)]).clip(50)
    image[HOLE] = 0
    return image.round().astype("uint16")


def wanted(image: np.ndarray | None = None) -> np.ndarray:
    """A line for each band, and nothing where the source has nothing."""
    image = source() if image is None else image
    return np.where(image == 0, 0, (image * GAIN + SHIFT).round()).astype("uint16")


class Files(NamedTuple):
    """A source, a target, and an empty folder for outputs."""

    source: Path
    target: Path
    out: Path

    def arguments(self, *more: object) -> list[object]:
        return ["align", self.source, *SENSORS, "--target", self.target, "-o", self.out, *more]

    def untouched(self) -> bool:
        return not os.listdir(self.out.parent)


Make = Callable[..., Files]


@pytest.fixture
def files(tmp_path: Path) -> Make:
    def make(first: np.ndarray | None = None, second: np.ndarray | None = None, **changed: Any) -> Files:
        (tmp_path / "out").mkdir(exist_ok=True)
        usual = {"transform": grid(10), "nodata": 0, "descriptions": NAMES}
        return Files(
            put(tmp_path / "s.tif", source() if first is None else first, **{**usual, **changed.get("of_source", {})}),
            put(
                tmp_path / "t.tif", wanted() if second is None else second, **{**usual, **changed.get("of_target", {})}
            ),
            tmp_path / "out" / "a.tif",
        )

    return make


@pytest.mark.parametrize("method", ["ols", "robust", "rma", "cdf_match", "monotone_lut", "cross_linear"])
def test_a_line_is_found_again(files: Make, cli: Cli, method: str) -> None:
    """On the source's grid, in the target's numbers, nodata where nodata was, and with its history."""
    made = files()
    figure = made.out.with_suffix(".png")
    done = cli(*made.arguments("-m", method, "--figure", figure))
    assert done.code == 0, done.err
    data, about = get(made.out)
    assert data.dtype == np.uint16 and about.crs == UTM and about.transform == grid(10) and about.nodata == 0
    assert about.descriptions == NAMES and about.structure["LAYOUT"] == "COG"
    missing = np.zeros(SHAPE, bool)
    missing[HOLE[1:]] = True
    np.testing.assert_array_equal((data == 0).all(axis=0), missing)
    assert (data[:, ~missing] > 0).all()
    assert np.abs(data.astype(float) - wanted()).max() <= (
        1 if method in ("ols", "robust", "rma", "cross_linear") else 40
    )
    assert about.tags["EARTHLOOM_METHOD"] == f"bandpass/{method}" and about.tags["EARTHLOOM_SENSOR"] == "gaofen1_wfv"
    told = json.loads(about.tags["EARTHLOOM_ALIGNMENT"])
    assert (told["from"], told["to"]) == ("sentinel2a", "gaofen1_wfv")
    assert set(json.loads(about.tags["EARTHLOOM_INPUTS"])) == {"source", "target"}
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_array_and_file_agree_and_threads_do_not_matter(files: Make, cli: Cli) -> None:
    made = files()
    assert cli(*made.arguments("-m", "ols", "--threads", 1)).code == 0
    first = get(made.out)[0]
    assert cli(*made.arguments("-m", "ols", "--threads", 3, "--overwrite")).code == 0
    np.testing.assert_array_equal(first, get(made.out)[0])
    assert cli(*made.arguments("-m", "ols", "--tile-size", 64, "--overwrite")).code == 0
    np.testing.assert_allclose(get(made.out)[0].astype(float), first, atol=1)  # sums in another order
    sensors: dict[str, Any] = {"source_sensor": "sentinel2a", "target_sensor": "gaofen1_wfv"}
    array = earthloom.align(source(), target=wanted(), method="ols", source_nodata=0, target_nodata=0, **sensors)
    assert array.dtype == np.uint16
    np.testing.assert_allclose(array, first, atol=1)


def test_the_float_path_is_that_of_stored_numbers(files: Make, cli: Cli) -> None:
    """Whatever type the product has, a pixel means the same."""
    made = files()
    assert cli(*made.arguments("-m", "cross_linear", "--compress", "none")).code == 0
    whole = get(made.out)[0].astype(float)
    assert cli(*made.arguments("-m", "cross_linear", "--dtype", "float32", "--overwrite")).code == 0
    assert np.abs(get(made.out)[0] - whole).max() <= 0.5 + 1e-2


def test_fit_save_apply(files: Make, cli: Cli, tmp_path: Path) -> None:
    made, file = files(), tmp_path / "transform.json"
    assert cli("align", "fit", made.source, made.target, *SENSORS, "-m", "monotone_lut", "-o", file).code == 0
    later = np.roll(source(), 40, axis=2)
    put(tmp_path / "later.tif", later, grid(10), nodata=0, descriptions=NAMES)
    done = cli("align", "apply", file, tmp_path / "later.tif", "-o", made.out)
    assert done.code == 0, done.err
    data, about = get(made.out)
    np.testing.assert_array_equal(data == 0, later == 0)
    assert np.abs(data.astype(float) - wanted(later)).max() <= 40
    assert about.tags["EARTHLOOM_METHOD"] == "bandpass/monotone_lut" and len(about.tags["EARTHLOOM_TRANSFORM"]) == 64
    loaded = Transform.load(file)
    assert loaded.quality["nothing_relative_rmse_percent"] > 2
    np.testing.assert_array_equal(loaded.apply(later), data)
    again = loaded.save(tmp_path / "again.json")
    assert json.loads(again.read_text()) == json.loads(file.read_text())
    refused(cli("align", "fit", made.source, made.target, *SENSORS, "-m", "ols", "-o", file), "exists")
    both: dict[str, Any] = {"method": str(file), "output": tmp_path / "verb.tif"}
    np.testing.assert_array_equal(get(earthloom.align(tmp_path / "later.tif", **both))[0], data)
    refused(cli("align", "apply", file, made.out, "-o", tmp_path / "twice.tif"), "already aligned")
    put(tmp_path / "three.tif", later[:3], grid(10), nodata=0, descriptions=NAMES[:3])
    refused(cli("align", "apply", file, tmp_path / "three.tif", "-o", tmp_path / "o.tif"), "blue, green, red, nir")


def test_a_transform_of_several_pairs(files: Make, tmp_path: Path) -> None:
    """The pixels of all pairs count as those of one image."""
    made = files()
    for folder, image in (("s", source()), ("t", wanted())):
        (tmp_path / folder).mkdir()
        for k, part in enumerate((image[:, :60], image[:, 60:])):
            put(tmp_path / folder / f"{k}.tif", part, grid(10, south=600 * k), nodata=0, descriptions=NAMES)
    sensors: dict[str, Any] = {"source_sensor": "sentinel2a", "target_sensor": "gaofen1_wfv", "method": "ols"}
    one = earthloom.fit_alignment(made.source, made.target, **sensors)
    two = earthloom.fit_alignment(tmp_path / "s", tmp_path / "t", **sensors)
    np.testing.assert_allclose(
        two.as_dict()["mapping"]["mix"]["matrix"], one.as_dict()["mapping"]["mix"]["matrix"], rtol=1e-6
    )


def edited(plain: dict[str, Any]) -> dict[str, Any]:
    plain["mapping"]["mix"]["constant"][0] += 1
    return plain


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edited, ("edited.json", "changed after it was written")),
        (lambda plain: {**plain, "version": 99}, ("version 99",)),
        (lambda plain: {k: v for k, v in plain.items() if k != "checksum"}, ("changed",)),
        (lambda plain: {"type": "Feature"}, ("no transform",)),
    ],
)  # fmt: skip
def test_a_transform_edited_by_hand(
    files: Make, cli: Cli, tmp_path: Path, change: Callable[..., Any], words: tuple[str, ...]
) -> None:
    made, file = files(), tmp_path / "edited.json"
    sensors: dict[str, Any] = {"source_sensor": "sentinel2a", "target_sensor": "gaofen1_wfv", "method": "ols"}
    earthloom.fit_alignment(made.source, made.target, **sensors).save(file)
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    refused(cli("align", "apply", file, made.source, "-o", made.out), *words)
    file.write_text("{")
    refused(cli("align", "apply", file, made.source, "-o", made.out), "JSON")
    assert made.untouched()


def test_aligned_already(files: Make, cli: Cli, tmp_path: Path) -> None:
    made = files()
    assert cli(*made.arguments("-m", "ols")).code == 0
    again = ("align", made.out, *SENSORS, "--target", made.target, "-o", tmp_path / "b.tif", "-m", "ols")
    refused(cli(*again), "already aligned", "gaofen1_wfv", "--force")
    assert cli(*again, "--force").code == 0


def test_hls_s30_is_aligned_already(tmp_path: Path, cli: Cli) -> None:
    name = "HLS.S30.T31UFT.2021123T104021.v2.0.B04.tif"
    put(tmp_path / name, source()[2:3].astype("int16"), grid(30), nodata=-9999)
    refused(
        cli("align", tmp_path / name, "--to", "landsat8", "-m", "hls", "-o", tmp_path / "o.tif"), "HLS", "landsat8"
    )  # fmt: skip


ALL_MASKED = np.zeros((4, *SHAPE), "uint16")


def constant() -> np.ndarray:
    image = source()
    image[1] = np.where(image[1] == 0, 0, 700)
    return image


BAD: dict[str, tuple[dict[str, Any], tuple[object, ...], tuple[str, ...]]] = {
    "all of the source masked": ({"first": ALL_MASKED}, (), ("s.tif", "no valid pixel")),
    "all of the target masked": ({"second": ALL_MASKED}, (), ("t.tif", "no valid pixel")),
    "a constant band": ({"first": constant()}, (), ("green", "constant")),
    "swapped bands": ({"first": source()[[2, 1, 0, 3]]}, ("-m", "ols"), ("swapped", "red")),
    "another place": ({"of_target": {"transform": grid(10, east=9000)}}, (), ("overlap",)),
    "a mask of another kind": ({}, ("--source-mask", "t.tif"), ("mask", "4 bands")),
    "no such method": ({}, ("-m", "ols2"), ("ols2", "ols")),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(files: Make, cli: Cli, case: str) -> None:
    changed, flags, words = BAD[case]
    made = files(**changed)
    arguments = [made.target if flag == "t.tif" else flag for flag in flags]
    refused(cli(*made.arguments(*arguments)), *words)
    assert made.untouched()


def test_sensors_that_share_no_band(tmp_path: Path, cli: Cli) -> None:
    put(tmp_path / "s.tif", source()[:2], grid(20), nodata=0, descriptions=("B11", "B12"))
    flags = ("--from", "sentinel2a", "--to", "gaofen1_wfv", "--source-scale", "0.0001", "-o", tmp_path / "o.tif")
    refused(cli("align", tmp_path / "s.tif", *flags), "share a band")


def test_a_cloud_that_is_masked_does_not_count(files: Make, cli: Cli, tmp_path: Path) -> None:
    clouded = source()
    clouded[:, 40:80, 60:110] = 9000
    made = files(first=clouded)
    mask = np.zeros((1, *SHAPE), "uint8")
    mask[:, 40:80, 60:110] = 1
    put(tmp_path / "cloud.tif", mask, grid(10))
    assert cli(*made.arguments("-m", "ols", "--source-mask", tmp_path / "cloud.tif")).code == 0
    data = get(made.out)[0].astype(float)
    np.testing.assert_allclose(data, wanted(clouded), atol=1)  # the cloud itself follows the line


def test_a_coarser_target(files: Make, cli: Cli) -> None:
    """Compared on the larger pixels, applied to the smaller ones."""
    blocks = wanted(source().clip(50)).reshape(4, 40, 3, 50, 3).mean(axis=(2, 4)).round().astype("uint16")
    made = files(second=blocks, of_target={"transform": grid(30)})
    done = cli(*made.arguments("-m", "ols", "-v"))
    assert done.code == 0, done.err
    data, about = get(made.out)
    assert about.transform == grid(10)
    seen = source().min(axis=0) > 0
    assert np.abs(data.astype(float) - wanted())[:, seen].max() < 20  # of some 1500


def test_without_a_target(files: Make, cli: Cli) -> None:
    """Coefficients of reflectance are refused for numbers of thousands, and the same in either unit."""
    made = files()
    alone = ("align", made.source, "--from", "sentinel2b", "--to", "landsat8", "-m", "hls", "-o", made.out)
    refused(cli(*alone), "reflectance", "--source-scale")
    refused(cli("align", made.source, "--to", "landsat8", "-o", made.out), "--from")
    refused(cli("align", made.source, "--from", "sentinel2a", "-o", made.out), "--to")
    refused(cli("align", made.source, "--from", "sentinel2a", "--to", "gaofen99", "-o", made.out), "gaofen99")
    refused(cli("align", made.source, "--from", "sentinel2c", "--to", "landsat8", "-m", "hls", "-o", made.out), "2C")
    assert cli(*alone, "--unit", 10000).code == 0
    counted = get(made.out)[0]
    assert cli(*alone, "--source-scale", 0.0001, "--overwrite").code == 0
    scaled, about = get(made.out)
    np.testing.assert_allclose(scaled, counted, atol=1)
    assert about.scales == (0.0001,) * 4
    own = source()[2].astype(float)
    assert np.abs(scaled[2][own > 0] - (0.9761 * own[own > 0] + 10)).max() <= 1  # red of Sentinel-2B


@pytest.mark.parametrize("sensors", [{}, {"source_sensor": "sentinel2a"}])
def test_arrays_refused(sensors: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="sensor"):
        earthloom.align(source(), **sensors)
    both: dict[str, Any] = {"source_sensor": "sentinel2a", "target_sensor": "gaofen1_wfv"}
    with pytest.raises(MethodError, match="target"):
        earthloom.align(source().astype(float), method="ols", **both)
    with pytest.raises(InputError, match="one grid"):
        earthloom.align(source(), target=wanted()[:, :50], method="ols", **both)


def test_xarray_is_marked(files: Make) -> None:
    xarray = pytest.importorskip("xarray")
    image = xarray.DataArray(source() * 1e-4, dims=("band", "y", "x"))
    both: dict[str, Any] = {"source_sensor": "sentinel2a", "target_sensor": "gaofen1_wfv"}
    made = earthloom.align(image, **both)
    assert made.dims == ("band", "y", "x") and list(made.band.values) == list(NAMES)
    with pytest.raises(InputError, match="aligned before"):
        earthloom.align(made, **both)
    assert earthloom.align(made, force=True, **both).shape == made.shape


def test_south_up_and_no_place(tmp_path: Path, cli: Cli) -> None:
    upside = Affine(10, 0, 400000, 0, 10, 5000000 - 10 * SHAPE[0])
    put(tmp_path / "s.tif", source()[:, ::-1], upside, nodata=0, descriptions=NAMES)
    put(tmp_path / "t.tif", wanted(), grid(10), nodata=0, descriptions=NAMES)
    out = tmp_path / "o.tif"
    flags = ("--target", tmp_path / "t.tif", "-m", "ols", "-o", out)
    assert cli("align", tmp_path / "s.tif", *SENSORS, *flags).code == 0
    np.testing.assert_allclose(get(out)[0].astype(float), wanted(), atol=1)
