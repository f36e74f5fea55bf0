"""A real Landsat-8 scene, from the command line: eight bands from 30 m to 15 m by every method."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from threadpoolctl import threadpool_limits

from earthloom.cli.main import run
from earthloom.methods import catalog
from earthloom.physics.shift import fit_shift
from earthloom.types import Band, Observation, View
from tests.e2e.conftest import Cli, get

NAMES = ("coastal", "blue", "green", "red", "nir", "swir1", "swir2", "cirrus")
BLOCK = 100
METHODS = [
    pytest.param(name, marks=pytest.mark.slow if name == "cnmf" else ())
    for name in catalog.names()
    if catalog.find(name).card.min_bands <= len(NAMES) and catalog.find(name).card.family != "network"
]


@pytest.fixture(scope="module")
def scene(shared: Path) -> Path:
    """The folder of the scene."""
    return shared / "data" / "sharpening" / "landsat8_p020r039"


@pytest.fixture(scope="module")
def product(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The whole folder by a method, made once for all tests that look at it."""
    folder = tmp_path_factory.mktemp("products")

    @cache
    def made(method: str) -> Path:
        out = folder / f"{method}.tif"
        with pytest.raises(SystemExit) as left:
            run(["pansharpen", "--pan", str(scene), "--ms", str(scene), "-m", method, "-o", str(out), "-q"])
        assert not left.value.code, method
        return out

    return made


