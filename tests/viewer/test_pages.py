"""Reports in a browser: for everybody, from the disk, on narrow screens and on paper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import earthloom
from tests.contract.verbs.cases import CASES, Case
from tests.contract.verbs.test_comparisons import METHODS

from .test_browser import AXE, CHROMIUM, browser

__all__ = ["browser"]
pytest.importorskip("jinja2")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")
NARROW, A4_PX = 400, (688, 1016)  # width of a phone; of A4 what its margins leave, at 96 pixels an inch
FIGURES = "all => all.map(one => [one.getBoundingClientRect().height, getComputedStyle(one).breakInside])"


def opened(browser: Any, path: Path, **kind: Any) -> tuple[Any, list[str]]:
    """A page from the disk, and what it asks for and says."""
    said: list[str] = []
    page = browser.new_context(**kind).new_page()
    page.on("request", lambda asked: said.append(asked.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_load_state("networkidle")
    return page, [one for one in said if one != path.as_uri() and not one.startswith("data:")]


def odd(page: Any) -> list[tuple[str, str]]:
    """What axe finds serious; nothing where axe is not installed."""
    if not AXE.is_file():
        return []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [(one["id"], one["nodes"][0]["html"][:160]) for one in found if one["impact"] in ("serious", "critical")]


def keeps_its_promises(browser: Any, path: Path) -> None:
    """Light and dark, wide and narrow, on the screen and on paper."""
    for theme in ("light", "dark"):
        page, said = opened(browser, path, color_scheme=theme, viewport={"width": 1280, "height": 900})
        assert said == [] and page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (theme == "dark")
        assert odd(page) == [], theme
        page.context.close()
    page, said = opened(browser, path, viewport={"width": NARROW, "height": 800})
    assert said == [] and page.evaluate("document.documentElement.scrollWidth") <= NARROW
    assert odd(page) == []
    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4_PX[0], "height": A4_PX[1]})
    figures = page.eval_on_selector_all("figure, tr", FIGURES)
    assert figures and all(height <= A4_PX[1] and kept == "avoid" for height, kept in figures)
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) > 0
    page.context.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_report_of_every_problem(case: Case, tmp_path: Path, browser: Any) -> None:
    case.call(case.inputs(tmp_path), output=tmp_path / "product.tif", report=True)
    keeps_its_promises(browser, tmp_path / "product.html")


def test_comparison(tmp_path: Path, browser: Any) -> None:
    case = next(case for case in CASES if case.verb == "pansharpen")
    fields = {name: value for name, value in case.fields.items() if name != "method"}
    earthloom.compare(case.verb, METHODS[case.verb], tmp_path / "page.html", **case.inputs(tmp_path), **fields)
    keeps_its_promises(browser, tmp_path / "page.html")


@pytest.mark.skipif(not AXE.is_file(), reason="no axe: npm ci in viewer/")
def test_axe_finds_what_is_wrong(tmp_path: Path, browser: Any) -> None:
    """Silence above means something."""
    path = tmp_path / "bad.html"
    path.write_text("<!doctype html><html><body><img src='data:,'><p style='color:#ddd'>pale</p></body></html>")
    page, _ = opened(browser, path)
    assert {"image-alt", "color-contrast", "html-has-lang"} <= {name for name, _ in odd(page)}
    page.context.close()
