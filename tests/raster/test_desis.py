"""DESIS of Level 1B, 1C and 2A, and the names by which both missions of DLR are known."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from earthloom.errors import EarthloomWarning, FileError, InputError
from earthloom.raster.formats import format_of, is_image
from earthloom.raster.metadata import dlr
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.told import Told

from .dlr_products import DESIS, L1B, L2A, NM, PLACE, desis, enmap_xml, one_line, zipped


def test_desis_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    place = desis(tmp_path)
    for path in (place, *place.glob("*METADATA.xml"), *place.glob("*SPECTRAL_IMAGE.*")):
        with open_image(path) as image:
            data, valid = image.read()
            assert image.wavelengths_nm == (401.9, 404.4, 407.0) and image.names == ("B1", "B2", "B3")
            assert image.sensor == "desis" and image.acquired == date(2019, 11, 1) and image.transform == PLACE
            np.testing.assert_allclose(data[:, 7, 5], [0.1075, 0.2075, 0.3075], rtol=1e-6)
            assert not valid[7, 0] and valid.sum() == 47
    assert is_image(place) and format_of(str(place)).name == "desis"
    assert is_image(zipped(place, tmp_path / f"{DESIS}.zip"))
    with open_image(tmp_path / f"{DESIS}.zip") as image:
        assert image.count == 3


def test_bands_that_are_counted_from_0_are_named_from_1(tmp_path: Path) -> None:
    xml = desis(tmp_path) / f"{DESIS}-METADATA.xml"
    text = xml.read_text()
    for number in (1, 2, 3):
        text = text.replace(
            f"<band><bandNumber>{number}</bandNumber><w", f"<band><bandNumber>{number - 1}</bandNumber><w"
        )
    xml.write_text(text)
    with open_image(xml) as image:
        assert image.names == ("B1", "B2", "B3") and image.wavelengths_nm == (401.9, 404.4, 407.0)


def test_desis_masks_are_cloud_shadow_and_fill(tmp_path: Path) -> None:
    place = desis(tmp_path)
    with open_mask(place) as mask:
        numbers, valid = mask.read()
        # band 1 at (1, 0), band 6 and every later one at (1, 5), band 7 at (2, 0); nothing measured at (7, 0)
        assert sorted(map(tuple, np.argwhere(numbers[0]))) == [(1, 0), (1, 5), (2, 0), (7, 0)]
        assert valid.all() and pickle.loads(pickle.dumps(mask)).read()[0].sum() == 4
    with open_mask(place, Told(bands=(3,), mask_values=(1,))) as snow:
        assert np.argwhere(snow.read()[0][0]).tolist() == [[1, 2]]


def test_desis_level_1_is_radiance_per_micrometre_without_a_mask(tmp_path: Path) -> None:
    name = DESIS.replace("L2A", "L1C")
    place = desis(tmp_path, name, gain=2.5e-3, offset=-0.1)
    (place / f"{name}-QL_QUALITY-2.tif").unlink()
    with open_image(place) as image:
        # 1075 x 0.0025 - 0.1 = 2.5875 mW cm-2 sr-1 um-1
        np.testing.assert_allclose(image.read()[0][0, 7, 5], 25.875, rtol=1e-6)
        assert image.tags["units"] == "W m-2 sr-1 um-1" and image.georeferenced
    with pytest.raises(InputError, match="without QL_QUALITY-2; expected Level 2A", check=one_line):
        open_mask(place)
    name = DESIS.replace("L2A", "L1B")
    with pytest.warns(EarthloomWarning, match="geometry of the sensor"):
        assert not open_image(desis(tmp_path, name)).georeferenced


def test_metadata_of_the_other_mission_are_refused(tmp_path: Path) -> None:
    place = desis(tmp_path)
    (place / f"{DESIS}-METADATA.xml").write_text(enmap_xml((1e-4,) * 3, (0.0,) * 3, nm=NM[:3]))
    with pytest.raises(FileError, match="is not metadata of DESIS: no band", check=one_line):
        open_image(place)


@pytest.mark.parametrize("name", ["ENMAP.tif", "ENMAP01-notes.txt", "DESIS.hdr", "a" * 300, "x.mat:hsi", "", "a\0b"])
def test_other_names_are_other_formats(name: str, tmp_path: Path) -> None:
    own = [format_of(f"{one}-METADATA.XML") for one in (L2A, DESIS)]
    assert [one.name for one in own] == ["enmap", "desis"]
    for path in (name, f"{tmp_path}/{name}"):
        assert not any(one.claims(path) or one.holds(Path(path)) for one in own)


@pytest.mark.parametrize(
    ("name", "mission", "part"),
    [
        (f"{L1B}-SPECTRAL_IMAGE_SWIR.TIF", dlr.ENMAP, "SPECTRAL_IMAGE_SWIR"),
        (f"{L2A}-SPECTRAL_IMAGE_COG.TIF".lower(), dlr.ENMAP, "SPECTRAL_IMAGE"),
        (f"{L2A}-QL_QUALITY_CLOUDSHADOW_COG.TIF", dlr.ENMAP, "QL_QUALITY_CLOUDSHADOW"),
        (f"{L2A}-SPECTRAL_IMAGE.TIF.aux.xml", dlr.ENMAP, None),
        (f"{L2A}-QL_VNIR.png", dlr.ENMAP, None),
        (f"{DESIS}-QL_QUALITY-2.tif", dlr.DESIS, "QL_QUALITY-2"),
        (f"{DESIS}-HISTORY.xml", dlr.DESIS, None),
        (f"{DESIS}-METADATA.xml", dlr.ENMAP, None),
    ],
)
def test_parts_are_known_by_their_names(name: str, mission: dlr.Mission, part: str | None) -> None:
    assert dlr.part_of(Path(name), mission) == part
