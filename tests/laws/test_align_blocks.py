"""Which blocks of a pair are learnt from: clouds, masked or not, do not move a fit; displacement is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError
from earthloom.ops.histogram import Bins
from earthloom.training.bandpass.blocks import gather, sort_out
from earthloom.training.bandpass.fit import Fitting, fit_transform
from earthloom.training.bandpass.score import Errors
from earthloom.types import Observation
from tests.contract.test_bandpass import FITTED, make_obs

CLOUD = (slice(30, 70), slice(40, 110))


@pytest.fixture(scope="module")
def obs() -> Observation:
    return make_obs((180, 190), noise=0.001)


def clouded(obs: Observation, role: str, level: float, masked: bool) -> Observation:
    """A bright cloud over a tenth of one image."""
    view = obs[role]
    data, valid = view.data.copy(), view.valid.copy()
    data[:, *CLOUD] = level
    valid[CLOUD] = not masked
    return replace(obs, views={**obs.views, role: replace(view, data=data, valid=valid)})


def mapping_of(obs: Observation, name: str) -> dict[str, object]:
    found = fit_transform([ArrayScene(obs)], name, how=Fitting(judge=False)).transform.mapping
    assert found is not None
    return found.as_dict()


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("role", ["source", "target"])
def test_what_lies_under_a_mask_changes_nothing(obs: Observation, name: str, role: str) -> None:
    """Whatever the numbers there: the same table, to the last digit."""
    some, other = (mapping_of(clouded(obs, role, level, masked=True), name) for level in (0.9, 0.02))
    assert some == other


@pytest.mark.parametrize("name", FITTED)
def test_a_cloud_that_no_mask_tells_of_is_left_out(obs: Observation, name: str) -> None:
    """Blocks of cloud have no part, so that even least squares stays where it was."""
    scene = clouded(obs, "target", 0.9, masked=False)
    kept = sort_out(gather([ArrayScene(scene)]))
    assert kept.strange >= 1
    for block in kept.blocks:
        assert not (block.kept & (block.obs["target"].data > 0.89).any(axis=0)).any()
    fits = [fit_transform([ArrayScene(one)], name, how=Fitting(judge=False)).transform for one in (scene, obs)]
    cloudy, clean = (fit.apply(obs["source"].data) for fit in fits)
    raw = fit_transform([ArrayScene(scene)], name, how=Fitting(judge=False, reject=False)).transform
    moved = float(np.sqrt(np.mean((cloudy - clean) ** 2)))
    assert moved < 0.002
    if name == "ols":  # what it would be without
        assert moved < 0.05 * float(np.sqrt(np.mean((raw.apply(obs["source"].data) - clean) ** 2)))


def test_a_displaced_target_is_refused(obs: Observation) -> None:
    target = obs["target"]
    off = replace(obs, views={**obs.views, "target": replace(target, data=np.roll(target.data, 2, axis=2))})
    with pytest.raises(InputError, match=r"lies .*\+2\.\d+ columns off the source.*register the images"):
        fit_transform([ArrayScene(off)], "ols")


def test_lost_scales_and_offsets_are_suspected(obs: Observation) -> None:
    for change, words in (
        (lambda x: x * 10000 + 1000, "offset of baseline 04.00"),
        (lambda x: (x + 0.2) / 2.75e-5, "Landsat Collection 2"),
        (lambda x: x * 10000, "10000 for a reflectance of 1"),
    ):
        data = change(obs["source"].data.astype(np.float64)).astype(np.float32)
        lost = replace(obs, views={**obs.views, "source": replace(obs["source"], data=data)})
        with pytest.raises(InputError, match=words):
            fit_transform([ArrayScene(lost)], "ols")


def test_distance_of_histograms() -> None:
    """Numbers moved by a constant lie that constant apart, however they are cut into parts; order does not count."""
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.2, 0.6, (2, 4000))
    bins = Bins(np.zeros(2), np.ones(2), 500)
    moved = truth + np.array([[0.05], [-0.1]])
    whole = Errors.of(moved, truth, (), bins)
    parts = Errors.of(moved[:, :900], truth[:, :900], (), bins) + Errors.of(moved[:, 900:], truth[:, 900:], (), bins)
    for one in (whole, parts):
        assert one.histogram_distance is not None
        np.testing.assert_allclose(one.histogram_distance, [0.05, 0.1], atol=2e-3)
    shuffled = Errors.of(truth[:, rng.permutation(4000)], truth, (), bins).histogram_distance
    assert shuffled is not None and not shuffled.any()
    assert Errors.of(moved, truth).histogram_distance is None
