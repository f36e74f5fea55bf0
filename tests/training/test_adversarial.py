"""Critics in the one training loop: two optimisers, one checkpoint, the same curve after a kill and over processes."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from earthloom import metrics
from earthloom.errors import InputError
from earthloom.methods.networks.teaching import Teaching
from earthloom.nn.critic import CLIP, Critic, critic_loss, gradient_penalty
from earthloom.ops.moments import Moments
from earthloom.training.lessons.adversarial import AdversarialLearner, Lessons, dissimilarity, lesson, spectral_angle
from earthloom.training.loop.checkpoint import Checkpoints
from earthloom.training.loop.devices import launched
from earthloom.training.loop.learner import Learner
from earthloom.training.loop.loop import TrainingRun, fit
from earthloom.training.loop.patches import Patches
from earthloom.weights import store as weights
from tests.training.processes import both, ends, kill, until_rows
from tests.training.rival import lessons, settings
from tests.training.tiny import HEADER, rows, sample, tiny


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    fit(tiny(), lessons(), settings(), folder, HEADER)
    return folder


def test_both_sides_learn_and_are_logged(whole: Path) -> None:
    table = np.genfromtxt(whole / "log.csv", delimiter=",", names=True)
    assert {"l1", "structure", "adversarial", "critic", "grad_norm"} <= set(table.dtype.names)
    assert (table["critic"][1:4] == 0).all() and (table["critic"][4:] > 0).all()  # three steps alone
    assert table["adversarial"][1] == 0 and np.abs(table["adversarial"][10:]).min() > 0
    total = table["l1"] + table["structure"] + table["adversarial"]
    np.testing.assert_allclose(table["loss"][1:], total[1:], rtol=1e-5)
    assert table["critic"][-10:].mean() < 2.0  # 2 is what a critic that knows nothing pays at the hinge
    ergas = table["val_ergas"][np.isfinite(table["val_ergas"])]
    assert ergas.min() < 0.9 * ergas[0]


def test_the_checkpoint_holds_both_sides(whole: Path) -> None:
    state = Checkpoints(whole / "checkpoints").latest()
    assert state is not None and {"module", "optimiser", "critics", "opponent", "average"} <= set(state)
    fresh = AdversarialLearner(launched(settings()), tiny(), settings(), lessons())
    began = {key: value.clone() for key, value in fresh.critics.state_dict().items()}
    fresh.restore(state)
    assert any(not torch.equal(began[key], value) for key, value in fresh.critics.state_dict().items())
    again = fresh.state()
    for key, value in state["critics"].items():
        assert torch.equal(again["critics"][key], value)
    one, other = (s["opponent"]["state"][0]["exp_avg"] for s in (again, state))
    assert torch.equal(one, other) and one.abs().max() > 0


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory):
    """One run to kill, one over two processes."""
    with both("tests.training.rival", *(tmp_path_factory.mktemp(name) for name in ("killed", "parallel"))) as found:
        yield found


def test_a_killed_run_resumes_to_the_same_curve(two, whole: Path) -> None:
    folder, child = two["killed"]
    until_rows(folder, child, 25)
    kill(child)
    reached = int(rows(folder)[-1].split(",")[0])
    assert 20 <= reached < 60 and not (folder / "card.md").exists()
    told: list[str] = []
    fit(tiny(), lessons(), settings(), folder, HEADER, say=told.append)
    assert told[0].startswith("going on from step ")
    assert rows(folder) == rows(whole)
    first, second = (weights.read(path)[1] for path in (folder, whole))
    assert all(np.array_equal(first[key], second[key]) for key in first)
    ours, theirs = (Checkpoints(path / "checkpoints").latest() for path in (folder, whole))
    assert ours is not None and theirs is not None
    assert all(torch.equal(ours["critics"][key], value) for key, value in theirs["critics"].items())


def test_two_processes_do_what_one_does(two, tmp_path: Path) -> None:
    folder, child = two["parallel"]
    ends(child)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(tiny(0.0), lessons(), settings(steps=12), tmp_path, HEADER)
    ours, theirs = (np.genfromtxt(path / "log.csv", delimiter=",", names=True) for path in (folder, tmp_path))
    for column in ("loss", "critic", "adversarial", "grad_norm"):
        np.testing.assert_allclose(ours[column][1:], theirs[column][1:], rtol=2e-5, atol=1e-6)
    first, second = (Checkpoints(path / "checkpoints").latest() for path in (folder, tmp_path))
    assert first is not None and second is not None
    for key, value in first["critics"].items():
        torch.testing.assert_close(value, second["critics"][key], atol=1e-4, rtol=1e-4)


def test_another_critic_is_another_run(whole: Path) -> None:
    other = {"network": {"critic": "wgan"}}
    with pytest.raises(InputError, match="another critic"):
        fit(tiny(), lessons(critic="wgan"), settings(), whole, HEADER, other)


@pytest.mark.parametrize(
    ("changes", "own"),
    [
        ({"critic": "wgan_gp"}, {}),
        ({"critic": "wgan", "critic_batch_norm": True}, {"optimiser": "rmsprop", "lr": 1e-3, "loss": "l2"}),
        ({"critic": "hinge", "alone": 0}, {"precision": "bf16-mixed", "ema": 0.0}),
    ],
)
def test_kinds_of_critics(changes: dict[str, object], own: dict[str, object]) -> None:
    task, run = lessons(**changes), settings(steps=8, **own)
    task.kind = run.loss
    learner = task.learner(launched(run), tiny(), run)
    assert isinstance(learner, AdversarialLearner)
    before = [p.detach().clone() for p in learner.critics.parameters()]
    for step in range(8):
        batch = {k: torch.from_numpy(v) for k, v in task.patches.batch(step, 4).items()}
        told = learner.update(task, batch, step, run.lr)
        assert all(torch.isfinite(value) for value in told.values())
    assert any(not torch.equal(a, b) for a, b in zip(before, learner.critics.parameters(), strict=True))
    assert all(p.requires_grad for p in learner.critics.parameters())
    if changes["critic"] == "wgan":
        assert max(float(p.detach().abs().max()) for p in learner.critics.parameters()) <= CLIP


def test_without_a_critic_it_is_the_plain_learner() -> None:
    found = lessons(critic="none").learner(launched(settings()), tiny(), settings())
    assert type(found) is Learner
    task = lessons(critic="none")
    run = TrainingRun(launched(settings()), tiny(), task, settings(), None, HEADER)
    assert type(run.learner) is Learner


def test_the_network_follows_the_critic_and_not_the_other_way() -> None:
    """With the error of the pixels all but silent, the critic's score of the products rises when only they learn."""
    task = lessons(alone=0, adversarial=1e3, structure=0.0, critic_rate=0.0)
    run = settings(steps=10, lr=1e-3)
    module = tiny(0.0)
    learner = task.learner(launched(run), module, run)
    assert isinstance(learner, AdversarialLearner)
    batch = {k: torch.from_numpy(v) for k, v in task.patches.batch(0, 8).items()}
    before = [p.detach().clone() for p in learner.critics.parameters()]
    scores = [float(-learner.update(task, batch, step, 1e-3)["adversarial"]) for step in range(10)]
    assert all(later > sooner for sooner, later in pairwise(scores))
    assert all(torch.equal(a, b) for a, b in zip(before, learner.critics.parameters(), strict=True))  # its rate is 0


