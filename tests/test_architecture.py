"""The house keeps its shape: layers, budgets, and what may not be in the repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from earthloom.methods.catalog import problems

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src/earthloom").rglob("*.py"))
LONG_FILES: dict[str, str] = {}  # path: reason
LONG_FUNCTIONS: dict[str, str] = {}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / "src/earthloom")))
def test_budgets(path: Path) -> None:
    name = str(path.relative_to(ROOT / "src/earthloom"))
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400 or name in LONG_FILES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            length -= len((ast.get_docstring(node, clean=False) or "").splitlines())  # a manual may be long
            assert length <= 60 or f"{name}:{node.name}" in LONG_FUNCTIONS, f"{name}:{node.name} has {length} lines"


def method_files() -> list[Path]:
    return [p for name in problems() for p in (ROOT / "src/earthloom/methods" / name).glob("*.py")]


def test_methods_do_not_import_each_other() -> None:
    for path in method_files():
        assert f"earthloom.methods.{path.parent.name}" not in path.read_text(), path.name


def test_only_networks_import_torch() -> None:
    for path in method_files():
        text = path.read_text()
        assert not re.search(r"^(import|from) (torch|earthloom\.nn)", text, re.M) or 'family="network"' in text, (
            path.name
        )


# Imports of our own inside a function, by the module they stand in, and what they bring. Anything else moves up.
DEFERRED: dict[str, str | tuple[str, ...]] = {
    "methods.catalog": "methods",  # a registry: listing methods must not cost numpy
    "metrics.degrade": ("physics", "ops"),  # numba and scipy: importing the metrics costs numpy alone
    "methods.networks.published_tables": "nn",  # torch
    "methods.networks.tables": "nn",
    "training.bandpass.fit": "training.bandpass.networks",
    "training.job": "training.l",  # loop and lessons: torch
    "training.ready": "training.adapt",
    "verbs.train": "training.loop",
    "verbs": "verbs",  # private roads: struck one by one
    "cli": "",  # a command starts with what it needs
}


def test_imports_inside_functions_bring_torch_or_speed_never_an_end_to_a_circle() -> None:
    odd = []
    for path in SOURCES:
        module = ".".join(path.relative_to(ROOT / "src/earthloom").with_suffix("").parts)
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("earthloom"):
                    continue
                brought = (node.module or "").removeprefix("earthloom").lstrip(".")
                if not any(module.startswith(home) and brought.startswith(what) for home, what in DEFERRED.items()):
                    odd.append(f"{module}:{function.name} imports {node.module}")
    assert not odd, "\n".join(odd)


@pytest.mark.parametrize("folder", sorted({p.parent for p in SOURCES}), ids=lambda p: p.name)
def test_folders_are_small(folder: Path) -> None:
    registry = folder.parent.name == "methods" or folder.name == "formats"
    assert registry or len(list(folder.glob("*.py"))) <= 26, "25 files and __init__"


def test_repository_stays_small_and_speaks_of_itself() -> None:
    total = 0
    for path in tracked():
        if not path.is_file():
            continue
        size = path.stat().st_size
        assert size < 8_000_000, f"{path} is too large"
        total += size
        if path.suffix in {".py", ".md", ".toml", ".cff", ".yaml", ".txt", ""} and size < 1_000_000:
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not re.search(r"/(wo" r"rk|ro" r"ot)/", text), f"{path} names a machine's path"
    assert total < 25_000_000


def test_command_line_starts_without_heavy_imports() -> None:
    code = (
        "import sys; from earthloom.cli.main import run\n"
        "try: run(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'torch', 'rasterio', 'numba', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_classical_methods_start_without_torch() -> None:
    code = (
        "import sys, numpy as np, earthloom\n"
        "earthloom.pansharpen(np.random.rand(32, 32), np.random.rand(3, 8, 8), method='gsa')\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
