"""What is asked of a product at full resolution, where there is no truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from earthloom.methods import catalog
from earthloom.methods.networks.network import Fitted, Network
from earthloom.metrics import d_s
from earthloom.nn import losses
from earthloom.training.lessons.full_resolution import Beside, FullResolution, Weights
from earthloom.training.loop.patches import Patches
from earthloom.types import Observation
from tests.contract.conftest import make_scene

PATCH = 64


def scene(side: int = 64, seed: int = 3) -> Observation:
    """Whole coarse pixels."""
    obs = make_scene(coarse=(side // 4 + 4, side // 4 + 4), seed=seed)
    cut = {"pan": side, "ms": side // 4}
    views = {
        role: replace(view, data=view.data[:, : cut[role], : cut[role]], valid=view.valid[: cut[role], : cut[role]])
        for role, view in obs.views.items()
    }
    return replace(obs, views=views, shape=(side, side))


class Base(nn.Module):
    """A network that adds nothing."""

    def forward(self, guide: Tensor, base: Tensor) -> Tensor:
        return base


def asked(
    obs: Observation, weights: Weights | None = None, slopes: Tensor | None = None
) -> tuple[FullResolution, Fitted]:
    network = catalog.make("cf2n", width=8)
    assert isinstance(network, Network)
    start = network.fresh(obs)
    found = FullResolution.of(start, [obs], [network.summarise(obs, None)], PATCH, 4, slopes, weights)
    assert found is not None
    return found, start


def batch_of(full: FullResolution) -> dict[str, Tensor]:
    return {name: torch.from_numpy(image) for name, image in full.patches.batch(0, 4).items()}


def test_similarity_is_d_s_of_the_patch() -> None:
    obs = scene()
    full, _ = asked(obs, Weights(0, 0, 1))
    batch = {name: image[:1] for name, image in batch_of(full).items()}
    assert full.scale is not None
    (mean, std), (guide_mean, guide_std) = full.scale
    ms, pan = obs["ms"].data, obs["pan"].data
    base = (batch["base"][0] * std + mean).double().numpy()
    np.testing.assert_allclose((batch["guide"][0] * guide_std + guide_mean).numpy(), pan, rtol=1e-4)
    low = (batch["low"][0] * guide_std + guide_mean).double().numpy()
    terms = full.terms(Base(), batch)
    from earthloom.metrics.distortions import d_s_from

    expected = d_s_from(base, pan.astype(np.float64), base, low)
    assert float(terms["similarity"]) == pytest.approx(float(expected), rel=1e-3)
    gains = [band.mtf_nyquist for band in obs["ms"].bands]
    whole = d_s(base, pan.astype(np.float64), ms.astype(np.float64), 4, gains)
    assert float(terms["similarity"]) == pytest.approx(float(whole), abs=0.03)  # PAN blurred by one mean gain


def test_the_detail_of_a_product_that_follows_pan_lowers_similarity() -> None:
    full, _ = asked(scene(), Weights(0, 0, 1))
    batch = batch_of(full)
    smooth = {**batch, "guide": batch["low"]}
    assert full.terms(Base(), smooth)["similarity"] < 1e-5 < full.terms(Base(), batch)["similarity"]


def test_detail_is_asked_for_in_the_share_of_each_band() -> None:
    shares = torch.tensor([0.2, 0.5, 0.0, 1.0])

    class Share(nn.Module):
        def forward(self, guide: Tensor, base: Tensor) -> Tensor:
            return shares[:, None, None] * guide

    full, _ = asked(scene(), Weights(0, 1, 0), shares)
    batch = batch_of(full)
    assert float(full.terms(Share(), batch)["detail"]) < 1e-6 < float(full.terms(Base(), batch)["detail"])


def test_a_product_that_agrees_is_consistent() -> None:
    obs = scene(128)
    full, _ = asked(obs, Weights(1, 0, 0))
    batch = batch_of(full)
    seen = {**batch, "coarse": full.sensor(batch["base"])}
    assert float(full.terms(Base(), seen)["consistency"]) < 1e-6
    assert float(full.terms(Base(), batch)["consistency"]) > 1e-3


def test_scenes_of_other_units_are_not_asked_for_similarity() -> None:
    first, second = scene(), scene(seed=1)
    network = catalog.make("cf2n", width=8)
    assert isinstance(network, Network)
    stats = [network.summarise(obs, None) for obs in (first, second)]
    full = FullResolution.of(network.fresh(first), [first, second], stats, PATCH, 4)
    assert full is not None and full.scale is None
    assert set(full.terms(Base(), batch_of(full))) == {"consistency"}


def test_a_ratio_that_is_not_whole_asks_nothing() -> None:
    obs = make_scene(ratio=2.5, offset=0.75, coarse=(40, 40))
    network = catalog.make("cf2n", width=8)
    assert isinstance(network, Network)
    assert FullResolution.of(network.fresh(obs), [obs], [network.summarise(obs, None)], PATCH, 4) is None


def test_pairs_and_full_patches_come_together_and_repeat() -> None:
    obs = scene()
    full, _ = asked(obs)
    rng = np.random.default_rng(0)
    sample = {n: rng.random((k, 64, 64), np.float32) for n, k in (("guide", 1), ("base", 4), ("truth", 4))}
    both = Beside(Patches([sample], 32), full)
    one, two = both.batch(3, 8, seed=5), both.batch(3, 8, seed=5)
    assert len(one["truth"]) == 8 and len(one["full_coarse"]) == 2
    assert one["full_coarse"].shape[2] > losses.BORDER * 2
    for name, image in one.items():
        np.testing.assert_array_equal(image, two[name])