def critic(bands: int = 2) -> Critic:
    torch.manual_seed(3)
    return Critic(bands, 2).double()


def test_gradients_of_what_critics_minimise() -> None:
    own, generator = critic(), torch.Generator().manual_seed(0)
    real, fake = (torch.randn(3, 2, 16, 16, generator=generator, dtype=torch.float64) for _ in range(2))
    weight = own.features[0].weight
    for kind in ("hinge", "wgan", "wgan_gp"):

        def loss(kind: str = kind) -> torch.Tensor:
            torch.manual_seed(1)
            found = critic_loss(kind, own(real), own(fake))
            return found + gradient_penalty(own, real, fake) if kind == "wgan_gp" else found

        (slope,) = torch.autograd.grad(loss(), weight)
        for at in ((0, 0, 1, 1), (1, 1, 0, 2)):
            values = []
            for step in (1e-6, -2e-6):
                with torch.no_grad():
                    weight[at] += step
                values.append(loss().item())
            with torch.no_grad():
                weight[at] += 1e-6
            assert (values[0] - values[1]) / 2e-6 == pytest.approx(float(slope[at]), rel=1e-4, abs=1e-8)


def test_the_penalty_is_none_where_the_slope_is_one() -> None:
    class Mean(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.flatten(1).sum(1) * scale

    real, fake = torch.randn(4, 2, 8, 8), torch.randn(4, 2, 8, 8)
    scale = 1 / np.sqrt(2 * 8 * 8)
    assert float(gradient_penalty(Mean(), real, fake)) == pytest.approx(0, abs=1e-9)
    scale *= 3
    assert float(gradient_penalty(Mean(), real, fake)) == pytest.approx(10 * 4, rel=1e-5)


def test_gradients_of_angle_and_structure() -> None:
    generator = torch.Generator().manual_seed(5)
    product, truth = (torch.rand(2, 3, 12, 12, generator=generator, dtype=torch.float64) for _ in range(2))
    level = torch.tensor([2.0, 3.0, 1.5, 0.5, 1.0, 2.0], dtype=torch.float64).reshape(1, 6, 1, 1).repeat(2, 1, 1, 1)
    mask = torch.ones(2, 1, 12, 12, dtype=torch.float64)
    mask[0, 0, :4] = 0
    product.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: spectral_angle(x, truth, level, mask), (product,), fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: dissimilarity(x, truth, mask), (product,), fast_mode=True)


