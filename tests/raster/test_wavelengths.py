"""Wavelengths, widths and colours of bands: however files write them, and in products for whoever reads those."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from earthloom import superresolve
from earthloom.raster.labels import bands_of
from earthloom.raster.open import open_image
from earthloom.raster.write.cog import create
from earthloom.types import Window
from tests.raster.conftest import put

NM, WIDTH = (418.24, 424.04, 2445.3), (7.1, 6.9, 10.2)


def written(
    path: Path, band_tags: list[dict[str, str]] | None = None, descriptions: object = None, **tags: str
) -> Path:
    put(path, np.ones((3, 8, 8), "int16"))
    with rasterio.open(path, "r+") as file:
        file.update_tags(**tags)
        for i, own in enumerate(band_tags or [], 1):
            file.update_tags(i, **own)
        if descriptions:
            file.descriptions = descriptions
    return path


SPELLINGS = {
    "descriptions": {"descriptions": [f"{nm} nm" for nm in NM]},
    "descriptions with a name": {"descriptions": [f"band {i} ({nm / 1e3:.5f} Micrometers)" for i, nm in enumerate(NM)]},
    "a list": {"wavelengths": ", ".join(map(str, NM)), "wavelength_units": "nanometers"},
    "a list in braces": {"WAVELENGTH": f"{{{', '.join(f'{nm / 1e3:.5f}' for nm in NM)}}}"},
    "each band": {"band_tags": [{"wavelength": str(nm), "wavelength_units": "Nanometers"} for nm in NM]},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_read(tmp_path: Path, spelling: str) -> None:
    with open_image(written(tmp_path / "a.tif", **SPELLINGS[spelling])) as image:
        assert image.wavelengths_nm == pytest.approx(NM)


@pytest.mark.parametrize(
    "tags",
    [
        {"wavelengths": "418.24, 424.04"},  # too few
        {"wavelengths": "1, 2, 3"},  # they count the bands
        {"descriptions": ["418.24 nm", "424.04 nm", "water"]},
        {"descriptions": ["reflectance 10 m", "b2 10 m", "b3 10 m"]},
        {"descriptions": ["500 nm", "500 nm", "500 nm"]},
    ],
)
def test_other_numbers_are_none(tmp_path: Path, tags: dict[str, object]) -> None:
    with open_image(written(tmp_path / "a.tif", **tags)) as image:  # type: ignore[arg-type]
        assert image.wavelengths_nm == (None, None, None)


def test_widths_come_in_and_go_out(tmp_path: Path) -> None:
    lists = {"wavelengths": " ".join(map(str, NM)), "fwhm": " ".join(map(str, WIDTH)), "wavelength_units": "nm"}
    path = written(tmp_path / "cube.tif", **lists)
    with open_image(path) as image:
        assert image.widths_nm == pytest.approx(WIDTH) and image.pick([2]).widths_nm == pytest.approx(WIDTH[2:])
        assert [band.fwhm_nm for band in bands_of(image, None)] == pytest.approx(WIDTH)
    superresolve(path, ratio=2, method="bicubic", output=tmp_path / "fine.tif")
    with rasterio.open(tmp_path / "fine.tif") as product:
        told = [product.tags(i, ns="IMAGERY") for i in product.indexes]
        assert [float(one["FWHM_UM"]) * 1e3 for one in told] == pytest.approx(WIDTH)
        assert [float(one["CENTRAL_WAVELENGTH_UM"]) * 1e3 for one in told] == pytest.approx(NM, rel=1e-4)
    with open_image(tmp_path / "fine.tif") as product:
        assert product.widths_nm == pytest.approx(WIDTH) and product.wavelengths_nm == pytest.approx(NM)
    in_um = written(tmp_path / "um.tif", fwhm="0.0071 0.0069 0.0102")
    with open_image(in_um) as image:
        assert image.widths_nm == pytest.approx(WIDTH)


@pytest.mark.parametrize("compress", ["zstd", "none"])
def test_products_open_in_colour(tmp_path: Path, compress: str) -> None:
    for names, expected in (
        (("blue", "green", "red", "nir"), ("blue", "green", "red", "undefined")),
        (("coastal", "blue", "green"), ("gray", "undefined", "undefined")),
    ):
        path = tmp_path / f"{names[0]}.tif"
        with create(path, shape=(8, 8), count=len(names), dtype="uint8", names=names, compress=compress) as out:  # type: ignore[arg-type]
            out.put(Window(0, 0, 8, 8), np.ones((len(names), 8, 8), "uint8"))
        with rasterio.open(path) as file:
            assert file.colorinterp == tuple(ColorInterp[kind] for kind in expected)
        with open_image(path) as image:
            assert image.count == len(names) and image.names == names
