"""`earthloom info` as a doctor for files: what is understood, how that is known, and what may be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from earthloom import info, predict
from tests.e2e.conftest import Cli
from tests.raster.conftest import put
from tests.raster.test_delivered import landsat, packed, safe


def test_a_plain_file(tmp_path: Path, cli: Cli) -> None:
    numbers = np.random.default_rng(0).integers(100, 900, (4, 40, 40)).astype("uint16")
    numbers[:, :10] = 0
    numbers[2, 20:] = 65535
    path = put(tmp_path / "ms.tif", numbers, photometric="RGB")
    (tmp_path / "ms.tif.aux.xml").write_text("<PAMDataset/>")
    told = info(path, "spot6")
    assert told["format"] == "gdal" and told["known_by"] == "their order in SPOT-6 (NAOMI)"
    assert [band["taken_for"] for band in told["bands"]] == ["blue", "green", "red", "nir"]
    assert told["nothing"] == "no number: every pixel counts" and told["beside"] == ["ms.tif.aux.xml"]
    assert len(told["suspicious"]) == 3
    for words in (
        "marks its bands as red, green, blue",
        "25% of the pixels are 0 in all bands",
        "50% of band 3 lie at",
    ):
        assert any(words in sentence for sentence in told["suspicious"]), words
    shown = cli("info", path, "--sensor", "spot6").out
    assert (
        "bands known by  their order in SPOT-6 (NAOMI)" in shown
        and "no code says that 0 is nothing: --nodata 0" in shown
    )
    assert "bands known by  nothing: name a --sensor" in cli("info", path).out
    assert json.loads(cli("info", path, "--json").out)["known_by"] == "nothing: name a `sensor`"


def test_bands_that_are_never_valid_together(tmp_path: Path, cli: Cli) -> None:
    numbers = np.full((2, 10, 10), 7, "int16")
    numbers[0, :6], numbers[1, 6:] = -1, -1
    told = info(put(tmp_path / "m.tif", numbers, nodata=-1))
    assert told["valid_fraction"] == 0 and [band["valid_fraction"] for band in told["bands"]] == [0.4, 0.6]
    assert [band["mean"] for band in told["bands"]] == [7, 7] and told["nothing"] == "-1"
    assert told["suspicious"] == ["no pixel is valid in all bands at once: a product would be empty; choose `bands`"]
    assert "60.0%" in cli("info", tmp_path / "m.tif").out


def test_products_tell_what_else_they_hold(tmp_path: Path) -> None:
    told = info(landsat(tmp_path))
    assert told["format"] == "archive" and told["sensor"] == "Landsat-8 OLI" and told["acquired"] == "2024-05-12"
    assert [(one["role"], one["shape"], one["pixel"]) for one in told["also"]] == [
        ("pan", [24, 24], [15.0, 15.0]), ("mask", [12, 12], [30.0, 30.0])
    ]  # fmt: skip
    assert told["numbers"] == "2e-05 * number -0.1" and told["known_by"] == "their names in the file"
    told = info(packed(safe(tmp_path)))
    assert told["sensor"] == "Sentinel-2A MSI" and [one["role"] for one in told["also"]] == ["mask", "coarse_1"]
    assert told["numbers"] == "0.0001 * number -0.1" and told["nothing"] == "0"


def test_what_a_verb_would_warn_of_is_told_before(tmp_path: Path) -> None:
    path = put(tmp_path / "rgba.tif", np.random.default_rng(0).integers(1, 200, (4, 16, 16)).astype("uint8"))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [rasterio.enums.ColorInterp[kind] for kind in ("red", "green", "blue", "alpha")]
    assert any("alpha but holds no mask" in sentence for sentence in info(path)["suspicious"])
    assert info(path)["bands"][3]["max"] > 100


@pytest.mark.parametrize(("dtype", "code"), [("int16", -32768), ("uint16", 0)])
def test_holes_in_signed_numbers_leave_zeros_alone(tmp_path: Path, dtype: str, code: float) -> None:
    """0 dB, 0 degrees or an index of 0 are measurements: the code lies at the end of the type."""
    fine = np.arange(-50, 50).reshape(1, 10, 10).astype("int16") if dtype == "int16" else np.ones((1, 10, 10), dtype)
    paths = [put(tmp_path / f"{day}.tif", fine) for day in ("2020-01-01", "2020-02-01")]
    mask = put(tmp_path / "mask.tif", np.eye(10, dtype="uint8")[None])
    predict([(paths[0], paths[0])], paths[1], "copy", fine_masks=[mask], output=tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as product:
        assert product.nodata == code
        np.testing.assert_array_equal(product.read()[0][~np.eye(10, dtype=bool)], fine[0][~np.eye(10, dtype=bool)])
