"""Training of networks for cubes: groups of bands, smaller scales, one update a band as published, adapting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.network import Network, load_network
from earthloom.nn.coarsr import CoarSRNet
from earthloom.physics.resample import imresize
from earthloom.problems.pansharpening import Pansharpening
from earthloom.problems.superresolution import Superresolution
from earthloom.training.adapt import adapt
from earthloom.training.job import prepare_training
from earthloom.training.lessons.band_groups import BandGroups
from earthloom.training.loop.loop import Config, fit
from earthloom.training.loop.patches import Patches

from ..contract.conftest import make_scene
from ..contract.test_superresolution import make_cube, observe


def case(bands: int = 7, seed: int = 1):
    return Superresolution().degrade(observe(make_cube((72, 64), bands, seed)))


def network(**fields: object) -> Network:
    found = catalog.make("coarsr", "superresolution", width=8, **fields)
    assert isinstance(found, Network)
    return found


def config(**changes: object) -> Config:
    own = {"steps": 30, "batch": 4, "patch": 24, "lr": 5e-3, "threads": 1, "tensorboard": False, "device": "cpu"}
    return Config.of({**own, **changes})


def patches(bands: int, seed: int = 0) -> Patches:
    """Truth that tells its band: band b is b everywhere."""
    truth = np.ones((bands, 32, 32), np.float32) * np.arange(bands, dtype=np.float32)[:, None, None]
    return Patches([{"hs": truth[:, ::2, ::2], "base": truth, "truth": truth}], 16)


def test_groups_are_neighbours_and_a_pure_function_of_the_step() -> None:
    groups = BandGroups([patches(31), patches(9)], 5, (1, 2, 3))
    seen = set()
    for step in range(40):
        batch = groups.batch(step, 4, 7)
        for name, side in (("hs", 8), ("base", 16), ("truth", 16)):
            assert batch[name].shape == (4, 5, side, side)
            np.testing.assert_array_equal(batch[name][:, :, 0, 0], batch["truth"][:, :, 0, 0])
        steps = np.diff(batch["truth"][:, :, 0, 0], axis=1)
        assert (steps == steps[:, :1]).all()
        seen |= set(steps[:, 0].tolist())
        parts = [groups.batch(step, 4, 7, rank, 2)["truth"] for rank in (0, 1)]
        np.testing.assert_array_equal(np.concatenate(parts), batch["truth"])
    assert seen == {1, 2, 3, -1, -2, -3}


def test_groups_larger_than_a_cube_are_refused() -> None:
    with pytest.raises(InputError, match="at least 6"):
        BandGroups([patches(31), patches(5)], 6)


def test_cubes_of_any_number_of_bands_train_one_network(tmp_path: Path) -> None:
    seen, held = [case(7, 1), case(9, 2)], case(12, 3)
    task, header, module = prepare_training(network(), seen, [held], config(group=5, three_scales=True, patch=16))
    result = fit(module, task, config(group=5, patch=16, steps=60), tmp_path, header)
    assert result.figures["psnr"] > result.beside["psnr"] + 0.05
    found = fuse_whole(load_network(network(), str(tmp_path), held.obs), held.obs)
    plain = fuse_whole(catalog.make("bicubic", "superresolution"), held.obs)
    assert np.mean((found - held.truth) ** 2) < np.mean((plain - held.truth) ** 2)


def test_smaller_scales_are_made_from_the_truth() -> None:
    whole = case()
    small = Superresolution().smaller(whole, 0.5)
    np.testing.assert_allclose(small.truth, imresize(whole.truth, 0.5)[:, :36, :32], rtol=1e-5)
    np.testing.assert_allclose(small.obs["hs"].data, imresize(small.truth, 0.5), rtol=1e-4)
    assert Superresolution().smaller(whole, 1.0) is whole
    with pytest.raises(MethodError, match="half_scale"):
        Pansharpening().smaller(Pansharpening().degrade(make_scene()), 0.5)


def test_one_update_a_band_as_published() -> None:
    """Six bands, six steps of the optimiser; the first band's gradient does not see the second's context."""
    task, _, module = prepare_training(
        network(batch_norm=True, bias=True), [case(6)], [], config(each_band=True, steps=2)
    )
    counted = []
    step = torch.optim.Adam.step

    def counting(self, *args, **kwargs):
        counted.append(1)
        return step(self, *args, **kwargs)

    torch.optim.Adam.step, before = counting, step  # type: ignore[method-assign]
    try:
        result = fit(module, task, config(each_band=True, steps=2, validate_every=2))
    finally:
        torch.optim.Adam.step = before  # type: ignore[method-assign]
    assert result.steps == 2 and len(counted) == 2 * 6


def test_batch_norm_folds_away() -> None:
    obs = observe(make_cube((20, 22), 6))
    fitted = network(batch_norm=True, bias=True).fresh(obs)
    module = fitted.trained.module
    assert isinstance(module, CoarSRNet)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(0.1 * torch.randn(value.shape, generator=generator))
            if name.endswith("running_var"):
                value.abs_().add_(0.5)
    inputs = [torch.from_numpy(x)[None] for x in (obs["hs"].data / 3000, np.zeros((6, 40, 44), np.float32))]
    with torch.inference_mode():
        whole, folded = module(*inputs), module.folded()(*inputs)
    assert not any("norms" in name for name in module.folded().state_dict())
    torch.testing.assert_close(folded, whole, atol=1e-5 * float(whole.abs().max()), rtol=1e-4)


def test_adapting_to_a_cube() -> None:
    obs = observe(make_cube((96, 90), 7))
    found = adapt(network().fresh(obs), ArrayScene(obs), steps=40, threads=1)
    assert found.kept and found.after["ergas"] < found.before["ergas"]
