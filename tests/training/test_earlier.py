"""A run over an earlier one: nothing of that is lost before the new one has come to something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.training.loop import earlier
from earthloom.training.loop.loop import fit
from tests.training.tiny import HEADER, config, job, tiny

pytestmark = pytest.mark.slow


def held(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def run(folder: Path, seed: int = 0, **more: Any) -> Any:
    """A run of a few steps."""
    return fit(tiny(), job(), config(steps=8, seed=seed, validate_every=4, tensorboard=False), folder, HEADER, **more)


def stopping(stage: str, done: int, total: int) -> None:
    """Ctrl-C at the sixth step: behind the second checkpoint."""
    if done == 6:
        raise KeyboardInterrupt


def test_a_run_begun_anew_replaces_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "samples" / "mine.png").write_bytes(b"mine")
    before = held(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, seed=1, overwrite=True, progress=stopping)
    stopped = held(tmp_path)
    for name in ("weights.safetensors", "card.md", "samples/mine.png"):
        assert stopped[name] == before[name]
    for name in ("config.toml", "log.csv", "checkpoints/step_000000008.ckpt"):
        assert stopped[f".before-1/{name}"] == before[name]
    assert "checkpoints/step_000000004.ckpt" in stopped and "checkpoints/step_000000008.ckpt" not in stopped
    run(tmp_path, seed=1)  # goes on, and ends
    after = held(tmp_path)
    assert not any(name.startswith(".before") for name in after) and after["samples/mine.png"] == b"mine"
    assert after["weights.safetensors"] != before["weights.safetensors"]
    whole = tmp_path.with_name("whole")
    run(whole, seed=1)
    mine, other = (load_file(one / "weights.safetensors") for one in (tmp_path, whole))
    assert all((mine[key] == other[key]).all() for key in other)


def test_a_run_that_comes_to_nothing_leaves_the_old_one_as_it_was(tmp_path: Path) -> None:
    run(tmp_path / "run")
    before, own = held(tmp_path / "run"), job()

    def out_of_memory(answer: Any) -> dict[str, float]:
        raise InputError("no memory")

    own.validate = out_of_memory  # type: ignore[method-assign]
    with pytest.raises(InputError, match="no memory"):
        fit(tiny(), own, config(seed=1, tensorboard=False), tmp_path / "run", HEADER, overwrite=True)
    assert held(tmp_path / "run") == before
    with pytest.raises(InputError, match="no memory"):
        fit(tiny(), own, config(tensorboard=False), tmp_path / "new", HEADER)
    assert not (tmp_path / "new").exists()


def test_a_run_killed_before_its_first_checkpoint_gives_the_old_one_back(tmp_path: Path) -> None:
    run(tmp_path)
    before = held(tmp_path)
    earlier.set_aside(tmp_path)
    (tmp_path / "config.toml").write_text("half")
    earlier.require_room(tmp_path, overwrite=False)
    assert held(tmp_path) == before


@pytest.mark.parametrize("name", ["weights.safetensors", "card.md", "config.toml", "log.csv"])
def test_what_is_no_run_is_not_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileError, match=r"exists.*overwrite"):
        earlier.require_room(tmp_path, overwrite=False)
    earlier.require_room(tmp_path, overwrite=True)
    assert (tmp_path / name).read_text() == "mine"


def test_places_where_no_run_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(EarthloomError, match="is a file"):
            earlier.require_room(place, overwrite=True)
