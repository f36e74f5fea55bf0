"""Where known dates change no step shows, the weights are those of the formula, and tiles do not matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

import earthloom
from earthloom.engine.job import fuse_array
from earthloom.engine.passes import filled, fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.methods.wrappers.seamless import FADE, Seamless, hidden, seamless
from earthloom.metrics.seams import seam_of, steps
from earthloom.ops.spread import feathered
from earthloom.types import Band, Observation, View, Window

SHAPE = (96, 96)
STEP = 0.2  # between the known dates, of which one is too dark and one too bright
RIM = 48  # column from which it is clouded


def line(*regions: str) -> list[np.ndarray]:
    """Regions of a row of pixels, ``x`` where they are."""
    return [np.array([[mark == "x" for mark in region]]) for region in regions]


def test_weights_worked_out_by_hand() -> None:
    everywhere = np.ones((1, 8), bool)
    top, bottom = line("xxxx....", "....xxxx")
    layers = [(np.zeros((1, 1, 8)), everywhere), (np.ones((1, 1, 8)), top)]
    found = feathered(layers, [top, bottom], 4, Window(0, 0, 1, 8))
    np.testing.assert_allclose(found[0, 0], [1, 0.75, 0.5, 0.25, 0, 0, 0, 0])
    three = line("xx......", "..xxx...", ".....xxx")
    layers = [(np.full((1, 1, 8), value), shown) for value, shown in ((4.0, everywhere), (2.0, everywhere))]
    found = feathered([*layers, (np.full((1, 1, 8), 1.0), three[0])], three, 2, Window(0, 0, 1, 8))
    #  b_0: 1, 1/2 off the second region; b_1 there: (4 - 1) / 2 > 1; in its own region 1, 1, 1/2 off the third
    np.testing.assert_allclose(found[0, 0], [1, 1.5, 2, 2, 3, 4, 4, 4])


def test_what_an_image_does_not_show_is_left_to_the_others() -> None:
    top, bottom = line("xxxx....", "....xxxx")
    holes = top & np.array([[True, False, True, True, True, True, True, True]])
    layers = [(np.full((1, 1, 8), 5.0), bottom), (np.where(holes, 1.0, np.nan)[None], holes)]
    found = feathered(layers, [top, bottom], 4, Window(0, 0, 1, 8))[0, 0]
    np.testing.assert_array_equal(found[[0, 2, 3, 4, 7]], [1, 1, 1, 5, 5])  # nothing below is shown: no fading


def scene(clouds: bool = True) -> Observation:
    """Two known dates; of the second the right half is clouded, and the fine images do not agree."""
    rng = np.random.default_rng(5)
    ground = 1 + 0.02 * rng.normal(size=(1, *SHAPE)).astype(np.float32)
    low, everywhere = np.ones((1, 12, 12), np.float32), np.ones(SHAPE, bool)
    clear = everywhere & (np.arange(SHAPE[1]) < RIM) if clouds else everywhere
    views = {"coarse_p": (low, 10)}
    views |= {"fine_1": (ground - np.float32(STEP / 2), 1), "coarse_1": (low, 1)}
    views |= {"fine_2": (ground + np.float32(STEP / 2), 12), "coarse_2": (low, 12)}
    made = {}
    for role, (data, day) in views.items():
        coarse = role.startswith("coarse")
        valid = np.ones((12, 12), bool) if coarse else clear if role == "fine_2" else everywhere
        where = ((8.0, 8.0), (3.5, 3.5)) if coarse else ((1.0, 1.0), (0.0, 0.0))
        made[role] = View(data, valid, (Band("nir"),), *where, date=date(2020, 3, day))
    return Observation(made, SHAPE)


def jump(image: np.ndarray) -> float:
    """The largest step of the mean column anywhere near the rim."""
    columns = image[0].mean(axis=0)[RIM - 2 * FADE : RIM + 2 * FADE]
    return float(np.abs(np.diff(columns)).max())


@pytest.mark.parametrize("name", ["starfm", "estarfm", "fit_fc", "fsdaf"])
def test_the_rim_of_a_cloud_over_a_known_date_does_not_show(name: str) -> None:
    obs = filled(scene(), 40)
    method = catalog.make(name, "spatiotemporal", **({"window_px": 11} if "starfm" in name else {}))
    plain, soft = fuse_whole(method, obs), fuse_whole(seamless(method), obs)
    assert jump(plain) > 0.05
    assert jump(soft) < 2 * STEP / FADE
    away = np.ones(SHAPE, bool)
    away[:, RIM - FADE : RIM + 1] = False
    if name in ("starfm", "estarfm"):  # the others' dates are the same in either half
        np.testing.assert_array_equal(soft[:, away], plain[:, away])


def test_between_the_rim_and_the_depth_both_predictions_are_mixed_as_by_the_formula() -> None:
    obs, method = filled(scene(), 40), catalog.make("starfm", "spatiotemporal", window_px=11)
    soft, both = fuse_whole(seamless(method), obs), fuse_whole(method, obs)
    stats = method.summarise(obs, None)
    one = method.fuse(hidden(obs, (True, False)), stats)
    for px in range(1, FADE + 3):
        at = RIM - px  # px pixels off the first clouded column
        share = min(px / FADE, 1)
        np.testing.assert_allclose(soft[:, :, at], share * both[:, :, at] + (1 - share) * one[:, :, at], rtol=1e-5)


def test_a_clear_scene_a_baseline_and_many_dates_stay_as_they_are() -> None:
    method, obs = catalog.make("starfm", "spatiotemporal", window_px=11), scene(clouds=False)
    np.testing.assert_array_equal(fuse_whole(seamless(method), obs), fuse_whole(method, obs))
    copy = catalog.make("copy", "spatiotemporal")
    assert seamless(copy) is copy and isinstance(seamless(method), Seamless)
    assert seamless(seamless(method)) == seamless(method)
    many = filled(scene(), 40)
    more = {f"{kind}_{k}": many[f"{kind}_1"] for kind in ("fine", "coarse") for k in (3, 4)}
    many = replace(many, views={**many.views, **more})
    np.testing.assert_array_equal(fuse_whole(seamless(method), many), fuse_whole(method, many))


@pytest.mark.parametrize("tile", [17, 40])
def test_tiles_do_not_matter(tile: int) -> None:
    obs, method = scene(), seamless(catalog.make("starfm", "spatiotemporal", window_px=11))
    whole = fuse_array(method, ArrayScene(obs), 96).data
    np.testing.assert_allclose(fuse_array(method, ArrayScene(obs), tile).data, whole, rtol=1e-6)


def test_a_user_sees_no_rim_in_predict_and_none_between_choices_of_a_series() -> None:
    obs = scene()
    lows = {day: obs[f"coarse_{n}"].data for day, n in (("2020-03-01", 1), ("2020-03-12", 2), ("2020-03-10", "p"))}
    first, second = obs["fine_1"].data, np.where(obs["fine_2"].valid, obs["fine_2"].data, np.nan)
    options = {"window_px": 11, "coregister": "off"}
    found = earthloom.predict(
        [(first, lows["2020-03-01"]), (second, lows["2020-03-12"])], lows["2020-03-10"], "starfm",
        dates=["2020-03-01", "2020-03-12"], date="2020-03-10", **options,
    )  # fmt: skip
    assert jump(found) < 2 * STEP / FADE
    told: dict[str, object] = {}
    made = earthloom.series(
        {"2020-03-01": first, "2020-03-12": second}, lows, "starfm", dates=["2020-03-10"], most_pairs=1,
        facts=told.update, **options,
    )  # fmt: skip
    one = made[date(2020, 3, 10)]
    assert set(np.unique(one.used)) == {1, 2} and jump(one.image) < 2 * STEP / FADE


def test_the_figure_of_a_seam_by_hand() -> None:
    image = np.arange(12.0)[None, None].repeat(6, axis=1)  # steps of 1
    image[:, :, 6:] += 4
    dates = np.where(np.arange(12) < 6, 3, 1).astype(np.uint16)[None].repeat(6, axis=0)
    everywhere = np.ones((6, 12), bool)
    measured = steps(image, everywhere, dates)
    # across: 6 of 5; beside, 3 columns of steps on either side along rows (1); there are none along columns
    np.testing.assert_array_equal(measured["neighbours"], [6, 36])
    assert seam_of(measured) == pytest.approx(5.0)
    assert seam_of(steps(image, everywhere, np.ones_like(dates))) is None
    assert seam_of(steps(image, everywhere & (dates == 3), dates)) is None
