"""Fast ways of computing a convolution give what the slow ones do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from earthloom.nn.bandwise import pointwise, upsampling
from earthloom.nn.coarsr import CoarSRNet
from earthloom.nn.merged import MergedUpsampling
from earthloom.nn.winograd import FastConv, fast, then
from earthloom.ops import winograd


def random(module: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(0.2 * torch.randn(value.shape, generator=generator))
            if name.endswith("running_var"):
                value.abs_().add_(0.5)
    return module.eval()


def test_kernel_transform_of_a_delta_is_the_outer_product_of_its_middle_column() -> None:
    weight = np.zeros((1, 1, 3, 3))
    weight[0, 0, 1, 1] = 1
    middle = np.array([0, -1 / 6, 1 / 6, 1 / 12, -1 / 12, 0])
    np.testing.assert_allclose(
        winograd.transformed_kernels(weight)[:, 0, 0], np.outer(middle, middle).ravel(), atol=1e-7
    )


@pytest.mark.parametrize("shape", [(16, 16), (17, 22), (64, 19), (101, 83)])
@pytest.mark.parametrize("channels", [(48, 48), (64, 50)])
def test_minimal_filtering_is_the_convolution(shape: tuple[int, int], channels: tuple[int, int]) -> None:
    conv = random(nn.Conv2d(*channels, 3, padding=1))
    assert isinstance(conv, nn.Conv2d)
    quick, generator = fast(conv), torch.Generator().manual_seed(2)
    assert isinstance(quick, FastConv)
    x = torch.randn(2, channels[0], *shape, generator=generator)
    add = torch.randn(2, channels[1], *shape, generator=generator)
    with torch.inference_mode():
        size = float(conv(x).abs().max())
        assert quick.takes(x)
        for relu in (False, True):
            for more in (None, add):
                torch.testing.assert_close(quick(x, more, relu), then(conv, x, more, relu), atol=1e-5 * size, rtol=0)


def test_where_the_fast_way_is_none() -> None:
    assert isinstance(fast(nn.Conv2d(32, 64, 3, padding=1)), nn.Conv2d)
    assert isinstance(fast(nn.Conv2d(64, 64, 1)), nn.Conv2d)
    quick = fast(nn.Conv2d(64, 64, 3, padding=1))
    assert isinstance(quick, FastConv)
    x = torch.randn(1, 64, 20, 20)
    assert not quick.takes(x), "gradients need torch's own"
    with torch.inference_mode():
        assert quick.takes(x) and not quick.takes(x[..., :8]) and not quick.takes(x.double())
        with torch.autocast("cpu", torch.bfloat16):
            assert not quick.takes(x)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("ratio", [2, 3, 4, 8])
@pytest.mark.parametrize("side", [7, 21])
def test_a_merged_chain_is_the_chain(ratio: int, bias: bool, side: int) -> None:
    chain = random(upsampling(6, ratio, bias, direct=False))
    assert isinstance(chain, nn.Sequential)
    x = torch.randn(2, 6, side, side + 3, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = chain(x)
        found = MergedUpsampling(chain, ratio)(x)
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-4)


def test_pointwise_is_a_convolution_of_one_pixel() -> None:
    conv = random(nn.Conv2d(5, 7, 1))
    assert isinstance(conv, nn.Conv2d)
    x = torch.randn(2, 5, 9, 8)
    torch.testing.assert_close(pointwise(x, conv.weight, conv.bias), conv(x), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("ratio", [2, 4])
def test_folding_leaves_the_network_as_it_is(ratio: int) -> None:
    net = random(CoarSRNet(ratio, 48, 1, bias=True, batch_norm=True))
    assert isinstance(net, CoarSRNet)
    hs = torch.rand(1, 6, 20, 23, generator=torch.Generator().manual_seed(5))
    base = torch.zeros(1, 6, 20 * ratio, 23 * ratio)
    with torch.inference_mode():
        whole, folded = net(hs, base), net.folded()(hs, base)
    assert any(isinstance(m, FastConv) for m in net.folded().modules())
    torch.testing.assert_close(folded, whole, atol=3e-5 * float(whole.abs().max()), rtol=1e-3)
