"""A page about the product of every verb: one file that asks nothing of any network, with the figures of the record."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import earthloom
from earthloom.errors import FileError, InputError
from tests.contract.verbs.cases import CASES, Case

LARGEST = 5_000_000  # bytes
LOADS = {"src", "srcset", "data", "poster", "action", "background", "formaction", "ping", "manifest"}


class Read(HTMLParser):
    """What a page holds: its elements, what it would load, headings, and the JSON for programs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.loads: list[str] = []
        self.text = ""
        self._inside = ""
        self.data: dict[str, Any] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.elements.append((tag, own))
        self._inside = "data" if own.get("id") == "data" else tag
        self.loads += [value or "" for name, value in attrs if name in LOADS]
        if tag in ("link", "iframe", "object", "embed", "base"):
            self.loads.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "data":
            self.data = json.loads(data)
        elif self._inside not in ("style", "script"):
            self.text += data

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [own for name, own in self.elements if name == tag]


def read(path: Path) -> Read:
    """A page that keeps what all pages promise."""
    text = path.read_text(encoding="utf-8")
    assert len(text) < LARGEST
    page = Read(text)
    assert all(one.startswith("data:image/") for one in page.loads), page.loads
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style and "url(" not in style[1] and "@import" not in style[1]
    assert all("style" not in own and not any(name.startswith("on") for name in own) for _, own in page.elements)
    policy = next(own["content"] for own in page.every("meta") if own.get("http-equiv") == "Content-Security-Policy")
    assert policy and policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy
    assert all(own.get("alt") for own in page.every("img")), "a picture without words"
    assert len(page.every("h1")) == 1 and page.every("html")[0]["lang"] == "en"
    assert all(own.get("scope") for own in page.every("th"))
    keys = [own.get("id") for own in page.every("section")]
    assert len(set(keys)) == len(keys)
    return page


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    """A product of every verb, and its inputs."""
    made = {}
    for case in CASES:
        folder = tmp_path_factory.mktemp(case.verb)
        given = case.inputs(folder)
        made[case.verb] = (case.call(given, output=folder / "product.tif"), given)
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_a_page_of_every_verb(case: Case, products: dict[str, Any], tmp_path: Path) -> None:
    product, _ = products[case.verb]
    page = read(earthloom.report(product, tmp_path / "page.html"))
    with rasterio.open(product) as file:
        tags = file.tags()
    keys = [own["id"] for own in page.every("section")]
    assert keys[0] == "summary" and keys[-1] == "how" and {"pictures", "quality"} <= set(keys)
    assert page.data["method"] == tags["EARTHLOOM_METHOD"] and page.data["missing"] == []
    assert page.data["parameters"] == json.loads(tags["EARTHLOOM_PARAMETERS"])
    for files in json.loads(tags["EARTHLOOM_INPUTS"]).values():
        for one in files:
            assert one["name"] in page.text and one["sha256"][:16] in page.text
    assert f"earthloom {case.verb}" in page.text
    assert len(page.every("img")) >= 3


def test_the_figures_are_those_of_evaluate(products: dict[str, Any], tmp_path: Path) -> None:
    product, given = products["pansharpen"]
    page = read(earthloom.report(product, tmp_path / "page.html"))
    judged = earthloom.evaluate(product, pan=given["pan"], ms=given["ms"])
    assert page.data["quality"]["rows"] == json.loads(json.dumps(judged.as_dict()["rows"]))
    assert f"{judged.figures['hqnr']:.4g}" in page.text and "no fusion" in page.text
    own, plain = (page.data["consistency"][row]["rmse_percent"] for row in ("product", "no fusion"))
    assert 0 < own < plain


def test_inputs_that_have_gone_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.verb == "pansharpen")
    given = case.inputs(tmp_path)
    product = case.call(given, output=tmp_path / "product.tif")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    given["pan"].rename(moved / "pan.tif")
    page = read(earthloom.report(product))
    assert page.data["missing"] == ["pan.tif"] and "pan.tif (not found)" in page.text
    assert "maps" not in [own["id"] for own in page.every("section")]
    page = read(earthloom.report(product, overwrite=True, look_in=moved))
    assert page.data["missing"] == [] and "maps" in [own["id"] for own in page.every("section")]
    (moved / "pan.tif").write_bytes((moved / "pan.tif").read_bytes() + b" ")
    page = read(earthloom.report(product, overwrite=True, look_in=moved))
    assert "pan.tif (changed since)" in page.text