def test_the_angle_is_that_of_physical_units() -> None:
    """A lesson carries the means and deviations of the bands: the loss is the index, in radians."""
    rng = np.random.default_rng(0)
    physical = rng.uniform(100, 900, (3, 16, 16)) * np.array([1, 2, 5])[:, None, None]
    other = physical * rng.uniform(0.8, 1.2, physical.shape)
    moments = Moments.of(physical.reshape(3, -1))
    shape = (3, 1, 1)

    def normal(image: np.ndarray) -> np.ndarray:
        return ((image - moments.mean.reshape(shape)) / moments.std.reshape(shape)).astype(np.float32)

    taught = lesson({"base": normal(other), "truth": normal(physical)}, moments, 4, Teaching(spectral=1.0))
    assert taught["level"].shape == (6, 4, 4)
    product, truth, level = (torch.from_numpy(taught[name])[None] for name in ("base", "truth", "level"))
    expected = metrics.sam_deg(other, physical) * np.pi / 180
    assert float(spectral_angle(product, truth, level, None)) == pytest.approx(expected, rel=1e-4)
    plain = lesson({"base": normal(other), "truth": normal(physical)}, moments, 4, Teaching())
    assert set(plain) == {"base", "truth"}


def test_structure_is_one_less_ssim_and_holes_agree() -> None:
    rng = np.random.default_rng(1)
    a, b = (torch.from_numpy(rng.normal(size=(2, 3, 20, 20)).astype(np.float32)) for _ in range(2))
    found = np.mean([metrics.ssim(x.numpy(), y.numpy(), 10.0) for x, y in zip(a, b, strict=True)])
    assert float(dissimilarity(a, b, None)) == pytest.approx(1 - found, rel=1e-4)
    mask = torch.ones(2, 1, 20, 20)
    mask[:, :, 5:9] = 0
    wild = torch.where(mask > 0, a, torch.tensor(1e3))
    assert float(dissimilarity(wild, b, mask)) == pytest.approx(float(dissimilarity(a, b, mask)))


class Staged(torch.nn.Module):
    """Two images, the first on a grid twice as coarse."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def forward(self, guide, base, truth=None, stages: bool = False):
        assert not stages or truth is not None
        return (torch.nn.functional.avg_pool2d(self.gain * base, 2), self.gain * base) if stages else self.gain * base


def test_every_stage_is_compared_on_its_own_grid() -> None:
    samples = [sample(seed, hole=True) for seed in range(2)]
    task = Lessons(Patches(samples, 16, 2), teaching=Teaching(staged=True), bands=3)
    batch = {k: torch.from_numpy(v) for k, v in task.patches.batch(0, 4).items()}
    first, second = task.images(Staged(), batch)
    assert first[0].shape[-1] == 8 and second[0].shape[-1] == 16
    truth, mask = batch["truth"], batch["mask"]
    blocks = truth.reshape(4, 3, 8, 2, 8, 2).mean(dim=(3, 5))
    full = mask.reshape(4, 1, 8, 2, 8, 2).amin(dim=(3, 5))
    torch.testing.assert_close(first[1], blocks)
    assert first[2] is not None and torch.equal(first[2], full)
    loss = task.loss(Staged(), batch)["l1"].detach()
    each = ((first[0] - blocks).abs() * full).sum((1, 2, 3)) / (3 * full.sum((1, 2, 3)))
    fine = ((batch["base"] - truth).abs() * mask).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3)))
    assert float(loss) == pytest.approx(float((each.mean() + fine.mean()).detach()), rel=1e-5)
