"""Writing: numbers, layout, metadata, and nothing half-written under the final name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio.shutil
from hypothesis import given, settings
from hypothesis import strategies as st

from earthloom.errors import EarthloomWarning, FileError, InputError
from earthloom.ops.quantise import quantise
from earthloom.raster.open import open_image
from earthloom.raster.write import cog as write
from earthloom.raster.write.cog import create
from earthloom.raster.write.provenance import provenance
from earthloom.report.described import describe
from earthloom.types import Window, representable

from .conftest import NORTH_UP, UTM, put, stored


def save(path: Path, data: np.ndarray, valid: np.ndarray | None = None, tile: int = 512, **options: Any) -> Path:
    """Write an array tile by tile."""
    valid = np.ones(data.shape[1:], bool) if valid is None else valid
    shape = data.shape[1], data.shape[2]
    with create(path, shape=shape, count=data.shape[0], **options) as out:
        for y in range(0, shape[0], tile):
            for x in range(0, shape[1], tile):
                window = Window(y, x, min(tile, shape[0] - y), min(tile, shape[1] - x))
                rows, cols = window.slices
                out.write(window, data[:, rows, cols], valid[rows, cols])
    return path


def values(*numbers: float) -> np.ndarray:
    return np.array([[numbers]], "float32")


@pytest.mark.parametrize(
    ("dtype", "nodata", "given", "expected"),
    [
        ("uint16", None, (65535.4, 65536, 1e9, -3, 2.5, 3.5, -0.4), (65535, 65535, 65535, 0, 2, 4, 0)),
        ("uint16", 0, (0.2, -3, 1, 7), (1, 1, 1, 7)),
        ("uint16", 65535, (65535.4, 65534.2), (65534, 65534)),
        ("uint8", 255, (254.6, 300, 254), (254, 254, 254)),
        ("int16", -9999, (-9999, -9998.6, -40000, 40000), (-9998, -9998, -32768, 32767)),
        ("int16", -32768, (-40000, -32768), (-32767, -32767)),
        ("uint8", 7, (6.6, 7.4, 8, 6), (8, 8, 8, 6)),
        ("uint32", 4294967295, (4294967295.0, 5), (4294967294, 5)),
        ("float32", None, (0.25, -3), (0.25, -3)),
    ],
)
def test_rounding_and_clipping(
    tmp_path: Path, dtype: str, nodata: float | None, given: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    path = save(tmp_path / "x.tif", values(*given), dtype=dtype, nodata=nodata, compress="none")
    np.testing.assert_array_equal(stored(path)[0][0, 0], np.array(expected, dtype))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(width=32, allow_nan=False, min_value=-(2.0**33), max_value=2.0**33), min_size=1, max_size=40),
    st.sampled_from(["uint8", "uint16", "int16", "uint32"]),
    st.sampled_from([None, 0, "max"]),
    st.sampled_from([1.0, 0.5, 2.0**-10]),
    st.booleans(),
)
def test_quantise_against_python(numbers: list[float], dtype: str, nodata: Any, scale: float, double: bool) -> None:
    info = np.iinfo(dtype)
    code = info.max if nodata == "max" else nodata
    data = np.array([[numbers]], "float64" if double else "float32")
    valid = np.arange(len(numbers))[None] % 3 != 1
    stored = quantise(data, valid, dtype, nodata=code, scales=[scale], offsets=[0.0])[0, 0]
    for number, keep, got in zip(data[0, 0].tolist(), valid[0].tolist(), stored.tolist(), strict=True):
        expected = min(max(round(number / scale), info.min), info.max)  # Python rounds half to even
        if code is not None and expected == code:
            expected += -1 if code == info.max else 1
        assert got == (expected if keep else code or 0)


def test_quantise_takes_any_memory_layout() -> None:
    rng = np.random.default_rng(0)
    big, mask = rng.random((3, 40, 50)).astype("float32") * 300, rng.random((40, 50)) > 0.3
    whole = quantise(big.copy(), mask, "uint16", nodata=0)
    cut = (slice(5, 20), slice(7, 33))
    np.testing.assert_array_equal(quantise(big[:, *cut], mask[cut], "uint16", nodata=0), whole[:, *cut])
    np.testing.assert_array_equal(quantise(big[:, ::-1, ::2], mask[::-1, ::2], "uint16", nodata=0), whole[:, ::-1, ::2])
    strided = np.moveaxis(np.ascontiguousarray(np.moveaxis(big, 0, 2)), 2, 0)
    np.testing.assert_array_equal(quantise(strided, mask, "uint16", nodata=0), whole)
    for dtype in ("bool", "complex64"):
        with pytest.raises(InputError):
            quantise(big, mask, dtype)
    assert representable("uint8", 255) and not representable("uint8", 256) and not representable("uint8", 0.5)
    assert representable("float32", float("nan")) and not representable("int16", float("nan"))


def test_scaled_numbers_come_back(tmp_path: Path) -> None:
    numbers = np.arange(1, 65535, 17, dtype="uint16").reshape(1, 1, -1)
    scale, offset = 2.2113923922984662e-05, -0.11056961961492331
    source = put(tmp_path / "in.tif", numbers, nodata=0, scales=(scale,), offsets=(offset,))
    with open_image([source]) as image:
        data, valid = image.read()
        path = save(
            tmp_path / "out.tif", data, valid, dtype="uint16", nodata=0, scales=image.scales, offsets=image.offsets
        )
    written, header = stored(path)
    np.testing.assert_array_equal(written, numbers)
    assert header["scales"] == pytest.approx((scale,)) and header["offsets"] == pytest.approx((offset,))


@pytest.mark.parametrize("compress", ["zstd", "deflate", "none"])
def test_layout_and_metadata(tmp_path: Path, compress: str) -> None:
    rng = np.random.default_rng(0)
    data = rng.integers(0, 3000, (4, 1100, 1300)).astype("float32")
    valid = np.ones((1100, 1300), bool)
    valid[600:700, 1000:] = False
    path = save(
        tmp_path / "x.tif",
        data,
        valid,
        tile=700,
        dtype="uint16",
        crs=UTM,
        transform=NORTH_UP,
        nodata=0,
        names=("blue", "green", "red", "nir"),
        wavelengths_nm=(482.6, 561.3, None, 864.6),
        tags={"EARTHLOOM_METHOD": "pansharpening/exp"},
        compress=compress,
    )
    written, header = stored(path)
    np.testing.assert_array_equal(written, np.where(valid, np.maximum(data, 1), 0))
    assert header["crs"].to_epsg() == 32631 and header["transform"] == NORTH_UP and header["nodata"] == 0
    assert header["descriptions"] == ("blue", "green", "red", "nir") and header["block"] == (512, 512)
    assert header["tags"]["EARTHLOOM_METHOD"] == "pansharpening/exp"
    assert header["band_tags"][0]["wavelength"] == "482.6" and "wavelength" not in header["band_tags"][2]
    assert float(header["imagery"][3]["CENTRAL_WAVELENGTH_UM"]) == pytest.approx(0.8646)
    if compress == "none":
        assert header["compression"] is None and path.stat().st_size >= 4 * 9 * 512 * 512 * 2
    else:
        assert header["layout"] == "COG" and header["compression"] == compress.upper()
        assert header["overviews"] == [[2, 4]] * 4
    assert os.listdir(tmp_path) == ["x.tif"]
    with open_image([path]) as image:
        assert image.wavelengths_nm == (482.6, 561.3, None, 864.6) and image.names[0] == "blue"
        np.testing.assert_array_equal(image.read()[1], valid)


def test_overviews_are_averages_without_nodata(tmp_path: Path) -> None:
    data = np.kron(np.random.default_rng(0).integers(10, 99, (1, 300, 300)), np.ones((2, 2))).astype("float32")
    valid = np.ones((600, 600), bool)
    valid[:, :2] = False
    valid[0, 2] = False
    path = save(tmp_path / "x.tif", data, valid, dtype="uint16", nodata=0)
    with rasterio.open(path, overview_level=0) as file:
        small = file.read(1)
    np.testing.assert_array_equal(small[:, 1:], data[0, ::2, ::2][:, 1:])
    assert (small[:, 0] == 0).all()


def test_offsets_in_the_file_are_those_of_a_cog(tmp_path: Path) -> None:
    path = save(tmp_path / "x.tif", np.ones((2, 1500, 1500), "float32"), dtype="uint8")
    with rasterio.open(path) as file:
        header = int(file.get_tag_item("IFD_OFFSET", "TIFF", bidx=1))
        overview = int(file.get_tag_item("IFD_OFFSET", "TIFF", bidx=1, ovr=0))
        first = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
        first_overview = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, ovr=0))
    assert header < overview < first_overview < first  # headers first, then overviews, full resolution last


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_other_dtypes_and_small_images(tmp_path: Path, dtype: str) -> None:
    data = np.arange(12, dtype="float64").reshape(4, 1, 3) + 0.25
    valid = np.array([[True, False, True]])
    nodata = float("nan") if dtype.startswith("f") else 0
    path = save(tmp_path / "x.tif", data, valid, dtype=dtype, nodata=nodata, crs=UTM, transform=NORTH_UP)
    written, header = stored(path)
    expected = data if dtype.startswith("f") else np.maximum(np.rint(data), 1)
    np.testing.assert_array_equal(written, np.where(valid, expected, nodata).astype(dtype))
    assert header["layout"] == "COG"
    with open_image([path]) as image:
        assert image.count == 4  # the fourth byte is a band, not an alpha channel


def test_threads_write_the_same(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(1, 60000, (2, 1024, 1024)).astype("float32")
    windows = [Window(y, x, 256, 256) for y in range(0, 1024, 256) for x in range(0, 1024, 256)]
    full = np.ones((256, 256), bool)
    with create(tmp_path / "x.tif", shape=(1024, 1024), count=2, dtype="uint16") as out, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda w: out.write(w, data[(slice(None), *w.slices)], full), windows))
    np.testing.assert_array_equal(stored(tmp_path / "x.tif")[0], data)


def test_missing_pixels_without_a_code_are_told(tmp_path: Path) -> None:
    valid = np.array([[True, False, True]])
    with pytest.warns(EarthloomWarning, match="1 pixels without data"):
        path = save(tmp_path / "x.tif", values(5, 6, 7), valid, dtype="uint8")
    np.testing.assert_array_equal(stored(path)[0], [[[5, 0, 7]]])


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    path.write_text("precious")
    with pytest.raises(FileError, match="exists"):
        save(path, values(1), dtype="uint8")
    with pytest.raises(KeyboardInterrupt), create(path, shape=(9, 9), count=1, dtype="uint8", overwrite=True):
        raise KeyboardInterrupt
    assert path.read_text() == "precious"
    save(path, values(3), dtype="uint8", overwrite=True)
    assert stored(path)[0].item() == 3 and os.listdir(tmp_path) == ["x.tif"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError, SystemExit])
@pytest.mark.parametrize("compress", ["zstd", "none"])
@pytest.mark.parametrize("when", ["tiles", "finish"])
def test_nothing_is_left_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException], compress: str, when: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise kind

    if when == "finish":
        monkeypatch.setattr(write, "check_whole", interrupted)
    with (
        pytest.raises(kind),
        create(tmp_path / "x.tif", shape=(600, 600), count=1, dtype="uint8", compress=compress) as w,
    ):
        w.write(Window(0, 0, 512, 512), np.ones((1, 512, 512), "float32"), np.ones((512, 512), bool))
        assert not (tmp_path / "x.tif").exists()
        if when == "tiles":
            raise kind
    assert os.listdir(tmp_path) == []


FULL_DISK = """
import resource, sys
import numpy as np
from earthloom.errors import FileError
from earthloom.raster.write import cog as write
from earthloom.types import Window
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
noise = np.random.default_rng(0).random((1, 512, 512), dtype=np.float32)
try:
    with write.create(sys.argv[1], shape=(2048, 2048), count=1, dtype="float32", compress=sys.argv[2]) as out:
        for y in range(0, 2048, 512):
            for x in range(0, 2048, 512):
                out.write(Window(y, x, 512, 512), noise, np.ones((512, 512), bool))
