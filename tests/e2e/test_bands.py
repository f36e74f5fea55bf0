"""Which band is which: told by names, chosen by numbers, assumed by order and then said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from earthloom import align, decloud, pansharpen, superresolve
from earthloom.errors import EarthloomWarning, InputError, SensorError
from earthloom.raster.labels import bands_of
from earthloom.raster.open import open_image
from earthloom.sensors import load
from tests.e2e.conftest import Cli
from tests.raster.conftest import put

ORDER = ["red", "green", "blue", "nir"]


def numbers(bands: int, side: int) -> np.ndarray:
    return np.random.default_rng(bands).integers(200, 900, (bands, side, side)).astype("uint16")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A PAN and an MS of four bands without names, lying nowhere."""
    nowhere = {"crs": None, "transform": Affine.identity()}
    pan, ms = numbers(1, 64), numbers(4, 16)
    return put(tmp_path / "pan.tif", pan, **nowhere), put(tmp_path / "ms.tif", ms, **nowhere)


def test_names_for_bands_without_any_call_them(pair: tuple[Path, Path], tmp_path: Path, cli: Cli) -> None:
    pan, ms = pair
    out = tmp_path / "o.tif"
    done = cli("pansharpen", "--pan", pan, "--ms", ms, "-m", "exp", "--sensor", "spot6", "--bands", *ORDER, "-o", out)
    assert done.code == 0 and "by their order" not in done.out + done.err
    with rasterio.open(out) as product:
        assert list(product.descriptions) == ORDER
        centres = [float(product.tags(i)["wavelength"]) for i in product.indexes]
    assert centres[0] > centres[1] > centres[2]  # red, green, blue
    assert sorted(centres) == sorted(band.centre_nm for band in load("spot6").bands)


def test_the_order_that_is_assumed_is_said(pair: tuple[Path, Path], tmp_path: Path, cli: Cli) -> None:
    pan, ms = pair
    given = ("pansharpen", "--pan", pan, "--ms", ms, "-m", "exp", "-o", tmp_path / "o.tif")
    done = cli(*given, "--sensor", "spot6")
    assert "bands taken for blue, green, red, nir by their order (--bands says otherwise)" in done.out + done.err
    done = cli(*given, "--overwrite")
    assert "by their order" not in done.out + done.err  # nobody says which sensor: nothing is assumed


def test_a_name_that_the_sensor_lacks_is_refused(pair: tuple[Path, Path]) -> None:
    with pytest.raises(SensorError, match=r"has no band 'rad'; .* did you mean 'red'"):
        pansharpen(*pair, sensor="spot6", bands=["rad", *ORDER[1:]])
    with pytest.raises(InputError, match=r"band red of ms\.tif; expected 1 to 4"):
        pansharpen(*pair, sensor="spot6", bands=["red", "green"])


def test_arrays_take_names_and_numbers_too() -> None:
    pan, ms = numbers(1, 64)[0], numbers(4, 16)
    whole = pansharpen(pan, ms, method="exp")
    np.testing.assert_array_equal(pansharpen(pan, ms, method="exp", bands=[3, 1]), whole[[2, 0]])
    np.testing.assert_array_equal(pansharpen(pan, ms, method="exp", sensor="spot6", bands=ORDER), whole)


def test_chosen_bands_stay_what_they_are_in_the_whole(tmp_path: Path) -> None:
    """The third of SPOT's four bands is red, also when it is chosen first; names that only number do not matter."""
    path = put(tmp_path / "ms.tif", numbers(4, 16))
    spot = load("spot6")
    with open_image(path, bands=[3, 1]) as image:
        assert [band.name for band in bands_of(image, spot)] == ["red", "blue"]
        assert [band.name for band in bands_of(image.pick([1]), spot)] == ["blue"]
    with rasterio.open(path, "r+") as file:
        for i in file.indexes:
            file.set_band_description(i, f"Band {i}")
    with open_image(path, bands=[4, 2]) as image:
        assert [band.name for band in bands_of(image, spot)] == ["nir", "green"]


def test_colours_of_the_file_speak_up(tmp_path: Path) -> None:
    path = put(tmp_path / "ms.tif", numbers(4, 16), photometric="RGB")
    with open_image(path) as image, pytest.warns(EarthloomWarning, match="marks its bands as red, green, blue, by th"):
        bands_of(image, load("spot6"))
    with open_image(path, bands=ORDER) as image:
        assert [band.name for band in bands_of(image, load("spot6"))] == ORDER


def test_every_verb_takes_names(tmp_path: Path) -> None:
    """The ones without pairs of sensors here; those have them for each of the two."""
    rgb = numbers(3, 32)
    path = put(tmp_path / "rgb.tif", rgb, crs=None, transform=Affine.identity())
    more = {"source_sensor": "sentinel2a", "target_sensor": "landsat8", "method": "hls", "source_scale": 1e-4}
    made = align(path, **more, source_bands=["red", "green", "blue"])
    assert made.shape == rgb.shape
    assert set(made["band"].values) == {"blue", "green", "red"}
    cube = put(tmp_path / "cube.tif", numbers(6, 16))
    assert superresolve(cube, ratio=2, method="bicubic", bands=[6, 1, 2, 3, 4]).shape == (5, 32, 32)
    mask = np.zeros((32, 32), bool)
    mask[4:9, 4:9] = True
    four = numbers(4, 32)
    clear = decloud(four, mask=mask, method="inpaint", bands=[2, 1])
    np.testing.assert_array_equal(clear[:, ~mask], four[[1, 0]][:, ~mask])
