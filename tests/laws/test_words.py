"""What screens and pages say of a run: times as people say them, and how the filling under clouds came out."""

from __future__ import annotations

import numpy as np
import pytest

from earthloom.engine.passes import fuse_whole
from earthloom.evaluation.meanings import settled, spoken
from earthloom.evaluation.native import without_fusion
from earthloom.methods import catalog
from earthloom.methods.wrappers.keeping import Keeping
from earthloom.metrics import chroma_noise_percent
from earthloom.prepare.cloud_removal.opening import share_replaced
from earthloom.problems.cloud_removal import cloud_view
from earthloom.report.words import duration, under_clouds
from earthloom.types import Band, Observation, View

BANDS = (Band("red", 660.0), Band("nir", 840.0))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.25, "250 ms"), (1.0, "1.0 s"), (119.9, "119.9 s"), (120.0, "2 min"), (650.9, "10 min 51 s"),
        (7199.6, "2 h"), (7260.0, "2 h 1 min"),
    ],
)  # fmt: skip
def test_times(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def scene() -> Observation:
    """Even ground of 10 and 20; the left half of 40 columns is clear, of the right one a date shows half, radar all."""
    ground = np.tile(np.array([10.0, 20.0])[:, None, None], (1, 32, 40)).astype(np.float32)
    ground += np.random.default_rng(3).normal(0, 0.5, ground.shape).astype(np.float32)
    cloud, seen = np.zeros((32, 40), bool), np.ones((32, 40), bool)
    cloud[:, 20:] = True
    dated = seen.copy()
    dated[:, 30:] = False
    radar = np.random.default_rng(4).normal(-12, 1, (2, 32, 40)).astype(np.float32)
    views = {
        "optical": View(np.where(cloud, np.float32(200), ground), seen, BANDS), "cloud": cloud_view(cloud),
        "sar": View(radar, seen, (Band("VV"), Band("VH"))), "date_1": View(ground + 1, dated, BANDS),
    }  # fmt: skip
    return Observation(views, (32, 40))


def figures(name: str, obs: Observation) -> dict[str, float]:
    """What is told of a method on a scene."""
    method = Keeping(catalog.make(name, "cloud_removal")).ready(obs)
    _, measured = method.fuse_measured(obs, method.summarise(obs, None))
    return share_replaced(measured)


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("mosaic", {"dated_percent": 50.0, "around_percent": 50.0}), ("sar_regression", {"radar_percent": 100.0}),
        ("inpaint", {"around_percent": 100.0}),
    ],
)  # fmt: skip
def test_what_fills_the_clouds_is_what_the_method_looks_at(name: str, shares: dict[str, float]) -> None:
    """By hand; and what a method does not look at changes nothing."""
    obs = scene()
    told = figures(name, obs)
    assert told["cloud_percent"] == 50.0 and 0.3 < told["seam"] < 2
    assert {key: told[key] for key in told if key not in ("cloud_percent", "seam")} == pytest.approx(shares)
    looks_at = catalog.find(name, "cloud_removal").card.looks_at
    assert looks_at is not None
    kept = {role: view for role, view in obs.views.items()
            if role in ("optical", "cloud") or role.partition("_")[0] in looks_at}  # fmt: skip
    method = catalog.make(name, "cloud_removal")
    np.testing.assert_array_equal(fuse_whole(method, obs), fuse_whole(method, Observation(kept, obs.shape)))


def test_under_clouds_in_words() -> None:
    assert under_clouds({}) == [] and under_clouds({"cloud_percent": 0.0}) == ["no cloud: the image as it was"]
    assert under_clouds({"cloud_percent": 36.8, "dated_percent": 100.0, "seam": 1.0}) == [
        "36.8 % under clouds, filled from other dates", "their rim unseen (step 1.00, 1 is none)",
    ]  # fmt: skip
    told = {"cloud_percent": 50.0, "dated_percent": 60.0, "around_percent": 30.0, "unfilled_percent": 5.0, "seam": 3.0}
    assert under_clouds(told) == [
        "50 % under clouds (60 % of that filled from other dates, 30 % of that filled from around, "
        "10 % of that left empty)",
        "their rim plain to see (step 3.00, 1 is none)",
    ]


def test_rounding_is_nothing_but_in_units_of_the_image() -> None:
    assert settled("d_lambda", 4.683e-9) == 0 and settled("hallucination_percent", -1e-6) == 0
    assert settled("rmse", 4e-9) == 4e-9 and settled("q2n", 0.8765432) == 0.876543


def test_figures_speak_of_the_images_that_there_are() -> None:
    called = {"PAN": "the fine bands", "MS": "the coarse bands"}
    assert spoken("How far PAN and MS lie off the PAN.", called) == (
        "How far the fine bands and the coarse bands lie off the fine bands."
    )
    assert spoken("MSE of the MS", {}) == "MSE of the MS" and spoken("MSE", called) == "MSE"


def test_no_fusion_does_not_ring_beside_holes_nor_beside_steps() -> None:
    """Even ground stays even beside a hole; a number below 0 makes no colour of thousands."""
    ms = np.full((3, 16, 16), 100.0)
    ms[0] = 60.0
    valid = np.ones((16, 16), bool)
    valid[:, :4] = False
    views = {
        "ms": View(np.where(valid, ms, 0), valid, (Band("b"), Band("g"), Band("r")), (4.0, 4.0), (1.5, 1.5)),
        "pan": View(np.ones((1, 64, 64)), np.ones((64, 64), bool), (Band("pan"),)),
    }  # fmt: skip
    fine = np.repeat(np.repeat(valid, 4, 0), 4, 1)
    made = without_fusion(Observation(views, (64, 64)))
    np.testing.assert_allclose(made[:, fine], np.broadcast_to(ms[:, :1, :1], made.shape)[:, fine], rtol=1e-6)
    assert chroma_noise_percent(made, valid=fine) < 1e-3
    dark = np.ones((2, 64, 64))
    dark[0, :, ::4] = -0.999  # a mean of 0.0005, of which that would be -2000
    assert chroma_noise_percent(dark) <= 100.0
