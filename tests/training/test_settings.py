"""Settings: the same words in Python, TOML and flags; a wrong one is named with the nearest."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from earthloom.documents import to_toml
from earthloom.errors import FileError, InputError
from earthloom.training.loop.config import Config, read_toml
from earthloom.training.loop.learner import learning_rate


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lrr": 1}, "no setting 'lrr' of a training run; did you mean lr"),
        ({"steps": 0}, "steps = 0; expected at least 1"),
        ({"lr": "fast"}, "lr = 'fast'; expected a number"),
        ({"lr": float("nan")}, "lr = nan"),
        ({"batch": 1.5}, "batch = 1.5; expected a whole number"),
        ({"schedule": "linear"}, "'cosine' or 'constant' or 'steps' or 'halving'"),
        ({"ema": 1.0}, "ema = 1"),
        ({"devices": 0}, "devices = 0"),
    ],
)
def test_wrong_settings(values: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Config.of(values)


def test_toml_there_and_back(tmp_path: Path) -> None:
    config = Config(lr=1e-3, augment="transpose", tensorboard=False)
    tables = {"run": {"data": ['a "quoted" path', "é"], "limit": 3}, "network": {"gains": (0.1, 2.0), "deep": True}}
    path = tmp_path / "run.toml"
    path.write_text(to_toml({**config.as_dict(), **tables, "none": None}), encoding="utf-8")
    found = read_toml(path)
    assert found.pop("run") == tables["run"] and found.pop("network") == {"gains": [0.1, 2.0], "deep": True}
    assert Config.of(found) == config
    assert tomllib.loads(to_toml({"far": float("inf")})) == {"far": float("inf")}


@pytest.mark.parametrize(
    ("text", "said"), [("lr = ", "no TOML"), ("[runn]\nx = 1", r"the table \[runn\]"), ("run = 1", "run = 1")]
)
def test_wrong_files(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(FileError, match=said):
        read_toml(path)
    with pytest.raises(FileError, match="cannot be read"):
        read_toml(tmp_path / "missing.toml")


def test_what_makes_another_run() -> None:
    assert Config().same_run(Config(devices=2, threads=1, keep=5, device="cpu")) == []
    assert Config(lr=1e-3).same_run(Config(lr=2e-3)) == ["lr 0.002 there, 0.001 here"]


def test_schedules() -> None:
    cosine = [learning_rate(Config(lr=1.0, warmup=10), step, 110) for step in range(110)]
    np.testing.assert_allclose(cosine[:10], np.arange(1, 11) / 10)
    assert cosine[10] == 1 and abs(cosine[60] - 0.5) < 1e-12 and 0 < cosine[-1] < 1e-3
    falling = [learning_rate(Config(lr=0.9, schedule="steps"), step, 16) for step in range(16)]
    np.testing.assert_allclose(falling, [0.9] * 8 + [0.3] * 4 + [0.1] * 2 + [0.1 / 3] * 2)
    halved = Config(lr=0.8, schedule="halving", halve_every=3)
    np.testing.assert_allclose([learning_rate(halved, step, 8) for step in range(8)], [0.8] * 3 + [0.4] * 3 + [0.2] * 2)
    for wrong in ({"schedule": "halving"}, {"halve_every": 5}):
        with pytest.raises(InputError, match="steps between halvings"):
            Config.of(wrong)
    assert {learning_rate(Config(schedule="constant"), step, 9) for step in range(9)} == {2e-3}
