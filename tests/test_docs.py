"""What the documentation shows works."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import earthloom
from earthloom.cli.commands import COMMANDS, build
from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.methods import catalog
from earthloom.training.adapt import adapt
from earthloom.types import Window

from .contract.conftest import make_scene

ROOT = Path(__file__).resolve().parents[1]


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(), re.S)


def test_the_method_of_the_guide_keeps_the_contract(tmp_path: Path) -> None:
    (tmp_path / "guide_hpf.py").write_text(blocks("docs/add-a-method.md", "python")[0])
    sys.path.insert(0, str(tmp_path))
    try:
        from guide_hpf import Hpf  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    obs = make_scene()
    whole = fuse_whole(Hpf(), obs)
    np.testing.assert_allclose(fuse_array(Hpf(), ArrayScene(obs), 100).data, whole, atol=0.05)
    assert not np.allclose(whole, fuse_whole(Hpf(strength=0.25), obs))


def test_the_network_of_the_guide_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tiles, declares its true reach, begins as no fusion, learns, and its weights go to a file and back."""
    torch.set_num_threads(1)
    module, method = (b for b in blocks("docs/add-a-network.md", "python") if "DiCNNNet" in b)
    assert "torch" not in method.replace("if TYPE_CHECKING:\n    from torch import nn", "")
    (tmp_path / "guide_module.py").write_text(module)
    (tmp_path / "guide_dicnn.py").write_text(method.replace("earthloom.nn.dicnn", "guide_module"))
    monkeypatch.syspath_prepend(tmp_path)
    from guide_dicnn import Dicnn  # type: ignore[import-not-found]

    obs = make_scene(coarse=(48, 44))
    fresh = Dicnn(width=8).fresh(obs)
    np.testing.assert_allclose(fuse_whole(fresh, obs), fuse_whole(catalog.make("exp"), obs), rtol=1e-4)
    found = adapt(Dicnn(width=8), ArrayScene(obs), steps=15, threads=1)
    assert found.kept and found.after["ergas"] < found.before["ergas"]
    path = found.network.save(tmp_path / "dicnn.safetensors")
    method = Dicnn(width=8, weights=str(path))
    whole = fuse_whole(method, obs)
    np.testing.assert_allclose(fuse_array(method, ArrayScene(obs), 100).data, whole, rtol=1e-4)
    core = Window(80, 64, 24, 20)
    tile, stats = obs.crop(core, halo_px(method, obs)), method.summarise(obs, None)
    inner = method.fuse(tile, stats)[(slice(None), *tile.core_window.slices)]
    np.testing.assert_allclose(inner, whole[(slice(None), *core.slices)], rtol=1e-5)


def test_a_network_runs_elsewhere_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    exec(blocks("docs/export.md", "python")[0], scope)
    cube, fine = scope["cube"], scope["fine"]
    want = earthloom.superresolve(cube, ratio=2, method="coarsr")
    np.testing.assert_allclose(fine, want, atol=1e-4 * np.ptp(want))


def test_the_gallery_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs/make_gallery.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_makers_of_pictures_import_is_there() -> None:
    """They run by hand: a name that has moved would be noticed a year later."""
    for maker in sorted((ROOT / "docs").glob("make_*.py")):
        for node in ast.walk(ast.parse(maker.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("earthloom"):
                home = node.module or ""
                for one in node.names:
                    there = hasattr(import_module(home), one.name) or find_spec(f"{home}.{one.name}")
                    assert there, f"{maker.name}: {home} has no {one.name}"


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_vocabulary_names_what_there_is() -> None:
    """Every `earthloom COMMAND`, `--flag` of a command and `earthloom.name` of the page; and the notebook runs."""
    text = (ROOT / "docs/vocabulary.md").read_text()
    for name in re.findall(r"`earthloom\.(\w+)", text):
        assert name in earthloom.__all__, name
    for name in re.findall(r"`earthloom (\w+)", text):
        assert name in COMMANDS, name
    rows = re.findall(r"^\| (`[^|]*`|all) \| ([^|]*`-[^|]*) \|", text, re.M)
    assert len(rows) > 8
    for commands, flags in rows:
        for command in re.findall(r"`([^`]+)`", commands) or ["pansharpen"]:
            known = flags_of(command.split())
            for flag in re.findall(r"`(-{1,2}[a-z-]+)", flags):
                assert flag in known, f"{command} has no {flag}"
    scope: dict[str, Any] = {}
    exec(blocks("docs/vocabulary.md", "python")[0], scope)
    assert scope["sharp"].shape == scope["scene"].truth.shape


def test_the_page_of_methods_names_what_there_is() -> None:
    """Flags of its commands, and methods: by ``-m`` or alone in the tables of a verb."""
    text = (ROOT / "docs/which-method.md").read_text()
    assert len(text.splitlines()) < 120
    problems = {"predict": "spatiotemporal", "series": "spatiotemporal", "sharpen": "sharpening"}
    problems |= {"pansharpen": "pansharpening", "superresolve": "superresolution", "align": "bandpass"}
    problems |= {"decloud": "cloud_removal"}
    seen = set()
    for part in text.split("\n## ")[1:]:
        commands = re.findall(r"^\$ earthloom (\w+)(.*)", part, re.M)
        for verb, rest in commands:
            seen.add(verb)
            for flag in re.findall(r" (-{1,2}[a-z][a-z-]*)", rest):
                assert flag in flags_of([verb]), f"{verb} has no {flag}"
        for name in re.findall(r"-m (\w+)", part):
            assert name == "auto" or name in catalog.names(problems[commands[0][0]]), name
    assert seen == set(problems)


def flags_of(words: list[str]) -> set[str]:
    """All flags of a command."""
    app = build(words)[words[0]]
    for inner in words[1:]:
        app = app[inner]
    return {name for argument in app.assemble_argument_collection() for name in argument.names}
