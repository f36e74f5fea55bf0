"""CoarSR of the published size on a CPU: the published band loop against ours, and the memory of a large cube.

python -m bench.superresolution_speed [SIDE]        31 bands of SIDE x SIDE pixels (64) at ratio 4, processor seconds
python -m bench.superresolution_speed memory        a cube of 200 bands, 512 x 512 pixels, at ratio 2: peak of memory

The loop is what the authors' program computes for every band in turn, written anew with the same layers: weight norm
worked out at every call, batch norm behind every convolution of the residual blocks, the chain of upsampling layers.
"""

from __future__ import annotations

import resource
import sys
import time
import warnings
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from earthloom.nn.coarsr import CoarSRNet

WIDTH, BLOCKS, RATIO, BANDS = 64, 2, 4, 31
TRIALS = 3


def published(seed: int = 0) -> CoarSRNet:
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


def loop(module: CoarSRNet) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """One band after another with weight norm, as the authors' test program goes through a cube."""
    own = deepcopy(module)
    for layer in [m for m in own.modules() if isinstance(m, nn.Conv2d)]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nn.utils.weight_norm(layer)

    def through(hs: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
        state, rows = None, []
        for band in range(hs.shape[1]):
            found, state = own.detail(hs, base, range(band, band + 1), state)
            rows.append(base[:, band : band + 1] + found)
        return torch.cat(rows, 1)

    return through


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
    slow = loop(module)
    rng = torch.Generator().manual_seed(1)
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
    print(f"{BANDS} x {side} x {side}, {RATIO}:1, {WIDTH} features, 1 thread, processor seconds, best of {TRIALS}")
    print(f"loop {loop_s:.2f}")
    for what, seconds in (("ours, float32", fast_s), ("ours, bfloat16", half_s)):
        print(f"{what} {seconds:.2f} ({loop_s / seconds:.2f}x)")


def memory() -> None:
    """Peak resident memory of the whole process, input and product included."""
    from earthloom.engine.fuse import fuse_array
    from earthloom.engine.scene import ArrayScene
    from earthloom.methods import catalog
    from earthloom.problems.superresolution import observation, on_grid
    from earthloom.types import Band

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    data = rng.random((200, 512, 512), np.float32)
    bands = tuple(Band(f"b{i}") for i in range(200))
    obs = observation(on_grid(data, np.ones((512, 512), bool), bands, 2))
    for name in sys.argv[2:] or ["coarsr", "dualsr"]:
        method = catalog.make(name, "superresolution")
        fuse_array(method.fresh(obs), ArrayScene(obs))  # type: ignore[attr-defined]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{name}: 200 x 512 x 512 at 2:1, peak {peak:.2f} GiB", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        memory()
    else:
        speed(int(sys.argv[1]) if len(sys.argv) > 1 else 64)
