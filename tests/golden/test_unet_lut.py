"""UNet-LUT as published, against the authors' network run once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from earthloom.nn.unet_lut import PUBLISHED_MAX, PublishedNet, falling, published_loss, renamed, total_variation  # noqa: E402


@pytest.fixture(scope="module")
def golden(shared: Path):
    return np.load(shared / "golden/unetlut_golden.npz")


@pytest.fixture
def net(shared: Path) -> PublishedNet:
    held = torch.load(shared / "golden/unetlut_epochs_1.pth", map_location="cpu", weights_only=True)
    found = PublishedNet()
    found.load_state_dict(renamed(held["model_state"]))
    return found


def test_size(net: PublishedNet) -> None:
    assert sum(p.numel() for p in net.parameters()) == 171_448
    assert sum(p.numel() for p in net.unet.parameters()) == 171_292


def test_forward(golden, net: PublishedNet) -> None:
    with torch.inference_mode():
        out, tables = net.eval()(torch.from_numpy(golden["img"]), torch.from_numpy(golden["hist_l1"]))
    np.testing.assert_allclose(tables.numpy(), golden["lut256"], atol=2e-3)
    np.testing.assert_allclose(out.numpy(), golden["out"], atol=2e-3)
    assert (golden["lut256"] == 0).mean() > 0.1  # the rectifier is active
    assert list(PUBLISHED_MAX) == golden["band_max"].tolist()


def test_terms_on_the_tables(golden) -> None:
    tables = torch.from_numpy(golden["lut256"])
    assert float(total_variation(tables)) == pytest.approx(float(golden["tv"]), rel=1e-5)
    assert float(falling(tables)) == pytest.approx(float(golden["mn"]), rel=1e-5)


def test_training_step(shared: Path, golden, net: PublishedNet) -> None:
    told = np.load(shared / "golden/unetlut_trainstep.npz")
    optimiser = torch.optim.Adam(net.train().parameters(), lr=1e-3, weight_decay=1e-4)
    out, tables = net(torch.from_numpy(golden["img"]), torch.from_numpy(golden["hist_l1"]))
    terms = published_loss(out, tables, torch.from_numpy(told["label"]), torch.from_numpy(told["mask"]))
    torch.stack(list(terms.values())).sum().backward()
    found = {name: term.item() for name, term in terms.items()}
    assert found["mse"] == pytest.approx(float(told["mse"]), rel=1e-4)
    assert found["tv"] == pytest.approx(0.01 * float(told["tv"]), rel=1e-4)
    assert found["falling"] == pytest.approx(0.01 * float(told["mn"]), rel=1e-4)
    assert sum(found.values()) == pytest.approx(float(told["loss"]), rel=1e-4)
    ours = dict(net.named_parameters())
    names = list(renamed({str(name): torch.zeros(0) for name in told["grad_names"]}))
    assert set(names) == set(ours)
    scale = told["grad_norms"].max()
    for name, norm in zip(names, told["grad_norms"], strict=True):
        gradient = ours[name].grad
        assert gradient is not None
        assert float(gradient.norm()) == pytest.approx(float(norm), rel=2e-3, abs=1e-5 * scale), name
    optimiser.step()
    np.testing.assert_allclose(net.unet.out.weight.detach(), told["outc_weight_after"], atol=1e-5)
    np.testing.assert_allclose(net.conv[0].weight.detach(), told["conv1_weight_after"], atol=1e-5)
