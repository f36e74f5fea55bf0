"""A block of an input that is broken: refused, or taken for missing where that is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

import earthloom
from earthloom.errors import EarthloomWarning, FileError
from earthloom.raster.handles import WAITS_S
from tests.e2e.conftest import Cli


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, Path]:
    """A PAN of blocks of 256 pixels, one of them spoilt, and an MS."""
    rng = np.random.default_rng(0)
    pan = rng.integers(200, 2000, (1, 1024, 1024)).astype("uint16")
    ms = pan.reshape(1, 256, 4, 256, 4).mean((2, 4)).astype("uint16").repeat(3, 0)
    files = {}
    for role, image, pixel in (("pan", pan, 2.5), ("ms", ms, 10.0)):
        files[role] = tmp_path / f"{role}.tif"
        with rasterio.open(
            files[role], "w", driver="GTiff", height=image.shape[1], width=image.shape[2], count=len(image),
            dtype="uint16", crs="EPSG:32633", transform=Affine(pixel, 0, 5e5, 0, -pixel, 5e6), tiled=True,
            blockxsize=256, blockysize=256, compress="deflate",
        ) as file:  # fmt: skip
            file.write(image)
    with rasterio.open(files["pan"]) as file:
        start = int(file.get_tag_item("BLOCK_OFFSET_2_1", "TIFF", bidx=1))
    with files["pan"].open("r+b") as stream:
        stream.seek(start)
        stream.write(b"\xff" * 400)
    return files


def test_it_is_an_error(pair: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"pan\.tif cannot be read"):
        earthloom.pansharpen(**pair, method="brovey", output=tmp_path / "x.tif")
    assert not (tmp_path / "x.tif").exists()


@pytest.mark.parametrize("more", [{}, {"tile_size": 200, "threads": 2}, {"runner": "processes", "threads": 2}])
def test_it_is_missing(pair: dict[str, Path], tmp_path: Path, more: dict[str, object]) -> None:
    run = {"method": "brovey", "output": tmp_path / "x.tif", "on_bad_block": "nodata", **more}
    with pytest.warns(EarthloomWarning, match="rows 256 to 511, columns 512 to 767 cannot be read"):
        earthloom.pansharpen(**pair, **run)
    with rasterio.open(tmp_path / "x.tif") as file:
        missing = file.read_masks(1) == 0
    wanted = np.zeros((1024, 1024), bool)
    wanted[256:512, 512:768] = True
    np.testing.assert_array_equal(missing, wanted)


def test_it_is_said_once_and_waited_for_once(
    pair: dict[str, Path], tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("earthloom.raster.handles.time.sleep", waited.append)
    given = ["--pan", pair["pan"], "--ms", pair["ms"], "-m", "brovey", "-o", tmp_path / "x.tif", "--threads", 1]
    done = cli("pansharpen", *given, "--tile-size", 128, "--on-bad-block", "nodata")
    assert done.code == 0 and done.err.count("cannot be read and are taken for missing") == 1, done.err
    assert len(waited) <= 2 * len(WAITS_S)  # a look at the whole scene, and the first tile that meets the block
