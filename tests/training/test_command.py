"""`earthloom train` and `earthloom.train`: scenes on disk in, a folder with weights out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.errors import EarthloomWarning, FileError, InputError, MethodError, SensorError
from earthloom.training.cases.open import cases
from earthloom.training.job import find_training, prepare_training
from earthloom.training.loop.config import Config, read_toml
from earthloom.weights import store as weights
from tests.e2e.conftest import Cli, fine_truth, get, grid, observed, put
from tests.e2e.conftest import cli as cli

SMALL = {"steps": 30, "batch": 4, "patch": 16, "threads": 1, "device": "cpu", "tensorboard": False, "lr": 5e-3}
FLAGS = [f"--{key}={value}" for key, value in SMALL.items() if key != "tensorboard"] + ["--no-tensorboard"]
NET = {"width": 8, "blocks": 1}


def scene(folder: Path, name: str, seed: int, hole: bool = False) -> list[Path]:
    """A PAN and an MS file, 192 x 192 and 48 x 48 pixels; zeros are missing."""
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((192, 192), seed=seed)))
    if hole:
        pan[:, 40:60, 40:60] = ms[:, 10:20, 30:40] = 0
    files = {"pan": (pan, 1), "ms": (ms, 4)}
    return [
        put(folder / f"{name}_{role}.tif", image, grid(pixel), nodata=0, descriptions=None)
        for role, (image, pixel) in files.items()
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Scenes to learn from, one of them with holes, and one to judge by."""
    folder = tmp_path_factory.mktemp("scenes")
    train = scene(folder, "first", 0) + scene(folder, "second", 10, hole=True)
    return {"data": [*map(str, train)], "validation": [*map(str, scene(folder, "third", 20))]}


