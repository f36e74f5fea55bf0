"""Before and after: `--preview`, `preview=` and `earthloom.plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

import earthloom
from earthloom.errors import FileError, InputError
from tests.contract.verbs.cases import CASES, Case
from tests.e2e.conftest import Cli, fine_truth, grid, observed, put

PANSHARPEN = next(case for case in CASES if case.verb == "pansharpen")
PNG = b"\x89PNG"


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_every_verb_shows_before_and_after(case: Case, tmp_path: Path) -> None:
    facts: dict[str, Any] = {}
    product = case.call(
        case.inputs(tmp_path), output=tmp_path / "product.tif", preview=tmp_path / "p.png", facts=facts.update
    )
    assert facts["preview"] == str(tmp_path / "p.png") and (tmp_path / "p.png").read_bytes().startswith(PNG)
    assert imread(tmp_path / "p.png")[..., :3].std() > 0.1
    figure = earthloom.plot(product)
    assert titles(figure)[-1] == "Product" and len(titles(figure)) > 1
    window = earthloom.plot(product, window=(0, 0, 16, 16))
    assert titles(window) == 2 * titles(figure)[: len(titles(window)) // 2]
    with pytest.raises(FileError, match="exists"):
        case.call(case.inputs(tmp_path), output=tmp_path / "other.tif", preview=tmp_path / "p.png")
    assert not (tmp_path / "other.tif").exists()


def test_flags(tmp_path: Path, cli: Cli) -> None:
    given = PANSHARPEN.inputs(tmp_path)
    words = ("pansharpen", "--pan", given["pan"], "--ms", given["ms"], "-m", "exp")
    done = cli(*words, "-o", tmp_path / "a.tif", "--preview")
    assert done.code == 0 and "a_preview.png" in done.err and (tmp_path / "a_preview.png").is_file()
    done = cli(*words, "--preview", tmp_path / "mine.png", "-o", tmp_path / "b.tif")
    assert done.code == 0 and (tmp_path / "mine.png").is_file() and not (tmp_path / "b_preview.png").exists()
    done = cli(*words, "-o", tmp_path / "c.tif", "--preview=" + str(given["pan"]))
    assert done.code == 2 and "PNG" in done.err and not (tmp_path / "c.tif").exists()


def test_several_products_have_one_each(tmp_path: Path) -> None:
    rows = [{**PANSHARPEN.inputs(tmp_path), "name": name} for name in ("one", "two")]
    earthloom.batch("pansharpen", rows, tmp_path / "out", method="exp", preview=True)
    assert all((tmp_path / f"out/{name}_preview.png").is_file() for name in ("one", "two"))
    with pytest.raises(InputError, match="each has its own"):
        earthloom.batch("pansharpen", rows, tmp_path / "again", method="exp", preview=tmp_path / "p.png")


def test_arrays_have_no_preview_but_a_plot() -> None:
    pan, ms = observed(fine_truth((256, 256), 4))
    with pytest.raises(InputError, match="without a GeoTIFF"):
        earthloom.pansharpen(pan[0], ms, method="exp", preview="p.png")
    sharp = earthloom.pansharpen(pan[0], ms, method="exp")
    figure = earthloom.plot(sharp, ms=ms, pan=pan[0])
    assert titles(figure) == 2 * ["MS", "PAN", "Product"]
    assert figure._repr_png_().startswith(PNG)
    assert titles(earthloom.plot(sharp)) == 2 * ["Product"]
    for wrong, words in (
        ({"window": (0, 0, 300, 10)}, "inside 256 x 256"), ({"window": (1, 2)}, "four"), ({"axes": [1]}, "matplotlib"),
        (dict.fromkeys("abcde", ms), "at most 4"), ({"ms": "text.tif"}, "text.tif"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            earthloom.plot(sharp, **wrong)
    with pytest.raises(InputError, match="images beside a Report"):
        earthloom.plot(earthloom.evaluate(sharp, sharp, ratio=4), ms=ms)


def test_what_is_seen_near_is_where_it_differs_most() -> None:
    """Two equal images but for one square: that is shown, with one stretch; missing pixels are transparent, a line
    goes around the mask."""
    before = np.random.default_rng(0).uniform(0.1, 0.3, (3, 400, 400)).astype(np.float32)
    after, mask = before.copy(), np.zeros((400, 400), bool)
    after[:, 250:280, 90:130] += 0.2
    mask[250:280, 90:130] = True
    after[:, :10] = np.nan
    figure = earthloom.plot(after, before=before, cloud_mask=mask)
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    row, column = (int(part.split()[1]) for part in words[-1].split(","))
    assert row <= 250 and row + 96 >= 280 and column <= 90 and column + 96 >= 130
    assert not any("by itself" in one for one in words)
    whole = figure.axes[1].images[0].get_array()
    assert (whole[:9, :, 3] == 0).all() and (whole[20:, :, 3] == 255).all()
    assert len(figure.axes[1].collections) == 1  # the line
    other = earthloom.plot(after, before=before * 1000)
    assert any("by itself" in text.get_text() for axes in other.axes for text in axes.texts)


def test_files_lie_by_their_coordinates(tmp_path: Path) -> None:
    """A file of the lower right quarter stands there: the rest of its picture near is empty."""
    truth = fine_truth((256, 256), 3)
    whole = put(tmp_path / "whole.tif", truth, grid(1))
    quarter = put(tmp_path / "part.tif", truth[:, 128:, 128:], grid(1, 128, 128))
    figure = earthloom.plot(whole, part=quarter, window=(100, 100, 64, 64))
    near = figure.axes[2].images[0].get_array()
    own = figure.axes[3].images[0].get_array()
    assert (near[:28, :, 3] == 0).all() and (near[:, :28, 3] == 0).all() and (near[28:, 28:, 3] == 255).all()
    np.testing.assert_array_equal(near[28:, 28:], own[28:, 28:])


def test_paths_that_are_no_products_say_so(tmp_path: Path) -> None:
    path = put(tmp_path / "plain.tif", fine_truth((64, 64), 3), grid(1))
    with pytest.raises(InputError, match="says nothing of how it was made"):
        earthloom.plot(path)
    assert titles(earthloom.plot(path, truth=path))[:1] == ["Truth"]
