"""`auto` between dates: each known date left out and predicted from the others decides, band by band."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import earthloom
from earthloom.engine.options import Run
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError, MethodError
from earthloom.evaluation.choosing import CANDIDATES, chosen_for_dates
from earthloom.evaluation.dates_out import COPY, DatesOut, left_out, windows_of
from earthloom.methods import catalog
from earthloom.ops.moments import Stats
from earthloom.physics.clouds import fractal
from earthloom.prepare.spatiotemporal.known import chosen_predictor
from earthloom.training.cases.spatiotemporal import simulated
from earthloom.types import Band, Observation, View
from tests.e2e.conftest import grid, put

RATIO = 8
DAYS = (date(2020, 3, 1), date(2020, 4, 1), date(2020, 5, 1), date(2020, 6, 1))
BANDS = tuple(Band(name, mtf_nyquist=0.3) for name in ("red", "nir"))


def dates(count: int = 3, shape: tuple[int, int] = (96, 112), seed: int = 0) -> tuple[list[View], list[View]]:
    """Fields of three kinds whose reflectance follows the season; fine images, and coarse ones of them."""
    rng = np.random.default_rng(seed)
    kinds = np.stack([fractal(shape, rng, 24) for _ in range(3)]).argmax(axis=0)
    seasons, texture = rng.uniform(0.05, 0.4, (count, 2, 3)), 0.01 * rng.normal(size=(2, *shape))
    fine = [
        View((seasons[k][:, kinds] + texture).astype(np.float32), np.ones(shape, bool), BANDS, date=DAYS[k])
        for k in range(count)
    ]
    return fine, [simulated(view, RATIO, 0.005, rng) for view in fine]


def given(fine: list[View], coarse: list[View], wanted: int = 1) -> dict[str, Any]:
    """What `predict` takes, all other dates known."""
    known = [k for k in range(len(fine)) if k != wanted]
    return {
        "pairs": [(fine[k].data, coarse[k].data) for k in known], "coarse": coarse[wanted].data,
        "dates": [DAYS[k] for k in known], "date": DAYS[wanted], "coregister": "off", "threads": 1,
    }  # fmt: skip


def observed(fine: list[View], coarse: list[View], wanted: int = 1) -> Observation:
    views = {"coarse_p": coarse[wanted]}
    for at, k in enumerate((k for k in range(len(fine)) if k != wanted), start=1):
        views |= {f"fine_{at}": fine[k], f"coarse_{at}": coarse[k]}
    return Observation(views, fine[0].shape)


def make(name: str) -> Any:
    return chosen_predictor(name, {}, None)


def test_the_best_on_known_dates_makes_the_product() -> None:
    """All that fit are tried beside a copy; the product is that of the best, bit by bit, and says why."""
    fine, coarse = dates()
    asked, found, said = given(fine, coarse), dict[str, Any](), list[str]()
    product = earthloom.predict(method="auto", facts=found.update, say=said.append, **asked)
    tried = found["auto"]["on_known_dates_left_out"]
    assert set(tried) <= set(CANDIDATES["spatiotemporal"]) and {"fit_fc", "starfm", "stfgan"} <= set(tried)
    means = {
        name: np.mean(np.square(own)) for name, own in tried.items() if not catalog.is_network(name, "spatiotemporal")
    }
    best = min(means, key=lambda name: means[name])
    chosen = set(found["auto"]["bands"])
    assert best in chosen and all(np.mean(own) < 1 for own in tried.values())
    if chosen == {best}:
        np.testing.assert_array_equal(product, earthloom.predict(method=best, **asked))
    line = next(one for one in said if one.startswith("auto: "))
    assert "of the error of a copy on known dates left out" in line and "tried: " in line
    assert found["record"].parameters["auto"] == line.removeprefix("auto: ").partition("; tried")[0]


def test_the_errors_are_those_of_leaving_each_date_out() -> None:
    """Recomputed by predicting each known date by hand, on the whole scene."""
    fine, coarse = dates(4)
    scene = ArrayScene(observed(fine, coarse))
    trial = DatesOut.of(left_out(scene), RATIO, make, 1)
    assert len(trial.groups) == 3  # of four dates one is wanted
    found = trial.scores(["starfm"])["starfm"]
    known, total = [0, 2, 3], {"starfm": np.zeros(2), COPY: np.zeros(2)}
    for out in known:
        others = [k for k in known if k != out]
        views = {"coarse_p": coarse[out]}
        for at, k in enumerate(others, start=1):
            views |= {f"fine_{at}": fine[k], f"coarse_{at}": coarse[k]}
        for name, own in total.items():
            obs, method = Observation(views, fine[0].shape), make(name)
            stats = method.summarise(obs, None) if method.rounds else Stats()
            own += np.square(method.fuse(obs, stats) - fine[out].data, dtype=np.float64).sum(axis=(1, 2))
    np.testing.assert_allclose(found, np.sqrt(total["starfm"] / total[COPY]), rtol=1e-5)


def test_a_band_that_nothing_predicts_is_copied() -> None:
    """The coarse images of the second band are noise."""
    fine, coarse = dates()
    rng = np.random.default_rng(3)
    for view in coarse:
        view.data[1] = 0.2 + 0.1 * rng.normal(size=view.shape)
    steady = [View(np.concatenate([v.data[:1], fine[0].data[1:]]), v.valid, v.bands, date=v.date) for v in fine]
    asked, found = given(steady, coarse), dict[str, Any]()
    product = earthloom.predict(method="auto", facts=found.update, **asked)
    assert found["auto"]["bands"][1] == COPY and found["auto"]["bands"][0] != COPY
    np.testing.assert_array_equal(product[1], earthloom.predict(method=COPY, **asked)[1])
    np.testing.assert_array_equal(product[0], earthloom.predict(method=found["auto"]["bands"][0], **asked)[0])


def test_of_a_single_known_date_none_can_be_left_out() -> None:
    """Then the default of the documentation runs, and it says that it was not tried."""
    fine, coarse = dates(2)
    found, said = dict[str, Any](), list[str]()
    product = earthloom.predict(method="auto", facts=found.update, say=said.append, **given(fine, coarse))
    assert found["auto"]["untried"] and any("none can be left out" in line for line in said)
    name = found["auto"]["bands"][0]
    np.testing.assert_array_equal(product, earthloom.predict(method=name, **given(fine, coarse)))


def test_clouds_that_leave_nothing_to_compare() -> None:
    fine, coarse = dates()
    for k, half in ((0, slice(0, 56)), (2, slice(56, None))):
        fine[k].valid[:, half] = False
    found = dict[str, Any]()
    chosen_for_dates(
        left_out(ArrayScene(observed(fine, coarse))), ArrayScene(observed(fine, coarse)), RATIO,
        Run(facts=found.update), make,
    )  # fmt: skip
    assert found["auto"]["untried"]


def test_what_auto_refuses() -> None:
    asked = given(*dates())
    with pytest.raises(InputError, match="window_px with auto"):
        earthloom.predict(method="auto", window_px=31, **asked)
    with pytest.raises(MethodError, match="auto with `adapt`"):
        earthloom.predict(method="auto", adapt=True, **asked)


def test_what_is_tried_has_a_bound() -> None:
    """However large the scene, however many dates."""
    for shape, ratio, count in (((9000, 7000), 16.0, 3), ((300, 280), 8.0, 2), ((20000, 500), 30.0, 3)):
        found = windows_of(shape, ratio, count)
        pixels = sum(one.height * one.width for one in found)
        assert pixels * count <= 1.3e6 or len(found) == 1
        assert all(one.y >= 0 and one.y + one.height <= shape[0] for one in found)


def folders(tmp_path: Path, fine: list[View], coarse: list[View], known: tuple[int, ...]) -> list[str]:
    """Series as two folders."""
    for name in ("fine", "coarse"):
        (tmp_path / name).mkdir(exist_ok=True)
    for k, view in enumerate(coarse):
        put(tmp_path / f"coarse/{DAYS[k]}.tif", view.data, grid(80.0))
        if k in known:
            put(tmp_path / f"fine/{DAYS[k]}.tif", fine[k].data, grid(10.0))
    return [str(tmp_path / "fine"), str(tmp_path / "coarse")]


def test_a_series_is_chosen_for_once_and_goes_on(tmp_path: Path) -> None:
    """One choice for all dates, in the tags of each; finished dates stay though figures changed meanwhile."""
    fine, coarse = dates(4)
    found = dict[str, Any]()
    paths = folders(tmp_path, fine, coarse, (0, 2))
    made = earthloom.series(*paths, "auto", output=tmp_path / "out", coregister="off", threads=1, facts=found.update)
    assert set(made) == {DAYS[1], DAYS[3]}
    name = found["auto"]["bands"][0]
    with rasterio.open(made[DAYS[1]]) as file:
        told = json.dumps(file.tags())
        assert "on known dates left out" in told and name in told
        product = file.read()
    alone = earthloom.series(*paths, name, output=tmp_path / "alone", coregister="off", threads=1)
    if set(found["auto"]["bands"]) == {name}:
        with rasterio.open(alone[DAYS[1]]) as file:
            np.testing.assert_array_equal(file.read(), product)
    again = earthloom.series(*paths, "auto", output=tmp_path / "out", coregister="off", threads=1)
    assert again == made