@pytest.fixture(scope="module")
def clear_blocks(scene: Path) -> list[tuple[int, int]]:
    """Corners of blocks of PAN pixels with next to no cloud.

    The scene is half cloudy, and the PAN and MS detectors of OLI see one place a second apart from slightly different
    directions: clouds, well above the ground that the product is rectified to, lie up to 1.4 PAN pixels apart in the
    two, this way in one half of the scene and that way in the other. That is in the data and no product can be blamed
    for it; so the shift is measured where the quality band of the scene says that ground is seen.
    """
    quality = get(scene / "l8_BQA.tif")[0][0]
    cloudy = np.isin(quality >> 14 & 3, [2, 3]) | np.isin(quality >> 12 & 3, [3])
    cloudy = np.kron(cloudy, np.ones((2, 2), bool))[:1205, :1253]
    corners = [(y, x) for y in range(0, 1205 - BLOCK, BLOCK) for x in range(0, 1253 - BLOCK, BLOCK)]
    clear = [(y, x) for y, x in corners if cloudy[y : y + BLOCK, x : x + BLOCK].mean() < 0.02]
    assert len(clear) >= 16
    return clear[:: len(clear) // 16]


def test_shipped_weights(cli: Cli, scene: Path, clear_blocks: list, tmp_path: Path) -> None:
    """CF2N knows six of the eight bands: the command says which, and sharpens them."""
    out = tmp_path / "sharp.tif"
    done = cli("pansharpen", "--pan", scene, "--ms", scene, "-m", "cf2n", "-o", out)
    assert done.code == 2 and "give red, green, blue, nir, swir1, swir2 alone" in done.err
    six = [scene / f"l8_B{number}.tif" for number in range(2, 8)]
    done = cli(
        "pansharpen", "--pan", scene / "l8_B8.tif", "--ms", *six, "--sensor", "landsat8", "-m", "cf2n", "-o", out
    )
    assert done.code == 0, done.err
    assert "landsat_2to1" in done.err
    data, _ = get(out)
    assert data.shape == (6, 1205, 1253) and data.min() > 0


@pytest.mark.parametrize("method", METHODS)
def test_every_method(method: str, product: Callable[[str], Path], scene: Path, clear_blocks: list) -> None:
    pan = get(scene / "l8_B8.tif")[1]
    data, file = get(product(method))
    assert data.shape == (8, 1205, 1253)
    corner = (pan.transform.c + 15, pan.transform.f - 15)  # the first row and column of PAN reach beyond the MS
    assert file.transform == Affine(15, 0, corner[0], 0, -15, corner[1])
    assert file.crs == pan.crs
    assert data.dtype == np.uint16
    assert data.min() > 0  # the nodata code is free
    shift = _median_shift(scene, data, clear_blocks)
    assert np.hypot(*shift) <= 0.1, shift


def test_the_measure_sees_half_a_pixel(cli: Cli, scene: Path, clear_blocks: list, tmp_path: Path) -> None:
    """Corner on corner, as one does who forgets the half-pixel offset of the Landsat PAN."""
    out = tmp_path / "sharp.tif"
    arguments = ["--pan", scene, "--ms", scene, "-m", "exp", "-o", out, "--ignore-georeferencing"]
    assert cli("pansharpen", *arguments).code == 0
    data = np.pad(get(out)[0], ((0, 0), (0, 1), (0, 0)))[:, 1:1206, 1:1254]
    y, x = _median_shift(scene, data, clear_blocks)
    assert 0.3 < abs(y) < 0.7 and 0.3 < abs(x) < 0.7, (y, x)


def _median_shift(scene: Path, data: np.ndarray, blocks: list[tuple[int, int]]) -> np.ndarray:
    """Displacement of a product against the PAN, in PAN pixels."""
    fine = get(scene / "l8_B8.tif")[0][:, 1:1206, 1:1254].astype(np.float32)
    bands = tuple(Band(name) for name in NAMES)
    valid = np.ones((BLOCK, BLOCK), bool)
    found = []
    for y, x in blocks:
        rows, cols = slice(y, y + BLOCK), slice(x, x + BLOCK)
        views = {
            "pan": View(fine[:, rows, cols], valid, (Band("pan"),)),
            "ms": View(data[:, rows, cols].astype(np.float32), valid, bands),
        }
        with threadpool_limits(1):  # small matrices: threads that wait for each other cost more than they give
            shift = fit_shift(Observation(views, (BLOCK, BLOCK)))
        if shift is not None:
            found.append((shift.y, shift.x))
    assert len(found) > len(blocks) / 2
    return np.median(found, axis=0)


def test_what_the_file_says(cli: Cli, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "sharp.tif"
    files = [scene / f"l8_B{band}.tif" for band in (1, 2, 3, 4, 5, 6, 7, 9)]
    done = cli("pansharpen", "--pan", scene / "l8_B8.tif", "--ms", *files, "-m", "gsa", "-o", out)
    assert done.code == 0, done.err
    assert done.out == ""
    assert str(out) in done.err and done.err.count("\n") == 1
    _, file = get(out)
    assert file.descriptions == NAMES
    sun = np.sin(np.radians(64.74))
    np.testing.assert_allclose(file.scales, 2e-5 / sun, rtol=1e-4)
    np.testing.assert_allclose(file.offsets, -0.1 / sun, rtol=1e-4)
    assert file.structure["LAYOUT"] == "COG" and file.structure["COMPRESSION"] == "ZSTD"
    assert file.overviews == [2, 4]
    tags = file.tags
    waves = [float(band["wavelength"]) for band in file.band_tags]
    np.testing.assert_allclose(waves, [443, 483, 561, 655, 865, 1609, 2201, 1374], atol=1)
    assert tags["EARTHLOOM_METHOD"] == "pansharpening/gsa" and tags["EARTHLOOM_SENSOR"] == "landsat8"
    inputs = json.loads(tags["EARTHLOOM_INPUTS"])
    assert inputs["pan"][0]["name"] == "l8_B8.tif" and len(inputs["pan"][0]["sha256"]) == 64
    assert [each["name"] for each in inputs["ms"]] == [path.name for path in files]


def test_folder_and_files_give_the_same(cli: Cli, product: Callable[[str], Path], scene: Path, tmp_path: Path) -> None:
    files = [scene / f"l8_B{band}.tif" for band in (1, 2, 3, 4, 5, 6, 7, 9)]
    pan, target = scene / "l8_B8.tif", tmp_path / "files.tif"
    assert cli("pansharpen", "--pan", pan, "--ms", *files, "-m", "exp", "-o", target, "-q").code == 0
    np.testing.assert_array_equal(get(product("exp"))[0], get(target)[0])


def test_evaluate_knows_the_sensor(cli: Cli, product: Callable[[str], Path], scene: Path) -> None:
    done = cli("evaluate", product("gsa"), "--pan", scene, "--ms", scene, "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert set(report["rows"]) == {"product", "EXP (no fusion)"}
    figures = report["figures"]
    assert 0.7 < figures["hqnr"] < 1
    assert {f"consistency_rmse_{name}" for name in NAMES} <= set(figures)