except FileError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("compress", ["none", "zstd"])
def test_a_full_disk_is_an_error(tmp_path: Path, compress: str) -> None:
    pytest.importorskip("resource")
    command = [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path / "x.tif"), compress]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("refused:") and "x.tif" in done.stdout, done.stdout + done.stderr
    assert os.listdir(tmp_path) == []


def test_too_little_room_is_known_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = write.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(write.shutil, "disk_usage", lambda _: free)
    with pytest.raises(FileError, match="MB left"):
        save(tmp_path / "x.tif", values(1), dtype="uint8", compress="none")
    assert os.listdir(tmp_path) == []


def test_gdal_that_fails_silently_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = rasterio.shutil.copy

    def cut(source: str, target: str, **options: Any) -> None:
        copy(source, target, **options)
        with open(target, "r+b") as file:
            file.truncate(os.path.getsize(target) - 1000)

    monkeypatch.setattr(rasterio.shutil, "copy", cut)
    data = np.random.default_rng(0).random((1, 600, 600)).astype("float32")
    with pytest.raises(FileError, match=r"x\.tif"):
        save(tmp_path / "x.tif", data, dtype="float32")
    assert os.listdir(tmp_path) == []


def test_places_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match="does not exist"):
        save(tmp_path / "no" / "x.tif", values(1), dtype="uint8")
    with pytest.raises(FileError, match="is a folder"):
        save(tmp_path, values(1), dtype="uint8", overwrite=True)
    if Path("/proc/self").is_dir():
        with pytest.raises(FileError, match=r"x\.tif|read-only"):
            save(Path("/proc/x.tif"), values(1), dtype="uint8")
    monkeypatch.setattr(write.os, "access", lambda *_: False)
    with pytest.raises(FileError, match="read-only"):
        save(tmp_path / "x.tif", values(1), dtype="uint8")


