"""Pictures of the viewer for docs/viewer.md, of the built-in sample: ``python docs/make_viewer_pictures.py [FOLDER]``.

Takes Chromium of the system and playwright. The dates of the series are the sample, darker and brighter.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from earthloom.raster.open import open_image
from earthloom.raster.write.cog import create
from earthloom.types import Window
from earthloom.verbs.pansharpen import pansharpen
from earthloom.verbs.sampling.demo import write_inputs

PLACE = Path(__file__).parent / "pictures"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUALITY = 84  # of WebP
DAYS = {"2024-05-03": 0.7, "2024-05-19": 0.8, "2024-06-04": 1.0, "2024-06-20": 0.9}


def make_files(folder: Path) -> tuple[list[Path], Path]:
    """The sample sharpened, and a series with its quality."""
    inputs = write_inputs(folder)
    sharp = folder / "sharp.tif"
    pansharpen(inputs.pan, inputs.ms, "mtf_glp_fs", sensor=inputs.sensor, output=sharp)
    series = folder / "series"
    series.mkdir()
    with open_image(inputs.truth) as image:
        data, valid = image.read()
        far = np.hypot(*(np.indices(image.shape) - np.array(image.shape)[:, None, None] * 0.4))
        for day, share in DAYS.items():
            for name, numbers, bands in (
                (f"{day}.tif", data * share, image.names),
                (f"{day}_quality.tif", (100 - far / 3).clip(0, 100)[None], ("confidence",)),
            ):
                with create(
                    series / name, shape=image.shape, count=len(bands), dtype="uint8", crs=image.crs,
                    transform=image.transform, names=bands,
                    wavelengths_nm=image.wavelengths_nm if len(bands) > 1 else None,
                ) as writer:  # fmt: skip
                    writer.write(Window(0, 0, *image.shape), numbers.astype(np.float32), valid)
    return [sharp, inputs.ms, inputs.pan, inputs.truth], series


@contextmanager
def viewer(*paths: Path) -> Iterator[str]:
    """The address of a viewer."""
    words = [sys.executable, "-m", "earthloom", "view", *map(str, paths), "--no-browser"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def picture(page: Any, name: str) -> None:
    """What the window shows."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)
    shown = Picture.open(io.BytesIO(page.screenshot())).convert("RGB")
    shown.save(PLACE / name, quality=QUALITY, method=6)
    print(name, (PLACE / name).stat().st_size)


def click(page: Any, across: float, down: float) -> None:
    """On the left image, at a share of its window."""
    box = page.locator("#left").bounding_box()
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
    page.wait_for_selector("#side-pixel table", state="attached")


def main() -> None:
    """All of them."""
    from playwright.sync_api import sync_playwright

    PLACE.mkdir(exist_ok=True)
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        files, series = make_files(Path(folder))
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        for width, scheme in ((1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")):
            page = browser.new_page(viewport={"width": width, "height": 760}, color_scheme=scheme)
            with viewer(*files) as address:
                page.goto(address)
                page.wait_for_selector("body[data-drawn=yes]")
                click(page, 0.35, 0.3)
                if width == 400:
                    page.click("#fold")
                    page.locator("#side-pixel").scroll_into_view_if_needed()
                picture(page, f"viewer-{scheme}-{width}.webp")
                if (width, scheme) == (1280, "light"):
                    page.click("[data-mode=side]")
                    page.select_option("#overlay", "difference")
                    page.wait_for_selector("#legend:not([hidden])")
                    page.click("#worst")
                    page.wait_for_selector("#worst-told:not(:empty)")
                    picture(page, "viewer-difference.webp")
            page.close()
        page = browser.new_page(viewport={"width": 1280, "height": 760}, color_scheme="dark")
        with viewer(series) as address:
            page.goto(address)
            page.wait_for_selector("body[data-drawn=yes]")
            page.click("[data-mode=a]")
            page.click("#later")
            page.select_option("#overlay", label="2024-05-19_quality.tif")
            click(page, 0.6, 0.6)
            picture(page, "viewer-series.webp")
        browser.close()


if __name__ == "__main__":
    main()
