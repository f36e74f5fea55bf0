"""Sharpening from the command line and from Python: products, several images, blur, displacement, holes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import earthloom
from earthloom.errors import EarthloomError, InputError
from earthloom.physics.forward import reduce
from earthloom.types import Band, Observation, View
from tests.e2e.conftest import Cli, fine_truth, get, grid, put, texture
from tests.e2e.test_scaling import ADD, MTD

SIZES = {
    10: ("B02", "B03", "B04", "B08"), 20: ("B05", "B06", "B07", "B8A", "B11", "B12"), 60: ("B01", "B09"),
}  # fmt: skip
ORDER = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]


def blurred(fine: np.ndarray, ratio: int, gain: float) -> np.ndarray:
    """What a coarse sensor of this gain sees of it."""
    small = (fine.shape[1] // ratio, fine.shape[2] // ratio)
    view = View(
        np.zeros((len(fine), *small)), np.ones(small, bool), tuple(Band(str(b)) for b in range(len(fine))),
        (float(ratio),) * 2, ((ratio - 1) / 2,) * 2,
    )  # fmt: skip
    return reduce(Observation({"ms": view}, fine.shape[1:]), fine, gain)


def bands(count: int, seed: int, shape: tuple[int, int] = (192, 240)) -> np.ndarray:
    """Bands that are mixed of four textures."""
    shared = np.stack([texture(shape, k) for k in range(4)])
    mix = np.random.default_rng(seed).uniform(0.2, 1, (count, 4))
    return 2500 + 300 * np.tensordot(mix, shared, 1)


def safe(folder: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """A Level-2A product of baseline 04.00, and the truth of its coarse bands."""
    product = folder / "S2B_MSIL2A_20220301T105029_N0400_R051_T31UFT_20220301T134501.SAFE"
    truth = {}
    for number, (metres, names) in enumerate(SIZES.items()):
        inside = product / "GRANULE" / "L2A_T31UFT" / "IMG_DATA" / f"R{metres}m"
        inside.mkdir(parents=True)
        fine = bands(len(names), number)
        seen = fine if metres == 10 else blurred(fine, metres // 10, 0.3)
        for name, image, whole in zip(names, seen, fine, strict=True):
            truth[name] = whole
            stored = (image + 1000).round().astype("uint16")[None]
            put(inside / f"T31UFT_20220301T105029_{name}_{metres}m.tif", stored, grid(metres), nodata=0)
    (product / "MTD_MSIL2A.xml").write_text(MTD.format(baseline="04.00", offsets=ADD))
    return product, truth


def test_a_sentinel_2_product_in_one_command(tmp_path: Path, cli: Cli) -> None:
    product, truth = safe(tmp_path)
    out = tmp_path / "all.tif"
    done = cli("sharpen", product, "-o", out, "--method", "gwr", "-v")
    assert done.code == 0, done.err
    data, about = get(out)
    assert list(about.descriptions) == ORDER
    assert data.shape == (12, 192, 240) and about.transform == grid(10) and data.dtype == np.uint16
    assert about.offsets == (-0.1,) * 12 and about.scales == (1e-4,) * 12
    place = {name: at for at, name in enumerate(about.descriptions)}
    for name in SIZES[10]:  # as they are
        stored = (truth[name] + 1000).round().astype("uint16")
        np.testing.assert_array_equal(data[place[name]], stored)
    exp = tmp_path / "exp.tif"
    assert cli("sharpen", product, "-o", exp, "-m", "exp").code == 0
    plain = get(exp)[0]
    for name in (*SIZES[20], *SIZES[60]):
        at = place[name]
        wanted = truth[name][12:-12, 12:-12] + 1000
        error, none = (np.sqrt(((image[at][12:-12, 12:-12] - wanted) ** 2).mean()) for image in (data, plain))
        assert error < 0.6 * none, name
    told = json.loads(about.tags["EARTHLOOM_FACTS"]) if "EARTHLOOM_FACTS" in about.tags else about.tags
    assert "MTF at Nyquist" in done.err or "mtf" in str(told)


def test_info_tells_of_the_coarser_bands(tmp_path: Path, cli: Cli) -> None:
    product, _ = safe(tmp_path)
    done = cli("info", product)
    assert done.code == 0, done.err
    assert "coarser bands (B05, B06, B07, B8A, B11, B12), 96 x 120 pixels of 20 x 20" in done.out
    assert "coarser bands (B01, B09), 32 x 40 pixels of 60 x 60" in done.out


def test_an_archive_of_the_product(tmp_path: Path, cli: Cli) -> None:
    product, _ = safe(tmp_path)
    shutil.make_archive(str(tmp_path / product.stem), "zip", tmp_path, product.name)
    out, other = tmp_path / "a.tif", tmp_path / "b.tif"
    assert cli("sharpen", product, "-o", out).code == 0
    done = cli("sharpen", tmp_path / f"{product.stem}.zip", "-o", other)
    assert done.code == 0, done.err
    np.testing.assert_array_equal(get(out)[0], get(other)[0])


def test_files_of_several_grids(tmp_path: Path, cli: Cli) -> None:
    """Files of one grid are bands of one image; the product holds the coarse bands, those of the first grid first."""
    fine = put(tmp_path / "fine.tif", bands(3, 0).round().astype("uint16"), grid(10))
    at_20 = [
        put(tmp_path / f"c{k}.tif", blurred(bands(1, k), 2, 0.3).round().astype("uint16"), grid(20)) for k in (1, 2)
    ]
    at_60 = put(tmp_path / "d.tif", blurred(bands(2, 3), 6, 0.3).round().astype("uint16"), grid(60))
    out = tmp_path / "o.tif"
    done = cli("sharpen", "--fine", fine, "--coarse", at_20[0], at_60, at_20[1], "--mtf", 0.3, "-o", out)
    assert done.code == 0, done.err
    data, _ = get(out)
    assert data.shape == (4, 192, 240)
    for k, at in ((1, 0), (2, 1)):
        alone = earthloom.sharpen(str(fine), str(at_20[k - 1]), mtf=0.3)
        np.testing.assert_allclose(data[at], np.asarray(alone)[0], atol=1)


def test_several_fine_images(tmp_path: Path) -> None:
    """The finest gives the grid; a coarser one is interpolated to it, with a place and without."""
    first = put(tmp_path / "f1.tif", bands(2, 0).round().astype("uint16"), grid(10))
    second = put(tmp_path / "f2.tif", blurred(bands(1, 7), 2, 0.5).round().astype("uint16"), grid(20))
    coarse = put(tmp_path / "c.tif", blurred(bands(2, 3), 6, 0.3).round().astype("uint16"), grid(60))
    lines: list[str] = []
    made = earthloom.sharpen([str(second), str(first)], str(coarse), say=lines.append)
    assert made.shape == (2, 192, 240)
    assert any("f2.tif: interpolated" in line for line in lines), lines
    arrays = [get(path)[0] for path in (first, second, coarse)]
    np.testing.assert_allclose(earthloom.sharpen(arrays[:2], arrays[2]), np.asarray(made), atol=2)


def test_arrays(tmp_path: Path) -> None:
    fine, coarse = bands(4, 0).astype("float32"), blurred(bands(6, 1), 2, 0.3).astype("float32")
    sixty = blurred(bands(2, 2), 6, 0.3).astype("float32")
    both = earthloom.sharpen(fine, [coarse, sixty])
    assert both.shape == (8, 192, 240)
    np.testing.assert_allclose(both[:6], earthloom.sharpen(fine, coarse), atol=1e-3)
    kept = earthloom.sharpen(fine, coarse, keep_fine=True)
    np.testing.assert_array_equal(kept[:4], fine)


def test_kept_bands_of_several_fine_images_have_their_own_names(tmp_path: Path) -> None:
    names = {"f1": ("a", "b"), "f2": ("c",)}
    first = put(tmp_path / "f1.tif", bands(2, 0).round().astype("uint16"), grid(10), descriptions=names["f1"])
    second = put(
        tmp_path / "f2.tif", blurred(bands(1, 7), 2, 0.5).round().astype("uint16"), grid(20), descriptions=names["f2"]
    )
    coarse = put(tmp_path / "c.tif", blurred(bands(1, 3), 6, 0.3).round().astype("uint16"), grid(60))
    out = earthloom.sharpen([second, first], coarse, keep_fine=True, output=tmp_path / "o.tif")
    data, about = get(out)
    assert about.descriptions[:3] == ("a", "b", "c")
    np.testing.assert_array_equal(data[:2], get(first)[0])


@pytest.mark.parametrize("gain", [0.2, 0.35, 0.55])
def test_the_blur_is_found(gain: float) -> None:
    fine, coarse = bands(4, 0), bands(6, 1)
    lines: list[str] = []
    auto = earthloom.sharpen(fine, blurred(coarse, 2, gain), say=lines.append)
    told = float(next(line for line in lines if "MTF at Nyquist" in line).split("Nyquist ")[1].split()[0])
    assert abs(told - gain) < 0.03
    wrong = earthloom.sharpen(fine, blurred(coarse, 2, gain), mtf=0.8 - gain)
    errors = [np.sqrt(((image - coarse)[:, 8:-8, 8:-8] ** 2).mean()) for image in (auto, wrong)]
    assert errors[0] < errors[1]


def test_a_displacement_is_told_and_corrected(tmp_path: Path) -> None:
    fine, truth = bands(4, 0), bands(3, 1)
    shifted = np.roll(truth, (1, 1), (1, 2))
    given = {"fine": put(tmp_path / "f.tif", fine.round().astype("uint16"), grid(10))}
    given["coarse"] = put(tmp_path / "c.tif", blurred(shifted, 2, 0.3).round().astype("uint16"), grid(20))
    with pytest.warns(earthloom.EarthloomWarning, match="coarse bands lie"):
        plain = earthloom.sharpen(**given)
    moved = earthloom.sharpen(**given, register=True)
    cut = (slice(None), slice(8, -8), slice(8, -8))
    errors = [np.sqrt(((np.asarray(image) - truth)[cut] ** 2).mean()) for image in (plain, moved)]
    assert errors[1] < 0.6 * errors[0]


def test_a_hole_in_a_guide_blanks_nothing(tmp_path: Path) -> None:
    fine = bands(4, 0).astype("float32")
    fine[2, 50:70, 60:90] = np.nan
    coarse = blurred(bands(3, 1), 2, 0.3).astype("float32")
    made = earthloom.sharpen(fine, coarse)
    assert np.isfinite(made).all()
    np.testing.assert_allclose(made[:, 52:68, 62:88], earthloom.sharpen(fine, coarse, method="exp")[:, 52:68, 62:88])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"coarse": None}, "`coarse` beside it"),
        ({"mtf": 1.5}, "auto, sensor, or a gain"),
        ({"mtf": "sharp"}, "auto, sensor, or a gain"),
        ({"coarse": np.ones((2, 192, 240))}, "nothing to sharpen|ratio"),
        ({"method": "gsa"}, "gsa is a method of pansharpening"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict, words: str) -> None:
    asked = {"fine": bands(2, 0), "coarse": blurred(bands(2, 1), 2, 0.3), **given}
    with pytest.raises(EarthloomError, match=words):
        earthloom.sharpen(**asked)


def test_a_plain_file_alone_is_refused(tmp_path: Path, cli: Cli) -> None:
    alone = put(tmp_path / "f.tif", fine_truth().round().astype("uint16"), grid(10))
    done = cli("sharpen", alone, "-o", tmp_path / "o.tif")
    assert done.code == 2 and "--coarse beside it" in done.err
    with pytest.raises(InputError):
        earthloom.sharpen(alone)


def test_a_real_scene_one_scale_down(shared: Path) -> None:
    """Every band better than no fusion, all together at most 0.45 of it: 40 to 20 m of fields near Malmo."""
    folder = shared / "data/sharpening/sentinel2_20m"
    if not folder.is_dir():
        pytest.skip("no shared data")
    ten, twenty = (get(folder / f"T33UUB_{name}.tif")[0].astype("float64") for name in ("10m", "20m"))
    fine, coarse = (blurred(image, 2, 0.5) for image in (ten, twenty))
    errors = {}
    for method in ("exp", "gwr"):
        made = np.asarray(earthloom.sharpen(fine, coarse, method=method, sensor="sentinel2a"))
        errors[method] = np.sqrt(((made - twenty)[:, 6:-6, 6:-6] ** 2).mean((1, 2)))
    assert (errors["gwr"] < errors["exp"]).all()
    assert np.sqrt((errors["gwr"] ** 2).mean()) <= 0.45 * np.sqrt((errors["exp"] ** 2).mean())