@pytest.fixture(scope="module")
def run(data: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run made from Python."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    earthloom.train("coarse_cnn", **data, output=folder, config=SMALL, licence="CC0-1.0", **NET)
    return folder


def test_what_is_learnt_sharpens(run: Path, data: dict[str, list[str]], tmp_path: Path) -> None:
    header = weights.read_header(run)
    assert header.method == "pansharpening/coarse_cnn" and dict(header.fields) == {**NET, "blind": False}
    assert header.sizes == {"bands": 3, "guide": 1, "ratio": 4.0, "extra": 0}
    figures, nothing = header.card["figures"], header.card["no_fusion"]
    assert figures["ergas"] < 0.98 * nothing["ergas"]
    assert "first, second" in header.card["data"] and "CC0-1.0" in (run / "card.md").read_text()
    pan, ms = data["validation"]
    sharp = earthloom.pansharpen(pan, ms, "coarse_cnn", weights=str(run), output=tmp_path / "sharp.tif")
    assert get(sharp)[0].shape == (3, 192, 192)


def test_the_command_does_the_same(run: Path, data: dict[str, list[str]], tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "run"
    (tmp_path / "run.toml").write_text("lr = 0.1\nsteps = 30\n[network]\nwidth = 8\n[run]\nlicence = 'CC0-1.0'\n")
    files = ["--data", *data["data"], "--validation", *data["validation"], "--config", tmp_path / "run.toml"]
    command = ["train", "pansharpening/coarse_cnn", *files, "-o", folder, "--blocks", "1", *FLAGS]
    done = cli(*command)  # flags win over the file: lr
    assert done.code == 0, done.err
    assert "weights of step" in done.err and "no fusion: ergas" in done.err
    first, second = (weights.read(path)[1] for path in (run, folder))
    assert all(np.array_equal(first[key], second[key]) for key in first)
    again = cli(*command)
    assert again.code == 0 and "finished before" in again.err
    resumed = cli("train", "coarse_cnn", "-o", folder, "--resume", "-q", "--json")
    assert resumed.code == 0 and resumed.err == ""
    told = json.loads(resumed.out)
    assert told["folder"] == str(folder) and told["steps"] >= told["best_step"] > 0
    assert set(told["figures"]) == set(weights.read_header(folder).card["figures"])
    other = cli(*command, "--seed", "1")
    assert other.code == 2 and "seed 0 there, 1 here" in other.err
    anew = cli(*command, "--seed", "1", "--overwrite")
    assert anew.code == 0 and read_toml(folder / "config.toml")["seed"] == 1
    assert not np.array_equal(weights.read(folder)[1]["head.bias"], first["head.bias"])


def test_a_run_can_be_made_again_from_its_own_file(run: Path, tmp_path: Path, cli: Cli) -> None:
    assert cli("train", "coarse_cnn", "--config", run / "config.toml", "-o", tmp_path, "-q").code == 0
    first, second = (weights.read(path)[1] for path in (run, tmp_path))
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_weights_to_start_from(run: Path, data: dict[str, list[str]], tmp_path: Path) -> None:
    few = {**SMALL, "steps": 1, "lr": 1e-6}
    tuned = earthloom.train("coarse_cnn", **data, output=tmp_path, config=few, weights=str(run), **NET)
    began = np.genfromtxt(run / "log.csv", delimiter=",", names=True)["val_ergas"]
    assert abs(tuned.figures["ergas"] / began[np.isfinite(began)].min() - 1) < 1e-3


def test_samples_are_normalised_and_holes_are_truth_not_told(data: dict[str, list[str]]) -> None:
    found = cases(data["data"])
    task, header, module = prepare_training(find_training("coarse_cnn", NET), found, (), Config.of(SMALL))  # type: ignore[arg-type]
    batch = task.patches.batch(0, 64)
    assert set(batch) == {"guide", "base", "truth", "mask"} and 0.5 < batch["mask"].mean() < 1
    for name in ("guide", "base", "truth"):
        assert np.isfinite(batch[name]).all() and abs(batch[name].mean()) < 0.5 and 0.5 < batch[name].std() < 1.5
    assert header.bands and module.training is False


def test_data_of_the_toolbox_are_only_transposed(tmp_path: Path) -> None:
    import h5py

    truth = fine_truth((64, 64))
    pan, ms = observed(truth)
    with h5py.File(tmp_path / "train.h5", "w") as file:
        for key, image in {"gt": truth, "ms": ms, "lms": truth, "pan": pan}.items():
            file[key] = image[None].astype("float32")
    found = cases([tmp_path / "train.h5"], maximum=4095)
    assert found[0].obs.convention == "toolbox"
    task, _, _ = prepare_training(find_training("coarse_cnn", NET), found, (), Config.of(SMALL))  # type: ignore[arg-type]
    assert task.patches.turns == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "change", "said"),
    [
        ("gsa", {}, "GSA has nothing to train"),
        ("bandpass/unet_lut", {}, "align fit"),
        ("pansharpening/cf2m", {}, "did you mean cf2n"),
        ("mosaicking/cf2n", {}, "no problem 'mosaicking'"),
        ("coarse_cnn", {"widht": 3}, "neither a setting of training nor a field of coarse_cnn; did you mean width"),
        ("coarse_cnn", {"epoch": 3}, "neither a setting"),
        ("coarse_cnn", {"patch": 18}, "take 20"),
        ("coarse_cnn", {"patch": 64}, "no scene holds a patch of 64 x 64"),
        ("coarse_cnn", {"sensor": "landsat99"}, "landsat99"),
        ("coarse_cnn", {"data": ["nowhere.h5"]}, "nowhere.h5 does not exist"),
        ("coarse_cnn", {"devices": 3}, "a batch of 4 on 3 processes"),
    ],
)
def test_what_is_refused(
    method: str, change: dict[str, object], said: str, data: dict[str, list[str]], tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("earthloom.training.loop.loop.launched", _three if "devices" in change else _launched)
    arguments = {**data, "output": tmp_path / "run", "config": SMALL, **change}
    with pytest.raises((InputError, MethodError, SensorError, FileError), match=said):
        earthloom.train(method, **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def _launched(config: Config) -> object:
    raise AssertionError("refused too late")


def _three(config: Config) -> object:
    """What a run over three processes knows before it starts."""
    from types import SimpleNamespace

    return SimpleNamespace(world_size=3, is_global_zero=True, global_rank=0)


def test_an_empty_folder_and_nothing_held_out(tmp_path: Path, data: dict[str, list[str]], cli: Cli) -> None:
    (tmp_path / "empty").mkdir()
    done = cli("train", "coarse_cnn", "--data", tmp_path / "empty", "-o", tmp_path / "run")
    assert done.code == 2 and "holds no data set" in done.err and done.err.count("\n") == 1
    assert "nothing to train on" in cli("train", "coarse_cnn", "-o", tmp_path / "run").err
    assert "no run to resume" in cli("train", "coarse_cnn", "-o", tmp_path / "run", "--resume").err
    with pytest.warns(EarthloomWarning, match="no validation scenes"):
        result = earthloom.train(
            "coarse_cnn", data["data"], output=tmp_path / "run", config={**SMALL, "steps": 2}, **NET
        )
    assert result.best_step == 2 and "nothing is known" in (tmp_path / "run/card.md").read_text()


def test_help_shows_settings_and_the_fields_of_the_network(cli: Cli) -> None:
    shown = cli("train", "coarse_cnn", "--help").out
    for flag in ("--data", "--lr", "--no-tensorboard", "--blocks", "--weights"):
        assert flag in shown
    assert "--blocks" not in cli("train", "--help").out
    assert "did you mean --width?" in cli("train", "coarse_cnn", "--widht", "3", "-o", "x").err


def test_the_loop_of_the_guide(tmp_path: Path, monkeypatch) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/training.md").read_text()
    block = next(part for part in re.findall(r"```python\n(.*?)```", text, re.S) if "fit(" in part)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("earthloom.training.loop.log._events", lambda folder: None)
    found: dict[str, Any] = {}
    exec(block, found)
    assert found["result"].steps == 20 and (tmp_path / "runs/mine/weights.safetensors").is_file()


def stack(path: Path, levels: tuple[float, ...], scale: float = 1.0) -> Path:
    """Samples of one scene, dark and bright, as HDF5."""
    import h5py

    truth = np.stack([level / 1000 * fine_truth((32, 32), seed=number) for number, level in enumerate(levels)]) / scale
    pans, coarse = zip(*map(observed, truth), strict=True)
    with h5py.File(path, "w") as file:
        for key, images in {"gt": truth, "ms": coarse, "lms": truth, "pan": pans}.items():
            file[key] = np.stack(images).astype("float32")
    return path


def test_samples_of_a_stack_are_normalised_alike(tmp_path: Path) -> None:
    """As the scene that they were cut from is: a dark sample stays dark. Two stacks are two scenes."""
    dark_and_bright, other = stack(tmp_path / "a.h5", (500, 1500)), stack(tmp_path / "b.h5", (700, 700))
    found = cases([dark_and_bright, other], maximum=4095)
    assert found.groups == [0, 0, 1, 1]
    task, _, _ = prepare_training(
        find_training("coarse_cnn", NET), found, found, Config.of({**SMALL, "augment": "none"})
    )  # type: ignore[arg-type]
    first, second, third, fourth = (float(np.mean(scene["base"])) for scene in task.patches.scenes)  # type: ignore[attr-defined]
    assert first < -0.5 and second > 0.5 and abs(first + second) < 0.1
    assert abs(third + fourth) < 0.3 and abs(third) < 0.5
    for held, case in zip(task.held, found, strict=True):  # figures are in physical units all the same
        np.testing.assert_allclose(held.truth, case.truth, rtol=1e-4)
    listed = [found[i] for i in range(4)]  # cases without a source are scenes of their own
    task, _, _ = prepare_training(find_training("coarse_cnn", NET), listed, (), Config.of(SMALL))  # type: ignore[arg-type]
    assert all(abs(float(np.mean(scene["base"]))) < 0.2 for scene in task.patches.scenes)  # type: ignore[attr-defined]


def test_how_data_are_read_is_told(tmp_path: Path, cli: Cli) -> None:
    """Data divided by their maximum, with bands of their own names; the run's file knows it and makes the run again."""
    data, folder = stack(tmp_path / "unit.h5", (900, 1100), scale=2047), tmp_path / "run"
    command = [
        "train",
        "coarse_cnn",
        "--data",
        data,
        "--validation",
        data,
        "--convention",
        "centre",
        "-q",
        "--blocks=1",
    ]
    few = [*(flag for flag in FLAGS if "steps" not in flag), "--steps=2", "--width=8"]
    refused = cli(*command, *few, "--maximum", 4095, "-o", folder)
    assert refused.code == 2 and "scale" in refused.err and not folder.exists()
    told = ["--scale", 2047, "--maximum", 4095, "--sensor", "worldview3", "--bands", "red", "green", "blue"]
    done = cli(*command, *few, *told, "--ignore-georeferencing", "-o", folder)
    assert done.code == 0, done.err
    run = read_toml(folder / "config.toml")["run"]
    assert (run["scale"], run["maximum"], run["bands"]) == (2047, 4095, ["red", "green", "blue"])
    assert run["ignore_georeferencing"] is True
    header = weights.read_header(folder)
    assert header.name == "run" and header.bands == ("red", "green", "blue") and header.centres_nm[0] > 600  # type: ignore[operator]
    assert header.card["figures"]["rmse"] > 1  # digital numbers, not fractions
    assert cli("train", "coarse_cnn", "--config", folder / "config.toml", "-o", tmp_path / "again", "-q").code == 0
    first, second = (weights.read(path)[1] for path in (folder, tmp_path / "again"))
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_bands_of_files_that_are_some_of_a_sensor(data: dict[str, list[str]]) -> None:
    """Three of the eight bands of WorldView-3: nobody could tell which without names."""
    with pytest.raises(SensorError, match="3 bands, which could be any"):
        cases(data["data"], sensor="worldview3")
    found = cases(data["data"], sensor="worldview3", bands=["red", "green", "blue"])
    assert [band.name for band in found[0].obs["ms"].bands] == ["red", "green", "blue"]
