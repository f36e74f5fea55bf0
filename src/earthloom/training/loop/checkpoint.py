"""Checkpoints: written whole or not at all, read without running anything that is in them."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from earthloom.atomic import write_whole
from earthloom.errors import FileError, MethodError, warn

FORMAT = 1
SUFFIX = ".ckpt"


def save(path: Path, state: Mapping[str, Any]) -> Path:
    """Write one checkpoint: tensors, numbers, texts, and dicts and lists of them."""
    stream = io.BytesIO()
    torch.save({"format": FORMAT, **state}, stream)
    return write_whole(path, stream.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read one checkpoint onto the CPU.

    Raises
    ------
    FileError
        If it is missing, cut short, no checkpoint of ours, or holds code (which is never run).
    """
    if not path.is_file():
        raise FileError(f"no checkpoint {path}", "a file that `earthloom train` wrote")
    with path.open("rb") as stream:
        if stream.read(4) != b"PK\x03\x04":
            raise FileError(
                f"{path.name} cannot be read", "a whole checkpoint",
                "cut short? delete it, and the one before is used; a bare pickle is refused, as it could run code",
            )  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch remarks on foreign files before it refuses them
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FileError(f"{path.name} holds more than weights", "a checkpoint", "refused: it could run code") from error
    except Exception as error:  # torch's own reader of pickles raises any kind where one is broken
        raise FileError(
            f"{path.name} cannot be read", "a whole checkpoint", "cut short? delete it, and the one before is used"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise FileError(f"{path.name} is no checkpoint of this version", f"format {FORMAT}")
    return state


class Checkpoints:
    """The checkpoints of one run; the newest ``keep`` stay."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder, self.keep = folder, keep

    def steps(self) -> list[Path]:
        """The files there are, oldest first."""
        return sorted(self.folder.glob(f"step_*{SUFFIX}"))

    def save(self, step: int, state: Mapping[str, Any]) -> Path:
        """Write the checkpoint of a step and drop those that are too old."""
        path = save(self.folder / f"step_{step:09d}{SUFFIX}", state)
        for old in self.steps()[: -self.keep]:
            old.unlink(missing_ok=True)
        return path

    def latest(self) -> dict[str, Any] | None:
        """The newest checkpoint that can be read; None when there is none.

        Raises
        ------
        FileError
            If there are checkpoints and none can be read.
        """
        for path in reversed(files := self.steps()):
            try:
                return load_checkpoint(path)
            except FileError as error:
                if path == files[0]:
                    raise
                warn(f"{error}; going on from the one before")
        return None


def check_same(state: Mapping[str, Any], method: str, fields: Mapping[str, Any], sizes: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another network.

    Raises
    ------
    MethodError
        If the method, its fields or its sizes differ; the message names them.
    """
    if state["method"] != method:
        raise MethodError(f"a checkpoint of {state['method']}", f"one of {method}", "choose another folder")
    for kind, ours in (("fields", fields), ("sizes", sizes)):
        theirs = state[kind]
        other = [k for k in sorted({*theirs, *ours}) if theirs.get(k) != ours.get(k)]
        if other:
            told = [", ".join(f"{k} {values.get(k)}" for k in other) for values in (theirs, ours)]
            raise MethodError(f"a checkpoint of {method} with {told[0]}", told[1], "choose another folder")
