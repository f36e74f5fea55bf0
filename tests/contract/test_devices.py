"""Devices: which one is taken, that all of a network is on it, and that tiles that go together stay what they are.

There need be none: ``meta``, torch's device without memory, takes tensors and refuses to mix them with others.
"""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from bench.device import named, scene, with_weights

import earthloom
from earthloom.engine.options import Run
from earthloom.engine.runner import Serial, Threads
from earthloom.engine.scene import ArrayScene
from earthloom.errors import EarthloomWarning, InputError, MethodError
from earthloom.machine import device_wanted, on, placed
from earthloom.methods import catalog
from earthloom.methods.base import AS_IT_IS
from earthloom.methods.networks import forward, network, placement
from earthloom.methods.networks.cubes import CubeNetwork
from earthloom.methods.networks.network import Fitted, Network
from earthloom.metrics import checks, distortions, reference
from earthloom.ops.moments import Stats
from earthloom.problems import catalog as problems
from earthloom.training.adapt import adapt
from earthloom.training.job import prepare_training
from earthloom.training.loop.config import Config
from earthloom.training.scene_task import AdaptTask
from earthloom.types import Observation

pytestmark = pytest.mark.slow
META = torch.device("meta")
NAMED = named()
IDS = [f"{problem}/{name}" for problem, name in NAMED]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that computes nothing, in the place of one that does."""
    monkeypatch.setattr(placement, "resolved", lambda word: torch.device("cpu") if word == "cpu" else META)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses that are metrics look at numbers, which ``meta`` has none of."""
    for module in (checks, distortions, reference):
        monkeypatch.setattr(module, "finite", lambda *_: None, raising=False)


def there(monkeypatch: pytest.MonkeyPatch, **devices: int) -> None:
    monkeypatch.setattr(placement, "accelerators", lambda: devices)


def test_the_best_device_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    there(monkeypatch)
    assert str(placement.resolved("auto")) == "cpu"
    there(monkeypatch, mps=1)
    assert str(placement.resolved("auto")) == str(placement.resolved("mps")) == "mps:0"
    there(monkeypatch, cuda=2, mps=1)
    assert [str(placement.resolved(word)) for word in ("auto", "cuda", "cuda:1", "cpu")] == [
        "cuda:0", "cuda:0", "cuda:1", "cpu",
    ]  # fmt: skip


def test_worker_processes_share_the_devices_out(monkeypatch: pytest.MonkeyPatch) -> None:
    there(monkeypatch, cuda=3)
    found = []
    for number in (1, 2, 3, 4):
        monkeypatch.setattr(placement, "worker_number", lambda n=number: n)
        found.append(str(placement.resolved("cuda")))
    assert found == ["cuda:1", "cuda:2", "cuda:0", "cuda:1"]
    assert str(placement.resolved("cuda:2")) == "cuda:2"


@pytest.mark.parametrize(
    ("devices", "asked", "names"),
    [
        ({}, "cuda", "cpu"), ({}, "mps", "cpu"), ({"cuda": 2}, "cuda:2", "cpu, cuda:0, cuda:1"),
        ({"mps": 1}, "cuda", "cpu, mps"),
    ],
)  # fmt: skip
def test_one_that_is_not_there(
    devices: dict[str, int], asked: str, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there(monkeypatch, **devices)
    with pytest.raises(InputError, match=f"which is not there; expected auto, or one of {names}"):
        placement.resolved(asked)


@pytest.mark.parametrize("word", ["gpu", "cuda:", "cuda:-1", "cpu:0", "CUDA"])
def test_words_that_name_no_device(word: str) -> None:
    with pytest.raises(InputError, match="auto, cpu, cuda, cuda:1 or mps"):
        Run(device=word)


def test_a_verb_refuses_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    there(monkeypatch)
    obs = scene("pansharpening", 64)
    with pytest.raises(InputError, match="`device=cuda`, which is not there"):
        earthloom.pansharpen(obs["pan"].data[0], obs["ms"].data, "cf2n", device="cuda")
    with pytest.warns(EarthloomWarning, match="EXP is no network"):
        earthloom.pansharpen(obs["pan"].data[0], obs["ms"].data, "exp", device="cuda")


def word(number: int) -> tuple[int, str]:
    return number, device_wanted()


@pytest.mark.parametrize("runner", [Serial(), Threads(2)], ids=["serial", "threads"])
def test_the_device_travels_with_the_task(runner: Any) -> None:
    with on("cuda:1"):
        task = pickle.loads(pickle.dumps(placed(word)))
    with runner:
        assert [found for _, found in runner.map(task, range(3))] == [(n, "cuda:1") for n in range(3)]
    assert device_wanted() == "cpu"


def test_weights_are_moved_once_and_stay_where_they_were(elsewhere: None) -> None:
    fitted = with_weights("pansharpening", "pnn", scene("pansharpening", 64))
    assert isinstance(fitted, Fitted)
    module = fitted.trained.module

    def ask(_: int) -> int:
        with on("cuda"):
            return id(placement.on_device(module))

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(12)))) == 1
    with on("cuda"):
        assert next(placement.on_device(module).parameters()).device == META
        assert placement.on_device(placement.on_device(module)) is placement.on_device(module)
    assert placement.on_device(module) is module and next(module.parameters()).device.type == "cpu"
    again = pickle.loads(pickle.dumps(fitted))
    assert torch.equal(next(again.trained.module.parameters()), next(module.parameters()))


