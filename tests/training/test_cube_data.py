"""Cubes on disk to learn super-resolution from: CAVE's folders, Harvard's .mat, any other; the protocol as flags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from scipy.io import savemat

import earthloom
from earthloom.errors import FileError, InputError, MethodError
from earthloom.physics.resample import imresize
from earthloom.raster.open import open_image
from earthloom.training.cases.samples import DataSet
from earthloom.training.cases.superresolution import CubeCases
from earthloom.weights import store as weights
from tests.e2e.conftest import Cli, grid, put
from tests.e2e.conftest import cli as cli
from tests.e2e.test_bad_input import refused

from ..contract.test_superresolution import make_cube

QUICK = ["--batch=4", "--patch=16", "--threads=1", "--device=cpu", "--no-tensorboard", "--width=4"]


def png_scene(top: Path, name: str, numbers: np.ndarray, alpha: bool = False) -> Path:
    """A scene of CAVE: a folder in a folder, a PNG per band; grey, or grey as colours with an opaque alpha."""
    inner = top / name / name
    inner.mkdir(parents=True)
    for band, image in enumerate(numbers, 1):
        colours = np.stack([image] * 3 + [np.full_like(image, np.iinfo(image.dtype).max)]) if alpha else image[None]
        put(inner / f"{name}_{band:02}.png", colours, crs=None, driver="PNG")
    (inner / f"{name}_RGB.bmp").write_bytes(b"a picture")
    return top / name


def cube(bands: int, shape: tuple[int, int] = (48, 40), seed: int = 1) -> np.ndarray:
    return np.clip(10 * make_cube(shape, bands, seed), 0, 65535).round().astype("uint16")


@pytest.fixture
def cave(tmp_path: Path) -> Path:
    top = tmp_path / "complete_ms_data"
    png_scene(top, "balls_ms", cube(31, seed=1))
    png_scene(top, "watercolors_ms", cube(31, seed=2), alpha=True)
    return top


def cases(paths: object, **more: object) -> CubeCases:
    found: DataSet = earthloom.cases(paths, "superresolution", **more)  # type: ignore[arg-type]
    assert isinstance(found, CubeCases)
    return found


def test_scenes_of_cave(cave: Path) -> None:
    found = cases(cave, ratio=4)
    assert found.names == ["balls_ms", "watercolors_ms"] and found.bands == 31
    for number, seed in enumerate((1, 2)):
        case, truth = found[number], cube(31, seed=seed)
        np.testing.assert_array_equal(case.truth, truth)
        np.testing.assert_allclose(case.obs["hs"].data, imresize(truth.astype(float), 0.25), rtol=1e-4)
        assert [band.centre_nm for band in case.obs["hs"].bands][::30] == [400, 700]
    told, blurred = (cases(cave, ratio=4, convention=name)[0].obs for name in ("bicubic", "centre"))
    np.testing.assert_array_equal(told["hs"].data, found[0].obs["hs"].data)
    assert told.convention == "bicubic" and blurred.convention == "centre"
    assert not np.array_equal(told["hs"].data, blurred["hs"].data)


def test_several_scenes_are_no_cube(cave: Path) -> None:
    with pytest.raises(InputError, match=r"2 cubes.*one cube.*balls_ms"):
        open_image(cave, role="hs")
    with pytest.raises(InputError, match=r"2 scenes.*a_ms"):
        flat = cave.parent / "flat"
        for name in ("a_ms", "b_ms"):
            (flat / name).mkdir(parents=True)
            put(flat / name / f"{name}_01.png", cube(1), crs=None, driver="PNG")
        open_image(flat, role="hs")


def test_cubes_of_all_kinds_in_one_folder(tmp_path: Path) -> None:
    """Harvard's ``ref`` beside its mask; a cube beside a picture of it; bad bands, a gap and holes in a GeoTIFF."""
    harvard, msi, numbers = cube(31), cube(7), cube(16).astype("float32")
    savemat(tmp_path / "a.mat", {"ref": np.moveaxis(harvard, 0, 2), "lbl": np.ones((48, 40))})
    savemat(tmp_path / "b.mat", {"msi": np.moveaxis(msi, 0, 2), "RGB": np.ones((48, 40, 3))})
    numbers[3] = 0
    numbers[:, 8:10, 4:6] = -1
    path = put(tmp_path / "deep.tif", numbers, grid(30), nodata=-1)
    (tmp_path / "further").mkdir()
    path = path.rename(tmp_path / "further" / "deep.tif")
    with rasterio.open(path, "r+") as file:
        for band in range(16):
            file.update_tags(band + 1, wavelength=f"{500 + 10 * band + 300 * (band > 8)}", wavelength_units="nm")
    found = cases(tmp_path, ratio=2)
    assert found.names == ["a.mat", "b.mat", "deep.tif, bands 1-9", "deep.tif, bands 10-16"]
    assert [len(found[i].truth) for i in range(4)] == [31, 7, 8, 7] and found.groups == [0, 1, 2, 3]
    np.testing.assert_array_equal(found[0].truth, harvard)
    first, second = found[2], found[3]
    assert np.isnan(first.truth[:, 8:10, 4:6]).all() and not first.obs["hs"].valid[4, 2]
    np.testing.assert_array_equal(first.truth[:, 10:], numbers[[0, 1, 2, 4, 5, 6, 7, 8], 10:])
    assert second.obs["hs"].bands[0].centre_nm == 890
    fewer = cases(path, ratio=2, bad_bands="1-2", scale=0.5)
    assert len(fewer[0].truth) == 6 and fewer[0].truth[0, 20, 20] == pytest.approx(numbers[2, 20, 20] / 2)