def test_what_others_wrote_is_text(tmp_path: Path) -> None:
    """Tags, names of bands and of files hold what they like: nothing of it becomes an element of the page."""
    case = next(case for case in CASES if case.verb == "superresolve")
    product = case.call(case.inputs(tmp_path), output=tmp_path / "product.tif")
    evil = "</script><img src=x onerror=alert(1)><b>&{{ 7 * 7 }}"
    with rasterio.open(product, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
        file.update_tags(EARTHLOOM_REMARK=evil, EARTHLOOM_FIGURES=json.dumps({evil: 3.0}))
        file.set_band_description(1, evil)
    page = read(earthloom.report(product))
    assert page.text.count("7 * 7") > 0 and "49" not in re.findall(r"&(\d+)", page.text)
    assert not page.every("b") and page.data["facts"]["remark"] == evil
    assert all(own.get("src") != "x" for own in page.every("img"))


def test_pages_that_cannot_be(tmp_path: Path, products: dict[str, Any]) -> None:
    product, given = products["pansharpen"]
    page = earthloom.report(product, tmp_path / "page.html")
    with pytest.raises(FileError, match="exists"):
        earthloom.report(product, page)
    with pytest.raises(InputError, match=r"page\.html"):
        earthloom.report(product, tmp_path / "page.pdf")
    with pytest.raises(InputError, match="says nothing of how it was made"):
        earthloom.report(given["pan"], tmp_path / "other.html")
    with pytest.raises(FileError, match="does not exist"):
        earthloom.report(tmp_path / "none.tif")
    with pytest.raises(InputError, match="no product of ours"):
        earthloom.report(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["page.html"]


def test_beside_the_truth(products: dict[str, Any], tmp_path: Path) -> None:
    """The figures are those of `evaluate`, at the ratio of the images."""
    product, _ = products["pansharpen"]
    with rasterio.open(product) as file:
        truth, profile = file.read(), file.profile
    reference = tmp_path / "truth.tif"
    profile.update(driver="GTiff", interleave="band")
    with rasterio.open(reference, "w", **profile) as file:
        file.write((truth * 1.01).astype(truth.dtype))
    page = read(earthloom.report(product, tmp_path / "page.html", reference=reference))
    figures = earthloom.evaluate(product, reference, ratio=4).figures
    assert "truth" in [own["id"] for own in page.every("section")]
    assert f"{figures['ergas']:.4g}" in page.text


def test_a_folder_of_products(tmp_path: Path) -> None:
    """All of them, in the order of their days, and their numbers over time."""
    rng = np.random.default_rng(0)
    fine = {f"2020-03-{day:02}": rng.uniform(0.1, 0.3, (2, 48, 48)) for day in (1, 20)}
    for day, image in fine.items():
        _put(tmp_path / "fine" / f"{day}.tif", image, 1)
    for day in (1, 8, 12, 20):
        _put(tmp_path / "coarse" / f"2020-03-{day:02}.tif", rng.uniform(0.1, 0.3, (2, 6, 6)), 8)
    out = tmp_path / "out"
    done = earthloom.series(tmp_path / "fine", tmp_path / "coarse", "copy", coregister="off", output=out)
    page = read(earthloom.report(out))
    assert [one["day"] for one in page.data["products"]] == [str(day) for day in done] == ["2020-03-08", "2020-03-12"]
    assert "series" in [own["id"] for own in page.every("section")]
    alone = read(earthloom.report(out / "2020-03-08.tif", look_in=[tmp_path / "fine", tmp_path / "coarse"]))
    assert alone.data["missing"] == [] and "a date of a series" in alone.text and "earthloom series" in alone.text
    with rasterio.open(out / "2020-03-08.tif") as file:
        np.testing.assert_allclose(page.data["products"][0]["means"], file.read().mean(axis=(1, 2)), rtol=1e-5)


def _put(path: Path, image: np.ndarray, size: float) -> None:
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=image.shape[2], height=image.shape[1], count=len(image), dtype="float32",
        crs="EPSG:32633", transform=rasterio.Affine(size, 0, 500000, 0, -size, 5000000),
    ) as file:  # fmt: skip
        file.write(image.astype("float32"))
