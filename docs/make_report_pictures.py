"""Pictures of pages for docs/reports.md, of the built-in sample: ``python docs/make_report_pictures.py [FOLDER]``.

Takes Chromium of the system and playwright. A folder that `earthloom demo` has filled is taken as it is.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image as Picture

import earthloom
from earthloom.cli.demo import demo

PLACE = Path(__file__).parent / "img"
METHODS = "mtf_glp_fs,gsa,brovey,mtf_glp_hpm,bt_h"
WIDTH, SHOWN = 1120, 840  # of the window, and of the picture
TALL = {"report.html": 1560, "compare.html": 1480}  # pixels of the page that are shown


def make_pages(folder: Path) -> None:
    """The report of the demo, and a comparison of some methods on its inputs."""
    if not (folder / "report.html").is_file():
        demo(output=folder, overwrite=True)
    truth, page = folder / "truth.tif", folder / "compare.html"
    earthloom.compare(
        "pansharpen", METHODS, page, pan=folder / "pan.tif", ms=folder / "ms.tif", reference=truth, overwrite=True
    )


def main() -> None:
    """Both."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        make_pages(folder)
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, tall in TALL.items():
            page = browser.new_page(viewport={"width": WIDTH, "height": tall}, color_scheme="light")
            page.goto((folder / name).as_uri())
            shown = Picture.open(io.BytesIO(page.screenshot())).convert("RGB")
            shown = shown.resize((SHOWN, round(SHOWN * tall / WIDTH)), Picture.Resampling.LANCZOS)
            place = PLACE / f"{Path(name).stem}.jpg"
            shown.save(place, quality=82, optimize=True)
            print(place.name, place.stat().st_size)
        browser.close()


if __name__ == "__main__":
    main()