def test_blocks_are_whole_coarse_pixels(tmp_path: Path) -> None:
    numbers = cube(6, (50, 43))
    path = put(tmp_path / "c.tif", numbers, grid(30))
    found = cases(path, ratio=4, block_px=24)
    assert found.names == ["c.tif@0,0", "c.tif@0,20", "c.tif@24,0", "c.tif@24,20"] and set(found.groups) == {0}
    np.testing.assert_array_equal(found[3].truth, numbers[:, 24:48, 20:40])
    assert len(cases(path, ratio=4, block_px=24, limit=2)) == 2


def test_the_protocol_from_the_command_line(cli: Cli, cave: Path, tmp_path: Path) -> None:
    """One update a band with batch norm, as published; then all bands at once; what is learnt serves a file."""
    harvard = tmp_path / "held.mat"
    savemat(harvard, {"ref": np.moveaxis(cube(31, seed=5), 0, 2)})
    published = "--three-scales --each-band --batch-norm --bias --no-direct --loss l1 --lr 1e-4 --schedule halving"
    asked = ["train", "superresolution/coarsr", "--data", cave, "--validation", harvard, "--ratio", 2, *QUICK]
    done = cli(*asked, "-o", tmp_path / "run", *published.split(), "--halve-every=1", "--steps=2", "--ema=0")
    assert done.code == 0, done.err
    header = weights.read_header(tmp_path / "run")
    assert header.method == "superresolution/coarsr" and header.sizes["ratio"] == 2 and header.fields["batch_norm"]
    assert "psnr" in header.card["figures"] and "balls_ms" in header.card["data"]
    assert "halve_every = 1" in (tmp_path / "run" / "config.toml").read_text()
    rows = [row.split(",")[1] for row in (tmp_path / "run" / "log.csv").read_text().splitlines()[1:]]
    assert float([rate for rate in rows if rate][-1]) == pytest.approx(5e-5)
    assert cli("train", "coarsr", "-o", tmp_path / "run", "--resume", "-q").code == 0
    out = tmp_path / "fine.tif"
    assert cli("superresolve", harvard, "-r", 2, "--weights", tmp_path / "run", "-o", out).code == 0
    done = cli(*asked, "-o", tmp_path / "other", "--group=5", "--steps=3", "--bad-bands", "1-2")
    assert done.code == 0, done.err
    assert "bad_bands" in (tmp_path / "other" / "config.toml").read_text()


def test_from_python(tmp_path: Path) -> None:
    put(tmp_path / "c.tif", cube(7), grid(30))
    settings = {"steps": 2, "batch": 2, "patch": 16, "threads": 1, "device": "cpu", "tensorboard": False}
    with pytest.warns(Warning, match="no validation"):
        earthloom.train("sfcsr", tmp_path / "c.tif", output=tmp_path / "run", config=settings, width=4, ratio=8)
    assert weights.read_header(tmp_path / "run").sizes["ratio"] == 8


def test_refused(cli: Cli, tmp_path: Path) -> None:
    put(tmp_path / "c.tif", cube(6, (12, 12)), grid(30))
    asked = ["train", "superresolution/coarsr", "-o", tmp_path / "run"]
    refused(cli(*asked, "--data", tmp_path / "c.tif", "--ratio", 5), "ratio 5", "2, 3, 4, 8")
    refused(cli(*asked, "--data", tmp_path / "c.tif", "--ratio", 2.5), "ratio 2.5", "2, 3, 4, 8")
    refused(cli(*asked, "--data", tmp_path / "c.tif", "--ratio", 8), "c.tif of 12 x 12", "at least 16")
    refused(cli(*asked, "--data", tmp_path / "c.tif", "--convention", "toolbox"), "'toolbox'", "'bicubic'")
    refused(cli(*asked, "--data", tmp_path / "c.tif", "--schedule", "halving"), "halve_every = 0", "halving")
    (tmp_path / "empty").mkdir()
    refused(cli(*asked, "--data", tmp_path / "empty"), "holds no cube", ".mat")
    with pytest.raises(InputError, match="convention 'bicubic' for dates; expected 'centre' or 'toolbox'"):
        earthloom.cases(tmp_path, "spatiotemporal", convention="bicubic")
    with pytest.raises(InputError, match="convention 'cubic'"):
        cases(tmp_path / "c.tif", convention="cubic")
    with pytest.raises(InputError, match="peak"):
        cases(tmp_path / "c.tif", maximum=1.0)
    with pytest.raises(FileError, match="does not exist"):
        cases(tmp_path / "no.tif")
    with pytest.raises((InputError, MethodError), match="ratio"):
        earthloom.train("cf2n", tmp_path / "c.tif", output=tmp_path / "run", ratio=4)
