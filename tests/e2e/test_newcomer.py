"""What somebody types in the first hour: files without a flag, jobs left out, images in each other's place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import earthloom
from earthloom.evaluation.several import Reports
from earthloom.raster.write.place import layer_place
from earthloom.types import Report
from tests.e2e.conftest import Cli, get, grid, put
from tests.e2e.test_bad_input import refused

NAMES = ("blue", "green", "red", "nir")


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A folder of images: PAN, MS with names, two products and their truth."""
    rng = np.random.default_rng(0)
    put(tmp_path / "pan.tif", rng.integers(50, 900, (1, 96, 96)).astype("uint16"), grid(2.5))
    put(tmp_path / "ms.tif", rng.integers(50, 900, (4, 24, 24)).astype("uint16"), grid(10), descriptions=NAMES)
    for name in ("a", "b", "truth"):
        put(
            tmp_path / f"{name}.tif", rng.integers(50, 900, (4, 96, 96)).astype("uint16"), grid(2.5), descriptions=NAMES
        )
    return tmp_path


WRONG = {  # what is typed, with names of files in the folder: words of the answer
    "no flags": ("pansharpen pan.tif ms.tif -o x.tif", "'ms.tif' belongs to no option; say", "file is: --pan, --ms"),
    "no date": ("predict --pair a.tif b.tif --coarse ms.tif 2020-01-01 -o x.tif", "--pair needs 3 values"),
    "a near sensor": ("pansharpen --pan pan.tif --ms ms.tif --sensor landsta7 -o x.tif", "did you mean 'landsat7'"),
    "another sensor": (
        "pansharpen --pan pan.tif --ms ms.tif --sensor worldview3 -o x.tif",
        "ms.tif: WorldView-3 has no band 'nir'", "is it the right sensor?",
    ),
    "exchanged": ("sharpen --fine ms.tif --coarse a.tif -o x.tif", "4 times those of a.tif", "are the two exchanged?"),
    "a folder": ("pansharpen --pan pan.tif --ms . -o x.tif", "5 images", "name the file, such as a.tif"),
    "no truth": ("evaluate a.tif truth.tif", "of several products one is the truth? pass --reference"),
    "other pixels": ("evaluate a.tif --reference ms.tif --ratio 4", "a.tif with pixels of 2.5", "ms.tif with"),
    "no job": ("compare --pan pan.tif --ms ms.tif --methods gsa -o x.html", "methods of no job", "one of align"),
    "an image for a transform": ("align apply ms.tif a.tif -o x.tif", "ms.tif is no transform", "image in its place?"),
    "the wrong word": ("compare pansharpn --methods gsa", "`earthloom compare pansharpn`"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_the_answer_says_what_to_type(case: str, scene: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scene)
    line, *words = WRONG[case]
    before = sorted(scene.iterdir())
    refused(cli(*line.split()), *words)
    assert sorted(scene.iterdir()) == before


def test_one_image_without_a_place_names_the_flag(scene: Path, cli: Cli) -> None:
    bare = put(scene / "bare.tif", np.ones((4, 24, 24), "uint16"), None, crs=None)
    line = cli("pansharpen", "--pan", scene / "pan.tif", "--ms", bare, "-o", scene / "x.tif")
    refused(line, "bare.tif has none", "--ignore-georeferencing")


def test_figures_without_a_ratio_leave_out_what_goes_by_it(scene: Path, cli: Cli) -> None:
    product, truth = scene / "a.tif", scene / "truth.tif"
    done = cli("evaluate", product, "--reference", truth, "--json")
    told = json.loads(done.out)
    assert done.code == 0 and any("such as `ratio=4`" in note for note in told["notes"])
    whole = earthloom.evaluate(product, truth, ratio=4)
    by_ratio = set(whole.figures) - set(told["figures"])
    assert by_ratio == {"ergas", "truth_omission_percent", "truth_hallucination_percent"} and not whole.notes[1:]
    assert told["figures"] == pytest.approx({k: v for k, v in whole.figures.items() if k not in by_ratio})


def test_several_products_are_a_report_of_the_first(scene: Path) -> None:
    names = [scene / "a.tif", scene / "b.tif"]
    found, first = (
        earthloom.evaluate(names, scene / "truth.tif", ratio=4),
        earthloom.evaluate(names[0], scene / "truth.tif", ratio=4),
    )
    assert isinstance(found, Reports) and isinstance(found, Report) and not isinstance(first, Reports)
    assert found.figures == first.figures == found["a.tif"].figures and list(found.rows) == ["a.tif", "b.tif"]


def test_a_date_without_a_mask(scene: Path, cli: Cli) -> None:
    mask = np.zeros((1, 96, 96), "uint8")
    mask[:, 30:50, 30:60] = 1
    files = {"--mask": put(scene / "mask.tif", mask, grid(2.5)), "--date": scene / "b.tif"}
    typed = [word for pair in files.items() for word in pair]
    for name, more in (("with.tif", ("--date-mask", "none")), ("without.tif", ())):
        done = cli("decloud", "--optical", scene / "a.tif", *typed, *more, "-o", scene / name)
        assert done.code == 0, done
    np.testing.assert_array_equal(get(scene / "with.tif")[0], get(scene / "without.tif")[0])
    many = cli("decloud", "--optical", scene / "a.tif", *typed, "--date-mask", "none", "none", "-o", scene / "x.tif")
    refused(many, "2 masks for 1 dates", "none stands for a date without")


def test_layers_of_two_products_of_one_stem_have_places_of_their_own() -> None:
    places = [layer_place(Path(f"x{ending}")).name for ending in (".tif", ".mat", ".MAT", ".zarr")]
    assert places == ["x_quality.tif", "x.mat_quality.tif", "x.MAT_quality.tif", "x_quality.zarr"]


def test_a_kept_transform_without_an_output_gives_an_array(scene: Path) -> None:
    told = {"source_sensor": "sentinel2a", "target_sensor": "landsat8"}
    other = put(scene / "other.tif", get(scene / "a.tif")[0] * 9 // 10, grid(2.5), descriptions=NAMES)
    kept = earthloom.fit_alignment(scene / "a.tif", other, method="ols", **told)
    image = earthloom.align(scene / "a.tif", method=kept)
    written = get(earthloom.align(scene / "a.tif", method=kept, output=scene / "aligned.tif"))[0]
    assert image.shape == (4, 96, 96)
    np.testing.assert_allclose(image, written, atol=0.51)


def test_weights_say_whose_network_is_exported(scene: Path, cli: Cli) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    done = cli("export", "cf2n", "--weights", "generic_4to1", "-o", scene / "net.onnx")
    assert done.code == 0 and done.out.splitlines()[0].endswith("pansharpening/cf2n with weights 'generic_4to1'")
    refused(cli("export", "cf2n", "-o", scene / "other.onnx"), "--problem cloud_removal")
