"""Every verb opens every format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

import earthloom
from earthloom.raster.formats import bare

from .samples import SAMPLES, SHAPE, Sample, numbers, plain


def pansharpened(made: Sample, out: Path) -> tuple[int, int, int]:
    pan = np.repeat(np.repeat(numbers(1), 4, axis=1), 4, axis=2)
    earthloom.pansharpen(plain(out.with_name("pan.tif"), pan), made.path, "exp", output=out)
    return len(made.numbers), 192, 160


def superresolved(made: Sample, out: Path) -> tuple[int, int, int]:
    earthloom.superresolve(made.path, 2, "bicubic", refine=False, bands_first=True, output=out)
    return len(made.numbers), 96, 80


def decloud(made: Sample, out: Path) -> tuple[int, int, int]:
    clouds = np.zeros((1, 48, 40), "uint8")
    clouds[:, 10:20, 10:20] = 1
    mask = plain(out.with_name("mask.tif"), clouds)
    earthloom.decloud(made.path, mask=mask, method="inpaint", output=out)
    return made.numbers.shape


def aligned(made: Sample, out: Path) -> tuple[int, int, int]:
    sentinel = made.path.name.startswith("S2A")
    sensors = ("sentinel2a", "landsat8") if sentinel else ("landsat7", "sentinel2a")
    first = 2 if made.path.name.startswith("EO1A") else 1  # number 1 of ALI is its PAN
    told = {"source_scale": 1e-4} | ({} if sentinel else {"source_bands": tuple(range(first, first + 4))})
    earthloom.align(
        made.path, source_sensor=sensors[0], target_sensor=sensors[1], method="spectral", output=out, **told
    )  # fmt: skip
    return 4, 48, 40


def predicted(made: Sample, out: Path) -> tuple[int, int, int]:
    day = (
        "2030-01-01" if made.path.name.startswith(("S2A", "LE07", "EO1A")) else "wanted"
    )  # all images tell a date, or none
    wanted = plain(out.with_name(f"{day}.tif"), made.numbers.astype("float32"))
    earthloom.predict([(made.path, made.path)], wanted, "copy", output=out)
    return made.numbers.shape


def evaluated(made: Sample, out: Path) -> tuple[int, int, int]:
    report = earthloom.evaluate(made.path, made.path, ratio=2)
    assert report.figures["rmse"] == 0
    return made.numbers.shape


VERBS = {verb.__name__: verb for verb in (pansharpened, superresolved, decloud, aligned, predicted, evaluated)}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.filterwarnings("ignore::earthloom.errors.EarthloomWarning")
def test_every_verb_opens_it(verb: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bare.SHAPES, "CIA", SHAPE)
    made, out = SAMPLES[name](tmp_path), tmp_path / "out" / "product.tif"
    out.parent.mkdir()
    run: Callable[[Sample, Path], tuple[int, ...]] = VERBS[verb]
    shape = run(made, out)
    if verb != "evaluated":
        with rasterio.open(out) as file:
            assert (file.count, *file.shape) == shape