@pytest.mark.parametrize(("problem", "name"), NAMED, ids=IDS)
def test_nothing_of_a_network_stays_behind(problem: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it computes comes out on its device, from inputs that lie there."""
    if getattr(catalog.make(name, problem), "frozen", ""):
        pytest.skip("takes frames or statistics of the scene beside images")
    obs = scene(problem, 64)
    fitted = with_weights(problem, name, obs)
    module = fitted.trained.module.to(META)  # type: ignore[attr-defined]
    for inputs in shown(fitted, obs, monkeypatch):
        tensors = {key: torch.from_numpy(np.ascontiguousarray(value))[None].to(META) for key, value in inputs.items()}
        with torch.inference_mode():
            if isinstance(getattr(fitted, "inner", None), CubeNetwork):
                chunk = module.chunks(16, 64 * 64)[0]
                found = module.detail(tensors["hs"], tensors["base"], chunk, None)[0]
            else:
                found = module(**tensors)
        assert (found[0] if isinstance(found, tuple) else found).device == META


def shown(fitted: Any, obs: Observation, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, np.ndarray]]:
    """What a network sees of a scene."""
    if fitted.card.problem == "bandpass":
        bins = np.full((4, fitted.inner.bins), 1 / fitted.inner.bins, np.float32)
        return [{"image": obs["source"].data, "histogram": bins}]
    return [network.prepared(fitted.inner, obs, fitted.summarise(obs, None))]


@pytest.mark.parametrize(("problem", "name"), NAMED, ids=IDS)
def test_nothing_of_a_step_stays_behind(problem: str, name: str, unchecked: None) -> None:
    """The loss of a batch on a device lies there, so that a step can be made there."""
    method = catalog.make(name, problem)
    if not isinstance(method, Network):
        pytest.skip("fitted to pairs of images")
    if method.frozen:
        pytest.skip("is not taught")
    case = problems.find(problem).degrade(scene(problem, 256))
    config = Config(batch=2, patch=32, group=6 if problem == "superresolution" else 0)
    task, _, module = prepare_training(method, [case], (), config)
    if hasattr(task, "teaching"):
        task.teaching = replace(task.teaching, spectral=0.0)  # counts its pixels one by one
    step(task, module, config)


def test_nothing_of_adapting_stays_behind(unchecked: None) -> None:
    obs = scene("pansharpening", 256)
    start = catalog.make("cf2n").fresh(obs)  # type: ignore[attr-defined]
    task = AdaptTask.of(start, [obs])
    assert task.full is not None and task.full.slopes is not None and task.full.scale is not None
    step(task, start.trained.module, Config(batch=4, patch=task.patch))


def step(task: Any, module: torch.nn.Module, config: Config) -> None:
    batch = {key: torch.from_numpy(value).to(META) for key, value in task.patches.batch(0, config.batch).items()}
    batch.pop("mask", None)  # tells by its numbers which patches count
    terms = task.loss(module.to(META).train(), batch)
    assert terms and all(term.device == META for term in terms.values())


def test_adapted_weights_lie_on_the_processor_again() -> None:
    found = adapt(catalog.make("pnn"), ArrayScene(scene("pansharpening", 128)), steps=1, device="auto", threads=1)  # type: ignore[arg-type]
    assert next(found.network.trained.module.parameters()).device.type == "cpu"


@pytest.mark.parametrize("name", ["pnn", "cf2n"])
def test_tiles_that_go_together_stay_what_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles that wait for a device go through it together, filled up to one size; the processor stands in for it."""
    obs = scene("pansharpening", 64)
    fitted = with_weights("pansharpening", name, obs)
    assert isinstance(fitted, Fitted)
    module, seen = fitted.trained.module, []
    images = [network.prepared(fitted.inner, scene("pansharpening", 64, seed), stats(fitted, obs)) for seed in range(5)]
    alone = [forward.run(module, image) for image in images]
    monkeypatch.setattr(forward, "MOST", 3)
    through = forward.through
    monkeypatch.setattr(forward, "through", lambda m, x, *more: seen.append(len(x["base"])) or through(m, x, *more))
    queue = forward.Queue()
    with ThreadPoolExecutor(5) as pool:
        together = list(pool.map(lambda image: queue.run(module, image, "float32", AS_IT_IS), images))
    assert set(seen) == {3} and 2 <= len(seen) <= 5
    for one, other in zip(together, alone, strict=True):
        assert np.abs(one - other).max() <= 1e-5 * other.std()


def stats(fitted: Fitted, obs: Observation) -> Stats:
    return fitted.summarise(obs, None)


def test_a_device_without_room_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    def full(*_: Any) -> np.ndarray:
        raise OutOfMemoryError

    monkeypatch.setattr(forward, "through", full)
    with pytest.raises(MethodError, match=r"too little memory on the device.*tile_size"):
        forward.Queue().run(torch.nn.Conv2d(1, 1, 1), {"base": np.zeros((1, 8, 8), np.float32)}, "float32", AS_IT_IS)


def test_bfloat16_is_the_default_where_it_is_fast_and_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    cf2n, dualsr = catalog.make("cf2n"), catalog.make("dualsr", "superresolution")
    assert cf2n.parameters["precision"] == dualsr.parameters["precision"] == "float32"
    monkeypatch.setattr(network, "half_is_fast", lambda: True)
    assert cf2n.parameters["precision"] == "bfloat16" and dualsr.parameters["precision"] == "float32"
    assert replace(cf2n, precision="float32").parameters["precision"] == "float32"  # type: ignore[call-arg]


def test_training_takes_the_same_words() -> None:
    assert Config.of({"accelerator": "cpu", "steps": 3}) == Config(device="cpu", steps=3)  # as it was called
    with pytest.raises(InputError, match=r"auto, cpu, cuda"):
        Config(device="gpu")
    with pytest.raises(InputError, match="one of them"):
        Config(device="cuda:1", devices=2)
