"""Jobs on dates are pure and travel: a pickled one makes the same bytes, and so do two processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.engine.job import Job, execute, statistics
from earthloom.engine.runner import Serial
from earthloom.verbs import pipeline
from tests.e2e.conftest import get, grid, put
from tests.e2e.test_series import DAYS, KNOWN, SHAPE, clouded, coarse, day, fine

HOW: dict[str, dict[str, Any]] = {
    "serial": {"threads": 1}, "threads": {"threads": 2}, "processes": {"threads": 2, "runner": "processes"},
}  # fmt: skip
CLOUD = (np.arange(SHAPE[0])[:, None] < 20) & (np.arange(SHAPE[1]) < 30)
Journey = Callable[[], list[Job]]


@pytest.fixture
def journey(monkeypatch: pytest.MonkeyPatch) -> Journey:
    """Every job that is run has to survive a journey first: what it measures and makes stays the same."""
    seen: list[Job] = []

    def sent(job: Job, *more: Any) -> Any:
        other = pickle.loads(pickle.dumps(job))
        stats = [statistics(one, Serial()) for one in (job, other)]
        for tile in job.tiles:
            made, again = (one.make(tile, own) for one, own in zip((job, other), stats, strict=True))
            for before, after in zip(made.stored, again.stored, strict=True):
                assert before.dtype == after.dtype
                np.testing.assert_array_equal(before, after)
        seen.append(job)
        return execute(job, *more)

    monkeypatch.setattr(pipeline, "execute", sent)
    return lambda: seen


def folders(root: Path) -> tuple[Path, Path]:
    """Fine images whose clouds are in different places, and coarse ones."""
    low, high = root / "coarse", root / "fine"
    for folder in (low, high):
        folder.mkdir()
    for number in KNOWN:
        put(high / f"F_{day(number):%Y%m%d}.tif", clouded(number).astype("uint16"), grid(30), nodata=0)
    for number in DAYS:
        put(low / f"C_{day(number):%Y%m%d}.tif", coarse(number).astype("uint16"), grid(240))
    return high, low


def arrays() -> tuple[dict[Any, np.ndarray], dict[Any, np.ndarray]]:
    """The same in memory."""
    return {day(n): clouded(n).astype("uint16") for n in KNOWN}, {day(n): coarse(n) for n in DAYS}


@pytest.mark.parametrize("method", ["copy", "starfm", "fit_fc"])
def test_a_date_of_a_series_travels(method: str, tmp_path: Path, journey: Journey) -> None:
    fine_dir, coarse_dir = folders(tmp_path)
    out = tmp_path / "out"
    earthloom.series(fine_dir, coarse_dir, method, dates=["2020-03-04"], output=out, tile_size=32, coregister="off")
    earthloom.series(*arrays(), method, dates=["2020-03-04"], fine_nodata=0, tile_size=32, coregister="off")
    of_files, of_arrays = journey()
    assert len(of_files.tiles) == len(of_arrays.tiles) == 6
    assert statistics(of_arrays, Serial())["needed"].numbers == {0, 1}  # else nothing was chosen


@pytest.mark.parametrize("kind", ["files", "arrays"])
def test_a_prediction_with_masks_travels(kind: str, tmp_path: Path, journey: Journey) -> None:
    """What the masks mean travels with the scene."""
    given: dict[str, Any] = {f"fine_{n}": fine(n).astype("uint16") for n in (1, 11)}
    given |= {f"coarse_{n}": coarse(n).astype("uint16") for n in (1, 11, 4)}
    given["mask"] = np.where(CLOUD, 8, 1)[None].astype("uint8")
    if kind == "files":
        pixel = {"fine": 30, "mask": 30, "coarse": 240}
        given = {n: put(tmp_path / f"{n}.tif", a, grid(pixel[n.split("_")[0]])) for n, a in given.items()}
    pairs = [(given[f"fine_{n}"], given[f"coarse_{n}"]) for n in (1, 11)]
    told = {"fine_masks": [given["mask"], None], "fine_mask_bits": (3,), "coregister": "off", "tile_size": 32}
    product = earthloom.predict(pairs, given["coarse_4"], "starfm", dates=[day(1), day(11)], date=day(4), **told)
    clear = earthloom.predict(
        pairs, given["coarse_4"], "starfm", dates=[day(1), day(11)], date=day(4), coregister="off", tile_size=32
    )
    assert len(journey()) == 2 and not np.array_equal(np.asarray(product), np.asarray(clear))


def test_the_same_bytes_whoever_predicts_a_series(tmp_path: Path) -> None:
    """The product and its quality layers: a date of files that is filled, and one of arrays that is predicted."""
    fine_dir, coarse_dir = folders(tmp_path)
    asked = {"fill": True, "tile_size": 32, "coregister": "off"}
    found = {}
    for name, run in HOW.items():
        done = earthloom.series(
            fine_dir, coarse_dir, "starfm", dates=["2020-03-11"], output=tmp_path / name, **asked, **run
        )
        path = done[day(11)]
        held = earthloom.series(*arrays(), "starfm", dates=["2020-03-04"], fine_nodata=0, **asked, **run)[day(4)]
        found[name] = [get(path)[0], get(path.with_name(f"{path.stem}_quality.tif"))[0]]
        found[name] += [held.image, held.confidence, held.used, held.similar]
    for name in ("threads", "processes"):
        for before, after in zip(found["serial"], found[name], strict=True):
            np.testing.assert_array_equal(before, after)


def test_left_out_dates_do_not_depend_on_who_predicts_them() -> None:
    images, lows = arrays()
    images.pop(day(21))
    asked = {"fine_nodata": 0, "tile_size": 32, "methods": ("copy",), "coregister": "off"}
    rows = {name: earthloom.leave_one_out(images, lows, **asked, **HOW[name]).rows for name in ("serial", "processes")}
    assert len(rows["serial"]) == 3 and rows["serial"] == rows["processes"]
