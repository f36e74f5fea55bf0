"""Patches gathered on a device are those that the processor cuts, value by value, and nobody waits for numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from earthloom.training.lessons.band_groups import BandGroups
from earthloom.training.loop import resident as residency
from earthloom.training.loop.loop import Config, Supervised, fit
from earthloom.training.loop.patches import TRUTH, UNIT, Patches
from earthloom.training.loop.resident import Planned, Resident, batches, held_on, size_of

from .tiny import HEADER, sample, tiny

CPU, META = torch.device("cpu"), torch.device("meta")


def cube(bands: int, seed: int, side: tuple[int, int] = (48, 40), ratio: int = 4, hole: bool = False):
    rng = np.random.default_rng(seed)
    truth = rng.random((bands, *side), np.float32)
    base = (truth + rng.normal(0, rng.random(side) / 10, truth.shape)).astype(np.float32)
    if hole:
        truth[:, :9, 3:30] = np.nan
    return {"hs": rng.random((bands, side[0] // ratio, side[1] // ratio), np.float32), "base": base, TRUTH: truth}


def groups(hole: bool = False, candidates: int = 3) -> BandGroups:
    sources = [Patches([cube(31, 0), cube(31, 1, (40, 64))], 16), Patches([cube(9, 2, hole=hole)], 16, enough=0.4)]
    return BandGroups(sources, 5, (1, 2, 3), [0.5, 0.5], candidates)


def plain(hole: bool = False, augment: str = "full") -> Patches:
    scenes = [cube(3, 0), cube(3, 1, (40, 64), hole=hole)]
    return Patches(scenes, 16, 4, augment, half_scale=True, enough=0.3)  # type: ignore[arg-type]


MADE = {
    "whole": plain, "holes": lambda: plain(hole=True), "one way": lambda: plain(augment="none"),
    "groups": groups, "groups with holes": lambda: groups(hole=True), "one candidate": lambda: groups(candidates=1),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_what_is_gathered_is_what_is_cut(name: str) -> None:
    patches = MADE[name]()
    held = Resident(patches.sources, CPU)
    for step in range(12):
        cut = patches.batch(step, 6, 3)
        plan = {key: torch.from_numpy(value) for key, value in patches.plan(step, 6, 3).items()}
        found = held.gather(plan)
        assert set(found) == set(cut)
        for key, image in cut.items():
            assert found[key].dtype == torch.float32
            np.testing.assert_array_equal(found[key].numpy(), image)


def test_the_parts_of_several_devices_are_the_whole() -> None:
    patches = groups()
    held, whole = Resident(patches.sources, CPU), patches.batch(2, 6, 1)
    parts = []
    for rank in range(3):
        plan = {key: torch.from_numpy(value) for key, value in patches.plan(2, 6, 1, rank, 3).items()}
        parts.append(held.gather(plan))
    for key, image in whole.items():
        np.testing.assert_array_equal(np.concatenate([part[key] for part in parts]), image)


def test_the_most_detailed_candidate_is_taken() -> None:
    patches = groups()
    plan, cut = patches.plan(0, 8, 5), patches.batch(0, 8, 5)
    middle = (cut[TRUTH] - cut["base"])[:, 2]
    for at, (places, bands) in enumerate(zip(plan["places"], plan["bands"], strict=True)):
        which = int(places[0, 0] >= 2)
        source = patches.sources[which]
        every = [source.detail((one[0] - 2 * which, *one[1:]), int(bands[2])) for one in places.tolist()]
        # a turned patch has its second pixels elsewhere, so that the whole middle band is only about as detailed
        assert max(every) / UNIT / 64 == pytest.approx(float(np.abs(middle[at]).mean()), rel=0.4)
        assert max(every) > min(every)


@pytest.mark.parametrize("name", MADE)
def test_gathering_asks_for_no_number(name: str) -> None:
    """Tensors of the meta device have none: whoever asked would fail, as it would have to wait for a device."""
    patches = MADE[name]()
    plan = {key: torch.from_numpy(value).to(META) for key, value in patches.plan(0, 4).items()}
    found = Resident(patches.sources, META).gather(plan)
    assert all(image.device == META for image in found.values())
    assert {key: tuple(image.shape) for key, image in found.items()} == {
        key: image.shape for key, image in patches.batch(0, 4).items()
    }


def test_scenes_go_to_a_device_where_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    patches = plain(hole=True)
    gpu = SimpleNamespace(type="cuda")
    monkeypatch.setattr(residency, "Resident", lambda sources, device: ("held", sources))
    for free, fits in ((size_of(patches.sources) / residency.SHARE + 1, True), (size_of(patches.sources), False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 1 << 40))
        assert (held_on(gpu, patches) is not None) is fits
    assert held_on(CPU, patches) is None  # slices are faster there

    class Other:
        def batch(self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1) -> dict[str, np.ndarray]:
            return patches.batch(step, batch, seed, rank, of)

    assert not isinstance(Other(), Planned) and held_on(gpu, Other()) is None


def test_a_run_learns_the_same_from_both(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(steps=6, batch=4, patch=16, threads=1, tensorboard=False, device="cpu")
    task = Supervised(Patches([sample(0), sample(1)], 16))
    cut, gathered = tiny(), tiny()
    fit(cut, task, config, header=HEADER)
    monkeypatch.setattr("earthloom.training.loop.loop.held_on", lambda device, own: Resident(own.sources, device))
    fit(gathered, task, config, header=HEADER)
    for name, value in cut.state_dict().items():
        torch.testing.assert_close(gathered.state_dict()[name], value, rtol=0, atol=0)


def test_batches_come_in_the_layout_of_convolutions() -> None:
    patches = plain()
    fabric = SimpleNamespace(global_rank=0, world_size=1, device=CPU)
    for held in (None, Resident(patches.sources, CPU)):
        found = list(batches(patches, range(3), 4, 0, fabric, True, held))
        assert len(found) == 3
        for step, batch in enumerate(found):
            for key, image in patches.batch(step, 4).items():
                np.testing.assert_array_equal(batch[key].numpy(), image)
            assert batch[TRUTH].is_contiguous(memory_format=torch.channels_last)
