"""Draw docs/img/tutorials/*.webp: what the commands of the tutorials make of the built-in samples."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

import earthloom
from earthloom.cli.main import run
from earthloom.raster.open import open_image
from earthloom.report.quicklook import side_by_side
from earthloom.types import Window
from earthloom.verbs.sampling.demo import write_inputs
from earthloom.verbs.sampling.scenes import write_scene

HERE = Path(__file__).parent / "img/tutorials"
TRUE, FALSE = (2, 1, 0), (3, 2, 1)  # bands shown as red, green, blue
TOWN, FIELDS, ALL = (170, 110, 130), (20, 40, 160), (0, 0, 320)  # first row and column, and side, in fine pixels
Panels = Mapping[str, tuple[np.ndarray, str]]


def show(path: Path, bands: tuple[int, ...], window: tuple[int, int, int], ratio: int = 1) -> np.ndarray:
    """Bands of a detail, (band, y, x)."""
    with open_image(path) as image:
        data, _ = image.read(Window(0, 0, *image.shape))
    y, x, side = (n // ratio for n in window)
    return data[list(bands) if len(data) > 1 else [0], y : y + side, x : x + side]


def pansharpen(folder: Path) -> Panels:
    """MS, PAN, product, truth."""
    scene = write_inputs(folder)
    sharp = earthloom.pansharpen(scene.pan, scene.ms, "mtf_glp_hpm", sensor="landsat7", output=folder / "sharp.tif")
    return {
        "MS": (show(scene.ms, TRUE, TOWN, 4), "ms.tif, 114 m"),
        "PAN": (show(scene.pan, (0,), TOWN), "pan.tif, 28.5 m"),
        "Earthloom": (show(sharp, TRUE, TOWN), "sharp.tif, 28.5 m"),
        "Truth": (show(scene.truth, TRUE, TOWN), "truth.tif"),
    }


def sharpen(folder: Path) -> Panels:
    """Fine bands, coarse bands, product, truth."""
    write_scene("sharpen", folder)
    sharp = earthloom.sharpen(folder / "fine.tif", folder / "coarse.tif", output=folder / "sharp.tif")
    swir = (1, 0, 0)
    return {
        "Fine bands": (show(folder / "fine.tif", (3,), TOWN), "near infrared, 28.5 m"),
        "As delivered": (show(folder / "coarse.tif", swir, TOWN, 2), "coarse.tif, 57 m"),
        "Earthloom": (show(sharp, swir, TOWN), "sharp.tif, 28.5 m"),
        "Truth": (show(folder / "truth.tif", swir, TOWN), "truth.tif"),
    }


def dates(folder: Path) -> Panels:
    """The known dates, the coarse image of the day, the prediction, the truth."""
    write_scene("series", folder)
    earthloom.series(folder / "fine", folder / "coarse", method="fit_fc", output=folder / "predicted")
    return {
        "1 May": (show(folder / "fine/2001-05-01.tif", FALSE, FIELDS), "fine, known"),
        "20 July, coarse": (show(folder / "coarse/2001-07-20.tif", FALSE, FIELDS, 8), "228 m"),
        "Predicted": (show(folder / "predicted/2001-07-20.tif", FALSE, FIELDS), "28.5 m, by Fit-FC"),
        "Truth": (show(folder / "truth/2001-07-20.tif", FALSE, FIELDS), "20 July, fine"),
    }


def superresolve(folder: Path) -> Panels:
    """Cube, product, truth."""
    write_scene("superresolve", folder)
    fine = earthloom.superresolve(folder / "cube.tif", 2, "back_projection", output=folder / "fine.tif")
    bands, window = (14, 8, 4), (60, 60, 120)
    return {
        "Cube": (show(folder / "cube.tif", bands, window, 2), "cube.tif, 32 bands at 57 m"),
        "Earthloom": (show(fine, bands, window), "fine.tif, 28.5 m"),
        "Truth": (show(folder / "truth.tif", bands, window), "truth.tif"),
    }


def decloud(folder: Path) -> Panels:
    """Cloudy image, another day, product, truth."""
    write_scene("decloud", folder)
    clear = earthloom.decloud(
        folder / "cloudy.tif", mask=folder / "clouds.tif", dates=[folder / "other.tif"],
        date_masks=[folder / "other_clouds.tif"], output=folder / "clear.tif",
    )  # fmt: skip
    return {
        "Cloudy": (show(folder / "cloudy.tif", FALSE, ALL), "cloudy.tif"),
        "Another day": (show(folder / "other.tif", FALSE, ALL), "other.tif, drier"),
        "Earthloom": (show(clear, FALSE, ALL), "clear.tif"),
        "Truth": (show(folder / "truth.tif", FALSE, ALL), "truth.tif"),
    }


def align(folder: Path) -> None:
    """The figure of the command itself."""
    write_scene("align", folder)
    with suppress(SystemExit):
        run([
            "align", f"{folder}/sentinel2.tif", "--from", "sentinel2a", "--to", "landsat8", "-m", "cross_linear",
            "--target", f"{folder}/landsat8.tif", "-o", f"{folder}/aligned.tif", "--figure", f"{folder}/fit.png",
        ])  # fmt: skip
    keep(folder / "fit.png", "align")


def keep(path: Path, name: str) -> None:
    """The picture in the repository: WebP, no wider than a page."""
    image = Image.open(path).convert("RGB")
    image.thumbnail((1400, 1400))
    target = HERE / f"{name}.webp"
    image.save(target, quality=86, method=6)
    print(f"{target.name}: {target.stat().st_size / 1e3:.0f} kB")


PICTURES: tuple[Callable[[Path], Panels], ...] = (pansharpen, sharpen, dates, superresolve, decloud)


def main() -> None:
    """Draw all of them."""
    HERE.mkdir(exist_ok=True)
    for picture in (one for one in PICTURES if one.__name__ in (sys.argv[1:] or one.__name__)):
        with tempfile.TemporaryDirectory() as name:
            panels = picture(Path(name))
            truth = panels["Truth"][0]
            path = side_by_side(panels, truth, Path(name) / "picture.png", columns=len(panels), panel_in=3.2)
            keep(path, picture.__name__)
    if "align" in (sys.argv[1:] or ["align"]):
        with tempfile.TemporaryDirectory() as name:
            align(Path(name))


if __name__ == "__main__":
    main()
