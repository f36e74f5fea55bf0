"""Granules of EMIT: the table lays them on the map, the header says what the numbers are, masks are found."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from earthloom.errors import EarthloomError, EarthloomWarning, FileError, InputError
from earthloom.raster import ortho
from earthloom.raster.formats import format_of, images_in, is_image
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.stores import StoreReader
from earthloom.raster.told import Told
from earthloom.types import Window

from .emit_granule import GRID, MASK_V1, MASK_V2, PIXEL, emit_granule, turned

NAME = "EMIT_L2A_RFL_001_20220903T163129_2224611_012.nc"
MASK = "EMIT_L2A_MASK_001_20220903T163129_2224611_012.nc"
RAW = np.array([[[0.11, 0.21], [0.12, 0.22], [0.13, 0.23]], [[0.14, 0.24], [0.15, 0.25], [0.16, 0.26]]])
TABLE_X = np.array([[0, 1, 3, -3], [2, 2, -9999, 3]])  # column of the raw image, from 1
TABLE_Y = np.array([[0, 2, 1, -1], [1, 2, -9999, 2]])  # row
ON_MAP = np.array([[0, 0.14, 0.13, 0.13], [0.12, 0.15, 0, 0.16]])
SEEN = np.array([[0, 1, 1, 1], [1, 1, 0, 1]], bool)


def small(path: Path, raw: np.ndarray = RAW, **more: Any) -> Path:
    return emit_granule(path, raw, TABLE_X, TABLE_Y, **more)


def one_line(error: BaseException) -> bool:
    return "\n" not in str(error)


def test_the_table_lays_it_on_the_map(tmp_path: Path) -> None:
    path = small(tmp_path / NAME, wavelengths=(381.00558, 2492.9238), good=(1, 0))
    with open_image(path) as image:
        data, valid = image.read()
        np.testing.assert_array_equal(valid, SEEN)
        np.testing.assert_allclose(data, [ON_MAP, np.where(SEEN, ON_MAP + 0.1, 0)], atol=1e-7)
        assert image.shape == (2, 4) and image.crs == "EPSG:4326" and image.transform == GRID
        corner = (image.transform.c, image.transform.f)
        assert corner == (-115.94639824146, 33.3865592156276), "of the first pixel, not its centre"
        assert image.transform.a == PIXEL == -image.transform.e
        assert image.wavelengths_nm == (381.0056, 2492.9238) and image.bad_bands == (2,)
        assert image.acquired == date(2022, 9, 3) and image.sensor == "EMIT" and image.nodata == -9999
        assert image.scales == (1, 1) and image.tags["unit"] == "1" and image.tags["product_version"] == "V001"
        one = image.read(Window(1, 1, 1, 3))
        np.testing.assert_allclose(one[0][0], [[0.15, 0, 0.16]], atol=1e-7)
        np.testing.assert_array_equal(one[1], [[True, False, True]])
        again = pickle.loads(pickle.dumps(image))
    np.testing.assert_array_equal(again.read()[0], data)
    again.close()


def test_fill_is_missing_and_the_deep_water_bands_are_bad_not_missing(tmp_path: Path) -> None:
    raw = RAW.copy()
    raw[0, 1], raw[:, :, 1] = -9999, -0.01
    with open_image(small(tmp_path / NAME, raw, good=(1, 0))) as image:
        data, valid = image.read()
        np.testing.assert_array_equal(valid, SEEN & [[1, 1, 1, 1], [0, 1, 1, 1]])
        assert set(np.round(data[1][valid], 6)) == {np.float32(-0.01)} and image.bad_bands == (2,)
        assert not image.any_valid(Window(0, 0, 1, 1)) and image.any_valid()
    with open_image(small(tmp_path / NAME, raw, good=(1, 0)), bands=[2, 1]) as image:
        assert image.bad_bands == (1,) and round(float(image.read()[0][1, 0, 1]), 6) == 0.14
    with open_image(small(tmp_path / NAME, RAW), nodata=float(np.float32(0.14))) as image:
        np.testing.assert_array_equal(image.read()[1], SEEN & [[1, 0, 1, 1], [1, 1, 1, 1]])


def test_a_large_raw_image_is_read_by_blocks_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    image = rng.random((3, 40, 60)).astype("float32")
    path = emit_granule(tmp_path / NAME, *turned(image))
    sizes: list[int] = []
    whole = StoreReader.numbers

    def counted(reader: StoreReader, rows: slice, cols: slice) -> np.ndarray:
        found = whole(reader, rows, cols)
        if found.dtype == np.float32:
            sizes.append(found.nbytes)
        return found

    monkeypatch.setattr(StoreReader, "numbers", counted)
    monkeypatch.setattr(ortho, "BLOCK_BYTES", 5 * 3 * 40 * 4)  # five lines of the track
    with open_image(path) as opened:
        np.testing.assert_array_equal(opened.read()[0], image)
        assert len(sizes) in (12, 13) and max(sizes) <= ortho.BLOCK_BYTES
        np.testing.assert_array_equal(opened.read(Window(7, 9, 20, 30))[0], image[:, 7:27, 9:39])
        thin, valid = opened.decimated(30)
        assert thin.shape == (3, 20, 30) and valid.all()
        np.testing.assert_array_equal(thin.astype("float32"), image[:, ::2, ::2])
        assert max(sizes) <= ortho.BLOCK_BYTES


@pytest.mark.parametrize("names", ["wavelengths", "radiance_wl"])
def test_radiance_is_in_si_units(tmp_path: Path, names: str) -> None:
    path = tmp_path / "EMIT_L1B_RAD_001_20220903T163129_2224611_012.nc"
    small(path, array="radiance", units="uW/cm^2/SR/nm", wavelengths=(400, 500))
    with h5py.File(path, "a") as file:
        file.move("sensor_band_parameters/wavelengths", f"sensor_band_parameters/of_{names}")
        file.move(f"sensor_band_parameters/of_{names}", f"sensor_band_parameters/{names}")
    with open_image(path) as image:
        assert image.read()[0][1, 1, 1] == pytest.approx(2.5) and image.tags["unit"] == "W m-2 sr-1 um-1"
        assert image.wavelengths_nm == (400, 500) and image.bad_bands == ()


def test_radiance_in_another_unit_is_told(tmp_path: Path) -> None:
    path = tmp_path / "EMIT_L1B_RAD_001_20220903T163129_2224611_012.nc"
    small(path, array="radiance", units="W/m^2/sr/um")
    with pytest.warns(EarthloomWarning, match="radiance in W/m\\^2/sr/um instead of"), open_image(path) as image:
        assert image.scales == (1, 1) and image.tags["unit"] == "W/m^2/sr/um"
    small(path, array="radiance", units="")
    with pytest.warns(EarthloomWarning, match="radiance without a unit"), open_image(path) as image:
        assert image.scales == (10, 10)


def flags(bands: tuple[str, ...], **set_: tuple[int, int]) -> np.ndarray:
    """A raw mask in which some bands, named by their first word, are set at one pixel."""
    raw = np.zeros((2, 3, len(bands)))
    for at, name in enumerate(bands):
        first = name.split()[0].lower().replace("-", "_")
        if first in set_:
            raw[set_[first]] = np.where(np.arange(len(bands)) == at, 1, raw[set_[first]])
        if name.startswith(("AOD", "H2O", "SpecTf-Cloud P", "SpecTf-B")):
            raw[:, :, at] = 0.7
    return raw


@pytest.mark.parametrize("bands", [MASK_V1, MASK_V2, (*MASK_V2[:3], *MASK_V2[4:5], *MASK_V2[8:])])
@pytest.mark.parametrize("kind", ["cloud", "cirrus", "dilated", "spacecraft", "water", "aggregate", "spectf_cloud"])
def test_which_flags_hide_the_ground(tmp_path: Path, bands: tuple[str, ...], kind: str) -> None:
    small(tmp_path / NAME)
    raw = flags(bands, **{kind: (0, 1)})
    small(tmp_path / MASK, raw, array="mask", mask_bands=bands)
    there = any(name.lower().replace("-", "_").startswith(kind) and "Flag" in name.title() for name in bands)
    hides = there and kind not in ("water", "aggregate")
    for path in (NAME, MASK):
        with open_mask(tmp_path / path) as mask:
            numbers, valid = mask.read()
            assert mask.count == 1 and valid.all() and mask.crs == "EPSG:4326" and mask.transform == GRID
            np.testing.assert_array_equal(numbers[0], [[1, 0, 0, 0], [int(hides), 0, 1, 0]])
            np.testing.assert_array_equal(mask.decimated(4)[0][0], numbers[0])


def test_a_mask_is_an_image_of_its_bands(tmp_path: Path) -> None:
    path = small(tmp_path / MASK, flags(MASK_V1, water=(1, 2)), array="mask", mask_bands=MASK_V1)
    with open_image(path, bands=["water flag", "AOD550"]) as image:
        assert image.names == ("Water flag", "AOD550") and image.read()[0][:, 1, 3].tolist() == [1, np.float32(0.7)]
    with open_mask(path, Told(bands=("Water flag",))) as mask:
        np.testing.assert_array_equal(mask.read()[0][0], [[1, 0, 0, 0], [0, 0, 1, 1]])
    with open_mask(path, Told(bands=(3,), mask_values=(1.0,))) as mask:  # what the user says of its numbers
        numbers, valid = mask.read()
        np.testing.assert_array_equal(numbers[0][valid], [0, 0, 0, 0, 0, 1])


def test_the_mask_of_the_granule_is_found(tmp_path: Path) -> None:
    path = small(tmp_path / NAME)
    with pytest.raises(FileError, match=r"no mask lies beside .*EMIT_L2A_MASK_\*_20220903T163129\*", check=one_line):
        open_mask(path)
    other = "EMIT_L2A_MASK_001_20220903T163141_2224611_013.nc"
    small(tmp_path / other, array="mask", mask_bands=MASK_V1[:2])
    with pytest.raises(FileError, match="no mask lies beside"):
        open_mask(path)
    for name in ("EMIT_L2A_MASK_002_20220903T163129_2224611_012.nc", "emit_l2a_mask_003_20220903t163129.nc", MASK):
        small(tmp_path / name, flags(MASK_V1), array="mask", mask_bands=MASK_V1)
    with open_mask(path) as mask:
        assert Path(mask.paths[0]).name == MASK, "that of the same version"
    (tmp_path / MASK).unlink()
    with open_mask(path) as mask:
        assert Path(mask.paths[0]).name == "emit_l2a_mask_003_20220903t163129.nc", "else the newest"
    small(tmp_path / "EMIT_L2A_RFL_mine.nc")
    with pytest.raises(FileError, match="no mask lies beside EMIT_L2A_RFL_mine"):
        open_mask(tmp_path / "EMIT_L2A_RFL_mine.nc")
    small(tmp_path / MASK, array="mask", mask_bands=("Water flag", "AOD550"))
    with pytest.raises(FileError, match="a mask of Water flag, AOD550; expected some of cloud flag", check=one_line):
        open_mask(path)


def edited(path: Path, change: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "a") as file:
        change(file)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.__delitem__("location"), r'has no lookup table .*NETCDF:".*RFL_001.*":reflectance'),
        (lambda file: file.__delitem__("location/glt_y"), "has no lookup table"),
        (lambda file: file.attrs.__delitem__("geotransform"), "lacks the attribute geotransform"),
        (lambda file: file.attrs.__setitem__("spatial_ref", "nowhere"), "cannot be read: .*WKT"),
        (lambda file: file.move("reflectance", "obs"), "holds obs; expected reflectance, radiance or mask"),
        (lambda file: file.__delitem__("reflectance"), "holds no image"),
        (lambda file: file.create_dataset("sensor_band_parameters/wavelengths", data=[1.0]), "1 wavelengths for 2"),
    ],
)
def test_what_is_no_granule_is_refused_in_one_line(tmp_path: Path, change: Any, said: str) -> None:
    path = edited(small(tmp_path / NAME), change)
    for role in ("ms", "hs", "mask", None):
        with pytest.raises(InputError, match=said, check=one_line):
            open_image(path, role=role)


def test_a_table_of_another_image_is_refused(tmp_path: Path) -> None:
    path = emit_granule(tmp_path / NAME, RAW, TABLE_X + 1, TABLE_Y)
    with pytest.raises(FileError, match="points beside its image", check=one_line), open_image(path) as image:
        image.read()


def test_half_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    whole = small(tmp_path / NAME).read_bytes()
    for keep in (0, 8, len(whole) // 2, len(whole) - 1):
        (tmp_path / NAME).write_bytes(whole[:keep])
        with pytest.raises(EarthloomError, match="EMIT_L2A_RFL_001", check=one_line), open_image(tmp_path / NAME) as it:
            it.read()
    (tmp_path / NAME).unlink()
    for role in ("ms", "mask"):
        with pytest.raises(FileError, match=r"EMIT_L2A_RFL_001.* cannot be read: .*No such file", check=one_line):
            open_image(tmp_path / NAME, role=role)


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    small(tmp_path / NAME)
    with zipfile.ZipFile(tmp_path / "granule.zip", "w") as archive:
        archive.write(tmp_path / NAME, f"deep/{NAME}")
        archive.writestr("browse.txt", "")
    inside = f"/vsizip/{{{tmp_path / 'granule.zip'}}}/deep/{NAME}"
    assert format_of(inside).name == "emit"
    with pytest.raises(InputError, match=r"lies in an archive; .*unpack it first", check=one_line):
        open_image(inside)


def test_the_name_tells_and_leaves_other_files_to_netcdf(tmp_path: Path) -> None:
    for name in (NAME, NAME.lower(), "EMIT_L1B_RAD_002_20220810T064957.nc", "EMIT_L2A_MASK_001.nc", "EMIT_L1B_OBS.nc"):
        assert format_of(name).name == format_of(f"/far/away/{name}").name == "emit", name
    for name in ("EMIT.nc", "emissions_L2A.nc", f"old_{NAME}", f'NETCDF:"{NAME}":reflectance', "cube.nc", "x.nc4"):
        assert format_of(name).name == "netcdf", name
    for kind in ("L2A_MASK", "L2A_RFLUNCERT", "L1B_OBS", "L2A_RFL", "L1B_RAD"):
        (tmp_path / NAME.replace("L2A_RFL", kind)).write_bytes(b"")
    assert [path.name[5:12] for path in images_in(tmp_path)] == ["L1B_RAD", "L2A_RFL"]
    assert not is_image(tmp_path / MASK)
