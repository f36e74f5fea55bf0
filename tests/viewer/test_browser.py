"""The page in a browser: what a person does, and that the console stays silent."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earthloom.raster.write.cog import create
from earthloom.types import Window

from ..e2e.conftest import grid, put, texture
from .conftest import Running

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = Path(__file__).resolve().parents[2] / "viewer/node_modules/axe-core/axe.min.js"
STEPS = 200
SIDE, PIXEL = 512, 10.0
NM = (490.0, 560.0, 665.0, 842.0)
PATCH = (slice(320, 352), slice(96, 128))  # where B differs most from A


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, of the system: nothing is downloaded."""
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


class Looking:
    """A page that is open, and what its console said."""

    def __init__(self, browser: Any, running: Running, state: str = "", **kind: Any) -> None:
        self.running, self.said = running, []
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | kind))
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("requestfailed", lambda asked: self._failed(asked))
        self.asked: list[str] = []
        self.page.on("response", lambda answer: self.asked.append(f"{answer.status} {answer.url}"))
        self.open(state)

    def _failed(self, asked: Any) -> None:
        if "ERR_ABORTED" not in str(asked.failure):  # a tile that is no longer wanted
            self.said.append(f"{asked.url} {asked.failure}")

    def open(self, state: str = "") -> None:
        """Go to the address that was printed, and wait until the page is drawn."""
        self.page.goto(self.running.address + state)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is asked for any longer."""
        self.page.wait_for_selector("body[data-ready=yes]")
        self.page.wait_for_load_state("networkidle")

    def click(self, east: float, south: float) -> None:
        """Click on the image, metres from its corner."""
        x, y, cell = self.view()
        box = self.page.locator("#left").bounding_box()
        across = box["x"] + box["width"] / 2 + (400000 + east - x) / cell
        with self.page.expect_response(re.compile("/api/spectra")):
            self.page.mouse.click(across, box["y"] + box["height"] / 2 - (5000000 - south - y) / cell)
        self.page.wait_for_selector("#side-pixel table", state="attached")

    def view(self) -> list[float]:
        """Centre of the map and size of a pixel of the screen, as they stand in the address."""
        self.until("location.hash.includes('v=')")
        self.page.wait_for_timeout(250)
        return [float(part) for part in self.state()["v"].split("~")]

    def until(self, true: str) -> None:
        """Wait for an expression, asked again and again: the page lets no text be run as code, waiting included."""
        for _ in range(STEPS):
            if self.page.evaluate(true):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"never: {true}")

    def state(self) -> dict[str, str]:
        """What stands in the address."""
        self.page.wait_for_timeout(250)
        words = self.page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")
        return dict(words)

    def values(self, layer: str) -> list[float]:
        """What the table of a pixel says of a layer."""
        cells = self.page.locator(f'table[data-layer="{layer}"] td')
        return [float(cell.get_attribute("data-value")) for cell in cells.all()]

    def pixels(self) -> np.ndarray:
        """What the browser shows."""
        import io

        from PIL import Image as Picture

        return np.asarray(Picture.open(io.BytesIO(self.page.screenshot())).convert("RGB")).astype(int)

    def close(self) -> None:
        """Nothing was said, nothing refused, nothing asked of anybody else."""
        self.context.close()
        assert self.said == []
        assert [line for line in self.asked if not re.match(r"(200|304) http://127\.0\.0\.1:", line)] == []


@pytest.fixture
def look(browser: Any, live: Callable[..., Running]) -> Iterator[Callable[..., Looking]]:
    """Open pages, and hold each to silence at the end, before what serves them is stopped."""
    open_pages: list[Looking] = []

    def start(running: Running, state: str = "", **kind: Any) -> Looking:
        open_pages.append(Looking(browser, running, state, **kind))
        return open_pages[-1]

    yield start
    for one in open_pages:
        one.close()


def cogs(folder: Path) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    """Two COGs of one ground, alike but for a patch."""
    ground = texture((SIDE, SIDE))
    a = np.stack([1000 + 100 * band + 150 * ground + 40 * texture((SIDE, SIDE), band) for band in range(4)])
    b = a.copy()
    b[:, *PATCH] += 600
    for name, data in (("a.tif", a), ("b.tif", b)):
        with create(
            folder / name, shape=(SIDE, SIDE), count=4, dtype="uint16", crs="EPSG:32633", transform=grid(PIXEL),
            names=["blue", "green", "red", "nir"], wavelengths_nm=NM, tags={"EARTHLOOM_METHOD": "pansharpening/gsa"},
        ) as writer:  # fmt: skip
            writer.write(Window(0, 0, SIDE, SIDE), data.astype(np.float32), np.ones((SIDE, SIDE), bool))
    return folder / "a.tif", folder / "b.tif", np.rint(a), np.rint(b)


def test_two_cogs(look: Callable[..., Looking], live: Callable[..., Running], tmp_path: Path) -> None:
    """Swipe, spectra equal to the files, other bands, the worst block, the record, and a link back to it all."""
    first, second, a, b = cogs(tmp_path)
    seen = look(live(first, second))
    page = seen.page
    assert page.evaluate("location.search") == ""  # the token does not stay in the address
    assert page.locator("#tagA").inner_text().endswith("a.tif") and page.locator("#swipe").is_visible()

    row, column = PATCH[0].start + 9, PATCH[1].start + 13
    seen.click((column + 0.5) * PIXEL, (row + 0.5) * PIXEL)
    assert seen.values("a.tif") == a[:, row, column].tolist()
    assert seen.values("b.tif") == b[:, row, column].tolist()
    assert page.locator("#side-pixel .axis").text_content() == "wavelength, nm"

    x, y, cell = seen.view()
    box = page.locator("#left").bounding_box()
    at = (
        round(box["y"] + box["height"] / 2 - (5000000 - (row + 6) * PIXEL - y) / cell),
        round(box["x"] + box["width"] / 2 + (400000 + (column + 10) * PIXEL - x) / cell),
    )
    line = page.locator("#swipe")
    line.focus()
    page.keyboard.press("End")
    page.wait_for_timeout(300)
    of_a = seen.pixels()[at]
    page.keyboard.press("Home")
    page.wait_for_timeout(300)
    of_b = seen.pixels()[at]
    assert of_b.sum() > of_a.sum() + 60  # left of the line A, right of it B
    middle = box["x"] + box["width"] / 2
    page.mouse.move(box["x"] + 4, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(middle, box["y"] + 300, steps=4)
    page.mouse.up()
    assert abs(int(line.get_attribute("aria-valuenow")) - 50) <= 1

    with page.expect_response(re.compile(r"tiles/.*bands=4,3,2&")):
        page.locator("#a-band-0").select_option(index=3)
        page.locator("#a-band-1").select_option(index=2)
        page.locator("#a-band-2").select_option(index=1)
    seen.settle()
    page.locator("#overlay").select_option("difference")
    page.locator("#worst").click()
    page.wait_for_selector("#worst-told:not(:empty)")
    x, y, _ = seen.view()
    assert PATCH[1].start <= (x - 400000) / PIXEL <= PATCH[1].stop
    assert PATCH[0].start <= (5000000 - y) / PIXEL <= PATCH[0].stop
    page.locator("#side-a summary", has_text="Record").click()
    page.wait_for_selector("#record-a dd")
    assert "pansharpening/gsa" in page.locator("#record-a").inner_text()

    state, told = seen.state(), page.evaluate("location.hash")
    again = look(seen.running, told)
    assert again.state() == state and again.state()["o"].startswith("difference")
    assert again.values("b.tif") == b[:, row, column].tolist()
    assert again.page.locator("#a-band-0").input_value() == "3"


def test_every_way_to_look_and_every_key(
    look: Callable[..., Looking], live: Callable[..., Running], tmp_path: Path
) -> None:
    first, second, *_ = cogs(tmp_path)
    seen = look(live(first, second))
    page = seen.page
    page.locator("#left").focus()
    for key, mode in zip("123456", ("a", "b", "swipe", "side", "flicker", "blend"), strict=True):
        page.keyboard.press(key)
        page.wait_for_selector(f"#stage[data-mode={mode}]")
        assert page.locator("#right").is_visible() == (mode == "side")
        if mode == "flicker":
            seen.until("document.getElementById('tagA').textContent.startsWith('B')")
            seen.until("document.getElementById('tagA').textContent.startsWith('A')")
    page.keyboard.press("d")
    page.wait_for_selector("#legend:not([hidden])")
    page.keyboard.press("l")
    seen.until("location.hash.includes('l=0')")
    page.keyboard.press("x")
    seen.until("document.getElementById('tagA').textContent.endsWith('b.tif')")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible() and "Keyboard shortcuts" in page.locator("#help").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()
    before = seen.view()
    page.locator("#left").focus()
    page.keyboard.press("+")
    page.wait_for_timeout(500)
    assert seen.view()[2] < before[2]
    page.keyboard.press("f")
    page.keyboard.press("m")
    page.wait_for_selector("#panel", state="hidden")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    seen.settle()


def test_a_series_of_dates(look: Callable[..., Looking], live: Callable[..., Running], tmp_path: Path) -> None:
    """The slider moves through the days; the stretch stays, the spectrum is that of the day, quality lies over it."""
    folder = tmp_path / "days"
    folder.mkdir()
    days = ("2020-03-08", "2020-04-09", "2020-05-11")
    images = [np.rint(1000 + 300 * n + 100 * texture((64, 64), n))[None].astype(np.uint16) for n in range(3)]
    for day, image in zip(days, images, strict=True):
        put(folder / f"{day}.tif", np.repeat(image, 3, axis=0), grid(PIXEL))
        put(
            folder / f"{day}_quality.tif",
            np.full((1, 64, 64), 100, np.uint16),
            grid(PIXEL),
            descriptions=("confidence",),
        )
    seen = look(live(folder))
    page = seen.page
    page.locator("#left").focus()
    page.keyboard.press("1")
    assert page.locator("#day").inner_text().startswith(days[0])
    ends = page.locator("#side-a .ends input").first.input_value()
    page.locator("#later").click()
    seen.until("document.getElementById('day').textContent.startsWith('2020-04-09')")
    page.keyboard.press("]")
    seen.until("document.getElementById('day').textContent.startsWith('2020-05-11')")
    assert page.locator("#side-a .ends input").first.input_value() == ends
    assert page.locator("#tagA").inner_text().endswith("2020-05-11.tif")
    seen.click(105, 205)
    assert seen.values("2020-05-11.tif") == [images[2][0, 20, 10]] * 3
    page.locator("#overlay").select_option(label="2020-05-11_quality.tif")
    page.wait_for_selector("#legend:not([hidden])")
    assert "confidence" in page.locator("#legend").inner_text()
    page.locator("#worst").click()
    page.wait_for_selector("#worst-told:not(:empty)")
    assert " 100" in page.locator("#worst-told").inner_text()


def test_a_cube_without_a_place(look: Callable[..., Looking], live: Callable[..., Running], tmp_path: Path) -> None:
    cube = (1000 + 100 * np.random.default_rng(0).normal(size=(120, 40, 60))).astype(np.float32)
    seen = look(live(put(tmp_path / "cube.tif", cube, None, crs=None)))
    page = seen.page
    box = page.locator("#left").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#side-pixel table", state="attached")
    said = page.locator("#side-pixel caption").text_content()
    row, column = (int(number) for number in re.findall(r"row (\d+), column (\d+)", said)[0])
    assert seen.values("cube.tif") == [float(value) for value in cube[:, row, column]]
    page.locator("#a-kind").select_option(value="1")
    page.locator("#a-band-0").select_option(index=77)
    with page.expect_response(re.compile(r"bands=78&.*viridis")):
        page.locator("#a-colours").select_option("viridis")
    seen.settle()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_everybody_can_use_it(
    look: Callable[..., Looking], live: Callable[..., Running], tmp_path: Path, width: int, dark: bool
) -> None:
    """Axe finds nothing serious; nothing is wider than the screen."""
    first, second, *_ = cogs(tmp_path)
    scheme = "dark" if dark else "light"
    seen = look(live(first, second), viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = seen.page
    seen.click(1000, 2000)
    if width == 400:
        page.locator("#fold").click()
    page.locator("#overlay").select_option("difference")
    page.wait_for_selector("#legend:not([hidden])")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if not AXE.is_file():
        pytest.skip("no axe-core: npm ci in viewer/")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for opened in (False, True):
        if opened:
            page.locator("#helper").click()
        found = page.evaluate("axe.run()")["violations"]
        bad = [(one["id"], one["nodes"][0]["html"][:120]) for one in found if one["impact"] in ("serious", "critical")]
        assert bad == []
