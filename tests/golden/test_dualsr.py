"""CoarSR and FineSR against the authors' networks and formulas: random weights, their own forward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from earthloom.engine.passes import fuse_whole
from earthloom.errors import FileError, MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.forward import run
from earthloom.nn.coarsr import CoarSRNet, neighbours
from earthloom.physics.fine_stage import HALF, difference, fine_stage
from earthloom.physics.resample import imresize
from earthloom.problems.superresolution import observation, on_grid
from earthloom.types import Band, Observation
from earthloom.weights import store as weights

CASES = [(ratio, kind) for ratio in (2, 4) for kind in ("released", "paper")]


def bands_first(cube: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(cube, 2, 0))


def checkpoint(shared: Path, ratio: int) -> Path:
    return shared / f"golden/coarsr_CAVE_model_{ratio}_x{ratio}_f16.pth"


def cube(data: np.ndarray, ratio: int) -> Observation:
    bands = tuple(Band(f"{nm} nm", float(nm)) for nm in range(400, 400 + 10 * len(data), 10))
    return observation(on_grid(data, np.ones(data.shape[1:], bool), bands, ratio))


def method(name: str, path: Path, **fields: Any) -> Any:
    return catalog.make(name, "superresolution", weights=str(path), peak=1.0, **fields)


@pytest.mark.parametrize("ratio,kind", CASES)
def test_coarse_stage(shared: Path, ratio: int, kind: str) -> None:
    golden = np.load(shared / f"golden/coarsr_x{ratio}_f16.npz")
    module = method("coarsr", checkpoint(shared, ratio)).fitted(cube(golden["lr"], ratio)).trained.module
    assert isinstance(module, CoarSRNet)
    module.kind = kind  # type: ignore[assignment]
    try:
        found = run(module, {"hs": golden["lr"], "base": golden["bicu"]})
    finally:
        module.kind = "paper"
    np.testing.assert_allclose(found, golden[f"sr_{kind}"], atol=1e-5)


@pytest.mark.parametrize("ratio,kind", CASES)
def test_coarse_stage_as_a_method(shared: Path, ratio: int, kind: str) -> None:
    """The authors interpolate with Pillow, which differs from MATLAB at the border alone."""
    golden = np.load(shared / f"golden/coarsr_x{ratio}_f16.npz")
    obs = cube(golden["lr"], ratio)
    found = fuse_whole(method("coarsr", checkpoint(shared, ratio), variant=kind), obs)
    inner = (slice(None), slice(2 * ratio, -2 * ratio), slice(2 * ratio, -2 * ratio))
    np.testing.assert_allclose(found[inner], golden[f"sr_{kind}"][inner], atol=1e-5)
    same = found - imresize(golden["lr"], float(ratio)) + golden["bicu"]
    np.testing.assert_allclose(same, golden[f"sr_{kind}"], atol=1e-5)


def test_neighbours_of_the_paper(shared: Path) -> None:
    golden = np.load(shared / "golden/coarsr_x4_f16.npz")["neighbours"]
    np.testing.assert_array_equal(neighbours(len(golden), "paper"), golden)


def test_the_last_context(shared: Path) -> None:
    golden = np.load(shared / "golden/coarsr_x4_f16.npz")
    module = method("coarsr", checkpoint(shared, 4)).fitted(cube(golden["lr"], 4)).trained.module
    assert isinstance(module, CoarSRNet)
    with torch.inference_mode():
        hs, base = (torch.from_numpy(golden[name])[None] for name in ("lr", "bicu"))
        module.kind = "released"
        state = module.detail(hs, base, range(len(golden["lr"])), None)[1]
        module.kind = "paper"
    np.testing.assert_allclose(state.numpy(), golden["state_last_released"], atol=1e-5)


@pytest.mark.parametrize("case", ["c_gt1", "c_lt1"])
@pytest.mark.parametrize("steps", [1, 3])
def test_fine_stage(shared: Path, case: str, steps: int) -> None:
    golden = np.load(shared / "golden/finesr_golden.npz")
    found, weight = fine_stage(bands_first(golden[f"{case}_im_h"]), bands_first(golden[f"{case}_im_l"]), steps)
    np.testing.assert_allclose(found, bands_first(golden[f"{case}_iter{steps}_out"]), atol=1e-10)
    np.testing.assert_allclose(weight, np.minimum(golden[f"{case}_iter{steps}_c_deg"], 1), atol=1e-10)


def test_both_stages_as_published(shared: Path) -> None:
    """The method with its scene statistic is the formula on the whole images of both networks."""
    data = np.load(shared / "golden/coarsr_x4_f16.npz")["lr"]
    coarse = fuse_whole(method("coarsr", checkpoint(shared, 4)), cube(data, 4)).astype(np.float64)
    half = fuse_whole(method("coarsr", checkpoint(shared, 2)), cube(data, 2)).astype(np.float64)
    both = method("dualsr", checkpoint(shared, 4), fine="published", half_weights=str(checkpoint(shared, 2)))
    found = fuse_whole(both, cube(data, 4))
    np.testing.assert_allclose(found, fine_stage(coarse, half)[0], atol=2e-6)
    apart, angle = difference(coarse, half)
    assert angle.mean() > 1 and np.abs(imresize(apart, HALF)).max() > 1e-3


def test_a_checkpoint_of_several_gpus_and_its_import(shared: Path, tmp_path: Path) -> None:
    theirs = torch.load(checkpoint(shared, 4), weights_only=True)
    theirs["model"] = {f"module.{name}": value for name, value in theirs["model"].items()}
    torch.save(theirs, tmp_path / "model_4_epoch_85.pth")
    header, tensors = weights.read(tmp_path / "model_4_epoch_85.pth")
    plain = weights.read(checkpoint(shared, 4))[1]
    assert header.sizes["ratio"] == 4 and header.fields["width"] == 16 and header.fields["blocks"] == 2
    for name, value in tensors.items():
        np.testing.assert_array_equal(value, plain[name])
    saved = weights.write(tmp_path / "imported.safetensors", header, tensors)
    data = np.load(shared / "golden/coarsr_x4_f16.npz")["lr"]
    one = fuse_whole(method("coarsr", saved), cube(data, 4))
    np.testing.assert_array_equal(one, fuse_whole(method("coarsr", checkpoint(shared, 4)), cube(data, 4)))


def test_a_checkpoint_of_another_ratio_is_refused_by_name(shared: Path) -> None:
    data = np.load(shared / "golden/coarsr_x4_f16.npz")["lr"]
    with pytest.raises(MethodError, match=r"at 4:1.*at 2:1|at 2:1.*at 4:1"):
        fuse_whole(method("coarsr", checkpoint(shared, 2)), cube(data, 4))


def test_what_is_no_checkpoint_of_coarsr(tmp_path: Path) -> None:
    torch.save({"model": {"head.weight": torch.zeros(3)}}, tmp_path / "other.pth")
    with pytest.raises(FileError, match=r"no network that is known.*CoarSR"):
        weights.read(tmp_path / "other.pth")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pth")
    with pytest.raises(FileError, match="not run"):
        weights.read(tmp_path / "whole.pth")
