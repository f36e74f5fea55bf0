"""`earthloom series`: a folder of coarse images in, a folder of fine ones out; taken up where it stopped; evaluated."""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio

import earthloom
from earthloom.engine.job import Arrays, Encode, execute, statistics
from earthloom.engine.options import Run
from earthloom.engine.runner import Serial
from earthloom.engine.scene import ArrayScene
from earthloom.engine.talk import Talk
from earthloom.errors import EarthloomError, EarthloomWarning, FileError, InputError
from earthloom.evaluation.leave_out import product_without
from earthloom.methods import catalog
from earthloom.ops.tiling import plan
from earthloom.prepare.spatiotemporal.calendar import calendar
from earthloom.prepare.spatiotemporal.chain import Chain, InMemory, chained
from earthloom.prepare.spatiotemporal.gathering import gathered, opened_library
from earthloom.prepare.spatiotemporal.known import Handling
from earthloom.prepare.spatiotemporal.library import library, role
from earthloom.types import Band, Observation, View, Window
from tests.e2e.conftest import UTM, Cli, get, grid, put, texture
from tests.e2e.test_bad_input import refused

SHAPE, RATIO = (64, 80), 8
KNOWN = (1, 11, 21)  # days of March 2020 with a fine image
DAYS = (1, 4, 8, 11, 14, 18, 21, 24)  # with a coarse one
FIELDS, STILL = np.round(texture(SHAPE, 1) * 1.2), 40 * texture(SHAPE, 2)


def day(number: int) -> date:
    return date(2020, 3, number)


def fine(number: int) -> np.ndarray:
    """Fields that grow at their own speed."""
    grown = 0.02 * number * (600 + 150 * FIELDS)
    return np.stack([1000 + 150 * FIELDS + STILL + (b + 1) * grown for b in range(2)]).clip(1).round()


