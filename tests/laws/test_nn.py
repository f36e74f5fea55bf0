"""Laws of the pieces that networks are made of, against loops, numpy and numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from earthloom.methods.networks.network import Sizes
from earthloom.methods.pansharpening.cf2n import Cf2n
from earthloom.nn import losses
from earthloom.nn.blocks import AdaptiveWeightedFusion, local_mean, per_pixel, spectral_basis
from earthloom.nn.haar import haar, inverse_haar
from earthloom.physics.forward import operators, reduce
from earthloom.types import Band, Observation, View


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


# Haar packets


def test_haar_of_one_block_by_hand() -> None:
    """Of 1 2 / 3 4 (the numbers of PyWavelets' dwt2, whose details have the other sign: cV -1, cH -2, cD 0)."""
    block = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert haar(block).flatten().tolist() == [5.0, 1.0, 2.0, 0.0]
    diagonal = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
    assert haar(diagonal).flatten().tolist() == [1.0, 0.0, 0.0, 1.0]
    edge = torch.tensor([[[[7.0, 0.0], [7.0, 0.0]]]])  # bright on the left: detail along x alone
    assert haar(edge).flatten().tolist() == [7.0, -7.0, 0.0, 0.0]


def test_haar_of_two_levels_by_hand() -> None:
    """A 4 x 4 ramp 0..15: its mean times 4, and slopes that are the same in every block."""
    ramp = torch.arange(16.0).reshape(1, 1, 4, 4)
    packets = haar(ramp, 2).flatten().tolist()
    # level 1: LL = 5 9 / 21 25, HL = 1 everywhere, LH = 4 everywhere, HH = 0; level 2 transforms each of the four
    assert packets == [30.0, 2.0, 8.0, 0.0, 4.0, 0.0, 0.0, 0.0, 16.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("bands", [1, 3])
def test_haar_is_exact_and_orthonormal(levels: int, bands: int) -> None:
    image, other = noise(2, bands, 16, 24), noise(2, bands * 4**levels, 16 >> levels, 24 >> levels, seed=1)
    packets = haar(image, levels)
    assert packets.shape == other.shape
    assert (inverse_haar(packets, levels) - image).abs().max() < 1e-6
    assert (haar(inverse_haar(other, levels), levels) - other).abs().max() < 1e-6
    image, other = image.double(), other.double()
    packets = haar(image, levels)
    torch.testing.assert_close((packets**2).sum(), (image**2).sum())  # energy
    torch.testing.assert_close((packets * other).sum(), (image * inverse_haar(other, levels)).sum())  # transpose
    low = haar(image, levels)[:, :bands]  # all bands' means come first
    side = 2**levels
    mean = image.unflatten(3, (-1, side)).mean(4).unflatten(2, (-1, side)).mean(3)
    torch.testing.assert_close(low, mean * side)


# Kernels per pixel


def naive(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    side = int(np.sqrt(kernel.shape[1]))
    reach, out = side // 2, np.zeros_like(x)
    count, height, width = x.shape[0], x.shape[2], x.shape[3]
    for n, i, j in np.ndindex(count, height, width):
        for tap in range(side * side):
            y, z = i + tap // side - reach, j + tap % side - reach
            if 0 <= y < height and 0 <= z < width:
                out[n, :, i, j] += kernel[n, tap, i, j] * x[n, :, y, z]
    return out


@pytest.mark.parametrize("side", [1, 3, 5])
def test_per_pixel_against_a_loop(side: int) -> None:
    x, kernel = noise(2, 3, 6, 5, dtype=torch.float64), noise(2, side * side, 6, 5, seed=1, dtype=torch.float64)
    np.testing.assert_allclose(per_pixel(x, kernel).numpy(), naive(x.numpy(), kernel.numpy()), atol=1e-12)


@pytest.mark.parametrize("side", [1, 3, 5])
def test_gradient_of_per_pixel(side: int) -> None:
    x = noise(2, 2, 4, 5, dtype=torch.float64).requires_grad_()
    kernel = noise(2, side * side, 4, 5, seed=1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(per_pixel, (x, kernel))


def kept_for_backward(run: Callable[[], Tensor]) -> int:
    """Numbers that autograd keeps."""
    sizes: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        sizes[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        run()
    return sum(sizes.values())


@pytest.mark.parametrize("side", [3, 7])
def test_per_pixel_keeps_no_unfolded_image(side: int) -> None:
    """Features and kernels alone, whatever the side of the kernels."""
    x, kernel = noise(1, 16, 12, 12).requires_grad_(), noise(1, side * side, 12, 12).requires_grad_()
    assert kept_for_backward(lambda: per_pixel(x, kernel)) == x.numel() + kernel.numel()


# Means and fusion


@pytest.mark.parametrize("window", [1, 3, 9])
def test_local_mean_against_a_loop(window: int) -> None:
    x, reach = noise(1, 2, 7, 6, dtype=torch.float64), window // 2
    found = local_mean(x, window)
    for i, j in np.ndindex(7, 6):
        box = x[..., max(i - reach, 0) : i + reach + 1, max(j - reach, 0) : j + reach + 1]
        torch.testing.assert_close(found[..., i, j], box.mean((2, 3)))


@pytest.mark.parametrize("groups", [1, 2])
def test_adaptive_weighted_fusion(groups: int) -> None:
    """``w a + (1 - w) b`` with w between 0 and 1, from both inputs; groups do not see each other."""
    torch.manual_seed(0)
    fuse = AdaptiveWeightedFusion(4, groups).double()
    a, b = noise(1, 4, 3, 3, dtype=torch.float64), noise(1, 4, 3, 3, seed=1, dtype=torch.float64)
    weight, bias = fuse.weigh.weight.detach()[:, :, 0, 0].numpy(), fuse.weigh.bias.detach().numpy()  # type: ignore[union-attr]
    each, found = 4 // groups, fuse(a, b).detach()
    for i, j in np.ndindex(3, 3):
        pa, pb = a[0, :, i, j].numpy(), b[0, :, i, j].numpy()
        for f in range(4):
            own = slice(f // each * each, f // each * each + each)
            w = 1 / (1 + np.exp(-(weight[f] @ np.concatenate([pa[own], pb[own]]) + bias[f])))
            assert abs(float(found[0, f, i, j]) - (w * pa[f] + (1 - w) * pb[f])) < 1e-12
    torch.testing.assert_close(fuse(a, a).detach(), a)


@pytest.mark.parametrize("components,bands", [(1, 1), (4, 4), (8, 40), (16, 103)])
def test_spectral_basis_is_orthonormal(components: int, bands: int) -> None:
    basis = spectral_basis(components, bands)
    assert basis.shape == (components, bands)
    torch.testing.assert_close(basis @ basis.T, torch.eye(components), atol=2e-6, rtol=0)
    torch.testing.assert_close(basis[0], torch.full((bands,), bands**-0.5))
    flat = torch.full((bands,), 3.0)
    torch.testing.assert_close(basis.T @ (basis @ flat), flat)  # a grey spectrum passes whole


# Sensor model and losses


def sensor_of(obs: Observation, gains: list[float]) -> losses.SensorModel:
    terms = [operators(obs, gain) for gain in gains]
    rows, cols = (
        [[torch.from_numpy(term[axis].matrix()).float() for term in band] for band in terms] for axis in (0, 1)
    )
    return losses.SensorModel(rows, cols)


@pytest.mark.parametrize("convention", ["centre", "toolbox"])
def test_sensor_model_is_the_sensor(convention) -> None:
    """As the physics do it, with bands that are blurred differently."""
    shape, offset = (14 * 4, 12 * 4), (2.0, 2.0) if convention == "toolbox" else (1.5, 1.5)
    empty = np.zeros((4, 14, 12), np.float32)
    ms = View(empty, np.ones((14, 12), bool), (Band("b"),) * 4, (4.0, 4.0), offset)
    obs = Observation({"ms": ms}, shape, convention)
    gains = [0.25, 0.3, 0.25, 0.34]
    image = noise(4, *shape)
    sensor = sensor_of(obs, gains)
    np.testing.assert_allclose(sensor(image[None])[0].numpy(), reduce(obs, image.numpy(), gains), atol=2e-5)
    fine = noise(1, 4, *shape, seed=2).requires_grad_()
    weights = noise(1, 4, 14, 12, seed=3)
    (sensor(fine) * weights).sum().backward()
    assert fine.grad is not None
    moved = noise(1, 4, *shape, seed=4)  # linear: <S x, w> = <x, S' w>
    torch.testing.assert_close((sensor(moved) * weights).sum(), (moved * fine.grad).sum(), rtol=1e-3, atol=1e-3)


def test_inconsistency_leaves_the_border_out() -> None:
    seen, coarse = torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8)
    seen[..., :2, :] = seen[..., -2:] = 100.0
    assert losses.inconsistency(seen, coarse) == 0
    seen[..., 3, 3] = 1.0  # one of the 4 x 4 pixels inside
    torch.testing.assert_close(losses.inconsistency(seen, coarse), torch.tensor(1 / 16))


def test_detail_slopes_are_those_of_a_regression() -> None:
    guide, own = noise(1, 1, 40, 36, seed=1), noise(1, 2, 40, 36)
    image = torch.tensor([0.4, -1.5])[:, None, None] * guide + 5 + 0.1 * own
    image[:, :, :8] = torch.nan
    found = losses.detail_slopes(image, guide)
    torch.testing.assert_close(found, torch.tensor([0.4, -1.5]), atol=0.02, rtol=0)
    exact = torch.tensor([0.4, -1.5])[:, None, None] * guide + 5
    torch.testing.assert_close(losses.detail_slopes(exact, guide), torch.tensor([0.4, -1.5]), atol=1e-5, rtol=0)
    assert losses.foreign_detail(exact, guide, torch.tensor([0.4, -1.5])) < 1e-5


def test_foreign_detail_is_lacking_or_too_much_of_it() -> None:
    guide = noise(1, 1, 40, 36, seed=1)
    size = losses.foreign_detail(guide, guide, torch.tensor([0.0]))
    for share in (0.5, 1.5):
        torch.testing.assert_close(losses.foreign_detail(share * guide, guide, torch.tensor([1.0])), 0.5 * size)
    checker = (torch.arange(40)[:, None] + torch.arange(36)) % 2 - 0.5  # invisible once it is averaged
    assert losses.foreign_detail(guide + 2 * checker, guide, torch.tensor([1.0])) > 0.9


# The network


def stirred(module: nn.Module) -> nn.Module:
    """No parameter zero, float64."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return module.double()


def network(bands: int, ratio: float = 4, **fields: Any) -> nn.Module:
    torch.manual_seed(0)
    return Cf2n(**{"width": 4, "kernel": 3, "window": 5, **fields}).net(Sizes(bands, 1, ratio))


@pytest.mark.parametrize("bands,components,ratio", [(2, 0, 2), (5, 2, 4)])
def test_gradients_of_the_network(bands: int, components: int, ratio: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all weights and inputs, against differences along random directions, in float64 throughout."""
    monkeypatch.setattr(Tensor, "float", lambda tensor: tensor)  # the network returns float32 whatever it gets
    net, side = stirred(network(bands, ratio, components=components)), int(4 * ratio)
    guide, base = noise(1, 1, side, side, dtype=torch.float64), noise(1, bands, side, side, seed=1, dtype=torch.float64)
    towards = noise(1, bands, side, side, seed=2, dtype=torch.float64)
    values = [guide, base, *net.parameters()]
    for value in values:
        value.requires_grad_()

    def loss() -> Tensor:
        return (net(guide, base) * towards).mean()

    slopes = torch.autograd.grad(loss(), values)
    names = ["guide", "base", *(name for name, _ in net.named_parameters())]
    for number, (name, value, slope) in enumerate(zip(names, values, slopes, strict=True)):
        way, step = noise(*value.shape, seed=number + 10, dtype=torch.float64), 1e-7
        with torch.no_grad():
            value += step * way
            above = loss()
            value -= 2 * step * way
            below = loss()
            value += step * way
        torch.testing.assert_close((above - below) / (2 * step), (slope * way).sum(), rtol=1e-4, atol=1e-7, msg=name)


def test_the_network_begins_as_its_base() -> None:
    for bands, components in ((3, 0), (9, 4)):
        base = noise(1, bands, 16, 16)
        found = network(bands, components=components)(noise(1, 1, 16, 16, seed=1), base)
        torch.testing.assert_close(found.detach(), base)


def test_a_blind_network_never_looks_at_the_guide() -> None:
    base, one, other = noise(1, 3, 16, 16), noise(1, 1, 16, 16, seed=1), noise(1, 1, 16, 16, seed=2)
    blind, seeing = (stirred(network(3, blind=b)).float() for b in (True, False))
    assert torch.equal(blind(one, base), blind(other, base))
    assert not torch.allclose(seeing(one, base), seeing(other, base))
