"""A network that would do harm says so before it does: weights of Landsat on the bands of another sensor."""

from __future__ import annotations

import numpy as np
import pytest

import earthloom
from earthloom.engine.options import Run
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import EarthloomWarning
from earthloom.methods import catalog
from earthloom.training.guard import FEW, FEWEST, glance, shares_of
from earthloom.training.ready import ready
from tests.contract.conftest import make_scene, method_for


def test_weights_that_do_harm_say_so_and_name_what_would_not() -> None:
    """Six bands under the negative of their PAN, by shipped weights that expect it the right way round."""
    obs = make_scene(2, coarse=(80, 80), bands=6)
    pan, ms = 2000 - obs["pan"].data[0, :156, :154], obs["ms"].data[:, :78, :77]
    with pytest.warns(EarthloomWarning, match="times the error of no fusion one scale down, .*: take that, or adapt"):
        earthloom.pansharpen(pan, ms, "cf2n", mtf="sensor", weights="landsat_2to1")


def test_a_network_that_begins_as_a_formula_does_as_the_formula() -> None:
    obs = make_scene(coarse=(60, 52))
    found = glance(catalog.make("hpm_cnn").fresh(obs), ArrayScene(obs))  # type: ignore[attr-defined]
    assert found is not None and not found.harmful and found.network < 1
    assert f"{found.network:.2f} of the error of no fusion" in str(found)
    spoilt = method_for("coarse_cnn", obs)
    for parameter in spoilt.trained.module.parameters():  # type: ignore[attr-defined]
        parameter.data.mul_(3)
    harm = glance(spoilt, ArrayScene(obs))
    assert harm is not None and harm.harmful and harm.rival in str(harm)


def test_where_nothing_can_be_told_nothing_is_said() -> None:
    small = make_scene(coarse=(FEWEST - 2, 40))
    assert glance(catalog.make("hpm_cnn").fresh(small), ArrayScene(small)) is None  # type: ignore[attr-defined]


def test_as_much_is_added_as_leaves_the_least_error() -> None:
    rng = np.random.default_rng(4)
    start, more = rng.normal(size=(3, 40, 40)), rng.normal(size=(3, 40, 40))
    truth = start + np.array([0.4, -0.7, 2.0])[:, None, None] * more
    truth[:, :3] = np.nan  # holes
    sure = 37 * 40 / (37 * 40 + FEW)
    np.testing.assert_allclose(shares_of(start + more, start, truth), (0.4 * sure, 0.0, sure), atol=1e-12)


def test_a_network_that_spoils_a_formula_gives_the_formula() -> None:
    """Random weights add noise to the pyramid: none of it is believed, and the product says so."""
    obs = make_scene(coarse=(60, 52))
    spoilt = method_for("hpm_cnn", obs)
    found = ready(spoilt, ArrayScene(obs), Run())
    shares = found.parameters["shares"]
    assert len(shares) == 4 and max(shares) < 0.5
    pyramid = fuse_whole(catalog.make("hpm_cnn").fresh(obs), obs)  # type: ignore[attr-defined]
    part = fuse_whole(found, obs) - pyramid
    whole = fuse_whole(spoilt, obs) - pyramid
    wanted = np.array(found.trained.shares)[:, None, None] * whole  # type: ignore[attr-defined]
    np.testing.assert_allclose(part, wanted, atol=1e-4 * np.abs(whole).max())
