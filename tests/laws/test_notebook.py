"""What notebooks show: tables that say what the objects hold, with everything escaped."""

from __future__ import annotations

import sys
from datetime import date
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import earthloom
from earthloom import sensors
from earthloom.errors import InputError
from earthloom.evaluation.comparing import Ranked
from earthloom.evaluation.revisit import counted
from earthloom.methods import catalog
from earthloom.prepare.bandpass.transform import Side, Transform
from earthloom.raster.listing.sights import Sight
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
    scene = earthloom.load_sample()
    assert "320 x 320" in shown(scene) and "landsat7" in shown(scene)
    assert "20 x 20" in shown(earthloom.simulate(scene.pan, scene.ms))


def drawn() -> dict[str, Any]:
    """An object of every kind that is drawn, and whether one pair of axes is enough."""
    report = Report("a", {"ergas": 2.5, "sam": 1.0}, {"product": {"ergas": 2.5, "sam": 1.0}, "EXP": {"ergas": 3.0}})
    record = Record("pansharpening", "gsa", {}, timings={"opened": 0.5, "made": 2.0})
    product = Product(np.arange(48.0).reshape(3, 4, 4), np.eye(4) < 1, tuple(map(Band, ("red", "green", "blue"))))
    side = Side((Band("red"),), "landsat8")
    scenes = [Sight(date(2024, 1, 1), "a", 0.0), Sight(date(2024, 1, 9), "b", 90.0)]
    return {
        "report": report, "record": record, "product": product, "sensor": sensors.load("landsat7"),
        "gaussians": sensors.load("hyperion"), "revisit": counted(scenes),
        "transform": Transform(catalog.make("hls", "bandpass"), side, side, {"rmse": {"red": 0.25}}),
        "comparison": Comparison((Ranked("gsa", 0.5, None, 1, True, "fine"),), {}, (), "Take gsa.", "one scale down"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["report", "record", "product", "sensor", "gaussians", "revisit", "transform", "comparison"]
)
def test_objects_draw_themselves(name: str) -> None:
    one = drawn()[name]
    figure = one.plot()
    assert isinstance(figure, Figure) and figure.axes
    axes = Figure().subplots(1, 2) if name == "report" else Figure().subplots()
    assert one.plot(axes=axes) is (axes[0] if name == "report" else axes).figure
    assert isinstance(earthloom.plot(one), Figure)
    with pytest.raises(InputError, match="`axes` of 3"):
        one.plot(axes=Figure().subplots(1, 3))
    frame = one.to_frame()
    assert len(frame) == len(one.table().rows) and frame.index.name == one.table().heads[0]


def test_what_is_drawn_is_what_is_told() -> None:
    told = drawn()
    bars = told["report"].plot().axes[0].containers[0]
    assert [bar.get_width() for bar in bars] == [2.5, 3.0]
    assert [bar.get_width() for bar in told["record"].plot().axes[0].patches] == [0.5, 2.0]
    assert told["report"].to_frame().loc["ergas", "EXP"] == 3.0
    alpha = told["product"].plot().axes[0].images[0].get_array()[..., 3]
    assert (alpha == np.where(told["product"].valid, 255, 0)).all()
    for empty in (Record("pansharpening", "gsa", {}), Report("a", {}), Comparison((), {}, (), "None.")):
        with pytest.raises(InputError, match="without"):
            empty.plot()


def test_a_frame_takes_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="pip install pandas"):
        drawn()["report"].to_frame()


def test_the_package_itself_shows_its_names() -> None:
    """By what they are for; every name of the package, and nothing that it does not have."""
    words = shown(earthloom).split()
    assert all(name in words for name in earthloom.__all__ if not name.startswith("__") and name[0].islower())
    assert "Fuse" in words and ">>>" not in words
    assert list(earthloom.notebook.contents("One.\n\nHeading\n    a    b < c\n").split("<table>")) == [
        "<p><b>One.</b></p><p><b>Heading</b></p>", "<tbody><tr><td>a</td><td>b &lt; c</td></tr></tbody></table>",
    ]  # fmt: skip
