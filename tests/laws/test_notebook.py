"""What notebooks show: tables that say what the objects hold, with everything escaped."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

import earthloom
from earthloom import sensors
from earthloom.evaluation.comparing import Ranked
from earthloom.methods import catalog
from earthloom.prepare.bandpass.transform import Side, Transform
from earthloom.report.html.comparing import Comparison
from earthloom.report.record import Record
from earthloom.types import Band, Product, Report

EVIL = "<script>alert(1)</script>"


def shown(one: object) -> str:
    """The text of what a notebook shows; nothing of it is an element that it should not be."""

    class Texts(HTMLParser):
        words = ""

        def handle_starttag(self, tag: str, attrs: object) -> None:
            assert tag in ("table", "thead", "tbody", "tr", "th", "td", "p", "b") and not attrs

        def handle_data(self, data: str) -> None:
            self.words += f"{data} "

    texts = Texts()
    texts.feed(one._repr_html_())  # type: ignore[attr-defined]
    return texts.words


def test_objects_of_notebooks() -> None:
    report = Report(EVIL, {"ergas": 2.5}, {"product": {"ergas": 2.5}, "EXP": {"ergas": 3.75}}, (EVIL,))
    assert all(word in shown(report) for word in ("2.5", "3.75", "ergas", EVIL))
    record = Record("pansharpening", "gsa", {"gain": EVIL}, {"pan": ("a.tif",)}, "b.tif", {}, {"after_percent": 0.125})
    assert all(word in shown(record) for word in ("gsa", EVIL, "a.tif", "0.125"))
    product = Product(np.arange(8.0).reshape(2, 2, 2), np.ones((2, 2), bool), (Band("red"), Band(EVIL)))
    assert all(word in shown(product) for word in ("red", EVIL, "5.5", "2 x 2"))
    assert "WorldView-3" in shown(sensors.load("worldview3")) and "GSA" in shown(catalog.make("gsa"))
    side = Side((Band("red"),), "landsat8")
    transform = Transform(catalog.make("hls", "bandpass"), side, side, {"rmse": 0.25})
    assert "hls" in shown(transform) and "0.25" in shown(transform)
    found = Comparison((Ranked("gsa", 0.5, None, 1, True, EVIL),), {}, (), "Take gsa.")
    assert all(word in shown(found) for word in ("gsa", EVIL, "Take gsa."))


def test_the_package_itself_shows_its_names() -> None:
    """By what they are for; every name of the package, and nothing that it does not have."""
    words = shown(earthloom).split()
    assert all(name in words for name in earthloom.__all__ if not name.startswith("__") and name[0].islower())
    assert "Fuse" in words and ">>>" not in words
    assert list(earthloom.notebook.contents("One.\n\nHeading\n    a    b < c\n").split("<table>")) == [
        "<p><b>One.</b></p><p><b>Heading</b></p>", "<tbody><tr><td>a</td><td>b &lt; c</td></tr></tbody></table>",
    ]  # fmt: skip
