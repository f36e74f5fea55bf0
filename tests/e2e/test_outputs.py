"""Every option that names a file to write is known here, and none of them writes over an input."""

from __future__ import annotations

import inspect
import shutil
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from earthloom.cli import commands
from tests.contract.verbs.cases import CASES, Case
from tests.e2e.conftest import Cli

# command: its options that name what is written; a new one comes here together with its refusal
RUN = {"output", "save_weights", "log_json", "report", "preview"}
OUTPUTS = {
    "pansharpen": RUN, "sharpen": RUN, "predict": RUN, "superresolve": RUN,
    "decloud": RUN | {"save_mask"}, "align": RUN | {"figure"},
    "align fit": RUN | {"figure"}, "align apply": RUN, "series": RUN | {"figure"}, "evaluate": {"figure"},
    **{f"compare {verb}": RUN | {"keep"} for verb in ("pansharpen", "sharpen", "predict", "superresolve", "align")},
    "compare decloud": RUN | {"keep", "save_mask"}, "bench": {"output", "cache"},
    "report": {"output"}, "revisit": {"figure"}, "train": {"output"},
    "dataset convert": {"output"}, "weights import": {"output"}, "export": {"output"}, "demo": {"output"},
    "doctor": {"output"}, "unfinished": {"folder"},
}  # fmt: skip
READS = {"transform", "config"}  # paths that are read


def _paths(function: Any) -> set[str]:
    """Parameters that take a path, as it is typed."""
    hints = get_type_hints(function, include_extras=True)
    takes = {name: hints.get(name, one.annotation) for name, one in inspect.signature(function).parameters.items()}
    return {name for name, kind in takes.items() if _is_path(kind)} - READS


def _is_path(kind: Any) -> bool:
    """Whether an annotation is, or holds, a path."""
    return kind is Path or any(_is_path(one) for one in get_args(kind))


def _functions(words: list[str]) -> dict[str, Any]:
    """The functions behind a command, by the words that call them."""
    from importlib import import_module

    module = import_module(f"earthloom.cli.{commands.COMMANDS[words[0]][0]}")
    made = module.command(words[0], words)
    if callable(made) and not hasattr(made, "_commands"):
        return {words[0]: made}
    return {f"{words[0]} {name}": made[name].default_command for name in made if not name.startswith("-")}


def test_every_option_that_writes_is_known() -> None:
    found: dict[str, set[str]] = {}
    for name in commands.COMMANDS:
        for words in ([name], *([[name, "fit"], [name, "apply"]] if name == "align" else [])):
            found |= {command: _paths(function) for command, function in _functions(words).items()}
    assert {command: names for command, names in found.items() if names} == OUTPUTS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_a_product_over_an_input(case: Case, tmp_path: Path) -> None:
    """Of every role, by another name of the file, also where only GDAL knows that it is needed."""
    given = case.inputs(tmp_path)
    files = sorted(tmp_path.glob("*.tif"))
    before = {path: path.read_bytes() for path in files}
    for path in files:
        for place in (path, tmp_path / "." / ".." / tmp_path.name / path.name):
            with pytest.raises(ValueError, match="input"):
                case.call(given, output=place, overwrite=True)
    assert {path: path.read_bytes() for path in sorted(tmp_path.glob("*.tif"))} == before


def test_what_is_written_beside_a_product(tmp_path: Path, cli: Cli) -> None:
    """Figures, transforms and weights over images, tables, masks and weights that are read."""
    import earthloom

    shipped = Path(earthloom.__file__).parent / "weights" / "generic_4to1.safetensors"
    heavy = shutil.copy(shipped, tmp_path / "t.safetensors")
    files = {name: tmp_path / name for name in ("p.png", "s.json", "a.pth.safetensors")}
    for path in files.values():
        path.write_bytes(b"{}")
    picture, items = files["p.png"], files["s.json"]
    for words in (
        ("evaluate", picture, "--reference", picture, "--figure", picture, "--overwrite"),
        ("evaluate", items, "--mask", picture, "--figure", picture, "--overwrite"),
        ("revisit", picture, "--figure", picture, "--overwrite"),
        ("revisit", tmp_path, "--figure", picture, "--overwrite"),
        ("align", picture, "--target", items, "-o", tmp_path / "o.tif", "--figure", picture, "--overwrite"),
        ("align", "fit", items, items, "-o", items, "--overwrite"),
        ("align", "fit", items, items, "-o", tmp_path / "t.json", "-m", "unet_lut", "--weights", heavy, "--overwrite"),
        ("series", "--fine-dir", tmp_path, "--coarse-dir", tmp_path, "--evaluate", "--figure", picture, "--overwrite"),
        ("weights", "import", files["a.pth.safetensors"], "-o", files["a.pth.safetensors"], "--overwrite"),
    ):  # fmt: skip
        done = cli(*words)
        assert done.code == 2 and "input" in done.err and done.err.count("\n") == 1, (words, done.err)
    for words in (
        ("evaluate", items, "--figure", picture), ("revisit", items, "--figure", picture),
        ("align", "fit", tmp_path / "x.tif", "-o", items),
    ):  # fmt: skip
        assert "exists" in cli(*words).err
    assert all(path.read_bytes() == b"{}" for path in files.values())
    assert Path(heavy).read_bytes() == shipped.read_bytes()
