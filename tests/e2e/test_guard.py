"""A network that would do harm says so before it does: weights of Landsat on the bands of another sensor."""

from __future__ import annotations

import numpy as np
import pytest

import earthloom
from earthloom.engine.job import fuse_array
from earthloom.engine.options import Run
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import EarthloomWarning, MethodError
from earthloom.methods import catalog
from earthloom.methods.wrappers.mixed import LEAST, Mixed, rival_of
from earthloom.training.guard import FEWEST, glance
from earthloom.training.judging import RIDGE, mixture
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


def test_a_mixture_loses_least() -> None:
    rng = np.random.default_rng(4)
    first, *others = rng.normal(size=(4, 3, 40, 40))
    truth = 0.5 * first + 0.3 * others[0] + 0.2 * others[1]
    truth[:, :3] = np.nan  # holes
    found = mixture(first, others, truth)
    np.testing.assert_allclose(found, (0.3, 0.2, 0), atol=3 * RIDGE)
    assert mixture(first, [], truth) == ()
    away = mixture(first, [2 * first - others[0]], others[0])  # on the far side: nothing of it, not less than nothing
    assert away == (0.0,)
    assert sum(mixture(first, [others[0]], 2 * others[0] - first)) == 1  # and no more than all


def test_a_network_that_spoils_a_formula_leaves_most_to_another() -> None:
    """Random weights add noise to the pyramid: what stands beside the network takes its place, and is named."""
    obs = make_scene(coarse=(60, 52))
    spoilt = method_for("hpm_cnn", obs)
    for parameter in spoilt.trained.module.parameters():  # type: ignore[attr-defined]
        parameter.data.mul_(2)
    found = ready(spoilt, ArrayScene(obs), Run())
    shares = found.parameters["mixed"]
    assert shares["HPM-CNN"] < 0.2 and sum(shares.values()) == pytest.approx(1, abs=2e-3)
    others = [(name, rival_of(name, "pansharpening")) for name in shares if name != "HPM-CNN"]
    parts = {name: fuse_whole(method, obs) for name, method in [("HPM-CNN", spoilt), *others]}
    wanted = sum(share * parts[name] for name, share in shares.items())
    product = fuse_whole(found, obs)
    np.testing.assert_allclose(product, wanted, atol=2e-3 * np.abs(parts["HPM-CNN"] - product).max())
    tiled = fuse_array(found, ArrayScene(obs), 96).data
    np.testing.assert_allclose(tiled, product, atol=1e-4 * np.abs(product).max())


def test_weights_of_a_mixture_are_shares() -> None:
    one, other = catalog.make("exp"), catalog.make("gsa")
    assert Mixed.of(one, [("gsa", other, LEAST / 2)]) is one
    for wrong in (-0.1, 1.1):
        with pytest.raises(MethodError, match="none below 0, at most 1 together"):
            Mixed.of(one, [("gsa", other, wrong)])
