"""The loop: what it learns, what it leaves behind, and what it refuses."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from earthloom.atomic import write_whole
from earthloom.errors import EarthloomWarning, FileError, InputError, MethodError
from earthloom.evaluation.meanings import MEANINGS
from earthloom.training.loop.checkpoint import Checkpoints, load_checkpoint, save
from earthloom.training.loop.loop import Config, DivergedError, TrainingRun, fit
from earthloom.training.loop.task import HIGHER, better, pixel_loss
from earthloom.weights import store as weights
from tests.training.tiny import HEADER, config, job, rows, tiny


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory):
    """One run, with TensorBoard."""
    folder, module = tmp_path_factory.mktemp("run"), tiny()
    seen: list[tuple[str, int, int]] = []
    result = fit(
        module, job(), config(tensorboard=True, log_every=4), folder, HEADER, {"run": {"data": ["here"]}},
        progress=lambda *told: seen.append(told),
    )  # fmt: skip
    return folder, module, result, seen


def test_it_learns_and_says_so(done) -> None:
    folder, module, result, seen = done
    assert result.figures["ergas"] < 0.9 * result.beside["ergas"]
    assert seen == [("training", step, 40) for step in range(1, 41)]
    assert result.steps == 40 and result.folder == folder and not module.training
    assert job().validate(module) == pytest.approx(result.figures)  # the module holds the best weights


def test_the_folder(done) -> None:
    folder, module, result, _ = done
    header, tensors = weights.read(folder)
    assert header.method == "pansharpening/tiny" and header.sizes == HEADER.sizes and header.sensor == "landsat7"
    assert header.card["licence"] == "CC0-1.0" and header.card["figures"] == result.figures
    for key, value in module.state_dict().items():
        np.testing.assert_array_equal(tensors[key], value.numpy())
    card = (folder / "card.md").read_text()
    assert "CC0-1.0" in card and "no fusion" in card and f"{result.figures['ergas']:.4g}" in card and "387" in card
    assert Config.of(dict(item for item in _toml(folder).items() if item[0] != "run")) == config(
        tensorboard=True, log_every=4
    )
    start = json.loads((folder / "environment.json").read_text())["starts"][0]
    assert start["torch"] == torch.__version__.split("+")[0] or start["torch"] == torch.__version__
    assert start["step"] == 0 and start["cores"] >= 1
    assert [path.name for path in Checkpoints(folder / "checkpoints").steps()] == [
        "step_000000030.ckpt", "step_000000040.ckpt",
    ]  # fmt: skip
    assert len(list((folder / "samples").glob("*.png"))) == 5
    assert list((folder / "tensorboard").iterdir())


def _toml(folder: Path) -> dict[str, object]:
    from earthloom.training.loop.config import read_toml

    return read_toml(folder / "config.toml")


def test_the_log(done) -> None:
    folder, _, result, _ = done
    table = np.genfromtxt(folder / "log.csv", delimiter=",", names=True)
    assert table["step"].tolist() == [0, 4, 8, 10, 12, 16, 20, 24, 28, 30, 32, 36, 40]
    assert table.dtype.names[:5] == ("step", "lr", "loss", "grad_norm", "seconds")
    assert np.isfinite(table["val_ergas"][[0, 3, 6, 9, 12]]).all()
    assert table["loss"][-1] < 0.9 * table["loss"][1]
    assert table["val_ergas"].tolist()[-1] == result.figures["ergas"] or result.best_step < 40


def test_a_finished_run_is_finished(done) -> None:
    folder, _, result, _ = done
    told: list[str] = []
    about = {"run": {"data": ["here"]}}
    again = fit(tiny(), job(), config(log_every=4), folder, HEADER, about, say=told.append)
    assert told == ["finished before"] and again.figures == result.figures
    with pytest.raises(InputError, match=r"another data.*the same run"):
        fit(tiny(), job(), config(log_every=4), folder, HEADER, {"run": {"data": ["there"]}})
    with pytest.raises(InputError, match=r"lr 0.01 there, 0.02 here"):
        fit(tiny(), job(), config(lr=0.02, log_every=4), folder, HEADER)
    with pytest.raises(MethodError, match=r"a checkpoint of pansharpening/tiny; expected one of pansharpening/other"):
        fit(tiny(), job(), config(log_every=4), folder, replace(HEADER, method="pansharpening/other"))
    with pytest.raises(MethodError, match=r"with width 6; expected width 8"):
        fit(tiny(), job(), config(log_every=4), folder, replace(HEADER, fields={"width": 8}))
    with pytest.raises(MethodError, match=r"with bands 3; expected bands 4"):
        fit(tiny(), job(), config(log_every=4), folder, replace(HEADER, sizes={**HEADER.sizes, "bands": 4}))


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no checkpoint to resume from"):
        fit(tiny(), job(), config(), tmp_path, HEADER, resume=True)


def test_without_a_folder_nothing_is_written_and_the_generator_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(1)
    threads, before = torch.get_num_threads(), torch.get_rng_state()
    module = tiny()
    torch.set_rng_state(before)
    result = fit(module, job(held=False), config(steps=3, ema=0.0))
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == threads
    assert not list(tmp_path.iterdir()) and result.figures == {} and result.best_step == 3
    assert (module.last.weight != 0).any()


def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    class Bursting(type(job())):
        def loss(self, module, batch):
            self.seen = getattr(self, "seen", 0) + 1
            return {
                name: term * (float("nan") if self.seen == 7 else 1)
                for name, term in super().loss(module, batch).items()
            }

    own = job()
    with pytest.raises(DivergedError, match=r"the loss is nan at step 7 with a learning rate of 0.00946"):
        fit(tiny(), Bursting(own.patches, own.held), config(log_every=10), tmp_path, HEADER)


def test_early_stopping_keeps_the_best(tmp_path: Path) -> None:
    own = job()
    figures = iter([5.0, 4.0, 3.0, 3.5, 3.2, 2.0])

    class Judged(type(own)):
        def validate(self, module):
            return {"ergas": next(figures)}

    result = fit(tiny(), Judged(own.patches), config(patience=2), tmp_path, HEADER)
    assert result.steps == 40 and result.best_step == 20 and result.figures == {"ergas": 3.0}
    best = load_checkpoint(tmp_path / "checkpoints/step_000000040.ckpt")["best"]
    assert torch.equal(best["last.bias"], torch.from_numpy(weights.read(tmp_path)[1]["last.bias"]))


def test_minutes_become_steps_that_stay(tmp_path: Path) -> None:
    told: list[str] = []
    result = fit(tiny(), job(held=False), config(minutes=0.01), tmp_path, HEADER, say=told.append)
    assert result.steps >= 1 and f"{result.steps:,} steps in 0.01 minutes" in told[0]
    again = fit(tiny(), job(held=False), config(minutes=0.01), tmp_path, HEADER)
    assert again.steps == result.steps
    place = load_checkpoint(next((tmp_path / "checkpoints").glob("*.ckpt")))["place"]
    assert place["steps"] == result.steps
    # timing leaves no trace: the same number of steps from the start gives the same weights
    other = tiny()
    fit(other, job(held=False), config(steps=result.steps))
    for key, value in other.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), weights.read(tmp_path)[1][key])


@pytest.mark.parametrize(("most", "steps"), [(7, 7), (0, 40), (100, 40)])
def test_minutes_and_steps_whichever_ends_first(most: int, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingRun, "_time", lambda *_: (1.5, 0.0))  # a clock that runs alike on every computer
    monkeypatch.setattr(TrainingRun, "_validate", lambda *_: {})
    result = fit(tiny(), job(held=False), config(minutes=1.02, most_steps=most))
    assert result.steps == steps


@pytest.mark.parametrize("precision", ["bf16-mixed"])
def test_mixed_precision(precision: str) -> None:
    own = job()
    result = fit(tiny(), own, config(precision=precision, optimiser="adamw", weight_decay=0.01, clip=0.0))
    assert result.figures["ergas"] < 0.95 * result.beside["ergas"]


def test_devices_that_are_not_there() -> None:
    with pytest.raises(InputError, match="which is not there"):
        fit(tiny(), job(), config(device="cuda" if not torch.cuda.is_available() else "mps"))


def test_loss_counts_what_the_mask_keeps_and_patches_alike() -> None:
    product, truth = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    mask = torch.ones(2, 1, 4, 4)
    mask[0, :, :2], truth[0, :, :2], truth[1] = 0, 99, 3
    assert pixel_loss(product, truth, mask).item() == pytest.approx((1 + 3) / 2)
    assert pixel_loss(product, truth, mask, "l2").item() == pytest.approx((1 + 9) / 2)
    assert pixel_loss(product, truth, mask, "charbonnier").item() == pytest.approx(2, abs=2e-3)
    halves = [pixel_loss(product[i : i + 1], truth[i : i + 1], mask[i : i + 1]).item() for i in (0, 1)]
    assert np.mean(halves) == pytest.approx(pixel_loss(product, truth, mask).item())


def test_checkpoints_are_whole_or_not_there(tmp_path: Path, monkeypatch) -> None:
    path = save(tmp_path / "a.ckpt", {"weights": torch.arange(1000)})
    whole = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(FileError, match="No space left on device"):
            write_whole(path, b"half")
    assert path.read_bytes() == whole and list(tmp_path.iterdir()) == [path]
    for length in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError, match=r"a\.ckpt"):
            load_checkpoint(path)
    with pytest.raises(FileError, match="no checkpoint"):
        load_checkpoint(tmp_path / "b.ckpt")


class Evil:
    """What a pickle could do."""

    def __reduce__(self):
        return print, ("run!",)


def test_pickles_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil.ckpt"
    torch.save({"format": 1, "step": Evil()}, path)
    with pytest.raises(FileError, match="refused"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(FileError):
        load_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(FileError, match="no checkpoint of this version"):
        load_checkpoint(path)
    assert "run!" not in capsys.readouterr().out


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    fit(tiny(), job(), config(), tmp_path, HEADER)
    before = rows(tmp_path)
    last = Checkpoints(tmp_path / "checkpoints").steps()[-1]
    last.write_bytes(last.read_bytes()[:500])
    with pytest.warns(EarthloomWarning, match="going on from the one before"):
        fit(tiny(), job(), config(), tmp_path, HEADER)
    assert rows(tmp_path) == before
    for path in Checkpoints(tmp_path / "checkpoints").steps():
        path.write_bytes(b"PK")
    with pytest.warns(EarthloomWarning), pytest.raises(FileError, match="cut short"):
        fit(tiny(), job(), config(), tmp_path, HEADER)


def test_training_and_tables_say_alike_which_figure_is_better() -> None:
    """Training, which stands below evaluation, cannot ask it."""
    assert {MEANINGS[name].better for name in HIGHER} == {"higher"}
    ways = {name: told.better for name, told in MEANINGS.items() if name in HIGHER or told.better == "lower"}
    assert all(better(name, 2.0, 1.0) == (way == "higher") for name, way in ways.items())