def coarse(number: int) -> np.ndarray:
    cells = fine(number).reshape(2, SHAPE[0] // RATIO, RATIO, SHAPE[1] // RATIO, RATIO)
    return cells.mean(axis=(2, 4)).round()


def clouded(number: int) -> np.ndarray:
    """A fine image with a hole that moves, nodata 0."""
    image = fine(number)
    image[:, 10 + number : 30 + number, 20:50] = 0
    return image


class Folders:
    """Folders of inputs, and where the output goes."""

    def __init__(self, root: Path) -> None:
        self.root, self.out = root, root / "out"
        self.fine, self.coarse = root / "fine", root / "coarse"

    def arguments(self, *more: object) -> list[object]:
        return ["series", "--fine-dir", self.fine, "--coarse-dir", self.coarse, "-o", self.out, *more]

    def names(self) -> list[str]:
        return sorted(os.listdir(self.out)) if self.out.exists() else []


Make = Callable[..., Folders]


@pytest.fixture
def folders(tmp_path: Path) -> Make:
    def make(
        seen: Callable[[int], np.ndarray] = fine, low: Callable[[int], np.ndarray] = coarse, **more: Any
    ) -> Folders:
        made = Folders(tmp_path)
        for folder in (made.fine, made.coarse):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        for number in KNOWN:
            image = seen(number)
            kind = "uint16" if image.dtype.kind == "f" and np.isfinite(image).all() else image.dtype.name
            put(
                made.fine / f"LC08_191028_{day(number):%Y%m%d}_02_T1.tif",
                image.astype(kind),
                grid(30),
                nodata=0,
                **more,
            )
        for number in DAYS:
            image = low(number)
            kind = "uint16" if np.isfinite(image).all() and image.max() > 2 else "float32"
            put(made.coarse / f"MOD09GA.A{day(number):%Y%j}.tif", image.astype(kind), grid(30 * RATIO))
        return made

    return make


def error(image: np.ndarray, number: int) -> float:
    return float(np.abs(image.astype(float) - fine(number)).mean())


def test_every_date_without_a_fine_image(folders: Make, cli: Cli) -> None:
    """A COG, quality layers and an item each date, in a collection that pystac reads."""
    made = folders()
    done = cli(*made.arguments())
    assert done.code == 0, done.err
    wanted = [number for number in DAYS if number not in KNOWN]
    files = [f"{day(n)}{end}" for n in wanted for end in (".json", ".tif", "_quality.tif")]
    assert made.names() == sorted([*files, "collection.json"])
    assert "5 predicted" in done.err and "2020-03-01 2020-03-11" in done.out
    for number in wanted:
        data, about = get(made.out / f"{day(number)}.tif")
        assert about.crs == UTM and about.transform == grid(30) and about.structure["LAYOUT"] == "COG"
        assert about.tags["EARTHLOOM_DATE"] == str(day(number)) and data.dtype == np.uint16
        nearest = min(KNOWN, key=lambda known: abs(known - number))
        assert error(data, number) < 0.5 * error(fine(nearest), number)
    layers, about = get(made.out / "2020-03-18_quality.tif")
    assert about.descriptions[:2] == ("confidence", "known_dates") and about.transform == grid(30)
    assert json.loads(about.tags["EARTHLOOM_KNOWN_DATES"]) == {
        "1": "2020-03-11", "2": "2020-03-21", "4": "2020-03-01"
    }  # fmt: skip
    assert (layers[1] == 3).all() and 0 < layers[0].min() <= layers[0].max() <= 100
    found = pystac.Collection.from_file(str(made.out / "collection.json"))
    items = list(found.get_items())
    assert [item.datetime and item.datetime.day for item in items] == wanted and found.id == "out"
    item = items[0]
    assert item.properties["proj:code"] == UTM and item.properties["earthloom:known_dates"] == [
        "2020-03-01",
        "2020-03-11",
    ]
    assert item.bbox is not None and 13 < item.bbox[0] < item.bbox[2] < 14.5 and 45 < item.bbox[1] < item.bbox[3] < 45.2
    for asset in item.assets.values():
        assert Path(asset.get_absolute_href() or "").is_file() and asset.media_type == pystac.MediaType.COG


def test_a_run_goes_on_where_it_stopped(folders: Make, cli: Cli) -> None:
    made = folders()
    assert cli(*made.arguments("--dates", "2020-03-04/2020-03-08")).code == 0
    assert len(made.names()) == 7
    before = {name: os.stat(made.out / name).st_mtime_ns for name in made.names() if name != "collection.json"}
    os.remove(made.out / "2020-03-08.json")  # as if it had been stopped before the item was written
    done = cli(*made.arguments())
    assert done.code == 0 and "4 predicted, 1 were there already" in done.err
    after = {name: os.stat(made.out / name).st_mtime_ns for name in before}
    assert {name for name in before if before[name] == after[name]} == {name for name in before if "03-04" in name}
    assert len(list(pystac.Collection.from_file(str(made.out / "collection.json")).get_items())) == 5
    refused(cli(*made.arguments("-m", "copy")), "2020-03-04.tif was made with another method", "--overwrite")
    refused(cli(*made.arguments("--classes", "9")), "another parameters")
    refused(cli(*made.arguments("--match", "regression")), "another series")
    assert cli(*made.arguments("-m", "copy", "--overwrite")).code == 0
    assert get(made.out / "2020-03-04.tif")[1].tags["EARTHLOOM_METHOD"] == "spatiotemporal/copy"
    os.remove(next(made.fine.glob("*20200311*")))
    done = cli(*made.arguments("-m", "copy"))
    assert done.code == 0 and "warning: 2020-03-08.tif was predicted from" in done.err


def _masks(made: Folders) -> Path:
    """Masks that say: all clear."""
    folder = made.root / "masks"
    folder.mkdir()
    for number in KNOWN:
        put(folder / f"QA_{day(number)}.tif", np.zeros((1, *SHAPE), "uint8"), grid(30))
    return folder


def _touched(made: Folders, number: int) -> dict[str, Any]:
    """Another image of a known date, under the name of the one before."""
    path = next(made.fine.glob(f"*{day(number):%Y%m%d}*"))
    put(path, (fine(number) + 5).astype("uint16"), grid(30), nodata=0)
    return {}


CHANGES: dict[str, tuple[Callable[[Folders], dict[str, Any]], str]] = {
    "dtype": (lambda made: {"dtype": "float32"}, "another storage .*null.* instead of .*float32"),
    "compression": (lambda made: {"compress": "none"}, "another storage .*zstd.* instead of .*none"),
    "masks": (lambda made: {"fine_masks": _masks(made)}, "other images or masks: fine_20200301, fine_20200311"),
    "meaning of masks": (lambda made: {"fine_mask_bits": (3,)}, "another handling .*mask_bits"),
    "a scale": (lambda made: {"fine_scale": 2.0, "coarse_scale": 2.0}, "another handling .*scale.* instead of .*2.0"),
    "places": (lambda made: {"ignore_georeferencing": True}, "another handling .*ignore_georeferencing"),
    "an image": (lambda made: _touched(made, 11), "other images or masks: fine_20200311 changed"),
    "an image that fills gaps": (lambda made: _touched(made, 21), "other images or masks: fine_20200321 changed"),
    "refinement": (lambda made: {"refine": 2}, "another parameters .*2"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_since_a_date_was_finished(what: str, folders: Make) -> None:
    """It is noticed and said, nothing is made, and ``overwrite`` makes it anew."""
    made = folders()
    asked: dict[str, Any] = {"method": "copy", "dates": ["2020-03-04"], "output": made.out, "coregister": "off"}
    earthloom.series(made.fine, made.coarse, **asked)
    before = {name: (made.out / name).read_bytes() for name in made.names()}
    earthloom.series(made.fine, made.coarse, **asked)
    assert before == {name: (made.out / name).read_bytes() for name in made.names()} and len(before) == 4
    change, words = CHANGES[what]
    more = change(made)
    with pytest.raises(FileError, match=words) as refusal:
        earthloom.series(made.fine, made.coarse, **asked, **more)
    assert "overwrite" in str(refusal.value)
    assert before == {name: (made.out / name).read_bytes() for name in made.names()}
    found = earthloom.series(made.fine, made.coarse, **asked, **more, overwrite=True)
    assert (made.out / "2020-03-04.tif").read_bytes() != before["2020-03-04.tif"]
    assert earthloom.series(made.fine, made.coarse, **asked, **more) == found


def test_a_product_that_does_not_say_what_it_was_asked_for(folders: Make) -> None:
    made = folders()
    asked: dict[str, Any] = {"method": "copy", "dates": ["2020-03-04"], "output": made.out, "coregister": "off"}
    earthloom.series(made.fine, made.coarse, **asked)
    put(made.out / "2020-03-04.tif", fine(4).astype("uint16"), grid(30))
    with pytest.raises(FileError, match="does not say what it was asked for"):
        earthloom.series(made.fine, made.coarse, **asked)


def test_residual_of_a_refined_series(folders: Make) -> None:
    """The product tells how far it was from what was seen, and how far it is now, where it was pieced together too."""
    for seen in (fine, clouded):
        made = folders(seen)
        earthloom.series(
            made.fine,
            made.coarse,
            "copy",
            dates=["2020-03-04"],
            output=made.out,
            refine=3,
            tile_size=32,
            overwrite=True,
        )
        residual = json.loads(get(made.out / "2020-03-04.tif")[1].tags["EARTHLOOM_RESIDUAL"])
        assert 0 < residual["after_percent"] < 0.7 * residual["before_percent"]
    earthloom.series(made.fine, made.coarse, "copy", dates=["2020-03-04"], output=made.out, overwrite=True)
    assert "EARTHLOOM_RESIDUAL" not in get(made.out / "2020-03-04.tif")[1].tags


def test_no_place_for_products_is_said_before_anything_is_read(folders: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = folders()

    def read(*_: Any, **__: Any) -> Any:
        raise AssertionError("an input was read first")

    monkeypatch.setattr("earthloom.engine.inputs.open_image", read)
    made.out.write_bytes(b"something")
    with pytest.raises(FileError, match="out is a file"):
        earthloom.series(made.fine, made.coarse, output=made.out)
    assert made.out.read_bytes() == b"something"
    with pytest.raises(InputError, match="folder of the inputs"):
        earthloom.series(made.fine, made.coarse, output=made.coarse)
    monkeypatch.setitem(sys.modules, "pystac", None)
    with pytest.raises(InputError, match="without pystac"):
        earthloom.series(made.fine, made.coarse, output=made.root / "other")


def test_only_choices_that_a_tile_needs_are_measured() -> None:
    """Masks tell which; the product is the one that measuring all of them would give."""
    spoilt = {day(n): np.where(np.arange(SHAPE[0])[:, None] < (20 if n == 1 else 0), np.nan, fine(n)) for n in KNOWN}
    lows, chosen = {day(n): coarse(n) for n in DAYS}, catalog.make("starfm", "spatiotemporal")
    found = {}
    for name, images in (("clear", {day(n): fine(n) for n in KNOWN}), ("spoilt", spoilt)):
        with opened_library(gathered(images, lows), Handling(coregister="off"), Run()) as (lib, _):
            choices, _ = lib.choices(day(4), chosen, 1)  # the nearest alone, then one after the other
            more = {"choices": choices, "layers": InMemory(), "spread": lib.facts.spread}
            job = chained(chosen, choices[0].scene, tuple(plan(SHAPE, 32)), Encode(np.dtype(float)), **more)
            stats = statistics(job, Serial())
            found[name] = sorted(key for key in stats if key.startswith("choice"))
            every = statistics(_Eager(*(getattr(job, one.name) for one in fields(job))), Serial())
            assert len(every) == 5 and len(job.choices) == 3
            for tile in job.tiles:
                for one, other in zip(job.make(tile, stats).stored, job.make(tile, every).stored, strict=True):
                    np.testing.assert_array_equal(one, other)
    assert found == {"clear": ["choice_0"], "spoilt": ["choice_0", "choice_1"]}


class _Eager(Chain):
    """Measures every choice."""

    def _needed(self, tile: Window) -> frozenset[int]:
        return frozenset(range(len(self.choices)))


def test_gaps_are_filled(folders: Make, cli: Cli) -> None:
    """Measured pixels stay bit by bit, holes come from the other dates; where one choice is clouded, from the next."""
    made = folders(clouded)
    done = cli(*made.arguments("--fill", "--tile-size", 32))
    assert done.code == 0, done.err
    assert "3 filled" in done.err and "5 predicted" in done.err
    for number in KNOWN:
        data = get(made.out / f"{day(number)}.tif")[0]
        layers = get(made.out / f"{day(number)}_quality.tif")[0]
        seen = clouded(number) != 0
        np.testing.assert_array_equal(data[seen], clouded(number)[seen])
        assert (layers[0][seen[0]] == 100).all() and (layers[1][seen[0]] == 0).all()
        assert (layers[1][~seen[0]] > 0).all() and (layers[0][~seen[0]] < 100).all()
        others = [np.abs(fine(k) - fine(number))[~seen].mean() for k in KNOWN if k != number]
        assert np.abs(data - fine(number))[~seen].mean() < min(others)
    data, layers = get(made.out / "2020-03-04.tif")[0], get(made.out / "2020-03-04_quality.tif")[0]
    assert (data > 0).all() and set(np.unique(layers[1])) >= {1, 2, 3}
    both = (clouded(1) == 0).all(axis=0) & (clouded(11) == 0).all(axis=0)
    assert both.any() and (layers[1][both] == 4).all()  # the third date


def test_what_nothing_shows_stays_missing(folders: Make, cli: Cli) -> None:
    def always(number: int) -> np.ndarray:
        image = fine(number)
        image[:, :8, :8] = 0
        return image

    made = folders(always)
    assert cli(*made.arguments("--dates", "2020-03-04")).code == 0
    data, about = get(made.out / "2020-03-04.tif")
    layers, told = get(made.out / "2020-03-04_quality.tif")
    assert about.nodata == 0 and told.nodata == 65535
    np.testing.assert_array_equal((data == 0).all(axis=0), (always(1) == 0).all(axis=0))
    np.testing.assert_array_equal((layers == 65535).all(axis=0), (always(1) == 0).all(axis=0))


def test_masks_by_date(folders: Make, cli: Cli) -> None:
    spoilt = lambda n: np.where(clouded(n) == 0, 9000, fine(n))  # noqa: E731
    made = folders(spoilt)
    masks = made.root / "masks"
    masks.mkdir()
    for number in KNOWN:
        put(masks / f"QA_{day(number)}.tif", np.where(clouded(number)[:1] == 0, 1 << 3, 1).astype("uint16"), grid(30))
    words = made.arguments("--fine-mask-dir", masks, "--fine-mask-bits", "3", "--dates", "2020-03-04", "2020-03-14")
    assert cli(*words).code == 0
    data = get(made.out / "2020-03-14.tif")[0]
    assert data.max() < 8000 and error(data, 14) < error(fine(11), 14)


def test_a_date_that_cannot_be_told_is_skipped(folders: Make, cli: Cli) -> None:
    def dark(number: int) -> np.ndarray:
        return np.full((2, 8, 10), np.nan) if number == 8 else coarse(number)

    made = folders(low=dark)
    done = cli(*made.arguments("-v"))
    assert done.code == 0 and "4 predicted, 1 skipped" in done.err and "2020-03-08 skipped" in done.err
    assert "no clear pixel" in done.out and "2020-03-08.tif" not in made.names()
    blind = folders(lambda n: np.zeros((2, *SHAPE)) if n == 11 else fine(n))
    done = cli(*blind.arguments("-v", "--overwrite"))
    assert done.code == 0 and "left out" in done.err and "20200311" in done.err
    assert json.loads(get(blind.out / "2020-03-08_quality.tif")[1].tags["EARTHLOOM_KNOWN_DATES"]) == {
        "1": "2020-03-01", "2": "2020-03-21"
    }  # fmt: skip


def test_kranj_keeps_its_place(shared: Path, cli: Cli, tmp_path: Path) -> None:
    """Landsat with gaps and daily MODIS of Slovenia, in MODIS's projection, scales 10000 apart."""
    data = shared / "data/spatiotemporal/kranj_2020"
    words = ["series", "--fine-dir", data / "landsat/unfilled", "--coarse-dir", data / "modis/filled"]
    words += ["-o", tmp_path / "kranj", "--dates", "2020-03-10/2020-03-14", "2020-03-08", "--fill", "--ratio", "16"]
    refused(cli(*words), "the fine image is 11000 times the coarse one", "--coarse-scale 10000")
    done = cli(*words, "--coarse-scale", "10000")
    assert done.code == 0, done.err
    assert "1 filled" in done.err and "5 predicted" in done.err
    with rasterio.open(data / "landsat/unfilled/2020068_191-28_kranj.tif") as file:
        grid_of, crs, shape, seen = file.transform, file.crs, file.shape, file.read_masks(1) > 0
        original = file.read()
    for name in ("2020-03-08", "2020-03-12"):
        image, about = get(tmp_path / f"kranj/{name}.tif")
        assert about.transform == grid_of and about.crs == crs and image.shape == (6, *shape)
        assert about.nodata == pytest.approx(-3.4e38, rel=1e-6) and np.isfinite(image).all()
        assert 300 < np.median(image) < 2500
    np.testing.assert_array_equal(get(tmp_path / "kranj/2020-03-08.tif")[0][:, seen], original[:, seen])
    assert (~seen).any()
    item = pystac.Item.from_file(str(tmp_path / "kranj/2020-03-12.json"))
    assert item.bbox is not None and item.bbox == pytest.approx([14.3173, 46.2442, 14.3379, 46.2561], abs=1e-3)
    assert "PROJECTION" in item.properties["proj:wkt2"]


def test_evaluation_leaves_every_known_date_out(folders: Make, cli: Cli) -> None:
    """Figures of the method and of a copy, on the screen, as JSON and as a picture; nothing is written."""
    made = folders(clouded)
    words = made.arguments("--evaluate")
    words = [word for word in words if word not in ("-o", made.out)]
    picture = made.root / "trial.png"
    done = cli(*words, "--figure", picture)
    assert done.code == 0, done.err
    assert not made.out.exists() and picture.stat().st_size > 20_000
    lines = done.out.splitlines()
    assert lines[0] == "each known date predicted from the others" and lines[-2].startswith("SSIM with peak")
    assert "ERGAS at ratio 8" in lines[-1] and "RMSE" in done.out and "UIQI global" in done.out and "*" in done.out
    report = json.loads(cli(*words, "--json").out)
    assert set(report["rows"]) == {
        f"{name} {when}" for name in ("starfm", "copy") for when in (*(str(day(n)) for n in KNOWN), "mean")
    }  # fmt: skip
    mean, copied = report["rows"]["starfm mean"], report["rows"]["copy mean"]
    assert mean["rmse"] < copied["rmse"] and mean["mae"] < copied["mae"] and mean["ergas"] < copied["ergas"]
    assert report["figures"] == mean
    assert set(mean) == {"rmse", "mae", "cc", "ssim", "sam_deg", "ergas", "uiqi_global"} | ({"uiqi"} & set(mean))
    truth = {n: np.where(clouded(n) == 0, np.nan, fine(n)) for n in KNOWN}
    from_arrays = earthloom.leave_one_out(
        {day(n): truth[n] for n in KNOWN}, {day(n): coarse(n) for n in DAYS}, ("starfm", "copy")
    )
    assert from_arrays.rows["starfm mean"] == pytest.approx(mean, rel=1e-4)
    product = fine(1)
    both = np.isfinite(truth[11]).all(axis=0)
    by_hand = float(np.sqrt(((product - truth[11])[:, both] ** 2).mean()))
    assert by_hand > report["rows"]["starfm 2020-03-11"]["rmse"]
    refused(cli(*words, "--figure", picture), "exists")
    refused(cli(*words, "--figure", made.root / "x.jpg"), "PNG")


def test_evaluation_does_not_see_what_it_judges() -> None:
    """Changing the left-out image changes none of what is predicted for it."""
    known = {n: fine(n) for n in KNOWN}
    lows = {day(n): coarse(n) * 0.5 for n in DAYS}
    found = []
    for spoilt in (False, True):
        images = {day(n): known[n] * (3 if spoilt and n == 11 else 1) for n in KNOWN}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EarthloomWarning)  # the spoilt image hardly agrees with its coarse one
            with opened_library(gathered(images, lows), Handling(match="regression"), Run()) as (lib, _):
                method = catalog.make("starfm", "spatiotemporal")
                found.append(product_without(lib.without([day(11)]), day(11), method, 2, Window(0, 0, *SHAPE)))
    np.testing.assert_array_equal(*found)


def test_series_of_arrays() -> None:
    import torch

    images = {str(day(n)): clouded(n).astype("uint16") for n in KNOWN}
    lows = {day(n): coarse(n) for n in DAYS}
    found = earthloom.series(images, lows, fine_nodata=0, dates=["2020-03-04", "2020-03-18"])
    assert [when.day for when in found] == [4, 18]
    one = found[day(4)]
    assert one.image.dtype == np.uint16 and (one.image > 0).all() and error(one.image, 4) < error(fine(1), 4)
    assert (
        one.confidence.shape == SHAPE and one.known[:2] == (day(1), day(11)) and set(np.unique(one.used)) >= {1, 2, 3}
    )
    assert one.confidence.min() > 0 and one.confidence.max() < 1
    filled = earthloom.series(images, lows, fine_nodata=0, fill=True, dates=["2020-03-11"])[day(11)]
    seen = (clouded(11) != 0).all(axis=0)
    np.testing.assert_array_equal(filled.image[:, seen], clouded(11)[:, seen])
    assert (filled.confidence[seen] == 1).all() and (filled.used[~seen] > 0).all()
    tensors = {when: torch.from_numpy(image.astype("float32")) for when, image in images.items()}
    again = earthloom.series(tensors, lows, fine_nodata=0, dates=["2020-03-04"])[day(4)].image
    np.testing.assert_allclose(again.numpy(), one.image, atol=1)


def test_confidence_by_its_formula() -> None:
    """One minus the product of doubts; days and change lower it, a second date raises it, tiles do not matter."""
    images = {day(n): fine(n) for n in (1, 21)}
    lows = {day(n): np.kron(coarse(n), np.ones((1, 8, 8))) for n in (1, 8, 21)}
    found = earthloom.series(images, lows, ratio=8, coregister="off", method="copy")[day(8)]
    bands = (Band("a"), Band("b"))
    views = {role("fine", d): View(image, np.ones(SHAPE, bool), bands, date=d) for d, image in images.items()}
    views |= {role("coarse", d): View(image, np.ones(SHAPE, bool), bands, date=d) for d, image in lows.items()}
    called = {name: name for name in views}
    handling = Handling(ratio=8, coregister="off")
    lib = library(
        ArrayScene(Observation(views, SHAPE)), calendar(images, lows, 0), called, handling, Run(), None
    )  # fmt: skip
    spread = lib.facts.spread
    assert spread is not None
    doubt = np.ones(SHAPE)
    for number, days in ((1, 7), (21, 13)):
        change = (np.abs(lows[day(8)] - lows[day(number)]) / spread[:, None, None]).mean(axis=0)
        doubt *= 1 - np.exp(-days / 60) * np.exp(-change)
    np.testing.assert_allclose(found.confidence, 1 - doubt, atol=1e-6)
    alone = earthloom.series(images, lows, ratio=8, coregister="off", method="copy", most_pairs=1)[day(8)]
    assert (alone.confidence < found.confidence).all() and set(np.unique(alone.used)) == {1}
    pieces: dict[str, np.ndarray] = {}
    for tile in (16, 64):
        method = catalog.make("copy", "spatiotemporal")
        choices, _ = lib.choices(day(8), method)
        data, got = np.zeros((2, *SHAPE)), np.zeros((1, *SHAPE), np.float32)
        beside = np.zeros((1, *SHAPE), np.uint16), np.zeros((1, *SHAPE), np.float32)
        tiles = tuple(plan(SHAPE, tile))
        job = chained(
            method, choices[0].scene, tiles, Encode(data.dtype), choices=choices, layers=InMemory(), spread=spread
        )
        execute(job, Serial(), Arrays((data, got, *beside)), Talk())
        pieces[str(tile)] = got
    np.testing.assert_array_equal(pieces["16"], pieces["64"])


def test_bad_input(folders: Make, cli: Cli) -> None:
    made = folders()
    empty = made.root / "empty"
    empty.mkdir()
    undated = made.root / "undated"
    undated.mkdir()
    shutil.copy(next(made.coarse.iterdir()), undated / "one.tif")
    cases: list[tuple[list[object], tuple[str, ...]]] = [
        (["series", "--fine-dir", empty, "--coarse-dir", made.coarse, "-o", made.out], ("no fine image in",)),
        (["series", "--fine-dir", made.root / "no", "--coarse-dir", made.coarse, "-o", made.out], ("does not exist",)),
        (["series", "--fine-dir", made.fine, "--coarse-dir", undated, "-o", made.out], ("one.tif", "--date-pattern")),
        (["series", "--fine-dir", made.fine, "--coarse-dir", made.coarse], ("no --output", "--evaluate")),
        (["series", "--fine-dir", made.fine, "-o", made.out], ("--coarse-dir is missing",)),
        (["series", "--fine-dir", made.fine, "--coarse-dir", made.coarse, "-o", made.fine], ("folder of the inputs",)),
        (made.arguments("--dates", "2020-04-01"), ("no coarse image of 2020-04-01",)),
        (made.arguments("--dates", "2020-03-01"), ("the fine image of 2020-03-01 is there", "--fill")),
        (made.arguments("--dates", "2020-03-09/2020-03-02"), ("ends before",)),
        (made.arguments("--dates", "march"), ("'march'", "2020-03-08")),
        (made.arguments("--date-pattern", r"(\d{4}"), ("a regular expression",)),
        (made.arguments("--date-pattern", r"_(\d{6})_"), ("no date in the names",)),
        (made.arguments("--evaluate"), ("--output with --evaluate",)),
        (made.arguments("--json"), ("--json without --evaluate",)),
        (made.arguments("--most-pairs", "0"), ("most_pairs 0",)),
        (made.arguments("--beside", "gsa", "--fine-bands", "7"), ("band 7",)),
        (made.arguments("--coarse-scale", "0.001"), ("the fine image is",)),
        (made.arguments("-m", "nothing"), ("no spatiotemporal method",)),
    ]
    for words, hints in cases:
        refused(cli(*words), *hints)
        assert made.names() == [], words
    shutil.copy(next(made.fine.glob("*20200311*")), made.fine / "2020-03-11_again.tif")
    refused(cli(*made.arguments()), "two fine images of 2020-03-11", "2020-03-11_again.tif")
    done = cli(*made.arguments()[:1], "--fine-dir", made.fine / "LC08*", *made.arguments()[3:], "-q")
    assert done.code == 0 and done.out == "" and done.err == ""
    only = [path for path in made.fine.iterdir() if "20200301" not in path.name]
    for path in only:
        path.unlink()
    words = [word for word in made.arguments("--evaluate") if word not in ("-o", made.out)]
    refused(cli(*words), "1 known date", "at least two")


def test_names_without_a_date_are_left_out_with_a_warning(folders: Make, cli: Cli) -> None:
    made = folders()
    shutil.copy(next(made.coarse.iterdir()), made.coarse / "mosaic.tif")
    done = cli(*made.arguments())
    assert done.code == 0 and "warning: 1 coarse image(s) without a date" in done.err and "mosaic.tif" in done.err


def test_arrays_refused() -> None:
    images, lows = {day(n): fine(n) for n in KNOWN}, {day(n): coarse(n) for n in DAYS}
    for change, words in (
        ({"fine": {"x": fine(1)}}, "the date 'x'"), ({"fine": {}}, "0 fine"), ({"output": "x"}, "folders of files"),
        ({"fine": {"2020-03-01": fine(1), day(1): fine(1)}}, "two fine images"),
        ({"coarse": "folder"}, "all of one kind"),
        ({"fine_masks": {day(4): np.zeros(SHAPE)}}, "no fine image"), ({"dates": [day(1)]}, "`fill=True`"),
        ({"fine": {day(30): fine(1)}}, "no fine image within"), ({"most_pairs": 0}, "at least 1"),
        ({"coarse": {day(n): coarse(n) / 1e4 for n in DAYS}}, "coarse_scale=10000"),
    ):  # fmt: skip
        given: dict[str, Any] = {"fine": images, "coarse": lows, **change}
        with pytest.raises(EarthloomError, match=words):
            earthloom.series(given.pop("fine"), given.pop("coarse"), **given)
    with pytest.raises(InputError, match="without output="):
        earthloom.series("fine", "coarse")
    with pytest.raises(InputError, match="at least two"):
        earthloom.leave_one_out({day(1): fine(1)}, lows)
    with pytest.raises(InputError, match="no option windows"):
        earthloom.leave_one_out(images, lows, windows=3)


def test_files_from_python(folders: Make) -> None:
    made = folders()
    found = earthloom.series(made.fine, str(made.coarse), "copy", dates=["2020-03-04/"], output=made.out)
    assert found == {day(n): made.out / f"{day(n)}.tif" for n in DAYS if n not in KNOWN}
    os.remove(made.fine / "LC08_191028_20200301_02_T1.tif")
    with pytest.warns(EarthloomWarning, match="would be nearer now"):
        again = earthloom.series(made.fine, made.coarse, "copy", output=made.out)
    assert set(again) == {*found, day(1)}  # whose fine image is gone