def test_wrong_wishes(tmp_path: Path) -> None:
    path, good = tmp_path / "x.tif", {"shape": (4, 4), "count": 2, "dtype": "uint8"}
    for wrong, words in (
        ({"nodata": -1}, "nodata"),
        ({"nodata": float("nan")}, "nodata"),
        ({"dtype": "complex64"}, "dtype"),
        ({"names": ("a",)}, "names"),
        ({"shape": (0, 4)}, "at least one"),
    ):
        with pytest.raises(InputError, match=words):
            create(path, **{**good, **wrong})
    with create(path, **good) as out, pytest.raises(InputError, match="tile"):
        out.write(Window(0, 0, 2, 2), np.ones((2, 3, 3), "float32"), np.ones((3, 3), bool))


def test_provenance_and_describe(tmp_path: Path) -> None:
    source = put(tmp_path / "in.tif", np.arange(100, dtype="uint16").reshape(1, 10, 10), nodata=0)
    tags = provenance(
        "pansharpening/gsa", {"ridge": 0.1}, {"pan": [source], "ms": ["https://example.org/x.tif"]}, sensor="landsat8"
    )
    recorded = json.loads(tags["EARTHLOOM_INPUTS"])
    assert recorded["pan"][0]["name"] == "in.tif" and len(recorded["pan"][0]["sha256"]) == 64
    assert recorded["ms"] == [{"name": "x.tif"}] and str(tmp_path) not in json.dumps(tags)
    assert json.loads(tags["EARTHLOOM_PARAMETERS"]) == {"ridge": 0.1}
    with open_image([source]) as image:
        data, valid = image.read()
    path = save(tmp_path / "x.tif", data, valid, dtype="uint16", nodata=0, crs=UTM, transform=NORTH_UP, tags=tags)
    told = describe(path)
    json.dumps(told)
    assert told["layout"] == "COG" and told["crs"] == UTM and told["pixel"] == [1.0, 1.0] and told["nodata"] == 0
    assert told["valid_fraction"] == 0.99 and told["bands"][0]["max"] == 99 and told["bands"][0]["mean"] == 50
    assert told["provenance"]["method"] == "pansharpening/gsa" and told["provenance"]["parameters"] == {"ridge": 0.1}


def test_describe_real_files(shared: Path) -> None:
    told = describe(shared / "data/sharpening/landsat8_p020r039/l8_B4.tif")
    assert told["scaled_by"] == "l8_MTL.txt" and told["bands"][0]["name"] == "B4"
    assert 0 < told["bands"][0]["mean"] < 0.5 and told["provenance"] is None and told["shape"] == [603, 627]
    assert len(describe(shared / "data/sharpening/landsat8_p020r039")["bands"]) == 8
    assert describe(f"{shared}/data/sharpening/reduced_triplets/WV3_test.mat:gt")["crs"] is None
    with pytest.raises(FileError):
        describe("nowhere.tif")
