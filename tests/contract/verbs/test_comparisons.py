"""Several methods on one scene: the order is that of the choice that `auto` makes, and the page keeps its promises."""

from __future__ import annotations

from pathlib import Path

import pytest

import earthloom
from earthloom.errors import InputError
from earthloom.evaluation.choosing import CANDIDATES, judged
from earthloom.evaluation.comparing import ranked, tried
from earthloom.methods import catalog
from earthloom.prepare.pansharpening import Sharpening, scene_of
from tests.contract.verbs.cases import CASES, Case, arrays
from tests.contract.verbs.test_reports import read
from tests.e2e.conftest import fine_truth, grid, observed, put

METHODS = {
    "pansharpen": ("gsa", "exp"), "sharpen": ("gwr", "exp"), "superresolve": ("back_projection", "bicubic"),
    "predict": ("copy", "starfm"), "align": ("hls", "spectral"), "decloud": ("inpaint", "sar_regression"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_methods_of_every_verb(case: Case, tmp_path: Path) -> None:
    given = case.inputs(tmp_path)
    fields = {name: value for name, value in case.fields.items() if name != "method"}
    page = tmp_path / "page.html"
    found = earthloom.compare(case.verb, METHODS[case.verb], page, **given, **fields)
    assert sorted(row.name for row in found.rows) == sorted(METHODS[case.verb])
    assert [row.place for row in found.rows] == [1, 2] and found.page == page
    assert all(one.seconds > 0 and one.product is None for one in found.made)
    told = read(page)
    assert told.data["recommendation"] == found.recommendation and found.recommendation in told.text
    assert [row["method"] for row in told.data["rows"]] == [row.name for row in found.rows]
    assert sorted(one.name for one in tmp_path.iterdir() if one.suffix != ".tif") == ["page.html"]


def test_the_order_is_that_of_auto(tmp_path: Path) -> None:
    """The first in the ranking of its candidates makes the bands, with the figures by which they were chosen."""
    pan, ms = observed(fine_truth((256, 256), 4))
    scene = scene_of(pan[0], ms, Sharpening())
    names = [name for name in CANDIDATES["pansharpening"] if not catalog.is_network(name, "pansharpening")]
    chosen = judged(scene, "pansharpening")
    methods = {name: catalog.make(name, "pansharpening") for name in names}
    found = tried(scene, "pansharpening", methods)
    rows = ranked([found], "pansharpening", names)
    assert rows[0].name in chosen.bands and rows[0].worthy
    for name in names:
        assert found.errors[name] == chosen.scores[name]
    assert found.agreement[rows[0].name] == chosen.agreement[rows[0].name]
    errors = [row.error for row in rows if row.worthy]
    assert errors == sorted(errors)


def test_against_the_truth(tmp_path: Path) -> None:
    truth = fine_truth((128, 128), 4)
    pan, ms = (image.round().astype("uint16") for image in observed(truth))
    given = {"pan": put(tmp_path / "pan.tif", pan, grid(1)), "ms": put(tmp_path / "ms.tif", ms, grid(4))}
    reference = put(tmp_path / "truth.tif", truth.round().astype("uint16"), grid(1))
    keep = tmp_path / "kept"
    found = earthloom.compare("pansharpen", "gsa,brovey", tmp_path / "c.html", reference=reference, keep=keep, **given)
    for one in found.made:
        assert one.product == keep / f"{one.name}.tif" and one.product.is_file()
        own = earthloom.evaluate(one.product, reference, ratio=4).figures
        assert found.figures[one.name] == own
        assert f"{own['ergas']:.4g}" in read(tmp_path / "c.html").text


def test_a_method_that_cannot_run_is_told(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.verb == "pansharpen")
    given = case.inputs(tmp_path)
    found = earthloom.compare("pansharpen", ["gsa", "gsaa"], **given)
    assert [row.name for row in found.rows] == ["gsa", "gsaa"] and "gsaa" in found.rows[1].why
    assert found.page is None and "gsa" in str(found)
    with pytest.raises(InputError, match="no method that could run"):
        earthloom.compare("pansharpen", ["gsaa"], **given)
    for wrong, words in (
        ({"verb": "blend", "methods": "gsa"}, "compare blend"), ({"verb": "pansharpen", "methods": ""}, "0 methods"),
        ({"verb": "pansharpen", "methods": "gsa", "method": "exp"}, "method"),
        ({"verb": "pansharpen", "methods": "gsa", "report": True}, "report"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            earthloom.compare(**wrong, **given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="arrays"):
        earthloom.compare("pansharpen", "gsa", **arrays(given))


def test_fields_that_are_told_reach_the_ranking(tmp_path: Path) -> None:
    """A method is ranked as it ran, not as it is by itself; no fusion stays what it is."""
    pan, ms = observed(fine_truth((128, 128), 4))
    given = {"pan": put(tmp_path / "pan.tif", pan, grid(1)), "ms": put(tmp_path / "ms.tif", ms, grid(4))}
    usual, told = (
        {row.name: row for row in earthloom.compare("pansharpen", "brovey", **given, **fields).rows}
        for fields in ({}, {"weights": (0.7, 0.1, 0.1, 0.1)})
    )
    assert told["brovey"].error != usual["brovey"].error and told["brovey"].agreement != usual["brovey"].agreement
    scene = scene_of(pan[0], ms, Sharpening())
    method = catalog.make("brovey", "pansharpening", weights=(0.7, 0.1, 0.1, 0.1))
    (own,) = ranked([tried(scene, "pansharpening", {"brovey": method})], "pansharpening", ["brovey"])
    assert told["brovey"].error == pytest.approx(own.error) and told["brovey"].agreement == pytest.approx(own.agreement)
