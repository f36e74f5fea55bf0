"""CoarSR of the published size on a CPU: the published band loop against ours, and the memory of a large cube.

python -m bench.superresolution.speed [SIDE]        31 bands of SIDE x SIDE pixels (64) at ratio 4, processor seconds
python -m bench.superresolution.speed memory        a cube of 200 bands, 512 x 512 pixels, at ratio 2: peak of memory
                                                    (memory METHOD WIDTH: dualsr 32)

Both are recorded in bench/superresolution/results.json. The loop is what the authors' program computes for every band
in turn, written anew with the same layers: weight norm worked out at every call, batch norm behind every convolution of
the residual blocks, the chain of upsampling layers.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bench import results
from bench.superresolution import tables
from earthloom.nn.coarsr import CoarSRNet, neighbours

WIDTH, BLOCKS, RATIO, BANDS = 64, 2, 4, 31
TRIALS = 3
SEED = 0


def published(seed: int = SEED) -> CoarSRNet:
    """The published size with random weights and batch-norm statistics, nothing zero."""
    torch.manual_seed(seed)
    module = CoarSRNet(RATIO, WIDTH, BLOCKS, bias=True, batch_norm=True).eval()
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point() and not value.any():
                value.normal_(0, 0.02)
    return module


class Loop:
    """One band after another, layer by layer as published: weight norm, batch norm, 3-D convolutions across groups."""

    def __init__(self, module: CoarSRNet) -> None:
        own: Any = deepcopy(module)
        self.net: Any = own
        self.volumes: list[Any] = []
        for fusion in own.rounds:
            layers = {"spatial": (1, 3, 3), "spatial_one": (1, 3, 3), "spectral": (3, 1, 1)}
            found = {}
            for name, size in layers.items():
                flat: nn.Conv2d = getattr(fusion, name)
                conv = nn.Conv3d(WIDTH, WIDTH, size, padding=(size[0] // 2, size[1] // 2, size[2] // 2))
                weight = flat.weight.detach()
                if name == "spectral":
                    weight = weight.flatten(1).unflatten(1, (3, WIDTH)).transpose(1, 2)[..., None, None]
                else:
                    weight = weight[:, :, None]
                conv.weight.data.copy_(weight)
                assert flat.bias is not None and conv.bias is not None
                conv.bias.data.copy_(flat.bias)
                found[name] = conv
            self.volumes.append(found)
        every = [m for m in own.modules() if isinstance(m, nn.Conv2d)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for layer in [*every, *(conv for found in self.volumes for conv in found.values())]:
                nn.utils.weight_norm(layer)

    def __call__(self, hs: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
        """The fine cube."""
        state, rows = None, []
        for band, (l0, l1, r0, r1) in enumerate(neighbours(hs.shape[1])):
            groups = [hs[:, [band]], hs[:, [l1, band, r0]], hs[:, [l0, band, r1]]]
            detail, state = self._band(groups, state)
            rows.append(base[:, band : band + 1] + detail)
        return torch.cat(rows, 1)

    def _band(self, seen: list[torch.Tensor], state: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        net = self.net
        heads = groups = [head(x) for head, x in zip(net.heads, seen, strict=True)]
        for fusion, volume in zip(net.rounds, self.volumes, strict=True):
            left = [self._stack(stack, g) for stack, g in zip(fusion.left, groups, strict=True)]
            within = []
            for j, g in enumerate(groups):
                f = fusion.fuse[j](torch.cat([fusion.gamma[j, k] * x for k, x in enumerate(left)], 1))
                within.append(fusion.gamma_inter[j] * (self._stack(fusion.right[j], f) + g))
            depth = torch.stack(within, 2)
            inner = torch.relu(volume["spatial"](depth) + volume["spectral"](depth))
            depth = volume["spatial_one"](inner) + depth
            groups = [depth[:, :, k] + head for k, head in enumerate(heads)]
        found = net.mix(net.reduce(torch.cat(groups, 1))) + heads[0]
        if state is not None:
            found = net.context(torch.cat([net.gamma_rnn[0] * found, net.gamma_rnn[1] * state], 1))
        return net.tail(found + heads[0]), found

    @staticmethod
    def _stack(stack: Any, x: torch.Tensor) -> torch.Tensor:
        found = x
        for block in stack.children():
            inner = torch.relu(block.norms[0](block.first(found)))
            found = found + block.norms[1](block.second(inner))
        return found + x


def cpu_seconds(call: Callable[[], object], trials: int = TRIALS) -> float:
    """The smallest of some measurements of processor time."""
    each = []
    for _ in range(trials):
        began = time.process_time()
        call()
        each.append(time.process_time() - began)
    return min(each)


def speed(side: int) -> None:
    """Seconds of the loop, of the batched network in float32 and in bfloat16, and how far the numbers are apart."""
    torch.set_num_threads(1)
    module = published()
    fast = module.folded().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    slow = Loop(module)
    rng = torch.Generator().manual_seed(SEED + 1)
    hs = torch.rand(1, BANDS, side, side, generator=rng)
    base = torch.nn.functional.interpolate(hs, scale_factor=RATIO, mode="bicubic")
    with torch.inference_mode():
        reference, found = slow(hs, base), fast(hs, base)
        with torch.autocast("cpu", torch.bfloat16):
            half = fast(hs, base)
        apart, detail = (float(x.abs().max()) for x in (found - reference, reference - base))
        print(f"float32 apart by {apart:.2e} of {detail:.2f}")
        error = half - reference
        print(f"bfloat16 apart by {float(error.abs().max()):.2e}, rms {float(error.square().mean().sqrt()):.2e}")
        loop_s, fast_s = (cpu_seconds(lambda f=f: f(hs, base)) for f in (slow, fast))
        with torch.autocast("cpu", torch.bfloat16):
            half_s = cpu_seconds(lambda: fast(hs, base))
    about = f"{BANDS} x {side} x {side}, {RATIO}:1, {WIDTH} features, 1 thread, processor seconds, best of {TRIALS}:"
    print(about)
    found = {"published loop": loop_s, "ours, float32": fast_s, "ours, bfloat16": half_s}
    for what, seconds in found.items():
        print(f"{what} {seconds:.2f} ({loop_s / seconds:.2f}x)")
    results.record("superresolution", "speed", tables.speed(found, about), SEED)


def memory() -> None:
    """Peak resident memory of the whole process, input and product included.

    Of the width that ships unless another is given.
    """
    from earthloom.engine.job import fuse_array
    from earthloom.engine.scene import ArrayScene
    from earthloom.methods import catalog
    from earthloom.problems.superresolution import observation, on_grid
    from earthloom.types import Band

    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    data = rng.random((200, 512, 512), np.float32)
    bands = tuple(Band(f"b{i}") for i in range(200))
    obs = observation(on_grid(data, np.ones((512, 512), bool), bands, 2))
    name, width = (*sys.argv[2:], *("dualsr", "32")[len(sys.argv[2:]) :])
    method = catalog.make(name, "superresolution", width=int(width))
    fuse_array(method.fresh(obs), ArrayScene(obs))  # type: ignore[attr-defined]
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 2**20
    print(f"{name}, {width} features: 200 x 512 x 512 at 2:1, peak {peak:.2f} GiB", flush=True)
    found = tables.memory({f"{name}, {width} features": peak}, "200 x 512 x 512 at 2:1, the whole process:")
    results.record("superresolution", "memory", found, SEED)


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        memory()
    else:
        speed(int(sys.argv[1]) if len(sys.argv) > 1 else 64)
